//! `minicov report`: exact text, and coverage.py's JSON.

use std::fs;

use crate::harness::{Project, assert_same_text};

fn project() -> Project {
    let project = Project::with(&[
        (
            "main.py",
            "import sys\nimport pkg.half, pkg.full, pkg.empty\nif len(sys.argv) > 5:\n    print('many')\n",
        ),
        ("pkg/__init__.py", ""),
        (
            "pkg/half.py",
            "def used():\n    return 1\n\n\ndef unused():\n    x = 1\n    return x\n\n\nused()\n",
        ),
        ("pkg/full.py", "value = 1\n"),
        ("pkg/empty.py", "# nothing\n"),
        ("pkg/never.py", "class A:\n    def m(self):\n        return 1\n"),
    ]);
    project.minicov(&["run", "--source", ".", "main.py"]).run().success().stdout("").stderr("");
    project
}

#[test]
fn the_console_report() {
    let project = project();
    project.minicov(&["report", "--format=console"]).run().success().stderr("").stdout(
        "\
Name              Stmts   Miss  Cover
-------------------------------------
main.py               4      1    75%
pkg/__init__.py       0      0   100%
pkg/empty.py          0      0   100%
pkg/full.py           1      0   100%
pkg/half.py           6      2    67%
pkg/never.py          3      3     0%
-------------------------------------
TOTAL                14      6    57%
",
    );
    project
        .minicov(&["report", "-m", "--skip-covered", "--skip-empty", "--sort=-miss"])
        .run()
        .success()
        .stdout(
            "\
Name           Stmts   Miss  Cover   Missing
--------------------------------------------
pkg/never.py       3      3     0%   1-3
pkg/half.py        6      2    67%   6-7
main.py            4      1    75%   4
--------------------------------------------
TOTAL             14      6    57%

3 files skipped due to complete coverage.
",
        );
}

#[test]
fn the_same_text_as_coverage_py() {
    let project = project();
    for words in [
        &["report"][..],
        &["report", "-m"],
        &["report", "--skip-covered"],
        &["report", "--skip-empty"],
        &["report", "--skip-covered", "--skip-empty", "-m"],
        &["report", "--precision=1"],
        &["report", "--precision=3", "-m"],
        &["report", "--sort=cover"],
        &["report", "--sort=-cover"],
        &["report", "--sort=stmts"],
        &["report", "--sort=-miss"],
        &["report", "--sort=-name"],
        &["report", "--include=pkg/*"],
        &["report", "--omit=*/half.py,main.py"],
        &["report", "pkg/half.py", "main.py"],
    ] {
        let theirs = project.coverage(words).run();
        let ours = project.minicov(words).run();
        assert_eq!(ours.status, theirs.status, "{words:?}");
        assert_same_text(&format!("{words:?}"), &ours.stdout, &theirs.stdout);
    }
}

#[test]
fn the_same_json_as_coverage_py() {
    let project = project();
    assert_same_text("json", &project.json().normalised(), &project.coverage_json(".coverage").normalised());
    // The text, too: separators, order of keys, no newline at the end.
    let ours = project.minicov(&["report", "--format", "json", "--pretty-print", "-o", "-"]).run();
    let theirs = project.coverage(&["json", "-q", "--pretty-print", "-o", "-"]).run();
    let body = |text: &str| text.split_once("\"files\"").unwrap().1.to_owned();
    assert_same_text("pretty json", &body(&ours.stdout), &body(&theirs.stdout));
    let ours = project.minicov(&["report", "--format", "json", "-o", "-"]).run();
    let theirs = project.coverage(&["json", "-q", "-o", "-"]).run();
    assert_same_text("json text", &body(&ours.stdout), &body(&theirs.stdout));
}

#[test]
fn json_says_who_wrote_it() {
    let project = project();
    let json = project.json();
    let meta = json.0["meta"].as_object().unwrap();
    assert_eq!(
        meta.keys().collect::<Vec<_>>(),
        ["format", "version", "timestamp", "branch_coverage", "show_contexts"]
    );
    assert_eq!(meta["format"], 3);
    assert_eq!(meta["branch_coverage"], false);
}

#[test]
fn json_goes_to_its_file_and_says_so() {
    let project = project();
    let notice = |name: &str| format!("minicov: notice: wrote JSON report to {name}\n");
    project
        .minicov(&["report", "--format", "json"])
        .run()
        .success()
        .stdout("")
        .stderr(&notice("coverage.json"));
    project
        .minicov(&["report", "--format", "json", "-o", "other.json"])
        .run()
        .success()
        .stdout("")
        .stderr(&notice("other.json"));
    let texts: Vec<_> = ["coverage.json", "other.json"]
        .iter()
        .map(|name| {
            crate::harness::CoverageJson::parse(&fs::read_to_string(project.path(name)).unwrap()).normalised()
        })
        .collect();
    assert_eq!(texts[0], texts[1]);
}

#[test]
fn several_formats_at_once() {
    let project = project();
    let outcome = project.minicov(&["report", "--format", "console", "json"]).run();
    outcome.success();
    assert!(outcome.stdout.starts_with("Name "), "{}", outcome.stdout);
    assert!(project.exists("coverage.json"));
}

covtest!(run_can_report_when_the_program_has_ended, |core| {
    let project = Project::with(&[(
        "prints.py",
        "print('output')\nif __file__ == '':\n    print('never')\nraise SystemExit(3)\n",
    )]);
    project.run(core, &["--report", "prints.py"]).code(3).stderr("").stdout(
        "\
output
Name        Stmts   Miss  Cover
-------------------------------
prints.py       4      1    75%
-------------------------------
TOTAL           4      1    75%
",
    );
});

#[test]
fn the_report_of_unchanged_files_needs_no_interpreter() {
    let project = project();
    project.minicov(&["report"]).run().success();
    // The analysis is in the data file now: even a standard library out of reach does not matter.
    project
        .minicov(&["report", "--format=console"])
        .env("PYTHONHOME", "/nonexistent")
        .env("PYTHONPATH", "/nonexistent")
        .run()
        .success()
        .stderr("");
}

#[test]
fn reports_do_not_depend_on_the_users_python_settings() {
    let project = project();
    let plain = project.minicov(&["report", "-m"]).run();
    project.minicov(&["run", "--erase", "--source", ".", "main.py"]).run().success();
    let odd = project
        .minicov(&["report", "-m"])
        .env("PYTHONHOME", "/nonexistent")
        .env("PYTHONOPTIMIZE", "2")
        .env("PYTHONWARNINGS", "error")
        .env("PYTHONSTARTUP", "/nonexistent")
        .env("LANG", "C")
        .run();
    odd.same_as(&plain);
}

#[test]
fn a_closed_pipe_is_a_quiet_end() {
    let project = project();
    let script = format!("{} report | true; echo ${{PIPESTATUS[0]}}", env!("CARGO_BIN_EXE_minicov"));
    project.command("/bin/bash").args(["-c", &script]).run().success().stdout("0\n").stderr("");
}
