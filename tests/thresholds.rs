//! Demands on coverage: of branches, and of files by pattern.

use crate::harness::{Command, Project};

const PART: &str = "def f(x):\n    if x:\n        return 1\n    return 2\n";

/// `core/full.py` is covered, `core/half.py` and `plain.py` lack a line and a branch.
fn project(options: &[&str]) -> Project {
    let main = "from core import full, half\nimport plain\nfull.f(1), full.f(0), half.f(0), plain.f(1)\n";
    let files = [
        ("main.py", main),
        ("core/__init__.py", ""),
        ("core/full.py", PART),
        ("core/half.py", PART),
        ("plain.py", PART),
    ];
    let project = Project::with(&files);
    project.minicov(&["run"]).args(options).args(["main.py"]).run().success();
    project
}

fn total(project: &Project, words: &[&str]) -> Command {
    project.minicov(&["report", "--format=total"]).args(words)
}

#[test]
fn branches_have_a_threshold_of_their_own() {
    let project = project(&["--branch"]);
    // 4 of 6 branches: 66.67 %, which is 67 without digits.
    for words in [&["--fail-under-branch=67"][..], &["--fail-under-branch=66.67"], &["--fail-under-branch=0"]]
    {
        total(&project, words).run().success().stderr("").stdout("81\n");
    }
    for (words, message) in [
        (&["--fail-under-branch=68"][..], "branch coverage of 67 is less than fail-under-branch=68"),
        (
            &["--fail-under-branch=67", "--precision=1"],
            "branch coverage of 66.7 is less than fail-under-branch=67.0",
        ),
        (&["--fail-under-branch=66.68"], "branch coverage of 66.67 is less than fail-under-branch=66.68"),
    ] {
        let outcome = total(&project, words).run();
        outcome.code(2).stderr(&format!("minicov: error: coverage failure: {message}\n"));
        // The report is made all the same.
        assert!(outcome.stdout.starts_with("81"), "{}", outcome.stdout);
    }
    total(&project, &["--fail-under-branch=101"])
        .run()
        .code(1)
        .stderr("minicov: error: fail-under-branch=101.0 is invalid: it must be between 0 and 100\n");
    project.file(".coveragerc.toml", "[tool.minicov]\nfail_under_branch = 68\n");
    total(&project, &[]).run().code(2);
}

#[test]
fn without_branches_there_is_nothing_to_judge() {
    let project = project(&[]);
    let outcome = total(&project, &["--fail-under-branch=1"]).run();
    outcome
        .code(1)
        .stderr("minicov: error: fail-under-branch can't be judged, because no branches were measured\n");
}

#[test]
fn patterns_have_thresholds() {
    let project = project(&["--branch"]);
    let demand =
        |text: &str| project.file("pyproject.toml", format!("[tool.minicov.thresholds]\n{text}\n")).path("");
    // Of the files that match, taken together: 7 of 8 lines, 3 of 4 branches; rounded as fail_under is.
    demand("'core/**' = { line = 88, branch = 75 }\n'plain.py' = 75");
    total(&project, &[]).run().success().stderr("");
    demand(
        "'core/**' = { line = 89, branch = 76 }\n'core/full.py' = { line = 100, branch = 100 }\n'plain.py' = 76",
    );
    total(&project, &[]).run().code(2).stderr(
        "minicov: error: coverage failure: line coverage of core/** is 88, less than its threshold of 89\n\
         minicov: error: coverage failure: branch coverage of core/** is 75, less than its threshold of 76\n\
         minicov: error: coverage failure: line coverage of plain.py is 75, less than its threshold of 76\n",
    );
    // What was left out of a report is not judged in it.
    total(&project, &["--include=plain.py"]).run().code(2);
    // Precision counts here, too.
    demand("'core/**' = { line = 87.5 }");
    total(&project, &[]).run().success();
    demand("'core/**' = { line = 87.6 }");
    total(&project, &[]).run().code(2);
    // The same in an INI file, and next to fail_under.
    std::fs::remove_file(project.path("pyproject.toml")).unwrap();
    project.file(
        "setup.cfg",
        "[minicov:thresholds]\ncore/** = line=89, branch=75\n[coverage:report]\nfail_under = 99\n",
    );
    total(&project, &[]).run().code(2).stderr(
        "minicov: error: coverage failure: total of 81 is less than fail-under=99\n\
         minicov: error: coverage failure: line coverage of core/** is 88, less than its threshold of 89\n",
    );
}

#[test]
fn patterns_that_match_nothing_and_demands_that_are_none() {
    let project = project(&[]);
    let demand =
        |text: &str| project.file("pyproject.toml", format!("[tool.minicov.thresholds]\n{text}\n")).path("");
    demand("'nowhere/*' = 90");
    let outcome = total(&project, &[]).run();
    outcome.success();
    assert!(
        outcome.stderr.starts_with("minicov: warning: ") && outcome.stderr.contains("nowhere/*"),
        "{}",
        outcome.stderr
    );
    for text in
        ["'a.py' = 'much'", "'a.py' = { lines = 3 }", "'a.py' = { line = 101 }", "'a.py' = { branch = 5 }"]
    {
        demand(text);
        let outcome = total(&project, &[]).run();
        outcome.code(1);
        assert!(outcome.stderr.starts_with("minicov: error: "), "{text}: {}", outcome.stderr);
        if text.contains("lines") {
            assert!(
                outcome.stderr.contains("knows no 'lines': it takes line, branch, mcdc"),
                "{}",
                outcome.stderr
            );
        }
    }
}
