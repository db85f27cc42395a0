//! Configurations and commands that minicov and coverage.py must answer alike: exit status, standard output, files, and
//! which warnings there are.
//!
//! `cases.rs` has the table. coverage.py runs all cases in one go (`oracles/coverage_commands.py` forks a process for each
//! command, so that it is imported once). What both are allowed to differ in stands in docs/differences.md: where an error
//! is told, and its words.

mod cases;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::harness::{Project, comparable, repository};
use cases::{CASES, Case, FILES};

/// Warnings that both have by the same name, and coverage.py's words for one that has none there.
const WARNINGS: [(&str, &str); 5] = [
    ("no-data-collected", "(no-data-collected)"),
    ("module-not-imported", "(module-not-imported)"),
    ("include-ignored", "(include-ignored)"),
    ("couldnt-parse", "(couldnt-parse)"),
    ("unrecognized-option", "Unrecognized option"),
];

/// What came of one command.
#[derive(Debug)]
struct Answer {
    status: i64,
    stdout: String,
    stderr: String,
}

impl Answer {
    fn warnings(&self, ours: bool) -> BTreeSet<&'static str> {
        let names = WARNINGS.iter().filter(|(slug, theirs)| {
            if ours { self.stderr.contains(&format!("[{slug}]")) } else { self.stderr.contains(theirs) }
        });
        names.map(|(slug, _)| *slug).collect()
    }
}

#[test]
fn the_same_answers_as_coverage_py() {
    assert!(CASES.len() >= 40, "{}", CASES.len());
    let project = Project::new();
    for case in CASES {
        for side in ["ours", "theirs"] {
            lay_out(&project, side, case);
        }
    }
    let (ours, theirs) = std::thread::scope(|scope| {
        let theirs = scope.spawn(|| coverage_answers(&project));
        let ours: Vec<Vec<Answer>> = CASES.iter().map(|case| our_answers(&project, case)).collect();
        (ours, theirs.join().unwrap())
    });
    let mut failures = Vec::new();
    for ((case, ours), theirs) in CASES.iter().zip(&ours).zip(&theirs) {
        if let Err(difference) = compare(&project, case, ours, theirs) {
            failures.push(format!("=== {}\n{difference}", case.name));
        }
    }
    assert!(failures.is_empty(), "{} of {} differ\n{}", failures.len(), CASES.len(), failures.join("\n"));
}

/// Writes a case's files below `side`.
fn lay_out(project: &Project, side: &str, case: &Case) {
    for (name, text) in FILES.iter().chain(case.files) {
        project.file(&format!("{side}/{}/{name}", case.name), text);
    }
}

fn words(step: &str) -> Vec<String> {
    step.split_whitespace().map(|word| word.replace('~', " ")).collect()
}

/// What coverage.py answers to each step of each case.
fn coverage_answers(project: &Project) -> Vec<Vec<Answer>> {
    let cases: Vec<Value> = CASES
        .iter()
        .map(|case| {
            json!({
                "folder": project.path(&format!("theirs/{}", case.name)),
                "environment": case.environment.iter().copied().collect::<BTreeMap<_, _>>(),
                "steps": case.steps.iter().map(|step| words(step)).collect::<Vec<_>>(),
            })
        })
        .collect();
    let driver = repository().join("tests/oracles/coverage_commands.py");
    let outcome = project
        .python(&[driver.to_str().unwrap()])
        .env("COVERAGE_CORE", "ctrace")
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .input(Value::from(cases).to_string())
        .run();
    outcome.success();
    let answers: Vec<Vec<Value>> = serde_json::from_str(&outcome.stdout).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let read = |value: &Value| Answer {
        status: value["status"].as_i64().unwrap(),
        stdout: text(&value["stdout"]),
        stderr: text(&value["stderr"]),
    };
    answers.iter().map(|steps| steps.iter().map(read).collect()).collect()
}

/// What minicov answers to each step of a case.
fn our_answers(project: &Project, case: &Case) -> Vec<Answer> {
    let answer = |step: &&str| {
        let mut command = project.minicov(&[]).args(words(step)).folder(format!("ours/{}", case.name));
        command = command.env("PYTHONDONTWRITEBYTECODE", "1");
        for (name, value) in case.environment {
            command = command.env(name, value);
        }
        let outcome = command.run();
        let status = outcome.status.code().map_or(-1, i64::from);
        Answer { status, stdout: outcome.stdout, stderr: outcome.stderr }
    };
    case.steps.iter().map(answer).collect()
}

/// Tells where the answers to a case differ.
fn compare(project: &Project, case: &Case, ours: &[Answer], theirs: &[Answer]) -> Result<(), String> {
    let folder = format!("ours/{}", case.name);
    for ((step, our), their) in case.steps.iter().zip(ours).zip(theirs) {
        let differ =
            |what: &str| Err(format!("$ {step}\n{what}\n--- theirs\n{their:#?}\n--- ours\n{our:#?}"));
        if our.status != their.status {
            return differ("exit status");
        }
        // An error of coverage.py's stands on standard output, ours on standard error.
        let starts_with_error =
            ["minicov: error: ", "error: "].iter().any(|start| our.stderr.starts_with(start));
        if their.status == 1 && (starts_with_error || our.stderr.contains("\nminicov: error: ")) {
            if !our.stdout.is_empty() || our.stderr.is_empty() {
                return differ("an error is told on standard error, and nothing else");
            }
            continue;
        }
        // So does the sentence that coverage is too low.
        let (mut their_stdout, mut failure) = (their.stdout.clone(), None);
        if let Some(at) = their_stdout.find("Coverage failure: ") {
            failure = Some(their_stdout.split_off(at)["Coverage failure: ".len()..].to_owned());
        }
        if failure.is_some_and(|failure| !our.stderr.contains(&failure)) {
            return differ("the sentence that coverage is too low");
        }
        let [our_stdout, their_stdout] = comparable(&our.stdout, &their_stdout);
        if settle(&our_stdout, &folder) != settle(&their_stdout, &format!("theirs/{}", case.name)) {
            return differ("standard output");
        }
        if our.warnings(true) != their.warnings(false) {
            return differ("warnings");
        }
    }
    // Where nothing was recorded, coverage.py writes an empty data file.
    let is_empty = |answer: &Answer| answer.stderr.contains("(no-data-collected)");
    if theirs.iter().any(is_empty) || case.name == "disable-warnings" {
        return Ok(());
    }
    let (ours, theirs) =
        (listing(&project.path(&folder)), listing(&project.path(&format!("theirs/{}", case.name))));
    if ours != theirs {
        return Err(format!("files\n--- theirs\n{theirs:?}\n--- ours\n{ours:?}"));
    }
    Ok(())
}

/// Without what differs by its nature: the folder, who wrote it and when.
fn settle(text: &str, folder: &str) -> String {
    let mut settled = text.replace(folder, "FOLDER");
    for (start, end) in [
        ("\"version\": \"", "\""),
        ("\"timestamp\": \"", "\""),
        ("<coverage version=\"", "\""),
        (" timestamp=\"", "\""),
        ("<!-- Generated by ", " -->"),
    ] {
        if let Some(at) = settled.find(start) {
            let from = at + start.len();
            let length = settled[from..].find(end).unwrap_or(0);
            settled.replace_range(from..from + length, "*");
        }
    }
    settled
}

/// The files there are; the random parts of the names of parallel data files count for nothing.
fn listing(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        // `minicov report` without options writes pages, too, which is one of the differences.
        .filter(|name| name != "__pycache__" && name != "htmlcov")
        .map(|name| match name.find(".pid") {
            Some(at) => format!("{}.pid*", &name[..at]),
            None => name,
        })
        .collect();
    names.sort();
    names
}
