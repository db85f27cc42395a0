//! From source text to [`CodeShape`]: what the interpreter's own compiler makes of it.
//!
//! Must not know: what is done with the shape. Invariant: compiling runs none of the user's code and prints nothing.

use pyo3::exceptions::{PySyntaxError, PyUnicodeDecodeError, PyValueError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyCode, PyDict, PyString, PyTuple};

use super::ffi::{
    CO_CONSTS, CO_EXCEPTIONTABLE, CO_FIRSTLINENO, CO_FLAGS, CO_LINETABLE, CO_NAME, CO_QUALNAME,
};
use crate::model::CodeShape;

#[derive(Debug, thiserror::Error)]
pub(crate) enum CompileError {
    /// Python's own words, without the file's name.
    #[error("{message:?} at line {line}")]
    Syntax { message: String, line: u32 },
    #[error("{0}")]
    Other(String),
}

/// Compiles `source` (the bytes of a file, so that Python reads its coding cookie) as a module.
pub(crate) fn compile(py: Python<'_>, source: &[u8], filename: &str) -> Result<CodeShape, CompileError> {
    let code = try_compile(py, source, filename).map_err(|error| describe(py, &error))?;
    shape(&code).map_err(|error| describe(py, &error))
}

fn try_compile<'py>(py: Python<'py>, source: &[u8], filename: &str) -> PyResult<Bound<'py, PyAny>> {
    let arguments = (PyBytes::new(py, source), filename, "exec");
    let options = PyDict::new(py);
    options.set_item("dont_inherit", true)?;
    py.import("builtins")?.getattr("compile")?.call(arguments, Some(&options))
}

/// Takes a code object and all nested in it out of Python.
fn shape(code: &Bound<'_, PyAny>) -> PyResult<CodeShape> {
    let children = nested_code(code)?.iter().map(shape).collect::<PyResult<_>>()?;
    Ok(CodeShape { children, ..lone_shape(code)? })
}

/// The code objects among the constants of `code`.
pub(crate) fn nested_code<'py>(code: &Bound<'py, PyAny>) -> PyResult<Vec<Bound<'py, PyAny>>> {
    let constants = CO_CONSTS.of(code)?.cast_into::<PyTuple>()?;
    Ok(constants.iter().filter(PyAnyMethods::is_instance_of::<PyCode>).collect())
}

/// Takes a code object out of Python, without those nested in it.
pub(crate) fn lone_shape(code: &Bound<'_, PyAny>) -> PyResult<CodeShape> {
    Ok(CodeShape {
        name: text(&CO_NAME.of(code)?),
        qualname: text(&CO_QUALNAME.of(code)?),
        first_line: CO_FIRSTLINENO.number_of(code)?,
        flags: CO_FLAGS.number_of(code)?.cast_unsigned(),
        code: bytes(&code.getattr(intern!(code.py(), "co_code"))?)?,
        line_table: bytes(&CO_LINETABLE.of(code)?)?,
        exception_table: bytes(&CO_EXCEPTIONTABLE.of(code)?)?,
        children: Vec::new(),
    })
}

fn text(value: &Bound<'_, PyAny>) -> String {
    value.cast::<PyString>().map(|text| text.to_string_lossy().into_owned()).unwrap_or_default()
}

fn bytes(value: &Bound<'_, PyAny>) -> PyResult<Vec<u8>> {
    Ok(value.cast::<PyBytes>()?.as_bytes().to_vec())
}

fn describe(py: Python<'_>, error: &PyErr) -> CompileError {
    let value = error.value(py);
    if error.is_instance_of::<PySyntaxError>(py) {
        let message = value.getattr("msg").map(|message| text(&message)).unwrap_or_default();
        let line = value.getattr("lineno").and_then(|line| line.extract()).unwrap_or(0);
        return CompileError::Syntax { message, line };
    }
    if error.is_instance_of::<PyUnicodeDecodeError>(py) || error.is_instance_of::<PyValueError>(py) {
        return CompileError::Other(value.to_string());
    }
    CompileError::Other(error.to_string())
}
