//! Listening to CPython's audit events from below Python.
//!
//! Must not know: what listeners do. Invariant: no event is ever refused.
#![expect(unsafe_code, reason = "audit hooks are raw C functions")]

use std::ffi::{CStr, c_char, c_int, c_void};

use pyo3::ffi as raw;
use pyo3::prelude::*;

use super::TraceError;

/// Is told the name of each event, with the thread attached. Must neither raise nor panic.
pub(super) type Listener = fn(&CStr);

unsafe extern "C" {
    fn PySys_AddAuditHook(
        hook: unsafe extern "C" fn(*const c_char, *mut raw::PyObject, *mut c_void) -> c_int,
        data: *mut c_void,
    ) -> c_int;
}

/// From now on `listener` hears every event of the program. There is no way back (PEP 578).
pub(super) fn listen(py: Python<'_>, listener: Listener) -> Result<(), TraceError> {
    // SAFETY: attached; the hook is a function of this program and gets the data it expects.
    if unsafe { PySys_AddAuditHook(tell, listener as *mut c_void) } != 0 {
        return Err(PyErr::fetch(py).into());
    }
    Ok(())
}

unsafe extern "C" fn tell(event: *const c_char, _arguments: *mut raw::PyObject, data: *mut c_void) -> c_int {
    // SAFETY: `listen` put a listener there.
    let listener = unsafe { std::mem::transmute::<*mut c_void, Listener>(data) };
    // SAFETY: the name of an audit event is a C string.
    listener(unsafe { CStr::from_ptr(event) });
    0
}
