//! Rows of an index, written as the pages of a database that has none of them yet.
//!
//! To add a row, SQLite runs a program of thirty steps and looks for its place; rows that are sorted already can be laid
//! into pages one after the other, which takes a tenth of the instructions (`benches/README.md`). The form is that of
//! <https://sqlite.org/fileformat2.html>, sections 1.3, 1.6 and 2.1; `image` reads it. Must not know: what the numbers mean.
//! Invariant: SQLite finds the rows it would have, had it added them itself; what this cannot lay out is left as it was.

use std::ops::Range;

/// Where the header of a database has what, and how long it is.
const PAGE_SIZE: usize = 16;
const RESERVED: usize = 20;
const CHANGES: usize = 24;
const PAGES: usize = 28;
const FORMAT: usize = 44;
const CHANGES_WITH_PAGES: usize = 92;
const HEADER: usize = 100;

/// The format of rows with one-byte forms of 0 and 1, which SQLite has written since 3.3.
const ROWS_WITH_SHORT_NUMBERS: u32 = 4;

/// The first byte of a page of an index.
const INNER: u8 = 0x02;
const LEAF: u8 = 0x0a;

/// Bytes before the places of its rows, on a page with and without children.
const HEAD_OF_INNER: usize = 12;
const HEAD_OF_LEAF: usize = 8;

/// SQLite locks the bytes from here on: the page that has them holds nothing.
const LOCKED: usize = 1 << 30;

/// Bytes of the longest row.
const LONGEST: usize = 2 + 4 + 4 * 8;

/// A row as it stands on a page: its length, the length of its head, a byte in the head for each value, the values.
#[derive(Clone, Copy)]
struct Cell {
    bytes: [u8; LONGEST],
    length: u8,
}

/// Pages of an index that is being laid out: rows are to come in ascending order.
pub(super) struct IndexPages {
    pages: Pages,
    leaves: Level,
    /// The row that came last.
    last: Option<[i64; 4]>,
    /// Whether all rows came as they had to.
    is_good: bool,
}

impl IndexPages {
    /// Of a database whose pages have so many bytes.
    pub(super) fn new(page_size: usize) -> Self {
        let mut pages = Pages { page_size, bytes: Vec::new() };
        let leaves = Level::begin(&mut pages, true);
        Self { pages, leaves, last: None, is_good: true }
    }

    /// Adds rows that begin alike.
    pub(super) fn add(&mut self, beginning: [i64; 2], ends: &[[i64; 2]]) {
        let mut head = Cell::new();
        let [first, second] = beginning;
        head.put([(2, first), (3, second)]);
        for [third, fourth] in ends {
            let row = [first, second, *third, *fourth];
            let mut cell = head;
            cell.put([(4, *third), (5, *fourth)]);
            self.is_good &= self.last < Some(row);
            self.last = Some(row);
            self.leaves.add(&mut self.pages, &cell, None);
        }
    }

    /// Rows that were added have gone: the index cannot be laid out any more.
    pub(super) fn spoil(&mut self) {
        self.is_good = false;
    }

    /// Has the index whose first page in `database` is `root`, and which is empty, hold the rows; returns the pages that are to
    /// follow on those of the database. `None`: it cannot be done, and nothing has changed.
    pub(super) fn complete(mut self, database: &mut [u8], root: u32) -> Option<Vec<u8>> {
        let page_size = self.pages.page_size;
        let root_start = (root as usize).checked_sub(1)?.checked_mul(page_size)?;
        let is_empty_leaf = database.get(root_start..root_start + 5)? == [LEAF, 0, 0, 0, 0];
        if !self.is_good
            || database.len() < HEADER
            || usize::from(u16::from_be_bytes(*database[PAGE_SIZE..].first_chunk()?)) != page_size
            || !database.len().is_multiple_of(page_size)
            || database[RESERVED] != 0
            || number(database, FORMAT)? != ROWS_WITH_SHORT_NUMBERS
            || number(database, CHANGES)? != number(database, CHANGES_WITH_PAGES)?
            || root == 1
            || !is_empty_leaf
        {
            return None;
        }
        // From the leaves upwards: each level has one page more than the one above it has rows.
        let first = u32::try_from(database.len() / page_size).ok()? + 1;
        let (mut children, mut rows) = self.leaves.end(&mut self.pages, None, first);
        while !rows.is_empty() {
            let mut level = Level::begin(&mut self.pages, false);
            for (row, child) in rows.iter().zip(children.clone()) {
                level.add(&mut self.pages, row, Some(child));
            }
            (children, rows) = level.end(&mut self.pages, Some(children.end - 1), first);
        }
        let mut pages = self.pages.bytes;
        // What is on top has its place already.
        let top = pages.len() - page_size;
        let length = database.len() + top;
        if length > LOCKED {
            return None;
        }
        let count = u32::try_from(length / page_size).ok()?;
        database[root_start..root_start + page_size].copy_from_slice(&pages[top..]);
        database[PAGES..PAGES + 4].copy_from_slice(&count.to_be_bytes());
        pages.truncate(top);
        Some(pages)
    }
}

fn number(database: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(*database.get(at..)?.first_chunk()?))
}

/// Pages one behind the other.
struct Pages {
    page_size: usize,
    bytes: Vec<u8>,
}

impl Pages {
    fn begin(&mut self, is_leaf: bool) -> Page {
        let start = self.bytes.len();
        self.bytes.resize(start + self.page_size, 0);
        self.bytes[start] = if is_leaf { LEAF } else { INNER };
        Page {
            start,
            places: if is_leaf { HEAD_OF_LEAF } else { HEAD_OF_INNER },
            rows: 0,
            content: self.page_size,
            last: 0,
        }
    }
}

/// Pages next to one another, of which the last one is being filled.
struct Level {
    /// Where the first of them begins.
    start: usize,
    page: Page,
    /// The page before it, and the child on the right of that.
    before: Option<(Page, Option<u32>)>,
    /// The rows between two of them, which stand on the level above.
    between: Vec<Cell>,
}

impl Level {
    fn begin(pages: &mut Pages, is_leaf: bool) -> Self {
        let page = pages.begin(is_leaf);
        Self { start: page.start, page, before: None, between: Vec::new() }
    }

    /// Adds a row, and the child on its left where there are children.
    fn add(&mut self, pages: &mut Pages, row: &Cell, child: Option<u32>) {
        if !self.page.add(&mut pages.bytes, row, child) {
            self.page.end(&mut pages.bytes, child);
            self.before = Some((self.page, child));
            self.page = pages.begin(child.is_none());
            self.between.push(*row);
        }
    }

    /// Ends the level, with the child on the right of all others. Returns the numbers of its pages, where the first of all
    /// pages has the number `first`, and the rows between them.
    fn end(mut self, pages: &mut Pages, child: Option<u32>, first: u32) -> (Range<u32>, Vec<Cell>) {
        // No page is empty: the one before has several rows, and gives its last one away.
        if self.page.rows == 0
            && let (Some((mut before, right)), Some(row)) = (self.before, self.between.pop())
        {
            let (last, left) = before.take_last(&mut pages.bytes);
            before.end(&mut pages.bytes, left);
            self.between.push(last);
            self.page.add(&mut pages.bytes, &row, right);
        }
        let number = |at: usize| first + (at / pages.page_size) as u32;
        let numbers = number(self.start)..number(pages.bytes.len());
        self.page.end(&mut pages.bytes, child);
        (numbers, self.between)
    }
}

/// A page that is being filled, which is the last one there is, or the one before.
#[derive(Clone, Copy)]
struct Page {
    /// Where it begins.
    start: usize,
    /// Where on the page the places of its rows begin.
    places: usize,
    rows: usize,
    /// Where on the page its rows begin, of which each stands before those that were added earlier.
    content: usize,
    /// How many bytes the last one takes, with its child.
    last: usize,
}

impl Page {
    /// Adds a row and the child on its left, if there is room.
    fn add(&mut self, pages: &mut [u8], row: &Cell, child: Option<u32>) -> bool {
        let page = &mut pages[self.start..];
        let bytes = &row.bytes[..usize::from(row.length)];
        let place = self.places + 2 * self.rows;
        let needed = bytes.len() + if child.is_some() { 4 } else { 0 };
        if self.content < place + 2 + needed {
            return false;
        }
        let end = self.content;
        self.content -= needed;
        page[end - bytes.len()..end].copy_from_slice(bytes);
        if let Some(child) = child {
            page[self.content..self.content + 4].copy_from_slice(&child.to_be_bytes());
        }
        page[place..place + 2].copy_from_slice(&(self.content as u16).to_be_bytes());
        self.rows += 1;
        self.last = needed;
        true
    }

    /// Takes the last row away again, and the child on its left.
    fn take_last(&mut self, pages: &mut [u8]) -> (Cell, Option<u32>) {
        let page = &mut pages[self.start..];
        let place = self.places + 2 * (self.rows - 1);
        page[place..place + 2].fill(0);
        let row = &mut page[self.content..self.content + self.last];
        let is_inner = self.places == HEAD_OF_INNER;
        let child = row.first_chunk().filter(|_| is_inner).map(|child| u32::from_be_bytes(*child));
        let bytes = &row[if is_inner { 4 } else { 0 }..];
        let mut cell = Cell { bytes: [0; LONGEST], length: bytes.len() as u8 };
        cell.bytes[..bytes.len()].copy_from_slice(bytes);
        row.fill(0);
        self.rows -= 1;
        self.content += self.last;
        (cell, child)
    }

    /// Ends the page, with the child on its right.
    fn end(self, pages: &mut [u8], child: Option<u32>) {
        let page = &mut pages[self.start..];
        page[3..5].copy_from_slice(&(self.rows as u16).to_be_bytes());
        page[5..7].copy_from_slice(&(self.content as u16).to_be_bytes());
        if let Some(child) = child {
            page[8..12].copy_from_slice(&child.to_be_bytes());
        }
    }
}

impl Cell {
    /// One without values yet.
    fn new() -> Self {
        let mut bytes = [0; LONGEST];
        bytes[1] = 5;
        Self { bytes, length: 6 }
    }

    /// Puts further values behind those there are, of each the kind at its place in the head.
    fn put(&mut self, values: [(usize, i64); 2]) {
        let mut end = usize::from(self.length);
        for (place, value) in values {
            let kind = kind_of(value);
            let width = usize::from(WIDTHS[usize::from(kind)]);
            self.bytes[place] = kind;
            // All eight bytes, of which the next value covers those that do not count.
            let shifted = value.wrapping_shl(64 - 8 * width as u32);
            self.bytes[end..end + 8].copy_from_slice(&shifted.to_be_bytes());
            end += width;
        }
        self.length = end as u8;
        self.bytes[0] = self.length - 1;
    }
}

/// By the kind of a number: how many bytes it takes.
const WIDTHS: [u8; 10] = [0, 1, 2, 3, 4, 6, 8, 0, 0, 0];

/// By the bits of a number, one for its sign among them: the kind that takes the fewest bytes.
const KINDS: [u8; 65] = {
    let mut kinds = [6; 65];
    let mut bits = 0;
    while bits <= 48 {
        kinds[bits] = match bits {
            0..=8 => 1,
            9..=16 => 2,
            17..=24 => 3,
            25..=32 => 4,
            33.. => 5,
        };
        bits += 1;
    }
    kinds
};

/// The kind of number that takes the fewest bytes. 0 and 1 take none, and are kinds of their own.
fn kind_of(value: i64) -> u8 {
    match value {
        0 => 8,
        1 => 9,
        _ => {
            let magnitude = value ^ (value >> 63);
            KINDS[65 - magnitude.leading_zeros() as usize]
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rusqlite::{Connection, MAIN_DB, params};

    use super::*;

    const TABLE: &str =
        "CREATE TABLE t (a integer, b integer, c integer, d integer, primary key (a, b, c, d)) without rowid";

    /// A database with the table, and other things around it.
    fn database(page_size: u32) -> (Vec<u8>, u32) {
        let mut connection = Connection::open_in_memory().unwrap();
        connection.pragma_update(None, "page_size", page_size).unwrap();
        connection.execute_batch("CREATE TABLE before (x)").unwrap();
        connection.execute(TABLE, ()).unwrap();
        connection
            .execute_batch("CREATE TABLE behind (x); INSERT INTO behind VALUES (zeroblob(9999))")
            .unwrap();
        let find = "SELECT rootpage FROM sqlite_master WHERE name = 't'";
        let root = connection.query_row(find, (), |row| row.get(0)).unwrap();
        (connection.serialize(MAIN_DB).unwrap().to_vec(), root)
    }

    /// The database with these rows.
    fn filled((mut bytes, root): (Vec<u8>, u32), page_size: usize, rows: &[[i64; 4]]) -> Option<Vec<u8>> {
        let mut pages = IndexPages::new(page_size);
        for [a, b, c, d] in rows {
            pages.add([*a, *b], &[[*c, *d]]);
        }
        let before = bytes.clone();
        let more = pages.complete(&mut bytes, root);
        assert!(more.is_some() || bytes == before);
        Some([bytes, more?].concat())
    }

    /// What SQLite finds in it, and how it likes it; and again once it has added a row itself.
    #[track_caller]
    fn check(bytes: &[u8], rows: &[[i64; 4]]) {
        let mut connection = Connection::open_in_memory().unwrap();
        connection.deserialize_read_exact(MAIN_DB, bytes, bytes.len(), false).unwrap();
        let mut expected = rows.to_vec();
        for new in [None, Some([5, 5, 5, 5])] {
            if let Some([a, b, c, d]) = new {
                connection
                    .execute("INSERT OR IGNORE INTO t VALUES (?, ?, ?, ?)", params![a, b, c, d])
                    .unwrap();
                connection.execute("INSERT INTO behind VALUES (zeroblob(9999))", ()).unwrap();
                expected.push([a, b, c, d]);
                expected.sort_unstable();
                expected.dedup();
            }
            let verdict: String =
                connection.query_row("PRAGMA integrity_check", (), |row| row.get(0)).unwrap();
            assert_eq!(verdict, "ok");
            let mut statement = connection.prepare("SELECT * FROM t ORDER BY a, b, c, d").unwrap();
            let found = statement.query_map((), |row| {
                let four: [i64; 4] = [row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?];
                Ok(four)
            });
            assert_eq!(found.unwrap().collect::<Result<Vec<_>, _>>().unwrap(), expected);
            for row in expected.iter().step_by(97) {
                let is_there: bool = connection
                    .query_row(
                        "SELECT count(*) FROM t WHERE a = ? AND b = ? AND c = ? AND d = ?",
                        *row,
                        |row| row.get(0),
                    )
                    .unwrap();
                assert!(is_there, "{row:?}");
            }
        }
    }

    fn value() -> impl Strategy<Value = i64> {
        prop_oneof![-3_i64..400, -40_000_i64..40_000, any::<i32>().prop_map(i64::from), any::<i64>()]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn sqlite_finds_the_rows(
            mut rows in prop::collection::vec(prop::array::uniform4(value()), 0..400),
            page_size in prop_oneof![Just(512_u32), Just(4096)],
        ) {
            rows.sort_unstable();
            rows.dedup();
            let bytes = filled(database(page_size), page_size as usize, &rows);
            check(&bytes.unwrap(), &rows);
        }
    }

    #[test]
    fn no_page_is_empty_whatever_the_number_of_rows() {
        // Rows of 10 bytes: 42 on a leaf of 512 bytes, and two levels of inner pages in the end.
        let rows: Vec<[i64; 4]> = (2..1400).map(|number| [200, 2, 300, 2 * number]).collect();
        for count in (0..130).chain([41 * 31, 41 * 31 + 1, 1398]) {
            let bytes = filled(database(512), 512, &rows[..count]);
            check(&bytes.unwrap(), &rows[..count]);
        }
    }

    #[test]
    fn every_width_of_number_is_read_back() {
        let edges = [7_u32, 8, 15, 16, 23, 24, 31, 32, 47, 48, 62].map(|bits| 1_i64 << bits);
        let mut numbers: Vec<i64> =
            edges.iter().flat_map(|edge| [*edge - 1, *edge, -*edge, -*edge - 1]).collect();
        numbers.extend([0, 1, -1, 2, i64::MIN, i64::MAX]);
        let mut rows: Vec<[i64; 4]> = numbers.iter().map(|number| [*number, 0, 1, *number / -3]).collect();
        rows.sort_unstable();
        rows.dedup();
        let bytes = filled(database(4096), 4096, &rows);
        check(&bytes.unwrap(), &rows);
    }

    #[test]
    fn what_is_not_as_expected_stays() {
        let (bytes, root) = database(4096);
        let rows = [[1, 2, 3, 4], [5, 6, 7, 8]];
        let full = filled((bytes.clone(), root), 4096, &rows).unwrap();
        // It holds rows already; it is no index; it is not there at all; there is no database.
        for (bytes, root) in [
            (full, root),
            (bytes.clone(), 1),
            (bytes.clone(), root - 1),
            (bytes.clone(), 9999),
            (vec![0; 50], 1),
        ] {
            assert_eq!(filled((bytes, root), 4096, &rows), None);
        }
        assert_eq!(filled((bytes.clone(), root), 512, &rows), None);
        for rows in [[rows[1], rows[0]], [rows[0]; 2]] {
            assert_eq!(filled((bytes.clone(), root), 4096, &rows), None);
        }
    }
}
