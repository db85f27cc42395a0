//! Adding rows to the table `arc`, of which a run with a context for each test has millions.
//!
//! Where the table is empty and the rows ascend, they are first made into the pages of a database of their own, in the form of
//! <https://sqlite.org/fileformat2.html>, sections 1.3, 1.6 and 2.1: SQLite copies rows from a table of the same form with half
//! the instructions that adding them takes (SQLite 3.54, `insert.c`, `xferOptimization`), and fills its pages.
//!
//! Must not know: what arcs mean. Invariant: the table holds in the end what adding row by row would have made of it.

use rusqlite::Connection;

use super::Fault;
use super::image::Image;
use super::rows::Rows;

/// File, context and both ends of an arc.
type Row = [i64; 4];

/// Rows are nothing but their key, so that one that is there already is as good as one that takes its place, and SQLite need
/// not look for it first.
pub(super) const INSERT: &str = "INSERT OR REPLACE INTO arc (file_id, context_id, fromno, tono)";

/// Fewer rows than that are not worth a database of their own.
const MANY: usize = 10_000;

/// Adds rows, best in the order of the table's index.
pub(super) struct Arcs<'a> {
    connection: &'a Connection,
    rows: Rows<'a, 4>,
    stage: Stage,
}

enum Stage {
    /// Fewer than [`MANY`] rows so far.
    Few(Vec<Row>),
    /// The table is empty.
    Pages(Box<Pages>),
    RowByRow,
}

/// Rows that are not in the table yet.
pub(super) struct Waiting {
    image: Vec<u8>,
    last: Option<Row>,
}

impl<'a> Arcs<'a> {
    pub(super) fn new(connection: &'a Connection) -> Self {
        Self { connection, rows: Rows::new(connection, INSERT), stage: Stage::Few(Vec::new()) }
    }

    pub(super) fn add(&mut self, row: Row) -> Result<(), Fault> {
        match &mut self.stage {
            Stage::Few(few) => {
                few.push(row);
                if few.len() < MANY { Ok(()) } else { self.choose() }
            }
            Stage::Pages(pages) => {
                if pages.add(row) {
                    return Ok(());
                }
                self.write_rest()?;
                self.add(row)
            }
            Stage::RowByRow => self.rows.add(row),
        }
    }

    /// There are many rows: how they are added from now on.
    fn choose(&mut self) -> Result<(), Fault> {
        let is_empty: bool =
            self.connection.query_row("SELECT NOT EXISTS (SELECT 1 FROM arc)", (), |row| row.get(0))?;
        let next = if is_empty { Stage::Pages(Box::default()) } else { Stage::RowByRow };
        let Stage::Few(few) = std::mem::replace(&mut self.stage, next) else { return Ok(()) };
        few.into_iter().try_for_each(|row| self.add(row))
    }

    /// Adds what waits for more, row by row. To be called before anything else looks at the table.
    pub(super) fn write_rest(&mut self) -> Result<(), Fault> {
        let waiting = match std::mem::replace(&mut self.stage, Stage::RowByRow) {
            Stage::Few(few) => few,
            Stage::Pages(pages) => pages.finish().rows()?,
            Stage::RowByRow => Vec::new(),
        };
        waiting.into_iter().try_for_each(|row| self.rows.add(row))?;
        self.rows.write_rest()
    }

    /// Adds what waits for more, but for rows that are better copied.
    pub(super) fn finish(mut self) -> Result<Option<Waiting>, Fault> {
        if let Stage::Pages(pages) = self.stage {
            return Ok(Some(pages.finish()));
        }
        self.write_rest()?;
        Ok(None)
    }
}

impl Waiting {
    /// Adds the rows to the table. To be called within a transaction.
    pub(super) fn copy(self, connection: &mut Connection) -> Result<(), Fault> {
        // It stays there as long as the connection, because it may not go in the middle of a transaction.
        let attached = connection.execute("ATTACH ':memory:' AS minicov_arcs", ()).and_then(|_| {
            let image = &self.image;
            connection.deserialize_read_exact(c"minicov_arcs", image.as_slice(), image.len(), true)
        });
        if attached.is_err() {
            let mut rows = Rows::new(connection, INSERT);
            self.rows()?.into_iter().try_for_each(|row| rows.add(row))?;
            return rows.write_rest();
        }
        connection.execute("INSERT OR REPLACE INTO main.arc SELECT * FROM minicov_arcs.arc", ())?;
        let mut rows = Rows::new(connection, INSERT);
        self.last.map_or(Ok(()), |last| rows.add(last))?;
        rows.write_rest()
    }

    fn rows(self) -> Result<Vec<Row>, Fault> {
        let mut rows = Vec::new();
        Image::new(&self.image)
            .and_then(|image| image.each_row(ROOT, &mut |row| rows.push(row)))
            .map_err(|_| Fault::malformed("arcs that wait to be added".to_owned()))?;
        rows.extend(self.last);
        Ok(rows)
    }
}

const PAGE: usize = 32_768;

/// What a page begins with: its kind, what is free, how many cells it has and where they begin.
const LEAF_HEADER: usize = 8;
const INNER_HEADER: usize = 12;
const LEAF: u8 = 0x0a;
const INNER: u8 = 0x02;
const LEAF_OF_ROWIDS: u8 = 0x0d;

/// The first page begins with the header of the database, and holds its schema; the second is the root of the table.
const HEADER: usize = 100;
const ROOT: u32 = 2;

/// The same table as that of the data file, as far as SQLite compares them.
const SCHEMA: &str = "CREATE TABLE arc (file_id integer, context_id integer, fromno integer, tono integer, \
    primary key (file_id, context_id, fromno, tono)) without rowid";

/// A database of nothing but a table of ascending rows, which grows.
struct Pages {
    /// The schema's and the root's, to be filled at the end, and the leaves.
    bytes: Vec<u8>,
    /// The next leaf.
    leaf: Page,
    /// For each leaf but the last its number, and the row behind it.
    root: Page,
    /// The row behind the last leaf among `bytes`, as long as the next one is empty.
    behind: Option<Row>,
    last: Option<Row>,
}

impl Default for Pages {
    fn default() -> Self {
        Self {
            bytes: vec![0; 2 * PAGE],
            leaf: Page::new(LEAF),
            root: Page::new(INNER),
            behind: None,
            last: None,
        }
    }
}

impl Pages {
    /// Adds a row; tells whether it was taken: it must be behind all others, and there must be room.
    fn add(&mut self, row: Row) -> bool {
        if self.last.is_some_and(|last| last >= row) {
            return false;
        }
        if let Some(behind) = self.behind {
            if !self.root.add(&[&self.leaves().to_be_bytes(), Cell::of(behind).bytes()]) {
                return false;
            }
            self.behind = None;
        }
        if !self.leaf.add(&[Cell::of(row).bytes()]) {
            self.end_leaf();
            self.behind = Some(row);
        }
        self.last = Some(row);
        true
    }

    /// The whole database, and a row that is not in it: no leaf may be empty.
    fn finish(mut self) -> Waiting {
        if self.behind.is_none() {
            self.end_leaf();
        }
        let rightmost = self.leaves();
        if self.root.count == 0 {
            // The only leaf is the root.
            self.bytes.drain(PAGE..2 * PAGE);
        } else {
            self.root.bytes[8..INNER_HEADER].copy_from_slice(&rightmost.to_be_bytes());
            self.bytes[PAGE..2 * PAGE].copy_from_slice(&self.root.finish());
        }
        let pages = (self.bytes.len() / PAGE) as u32;
        self.bytes[..PAGE].copy_from_slice(&first_page(pages));
        Waiting { image: self.bytes, last: self.behind }
    }

    /// The number of the last leaf among `bytes`: pages are counted from 1.
    fn leaves(&self) -> u32 {
        (self.bytes.len() / PAGE) as u32
    }

    fn end_leaf(&mut self) {
        let leaf = std::mem::replace(&mut self.leaf, Page::new(LEAF));
        self.bytes.extend(leaf.finish());
    }
}

/// A page of an index, which is filled from its end on.
struct Page {
    bytes: Vec<u8>,
    header: usize,
    /// How many cells it has.
    count: usize,
    /// Where they begin.
    start: usize,
}

impl Page {
    fn new(kind: u8) -> Self {
        let mut bytes = vec![0; PAGE];
        bytes[0] = kind;
        Self { bytes, header: if kind == INNER { INNER_HEADER } else { LEAF_HEADER }, count: 0, start: PAGE }
    }

    /// Adds a cell in several parts; tells whether there was room.
    fn add(&mut self, cell: &[&[u8]]) -> bool {
        let place = self.header + 2 * self.count;
        let length: usize = cell.iter().map(|part| part.len()).sum();
        if place + 2 + length > self.start {
            return false;
        }
        self.start -= length;
        self.count += 1;
        self.bytes[place..place + 2].copy_from_slice(&(self.start as u16).to_be_bytes());
        let mut at = self.start;
        for part in cell {
            self.bytes[at..at + part.len()].copy_from_slice(part);
            at += part.len();
        }
        true
    }

    fn finish(mut self) -> Vec<u8> {
        self.bytes[3..5].copy_from_slice(&(self.count as u16).to_be_bytes());
        self.bytes[5..7].copy_from_slice(&(self.start as u16).to_be_bytes());
        self.bytes
    }
}

/// The numbers of a row as a record, and its length before it: one byte each for the lengths of record and header, and for the
/// kind of each number.
struct Cell {
    bytes: [u8; 2 + 4 + 4 * 8],
    length: usize,
}

impl Cell {
    fn of(row: Row) -> Self {
        let mut cell = Self { bytes: [0; 38], length: 6 };
        for (column, value) in row.into_iter().enumerate() {
            let (kind, length) = kind(value);
            cell.bytes[2 + column] = kind;
            cell.bytes[cell.length..cell.length + length].copy_from_slice(&value.to_be_bytes()[8 - length..]);
            cell.length += length;
        }
        cell.bytes[0] = (cell.length - 1) as u8;
        cell.bytes[1] = 5;
        cell
    }

    fn bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

/// The kind of a number in a record, and how many bytes it takes.
fn kind(value: i64) -> (u8, usize) {
    match value {
        0 => (8, 0),
        1 => (9, 0),
        -0x80..=0x7f => (1, 1),
        -0x8000..=0x7fff => (2, 2),
        -0x80_0000..=0x7f_ffff => (3, 3),
        -0x8000_0000..=0x7fff_ffff => (4, 4),
        -0x8000_0000_0000..=0x7fff_ffff_ffff => (5, 6),
        _ => (6, 8),
    }
}

/// The header of a database of so many pages, and its schema.
fn first_page(pages: u32) -> Vec<u8> {
    let mut page = vec![0; PAGE];
    page[..16].copy_from_slice(b"SQLite format 3\0");
    page[16..18].copy_from_slice(&(PAGE as u16).to_be_bytes());
    // Format of writers and readers, nothing reserved at the end of pages, and three fractions that never change.
    page[18..24].copy_from_slice(&[1, 1, 0, 64, 32, 32]);
    // Its state, its pages; the schema's state, the schema's format, and the encoding of texts.
    for (at, value) in [(24, 1), (28, pages), (40, 1), (44, 4), (56, 1), (92, 1)] {
        page[at..at + 4].copy_from_slice(&u32::to_be_bytes(value));
    }
    // type, name, tbl_name, rootpage, sql: of texts, twice the length and 13; of the last, in two bytes of seven bits each.
    let sql = 13 + 2 * SCHEMA.len();
    let header = [7, 13 + 2 * 5, 13 + 2 * 3, 13 + 2 * 3, 1, 0x80 | (sql >> 7) as u8, (sql & 0x7f) as u8];
    let record = [&header[..], b"table", b"arc", b"arc", &[ROOT as u8], SCHEMA.as_bytes()].concat();
    let length = [0x80 | (record.len() >> 7) as u8, (record.len() & 0x7f) as u8];
    let cell = [&length[..], &[1], &record].concat();
    let start = PAGE - cell.len();
    page[start..].copy_from_slice(&cell);
    page[HEADER] = LEAF_OF_ROWIDS;
    page[HEADER + 3..HEADER + 5].copy_from_slice(&1_u16.to_be_bytes());
    page[HEADER + 5..HEADER + 7].copy_from_slice(&(start as u16).to_be_bytes());
    page[HEADER + 8..HEADER + 10].copy_from_slice(&(start as u16).to_be_bytes());
    page
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn table() -> Connection {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute(SCHEMA, ()).unwrap();
        connection
    }

    fn read(connection: &Connection) -> Vec<Row> {
        let sound: String = connection.query_row("PRAGMA integrity_check", (), |row| row.get(0)).unwrap();
        assert_eq!(sound, "ok");
        let mut read = connection.prepare("SELECT * FROM main.arc").unwrap();
        let rows = read.query_map((), |row| Ok([row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?]));
        rows.unwrap().map(Result::unwrap).collect()
    }

    /// What the table holds once these rows were added to those that it held before; and whether they were copied.
    fn added(before: &[Row], rows: &[Row]) -> (Vec<Row>, bool) {
        let mut connection = table();
        let mut put = Rows::new(&connection, INSERT);
        before.iter().try_for_each(|row| put.add(*row)).unwrap();
        put.write_rest().unwrap();
        drop(put);
        connection.execute_batch("BEGIN").unwrap();
        let mut arcs = Arcs::new(&connection);
        rows.iter().try_for_each(|row| arcs.add(*row)).unwrap();
        let waiting = arcs.finish().unwrap();
        let is_copied = waiting.is_some();
        if let Some(waiting) = waiting {
            waiting.copy(&mut connection).unwrap();
        }
        connection.execute_batch("COMMIT").unwrap();
        (read(&connection), is_copied)
    }

    fn in_order(count: usize) -> Vec<Row> {
        (0..1 << 20)
            .take(count)
            .map(|row: i64| [row / 5_000, row / 50, row % 50 - 20, 1 << (row % 50)])
            .collect()
    }

    #[test]
    fn rows_are_those_that_were_added() {
        for count in [0, 1, MANY - 1, MANY, MANY + 1, 3 * MANY] {
            let rows = in_order(count);
            assert!(added(&[], &rows) == (rows, count >= MANY), "{count}");
        }
        let rows = in_order(2 * MANY);
        let (before, more) = rows.split_at(500);
        assert!(added(before, more) == (rows.clone(), false));
        assert!(added(&rows, &rows) == (rows.clone(), false));
        let backwards: Vec<Row> = rows.iter().rev().copied().collect();
        assert!(added(&[], &backwards) == (rows.clone(), false));
        let with_an_early_one: Vec<Row> = [&rows[1..15_000], &rows[..1], &rows[15_000..]].concat();
        assert!(added(&[], &with_an_early_one) == (rows, false));
    }

    #[test]
    fn what_was_not_kept_is_added_once_more() {
        let mut connection = table();
        let rows = in_order(3 * MANY);
        for _ in 0..2 {
            connection.execute_batch("BEGIN").unwrap();
            let mut arcs = Arcs::new(&connection);
            rows.iter().try_for_each(|row| arcs.add(*row)).unwrap();
            arcs.finish().unwrap().unwrap().copy(&mut connection).unwrap();
            assert_eq!(read(&connection), rows);
            connection.execute_batch("ROLLBACK").unwrap();
            assert_eq!(read(&connection).len(), 0);
        }
    }

    #[test]
    fn leaves_may_end_anywhere() {
        let rows = in_order(MANY);
        let mut pages = Pages::default();
        let ends: Vec<usize> =
            (0..rows.len()).filter(|index| pages.add(rows[*index]) && pages.behind.is_some()).collect();
        assert!(ends.len() > 2);
        for count in ends.iter().flat_map(|end| [*end, end + 1, end + 2]).chain([1, 2]) {
            let mut pages = Pages::default();
            assert!(rows[..count].iter().all(|row| pages.add(*row)));
            assert_eq!(pages.finish().rows().unwrap(), rows[..count]);
            let mut pages = Pages::default();
            assert!(rows[..count].iter().all(|row| pages.add(*row)));
            let mut connection = table();
            pages.finish().copy(&mut connection).unwrap();
            assert_eq!(read(&connection), rows[..count]);
        }
    }

    proptest! {
        #[test]
        fn numbers_of_all_lengths_are_read_back(rows in prop::collection::btree_set(any::<[i64; 4]>(), 1..40)) {
            let mut pages = Pages::default();
            prop_assert!(rows.iter().all(|row| pages.add(*row)));
            let mut connection = table();
            pages.finish().copy(&mut connection).unwrap();
            prop_assert_eq!(read(&connection), rows.into_iter().collect::<Vec<_>>());
        }
    }
}
