//! The project as impact analysis looks at it: on the disk, at a revision of git, or before a diff.
//!
//! Must not know: what depends on it. Invariant: what cannot be read is not there.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use diffy::patch_set::{FileOperation, ParseOptions, PatchKind, PatchSet};

use crate::env_vars;
use crate::error::UserError;
use crate::impact::{World, fingerprint};
use crate::model::{ABSENT, DependencyKind, Fingerprint};
use crate::paths::{canonical, display_name};
use crate::python;

/// Files that set up pytest, coverage or minicov, in the project's folder.
pub(super) const CONFIGURATION: [&str; 8] = [
    "pytest.ini",
    ".pytest.ini",
    "pytest.toml",
    ".pytest.toml",
    "pyproject.toml",
    "tox.ini",
    "setup.cfg",
    ".coveragerc",
];

/// How names in folders begin that come and go with runs: tools hide what they keep.
const PASSING: [&str; 2] = ["__pycache__", "."];

/// The project as it is.
pub(super) struct Disk {
    pub(super) folder: PathBuf,
}

impl World for Disk {
    fn bytes(&self, name: &str) -> Option<Vec<u8>> {
        let path = self.folder.join(name);
        // Reading a pipe or a device could take for ever.
        if fs::metadata(&path).ok()?.is_file() { fs::read(path).ok() } else { None }
    }

    fn fingerprint(&self, kind: DependencyKind, name: &str) -> Fingerprint {
        match kind {
            DependencyKind::Folder => names_in(&self.folder.join(name), |_| true),
            DependencyKind::Packages => names_in(&self.folder.join(name), is_distribution),
            DependencyKind::Variable => env_vars::initial(name).map_or(ABSENT, |value| fingerprint(&value)),
            DependencyKind::Python => fingerprint(python::version().as_bytes()),
            DependencyKind::File
            | DependencyKind::Program
            | DependencyKind::Settings
            | DependencyKind::Function
            | DependencyKind::Shared
            | DependencyKind::Docstrings
            | DependencyKind::Text
            | DependencyKind::Failure => self.bytes(name).map_or(ABSENT, |bytes| fingerprint(&bytes)),
        }
    }
}

/// Of the names in a folder that count.
fn names_in(folder: &Path, counts: impl Fn(&str) -> bool) -> Fingerprint {
    let Ok(entries) = fs::read_dir(folder) else { return ABSENT };
    let mut names: Vec<String> =
        entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.retain(|name| counts(name) && !PASSING.iter().any(|passing| name.starts_with(passing)));
    names.sort();
    fingerprint(names.join("\0").as_bytes())
}

/// `name-version.dist-info` and its like.
fn is_distribution(name: &str) -> bool {
    [".dist-info", ".egg-info", ".egg-link", ".egg"].iter().any(|end| name.ends_with(end))
}

/// Whether packages are installed in a folder of the search path.
pub(super) fn has_packages(folder: &Path) -> bool {
    let Ok(entries) = fs::read_dir(folder) else { return false };
    entries.flatten().any(|entry| entry.file_name().to_str().is_some_and(is_distribution))
}

/// The project as it was before files changed.
pub(super) struct Former {
    disk: Disk,
    /// Those that changed, and what they were; `None` where they were not there.
    changed: BTreeMap<String, Option<Vec<u8>>>,
}

impl World for Former {
    fn bytes(&self, name: &str) -> Option<Vec<u8>> {
        match self.changed.get(name) {
            Some(former) => former.clone(),
            None => self.disk.bytes(name),
        }
    }

    fn fingerprint(&self, kind: DependencyKind, name: &str) -> Fingerprint {
        match self.changed.get(name) {
            Some(former) => former.as_ref().map_or(ABSENT, |bytes| fingerprint(bytes)),
            None => self.disk.fingerprint(kind, name),
        }
    }
}

impl Former {
    /// The project at a revision of git.
    pub(super) fn at_revision(folder: &Path, revision: &str) -> Result<Self, UserError> {
        let listed =
            git(folder, &["diff", "--name-only", "--no-renames", "--relative", "-z", revision, "--"])?;
        let untracked = git(folder, &["ls-files", "--others", "--exclude-standard", "-z"])?;
        let mut changed = BTreeMap::new();
        for name in names(&listed) {
            // A file that git does not know at that revision was not there.
            let former = git(folder, &["show", &format!("{revision}:./{name}")]).ok();
            changed.insert(name, former);
        }
        changed.extend(names(&untracked).into_iter().map(|name| (name, None)));
        Ok(Self { disk: Disk { folder: folder.to_path_buf() }, changed })
    }

    /// The project before a diff, or where the diff was not applied yet, after it.
    pub(super) fn of_diff(folder: &Path, diff: &Path) -> Result<Self, UserError> {
        let named = diff.display();
        let text =
            if diff == Path::new("-") { io::read_to_string(io::stdin()) } else { fs::read_to_string(diff) };
        let text =
            text.map_err(|error| UserError::new(format!("couldn't read the diff {named}: {error}")))?;
        let disk = Disk { folder: folder.to_path_buf() };
        let is_gits = text.lines().any(|line| line.starts_with("diff --git "));
        let options = if is_gits { ParseOptions::gitdiff() } else { ParseOptions::unidiff() };
        let mut changed = BTreeMap::new();
        for patch in PatchSet::parse(&text, options) {
            let patch =
                patch.map_err(|error| UserError::new(format!("{named} is no unified diff: {error}")))?;
            let paths = files_of(patch.operation(), is_gits);
            let (old, new) = (paths[0].clone(), paths[1].clone());
            let other = match (patch.patch(), &new) {
                (PatchKind::Text(patch), Some(new)) => {
                    let now =
                        disk.bytes(new).and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default();
                    let other = diffy::apply(&now, &patch.reverse()).or_else(|_| diffy::apply(&now, patch));
                    other.ok().map(String::into_bytes)
                }
                (_, _) => None,
            };
            match (old, new) {
                (Some(old), Some(new)) if old == new => {
                    changed.insert(new, other);
                }
                (old, new) => {
                    changed.extend(old.map(|old| (old, other)));
                    changed.extend(new.map(|new| (new, None)));
                }
            }
        }
        if changed.is_empty() && !text.trim().is_empty() {
            return Err(UserError::new(format!("{named} is no unified diff")));
        }
        Ok(Self { disk, changed })
    }

    /// The files that changed.
    pub(super) fn changed(&self) -> BTreeSet<String> {
        self.changed.keys().cloned().collect()
    }
}

/// Old and new name of a file in a diff.
fn files_of(operation: &FileOperation<'_, str>, is_gits: bool) -> [Option<String>; 2] {
    let own = |name: &str| {
        let cut = name.split_once('/').filter(|(first, _)| matches!(*first, "a" | "b")).map(|(_, rest)| rest);
        let name = cut.filter(|_| is_gits || cut.is_some()).unwrap_or(name);
        (name != "/dev/null").then(|| name.to_owned())
    };
    match operation {
        FileOperation::Delete(name) => [own(name), None],
        FileOperation::Create(name) => [None, own(name)],
        FileOperation::Modify { original, modified } => [own(original), own(modified)],
        FileOperation::Rename { from, to } | FileOperation::Copy { from, to } => [own(from), own(to)],
    }
}

fn names(listed: &[u8]) -> Vec<String> {
    String::from_utf8_lossy(listed).split('\0').filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

/// What the git program prints.
fn git(folder: &Path, words: &[&str]) -> Result<Vec<u8>, UserError> {
    let output = Command::new("git")
        .arg("-C")
        .arg(folder)
        .args(words)
        .output()
        .map_err(|error| UserError::new(format!("couldn't start git: {error}")))?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let told = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    let last = told.lines().next().unwrap_or("it failed").to_owned();
    Err(UserError::new(format!("git {}: {last}", words[0])))
}

/// What a file is called in a project's world.
pub(super) fn name_of(folder: &Path, path: &Path) -> String {
    let path = canonical(&folder.join(path));
    display_name(&path.to_string_lossy(), &canonical(folder))
}
