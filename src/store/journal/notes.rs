//! Notes: sentences that a process leaves beside the journals for whoever merges them, because nobody would read its own
//! standard error.
//!
//! Invariant: a note is a text file that appears whole or not at all.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use super::folder::JournalFolder;

const EXTENSION: &str = "note";

impl JournalFolder {
    /// Leaves a note: why a process is not measured. Fails where nothing can be written, and then nobody is told.
    pub(crate) fn leave_note(&self, text: &str) -> io::Result<()> {
        let age = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |age| age.as_nanos());
        let path = self.path().join(format!("{}-{age:x}.{EXTENSION}", std::process::id()));
        let unfinished = path.with_extension("unfinished");
        fs::create_dir_all(self.path())?;
        fs::write(&unfinished, text)?;
        fs::rename(&unfinished, &path)
    }

    /// Takes all notes away, each text once.
    pub(crate) fn take_notes(&self) -> Vec<String> {
        let mut texts = Vec::new();
        for path in self.note_files() {
            let text = fs::read(&path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
            // Of several who take the same note, one can remove it.
            if let (Ok(text), Ok(())) = (text, fs::remove_file(&path)) {
                texts.push(text);
            }
        }
        texts.sort();
        texts.dedup();
        texts
    }

    fn note_files(&self) -> Vec<PathBuf> {
        let Ok(entries) = fs::read_dir(self.path()) else { return Vec::new() };
        entries
            .flatten()
            .map(|entry| entry.path())
            .filter(|path| path.extension().is_some_and(|extension| extension == EXTENSION))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_note_is_taken_once() {
        let folder = tempfile::tempdir().unwrap();
        let journals = JournalFolder::beside(&folder.path().join(".coverage"));
        assert_eq!(journals.take_notes(), Vec::<String>::new());
        for text in ["b", "a", "b"] {
            journals.leave_note(text).unwrap();
        }
        assert_eq!(journals.take_notes(), ["a", "b"]);
        assert_eq!(journals.take_notes(), Vec::<String>::new());
    }
}
