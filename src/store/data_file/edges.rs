//! The raw edges of code objects: adding, dropping and reading back.
//!
//! They stand beside the arcs, so that finer questions than coverage.py's can be put to data that is there already. A
//! code object is known by its [`CodeKey`]; whoever reads edges finds those that are still compiled from the text.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::{DataFile, Fault, StoreError, schema};
use crate::model::{CodeKey, ContextNames, Edge, SortedSet};

/// How a way out of the code object is stored: in a byte, where [`Edge::EXIT`] would take six.
const STORED_EXIT: i64 = -1;

/// The key of `minicov_meta` that tells that every edge was recorded in some run, if only to find none.
pub(super) const RECORDED: &str = "edges";

impl DataFile {
    /// Whether any run recorded every edge, so that what it has none of did not run.
    pub(crate) fn has_edges(&self) -> Result<bool, StoreError> {
        if !self.tables.has_edges() {
            return Ok(false);
        }
        let recorded = schema::meta(&self.connection, RECORDED).map_err(|fault| fault.at(&self.path))?;
        Ok(recorded.is_some())
    }

    /// The edges taken in the code objects of a file, in the contexts that `selected` accepts. Code objects without any
    /// are left out.
    pub(crate) fn edges(
        &self,
        path: &str,
        selected: impl Fn(&str) -> bool,
    ) -> Result<BTreeMap<CodeKey, BTreeSet<Edge>>, StoreError> {
        if !self.tables.has_edges() {
            return Ok(BTreeMap::new());
        }
        let mut found: BTreeMap<CodeKey, BTreeSet<Edge>> = BTreeMap::new();
        let take = |key, taken: Vec<(Edge, Arc<str>)>| {
            found.entry(key).or_default().extend(taken.into_iter().map(|(edge, _)| edge));
        };
        each(&self.connection, path, &selected, take).map_err(|fault| fault.at(&self.path))?;
        Ok(found)
    }

    /// The same, and in which contexts each was taken.
    pub(crate) fn edges_by_context(
        &self,
        path: &str,
        selected: impl Fn(&str) -> bool,
    ) -> Result<BTreeMap<CodeKey, BTreeMap<Edge, ContextNames>>, StoreError> {
        if !self.tables.has_edges() {
            return Ok(BTreeMap::new());
        }
        let mut found: BTreeMap<CodeKey, BTreeMap<Edge, ContextNames>> = BTreeMap::new();
        let take = |key, taken: Vec<(Edge, Arc<str>)>| {
            let of_code = found.entry(key).or_default();
            for (edge, context) in taken {
                of_code.entry(edge).or_default().insert(context);
            }
        };
        each(&self.connection, path, &selected, take).map_err(|fault| fault.at(&self.path))?;
        Ok(found)
    }
}

/// Hands on the edges of each code object of a file, each edge once for each of its contexts.
fn each(
    connection: &Connection,
    path: &str,
    selected: &dyn Fn(&str) -> bool,
    mut take: impl FnMut(CodeKey, Vec<(Edge, Arc<str>)>),
) -> Result<(), Fault> {
    // One transaction, so that a writer in between can't give us halves of two states.
    let connection = connection.unchecked_transaction()?;
    let contexts = schema::shared_contexts(&connection, selected)?;
    let mut find_codes = connection.prepare_cached(
        "SELECT minicov_code.id, qualname, first_line, fingerprint FROM minicov_code
         JOIN file ON file.id = file_id WHERE path = ?",
    )?;
    let mut find_edges = connection
        .prepare_cached("SELECT context_id, from_offset, to_offset FROM minicov_edge WHERE code_id = ?")?;
    let mut codes = find_codes.query([path])?;
    while let Some(row) = codes.next()? {
        let id: i64 = row.get(0)?;
        let key =
            CodeKey { qualname: row.get(1)?, first_line: row.get(2)?, fingerprint: fingerprint(row, 3)? };
        let mut taken = Vec::new();
        let mut rows = find_edges.query([id])?;
        while let Some(row) = rows.next()? {
            if let Some(context) = contexts.get(&row.get(0)?) {
                taken.extend(edge(row.get(1)?, row.get(2)?).map(|edge| (edge, Arc::clone(context))));
            }
        }
        if !taken.is_empty() {
            take(key, taken);
        }
    }
    Ok(())
}

/// An edge as it is stored; none where no code object is so long.
pub(super) fn edge(from: i64, to: i64) -> Option<Edge> {
    let to = if to == STORED_EXIT { Edge::EXIT } else { u32::try_from(to).ok()? };
    Some(Edge { from: u32::try_from(from).ok()?, to })
}

pub(super) fn fingerprint(row: &Row, column: usize) -> rusqlite::Result<[u8; 16]> {
    let bytes = row.get_ref(column)?.as_blob()?;
    bytes
        .try_into()
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(column, Type::Blob, Box::new(error)))
}

/// The row number of a code object, which is stated now if it never was.
pub(super) fn code_id(connection: &Connection, file: i64, key: &CodeKey) -> Result<i64, Fault> {
    let key = params![file, key.first_line, key.qualname, &key.fingerprint[..]];
    let mut find = connection.prepare_cached(
        "SELECT id FROM minicov_code WHERE file_id = ? AND first_line = ? AND qualname = ? AND fingerprint = ?",
    )?;
    if let Some(id) = find.query_row(key, |row| row.get(0)).optional()? {
        return Ok(id);
    }
    let mut put = connection.prepare_cached(
        "INSERT INTO minicov_code (file_id, first_line, qualname, fingerprint) VALUES (?, ?, ?, ?)",
    )?;
    Ok(put.insert(key)?)
}

pub(super) fn add(
    connection: &Connection,
    code: i64,
    context: i64,
    edges: &SortedSet<Edge>,
) -> Result<(), Fault> {
    let mut put = connection.prepare_cached(
        "INSERT OR IGNORE INTO minicov_edge (code_id, context_id, from_offset, to_offset) VALUES (?, ?, ?, ?)",
    )?;
    for Edge { from, to } in edges {
        let to = if *to == Edge::EXIT { STORED_EXIT } else { (*to).into() };
        put.execute([code, context, (*from).into(), to])?;
    }
    Ok(())
}

/// Forgets the code objects of a file, and their edges.
pub(super) fn drop_of_file(connection: &Connection, file: i64) -> Result<(), Fault> {
    for sql in [
        "DELETE FROM minicov_edge WHERE code_id IN (SELECT id FROM minicov_code WHERE file_id = ?)",
        "DELETE FROM minicov_code WHERE file_id = ?",
    ] {
        connection.prepare_cached(sql)?.execute([file])?;
    }
    Ok(())
}
