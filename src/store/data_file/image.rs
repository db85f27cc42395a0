//! Rows of an index, read from the bytes of a database.
//!
//! SQLite takes longer to hand on a row than to find it; files to combine have millions of rows that are four small numbers.
//! The bytes are the state that SQLite's own transaction sees, in the form of <https://sqlite.org/fileformat2.html>,
//! sections 1.3, 1.6 and 2.1. Must not know: what the numbers mean. Must not trust: whatever is not as expected is told as
//! [`Unexpected`], so that SQLite may read the table, and say what is wrong with it.

/// The image is not a database, or the rows hold other things than numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unexpected;

/// The first bytes of the database are its header, in front of what the first page holds.
const HEADER: usize = 100;

/// The first byte of a page of an index.
const INNER: u8 = 0x02;
const LEAF: u8 = 0x0a;

/// Rows of that many bytes at most are whole on their page, whatever its size is. Those of four numbers and a row number take
/// 46 at most.
const LONGEST: u8 = 94;

/// Deeper than any index can be: pages of 512 bytes have more than two children.
const DEEPEST: u32 = 40;

/// The bytes of a database.
pub(super) struct Image<'a> {
    bytes: &'a [u8],
    page_size: usize,
}

impl<'a> Image<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Result<Self, Unexpected> {
        let page_size = match number(bytes, 16)? {
            // 65,536 does not fit.
            1 => 65_536,
            size => usize::from(size),
        };
        if page_size < 512 || !page_size.is_power_of_two() {
            return Err(Unexpected);
        }
        Ok(Self { bytes, page_size })
    }

    /// Hands the first four values of each row to `take`, in the order of the index. Where this fails, it may have handed on
    /// some already.
    pub(super) fn each_row(&self, root: u32, take: &mut impl FnMut([i64; 4])) -> Result<(), Unexpected> {
        // Each page belongs to one place: more visits than pages go round in circles.
        let mut visits = self.bytes.len() / self.page_size;
        self.visit(root, DEEPEST, &mut visits, take)
    }

    fn visit(
        &self,
        page: u32,
        depth: u32,
        visits: &mut usize,
        take: &mut impl FnMut([i64; 4]),
    ) -> Result<(), Unexpected> {
        *visits = visits.checked_sub(1).ok_or(Unexpected)?;
        let depth = depth.checked_sub(1).ok_or(Unexpected)?;
        let index = (page as usize).checked_sub(1).ok_or(Unexpected)?;
        let start = index.checked_mul(self.page_size).ok_or(Unexpected)?;
        let bytes =
            self.bytes.get(start..).and_then(|bytes| bytes.get(..self.page_size)).ok_or(Unexpected)?;
        let header = bytes.get(if index == 0 { HEADER } else { 0 }..).ok_or(Unexpected)?;
        let count = usize::from(number(header, 3)?);
        let (is_inner, places) = match header.first() {
            Some(&INNER) => (true, 12),
            Some(&LEAF) => (false, 8),
            Some(_) | None => return Err(Unexpected),
        };
        let places = header.get(places..).and_then(|rest| rest.get(..2 * count)).ok_or(Unexpected)?;
        for place in places.as_chunks::<2>().0 {
            let mut cell = bytes.get(usize::from(u16::from_be_bytes(*place))..).ok_or(Unexpected)?;
            if is_inner {
                let (child, rest) = cell.split_first_chunk().ok_or(Unexpected)?;
                self.visit(u32::from_be_bytes(*child), depth, visits, take)?;
                cell = rest;
            }
            take(row(cell)?);
        }
        if is_inner {
            let last = header.get(8..).and_then(<[u8]>::first_chunk).ok_or(Unexpected)?;
            self.visit(u32::from_be_bytes(*last), depth, visits, take)?;
        }
        Ok(())
    }
}

fn number(bytes: &[u8], at: usize) -> Result<u16, Unexpected> {
    let bytes = bytes.get(at..).and_then(<[u8]>::first_chunk).ok_or(Unexpected)?;
    Ok(u16::from_be_bytes(*bytes))
}

/// The first four values of a row: its length, the length of the head, a byte in the head for each value, the values.
fn row(cell: &[u8]) -> Result<[i64; 4], Unexpected> {
    let [length, head, types @ ..] = cell else { return Err(Unexpected) };
    let (length, head) = (usize::from(*length), usize::from(*head));
    let types = types.first_chunk::<4>().ok_or(Unexpected)?;
    let mut values = cell
        .get(1..=length)
        .filter(|_| length <= LONGEST.into())
        .and_then(|row| row.get(head..))
        .ok_or(Unexpected)?;
    if head < 5 {
        return Err(Unexpected);
    }
    let mut numbers = [0; 4];
    for (number, kind) in numbers.iter_mut().zip(types) {
        let width = match kind {
            1..=4 => usize::from(*kind),
            5 => 6,
            6 => 8,
            8 | 9 => {
                *number = i64::from(*kind == 9);
                continue;
            }
            _ => return Err(Unexpected),
        };
        let (value, rest) = values.split_at_checked(width).ok_or(Unexpected)?;
        *number = match *value {
            // Most are lines and row numbers.
            [byte] => i64::from(byte.cast_signed()),
            [high, low] => i64::from(i16::from_be_bytes([high, low])),
            _ => {
                // The first byte has the sign.
                let start = if value[0] < 128 { 0 } else { -1 };
                value.iter().fold(start, |number, byte| number << 8 | i64::from(*byte))
            }
        };
        values = rest;
    }
    Ok(numbers)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rusqlite::{Connection, MAIN_DB, params};

    use super::*;

    fn database(page_size: u32, rows: &[[i64; 4]], without_rowid: bool) -> (Vec<u8>, u32) {
        let mut connection = Connection::open_in_memory().unwrap();
        connection.pragma_update(None, "page_size", page_size).unwrap();
        let key =
            if without_rowid { "primary key (a, b, c, d)) without rowid" } else { "unique (a, b, c, d))" };
        connection
            .execute(&format!("CREATE TABLE t (a integer, b integer, c integer, d integer, {key}"), ())
            .unwrap();
        for [a, b, c, d] in rows {
            connection.execute("INSERT OR IGNORE INTO t VALUES (?, ?, ?, ?)", params![a, b, c, d]).unwrap();
        }
        let name = if without_rowid { "t" } else { "sqlite_autoindex_t_1" };
        let find = "SELECT rootpage FROM sqlite_master WHERE name = ?";
        let root = connection.query_row(find, [name], |row| row.get(0)).unwrap();
        (connection.serialize(MAIN_DB).unwrap().to_vec(), root)
    }

    fn rows(bytes: &[u8], root: u32) -> Result<Vec<[i64; 4]>, Unexpected> {
        let mut found = Vec::new();
        Image::new(bytes)?.each_row(root, &mut |row| found.push(row))?;
        Ok(found)
    }

    fn value() -> impl Strategy<Value = i64> {
        prop_oneof![-3_i64..400, -40_000_i64..40_000, any::<i32>().prop_map(i64::from), any::<i64>()]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn rows_are_those_of_sqlite(
            mut numbers in prop::collection::vec(prop::array::uniform4(value()), 0..400),
            page_size in prop_oneof![Just(512_u32), Just(4096), Just(65_536)],
            without_rowid in any::<bool>(),
        ) {
            let (bytes, root) = database(page_size, &numbers, without_rowid);
            numbers.sort_unstable();
            numbers.dedup();
            prop_assert_eq!(rows(&bytes, root), Ok(numbers));
        }

        #[test]
        fn no_bytes_make_it_panic_or_run_for_ever(
            damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..60),
            root in 0_u32..9,
            length in any::<prop::sample::Index>(),
        ) {
            let numbers: Vec<[i64; 4]> = (0..200).map(|number| [number, 1, number * number, -number]).collect();
            let (mut bytes, _) = database(512, &numbers, true);
            for (place, byte) in damage {
                let place = place.index(bytes.len());
                bytes[place] = byte;
            }
            let _ = rows(&bytes, root);
            bytes.truncate(length.index(bytes.len()));
            let _ = rows(&bytes, root);
        }
    }

    #[test]
    fn an_index_that_leads_to_itself_ends() {
        let numbers: Vec<[i64; 4]> = (0..200).map(|number| [number, 1, 2, 3]).collect();
        let (mut bytes, root) = database(512, &numbers, true);
        let start = (root as usize - 1) * 512;
        assert_eq!(bytes[start], INNER);
        bytes[start + 8..start + 12].copy_from_slice(&root.to_be_bytes());
        assert_eq!(rows(&bytes, root), Err(Unexpected));
    }

    #[test]
    fn rows_of_other_things_are_unexpected() {
        let mut connection = Connection::open_in_memory().unwrap();
        connection.execute("CREATE TABLE t (a, b, c, d, unique (a, b, c, d))", ()).unwrap();
        let find = "SELECT rootpage FROM sqlite_master WHERE name = 'sqlite_autoindex_t_1'";
        let root = connection.query_row(find, (), |row| row.get(0)).unwrap();
        for value in ["NULL", "1.5", "'x'", "x'00'", "zeroblob(9000)"] {
            connection.execute(&format!("INSERT INTO t VALUES (1, 2, 3, {value})"), ()).unwrap();
            assert_eq!(rows(&connection.serialize(MAIN_DB).unwrap(), root), Err(Unexpected), "{value}");
            connection.execute("DELETE FROM t", ()).unwrap();
        }
    }
}
