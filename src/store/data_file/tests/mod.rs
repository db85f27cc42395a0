//! Tests of the data file as a whole, and what they share. `fixtures/data/make.py` made the dumps of coverage.py's files.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::Connection;
use tempfile::TempDir;

use super::merge::MergeOutcome;
use super::*;
use crate::model::{ArcEnd, CodeKey, Edge, Facts, LineArc, LineNo, LineSet, Observed, SourceHash};

mod bad_input;
mod branches;
mod good_use;
mod vectors;

const THEIR_LINES: &str = include_str!("../../../../fixtures/data/coverage-7.17.3-lines.sql");
const THEIR_ARCS: &str = include_str!("../../../../fixtures/data/coverage-7.17.3-arcs.sql");

const OUR_FORMAT_1: &str = include_str!("../../../../fixtures/data/minicov-format-1.sql");
const OUR_FORMAT_2: &str = include_str!("../../../../fixtures/data/minicov-format-2.sql");

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
    let file = BatchFile { path: path.to_owned(), source: source.map(hash), lines, ..BatchFile::default() };
    Batch { python: "3.13.0".to_owned(), files: vec![file], ..Batch::default() }
}

/// The same with branches: lines, arcs, and edges of the code object `f`.
fn branch_batch(
    context: &str,
    path: &str,
    source: Option<u8>,
    ran: &[LineNo],
    taken: &[(ArcEnd, ArcEnd)],
    edges: &[(u32, u32)],
) -> Batch {
    let mut batch = Batch { branches: true, ..batch_in(context, path, source, ran) };
    let edges = BTreeMap::from([(context.to_owned(), Arc::new(edges_of(edges).into_iter().collect()))]);
    batch.files[0].arcs = BTreeMap::from([(context.to_owned(), arcs(taken).into_iter().collect())]);
    batch.files[0].codes = vec![BatchCode { key: key("f"), edges }];
    batch
}

fn key(qualname: &str) -> CodeKey {
    CodeKey { qualname: qualname.to_owned(), first_line: 7, fingerprint: [3; 16] }
}

fn arcs(arcs: &[(ArcEnd, ArcEnd)]) -> BTreeSet<LineArc> {
    arcs.iter().map(|(from, to)| LineArc::new(*from, *to)).collect()
}

fn edges_of(edges: &[(u32, u32)]) -> BTreeSet<Edge> {
    edges.iter().map(|(from, to)| Edge { from: *from, to: *to }).collect()
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
