//! Contexts that follow a program: which test ran what. Read back by coverage.py.

use crate::harness::Project;

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
