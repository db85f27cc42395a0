//! `.coverage`: runs add up, changed sources start afresh, coverage.py reads the same from it.

use std::fs;

use crate::harness::{Project, assert_same_text};

const PROGRAM: &str = "\
import sys


def first():
    return 1


def second():
    return 2


if sys.argv[1] == 'first':
    first()
else:
    second()
";

fn project() -> Project {
    Project::with(&[("program.py", PROGRAM)])
}

covtest!(runs_add_up, |core| {
    let project = project();
    project.run(core, &["program.py", "first"]).success().stderr("");
    assert_eq!(project.executed("program.py"), [1, 4, 5, 8, 12, 13]);
    project.run(core, &["program.py", "second"]).success().stderr("");
    assert_eq!(project.executed("program.py"), [1, 4, 5, 8, 9, 12, 13, 15]);
});

covtest!(erase_starts_afresh, |core| {
    let project = project();
    project.run(core, &["program.py", "first"]).success();
    project.run(core, &["--erase", "program.py", "second"]).success().stderr("");
    assert_eq!(project.executed("program.py"), [1, 4, 8, 9, 12, 15]);
    project.minicov(&["erase"]).run().success().stdout("").stderr("");
    let left: Vec<_> = project.everything().into_iter().map(|(path, _)| path).collect();
    assert_eq!(left, [project.path("program.py")]);
    // There is nothing to erase any more, and that is no error.
    project.minicov(&["erase"]).run().success().stdout("").stderr("");
});

covtest!(a_changed_source_is_never_mixed, |core| {
    let project = project();
    project.file("other.py", "value = 1\n");
    project.run(core, &["program.py", "first"]).success();
    project.run(core, &["other.py"]).success();
    project.file("program.py", format!("# A new first line.\n{PROGRAM}"));
    project
        .minicov(&["report", "--format=console"])
        .run()
        .success()
        .stderr("minicov: warning: program.py changed since it was measured, so it is reported as not run; run it again [source-changed]\n");
    project
        .run(core, &["program.py", "second"])
        .success()
        .stderr("minicov: warning: program.py changed since the last run, so its earlier data was dropped [source-changed]\n");
    assert_eq!(project.executed("program.py"), [2, 5, 9, 10, 13, 16]);
    assert_eq!(project.executed("other.py"), [1]);
});

covtest!(a_source_that_changes_while_it_runs_is_dropped, |core| {
    let project = Project::with(&[
        ("main.py", "import rewritten\nopen('rewritten.py', 'w').write('other = text')\n"),
        ("rewritten.py", "value = 1\n"),
    ]);
    project
        .run(core, &["main.py"])
        .success()
        .stderr("minicov: warning: rewritten.py changed while the program ran, so what it executed there was dropped [source-changed]\n");
    assert_eq!(project.reported_files(), ["main.py"]);
});

covtest!(the_data_file_goes_where_it_is_told, |core| {
    let project = project();
    fs::create_dir(project.path("data")).unwrap();
    project.run(core, &["--data-file", "data/one", "program.py", "first"]).success().stderr("");
    assert!(project.exists("data/one") && !project.exists(".coverage"));
    project.minicov(&["report", "--data-file=data/one"]).run().success();
    let outcome = project
        .minicov(&["run", "--core", core, "program.py", "first"])
        .env("COVERAGE_FILE", project.path("data/two"))
        .run();
    outcome.success().stderr("");
    assert!(project.exists("data/two") && !project.exists(".coverage"));
    project.minicov(&["report"]).env("COVERAGE_FILE", "data/two").run().success();
    project.minicov(&["erase"]).env("COVERAGE_FILE", "data/two").run().success();
    assert!(!project.exists("data/two") && project.exists("data/one"));
    // An option is stronger than the environment.
    let outcome = project
        .minicov(&["run", "--core", core, "--data-file", "three", "program.py", "first"])
        .env("COVERAGE_FILE", "four")
        .run();
    outcome.success();
    assert!(project.exists("three") && !project.exists("four"));
});

covtest!(nothing_is_left_beside_the_data_file, |core| {
    let project = project();
    project.run(core, &["program.py", "first"]).success();
    let names: Vec<_> = project.everything().into_iter().map(|(path, _)| path).collect();
    assert_eq!(names, [project.path(".coverage"), project.path("program.py")]);
});

covtest!(coverage_py_reads_the_same_from_it, |core| {
    let project = project();
    project.file("pkg/__init__.py", "");
    project.file("pkg/unused.py", "def f():\n    return 1\n");
    project.run(core, &["--source", ".", "program.py", "first"]).success();
    assert_same_text(
        "coverage json",
        &project.json().normalised(),
        &project.coverage_json(".coverage").normalised(),
    );
    for words in [&["report"][..], &["report", "-m"], &["report", "--skip-covered", "--precision=2"]] {
        let theirs = project.coverage(words).run();
        let ours = project.minicov(words).run();
        assert_same_text(&format!("{words:?}"), &ours.stdout, &theirs.stdout);
    }
});

covtest!(coverage_py_may_add_to_it_and_we_read_that, |core| {
    let project = project();
    project.run(core, &["program.py", "first"]).success();
    project.coverage(&["run", "-a", "program.py", "second"]).run().success();
    assert_eq!(project.executed("program.py"), [1, 4, 5, 8, 9, 12, 13, 15]);
    project.run(core, &["program.py", "first"]).success().stderr("");
    assert_same_text(
        "coverage json",
        &project.json().normalised(),
        &project.coverage_json(".coverage").normalised(),
    );
});

#[test]
fn coverage_pys_own_data_files_are_read_with_and_without_branches() {
    for options in [&["run"][..], &["run", "--branch"]] {
        let project = project();
        project.coverage(options).args(["program.py", "first"]).run().success();
        assert_eq!(project.executed("program.py"), [1, 4, 5, 8, 12, 13], "{options:?}");
    }
}

covtest!(contexts_are_kept, |core| {
    let project = project();
    project.run(core, &["--context", "one", "program.py", "first"]).success();
    project.run(core, &["--context", "two", "program.py", "second"]).success();
    let outcome = project.coverage(&["json", "-q", "-o", "-", "--show-contexts"]).run();
    let json = crate::harness::CoverageJson::parse(&outcome.stdout);
    let contexts = &json.0["files"]["program.py"]["contexts"];
    assert_eq!(contexts["5"], serde_json::json!(["one"]));
    assert_eq!(contexts["9"], serde_json::json!(["two"]));
    assert_eq!(project.executed("program.py"), [1, 4, 5, 8, 9, 12, 13, 15]);
});

covtest!(runs_at_the_same_time_lose_nothing, |core| {
    let project = project();
    for number in 0..6 {
        project.file(&format!("module{number}.py"), "value = 1\nother = 2\n");
    }
    let running: Vec<_> = (0..6)
        .map(|number| project.minicov(&["run", "--core", core, &format!("module{number}.py")]).start())
        .collect();
    for run in running {
        run.wait().success().stderr("");
    }
    for number in 0..6 {
        assert_eq!(project.executed(&format!("module{number}.py")), [1, 2]);
    }
    assert!(!project.exists(".coverage.minicov-journal"));
});

covtest!(the_schema_is_coverage_pys_seven, |core| {
    let project = project();
    project.run(core, &["program.py", "first"]).success();
    let database = rusqlite::Connection::open(project.path(".coverage")).unwrap();
    let version: i64 =
        database.query_row("SELECT version FROM coverage_schema", (), |row| row.get(0)).unwrap();
    assert_eq!(version, 7);
    let (path, hash): (String, Vec<u8>) = database
        .query_row("SELECT path, sha256 FROM file JOIN minicov_source ON file.id = file_id", (), |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .unwrap();
    assert_eq!(path, project.path("program.py").to_str().unwrap());
    assert_eq!(hash.len(), 32);
});

covtest!(settings_may_be_long, |core| {
    let patterns = (0..3_000).map(|number| format!("    generated/tables/number_{number}_of_many.py\n"));
    let settings = "[run]\nomit =\n".to_owned() + &patterns.collect::<String>();
    let program = "\
import os, subprocess, sys
subprocess.run([sys.executable, 'child.py'], check=True)
child = os.fork() if hasattr(os, 'fork') else 0
if not child:
    forked = 1
    os._exit(0)
os.waitpid(child, 0)
";
    let files = [(".coveragerc", settings.as_str()), ("long.py", program), ("child.py", "ran = 1\n")];
    let project = Project::with(&files);
    // More than fits into an environment variable: what the program starts must start all the same.
    let expected = "\
minicov: warning: child processes were not measured: there are too many patterns and folders to tell them; shorten `source`, \
`include` or `omit` [child-not-measured]
";
    project.run(core, &["long.py"]).success().stdout("").stderr(expected);
    assert_eq!(project.executed("long.py"), [1, 2, 3, 4, 5, 6, 7]);
});
