//! Many rows for a table, some by each statement: starting a statement costs more than adding a row.
//!
//! Must not know: the tables. Invariant: no row is left out once [`Rows::write_rest`] was called.

use rusqlite::{CachedStatement, Connection, params_from_iter};

use super::Fault;

/// Rows of one statement.
const AT_ONCE: usize = 32;

/// Rows of so many numbers. SQLite finds the place of a row at once where it comes behind all others, so they are best added in
/// the order of the table's index.
pub(super) struct Rows<'a, const COLUMNS: usize> {
    connection: &'a Connection,
    /// The statement up to its values.
    insert: &'static str,
    /// Fewer than [`AT_ONCE`].
    waiting: Vec<[i64; COLUMNS]>,
    /// From the first use on.
    put_many: Option<CachedStatement<'a>>,
}

impl<'a, const COLUMNS: usize> Rows<'a, COLUMNS> {
    /// `insert` is a statement up to its values.
    pub(super) fn new(connection: &'a Connection, insert: &'static str) -> Self {
        Self { connection, insert, waiting: Vec::with_capacity(AT_ONCE), put_many: None }
    }

    pub(super) fn add(&mut self, row: [i64; COLUMNS]) -> Result<(), Fault> {
        self.waiting.push(row);
        if self.waiting.len() == AT_ONCE {
            let put = match &mut self.put_many {
                Some(put) => put,
                none => none.insert(prepare::<COLUMNS>(self.connection, self.insert, AT_ONCE)?),
            };
            put.execute(params_from_iter(self.waiting.as_flattened()))?;
            self.waiting.clear();
        }
        Ok(())
    }

    /// Adds what waits for more. To be called at the end, and before anything else looks at the table.
    pub(super) fn write_rest(&mut self) -> Result<(), Fault> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        let mut put = prepare::<COLUMNS>(self.connection, self.insert, 1)?;
        for row in self.waiting.drain(..) {
            put.execute(params_from_iter(row))?;
        }
        Ok(())
    }
}

fn prepare<'a, const COLUMNS: usize>(
    connection: &'a Connection,
    insert: &str,
    rows: usize,
) -> Result<CachedStatement<'a>, Fault> {
    let row = format!("({})", vec!["?"; COLUMNS].join(", "));
    let values = vec![row; rows].join(", ");
    Ok(connection.prepare_cached(&format!("{insert} VALUES {values}"))?)
}
