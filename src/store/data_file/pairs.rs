//! Tables of pairs of numbers, arcs and edges, taken out group by group.
//!
//! Most of a data file is such rows. To have SQLite hand out each of them costs several times what it costs SQLite to find
//! it, so a function of ours takes them while SQLite walks along the table's index. Must not trust: a value of a wrong type
//! is an error, pairs that no source or code object is large enough for are left out.

use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;
use rusqlite::functions::{Aggregate, Context, FunctionFlags};

use super::Fault;

/// Arcs by file and context. The condition is always met: it has SQLite walk along the index, in whose order uniting is
/// comparing sorted sequences.
pub(super) const ARCS: &str =
    "SELECT minicov_pairs(file_id, context_id, fromno, tono) FROM arc WHERE file_id >= -9223372036854775808";

/// Edges by code object and context.
pub(super) const EDGES: &str =
    "SELECT minicov_pairs(code_id, context_id, from_offset, to_offset) FROM minicov_edge
    WHERE code_id >= -9223372036854775808";

/// Hands each group to `take`: the two numbers it is grouped by, and its pairs. Where the table has no index, a group may
/// come in several parts, in any order.
pub(super) fn each(
    connection: &Connection,
    query: &str,
    mut take: impl FnMut(i64, i64, &mut dyn Iterator<Item = [i32; 2]>),
) -> Result<(), Fault> {
    let gathered = Gather::default();
    let flags = FunctionFlags::SQLITE_UTF8
        // A schema from elsewhere has no business with it.
        | FunctionFlags::SQLITE_DIRECTONLY;
    connection.create_aggregate_function(c"minicov_pairs", 4, flags, gathered.clone())?;
    connection.query_row(query, (), |_| Ok(()))?;
    let Pairs { groups, pairs } = gathered.take();
    let ends = groups.iter().skip(1).map(|(start, _)| *start).chain([pairs.len()]);
    for ((start, [one, other]), end) in groups.iter().zip(ends) {
        take(*one, *other, &mut pairs[*start..end].iter().copied());
    }
    Ok(())
}

/// The function. It yields nothing: what it was given is taken from here.
#[derive(Clone, Default)]
struct Gather(Arc<Mutex<Pairs>>);

#[derive(Default)]
struct Pairs {
    /// What each group is grouped by, and where its pairs begin.
    groups: Vec<(usize, [i64; 2])>,
    pairs: Vec<[i32; 2]>,
}

impl Gather {
    fn take(&self) -> Pairs {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Aggregate<Pairs, Option<i64>> for Gather {
    fn init(&self, _context: &mut Context<'_>) -> rusqlite::Result<Pairs> {
        Ok(Pairs::default())
    }

    fn step(&self, context: &mut Context<'_>, Pairs { groups, pairs }: &mut Pairs) -> rusqlite::Result<()> {
        let number = |column| context.get_raw(column).as_i64();
        let group = [number(0)?, number(1)?];
        if groups.last().is_none_or(|(_, last)| *last != group) {
            groups.push((pairs.len(), group));
        }
        if let (Ok(first), Ok(second)) = (i32::try_from(number(2)?), i32::try_from(number(3)?)) {
            pairs.push([first, second]);
        }
        Ok(())
    }

    fn finalize(&self, _context: &mut Context<'_>, pairs: Option<Pairs>) -> rusqlite::Result<Option<i64>> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = pairs.unwrap_or_default();
        Ok(None)
    }
}
