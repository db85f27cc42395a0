//! Adding what was observed to a data file.
//!
//! A data file holds lines or arcs, never both: that is how coverage.py reads it. In a file of arcs, that a line ran is
//! written, where no arc ends there, as an arc into the line from the negated line, as if code that begins there were
//! entered. coverage.py counts positive ends of arcs as executed lines and never takes an arc from a negative end for a
//! branch (coverage 7.17.3, `results.py`, `analysis_from_file_reporter`): it says exactly what is known, that the line ran
//! and not where it went; a branch there counts as not taken until an arc says so. (An arc from the line to itself, as
//! coverage.py's sysmon core has, will not do: from a `with` statement on one line, coverage.py reads it as a step to the
//! next.) So lines can be added to a file of arcs, and a file of lines becomes one of arcs when the first arcs come to it.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, params};

use super::edge_sets::{self, EdgeSets};
use super::rows::{MixedRows, Rows};
use super::schema::{self, LinesAs};
use super::{Batch, BatchFile, DataFile, Fault, StoreError, edges, moves, needs, read, vectors};
use crate::model::{CodeKey, Edge, LineArc, LineSet, SortedSet, SourceHash};

/// What a merge did that the user should know.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct MergeOutcome {
    /// Files whose text is no longer the one their old data belongs to: that data was dropped.
    pub(crate) changed: Vec<String>,
}

impl DataFile {
    /// Adds a batch, all of it or nothing.
    pub(crate) fn merge(&mut self, batch: &Batch) -> Result<MergeOutcome, StoreError> {
        self.write(|transaction| {
            let mut outcome = MergeOutcome::default();
            add(transaction, batch, &mut outcome)?;
            Ok(outcome)
        })
    }

    /// Adds all batches there are, or nothing. Of what the file held before, nothing stays if `afresh` says so.
    pub(crate) fn merge_all(
        &mut self,
        afresh: bool,
        batches: impl Iterator<Item = Batch>,
    ) -> Result<MergeOutcome, StoreError> {
        self.write(|transaction| {
            let mut outcome = MergeOutcome::default();
            if afresh {
                schema::forget(transaction)?;
            }
            for batch in batches {
                add(transaction, &batch, &mut outcome)?;
            }
            Ok(outcome)
        })
    }
}

/// Adds a batch.
fn add(connection: &Connection, batch: &Batch, outcome: &mut MergeOutcome) -> Result<(), Fault> {
    let last_file = schema::last_row(connection, "file")?;
    let mut merge = Merge {
        connection,
        lines_as: choose_lines_as(connection, batch.branches)?,
        contexts: HashMap::new(),
        last_file: last_file.unwrap_or_default(),
        last_code: schema::last_row(connection, "minicov_code")?.unwrap_or_default(),
        had_files: last_file.is_some(),
        farthest: None,
        files: Rows::new(connection, PUT_FILES),
        sources: Rows::new(connection, PUT_SOURCES),
        bits: Rows::new(connection, PUT_BITS),
        arcs: Rows::new(
            connection,
            if schema::arcs_have_numbers(connection)? { PUT_NEW_ARCS } else { PUT_ARCS },
        ),
        codes: Rows::new(connection, edges::STATED),
        edges: Rows::new(connection, edges::TAKEN),
        edge_sets: EdgeSets::default(),
        leaves_edge_sets: false,
        sorted_arcs: Vec::new(),
        outcome: MergeOutcome::default(),
    };
    // coverage.py's data does not say.
    if !batch.python.is_empty() {
        schema::set_meta(connection, "python", &batch.python)?;
    }
    for (key, was_recorded) in [(vectors::RECORDED, batch.vectors), (edges::RECORDED, batch.edges)] {
        if was_recorded {
            schema::set_meta(connection, key, "1")?;
        }
    }
    if batch.replaces {
        merge.leaves_edge_sets |= needs::forget_earlier_runs(connection, &batch.tests)?;
    }
    // Numbered in the order in which each file goes through them.
    for context in batch.contexts() {
        merge.context_id(context)?;
    }
    for file in &batch.files {
        merge.file(file)?;
    }
    merge.write_rest()?;
    needs::add(connection, &batch.tests)?;
    if merge.leaves_edge_sets {
        edge_sets::prune(connection)?;
    }
    outcome.changed.append(&mut merge.outcome.changed);
    Ok(())
}

/// How the file holds lines from now on.
fn choose_lines_as(connection: &Connection, branches: bool) -> Result<LinesAs, Fault> {
    match schema::lines_as(connection)? {
        Some(LinesAs::Arcs) => Ok(LinesAs::Arcs),
        Some(LinesAs::Bits) if branches => {
            upgrade(connection)?;
            Ok(LinesAs::Arcs)
        }
        Some(LinesAs::Bits) => Ok(LinesAs::Bits),
        None => {
            let (has_arcs, chosen) = if branches { ("1", LinesAs::Arcs) } else { ("0", LinesAs::Bits) };
            connection.execute("INSERT INTO meta (key, value) VALUES ('has_arcs', ?)", [has_arcs])?;
            Ok(chosen)
        }
    }
}

/// Makes a file of arcs out of one of lines.
fn upgrade(connection: &Connection) -> Result<(), Fault> {
    let mut statement = connection.prepare("SELECT file_id, context_id, numbits FROM line_bits")?;
    let mut rows = statement.query(())?;
    let mut arcs = Rows::new(connection, PUT_ARCS);
    while let Some(row) = rows.next()? {
        let (file, context): (i64, i64) = (row.get(0)?, row.get(1)?);
        let lines: Vec<i64> = read::numbits(row, 2)?.iter().map(i64::from).collect();
        lines.iter().rev().try_for_each(|line| arcs.add([file, context, -line, *line]))?;
    }
    arcs.write_rest()?;
    connection.execute("DELETE FROM line_bits", ())?;
    connection.execute("UPDATE meta SET value = '1' WHERE key = 'has_arcs'", ())?;
    Ok(())
}

/// The row of a code object.
#[derive(Clone, Copy)]
struct CodeRow {
    id: i64,
    /// Whether it stands there only now, so that nothing refers to it yet.
    is_new: bool,
}

struct Merge<'a> {
    connection: &'a Connection,
    lines_as: LinesAs,
    /// Row numbers of the contexts met so far.
    contexts: HashMap<String, i64>,
    /// The highest row numbers of files and code objects.
    last_file: i64,
    last_code: i64,
    /// Whether there were files before.
    had_files: bool,
    /// The last one of the new files' paths in their order.
    farthest: Option<&'a str>,
    files: MixedRows<'a, 2>,
    sources: MixedRows<'a, 2>,
    bits: MixedRows<'a, 3>,
    arcs: Rows<'a, 4>,
    codes: MixedRows<'a, 5>,
    edges: Rows<'a, 3>,
    edge_sets: EdgeSets,
    /// Whether there may be sets of edges that are not needed any more.
    leaves_edge_sets: bool,
    /// Memory to be used again.
    sorted_arcs: Vec<[i64; 2]>,
    outcome: MergeOutcome,
}

impl<'a> Merge<'a> {
    fn file(&mut self, file: &'a BatchFile) -> Result<(), Fault> {
        let (id, is_new) = self.file_id(&file.path)?;
        if let Some(source) = &file.source {
            if is_new {
                self.sources.add([id.into(), source[..].into()])?;
            } else if self.belongs_to(id, *source)? {
                self.outcome.changed.push(file.path.clone());
            }
            if let Some(layout) = &file.layout {
                moves::put_layout(self.connection, id, layout)?;
            }
        }
        match self.lines_as {
            LinesAs::Bits => {
                for (name, lines) in file.lines.iter().filter(|(_, lines)| !lines.is_empty()) {
                    let context = self.context_id(name)?;
                    if is_new {
                        self.bits.add([id.into(), context.into(), lines.to_numbits().into()])?;
                    } else {
                        self.add_bits(id, context, lines)?;
                    }
                }
            }
            LinesAs::Arcs => {
                let contexts: BTreeSet<&String> = file.lines.keys().chain(file.arcs.keys()).collect();
                for name in contexts {
                    self.add_arcs(id, name, file.lines.get(name), file.arcs.get(name))?;
                }
            }
        }
        for (key, taken) in file.taken() {
            self.code(id, key, &taken, is_new)?;
        }
        for (context, vectors) in file.vectors.iter().filter(|(_, vectors)| !vectors.is_empty()) {
            let context = self.context_id(context)?;
            vectors::add(self.connection, id, context, vectors)?;
        }
        if let Some(tracer) = &file.tracer {
            let mut put = self
                .connection
                .prepare_cached("INSERT OR IGNORE INTO tracer (file_id, tracer) VALUES (?, ?)")?;
            put.execute(params![id, tracer])?;
        }
        Ok(())
    }

    fn code(
        &mut self,
        file: i64,
        key: &'a CodeKey,
        taken: &BTreeMap<&str, Arc<SortedSet<Edge>>>,
        is_new: bool,
    ) -> Result<(), Fault> {
        let row = self.code_row(file, key, is_new)?;
        // By place in memory, while `taken` keeps them there.
        let mut sets: BTreeMap<*const SortedSet<Edge>, i64> = BTreeMap::new();
        for (context, edges) in taken {
            let context = self.context_id(context)?;
            if !row.is_new {
                self.edges.write_rest()?;
                self.leaves_edge_sets |=
                    edges::add(self.connection, &mut self.edge_sets, row.id, context, edges)?;
                continue;
            }
            let set = match sets.entry(Arc::as_ptr(edges)) {
                Entry::Occupied(known) => *known.get(),
                Entry::Vacant(new) => *new.insert(self.edge_sets.id(self.connection, edges)?),
            };
            self.edges.add([row.id, context, set])?;
        }
        Ok(())
    }

    /// The row of a code object, which is stated now if it never was: without looking first where it `is_new`.
    fn code_row(&mut self, file: i64, key: &'a CodeKey, is_new: bool) -> Result<CodeRow, Fault> {
        if !is_new {
            self.codes.write_rest()?;
            if let Some(id) = edges::find_code(self.connection, file, key)? {
                return Ok(CodeRow { id, is_new: false });
            }
        }
        self.last_code = next_row(self.last_code)?;
        let CodeKey { qualname, first_line, fingerprint } = key;
        self.codes.add([
            self.last_code.into(),
            file.into(),
            (*first_line).into(),
            qualname.as_str().into(),
            fingerprint[..].into(),
        ])?;
        Ok(CodeRow { id: self.last_code, is_new: true })
    }

    /// Adds the arcs of one context, in the order of their table.
    fn add_arcs(
        &mut self,
        file: i64,
        context: &str,
        lines: Option<&LineSet>,
        arcs: Option<&SortedSet<LineArc>>,
    ) -> Result<(), Fault> {
        sort_arcs(lines, arcs, &mut self.sorted_arcs);
        if self.sorted_arcs.is_empty() {
            return Ok(());
        }
        let context = self.context_id(context)?;
        self.sorted_arcs.iter().try_for_each(|[from, to]| self.arcs.add([file, context, *from, *to]))
    }

    /// The row number of a file; and whether it has that only now, so that nothing else is in the data file of it.
    fn file_id(&mut self, path: &'a str) -> Result<(i64, bool), Fault> {
        let is_behind = self.farthest.is_none_or(|farthest| farthest < path);
        if is_behind {
            self.farthest = Some(path);
        } else {
            self.files.write_rest()?;
        }
        if self.had_files || !is_behind {
            let mut find = self.connection.prepare_cached("SELECT id FROM file WHERE path = ?")?;
            if let Some(id) = find.query_row([path], |row| row.get(0)).optional()? {
                return Ok((id, false));
            }
        }
        self.last_file = next_row(self.last_file)?;
        self.files.add([self.last_file.into(), path.into()])?;
        Ok((self.last_file, true))
    }

    /// Writes all rows that wait for more.
    fn write_rest(&mut self) -> Result<(), Fault> {
        self.files.write_rest()?;
        self.sources.write_rest()?;
        self.bits.write_rest()?;
        self.arcs.write_rest()?;
        self.codes.write_rest()?;
        self.edges.write_rest()
    }

    fn context_id(&mut self, context: &str) -> Result<i64, Fault> {
        if let Some(id) = self.contexts.get(context) {
            return Ok(*id);
        }
        let mut find = self.connection.prepare_cached("SELECT id FROM context WHERE context = ?")?;
        let id = match find.query_row([context], |row| row.get(0)).optional()? {
            Some(id) => id,
            None => self
                .connection
                .prepare_cached("INSERT INTO context (context) VALUES (?)")?
                .insert([context])?,
        };
        self.contexts.insert(context.to_owned(), id);
        Ok(id)
    }

    /// Notes which text the data of a file that was there already belongs to from now on; tells whether data of another text
    /// was dropped for it. Data without a note (coverage.py's) is taken to be of this text, as coverage.py takes it.
    fn belongs_to(&mut self, file: i64, source: SourceHash) -> Result<bool, Fault> {
        self.sources.write_rest()?;
        let noted = self.source_of(file)?;
        if noted == Some(source) {
            return Ok(false);
        }
        note_source(self.connection, file, source)?;
        if noted.is_none() {
            return Ok(false);
        }
        self.write_rest()?;
        let bits =
            self.connection.prepare_cached("DELETE FROM line_bits WHERE file_id = ?")?.execute([file])?;
        let arcs = self.connection.prepare_cached("DELETE FROM arc WHERE file_id = ?")?.execute([file])?;
        edges::drop_of_file(self.connection, file)?;
        self.leaves_edge_sets = true;
        vectors::drop_of_file(self.connection, file)?;
        self.connection.prepare_cached("DELETE FROM minicov_layout WHERE file_id = ?")?.execute([file])?;
        Ok(bits + arcs > 0)
    }

    fn source_of(&self, file: i64) -> Result<Option<SourceHash>, Fault> {
        let mut find =
            self.connection.prepare_cached("SELECT sha256 FROM minicov_source WHERE file_id = ?")?;
        Ok(find.query_row([file], |row| read::source_hash(row, 0)).optional()?)
    }

    fn add_bits(&mut self, file: i64, context: i64, lines: &LineSet) -> Result<(), Fault> {
        self.bits.write_rest()?;
        let mut find = self
            .connection
            .prepare_cached("SELECT numbits FROM line_bits WHERE file_id = ? AND context_id = ?")?;
        let mut union = find.query_row([file, context], |row| read::numbits(row, 0)).optional()?;
        if let Some(stored) = &union
            && lines.difference(stored).is_empty()
        {
            return Ok(());
        }
        let all = match &mut union {
            Some(stored) => {
                stored.union_with(lines);
                stored
            }
            None => lines,
        };
        let mut put = self.connection.prepare_cached(&format!("{PUT_BITS} VALUES (?, ?, ?)"))?;
        put.execute(params![file, context, all.to_numbits()])?;
        Ok(())
    }
}

/// The arcs of one file and context as the data file has them, in the order of their table.
pub(super) fn sort_arcs(lines: Option<&LineSet>, arcs: Option<&SortedSet<LineArc>>, all: &mut Vec<[i64; 2]>) {
    // The ends of arcs count as lines that ran: saying so twice would double the rows.
    let mut rest = lines.cloned().unwrap_or_default();
    for line in arcs.into_iter().flatten().flat_map(|arc| arc.lines()) {
        rest.remove(line);
    }
    all.clear();
    all.extend(rest.iter().map(i64::from).map(|line| [-line, line]));
    // From the last line on, these are in order.
    all.reverse();
    all.extend(arcs.into_iter().flatten().map(|arc| [i64::from(arc.from), i64::from(arc.to)]));
    all.sort_unstable();
}

/// Notes which text a file's data belongs to from now on.
pub(super) fn note_source(connection: &Connection, file: i64, source: SourceHash) -> Result<(), Fault> {
    let mut note = connection.prepare_cached(&format!("{PUT_SOURCES} VALUES (?, ?)"))?;
    note.execute(params![file, &source[..]])?;
    Ok(())
}

/// The row number behind one.
fn next_row(last: i64) -> Result<i64, Fault> {
    last.checked_add(1).ok_or_else(|| Fault::malformed("there are no row numbers left".to_owned()))
}

/// Where a row fails the whole transaction does, so that SQLite need not keep what it takes to undo a single statement.
const PUT_FILES: &str = "INSERT OR FAIL INTO file (id, path)";
const PUT_SOURCES: &str = "INSERT OR REPLACE INTO minicov_source (file_id, sha256)";
const PUT_BITS: &str = "INSERT OR REPLACE INTO line_bits (file_id, context_id, numbits)";

/// Rows of the table `arc`, of any number of files: file, context and both ends of an arc. In our table a row is nothing but its
/// key, so that one that is there already is as good as one that takes its place, and SQLite need not look for it first.
const PUT_ARCS: &str = "INSERT OR REPLACE INTO arc (file_id, context_id, fromno, tono)";
/// The same where coverage.py has made the table, whose rows would be removed and added anew.
const PUT_NEW_ARCS: &str = "INSERT OR IGNORE INTO arc (file_id, context_id, fromno, tono)";
