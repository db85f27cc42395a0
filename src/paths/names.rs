//! A file's identity and the name it goes by in reports.

use std::path::{Path, PathBuf};

/// The file's absolute path with links resolved, as far as it exists.
pub(crate) fn canonical(path: &Path) -> PathBuf {
    if let Ok(real) = path.canonicalize() {
        return real;
    }
    // A path that leads nowhere (any more) keeps its own last names below the part that exists.
    match (path.parent(), path.file_name()) {
        (Some(parent), Some(name)) if !parent.as_os_str().is_empty() => canonical(parent).join(name),
        _ => std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf()),
    }
}

/// What reports call the file: relative to `folder` where it is below it.
pub(crate) fn display_name(path: &str, folder: &Path) -> String {
    match Path::new(path).strip_prefix(folder) {
        Ok(relative) => relative.to_string_lossy().into_owned(),
        Err(_) => path.to_owned(),
    }
}
