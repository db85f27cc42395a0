//! Random functions under minicov and under a plain trace function in Python, which must agree on lines and branches; and on the
//! sides that each conditional jump took, where these are asked for.
//!
//! Fifty functions a program, so that starting processes is not what takes the time. `MINICOV_FUZZ=N` runs N programs
//! of new random functions on each core; without it a few run that are always the same. The first comes of the seed
//! `MINICOV_FUZZ_SEED`, each further one of the next number: what is wrong is said with the seed that shows it alone.

mod render;
mod syntax;

use std::collections::BTreeSet;

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use crate::harness::{CORES, CoverageJson, Project, repository};
use syntax::Function;

/// Asks for each side of each branch; a build without it records what lines need, and there is nothing to compare.
const SIDES: &str = "--mcdc";

const FUNCTIONS: usize = 50;
const PROGRAMS: u32 = 4;
/// How many smaller functions are tried in place of one that is measured wrongly.
const SHRINKING_STEPS: u32 = 40;
const MAIN: &str = "import cases, fuzz_names\nfuzz_names.main(cases.FUNCTIONS)\n";

/// What is wrong with a program.
struct Disagreement {
    /// In words, one line each.
    what: Vec<String>,
    /// Lines that it is about.
    lines: BTreeSet<usize>,
}

fn disagreement(functions: &[Function]) -> Option<Disagreement> {
    let project = Project::with(&[("cases.py", &render::module(functions)), ("main.py", MAIN)]);
    project.file("fuzz_names.py", std::fs::read(repository().join("tests/oracles/fuzz_names.py")).unwrap());
    let judge = repository().join("tests/oracles/line_steps.py");
    let judgement = project.python(&["-W", "ignore", judge.to_str().unwrap(), "main.py", "cases"]).run();
    judgement.success();
    let expected = CoverageJson::parse(&judgement.stdout);
    let mut wrong = Disagreement { what: Vec::new(), lines: BTreeSet::new() };
    let mut data_files = Vec::new();
    for core in CORES {
        let data_file = format!("--data-file=data.{core}");
        // The core of 3.11 is only a check on lines elsewhere.
        if *core == CORES[0] && asks_for_sides(&project) {
            // Not a name that a report of the other file would combine.
            data_files.push(format!("sides.{core}"));
            let sides = format!("--data-file=sides.{core}");
            let words = ["run", SIDES, "--core", core, "--include=*/cases.py", &sides, "main.py"];
            project.minicov(&words).run().success();
        }
        let words = ["run", "--branch", "--core", core, "--include=*/cases.py", &data_file, "main.py"];
        project.minicov(&words).run().success();
        let report = project.minicov(&["report", "--format", "json", "-o", "-", &data_file]).run();
        report.success();
        let ours = CoverageJson::parse(&report.stdout);
        for key in ["executed_lines", "missing_lines", "executed_branches", "missing_branches"] {
            let [ours, theirs] = [&ours, &expected].map(|json| json.items("cases.py", key));
            for (who, item) in ours
                .difference(&theirs)
                .map(|item| ("minicov", item))
                .chain(theirs.difference(&ours).map(|item| ("the judge", item)))
            {
                wrong.what.push(format!("{core}: {key}: only {who} has {item}"));
                let line = item.trim_start_matches('[').split(',').next().unwrap().trim_end_matches(']');
                wrong.lines.insert(line.parse().unwrap());
            }
        }
    }
    let judge = repository().join("tests/oracles/branch_sides.py");
    let words = ["-W", "ignore", judge.to_str().unwrap(), "main.py", "cases"];
    let judgement = project.python(&words).args(&data_files).run();
    judgement.success();
    let mut complaints: Vec<&str> = judgement.stdout.lines().collect();
    assert!(complaints.pop().is_some_and(|last| last.ends_with(" sides compared")), "{complaints:?}");
    for complaint in complaints {
        let line = complaint.split_once(" in line ").unwrap().1.split(':').next().unwrap();
        wrong.lines.insert(line.parse().unwrap());
        wrong.what.push(complaint.to_owned());
    }
    (!wrong.what.is_empty()).then_some(wrong)
}

/// Finds the function that is measured wrongly, makes it smaller while it is, and says so.
fn accusation(mut trees: Vec<impl ValueTree<Value = Function>>, found: &Disagreement) -> String {
    let functions: Vec<Function> = trees.iter().map(ValueTree::current).collect();
    let mut first_line = 2;
    let culprit = functions.iter().position(|function| {
        let length = render::module(std::slice::from_ref(function)).lines().count() - 2;
        let is_in = found.lines.range(first_line..first_line + length).next().is_some();
        first_line += length;
        is_in
    });
    let Some(culprit) = culprit else { return found.what.join("\n") };
    let tree = &mut trees[culprit];
    let Some(mut alone) = disagreement(&[tree.current()]) else {
        return format!("{}\nbut not alone: {:#?}", found.what.join("\n"), tree.current());
    };
    let mut smallest = tree.current();
    let mut may_be_smaller = tree.simplify();
    for _ in 0..SHRINKING_STEPS {
        if !may_be_smaller {
            break;
        }
        let current = tree.current();
        may_be_smaller = match disagreement(std::slice::from_ref(&current)) {
            Some(still) => {
                (alone, smallest) = (still, current);
                tree.simplify()
            }
            None => tree.complicate(),
        };
    }
    let text = render::module(std::slice::from_ref(&smallest));
    let numbered = text.lines().enumerate().map(|(index, line)| format!("{:5} {line}\n", index + 1));
    format!("{}\n{}", alone.what.join("\n"), numbered.collect::<String>())
}

fn asks_for_sides(project: &Project) -> bool {
    project.minicov(&["run", "--help"]).run().stdout.contains(SIDES)
}

fn new_seed() -> u64 {
    std::time::UNIX_EPOCH.elapsed().unwrap().as_micros() as u64
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a variable of the test, not of the product")]
fn random_functions_are_measured_truly() {
    let wanted = std::env::var("MINICOV_FUZZ").ok().map(|count| count.parse::<u32>().unwrap());
    let seed = std::env::var("MINICOV_FUZZ_SEED").ok().map(|seed| seed.parse::<u64>().unwrap());
    let seed = seed.unwrap_or_else(|| if wanted.is_some() { new_seed() } else { 0 });
    let programs = wanted.unwrap_or(PROGRAMS);
    let mut accusations = Vec::new();
    for number in 0..u64::from(programs) {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&(seed + number).to_le_bytes());
        let config = Config { failure_persistence: None, ..Config::default() };
        let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes));
        let trees: Vec<_> =
            (0..FUNCTIONS).map(|_| syntax::function().new_tree(&mut runner).unwrap()).collect();
        let functions: Vec<Function> = trees.iter().map(ValueTree::current).collect();
        if let Some(found) = disagreement(&functions) {
            eprintln!(
                "MINICOV_FUZZ=1 MINICOV_FUZZ_SEED={}: something is wrong; making it smaller",
                seed + number
            );
            accusations.push(accusation(trees, &found));
            eprintln!("{}", accusations[accusations.len() - 1]);
        }
    }
    eprintln!("{programs} programs of {FUNCTIONS} functions tried on {CORES:?}");
    assert!(accusations.is_empty(), "{} programs are measured wrongly", accusations.len());
}
