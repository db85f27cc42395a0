//! What a run's tests depend on, from what its journals say and the files as they are.
//!
//! Invariant: a file that is not the one that ran makes dependencies that nothing fulfils.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::world::{CONFIGURATION, Disk, has_packages, name_of};
use crate::impact::{self, CHILDREN, Project, Recorded, World, fingerprint};
use crate::model::{Dependency, DependencyKind, Fingerprint, Layout, LineSet, SourceHash, TestNeeds, Use};
use crate::paths::{canonical, project_files};
use crate::store::{BatchFile, RunHeader};

/// What journals say of tests.
#[derive(Debug, Default)]
pub(super) struct RecordedRuns {
    journals: Vec<Journal>,
    has_tests: bool,
    /// Whether what tests did before is to be forgotten.
    pub(super) replaces: bool,
}

/// What matters of one.
#[derive(Debug)]
struct Journal {
    settings: RunHeader,
    /// Lines by absolute path and context.
    files: Vec<(String, BTreeMap<String, LineSet>)>,
    /// Files that changed while they ran, by absolute path, and the contexts that ran them.
    changed: Vec<(String, Vec<String>)>,
    /// What was used besides code, by context.
    uses: BTreeMap<String, BTreeSet<Use>>,
}

impl RecordedRuns {
    /// Adds what one journal says: `files` by absolute path, `changed` files with the contexts that ran them.
    pub(super) fn add(
        &mut self,
        settings: &RunHeader,
        files: &[BatchFile],
        changed: Vec<(String, Vec<String>)>,
        uses: BTreeMap<String, BTreeSet<Use>>,
    ) {
        // Of other contexts is not known what they used.
        if !settings.follows_tests && settings.context.is_empty() {
            return;
        }
        self.replaces |= settings.replaces;
        // Every line that ran has a record of its own: ends of arcs would add nothing but what is concluded.
        let files: Vec<_> = files.iter().map(|file| (file.path.clone(), file.lines.clone())).collect();
        self.has_tests |=
            files.iter().flat_map(|(_, contexts)| contexts.keys()).any(|label| !label.is_empty());
        self.has_tests |= uses.keys().any(|label| !label.is_empty());
        self.journals.push(Journal { settings: settings.clone(), files, changed, uses });
    }

    /// What each test depends on, and where the blocks of the files stand that they ran.
    pub(super) fn into_needs(self) -> (Vec<TestNeeds>, Layouts) {
        let mut layouts = Layouts::default();
        if !self.has_tests {
            return (Vec::new(), layouts);
        }
        let mut runs: BTreeMap<(String, PathBuf), Recorded> = BTreeMap::new();
        for journal in self.journals {
            let key = (journal.settings.run.clone(), PathBuf::from(&journal.settings.folder));
            runs.entry(key).or_default().add(journal.into_recorded());
        }
        let runs = runs.into_iter().filter(|(_, recorded)| recorded.has_tests());
        let needs = runs.flat_map(|((_, folder), recorded)| {
            let mut sources: BTreeSet<String> = project_files(&folder).into_iter().collect();
            sources.extend(recorded.lines.keys().cloned());
            let disk = Disk { folder };
            let project = Project::new(&disk, sources);
            layouts.add(&project, &disk.folder, recorded.lines.keys());
            impact::needs(&project, &recorded)
        });
        (needs.collect(), layouts)
    }
}

/// Where the blocks of files stand, by absolute paths and by names in the project's folder.
#[derive(Debug, Default)]
pub(super) struct Layouts(BTreeMap<String, (Fingerprint, Layout)>);

impl Layouts {
    fn add<'a>(&mut self, project: &Project, folder: &Path, names: impl Iterator<Item = &'a String>) {
        for name in names {
            if let Some(found) = project.layout(name) {
                self.0.insert(canonical(&folder.join(name)).to_string_lossy().into_owned(), found.clone());
                self.0.insert(name.clone(), found);
            }
        }
    }

    /// That of a file whose text has this hash.
    pub(super) fn of(&self, path: &str, source: &SourceHash) -> Option<Layout> {
        let (text, layout) = self.0.get(path)?;
        source.starts_with(text).then(|| layout.clone())
    }
}

impl Journal {
    fn into_recorded(self) -> Recorded {
        let Self { settings, files, changed, uses } = self;
        let folder = PathBuf::from(&settings.folder);
        let mut recorded = Recorded { run: settings.run.clone(), ..Recorded::default() };
        // A process that runs tests itself, as those of pytest-xdist, knows which.
        let has_tests = uses.values().any(|uses| uses.contains(&Use::Begun));
        let is_nobodys = settings.is_child && !has_tests;
        let label =
            |context: String| if is_nobodys && context.is_empty() { CHILDREN.to_owned() } else { context };
        for (path, contexts) in files {
            let contexts = contexts.into_iter().map(|(context, lines)| (label(context), lines));
            recorded.lines.insert(name_of(&folder, Path::new(&path)), contexts.collect());
        }
        for (path, contexts) in changed {
            for context in contexts {
                let files = recorded.changed.entry(label(context)).or_default();
                files.insert(name_of(&folder, Path::new(&path)));
            }
        }
        for (context, uses) in uses {
            let uses = uses.into_iter().map(|used| used.map_path(|path| name_of(&folder, Path::new(path))));
            recorded.uses.entry(label(context)).or_default().extend(uses);
        }
        recorded.surroundings = surroundings(&settings, &folder);
        recorded
    }
}

/// What every test depends on.
fn surroundings(settings: &RunHeader, folder: &Path) -> BTreeSet<Dependency> {
    let disk = Disk { folder: folder.to_path_buf() };
    let of = |kind, name: &str, fingerprint| Dependency {
        kind,
        name: name.to_owned(),
        block: String::new(),
        fingerprint,
    };
    let as_it_is = |kind, name: &str| of(kind, name, disk.fingerprint(kind, name));
    let mut found: BTreeSet<Dependency> =
        CONFIGURATION.iter().map(|name| as_it_is(DependencyKind::Settings, name)).collect();
    let sites = settings.search_path.iter().filter(|folder| has_packages(Path::new(folder)));
    found.extend(sites.map(|name| as_it_is(DependencyKind::Packages, name)));
    found.insert(of(DependencyKind::Python, "", fingerprint(settings.python.as_bytes())));
    found
}
