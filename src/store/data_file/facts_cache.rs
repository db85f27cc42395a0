//! The static analysis of files, kept so that `minicov report` need not repeat it.
//!
//! One row per file and Python version, replaced when the text or the settings change: the cache can't outgrow the
//! project. Invariant: the cache only ever saves time; what can't be used, for whatever reason, is as good as absent.

use rusqlite::{OptionalExtension, params};

use super::{DataFile, Fault, StoreError};
use crate::model::{Facts, SourceHash};

/// Changes with each release, and by its last number when the analysis changes between releases.
const FORMAT: &str = concat!(env!("CARGO_PKG_VERSION"), "/4");

/// What an analysis depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FactsKey<'a> {
    /// Absolute path of the file.
    pub(crate) path: &'a str,
    /// Hash of its text.
    pub(crate) source: SourceHash,
    /// The Python version whose compiler decides what is executable.
    pub(crate) python: &'a str,
    /// A digest of every setting the analysis depends on, such as the exclusion patterns.
    pub(crate) exclusions: &'a [u8],
}

impl DataFile {
    /// The analysis kept for exactly this key.
    pub(crate) fn facts(&self, key: &FactsKey) -> Result<Option<Facts>, StoreError> {
        if !self.tables.ours() {
            return Ok(None);
        }
        self.find_facts(key).map_err(|fault| fault.at(&self.path))
    }

    /// Keeps analyses, each in place of what was kept for the same file and Python.
    pub(crate) fn keep_facts(&mut self, analyses: &[(FactsKey, &Facts)]) -> Result<(), StoreError> {
        self.write(|transaction| {
            let mut put = transaction.prepare_cached(
                "INSERT OR REPLACE INTO minicov_facts (path, python, source, exclusions, format, facts)
                 VALUES (?, ?, ?, ?, ?, ?)",
            )?;
            for (key, facts) in analyses {
                // Facts hold nothing postcard has no form for, so this never fails; if it did, not caching is right.
                let Ok(bytes) = postcard::to_stdvec(facts) else { continue };
                put.execute(params![key.path, key.python, &key.source[..], key.exclusions, FORMAT, bytes])?;
            }
            Ok(())
        })
    }

    fn find_facts(&self, key: &FactsKey) -> Result<Option<Facts>, Fault> {
        let mut find = self.connection.prepare_cached(
            "SELECT facts FROM minicov_facts
             WHERE path = ? AND python = ? AND source = ? AND exclusions = ? AND format = ?",
        )?;
        let key = params![key.path, key.python, &key.source[..], key.exclusions, FORMAT];
        let facts = find
            .query_row(key, |row| Ok(postcard::from_bytes(row.get_ref(0)?.as_blob()?).ok()))
            .optional()?;
        Ok(facts.flatten())
    }
}
