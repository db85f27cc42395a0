//! The core for CPython 3.12 and newer: `sys.monitoring`, whose events turn themselves off one by one.
//!
//! A global PY_START tells of each code object once. Where it is measured, LINE is turned on for that code object alone,
//! and with branches those of branches, returns and jumps; each is turned off at its first hit, or when nothing more can be
//! learned from it. So what has been seen costs nothing.
#![expect(unsafe_code, reason = "tracer callbacks are raw C functions")]

use std::ffi::CStr;
use std::ptr;
use std::sync::OnceLock;

use pyo3::Borrowed;
use pyo3::exceptions::PyValueError;
use pyo3::ffi as raw;
use pyo3::prelude::*;

use super::TraceError;
use super::branches::Outlook;
use super::code::{CodeState, reserve_slot, state_of};
use super::decisions::Observed;
use super::session::{Session, active, guard, prepare_for_errors};
use crate::model::Edge;
use crate::python::ffi;

/// The raw function that CPython calls for an event, round a handler.
macro_rules! callback {
    ($handle:ident) => {{
        unsafe extern "C" fn raw_callback(
            _module: *mut raw::PyObject,
            arguments: *mut *mut raw::PyObject,
            given: raw::Py_ssize_t,
        ) -> *mut raw::PyObject {
            // SAFETY: these are this function's own arguments, and CPython calls it attached.
            unsafe { respond(arguments, given, $handle) }
        }
        raw_callback
    }};
}

/// Ids nobody has named (CPython 3.12 `Lib/test/test_monitoring.py`): a debugger (0), coverage.py (1), a profiler (2) or an
/// optimiser (5) that the program uses finds its own free.
const TOOL_IDS: [u8; 2] = [3, 4];
const TOOL_NAME: &str = "minicov";

/// The events, by their names in `sys.monitoring.events`, and who takes them.
type Callback = (&'static str, &'static CStr, raw::PyCFunctionFast);

const START: Callback = ("PY_START", c"minicov_py_start", callback!(py_start));
const LINE: Callback = ("LINE", c"minicov_line", callback!(line));
/// What tells of branches where each side of one has an event of its own (3.14).
const SIDES: [Callback; 2] = [
    ("BRANCH_LEFT", c"minicov_branch_left", callback!(branch_side)),
    ("BRANCH_RIGHT", c"minicov_branch_right", callback!(branch_side)),
];
/// What tells of branches where both sides share one (3.12, 3.13).
const BOTH_SIDES: [Callback; 1] = [("BRANCH", c"minicov_branch", callback!(branch))];
/// What tells of functions left, and that the rest of a branch's line went well.
const ENDS_OF_LINES: [Callback; 2] =
    [("PY_RETURN", c"minicov_py_return", callback!(py_return)), ("JUMP", c"minicov_jump", callback!(jump))];

static TOOL: OnceLock<Tool> = OnceLock::new();

/// What the callbacks need of `sys.monitoring`.
struct Tool {
    id: u8,
    disable: Py<PyAny>,
    set_local_events: Py<PyAny>,
    /// The events that are turned on in measured code.
    local_events: u32,
}

pub(super) fn install(py: Python<'_>, branches: bool) -> Result<(), TraceError> {
    reserve_slot(py)?;
    prepare_for_errors(py);
    let monitoring = py.import("sys")?.getattr("monitoring")?;
    let id = TOOL_IDS
        .into_iter()
        .find(|id| monitoring.call_method1("use_tool_id", (*id, TOOL_NAME)).is_ok())
        .ok_or(TraceError::NoToolId)?;
    let events = monitoring.getattr("events")?;
    let mut local = vec![LINE];
    if branches {
        // Which of the two it is, the interpreter says itself: 3.14 has an event for each side.
        let sides_apart = events.hasattr("BRANCH_LEFT")?;
        local.extend_from_slice(if sides_apart { &SIDES } else { &BOTH_SIDES });
        local.extend_from_slice(&ENDS_OF_LINES);
    }
    let mut local_events = 0;
    for (name, function_name, function) in local.into_iter().chain([START]) {
        let event: u32 = events.getattr(name)?.extract()?;
        monitoring.call_method1("register_callback", (id, event, fastcall(py, function_name, function)?))?;
        if name != START.0 {
            local_events |= event;
        }
    }
    let tool = Tool {
        id,
        disable: monitoring.getattr("DISABLE")?.unbind(),
        set_local_events: monitoring.getattr("set_local_events")?.unbind(),
        local_events,
    };
    let _ = TOOL.set(tool);
    monitoring.call_method1("set_events", (id, events.getattr(START.0)?))?;
    Ok(())
}

/// A Python callable round a raw function. Its definition lives as long as the process.
fn fastcall<'py>(
    py: Python<'py>,
    name: &'static CStr,
    function: raw::PyCFunctionFast,
) -> PyResult<Bound<'py, PyAny>> {
    let definition = Box::leak(Box::new(raw::PyMethodDef {
        ml_name: name.as_ptr(),
        ml_meth: raw::PyMethodDefPointer { PyCFunctionFast: function },
        ml_flags: raw::METH_FASTCALL,
        ml_doc: ptr::null(),
    }));
    // SAFETY: attached; the definition is complete and never freed.
    let callable = unsafe { raw::PyCFunction_NewEx(definition, ptr::null_mut(), ptr::null_mut()) };
    // SAFETY: a new reference, or null with an exception set.
    unsafe { Bound::from_owned_ptr_or_err(py, callable) }
}

/// What becomes of an event at the place where it happened.
enum Answer {
    /// Nothing more can be learned there: the event is turned off.
    Disable,
    /// The event stays on.
    Keep,
}

/// An event as a callback is told of it.
struct Event<'a, 'py> {
    code: &'a Bound<'py, PyAny>,
    /// What follows the code object: offsets or a line number.
    numbers: &'a [Borrowed<'a, 'py, PyAny>],
}

impl Event<'_, '_> {
    /// Fails where the program itself calls our callback, with arguments of its own.
    fn number(&self, index: usize) -> PyResult<u32> {
        self.numbers.get(index).ok_or_else(|| PyValueError::new_err("an argument is missing"))?.extract()
    }

    fn edge(&self) -> PyResult<Edge> {
        Ok(Edge { from: self.number(0)?, to: self.number(1)? })
    }
}

/// Hands an event to `handle`.
///
/// # Safety
/// To be called from a METH_FASTCALL function, attached, with its own arguments.
unsafe fn respond(
    arguments: *mut *mut raw::PyObject,
    given: raw::Py_ssize_t,
    handle: fn(&Tool, &Session, &Event) -> PyResult<Answer>,
) -> *mut raw::PyObject {
    // SAFETY: the caller vouches for it.
    let py = unsafe { Python::assume_attached() };
    let Some(tool) = TOOL.get() else { return py.None().into_ptr() };
    if given == 0 {
        return py.None().into_ptr();
    }
    let answer = match active() {
        None => Answer::Disable,
        Some(session) => guard(py, session, [Answer::Keep, Answer::Disable], || {
            // SAFETY: a METH_FASTCALL function gets `given` valid references, which outlive the call; a borrowed
            // reference is a pointer.
            let arguments = unsafe {
                std::slice::from_raw_parts::<Borrowed<'_, '_, PyAny>>(arguments.cast(), given.unsigned_abs())
            };
            match arguments {
                [code, numbers @ ..] => handle(tool, session, &Event { code, numbers }),
                [] => Ok(Answer::Disable),
            }
        }),
    };
    match answer {
        Answer::Disable => tool.disable.clone_ref(py).into_ptr(),
        Answer::Keep => py.None().into_ptr(),
    }
}

/// PY_START(code, offset): a code object runs for the first time.
fn py_start(tool: &Tool, session: &Session, event: &Event) -> PyResult<Answer> {
    if state_of(session, event.code)?.is_some() {
        let py = event.code.py();
        tool.set_local_events.bind(py).call1((tool.id, event.code, tool.local_events))?;
    }
    Ok(Answer::Disable)
}

/// LINE(code, line number): a line is about to run.
fn line(_tool: &Tool, session: &Session, event: &Event) -> PyResult<Answer> {
    if let Some(state) = state_of(session, event.code)?
        && let Ok(line) = event.number(0)
    {
        session.record_line(state, line);
        if state.certain_raise == Some(line) {
            session.record_exit(state, line);
        }
        if let Some(branches) = state.branches.get().filter(|branches| branches.asks_for_place(line))
            && let Some(offset) = ffi::current_offset(event.code.py())
        {
            branches.record_landing(session, offset);
        }
    }
    Ok(Answer::Disable)
}

/// Tells the decisions of a code object of an edge. None where nothing watches it.
fn observe(session: &Session, state: &CodeState, event: &Event, edge: Edge) -> PyResult<Option<Observed>> {
    let Some(watch) = session.decisions_of(state, event.code)? else { return Ok(None) };
    let frame = ffi::current_frame(event.code.py());
    Ok(frame.and_then(|frame| watch.observe(session, edge, frame)))
}

/// BRANCH_LEFT or BRANCH_RIGHT(code, offset, destination): one side of a branch was taken.
fn branch_side(_tool: &Tool, session: &Session, event: &Event) -> PyResult<Answer> {
    if let Some(state) = state_of(session, event.code)?
        && let Some(branches) = session.branches_of(state, event.code)?
    {
        let edge = event.edge()?;
        if let Some(observed) = observe(session, state, event, edge)? {
            if observed.is_first {
                branches.record(session, edge);
            }
            return Ok(if observed.is_open { Answer::Keep } else { Answer::Disable });
        }
        branches.record(session, edge);
    }
    Ok(Answer::Disable)
}

/// BRANCH(code, offset, destination): either side of a branch was taken. Turning the event off turns it off for both.
fn branch(_tool: &Tool, session: &Session, event: &Event) -> PyResult<Answer> {
    let Some(state) = state_of(session, event.code)? else { return Ok(Answer::Disable) };
    let edge = event.edge()?;
    if let Some(observed) = observe(session, state, event, edge)? {
        if observed.is_first
            && let Some(branches) = session.branches_of(state, event.code)?
        {
            branches.record(session, edge);
        }
        let has_both = || state.decisions.get().and_then(|watch| watch.as_deref()).is_none_or(|watch| watch.has_both(edge));
        return Ok(if observed.is_open || !has_both() { Answer::Keep } else { Answer::Disable });
    }
    if state.branches.get().is_some_and(|branches| branches.is_known(edge)) {
        return Ok(Answer::Keep);
    }
    Ok(match session.branches_of(state, event.code)?.map(|branches| branches.record(session, edge)) {
        Some(Outlook::Open) => Answer::Keep,
        Some(Outlook::Settled) | None => Answer::Disable,
    })
}

/// PY_RETURN(code, offset, value): a code object is left with a value.
fn py_return(_tool: &Tool, session: &Session, event: &Event) -> PyResult<Answer> {
    let Some(state) = state_of(session, event.code)? else { return Ok(Answer::Disable) };
    if let Some(line) = ffi::line_at(event.code, event.number(0)?) {
        session.record_exit(state, line);
    }
    Ok(Answer::Disable)
}

/// JUMP(code, offset, destination): an unconditional jump.
fn jump(_tool: &Tool, session: &Session, event: &Event) -> PyResult<Answer> {
    if let Some(branches) = state_of(session, event.code)?.and_then(|state| state.branches.get()) {
        branches.record_jump(session, event.edge()?);
    }
    Ok(Answer::Disable)
}
