//! The core for CPython 3.11, and an independent check on newer versions: `PyEval_SetTrace` with a function of ours.
//!
//! A trace function belongs to a thread. New threads are noticed before they start (`watched_functions`); the first frame
//! that runs in one then passes through our frame evaluation function, which starts tracing there. That function is in
//! place only while a thread is awaited, because CPython makes plain calls slower as long as there is one (PEP 523).
//!
//! There is one trace function a thread, and the program may set its own: while it does, nothing is measured there. When
//! it takes it back (doctest and debuggers do, by restoring the `None` that `sys.gettrace()` gave them), the thread is
//! awaited as a new one is.
#![expect(unsafe_code, reason = "tracer callbacks are raw C functions")]

use std::cell::{Cell, RefCell};
use std::ffi::c_int;
use std::mem;
use std::ptr::{self, NonNull};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use pyo3::Borrowed;
use pyo3::exceptions::{PyStopAsyncIteration, PyStopIteration};
use pyo3::ffi as raw;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyType;

use super::code::{CodeState, reserve_slot, state_of, test_frame_of};
use super::session::{Session, active, guard, prepare_for_errors};
use super::test_frames::TestFrame;
use super::watched_functions::{self, Listeners};
use super::{TraceError, attached_threads};
use crate::bytecode::{self, ControlFlow};
use crate::model::{BranchDetail, DynamicContexts, Edge, LineNo};
use crate::python;
use crate::python::ffi::Interpreter;

/// `sys.gettrace`, as it was before the program could replace it.
static GETTRACE: OnceLock<Py<PyAny>> = OnceLock::new();

/// Threads announced that have not run a frame yet.
static AWAITED_THREADS: AtomicUsize = AtomicUsize::new(0);

unsafe extern "C" {
    fn _PyEval_EvalFrameDefault(
        thread: *mut raw::PyThreadState,
        frame: *mut raw::_PyInterpreterFrame,
        throw: c_int,
    ) -> *mut raw::PyObject;
}

pub(super) fn install(
    py: Python<'_>,
    branches: Option<BranchDetail>,
    _dynamic: DynamicContexts,
) -> Result<(), TraceError> {
    reserve_slot(py)?;
    #[cfg(Py_3_12)]
    if branches == Some(BranchDetail::Sides) {
        super::sysmon::install_sides(py)?;
    }
    #[cfg(not(Py_3_12))]
    let _ = branches;
    prepare_for_errors(py);
    let _ = GETTRACE.set(py.import("sys")?.getattr("gettrace")?.unbind());
    watched_functions::watch(py, Listeners { thread_start: await_thread, trace_function: await_change })?;
    attached_threads::watch(trace_attached_thread);
    trace_this_thread();
    Ok(())
}

/// Called when C code has attached a thread of its own. It may have had a thread state before, which is gone with what it
/// knew of trace functions.
fn trace_attached_thread() {
    // A thread that is about to end has no room for its calls any more.
    if active().is_some() && is_in_main_interpreter() && CALLS.try_with(|_| ()).is_ok() {
        trace_this_thread();
    }
}

/// Called when the trace function of this thread is about to be changed, by whomever.
fn await_change() {
    if STATE.get() == Tracing::On && is_in_main_interpreter() {
        STATE.set(Tracing::Awaited);
        await_thread();
    }
}

fn trace_this_thread() {
    forget_ended_frames();
    // Not `On` yet: we are told of this change, too.
    STATE.set(Tracing::Awaited);
    // SAFETY: called with the thread attached. A null argument keeps `sys.gettrace()` at None.
    unsafe { raw::PyEval_SetTrace(Some(trace), ptr::null_mut()) };
    STATE.set(Tracing::On);
}

/// Whether the program has set a trace function of its own in this thread.
fn has_own_trace_function() -> bool {
    // SAFETY: called while a frame is about to run, with the thread attached.
    let py = unsafe { Python::assume_attached() };
    GETTRACE
        .get()
        .and_then(|gettrace| gettrace.bind(py).call0().ok())
        .is_some_and(|function| !function.is_none())
}

/// Whether the running code is measured at all: that of further interpreters has no slots of ours.
fn is_in_main_interpreter() -> bool {
    // SAFETY: called before changes of trace functions and starts of threads, which come with the thread attached.
    let py = unsafe { Python::assume_attached() };
    Interpreter::current(py).is_main()
}

/// Called when a thread is about to be started.
fn await_thread() {
    if is_in_main_interpreter() && active().is_some() {
        AWAITED_THREADS.fetch_add(1, Ordering::Relaxed);
        set_frame_evaluation(evaluate_frame);
    }
}

fn set_frame_evaluation(function: raw::_PyFrameEvalFunction) {
    // SAFETY: starts of threads and frames come with the thread attached.
    let interpreter = unsafe { raw::PyInterpreterState_Get() };
    // SAFETY: the interpreter is the current one; the function has the right shape.
    unsafe { raw::_PyInterpreterState_SetEvalFrameFunc(interpreter, Some(function)) };
}

/// Runs a frame; in a thread that is not traced yet, starts tracing first.
unsafe extern "C" fn evaluate_frame(
    thread: *mut raw::PyThreadState,
    frame: *mut raw::_PyInterpreterFrame,
    throw: c_int,
) -> *mut raw::PyObject {
    // A frame that begins with an exception (`generator.throw`) is no place to call Python; the next one will do.
    if STATE.get() == Tracing::Awaited && throw == 0 {
        if has_own_trace_function() {
            // Measuring goes on when the program sets it back to None, of which we are told again.
            STATE.set(Tracing::On);
        } else {
            trace_this_thread();
        }
        if AWAITED_THREADS.fetch_sub(1, Ordering::Relaxed) == 1 {
            set_frame_evaluation(_PyEval_EvalFrameDefault);
        }
    }
    // SAFETY: the arguments are those CPython gave for this frame.
    unsafe { _PyEval_EvalFrameDefault(thread, frame, throw) }
}

/// Where a thread stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Tracing {
    /// The next frame decides what to do.
    Awaited,
    /// Nothing to do until the trace function changes.
    On,
}

/// A call under way in this thread.
struct Activation {
    frame: *mut raw::PyFrameObject,
    /// `None`: not measured. The code object lives at least as long as its frame, and the state as long as the code.
    state: Option<NonNull<CodeState>>,
    /// The line that ran last; 0 before the first, and after an exception that nobody asked for.
    last: LineNo,
    /// Whether a `raise` statement on that line has just raised.
    raising: bool,
    /// The line and the offset of a branch that is about to take a side.
    branch: Option<(LineNo, u32)>,
    /// Whether opcode events are on in the frame, once that is known.
    opcodes: Option<bool>,
    /// Whether no event but the call has come yet.
    is_new: bool,
    /// Whether the frame only waits for the one above, into which an exception was thrown: no event tells if it goes on.
    waits: bool,
}

impl Activation {
    fn new(frame: *mut raw::PyFrameObject, state: Option<NonNull<CodeState>>, last: LineNo) -> Self {
        Self { frame, state, last, raising: false, branch: None, opcodes: None, is_new: false, waits: false }
    }
}

/// Whether CPython has a frame go on without a word when what it awaits has caught an exception thrown into both and returns
/// (3.11 `Objects/genobject.c`, `_gen_throw`; mended in 3.12).
const GOES_ON_SILENTLY: bool = cfg!(not(Py_3_12));

thread_local! {
    static STATE: Cell<Tracing> = const { Cell::new(Tracing::Awaited) };
    /// The calls under way, innermost last. Frames that began before tracing did are missing.
    static CALLS: RefCell<Vec<Activation>> = const { RefCell::new(Vec::new()) };
}

/// The trace function: called for each call, line and return of the thread.
unsafe extern "C" fn trace(
    _object: *mut raw::PyObject,
    frame: *mut raw::PyFrameObject,
    what: c_int,
    argument: *mut raw::PyObject,
) -> c_int {
    let Some(session) = active() else { return 0 };
    // SAFETY: CPython calls attached.
    let py = unsafe { Python::assume_attached() };
    guard(py, session, [(), ()], || {
        match what {
            // SAFETY: CPython calls attached, with a live frame.
            raw::PyTrace_CALL => unsafe { call(session, frame) }?,
            // SAFETY: as above.
            raw::PyTrace_LINE => unsafe { line(session, frame) }?,
            // SAFETY: as above; the argument is the exception as a tuple.
            raw::PyTrace_EXCEPTION => unsafe { exception(session, frame, argument) }?,
            // SAFETY: as above.
            raw::PyTrace_OPCODE => unsafe { opcode(session, frame) }?,
            // SAFETY: as above; the argument is null when an exception leaves the frame.
            raw::PyTrace_RETURN => {
                // SAFETY: as above.
                let left = unsafe { leave(session, frame, !argument.is_null()) };
                TestFrame::end(py, session);
                left?;
            }
            _ => (),
        }
        Ok(())
    });
    0
}

/// A frame starts, or a generator's goes on.
///
/// # Safety
/// Attached, with a live frame.
unsafe fn call(session: &Session, frame: *mut raw::PyFrameObject) -> PyResult<()> {
    // SAFETY: the caller vouches for it.
    let code = unsafe { code_of(frame) };
    let state = state_of(session, &code)?;
    if session.dynamic != DynamicContexts::None
        && let Some(test_frame) = test_frame_of(&code)
    {
        test_frame.begin(code.py(), session);
    }
    let mut last = 0;
    if session.branches.is_some()
        && let Some(state) = state.filter(|state| state.suspends)
        // SAFETY: the frame is alive.
        && let Some(offset) = unsafe { offset_of(frame) }
        && state.flow(&code)?.resumes_at(offset)
    {
        // SAFETY: the frame is alive.
        last = unsafe { line_of(frame) };
    }
    CALLS.with_borrow_mut(|calls| {
        if let Some(caller) = calls.last_mut() {
            caller.waits = false;
        }
        calls.push(Activation { is_new: true, ..Activation::new(frame, state.map(NonNull::from), last) });
    });
    Ok(())
}

/// Takes note, below the frame that was called last and into which an exception is thrown, of the frames that await it: where
/// it catches the exception and returns, they go on from the lines on which they wait.
///
/// # Safety
/// Attached, with a live frame.
unsafe fn take_in_waiting(session: &Session, frame: *mut raw::PyFrameObject) -> PyResult<()> {
    let place = CALLS.with_borrow(Vec::len).saturating_sub(1);
    let mut waiting = Vec::new();
    // SAFETY: the frame is alive; a new reference or null.
    let mut outer = unsafe { raw::PyFrame_GetBack(frame) };
    while !outer.is_null() && !CALLS.with_borrow(|calls| calls.iter().rev().any(|known| known.frame == outer))
    {
        // SAFETY: the frame is alive.
        let state = unsafe { state_of_frame(session, outer) };
        // SAFETY: as above.
        waiting.push(state.map(|state| (outer, state, unsafe { line_of(outer) })));
        // SAFETY: the frame is alive; a new reference or null.
        let next = unsafe { raw::PyFrame_GetBack(outer) };
        // SAFETY: owned by this loop; what awaits a frame that runs keeps its own alive.
        unsafe { raw::Py_DECREF(outer.cast()) };
        outer = next;
    }
    if !outer.is_null() {
        // SAFETY: as above.
        unsafe { raw::Py_DECREF(outer.cast()) };
    }
    for known in waiting {
        let (outer, state, line) = known?;
        // SAFETY: the state lives as long as the frame's code object, and the frame is alive.
        if state.is_some_and(|state| unsafe { state.as_ref() }.suspends) {
            let waiting = Activation { waits: true, ..Activation::new(outer, state, line) };
            CALLS.with_borrow_mut(|calls| calls.insert(place.min(calls.len()), waiting));
        }
    }
    Ok(())
}

/// Has the frames that await the one which was just left, and was thrown into, wait no more: unless it returned a value they
/// do not go on, or an event tells of it.
///
/// # Safety
/// Attached, with a live frame.
unsafe fn forget_waiting(frame: *mut raw::PyFrameObject, has_value: bool) -> PyResult<()> {
    if !GOES_ON_SILENTLY || !CALLS.with_borrow(|calls| calls.last().is_some_and(|outer| outer.waits)) {
        return Ok(());
    }
    // SAFETY: the caller vouches for the frame.
    let returns = match unsafe { offset_of(frame) } {
        Some(offset) if has_value => {
            // SAFETY: as above.
            ControlFlow::new(&python::lone_shape(&unsafe { code_of(frame) })?).returns_at(offset)
        }
        Some(_) | None => false,
    };
    if !returns {
        CALLS.with_borrow_mut(|calls| while calls.pop_if(|outer| outer.waits).is_some() {});
    }
    Ok(())
}

/// Takes note of a frame that is under way, at the line `last`.
///
/// # Safety
/// Attached, with a live frame.
unsafe fn adopt(session: &Session, frame: *mut raw::PyFrameObject, last: LineNo) -> PyResult<()> {
    // SAFETY: the caller vouches for it.
    let state = unsafe { state_of_frame(session, frame) }?;
    CALLS.with_borrow_mut(|calls| {
        calls.push(Activation::new(frame, state, last));
    });
    Ok(())
}

/// The state of the code that a frame runs.
///
/// # Safety
/// Attached, with a live frame.
unsafe fn state_of_frame(
    session: &Session,
    frame: *mut raw::PyFrameObject,
) -> PyResult<Option<NonNull<CodeState>>> {
    // SAFETY: the caller vouches for it.
    Ok(state_of(session, &unsafe { code_of(frame) })?.map(NonNull::from))
}

/// Has the activation of a frame stand last; tells whether there is one. Others may stand above it where greenlets take
/// turns in the middle of calls.
fn bring_up(calls: &mut Vec<Activation>, frame: *mut raw::PyFrameObject) -> bool {
    let Some(place) = calls.iter().rposition(|activation| activation.frame == frame) else { return false };
    if place + 1 < calls.len() {
        let activation = calls.remove(place);
        calls.push(activation);
    }
    true
}

/// Keeps only the activations of frames that are under way: others ended while the program had a trace function of its own,
/// and their places may be another frame's by now.
fn forget_ended_frames() {
    if CALLS.with_borrow(Vec::is_empty) {
        return;
    }
    let mut under_way = Vec::new();
    // SAFETY: called with the thread attached; a borrowed reference or null.
    let mut frame = unsafe { raw::PyEval_GetFrame() };
    if !frame.is_null() {
        // SAFETY: alive; from here on each frame of the chain is owned.
        unsafe { raw::Py_INCREF(frame.cast()) };
    }
    while !frame.is_null() {
        // SAFETY: the frame is alive.
        let state = active().and_then(|session| unsafe { state_of_frame(session, frame) }.ok());
        under_way.push((frame, state.flatten()));
        // SAFETY: the frame is alive; a new reference or null.
        let back = unsafe { raw::PyFrame_GetBack(frame) };
        // SAFETY: owned by this loop; the interpreter keeps a frame that is under way alive.
        unsafe { raw::Py_DECREF(frame.cast()) };
        frame = back;
    }
    CALLS.with_borrow_mut(|calls| {
        calls.retain(|activation| under_way.contains(&(activation.frame, activation.state)));
    });
}

/// A line is about to run.
///
/// # Safety
/// Attached, with a live frame.
unsafe fn line(session: &Session, frame: *mut raw::PyFrameObject) -> PyResult<()> {
    // SAFETY: the caller vouches for the frame.
    let line = unsafe { line_of(frame) };
    if !CALLS.with_borrow_mut(|calls| bring_up(calls, frame)) {
        // The frame began before tracing did, or while the program had a trace function of its own.
        // SAFETY: the caller vouches for the frame.
        unsafe { adopt(session, frame, 0) }?;
    }
    let before = CALLS.with_borrow_mut(|calls| {
        let activation = calls.last_mut()?;
        let before = (activation.state?, activation.last, activation.raising);
        (activation.last, activation.raising) = (line, false);
        (activation.is_new, activation.waits) = (false, false);
        Some(before)
    });
    let Some((state, last, raising)) = before else { return Ok(()) };
    // SAFETY: the state lives as long as the frame's code object, and the frame is alive.
    let state = unsafe { state.as_ref() };
    // A switch may have come while the frame was under way.
    // SAFETY: the caller vouches for it.
    state.renew(unsafe { Python::assume_attached() }, session);
    session.record_line(state, line);
    if cfg!(not(Py_3_12)) && session.branches == Some(BranchDetail::Sides) {
        // SAFETY: the caller vouches for it.
        unsafe { ask_for_opcodes(session, state, frame, line) }?;
    }
    if session.branches.is_none() || last == 0 || state.knows_step(last, line.cast_signed()) {
        return Ok(());
    }
    // SAFETY: the caller vouches for it.
    let flow = unsafe { flow_of(state, frame) }?;
    // SAFETY: as above.
    let is_at_handler = unsafe { offset_of(frame) }.is_some_and(|offset| flow.handles_at(offset));
    if raising || !is_at_handler || flow.only_raises_again_in(last) {
        session.record_step(state, last, line.cast_signed());
    }
    Ok(())
}

/// Where a line begins: ends the jump of a branch that led there, and sees to it that opcode events come if the line has a
/// branch of which a side is unseen, or one of a decision of which an evaluation is.
///
/// # Safety
/// Attached, with a live frame of the code that the state belongs to.
unsafe fn ask_for_opcodes(
    session: &Session,
    state: &CodeState,
    frame: *mut raw::PyFrameObject,
    line: LineNo,
) -> PyResult<()> {
    // SAFETY: the caller vouches for it.
    let code = unsafe { code_of(frame) };
    let Some(sides) = session.sides_of(state, &code)? else { return Ok(()) };
    // SAFETY: the frame is alive.
    let offset = unsafe { offset_of(frame) };
    // Before the first branch runs, whether or not its sides are asked for anyway.
    let decisions = session.decisions_of(state, &code)?;
    let wanted = sides.is_open(line) || decisions.is_some_and(|decisions| decisions.is_open(line));
    let (branch, opcodes) = CALLS.with_borrow_mut(|calls| {
        let Some(activation) = calls.last_mut() else { return (None, Some(wanted)) };
        (activation.branch.take(), activation.opcodes.replace(wanted))
    });
    if let (Some((from_line, from)), Some(to)) = (branch, offset) {
        take_side(session, state, frame, from_line, Edge { from, to });
    }
    if opcodes != Some(wanted) && (wanted || opcodes.is_some()) {
        // SAFETY: a frame object is a Python object, and alive.
        let frame = unsafe { Borrowed::from_ptr(code.py(), frame.cast::<raw::PyObject>()) };
        frame.setattr(intern!(code.py(), "f_trace_opcodes"), wanted)?;
    }
    Ok(())
}

/// A branch of a frame took a side.
fn take_side(session: &Session, state: &CodeState, frame: *mut raw::PyFrameObject, line: LineNo, edge: Edge) {
    if let Some(sides) = state.sides.get() {
        sides.record(session, line, edge);
    }
    if let Some(Some(decisions)) = state.decisions.get() {
        decisions.observe(session, edge, frame.addr());
    }
}

/// An instruction is about to run, on a line that has a branch of which a side is unseen.
///
/// # Safety
/// Attached, with a live frame.
unsafe fn opcode(session: &Session, frame: *mut raw::PyFrameObject) -> PyResult<()> {
    let before = CALLS.with_borrow_mut(|calls| {
        let activation = calls.last_mut().filter(|activation| activation.frame == frame)?;
        Some((activation.state?, activation.branch.take()))
    });
    let Some((state, branch)) = before else { return Ok(()) };
    // SAFETY: the state lives as long as the frame's code object, and the frame is alive.
    let state = unsafe { state.as_ref() };
    // SAFETY: the caller vouches for it.
    state.renew(unsafe { Python::assume_attached() }, session);
    // SAFETY: the frame is alive.
    let Some(offset) = (unsafe { offset_of(frame) }) else { return Ok(()) };
    if let Some((line, from)) = branch {
        take_side(session, state, frame, line, Edge { from, to: offset });
    }
    // SAFETY: the caller vouches for it.
    if let Some(branch) = unsafe { flow_of(state, frame) }?.branch_at(offset) {
        CALLS.with_borrow_mut(|calls| {
            if let Some(activation) = calls.last_mut() {
                activation.branch = Some(branch);
            }
        });
    }
    Ok(())
}

/// The code of a frame, taken apart.
///
/// # Safety
/// Attached, with a live frame of the code that the state belongs to.
unsafe fn flow_of(state: &CodeState, frame: *mut raw::PyFrameObject) -> PyResult<&ControlFlow> {
    // SAFETY: the caller vouches for it.
    state.flow(&unsafe { code_of(frame) })
}

/// Whether the frame is left for good and with a value: not for a while (`yield`), nor by an exception, of which CPython
/// 3.12 tells in the same way.
///
/// # Safety
/// Attached, with a live frame of the code that the state belongs to.
unsafe fn is_at_return(state: &CodeState, frame: *mut raw::PyFrameObject) -> PyResult<bool> {
    // SAFETY: the caller vouches for it.
    let Some(offset) = (unsafe { offset_of(frame) }) else { return Ok(false) };
    // SAFETY: as above.
    Ok(unsafe { flow_of(state, frame) }?.returns_at(offset))
}

/// Whether a `raise` alone stands where the frame is: an exception that leaves the frame is then its own, for what handlers do
/// on the way out is not told of (CPython 3.11–3.15, `RERAISE` in `Python/bytecodes.c`).
///
/// # Safety
/// Attached, with a live frame of the code that the state belongs to.
unsafe fn is_at_bare_raise(state: &CodeState, frame: *mut raw::PyFrameObject) -> PyResult<bool> {
    // SAFETY: the caller vouches for it.
    let Some(offset) = (unsafe { offset_of(frame) }) else { return Ok(false) };
    // SAFETY: as above.
    Ok(unsafe { flow_of(state, frame) }?.raises_again_at(offset))
}

/// An exception was raised in a frame, or came to it from a call. Where it leads is no branch, unless a `raise` statement
/// sent it there, or it only tells that an iterator has ended.
///
/// # Safety
/// Attached, with a live frame and a tuple of an exception's type, value and traceback.
unsafe fn exception(
    session: &Session,
    frame: *mut raw::PyFrameObject,
    argument: *mut raw::PyObject,
) -> PyResult<()> {
    if session.branches.is_none() {
        return Ok(());
    }
    let top = CALLS.with_borrow_mut(|calls| {
        if !bring_up(calls, frame) {
            return None;
        }
        let activation = calls.last_mut()?;
        activation.waits = false;
        Some((activation.state, mem::replace(&mut activation.is_new, false)))
    });
    let Some((state, is_new)) = top else { return Ok(()) };
    if GOES_ON_SILENTLY && is_new {
        // SAFETY: the caller vouches for the frame.
        unsafe { take_in_waiting(session, frame) }?;
    }
    let Some(state) = state else { return Ok(()) };
    // SAFETY: the state lives as long as the frame's code object, and the frame is alive.
    let state = unsafe { state.as_ref() };
    // SAFETY: the caller vouches for it.
    let py = unsafe { Python::assume_attached() };
    // SAFETY: the frame is alive.
    let Some(offset) = (unsafe { offset_of(frame) }) else { return Ok(()) };
    // SAFETY: as above.
    let flow = unsafe { flow_of(state, frame) }?;
    let is_raise = flow.raises_at(offset);
    if !is_raise {
        // SAFETY: the argument is a valid object.
        let exception = unsafe { Borrowed::from_ptr(py, argument) };
        let kind = exception.get_item(0)?.cast_into::<PyType>()?;
        let ends_iteration = (flow.iterates_at(offset) && kind.is_subclass_of::<PyStopIteration>()?)
            || (flow.iterates_asynchronously_at(offset) && kind.is_subclass_of::<PyStopAsyncIteration>()?);
        if ends_iteration {
            return Ok(());
        }
    }
    CALLS.with_borrow_mut(|calls| {
        if let Some(activation) = calls.last_mut() {
            activation.raising = is_raise;
            activation.branch = None;
            if !is_raise {
                activation.last = 0;
            }
        }
    });
    Ok(())
}

/// A frame is left: for good, for a while (`yield`), or by an exception, which is no branch unless a `raise` statement on
/// the last line sent it.
///
/// # Safety
/// Attached, with a live frame.
unsafe fn leave(session: &Session, frame: *mut raw::PyFrameObject, has_value: bool) -> PyResult<()> {
    let Some(activation) =
        CALLS.with_borrow_mut(|calls| if bring_up(calls, frame) { calls.pop() } else { None })
    else {
        return Ok(());
    };
    // SAFETY: the caller vouches for the frame.
    unsafe { forget_waiting(frame, has_value) }?;
    if session.branches.is_none() {
        return Ok(());
    }
    let Some(state) = activation.state else { return Ok(()) };
    // SAFETY: the state lives as long as the frame's code object, and the frame is alive.
    let state = unsafe { state.as_ref() };
    // SAFETY: the caller vouches for it.
    state.renew(unsafe { Python::assume_attached() }, session);
    let mut last = activation.last;
    // SAFETY: the frame is alive.
    let line = unsafe { line_of(frame) };
    if line == last && (!state.is_statement || state.knows_step(last, state.exit())) {
        // Whatever happens, it is known.
        return Ok(());
    }
    // SAFETY: the caller vouches for it.
    if has_value && unsafe { is_at_return(state, frame) }? {
        if line != 0 && line != last {
            // CPython 3.14 does not always tell of a line that only returns, behind a loop.
            session.record_line(state, line);
            session.record_step(state, last, line.cast_signed());
            last = line;
        }
    } else {
        // SAFETY: the caller vouches for the frame.
        let raises =
            activation.raising || (line == last && !has_value && unsafe { is_at_bare_raise(state, frame) }?);
        if !raises || !bytecode::is_function(state.flags) {
            return Ok(());
        }
    }
    if state.is_statement {
        session.record_step(state, last, state.exit());
    }
    Ok(())
}

/// The code object that a frame runs.
///
/// # Safety
/// Attached for as long as the result lives, with a live frame.
unsafe fn code_of<'py>(frame: *mut raw::PyFrameObject) -> Bound<'py, PyAny> {
    // SAFETY: the caller vouches for it.
    let py = unsafe { Python::assume_attached() };
    // SAFETY: the frame is alive; the result is a new reference, never null.
    let code = unsafe { raw::PyFrame_GetCode(frame) };
    // SAFETY: as stated.
    unsafe { Bound::from_owned_ptr(py, code.cast()) }
}

/// The line a frame is at; 0 if it has none.
///
/// # Safety
/// Attached, with a live frame.
unsafe fn line_of(frame: *mut raw::PyFrameObject) -> LineNo {
    // SAFETY: the caller vouches for it.
    let line = unsafe { raw::PyFrame_GetLineNumber(frame) };
    LineNo::try_from(line).unwrap_or(0)
}

/// Offset in bytes of the instruction a frame is at.
///
/// # Safety
/// Attached, with a live frame.
unsafe fn offset_of(frame: *mut raw::PyFrameObject) -> Option<u32> {
    // SAFETY: the caller vouches for it.
    u32::try_from(unsafe { raw::PyFrame_GetLasti(frame) }).ok()
}
