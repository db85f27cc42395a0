//! The core for CPython 3.11, and an independent check on newer versions: `PyEval_SetTrace` with a function of ours.
//!
//! Must not know: what becomes of what was observed. Invariant: the program sees no trace function but its own.
//!
//! Start reading at [`trace`], which CPython calls; `threads` tells how each thread gets it.
#![expect(unsafe_code, reason = "tracer callbacks are raw C functions")]

mod calls;
mod events;
mod frames;
mod threads;
mod unwatched;

use std::ffi::c_int;

use pyo3::ffi as raw;
use pyo3::prelude::*;

use super::TraceError;
use super::code::reserve_slot;
use super::session::{active, guard, prepare_for_errors};
use super::test_frames::TestFrame;
use crate::model::{BranchDetail, DynamicContexts};

pub(super) fn install(
    py: Python<'_>,
    branches: Option<BranchDetail>,
    _dynamic: DynamicContexts,
) -> Result<(), TraceError> {
    reserve_slot(py)?;
    #[cfg(Py_3_12)]
    if branches == Some(BranchDetail::Sides) {
        super::sysmon::install_sides(py)?;
    }
    #[cfg(not(Py_3_12))]
    let _ = branches;
    prepare_for_errors(py);
    threads::trace_all(py)?;
    Ok(())
}

/// Has events come again that were given up.
#[cfg_attr(not(Py_3_12), expect(clippy::unnecessary_wraps, reason = "as the other core has it"))]
pub(super) fn restart(py: Python<'_>) -> PyResult<()> {
    // SAFETY: a token is given, so the thread is attached.
    unsafe { unwatched::watch_again() };
    #[cfg(Py_3_12)]
    super::sysmon::restart(py)?;
    let _ = py;
    Ok(())
}

/// The trace function: called for each call, line and return of the thread.
unsafe extern "C" fn trace(
    _object: *mut raw::PyObject,
    frame: *mut raw::PyFrameObject,
    what: c_int,
    argument: *mut raw::PyObject,
) -> c_int {
    let Some(session) = active() else { return 0 };
    // SAFETY: CPython calls attached.
    let py = unsafe { Python::assume_attached() };
    guard(py, session, [(), ()], || {
        match what {
            // SAFETY: CPython calls attached, with a live frame.
            raw::PyTrace_CALL => unsafe { events::call(session, frame) }?,
            // SAFETY: as above.
            raw::PyTrace_LINE => unsafe { events::line(session, frame) }?,
            // SAFETY: as above; the argument is the exception as a tuple.
            raw::PyTrace_EXCEPTION => unsafe { events::exception(session, frame, argument) }?,
            // SAFETY: as above.
            raw::PyTrace_OPCODE => unsafe { events::opcode(session, frame) }?,
            // SAFETY: as above; the argument is null when an exception leaves the frame.
            raw::PyTrace_RETURN => {
                // SAFETY: as above.
                let left = unsafe { events::leave(session, frame, !argument.is_null()) };
                TestFrame::end(py, session);
                left?;
            }
            _ => (),
        }
        Ok(())
    });
    0
}
