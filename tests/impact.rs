//! `minicov impact` and `minicov run --impacted`: which tests a change needs.

use std::fs;
use std::process::Command as Process;

use crate::harness::{CORES, CoverageJson, Project, assert_same_text, repository};

/// The project of docs/impact.md, with all of its tests recorded.
fn pantry(core: &str, contexts: &str) -> Project {
    let project = Project::new();
    let from = repository().join("fixtures/projects/pantry");
    let copied = Process::new("cp").arg("-r").arg(from.join(".")).arg(project.root()).status();
    assert!(copied.unwrap().success());
    record(&project, core, &[contexts]);
    project
}

/// Runs the whole suite; what the words say is minicov's.
fn record(project: &Project, core: &str, words: &[&str]) -> String {
    let outcome = project
        .minicov(&["run", "--core", core, "--branch"])
        .args(words)
        .args(["-m", "pytest", "-q", "-p", "no:cacheprovider"])
        .env("PYTHONPATH", project.root())
        .run();
    outcome.success();
    outcome.stdout + &outcome.stderr
}

/// What is printed after a change, which is taken back.
#[track_caller]
fn selects(project: &Project, file: &str, from: &str, to: &str, expected: &[&str]) {
    let before = fs::read_to_string(project.path(file)).unwrap();
    let after = before.replace(from, to);
    assert!(after != before, "{file} has no {from:?}");
    fs::write(project.path(file), after).unwrap();
    let outcome = project.minicov(&["impact"]).run();
    let lines: Vec<&str> = outcome.stdout.lines().collect();
    assert_eq!(lines, expected, "{file}: {from:?} became {to:?}\n{}", outcome.stderr);
    outcome.code(if expected.is_empty() { 3 } else { 0 });
    fs::write(project.path(file), before).unwrap();
}

covtest!(tests_are_selected_by_what_they_ran, |core| {
    let project = pantry(core, "--contexts=test");
    project.minicov(&["impact"]).run().code(3).stdout("").stderr("");
    selects(
        &project,
        "pantry/recipes.py",
        ">= amount",
        "> amount",
        &["tests/test_recipes.py::test_can_make[1-False]", "tests/test_recipes.py::test_can_make[2-True]"],
    );
    selects(
        &project,
        "pantry/recipes.py",
        "other != name",
        "other == name",
        &["tests/test_recipes.py::test_without"],
    );
    selects(&project, "pantry/recipes.py", "\"egg\": 2", "\"egg\": 3", &["tests/test_recipes.py"]);
    selects(&project, "pantry/recipes.py", "Whether there is enough", "Is there enough", &[]);
    selects(&project, "pantry/__init__.py", "A pantry", "A larder", &[]);
    selects(&project, "pantry/stock.py", "LOW = 2", "LOW = 3", &["tests/test_stock.py"]);
    selects(&project, "tests/test_stock.py", "== 6", "== 7", &["tests/test_stock.py::test_load"]);
    // What keeps a file from being imported, wherever it stands: an error, and a warning where warnings are errors.
    selects(&project, "pantry/recipes.py", "other != name", "(yield)", &["tests/test_recipes.py"]);
    selects(&project, "pantry/recipes.py", "other != name", "other is not 0", &["tests/test_recipes.py"]);
    selects(&project, "tests/test_recipes.py", "(1, False)", "(0, False)", &["tests/test_recipes.py"]);
});

covtest!(files_and_variables_that_tests_read_count, |core| {
    let project = pantry(core, "--contexts=test_phase");
    selects(&project, "tests/data/full.json", "6", "7", &["tests/test_stock.py::test_load"]);
    let text = "import os\ndef test_home():\n    assert os.environ.get('PANTRY') is None\ndef test_none():\n    pass\n";
    project.file("tests/test_variables.py", text);
    record(&project, core, &["--contexts=test"]);
    project.minicov(&["impact"]).run().code(3).stdout("");
    let outcome = project.minicov(&["impact", "--explain"]).env("PANTRY", "full").run();
    outcome.success().stdout(
        "tests/test_variables.py::test_home\n    environment variable PANTRY changed\n1 of 7 known tests\n",
    );
});

/// What a fixture of a whole module did, it did for all tests that use it.
#[test]
fn fixtures_of_wide_scope_are_inherited() {
    let project = Project::with(&[
        ("lib.py", "def connect():\n    return 1\ndef other():\n    return 2\n"),
        (
            "test_lib.py",
            "import pytest, lib\n@pytest.fixture(scope='module')\ndef base():\n    return lib.connect()\n\
             def test_a(base):\n    assert base\ndef test_b(base):\n    assert base\n\
             def test_c():\n    assert lib.other()\n",
        ),
    ]);
    record(&project, CORES[0], &["--contexts=test"]);
    selects(&project, "lib.py", "return 1", "return 0", &["test_lib.py::test_a", "test_lib.py::test_b"]);
}

// What was set up for several tests of unittest counts for each of them.
covtest!(tests_of_unittest_are_selected, |core| {
    let tests = "\
import unittest, lib
def setUpModule():
    lib.set_up_module()
class First(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        lib.set_up_class()
    @classmethod
    def tearDownClass(cls):
        lib.tear_down_class()
    def test_a(self):
        pass
    def test_b(self):
        lib.other()
class Second(unittest.TestCase):
    def test_c(self):
        pass
";
    let names = ["set_up_module", "set_up_class", "tear_down_class", "other"];
    let library = names.map(|name| format!("def {name}():\n    return '{name}'\n")).concat();
    let project =
        Project::with(&[("lib.py", &library), ("tests/__init__.py", ""), ("tests/test_lib.py", tests)]);
    project.run(core, &["--contexts=test", "-m", "unittest", "-q"]).success();
    let [a, b, c] =
        ["First.test_a", "First.test_b", "Second.test_c"].map(|name| format!("tests.test_lib.{name}"));
    let (a, b, c) = (a.as_str(), b.as_str(), c.as_str());
    selects(&project, "lib.py", "'set_up_module'", "1", &[a, b, c]);
    // All that the first test ran counts for those it set up for, the module's other tests among them.
    selects(&project, "lib.py", "'set_up_class'", "1", &[a, b, c]);
    selects(&project, "lib.py", "'tear_down_class'", "1", &[b]);
    selects(&project, "lib.py", "'other'", "1", &[b]);
    // unittest takes files, too.
    selects(&project, "tests/test_lib.py", "import unittest", "import sys, unittest", &["tests/test_lib.py"]);
    project.minicov(&["impact"]).run().code(3).stdout("").stderr("");
});

#[test]
fn programs_folders_and_packages_count() {
    let tests = "\
import os, subprocess, sys
def test_program():
    subprocess.run([sys.executable, 'script.py'], check=True)
def test_folder():
    assert os.listdir('data')
def test_import():
    import lib
";
    let project = Project::with(&[
        ("script.py", "print(1)\n"),
        ("lib.py", "x = 1\n"),
        ("data/a.txt", ""),
        ("site/some-1.0.dist-info/METADATA", "Name: some\nVersion: 1.0\n"),
        ("test_a.py", tests),
    ]);
    let words = ["run", "--contexts=test", "-m", "pytest", "-q", "-p", "no:cacheprovider"];
    let path = format!("{0}:{0}/site", project.root().display());
    project.minicov(&words).env("PYTHONPATH", &path).run().success();
    let selected = || project.minicov(&["impact"]).run().stdout;
    assert_eq!(selected(), "");
    selects(&project, "script.py", "1", "2", &["test_a.py::test_program"]);
    let moved = |from: &str, to: &str, expected: &str| {
        fs::rename(project.path(from), project.path(to)).unwrap();
        assert_eq!(selected(), expected, "{from} became {to}");
        fs::rename(project.path(to), project.path(from)).unwrap();
    };
    moved("data/a.txt", "data/b.txt", "test_a.py::test_folder\n");
    moved("lib.py", "library.py", "test_a.py::test_import\n");
    moved("script.py", "program.py", "test_a.py::test_program\n");
    moved("site/some-1.0.dist-info", "site/some-1.1.dist-info", "test_a.py\n");
    project.file("conftest.py", "");
    assert_eq!(selected(), "test_a.py\n");
}

#[test]
fn new_and_failed_tests_run() {
    let project = pantry(CORES[0], "--contexts=test");
    project.file("tests/test_new.py", "def test_new():\n    assert 0\n");
    let outcome = project.minicov(&["impact", "--explain"]).run();
    outcome.success().stdout(
        "tests/test_new.py\n    tests/test_new.py has tests that were never seen to run\n0 of 5 known tests\n",
    );
    let words = ["run", "--contexts=test", "-m", "pytest", "-q", "-p", "no:cacheprovider"];
    project.minicov(&words).env("PYTHONPATH", project.root()).run().code(1);
    let outcome = project.minicov(&["impact", "--explain"]).run();
    outcome
        .success()
        .stdout("tests/test_new.py::test_new\n    it failed when it last ran\n1 of 6 known tests\n");
}

#[test]
fn reasons_are_told() {
    let project = pantry(CORES[0], "--contexts=test");
    let text = fs::read_to_string(project.path("pantry/stock.py")).unwrap();
    project.file("pantry/stock.py", text.replace("amount < LOW", "amount <= LOW"));
    let id = "tests/test_stock.py::test_running_low";
    let reason = "pantry/stock.py: running_low() changed";
    let outcome = project.minicov(&["impact", "--explain"]).run();
    outcome.success().stdout(&format!("{id}\n    {reason}\n1 of 5 known tests\n"));
    project.minicov(&["impact", "--pytest"]).run().success().stdout(&format!("{id}\n"));
    let outcome = project.minicov(&["impact", "--json"]).run();
    let said: serde_json::Value = serde_json::from_str(&outcome.success().stdout).unwrap();
    let why = serde_json::json!([{
        "change": "changed", "kind": "function", "name": "pantry/stock.py", "block": "running_low", "text": reason,
    }]);
    assert_eq!(said["tests"], serde_json::json!([{"id": id, "reasons": why}]));
    assert_eq!(said["run"], serde_json::json!([{"name": id, "whole_file": false, "reasons": why}]));
    project.file("pytest.ini", "[pytest]\n");
    let outcome = project.minicov(&["impact"]).run();
    outcome
        .success()
        .stdout("tests/test_recipes.py\ntests/test_stock.py\n")
        .stderr("minicov: notice: everything must run, because configuration in pytest.ini changed\n");
}

#[test]
fn changes_can_be_named() {
    let project = pantry(CORES[0], "--contexts=test");
    let git = |words: &[&str]| {
        let identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"];
        project.command("git").args(identity).args(words).run()
    };
    git(&["init", "-q"]).success();
    git(&["add", "-A"]).success();
    git(&["commit", "-q", "-m", "first"]).success();
    let text = fs::read_to_string(project.path("pantry/recipes.py")).unwrap();
    project.file("pantry/recipes.py", text.replace("other != name", "name != other"));
    record(&project, CORES[0], &["--contexts=test"]);
    // The data is of the text as it is now.
    project.minicov(&["impact"]).run().code(3).stdout("");
    let expected = "tests/test_recipes.py::test_without\n";
    project.minicov(&["impact", "--since", "HEAD"]).run().success().stdout(expected);
    let diff = git(&["diff"]).stdout;
    project.minicov(&["impact", "--diff", "-"]).input(diff.clone()).run().success().stdout(expected);
    project.file("change.diff", diff);
    project.minicov(&["impact", "--diff=change.diff"]).run().success().stdout(expected);
    git(&["commit", "-q", "-a", "-m", "second"]).success();
    project.minicov(&["impact", "--since", "HEAD"]).run().code(3).stdout("");
    project.minicov(&["impact", "--since", "HEAD~1"]).run().success().stdout(expected);
    project.minicov(&["impact", "pantry/stock.py"]).run().success().stdout("tests/test_stock.py\n");
    for (words, message) in [
        (&["--since", "nowhere"][..], "git diff: fatal: bad revision 'nowhere'"),
        (
            &["--diff", "pantry/stock.py"],
            "pantry/stock.py is no unified diff: error parsing patches at byte 0: no valid patches found",
        ),
        (&["--diff", "none"], "couldn't read the diff none: No such file or directory (os error 2)"),
        (&["none.py"], "there is no none.py, and no test knows it"),
    ] {
        let outcome = project.minicov(&["impact"]).args(words).run();
        outcome.code(1).stderr(&format!("minicov: error: {message}\n"));
    }
}

covtest!(only_impacted_tests_run, |core| {
    let project = pantry(core, "--contexts=test");
    let said = record(&project, core, &["--impacted"]);
    assert!(said.contains("5 deselected"), "{said}");
    let text = fs::read_to_string(project.path("pantry/recipes.py")).unwrap();
    project.file("pantry/recipes.py", text.replace("other != name", "name != other"));
    project.file("tests/test_more.py", "def test_more():\n    pass\n");
    let said = record(&project, core, &["--impacted"]);
    assert!(said.contains("2 passed, 4 deselected"), "{said}");
    assert!(said.contains("minicov: notice: 4 of 5 known tests need not run\n"), "{said}");
    let said = record(&project, core, &["--impacted"]);
    assert!(said.contains("6 deselected"), "{said}");
    project.minicov(&["run", "--impacted", "tests/test_more.py"]).run().code(1).stdout("").stderr(
        "minicov: error: --impacted works with pytest only\n\
         minicov: hint: run it as minicov run --impacted -m pytest; minicov impact prints tests for other runners\n",
    );
});

/// A module with functions that tests run one by one.
const SHOP: &str = "\
import functools


def price(amount, cheap, member):
    if (cheap or member) and amount > 1:
        return amount
    return amount + 1


def total(amounts):
    result = 0
    for amount in amounts:
        if amount:
            result += amount
        else:
            continue
    return result


def label(name, *, loud=False):
    text = '{}!'.format(name.strip()) if loud else name
    return text


class Basket:
    @functools.lru_cache
    def size(self):
        return 3

    def add(self, thing):
        self.things = getattr(self, 'things', [])
        self.things.append(thing)
        return self
";

covtest!(what_tests_ran_that_are_left_out_stays_in_the_picture, |core| {
    let tests = "\
import shop

def test_price():
    assert [shop.price(2, 1, 0), shop.price(1, 0, 1), shop.price(3, 0, 0)] == [2, 2, 4]

def test_total():
    assert shop.total([1, 2]) == 3

def test_no_total():
    assert shop.total([0]) == 0

def test_label():
    assert shop.label('a', loud=True) == 'a!'

def test_basket():
    basket = shop.Basket().add(1)
    assert basket.things == [1]
";
    let project = Project::with(&[("shop.py", SHOP), ("test_shop.py", tests)]);
    record(&project, core, &["--mcdc", "--contexts=test"]);
    let changed = SHOP
        // Everything below stands elsewhere.
        .replace("import functools\n", "# What things cost.\n\n\nimport functools\n")
        // The same code, otherwise spelt.
        .replace("getattr(self, 'things', [])", "getattr(self, \"things\", [ ])  # Or none")
        .replace(
            "        self.things.append(thing)\n",
            "\n        # At the end.\n        self.things.append(thing)\n",
        )
        // Other code.
        .replace("            continue\n", "            result += 0\n");
    project.file("shop.py", changed);
    let said = record(&project, core, &["--mcdc", "--impacted"]);
    assert!(said.contains("minicov: notice: 3 of 5 known tests need not run\n"), "{said}");
    record(&project, core, &["--mcdc", "--contexts=test", "--data-file", "fresh"]);
    let picture = |data_file: &str| {
        let words = ["json", "-q", "--show-contexts", "-o", "-", "--data-file", data_file];
        let mut json = CoverageJson::parse(&project.minicov(&words).run().success().stdout).0;
        json["meta"]["timestamp"] = "*".into();
        serde_json::to_string_pretty(&json).unwrap()
    };
    assert_same_text("after the impacted tests", &picture(".coverage"), &picture("fresh"));
    let before = project.executed("shop.py");
    // Nothing but where it stands is another.
    let text = fs::read_to_string(project.path("shop.py")).unwrap();
    project.file("shop.py", text.replace(" if loud else", "\\\n        if loud\\\n        else"));
    let said = record(&project, core, &["--mcdc", "--impacted"]);
    assert!(said.contains("minicov: notice: 5 of 5 known tests need not run\n"), "{said}");
    let moved = |line: &u32| if *line > 24 { line + 2 } else { *line };
    assert_eq!(project.executed("shop.py"), before.iter().map(moved).collect::<Vec<_>>());
});

#[test]
fn a_selection_can_be_verified() {
    let project = pantry(CORES[0], "--contexts=test");
    let before = fs::read(project.path(".coverage")).unwrap();
    let words = ["impact", "--verify", "-m", "pytest", "-q", "-p", "no:cacheprovider"];
    let verify =
        |variable: &str| project.minicov(&words).env("PYTHONPATH", project.root()).env("X", variable).run();
    let outcome = verify("");
    outcome.success();
    assert!(outcome.stdout.ends_with("5 known tests, 0 selected, 0 missed\n"), "{}", outcome.stdout);
    // Nothing tells minicov that a test asks whether a file is there.
    project
        .file("tests/test_file.py", "import os.path\ndef test():\n    assert not os.path.exists('flag')\n");
    record(&project, CORES[0], &["--contexts=test"]);
    project.file("flag", "");
    let outcome = verify("");
    outcome.code(2);
    let end = "not selected: tests/test_file.py::test failed\n6 known tests, 0 selected, 1 missed\n";
    assert!(outcome.stdout.ends_with(end), "{}", outcome.stdout);
    assert!(before.len() <= fs::read(project.path(".coverage")).unwrap().len());
}

#[test]
fn without_data_everything_must_run() {
    let project = Project::with(&[("test_a.py", "def test(): pass\n")]);
    let outcome = project.minicov(&["impact"]).run();
    outcome.success().stdout("test_a.py\n").stderr(
        "minicov: notice: everything must run, because no test was recorded; \
         minicov run --contexts=test -m pytest records them\n",
    );
    project.minicov(&["impact", "--verify", "-m", "pytest"]).run().code(1);
    project.minicov(&["impact", "a.py", "--json"]).run().code(1);
    project.minicov(&["impact", "--since=a", "--diff=b"]).run().code(1);
}
