//! What is made of each event: lines that ran, and steps between them.
//!
//! Must not know: how threads come to be traced. Invariant: a step is recorded only where control made it, and not an
//! exception that no `raise` statement sent.
#![expect(unsafe_code, reason = "tracer callbacks are raw C functions")]

use std::mem;
use std::ptr::NonNull;

use pyo3::Borrowed;
use pyo3::exceptions::{PyStopAsyncIteration, PyStopIteration};
use pyo3::ffi as raw;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyString, PyType};

use super::calls::{
    Activation, CALLS, GOES_ON_SILENTLY, adopt, bring_up, forget_waiting, pause, resume, take_in_waiting,
};
use super::frames::{
    code_of, flow_of, flow_with_handlers, is_at_bare_raise, is_at_return, line_of, offset_of,
};
use super::unwatched;
use crate::bytecode::{self, ControlFlow};
use crate::model::{BranchDetail, DynamicContexts, Edge, LineNo};
use crate::trace::code::{CodeState, state_of, test_frame_of};
use crate::trace::session::Session;

/// A frame starts, or a generator's goes on.
///
/// # Safety
/// Attached, with a live frame.
pub(super) unsafe fn call(session: &Session, frame: *mut raw::PyFrameObject) -> PyResult<()> {
    // SAFETY: the caller vouches for it.
    let code = unsafe { code_of(frame) };
    let state = state_of(session, &code)?;
    if session.dynamic != DynamicContexts::None
        && let Some(test_frame) = test_frame_of(&code)
    {
        test_frame.begin(code.py(), session);
    }
    let tells_nothing = state.is_none() && test_frame_of(&code).is_none();
    // At its first call only: no later one of such code has an event.
    if tells_nothing && unwatched::are_possible() && changes_stacks(&code)? {
        // SAFETY: the caller vouches for it.
        unsafe { unwatched::end() };
    }
    let mut last = 0;
    let mut raised = None;
    if session.branches.is_some()
        && let Some(state) = state.filter(|state| state.suspends)
        // SAFETY: the frame is alive.
        && let Some(offset) = unsafe { offset_of(frame) }
        && state.flow(&code)?.resumes_at(offset)
    {
        // SAFETY: the frame is alive.
        last = unsafe { line_of(frame) };
        raised = resume(frame);
    }
    CALLS.with_borrow_mut(|calls| {
        if let Some(caller) = calls.last_mut() {
            caller.waits = false;
        }
        // SAFETY: called by the trace function.
        if tells_nothing && unsafe { unwatched::leave_alone() } {
            return;
        }
        let last = raised.unwrap_or(last);
        let activation = Activation::new(frame, state.map(NonNull::from), last);
        calls.push(Activation { is_new: true, raising: raised.is_some(), ..activation });
    });
    Ok(())
}

/// Whether the code is that of a module which changes C stacks in the middle of calls from when it is imported.
fn changes_stacks(code: &Bound<'_, PyAny>) -> PyResult<bool> {
    let file = code.getattr(intern!(code.py(), "co_filename"))?.cast_into::<PyString>()?;
    Ok(file.to_string_lossy().ends_with("greenlet/__init__.py"))
}

/// A line is about to run.
///
/// # Safety
/// Attached, with a live frame.
pub(super) unsafe fn line(session: &Session, frame: *mut raw::PyFrameObject) -> PyResult<()> {
    // SAFETY: the caller vouches for the frame.
    let line = unsafe { line_of(frame) };
    if !CALLS.with_borrow_mut(|calls| bring_up(calls, frame)) {
        // The frame began before tracing did, or while the program had a trace function of its own.
        // SAFETY: the caller vouches for the frame.
        unsafe { adopt(session, frame, 0) }?;
    }
    // SAFETY: the caller vouches for the frame.
    let waits_for_manager = unsafe { asks_manager(session, frame) }?;
    let before = CALLS.with_borrow_mut(|calls| {
        let activation = calls.last_mut()?;
        let before = (activation.state?, activation.last, activation.raising);
        if waits_for_manager {
            activation.raising = true;
        } else {
            (activation.last, activation.raising) = (line, false);
        }
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
    if waits_for_manager {
        return Ok(());
    }
    if session.branches.is_none() || last == 0 || state.knows_step(last, line.cast_signed()) {
        // SAFETY: the caller vouches for it.
        if state.is_worth_asking() && unsafe { has_told_all(session, state, frame) }? {
            // SAFETY: called by the trace function.
            if unsafe { unwatched::leave_alone() } {
                CALLS.with_borrow_mut(Vec::pop);
            }
        }
        return Ok(());
    }
    // SAFETY: the caller vouches for it.
    let flow = unsafe { flow_with_handlers(state, frame) }?;
    // SAFETY: as above.
    let offset = unsafe { offset_of(frame) };
    let is_at_handler = |flow: &ControlFlow| offset.is_some_and(|offset| flow.handles_at(offset));
    let is_sent_there = |flow: &ControlFlow| !is_at_handler(flow) || flow.only_raises_again_in(last);
    if raising || flow.is_none_or(is_sent_there) {
        session.record_step(state, last, line.cast_signed());
    }
    Ok(())
}

/// Whether the exception of a `raise` statement has come to the end of a `with`, whose line is that of an event then: the
/// statement's way is known only when the manager has decided.
///
/// # Safety
/// Attached, with a live frame whose activation stands last.
unsafe fn asks_manager(session: &Session, frame: *mut raw::PyFrameObject) -> PyResult<bool> {
    if session.branches.is_none() {
        return Ok(false);
    }
    let top = CALLS.with_borrow(|calls| {
        let activation = calls.last()?;
        Some((activation.state?, activation.last, activation.raising))
    });
    let Some((state, last, raising)) = top.filter(|(_, last, _)| *last != 0) else { return Ok(false) };
    // SAFETY: the state lives as long as the frame's code object, and the frame is alive.
    let state = unsafe { state.as_ref() };
    // SAFETY: the caller vouches for it.
    if !state.raises_in_with(|| unsafe { flow_with_handlers(state, frame) })? {
        return Ok(false);
    }
    // SAFETY: as above.
    let flow = unsafe { flow_of(state, frame) }?;
    // SAFETY: as above.
    let offset = unsafe { offset_of(frame) };
    Ok(offset.is_some_and(|offset| flow.asks_manager_at(offset))
        && (raising || flow.only_raises_again_in(last)))
}

/// Whether events can tell nothing more of the code of a frame.
///
/// # Safety
/// Attached, with a live frame of the code that the state belongs to.
unsafe fn has_told_all(
    session: &Session,
    state: &CodeState,
    frame: *mut raw::PyFrameObject,
) -> PyResult<bool> {
    if !unwatched::are_possible() || session.branches == Some(BranchDetail::Sides) {
        return Ok(false);
    }
    // SAFETY: the caller vouches for it.
    let flow = unsafe { flow_of(state, frame) }?;
    Ok(state.has_told_all(flow, session.branches.is_some()))
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
pub(super) unsafe fn opcode(session: &Session, frame: *mut raw::PyFrameObject) -> PyResult<()> {
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

/// An exception was raised in a frame, or came to it from a call. Where it leads is no branch, unless a `raise` statement
/// sent it there, or it only tells that an iterator has ended.
///
/// # Safety
/// Attached, with a live frame and a tuple of an exception's type, value and traceback.
pub(super) unsafe fn exception(
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
pub(super) unsafe fn leave(
    session: &Session,
    frame: *mut raw::PyFrameObject,
    has_value: bool,
) -> PyResult<()> {
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
    if state.suspends {
        // SAFETY: the caller vouches for the frame.
        let offset = unsafe { offset_of(frame) };
        // SAFETY: as above.
        let flow = unsafe { flow_of(state, frame) }?;
        let is_pause = offset.is_some_and(|offset| flow.pauses_at(offset));
        pause(frame, Some(activation.last).filter(|_| is_pause && activation.raising));
        if is_pause {
            return Ok(());
        }
    }
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
        // CPython 3.12 has a value, `None`, where an exception leaves the frame; at a `raise` there is no other way.
        // SAFETY: the caller vouches for the frame.
        let raises = activation.raising || (line == last && unsafe { is_at_bare_raise(state, frame) }?);
        if !raises || !bytecode::is_function(state.flags) {
            return Ok(());
        }
    }
    if state.is_statement {
        session.record_step(state, last, state.exit());
    }
    Ok(())
}
