//! Three packages from PyPI with their own suites: under minicov the same tests pass as under plain pytest, with the same
//! words, and each file's lines and branches are those that coverage.py's C tracer finds.
//!
//! Where they differ and ours are right, [`DIFFERENCES`] says so, line by line, with the reason; an entry that no longer
//! applies fails the test as a difference does.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::process::Command as Process;

use crate::harness::{CORES, CoverageJson, MINOR, Project, repository, tmp_folder, venv_python, with_lock};

/// A package with its tests.
pub(crate) struct Package {
    /// The folder that its archive unpacks to.
    pub(crate) folder: &'static str,
    /// `--source`: its code and its tests.
    pub(crate) source: &'static str,
    /// What goes to `PYTHONPATH`, from its folder.
    pub(crate) python_path: &'static str,
    /// What follows `-m pytest`.
    pub(crate) words: &'static [&'static str],
    /// The cores it is run on with `--branch`.
    cores: &'static [&'static str],
    /// Whether it is run without, too, on the first of them.
    lines_alone: bool,
    /// How many tests there must be at least, so that an empty run is no success.
    pub(crate) tests: usize,
}

pub(crate) const MORE_ITERTOOLS: Package = Package {
    folder: "more_itertools-11.2.1",
    source: "more_itertools,tests",
    python_path: "",
    // Half of the suite's time goes into that one test, in a C loop.
    // What those of `callback_iter` run depends on the clock, and in the last one on which of several threads comes first.
    words: &[
        "--deselect=tests/test_recipes.py::PrimeFunctionTests::test_primes",
        "--deselect=tests/test_more.py::CallbackIterTests",
        "--deselect=tests/test_more.py::TestConcurrentTee::test_concurrent_consumers",
        "tests",
    ],
    // The others take long in a debug build, where each line of each call goes through unoptimised Rust.
    cores: &[CORES[0]],
    lines_alone: false,
    tests: 700,
};

/// pytest's own plugin system: the one that runs the suite is the one that is measured.
pub(crate) const PLUGGY: Package = Package {
    folder: "pluggy-1.7.0",
    source: "src/pluggy,testing",
    python_path: "src",
    words: &["testing"],
    cores: CORES,
    lines_alone: true,
    tests: 200,
};

pub(crate) const TOOLZ: Package = Package {
    folder: "toolz-1.2.0",
    source: "toolz,tlz",
    python_path: "",
    words: &["toolz/tests"],
    cores: CORES,
    lines_alone: true,
    tests: 150,
};

/// Configured in its `pyproject.toml`: branches, two sources, `[paths]`.
const CLICK: Package = Package {
    folder: "click-8.1.8",
    source: "click,tests",
    python_path: "src",
    // It is older than the pytest that runs it.
    words: &["-W", "ignore::pytest.PytestRemovedIn10Warning", "tests"],
    cores: CORES,
    lines_alone: false,
    tests: 500,
};

/// A line or a branch that minicov judges otherwise than coverage.py.
struct Difference {
    folder: &'static str,
    file: &'static str,
    /// As it stands in a report: `12`, or of a branch `[12,-4]`.
    item: &'static str,
    /// The minor versions of Python it is so on.
    minors: std::ops::RangeInclusive<u8>,
    /// What minicov calls it: one of [`KINDS`].
    ours: &'static str,
    theirs: &'static str,
    reason: &'static str,
}

/// What a report says of lines, and with `--branch` of branches.
const KINDS: [&str; 5] =
    ["executed_lines", "missing_lines", "excluded_lines", "executed_branches", "missing_branches"];

/// Every difference there is.
const DIFFERENCES: &[Difference] = &[];

/// The unpacked sources, fetched once for a target folder.
fn sources() -> PathBuf {
    let list = repository().join("tests/packages.txt");
    let wanted = fs::read_to_string(&list).unwrap();
    let python = venv_python();
    let folder = tmp_folder().join("packages");
    with_lock("packages", || {
        let stamp = folder.join("made-for");
        if fs::read_to_string(&stamp).is_ok_and(|made| made == wanted) {
            return;
        }
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        let run = |command: &mut Process| {
            let output = command.current_dir(&folder).output().unwrap();
            assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
        };
        run(Process::new(python)
            .args(["-m", "pip", "download", "-q", "--no-deps", "--no-binary=:all:", "--require-hashes", "-r"])
            .arg(&list));
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            run(Process::new("tar").arg("xzf").arg(path));
        }
        fs::write(&stamp, &wanted).unwrap();
    });
    folder
}

/// Puts a package's sources into a project.
pub(crate) fn copied(package: &Package, project: &Project) {
    let from = sources().join(package.folder);
    let copied = Process::new("cp").arg("-r").arg(from).arg(project.root()).status();
    assert!(copied.unwrap().success());
}

/// pytest's output without the time it took, and without the rule round its last line, which gives way to it.
fn without_time(output: &str) -> String {
    let (start, last) = output.trim_end().rsplit_once('\n').unwrap_or(("", output));
    let words = last.trim_matches(['=', ' ']);
    format!("{start}\n{}", words.rsplit_once(" in ").map_or(words, |(words, _)| words))
}

/// How many tests the last line of pytest's output says have passed.
fn passed(output: &str) -> usize {
    let last = output.lines().last().unwrap_or_default();
    let words: Vec<_> = last.split([' ', ',']).collect();
    let count = words.windows(2).find(|pair| pair[1] == "passed").map_or("", |pair| pair[0]);
    count.parse().unwrap_or(0)
}

/// The lines in which two long outputs differ.
fn differing_lines(ours: &str, expected: &str) -> Vec<String> {
    let (ours, expected): (BTreeSet<_>, BTreeSet<_>) = (ours.lines().collect(), expected.lines().collect());
    let only = |who: &str, a: &BTreeSet<&str>, b: &BTreeSet<&str>| {
        a.difference(b).map(|line| format!("{who}: {line}")).collect::<Vec<_>>()
    };
    [only("under minicov only", &ours, &expected), only("plain only", &expected, &ours)].concat()
}

/// Adds what is wrong with our lines of one file.
fn compare_file(
    package: &Package,
    file: &str,
    ours: &CoverageJson,
    theirs: &CoverageJson,
    branches: bool,
    wrong: &mut Vec<String>,
) {
    let kinds = if branches { &KINDS[..] } else { &KINDS[..3] };
    let judged = |json: &CoverageJson| -> BTreeSet<(String, &str)> {
        kinds.iter().flat_map(|kind| json.items(file, kind).into_iter().map(|item| (item, *kind))).collect()
    };
    let (mut ours, mut theirs) = (judged(ours), judged(theirs));
    for known in DIFFERENCES {
        let is_here = known.folder == package.folder && known.file == file;
        if is_here && known.minors.contains(&MINOR) && kinds.contains(&known.ours) {
            let item = known.item.to_owned();
            let applies = ours.remove(&(item.clone(), known.ours)) && theirs.remove(&(item, known.theirs));
            if !applies {
                wrong.push(format!("{file}: {}: no longer differs ({})", known.item, known.reason));
            }
        }
    }
    wrong.extend(
        ours.difference(&theirs).map(|(item, kind)| format!("{file}: {item}: {kind} for minicov only")),
    );
    wrong.extend(
        theirs.difference(&ours).map(|(item, kind)| format!("{file}: {item}: {kind} for coverage.py only")),
    );
}

fn check(package: &Package) {
    let project = Project::new();
    copied(package, &project);
    // The packages' own settings for coverage.py stay out of the comparison.
    project.file("empty.ini", "");
    let prepare = |command: crate::harness::Command| {
        command.folder(package.folder).env("PYTHONPATH", package.python_path).env("PYTHONHASHSEED", "0")
    };
    let pytest = |words: &mut Vec<&'static str>| {
        words.extend(["-m", "pytest", "-v", "-p", "no:cacheprovider", "-o", "console_output_style=classic"]);
        words.extend(package.words);
    };

    let mut words = Vec::new();
    pytest(&mut words);
    let plain = prepare(project.python(&words)).run();
    plain.success();
    assert!(passed(&plain.stdout) >= package.tests, "{}", plain.stdout);

    let mut words =
        vec!["run", "--branch", "--rcfile=../empty.ini", "--data-file=theirs", "--source", package.source];
    pytest(&mut words);
    prepare(project.coverage(&words)).run().success();
    let outcome =
        prepare(project.coverage(&["json", "-q", "--rcfile=../empty.ini", "--data-file=theirs", "-o", "-"]))
            .run();
    outcome.success();
    let theirs = CoverageJson::parse(&outcome.stdout);

    let mut wrong = Vec::new();
    let lines_alone = package.lines_alone.then_some((&package.cores[0], false));
    for (core, branches) in lines_alone.into_iter().chain(package.cores.iter().map(|core| (core, true))) {
        let mut words = vec!["run", "--rcfile=../empty.ini", "--data-file=ours", "--erase"];
        words.extend(["--core", core, "--source", package.source]);
        words.extend(branches.then_some("--branch"));
        pytest(&mut words);
        let outcome = prepare(project.minicov(&words)).run();
        outcome.success();
        let (ours, expected) = (without_time(&outcome.stdout), without_time(&plain.stdout));
        assert!(
            ours == expected,
            "pytest's output on core {core}:\n{}",
            differing_lines(&ours, &expected).join("\n")
        );
        assert_eq!(outcome.stderr, plain.stderr);
        let outcome = prepare(project.minicov(&["report", "--rcfile=../empty.ini", "--data-file=ours"]))
            .args(["--format", "json", "-o", "-"])
            .run();
        outcome.success().stderr("");
        let ours = CoverageJson::parse(&outcome.stdout);
        assert_eq!(ours.files(), theirs.files(), "{core}");
        for file in ours.files() {
            let before = wrong.len();
            compare_file(package, &file, &ours, &theirs, branches, &mut wrong);
            for line in &mut wrong[before..] {
                line.insert_str(0, &format!("{core}{}: ", if branches { " --branch" } else { "" }));
            }
        }
        eprintln!(
            "{} on Python 3.{MINOR}, {core}: {} tests passed, {} files, {} statements, {} branches compared",
            package.folder,
            passed(&plain.stdout),
            ours.files().len(),
            ours.0["totals"]["num_statements"],
            if branches { &ours.0["totals"]["num_branches"] } else { &serde_json::Value::Null }
        );
    }
    assert!(wrong.is_empty(), "{} differences:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn more_itertools() {
    // Under a trace function in an unoptimised build its suite takes six minutes; the other packages run there.
    if CORES == ["settrace"] {
        eprintln!("skipped: no core of this Python is quick enough in an unoptimised build");
        return;
    }
    check(&MORE_ITERTOOLS);
}

#[test]
fn pluggy() {
    check(&PLUGGY);
}

#[test]
fn toolz() {
    check(&TOOLZ);
}

/// With the settings that the package has for coverage.py in its own files, minicov's report is coverage.py's.
fn own_configuration(package: &Package) {
    let project = Project::new();
    let mut reports = Vec::new();
    for tool in ["theirs", "ours"] {
        let folder = format!("{tool}/{}", package.folder);
        fs::create_dir(project.path(tool)).unwrap();
        let copied =
            Process::new("cp").arg("-r").arg(sources().join(package.folder)).arg(project.path(tool)).status();
        assert!(copied.unwrap().success());
        let command = |words: &[&str]| {
            let command = if tool == "ours" { project.minicov(words) } else { project.coverage(words) };
            command.folder(&folder).env("PYTHONPATH", package.python_path).env("PYTHONHASHSEED", "0").run()
        };
        let mut words = vec!["run", "-m", "pytest", "-q", "-p", "no:cacheprovider"];
        words.extend(package.words);
        let outcome = command(&words);
        outcome.success();
        let report = command(&["report", "-m"]);
        assert!(report.stdout.lines().count() > 5, "{}{}", report.stdout, report.stderr);
        reports.push((report.status.code(), report.stdout));
    }
    assert_eq!(reports[0].0, reports[1].0);
    crate::harness::assert_same_text(package.folder, &reports[1].1, &reports[0].1);
}

#[test]
fn pluggy_as_it_is_configured() {
    own_configuration(&PLUGGY);
}

#[test]
fn toolz_as_it_is_configured() {
    own_configuration(&TOOLZ);
}

#[test]
fn click_as_it_is_configured() {
    own_configuration(&CLICK);
}
