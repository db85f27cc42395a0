//! Every program in fixtures/programs, on each core: its lines and branches are what its marks say, and what coverage.py
//! says.
//!
//! A mark stands at the end of a statement's first line:
//!
//! - `# miss`: a statement that does not run.
//! - `# excluded`: a line that the default exclusions take out (comment lines within excluded suites too); `# excluded with
//!   the line above`: that one, too.
//! - `# ctrace: …`: what coverage.py's C tracer says and is not so: `run`, `not run`, and of a way from this line to
//!   another `->12`, `not ->12`, `->exit`, `not ->exit`; several with commas. `# sysmon: …`: the same of coverage.py's core
//!   for Python 3.14 and newer.
//!
//! Several marks stand one behind the other. `(3.14+)`, `(3.11-3.13)` or `(3.12)` behind one tells for which Pythons it
//! holds. Every other statement runs. Which lines are statements, and which branches there are and were taken, coverage.py
//! says; so a mark for a difference is needed where there is one, and refused where there is none. `docs/differences.md`
//! has the reasons.
//!
//! A program called `py312_…` needs that Python. Those in the folder `alone` need a process of their own; the others run
//! one after another in one, since starting coverage.py is dear.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use crate::harness::{CORES, CoverageJson, MINOR, Project, repository};

mod judges;
mod marks;
mod verdict;

use judges::{Judge, Run};
use marks::{Claim, Difference, Marks};
use verdict::{Verdict, differs};

/// A program that this Python can run.
struct Program {
    name: String,
    bytes: Vec<u8>,
    is_alone: bool,
    marks: Marks,
}

fn files_in(folder: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(repository().join(folder)).unwrap();
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "py"))
        .collect();
    files.sort();
    files
}

/// All programs, those for newer Pythons too.
fn all_programs() -> Vec<Program> {
    let read = |is_alone: bool| {
        move |path: PathBuf| {
            let bytes = fs::read(&path).unwrap();
            let marks = Marks::of(&String::from_utf8_lossy(&bytes));
            Program { name: path.file_name().unwrap().to_str().unwrap().to_owned(), bytes, is_alone, marks }
        }
    };
    let mut programs: Vec<_> = files_in("fixtures/programs").into_iter().map(read(false)).collect();
    programs.extend(files_in("fixtures/programs/alone").into_iter().map(read(true)));
    programs
}

/// The programs that this Python can run.
fn programs() -> Vec<Program> {
    let mut programs = all_programs();
    programs.retain(|program| {
        let needed: Option<u8> =
            program.name.strip_prefix("py3").and_then(|rest| rest.split('_').next()?.parse().ok());
        let runs = needed.is_none_or(|needed| needed <= MINOR);
        if !runs {
            eprintln!("skipped: {} is for a newer Python than 3.{MINOR}", program.name);
        }
        runs
    });
    programs
}

/// Puts the programs into a folder and runs them under plain python.
fn prepare(programs: &[Program]) -> (Project, Vec<Run>) {
    let project = Project::with(&[("driver.py", include_str!("driver.py"))]);
    for program in programs {
        project.file(&program.name, &program.bytes);
    }
    let names = |alone| programs.iter().filter(move |p| p.is_alone == alone).map(|p| p.name.clone());
    let together = ["driver.py".to_owned()].into_iter().chain(names(false)).collect();
    let all = [together].into_iter().chain(names(true).map(|name| vec![name]));
    let runs: Vec<_> = all
        .map(|words: Vec<String>| {
            let plain = project.python(&[]).args(&words).run();
            Run { words, plain }
        })
        .collect();
    runs[0].plain.success();
    (project, runs)
}

/// Has each judge measure all programs, at the same time.
fn judge_all(
    project: &Project,
    runs: &[Run],
    judges: &[Judge],
    branches: bool,
) -> Vec<(Judge, CoverageJson)> {
    std::thread::scope(|scope| {
        let handles: Vec<_> = judges
            .iter()
            .map(|judge| scope.spawn(move || (*judge, judge.judge(project, runs, branches))))
            .collect();
        handles.into_iter().map(|handle| handle.join().unwrap()).collect()
    })
}

/// What is wrong with what minicov says of a program.
fn against_marks(ours: &Verdict, marks: &Marks) -> Vec<String> {
    let excluded = ours.excluded.difference(&marks.blank).copied().collect();
    let missing = differs("missing lines against the marks", &ours.missing, &marks.missing);
    missing
        .into_iter()
        .chain(differs("excluded lines against the marks", &excluded, &marks.excluded))
        .collect()
}

/// What is wrong with what minicov says of a program, compared with what a core of coverage.py says.
fn against_coverage_py(
    ours: &Verdict,
    mut theirs: Verdict,
    core: &str,
    marks: &Marks,
    branches: bool,
) -> Vec<String> {
    let is_known = |known: &&Difference| {
        known.core == core && known.applies && (branches || matches!(known.claim, Claim::Line(_)))
    };
    let known = marks.differences.iter().filter(is_known);
    let mut wrong: Vec<String> = known.filter_map(|known| theirs.correct(known)).collect();
    wrong.extend(ours.differences(&theirs));
    wrong
}

/// Compares everything with everything; returns what is wrong.
fn compare(programs: &[Program], reports: &[(Judge, CoverageJson)], branches: bool) -> Vec<String> {
    let mut wrong = Vec::new();
    let of = |report: &CoverageJson, program: &Program| Verdict::of(report, &program.name, branches);
    for program in programs {
        let mut tell = |who: &str, found: Vec<String>| {
            wrong.extend(found.into_iter().map(|what| format!("{}: {who}: {what}", program.name)));
        };
        for (judge, report) in reports {
            let Judge::Minicov(core) = judge else { continue };
            let ours = of(report, program);
            tell(core, against_marks(&ours, &program.marks));
            for (judge, report) in reports {
                let Judge::CoveragePy(theirs) = judge else { continue };
                let found = against_coverage_py(&ours, of(report, program), theirs, &program.marks, branches);
                tell(&format!("{core} against coverage.py's {theirs}"), found);
            }
        }
    }
    wrong
}

fn check(judges: &[Judge], branches: bool) {
    let programs = programs();
    assert!(programs.len() >= 140, "only {} programs", programs.len());
    let (project, runs) = prepare(&programs);
    let reports = judge_all(&project, &runs, judges, branches);
    let mut wrong = compare(&programs, &reports, branches);
    let totals = reports[0].1.0["totals"].clone();
    if branches {
        for (judge, report) in reports {
            if !judge.is_agreed_on(&project, report) {
                wrong.push(format!("coverage.py's and minicov's reports of the data of {judge:?} differ"));
            }
        }
    }
    eprintln!(
        "{} programs, {} statements, {} branches, by {judges:?}",
        programs.len(),
        totals["num_statements"],
        totals["num_branches"]
    );
    assert!(wrong.is_empty(), "{} differences:\n{}", wrong.len(), wrong.join("\n"));
}

/// coverage.py's C tracer, and minicov on each core.
fn usual_judges() -> Vec<Judge> {
    let ours = CORES.iter().map(|core| Judge::Minicov(core));
    [Judge::CoveragePy("ctrace")].into_iter().chain(ours).collect()
}

#[test]
fn lines_are_those_of_the_marks_and_of_coverage_py() {
    check(&usual_judges(), false);
}

#[test]
fn branches_are_those_of_coverage_py() {
    let mut judges = usual_judges();
    if MINOR >= 14 {
        judges.push(Judge::CoveragePy("sysmon"));
    }
    check(&judges, true);
}

/// The programs that the first table in docs/differences.md names, each in backticks in the last column.
fn documented() -> BTreeMap<String, BTreeSet<String>> {
    let text = fs::read_to_string(repository().join("docs/differences.md")).unwrap();
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let table = text.split("\n## ").next().unwrap();
    for row in table.lines().filter(|line| line.starts_with("| ") && line.ends_with('|')) {
        let cells: Vec<_> = row.trim_matches('|').split(" | ").map(str::trim).collect();
        let programs = cells[cells.len() - 1].split('`').skip(1).step_by(2);
        for program in programs {
            for core in ["ctrace", "sysmon"].into_iter().filter(|core| cells[1].contains(core)) {
                found.entry(program.to_owned()).or_default().insert(core.to_owned());
            }
        }
    }
    found
}

#[test]
fn each_difference_is_documented() {
    let mut marked: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for program in all_programs() {
        for known in program.marks.differences {
            marked.entry(program.name.clone()).or_default().insert(known.core);
        }
    }
    assert_eq!(documented(), marked);
}

#[test]
fn a_form_feed_before_a_statement_is_nothing() {
    let paged = "if __name__:\n    a = 1\n\x0cb = 2\n";
    let project = Project::with(&[("main.py", "import paged\n"), ("paged.py", paged)]);
    project.coverage(&["run", "--branch", "--data-file=theirs", "main.py"]).run().success();
    let outcome = project.coverage(&["json", "-q", "-o", "-", "--data-file=theirs"]).run();
    outcome.code(1);
    assert!(outcome.stdout.contains("paged.py' as Python source"), "{}", outcome.stdout);
    project.minicov(&["run", "--branch", "main.py"]).run().success().stderr("");
    let ours = Verdict::of(&project.json(), "paged.py", true);
    assert_eq!(ours.executed, BTreeSet::from([1, 2, 3]));
    assert_eq!(ours.taken, BTreeSet::from([(1, 2)]));
    assert_eq!(ours.untaken, BTreeSet::from([(1, 3)]));
}
