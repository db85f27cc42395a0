//! Noticing that the program makes a further interpreter, at no price while it makes none.
//!
//! Whoever makes one from outside libpython calls one of the functions below (CPython 3.11–3.15: `_xxsubinterpreters` and
//! `_interpreters`, `_testcapi`, servers that embed interpreters), and the dynamic loader looks for a function in the
//! executable before it looks in libpython. The executable of a measured process is this one (`build.rs` exports them).
//! Audit events would tell, too, but a hook makes each audited operation slower, `id()` among them, and cannot be removed.
//!
//! Must not know: what is done about an interpreter. Invariant: the caller gets what libpython's function returns, in the
//! thread state that it leaves.
#![expect(unsafe_code, reason = "functions of libpython are replaced and called")]

#[cfg(not(Py_3_12))]
use std::ffi::c_int;
#[cfg(Py_3_13)]
use std::ffi::c_long;
use std::ffi::{CStr, c_void};
use std::panic;
use std::sync::OnceLock;

use pyo3::ffi as raw;
use pyo3::prelude::*;

/// Called attached to an interpreter that is new.
static BEGUN: OnceLock<fn(Python<'_>)> = OnceLock::new();

/// From now on `begun` is called in each further interpreter before it runs anything of the program's; more than once,
/// perhaps.
pub(super) fn watch(begun: fn(Python<'_>)) {
    let _ = BEGUN.set(begun);
}

/// To be called attached to the new interpreter.
fn announce() {
    if let Some(begun) = BEGUN.get() {
        // SAFETY: the callers below are attached.
        let py = unsafe { Python::assume_attached() };
        // A panic must not unwind into C; it has been noted by the session's hook.
        let _ = panic::catch_unwind(|| begun(py));
    }
}

/// libpython's function of that name.
fn original(name: &CStr) -> *mut c_void {
    // SAFETY: a C string; RTLD_NEXT passes over this executable.
    unsafe { libc::dlsym(libc::RTLD_NEXT, name.as_ptr()) }
}

/// # Safety
/// As libpython's.
#[cfg(Py_3_12)]
#[unsafe(no_mangle)]
unsafe extern "C" fn Py_NewInterpreterFromConfig(
    thread: *mut *mut raw::PyThreadState,
    config: *const c_void,
) -> raw::PyStatus {
    type Original = unsafe extern "C" fn(*mut *mut raw::PyThreadState, *const c_void) -> raw::PyStatus;
    let function = original(c"Py_NewInterpreterFromConfig");
    // SAFETY: null, or the function of that name, which has this type.
    let Some(function) = (unsafe { std::mem::transmute::<*mut c_void, Option<Original>>(function) }) else {
        // SAFETY: a C string that lives for ever.
        return unsafe { raw::PyStatus_Error(c"libpython makes no interpreters".as_ptr()) };
    };
    // SAFETY: the caller keeps libpython's contract.
    let status = unsafe { function(thread, config) };
    // SAFETY: as it was returned.
    if unsafe { raw::PyStatus_Exception(status) } == 0 {
        announce();
    }
    status
}

/// # Safety
/// As libpython's.
#[unsafe(no_mangle)]
unsafe extern "C" fn Py_NewInterpreter() -> *mut raw::PyThreadState {
    type Original = unsafe extern "C" fn() -> *mut raw::PyThreadState;
    let function = original(c"Py_NewInterpreter");
    // SAFETY: null, or the function of that name, which has this type.
    let Some(function) = (unsafe { std::mem::transmute::<*mut c_void, Option<Original>>(function) }) else {
        return std::ptr::null_mut();
    };
    // SAFETY: the caller keeps libpython's contract.
    let thread = unsafe { function() };
    if !thread.is_null() {
        announce();
    }
    thread
}

/// What `_xxsubinterpreters` calls in 3.11 (`Python/pylifecycle.c`).
///
/// # Safety
/// As libpython's.
#[cfg(not(Py_3_12))]
#[unsafe(no_mangle)]
unsafe extern "C" fn _Py_NewInterpreter(is_isolated: c_int) -> *mut raw::PyThreadState {
    type Original = unsafe extern "C" fn(c_int) -> *mut raw::PyThreadState;
    let function = original(c"_Py_NewInterpreter");
    // SAFETY: null, or the function of that name, which has this type.
    let Some(function) = (unsafe { std::mem::transmute::<*mut c_void, Option<Original>>(function) }) else {
        return std::ptr::null_mut();
    };
    // SAFETY: the caller keeps libpython's contract.
    let thread = unsafe { function(is_isolated) };
    if !thread.is_null() {
        announce();
    }
    thread
}

/// What CPython's own modules call since 3.13 (`Python/crossinterp.c`): unless the caller asks for the new thread state, the
/// old one is current again when it returns.
///
/// # Safety
/// As libpython's.
#[cfg(Py_3_13)]
#[unsafe(no_mangle)]
unsafe extern "C" fn _PyXI_NewInterpreter(
    config: *mut c_void,
    whence: *mut c_long,
    thread: *mut *mut raw::PyThreadState,
    saved_thread: *mut *mut raw::PyThreadState,
) -> *mut raw::PyInterpreterState {
    type Original = unsafe extern "C" fn(
        *mut c_void,
        *mut c_long,
        *mut *mut raw::PyThreadState,
        *mut *mut raw::PyThreadState,
    ) -> *mut raw::PyInterpreterState;
    let function = original(c"_PyXI_NewInterpreter");
    // SAFETY: null, or the function of that name, which has this type.
    let Some(function) = (unsafe { std::mem::transmute::<*mut c_void, Option<Original>>(function) }) else {
        return std::ptr::null_mut();
    };
    // SAFETY: the caller keeps libpython's contract.
    let interpreter = unsafe { function(config, whence, thread, saved_thread) };
    if !interpreter.is_null() && BEGUN.get().is_some() {
        // SAFETY: attached, as it was when the function was called.
        if unsafe { raw::PyInterpreterState_Get() } == interpreter {
            announce();
        } else {
            // SAFETY: attached, and the interpreter is alive: nobody but the caller has it.
            unsafe { visit(interpreter) };
        }
    }
    interpreter
}

/// Announces an interpreter to which this thread is not attached.
///
/// # Safety
/// To be called attached to another interpreter, with one that is alive.
#[cfg(Py_3_13)]
unsafe fn visit(interpreter: *mut raw::PyInterpreterState) {
    // SAFETY: the caller vouches for the interpreter.
    let visitor = unsafe { raw::PyThreadState_New(interpreter) };
    if visitor.is_null() {
        return;
    }
    // SAFETY: a new thread state, which no other thread has.
    let own = unsafe { raw::PyThreadState_Swap(visitor) };
    announce();
    // SAFETY: the current thread state, which runs nothing.
    unsafe { raw::PyThreadState_Clear(visitor) };
    // SAFETY: what was current before.
    unsafe { raw::PyThreadState_Swap(own) };
    // SAFETY: cleared, and not current any more.
    unsafe { raw::PyThreadState_Delete(visitor) };
}
