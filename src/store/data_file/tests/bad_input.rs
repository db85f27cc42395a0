//! What can't be used, and must come to no harm.

use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::*;

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
    assert!(matches!(fault(DataFile::open(&folder.path())), Fault::NotAFile));
    assert!(matches!(fault(DataFile::update(&folder.path())), Fault::NotAFile));
    assert!(matches!(fault(erase(&folder.path())), Fault::NotAFile));
    // Opening a pipe would wait for somebody at its other end.
    let device = Path::new("/dev/null");
    assert!(matches!(fault(DataFile::open(device)), Fault::NotAFile));
    assert!(matches!(fault(DataFile::update(device)), Fault::NotAFile));
    assert!(matches!(fault(erase(device)), Fault::NotAFile));
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

    for format in ["7", "0", "-1", "new", ""] {
        fs::remove_file(&path).unwrap();
        merge(&path, &batch("/a.py", Some(1), &[1]));
        folder.raw().execute("UPDATE minicov_meta SET value = ? WHERE key = 'format'", [format]).unwrap();
        check(|fault| matches!(fault, Fault::OtherFormat { newest: 6, .. }));
    }
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
    let error = fault(data.merge(&Batch { files: many, ..Batch::default() }));
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
        let read = fault(DataFile::open(&path).and_then(|mut data| data.observed(|_| true)));
        assert!(matches!(read, Fault::Malformed { .. } | Fault::NotCoverage), "{damage}: {read:?}");
        // Writing may work where it does not touch the damage, but must not panic.
        let lines = batch("/project/a.py", Some(1), &[1]);
        let branches = branch_batch("", "/project/a.py", Some(1), &[1], &[(1, 2)], &[(0, 2)]);
        for batch in [lines, branches] {
            let written = DataFile::update(&path).and_then(|mut data| data.merge(&batch));
            assert!(written.is_ok() || !matches!(fault(written), Fault::Sqlite(_)), "{damage}");
        }
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
    let arcs_of_b = &observed(&folder.path()).files["/project/b.py"].arcs;
    assert_eq!(*arcs_of_b, arcs(&[(-1, 1), (1, -1)]));
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
        merge(&path, &branch_batch("", "/a.py", Some(1), &[5], &[(1, 2), (3, -1)], &[(2, 4), (2, Edge::EXIT)]));
        let mut content = fs::read(&path).unwrap();
        for (place, byte) in bytes {
            let place = place % content.len();
            content[place] = byte;
        }
        if let Some(cut) = cut {
            content.truncate(cut);
        }
        fs::write(&path, content).unwrap();
        let read = DataFile::open(&path).and_then(|mut data| data.observed(|_| true));
        let written = DataFile::update(&path).and_then(|mut data| data.merge(&batch("/a.py", Some(2), &[4])));
        let edges = DataFile::open(&path).and_then(|data| data.edges("/a.py", |_| true));
        for error in [read.err(), written.err(), edges.err()].into_iter().flatten() {
            prop_assert!(error.to_string().contains(".coverage"));
        }
    }
}
