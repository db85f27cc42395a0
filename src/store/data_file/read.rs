//! Reading back what was observed.
//!
//! Must not trust: the file may be coverage.py's, somebody else's or hostile. A value of a wrong type is an error; line
//! numbers no source file has are left out.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use rusqlite::Row;
use rusqlite::types::Type;

use super::schema::{self, LinesAs};
use super::{DataFile, Fault, StoreError};
use crate::model::{LineNo, LineSet, MeasuredFile, Observed, SourceHash};

impl DataFile {
    /// Everything seen in the contexts that `selected` accepts. Files nothing was seen of are there too, without lines.
    pub(crate) fn observed(&self, selected: impl Fn(&str) -> bool) -> Result<Observed, StoreError> {
        self.read_observed(&selected).map_err(|fault| fault.at(&self.path))
    }

    /// The Python version that recorded last, such as `3.13.0`; none in a file of coverage.py's.
    pub(crate) fn python(&self) -> Result<Option<String>, StoreError> {
        if !self.tables.ours {
            return Ok(None);
        }
        schema::meta(&self.connection, "python").map_err(|fault| fault.at(&self.path))
    }

    fn read_observed(&self, selected: &dyn Fn(&str) -> bool) -> Result<Observed, Fault> {
        // One transaction, so that a writer in between can't give us halves of two states.
        let connection = self.connection.unchecked_transaction()?;

        let mut files: Vec<(String, MeasuredFile)> = Vec::new();
        let mut places: HashMap<i64, usize> = HashMap::new();
        let mut statement = connection.prepare("SELECT id, path FROM file")?;
        let mut rows = statement.query(())?;
        while let Some(row) = rows.next()? {
            places.insert(row.get(0)?, files.len());
            files.push((row.get(1)?, MeasuredFile::default()));
        }

        let mut contexts: BTreeSet<i64> = BTreeSet::new();
        let mut statement = connection.prepare("SELECT id, context FROM context")?;
        let mut rows = statement.query(())?;
        while let Some(row) = rows.next()? {
            if selected(row.get_ref(1)?.as_str().map_err(rusqlite::Error::from)?) {
                contexts.insert(row.get(0)?);
            }
        }

        // Rows of files or contexts that are not listed belong to nothing.
        let place = |row: &Row| -> Result<Option<usize>, Fault> {
            let (file, context): (i64, i64) = (row.get(0)?, row.get(1)?);
            Ok(places.get(&file).copied().filter(|_| contexts.contains(&context)))
        };
        match schema::lines_as(&connection)? {
            Some(LinesAs::Bits) => {
                let mut statement =
                    connection.prepare("SELECT file_id, context_id, numbits FROM line_bits")?;
                let mut rows = statement.query(())?;
                while let Some(row) = rows.next()? {
                    if let Some(place) = place(row)? {
                        files[place].1.lines.union_with(&numbits(row, 2)?);
                    }
                }
            }
            Some(LinesAs::Arcs) => {
                let mut statement =
                    connection.prepare("SELECT file_id, context_id, fromno, tono FROM arc")?;
                let mut rows = statement.query(())?;
                while let Some(row) = rows.next()? {
                    if let Some(place) = place(row)? {
                        files[place].1.lines.extend(arc_ends(row, 2)?);
                    }
                }
            }
            None => {}
        }

        if self.tables.ours {
            let mut statement = connection.prepare("SELECT file_id, sha256 FROM minicov_source")?;
            let mut rows = statement.query(())?;
            while let Some(row) = rows.next()? {
                if let Some(place) = places.get(&row.get(0)?) {
                    files[*place].1.source = Some(source_hash(row, 1)?);
                }
            }
        }
        Ok(Observed { files: files.into_iter().collect::<BTreeMap<_, _>>(), has_arcs: false })
    }
}

/// A column of numbits.
pub(super) fn numbits(row: &Row, column: usize) -> rusqlite::Result<LineSet> {
    Ok(LineSet::from_numbits(row.get_ref(column)?.as_blob()?))
}

/// The lines among the two ends of an arc, in columns `first` and the next. Negative ends are entries and exits of code
/// objects.
pub(super) fn arc_ends(row: &Row, first: usize) -> rusqlite::Result<impl Iterator<Item = LineNo> + use<>> {
    let ends: [i64; 2] = [row.get(first)?, row.get(first + 1)?];
    Ok(ends.into_iter().filter_map(|end| LineNo::try_from(end).ok()).filter(|line| *line > 0))
}

/// A column with a SHA-256.
pub(super) fn source_hash(row: &Row, column: usize) -> rusqlite::Result<SourceHash> {
    let bytes = row.get_ref(column)?.as_blob()?;
    bytes
        .try_into()
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(column, Type::Blob, Box::new(error)))
}
