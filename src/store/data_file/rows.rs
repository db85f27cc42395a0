//! Many rows for a table, some by each statement: starting a statement costs more than adding a row.
//!
//! Must not know: the tables. Invariant: no row is left out once [`Rows::write_rest`] was called.

use rusqlite::types::{ToSql, ToSqlOutput};
use rusqlite::{CachedStatement, Connection, params_from_iter};

use super::Fault;

/// Rows of one statement.
const AT_ONCE: usize = 32;

/// Rows of so many values. SQLite finds the place of a row at once where it comes behind all others, so they are best added in
/// the order of the table's index.
pub(super) struct Rows<'a, const COLUMNS: usize, T = i64> {
    connection: &'a Connection,
    /// The statement up to its values.
    insert: &'static str,
    /// Fewer than [`AT_ONCE`].
    waiting: Vec<[T; COLUMNS]>,
    /// From the first use on.
    put_many: Option<CachedStatement<'a>>,
    put_one: Option<CachedStatement<'a>>,
}

/// Rows of values of any type.
pub(super) type MixedRows<'a, const COLUMNS: usize> = Rows<'a, COLUMNS, ToSqlOutput<'a>>;

impl<'a, const COLUMNS: usize, T: ToSql> Rows<'a, COLUMNS, T> {
    /// `insert` is a statement up to its values.
    pub(super) fn new(connection: &'a Connection, insert: &'static str) -> Self {
        Self { connection, insert, waiting: Vec::new(), put_many: None, put_one: None }
    }

    pub(super) fn add(&mut self, row: [T; COLUMNS]) -> Result<(), Fault> {
        self.waiting.push(row);
        if self.waiting.len() == AT_ONCE {
            let put = prepared::<COLUMNS>(&mut self.put_many, self.connection, self.insert, AT_ONCE)?;
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
        let put = prepared::<COLUMNS>(&mut self.put_one, self.connection, self.insert, 1)?;
        for row in self.waiting.drain(..) {
            put.execute(params_from_iter(row))?;
        }
        Ok(())
    }
}

/// The statement for so many rows, which is prepared at its first use.
fn prepared<'s, 'a, const COLUMNS: usize>(
    statement: &'s mut Option<CachedStatement<'a>>,
    connection: &'a Connection,
    insert: &str,
    rows: usize,
) -> Result<&'s mut CachedStatement<'a>, Fault> {
    if let Some(statement) = statement {
        return Ok(statement);
    }
    let row = format!("({})", vec!["?"; COLUMNS].join(", "));
    let values = vec![row; rows].join(", ");
    Ok(statement.insert(connection.prepare_cached(&format!("{insert} VALUES {values}"))?))
}
