//! The module `minicov` of a measured program, by which it switches contexts itself.
//!
//! Must not know: how events arrive. Invariant: a call neither fails because of trouble of minicov's, nor raises anything
//! but what `module.py` says.
#![expect(unsafe_code, reason = "functions and a module for CPython are raw C functions")]

use std::ffi::CStr;
use std::path::Path;
use std::ptr;

use pyo3::Borrowed;
use pyo3::ffi as raw;
use pyo3::prelude::*;
use pyo3::types::{PyModule, PyString};

use super::contexts;
use super::session::{active, guard};

const NAME: &CStr = c"minicov";
const SOURCE: &str = include_str!("module.py");

/// Has `import minicov` find the module, unless one of `folders` has a module of that name: then the program means that.
/// To be called before the interpreter is initialised.
pub(crate) fn offer(folders: &[&Path]) {
    let is_taken = |folder: &&Path| folder.join("minicov.py").exists() || folder.join("minicov").is_dir();
    if !folders.iter().any(is_taken) {
        // SAFETY: before initialisation; the name is static, and the function makes a module or raises.
        unsafe { raw::PyImport_AppendInittab(NAME.as_ptr(), Some(initialise)) };
    }
}

unsafe extern "C" fn initialise() -> *mut raw::PyObject {
    // SAFETY: modules are imported attached.
    let py = unsafe { Python::assume_attached() };
    match module(py) {
        Ok(module) => module.into_ptr(),
        Err(error) => {
            error.restore(py);
            ptr::null_mut()
        }
    }
}

fn module(py: Python<'_>) -> PyResult<Bound<'_, PyModule>> {
    let definition = Box::leak(Box::new(raw::PyModuleDef {
        m_base: raw::PyModuleDef_HEAD_INIT,
        m_name: NAME.as_ptr(),
        m_doc: ptr::null(),
        // State of its own it has none; further interpreters go without the module.
        m_size: -1,
        m_methods: ptr::null_mut(),
        m_slots: ptr::null_mut(),
        m_traverse: None,
        m_clear: None,
        m_free: None,
    }));
    // SAFETY: attached; the definition is complete and never freed.
    let module = unsafe { raw::PyModule_Create(definition) };
    // SAFETY: a new reference, or null with an exception set.
    let module = unsafe { Bound::from_owned_ptr_or_err(py, module) }?.cast_into::<PyModule>()?;
    module.add("_switch", function(py, c"_switch", switch)?)?;
    module.add("_current", function(py, c"_current", current)?)?;
    let builtins = py.import("builtins")?;
    module.add("__builtins__", &builtins)?;
    let code = builtins.getattr("compile")?.call1((SOURCE, "<minicov>", "exec"))?;
    builtins.getattr("exec")?.call1((code, module.dict()))?;
    Ok(module)
}

/// A Python callable round a raw function. Its definition lives as long as the process.
fn function<'py>(
    py: Python<'py>,
    name: &'static CStr,
    function: raw::PyCFunction,
) -> PyResult<Bound<'py, PyAny>> {
    let definition = Box::leak(Box::new(raw::PyMethodDef {
        ml_name: name.as_ptr(),
        ml_meth: raw::PyMethodDefPointer { PyCFunction: function },
        ml_flags: raw::METH_O,
        ml_doc: ptr::null(),
    }));
    // SAFETY: attached; the definition is complete and never freed.
    let callable = unsafe { raw::PyCFunction_NewEx(definition, ptr::null_mut(), ptr::null_mut()) };
    // SAFETY: a new reference, or null with an exception set.
    unsafe { Bound::from_owned_ptr_or_err(py, callable) }
}

/// `_switch(label)`: the context that was left.
unsafe extern "C" fn switch(_module: *mut raw::PyObject, label: *mut raw::PyObject) -> *mut raw::PyObject {
    // SAFETY: functions are called attached.
    let py = unsafe { Python::assume_attached() };
    // SAFETY: METH_O gives one valid object, which outlives the call.
    let label = unsafe { Borrowed::from_ptr(py, label) };
    let label =
        label.cast::<PyString>().map(|label| label.to_string_lossy().into_owned()).unwrap_or_default();
    let before = active().map_or_else(String::new, |session| {
        guard(py, session, [String::new(), String::new()], || {
            if !contexts::are_tracked() {
                session.begin_tracking(py)?;
            }
            let before = contexts::switch(py, session, contexts::number(session, &label));
            Ok(contexts::label_of(before))
        })
    });
    PyString::new(py, &before).into_ptr().cast()
}

/// `_current(None)`: the context of this thread.
unsafe extern "C" fn current(_module: *mut raw::PyObject, _none: *mut raw::PyObject) -> *mut raw::PyObject {
    // SAFETY: functions are called attached.
    let py = unsafe { Python::assume_attached() };
    let current = if active().is_some() { contexts::current() } else { String::new() };
    PyString::new(py, &current).into_ptr().cast()
}
