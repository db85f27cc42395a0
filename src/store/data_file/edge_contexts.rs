//! Reading back in which contexts each edge was taken.
//!
//! Invariant: without their contexts, these are the edges that `edges.rs` reads.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use rusqlite::Connection;

use super::edge_sets::{self, edge};
use super::schema::{self, Tables};
use super::{DataFile, Fault, StoreError, edges};
use crate::model::{CodeKey, ContextNames, Edge, SortedSet};

/// By edge: the contexts it was taken in.
type Taken = BTreeMap<Edge, ContextNames>;

impl DataFile {
    /// The edges taken in the code objects of a file, with those of their contexts that `selected` accepts.
    pub(crate) fn edges_by_context(
        &self,
        path: &str,
        selected: impl Fn(&str) -> bool,
    ) -> Result<BTreeMap<CodeKey, BTreeMap<Edge, ContextNames>>, StoreError> {
        read(&self.connection, self.tables, path, &selected).map_err(|fault| fault.at(&self.path))
    }
}

fn read(
    connection: &Connection,
    tables: Tables,
    path: &str,
    selected: &dyn Fn(&str) -> bool,
) -> Result<BTreeMap<CodeKey, Taken>, Fault> {
    let mut found: BTreeMap<CodeKey, Taken> = BTreeMap::new();
    let add_taken = if tables.has_edge_sets() {
        add_sets
    } else if tables.has_edge_rows() {
        add_rows
    } else {
        return Ok(found);
    };
    // One transaction, so that a writer in between can't give us halves of two states.
    let connection = connection.unchecked_transaction()?;
    let contexts = schema::shared_contexts(&connection, selected)?;
    let mut find_codes = connection.prepare_cached(edges::CODES_OF_FILE)?;
    let mut codes = find_codes.query([path])?;
    while let Some(row) = codes.next()? {
        let taken = found.entry(edges::key(row)?).or_default();
        add_taken(&connection, row.get(0)?, &contexts, taken)?;
    }
    found.retain(|_, taken| !taken.is_empty());
    Ok(found)
}

fn add_sets(
    connection: &Connection,
    code: i64,
    contexts: &BTreeMap<i64, Arc<str>>,
    taken: &mut Taken,
) -> Result<(), Fault> {
    let mut find = connection.prepare_cached(
        "SELECT context_id, set_id, edges FROM minicov_code_edges JOIN minicov_edge_set ON id = set_id
         WHERE code_id = ?",
    )?;
    // Most contexts take the same edges as others.
    let mut by_set: BTreeMap<i64, (SortedSet<Edge>, ContextNames)> = BTreeMap::new();
    let mut rows = find.query([code])?;
    while let Some(row) = rows.next()? {
        let Some(context) = contexts.get(&row.get(0)?) else { continue };
        let (_, names) = match by_set.entry(row.get(1)?) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => {
                let edges = edge_sets::decode(row.get_ref(2)?.as_blob().map_err(rusqlite::Error::from)?)?;
                new.insert((edges, ContextNames::new()))
            }
        };
        names.insert(Arc::clone(context));
    }
    for (edges, names) in by_set.into_values() {
        for edge in edges {
            taken.entry(edge).or_default().extend(names.iter().cloned());
        }
    }
    Ok(())
}

/// The same, where each edge is a row.
fn add_rows(
    connection: &Connection,
    code: i64,
    contexts: &BTreeMap<i64, Arc<str>>,
    taken: &mut Taken,
) -> Result<(), Fault> {
    let mut find = connection
        .prepare_cached("SELECT context_id, from_offset, to_offset FROM minicov_edge WHERE code_id = ?")?;
    let mut rows = find.query([code])?;
    while let Some(row) = rows.next()? {
        if let (Some(context), Some(edge)) = (contexts.get(&row.get(0)?), edge(row.get(1)?, row.get(2)?)) {
            taken.entry(edge).or_default().insert(Arc::clone(context));
        }
    }
    Ok(())
}
