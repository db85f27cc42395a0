//! How each thread comes to be traced.
//!
//! A trace function belongs to a thread. New threads are noticed before they start (`watched_functions`); the first frame
//! that runs in one then passes through our frame evaluation function, which starts tracing there. Where nothing else needs it
//! (`unwatched`), that function is in place only while a thread is awaited, because CPython makes plain calls slower as long as
//! there is one (PEP 523). Threads that C code started are traced from where it attaches them (`attached_threads`).
//!
//! There is one trace function a thread, and the program may set its own: while it does, nothing is measured there. When
//! it takes it back (doctest and debuggers do, by restoring the `None` that `sys.gettrace()` gave them), the thread is
//! awaited as a new one is.
//!
//! A further interpreter has thread states, trace functions and a frame evaluation function of its own. The last stays in
//! place there, because nobody tells of threads that enter it; on 3.11 until it starts threads it needs none, since it runs in
//! the thread state that it was made with.
//!
//! Must not know: what events tell. Invariant: a thread is awaited only while something will run in it.
#![expect(unsafe_code, reason = "tracer callbacks are raw C functions")]

use std::cell::Cell;
use std::ffi::c_int;
use std::ptr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use pyo3::ffi as raw;
use pyo3::prelude::*;

use super::calls::{can_note_calls, forget_ended_frames};
use super::{trace, unwatched};
use crate::python::ffi::{self, Interpreter, ThreadState};
use crate::trace::code::{has_slot, reserve_slot};
use crate::trace::session::active;
use crate::trace::watched_functions::{self, Listeners};
use crate::trace::{attached_threads, interpreters};

/// Whether what a further interpreter is given to run runs in the thread state that it was made with (CPython 3.11,
/// `_run_script_in_interpreter` in `Modules/_xxsubinterpretersmodule.c`).
const RUNS_IN_FIRST_THREAD_STATE: bool = cfg!(not(Py_3_12));

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

/// Where a thread stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Tracing {
    /// The next frame decides what to do.
    Awaited,
    /// Nothing to do until the trace function changes.
    On,
}

thread_local! {
    /// In the main interpreter.
    static STATE: Cell<Tracing> = const { Cell::new(Tracing::Awaited) };
    /// The thread state of a further interpreter that this thread has last run a frame in, and seen to that it is traced.
    static SEEN_TO: Cell<Option<ThreadState>> = const { Cell::new(None) };
    /// Whether the change of a trace function that we are told of is ours.
    static IS_OUR_CHANGE: Cell<bool> = const { Cell::new(false) };
}

/// From now on this thread is traced, and all that begin later.
pub(super) fn trace_all(py: Python<'_>) -> PyResult<()> {
    let _ = GETTRACE.set(py.import("sys")?.getattr("gettrace")?.unbind());
    watched_functions::watch(py, Listeners { thread_start: await_thread, trace_function: await_change })?;
    attached_threads::watch(trace_attached_thread);
    interpreters::watch(trace_further_interpreter);
    if unwatched::are_possible() {
        set_frame_evaluation(evaluate_frame);
    }
    trace_this_thread();
    Ok(())
}

/// Called in a further interpreter that is new; twice, perhaps. Where it has no slot for us, it runs unmeasured.
fn trace_further_interpreter(py: Python<'_>) {
    let is_new = !Interpreter::current(py).is_main() && !has_slot(py);
    if !is_new || active().is_none() || reserve_slot(py).is_err() {
        return;
    }
    if RUNS_IN_FIRST_THREAD_STATE {
        set_trace_function();
        SEEN_TO.set(Some(ThreadState::current(py)));
    } else {
        set_frame_evaluation(evaluate_further_frame);
    }
}

/// Called when C code has attached a thread of its own. It may have had a thread state before, which is gone with what it
/// knew of trace functions.
fn trace_attached_thread() {
    if active().is_some() && is_in_main_interpreter() && can_note_calls() {
        trace_this_thread();
    }
}

/// Called when the trace function of this thread is about to be changed, by whomever.
fn await_change() {
    if IS_OUR_CHANGE.get() {
        return;
    }
    if is_in_main_interpreter() {
        if STATE.get() == Tracing::On {
            unwatched::forget();
            STATE.set(Tracing::Awaited);
            await_thread();
        }
    } else {
        SEEN_TO.set(None);
        await_thread();
    }
}

fn trace_this_thread() {
    forget_ended_frames();
    unwatched::forget();
    set_trace_function();
    STATE.set(Tracing::On);
}

fn set_trace_function() {
    IS_OUR_CHANGE.set(true);
    // SAFETY: called with the thread attached. A null argument keeps `sys.gettrace()` at None.
    unsafe { raw::PyEval_SetTrace(Some(trace), ptr::null_mut()) };
    IS_OUR_CHANGE.set(false);
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

/// The same in a further interpreter, whose objects must not be held for others.
fn has_own_trace_function_there(py: Python<'_>) -> bool {
    let Some(gettrace) = ffi::sys_attribute(py, c"gettrace") else { return false };
    match gettrace.call0() {
        Ok(function) => !function.is_none(),
        Err(error) => {
            ffi::discard(error, py);
            false
        }
    }
}

/// Whether the calling thread is attached to the interpreter that the main program runs in.
fn is_in_main_interpreter() -> bool {
    // SAFETY: called before changes of trace functions and starts of threads, which come with the thread attached.
    let py = unsafe { Python::assume_attached() };
    Interpreter::current(py).is_main()
}

/// Called when a thread is about to be started.
fn await_thread() {
    if active().is_none() {
        return;
    }
    // SAFETY: starts of threads and changes of trace functions come with the thread attached.
    let py = unsafe { Python::assume_attached() };
    if is_in_main_interpreter() {
        AWAITED_THREADS.fetch_add(1, Ordering::Relaxed);
        set_frame_evaluation(evaluate_frame);
    } else if has_slot(py) {
        set_frame_evaluation(evaluate_further_frame);
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
            evaluate_no_longer();
        }
    }
    // SAFETY: the arguments are those CPython gave for this frame.
    unsafe { unwatched::evaluate(thread, frame, throw, _PyEval_EvalFrameDefault) }
}

/// Takes the frame evaluation function away if nobody needs it.
pub(super) fn evaluate_no_longer() {
    if AWAITED_THREADS.load(Ordering::Relaxed) == 0 && !unwatched::are_possible() {
        set_frame_evaluation(_PyEval_EvalFrameDefault);
    }
}

/// Runs a frame of a further interpreter; in a thread state that is not traced yet, starts tracing first.
unsafe extern "C" fn evaluate_further_frame(
    thread: *mut raw::PyThreadState,
    frame: *mut raw::_PyInterpreterFrame,
    throw: c_int,
) -> *mut raw::PyObject {
    // SAFETY: frames run with the thread attached.
    let py = unsafe { Python::assume_attached() };
    let here = Some(ThreadState::current(py));
    if throw == 0 && SEEN_TO.get() != here && active().is_some() {
        SEEN_TO.set(here);
        if !has_own_trace_function_there(py) {
            set_trace_function();
        }
    }
    // SAFETY: the arguments are those CPython gave for this frame.
    unsafe { _PyEval_EvalFrameDefault(thread, frame, throw) }
}
