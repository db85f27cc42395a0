//! What a frame tells of itself.
//!
//! Must not know: events, calls. Invariant: nothing here changes a frame.
#![expect(unsafe_code, reason = "tracer callbacks are raw C functions")]

use std::ptr::NonNull;
use std::sync::atomic::Ordering;

use pyo3::ffi as raw;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::bytecode::{self, ControlFlow};
use crate::model::LineNo;
use crate::python::ffi;
use crate::trace::code::{CodeState, state_of};
use crate::trace::session::Session;

/// The code object that a frame runs.
///
/// # Safety
/// Attached for as long as the result lives, with a live frame.
pub(super) unsafe fn code_of<'py>(frame: *mut raw::PyFrameObject) -> Bound<'py, PyAny> {
    // SAFETY: the caller vouches for it.
    let py = unsafe { Python::assume_attached() };
    // SAFETY: the frame is alive; the result is a new reference, never null.
    let code = unsafe { raw::PyFrame_GetCode(frame) };
    // SAFETY: as stated.
    unsafe { Bound::from_owned_ptr(py, code.cast()) }
}

/// The line a frame is at; 0 if it has none.
///
/// # Safety
/// Attached, with a live frame.
pub(super) unsafe fn line_of(frame: *mut raw::PyFrameObject) -> LineNo {
    // SAFETY: the caller vouches for it.
    let line = unsafe { raw::PyFrame_GetLineNumber(frame) };
    LineNo::try_from(line).unwrap_or(0)
}

/// Offset in bytes of the instruction a frame is at.
///
/// # Safety
/// Attached, with a live frame.
pub(super) unsafe fn offset_of(frame: *mut raw::PyFrameObject) -> Option<u32> {
    // SAFETY: the caller vouches for it.
    u32::try_from(unsafe { raw::PyFrame_GetLasti(frame) }).ok()
}

/// The state of the code that a frame runs.
///
/// # Safety
/// Attached, with a live frame.
pub(super) unsafe fn state_of_frame(
    session: &Session,
    frame: *mut raw::PyFrameObject,
) -> PyResult<Option<NonNull<CodeState>>> {
    // SAFETY: the caller vouches for it.
    Ok(state_of(session, &unsafe { code_of(frame) })?.map(NonNull::from))
}

/// The code of a frame, taken apart.
///
/// # Safety
/// Attached, with a live frame of the code that the state belongs to.
pub(super) unsafe fn flow_of(state: &CodeState, frame: *mut raw::PyFrameObject) -> PyResult<&ControlFlow> {
    // SAFETY: the caller vouches for it.
    state.flow(&unsafe { code_of(frame) })
}

/// The same where exceptions lead anywhere in it; `None` where they do not, which is told without taking it apart.
///
/// # Safety
/// Attached, with a live frame of the code that the state belongs to.
pub(super) unsafe fn flow_with_handlers(
    state: &CodeState,
    frame: *mut raw::PyFrameObject,
) -> PyResult<Option<&ControlFlow>> {
    // SAFETY: the caller vouches for it.
    let code = unsafe { code_of(frame) };
    let table = ffi::CO_EXCEPTIONTABLE.of(&code)?.cast_into::<PyBytes>()?;
    if table.as_bytes().is_empty() { Ok(None) } else { state.flow(&code).map(Some) }
}

/// Whether the frame is left for good and with a value: not for a while (`yield`), nor by an exception, of which CPython
/// 3.12 tells in the same way.
///
/// # Safety
/// Attached, with a live frame of the code that the state belongs to.
pub(super) unsafe fn is_at_return(state: &CodeState, frame: *mut raw::PyFrameObject) -> PyResult<bool> {
    // SAFETY: the caller vouches for it.
    let Some(offset) = (unsafe { offset_of(frame) }) else { return Ok(false) };
    // SAFETY: as above.
    let code = unsafe { code_of(frame) };
    let unit = ffi::units_in_memory(&code).get(offset as usize / 2);
    if unit.is_some_and(|unit| bytecode::is_return(unit[0].load(Ordering::Relaxed))) {
        return Ok(true);
    }
    Ok(state.flow(&code)?.returns_at(offset))
}

/// Whether a `raise` alone stands where the frame is: an exception that leaves the frame is then its own, for what handlers do
/// on the way out is not told of (CPython 3.11–3.15, `RERAISE` in `Python/bytecodes.c`).
///
/// # Safety
/// Attached, with a live frame of the code that the state belongs to.
pub(super) unsafe fn is_at_bare_raise(state: &CodeState, frame: *mut raw::PyFrameObject) -> PyResult<bool> {
    // SAFETY: the caller vouches for it.
    let Some(offset) = (unsafe { offset_of(frame) }) else { return Ok(false) };
    // SAFETY: as above.
    Ok(unsafe { flow_of(state, frame) }?.raises_again_at(offset))
}
