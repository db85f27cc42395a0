//! Which files are measured.
//!
//! Must not know: tracers. Invariant: the answer for a file depends on its path and module name only, so that it can be
//! asked once per file and process.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{PatternError, Patterns, canonical};

/// Where the interpreter keeps what is not the user's code, as `python::Layout` tells it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Folders {
    /// The current folder.
    pub(crate) current: PathBuf,
    /// The folder of the script that runs, if one does.
    pub(crate) script: Option<PathBuf>,
    /// Prefixes of the environment and of the installation it is made from.
    pub(crate) prefixes: Vec<PathBuf>,
    /// `lib` or `lib64`.
    pub(crate) library_folder: String,
    /// `python3.13`.
    pub(crate) versioned_name: String,
}

/// What the user asked to measure.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct SelectionRequest {
    /// Folders, or names of packages and modules.
    pub(crate) source: Vec<String>,
    pub(crate) include: Vec<String>,
    pub(crate) omit: Vec<String>,
}

/// The rule by which files are measured.
///
/// With `source`: what lies in its folders or belongs to its packages. Else with `include`: what matches it. Else: what
/// lies under the current folder or beside the script. Never the standard library or installed packages, unless a
/// source folder lies there or `include` matches. In every case without what matches `omit`.
#[derive(Clone, Debug)]
pub(crate) struct Selection {
    source_folders: Vec<PathBuf>,
    source_packages: Vec<String>,
    include: Patterns,
    omit: Patterns,
    /// Where user code is looked for when nothing was asked.
    user_folders: Vec<PathBuf>,
    standard_library: Vec<PathBuf>,
    scripts: Vec<PathBuf>,
}

/// Folders that installers put third-party code into.
const INSTALLED: [&str; 2] = ["site-packages", "dist-packages"];

impl Selection {
    pub(crate) fn new(request: &SelectionRequest, folders: &Folders) -> Result<Self, PatternError> {
        let mut source_folders = Vec::new();
        let mut source_packages = Vec::new();
        for entry in &request.source {
            let folder = folders.current.join(entry);
            if folder.is_dir() {
                source_folders.push(canonical(&folder));
            } else {
                source_packages.push(entry.clone());
            }
        }
        let mut user_folders = vec![canonical(&folders.current)];
        user_folders.extend(folders.script.iter().map(|folder| canonical(folder)));
        // As they are named and as they are: code objects of the standard library carry the former.
        let prefixes: BTreeSet<PathBuf> =
            folders.prefixes.iter().flat_map(|prefix| [prefix.clone(), canonical(prefix)]).collect();
        let standard_library = prefixes
            .iter()
            .flat_map(|prefix| {
                ["lib", &folders.library_folder]
                    .map(|library| prefix.join(library).join(&folders.versioned_name))
            })
            .collect();
        let scripts = prefixes.iter().map(|prefix| prefix.join("bin")).collect();
        Ok(Self {
            source_folders,
            source_packages,
            include: Patterns::new(&request.include, &folders.current)?,
            omit: Patterns::new(&request.omit, &folders.current)?,
            user_folders,
            standard_library,
            scripts,
        })
    }

    /// Whether [`measures`](Self::measures) needs to know the module's name.
    pub(crate) fn asks_for_module(&self) -> bool {
        !self.source_packages.is_empty()
    }

    /// Whether a file can be ruled out by the text of its path alone: the many files of the standard library and of
    /// installed packages are, before anybody asks the file system about them.
    pub(crate) fn refuses_by_name(&self, name: &str) -> bool {
        self.source_folders.is_empty()
            && self.source_packages.is_empty()
            && self.include.is_empty()
            && self.is_installed(Path::new(name))
    }

    /// Whether the file at `path` (canonical), run as module `module`, is measured.
    pub(crate) fn measures(&self, path: &Path, module: Option<&str>) -> bool {
        let selected = if !self.source_folders.is_empty() || !self.source_packages.is_empty() {
            self.in_source_folder(path)
                || module.is_some_and(|module| self.source_package_of(module).is_some())
        } else if !self.include.is_empty() {
            self.include.matches(path)
        } else {
            self.user_folders.iter().any(|folder| path.starts_with(folder)) && !self.is_installed(path)
        };
        selected && !self.omit.matches(path)
    }

    fn in_source_folder(&self, path: &Path) -> bool {
        self.source_folders.iter().any(|folder| {
            path.starts_with(folder) && (!self.is_installed(path) || self.is_installed(&folder.join("x")))
        })
    }

    /// The source package that `module` is or belongs to.
    pub(crate) fn source_package_of(&self, module: &str) -> Option<&str> {
        self.source_packages.iter().map(String::as_str).find(|package| {
            module.strip_prefix(package).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        })
    }

    /// Whether `path` belongs to the standard library or to an installed package.
    fn is_installed(&self, path: &Path) -> bool {
        path.components().any(|part| INSTALLED.iter().any(|name| part.as_os_str() == *name))
            || self.standard_library.iter().chain(&self.scripts).any(|folder| path.starts_with(folder))
    }

    /// The source folders, absolute.
    pub(crate) fn source_folders(&self) -> &[PathBuf] {
        &self.source_folders
    }

    /// The `source` entries that are no folders.
    pub(crate) fn source_packages(&self) -> &[String] {
        &self.source_packages
    }
}

/// The Python files under `folder` that could be imported: in it, and in folders below it that have an `__init__.py`
/// (coverage 7.17.3, `files.find_python_files`). What cannot be read is passed over.
pub(crate) fn python_files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut waiting = vec![folder.to_path_buf()];
    while let Some(folder) = waiting.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for entry in entries.flatten() {
            let path = entry.path();
            let Ok(kind) = entry.file_type() else { continue };
            if kind.is_dir() {
                if path.join("__init__.py").exists() {
                    waiting.push(path);
                }
            } else if entry.file_name().to_str().is_some_and(is_module_file) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// Whether a file is called as a module would be: no editor's back-up, no dotted name.
fn is_module_file(name: &str) -> bool {
    let Some(stem) = name.strip_suffix(".py").or_else(|| name.strip_suffix(".pyw")) else { return false };
    !stem.is_empty() && !stem.contains(|c| ".#~!$@%^&*()+=,".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selection(request: &SelectionRequest, current: &Path) -> Selection {
        let folders = Folders {
            current: current.to_path_buf(),
            script: Some("/elsewhere/tool".into()),
            prefixes: vec!["/venv".into(), "/usr".into()],
            library_folder: "lib".into(),
            versioned_name: "python3.13".into(),
        };
        Selection::new(request, &folders).unwrap()
    }

    #[test]
    fn by_default_the_users_code_counts() {
        let selection = selection(&SelectionRequest::default(), Path::new("/project"));
        for (path, expected) in [
            ("/project/a.py", true),
            ("/project/sub/a.py", true),
            ("/elsewhere/tool/a.py", true),
            ("/elsewhere/other.py", false),
            ("/project/.tox/lib/python3.12/site-packages/x.py", false),
            ("/usr/lib/python3.13/json/__init__.py", false),
            ("/projectile/a.py", false),
        ] {
            assert_eq!(selection.measures(Path::new(path), None), expected, "{path}");
        }
    }

    #[test]
    fn source_names_folders_and_packages() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        fs::create_dir_all(root.join("src/lib/python3.13/site-packages")).unwrap();
        let request = SelectionRequest {
            source: vec!["src".into(), "pkg".into()],
            omit: vec!["*/skip.py".into()],
            ..SelectionRequest::default()
        };
        let selection = selection(&request, &root);
        assert!(selection.measures(&root.join("src/a.py"), None));
        assert!(!selection.measures(&root.join("src/skip.py"), None));
        assert!(!selection.measures(&root.join("a.py"), None));
        assert!(!selection.measures(&root.join("src/lib/python3.13/site-packages/b.py"), None));
        assert!(selection.measures(Path::new("/venv/lib/python3.13/site-packages/pkg/m.py"), Some("pkg.m")));
        assert!(!selection.measures(Path::new("/venv/lib/python3.13/site-packages/pkgs.py"), Some("pkgs")));
    }

    #[test]
    fn unexecuted_files_are_those_that_could_be_imported() {
        let folder = tempfile::tempdir().unwrap();
        for name in
            ["a.py", "a b.py", "#x.py", "we.ird.py", "note.txt", "pkg/__init__.py", "pkg/m.py", "plain/n.py"]
        {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        let names: Vec<_> = python_files(folder.path())
            .iter()
            .map(|path| path.strip_prefix(folder.path()).unwrap().to_string_lossy().into_owned())
            .collect();
        assert_eq!(names, ["a b.py", "a.py", "pkg/__init__.py", "pkg/m.py"]);
    }
}
