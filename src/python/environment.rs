//! Which Python the user means: the one that `python` would start for them.
//!
//! Must not know: the linked libpython. Invariant: start-up stays cheap, so files are read where they tell
//! (`pyvenv.cfg`, the name behind a symbolic link) and an interpreter is started only where nothing else does.

use std::env;
use std::fs;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::installation::find_in_pyvenv;
use crate::env_vars;

/// An interpreter: the executable that `sys.executable` will name, and its version 3.`minor`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Environment {
    pub(crate) executable: PathBuf,
    pub(crate) minor: u8,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum EnvironmentError {
    #[error("no python3 or python was found on PATH")]
    NothingOnPath,
    #[error("there is no executable Python at {}", .0.display())]
    NotExecutable(PathBuf),
    #[error("{} did not tell its version: {reason}", .executable.display())]
    Silent { executable: PathBuf, reason: String },
    #[error("{} is not Python 3", .0.display())]
    NotPython3(PathBuf),
}

/// Asked of an interpreter only when its files do not tell.
const QUESTION: &str = "import sys; print(sys.executable); print(*sys.version_info[:2])";

impl Environment {
    /// The interpreter at `wanted` if given, else that of `VIRTUAL_ENV`, else the first `python3` or `python` on `PATH`.
    pub(crate) fn find(wanted: Option<&Path>) -> Result<Self, EnvironmentError> {
        if let Some(path) = wanted {
            return Self::at(&absolute(path));
        }
        if let Some(folder) = env_vars::VIRTUAL_ENV.get() {
            let executable = Path::new(&folder).join("bin/python");
            if is_executable(&executable) {
                return Self::at(&absolute(&executable));
            }
        }
        let search = env_vars::PATH.get().unwrap_or_default();
        env::split_paths(&search)
            .flat_map(|folder| ["python3", "python"].map(|name| folder.join(name)))
            .find(|candidate| is_executable(candidate))
            .ok_or(EnvironmentError::NothingOnPath)
            .and_then(|executable| Self::at(&absolute(&executable)))
    }

    /// The interpreter at an absolute path.
    pub(crate) fn at(executable: &Path) -> Result<Self, EnvironmentError> {
        if !is_executable(executable) {
            return Err(EnvironmentError::NotExecutable(executable.to_path_buf()));
        }
        // A script in Python's place (pyenv's and asdf's shims) stands for an interpreter elsewhere.
        if is_script(executable) {
            return Self::ask(executable);
        }
        match Self::minor_told_by_files(executable) {
            Some(minor) => Ok(Self { executable: executable.to_path_buf(), minor }),
            None => Self::ask(executable),
        }
    }

    /// The minor version of the interpreter at `executable`, where names and `pyvenv.cfg` tell.
    pub(crate) fn minor_told_by_files(executable: &Path) -> Option<u8> {
        minor_from_pyvenv(executable).or_else(|| minor_from_target(executable))
    }

    /// Starts the interpreter and asks it.
    fn ask(executable: &Path) -> Result<Self, EnvironmentError> {
        let silent =
            |reason: String| EnvironmentError::Silent { executable: executable.to_path_buf(), reason };
        let output = Command::new(executable)
            .args(["-I", "-S", "-c", QUESTION])
            .stdin(Stdio::null())
            .output()
            .map_err(|error| silent(error.to_string()))?;
        if !output.status.success() {
            let words = String::from_utf8_lossy(&output.stderr);
            return Err(silent(words.lines().last().unwrap_or("it failed without a word").to_owned()));
        }
        let words = String::from_utf8_lossy(&output.stdout);
        let mut lines = words.lines();
        let path = lines.next().unwrap_or_default();
        let version = lines.next().unwrap_or_default();
        let Some(minor) = version.strip_prefix("3 ").and_then(|minor| minor.parse().ok()) else {
            return Err(EnvironmentError::NotPython3(executable.to_path_buf()));
        };
        Ok(Self { executable: PathBuf::from(path), minor })
    }
}

/// `version = 3.12.1` (venv) or `version_info = 3.12.1.final.0` (virtualenv, uv) of a virtual environment.
fn minor_from_pyvenv(executable: &Path) -> Option<u8> {
    find_in_pyvenv(executable, |key, value| {
        matches!(key, "version" | "version_info").then(|| minor_of(value))?
    })
}

/// The version in the name of the file that `python` is a link to: `python3.12`.
fn minor_from_target(executable: &Path) -> Option<u8> {
    let target = fs::canonicalize(executable).ok()?;
    minor_of(target.file_name()?.to_str()?.strip_prefix("python")?)
}

/// The minor version in `3.12`, `3.12.1` or `3.12.1.final.0`.
fn minor_of(version: &str) -> Option<u8> {
    let rest = version.strip_prefix("3.")?;
    let digits = rest.split('.').next()?;
    digits.parse().ok()
}

/// `path` made absolute without following links: a virtual environment's `python` is known by where it stands.
fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf())
}

fn is_executable(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

fn is_script(path: &Path) -> bool {
    let mut start = [0; 2];
    fs::File::open(path).and_then(|mut file| file.read_exact(&mut start)).is_ok() && &start == b"#!"
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An executable file at `folder/name`.
    fn plant(folder: &Path, name: &str, text: &str) -> PathBuf {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    #[test]
    fn versions_are_read_from_files() {
        let folder = tempfile::tempdir().unwrap();
        for (line, expected) in [("version = 3.12.1", 12), ("version_info = 3.14.0.final.0", 14)] {
            let python = plant(folder.path(), "bin/python", "\x7fELF");
            fs::write(folder.path().join("pyvenv.cfg"), format!("home = /usr/bin\n{line}\n")).unwrap();
            assert_eq!(
                Environment::at(&python).unwrap(),
                Environment { executable: python, minor: expected }
            );
        }
    }

    #[test]
    fn a_link_tells_the_version_of_its_target() {
        let folder = tempfile::tempdir().unwrap();
        plant(folder.path(), "python3.13", "\x7fELF");
        let link = folder.path().join("python");
        std::os::unix::fs::symlink("python3.13", &link).unwrap();
        assert_eq!(Environment::at(&link).unwrap(), Environment { executable: link, minor: 13 });
    }

    #[test]
    fn a_shim_is_asked() {
        let folder = tempfile::tempdir().unwrap();
        let shim = plant(folder.path(), "python3", "#!/bin/sh\nprintf '/opt/python/bin/python3\\n3 12\\n'\n");
        let expected = Environment { executable: "/opt/python/bin/python3".into(), minor: 12 };
        assert_eq!(Environment::at(&shim).unwrap(), expected);
    }

    #[test]
    fn what_is_no_python_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let shim = plant(folder.path(), "python3", "#!/bin/sh\necho oh no >&2\nexit 3\n");
        let message = Environment::at(&shim).unwrap_err().to_string();
        assert!(message.ends_with("did not tell its version: oh no"), "{message}");
        let message = Environment::at(&folder.path().join("absent")).unwrap_err().to_string();
        assert!(message.starts_with("there is no executable Python at "), "{message}");
    }
}
