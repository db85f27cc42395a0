//! Tests of the data file as a whole. `fixtures/data/make.py` made the dumps of coverage.py's files.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use rusqlite::Connection;
use tempfile::TempDir;

use super::*;
use crate::model::{Facts, LineNo, LineSet, Observed, SourceHash};

const THEIR_LINES: &str = include_str!("../../../fixtures/data/coverage-7.17.3-lines.sql");
const THEIR_ARCS: &str = include_str!("../../../fixtures/data/coverage-7.17.3-arcs.sql");

struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> PathBuf {
        self.0.path().join(".coverage")
    }

    /// The path of a data file made of SQL.
    fn made_of(&self, sql: &str) -> PathBuf {
        self.raw().execute_batch(sql).unwrap();
        self.path()
    }

    /// The data file as SQLite sees it.
    fn raw(&self) -> Connection {
        let connection = Connection::open(self.path()).unwrap();
        // Python's sqlite3 does not enforce references either.
        connection.pragma_update(None, "foreign_keys", false).unwrap();
        connection
    }
}

fn lines(lines: &[LineNo]) -> LineSet {
    lines.iter().copied().collect()
}

/// A batch of one file, run in the empty context.
fn batch(path: &str, source: Option<u8>, ran: &[LineNo]) -> Batch {
    batch_in("", path, source, ran)
}

fn batch_in(context: &str, path: &str, source: Option<u8>, ran: &[LineNo]) -> Batch {
    let lines = BTreeMap::from([(context.to_owned(), lines(ran))]);
    let file = BatchFile { path: path.to_owned(), source: source.map(hash), lines };
    Batch { python: "3.13.0".to_owned(), files: vec![file] }
}

fn hash(byte: u8) -> SourceHash {
    [byte; 32]
}

fn merge(path: &Path, batch: &Batch) -> MergeOutcome {
    DataFile::update(path).unwrap().merge(batch).unwrap()
}

fn observed(path: &Path) -> Observed {
    DataFile::open(path).unwrap().observed(|_| true).unwrap()
}

fn seen(path: &Path, file: &str) -> Vec<LineNo> {
    observed(path).files[file].lines.iter().collect()
}

#[track_caller]
fn fault<T>(result: Result<T, StoreError>) -> Fault {
    match result {
        Ok(_) => panic!("this should have failed"),
        Err(error) => error.fault,
    }
}

// Merging and reading back.

#[test]
fn batches_add_up() {
    let folder = Folder::new();
    let path = folder.path();
    assert_eq!(merge(&path, &batch("/a.py", Some(1), &[1, 2])), MergeOutcome::default());
    merge(&path, &batch("/a.py", Some(1), &[2, 700]));
    merge(&path, &batch_in("other", "/a.py", Some(1), &[3]));
    merge(&path, &batch("/never.py", None, &[]));

    let data = DataFile::open(&path).unwrap();
    let all = data.observed(|_| true).unwrap();
    assert_eq!(all.files["/a.py"].lines, lines(&[1, 2, 3, 700]));
    assert_eq!(all.files["/a.py"].source, Some(hash(1)));
    assert!(all.files["/never.py"].lines.is_empty());
    assert_eq!(all.files["/never.py"].source, None);
    assert_eq!(data.observed(|context| context == "other").unwrap().files["/a.py"].lines, lines(&[3]));
    let none = data.observed(|_| false).unwrap();
    assert_eq!(none.files.len(), 2);
    assert!(none.files["/a.py"].lines.is_empty());
    assert_eq!(data.python().unwrap().as_deref(), Some("3.13.0"));
}

#[test]
fn data_of_another_text_is_dropped_and_said() {
    let folder = Folder::new();
    let path = folder.path();
    merge(&path, &batch("/a.py", Some(1), &[1, 2]));
    merge(&path, &batch_in("other", "/a.py", Some(1), &[3]));
    merge(&path, &batch("/b.py", Some(1), &[1]));
    assert_eq!(merge(&path, &batch("/a.py", Some(2), &[9])).changed, ["/a.py"]);
    assert_eq!(seen(&path, "/a.py"), [9]);
    assert_eq!(seen(&path, "/b.py"), [1]);
    // A text nobody could hash takes nothing away, and the note stays.
    assert!(merge(&path, &batch("/a.py", None, &[10])).changed.is_empty());
    assert_eq!(seen(&path, "/a.py"), [9, 10]);
    assert_eq!(observed(&path).files["/a.py"].source, Some(hash(2)));
}

#[test]
fn a_changed_file_without_data_is_not_worth_a_word() {
    let folder = Folder::new();
    let path = folder.path();
    merge(&path, &batch("/a.py", Some(1), &[]));
    assert!(merge(&path, &batch("/a.py", Some(2), &[1])).changed.is_empty());
    assert_eq!(seen(&path, "/a.py"), [1]);
}

#[test]
fn parallel_writers_lose_nothing() {
    let folder = Folder::new();
    let path = folder.path();
    thread::scope(|scope| {
        for writer in 1..=8 {
            let path = &path;
            scope.spawn(move || {
                for round in 0..10 {
                    merge(path, &batch("/shared.py", Some(1), &[writer * 100 + round]));
                }
            });
        }
    });
    assert_eq!(seen(&path, "/shared.py").len(), 80);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn what_is_merged_is_read_back(
        batches in prop::collection::vec(
            (0_usize..4, 0_usize..3, prop::collection::vec(1_u32..3000, 0..20)), 1..12,
        ),
    ) {
        let folder = Folder::new();
        let mut expected: BTreeMap<String, LineSet> = BTreeMap::new();
        for (file, context, ran) in batches {
            let name = format!("/{file}.py");
            merge(&folder.path(), &batch_in(["", "a", "b"][context], &name, Some(0), &ran));
            expected.entry(name).or_default().extend(ran);
        }
        let read = observed(&folder.path()).files;
        prop_assert_eq!(read.into_iter().map(|(name, file)| (name, file.lines)).collect::<BTreeMap<_, _>>(), expected);
    }
}

// Living with coverage.py.

/// Columns, keys and references of coverage.py's tables, as SQLite understands them.
fn structure(connection: &Connection) -> Vec<String> {
    let mut described = Vec::new();
    for table in ["arc", "context", "coverage_schema", "file", "line_bits", "meta", "tracer"] {
        for pragma in ["table_info", "index_list", "foreign_key_list"] {
            let mut statement = connection.prepare(&format!("PRAGMA {pragma}({table})")).unwrap();
            let columns = statement.column_count();
            let rows = statement.query_map((), |row| {
                let values: Vec<String> =
                    (0..columns).map(|i| format!("{:?}", row.get_ref(i).unwrap())).collect();
                Ok(format!("{table} {pragma} {}", values.join(" ")))
            });
            described.extend(rows.unwrap().map(Result::unwrap));
        }
        let sql =
            format!("SELECT i.name, c.name FROM pragma_index_list('{table}') i, pragma_index_info(i.name) c");
        let mut statement = connection.prepare(&sql).unwrap();
        let rows = statement.query_map((), |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)));
        described.extend(rows.unwrap().map(|row| format!("{row:?}")));
    }
    described
}

#[test]
fn tables_are_coverage_pys() {
    let (ours, theirs) = (Folder::new(), Folder::new());
    merge(&ours.path(), &batch("/a.py", Some(1), &[1]));
    theirs.made_of(THEIR_LINES);
    assert_eq!(structure(&ours.raw()), structure(&theirs.raw()));
    let rows = |connection: &Connection, sql: &str| {
        connection.query_row(sql, (), |row| row.get::<_, String>(0)).unwrap()
    };
    let version = "SELECT typeof(version) || version FROM coverage_schema";
    let kind = "SELECT typeof(value) || value FROM meta WHERE key = 'has_arcs'";
    for sql in [version, kind] {
        assert_eq!(rows(&ours.raw(), sql), rows(&theirs.raw(), sql));
    }
}

#[test]
fn their_lines_are_read_and_added_to() {
    let folder = Folder::new();
    let path = folder.made_of(THEIR_LINES);
    let check = |a: &[LineNo]| {
        assert_eq!(seen(&path, "/project/a.py"), a);
        assert_eq!(seen(&path, "/project/b.py"), [1]);
        assert!(seen(&path, "/project/untouched.py").is_empty());
    };
    check(&[1, 2, 3, 9, 40]);
    let data = DataFile::open(&path).unwrap();
    assert_eq!(data.python().unwrap(), None);
    assert_eq!(
        data.observed(|context| context == "test_one").unwrap().files["/project/a.py"].lines,
        lines(&[2, 9])
    );
    drop(data);
    // What text their data belongs to is unknown, so nothing is dropped.
    assert!(merge(&path, &batch("/project/a.py", Some(1), &[5])).changed.is_empty());
    check(&[1, 2, 3, 5, 9, 40]);
}

#[test]
fn their_arcs_are_read_and_lines_added_as_arcs_to_themselves() {
    let folder = Folder::new();
    let path = folder.made_of(THEIR_ARCS);
    assert_eq!(seen(&path, "/project/a.py"), [1, 2, 9, 40]);
    merge(&path, &batch("/project/a.py", Some(1), &[2, 5]));
    assert_eq!(seen(&path, "/project/a.py"), [1, 2, 5, 9, 40]);

    let arcs =
        "SELECT group_concat(fromno || '>' || tono, ' ') FROM arc WHERE file_id = 1 AND context_id = 1";
    let arcs: String = folder.raw().query_row(arcs, (), |row| row.get(0)).unwrap();
    assert_eq!(arcs, "-1>1 1>2 2>40 5>5 40>-1", "line 2 is there already, at the end of an arc");
    let bits: i64 = folder.raw().query_row("SELECT count(*) FROM line_bits", (), |row| row.get(0)).unwrap();
    assert_eq!(bits, 0, "coverage.py does not read lines from a file of arcs");
    // Their data is dropped with ours when the text changes.
    assert_eq!(merge(&path, &batch("/project/a.py", Some(2), &[7])).changed, ["/project/a.py"]);
    assert_eq!(seen(&path, "/project/a.py"), [7]);
}

#[test]
fn an_empty_batch_makes_an_empty_data_file() {
    let folder = Folder::new();
    merge(&folder.path(), &Batch::default());
    assert!(observed(&folder.path()).files.is_empty());
}

// The cache of analyses.

#[test]
fn analyses_are_kept_for_exactly_their_key() {
    let folder = Folder::new();
    let path = folder.path();
    let facts = Facts { statements: lines(&[1, 5]), line_count: 7, ..Facts::default() };
    let key = FactsKey { path: "/a.py", source: hash(1), python: "3.13", exclusions: b"x" };
    let keep =
        |key: FactsKey, facts: &Facts| DataFile::update(&path).unwrap().keep_facts(&[(key, facts)]).unwrap();
    let find = |key: FactsKey| DataFile::open(&path).unwrap().facts(&key).unwrap();
    keep(key, &facts);
    assert_eq!(find(key), Some(facts.clone()));
    assert_eq!(find(FactsKey { path: "/b.py", ..key }), None);
    assert_eq!(find(FactsKey { source: hash(2), ..key }), None);
    assert_eq!(find(FactsKey { python: "3.12", ..key }), None);
    assert_eq!(find(FactsKey { exclusions: b"", ..key }), None);
    // The next text's analysis takes the place of the last one's; another Python's stands beside it.
    keep(FactsKey { source: hash(2), ..key }, &Facts::default());
    keep(FactsKey { python: "3.12", ..key }, &facts);
    assert_eq!(find(key), None);
    assert_eq!(find(FactsKey { source: hash(2), ..key }), Some(Facts::default()));
    assert_eq!(find(FactsKey { python: "3.12", ..key }), Some(facts));
    // A file that only holds analyses was never measured, but is a data file.
    assert!(observed(&path).files.is_empty());
}

#[test]
fn a_damaged_or_foreign_analysis_is_no_analysis() {
    let folder = Folder::new();
    let key = FactsKey { path: "/a.py", source: hash(1), python: "3.13", exclusions: b"" };
    let facts = Facts { statements: (1..100).collect(), ..Facts::default() };
    DataFile::update(&folder.path()).unwrap().keep_facts(&[(key, &facts)]).unwrap();
    for damage in ["facts = x'ffffffffffffffffff01'", "facts = x''", "format = 'older'"] {
        folder.raw().execute(&format!("UPDATE minicov_facts SET {damage}"), ()).unwrap();
        assert_eq!(DataFile::open(&folder.path()).unwrap().facts(&key).unwrap(), None, "{damage}");
    }
    let theirs = Folder::new();
    assert_eq!(DataFile::open(&theirs.made_of(THEIR_LINES)).unwrap().facts(&key).unwrap(), None);
}

// What can't be used.

#[test]
fn nothing_there() {
    let folder = Folder::new();
    assert!(matches!(fault(DataFile::open(&folder.path())), Fault::Absent));
    assert!(!folder.path().exists());
    fs::write(folder.path(), b"").unwrap();
    assert!(matches!(fault(DataFile::open(&folder.path())), Fault::Absent));
    // An empty file is what a writer that died early leaves; the next one starts over.
    merge(&folder.path(), &batch("/a.py", None, &[1]));
    assert_eq!(seen(&folder.path(), "/a.py"), [1]);
}

#[test]
fn not_a_file() {
    let folder = Folder::new();
    let inner = folder.path().join("deeper/.coverage");
    assert!(matches!(fault(DataFile::update(&inner)), Fault::NoFolder));
    assert!(matches!(fault(DataFile::open(&inner)), Fault::Absent));
    fs::create_dir(folder.path()).unwrap();
    assert!(matches!(fault(DataFile::open(&folder.path())), Fault::Folder));
    assert!(matches!(fault(DataFile::update(&folder.path())), Fault::Folder));
    assert!(matches!(fault(erase(&folder.path())), Fault::Folder));
}

#[test]
fn somebody_elses_file_is_left_as_it_is() {
    let folder = Folder::new();
    let path = folder.path();
    let check = |expected: fn(&Fault) -> bool| {
        let before = fs::read(&path).unwrap();
        for found in [fault(DataFile::open(&path)), fault(DataFile::update(&path))] {
            assert!(expected(&found), "{found:?}");
        }
        assert_eq!(fs::read(&path).unwrap(), before);
    };
    fs::write(&path, "print('a program, not data')\n".repeat(100)).unwrap();
    check(|fault| matches!(fault, Fault::NotSqlite));
    assert!(matches!(fault(erase(&path)), Fault::NotSqlite));
    assert!(path.exists());

    fs::remove_file(&path).unwrap();
    folder.made_of("CREATE TABLE recipes (name text);");
    check(|fault| matches!(fault, Fault::NotCoverage));

    fs::remove_file(&path).unwrap();
    folder.made_of(&THEIR_LINES.replace("\"coverage_schema\" VALUES(7)", "\"coverage_schema\" VALUES(6)"));
    check(|fault| matches!(fault, Fault::OtherSchema { found: 6 }));
    assert_eq!(fault(DataFile::open(&path)).to_string(), "wrong schema: 6 instead of 7",);

    fs::remove_file(&path).unwrap();
    merge(&path, &batch("/a.py", Some(1), &[1]));
    folder.raw().execute("UPDATE minicov_meta SET value = '2' WHERE key = 'format'", ()).unwrap();
    check(|fault| matches!(fault, Fault::OtherFormat { .. }));
}

#[test]
fn a_lock_is_waited_for_and_then_said() {
    let folder = Folder::new();
    let path = folder.path();
    merge(&path, &batch("/a.py", None, &[1]));
    let other = folder.raw();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let start = Instant::now();
    let mut data = DataFile::update_within(&path, Duration::from_millis(60)).unwrap();
    let error = data.merge(&batch("/a.py", None, &[2])).unwrap_err();
    assert!(start.elapsed() >= Duration::from_millis(50));
    assert!(matches!(error.fault, Fault::Locked { .. }), "{error:?}");
    assert!(error.to_string().contains(&path.display().to_string()));
    other.execute_batch("ROLLBACK").unwrap();
    assert_eq!(seen(&path, "/a.py"), [1]);
    data.merge(&batch("/a.py", None, &[2])).unwrap();
    assert_eq!(seen(&path, "/a.py"), [1, 2]);
}

#[test]
#[cfg(target_os = "linux")]
fn where_nothing_can_be_created() {
    // Not even root can create files there.
    let error = fault(DataFile::update(Path::new("/proc/.coverage")));
    assert!(matches!(error, Fault::ReadOnly), "{error:?}");
}

#[test]
fn a_full_disk_loses_nothing() {
    let folder = Folder::new();
    let path = folder.path();
    merge(&path, &batch("/a.py", Some(1), &[1]));
    let mut data = DataFile::update(&path).unwrap();
    let pages: i64 = data.connection.query_row("PRAGMA page_count", (), |row| row.get(0)).unwrap();
    data.connection.pragma_update(None, "max_page_count", pages).unwrap();
    let many: Vec<BatchFile> = (0..500)
        .map(|n| BatchFile { path: format!("/file{n}.py"), ..batch("", Some(1), &[n, 5000]).files.remove(0) })
        .collect();
    let error = fault(data.merge(&Batch { python: String::new(), files: many }));
    assert!(matches!(error, Fault::DiskFull), "{error:?}");
    assert_eq!(observed(&path).files.len(), 1);
    assert_eq!(seen(&path, "/a.py"), [1]);
}

#[test]
fn a_killed_writers_half_is_rolled_back() {
    let folder = Folder::new();
    merge(&folder.path(), &batch("/a.py", Some(1), &[1, 2]));
    let mut data = DataFile::update(&folder.path()).unwrap();
    // With so small a cache, SQLite writes into the file before the transaction ends.
    data.connection.pragma_update(None, "cache_size", 1).unwrap();
    let later = Folder::new();
    let survived = data.write(|transaction| {
        transaction.execute("UPDATE line_bits SET numbits = zeroblob(500000)", ())?;
        transaction.execute("DELETE FROM file", ())?;
        // What another process would find if this one died now.
        let journal = folder.path().with_file_name(".coverage-journal");
        fs::copy(folder.path(), later.path()).map_err(Fault::Io)?;
        fs::copy(journal, later.path().with_file_name(".coverage-journal")).map_err(Fault::Io)?;
        Ok(fs::metadata(later.path()).map_err(Fault::Io)?.len())
    });
    assert!(survived.unwrap() > 400_000, "nothing was written early, so this test shows nothing");
    assert_eq!(seen(&later.path(), "/a.py"), [1, 2]);
}

#[test]
fn hostile_values_are_errors() {
    for damage in [
        "UPDATE file SET path = NULL WHERE id = 1",
        "UPDATE file SET path = x'ff' WHERE id = 1",
        "UPDATE file SET path = CAST(x'ff' AS text) WHERE id = 1",
        "UPDATE context SET context = NULL",
        "UPDATE context SET context = x'00' WHERE id = 1",
        "UPDATE line_bits SET numbits = NULL",
        "UPDATE line_bits SET numbits = 'text'",
        "UPDATE line_bits SET numbits = 12",
        "UPDATE line_bits SET numbits = zeroblob(70000000)",
        "UPDATE line_bits SET file_id = 'x' WHERE context_id = 2",
        "UPDATE arc SET fromno = 'x' WHERE tono = 40",
        "UPDATE arc SET tono = NULL WHERE tono = 40",
        "UPDATE arc SET tono = 1e300 WHERE tono = 40",
        "UPDATE meta SET value = 'maybe' WHERE key = 'has_arcs'",
        "UPDATE meta SET value = NULL WHERE key = 'has_arcs'",
        "DROP TABLE line_bits; DROP TABLE arc",
        "DROP TABLE file",
        "DROP TABLE meta",
        "UPDATE coverage_schema SET version = 'seven'",
        "DELETE FROM coverage_schema",
        "ALTER TABLE line_bits RENAME COLUMN numbits TO bits; ALTER TABLE arc RENAME COLUMN tono TO t",
    ] {
        let sql = if damage.contains("arc SET") { THEIR_ARCS } else { THEIR_LINES };
        let folder = Folder::new();
        let path = folder.made_of(sql);
        folder.raw().execute_batch(damage).unwrap();
        let read = fault(DataFile::open(&path).and_then(|data| data.observed(|_| true)));
        assert!(matches!(read, Fault::Malformed { .. } | Fault::NotCoverage), "{damage}: {read:?}");
        // Writing may work where it does not touch the damage, but must not panic.
        let batch = batch("/project/a.py", Some(1), &[1]);
        let written = DataFile::update(&path).and_then(|mut data| data.merge(&batch));
        assert!(written.is_ok() || !matches!(fault(written), Fault::Sqlite(_)), "{damage}");
    }
}

#[test]
fn impossible_lines_are_left_out() {
    let folder = Folder::new();
    folder.made_of(THEIR_ARCS);
    let odd =
        "INSERT INTO arc VALUES (2, 1, 9223372036854775807, -9223372036854775808), (2, 1, 0, 4294967296)";
    folder.raw().execute_batch(odd).unwrap();
    assert_eq!(seen(&folder.path(), "/project/b.py"), [1]);
    // Rows of files and contexts that are nowhere listed belong to nothing.
    folder.raw().execute_batch("INSERT INTO arc VALUES (99, 1, 1, 2), (2, 99, 3, 4)").unwrap();
    assert_eq!(seen(&folder.path(), "/project/b.py"), [1]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn damage_anywhere_is_an_error_or_harmless(
        bytes in prop::collection::vec((0_usize..80_000, any::<u8>()), 1..60), cut in prop::option::of(0_usize..80_000),
    ) {
        let folder = Folder::new();
        let path = folder.path();
        merge(&path, &batch("/a.py", Some(1), &[1, 2, 3]));
        let mut content = fs::read(&path).unwrap();
        for (place, byte) in bytes {
            let place = place % content.len();
            content[place] = byte;
        }
        if let Some(cut) = cut {
            content.truncate(cut);
        }
        fs::write(&path, content).unwrap();
        let read = DataFile::open(&path).and_then(|data| data.observed(|_| true));
        let written = DataFile::update(&path).and_then(|mut data| data.merge(&batch("/a.py", Some(2), &[4])));
        for error in [read.err(), written.err()].into_iter().flatten() {
            prop_assert!(error.to_string().contains(".coverage"));
        }
    }
}

// Erasing.

#[test]
fn erasing_removes_the_file_and_what_sqlite_put_beside_it() {
    let folder = Folder::new();
    let path = folder.path();
    assert!(!erase(&path).unwrap());
    merge(&path, &batch("/a.py", None, &[1]));
    let journal = path.with_file_name(".coverage-journal");
    fs::write(&journal, b"left by a killed writer").unwrap();
    fs::write(path.with_file_name(".coverage.other"), b"not ours to remove").unwrap();
    assert!(erase(&path).unwrap());
    assert!(!path.exists() && !journal.exists());
    assert!(path.with_file_name(".coverage.other").exists());
    fs::write(&path, b"").unwrap();
    assert!(erase(&path).unwrap());
}
