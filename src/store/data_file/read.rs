//! Reading back what was observed.
//!
//! Must not trust: the file may be coverage.py's, somebody else's or hostile. A value of a wrong type is an error; line
//! numbers no source file has are left out.

use std::collections::{BTreeMap, HashMap};

use rusqlite::types::Type;
use rusqlite::{Connection, Row};

use super::schema::{self, LinesAs, Tables};
use super::{DataFile, Fault, StoreError, pairs};
use crate::model::{LineArc, LineSet, MeasuredFile, Observed, SourceHash};

impl DataFile {
    /// Everything seen in the contexts that `selected` accepts. Files nothing was seen of are there too, without lines.
    pub(crate) fn observed(&mut self, selected: impl Fn(&str) -> bool) -> Result<Observed, StoreError> {
        self.read(|connection, tables| read_observed(connection, tables, &selected, ByContext::Nothing))
    }

    /// The same, and of each file which lines ran in which context, and which arcs if that is wanted, too.
    pub(crate) fn observed_by_context(
        &mut self,
        selected: impl Fn(&str) -> bool,
        with_arcs: bool,
    ) -> Result<Observed, StoreError> {
        let detail = if with_arcs { ByContext::LinesAndArcs } else { ByContext::Lines };
        self.read(|connection, tables| read_observed(connection, tables, &selected, detail))
    }

    /// The Python version that recorded last, such as `3.13.0`; none in a file of coverage.py's.
    pub(crate) fn python(&self) -> Result<Option<String>, StoreError> {
        if !self.tables.ours() {
            return Ok(None);
        }
        schema::meta(&self.connection, "python").map_err(|fault| fault.at(&self.path))
    }
}

fn read_observed(
    connection: &mut Connection,
    tables: Tables,
    selected: &dyn Fn(&str) -> bool,
    by_context: ByContext,
) -> Result<Observed, Fault> {
    let mut files: Vec<(String, MeasuredFile)> = Vec::new();
    let mut places: HashMap<i64, usize> = HashMap::new();
    each_row(connection, "SELECT id, path FROM file", |row| {
        places.insert(row.get(0)?, files.len());
        files.push((row.get(1)?, MeasuredFile::default()));
        Ok(())
    })?;

    let contexts = schema::contexts(connection, selected)?;
    // Rows of files or contexts that are not listed belong to nothing.
    let place = |row: &Row| -> Result<Option<(usize, &str)>, Fault> {
        let (file, context): (i64, i64) = (row.get(0)?, row.get(1)?);
        let name = contexts.get(&context).map(String::as_str);
        Ok(places.get(&file).copied().zip(name))
    };
    let lines_as = schema::lines_as(connection)?;
    match lines_as {
        Some(LinesAs::Bits) => {
            each_row(connection, "SELECT file_id, context_id, numbits FROM line_bits", |row| {
                if let Some((place, context)) = place(row)? {
                    let (seen, lines) = (&mut files[place].1, numbits(row, 2)?);
                    seen.lines.union_with(&lines);
                    if by_context != ByContext::Nothing {
                        context_of(seen, context).union_with(&lines);
                    }
                }
                Ok(())
            })?;
        }
        Some(LinesAs::Arcs) => {
            pairs::each_of_arcs(connection, |file, context, arcs| {
                if let (Some(place), Some(context)) = (places.get(&file), contexts.get(&context)) {
                    let seen = &mut files[*place].1;
                    let arcs: Vec<LineArc> = arcs.map(|[from, to]| LineArc::new(from, to)).collect();
                    let lines: LineSet = arcs.iter().flat_map(|arc| arc.lines()).collect();
                    seen.lines.union_with(&lines);
                    if by_context != ByContext::Nothing {
                        context_of(seen, context).union_with(&lines);
                    }
                    if by_context == ByContext::LinesAndArcs {
                        let of_context = seen.context_arcs.entry(context.to_owned()).or_default();
                        of_context.extend(arcs.iter().copied());
                    }
                    seen.arcs.extend(arcs);
                }
            })?;
        }
        None => {}
    }

    if tables.ours() {
        each_row(connection, "SELECT file_id, sha256 FROM minicov_source", |row| {
            if let Some(place) = places.get(&row.get(0)?) {
                files[*place].1.source = Some(source_hash(row, 1)?);
            }
            Ok(())
        })?;
    }
    let files = files.into_iter().collect::<BTreeMap<_, _>>();
    Ok(Observed { files, has_arcs: lines_as == Some(LinesAs::Arcs) })
}

/// Hands each row of a query to `take`.
fn each_row(
    connection: &Connection,
    query: &str,
    mut take: impl FnMut(&Row) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let mut statement = connection.prepare(query)?;
    let mut rows = statement.query(())?;
    while let Some(row) = rows.next()? {
        take(row)?;
    }
    Ok(())
}

/// What is told apart by contexts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ByContext {
    Nothing,
    Lines,
    LinesAndArcs,
}

/// The lines of a file that ran in `context`.
fn context_of<'a>(seen: &'a mut MeasuredFile, context: &str) -> &'a mut LineSet {
    seen.contexts.entry(context.to_owned()).or_default()
}

/// A column of numbits.
pub(super) fn numbits(row: &Row, column: usize) -> rusqlite::Result<LineSet> {
    Ok(LineSet::from_numbits(row.get_ref(column)?.as_blob()?))
}

/// A column with a SHA-256.
pub(super) fn source_hash(row: &Row, column: usize) -> rusqlite::Result<SourceHash> {
    let bytes = row.get_ref(column)?.as_blob()?;
    bytes
        .try_into()
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(column, Type::Blob, Box::new(error)))
}
