//! Noticing that a thread is about to be started, in the thread that starts it.
//!
//! Must not know: what is done about it. Invariant: the program can't tell; `_thread`'s functions stay the same objects.
#![cfg_attr(not(Py_3_12), expect(unsafe_code, reason = "a C function of libpython is replaced"))]

use std::sync::OnceLock;

pub(super) use imp::watch;

/// Called for each thread that is about to be started.
static ANNOUNCED: OnceLock<fn()> = OnceLock::new();

fn announce() {
    if let Some(announced) = ANNOUNCED.get() {
        announced();
    }
}

/// CPython 3.12 and newer tell of it by an audit event (`Modules/_threadmodule.c`).
#[cfg(Py_3_12)]
mod imp {
    use std::ffi::CStr;

    use pyo3::prelude::*;

    use super::super::{TraceError, audit};
    use super::{ANNOUNCED, announce};

    /// The audit events that announce a new thread (3.12, and besides 3.13 and newer).
    const THREAD_EVENTS: [&CStr; 2] = [c"_thread.start_new_thread", c"_thread.start_joinable_thread"];

    /// From now on `announced` is called, with the thread attached, before a thread starts.
    pub(in super::super) fn watch(py: Python<'_>, announced: fn()) -> Result<(), TraceError> {
        let _ = ANNOUNCED.set(announced);
        audit::listen(py, |event| {
            if THREAD_EVENTS.contains(&event) {
                announce();
            }
        })
    }
}

/// CPython 3.11 has no such event, so the C function behind `_thread.start_new_thread` is replaced in its definition:
/// the function object, which programs may hold or compare, stays as it is.
#[cfg(not(Py_3_12))]
mod imp {
    use std::ptr;
    use std::sync::OnceLock;

    use pyo3::ffi as raw;
    use pyo3::prelude::*;

    use super::super::TraceError;
    use super::{ANNOUNCED, announce};

    /// Two names of one C function (3.11 `Modules/_threadmodule.c`, `thread_methods`).
    const STARTERS: [&str; 2] = ["start_new_thread", "start_new"];

    static ORIGINAL: OnceLock<raw::PyCFunction> = OnceLock::new();

    /// From now on `announced` is called, with the thread attached, before a thread starts.
    pub(in super::super) fn watch(py: Python<'_>, announced: fn()) -> Result<(), TraceError> {
        let _ = ANNOUNCED.set(announced);
        // Every interpreter has imported `_thread` before the program starts (`importlib._bootstrap`).
        let module = py.import("_thread")?;
        for name in STARTERS {
            replace(&module.getattr(name)?);
        }
        Ok(())
    }

    fn replace(function: &Bound<'_, PyAny>) {
        // SAFETY: attached, and the object is alive.
        if unsafe { raw::PyCFunction_CheckExact(function.as_ptr()) } == 0 {
            return;
        }
        let object = function.as_ptr().cast::<raw::PyCFunctionObject>();
        // SAFETY: checked above to be a function of this type.
        let definition = unsafe { ptr::addr_of!((*object).m_ml).read() };
        // SAFETY: the definition is static data of libpython.
        let flags = unsafe { (*definition).ml_flags };
        if flags != raw::METH_VARARGS {
            return;
        }
        // SAFETY: as above, and METH_VARARGS says which member of the union holds.
        let original = unsafe { (*definition).ml_meth.PyCFunction };
        // Both names have a definition of their own, with the same function.
        if *ORIGINAL.get_or_init(|| original) as usize == original as usize {
            // SAFETY: `thread_methods` is not const, and nobody reads it while this thread is attached.
            unsafe { (*definition).ml_meth = raw::PyMethodDefPointer { PyCFunction: start_new_thread } };
        }
    }

    /// Stands where `thread_PyThread_start_new_thread` stood.
    unsafe extern "C" fn start_new_thread(
        module: *mut raw::PyObject,
        arguments: *mut raw::PyObject,
    ) -> *mut raw::PyObject {
        announce();
        match ORIGINAL.get() {
            // SAFETY: the arguments are those CPython gave for this call.
            Some(original) => unsafe { original(module, arguments) },
            // Not reached: the function stands there only after ORIGINAL was set.
            None => ptr::null_mut(),
        }
    }
}
