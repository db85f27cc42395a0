//! Evaluations of decisions: adding, dropping and reading back.
//!
//! A decision is known by its range in the text that ran, so that evaluations in copies of its bytecode come together.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rusqlite::{Connection, Row, params};

use super::{DataFile, Fault, StoreError, schema};
use crate::model::{ContextNames, Place, Vector};

/// The key of `minicov_meta` that tells that evaluations were recorded in some run, if only to find none.
pub(super) const RECORDED: &str = "vectors";

/// Evaluations by the range of their decision.
pub(crate) type Vectors = BTreeMap<Place, BTreeSet<Vector>>;

impl DataFile {
    /// Whether any run recorded evaluations.
    pub(crate) fn has_vectors(&self) -> Result<bool, StoreError> {
        if !self.tables.has_vectors() {
            return Ok(false);
        }
        let recorded = schema::meta(&self.connection, RECORDED).map_err(|fault| fault.at(&self.path))?;
        Ok(recorded.is_some())
    }

    /// The evaluations of a file's decisions, in the contexts that `selected` accepts.
    pub(crate) fn vectors(&self, path: &str, selected: impl Fn(&str) -> bool) -> Result<Vectors, StoreError> {
        if !self.tables.has_vectors() {
            return Ok(Vectors::new());
        }
        let mut found = Vectors::new();
        let take = |place, vector, _: Arc<str>| {
            found.entry(place).or_default().insert(vector);
        };
        each(&self.connection, path, &selected, take).map_err(|fault| fault.at(&self.path))?;
        Ok(found)
    }

    /// The same, and in which contexts each was recorded.
    pub(crate) fn vectors_by_context(
        &self,
        path: &str,
        selected: impl Fn(&str) -> bool,
    ) -> Result<BTreeMap<Place, BTreeMap<Vector, ContextNames>>, StoreError> {
        let mut found: BTreeMap<Place, BTreeMap<Vector, ContextNames>> = BTreeMap::new();
        if !self.tables.has_vectors() {
            return Ok(found);
        }
        let take = |place, vector, context| {
            found.entry(place).or_default().entry(vector).or_default().insert(context);
        };
        each(&self.connection, path, &selected, take).map_err(|fault| fault.at(&self.path))?;
        Ok(found)
    }
}

/// Hands on the evaluations of a file, each once for each of its contexts.
fn each(
    connection: &Connection,
    path: &str,
    selected: &dyn Fn(&str) -> bool,
    mut take: impl FnMut(Place, Vector, Arc<str>),
) -> Result<(), Fault> {
    // One transaction, so that a writer in between can't give us halves of two states.
    let connection = connection.unchecked_transaction()?;
    let contexts = schema::shared_contexts(&connection, selected)?;
    let mut find = connection.prepare_cached(
        "SELECT context_id, line, col, end_line, end_col, truths FROM minicov_vector
         JOIN file ON file.id = file_id WHERE path = ?",
    )?;
    let mut rows = find.query([path])?;
    while let Some(row) = rows.next()? {
        if let (Some(context), Some((place, vector))) = (contexts.get(&row.get(0)?), of_row(row)?) {
            take(place, vector, Arc::clone(context));
        }
    }
    Ok(())
}

/// The columns line, col, end_line, end_col and truths behind the first of a row. What no version wrote is none.
pub(super) fn of_row(row: &Row) -> Result<Option<(Place, Vector)>, Fault> {
    let vector = Vector::from_bytes(row.get_ref(5)?.as_blob().map_err(rusqlite::Error::from)?);
    Ok(place(row)?.zip(vector))
}

fn place(row: &Row) -> rusqlite::Result<Option<Place>> {
    let number = |column| row.get::<_, i64>(column).map(|number| u32::try_from(number).ok());
    let (line, column, end_line, end_column) = (number(1)?, number(2)?, number(3)?, number(4)?);
    let place = |line, column, end_line, end_column| Place { line, column, end_line, end_column };
    Ok(line.zip(column).zip(end_line.zip(end_column)).map(|((a, b), (c, d))| place(a, b, c, d)))
}

pub(super) fn add(connection: &Connection, file: i64, context: i64, vectors: &Vectors) -> Result<(), Fault> {
    let mut put = connection.prepare_cached(
        "INSERT OR IGNORE INTO minicov_vector (file_id, context_id, line, col, end_line, end_col, truths)
         VALUES (?, ?, ?, ?, ?, ?, ?)",
    )?;
    for (Place { line, column, end_line, end_column }, vectors) in vectors {
        for vector in vectors {
            put.execute(params![file, context, line, column, end_line, end_column, vector.to_bytes()])?;
        }
    }
    Ok(())
}

/// Forgets the evaluations of a file's decisions.
pub(super) fn drop_of_file(connection: &Connection, file: i64) -> Result<(), Fault> {
    connection.prepare_cached("DELETE FROM minicov_vector WHERE file_id = ?")?.execute([file])?;
    Ok(())
}
