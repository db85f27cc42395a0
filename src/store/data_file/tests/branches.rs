//! Arcs and edges.

use proptest::prelude::*;

use super::*;

fn edges(path: &Path, file: &str) -> BTreeMap<CodeKey, BTreeSet<Edge>> {
    DataFile::open(path).unwrap().edges(file, |_| true).unwrap()
}

fn count(folder: &Folder, what: &str) -> i64 {
    folder.raw().query_row(&format!("SELECT count(*) FROM {what}"), (), |row| row.get(0)).unwrap()
}

#[test]
fn arcs_and_edges_are_read_back() {
    let folder = Folder::new();
    let path = folder.path();
    let taken = [(0, 8), (4, Edge::EXIT), (4, Edge::EXIT - 1)];
    merge(&path, &branch_batch("", "/a.py", Some(1), &[1, 2], &[(2, 5), (2, -1)], &taken));
    merge(&path, &branch_batch("other", "/a.py", Some(1), &[2], &[(2, 9)], &[(0, 10), (0, 8)]));
    merge(&path, &branch_batch("", "/idle.py", Some(1), &[], &[], &[]));

    let all = observed(&path);
    assert!(all.has_arcs);
    assert_eq!(all.files["/a.py"].lines, lines(&[1, 2, 5, 9]));
    assert_eq!(all.files["/a.py"].arcs, arcs(&[(-1, 1), (2, -1), (2, 5), (2, 9)]));
    assert!(all.files["/idle.py"].arcs.is_empty());
    let mut expected = edges_of(&taken);
    expected.insert(Edge { from: 0, to: 10 });
    assert_eq!(edges(&path, "/a.py"), BTreeMap::from([(key("f"), expected)]));
    assert!(edges(&path, "/idle.py").is_empty());
    assert!(edges(&path, "/nowhere.py").is_empty());
    assert_eq!(count(&folder, "minicov_code"), 1, "a code object in which nothing was taken is not stated");

    let mut data = DataFile::open(&path).unwrap();
    let other = |context: &str| context == "other";
    assert_eq!(data.observed(other).unwrap().files["/a.py"].arcs, arcs(&[(2, 9)]));
    assert_eq!(data.edges("/a.py", other).unwrap()[&key("f")], edges_of(&[(0, 8), (0, 10)]));
    assert!(data.edges("/a.py", |_| false).unwrap().is_empty());

    let by_context = data.edges_by_context("/a.py", |_| true).unwrap();
    let named: Vec<(u32, Vec<&str>)> = by_context[&key("f")]
        .iter()
        .map(|(edge, names)| (edge.to, names.iter().map(AsRef::as_ref).collect()))
        .collect();
    assert_eq!(
        named,
        [(8, vec!["", "other"]), (10, vec!["other"]), (Edge::EXIT - 1, vec![""]), (Edge::EXIT, vec![""])]
    );
    assert_eq!(data.edges_by_context("/a.py", other).unwrap()[&key("f")].len(), 2);
    assert!(data.edges_by_context("/a.py", |_| false).unwrap().is_empty());
}

#[test]
fn code_objects_are_told_apart() {
    let folder = Folder::new();
    let keys = [
        key("f"),
        key("g"),
        CodeKey { first_line: -7, ..key("f") },
        CodeKey { fingerprint: [4; 16], ..key("f") },
    ];
    let mut batch = branch_batch("", "/a.py", Some(1), &[], &[], &[(0, 1)]);
    let code = batch.files[0].codes.remove(0);
    batch.files[0].codes = keys.iter().map(|key| BatchCode { key: key.clone(), ..code.clone() }).collect();
    let mut other = batch.files[0].clone();
    other.path = "/b.py".to_owned();
    batch.files.push(other);
    merge(&folder.path(), &batch);
    merge(&folder.path(), &batch);
    assert_eq!(count(&folder, "minicov_code"), 8);
    assert_eq!(count(&folder, "minicov_code_edges"), 8);
    assert_eq!(count(&folder, "minicov_edge_set"), 1, "what all have in common is held once");
    assert_eq!(edges(&folder.path(), "/b.py").into_keys().collect::<BTreeSet<_>>(), keys.into());
}

#[test]
fn a_batch_may_say_things_twice_and_in_any_order() {
    let part = |path: &str, ran: &[LineNo], edges: &[(u32, u32)]| {
        branch_batch("", path, Some(1), ran, &[(2, 5)], edges).files.remove(0)
    };
    let mut first = part("/b.py", &[1], &[(0, 8)]);
    // As of a module that was loaded twice.
    first.codes.extend(part("/b.py", &[], &[(0, 10)]).codes);
    let files = vec![first, part("/a.py", &[3], &[(0, 8)]), part("/b.py", &[9], &[(4, 6)])];
    for branches in [false, true] {
        let batch = Batch { branches, files: files.clone(), ..Batch::default() };
        let (grown, made) = (Folder::new(), Folder::new());
        merge(&grown.path(), &batch);
        if !DataFile::create(&made.path(), &batch) {
            assert!(!made.path().exists());
            merge(&made.path(), &batch);
        }
        // To say all of it again adds nothing.
        merge(&made.path(), &batch);
        for folder in [grown, made] {
            let ran: &[LineNo] = if branches { &[1, 2, 5, 9] } else { &[1, 9] };
            assert_eq!(observed(&folder.path()).files["/b.py"].lines, lines(ran));
            let taken = edges_of(&[(0, 8), (0, 10), (4, 6)]);
            assert_eq!(edges(&folder.path(), "/b.py"), BTreeMap::from([(key("f"), taken)]));
            assert_eq!(edges(&folder.path(), "/a.py")[&key("f")], edges_of(&[(0, 8)]));
            assert_eq!((count(&folder, "file"), count(&folder, "minicov_code")), (2, 2));
        }
    }
}

#[test]
fn a_file_of_lines_becomes_one_of_arcs() {
    let ours = Folder::new();
    merge(&ours.path(), &batch("/project/a.py", Some(1), &[1, 2, 3, 40]));
    merge(&ours.path(), &batch_in("test_one", "/project/a.py", Some(1), &[2, 9]));
    let theirs = Folder::new();
    theirs.made_of(THEIR_LINES);
    for folder in [ours, theirs] {
        let path = folder.path();
        merge(&path, &branch_batch("", "/project/a.py", Some(1), &[3, 4], &[(4, -1)], &[]));
        let all = observed(&path);
        assert!(all.has_arcs);
        assert_eq!(all.files["/project/a.py"].lines, lines(&[1, 2, 3, 4, 9, 40]));
        let whole = [(-40, 40), (-9, 9), (-3, 3), (-2, 2), (-1, 1), (4, -1)];
        assert_eq!(all.files["/project/a.py"].arcs, arcs(&whole));
        let mut data = DataFile::open(&path).unwrap();
        let one = data.observed(|context| context == "test_one").unwrap();
        assert_eq!(one.files["/project/a.py"].arcs, arcs(&[(-9, 9), (-2, 2)]));
        assert_eq!(count(&folder, "line_bits"), 0, "coverage.py does not read lines from a file of arcs");
        assert_eq!(count(&folder, "meta WHERE key = 'has_arcs' AND value = '1'"), 1);
    }
}

#[test]
fn an_upgrade_that_fails_changes_nothing() {
    let folder = Folder::new();
    let path = folder.made_of(THEIR_LINES);
    folder.raw().execute("INSERT INTO line_bits VALUES (3, 2, 'no bits')", ()).unwrap();
    let batch = branch_batch("", "/project/a.py", Some(1), &[3], &[(3, 4)], &[]);
    let refused = DataFile::update(&path).and_then(|mut data| data.merge(&batch));
    assert!(matches!(fault(refused), Fault::Malformed { .. }));
    assert_eq!(count(&folder, "arc"), 0);
    assert_eq!(count(&folder, "line_bits"), 4);
}

#[test]
fn arcs_and_edges_of_another_text_are_dropped() {
    let folder = Folder::new();
    let path = folder.path();
    for file in ["/a.py", "/b.py"] {
        merge(&path, &branch_batch("", file, Some(1), &[1], &[(1, 2)], &[(0, 2)]));
        merge(&path, &branch_batch("other", file, Some(1), &[], &[(1, 3)], &[(0, 4)]));
    }
    let new = branch_batch("", "/a.py", Some(2), &[], &[(6, 7)], &[(8, 9)]);
    assert_eq!(merge(&path, &new).changed, ["/a.py"]);
    assert_eq!(observed(&path).files["/a.py"].arcs, arcs(&[(6, 7)]));
    assert_eq!(edges(&path, "/a.py")[&key("f")], edges_of(&[(8, 9)]));
    assert_eq!(observed(&path).files["/b.py"].arcs, arcs(&[(1, 2), (1, 3)]));
    assert_eq!(edges(&path, "/b.py")[&key("f")], edges_of(&[(0, 2), (0, 4)]));
    assert_eq!(count(&folder, "minicov_code_edges"), 3);
    assert_eq!(count(&folder, "minicov_edge_set"), 3);
}

#[test]
fn tables_of_format_1_are_read_and_brought_up_to_date() {
    let folder = Folder::new();
    let path = folder.made_of(OUR_FORMAT_1);
    assert_eq!(seen(&path, "/project/a.py"), [1, 2, 3, 7]);
    assert!(edges(&path, "/project/a.py").is_empty());
    let data = DataFile::open(&path).unwrap();
    assert_eq!(data.python().unwrap().as_deref(), Some("3.13.0"));
    drop(data);
    merge(&path, &branch_batch("", "/project/a.py", None, &[4], &[(2, 4)], &[(0, 2)]));
    assert_eq!(observed(&path).files["/project/a.py"].arcs.len(), 5);
    assert_eq!(edges(&path, "/project/a.py").len(), 1);
    let (old, new) = (folder.raw(), Folder::new());
    merge(&new.path(), &Batch::default());
    let tables = |connection: &Connection| -> Vec<String> {
        // `arc` stays as it was made, coverage.py's way or ours.
        let others = "SELECT sql FROM sqlite_master WHERE tbl_name <> 'arc' ORDER BY name";
        let mut statement = connection.prepare(others).unwrap();
        let rows = statement.query_map((), |row| row.get::<_, Option<String>>(0)).unwrap();
        rows.filter_map(Result::unwrap).collect()
    };
    assert_eq!(tables(&old), tables(&new.raw()));
}

#[test]
fn rows_of_edges_become_sets() {
    let folder = Folder::new();
    let path = folder.made_of(OUR_FORMAT_2);
    let before = edges(&path, "/project/a.py");
    let contents = DataFile::open(&path).unwrap().contents().unwrap();
    merge(&path, &batch("/project/other.py", Some(1), &[1]));
    assert_eq!(count(&folder, "sqlite_master WHERE name = 'minicov_edge'"), 0);
    assert_eq!(edges(&path, "/project/a.py"), before);
    assert!(!before.is_empty());
    let mut after = DataFile::open(&path).unwrap().contents().unwrap();
    after.files.retain(|file| file.path != "/project/other.py");
    assert_eq!(after.files, contents.files);
}

#[test]
fn sets_that_nothing_needs_any_more_go() {
    let folder = Folder::new();
    let path = folder.path();
    for context in ["", "other"] {
        merge(&path, &branch_batch(context, "/a.py", Some(1), &[], &[], &[(0, 2)]));
    }
    assert_eq!(count(&folder, "minicov_edge_set"), 1);
    merge(&path, &branch_batch("", "/a.py", Some(1), &[], &[], &[(0, 4)]));
    assert_eq!(count(&folder, "minicov_edge_set"), 2);
    merge(&path, &branch_batch("other", "/a.py", Some(1), &[], &[], &[(0, 4)]));
    assert_eq!(count(&folder, "minicov_edge_set"), 1);
    assert_eq!(edges(&path, "/a.py")[&key("f")], edges_of(&[(0, 2), (0, 4)]));
}

#[test]
fn hostile_edges_are_errors_or_left_out() {
    for (damage, is_error) in [
        ("UPDATE minicov_code SET fingerprint = x'00'", true),
        ("UPDATE minicov_code SET fingerprint = 'sixteen letters.'", true),
        ("UPDATE minicov_code SET qualname = x'ff'", true),
        ("UPDATE minicov_code SET first_line = 4294967296", true),
        ("UPDATE minicov_edge_set SET edges = 'x'", true),
        ("UPDATE minicov_edge_set SET edges = x'05'", true),
        ("UPDATE minicov_edge_set SET edges = zeroblob(100000000)", true),
        // One edge, which leads where no code object has anything.
        ("UPDATE minicov_edge_set SET edges = x'010003'", false),
        ("UPDATE minicov_edge_set SET edges = x'0100ffffffffffffffffff01'", false),
        ("UPDATE minicov_code_edges SET context_id = 'x'", true),
        ("UPDATE minicov_code_edges SET context_id = 99", false),
        ("UPDATE minicov_code_edges SET set_id = 99", false),
        ("DELETE FROM file", false),
        ("DROP TABLE minicov_code_edges", true),
        ("DROP TABLE minicov_edge_set", true),
    ] {
        let folder = Folder::new();
        let path = folder.path();
        merge(&path, &branch_batch("", "/a.py", Some(1), &[1], &[(1, 2)], &[(0, 2)]));
        folder.raw().execute_batch(damage).unwrap();
        let read = DataFile::open(&path).unwrap().edges("/a.py", |_| true);
        if is_error {
            assert!(matches!(fault(read), Fault::Malformed { .. }), "{damage}");
        } else {
            assert!(read.unwrap().is_empty(), "{damage}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Batches with and without branches, in any order.
    #[test]
    fn what_is_merged_is_read_back(
        batches in prop::collection::vec(
            (
                (0_usize..3, 0_usize..3, any::<bool>()),
                prop::collection::vec(1_u32..300, 0..20),
                prop::collection::vec((-20_i32..300, -20_i32..300), 0..20),
                prop::collection::vec((0_u32..90, prop_oneof![0_u32..90, Just(Edge::EXIT)]), 0..20),
            ),
            1..12,
        ),
    ) {
        let folder = Folder::new();
        let mut expected_lines: BTreeMap<String, LineSet> = BTreeMap::new();
        let mut expected_arcs: BTreeMap<String, BTreeSet<LineArc>> = BTreeMap::new();
        let mut expected_edges: BTreeMap<String, BTreeSet<Edge>> = BTreeMap::new();
        let mut has_arcs = false;
        for ((file, context, branches), ran, taken, edges) in batches {
            let name = format!("/{file}.py");
            let context = ["", "a", "b"][context];
            let (of_file, with_arcs) =
                (expected_lines.entry(name.clone()).or_default(), expected_arcs.entry(name.clone()).or_default());
            of_file.extend(ran.iter().copied());
            with_arcs.extend(ran.iter().map(|line| LineArc::new(-line.cast_signed(), line.cast_signed())));
            if branches {
                has_arcs = true;
                let ends = taken.iter().flat_map(|(from, to)| [*from, *to]);
                of_file.extend(ends.filter(|end| *end > 0).map(i32::unsigned_abs));
                with_arcs.extend(arcs(&taken));
                expected_edges.entry(name.clone()).or_default().extend(edges_of(&edges));
                merge(&folder.path(), &branch_batch(context, &name, Some(0), &ran, &taken, &edges));
            } else {
                merge(&folder.path(), &batch_in(context, &name, Some(0), &ran));
            }
        }
        let read = observed(&folder.path());
        prop_assert_eq!(read.has_arcs, has_arcs);
        for (name, file) in read.files {
            prop_assert_eq!(&file.lines, &expected_lines[&name]);
            if has_arcs {
                // A line that an arc ends at need not be there on its own.
                prop_assert!(file.arcs.is_subset(&expected_arcs[&name]));
                let lines_alone = expected_arcs[&name].difference(&file.arcs);
                prop_assert!(lines_alone.into_iter().all(|arc| arc.from == -arc.to));
            }
            let taken: BTreeSet<Edge> = edges(&folder.path(), &name).into_values().flatten().collect();
            prop_assert_eq!(taken, expected_edges.remove(&name).unwrap_or_default());
        }
    }
}
