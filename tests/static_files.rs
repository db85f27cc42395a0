//! What could run in a file, and what invented steps between its lines amount to: on files of the standard library, none of
//! which runs, minicov's report of a data file is coverage.py's, whole.
//!
//! A data file of coverage.py's with invented steps (`oracles/invented_data.py`) is reported by both: statements,
//! exclusions, possible branches, which of them the steps took, functions, classes, totals. coverage.py takes a minute for
//! the whole library, so usually a sample is looked at, with the small programs in `oracles/programs`, which have what
//! libraries have not. `MINICOV_STDLIB=all` has the whole library compared, another value picks another sample.

use crate::harness::{CoverageJson, MINOR, Project, repository};

/// How many files a sample has.
const SAMPLE: &str = "150";

const PROGRAMS: &str = "tests/oracles/programs";

/// A folder with the data file `data`, and how many files are in it.
fn invent(count: &str, seed: &str) -> (Project, usize) {
    let project = Project::with(&[("invent.py", include_str!("oracles/invented_data.py"))]);
    let programs = repository().join(PROGRAMS);
    let outcome = project.python(&["invent.py", "data", programs.to_str().unwrap(), count, seed]).run();
    outcome.success();
    (project, outcome.stdout.trim().parse().unwrap())
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a variable of the test, not of the product")]
fn reports_of_the_standard_library_are_those_of_coverage_py() {
    let choice = std::env::var("MINICOV_STDLIB").unwrap_or_else(|_| "1".to_owned());
    let count = if choice == "all" { "0" } else { SAMPLE };
    let (project, files) = invent(count, &choice);
    let options = ["-q", "-i", "--data-file=data", "-o", "-"];
    let (theirs, ours) = std::thread::scope(|scope| {
        let theirs = scope.spawn(|| project.coverage(&["json"]).args(options).run());
        let ours = project.minicov(&["json"]).args(options).run();
        (theirs.join().unwrap(), ours)
    });
    let (theirs, ours) = (CoverageJson::parse(&theirs.stdout), CoverageJson::parse(&ours.stdout));
    let reported = theirs.files();
    assert_eq!(ours.files(), reported);
    let differ: Vec<_> =
        reported.iter().filter(|file| ours.0["files"][file] != theirs.0["files"][file]).collect();
    eprintln!(
        "{} of {files} files of Python 3.{MINOR} (sample {choice}), {} statements, {} branches, compared; {} differ",
        reported.len(),
        theirs.0["totals"]["num_statements"],
        theirs.0["totals"]["num_branches"],
        differ.len()
    );
    assert!(differ.is_empty(), "{differ:?}");
    assert!(ours.normalised() == theirs.normalised(), "the order or the totals differ");
}

/// LCOV has words for each branch, and functions with their ends.
#[test]
fn branches_of_small_programs_are_told_in_the_words_of_coverage_py() {
    let (project, _) = invent("1", "1");
    let include = repository().join(PROGRAMS).join("*");
    let words = ["lcov", "-q", "-i", "--data-file=data", "-o", "-", "--include", include.to_str().unwrap()];
    let theirs = project.coverage(&words).run();
    let ours = project.minicov(&words).run();
    assert!(theirs.stdout.lines().filter(|line| line.starts_with("BRDA:")).count() > 50, "{}", theirs.stdout);
    crate::harness::assert_same_text("LCOV", &ours.stdout, &theirs.stdout);
}
