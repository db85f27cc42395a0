//! From what tests depended on and the world as it is to the tests that a change needs.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::rc::Rc;
use std::sync::Arc;

use super::imports::closure;
use super::needs::{ran, roots, text_fingerprint};
use super::project::{Project, is_python};
use super::test_id;
use crate::model::{Dependency, DependencyKind, DependencySet, MODULE_BLOCK, TestNeeds};

/// What the world is compared with.
pub(crate) enum Baseline<'a> {
    /// What each test saw when it last ran.
    Recorded,
    /// That, and a state of the project: what differs from either counts as changed.
    Also(&'a Project<'a>),
    /// Nothing: these files count as changed, and no other.
    Named(BTreeSet<String>),
}

/// The tests that a change needs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Selection {
    /// Why all tests there are must run, if they must.
    pub(crate) everything: BTreeSet<Reason>,
    /// Known tests that must run, and why.
    pub(crate) tests: BTreeMap<String, BTreeSet<Reason>>,
    /// The same, and tests that were never seen to run, as pytest takes them.
    pub(crate) units: BTreeMap<Unit, BTreeSet<Reason>>,
    /// All known tests.
    pub(crate) known: BTreeSet<String>,
}

/// What pytest can be told to run: one test, all that one function makes of its parameters, or a file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Unit {
    pub(crate) name: String,
    /// Whether it is all tests of a file, those that have no data included.
    pub(crate) is_file: bool,
}

impl Unit {
    fn file(name: &str) -> Self {
        Self { name: name.to_owned(), is_file: true }
    }

    fn test(name: &str) -> Self {
        Self { name: name.to_owned(), is_file: false }
    }
}

/// Why a test must run.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Reason {
    pub(crate) change: Change,
    pub(crate) kind: DependencyKind,
    pub(crate) name: String,
    pub(crate) block: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Change {
    /// It is another one now, or has gone.
    Changed,
    /// It was not there, or not imported.
    New,
    /// The user named it.
    Named,
    /// Nothing is known of the test.
    NoData,
}

impl Change {
    pub(crate) fn slug(self) -> &'static str {
        match self {
            Self::Changed => "changed",
            Self::New => "new",
            Self::Named => "named",
            Self::NoData => "no-data",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { change, kind, name, block } = self;
        match change {
            Change::NoData => return write!(out, "{name} has tests that were never seen to run"),
            Change::New => return write!(out, "{name} is new, and imported"),
            Change::Changed | Change::Named => {}
        }
        let verb = if *change == Change::Named { "was named" } else { "changed" };
        match kind {
            DependencyKind::Function => write!(out, "{name}: {block}() {verb}"),
            DependencyKind::Shared if block == MODULE_BLOCK => {
                write!(out, "{name}: code at module level {verb}")
            }
            DependencyKind::Shared => write!(out, "{name}: {block}(), which runs for several tests, {verb}"),
            DependencyKind::Docstrings => write!(out, "{name}: docstrings {verb}"),
            DependencyKind::Text => write!(out, "{name}: its text {verb}, at which code looks"),
            DependencyKind::File => write!(out, "{name}, which was opened, {verb}"),
            DependencyKind::Folder if name.is_empty() => {
                write!(out, "the project's folder, which was listed, {verb}")
            }
            DependencyKind::Folder => write!(out, "{name}, which was listed, {verb}"),
            DependencyKind::Program => write!(out, "{name}, which was started, {verb}"),
            DependencyKind::Variable => write!(out, "environment variable {name} {verb}"),
            DependencyKind::Python => write!(out, "the Python version {verb}"),
            DependencyKind::Packages => write!(out, "packages installed in {name} {verb}"),
            DependencyKind::Settings => write!(out, "configuration in {name} {verb}"),
            DependencyKind::Failure => write!(out, "it failed when it last ran"),
        }
    }
}

/// Selects among `tests`, all that are known. `now` is the project as it is.
pub(crate) fn select(tests: &[TestNeeds], now: &Project, baseline: &Baseline) -> Selection {
    let mut comparison = Comparison { now, baseline, known: HashMap::new() };
    let mut selection = Selection::default();
    let new = new_files(tests, now, baseline);
    let mut closures: BTreeMap<_, BTreeSet<String>> = BTreeMap::new();
    for needs in tests {
        let test = &needs.test;
        selection.known.insert(test.clone());
        let mut reasons = BTreeSet::new();
        for set in needs.sets() {
            reasons.extend(comparison.changes(set).iter().cloned());
        }
        if !new.is_empty() {
            let all: BTreeSet<Dependency> = needs.sets().flat_map(|set| set.iter().cloned()).collect();
            let shared: BTreeSet<(String, String)> = all
                .iter()
                .filter(|dependency| dependency.kind == DependencyKind::Shared)
                .map(|dependency| (dependency.name.clone(), dependency.block.clone()))
                .collect();
            let (roots, ran) = (roots(now, test, &needs.own), ran(&needs.own));
            let files = closures.entry((roots, ran, shared)).or_insert_with_key(|(roots, ran, shared)| {
                closure(now, roots, &|file, block| {
                    ran.contains(&(file, block)) || shared.contains(&(file.to_owned(), block.to_owned()))
                })
            });
            reasons.extend(files.intersection(&new).map(|name| Reason {
                change: Change::New,
                kind: DependencyKind::Shared,
                name: name.clone(),
                block: MODULE_BLOCK.to_owned(),
            }));
        }
        if !reasons.is_empty() {
            selection.tests.insert(test.clone(), reasons);
        }
    }
    let is_of_all = |reason: &&Reason| {
        matches!(reason.kind, DependencyKind::Python | DependencyKind::Packages | DependencyKind::Settings)
    };
    selection.everything = selection.tests.values().flatten().filter(is_of_all).cloned().collect();
    selection.units = units(&selection, tests, now);
    if !matches!(baseline, Baseline::Named(_)) {
        for file in test_files_without_data(tests, now) {
            let reason = Reason {
                change: Change::NoData,
                kind: DependencyKind::Shared,
                name: file.clone(),
                block: String::new(),
            };
            selection.units.entry(Unit::file(&file)).or_default().insert(reason);
        }
    }
    selection
}

impl Selection {
    /// The source files in which something changed.
    pub(crate) fn changed_sources(&self) -> BTreeSet<&str> {
        let changed = self.tests.values().flatten().filter(|reason| reason.change == Change::Changed);
        changed.map(|reason| &*reason.name).filter(|name| is_python(name)).collect()
    }
}

/// Sources that no test knows.
fn new_files(tests: &[TestNeeds], now: &Project, baseline: &Baseline) -> BTreeSet<String> {
    if matches!(baseline, Baseline::Named(_)) {
        return BTreeSet::new();
    }
    let mut sets: Vec<&DependencySet> = tests.iter().flat_map(TestNeeds::sets).collect();
    sets.sort_by_key(|set| Arc::as_ptr(set));
    sets.dedup_by_key(|set| Arc::as_ptr(set));
    let known: BTreeSet<&String> =
        sets.iter().flat_map(|set| set.iter().map(|dependency| &dependency.name)).collect();
    now.index.files.iter().filter(|file| !known.contains(file)).cloned().collect()
}

/// Files that pytest takes for tests by their names (its `python_files`), and of which no test is known.
fn test_files_without_data(tests: &[TestNeeds], now: &Project) -> Vec<String> {
    let with_data: BTreeSet<String> =
        tests.iter().filter_map(|needs| now.file_of_test(&needs.test)).collect();
    let is_test = |file: &&String| {
        let name = file.rsplit('/').next().unwrap_or(file);
        let stem = name.strip_suffix(".py").unwrap_or_default();
        stem.starts_with("test_") || stem.ends_with("_test")
    };
    // Files outside the project's folder are nobody's tests.
    let files = now.index.files.iter().filter(|file| !file.starts_with('/'));
    files.filter(is_test).filter(|file| !with_data.contains(file.as_str())).cloned().collect()
}

/// What to tell pytest. A change in code that runs when modules are imported may make other tests of a function than
/// before, or other functions: then the function is named, or the file.
fn units(selection: &Selection, tests: &[TestNeeds], now: &Project) -> BTreeMap<Unit, BTreeSet<Reason>> {
    let mut by_file: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for TestNeeds { test, .. } in tests {
        // pytest's own name of the file, where there is one.
        let file = test_id::file(test).map(str::to_owned).or_else(|| now.file_of_test(test));
        by_file.entry(file.unwrap_or_default()).or_default().push(test);
    }
    let at_import =
        |reason: &Reason| reason.kind != DependencyKind::Function && reason.kind != DependencyKind::Failure;
    let mut units: BTreeMap<Unit, BTreeSet<Reason>> = BTreeMap::new();
    for (file, tests) in by_file {
        let selected: Vec<(&str, &BTreeSet<Reason>)> =
            tests.iter().filter_map(|test| Some((*test, selection.tests.get(*test)?))).collect();
        let is_whole = !file.is_empty()
            && selected.len() == tests.len()
            && selected.iter().any(|(_, reasons)| reasons.iter().any(at_import));
        for (test, reasons) in selected {
            let unit = if is_whole {
                Unit::file(&file)
            } else if reasons.iter().any(at_import) {
                Unit::test(test_id::function(test))
            } else {
                Unit::test(test)
            };
            units.entry(unit).or_default().extend(reasons.iter().cloned());
        }
    }
    // A test with parameters is among those of its function.
    let names: BTreeSet<String> = units.keys().map(|unit| unit.name.clone()).collect();
    units.retain(|unit, _| {
        let function = test_id::function(&unit.name);
        function == unit.name || !names.contains(function)
    });
    units
}

struct Comparison<'a> {
    now: &'a Project<'a>,
    baseline: &'a Baseline<'a>,
    /// By address: sets are alive as long as this.
    known: HashMap<*const BTreeSet<Dependency>, Rc<Vec<Reason>>>,
}

impl Comparison<'_> {
    /// What of a set is another now.
    fn changes(&mut self, set: &DependencySet) -> Rc<Vec<Reason>> {
        if let Some(known) = self.known.get(&Arc::as_ptr(set)) {
            return Rc::clone(known);
        }
        let changes: Rc<Vec<Reason>> =
            Rc::new(set.iter().filter_map(|dependency| self.change(dependency)).collect());
        self.known.insert(Arc::as_ptr(set), Rc::clone(&changes));
        changes
    }

    fn change(&self, dependency: &Dependency) -> Option<Reason> {
        let change = match self.baseline {
            Baseline::Recorded => (!is_in(dependency, self.now)).then_some(Change::Changed),
            Baseline::Also(before) => {
                let is_same =
                    is_in(dependency, self.now) && (is_in(dependency, before) || !is_code(dependency.kind));
                (!is_same).then_some(Change::Changed)
            }
            Baseline::Named(files) => files.contains(&dependency.name).then_some(Change::Named),
        }?;
        let Dependency { kind, name, block, .. } = dependency.clone();
        Some(Reason { change, kind, name, block })
    }
}

/// Whether a former state of the project knows such things: files have one, the surroundings do not.
fn is_code(kind: DependencyKind) -> bool {
    match kind {
        DependencyKind::Function
        | DependencyKind::Shared
        | DependencyKind::Docstrings
        | DependencyKind::Text
        | DependencyKind::File
        | DependencyKind::Program
        | DependencyKind::Settings => true,
        DependencyKind::Folder
        | DependencyKind::Variable
        | DependencyKind::Python
        | DependencyKind::Packages
        | DependencyKind::Failure => false,
    }
}

/// Whether a project has something as it was.
fn is_in(dependency: &Dependency, project: &Project) -> bool {
    let Dependency { kind, name, block, fingerprint } = dependency;
    match kind {
        DependencyKind::Shared if block == MODULE_BLOCK && !project.can_be_imported(name) => false,
        DependencyKind::Function | DependencyKind::Shared => project.file(name).is_some_and(|file| {
            let mut blocks = file.blocks.iter().flat_map(|blocks| &blocks.blocks);
            blocks.any(|found| found.name == *block && found.fingerprint == *fingerprint)
        }),
        DependencyKind::Docstrings | DependencyKind::Text => project
            .file(name)
            .and_then(|file| text_fingerprint(*kind, &file))
            .is_some_and(|found| found == *fingerprint),
        DependencyKind::Failure => false,
        DependencyKind::File
        | DependencyKind::Folder
        | DependencyKind::Program
        | DependencyKind::Variable
        | DependencyKind::Python
        | DependencyKind::Packages
        | DependencyKind::Settings => project.world.fingerprint(*kind, name) == *fingerprint,
    }
}
