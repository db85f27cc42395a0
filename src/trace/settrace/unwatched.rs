//! Frames that run without events, because nothing can be learned from them: CPython 3.11 only.
//!
//! A thread with a trace function looks for one at each instruction of every frame, whatever it is told (CPython 3.11
//! `Python/ceval.c`, `maybe_call_line_trace`): code that is not measured runs three times as long for nothing. Whether it
//! looks stands in the thread's `_PyCFrame`, which each call of `_PyEval_EvalFrameDefault` takes over from the one around
//! it. A frame evaluation function (PEP 523) stands between two of them, for it has every Python function called by a call in
//! C: here each frame is given what it needs, and its caller gets back what it had.
//!
//! A recursion deeper than C's stack allows is possible in CPython 3.11, and must stay so: where half of the stack is used
//! up, all this ends for good, and every frame is watched again. So it does where greenlets come in, who change stacks in the
//! middle of calls.
//!
//! Must not know: what events tell. Invariant: a frame that may have something to tell is watched, and a trace or profile
//! function of the program's is never touched.
#![expect(unsafe_code, reason = "a frame evaluation function sees raw structures of CPython")]

use std::cell::Cell;
use std::ffi::{c_int, c_void};
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use pyo3::ffi as raw;

use super::{threads, trace};
use crate::trace::code;

/// Whether a thread with a trace function looks at each instruction, and this module knows its structures.
pub(super) const IS_KNOWN: bool = cfg!(all(Py_3_11, not(Py_3_12)));

/// The beginning of a `PyThreadState` (CPython 3.11 `Include/cpython/pystate.h`).
#[repr(C)]
struct ThreadState {
    previous: *mut c_void,
    next: *mut ThreadState,
    interpreter: *mut raw::PyInterpreterState,
    initialized: c_int,
    is_static: c_int,
    recursion: [c_int; 3],
    /// How many trace functions are being called.
    tracing: c_int,
    tracing_what: c_int,
    frames: *mut CFrame,
    profile_function: Option<raw::Py_tracefunc>,
    trace_function: Option<raw::Py_tracefunc>,
}

/// `_PyCFrame`: one for each call of `_PyEval_EvalFrameDefault` under way.
#[repr(C)]
struct CFrame {
    /// 0 or 255: whether to look for a trace or profile function.
    looks: u8,
    current_frame: *mut Frame,
    previous: *mut CFrame,
}

/// The beginning of a `_PyInterpreterFrame` (CPython 3.11 `Include/internal/pycore_frame.h`).
#[repr(C)]
struct Frame {
    function: *mut raw::PyObject,
    globals: *mut raw::PyObject,
    builtins: *mut raw::PyObject,
    locals: *mut raw::PyObject,
    code: *mut raw::PyObject,
}

const LOOKS: u8 = 255;

/// Whether all frames are watched from now on.
static IS_OVER: AtomicBool = AtomicBool::new(false);

/// How often all frames were watched again.
static TIMES: AtomicU32 = AtomicU32::new(0);

thread_local! {
    /// Whether this thread has no trace function because the running frame is unwatched.
    static IS_UNWATCHED: Cell<bool> = const { Cell::new(false) };
    /// The frame that was evaluated last by [`evaluate`], of those under way.
    static EVALUATED: Cell<*mut Frame> = const { Cell::new(ptr::null_mut()) };
    /// Below this address half of the thread's stack is used up; 0 before anybody asked.
    static HALF_OF_STACK: Cell<usize> = const { Cell::new(0) };
}

type Evaluation =
    unsafe extern "C" fn(*mut raw::PyThreadState, *mut raw::_PyInterpreterFrame, c_int) -> *mut raw::PyObject;

/// Whether each frame must pass through [`evaluate`].
pub(super) fn are_possible() -> bool {
    IS_KNOWN && !IS_OVER.load(Ordering::Relaxed)
}

/// Called when the trace function of this thread is about to be changed.
pub(super) fn forget() {
    IS_UNWATCHED.set(false);
}

/// Has a frame evaluated with events or without, by what its code can still tell.
///
/// # Safety
/// Attached, with the arguments that CPython gave a frame evaluation function.
pub(super) unsafe fn evaluate(
    thread: *mut raw::PyThreadState,
    frame: *mut raw::_PyInterpreterFrame,
    throw: c_int,
    evaluate: Evaluation,
) -> *mut raw::PyObject {
    if !are_possible() {
        // SAFETY: the arguments are those CPython gave for this frame.
        return unsafe { evaluate(thread, frame, throw) };
    }
    let state = thread.cast::<ThreadState>();
    // SAFETY: the structure is this Python's (`IS_KNOWN`), and the thread runs.
    let function = unsafe { (*state).trace_function };
    // SAFETY: as above.
    if !is_ours(function) || unsafe { is_called_by_others(state) } {
        // SAFETY: the arguments are those CPython gave for this frame.
        return unsafe { evaluate(thread, frame, throw) };
    }
    if is_deep() {
        // SAFETY: attached.
        unsafe { end() };
        // SAFETY: the arguments are those CPython gave for this frame.
        return unsafe { evaluate(thread, frame, throw) };
    }
    // SAFETY: the frame is about to run, so it has a code object.
    let code = unsafe { (*frame.cast::<Frame>()).code };
    // SAFETY: alive as long as the frame, and this thread is attached.
    let has_events = unsafe { code::may_tell(code) };
    // SAFETY: the thread runs, so it has one.
    let frames = unsafe { (*state).frames };
    // SAFETY: it outlives what runs in it, as does each below.
    let looked = unsafe { (*frames).looks };
    let (was_unwatched, evaluated) = (IS_UNWATCHED.get(), EVALUATED.replace(frame.cast()));
    let times = TIMES.load(Ordering::Relaxed);
    // SAFETY: as for reading them.
    unsafe { set(state, has_events) };
    // SAFETY: the arguments are those CPython gave for this frame.
    let result = unsafe { evaluate(thread, frame, throw) };
    if EVALUATED.replace(evaluated) != frame.cast() {
        // Calls do not end in the order of their beginning: someone changes stacks.
        // SAFETY: attached.
        unsafe { end() };
    }
    // SAFETY: the thread is the same one.
    if is_ours(unsafe { (*state).trace_function }) {
        if times == TIMES.load(Ordering::Relaxed) {
            IS_UNWATCHED.set(was_unwatched);
            // SAFETY: as for reading them.
            unsafe { (*state).trace_function = function };
            // SAFETY: as above.
            let looks = if unsafe { (*state).profile_function }.is_some() { LOOKS } else { looked };
            // SAFETY: the caller's, as before.
            unsafe { (*frames).looks = looks };
        } else {
            // SAFETY: as above.
            unsafe { set(state, true) };
        }
    }
    result
}

/// Has the frame that runs in this thread go on without events, if it can be given back what it had when it ends. To be
/// called by a trace function, on whose return CPython stops looking where there is none; tells whether it does.
///
/// # Safety
/// Attached, while a trace function is called.
pub(super) unsafe fn leave_alone() -> bool {
    if !are_possible() {
        return false;
    }
    // SAFETY: attached.
    let state = unsafe { raw::PyThreadState_Get() }.cast::<ThreadState>();
    // SAFETY: the structure is this Python's, and the thread runs.
    let frames = unsafe { (*state).frames };
    // SAFETY: it outlives what runs in it.
    let current = unsafe { (*frames).current_frame };
    // SAFETY: as above.
    if current != EVALUATED.get() || unsafe { (*state).profile_function }.is_some() {
        return false;
    }
    // SAFETY: as above.
    unsafe { (*state).trace_function = None };
    IS_UNWATCHED.set(true);
    true
}

/// From now on all frames are watched.
///
/// # Safety
/// Attached.
pub(super) unsafe fn end() {
    if IS_KNOWN && !IS_OVER.swap(true, Ordering::Relaxed) {
        // SAFETY: the caller vouches for it.
        unsafe { watch_again() };
        threads::evaluate_no_longer();
    }
}

/// Whether a trace function is ours, or none because the frame is unwatched.
fn is_ours(function: Option<raw::Py_tracefunc>) -> bool {
    match function {
        Some(function) => ptr::fn_addr_eq(function, trace as raw::Py_tracefunc),
        None => IS_UNWATCHED.get(),
    }
}

/// Whether a trace function is being called, or the program has a profile function.
///
/// # Safety
/// A thread that runs.
unsafe fn is_called_by_others(state: *mut ThreadState) -> bool {
    // SAFETY: the caller vouches for the thread.
    let tracing = unsafe { (*state).tracing };
    // SAFETY: as above.
    tracing != 0 || unsafe { (*state).profile_function }.is_some()
}

/// # Safety
/// The thread that runs, between frames.
unsafe fn set(state: *mut ThreadState, has_events: bool) {
    IS_UNWATCHED.set(!has_events);
    // SAFETY: the caller vouches for the thread.
    unsafe { (*state).trace_function = has_events.then_some(trace) };
    // SAFETY: as above.
    let frames = unsafe { (*state).frames };
    // SAFETY: it outlives what runs in it.
    unsafe { (*frames).looks = if has_events { LOOKS } else { 0 } };
}

/// Has every frame of every thread watched that is under way and is not because of us.
///
/// # Safety
/// Attached.
pub(super) unsafe fn watch_again() {
    if !IS_KNOWN {
        return;
    }
    TIMES.fetch_add(1, Ordering::Relaxed);
    // SAFETY: attached.
    let state = unsafe { raw::PyThreadState_Get() }.cast::<ThreadState>();
    // SAFETY: the thread runs, so it has an interpreter.
    let interpreter = unsafe { (*state).interpreter };
    // SAFETY: threads come and go only where one is attached, as this one is.
    let mut other = unsafe { raw::PyInterpreterState_ThreadHead(interpreter) }.cast::<ThreadState>();
    while !other.is_null() {
        // A thread without any trace function is unwatched, or awaits being traced anyway.
        // SAFETY: a thread of the list.
        if unsafe { (*other).trace_function }.is_none_or(|function| is_ours(Some(function))) {
            // SAFETY: as above.
            unsafe { (*other).trace_function = Some(trace) };
            // SAFETY: as above; null in a thread that has not run anything.
            let mut frames = unsafe { (*other).frames };
            while !frames.is_null() {
                // SAFETY: the frames of a thread are linked up to null, and outlive what runs in them.
                unsafe { (*frames).looks = LOOKS };
                // SAFETY: as above.
                frames = unsafe { (*frames).previous };
            }
        }
        // SAFETY: as above.
        other = unsafe { (*other).next };
    }
    IS_UNWATCHED.set(false);
}

/// Whether half of the thread's stack is used up.
fn is_deep() -> bool {
    let here = 0_u8;
    if HALF_OF_STACK.get() == 0 {
        HALF_OF_STACK.set(half_of_stack().unwrap_or(1));
    }
    (&raw const here).addr() < HALF_OF_STACK.get()
}

#[cfg(target_os = "linux")]
fn half_of_stack() -> Option<usize> {
    let mut attributes = std::mem::MaybeUninit::<libc::pthread_attr_t>::uninit();
    // SAFETY: may be called at any time.
    let thread = unsafe { libc::pthread_self() };
    // SAFETY: this thread; the attributes are written.
    if unsafe { libc::pthread_getattr_np(thread, attributes.as_mut_ptr()) } != 0 {
        return None;
    }
    let (mut lowest, mut size) = (ptr::null_mut(), 0);
    // SAFETY: written above.
    let known = unsafe { libc::pthread_attr_getstack(attributes.as_ptr(), &raw mut lowest, &raw mut size) };
    // SAFETY: as above, and not used again.
    unsafe { libc::pthread_attr_destroy(attributes.as_mut_ptr()) };
    (known == 0).then(|| lowest.addr() + size / 2)
}

#[cfg(target_os = "macos")]
fn half_of_stack() -> Option<usize> {
    // SAFETY: this thread.
    let thread = unsafe { libc::pthread_self() };
    // SAFETY: as above; the highest address.
    let highest = unsafe { libc::pthread_get_stackaddr_np(thread) };
    // SAFETY: as above.
    let size = unsafe { libc::pthread_get_stacksize_np(thread) };
    Some(highest.addr() - size / 2)
}
