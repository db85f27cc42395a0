//! Whether an interpreter and the library that minicov is linked to belong together.
//!
//! Two Pythons of one version may be built differently: what is an extension module in one is built into the other, so that
//! the library of one cannot serve the standard library of the other. Invariant: files are looked at, nothing is started.

use std::fs;
use std::path::{Path, PathBuf};

use super::ffi;

/// Whether the interpreter at `executable` and the linked library come from one installation. Where the loader does not
/// know the library, they are taken to.
pub(crate) fn is_of_linked_library(executable: &Path) -> bool {
    let Some(library) = ffi::library().and_then(|library| library.canonicalize().ok()) else { return true };
    prefix_of(executable).is_some_and(|prefix| is_below(&library, &prefix))
}

/// The folder that an interpreter is installed in; of a virtual environment, that of the interpreter it is made from.
fn prefix_of(executable: &Path) -> Option<PathBuf> {
    let folder = match home_in_pyvenv(executable) {
        // `home` may be named through links.
        Some(home) => fs::canonicalize(home).ok()?,
        None => fs::canonicalize(executable).ok()?.parent()?.to_path_buf(),
    };
    let real = fs::canonicalize(folder.join(executable.file_name()?)).ok();
    let folder = real.as_deref().and_then(Path::parent).unwrap_or(&folder);
    folder.parent().map(Path::to_path_buf)
}

/// `home = /usr/bin` of a virtual environment: the folder of the interpreter it is made from.
fn home_in_pyvenv(executable: &Path) -> Option<PathBuf> {
    find_in_pyvenv(executable, |key, value| (key == "home").then(|| PathBuf::from(value)))
}

/// What `find` makes of the first setting it knows in the `pyvenv.cfg` of the virtual environment that an executable
/// belongs to.
pub(super) fn find_in_pyvenv<T>(executable: &Path, find: impl Fn(&str, &str) -> Option<T>) -> Option<T> {
    let folder = executable.parent()?;
    let text = [folder.join("pyvenv.cfg"), folder.parent()?.join("pyvenv.cfg")]
        .iter()
        .find_map(|path| fs::read_to_string(path).ok())?;
    text.lines().find_map(|line| {
        let (key, value) = line.split_once('=')?;
        find(key.trim(), value.trim())
    })
}

/// Whether a library lies in a library folder (`lib`, `lib64`, `lib/x86_64-linux-gnu`) right under a prefix: `/usr/local/lib`
/// is not one of `/usr`.
fn is_below(library: &Path, prefix: &Path) -> bool {
    library
        .strip_prefix(prefix)
        .ok()
        .and_then(|rest| rest.components().next())
        .is_some_and(|first| first.as_os_str().to_string_lossy().starts_with("lib"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_belong_to_the_prefix_they_lie_right_under() {
        for (library, prefix, expected) in [
            ("/usr/lib/x86_64-linux-gnu/libpython3.13.so.1.0", "/usr", true),
            ("/usr/lib64/libpython3.13.so.1.0", "/usr", true),
            ("/usr/local/lib/libpython3.13.so.1.0", "/usr", false),
            ("/usr/local/lib/libpython3.13.so.1.0", "/usr/local", true),
            ("/opt/python/lib/libpython3.13.so.1.0", "/opt/python3", false),
        ] {
            assert_eq!(is_below(Path::new(library), Path::new(prefix)), expected, "{library} {prefix}");
        }
    }

    #[test]
    fn an_environment_belongs_to_the_interpreter_it_is_made_from() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        for place in ["base/bin", "env/bin"] {
            fs::create_dir_all(root.join(place)).unwrap();
        }
        fs::write(root.join("base/bin/python3.13"), "").unwrap();
        std::os::unix::fs::symlink("python3.13", root.join("base/bin/python")).unwrap();
        fs::write(root.join("env/bin/python"), "a copy").unwrap();
        fs::write(root.join("env/pyvenv.cfg"), format!("home = {}/base/bin\n", root.display())).unwrap();
        assert_eq!(prefix_of(&root.join("base/bin/python")), Some(root.join("base")));
        assert_eq!(prefix_of(&root.join("env/bin/python")), Some(root.join("base")));
    }
}
