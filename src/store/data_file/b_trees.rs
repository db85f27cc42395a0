//! The b-trees of a database that is being made, laid into its pages without SQLite.
//!
//! To add a row, SQLite runs a program of thirty steps and looks for its place; rows that are sorted already can be laid
//! into pages one after the other, which takes a tenth of the instructions (`benches/README.md`). The form is that of
//! <https://sqlite.org/fileformat2.html>, sections 1.3, 1.6 and 2; `image` reads it. Must not know: what the rows mean.
//! Invariant: SQLite finds the rows it would have, had it added them itself, if they come in the order of their tree.

use super::{MAX_VALUE, SQLITE_MAGIC};

/// Bytes of a page of a new database (`SQLITE_DEFAULT_PAGE_SIZE`).
pub(super) const PAGE_SIZE: usize = 4096;

/// Bytes of the header of a database, in front of what the first page holds.
const HEADER: usize = 100;

/// Bytes before the places of its cells, on a page with and without children.
const HEAD_OF_INNER: usize = 12;
const HEAD_OF_LEAF: usize = 8;

/// SQLite locks the bytes from here on: the page that has them holds nothing.
const LOCKED: usize = 1 << 30;

/// A value of a row.
#[derive(Clone, Copy, Debug)]
pub(super) enum Value<'a> {
    Null,
    Number(i64),
    Text(&'a str),
    Blob(&'a [u8]),
}

/// What a tree is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Rows by their number, all of them on leaves.
    Table,
    /// Rows by their values, those between two pages on the page above. Tables without row numbers are of this kind, too.
    Index,
}

impl Kind {
    /// The first byte of a page.
    fn mark(self, is_leaf: bool) -> u8 {
        match (self, is_leaf) {
            (Self::Table, true) => 0x0d,
            (Self::Table, false) => 0x05,
            (Self::Index, true) => 0x0a,
            (Self::Index, false) => 0x02,
        }
    }
}

/// Pages one behind the other. The first one holds the header and the top of the list of tables.
pub(super) struct Pages {
    page_size: usize,
    bytes: Vec<u8>,
    /// Bytes of the longest row.
    longest: usize,
    /// Memory to be used again.
    row: Vec<u8>,
    cell: Vec<u8>,
}

impl Pages {
    pub(super) fn new(page_size: usize) -> Self {
        Self { page_size, bytes: vec![0; page_size], longest: 0, row: Vec::new(), cell: Vec::new() }
    }

    /// The database, of which `tables` is the list of all tables and indexes. `None`: it is too large for that.
    pub(super) fn complete(mut self, tables: Tree, application: u32, version: u32) -> Option<Vec<u8>> {
        // The top of the list has its place; there it may have a single child.
        let top = Page {
            start: 0,
            head: HEADER,
            places: HEADER + HEAD_OF_INNER,
            rows: 0,
            content: self.page_size,
            last: 0,
        };
        self.bytes[HEADER] = Kind::Table.mark(false);
        let top = Level { kind: Kind::Table, page: top, numbers: vec![1], before: None, between: Vec::new() };
        let is_on_top = tables.end_below(&mut self, top);
        if !is_on_top || self.bytes.len() > LOCKED || self.longest > MAX_VALUE as usize {
            return None;
        }
        let pages = u32::try_from(self.bytes.len() / self.page_size).ok()?;
        let sqlite = u32::try_from(rusqlite::version_number()).ok()?;
        let page_size = u16::try_from(self.page_size).ok()?;
        self.bytes[..16].copy_from_slice(SQLITE_MAGIC);
        self.bytes[16..18].copy_from_slice(&page_size.to_be_bytes());
        // Read and written with a rollback journal; no bytes of a page are reserved; fractions that are always these.
        self.bytes[18..24].copy_from_slice(&[1, 1, 0, 64, 32, 32]);
        let numbers = [
            // It was changed once, and has so many pages, and no free ones.
            (24, 1),
            (28, pages),
            // Its list of tables was changed once. Rows have one-byte forms of 0 and 1, text is UTF-8.
            (40, 1),
            (44, 4),
            (56, 1),
            (60, version),
            (68, application),
            // The change after which that number of pages was written, and by which SQLite.
            (92, 1),
            (96, sqlite),
        ];
        for (at, number) in numbers {
            self.bytes[at..at + 4].copy_from_slice(&number.to_be_bytes());
        }
        Some(self.bytes)
    }

    /// A further page, and its number.
    fn add(&mut self) -> (usize, u32) {
        let start = self.bytes.len();
        self.bytes.resize(start + self.page_size, 0);
        (start, (start / self.page_size) as u32 + 1)
    }

    fn begin(&mut self, kind: Kind, is_leaf: bool) -> (Page, u32) {
        let (start, number) = self.add();
        self.bytes[start] = kind.mark(is_leaf);
        let places = if is_leaf { HEAD_OF_LEAF } else { HEAD_OF_INNER };
        (Page { start, head: 0, places, rows: 0, content: self.page_size, last: 0 }, number)
    }

    /// Lays out a cell: the length of the row, its number if it has one, as much of the row as may stand there, and the number of
    /// the first page with the rest.
    fn lay_out(&mut self, kind: Kind, number: Option<i64>, values: &[Value]) {
        self.row.clear();
        encode(values, &mut self.row);
        let length = self.row.len();
        self.longest = self.longest.max(length);
        self.cell.clear();
        put_varint(&mut self.cell, length as u64);
        if let Some(number) = number {
            put_varint(&mut self.cell, number.cast_unsigned());
        }
        let most = match kind {
            Kind::Table => self.page_size - 35,
            Kind::Index => (self.page_size - 12) * 64 / 255 - 23,
        };
        if length <= most {
            self.cell.extend_from_slice(&self.row);
            return;
        }
        let least = (self.page_size - 12) * 32 / 255 - 23;
        let filling = least + (length - least) % (self.page_size - 4);
        let here = if filling <= most { filling } else { least };
        self.cell.extend_from_slice(&self.row[..here]);
        let row = std::mem::take(&mut self.row);
        let (mut start, first) = self.add();
        self.cell.extend_from_slice(&first.to_be_bytes());
        let mut parts = row[here..].chunks(self.page_size - 4).peekable();
        while let Some(part) = parts.next() {
            self.bytes[start + 4..start + 4 + part.len()].copy_from_slice(part);
            if parts.peek().is_some() {
                let (next_start, next) = self.add();
                self.bytes[start..start + 4].copy_from_slice(&next.to_be_bytes());
                start = next_start;
            }
        }
        self.row = row;
    }
}

/// A tree that is being laid out.
pub(super) struct Tree {
    kind: Kind,
    leaves: Level,
    /// The number of the row that came last.
    last: i64,
}

impl Tree {
    pub(super) fn new(pages: &mut Pages, kind: Kind) -> Self {
        Self { kind, leaves: Level::begin(pages, kind, true), last: 0 }
    }

    /// Adds a row to a table, with a number above all others.
    pub(super) fn add_numbered(&mut self, pages: &mut Pages, number: i64, values: &[Value]) {
        pages.lay_out(self.kind, Some(number), values);
        self.add_cell(pages, Some(self.last));
        self.last = number;
    }

    /// Adds a row to an index, whose values come after those of all others.
    pub(super) fn add(&mut self, pages: &mut Pages, values: &[Value]) {
        pages.lay_out(self.kind, None, values);
        self.add_cell(pages, None);
    }

    /// The same for a row of a few numbers, of which a file has more than of anything else.
    pub(super) fn add_numbers<const COLUMNS: usize>(&mut self, pages: &mut Pages, numbers: [i64; COLUMNS]) {
        let mut cell = [0; LONGEST_OF_NUMBERS];
        let length = lay_out_numbers(&numbers, &mut cell);
        self.leaves.add(pages, &cell[..length], None, None);
    }

    /// The number of the row that came last; 0 where none did.
    pub(super) fn last(&self) -> i64 {
        self.last
    }

    fn add_cell(&mut self, pages: &mut Pages, last: Option<i64>) {
        let cell = std::mem::take(&mut pages.cell);
        self.leaves.add(pages, &cell, None, last);
        pages.cell = cell;
    }

    /// The number of the page on top, once all rows have come.
    pub(super) fn end(self, pages: &mut Pages) -> u32 {
        let kind = self.kind;
        let (mut children, mut between) = self.leaves.end(pages, None);
        while !between.is_empty() {
            let level = Level::begin(pages, kind, false);
            (children, between) = level.over(pages, &children, &between);
        }
        children[0]
    }

    /// Puts the only page of `top` on top of the leaves; tells whether it has room for them.
    fn end_below(self, pages: &mut Pages, top: Level) -> bool {
        let (children, between) = self.leaves.end(pages, None);
        let (_, more) = top.over(pages, &children, &between);
        more.is_empty()
    }
}

/// Pages next to one another, of which the last one is being filled.
struct Level {
    kind: Kind,
    page: Page,
    /// The numbers of all of them.
    numbers: Vec<u32>,
    /// The page before the last one if its last cell may be taken from it, and the child on its right.
    before: Option<(Page, Option<u32>)>,
    /// The cells between two of them, which stand on the level above.
    between: Vec<Vec<u8>>,
}

impl Level {
    fn begin(pages: &mut Pages, kind: Kind, is_leaf: bool) -> Self {
        let (page, number) = pages.begin(kind, is_leaf);
        Self { kind, page, numbers: vec![number], before: None, between: Vec::new() }
    }

    /// Adds a cell, and the child on its left where there are children. `last`: the number of the row before, on the leaves of a
    /// table, where cells stay, and only such a number goes to the level above.
    fn add(&mut self, pages: &mut Pages, cell: &[u8], child: Option<u32>, last: Option<i64>) {
        if self.page.add(&mut pages.bytes, cell, child) {
            return;
        }
        self.page.end(&mut pages.bytes, child);
        let (next, number) = pages.begin(self.kind, child.is_none());
        let full = std::mem::replace(&mut self.page, next);
        self.numbers.push(number);
        if let Some(last) = last {
            let mut between = Vec::new();
            put_varint(&mut between, last.cast_unsigned());
            self.between.push(between);
            // There is room for any cell on a page of its own.
            self.page.add(&mut pages.bytes, cell, None);
        } else {
            self.before = Some((full, child));
            self.between.push(cell.to_vec());
        }
    }

    /// Ends the level, with the child on the right of all others. Returns the numbers of its pages, and the cells between them.
    fn end(mut self, pages: &mut Pages, child: Option<u32>) -> (Vec<u32>, Vec<Vec<u8>>) {
        // No page is empty: the one before has several cells, and gives its last one away.
        if self.page.rows == 0
            && let (Some((mut before, right)), Some(cell)) = (self.before, self.between.pop())
        {
            let (last, left) = before.take_last(&mut pages.bytes);
            before.end(&mut pages.bytes, left);
            self.between.push(last);
            self.page.add(&mut pages.bytes, &cell, right);
        }
        self.page.end(&mut pages.bytes, child);
        (self.numbers, self.between)
    }

    /// Fills the level with children, one more than there are cells between them, and ends it.
    fn over(mut self, pages: &mut Pages, children: &[u32], between: &[Vec<u8>]) -> (Vec<u32>, Vec<Vec<u8>>) {
        for (cell, child) in between.iter().zip(children) {
            self.add(pages, cell, Some(*child), None);
        }
        self.end(pages, children.last().copied())
    }
}

/// A page that is being filled, or the one before.
#[derive(Clone, Copy)]
struct Page {
    /// Where it begins.
    start: usize,
    /// Where on the page its head begins, and behind it the places of its cells.
    head: usize,
    places: usize,
    rows: usize,
    /// Where on the page its cells begin, of which each stands before those that were added earlier.
    content: usize,
    /// How many bytes the last one takes, with its child.
    last: usize,
}

impl Page {
    /// Adds a cell and the child on its left, if there is room.
    fn add(&mut self, pages: &mut [u8], cell: &[u8], child: Option<u32>) -> bool {
        let page = &mut pages[self.start..];
        let place = self.places + 2 * self.rows;
        let needed = cell.len() + if child.is_some() { 4 } else { 0 };
        if self.content < place + 2 + needed {
            return false;
        }
        let end = self.content;
        self.content -= needed;
        page[end - cell.len()..end].copy_from_slice(cell);
        if let Some(child) = child {
            page[self.content..self.content + 4].copy_from_slice(&child.to_be_bytes());
        }
        page[place..place + 2].copy_from_slice(&(self.content as u16).to_be_bytes());
        self.rows += 1;
        self.last = needed;
        true
    }

    /// Takes the last cell away again, and the child on its left.
    fn take_last(&mut self, pages: &mut [u8]) -> (Vec<u8>, Option<u32>) {
        let page = &mut pages[self.start..];
        let place = self.places + 2 * (self.rows - 1);
        page[place..place + 2].fill(0);
        let cell = &mut page[self.content..self.content + self.last];
        let is_inner = self.places - self.head == HEAD_OF_INNER;
        let child = cell.first_chunk().filter(|_| is_inner).map(|child| u32::from_be_bytes(*child));
        let bytes = cell[if is_inner { 4 } else { 0 }..].to_vec();
        cell.fill(0);
        self.rows -= 1;
        self.content += self.last;
        (bytes, child)
    }

    /// Ends the page, with the child on its right.
    fn end(self, pages: &mut [u8], child: Option<u32>) {
        let head = &mut pages[self.start + self.head..];
        head[3..5].copy_from_slice(&(self.rows as u16).to_be_bytes());
        head[5..7].copy_from_slice(&(self.content as u16).to_be_bytes());
        if let Some(child) = child {
            head[8..12].copy_from_slice(&child.to_be_bytes());
        }
    }
}

/// Appends a row: the length of its head, which has the kind of each value, and the values.
fn encode(values: &[Value], row: &mut Vec<u8>) {
    // No table has so many columns that the length of the head takes more than a byte.
    row.push(0);
    for value in values {
        match value {
            Value::Null => row.push(0),
            Value::Number(number) => row.push(kind_of(*number)),
            Value::Text(text) => put_varint(row, 13 + 2 * text.len() as u64),
            Value::Blob(bytes) => put_varint(row, 12 + 2 * bytes.len() as u64),
        }
    }
    row[0] = row.len() as u8;
    for value in values {
        match value {
            Value::Null => {}
            Value::Number(number) => {
                let width = usize::from(WIDTHS[usize::from(kind_of(*number))]);
                row.extend_from_slice(&number.to_be_bytes()[8 - width..]);
            }
            Value::Text(text) => row.extend_from_slice(text.as_bytes()),
            Value::Blob(bytes) => row.extend_from_slice(bytes),
        }
    }
}

/// So many numbers at most are laid out at once, and take so many bytes: their length, the length of their head, a byte in the head
/// for each, and the numbers.
const MOST_NUMBERS: usize = 4;
const LONGEST_OF_NUMBERS: usize = 2 + MOST_NUMBERS + 8 * MOST_NUMBERS;

/// Lays out a cell of a row without a number; returns its length.
fn lay_out_numbers<const COLUMNS: usize>(
    numbers: &[i64; COLUMNS],
    cell: &mut [u8; LONGEST_OF_NUMBERS],
) -> usize {
    const { assert!(COLUMNS <= MOST_NUMBERS) };
    let mut end = 2 + COLUMNS;
    for (place, number) in numbers.iter().enumerate() {
        let kind = kind_of(*number);
        let width = usize::from(WIDTHS[usize::from(kind)]);
        cell[2 + place] = kind;
        // All eight bytes, of which the next number covers those that do not count.
        let shifted = number.wrapping_shl(64 - 8 * width as u32);
        cell[end..end + 8].copy_from_slice(&shifted.to_be_bytes());
        end += width;
    }
    cell[0] = end as u8 - 1;
    cell[1] = 1 + COLUMNS as u8;
    end
}

/// Appends a number in as few bytes as it takes, seven bits in each, from the highest on. The form has another end for numbers
/// of more than 56 bits, which no length and no row of a new table has.
fn put_varint(bytes: &mut Vec<u8>, number: u64) {
    let groups = (64 - number.leading_zeros()).div_ceil(7).max(1);
    for group in (0..groups).rev() {
        let more = if group == 0 { 0 } else { 0x80 };
        bytes.push((number >> (7 * group)) as u8 & 0x7f | more);
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

    use super::Value::{Blob, Null, Number, Text};
    use super::*;

    const NUMBERS: &str = "CREATE TABLE numbers (a integer, b integer, c integer, d integer, primary key (a, b, c, d)) without rowid";
    const THINGS: &str =
        "CREATE TABLE things (id integer primary key, text text, bytes blob, unique (text, bytes))";
    const INDEX: &str = "sqlite_autoindex_things_1";

    /// What [`THINGS`] holds.
    type Things = Vec<(i64, String, Vec<u8>)>;

    /// A database of two tables with these rows: those of numbers in their order, the others in that of their own numbers.
    fn database(page_size: usize, rows: &[[i64; 4]], things: &Things) -> Vec<u8> {
        let mut pages = Pages::new(page_size);
        let mut numbers = Tree::new(&mut pages, Kind::Index);
        for row in rows {
            numbers.add_numbers(&mut pages, *row);
        }
        let mut table = Tree::new(&mut pages, Kind::Table);
        for (id, text, bytes) in things {
            table.add_numbered(&mut pages, *id, &[Null, Text(text), Blob(bytes)]);
        }
        assert_eq!(table.last(), things.last().map_or(0, |(id, ..)| *id));
        let mut index = Tree::new(&mut pages, Kind::Index);
        let mut sorted: Vec<_> = things.iter().map(|(id, text, bytes)| (text, bytes, id)).collect();
        sorted.sort_unstable();
        for (text, bytes, id) in sorted {
            index.add(&mut pages, &[Text(text), Blob(bytes), Number(*id)]);
        }
        let mut list = Tree::new(&mut pages, Kind::Table);
        let trees = [
            ("table", "numbers", "numbers", numbers, Text(NUMBERS)),
            ("table", "things", "things", table, Text(THINGS)),
            ("index", INDEX, "things", index, Null),
        ];
        for (kind, name, of, tree, statement) in trees {
            let root = Number(tree.end(&mut pages).into());
            let number = list.last() + 1;
            list.add_numbered(&mut pages, number, &[Text(kind), Text(name), Text(of), root, statement]);
        }
        pages.complete(list, 0x1234_5678, 42).unwrap()
    }

    /// What SQLite finds in it, and how it likes it; and again once it has added rows itself.
    #[track_caller]
    fn check(bytes: &[u8], rows: &[[i64; 4]], things: &Things) {
        let mut connection = Connection::open_in_memory().unwrap();
        connection.deserialize_read_exact(MAIN_DB, bytes, bytes.len(), false).unwrap();
        let mut rows = rows.to_vec();
        let mut things = things.clone();
        let ask = |connection: &Connection, what: &str| -> String {
            let ask = format!("SELECT {what}");
            connection
                .query_row(&ask, (), |row| {
                    row.get::<_, rusqlite::types::Value>(0).map(|it| format!("{it:?}"))
                })
                .unwrap()
        };
        assert_eq!(
            ask(&connection, "application_id FROM pragma_application_id"),
            format!("Integer({})", 0x1234_5678)
        );
        assert_eq!(ask(&connection, "user_version FROM pragma_user_version"), "Integer(42)");
        for adds in [false, true] {
            if adds {
                let new = [5, 5, 5, 5];
                let number = things.last().map_or(0, |(id, ..)| *id) + 1;
                let thing = (number, "a new one".repeat(99), vec![7; 9000]);
                connection.execute("INSERT OR IGNORE INTO numbers VALUES (?, ?, ?, ?)", new).unwrap();
                connection
                    .execute("INSERT INTO things VALUES (NULL, ?, ?)", params![thing.1, thing.2])
                    .unwrap();
                rows.push(new);
                rows.sort_unstable();
                rows.dedup();
                things.push(thing);
            }
            let verdict: String =
                connection.query_row("PRAGMA integrity_check", (), |row| row.get(0)).unwrap();
            assert_eq!(verdict, "ok");
            let mut statement = connection.prepare("SELECT * FROM numbers ORDER BY a, b, c, d").unwrap();
            let found = statement.query_map((), |row| {
                let four: [i64; 4] = [row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?];
                Ok(four)
            });
            assert_eq!(found.unwrap().collect::<Result<Vec<_>, _>>().unwrap(), rows);
            let mut statement = connection.prepare("SELECT * FROM things ORDER BY id").unwrap();
            let found = statement.query_map((), |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)));
            assert_eq!(found.unwrap().collect::<Result<Things, _>>().unwrap(), things);
            let has_row = "SELECT count(*) FROM numbers WHERE (a, b, c, d) = (?, ?, ?, ?)";
            for row in rows.iter().step_by(97) {
                assert_eq!(connection.query_row(has_row, *row, |row| row.get(0)), Ok(1), "{row:?}");
            }
            let find = "SELECT id FROM things WHERE text = ? AND bytes = ?";
            for (id, text, bytes) in things.iter().step_by(17) {
                let found = connection.query_row(find, params![text, bytes], |row| row.get(0));
                assert_eq!(found, Ok(*id));
            }
        }
    }

    fn value() -> impl Strategy<Value = i64> {
        prop_oneof![-3_i64..400, -40_000_i64..40_000, any::<i32>().prop_map(i64::from), any::<i64>()]
    }

    /// Lengths on either side of what a page holds, and of what it takes to fill several.
    fn length() -> impl Strategy<Value = usize> {
        prop_oneof![0_usize..40, 60_usize..1100, 3900_usize..4300, 8000_usize..20_000]
    }

    prop_compose! {
        fn things()(
            lengths in prop::collection::vec((1_i64..300, length(), length()), 0..60),
        ) -> Things {
            let mut id = 0;
            let things = lengths.into_iter().map(|(more, text, bytes)| {
                id += more;
                (id, format!("{id}{}", "é".repeat(text / 2)), vec![7; bytes])
            });
            things.collect()
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn sqlite_finds_the_rows(
            mut rows in prop::collection::vec(prop::array::uniform4(value()), 0..400),
            things in things(),
            page_size in prop_oneof![Just(512), Just(PAGE_SIZE)],
        ) {
            rows.sort_unstable();
            rows.dedup();
            check(&database(page_size, &rows, &things), &rows, &things);
        }

        #[test]
        fn numbers_are_laid_out_as_other_values(row in prop::array::uniform4(value())) {
            let mut pages = Pages::new(PAGE_SIZE);
            pages.lay_out(Kind::Index, None, &row.map(Number));
            let mut cell = [0; LONGEST_OF_NUMBERS];
            let length = lay_out_numbers(&row, &mut cell);
            prop_assert_eq!(&cell[..length], pages.cell);
        }
    }

    #[test]
    fn no_page_is_empty_whatever_the_number_of_rows() {
        // Rows of 10 bytes: 42 on a leaf of 512 bytes, and two levels of inner pages in the end.
        let rows: Vec<[i64; 4]> = (2..1400).map(|number| [200, 2, 300, 2 * number]).collect();
        let things: Things = (1..1400).map(|id| (id, id.to_string(), Vec::new())).collect();
        for count in (0..130).chain([41 * 31, 41 * 31 + 1, 1398]) {
            let (rows, things) = (&rows[..count], things[..count].to_vec());
            check(&database(512, rows, &things), rows, &things);
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
        let things = [1, 127, 128, 16_383, 16_384, 1 << 32, (1 << 55) - 1]
            .map(|id: i64| (id, id.to_string(), Vec::new()))
            .to_vec();
        check(&database(PAGE_SIZE, &rows, &things), &rows, &things);
    }
}
