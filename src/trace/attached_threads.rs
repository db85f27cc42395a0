//! Noticing that a thread which Python has not started gets a thread state: it came to life in C, and calls Python now.
//!
//! C code attaches such a thread by `PyGILState_Ensure` (ctypes, Cython), or by `PyThreadState_New` and
//! `PyEval_AcquireThread` (pybind11), and the dynamic loader looks for a function in the executable before it looks in
//! libpython. The executable of a measured process is this one (`build.rs` exports them).
//!
//! Must not know: what is done about it. Invariant: every call is made as it came; a thread that has its state is told of no
//! more, and costs nothing but a look.
#![expect(unsafe_code, reason = "functions of libpython are replaced and called")]

use std::cell::Cell;
use std::ffi::{CStr, c_void};
use std::panic;
use std::sync::OnceLock;

use pyo3::ffi as raw;

/// Called in a thread that has just got a thread state, attached.
static ATTACHED: OnceLock<fn()> = OnceLock::new();

thread_local! {
    /// The number of the thread state that this thread made last and has not attached to; 0 for none. The numbers of an
    /// interpreter begin at 1 (CPython 3.11–3.15, `Python/pystate.c`).
    static MADE: Cell<i64> = const { Cell::new(0) };
}

/// From now on `attached` is called in each thread that C code attaches to Python, whenever it gets a new thread state.
pub(super) fn watch(attached: fn()) {
    let _ = ATTACHED.set(attached);
}

fn announce() {
    if let Some(attached) = ATTACHED.get() {
        // A panic must not unwind into C; it has been noted by the session's hook.
        let _ = panic::catch_unwind(attached);
    }
}

/// libpython's function of that name; `None` only if there were none.
fn original(known: &OnceLock<usize>, name: &CStr) -> *mut c_void {
    // SAFETY: a C string; RTLD_NEXT passes over this executable.
    let address =
        known.get_or_init(|| unsafe { libc::dlsym(libc::RTLD_NEXT, name.as_ptr()) }.expose_provenance());
    std::ptr::with_exposed_provenance_mut(*address)
}

/// # Safety
/// As libpython's.
#[unsafe(no_mangle)]
unsafe extern "C" fn PyGILState_Ensure() -> raw::PyGILState_STATE {
    type Original = unsafe extern "C" fn() -> raw::PyGILState_STATE;
    static ORIGINAL: OnceLock<usize> = OnceLock::new();
    // SAFETY: may be called at any time, attached or not.
    let is_new = ATTACHED.get().is_some() && unsafe { raw::PyGILState_GetThisThreadState() }.is_null();
    let function = original(&ORIGINAL, c"PyGILState_Ensure");
    // SAFETY: the function of that name, which has this type; nothing could run Python without it.
    let function = unsafe { std::mem::transmute::<*mut c_void, Original>(function) };
    // SAFETY: the caller keeps libpython's contract.
    let before = unsafe { function() };
    if is_new {
        announce();
    }
    before
}

/// # Safety
/// As libpython's.
#[unsafe(no_mangle)]
unsafe extern "C" fn PyThreadState_New(interpreter: *mut raw::PyInterpreterState) -> *mut raw::PyThreadState {
    type Original = unsafe extern "C" fn(*mut raw::PyInterpreterState) -> *mut raw::PyThreadState;
    static ORIGINAL: OnceLock<usize> = OnceLock::new();
    let function = original(&ORIGINAL, c"PyThreadState_New");
    // SAFETY: as above.
    let function = unsafe { std::mem::transmute::<*mut c_void, Original>(function) };
    // SAFETY: the caller keeps libpython's contract.
    let thread = unsafe { function(interpreter) };
    if ATTACHED.get().is_some() && !thread.is_null() {
        // SAFETY: a thread state that nobody else has yet.
        MADE.set(unsafe { raw::PyThreadState_GetID(thread) });
    }
    thread
}

/// # Safety
/// As libpython's.
#[unsafe(no_mangle)]
unsafe extern "C" fn PyEval_AcquireThread(thread: *mut raw::PyThreadState) {
    type Original = unsafe extern "C" fn(*mut raw::PyThreadState);
    static ORIGINAL: OnceLock<usize> = OnceLock::new();
    let function = original(&ORIGINAL, c"PyEval_AcquireThread");
    // SAFETY: as above.
    let function = unsafe { std::mem::transmute::<*mut c_void, Original>(function) };
    // SAFETY: the caller keeps libpython's contract.
    unsafe { function(thread) };
    // SAFETY: the current thread state.
    if MADE.get() != 0 && MADE.get() == unsafe { raw::PyThreadState_GetID(thread) } {
        MADE.set(0);
        announce();
    }
}
