//! Puts the pages of a report into a folder.
//!
//! Invariant: a page appears whole or not at all; a page that is there already in the same words is not written again; a
//! file that minicov did not write is neither changed nor removed. Who wrote a file is told by its first bytes.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::output;
use crate::report::{INDEX, MADE_BY_COVERAGE_PY, MADE_BY_US, Page};

/// Keeps the folder out of version control.
const IGNORE_FILE: &str = ".gitignore";

/// As coverage.py's (7.17.3, `html.py`, `make_local_static_report_files`).
const IGNORE_ALL: &str = "# Created by minicov\n*\n";

/// How many bytes of a file say who wrote it.
const HEAD: usize = 1024;

/// What is in a folder beside the report.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Leftovers {
    /// How many things are there that are not minicov's.
    pub(super) foreign: usize,
    /// Files of an earlier report that could not be removed, ascending.
    pub(super) stuck: Vec<String>,
}

/// Why a folder could not be written.
#[derive(Debug, thiserror::Error)]
pub(super) enum FolderError {
    #[error("couldn't write {}: {error}", path.display())]
    Io { path: PathBuf, error: io::Error },
    #[error("{} is not a page of a coverage report, so it is not overwritten", path.display())]
    Foreign { path: PathBuf },
}

/// Writes `pages` into `folder`, which is made if there is none, and removes what an earlier report left there.
pub(super) fn write(folder: &Path, pages: impl Iterator<Item = Page>) -> Result<Leftovers, FolderError> {
    let at = |path: &Path| {
        let path = path.to_path_buf();
        move |error| FolderError::Io { path, error }
    };
    fs::create_dir_all(folder).map_err(at(folder))?;
    let index = folder.join(INDEX);
    if index.exists() && !begins_with_any(&index, &[MADE_BY_US, MADE_BY_COVERAGE_PY]) {
        return Err(FolderError::Foreign { path: index });
    }
    let before = names_in(folder).map_err(at(folder))?;
    if before.is_empty() {
        let path = folder.join(IGNORE_FILE);
        put(&path, IGNORE_ALL).map_err(at(&path))?;
    }
    let mut current = BTreeSet::new();
    for page in pages {
        let path = folder.join(&page.name);
        put(&path, &page.text).map_err(at(&path))?;
        current.insert(page.name);
    }

    let mut leftovers = Leftovers::default();
    for name in before {
        let path = folder.join(&name);
        if name == IGNORE_FILE || name.to_str().is_some_and(|name| current.contains(name)) {
            continue;
        }
        if !begins_with_any(&path, &[MADE_BY_US]) {
            leftovers.foreign += 1;
        } else if fs::remove_file(&path).is_err() {
            leftovers.stuck.push(name.to_string_lossy().into_owned());
        }
    }
    leftovers.stuck.sort();
    Ok(leftovers)
}

/// The names of what is in a folder.
fn names_in(folder: &Path) -> io::Result<Vec<std::ffi::OsString>> {
    fs::read_dir(folder)?.map(|entry| Ok(entry?.file_name())).collect()
}

/// Whether one of `marks` stands at the beginning of an ordinary file.
fn begins_with_any(path: &Path, marks: &[&str]) -> bool {
    // What is no file is not opened: a pipe would wait for a writer.
    if !fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_file()) {
        return false;
    }
    let mut head = Vec::new();
    let read = File::open(path).and_then(|file| file.take(HEAD as u64).read_to_end(&mut head));
    let head = String::from_utf8_lossy(&head);
    read.is_ok() && marks.iter().any(|mark| head.contains(mark))
}

/// Puts a file in place when it is complete, unless the same is there already.
fn put(path: &Path, text: &str) -> io::Result<()> {
    if is_same(path, text) {
        return Ok(());
    }
    output::write_whole(path, |out| out.write_all(text.as_bytes()))
}

fn is_same(path: &Path, text: &str) -> bool {
    let same_size = fs::metadata(path).is_ok_and(|metadata| metadata.len() == text.len() as u64);
    same_size && fs::read(path).is_ok_and(|there| there == text.as_bytes())
}
