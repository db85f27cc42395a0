//! From source text to [`CodeShape`]: what the interpreter's own compiler makes of it.
//!
//! Must not know: what is done with the shape. Invariant: compiling runs none of the user's code and prints nothing.

use pyo3::exceptions::{PySyntaxError, PyUnicodeDecodeError, PyValueError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyCode, PyDict, PyString, PyTuple};

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
    let constants = code.getattr(intern!(code.py(), "co_consts"))?.cast_into::<PyTuple>()?;
    Ok(constants.iter().filter(PyAnyMethods::is_instance_of::<PyCode>).collect())
}

/// Takes a code object out of Python, without those nested in it.
pub(crate) fn lone_shape(code: &Bound<'_, PyAny>) -> PyResult<CodeShape> {
    let py = code.py();
    Ok(CodeShape {
        name: text(&code.getattr(intern!(py, "co_name"))?),
        qualname: text(&code.getattr(intern!(py, "co_qualname"))?),
        first_line: code.getattr(intern!(py, "co_firstlineno"))?.extract()?,
        flags: code.getattr(intern!(py, "co_flags"))?.extract()?,
        code: bytes(&code.getattr(intern!(py, "co_code"))?)?,
        line_table: bytes(&code.getattr(intern!(py, "co_linetable"))?)?,
        exception_table: bytes(&code.getattr(intern!(py, "co_exceptiontable"))?)?,
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
