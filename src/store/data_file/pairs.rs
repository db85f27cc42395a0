//! Tables of pairs of numbers, arcs and (until format 5) edges, taken out group by group.
//!
//! Most of a data file is such rows. To have SQLite hand out each of them costs several times what it costs SQLite to find
//! it, so those of an index that is as it should be are read from the file's bytes (`image`); otherwise a function of ours
//! takes them while SQLite walks along the index. Must not trust: a value of a wrong type is an error, pairs that no source
//! or code object is large enough for are left out.

use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::functions::{Aggregate, Context, FunctionFlags};
use rusqlite::{Connection, MAIN_DB, OptionalExtension};

use super::Fault;
use super::image::Image;

/// Larger files are left to SQLite, which needs little memory for them.
const LARGEST_IMAGE: i64 = 64 << 20;

/// Arcs by file and context. The condition is always met: it has SQLite walk along the index, in whose order uniting is
/// comparing sorted sequences.
const ARCS: &str =
    "SELECT minicov_pairs(file_id, context_id, fromno, tono) FROM arc WHERE file_id >= -9223372036854775808";

/// Edges by code object and context, where each is a row.
const EDGES: &str = "SELECT minicov_pairs(code_id, context_id, from_offset, to_offset) FROM minicov_edge
    WHERE code_id >= -9223372036854775808";

/// The index that holds all columns of `arc`, coverage.py's or ours: its first page. A table `WITHOUT ROWID` is its own.
const INDEX_OF_ARCS: &str = "
    SELECT rootpage FROM pragma_index_list('arc') AS list
    JOIN sqlite_master AS entry ON entry.name = list.name OR (
        entry.name = 'arc' AND list.origin = 'pk' AND list.name NOT IN (SELECT name FROM sqlite_master)
    )
    WHERE list.\"unique\" AND NOT list.partial AND list.origin IN ('u', 'pk')
    AND (SELECT group_concat(name) FROM (SELECT name FROM pragma_index_info(list.name) ORDER BY seqno))
        = 'file_id,context_id,fromno,tono'";

/// Hands each group of arcs to `take`: the row numbers of a file and a context, and pairs. Where the table has no index, a
/// group may come in several parts, in any order. Runs within a transaction.
pub(super) fn each_of_arcs(
    connection: &mut Connection,
    take: impl FnMut(i64, i64, &mut dyn Iterator<Item = [i32; 2]>),
) -> Result<(), Fault> {
    match read_image(connection)? {
        Some(pairs) => pairs.hand_on(take),
        None => gather(connection, ARCS)?.hand_on(take),
    }
    Ok(())
}

/// Hands each group of edges to `take`, as [`each_of_arcs`] does: the row numbers of a code object and a context, and pairs.
pub(super) fn each_of_edges(
    connection: &Connection,
    take: impl FnMut(i64, i64, &mut dyn Iterator<Item = [i32; 2]>),
) -> Result<(), Fault> {
    gather(connection, EDGES)?.hand_on(take);
    Ok(())
}

/// The arcs, from the file's bytes; none where they are too many, or anything is not as expected.
fn read_image(connection: &mut Connection) -> Result<Option<Pairs>, Fault> {
    let size: i64 = connection.query_row(
        "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size",
        (),
        |row| row.get(0),
    )?;
    if size > LARGEST_IMAGE {
        return Ok(None);
    }
    let Some(root) = connection.query_row(INDEX_OF_ARCS, (), |row| row.get(0)).optional()? else {
        return Ok(None);
    };
    let image = connection.serialize(MAIN_DB)?;
    let mut pairs = Pairs::default();
    let is_whole = Image::new(&image)
        .and_then(|image| {
            image.each_row(root, &mut |[file, context, from, to]| pairs.add([file, context], [from, to]))
        })
        .is_ok();
    Ok(is_whole.then_some(pairs))
}

/// The pairs that a query hands to the function.
fn gather(connection: &Connection, query: &str) -> Result<Pairs, Fault> {
    let gathered = Gather::default();
    let flags = FunctionFlags::SQLITE_UTF8
        // A schema from elsewhere has no business with it.
        | FunctionFlags::SQLITE_DIRECTONLY;
    connection.create_aggregate_function(c"minicov_pairs", 4, flags, gathered.clone())?;
    connection.query_row(query, (), |_| Ok(()))?;
    Ok(gathered.take())
}

#[derive(Default)]
struct Pairs {
    /// What each group is grouped by, and where its pairs begin.
    groups: Vec<(usize, [i64; 2])>,
    pairs: Vec<[i32; 2]>,
}

impl Pairs {
    fn add(&mut self, group: [i64; 2], [first, second]: [i64; 2]) {
        if self.groups.last().is_none_or(|(_, last)| *last != group) {
            self.groups.push((self.pairs.len(), group));
        }
        if let (Ok(first), Ok(second)) = (i32::try_from(first), i32::try_from(second)) {
            self.pairs.push([first, second]);
        }
    }

    fn hand_on(&self, mut take: impl FnMut(i64, i64, &mut dyn Iterator<Item = [i32; 2]>)) {
        let ends = self.groups.iter().skip(1).map(|(start, _)| *start).chain([self.pairs.len()]);
        for ((start, [one, other]), end) in self.groups.iter().zip(ends) {
            take(*one, *other, &mut self.pairs[*start..end].iter().copied());
        }
    }
}

/// The function. It yields nothing: what it was given is taken from here.
#[derive(Clone, Default)]
struct Gather(Arc<Mutex<Pairs>>);

impl Gather {
    fn take(&self) -> Pairs {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Aggregate<Pairs, Option<i64>> for Gather {
    fn init(&self, _context: &mut Context<'_>) -> rusqlite::Result<Pairs> {
        Ok(Pairs::default())
    }

    fn step(&self, context: &mut Context<'_>, pairs: &mut Pairs) -> rusqlite::Result<()> {
        let number = |column| context.get_raw(column).as_i64();
        pairs.add([number(0)?, number(1)?], [number(2)?, number(3)?]);
        Ok(())
    }

    fn finalize(&self, _context: &mut Context<'_>, pairs: Option<Pairs>) -> rusqlite::Result<Option<i64>> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = pairs.unwrap_or_default();
        Ok(None)
    }
}
