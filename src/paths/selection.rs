//! Which files are measured.
//!
//! Must not know: tracers. Invariant: the answer for a file depends on its path and module name only, so that it can be
//! asked once per file and process.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::ffi::OsStrExt;
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
    /// Folders; each must be there.
    pub(crate) source_dirs: Vec<String>,
    /// Names of packages and modules, whatever folders there are.
    pub(crate) source_packages: Vec<String>,
    pub(crate) include: Vec<String>,
    pub(crate) omit: Vec<String>,
    /// Whether the standard library counts, too.
    pub(crate) standard_library: bool,
}

impl SelectionRequest {
    /// Whether any source is named, so that `include` does not count.
    pub(crate) fn names_sources(&self) -> bool {
        !(self.source.is_empty() && self.source_dirs.is_empty() && self.source_packages.is_empty())
    }
}

/// Why there is no rule for a request.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SelectionError {
    #[error(transparent)]
    Pattern(#[from] PatternError),
    #[error("the source folder {0:?} is not a folder")]
    NoFolder(String),
    #[error("the source folder {0:?} can't be the root of the file system")]
    Root(String),
}

/// The rule by which files are measured (coverage 7.17.3, `inorout.py`).
///
/// With sources: what lies in their folders or belongs to their packages, installed packages left out unless the source
/// lies there. Else with `include`: what matches it. Else: everything but the standard library and installed packages.
/// In every case without what matches `omit`.
#[derive(Clone, Debug)]
pub(crate) struct Selection {
    source_folders: Vec<PathBuf>,
    source_packages: Vec<String>,
    include: Patterns,
    omit: Patterns,
    /// Empty where the standard library counts.
    standard_library: Vec<PathBuf>,
    scripts: Vec<PathBuf>,
}

/// Folders that installers put third-party code into.
const INSTALLED: [&str; 2] = ["site-packages", "dist-packages"];

impl Selection {
    pub(crate) fn new(request: &SelectionRequest, folders: &Folders) -> Result<Self, SelectionError> {
        let mut source_folders = Vec::new();
        let mut source_packages = request.source_packages.clone();
        for entry in &request.source {
            if folders.current.join(entry).is_dir() {
                source_folders.push(source_folder(entry, folders)?);
            } else {
                source_packages.push(entry.clone());
            }
        }
        for entry in &request.source_dirs {
            source_folders.push(source_folder(entry, folders)?);
        }
        // As they are named and as they are: code objects of the standard library carry the former.
        let prefixes: BTreeSet<PathBuf> =
            folders.prefixes.iter().flat_map(|prefix| [prefix.clone(), canonical(prefix)]).collect();
        let standard_library = prefixes
            .iter()
            .filter(|_| !request.standard_library)
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
            !self.is_installed(path)
        };
        selected && !self.omit.matches(path)
    }

    fn in_source_folder(&self, path: &Path) -> bool {
        self.source_folders.iter().any(|folder| {
            is_below(path, &[folder]) && (!self.is_third_party(path) || self.is_third_party(folder))
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
        self.is_third_party(path) || is_below(path, &self.standard_library)
    }

    /// Whether `path` belongs to an installed package.
    fn is_third_party(&self, path: &Path) -> bool {
        let mut names = path.as_os_str().as_bytes().split(|byte| *byte == b'/');
        names.any(|name| INSTALLED.iter().any(|installed| name == installed.as_bytes()))
            || is_below(path, &self.scripts)
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

/// Whether `path` is one of `folders` or lies below it. Asked of each file that runs, for many folders: nearly all are as
/// [`canonical`] has them, and their text tells.
fn is_below(path: &Path, folders: &[impl AsRef<Path>]) -> bool {
    let text = path.as_os_str().as_bytes();
    if text.windows(2).any(|parts| parts == b"//" || parts == b"/.") {
        return folders.iter().any(|folder| path.starts_with(folder));
    }
    folders.iter().any(|folder| {
        let folder = folder.as_ref().as_os_str().as_bytes();
        text.strip_prefix(folder)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/") || folder.ends_with(b"/"))
    })
}

/// A source folder, absolute.
fn source_folder(entry: &str, folders: &Folders) -> Result<PathBuf, SelectionError> {
    let folder = canonical(&folders.current.join(entry));
    if !folder.is_dir() {
        return Err(SelectionError::NoFolder(entry.to_owned()));
    }
    if folder.parent().is_none() {
        return Err(SelectionError::Root(entry.to_owned()));
    }
    Ok(folder)
}

/// The Python files under `folder` that could be imported: in it, and in folders below it that have an `__init__.py`, or
/// with `namespace_packages` in all (coverage 7.17.3, `files.find_python_files`). What cannot be read is passed over.
pub(crate) fn python_files(folder: &Path, namespace_packages: bool) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut waiting = vec![folder.to_path_buf()];
    while let Some(folder) = waiting.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for entry in entries.flatten() {
            let path = entry.path();
            let Ok(kind) = entry.file_type() else { continue };
            if kind.is_dir() {
                if namespace_packages || path.join("__init__.py").exists() {
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
            ("/elsewhere/other.py", true),
            ("/project/.tox/lib/python3.12/site-packages/x.py", false),
            ("/usr/lib/python3.13/json/__init__.py", false),
            ("/projectile/a.py", true),
            ("/venv/bin/tool.py", false),
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
    fn the_standard_library_counts_where_it_is_asked_for() {
        let request = SelectionRequest { standard_library: true, ..SelectionRequest::default() };
        let selection = selection(&request, Path::new("/project"));
        assert!(selection.measures(Path::new("/usr/lib/python3.13/json/__init__.py"), None));
        assert!(!selection.measures(Path::new("/usr/lib/python3.13/site-packages/x.py"), None));
    }

    #[test]
    fn a_source_folder_must_be_there() {
        let folders = Folders { current: "/".into(), ..Folders::default() };
        for (request, error) in [
            (
                SelectionRequest { source_dirs: vec!["/no/such".into()], ..Default::default() },
                SelectionError::NoFolder("/no/such".into()),
            ),
            (
                SelectionRequest { source: vec!["/".into()], ..Default::default() },
                SelectionError::Root("/".into()),
            ),
        ] {
            assert_eq!(Selection::new(&request, &folders).unwrap_err(), error);
        }
    }

    #[test]
    fn what_lies_below_a_folder_is_what_the_parts_of_its_path_say() {
        for folder in ["/", "/a", "/a/b", "/a/bc"] {
            for path in ["/", "/a", "/ab", "/a/b", "/a/bc/d", "/a//b/c", "/a/./b", "//a/b", "/a/.b", "a/b"] {
                let [path, folder] = [path, folder].map(Path::new);
                assert_eq!(is_below(path, &[folder]), path.starts_with(folder), "{path:?} {folder:?}");
            }
        }
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
        let names: Vec<_> = python_files(folder.path(), false)
            .iter()
            .map(|path| path.strip_prefix(folder.path()).unwrap().to_string_lossy().into_owned())
            .collect();
        assert_eq!(names, ["a b.py", "a.py", "pkg/__init__.py", "pkg/m.py"]);
        assert_eq!(python_files(folder.path(), true).len(), 5);
    }
}
