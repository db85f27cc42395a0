//! Every program in fixtures/programs, on each core: its lines are what its marks say, and what coverage.py says.
//!
//! A mark stands at the end of a statement's first line:
//!
//! - `# miss`: a statement that does not run.
//! - `# excluded`: a line that the default exclusions take out (comment lines within excluded suites too).
//! - `# beyond coverage.py`: a statement that runs when coverage.py has stopped measuring.
//!
//! Every other statement runs. Which lines are statements, coverage.py says. A program called `py312_…` needs that Python.

use std::fs;
use std::path::{Path, PathBuf};

use crate::harness::{CORES, MINOR, Project, repository};

const BEYOND: &str = "beyond coverage.py";

/// Lines of `source` that end with a mark.
fn marked(source: &str, mark: &str) -> Vec<u32> {
    let ending = format!("# {mark}");
    (1..)
        .zip(source.split('\n'))
        .filter(|(_, line)| line.trim_end().ends_with(&ending))
        .map(|(n, _)| n)
        .collect()
}

/// The programs that this Python can run.
fn programs() -> Vec<PathBuf> {
    let mut programs: Vec<PathBuf> = fs::read_dir(repository().join("fixtures/programs"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "py"))
        .collect();
    programs.sort();
    programs.retain(|path| {
        let name = path.file_name().unwrap().to_str().unwrap();
        let needed: Option<u8> =
            name.strip_prefix("py3").and_then(|rest| rest.split('_').next()?.parse().ok());
        let runs = needed.is_none_or(|needed| needed <= MINOR);
        if !runs {
            eprintln!("skipped: {name} is for a newer Python than 3.{MINOR}");
        }
        runs
    });
    programs
}

/// Runs one program under coverage.py and on each core; returns what is wrong.
fn check(program: &Path) -> Vec<String> {
    let name = program.file_name().unwrap().to_str().unwrap();
    let bytes = fs::read(program).unwrap();
    let source = String::from_utf8_lossy(&bytes);
    let project = Project::new();
    project.file(name, &bytes);
    let mut wrong = Vec::new();
    let mut expect = |what: &str, ours: &[u32], expected: &[u32]| {
        if ours != expected {
            wrong.push(format!("{name}: {what}: got {ours:?}, expected {expected:?}"));
        }
    };

    let plain = project.python(&[name]).run();
    plain.success();
    project.coverage(&["run", "--data-file=theirs", name]).run();
    let theirs = project.coverage_json("theirs");
    let beyond = marked(&source, BEYOND);
    let mut their_executed = theirs.lines(name, "executed_lines");
    their_executed.extend(&beyond);
    their_executed.sort_unstable();
    let mut their_missing = theirs.lines(name, "missing_lines");
    their_missing.retain(|line| !beyond.contains(line));

    for core in CORES {
        let data_file = format!("--data-file=ours.{core}");
        project.minicov(&["run", "--core", core, &data_file, name]).run().same_as(&plain);
        let outcome = project.minicov(&["report", &data_file, "--format", "json", "-o", "-"]).run();
        outcome.success();
        let ours = crate::harness::CoverageJson::parse(&outcome.stdout);
        expect(
            &format!("{core}: missing lines against the marks"),
            &ours.lines(name, "missing_lines"),
            &marked(&source, "miss"),
        );
        expect(
            &format!("{core}: excluded lines against the marks"),
            &ours.lines(name, "excluded_lines"),
            &marked(&source, "excluded"),
        );
        for (key, theirs) in [
            ("executed_lines", &their_executed),
            ("missing_lines", &their_missing),
            ("excluded_lines", &theirs.lines(name, "excluded_lines")),
        ] {
            expect(&format!("{core}: {key} against coverage.py"), &ours.lines(name, key), theirs);
        }
    }
    wrong
}

/// As [`check`]; a panic in one program's check has been printed, and the others are still checked.
fn check_or_panic(program: &Path) -> Vec<String> {
    std::panic::catch_unwind(|| check(program))
        .unwrap_or_else(|_| vec![format!("{}: see above", program.display())])
}

#[test]
fn lines_are_those_of_the_marks_and_of_coverage_py() {
    let programs = programs();
    assert!(programs.len() >= 35, "only {} programs", programs.len());
    let workers = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
    let wrong: Vec<String> = std::thread::scope(|scope| {
        let handles: Vec<_> = (0..workers)
            .map(|worker| {
                let mine = programs.iter().skip(worker).step_by(workers);
                scope.spawn(move || mine.flat_map(|program| check_or_panic(program)).collect::<Vec<_>>())
            })
            .collect();
        handles.into_iter().flat_map(|handle| handle.join().unwrap()).collect()
    });
    eprintln!("{} programs on {CORES:?} compared with their marks and with coverage.py", programs.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
