//! What each test of three packages' own suites ran, 1,170 tests together: with coverage.py's `dynamic_context`, the lines of
//! each test are those that coverage.py's C tracer finds, in one process and in four.
//!
//! Each run compares toolz, `MINICOV_PACKAGES=all` the others, too. In four processes what a test runs depends on which others ran before it in its process, so coverage.py is given the same
//! tests in the same order, one process after the other.

use std::collections::{BTreeMap, BTreeSet};

use crate::harness::{CORES, Command, MINOR, Project, xdist_python};
use crate::packages::{MORE_ITERTOOLS, PLUGGY, Package, TOOLZ, copied};

/// Prints the lines that ran of each file in each context, as JSON, of a data file with lines or with arcs.
const BY_CONTEXT: &str = "\
import collections, json, sqlite3, sys
from coverage.numbits import numbits_to_nums
data = sqlite3.connect(sys.argv[1])
lines = collections.defaultdict(set)
names = 'select context, path, {} from {} join context on context.id = context_id join file on file.id = file_id'
for context, path, first, last in data.execute(names.format('fromno, tono', 'arc')):
    lines[context, path] |= {line for line in (first, last) if line > 0}
for context, path, bits in data.execute(names.format('numbits', 'line_bits')):
    lines[context, path] |= set(numbits_to_nums(bits))
json.dump([[*key, sorted(found)] for key, found in sorted(lines.items()) if found], sys.stdout)
";

/// Lines that ran, by context and file.
type ByContext = BTreeMap<(String, String), BTreeSet<u32>>;

/// What stands in front of the measured suites: see there.
const REPLAY: &str = include_str!("oracles/replay.py");

/// What is wrong with our lines of tests. What runs outside of tests is compared in tests/packages.rs.
fn differences(ours: &ByContext, theirs: &ByContext) -> Vec<String> {
    static NONE: BTreeSet<u32> = BTreeSet::new();
    let keys: BTreeSet<_> =
        ours.keys().chain(theirs.keys()).filter(|(context, _)| !context.is_empty()).collect();
    let mut wrong = Vec::new();
    for key in keys {
        let (ours, theirs) = (ours.get(key).unwrap_or(&NONE), theirs.get(key).unwrap_or(&NONE));
        if ours != theirs {
            let more: Vec<_> = ours.difference(theirs).collect();
            let less: Vec<_> = theirs.difference(ours).collect();
            let (context, file) = key;
            wrong.push(format!("{context} {file}: minicov only {more:?}, coverage.py only {less:?}"));
        }
    }
    wrong
}

/// A package's suite, under one tool or the other.
struct Suite<'a> {
    package: &'a Package,
    project: Project,
}

impl Suite<'_> {
    fn run(&self, command: Command, data_file: &str, words: &[&str], pytest_words: &[&str]) -> ByContext {
        let Self { package, project } = self;
        let folder = project.path(package.folder);
        let python_path =
            format!("{}:{}", folder.join(package.python_path).display(), project.root().display());
        let settings = ["run", "--rcfile=../settings.ini", "--source", package.source];
        let data_file = project.path(data_file);
        command
            .args(settings)
            .args(["--data-file".as_ref(), data_file.as_os_str()])
            .args(words)
            .args(["-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "replay"])
            .args(pytest_words)
            .args(package.words)
            .folder(package.folder)
            .env("PYTHONPATH", python_path)
            .env("PYTHONHASHSEED", "0")
            .env("REPLAY_FOLDER", project.path("orders"))
            .run()
            .success();
        let outcome = project.python(&["-c", BY_CONTEXT]).args([data_file]).run();
        let found: Vec<(String, String, BTreeSet<u32>)> =
            serde_json::from_str(&outcome.success().stdout).unwrap();
        found.into_iter().map(|(context, file, lines)| ((context, file), lines)).collect()
    }
}

fn check(package: &Package, cores: &[&str]) {
    let suite = Suite { package, project: Project::new() };
    let project = &suite.project;
    copied(package, project);
    project.file("settings.ini", "[run]\ndynamic_context = test_function\nbranch = true\n");
    project.file("replay.py", REPLAY);
    project.file("orders/none", "");
    let mut wrong = Vec::new();
    let mut compare = |what: &str, ours: &ByContext, theirs: &ByContext| {
        let tests: BTreeSet<&String> = theirs.keys().map(|(context, _)| context).collect();
        // Parameters make no contexts of their own.
        assert!(tests.len() * 2 > package.tests, "{what}: {} contexts", tests.len());
        let found = differences(ours, theirs);
        eprintln!(
            "{} on Python 3.{MINOR}, {what}: {} contexts, {} pairs of a context and a file, {} of them differ",
            package.folder,
            tests.len(),
            theirs.len(),
            found.len()
        );
        wrong.extend(found.into_iter().map(|line| format!("{what}: {line}")));
    };

    let theirs = suite.run(project.coverage(&[]), "theirs", &[], &[]);
    for core in cores {
        let ours = suite.run(project.minicov(&[]), "ours", &["--erase", "--core", core], &[]);
        compare(core, &ours, &theirs);
    }

    let minicov = project.minicov(&[]).env("VIRTUAL_ENV", xdist_python().ancestors().nth(2).unwrap());
    let ours = suite.run(minicov, "ours", &["--erase", "--core", cores[0]], &["-n", "4"]);
    let mut theirs = ByContext::new();
    for worker in ["gw0", "gw1", "gw2", "gw3"] {
        let order = project.path(&format!("orders/{worker}"));
        let command = project.coverage(&[]).env("REPLAY", order);
        for (key, lines) in suite.run(command, worker, &[], &[]) {
            theirs.entry(key).or_default().extend(lines);
        }
    }
    compare("-n 4", &ours, &theirs);
    assert!(wrong.is_empty(), "{} differences:\n{}", wrong.len(), wrong.join("\n"));
}

/// Whether all three packages are wanted, on all cores: minutes of CPU time.
#[expect(clippy::disallowed_methods, reason = "a variable of the test, not of the product")]
fn are_all_wanted() -> bool {
    let is_all = std::env::var("MINICOV_PACKAGES").is_ok_and(|choice| choice == "all");
    if !is_all {
        eprintln!("MINICOV_PACKAGES=all compares more");
    }
    is_all
}

#[test]
fn toolz() {
    check(&TOOLZ, if are_all_wanted() { CORES } else { &CORES[..1] });
}

#[test]
fn pluggy() {
    if are_all_wanted() {
        check(&PLUGGY, CORES);
    }
}

#[test]
fn more_itertools() {
    if are_all_wanted() {
        check(&MORE_ITERTOOLS, &CORES[..1]);
    }
}
