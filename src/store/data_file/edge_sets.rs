//! Sets of edges as the data file holds them: each once, as bytes.
//!
//! Most code objects take the same few ways in most contexts, so that a context is told by the number of a set. Must not
//! trust: bytes that are no set are an error, edges that no code object is large enough for are left out.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension};

use super::Fault;
use crate::model::{Edge, SortedSet};

/// How a way out of the code object is stored: in few bytes, where [`Edge::EXIT`] would take many.
const STORED_EXIT: i64 = -1;

/// An edge as two numbers; none where no code object is so long.
pub(super) fn edge(from: i64, to: i64) -> Option<Edge> {
    let to = if to == STORED_EXIT { Edge::EXIT } else { u32::try_from(to).ok()? };
    Some(Edge { from: u32::try_from(from).ok()?, to })
}

/// For each edge how much farther it begins than the one before, and how far it leads.
type Stored = Vec<(u32, i64)>;

pub(super) fn encode(edges: &SortedSet<Edge>) -> Vec<u8> {
    let mut last = 0;
    let stored: Stored = edges
        .iter()
        .map(|Edge { from, to }| {
            let to = if *to == Edge::EXIT { STORED_EXIT } else { (*to).into() };
            let farther = from - last;
            last = *from;
            (farther, to - i64::from(*from))
        })
        .collect();
    // Numbers are what postcard has forms for, so encoding never fails.
    postcard::to_extend(&stored, Vec::with_capacity(4 * stored.len() + 1)).unwrap_or_default()
}

pub(super) fn decode(bytes: &[u8]) -> Result<SortedSet<Edge>, Fault> {
    let stored: Stored =
        postcard::from_bytes(bytes).map_err(|error| Fault::malformed(format!("a set of edges: {error}")))?;
    let mut from = 0_i64;
    let edges = stored.into_iter().filter_map(|(farther, distance)| {
        from += i64::from(farther);
        edge(from, from.checked_add(distance)?)
    });
    Ok(edges.collect())
}

/// Sets whose row numbers are kept at hand; beyond, they are looked up anew.
const MOST_AT_HAND: usize = 10_000;

/// The row numbers of sets met so far, by their bytes.
#[derive(Default)]
pub(super) struct EdgeSets(HashMap<Vec<u8>, i64>);

impl EdgeSets {
    /// The row number of a set, which is stated now if it never was.
    pub(super) fn id(&mut self, connection: &Connection, edges: &SortedSet<Edge>) -> Result<i64, Fault> {
        let bytes = encode(edges);
        if let Some(id) = self.0.get(&bytes) {
            return Ok(*id);
        }
        let mut find = connection.prepare_cached("SELECT id FROM minicov_edge_set WHERE edges = ?")?;
        let id = match find.query_row([&bytes], |row| row.get(0)).optional()? {
            Some(id) => id,
            None => connection
                .prepare_cached("INSERT INTO minicov_edge_set (edges) VALUES (?)")?
                .insert([&bytes])?,
        };
        if self.0.len() >= MOST_AT_HAND {
            self.0.clear();
        }
        self.0.insert(bytes, id);
        Ok(id)
    }
}

/// Removes the sets that were taken nowhere.
pub(super) fn prune(connection: &Connection) -> Result<(), Fault> {
    let unused = "DELETE FROM minicov_edge_set WHERE id NOT IN (SELECT set_id FROM minicov_code_edges)";
    connection.prepare_cached(unused)?.execute(())?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn sets_are_read_back(
            edges in prop::collection::vec(
                (any::<u32>(), prop_oneof![any::<u32>(), Just(Edge::EXIT), Just(0)]), 0..40,
            ),
        ) {
            let edges: SortedSet<Edge> = edges.into_iter().map(|(from, to)| Edge { from, to }).collect();
            prop_assert_eq!(decode(&encode(&edges)).unwrap(), edges);
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            let _ = decode(&bytes);
        }
    }
}
