//! From what a run recorded to what each of its tests depends on.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;
use std::sync::Arc;

use super::imports::closure;
use super::project::{Project, SourceFile};
use super::test_id;
use crate::model::{
    Block, Dependency, DependencyKind, DependencySet, Fingerprint, LineSet, MODULE_BLOCK, TestNeeds, TextUse,
    UNKNOWN, Use,
};

/// The label of what ran in processes that tests started, where nobody knows which test started which.
pub(crate) const CHILDREN: &str = "\0children";

/// What a run recorded, as far as it matters here. Files are called as in [`World`](super::World).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Recorded {
    /// Tells the run from others.
    pub(crate) run: String,
    /// Lines that ran, by file and context; "" for what ran outside any.
    pub(crate) lines: BTreeMap<String, BTreeMap<String, LineSet>>,
    /// What else was done, by context.
    pub(crate) uses: BTreeMap<String, BTreeSet<Use>>,
    /// Files of which is not known what ran, by context: they changed meanwhile.
    pub(crate) changed: BTreeMap<String, BTreeSet<String>>,
    /// What every test depends on: the Python, packages, configuration.
    pub(crate) surroundings: BTreeSet<Dependency>,
}

impl Recorded {
    /// Adds what another process of the same run recorded.
    pub(crate) fn add(&mut self, other: Self) {
        self.run = other.run;
        for (file, contexts) in other.lines {
            let known = self.lines.entry(file).or_default();
            for (context, lines) in contexts {
                known.entry(context).or_default().union_with(&lines);
            }
        }
        for (context, uses) in other.uses {
            self.uses.entry(context).or_default().extend(uses);
        }
        for (context, files) in other.changed {
            self.changed.entry(context).or_default().extend(files);
        }
        self.surroundings.extend(other.surroundings);
    }

    /// Whether anything ran in a test.
    pub(crate) fn has_tests(&self) -> bool {
        !self.tests().is_empty()
    }

    /// The tests, and the contexts of each.
    fn tests(&self) -> BTreeMap<&str, BTreeSet<&str>> {
        let labels =
            self.lines.values().flat_map(BTreeMap::keys).chain(self.uses.keys()).chain(self.changed.keys());
        let mut tests: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for label in labels {
            if let Some(test) = test_id::of_context(label).filter(|_| label != CHILDREN) {
                tests.entry(test).or_default().insert(label);
            }
        }
        tests
    }
}

/// What each test that `recorded` tells of depends on.
pub(crate) fn needs(project: &Project, recorded: &Recorded) -> Vec<TestNeeds> {
    let run = Run::new(project, recorded);
    let mut sets = SharedSets::default();
    let mut closures = Closures::default();
    let tests = recorded.tests();
    let mut found: Vec<(TestNeeds, Rc<BTreeSet<String>>)> = Vec::new();
    for (test, contexts) in &tests {
        let mut own = BTreeSet::new();
        for context in run.with_inherited(test, contexts) {
            run.own(context, &mut own);
        }
        if run.is_unfinished(contexts) {
            own.insert(failure());
        }
        let roots = roots(project, test, &own);
        let files = closures.of(&run, roots, &ran(&own));
        match project.file_of_test(test) {
            Some(file) if project.file(&file).is_none_or(|file| file.blocks.is_none()) => {
                own.insert(run.seen(DependencyKind::File, &file));
            }
            Some(_) => {}
            // Nobody would see the file change.
            None => own.extend(test_id::file(test).map(unknown)),
        }
        let shared = sets.of(&files, || run.shared(&files));
        let text = run.looked_at(test, &own, &files);
        own.retain(|dependency| !shared.contains(dependency));
        let texts = sets.keep(text);
        let needs = TestNeeds {
            test: (*test).to_owned(),
            run: recorded.run.clone(),
            own: Arc::new(own),
            shared: vec![shared, texts],
        };
        found.push((needs, files));
    }
    let imported: BTreeSet<String> = found.iter().flat_map(|(_, files)| files.iter().cloned()).collect();
    let everybodys = sets.keep(run.everybodys(&imported));
    found
        .into_iter()
        .map(|(mut needs, _)| {
            needs.shared.push(Arc::clone(&everybodys));
            needs
        })
        .collect()
}

/// Where a test's imports begin: the files it touched, its own, and the `conftest.py` files above that.
pub(super) fn roots(project: &Project, test: &str, own: &BTreeSet<Dependency>) -> BTreeSet<String> {
    let code = own
        .iter()
        .filter(|dependency| matches!(dependency.kind, DependencyKind::Function | DependencyKind::Shared));
    let mut roots: BTreeSet<String> = code.map(|dependency| dependency.name.clone()).collect();
    if let Some(file) = project.file_of_test(test) {
        let mut folder = file.as_str();
        loop {
            folder = folder.rsplit_once('/').map_or("", |(folder, _)| folder);
            let slash = if folder.is_empty() { "" } else { "/" };
            let conftest = format!("{folder}{slash}conftest.py");
            if project.file(&conftest).is_some() {
                roots.insert(conftest);
            }
            if folder.is_empty() {
                break;
            }
        }
        roots.insert(file);
    }
    roots
}

/// Files and blocks that ran in a test.
pub(super) fn ran(own: &BTreeSet<Dependency>) -> BTreeSet<(&str, &str)> {
    let code = own.iter().filter(|dependency| dependency.kind == DependencyKind::Function);
    code.map(|dependency| (dependency.name.as_str(), dependency.block.as_str())).collect()
}

/// Files, and functions with imports in them, by file and name.
type ImportsBegin = (BTreeSet<String>, Vec<(String, String)>);

/// What is imported, by the files where imports begin and the functions with imports in them that ran: few tests differ there.
#[derive(Default)]
struct Closures {
    known: BTreeMap<ImportsBegin, Rc<BTreeSet<String>>>,
    /// By file: the functions with imports in them.
    importing: BTreeMap<String, BTreeSet<String>>,
}

impl Closures {
    fn of(
        &mut self,
        run: &Run,
        roots: BTreeSet<String>,
        ran: &BTreeSet<(&str, &str)>,
    ) -> Rc<BTreeSet<String>> {
        let mut importing = Vec::new();
        for (file, block) in ran {
            if !self.importing.contains_key(*file) {
                self.importing.insert((*file).to_owned(), importing_blocks(run.project, file));
            }
            if self.importing.get(*file).is_some_and(|blocks| blocks.contains(*block)) {
                importing.push(((*file).to_owned(), (*block).to_owned()));
            }
        }
        let make = |(roots, importing): &ImportsBegin| {
            let ran: BTreeSet<(&str, &str)> =
                importing.iter().map(|(file, block)| (file.as_str(), block.as_str())).collect();
            Rc::new(closure(run.project, roots, &|file, block| {
                run.outside(file).contains(block) || ran.contains(&(file, block))
            }))
        };
        Rc::clone(self.known.entry((roots, importing)).or_insert_with_key(make))
    }
}

fn importing_blocks(project: &Project, file: &str) -> BTreeSet<String> {
    let file = project.file(file);
    let blocks = file.iter().flat_map(|file| &file.blocks).flat_map(|blocks| &blocks.blocks);
    let importing = blocks.filter(|block| block.imports_anything || !block.imports.is_empty());
    importing.map(|block| block.name.clone()).collect()
}

/// Sets that several tests have, each once.
#[derive(Default)]
struct SharedSets {
    by_files: BTreeMap<BTreeSet<String>, DependencySet>,
    known: BTreeMap<BTreeSet<Dependency>, DependencySet>,
}

impl SharedSets {
    fn of(&mut self, files: &BTreeSet<String>, make: impl FnOnce() -> BTreeSet<Dependency>) -> DependencySet {
        if let Some(known) = self.by_files.get(files) {
            return Arc::clone(known);
        }
        let set = self.keep(make());
        self.by_files.insert(files.clone(), Arc::clone(&set));
        set
    }

    fn keep(&mut self, set: BTreeSet<Dependency>) -> DependencySet {
        Arc::clone(self.known.entry(set.clone()).or_insert_with(|| Arc::new(set)))
    }
}

struct Run<'a> {
    project: &'a Project<'a>,
    recorded: &'a Recorded,
    /// Functions that ran outside any test, by file.
    outside: BTreeMap<&'a str, BTreeSet<String>>,
    /// Whether anything ran in processes that tests started.
    has_children: bool,
    /// Whether some test is known to have started one.
    is_child_told: bool,
    /// Things as they are now, once they are asked for.
    now: RefCell<HashMap<(DependencyKind, String), Fingerprint>>,
}

impl<'a> Run<'a> {
    fn new(project: &'a Project<'a>, recorded: &'a Recorded) -> Self {
        let has_children = recorded.lines.values().any(|contexts| contexts.contains_key(CHILDREN))
            || recorded.uses.contains_key(CHILDREN)
            || recorded.changed.contains_key(CHILDREN);
        let mut run = Self {
            project,
            recorded,
            outside: BTreeMap::new(),
            has_children,
            is_child_told: false,
            now: RefCell::default(),
        };
        run.is_child_told = recorded.tests().values().flatten().any(|context| run.starts(context));
        for (name, contexts) in &recorded.lines {
            let Some(lines) = contexts.get("") else { continue };
            let Some(file) = project.file(name) else { continue };
            let blocks = file.blocks.iter().flat_map(|blocks| blocks.touched(lines));
            run.outside.insert(name, blocks.map(|block| block.name.clone()).collect());
        }
        run
    }

    fn outside(&self, file: &str) -> &BTreeSet<String> {
        static NONE: BTreeSet<String> = BTreeSet::new();
        self.outside.get(file).unwrap_or(&NONE)
    }

    /// The contexts of a test, and those that set up for it.
    fn with_inherited(&self, test: &str, contexts: &BTreeSet<&'a str>) -> BTreeSet<&'a str> {
        let mut found = contexts.clone();
        for context in contexts {
            for used in self.recorded.uses.get(*context).into_iter().flatten() {
                if let Use::Inherited(label) = used
                    && test_id::of_context(label) != Some(test)
                {
                    found.insert(label);
                }
            }
        }
        if self.has_children && (!self.is_child_told || found.iter().any(|context| self.starts(context))) {
            found.insert(CHILDREN);
        }
        found
    }

    /// Whether programs were started in a context.
    fn starts(&self, context: &str) -> bool {
        let uses = self.recorded.uses.get(context);
        uses.is_some_and(|uses| uses.iter().any(|used| matches!(used, Use::Started(_))))
    }

    /// Whether a test began, and was never seen to end.
    fn is_unfinished(&self, contexts: &BTreeSet<&str>) -> bool {
        let has = |used: &Use| {
            contexts
                .iter()
                .any(|context| self.recorded.uses.get(*context).is_some_and(|uses| uses.contains(used)))
        };
        has(&Use::Begun) && !has(&Use::Ended)
    }

    /// What was done in a context.
    fn own(&self, context: &str, own: &mut BTreeSet<Dependency>) {
        for (name, contexts) in &self.recorded.lines {
            let Some(lines) = contexts.get(context).filter(|lines| !lines.is_empty()) else { continue };
            match self.project.file(name).as_deref() {
                Some(SourceFile { blocks: Some(blocks), .. }) => {
                    own.extend(blocks.touched(lines).map(|block| code(name, block)));
                }
                Some(_) | None => {
                    own.insert(unknown(name));
                }
            }
        }
        own.extend(self.recorded.changed.get(context).into_iter().flatten().map(|name| unknown(name)));
        for used in self.recorded.uses.get(context).into_iter().flatten() {
            own.extend(match used {
                Use::Opened(path) => Some(self.seen(DependencyKind::File, path)),
                Use::Listed(path) => Some(self.seen(DependencyKind::Folder, path)),
                Use::Started(path) => Some(self.seen(DependencyKind::Program, path)),
                Use::Read(name) => Some(self.seen(DependencyKind::Variable, name)),
                Use::Failed => Some(failure()),
                Use::Inherited(_) | Use::Begun | Use::Ended => None,
            });
        }
    }

    /// Something as it is now.
    fn seen(&self, kind: DependencyKind, name: &str) -> Dependency {
        let make = || self.project.world.fingerprint(kind, name);
        let fingerprint = *self.now.borrow_mut().entry((kind, name.to_owned())).or_insert_with(make);
        Dependency { kind, name: name.to_owned(), block: String::new(), fingerprint }
    }

    /// What in these files runs for whoever imports them. Of a file that was not measured, all of it.
    fn shared(&self, files: &BTreeSet<String>) -> BTreeSet<Dependency> {
        let mut found = BTreeSet::new();
        for name in files {
            let Some(file) = self.project.file(name) else { continue };
            let Some(blocks) = &file.blocks else {
                found.insert(self.seen(DependencyKind::File, name));
                continue;
            };
            let ran_outside = self.outside(name);
            let is_measured = self.recorded.lines.contains_key(name);
            let is_shared = |block: &&Block| {
                !is_measured
                    || block.name == MODULE_BLOCK
                    || block.is_kept
                    || ran_outside.contains(&block.name)
            };
            found.extend(blocks.blocks.iter().filter(is_shared).map(|block| shared(name, block)));
        }
        found
    }

    /// Texts and docstrings, where code that the test depends on looks at them.
    fn looked_at(
        &self,
        test: &str,
        own: &BTreeSet<Dependency>,
        files: &BTreeSet<String>,
    ) -> BTreeSet<Dependency> {
        let ran = ran(own);
        let mut looks_at = TextUse::Nothing;
        for name in files {
            let Some(file) = self.project.file(name) else { continue };
            let is_measured = self.recorded.lines.contains_key(name);
            let outside = self.outside(name);
            let all = file.blocks.iter().flat_map(|blocks| &blocks.blocks);
            for block in all.filter(|block| block.looks_at != TextUse::Nothing) {
                let runs = !is_measured
                    || block.name == MODULE_BLOCK
                    || block.is_kept
                    || outside.contains(&block.name)
                    || ran.contains(&(name.as_str(), block.name.as_str()));
                if runs {
                    looks_at = looks_at.max(block.looks_at);
                }
            }
        }
        let mut found = BTreeSet::new();
        let of = |kind, name: &String| {
            let file = self.project.file(name)?;
            let fingerprint = text_fingerprint(kind, &file)?;
            Some(Dependency { kind, name: name.clone(), block: String::new(), fingerprint })
        };
        match looks_at {
            TextUse::Nothing => {}
            TextUse::Docstrings => {
                found.extend(files.iter().filter_map(|name| of(DependencyKind::Docstrings, name)));
            }
            TextUse::Lines => found.extend(files.iter().filter_map(|name| of(DependencyKind::Text, name))),
        }
        if let Some(name) = self.project.file_of_test(test).filter(|_| test_id::may_be_docstring(test)) {
            found.extend(of(DependencyKind::Docstrings, &name));
        }
        found
    }

    /// What every test depends on: the surroundings, what was used outside any test, and code that ran there without being
    /// imported by a test's files: plugins.
    fn everybodys(&self, imported: &BTreeSet<String>) -> BTreeSet<Dependency> {
        let mut found = self.recorded.surroundings.clone();
        let mut own = BTreeSet::new();
        self.own("", &mut own);
        found.extend(own.into_iter().filter(|dependency| {
            !matches!(
                dependency.kind,
                DependencyKind::Function | DependencyKind::Shared | DependencyKind::Failure
            )
        }));
        let is_plugin = |name: &str| {
            !imported.contains(name) || self.outside(name).iter().any(|block| block.starts_with("pytest_"))
        };
        let is_conftest = |name: &str| name == "conftest.py" || name.ends_with("/conftest.py");
        let plugins: BTreeSet<String> = self
            .outside
            .keys()
            .filter(|name| is_plugin(name) && !(imported.contains(**name) && is_conftest(name)))
            .map(|name| (*name).to_owned())
            .collect();
        let reached = closure(self.project, &plugins, &|file, block| self.outside(file).contains(block));
        found.extend(self.shared(&reached));
        found
    }
}

/// A block that ran in a test.
fn code(name: &str, block: &Block) -> Dependency {
    let kind = if block.name == MODULE_BLOCK { DependencyKind::Shared } else { DependencyKind::Function };
    Dependency { kind, ..shared(name, block) }
}

fn shared(name: &str, block: &Block) -> Dependency {
    Dependency {
        kind: DependencyKind::Shared,
        name: name.to_owned(),
        block: block.name.clone(),
        fingerprint: block.fingerprint,
    }
}

fn failure() -> Dependency {
    let kind = DependencyKind::Failure;
    Dependency { kind, name: String::new(), block: String::new(), fingerprint: UNKNOWN }
}

/// Code that nobody can tell the fingerprint of.
fn unknown(name: &str) -> Dependency {
    Dependency {
        kind: DependencyKind::Shared,
        name: name.to_owned(),
        block: MODULE_BLOCK.to_owned(),
        fingerprint: UNKNOWN,
    }
}

/// Of a file's docstrings or whole text.
pub(super) fn text_fingerprint(kind: DependencyKind, file: &SourceFile) -> Option<Fingerprint> {
    match kind {
        DependencyKind::Docstrings => file.blocks.as_ref().map(|blocks| blocks.docstrings),
        DependencyKind::Text => Some(file.text),
        DependencyKind::Function
        | DependencyKind::Shared
        | DependencyKind::File
        | DependencyKind::Folder
        | DependencyKind::Program
        | DependencyKind::Variable
        | DependencyKind::Python
        | DependencyKind::Packages
        | DependencyKind::Settings
        | DependencyKind::Failure => None,
    }
}
