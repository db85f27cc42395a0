//! The raw edges of code objects: adding, dropping and reading back.
//!
//! They stand beside the arcs, so that finer questions than coverage.py's can be put to data that is there already. A
//! code object is known by its [`CodeKey`]; whoever reads edges finds those that are still compiled from the text.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::edge_sets::{self, EdgeSets, edge};
use super::schema::{self, Tables};
use super::{DataFile, Fault, StoreError, pairs};
use crate::model::{CodeKey, Edge, SortedSet};

/// The key of `minicov_meta` that tells that every edge was recorded in some run, if only to find none.
pub(super) const RECORDED: &str = "edges";

/// The code objects of the file with a path: row number, and what [`key`] reads.
pub(super) const CODES_OF_FILE: &str =
    "SELECT minicov_code.id, qualname, first_line, fingerprint FROM minicov_code
     JOIN file ON file.id = file_id WHERE path = ?";

impl DataFile {
    /// Whether any run recorded every edge, so that what it has none of did not run.
    pub(crate) fn has_edges(&self) -> Result<bool, StoreError> {
        if !self.tables.ours() {
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
        read(&self.connection, self.tables, path, &selected).map_err(|fault| fault.at(&self.path))
    }
}

fn read(
    connection: &Connection,
    tables: Tables,
    path: &str,
    selected: &dyn Fn(&str) -> bool,
) -> Result<BTreeMap<CodeKey, BTreeSet<Edge>>, Fault> {
    let mut found: BTreeMap<CodeKey, BTreeSet<Edge>> = BTreeMap::new();
    let taken_in = if tables.has_edge_sets() {
        taken_in_sets
    } else if tables.has_edge_rows() {
        taken_in_rows
    } else {
        return Ok(found);
    };
    // One transaction, so that a writer in between can't give us halves of two states.
    let connection = connection.unchecked_transaction()?;
    let contexts = schema::contexts(&connection, selected)?;
    let mut find_codes = connection.prepare_cached(CODES_OF_FILE)?;
    let mut codes = find_codes.query([path])?;
    while let Some(row) = codes.next()? {
        let key = key(row)?;
        let mut edges = taken_in(&connection, row.get(0)?, &contexts)?;
        if !edges.is_empty() {
            found.entry(key).or_default().append(&mut edges);
        }
    }
    Ok(found)
}

/// The key of a row of [`CODES_OF_FILE`].
pub(super) fn key(row: &Row) -> rusqlite::Result<CodeKey> {
    Ok(CodeKey { qualname: row.get(1)?, first_line: row.get(2)?, fingerprint: fingerprint(row, 3)? })
}

/// The edges taken in a code object in some of the contexts.
fn taken_in_sets(
    connection: &Connection,
    code: i64,
    contexts: &BTreeMap<i64, String>,
) -> Result<BTreeSet<Edge>, Fault> {
    let mut find = connection.prepare_cached(
        "SELECT context_id, set_id, edges FROM minicov_code_edges JOIN minicov_edge_set ON id = set_id
         WHERE code_id = ?",
    )?;
    let mut sets = BTreeSet::new();
    let mut edges = BTreeSet::new();
    let mut rows = find.query([code])?;
    while let Some(row) = rows.next()? {
        if contexts.contains_key(&row.get(0)?) && sets.insert(row.get::<_, i64>(1)?) {
            edges.extend(edge_sets::decode(row.get_ref(2)?.as_blob().map_err(rusqlite::Error::from)?)?);
        }
    }
    Ok(edges)
}

/// The same, where each edge is a row.
fn taken_in_rows(
    connection: &Connection,
    code: i64,
    contexts: &BTreeMap<i64, String>,
) -> Result<BTreeSet<Edge>, Fault> {
    let mut find = connection
        .prepare_cached("SELECT context_id, from_offset, to_offset FROM minicov_edge WHERE code_id = ?")?;
    let mut edges = BTreeSet::new();
    let mut rows = find.query([code])?;
    while let Some(row) = rows.next()? {
        if contexts.contains_key(&row.get(0)?) {
            edges.extend(edge(row.get(1)?, row.get(2)?));
        }
    }
    Ok(edges)
}

/// Hands `take` all edges there are: the row numbers of a code object and a context, and edges that were taken there.
pub(super) fn each(
    connection: &Connection,
    tables: Tables,
    mut take: impl FnMut(i64, i64, SortedSet<Edge>),
) -> Result<(), Fault> {
    if tables.has_edge_rows() {
        pairs::each_of_edges(connection, |code, context, edges| {
            take(code, context, edges.filter_map(|[from, to]| edge(from.into(), to.into())).collect());
        })?;
    }
    if !tables.has_edge_sets() {
        return Ok(());
    }
    let mut sets = HashMap::new();
    let mut statement = connection.prepare("SELECT id, edges FROM minicov_edge_set")?;
    let mut rows = statement.query(())?;
    while let Some(row) = rows.next()? {
        let edges = edge_sets::decode(row.get_ref(1)?.as_blob().map_err(rusqlite::Error::from)?)?;
        sets.insert(row.get::<_, i64>(0)?, edges);
    }
    let mut statement = connection.prepare("SELECT code_id, context_id, set_id FROM minicov_code_edges")?;
    let mut rows = statement.query(())?;
    while let Some(row) = rows.next()? {
        // A set that is not there is as good as empty.
        if let Some(edges) = sets.get(&row.get(2)?) {
            take(row.get(0)?, row.get(1)?, edges.clone());
        }
    }
    Ok(())
}

/// Makes sets of rows of edges. Runs within a write transaction.
pub(super) fn take_over_rows(connection: &Connection, tables: Tables) -> Result<(), Fault> {
    if !tables.has_edge_rows() {
        return Ok(());
    }
    let mut taken: BTreeMap<(i64, i64), SortedSet<Edge>> = BTreeMap::new();
    each(connection, tables, |code, context, edges| {
        taken.entry((code, context)).or_default().unite(edges);
    })?;
    let mut sets = EdgeSets::default();
    for ((code, context), edges) in &taken {
        add(connection, &mut sets, *code, *context, edges)?;
    }
    connection.execute("DROP TABLE minicov_edge", ())?;
    Ok(())
}

pub(super) fn fingerprint(row: &Row, column: usize) -> rusqlite::Result<[u8; 16]> {
    let bytes = row.get_ref(column)?.as_blob()?;
    bytes
        .try_into()
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(column, Type::Blob, Box::new(error)))
}

/// Rows of sets of edges: code object, context and set.
pub(super) const TAKEN: &str = "INSERT OR REPLACE INTO minicov_code_edges (code_id, context_id, set_id)";

/// Rows of code objects: row number, file, and what makes up their key. Where one fails the whole transaction does.
pub(super) const STATED: &str =
    "INSERT OR FAIL INTO minicov_code (id, file_id, first_line, qualname, fingerprint)";

/// The row number of a code object, if it is there.
pub(super) fn find_code(connection: &Connection, file: i64, key: &CodeKey) -> Result<Option<i64>, Fault> {
    let mut find = connection.prepare_cached(
        "SELECT id FROM minicov_code WHERE file_id = ? AND first_line = ? AND qualname = ? AND fingerprint = ?",
    )?;
    let key = params![file, key.first_line, key.qualname, &key.fingerprint[..]];
    Ok(find.query_row(key, |row| row.get(0)).optional()?)
}

/// Adds edges that were taken in a code object; tells whether a set is left behind that nothing may need any more.
pub(super) fn add(
    connection: &Connection,
    sets: &mut EdgeSets,
    code: i64,
    context: i64,
    edges: &SortedSet<Edge>,
) -> Result<bool, Fault> {
    let known = known(connection, code, context)?;
    let mut put = connection.prepare_cached(&format!("{TAKEN} VALUES (?, ?, ?)"))?;
    let Some(known) = known else {
        put.execute([code, context, sets.id(connection, edges)?])?;
        return Ok(false);
    };
    let mut all = edge_sets::decode(&known)?;
    if all.unite(edges.clone()) == 0 {
        return Ok(false);
    }
    put.execute([code, context, sets.id(connection, &all)?])?;
    Ok(true)
}

/// The set of edges noted for a code object in a context.
fn known(connection: &Connection, code: i64, context: i64) -> Result<Option<Vec<u8>>, Fault> {
    let mut find = connection.prepare_cached(
        "SELECT edges FROM minicov_code_edges JOIN minicov_edge_set ON id = set_id
         WHERE code_id = ? AND context_id = ?",
    )?;
    Ok(find.query_row([code, context], |row| row.get(0)).optional()?)
}

/// Forgets the code objects of a file, and their edges.
pub(super) fn drop_of_file(connection: &Connection, file: i64) -> Result<(), Fault> {
    for sql in [
        "DELETE FROM minicov_code_edges WHERE code_id IN (SELECT id FROM minicov_code WHERE file_id = ?)",
        "DELETE FROM minicov_code WHERE file_id = ?",
    ] {
        connection.prepare_cached(sql)?.execute([file])?;
    }
    Ok(())
}
