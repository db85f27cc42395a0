//! `minicov combine`, and what reports do with parallel data files: coverage.py's, minicov's, and what is neither.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use rusqlite::Connection;

use crate::harness::{Project, assert_same_text};

const PROGRAM: &str = "\
import sys
def f(x):
    if x > 1:
        return 1
    return 2
for x in sys.argv[1:]:
    f(int(x))
";

/// Some runs of coverage.py in parallel mode, and one more data file with a name of its own.
fn parallel_runs(options: &[&str]) -> Project {
    let project = Project::with(&[("a.py", PROGRAM), ("b.py", "import a\na.f(5)\n")]);
    for (context, words) in [("one", &["a.py", "0"][..]), ("two", &["a.py", "2"]), ("", &["b.py"])] {
        let mut command = project.coverage(&["run", "-p"]).args(options);
        if !context.is_empty() {
            command = command.args([format!("--context={context}")]);
        }
        command.args(words).run().success();
    }
    project.coverage(&["run", "--data-file=.coverage.plain"]).args(options).args(["b.py"]).run().success();
    project
}

/// Names of the files of data.
fn data_files(project: &Project) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(project.root())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with(".coverage"))
        .collect();
    names.sort();
    names
}

/// A copy of the project's files of data, and of nothing else.
fn keep_data(project: &Project, folder: &str) {
    fs::create_dir(project.path(folder)).unwrap();
    for name in data_files(project) {
        fs::copy(project.path(&name), project.path(folder).join(&name)).unwrap();
    }
}

/// The rows of a data file, with names in place of numbers; numbits as they are.
fn rows(path: PathBuf) -> BTreeMap<&'static str, Vec<String>> {
    let connection = Connection::open(path).unwrap();
    let queries = [
        ("file", "SELECT path FROM file"),
        ("context", "SELECT context FROM context"),
        ("has_arcs", "SELECT value FROM meta WHERE key = 'has_arcs'"),
        (
            "line_bits",
            "SELECT path || '|' || context || '|' || hex(numbits) FROM line_bits, file f, context c WHERE file_id = f.id AND context_id = c.id",
        ),
        (
            "arc",
            "SELECT path || '|' || context || '|' || fromno || '|' || tono FROM arc, file f, context c WHERE file_id = f.id AND context_id = c.id",
        ),
        ("tracer", "SELECT path || '|' || tracer FROM tracer, file f WHERE file_id = f.id"),
    ];
    queries
        .into_iter()
        .map(|(name, query)| {
            let mut statement = connection.prepare(query).unwrap();
            let rows = statement.query_map((), |row| row.get::<_, String>(0)).unwrap();
            let mut rows: Vec<String> = rows.collect::<Result<_, _>>().unwrap();
            rows.sort();
            (name, rows)
        })
        .collect()
}

#[test]
fn coverage_pys_files_become_what_it_makes_of_them() {
    for options in [&[][..], &["--branch"]] {
        let project = parallel_runs(options);
        keep_data(&project, "theirs");
        project.coverage(&["combine", "-q", "--data-file=theirs/.coverage"]).run().success();
        project
            .minicov(&["combine"])
            .run()
            .success()
            .stdout("")
            .stderr("minicov: notice: combined 4 files into .coverage\n");
        assert_eq!(data_files(&project), [".coverage"]);
        assert_eq!(rows(project.path(".coverage")), rows(project.path("theirs/.coverage")));
        for words in [&["report", "-m"][..], &["report", "-m", "--contexts=one"]] {
            let theirs = project.coverage(words).run();
            assert_same_text("report", &project.minicov(words).run().stdout, &theirs.stdout);
        }
    }
}

#[test]
fn keep_append_and_named_inputs() {
    let project = parallel_runs(&[]);
    let inputs = data_files(&project);
    let one = inputs.iter().find(|name| name.contains(".pid")).unwrap();
    project.minicov(&["combine", "--keep", "-q", one]).run().success().stderr("");
    let first = rows(project.path(".coverage"));
    assert_eq!(first["context"].len(), 1);
    // Without --append the data file begins anew.
    project.minicov(&["combine", "--keep", "-q", ".coverage.plain"]).run().success().stderr("");
    assert_eq!(rows(project.path(".coverage"))["context"], [""]);
    project.minicov(&["combine", "--keep", "--append", "-q", one]).run().success().stderr("");
    assert_eq!(
        rows(project.path(".coverage"))["context"].len(),
        if first["context"] == [""] { 1 } else { 2 }
    );
    // A folder is looked through, and what is there already changes nothing.
    project.minicov(&["combine", "--keep", "-a", "-q", "."]).run().success().stderr("");
    let all = rows(project.path(".coverage"));
    assert_eq!(all["context"], ["", "one", "two"]);
    project.minicov(&["combine", "--keep", "-a", "-q", ".", one]).run().success().stderr("");
    assert_eq!(rows(project.path(".coverage")), all);
    let mut kept = data_files(&project);
    kept.retain(|name| name != ".coverage");
    assert_eq!(kept, inputs);
    project
        .minicov(&["combine", "none"])
        .run()
        .code(1)
        .stdout("")
        .stderr("minicov: error: couldn't combine from 'none': it does not exist\n");
}

#[test]
fn copies_are_skipped_and_hashes_alone_are_not_believed() {
    let project = parallel_runs(&[]);
    let named: Vec<String> = data_files(&project).into_iter().filter(|name| name.ends_with('h')).collect();
    let hash = named[0].rsplit('.').next().unwrap().to_owned();
    fs::copy(project.path(&named[0]), project.path(&format!(".coverage.copy.{hash}"))).unwrap();
    // Another's data under the same hash, which coverage.py would delete unread.
    fs::rename(project.path(&named[1]), project.path(&format!(".coverage.liar.{hash}"))).unwrap();
    project
        .minicov(&["combine"])
        .run()
        .success()
        .stderr("minicov: notice: combined 4 files, skipped 1 into .coverage\n");
    assert_eq!(rows(project.path(".coverage"))["context"], ["", "one", "two"]);
    assert_eq!(data_files(&project), [".coverage"]);
}

#[test]
fn lines_and_branches_go_together() {
    let project = parallel_runs(&["--branch"]);
    project.coverage(&["run", "-p", "--context=lines", "a.py", "7"]).run().success();
    project.minicov(&["combine", "-q"]).run().success().stderr("");
    assert_eq!(data_files(&project), [".coverage"]);
    let rows = rows(project.path(".coverage"));
    assert_eq!(rows["has_arcs"], ["1"]);
    assert!(rows["arc"].iter().any(|row| row.contains("a.py|lines|") && row.ends_with("|4")), "{rows:?}");
    project.coverage(&["report"]).run().success();
}

#[test]
fn what_is_no_good_stays_and_costs_nothing() {
    let project = parallel_runs(&[]);
    let good = data_files(&project);
    project.file(".coverage.text", "not SQLite at all");
    project.file(".coverage.empty", "");
    project.file(".coverage.torn", &fs::read(project.path(&good[0])).unwrap()[..9000]);
    let edit = |name: &str, sql: &str| {
        fs::copy(project.path(".coverage.plain"), project.path(name)).unwrap();
        Connection::open(project.path(name)).unwrap().execute_batch(sql).unwrap();
    };
    edit(".coverage.schema", "UPDATE coverage_schema SET version = 6");
    edit(".coverage.bytes", "UPDATE file SET path = CAST(x'2fff2e7079' AS TEXT) WHERE id = 1");
    edit(".coverage.shape", "DROP TABLE line_bits; CREATE VIEW line_bits AS SELECT 1 AS other");
    edit(".coverage.types", "UPDATE line_bits SET numbits = 'text'");
    let outcome = project.minicov(&["combine"]).run();
    outcome.success().stdout("");
    let mut told: Vec<&str> = outcome.stderr.lines().collect();
    assert_eq!(told.pop(), Some("minicov: notice: combined 4 files, 7 files errored into .coverage"));
    told.sort_unstable();
    let bad = ["bytes", "empty", "schema", "shape", "text", "torn", "types"];
    assert_eq!(told.len(), bad.len(), "{told:?}");
    for (told, name) in told.iter().zip(bad) {
        let start = format!(
            "minicov: warning: couldn't use data file '{}': ",
            project.path(&format!(".coverage.{name}")).display()
        );
        assert!(told.starts_with(&start) && told.ends_with(" [data-unusable]"), "{told}");
    }
    assert_eq!(rows(project.path(".coverage"))["context"], ["", "one", "two"]);
    let kept: Vec<String> = bad.iter().map(|name| format!(".coverage.{name}")).collect();
    assert_eq!(data_files(&project)[1..], kept);

    // With nothing good at all, what there was stays, too.
    let before = rows(project.path(".coverage"));
    project.minicov(&["combine", ".coverage.text"]).run().code(1).stdout("").stderr(&format!(
        "minicov: warning: couldn't use data file '{}': it is not an SQLite file [data-unusable]\nminicov: error: no usable data files\n",
        project.path(".coverage.text").display()
    ));
    assert_eq!(rows(project.path(".coverage")), before);
}

#[test]
fn an_input_of_another_plugin_is_left_alone() {
    let project = parallel_runs(&[]);
    fs::copy(project.path(".coverage.plain"), project.path(".coverage.zz")).unwrap();
    Connection::open(project.path(".coverage.zz"))
        .unwrap()
        .execute_batch("INSERT INTO tracer SELECT id, 'plugin.Class' FROM file")
        .unwrap();
    let outcome = project.minicov(&["combine"]).run();
    outcome.success();
    assert!(outcome.stderr.contains("conflicting file tracer name for "), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("combined 4 files, 1 file errored"), "{}", outcome.stderr);
    let left: Vec<String> = data_files(&project).into_iter().filter(|name| name != ".coverage").collect();
    assert_eq!(left.len(), 1);
}

#[test]
fn a_plugins_name_stays() {
    let project = parallel_runs(&[]);
    Connection::open(project.path(".coverage.plain"))
        .unwrap()
        .execute_batch("INSERT INTO tracer SELECT id, 'plugin.Class' FROM file")
        .unwrap();
    project.minicov(&["combine", "-q", ".coverage.plain"]).run().success().stderr("");
    assert_eq!(rows(project.path(".coverage"))["tracer"].len(), 2);
}

#[test]
fn reports_combine_first() {
    let project = parallel_runs(&[]);
    keep_data(&project, "theirs");
    let theirs = project.coverage(&["report", "--data-file=theirs/.coverage", "--keep-combined"]).run();
    let outcome = project.minicov(&["report", "--format=console", "--keep-combined"]).run();
    outcome.success().stderr("minicov: notice: combined 4 files\n");
    assert_same_text("report", &outcome.stdout, &theirs.stdout);
    assert_eq!(data_files(&project).len(), 5);
    project.minicov(&["json", "-q"]).run().success().stderr("");
    assert_eq!(data_files(&project), [".coverage"]);
    let outcome = project.minicov(&["report", "--format=console"]).run();
    outcome.success().stderr("");
    assert_same_text("again", &outcome.stdout, &theirs.stdout);
}

#[test]
fn paths_from_elsewhere() {
    let project = Project::with(&[
        ("pyproject.toml", "[tool.coverage.paths]\nsource = [\"src\", \"*/site-packages\", \"/ci/*/src\"]\n"),
        ("src/pkg/mod.py", "a = 1\nif a:\n    b = 2\nelse:\n    c = 3\n"),
        ("run.py", "import sys\nsys.path.insert(0, 'src')\nimport pkg.mod\n"),
    ]);
    for name in [".coverage.1", ".coverage.2", "report/.coverage"] {
        fs::create_dir_all(project.path(name).parent().unwrap()).unwrap();
        let option = format!("--data-file={name}");
        project.coverage(&["run", &option, "--source=src", "run.py"]).run().success();
    }
    let here = project.path("src").display().to_string();
    for (name, elsewhere) in [
        (".coverage.1", "/usr/lib/python3/site-packages"),
        (".coverage.2", r"C:\ci\7\site-packages"),
        ("report/.coverage", "/ci/1/src"),
    ] {
        Connection::open(project.path(name))
            .unwrap()
            .execute("UPDATE file SET path = replace(path, ?1, ?2)", [&here, elsewhere])
            .unwrap();
    }
    keep_data(&project, "theirs");
    project.coverage(&["combine", "-q", "--data-file=theirs/.coverage"]).run().success();
    project.minicov(&["combine", "-q"]).run().success().stderr("");
    assert_eq!(rows(project.path(".coverage")), rows(project.path("theirs/.coverage")));
    assert_eq!(project.reported_files(), ["src/pkg/mod.py"]);
    // A report of one file gives it the name it has here, and leaves the data as it is.
    let words = ["report", "--data-file=report/.coverage"];
    let theirs = project.coverage(&words).run();
    assert_same_text("report", &project.minicov(&words).run().stdout, &theirs.stdout);
    assert!(rows(project.path("report/.coverage"))["file"][0].starts_with("/ci/1/src/"));
}

#[test]
fn minicovs_own_files_keep_what_only_they_have() {
    let project = Project::with(&[("a.py", PROGRAM)]);
    for (name, word) in [("x.1", "0"), ("x.2", "3")] {
        let option = format!("--data-file={name}");
        project.minicov(&["run", "--branch", &option, "a.py", word]).run().success().stderr("");
    }
    project.minicov(&["combine", "--keep", "-q", "x.1", "x.2"]).run().success().stderr("");
    let count = |name: &str, table: &str| -> i64 {
        let connection = Connection::open(project.path(name)).unwrap();
        connection.query_row(&format!("SELECT count(*) FROM {table}"), (), |row| row.get(0)).unwrap()
    };
    assert_eq!(count(".coverage", "minicov_source"), 1);
    // A core without offsets tells of no edges; then there are none to keep.
    let edges = |name: &str| -> BTreeSet<(String, u32, i64)> {
        let connection = Connection::open(project.path(name)).unwrap();
        let query = "SELECT qualname, edges FROM minicov_code_edges
            JOIN minicov_edge_set ON minicov_edge_set.id = set_id JOIN minicov_code ON minicov_code.id = code_id";
        let mut statement = connection.prepare(query).unwrap();
        let rows = statement.query_map((), |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        let mut found = BTreeSet::new();
        for (qualname, stored) in rows.map(|row| -> (String, Vec<u8>) { row.unwrap() }) {
            let stored: Vec<(u32, i64)> = postcard::from_bytes(&stored).unwrap();
            let mut from = 0;
            for (farther, distance) in stored {
                from += farther;
                found.insert((qualname.clone(), from, distance));
            }
        }
        found
    };
    assert_eq!(edges(".coverage"), &edges("x.1") | &edges("x.2"));
    assert_eq!(edges("x.1").is_empty(), edges("x.2").is_empty());
    let python = "minicov_meta WHERE key = 'python'";
    assert_eq!(count(".coverage", python), 1);
    assert_eq!(project.executed("a.py"), [1, 2, 3, 4, 5, 6, 7]);

    // Of two texts, the one that is there counts.
    project.file("a.py", format!("# new\n{PROGRAM}"));
    project.minicov(&["run", "--branch", "--data-file=x.3", "a.py", "3"]).run().success().stderr("");
    project
        .minicov(&["combine", "-q", "x.3", "x.1", "x.2"])
        .run()
        .success()
        .stderr("minicov: warning: a.py changed between runs, so what ran of its other texts was dropped [source-changed]\n");
    assert_eq!(project.executed("a.py"), [2, 3, 4, 5, 7, 8]);
}

#[test]
fn combined_data_have_mcdc_of_all_runs() {
    let project = Project::with(&[(
        "a.py",
        "import sys\ndef f(a, b, c):\n    return (a or b) and c\nf(*map(int, sys.argv[1:]))\n",
    )]);
    for (name, words) in [("x.1", "010"), ("x.2", "011"), ("x.3", "101")] {
        for data_file in [name, "all"] {
            let option = format!("--data-file={data_file}");
            let words = words.chars().map(String::from);
            project.minicov(&["run", "--mcdc", &option, "a.py"]).args(words).run().success().stderr("");
        }
    }
    project.minicov(&["combine", "-q", "x.1", "x.2", "x.3"]).run().success().stderr("");
    let told =
        |option: &str| project.minicov(&["mcdc", "--json", option]).run().success().stderr("").stdout.clone();
    let all = told("--data-file=all");
    assert!(all.contains("\"pairs\""), "{all}");
    assert_eq!(told("--data-file=.coverage"), all);
}
