//! The tables: coverage.py's (schema 7, coverage 7.17.3 `sqldata.py`) and ours beside them.
//!
//! coverage.py checks the version number and nothing else, and ignores tables it does not know. Ours carry the prefix
//! `minicov_` and a format number of their own; they may be missing, since coverage.py writes data files too.

use std::collections::BTreeMap;
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension};

use super::{Fault, edges, quick_check};

/// coverage.py's `SCHEMA_VERSION`.
pub(super) const SCHEMA_VERSION: i64 = 7;

/// coverage.py's tables, column for column. Arcs are kept in their index, and not beside it as coverage.py has them: that is
/// half the file.
///
/// - `coverage_schema`: one row.
/// - `meta`: `version` (who made the file), `has_arcs` ("0" or "1": whether `line_bits` or `arc` holds the lines).
/// - `file`: a row per measured file, with or without data.
/// - `context`: a row per label; "" when there was none.
/// - `line_bits`: numbits per file and context, when `has_arcs` is "0".
/// - `arc`: line pairs per file and context, negative for entries and exits, when `has_arcs` is "1".
/// - `tracer`: coverage.py's plugins; never written by us.
const COVERAGE_TABLES: &str = "
CREATE TABLE coverage_schema (version integer);
CREATE TABLE meta (key text, value text, unique (key));
CREATE TABLE file (id integer primary key, path text, unique (path));
CREATE TABLE context (id integer primary key, context text, unique (context));
CREATE TABLE line_bits (
    file_id integer, context_id integer, numbits blob,
    foreign key (file_id) references file (id),
    foreign key (context_id) references context (id),
    unique (file_id, context_id)
);
CREATE TABLE arc (
    file_id integer, context_id integer, fromno integer, tono integer,
    foreign key (file_id) references file (id),
    foreign key (context_id) references context (id),
    primary key (file_id, context_id, fromno, tono)
) without rowid;
CREATE TABLE tracer (file_id integer primary key, tracer text, foreign key (file_id) references file (id));
";

/// Our tables, by the format they came with: each entry makes its format of the one before. A file of an older format is
/// read as it is, and brought up to date when it is next written.
///
/// 1. - `minicov_meta`: `format` (of these tables), `python` (the version that recorded last).
///    - `minicov_source`: SHA-256 of the text a file's data belongs to.
///    - `minicov_facts`: the static analysis last made of a file by a Python version.
/// 2. - `minicov_code`: code objects in which an edge was taken, as [`CodeKey`](crate::model::CodeKey).
///    - `minicov_edge`: until format 5, a row for each edge, code object and context.
/// 3. - `minicov_vector`: evaluations of decisions by file, context and the decision's range, as [`Vector`](crate::model::Vector)
///      has them: a byte for each condition (0: not evaluated, 1: false, 2: true) and one for the outcome.
///    - `minicov_meta` has `vectors` once a run recorded them, and `edges` once one recorded edges.
/// 4. - `minicov_dependency`: things that tests depend on, as [`Dependency`](crate::model::Dependency), the kind by number.
///    - `minicov_dependency_set`: sets of them: row numbers, four bytes each, little-endian, ascending.
///    - `minicov_test`: tests by id, and the run in which each was recorded.
///    - `minicov_test_set`: the sets that make up what a test depends on; `is_own` for what it did itself.
/// 5. - `minicov_edge_set`: sets of edges as `edge_sets` encodes them, each once: most contexts take the same ways.
///    - `minicov_code_edges`: which of them was taken in a code object in a context.
/// 6. - `minicov_layout`: where blocks stand in the text of `minicov_source`, as postcard has a [`Layout`](crate::model::Layout).
const OUR_TABLES: [&str; 6] = [
    "
CREATE TABLE minicov_meta (key text primary key, value text not null) without rowid;
CREATE TABLE minicov_source (file_id integer primary key, sha256 blob not null);
CREATE TABLE minicov_facts (
    path text, python text, source blob not null, exclusions blob not null, format text not null, facts blob not null,
    primary key (path, python)
) without rowid;
",
    "
CREATE TABLE minicov_code (
    id integer primary key, file_id integer not null, first_line integer not null, qualname text not null,
    fingerprint blob not null,
    unique (file_id, first_line, qualname, fingerprint)
);
",
    "
CREATE TABLE minicov_vector (
    file_id integer, context_id integer, line integer, col integer, end_line integer, end_col integer, truths blob,
    primary key (file_id, context_id, line, col, end_line, end_col, truths)
) without rowid;
",
    "
CREATE TABLE minicov_dependency (
    id integer primary key, kind integer not null, name text not null, block text not null, fingerprint blob not null,
    unique (kind, name, block, fingerprint)
);
CREATE TABLE minicov_dependency_set (id integer primary key, members blob not null, unique (members));
CREATE TABLE minicov_test (id integer primary key, test text not null, run text not null, unique (test));
CREATE TABLE minicov_test_set (
    test_id integer, set_id integer, is_own integer not null,
    primary key (test_id, set_id)
) without rowid;
",
    "
CREATE TABLE minicov_edge_set (id integer primary key, edges blob not null, unique (edges));
CREATE TABLE minicov_code_edges (
    code_id integer, context_id integer, set_id integer not null,
    primary key (code_id, context_id)
) without rowid;
",
    "CREATE TABLE minicov_layout (file_id integer primary key, layout blob not null);",
];

/// The tables that hold what was observed, ours and coverage.py's, and no settings or caches.
const OBSERVATIONS: [&str; 15] = [
    "file",
    "context",
    "line_bits",
    "arc",
    "tracer",
    "minicov_source",
    "minicov_layout",
    "minicov_code",
    "minicov_edge_set",
    "minicov_code_edges",
    "minicov_vector",
    "minicov_dependency",
    "minicov_dependency_set",
    "minicov_test",
    "minicov_test_set",
];

/// The format this version writes.
pub(super) const FORMAT: usize = OUR_TABLES.len();

/// One number for coverage.py's tables and ours as this version writes them.
pub(super) const ALL_TABLES: u32 = SCHEMA_VERSION as u32 * 1000 + FORMAT as u32;

/// The value of `version` in `meta`.
pub(super) const MAKER: &str = concat!("minicov ", env!("CARGO_PKG_VERSION"));

/// A table as this version makes it.
pub(super) struct Table {
    pub(super) name: &'static str,
    /// What makes it.
    pub(super) statement: &'static str,
    /// Whether SQLite numbers its rows.
    pub(super) has_row_numbers: bool,
    /// Whether SQLite keeps an index beside it.
    pub(super) has_index: bool,
}

/// All tables, in the order in which they are made.
pub(super) fn tables() -> impl Iterator<Item = Table> {
    let statements = std::iter::once(COVERAGE_TABLES).chain(OUR_TABLES).flat_map(|all| all.split(';'));
    statements.map(str::trim).filter_map(|statement| {
        let (name, rest) = statement.strip_prefix("CREATE TABLE ")?.split_once(' ')?;
        Some(Table {
            name,
            statement,
            has_row_numbers: !rest.ends_with("without rowid"),
            has_index: rest.contains("unique ("),
        })
    })
}

/// Which tables a file has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tables {
    /// coverage.py's.
    pub(super) coverage: bool,
    /// The format of ours; 0 for none.
    format: usize,
}

impl Tables {
    pub(super) fn any(self) -> bool {
        self.coverage || self.ours()
    }

    /// Whether minicov ever wrote to the file.
    pub(super) fn ours(self) -> bool {
        self.format >= 1
    }

    /// Whether each edge is a row of its own.
    pub(super) fn has_edge_rows(self) -> bool {
        (2..5).contains(&self.format)
    }

    pub(super) fn has_edge_sets(self) -> bool {
        self.format >= 5
    }

    pub(super) fn has_layouts(self) -> bool {
        self.format >= 6
    }

    pub(super) fn has_vectors(self) -> bool {
        self.format >= 3
    }

    pub(super) fn has_needs(self) -> bool {
        self.format >= 4
    }
}

/// Tells whether another connection has written to the file in between (SQLite's `data_version`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct State(i64);

/// The state of the file. Means something only to the connection that was asked, within a transaction.
pub(super) fn state(connection: &Connection) -> Result<State, Fault> {
    let mut statement = connection.prepare_cached("PRAGMA data_version")?;
    Ok(State(statement.query_row((), |row| row.get(0))?))
}

/// Finds out what the file is, and refuses what we can't read.
pub(super) fn check(connection: &Connection) -> Result<Tables, Fault> {
    let [any, coverages, ours]: [bool; 3] = connection.query_row(
        "SELECT count(*) > 0, count(name = 'coverage_schema' OR NULL) > 0, count(name = 'minicov_meta' OR NULL) > 0
        FROM sqlite_master WHERE type IN ('table', 'view')",
        (),
        |row| Ok([row.get(0)?, row.get(1)?, row.get(2)?]),
    )?;
    if !any {
        return Ok(Tables::default());
    }
    if !coverages {
        return Err(Fault::NotCoverage);
    }
    let version =
        connection.query_row("SELECT version FROM coverage_schema", (), |row| row.get(0)).optional()?;
    match version {
        Some(SCHEMA_VERSION) => {}
        Some(found) => return Err(Fault::OtherSchema { found }),
        None => return Err(Fault::NotCoverage),
    }
    let format = if ours {
        let found = meta(connection, "format")?.unwrap_or_default();
        let known = found.parse().ok().filter(|format| (1..=FORMAT).contains(format));
        known.ok_or(Fault::OtherFormat { found, newest: FORMAT })?
    } else {
        0
    };
    Ok(Tables { coverage: true, format })
}

/// Creates the tables that are missing from those that were found, and brings ours up to date. Runs within a write
/// transaction.
pub(super) fn ensure(connection: &Connection, tables: Tables) -> Result<Tables, Fault> {
    if !tables.coverage {
        connection.execute_batch(COVERAGE_TABLES)?;
        connection.execute("INSERT INTO coverage_schema (version) VALUES (?)", [SCHEMA_VERSION])?;
        connection.execute("INSERT INTO meta (key, value) VALUES ('version', ?)", [MAKER])?;
    }
    if tables.format < FORMAT {
        for later in &OUR_TABLES[tables.format..] {
            connection.execute_batch(later)?;
        }
        edges::take_over_rows(connection, tables)?;
        set_meta(connection, "format", &FORMAT.to_string())?;
        quick_check::mark(connection, ALL_TABLES)?;
    }
    Ok(Tables { coverage: true, format: FORMAT })
}

/// Empties the file of all observations, so that it is free to hold lines or arcs. Runs within a write transaction.
pub(super) fn forget(connection: &Connection) -> Result<(), Fault> {
    for table in OBSERVATIONS {
        connection.execute(&format!("DELETE FROM {table}"), ())?;
    }
    connection.execute("DELETE FROM meta WHERE key = 'has_arcs'", ())?;
    connection.execute("DELETE FROM minicov_meta WHERE key <> 'format'", ())?;
    Ok(())
}

/// Whether SQLite numbers the rows of the table `arc`, as in coverage.py's files.
pub(super) fn arcs_have_numbers(connection: &Connection) -> Result<bool, Fault> {
    Ok(connection.query_row("SELECT NOT wr FROM pragma_table_list('arc')", (), |row| row.get(0))?)
}

/// The highest number of a row in a table whose rows have an `id`; none where there are none.
pub(super) fn last_row(connection: &Connection, table: &str) -> Result<Option<i64>, Fault> {
    let find = format!("SELECT max(id) FROM {table}");
    Ok(connection.query_row(&find, (), |row| row.get(0))?)
}

/// A value of `minicov_meta`.
pub(super) fn meta(connection: &Connection, key: &str) -> Result<Option<String>, Fault> {
    let mut statement = connection.prepare_cached("SELECT value FROM minicov_meta WHERE key = ?")?;
    Ok(statement.query_row([key], |row| row.get(0)).optional()?)
}

pub(super) fn set_meta(connection: &Connection, key: &str, value: &str) -> Result<(), Fault> {
    let mut statement =
        connection.prepare_cached("INSERT OR REPLACE INTO minicov_meta (key, value) VALUES (?, ?)")?;
    statement.execute([key, value])?;
    Ok(())
}

/// Row numbers and names of the contexts that `selected` accepts.
pub(super) fn contexts(
    connection: &Connection,
    selected: &dyn Fn(&str) -> bool,
) -> Result<BTreeMap<i64, String>, Fault> {
    let mut contexts = BTreeMap::new();
    let mut statement = connection.prepare_cached("SELECT id, context FROM context")?;
    let mut rows = statement.query(())?;
    while let Some(row) = rows.next()? {
        let name = row.get_ref(1)?.as_str().map_err(rusqlite::Error::from)?;
        if selected(name) {
            contexts.insert(row.get(0)?, name.to_owned());
        }
    }
    Ok(contexts)
}

/// The same, to be handed on without a copy for each thing that happened in them.
pub(super) fn shared_contexts(
    connection: &Connection,
    selected: &dyn Fn(&str) -> bool,
) -> Result<BTreeMap<i64, Arc<str>>, Fault> {
    Ok(contexts(connection, selected)?.into_iter().map(|(id, name)| (id, name.into())).collect())
}

/// How a data file holds its lines: coverage.py's `has_arcs`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LinesAs {
    /// Rows of `line_bits`.
    Bits,
    /// Both ends of rows of `arc`.
    Arcs,
}

/// How this file holds its lines; none while it holds none.
pub(super) fn lines_as(connection: &Connection) -> Result<Option<LinesAs>, Fault> {
    let mut statement = connection.prepare_cached("SELECT value FROM meta WHERE key = 'has_arcs'")?;
    let value: Option<String> = statement.query_row((), |row| row.get(0)).optional()?;
    match value.as_deref() {
        None => Ok(None),
        Some("0") => Ok(Some(LinesAs::Bits)),
        Some("1") => Ok(Some(LinesAs::Arcs)),
        Some(other) => Err(Fault::malformed(format!("has_arcs is '{other}'"))),
    }
}
