//! Adding what was observed to a data file.
//!
//! A data file holds lines or arcs, never both: that is how coverage.py reads it. In a file of arcs, that a line ran is
//! written, where no arc ends there, as an arc into the line from the negated line, as if code that begins there were
//! entered. coverage.py counts positive ends of arcs as executed lines and never takes an arc from a negative end for a
//! branch (coverage 7.17.3, `results.py`, `analysis_from_file_reporter`): it says exactly what is known, that the line ran
//! and not where it went; a branch there counts as not taken until an arc says so. (An arc from the line to itself, as
//! coverage.py's sysmon core has, will not do: from a `with` statement on one line, coverage.py reads it as a step to the
//! next.) So lines can be added to a file of arcs, and a file of lines becomes one of arcs when the first arcs come to it.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::edge_sets::{self, EdgeSets};
use super::rows::Rows;
use super::schema::{self, LinesAs};
use super::{DataFile, Fault, StoreError, Vectors, edges, moves, needs, read, vectors};
use crate::model::{CodeKey, Edge, Layout, LineArc, LineSet, SortedSet, SourceHash, TestNeeds};

/// What one or more processes of one Python saw.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Batch {
    /// The Python version that ran the programs, such as `3.13.0`.
    pub(crate) python: String,
    /// Whether steps between lines were recorded: the data file then holds arcs from now on.
    pub(crate) branches: bool,
    /// Whether every edge was recorded.
    pub(crate) edges: bool,
    /// Whether evaluations of decisions were recorded.
    pub(crate) vectors: bool,
    /// Each path at most once, or later entries add to earlier ones.
    pub(crate) files: Vec<BatchFile>,
    /// What tests depend on.
    pub(crate) tests: Vec<TestNeeds>,
    /// Whether what these tests did in earlier runs is forgotten.
    pub(crate) replaces: bool,
}

impl Batch {
    /// How many rows its lines and steps make at most.
    pub(super) fn most_arcs(&self) -> usize {
        self.files.iter().map(BatchFile::most_arcs).sum()
    }
}

/// What was seen of one file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct BatchFile {
    /// Absolute path. SQLite text is UTF-8: the caller decides what becomes of other names.
    pub(crate) path: String,
    /// Hash of the text that ran, if it is known.
    pub(crate) source: Option<SourceHash>,
    /// Where the blocks of that text stand, where tests were recorded.
    pub(crate) layout: Option<Layout>,
    /// Lines that ran, by context; "" when there was none. Empty for a file that was never imported.
    pub(crate) lines: BTreeMap<String, LineSet>,
    /// Steps between lines that were taken, by context. Only in a batch with branches. The lines at their ends need not
    /// be among [`lines`](Self::lines).
    pub(crate) arcs: BTreeMap<String, SortedSet<LineArc>>,
    pub(crate) codes: Vec<BatchCode>,
    /// Evaluations of decisions, by context.
    pub(crate) vectors: BTreeMap<String, Vectors>,
    /// The plugin of coverage.py's that measured it, as `module.Class`.
    pub(crate) tracer: Option<String>,
}

impl BatchFile {
    /// How many rows its lines and steps make at most.
    fn most_arcs(&self) -> usize {
        let lines = self.lines.values().map(LineSet::len);
        lines.chain(self.arcs.values().map(SortedSet::len)).sum()
    }

    /// The contexts in which anything ran.
    fn contexts(&self) -> impl Iterator<Item = &str> {
        let lines = self.lines.iter().filter(|(_, lines)| !lines.is_empty()).map(|(context, _)| context);
        let arcs = self.arcs.iter().filter(|(_, arcs)| !arcs.is_empty()).map(|(context, _)| context);
        lines.chain(arcs).map(String::as_str)
    }

    /// Adds what was seen of the same file and the same text elsewhere; tells how much of it was new, in arcs, edges and
    /// sets of lines.
    pub(crate) fn unite(&mut self, other: Self) -> usize {
        let Self { path: _, source, layout, lines, arcs, codes, tracer, vectors } = other;
        self.source = self.source.or(source);
        self.layout = self.layout.take().or(layout);
        self.tracer = self.tracer.take().or(tracer);
        let mut new = 0;
        for (context, lines) in lines {
            if let Some(known) = self.lines.get_mut(&context) {
                known.union_with(&lines);
            } else {
                self.lines.insert(context, lines);
                new += 1;
            }
        }
        for (context, arcs) in arcs {
            new += self.arcs.entry(context).or_default().unite(arcs);
        }
        for (context, vectors) in vectors {
            let known = self.vectors.entry(context).or_default();
            for (place, vectors) in vectors {
                let known = known.entry(place).or_default();
                let before = known.len();
                known.extend(vectors);
                new += known.len() - before;
            }
        }
        if codes.is_empty() {
            return new;
        }
        let mut places: BTreeMap<CodeKey, usize> =
            self.codes.iter().enumerate().map(|(place, code)| (code.key.clone(), place)).collect();
        for code in codes {
            let place = *places.entry(code.key.clone()).or_insert_with(|| {
                self.codes.push(BatchCode { key: code.key.clone(), ..BatchCode::default() });
                self.codes.len() - 1
            });
            for (context, edges) in code.edges {
                let known = self.codes[place].edges.entry(context).or_default();
                new += Arc::make_mut(known).unite(Arc::unwrap_or_clone(edges));
            }
        }
        new
    }
}

/// What was seen of one code object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct BatchCode {
    pub(crate) key: CodeKey,
    /// Edges that were taken, by context: shared, because most contexts take the same ways.
    pub(crate) edges: BTreeMap<String, Arc<SortedSet<Edge>>>,
}

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
            add(transaction, batch, ArcRows::added(transaction)?, &mut outcome)?;
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
                add(transaction, &batch, ArcRows::added(transaction)?, &mut outcome)?;
            }
            Ok(outcome)
        })
    }
}

/// Adds the only batch of a data file that is being made, but for its arcs: rows of their table, to be added without SQLite.
pub(super) fn add_all_but_arcs(transaction: &Transaction, batch: &Batch) -> Result<Vec<[i64; 4]>, Fault> {
    add(transaction, batch, ArcRows::Kept(Vec::new()), &mut MergeOutcome::default())
}

/// Adds a batch; returns those of its arcs that were to be kept.
fn add<'a>(
    connection: &'a Connection,
    batch: &Batch,
    arcs: ArcRows<'a>,
    outcome: &mut MergeOutcome,
) -> Result<Vec<[i64; 4]>, Fault> {
    let mut merge = Merge {
        connection,
        lines_as: choose_lines_as(connection, batch.branches)?,
        contexts: HashMap::new(),
        arcs,
        edges: Rows::new(connection, edges::TAKEN),
        edge_sets: EdgeSets::default(),
        leaves_edge_sets: false,
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
    let named = batch.files.iter().flat_map(BatchFile::contexts);
    for context in named.collect::<BTreeSet<_>>() {
        merge.context_id(context)?;
    }
    for file in &batch.files {
        merge.file(file)?;
    }
    merge.edges.write_rest()?;
    needs::add(connection, &batch.tests)?;
    if merge.leaves_edge_sets {
        edge_sets::prune(connection)?;
    }
    outcome.changed.append(&mut merge.outcome.changed);
    merge.arcs.finish()
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

struct Merge<'a> {
    connection: &'a Connection,
    lines_as: LinesAs,
    /// Row numbers of the contexts met so far.
    contexts: HashMap<String, i64>,
    arcs: ArcRows<'a>,
    edges: Rows<'a, 3>,
    edge_sets: EdgeSets,
    /// Whether there may be sets of edges that are not needed any more.
    leaves_edge_sets: bool,
    outcome: MergeOutcome,
}

impl Merge<'_> {
    fn file(&mut self, file: &BatchFile) -> Result<(), Fault> {
        let (id, is_new) = self.file_id(&file.path)?;
        if let Some(source) = file.source {
            let dropped = self.belongs_to(id, source, is_new)?;
            if dropped {
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
                    self.add_bits(id, context, lines)?;
                }
            }
            LinesAs::Arcs => {
                let contexts: BTreeSet<&String> = file.lines.keys().chain(file.arcs.keys()).collect();
                for name in contexts {
                    let arcs = all_arcs(file.lines.get(name), file.arcs.get(name));
                    if !arcs.is_empty() {
                        let context = self.context_id(name)?;
                        arcs.iter().try_for_each(|[from, to]| self.arcs.add([id, context, *from, *to]))?;
                    }
                }
            }
        }
        for code in &file.codes {
            self.code(id, code, is_new)?;
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

    fn code(&mut self, file: i64, code: &BatchCode, is_new_file: bool) -> Result<(), Fault> {
        let mut row = None;
        // By place in memory, while `code` keeps them there.
        let mut sets: HashMap<*const SortedSet<Edge>, i64> = HashMap::new();
        for (context, edges) in code.edges.iter().filter(|(_, edges)| !edges.is_empty()) {
            let context = self.context_id(context)?;
            let row = match row {
                Some(row) => row,
                None => *row.insert(edges::code_row(self.connection, file, &code.key, is_new_file)?),
            };
            if !row.is_new {
                self.edges.write_rest()?;
                self.leaves_edge_sets |=
                    edges::add(self.connection, &mut self.edge_sets, row, context, edges)?;
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

    /// The row number of a file; and whether it has that only now, so that nothing else is in the data file of it.
    fn file_id(&self, path: &str) -> Result<(i64, bool), Fault> {
        let mut put = self.connection.prepare_cached("INSERT OR IGNORE INTO file (path) VALUES (?)")?;
        if put.execute([path])? > 0 {
            return Ok((self.connection.last_insert_rowid(), true));
        }
        let mut find = self.connection.prepare_cached("SELECT id FROM file WHERE path = ?")?;
        Ok((find.query_row([path], |row| row.get(0))?, false))
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

    /// Notes which text a file's data belongs to from now on; tells whether data of another text was dropped for it.
    /// Data without a note (coverage.py's) is taken to be of this text, as coverage.py takes it.
    fn belongs_to(&mut self, file: i64, source: SourceHash, is_new: bool) -> Result<bool, Fault> {
        let noted = if is_new { None } else { self.source_of(file)? };
        if noted == Some(source) {
            return Ok(false);
        }
        note_source(self.connection, file, source)?;
        if noted.is_none() {
            return Ok(false);
        }
        self.arcs.before_dropping(file)?;
        self.edges.write_rest()?;
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

    fn add_bits(&self, file: i64, context: i64, lines: &LineSet) -> Result<(), Fault> {
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
        let mut put = self.connection.prepare_cached(
            "INSERT OR REPLACE INTO line_bits (file_id, context_id, numbits) VALUES (?, ?, ?)",
        )?;
        put.execute(params![file, context, all.to_numbits()])?;
        Ok(())
    }
}

/// Notes which text a file's data belongs to from now on.
pub(super) fn note_source(connection: &Connection, file: i64, source: SourceHash) -> Result<(), Fault> {
    let mut note =
        connection.prepare_cached("INSERT OR REPLACE INTO minicov_source (file_id, sha256) VALUES (?, ?)")?;
    note.execute(params![file, &source[..]])?;
    Ok(())
}

/// The arcs of one context, in the order of their table.
fn all_arcs(lines: Option<&LineSet>, arcs: Option<&SortedSet<LineArc>>) -> Vec<[i64; 2]> {
    // The ends of arcs count as lines that ran: saying so twice would double the rows.
    let ends = arcs.into_iter().flatten().flat_map(|arc| arc.lines()).collect();
    let rest = lines.map(|lines| lines.difference(&ends)).unwrap_or_default();
    let mut all: Vec<[i64; 2]> = rest.iter().map(i64::from).map(|line| [-line, line]).collect();
    // From the last line on, these are in order.
    all.reverse();
    all.extend(arcs.into_iter().flatten().map(|arc| [i64::from(arc.from), i64::from(arc.to)]));
    all.sort_unstable();
    all
}

/// Rows of the table `arc`, of any number of files: file, context and both ends of an arc. In our table a row is nothing but its
/// key, so that one that is there already is as good as one that takes its place, and SQLite need not look for it first.
const PUT_ARCS: &str = "INSERT OR REPLACE INTO arc (file_id, context_id, fromno, tono)";
/// The same where coverage.py has made the table, whose rows would be removed and added anew.
const PUT_NEW_ARCS: &str = "INSERT OR IGNORE INTO arc (file_id, context_id, fromno, tono)";

/// What becomes of such rows.
enum ArcRows<'a> {
    Added(Rows<'a, 4>),
    /// They are not for SQLite to add.
    Kept(Vec<[i64; 4]>),
}

impl<'a> ArcRows<'a> {
    fn added(connection: &'a Connection) -> Result<Self, Fault> {
        let put = if schema::arcs_have_numbers(connection)? { PUT_NEW_ARCS } else { PUT_ARCS };
        Ok(Self::Added(Rows::new(connection, put)))
    }

    fn add(&mut self, row: [i64; 4]) -> Result<(), Fault> {
        match self {
            Self::Added(rows) => rows.add(row)?,
            Self::Kept(rows) => rows.push(row),
        }
        Ok(())
    }

    /// To be called before the rows of a file are removed from the table.
    fn before_dropping(&mut self, file: i64) -> Result<(), Fault> {
        match self {
            Self::Added(rows) => rows.write_rest()?,
            Self::Kept(rows) => rows.retain(|[of, ..]| *of != file),
        }
        Ok(())
    }

    /// Adds what waits for more; returns what was kept.
    fn finish(self) -> Result<Vec<[i64; 4]>, Fault> {
        match self {
            Self::Added(mut rows) => {
                rows.write_rest()?;
                Ok(Vec::new())
            }
            Self::Kept(rows) => Ok(rows),
        }
    }
}
