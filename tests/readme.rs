//! README.md and docs/mcdc.md say what is so: tables are those of `minicov --help`, and examples' output is what the commands
//! print.

use std::fs;
use std::process::Command as Process;

use crate::harness::{Project, repository};

fn readme() -> String {
    fs::read_to_string(repository().join("README.md")).unwrap()
}

/// Rows of the table under a heading: the name without backticks, and the meaning.
fn table(heading: &str) -> Vec<(String, String)> {
    let text = readme();
    let section =
        text.split(&format!("\n## {heading}\n")).nth(1).unwrap().split("\n## ").next().unwrap().to_owned();
    section
        .lines()
        .filter(|line| line.starts_with('|'))
        .skip(2)
        .map(|line| {
            let cells: Vec<_> = line.trim_matches('|').split(" | ").map(str::trim).collect();
            (cells[0].trim_matches('`').to_owned(), cells[1].to_owned())
        })
        .collect()
}

/// Entries of a list in `minicov --help`: a name in one line, its meaning further in, in the lines below.
fn help(title: &str) -> Vec<(String, String)> {
    let project = Project::new();
    let outcome = project.minicov(&["--help"]).run();
    outcome.success();
    let section = outcome
        .stdout
        .split(&format!("\n{title}:\n"))
        .nth(1)
        .unwrap()
        .split("\n\n")
        .next()
        .unwrap()
        .to_owned();
    let mut entries: Vec<(String, String)> = Vec::new();
    for line in section.lines() {
        match line.strip_prefix("          ") {
            Some(meaning) => {
                let (_, text) = entries.last_mut().unwrap();
                if !text.is_empty() {
                    text.push(' ');
                }
                text.push_str(meaning.trim());
            }
            None => entries.push((line.trim().to_owned(), String::new())),
        }
    }
    entries
}

#[test]
fn its_warnings_are_those_there_are() {
    assert_eq!(table("Warnings"), help("Warnings"));
}

#[test]
fn its_environment_variables_are_those_there_are() {
    assert_eq!(table("Environment variables"), help("Environment variables"));
}

#[test]
fn its_two_commands_name_files_there_are() {
    let text = readme();
    for command in
        ["cargo run --release -- run --report fixtures/projects/shop/checkout.py tea coffee", "tests/run"]
    {
        assert!(text.contains(&format!("\n```\n{command}\n```\n")), "{command}");
    }
    for file in [
        "fixtures/projects/shop/checkout.py",
        "tests/run",
        "ARCHITECTURE.md",
        "CHANGELOG.md",
        "benches/README.md",
    ] {
        assert!(repository().join(file).is_file(), "{file}");
    }
}

/// What stands in a text as a command, and what it prints there.
fn tour(text: &str) -> Vec<(String, String)> {
    let mut steps: Vec<(String, String)> = Vec::new();
    for block in text.split("\n```console\n").skip(1) {
        for line in block.split("\n```").next().unwrap().lines() {
            if let Some(command) = line.strip_prefix("$ ") {
                steps.push((command.to_owned(), String::new()));
            } else {
                let (_, output) = steps.last_mut().unwrap();
                output.push_str(line);
                output.push('\n');
            }
        }
    }
    steps
}

#[test]
fn its_tour_prints_what_it_says() {
    take("shop", &tour(&readme()));
}

#[test]
fn the_example_of_contexts_prints_what_it_says() {
    take("shop", &tour(&fs::read_to_string(repository().join("docs/contexts.md")).unwrap()));
}

#[test]
fn the_examples_of_mcdc_print_what_they_say() {
    take("mcdc", &tour(&fs::read_to_string(repository().join("docs/mcdc.md")).unwrap()));
}

/// Does in a copy of a project what a text says, and compares what is printed.
fn take(folder: &str, steps: &[(String, String)]) {
    let project = Project::new();
    let from = repository().join("fixtures/projects").join(folder);
    assert!(Process::new("cp").arg("-r").arg(from).arg(project.root()).status().unwrap().success());
    let venv = crate::harness::venv_python();
    let binary = std::path::Path::new(env!("CARGO_BIN_EXE_minicov"));
    let path = format!("{}:/usr/bin:/bin", binary.parent().unwrap().display());
    assert!(steps.len() >= 5, "{steps:?}");
    for (command, expected) in steps {
        let outcome = project
            .command("/bin/sh")
            .args(["-c", &format!("{{ {command}\n}} 2>&1")])
            .env("PATH", &path)
            .env("VIRTUAL_ENV", venv.ancestors().nth(2).unwrap())
            .folder(folder)
            .run();
        // Only the time that pytest takes may differ.
        let settle = |text: &str| match text.split_once(" passed in ") {
            Some((start, end)) => format!("{start} passed in{}", end.trim_start_matches(|c: char| c != '\n')),
            None => text.to_owned(),
        };
        crate::harness::assert_same_text(
            &format!("$ {command}"),
            &settle(&outcome.stdout),
            &settle(expected),
        );
    }
}
