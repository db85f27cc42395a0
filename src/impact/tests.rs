//! Selecting tests in a world in memory: which change asks for which test.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use super::project::fingerprint;
use super::*;
use crate::model::{ABSENT, Dependency, DependencyKind, Fingerprint, TestNeeds, Use};

/// Files by name, in memory.
#[derive(Default)]
struct Files(RefCell<BTreeMap<String, String>>);

impl Files {
    fn of(files: &[(&str, &str)]) -> Self {
        let files = files.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned()));
        Self(RefCell::new(files.collect()))
    }

    fn put(&self, name: &str, text: &str) {
        self.0.borrow_mut().insert(name.to_owned(), text.to_owned());
    }

    fn project(&self) -> Project<'_> {
        let sources = self.0.borrow().keys().filter(|name| is_python(name)).cloned().collect::<Vec<_>>();
        Project::new(self, sources)
    }

    /// What a run with these lines in these contexts makes of the files: `(file, context, lines)`.
    fn record(&self, lines: &[(&str, &str, &[u32])], uses: &[(&str, Use)]) -> Vec<TestNeeds> {
        let mut recorded = Recorded::default();
        for (file, context, lines) in lines {
            let contexts = recorded.lines.entry((*file).to_owned()).or_default();
            contexts.insert((*context).to_owned(), lines.iter().copied().collect());
        }
        for (context, used) in uses {
            recorded.uses.entry((*context).to_owned()).or_default().insert(used.clone());
        }
        recorded.surroundings.insert(Dependency {
            kind: DependencyKind::Settings,
            name: "pytest.ini".to_owned(),
            block: String::new(),
            fingerprint: self.fingerprint(DependencyKind::Settings, "pytest.ini"),
        });
        needs(&self.project(), &recorded)
    }

    /// What is selected when `change` is made, as pytest would be told.
    #[track_caller]
    fn check(&self, tests: &[TestNeeds], name: &str, text: &str, expected: &[&str]) {
        let before = self.0.borrow().get(name).cloned();
        self.put(name, text);
        let selection = select(tests, &self.project(), &Baseline::Recorded);
        let units: Vec<&str> = selection.units.keys().map(|unit| unit.name.as_str()).collect();
        assert_eq!(units, expected, "{name} changed to\n{text}\n{selection:#?}");
        match before {
            Some(before) => self.put(name, &before),
            None => {
                self.0.borrow_mut().remove(name);
            }
        }
    }
}

impl World for Files {
    fn bytes(&self, name: &str) -> Option<Vec<u8>> {
        self.0.borrow().get(name).map(|text| text.clone().into_bytes())
    }

    fn fingerprint(&self, _kind: DependencyKind, name: &str) -> Fingerprint {
        self.bytes(name).map_or(ABSENT, |bytes| fingerprint(&bytes))
    }
}

const SHOP: &str =
    "from . import tax\nRATE = 2\ndef price(x):\n    return x * RATE\ndef total(xs):\n    return sum(xs)\n";
const TAX: &str = "ADD = 1\ndef add(x):\n    return x + ADD\n";
const TEST_A: &str = "import shop.prices\ndef test_price():\n    assert shop.prices.price(1)\ndef test_total():\n    assert shop.prices.total([])\n";
const TEST_B: &str = "import other\ndef test_other():\n    pass\n";

fn shop() -> Files {
    Files::of(&[
        ("shop/__init__.py", ""),
        ("shop/prices.py", SHOP),
        ("shop/tax.py", TAX),
        ("other.py", "X = 1\n"),
        ("tests/test_a.py", TEST_A),
        ("tests/test_b.py", TEST_B),
    ])
}

/// As pytest runs it: all is imported first, then tests run in contexts of their own.
fn recorded(files: &Files) -> Vec<TestNeeds> {
    files.record(
        &[
            ("shop/prices.py", "", &[1, 2, 3, 5]),
            ("shop/prices.py", "tests/test_a.py::test_price|run", &[4]),
            ("shop/prices.py", "tests/test_a.py::test_total|run", &[6]),
            ("shop/tax.py", "", &[1, 2]),
            ("other.py", "", &[1]),
            ("tests/test_a.py", "", &[1, 2, 4]),
            ("tests/test_a.py", "tests/test_a.py::test_price|run", &[3]),
            ("tests/test_a.py", "tests/test_a.py::test_total|run", &[5]),
            ("tests/test_b.py", "", &[1, 2]),
            ("tests/test_b.py", "tests/test_b.py::test_other", &[3]),
        ],
        &[],
    )
}

#[test]
fn a_function_is_needed_by_those_that_ran_it() {
    let files = shop();
    let tests = recorded(&files);
    files.check(&tests, "shop/prices.py", SHOP, &[]);
    files.check(&tests, "shop/prices.py", &format!("# new\n\n{SHOP}"), &[]);
    files.check(
        &tests,
        "shop/prices.py",
        &SHOP.replace("x * RATE", "x + RATE"),
        &["tests/test_a.py::test_price"],
    );
    files.check(&tests, "shop/prices.py", &SHOP.replace("sum", "max"), &["tests/test_a.py::test_total"]);
    // Nobody ran it.
    files.check(&tests, "shop/tax.py", &TAX.replace("x + ADD", "x"), &[]);
    files.check(
        &tests,
        "tests/test_a.py",
        &TEST_A.replace("price(1)", "price(2)"),
        &["tests/test_a.py::test_price"],
    );
}

#[test]
fn code_at_module_level_is_needed_by_those_that_import_it() {
    let files = shop();
    let tests = recorded(&files);
    files.check(&tests, "shop/prices.py", &SHOP.replace("RATE = 2", "RATE = 3"), &["tests/test_a.py"]);
    files.check(&tests, "shop/tax.py", &TAX.replace("ADD = 1", "ADD = 2"), &["tests/test_a.py"]);
    files.check(&tests, "shop/__init__.py", "import sys\n", &["tests/test_a.py"]);
    files.check(&tests, "other.py", "X = 2\n", &["tests/test_b.py"]);
    let new_test = format!("{TEST_A}def test_new():\n    pass\n");
    files.check(&tests, "tests/test_a.py", &new_test, &["tests/test_a.py"]);
}

#[test]
fn new_files_are_found() {
    let files = shop();
    let tests = recorded(&files);
    files.check(&tests, "tests/test_new.py", "def test(): pass\n", &["tests/test_new.py"]);
    files.check(&tests, "tests/conftest.py", "", &["tests/test_a.py", "tests/test_b.py"]);
    files.check(&tests, "unrelated.py", "", &[]);
    // It stands in front of `other.py` now, or may.
    files.check(&tests, "tests/other.py", "", &["tests/test_b.py"]);
    files.check(&tests, "pytest.ini", "[pytest]\n", &["tests/test_a.py", "tests/test_b.py"]);
}

#[test]
fn everything_runs_where_the_surroundings_changed() {
    let files = shop();
    let tests = recorded(&files);
    files.put("pytest.ini", "[pytest]\n");
    let selection = select(&tests, &files.project(), &Baseline::Recorded);
    let reasons: Vec<String> = selection.everything.iter().map(ToString::to_string).collect();
    assert_eq!(reasons, ["configuration in pytest.ini changed"]);
}

#[test]
fn what_ran_outside_tests_is_needed_by_those_that_import_it() {
    let files = Files::of(&[
        ("plugin.py", "def pytest_configure():\n    return 1\ndef unused():\n    return 2\n"),
        ("deco.py", "def deco(f):\n    return f\n"),
        ("test_a.py", "from deco import deco\n@deco\ndef test_a():\n    pass\n"),
        ("test_b.py", "def test_b():\n    pass\n"),
    ]);
    let tests = files.record(
        &[
            ("plugin.py", "", &[1, 2, 3]),
            ("deco.py", "", &[1, 2]),
            ("test_a.py", "", &[1, 2, 3]),
            ("test_b.py", "", &[1]),
            ("test_a.py", "test_a.py::test_a", &[4]),
            ("test_b.py", "test_b.py::test_b", &[2]),
        ],
        &[],
    );
    files.check(&tests, "deco.py", "def deco(f):\n    return 1\n", &["test_a.py"]);
    files.check(
        &tests,
        "plugin.py",
        "def pytest_configure():\n    return 3\ndef unused():\n    return 2\n",
        &["test_a.py", "test_b.py"],
    );
    files.check(
        &tests,
        "plugin.py",
        "def pytest_configure():\n    return 1\ndef unused():\n    return 3\n",
        &[],
    );
}

#[test]
fn what_was_not_measured_counts_as_a_whole() {
    let files = shop();
    // Only the package was measured.
    let tests = files.record(
        &[
            ("shop/prices.py", "", &[1, 2, 3, 5]),
            ("shop/prices.py", "tests/test_a.py::test_price", &[4]),
            ("shop/prices.py", "tests/test_b.py::test_other", &[]),
        ],
        &[],
    );
    files.check(&tests, "tests/test_a.py", &TEST_A.replace("price(1)", "price(2)"), &["tests/test_a.py"]);
    files.check(&tests, "shop/tax.py", &TAX.replace("x + ADD", "x"), &["tests/test_a.py"]);
    files.check(&tests, "other.py", "X = 2\n", &["tests/test_b.py"]);
}

#[test]
fn what_tests_use_besides_code_counts() {
    let files = shop();
    files.put("data.csv", "1");
    let a = "tests/test_a.py::test_price|run";
    let tests = files.record(
        &[
            ("shop/prices.py", a, &[4]),
            ("shop/prices.py", "", &[1, 2, 3, 5]),
            ("tests/test_b.py", "tests/test_b.py::test_other", &[3]),
            ("tests/test_a.py", "tests/test_a.py::test_total", &[5]),
        ],
        &[
            (a, Use::Opened("data.csv".to_owned())),
            (a, Use::Opened("missing.csv".to_owned())),
            (a, Use::Read("VAR".to_owned())),
            ("tests/test_b.py::test_other", Use::Inherited(a.to_owned())),
        ],
    );
    let two = ["tests/test_a.py::test_price", "tests/test_b.py"];
    files.check(&tests, "data.csv", "2", &two);
    files.check(&tests, "missing.csv", "2", &two);
    files.check(&tests, "VAR", "2", &two);
}

#[test]
fn failed_tests_run_again() {
    let files = shop();
    let tests = files.record(
        &[("tests/test_b.py", "tests/test_b.py::test_other", &[3])],
        &[("tests/test_b.py::test_other|run", Use::Failed)],
    );
    files.check(&tests, "nothing.txt", "", &["tests/test_a.py", "tests/test_b.py::test_other"]);
}

#[test]
fn readers_of_docstrings_need_them() {
    let files = Files::of(&[
        ("m.py", "def f():\n    'doc'\n    return 1\n"),
        ("test_a.py", "import m\ndef test_a():\n    assert m.f.__doc__\ndef test_b():\n    assert m.f()\n"),
    ]);
    let tests = files.record(
        &[
            ("m.py", "", &[1]),
            ("m.py", "test_a.py::test_b", &[3]),
            ("test_a.py", "test_a.py::test_a", &[3]),
            ("test_a.py", "test_a.py::test_b", &[5]),
            ("test_a.py", "", &[1, 2, 4]),
        ],
        &[],
    );
    files.check(&tests, "m.py", "def f():\n    'other'\n    return 1\n", &["test_a.py::test_a"]);
}

#[test]
fn parameters_do_not_outlive_what_made_them() {
    let files = Files::of(&[
        ("cases.py", "CASES = [1, 2]\n"),
        ("m.py", "def f(x):\n    return x\n"),
        ("test_a.py", "import m\ndef test_a(x):\n    assert m.f(x)\ndef test_b():\n    import cases\n"),
    ]);
    let tests = files.record(
        &[
            ("m.py", "", &[1]),
            ("m.py", "test_a.py::test_a[1]", &[2]),
            ("m.py", "test_a.py::test_a[2]", &[2]),
            ("test_a.py", "test_a.py::test_a[1]", &[3]),
            ("test_a.py", "test_a.py::test_a[2]", &[3]),
            ("test_a.py", "test_a.py::test_b", &[5]),
            ("cases.py", "test_a.py::test_b", &[1]),
            ("test_a.py", "", &[1, 2, 4]),
        ],
        &[],
    );
    files.check(
        &tests,
        "m.py",
        "def f(x):\n    return -x\n",
        &["test_a.py::test_a[1]", "test_a.py::test_a[2]"],
    );
    files.check(&tests, "m.py", "def f(x=1):\n    return x\n", &["test_a.py"]);
    files.check(&tests, "cases.py", "CASES = []\n", &["test_a.py::test_b"]);
}

#[test]
fn a_former_state_counts_too() {
    let files = shop();
    let tests = recorded(&files);
    let before = shop();
    before.put("shop/prices.py", &SHOP.replace("sum", "max"));
    let selected = |before: &Files| {
        let selection = select(&tests, &files.project(), &Baseline::Also(&before.project()));
        selection.units.keys().map(|unit| unit.name.clone()).collect::<Vec<_>>()
    };
    assert_eq!(selected(&before), ["tests/test_a.py::test_total"]);
    assert!(selected(&files).is_empty());
    let named = BTreeSet::from(["shop/tax.py".to_owned()]);
    let selection = select(&tests, &files.project(), &Baseline::Named(named));
    assert_eq!(
        selection.units.keys().map(|unit| unit.name.as_str()).collect::<Vec<_>>(),
        ["tests/test_a.py"]
    );
}
