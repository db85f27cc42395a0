//! A plugin for pytest that leaves tests out, made in memory.
//!
//! Must not know: why these tests. Invariant: nothing is imported, and nothing happens unless pytest is told of the plugin.

use std::ffi::CString;

use pyo3::prelude::*;
use pyo3::types::PyFrozenSet;

/// What the plugin is called, for pytest's `-p`.
pub(crate) const SELECTION_PLUGIN: &str = "minicov_selection";

const SOURCE: &str = include_str!("selection.py");

/// Makes the plugin: pytest will leave out the tests of these node ids.
pub(crate) fn make_selection_plugin(py: Python<'_>, unneeded: &[String]) -> PyResult<()> {
    let (source, name) = (CString::new(SOURCE)?, CString::new(SELECTION_PLUGIN)?);
    let module = PyModule::from_code(py, &source, c"<minicov>", &name)?;
    module.setattr("UNNEEDED", PyFrozenSet::new(py, unneeded)?)?;
    // `from_code` may leave that to its caller.
    py.import("sys")?.getattr("modules")?.set_item(SELECTION_PLUGIN, module)
}
