//! Recognising tests by the calls that run them: functions of pytest, unittest and doctest whose local variables say which
//! test it is, or with coverage.py's rule any function whose name begins with `test`.
//!
//! Nothing is imported, patched or registered, so that a runner that is absent, old or told to load no plugins is no matter.
//!
//! Must not know: how events arrive. Invariant: nothing of the program runs because a label is read, but for what coverage.py's
//! own rule looks up, and nothing is raised.

use std::cell::Cell;
use std::ffi::CStr;

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyTuple, PyType};

use super::session::Session;
use super::{contexts, uses};
use crate::model::{DynamicContexts, NO_CONTEXT};
use crate::python::ffi;

/// A call by which tests are recognised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TestFrame {
    /// pytest runs a test: set-up, call and tear-down, and reports.
    PytestTest,
    /// pytest runs one of these phases.
    PytestPhase,
    /// unittest runs a test.
    UnittestTest,
    /// unittest sets up a class or module, for the test that comes first; in a module's case after it tore down the last.
    UnittestFixture,
    /// unittest tears down a class or module, after the test that came last.
    UnittestTearDown,
    /// doctest runs the examples of a docstring or file.
    DoctestTest,
    /// A function that coverage.py's rule takes for a test.
    Function,
    /// pytest sets up a fixture.
    FixtureSetUp,
    /// pytest hands a fixture to a test.
    FixtureUse,
    /// pytest reports a phase of a test.
    PytestReport,
    /// unittest notes that a test failed.
    UnittestFailure,
    /// An environment variable is read.
    VariableRead,
    /// multiprocessing starts a process.
    ProcessStart,
}

/// A call by name: the end of the file's path, `co_qualname`, and what it is.
///
/// pytest 3.0–9.0 `_pytest/runner.py`; CPython 3.11–3.15 `Lib/unittest/case.py`, `Lib/unittest/suite.py` and
/// `Lib/doctest.py`. What stands on them (Django's runner, pytest-xdist, pytest-rerunfailures, pytest-asyncio) calls them.
const CALLS: [(&str, &str, TestFrame); 16] = [
    ("/_pytest/runner.py", "runtestprotocol", TestFrame::PytestTest),
    ("/_pytest/runner.py", "call_and_report", TestFrame::PytestPhase),
    ("/unittest/case.py", "TestCase.run", TestFrame::UnittestTest),
    ("/unittest/suite.py", "TestSuite._handleClassSetUp", TestFrame::UnittestFixture),
    ("/unittest/suite.py", "TestSuite._handleModuleFixture", TestFrame::UnittestFixture),
    ("/unittest/suite.py", "TestSuite._tearDownPreviousClass", TestFrame::UnittestTearDown),
    ("/unittest/suite.py", "TestSuite._handleModuleTearDown", TestFrame::UnittestTearDown),
    ("/doctest.py", "DocTestRunner.run", TestFrame::DoctestTest),
    ("/_pytest/fixtures.py", "pytest_fixture_setup", TestFrame::FixtureSetUp),
    ("/_pytest/fixtures.py", "FixtureDef.execute", TestFrame::FixtureUse),
    ("/_pytest/reports.py", "TestReport.from_item_and_call", TestFrame::PytestReport),
    ("/unittest/result.py", "TestResult.addFailure", TestFrame::UnittestFailure),
    ("/unittest/result.py", "TestResult.addError", TestFrame::UnittestFailure),
    ("/multiprocessing/util.py", "spawnv_passfds", TestFrame::ProcessStart),
    // CPython 3.11–3.15 `Lib/os.py`, which is frozen unless it was asked not to be.
    ("/os.py", "_Environ.__getitem__", TestFrame::VariableRead),
    ("<frozen os>", "_Environ.__getitem__", TestFrame::VariableRead),
];

/// `co_flags`: CO_OPTIMIZED (CPython `Include/cpython/code.h`): a function's code, not a module's or class's.
const OPTIMIZED: u32 = 0x1;

/// The test under way in a thread.
#[derive(Clone, Copy)]
struct UnderWay {
    /// Tells its frame from all others that are alive.
    frame: usize,
    what: TestFrame,
    /// The context before it.
    before: u32,
}

thread_local! {
    static UNDER_WAY: Cell<Option<UnderWay>> = const { Cell::new(None) };
    /// What goes on once that has come to its end: the set-up round a tear-down.
    static AROUND: Cell<Option<UnderWay>> = const { Cell::new(None) };
    /// The context of the test of unittest that began last.
    static LAST_OF_UNITTEST: Cell<u32> = const { Cell::new(NO_CONTEXT) };
}

impl TestFrame {
    pub(super) const ALL: [Self; 13] = [
        Self::PytestTest,
        Self::PytestPhase,
        Self::UnittestTest,
        Self::UnittestFixture,
        Self::UnittestTearDown,
        Self::DoctestTest,
        Self::Function,
        Self::FixtureSetUp,
        Self::FixtureUse,
        Self::PytestReport,
        Self::UnittestFailure,
        Self::VariableRead,
        Self::ProcessStart,
    ];

    /// What calls of a code object are.
    pub(super) fn of(
        code: &Bound<'_, PyAny>,
        filename: &Bound<'_, PyString>,
        dynamic: DynamicContexts,
    ) -> PyResult<Option<Self>> {
        let py = code.py();
        match dynamic {
            DynamicContexts::None => Ok(None),
            DynamicContexts::TestFunctions => {
                let name = code.getattr(intern!(py, "co_name"))?.cast_into::<PyString>()?;
                let name = name.to_string_lossy();
                Ok((name.starts_with("test") || name == "runTest").then_some(Self::Function))
            }
            DynamicContexts::Tests | DynamicContexts::TestPhases => {
                let name = code.getattr(intern!(py, "co_qualname"))?.cast_into::<PyString>()?;
                let name = name.to_string_lossy();
                let call = CALLS.iter().find(|(file, function, what)| {
                    name == *function
                        && filename.to_string_lossy().ends_with(file)
                        && (*what != Self::PytestPhase || dynamic == DynamicContexts::TestPhases)
                });
                Ok(call.map(|(_, _, what)| *what))
            }
        }
    }

    /// Whether the frame may be left for a while (`await`), and the test with it.
    pub(super) fn may_pause(self) -> bool {
        self == Self::Function
    }

    /// A frame of this kind begins, or goes on.
    pub(super) fn begin(self, py: Python<'_>, session: &Session) {
        match self {
            Self::FixtureSetUp => return uses::fixture_set_up(py),
            Self::FixtureUse => return uses::fixture_used(py, session),
            Self::PytestReport => return uses::report_made(py, session),
            Self::UnittestFailure => return uses::failed(session),
            Self::VariableRead => return uses::variable_read(py, session),
            Self::ProcessStart => return uses::spawned(py, session),
            Self::PytestTest
            | Self::PytestPhase
            | Self::UnittestTest
            | Self::UnittestFixture
            | Self::UnittestTearDown
            | Self::DoctestTest
            | Self::Function => {}
        }
        let Some(frame) = ffi::current_frame(py) else { return };
        let around = match UNDER_WAY.get().filter(|under_way| ffi::is_under_way(py, under_way.frame)) {
            Some(UnderWay { what: Self::PytestTest, .. }) if self == Self::PytestPhase => {
                if let Some(label) = self.label(py) {
                    contexts::switch(py, session, contexts::number(session, &label));
                }
                return;
            }
            Some(around) if around.what == Self::UnittestFixture && self == Self::UnittestTearDown => {
                Some(around)
            }
            // A test may run tests of its own.
            Some(_) => return,
            None => None,
        };
        let left_behind = if around.is_some() { None } else { UNDER_WAY.take() };
        if left_behind.is_none() && contexts::place().is_inherited {
            return;
        }
        let context = self.context(py, session);
        if context == NO_CONTEXT {
            if let Some(UnderWay { before, .. }) = left_behind {
                contexts::switch(py, session, before);
            }
            return;
        }
        let before = contexts::switch(py, session, context);
        let before = left_behind.map_or(before, |left| left.before);
        AROUND.set(around);
        UNDER_WAY.set(Some(UnderWay { frame, what: self, before }));
        if self == Self::UnittestFixture {
            uses::class_set_up(py);
        }
        if self == Self::UnittestTest {
            LAST_OF_UNITTEST.set(context);
            uses::class_used(py, session);
        }
        if self.is_test() {
            uses::begun(session);
        }
    }

    /// The running frame is left.
    pub(super) fn end(py: Python<'_>, session: &Session) {
        let Some(UnderWay { frame, what, before }) = UNDER_WAY.get() else { return };
        if ffi::current_frame(py) == Some(frame) {
            UNDER_WAY.set(AROUND.take());
            if what.is_test() {
                uses::ended(session);
            }
            contexts::switch(py, session, before);
        }
    }

    /// Whether it is a test that begins, and not what is done for tests.
    fn is_test(self) -> bool {
        !matches!(self, Self::UnittestFixture | Self::UnittestTearDown)
    }

    /// The context of the running frame; none where it cannot be told.
    fn context(self, py: Python<'_>, session: &Session) -> u32 {
        if self == Self::UnittestTearDown {
            return LAST_OF_UNITTEST.get();
        }
        self.label(py).map_or(NO_CONTEXT, |label| contexts::number(session, &label))
    }

    /// What the test of the running frame is called.
    fn label(self, py: Python<'_>) -> Option<String> {
        match self {
            Self::PytestTest => node_id(py),
            Self::PytestPhase => {
                let phase = match text(&ffi::current_local(py, c"when")?)?.as_str() {
                    "call" => "run".to_owned(),
                    phase => phase.to_owned(),
                };
                Some(format!("{}|{phase}", node_id(py)?))
            }
            Self::UnittestTest => unittest_id(&ffi::current_local(py, c"self")?),
            Self::UnittestFixture => unittest_id(&ffi::current_local(py, c"test")?),
            Self::DoctestTest => attribute(&ffi::current_local(py, c"test")?, c"name"),
            Self::Function => function_label(py),
            Self::FixtureSetUp
            | Self::FixtureUse
            | Self::UnittestTearDown
            | Self::PytestReport
            | Self::UnittestFailure
            | Self::VariableRead
            | Self::ProcessStart => None,
        }
    }
}

/// The node id of pytest's `item`: a text up to 9.1, from 9.2 on an object that may keep the text it stands for
/// (`_pytest/nodes.py`, `_pytest/nodeid.py`). What a later pytest makes of it, it must say itself.
fn node_id(py: Python<'_>) -> Option<String> {
    let item = ffi::current_local(py, c"item")?;
    if let Some(text) = attribute(&item, c"_nodeid") {
        return Some(text);
    }
    if let Some(id) = ffi::plain_attribute(&item, c"_id")
        && let Some(text) = attribute(&id, c"_str_cache").or_else(|| composed_node_id(&id))
    {
        return Some(text);
    }
    match item.getattr(intern!(py, "nodeid")) {
        Ok(said) => text(&said),
        Err(error) => {
            ffi::discard(error, py);
            None
        }
    }
}

/// What a `NodeId` of pytest 9.2 stands for.
fn composed_node_id(id: &Bound<'_, PyAny>) -> Option<String> {
    let mut composed = attribute(id, c"path")?;
    for name in ffi::plain_attribute(id, c"names")?.cast_into::<PyTuple>().ok()? {
        composed.push_str("::");
        composed.push_str(&text(&name)?);
    }
    if let Some(params) = attribute(id, c"params") {
        composed.extend(["[", &params, "]"]);
    }
    Some(composed)
}

/// What `TestCase.id()` says of a test, and what its subclasses of the standard library say.
fn unittest_id(test: &Bound<'_, PyAny>) -> Option<String> {
    if let Some(doctest) = ffi::plain_attribute(test, c"_dt_test") {
        return attribute(&doctest, c"name");
    }
    if let Some(function) = ffi::plain_attribute(test, c"_FunctionTestCase__testFunc") {
        return attribute(&function, c"__name__");
    }
    let class = test.get_type();
    Some(format!("{}.{}", dotted_name(&class)?, attribute(test, c"_testMethodName")?))
}

fn dotted_name(class: &Bound<'_, PyType>) -> Option<String> {
    Some(format!("{}.{}", class.module().ok()?.to_string_lossy(), class.qualname().ok()?.to_string_lossy()))
}

/// A text among the attributes of an object.
fn attribute(object: &Bound<'_, PyAny>, name: &CStr) -> Option<String> {
    text(&ffi::plain_attribute(object, name)?)
}

/// A Python text; lone surrogates, which no data file can hold, become U+FFFD.
fn text(object: &Bound<'_, PyAny>) -> Option<String> {
    Some(object.cast::<PyString>().ok()?.to_string_lossy().into_owned())
}

/// What coverage.py 7.17.3 (`context.py`, `qualname_from_frame`) calls the function of the running frame.
fn function_label(py: Python<'_>) -> Option<String> {
    let code = ffi::current_code(py)?;
    let name = text(&code.getattr(intern!(py, "co_name")).ok()?)?;
    let arguments = code.getattr(intern!(py, "co_argcount")).ok()?.extract::<u32>().ok()?;
    let variables = code.getattr(intern!(py, "co_varnames")).ok()?.cast_into::<PyTuple>().ok()?;
    let is_method = arguments > 0 && variables.get_item(0).ok().and_then(|first| text(&first))? == "self";
    let owner = if is_method || arguments > 0 { ffi::current_local(py, c"self") } else { None };
    let method = owner.filter(|_| is_method).and_then(|owner| {
        let method = ffi::plain_attribute_named(&owner, &name)?;
        (!method.is_none()).then_some((owner, method))
    });
    if let Some((owner, method)) = method {
        let Some(function) = ffi::plain_attribute(&method, c"__func__") else {
            let class = owner.get_type();
            return Some(format!(
                "{}.{}.{name}",
                class.module().ok()?.to_string_lossy(),
                class.name().ok()?.to_string_lossy()
            ));
        };
        let module = attribute(&function, c"__module__")?;
        return Some(format!("{module}.{}", attribute(&function, c"__qualname__")?));
    }
    let globals = ffi::current_globals(py)?.cast_into::<PyDict>().ok()?;
    if let Some(function) = globals.get_item(&name).ok().flatten().filter(|function| !function.is_none()) {
        return Some(format!("{}.{name}", attribute(&function, c"__module__")?));
    }
    let flags = code.getattr(intern!(py, "co_flags")).ok()?.extract::<u32>().ok()?;
    let qualified = text(&code.getattr(intern!(py, "co_qualname")).ok()?)?;
    if flags & OPTIMIZED == 0 || qualified.contains("<locals>") {
        return None;
    }
    let module = globals.get_item(intern!(py, "__name__")).ok().flatten();
    let module = module.and_then(|module| text(&module)).unwrap_or_else(|| "None".to_owned());
    Some(format!("{module}.{qualified}"))
}
