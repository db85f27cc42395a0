//! The core for CPython 3.11, and an independent check on newer versions: `PyEval_SetTrace` with a function of ours.
//!
//! A trace function belongs to a thread. New threads are noticed before they start (`thread_starts`); the first frame
//! that runs in one then passes through our frame evaluation function, which starts tracing there. That function is in
//! place only while a thread is awaited, because CPython makes plain calls slower as long as there is one (PEP 523).
#![expect(unsafe_code, reason = "tracer callbacks are raw C functions")]

use std::cell::Cell;
use std::ffi::c_int;
use std::ptr;
use std::sync::atomic::{AtomicUsize, Ordering};

use pyo3::ffi as raw;
use pyo3::prelude::*;

use super::code::{reserve_slot, state_of};
use super::session::{active, guard};
use super::{TraceError, thread_starts};

/// Threads announced that have not run a frame yet.
static AWAITED_THREADS: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static TRACED: Cell<bool> = const { Cell::new(false) };
}

unsafe extern "C" {
    fn _PyEval_EvalFrameDefault(
        thread: *mut raw::PyThreadState,
        frame: *mut raw::_PyInterpreterFrame,
        throw: c_int,
    ) -> *mut raw::PyObject;
}

pub(super) fn install(py: Python<'_>) -> Result<(), TraceError> {
    reserve_slot(py)?;
    thread_starts::watch(py, await_thread)?;
    trace_this_thread();
    Ok(())
}

fn trace_this_thread() {
    TRACED.set(true);
    // SAFETY: called with the thread attached. A null argument keeps `sys.gettrace()` at None.
    unsafe { raw::PyEval_SetTrace(Some(trace), ptr::null_mut()) };
}

/// Called when a thread is about to be started.
fn await_thread() {
    if active().is_some() {
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
    if !TRACED.get() {
        trace_this_thread();
        if AWAITED_THREADS.fetch_sub(1, Ordering::Relaxed) == 1 {
            set_frame_evaluation(_PyEval_EvalFrameDefault);
        }
    }
    // SAFETY: the arguments are those CPython gave for this frame.
    unsafe { _PyEval_EvalFrameDefault(thread, frame, throw) }
}

/// The trace function: called for each call, line and return of the thread.
unsafe extern "C" fn trace(
    _object: *mut raw::PyObject,
    frame: *mut raw::PyFrameObject,
    what: c_int,
    _argument: *mut raw::PyObject,
) -> c_int {
    let Some(session) = active() else { return 0 };
    // On a call the code object is looked at, so that its module is asked for while its frame is the current one.
    if what != raw::PyTrace_LINE && what != raw::PyTrace_CALL {
        return 0;
    }
    guard(session, (), || {
        // SAFETY: CPython calls with the thread attached.
        let py = unsafe { Python::assume_attached() };
        // SAFETY: the frame is alive for the length of the call; the result is a new reference.
        let code = unsafe { raw::PyFrame_GetCode(frame) };
        // SAFETY: a new reference that is never null.
        let code = unsafe { Bound::from_owned_ptr(py, code.cast()) };
        if let Some(state) = state_of(session, &code)?
            && what == raw::PyTrace_LINE
        {
            // SAFETY: the frame is alive for the length of the call.
            let line = unsafe { raw::PyFrame_GetLineNumber(frame) };
            if let Ok(line) = u32::try_from(line) {
                session.record_line(state, line);
            }
        }
        Ok(())
    });
    0
}
