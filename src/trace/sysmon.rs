//! The core for CPython 3.12 and newer: `sys.monitoring`, whose events turn themselves off one by one.
//!
//! A global PY_START tells of each code object once. Where it is measured, LINE is turned on for that code object alone,
//! and with branches those of branches, returns and jumps; each is turned off at its first hit, or when nothing more can be
//! learned from it. So what has been seen costs nothing. All of it belongs to one interpreter: further ones get the same when
//! they are made.
#![expect(unsafe_code, reason = "tracer callbacks are raw C functions")]

use std::collections::BTreeSet;
use std::ffi::CStr;
use std::ptr;
use std::sync::{Mutex, OnceLock, PoisonError};

use pyo3::Borrowed;
use pyo3::exceptions::PyValueError;
use pyo3::ffi as raw;
use pyo3::prelude::*;

use super::branches::{BranchState, Outlook};
use super::code::{self, CodeState, reserve_slot, state_of};
use super::decisions::Observed;
use super::session::{Session, active, guard, prepare_for_errors};
use super::test_frames::TestFrame;
use super::{SIDES_HAVE_EVENTS, TraceError, contexts, forks, interpreters};
use crate::model::{BranchDetail, DynamicContexts, Edge};
use crate::python::ffi::{self, Interpreter};

/// The raw function that CPython calls for an event, round a handler.
macro_rules! callback {
    ($handle:ident) => {{
        unsafe extern "C" fn raw_callback(
            own: *mut raw::PyObject,
            arguments: *mut *mut raw::PyObject,
            given: raw::Py_ssize_t,
        ) -> *mut raw::PyObject {
            // SAFETY: these are this function's own arguments, and CPython calls it attached.
            unsafe { respond(own, arguments, given, $handle) }
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
/// The same for the core `settrace`, which sees lines itself.
const TOLD_SIDES: [Callback; 2] = [
    ("BRANCH_LEFT", c"minicov_told_left", callback!(told_side)),
    ("BRANCH_RIGHT", c"minicov_told_right", callback!(told_side)),
];
const TOLD_BOTH_SIDES: [Callback; 1] = [("BRANCH", c"minicov_told", callback!(told_side))];
const TOLD_START: Callback = ("PY_START", c"minicov_told_start", callback!(told_start));
/// What tells of functions left, and that the rest of a branch's line went well.
const ENDS_OF_LINES: [Callback; 2] =
    [("PY_RETURN", c"minicov_py_return", callback!(py_return)), ("JUMP", c"minicov_jump", callback!(jump))];

/// What tells that the frame of a test is left: with a value, or for a while, and that it goes on.
const PAUSES: [Callback; 2] = [
    ("PY_YIELD", c"minicov_py_yield", callback!(py_yield)),
    ("PY_RESUME", c"minicov_py_resume", callback!(py_resume)),
];
/// What tells that a frame is left by an exception. It cannot be had for one code object (CPython 3.12–3.14), nor be turned
/// off where it happens.
const UNWIND: Callback = ("PY_UNWIND", c"minicov_py_unwind", unwind_callback);

/// What tells that an instruction was reached, in code where that is a question.
const INSTRUCTION: Callback = ("INSTRUCTION", c"minicov_instruction", callback!(instruction));

/// What the callbacks of the main interpreter need, and `sys.monitoring.DISABLE`, which all interpreters share.
static MAIN: OnceLock<(Tool, Py<PyAny>)> = OnceLock::new();

/// Other interpreters that are measured.
static OTHERS: Mutex<BTreeSet<Interpreter>> = Mutex::new(BTreeSet::new());

/// The name of a capsule round a [`Tool`].
const CAPSULE: &CStr = c"minicov";

/// What the callbacks need of `sys.monitoring`.
struct Tool {
    id: u8,
    /// The events that are turned on in measured code.
    local_events: u32,
    /// The event for each instruction.
    instructions: u32,
    /// The events that are turned on in code whose calls are tests.
    ends: u32,
    /// The same, where a call may pause.
    pauses: u32,
    /// `sys.monitoring.set_local_events`; looked up each time where `None`, because objects of one interpreter must not be
    /// held for another.
    set_local_events: Option<Py<PyAny>>,
}

pub(super) fn install(
    py: Python<'_>,
    branches: Option<BranchDetail>,
    dynamic: DynamicContexts,
) -> Result<(), TraceError> {
    prepare_for_errors(py);
    reserve_slot(py)?;
    hook_main(py, dynamic, |events| local_callbacks(events, branches), all_callbacks)?;
    interpreters::watch(|py| {
        let interpreter = Interpreter::current(py);
        if !interpreter.is_main()
            && let Some(session) = active()
        {
            join(py, interpreter, session.branches, session.dynamic);
        }
    });
    Ok(())
}

/// Has the branches of the main interpreter tell of their sides and of evaluations, for a core that sees lines itself and has
/// reserved the slot of code objects.
pub(super) fn install_sides(py: Python<'_>) -> Result<(), TraceError> {
    let local = |events: &Bound<'_, PyAny>| {
        Ok(if events.hasattr("BRANCH_LEFT")? { TOLD_SIDES.to_vec() } else { TOLD_BOTH_SIDES.to_vec() })
    };
    hook_main(py, DynamicContexts::None, local, |mut local| {
        local.push(TOLD_START);
        local
    })
}

/// Takes the main interpreter's events.
fn hook_main(
    py: Python<'_>,
    dynamic: DynamicContexts,
    local: impl FnOnce(&Bound<'_, PyAny>) -> PyResult<Vec<Callback>>,
    all: fn(Vec<Callback>) -> Vec<Callback>,
) -> Result<(), TraceError> {
    let monitoring = py.import("sys")?.getattr("monitoring")?;
    let local = local(&monitoring.getattr("events")?)?;
    let tool = take_tool(&monitoring, &local)?;
    let id = tool.id;
    let tool = Tool { set_local_events: Some(monitoring.getattr("set_local_events")?.unbind()), ..tool };
    let _ = MAIN.set((tool, monitoring.getattr("DISABLE")?.unbind()));
    turn_on(&monitoring, id, all(local), dynamic, None)
}

/// Measures a further interpreter, unless that is done already. Fails in silence: then it runs unmeasured.
fn join(py: Python<'_>, interpreter: Interpreter, branches: Option<BranchDetail>, dynamic: DynamicContexts) {
    let is_new = {
        let _pass = forks::pass();
        OTHERS.lock().unwrap_or_else(PoisonError::into_inner).insert(interpreter)
    };
    if !is_new {
        return;
    }
    let Some(monitoring) = ffi::sys_attribute(py, c"monitoring") else { return forget(interpreter) };
    match hook_other(&monitoring, branches, dynamic) {
        Ok(()) => (),
        Err(TraceError::Python(error)) => {
            ffi::discard(error, py);
            forget(interpreter);
        }
        Err(_) => forget(interpreter),
    }
}

fn hook_other(
    monitoring: &Bound<'_, PyAny>,
    branches: Option<BranchDetail>,
    dynamic: DynamicContexts,
) -> Result<(), TraceError> {
    let local = local_callbacks(&monitoring.getattr("events")?, branches)?;
    let tool = take_tool(monitoring, &local)?;
    reserve_slot(monitoring.py())?;
    turn_on(monitoring, tool.id, all_callbacks(local), dynamic, Some(&capsule(monitoring.py(), tool)?))
}

fn forget(interpreter: Interpreter) {
    let _pass = forks::pass();
    OTHERS.lock().unwrap_or_else(PoisonError::into_inner).remove(&interpreter);
}

/// A Python object that owns a tool.
fn capsule(py: Python<'_>, tool: Tool) -> PyResult<Bound<'_, PyAny>> {
    unsafe extern "C" fn drop_tool(capsule: *mut raw::PyObject) {
        // SAFETY: the destructor gets the capsule that dies, which has this name.
        let tool = unsafe { raw::PyCapsule_GetPointer(capsule, CAPSULE.as_ptr()) };
        // SAFETY: a tool was put into it by `Box::into_raw`, and a capsule dies once.
        drop(unsafe { Box::from_raw(tool.cast::<Tool>()) });
    }
    let pointer = Box::into_raw(Box::new(tool));
    // SAFETY: attached; the pointer is what the destructor expects.
    let capsule = unsafe { raw::PyCapsule_New(pointer.cast(), CAPSULE.as_ptr(), Some(drop_tool)) };
    if capsule.is_null() {
        // SAFETY: no capsule took the pointer.
        drop(unsafe { Box::from_raw(pointer) });
    }
    // SAFETY: a new reference, or null with an exception set.
    unsafe { Bound::from_owned_ptr_or_err(py, capsule) }
}

/// The events of measured code.
fn local_callbacks(events: &Bound<'_, PyAny>, branches: Option<BranchDetail>) -> PyResult<Vec<Callback>> {
    let mut local = vec![LINE];
    if branches.is_some() {
        // Which of the two it is, the interpreter says itself: 3.14 has an event for each side.
        let sides_apart = events.hasattr("BRANCH_LEFT")?;
        local.extend_from_slice(if sides_apart { &SIDES } else { &BOTH_SIDES });
        local.extend_from_slice(&ENDS_OF_LINES);
    }
    Ok(local)
}

/// All events that this core takes, with those of measured code.
fn all_callbacks(mut local: Vec<Callback>) -> Vec<Callback> {
    local.extend([START, INSTRUCTION, UNWIND, ENDS_OF_LINES[0]]);
    local.extend(PAUSES);
    local
}

/// Takes an id in the running interpreter, and names the events to be turned on in measured code.
fn take_tool(monitoring: &Bound<'_, PyAny>, callbacks: &[Callback]) -> Result<Tool, TraceError> {
    let py = monitoring.py();
    let events = monitoring.getattr("events")?;
    let mut local_events = 0;
    for (name, ..) in callbacks {
        local_events |= events.getattr(name)?.extract::<u32>()?;
    }
    let event = |name: &str| events.getattr(name)?.extract::<u32>();
    let instructions = event(INSTRUCTION.0)?;
    let ends = event(ENDS_OF_LINES[0].0)?;
    let pauses = PAUSES.iter().try_fold(ends, |all, (name, ..)| PyResult::Ok(all | event(name)?))?;
    for id in TOOL_IDS {
        match monitoring.call_method1("use_tool_id", (id, TOOL_NAME)) {
            Ok(_) => {
                return Ok(Tool { id, local_events, instructions, ends, pauses, set_local_events: None });
            }
            Err(error) => ffi::discard(error, py),
        }
    }
    Err(TraceError::NoToolId)
}

/// Registers the callbacks and turns on the event that is not local. `own` is what callbacks are told besides an event.
fn turn_on(
    monitoring: &Bound<'_, PyAny>,
    id: u8,
    callbacks: Vec<Callback>,
    dynamic: DynamicContexts,
    own: Option<&Bound<'_, PyAny>>,
) -> Result<(), TraceError> {
    let events = monitoring.getattr("events")?;
    for (name, function_name, function) in callbacks {
        let callback = fastcall(monitoring.py(), function_name, function, own)?;
        monitoring.call_method1("register_callback", (id, events.getattr(name)?, callback))?;
    }
    let mut everywhere = events.getattr(START.0)?.extract::<u32>()?;
    if dynamic == DynamicContexts::TestFunctions {
        // A test that fails ends by an exception.
        everywhere |= events.getattr(UNWIND.0)?.extract::<u32>()?;
    }
    monitoring.call_method1("set_events", (id, everywhere))?;
    Ok(())
}

/// A Python callable round a raw function. Its definition lives as long as the process.
fn fastcall<'py>(
    py: Python<'py>,
    name: &'static CStr,
    function: raw::PyCFunctionFast,
    own: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let definition = Box::leak(Box::new(raw::PyMethodDef {
        ml_name: name.as_ptr(),
        ml_meth: raw::PyMethodDefPointer { PyCFunctionFast: function },
        ml_flags: raw::METH_FASTCALL,
        ml_doc: ptr::null(),
    }));
    let own = own.map_or(ptr::null_mut(), Bound::as_ptr);
    // SAFETY: attached; the definition is complete and never freed; the function keeps `own` alive.
    let callable = unsafe { raw::PyCFunction_NewEx(definition, own, ptr::null_mut()) };
    // SAFETY: a new reference, or null with an exception set.
    unsafe { Bound::from_owned_ptr_or_err(py, callable) }
}

/// The callback of [`UNWIND`], whose answer must never be that the event be turned off.
unsafe extern "C" fn unwind_callback(
    own: *mut raw::PyObject,
    arguments: *mut *mut raw::PyObject,
    given: raw::Py_ssize_t,
) -> *mut raw::PyObject {
    // SAFETY: these are this function's own arguments, and CPython calls it attached.
    let answer = unsafe { respond(own, arguments, given, py_unwind) };
    // SAFETY: a new reference.
    unsafe { raw::Py_DECREF(answer) };
    // SAFETY: attached.
    unsafe { Python::assume_attached() }.None().into_ptr()
}

/// What becomes of an event at the place where it happened.
enum Answer {
    /// Nothing more can be learned there: the event is turned off.
    Disable,
    /// The event stays on.
    Keep,
}

impl From<Outlook> for Answer {
    fn from(outlook: Outlook) -> Self {
        match outlook {
            Outlook::Open => Self::Keep,
            Outlook::Settled => Self::Disable,
        }
    }
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
/// To be called from a METH_FASTCALL function made by [`fastcall`], attached, with its own arguments.
unsafe fn respond(
    own: *mut raw::PyObject,
    arguments: *mut *mut raw::PyObject,
    given: raw::Py_ssize_t,
    handle: fn(&Tool, &Session, &Event) -> PyResult<Answer>,
) -> *mut raw::PyObject {
    // SAFETY: the caller vouches for it.
    let py = unsafe { Python::assume_attached() };
    let Some((main, disable)) = MAIN.get() else { return py.None().into_ptr() };
    if given == 0 {
        return py.None().into_ptr();
    }
    let tool = if own.is_null() {
        main
    } else {
        // SAFETY: `own` is a capsule of this name.
        let tool = unsafe { raw::PyCapsule_GetPointer(own, CAPSULE.as_ptr()) };
        // SAFETY: a tool is in it, which lives as long as the capsule, which the called function keeps alive.
        unsafe { &*tool.cast::<Tool>() }
    };
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
        Answer::Disable if !must_stay_on(own) => disable.clone_ref(py).into_ptr(),
        Answer::Disable | Answer::Keep => py.None().into_ptr(),
    }
}

/// Whether no event may be turned off now: threads have different contexts, or the interpreter is one whose events are not
/// turned on again.
fn must_stay_on(own: *mut raw::PyObject) -> bool {
    contexts::are_tracked() && (contexts::are_mixed() || !own.is_null())
}

/// Turns on again whatever was turned off in this interpreter.
pub(super) fn restart(py: Python<'_>) -> PyResult<()> {
    if let Some(monitoring) = ffi::sys_attribute(py, c"monitoring") {
        monitoring.call_method0("restart_events")?;
    }
    Ok(())
}

/// Turns the events of a code object of the main interpreter on again, which turning them off and on does (CPython
/// 3.12–3.15, `Python/instrumentation.c`, `_PyMonitoring_SetLocalEvents`).
pub(super) fn turn_on_again(code: &Bound<'_, PyAny>, state: &CodeState) {
    let Some((tool, _)) = MAIN.get() else { return };
    let mut again = tool.events_in(Some(state), state.test_frame);
    match state.loses_first_line(code) {
        Ok(true) => again |= tool.instructions,
        Ok(false) => (),
        Err(error) => ffi::discard(error, code.py()),
    }
    for events in [0, again] {
        if let Err(error) = tool.watch(code, events) {
            ffi::discard(error, code.py());
        }
    }
}

impl Tool {
    /// Turns events on in a code object. Tells whether it could be asked for at all.
    fn watch(&self, code: &Bound<'_, PyAny>, events: u32) -> PyResult<bool> {
        let arguments = (self.id, code, events);
        match &self.set_local_events {
            Some(set_local_events) => set_local_events.bind(code.py()).call1(arguments)?,
            None => match ffi::sys_attribute(code.py(), c"monitoring") {
                Some(monitoring) => monitoring.call_method1("set_local_events", arguments)?,
                None => return Ok(false),
            },
        };
        Ok(true)
    }

    /// The events that are turned on in a code object.
    fn events_in(&self, state: Option<&CodeState>, test_frame: Option<TestFrame>) -> u32 {
        let mut events = 0;
        if let Some(state) = state {
            events |= self.local_events;
            if state.branches.get().is_some_and(BranchState::asks_for_instructions) {
                events |= self.instructions;
            }
        }
        if let Some(test_frame) = test_frame {
            events |= if test_frame.may_pause() { self.pauses } else { self.ends };
        }
        events
    }
}

/// PY_START(code, offset): a code object runs for the first time; where its calls are tests, each time.
fn py_start(tool: &Tool, session: &Session, event: &Event) -> PyResult<Answer> {
    let state = state_of(session, event.code)?;
    let test_frame = test_frame_of(session, event);
    if (state.is_some() || test_frame.is_some())
        && !tool.watch(event.code, tool.events_in(state, test_frame))?
    {
        return Ok(Answer::Keep);
    }
    match test_frame {
        Some(test_frame) => {
            test_frame.begin(event.code.py(), session);
            Ok(Answer::Keep)
        }
        None => Ok(Answer::Disable),
    }
}

/// PY_START(code, offset), where another core sees lines.
fn told_start(tool: &Tool, session: &Session, event: &Event) -> PyResult<Answer> {
    if state_of(session, event.code)?.is_some() {
        tool.watch(event.code, tool.local_events)?;
    }
    Ok(Answer::Disable)
}

/// What the call that an event belongs to is to those who recognise tests.
fn test_frame_of(session: &Session, event: &Event) -> Option<TestFrame> {
    if session.dynamic == DynamicContexts::None { None } else { code::test_frame_of(event.code) }
}

/// PY_YIELD(code, offset, value): a frame is left for a while.
#[expect(clippy::unnecessary_wraps, reason = "handlers are of one type")]
fn py_yield(_tool: &Tool, session: &Session, event: &Event) -> PyResult<Answer> {
    TestFrame::end(event.code.py(), session);
    Ok(Answer::Keep)
}

/// PY_RESUME(code, offset): a frame goes on.
#[expect(clippy::unnecessary_wraps, reason = "handlers are of one type")]
fn py_resume(_tool: &Tool, session: &Session, event: &Event) -> PyResult<Answer> {
    if let Some(test_frame) = test_frame_of(session, event) {
        test_frame.begin(event.code.py(), session);
    }
    Ok(Answer::Keep)
}

/// PY_UNWIND(code, offset, exception): a frame is left by an exception.
#[expect(clippy::unnecessary_wraps, reason = "handlers are of one type")]
fn py_unwind(_tool: &Tool, session: &Session, event: &Event) -> PyResult<Answer> {
    if test_frame_of(session, event).is_some() {
        TestFrame::end(event.code.py(), session);
    }
    Ok(Answer::Keep)
}

/// LINE(code, line number): a line is about to run.
fn line(_tool: &Tool, session: &Session, event: &Event) -> PyResult<Answer> {
    if let Some(state) = state_of(session, event.code)?
        && let Ok(line) = event.number(0)
    {
        session.record_line(state, line);
        if let Some(branches) = state.branches.get().filter(|branches| branches.asks_for_place(line))
            && let Some(offset) = ffi::current_offset(event.code.py())
        {
            return Ok(branches.record_place(session, offset).into());
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
        if let Some(side) = branches.edge_of_side(edge)
            && let Some(observed) = observe(session, state, event, side)?
        {
            let outlook =
                if observed.is_first { branches.record_side(session, edge) } else { branches.jumped(edge) };
            return Ok(if observed.is_open { Answer::Keep } else { outlook.into() });
        }
        return Ok(branches.record_side(session, edge).into());
    }
    Ok(Answer::Disable)
}

/// BRANCH(code, offset, destination): either side of a branch was taken. Turning the event off turns it off for both.
fn branch(_tool: &Tool, session: &Session, event: &Event) -> PyResult<Answer> {
    let Some(state) = state_of(session, event.code)? else { return Ok(Answer::Disable) };
    let Some(branches) = session.branches_of(state, event.code)? else { return Ok(Answer::Disable) };
    let edge = event.edge()?;
    if let Some(observed) = observe(session, state, event, edge)? {
        let outlook =
            if observed.is_first { branches.record(session, edge) } else { branches.branched(edge) };
        return Ok(if observed.is_open || !observed.has_both { Answer::Keep } else { outlook.into() });
    }
    Ok(branches.record(session, edge).into())
}

/// BRANCH, BRANCH_LEFT or BRANCH_RIGHT(code, offset, destination), where another core sees lines.
fn told_side(_tool: &Tool, session: &Session, event: &Event) -> PyResult<Answer> {
    let Some(state) = state_of(session, event.code)? else { return Ok(Answer::Disable) };
    let Some(sides) = session.sides_of(state, event.code)? else { return Ok(Answer::Disable) };
    let told = event.edge()?;
    let Some((Some(line), from)) = state.flow(event.code)?.branch_of_event(told.from) else {
        return Ok(Answer::Disable);
    };
    let edge = Edge { from, ..told };
    let has_both = sides.record(session, line, edge);
    let is_open = observe(session, state, event, edge)?.is_some_and(|observed| observed.is_open);
    let is_settled = !is_open && (has_both || SIDES_HAVE_EVENTS);
    Ok(if is_settled { Answer::Disable } else { Answer::Keep })
}

/// PY_RETURN(code, offset, value): a code object is left with a value.
fn py_return(_tool: &Tool, session: &Session, event: &Event) -> PyResult<Answer> {
    if let Some(state) = state_of(session, event.code)?
        && session.branches.is_some()
    {
        let offset = event.number(0)?;
        let unlined = || state.branches.get()?.line_of_return(offset);
        if let Some(line) = ffi::line_at(event.code, offset).or_else(unlined) {
            session.record_exit(state, line);
        }
    }
    match test_frame_of(session, event) {
        Some(_) => {
            TestFrame::end(event.code.py(), session);
            Ok(Answer::Keep)
        }
        None => Ok(Answer::Disable),
    }
}

/// JUMP(code, offset, destination): an unconditional jump.
fn jump(_tool: &Tool, session: &Session, event: &Event) -> PyResult<Answer> {
    if let Some(state) = state_of(session, event.code)?
        && let Some(branches) = session.branches_of(state, event.code)?
    {
        return Ok(branches.record_jump(session, event.edge()?).into());
    }
    Ok(Answer::Disable)
}

/// INSTRUCTION(code, offset): an instruction is about to run.
fn instruction(_tool: &Tool, session: &Session, event: &Event) -> PyResult<Answer> {
    let Some(state) = state_of(session, event.code)? else { return Ok(Answer::Disable) };
    let offset = event.number(0)?;
    if state.has_lines_by_instructions()
        && let Some(line) = ffi::line_at(event.code, offset)
    {
        session.record_line(state, line);
    }
    if let Some(branches) = state.branches.get() {
        branches.record_instruction(session, offset);
    }
    Ok(Answer::Disable)
}
