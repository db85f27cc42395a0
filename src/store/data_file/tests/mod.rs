//! Tests of the data file as a whole, and what they share. `fixtures/data/make.py` made the dumps of coverage.py's files.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use tempfile::TempDir;

use super::*;
use crate::model::{Facts, LineNo, LineSet, Observed, SourceHash};

mod bad_input;
mod good_use;

const THEIR_LINES: &str = include_str!("../../../../fixtures/data/coverage-7.17.3-lines.sql");
const THEIR_ARCS: &str = include_str!("../../../../fixtures/data/coverage-7.17.3-arcs.sql");

struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> PathBuf {
        self.0.path().join(".coverage")
    }

    /// The path of a data file made of SQL.
    fn made_of(&self, sql: &str) -> PathBuf {
        self.raw().execute_batch(sql).unwrap();
        self.path()
    }

    /// The data file as SQLite sees it.
    fn raw(&self) -> Connection {
        let connection = Connection::open(self.path()).unwrap();
        // Python's sqlite3 does not enforce references either.
        connection.pragma_update(None, "foreign_keys", false).unwrap();
        connection
    }
}

fn lines(lines: &[LineNo]) -> LineSet {
    lines.iter().copied().collect()
}

/// A batch of one file, run in the empty context.
fn batch(path: &str, source: Option<u8>, ran: &[LineNo]) -> Batch {
    batch_in("", path, source, ran)
}

fn batch_in(context: &str, path: &str, source: Option<u8>, ran: &[LineNo]) -> Batch {
    let lines = BTreeMap::from([(context.to_owned(), lines(ran))]);
    let file = BatchFile { path: path.to_owned(), source: source.map(hash), lines };
    Batch { python: "3.13.0".to_owned(), files: vec![file] }
}

fn hash(byte: u8) -> SourceHash {
    [byte; 32]
}

fn merge(path: &Path, batch: &Batch) -> MergeOutcome {
    DataFile::update(path).unwrap().merge(batch).unwrap()
}

fn observed(path: &Path) -> Observed {
    DataFile::open(path).unwrap().observed(|_| true).unwrap()
}

fn seen(path: &Path, file: &str) -> Vec<LineNo> {
    observed(path).files[file].lines.iter().collect()
}

#[track_caller]
fn fault<T>(result: Result<T, StoreError>) -> Fault {
    match result {
        Ok(_) => panic!("this should have failed"),
        Err(error) => error.fault,
    }
}
