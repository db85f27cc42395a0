//! Contexts that follow a program: which test ran what. Read back by coverage.py.

use crate::harness::{Project, assert_same_text, django_python, xdist_python};

/// Prints the lines that ran of each file in each context.
const BY_CONTEXT: &str = "\
import coverage, os
data = coverage.CoverageData('.coverage')
data.read()
for context in sorted(data.measured_contexts()):
    data.set_query_contexts(['^' + __import__('re').escape(context) + '$'])
    for file in sorted(data.measured_files()):
        lines = sorted(data.lines(file))
        if lines:
            print(repr(context), os.path.basename(file), *lines)
";

/// What [`BY_CONTEXT`] prints of the data file.
fn by_context(project: &Project) -> String {
    let outcome = project.python(&["-c", BY_CONTEXT]).run();
    outcome.success().stdout.clone()
}

const LIBRARY: &str = "\
import threading
def add(a, b):
    if a:
        return a + b
    return b
def add_in_thread():
    out = []
    thread = threading.Thread(target=lambda: out.append(add(0, 1)))
    thread.start()
    thread.join()
    return out[0]
";

const TESTS_OF_PYTEST: &str = "\
import pytest, unittest, lib
@pytest.fixture(scope='module')
def base():
    return lib.add(1, 2)
@pytest.mark.parametrize('x', ['a|b', 'é\\n', '[]'])
def test_add(base, x):
    assert lib.add(1, 1) == 2
def test_zero():
    assert lib.add(0, 1) == 1
def test_thread():
    assert lib.add_in_thread() == 1
def test_fails():
    assert lib.add(0, 2) == 3
class Case(unittest.TestCase):
    def test_method(self):
        with self.subTest(a=1):
            self.assertEqual(lib.add(1, 1), 2)
";

covtest!(pytest_tells_each_test, |core| {
    let project = Project::with(&[("lib.py", LIBRARY), ("test_lib.py", TESTS_OF_PYTEST)]);
    let words = ["--contexts=test", "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:subtests"];
    project.run(core, &words).code(1);
    let expected = "\
'' lib.py 1 2 6
'' test_lib.py 1 2 3 5 6 8 10 12 14 15
'test_lib.py::Case::test_method' lib.py 3 4
'test_lib.py::Case::test_method' test_lib.py 16 17
'test_lib.py::test_add[[]]' lib.py 3 4
'test_lib.py::test_add[[]]' test_lib.py 7
'test_lib.py::test_add[\\\\xe9\\\\n]' lib.py 3 4
'test_lib.py::test_add[\\\\xe9\\\\n]' test_lib.py 7
'test_lib.py::test_add[a|b]' lib.py 3 4
'test_lib.py::test_add[a|b]' test_lib.py 4 7
'test_lib.py::test_fails' lib.py 3 5
'test_lib.py::test_fails' test_lib.py 13
'test_lib.py::test_thread' lib.py 3 5 7 8 9 10 11
'test_lib.py::test_thread' test_lib.py 11
'test_lib.py::test_zero' lib.py 3 5
'test_lib.py::test_zero' test_lib.py 9
";
    assert_eq!(by_context(&project), expected);
});

covtest!(pytests_phases_are_told_apart, |core| {
    let tests = "\
import pytest, lib
@pytest.fixture
def ready():
    lib.set_up()
    yield
    lib.tear_down()
def test_it(ready):
    lib.run()
";
    let library = "def set_up():\n    pass\ndef run():\n    pass\ndef tear_down():\n    pass\n";
    let project = Project::with(&[("lib.py", library), ("test_it.py", tests)]);
    let words = ["--contexts=test_phase", "--include=lib.py", "--context=here", "-m", "pytest", "-q"];
    project.run(core, &words).success();
    let expected = "\
'here' lib.py 1 3 5
'here|test_it.py::test_it|run' lib.py 4
'here|test_it.py::test_it|setup' lib.py 2
'here|test_it.py::test_it|teardown' lib.py 6
";
    assert_eq!(by_context(&project), expected);
});

covtest!(unittest_and_doctest_tell_each_test, |core| {
    let tests = "\
import doctest, unittest, lib
class Case(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        lib.three()
    def test_one(self):
        lib.one()
        with self.subTest(1):
            lib.two()
    def test_error(self):
        lib.two()
        raise ValueError
class Awaits(unittest.IsolatedAsyncioTestCase):
    async def test_async(self):
        lib.three()
def load_tests(loader, tests, pattern):
    tests.addTests(doctest.DocTestSuite(lib))
    return tests
";
    let library = "\
'''
>>> two()
'''
def one():
    pass
def two():
    pass
def three():
    pass
";
    let project = Project::with(&[("lib.py", library), ("test_it.py", tests)]);
    project.run(core, &["--contexts=test", "--include=lib.py", "-m", "unittest", "-q", "test_it"]).code(1);
    let expected = "\
'' lib.py 1 4 6 8
'lib' lib.py 7
'test_it.Awaits.test_async' lib.py 9
'test_it.Case.test_error' lib.py 7 9
'test_it.Case.test_one' lib.py 5 7
";
    assert_eq!(by_context(&project), expected);
});

covtest!(unittests_classes_and_modules_belong_to_the_first_and_last_test, |core| {
    let one = "\
import unittest, lib
def setUpModule():
    lib.set_up_module()
def tearDownModule():
    lib.tear_down_module()
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
        pass
class Second(unittest.TestCase):
    def test_c(self):
        pass
";
    let two =
        "import unittest, lib\nclass Third(unittest.TestCase):\n    def test_d(self):\n        lib.other()\n";
    let names = ["set_up_module", "tear_down_module", "set_up_class", "tear_down_class", "other"];
    let library = names.map(|name| format!("def {name}():\n    pass\n")).concat();
    let project = Project::with(&[("lib.py", &library), ("one.py", one), ("two.py", two)]);
    project
        .run(core, &["--contexts=test", "--include=lib.py", "-m", "unittest", "-q", "one", "two"])
        .success();
    let expected = "\
'' lib.py 1 3 5 7 9
'one.First.test_a' lib.py 2 6
'one.First.test_b' lib.py 8
'one.Second.test_c' lib.py 4
'two.Third.test_d' lib.py 10
";
    assert_eq!(by_context(&project), expected);
});

#[test]
fn workers_of_xdist_tell_each_test() {
    let project = Project::with(&[("lib.py", LIBRARY), ("test_lib.py", TESTS_OF_PYTEST)]);
    let venv = xdist_python().ancestors().nth(2).unwrap().to_path_buf();
    let of_tests = |words: &[&str]| {
        let common =
            ["run", "--erase", "--branch", "--contexts=test", "-m", "pytest", "-q", "-p", "no:cacheprovider"];
        let command = project.minicov(&common).args(words);
        command.env("VIRTUAL_ENV", &venv).run().code(1);
        let found = by_context(&project);
        // A worker that runs another test first sets up the module's fixture for that.
        found
            .lines()
            .filter(|line| !line.starts_with("''") && !line.contains("test_add"))
            .collect::<Vec<_>>()
            .join("\n")
    };
    let serial = of_tests(&[]);
    assert!(serial.contains("test_thread' lib.py 3 5 7"), "{serial}");
    assert_same_text("-n 2", &of_tests(&["-n", "2"]), &serial);
}

covtest!(djangos_runner_tells_each_test, |core| {
    let settings = "\
SECRET_KEY = 'none'
INSTALLED_APPS = ['shop']
DATABASES = {'default': {'ENGINE': 'django.db.backends.sqlite3', 'NAME': ':memory:'}}
DEFAULT_AUTO_FIELD = 'django.db.models.BigAutoField'
ROOT_URLCONF = 'shop.lib'
USE_TZ = True
";
    let tests = "\
from django.test import SimpleTestCase, TestCase
from . import lib
class Sells(TestCase):
    @classmethod
    def setUpTestData(cls):
        lib.three()
    def test_one(self):
        lib.one()
    async def test_two(self):
        lib.two()
class Serves(SimpleTestCase):
    def test_nowhere(self):
        assert self.client.get('/nowhere').status_code == 404
        lib.one()
";
    let library = "\
urlpatterns = []
def one():
    return 1
def two():
    return 2
def three():
    return 3
";
    let project = Project::with(&[
        ("settings.py", settings),
        ("shop/__init__.py", ""),
        ("shop/lib.py", library),
        ("shop/tests.py", tests),
    ]);
    let venv = django_python().ancestors().nth(2).unwrap().to_path_buf();
    let words = ["--include=shop/*.py", "--contexts=test", "-m", "django", "test", "--settings=settings"];
    let run = project.minicov(&["run", "--core", core]).args(words);
    run.env("VIRTUAL_ENV", &venv).env("PYTHONPATH", project.root()).run().success();
    let expected = "\
'' lib.py 1 2 4 6
'' tests.py 1 2 3 4 5 7 9 11 12
'shop.tests.Sells.test_one' lib.py 3 7
'shop.tests.Sells.test_one' tests.py 6 8
'shop.tests.Sells.test_two' lib.py 5
'shop.tests.Sells.test_two' tests.py 10
'shop.tests.Serves.test_nowhere' lib.py 3
'shop.tests.Serves.test_nowhere' tests.py 13 14
";
    assert_eq!(by_context(&project), expected);
});

#[test]
fn where_pytest_is_not_or_loads_no_plugins_nothing_is_said() {
    let project = Project::with(&[("test_a.py", "def test_a():\n    assert 1\n")]);
    let run = |words: &[&str]| {
        let common = ["run", "--erase", "--contexts=test"];
        let outcome = project.minicov(&common).args(words).env("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1").run();
        outcome.success().stderr("");
        by_context(&project)
    };
    assert_eq!(run(&["-c", "import test_a; test_a.test_a()"]), "'' test_a.py 1 2\n");
    let told = "'' test_a.py 1\n'test_a.py::test_a' test_a.py 2\n";
    let less =
        ["-p", "no:python_path", "-p", "no:logging", "-p", "no:cacheprovider", "-p", "no:minicov_selection"];
    assert_eq!(run(&[&["-m", "pytest", "-q"], &less[..]].concat()), told);
    let outcome = project.minicov(&["run", "--impacted", "-m", "pytest", "-q"]).args(less).run();
    // Who forbids the plugin that leaves tests out runs them all.
    assert!(outcome.success().stdout.contains("1 passed"), "{}", outcome.stdout);
}

// Threads of different contexts at the same time: events that one has seen must come for the other.
covtest!(threads_keep_the_context_they_were_started_in, |core| {
    let tests = "\
import threading, lib
go_on, done, threads = threading.Event(), threading.Event(), []
def later():
    go_on.wait()
    lib.work()
    done.set()
def test_starts():
    lib.work()
    threads.append(threading.Thread(target=later))
    threads[0].start()
def test_meanwhile():
    lib.work()
    go_on.set()
    done.wait()
    lib.work()
    lib.more()
def test_afterwards():
    threads[0].join()
    lib.work()
";
    let library = "def work():\n    return 1\ndef more():\n    return 2\n";
    let project = Project::with(&[("lib.py", library), ("test_it.py", tests)]);
    project.run(core, &["--contexts=test", "-m", "pytest", "-q", "test_it.py"]).success();
    let expected = "\
'' lib.py 1 3
'' test_it.py 1 2 3 7 11 17
'test_it.py::test_afterwards' lib.py 2
'test_it.py::test_afterwards' test_it.py 18 19
'test_it.py::test_meanwhile' lib.py 2 4
'test_it.py::test_meanwhile' test_it.py 12 13 14 15 16
'test_it.py::test_starts' lib.py 2
'test_it.py::test_starts' test_it.py 4 5 6 8 9 10
";
    assert_eq!(by_context(&project), expected);
});

#[test]
fn places_that_are_none_are_refused() {
    let project = Project::with(&[("a.py", "def f(x):\n    if x:\n        return 1\n    return 2\nf(1)\n")]);
    project.minicov(&["run", "--branch", "a.py"]).run().success();
    let who = |place: &str| project.minicov(&["who", place]).run();
    who("a.py:3").success().stdout("(no context)\n");
    who("a.py:2->3").success().stdout("(no context)\n");
    who("a.py:4").success().stdout("").stderr("minicov: notice: nothing ran a.py:4\n");
    for (place, message) in [
        ("a.py:2->5", "no branch leads from a.py:2 there\nminicov: hint: branches from there lead to 3, 4"),
        ("a.py:3->4", "no branch begins at a.py:3"),
        ("a.py:9", "a.py:9 is no statement that counts"),
        ("b.py:1", "b.py was not measured\nminicov: hint: minicov report shows what was"),
    ] {
        who(place).code(1).stdout("").stderr(&format!("minicov: error: {message}\n"));
    }
}

covtest!(children_and_threads_belong_to_the_test_that_starts_them, |core| {
    let tests = "\
import os, subprocess, sys, threading, lib
def test_child():
    subprocess.run([sys.executable, 'script.py'], check=True)
def test_fork():
    if os.fork() == 0:
        lib.forked()
        os._exit(0)
    os.wait()
def test_nothing():
    pass
";
    let library = "def forked():\n    pass\ndef called():\n    pass\n";
    let script = "\
import threading, lib
thread = threading.Thread(target=lib.called)
thread.start()
thread.join()
";
    let project = Project::with(&[("lib.py", library), ("script.py", script), ("test_it.py", tests)]);
    let words = ["--contexts=test", "--omit=test_it.py", "-m", "pytest", "-q", "test_it.py"];
    project.run(core, &words).success().stderr("");
    let expected = "\
'' lib.py 1 3
'test_it.py::test_child' lib.py 1 3 4
'test_it.py::test_child' script.py 1 2 3 4
'test_it.py::test_fork' lib.py 2
";
    assert_eq!(by_context(&project), expected);
});

covtest!(a_program_switches_contexts_itself, |core| {
    let program = "\
try:
    import minicov
except ImportError:
    minicov = None
def work():
    return 1
work()
if minicov:
    assert minicov.current() == ''
    assert minicov.switch_context('first') == ''
    work()
    with minicov.context('second'):
        assert minicov.current() == 'second'
        work()
    assert minicov.switch_context('') == 'first'
print('done')
";
    let project = Project::with(&[("it.py", program)]);
    project.python(&["it.py"]).run().success().stdout("done\n");
    project.run(core, &["it.py"]).success().stdout("done\n").stderr("");
    let expected = "\
'' it.py 1 2 5 6 7 8 9 10 16
'first' it.py 6 11 12 15
'second' it.py 6 12 13 14
";
    assert_eq!(by_context(&project), expected);
});

#[test]
fn the_module_is_there_in_children() {
    let child = "import minicov\nprint(minicov.current())\nminicov.switch_context('other')\nx = 1\n";
    let parent = "\
import minicov, subprocess, sys
with minicov.context('mine'):
    subprocess.run([sys.executable, 'child.py'], check=True)
";
    let project = Project::with(&[("child.py", child), ("parent.py", parent)]);
    project.minicov(&["run", "parent.py"]).run().success().stdout("mine\n").stderr("");
    let expected = "'' parent.py 1 2\n'mine' child.py 1 2 3\n'mine' parent.py 2 3\n'other' child.py 4\n";
    assert_eq!(by_context(&project), expected);
}

#[test]
fn a_programs_own_module_of_that_name_is_its_own() {
    let project =
        Project::with(&[("minicov.py", "mine = 1\n"), ("it.py", "import minicov\nprint(minicov.mine)\n")]);
    project.minicov(&["run", "it.py"]).run().success().stdout("1\n");
}

// Since 3.13 the first line of such code has no event of its own once events were turned on again; and what runs on the line
// of a `def` or `lambda` is not what makes it.
covtest!(code_on_one_line_counts_in_each_test, |core| {
    let library = "\
first = lambda: 1
second = lambda: [n for n in (1, 2)]
def third(): return 3
def fourth():
    return 4
class Fifth:
    sixth = property(lambda self: 6)
";
    let tests = "\
import lib
def test_a():
    assert lib.first()
def test_b():
    assert lib.first() + lib.third()
def test_c():
    assert lib.first() and lib.second()
def test_d():
    assert lib.third() + lib.fourth() + lib.Fifth().sixth
def test_e():
    assert lib.second() and lib.third() + lib.fourth() + lib.Fifth().sixth
";
    let project = Project::with(&[("lib.py", library), ("test_lib.py", tests)]);
    for words in [&["--include=lib.py"][..], &["--include=lib.py", "--branch"]] {
        let pytest = ["--contexts=test", "--erase", "-m", "pytest", "-q", "-p", "no:cacheprovider"];
        project.run(core, &[words, &pytest].concat()).success();
        let expected = "\
'' lib.py 1 2 3 4 6 7
'test_lib.py::test_a' lib.py 1
'test_lib.py::test_b' lib.py 1 3
'test_lib.py::test_c' lib.py 1 2
'test_lib.py::test_d' lib.py 3 5 7
'test_lib.py::test_e' lib.py 2 3 5 7
";
        assert_eq!(by_context(&project), expected, "{words:?}");
    }
});
