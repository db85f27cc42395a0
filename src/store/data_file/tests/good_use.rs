//! What goes right.

use std::thread;

use proptest::prelude::*;

use super::*;

#[test]
fn batches_add_up() {
    let folder = Folder::new();
    let path = folder.path();
    assert_eq!(merge(&path, &batch("/a.py", Some(1), &[1, 2])), MergeOutcome::default());
    merge(&path, &batch("/a.py", Some(1), &[2, 700]));
    merge(&path, &batch_in("other", "/a.py", Some(1), &[3]));
    merge(&path, &batch("/never.py", None, &[]));

    let mut data = DataFile::open(&path).unwrap();
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
fn a_file_that_is_made_at_once_is_as_one_that_grew() {
    let mut arcs = batch("/a.py", Some(1), &[1, 2, 9]);
    arcs.branches = true;
    let taken = (1..3000).map(|line| LineArc::new(line, line + 1)).chain([LineArc::new(7, -1)]).collect();
    arcs.files[0].arcs.insert("one".to_owned(), taken);
    for batch in [batch("/a.py", Some(1), &[1, 2]), arcs] {
        let (made, grown) = (Folder::new(), Folder::new());
        // Not all file systems have files that appear whole, but those of Linux for temporary files do.
        let is_made = DataFile::create(&made.path(), &batch);
        assert!(is_made || !cfg!(target_os = "linux"));
        if !is_made {
            assert!(!made.path().exists());
            fs::write(made.path(), fresh::database(&batch).unwrap().unwrap()).unwrap();
        }
        merge(&grown.path(), &batch);
        assert_eq!(observed(&made.path()), observed(&grown.path()));
        let checked: String = made.raw().query_row("PRAGMA integrity_check", (), |row| row.get(0)).unwrap();
        assert_eq!(checked, "ok");
        // What is there is never made anew, and is added to as ever.
        assert!(!DataFile::create(&made.path(), &batch));
        merge(&made.path(), &batch_in("other", "/b.py", None, &[3]));
        assert_eq!(seen(&made.path(), "/b.py"), [3]);
        assert_eq!(fs::read_dir(made.0.path()).unwrap().count(), 1);
    }
}

#[test]
fn nothing_is_made_beside_what_a_killed_writer_left() {
    let folder = Folder::new();
    fs::write(folder.0.path().join(".coverage-journal"), b"left").unwrap();
    assert!(!DataFile::create(&folder.path(), &batch("/a.py", Some(1), &[1])));
    assert!(!folder.path().exists());
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

/// Columns, keys and references of coverage.py's tables, as SQLite understands them; of `arc`, the unique key of which is
/// its primary key in our files (which halves its bytes), names and references only.
fn structure(connection: &Connection) -> Vec<String> {
    let mut described = Vec::new();
    for table in ["arc", "context", "coverage_schema", "file", "line_bits", "meta", "tracer"] {
        let pragmas: &[&str] = match table {
            "arc" => &["foreign_key_list"],
            _ => &["table_info", "index_list", "foreign_key_list"],
        };
        for pragma in pragmas {
            let mut statement = connection.prepare(&format!("PRAGMA {pragma}({table})")).unwrap();
            let columns = statement.column_count();
            let rows = statement.query_map((), |row| {
                let values: Vec<String> =
                    (0..columns).map(|i| format!("{:?}", row.get_ref(i).unwrap())).collect();
                Ok(format!("{table} {pragma} {}", values.join(" ")))
            });
            described.extend(rows.unwrap().map(Result::unwrap));
        }
        let sql = match table {
            // Names and types of columns, in their order.
            "arc" => "SELECT name, type FROM pragma_table_info('arc')".to_owned(),
            _ => format!(
                "SELECT i.name, c.name FROM pragma_index_list('{table}') i, pragma_index_info(i.name) c"
            ),
        };
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
    assert!(!observed(&path).has_arcs);
    let mut data = DataFile::open(&path).unwrap();
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
fn their_arcs_are_read_and_lines_added_as_arcs_into_them() {
    let folder = Folder::new();
    let path = folder.made_of(THEIR_ARCS);
    assert_eq!(seen(&path, "/project/a.py"), [1, 2, 9, 40]);
    let theirs = observed(&path);
    assert!(theirs.has_arcs);
    let recorded = arcs(&[(-8, 9), (-1, 1), (1, 2), (2, 2), (2, 40), (9, -8), (40, -1)]);
    assert_eq!(theirs.files["/project/a.py"].arcs, recorded);
    merge(&path, &batch("/project/a.py", Some(1), &[2, 5]));
    assert_eq!(seen(&path, "/project/a.py"), [1, 2, 5, 9, 40]);

    let arcs =
        "SELECT group_concat(fromno || '>' || tono, ' ') FROM arc WHERE file_id = 1 AND context_id = 1";
    let arcs: String = folder.raw().query_row(arcs, (), |row| row.get(0)).unwrap();
    assert_eq!(arcs, "-5>5 -2>2 -1>1 1>2 2>40 40>-1");
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
