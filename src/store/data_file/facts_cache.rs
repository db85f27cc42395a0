//! The static analysis of files, kept so that `minicov report` need not repeat it.
//!
//! One row per file and Python version, replaced when the text or the settings change: the cache can't outgrow the
//! project. Invariant: the cache only ever saves time; what can't be used, for whatever reason, is as good as absent.

use std::fs;

use rusqlite::{OptionalExtension, params};
use rustix::process::{Resource, getrlimit};

use super::{DataFile, Fault, StoreError};
use crate::model::{Facts, SourceHash};

/// Changes with each release, and by its last number when the analysis changes between releases.
const FORMAT: &str = concat!(env!("CARGO_PKG_VERSION"), "/5");

/// Bytes that tables and indexes take when they are made.
const MARGIN: u64 = 1 << 17;

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
        // Facts hold nothing postcard has no form for, so encoding never fails; if it did, not caching is right.
        let rows: Vec<(&FactsKey, Vec<u8>)> = analyses
            .iter()
            .filter_map(|(key, facts)| Some((key, postcard::to_stdvec(facts).ok()?)))
            .collect();
        let bytes = rows.iter().map(|(_, facts)| facts.len() as u64).sum();
        if !self.may_grow_by(bytes) {
            return Ok(());
        }
        self.write(|transaction| {
            let mut put = transaction.prepare_cached(
                "INSERT OR REPLACE INTO minicov_facts (path, python, source, exclusions, format, facts)
                 VALUES (?, ?, ?, ?, ?, ?)",
            )?;
            for (key, facts) in &rows {
                put.execute(params![key.path, key.python, &key.source[..], key.exclusions, FORMAT, facts])?;
            }
            Ok(())
        })
    }

    /// Whether this process may write `bytes` more to the file (`RLIMIT_FSIZE`). A file that is larger than the limit
    /// already could not even be brought back to what it was when writing fails halfway: nobody could read it any more.
    fn may_grow_by(&self, bytes: u64) -> bool {
        let Some(limit) = getrlimit(Resource::Fsize).current else { return true };
        let size = fs::metadata(&self.path).map_or(0, |metadata| metadata.len());
        // With what SQLite needs beside the values.
        size.saturating_add(bytes.saturating_mul(2)).saturating_add(MARGIN) <= limit
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
