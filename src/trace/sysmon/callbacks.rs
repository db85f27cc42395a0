//! The events that this core takes, and how CPython tells of them.
//!
//! Must not know: what is made of an event. Invariant: a panic or an error never leaves a callback; what cannot be turned off
//! is never answered with `DISABLE`.
#![expect(unsafe_code, reason = "tracer callbacks are raw C functions")]

use std::ffi::CStr;
use std::ptr;

use pyo3::Borrowed;
use pyo3::exceptions::PyValueError;
use pyo3::ffi as raw;
use pyo3::prelude::*;

use super::events::{
    branch, instruction, jump, left_side, line, py_resume, py_return, py_start, py_unwind, py_yield,
    right_side, told_side, told_start,
};
use super::{CAPSULE, MAIN, Tool};
use crate::model::{BranchDetail, Edge};
use crate::trace::branches::Outlook;
use crate::trace::contexts;
use crate::trace::session::{Session, active, guard};

/// The raw function that CPython calls for an event, round a handler.
macro_rules! callback {
    ($handle:ident) => {{
        unsafe extern "C" fn raw_callback(
            own: *mut raw::PyObject,
            arguments: *mut *mut raw::PyObject,
            given: raw::Py_ssize_t,
        ) -> *mut raw::PyObject {
            // SAFETY: these are this function's own arguments, and CPython calls it attached.
            unsafe { respond(own, arguments, given, $handle) }
        }
        raw_callback
    }};
}

/// The events, by their names in `sys.monitoring.events`, and who takes them.
pub(super) type Callback = (&'static str, &'static CStr, raw::PyCFunctionFast);

pub(super) const START: Callback = ("PY_START", c"minicov_py_start", callback!(py_start));
pub(super) const LINE: Callback = ("LINE", c"minicov_line", callback!(line));
/// What tells of branches where each side of one has an event of its own (3.14).
pub(super) const SIDES: [Callback; 2] = [
    ("BRANCH_LEFT", c"minicov_branch_left", callback!(left_side)),
    ("BRANCH_RIGHT", c"minicov_branch_right", callback!(right_side)),
];
/// What tells of branches where both sides share one (3.12, 3.13).
pub(super) const BOTH_SIDES: [Callback; 1] = [("BRANCH", c"minicov_branch", callback!(branch))];
/// The same for the core `settrace`, which sees lines itself.
pub(super) const TOLD_SIDES: [Callback; 2] = [
    ("BRANCH_LEFT", c"minicov_told_left", callback!(told_side)),
    ("BRANCH_RIGHT", c"minicov_told_right", callback!(told_side)),
];
pub(super) const TOLD_BOTH_SIDES: [Callback; 1] = [("BRANCH", c"minicov_told", callback!(told_side))];
pub(super) const TOLD_START: Callback = ("PY_START", c"minicov_told_start", callback!(told_start));
/// What tells of functions left, and that the rest of a branch's line went well.
pub(super) const ENDS_OF_LINES: [Callback; 2] =
    [("PY_RETURN", c"minicov_py_return", callback!(py_return)), ("JUMP", c"minicov_jump", callback!(jump))];

/// What tells that the frame of a test is left: with a value, or for a while, and that it goes on.
pub(super) const PAUSES: [Callback; 2] = [
    ("PY_YIELD", c"minicov_py_yield", callback!(py_yield)),
    ("PY_RESUME", c"minicov_py_resume", callback!(py_resume)),
];
/// What tells that a frame is left by an exception. It cannot be had for one code object (CPython 3.12–3.14), nor be turned
/// off where it happens.
pub(super) const UNWIND: Callback = ("PY_UNWIND", c"minicov_py_unwind", unwind_callback);

/// What tells that an instruction was reached, in code where that is a question.
pub(super) const INSTRUCTION: Callback = ("INSTRUCTION", c"minicov_instruction", callback!(instruction));

/// Whether the interpreter has an event for each side of a branch, as 3.14 does: it says so itself.
pub(super) fn has_sides(events: &Bound<'_, PyAny>) -> PyResult<bool> {
    events.hasattr("BRANCH_LEFT")
}

/// The events of measured code.
pub(super) fn local_callbacks(
    events: &Bound<'_, PyAny>,
    branches: Option<BranchDetail>,
) -> PyResult<Vec<Callback>> {
    let mut local = vec![LINE];
    if branches.is_some() {
        local.extend_from_slice(if has_sides(events)? { &SIDES } else { &BOTH_SIDES });
        local.extend_from_slice(&ENDS_OF_LINES);
    }
    Ok(local)
}

/// All events that this core takes, with those of measured code.
pub(super) fn all_callbacks(
    events: &Bound<'_, PyAny>,
    mut local: Vec<Callback>,
    branches: Option<BranchDetail>,
) -> PyResult<Vec<Callback>> {
    local.extend([START, INSTRUCTION, UNWIND, ENDS_OF_LINES[0]]);
    local.extend(PAUSES);
    if branches.is_none() && has_sides(events)? {
        local.extend(SIDES);
    }
    Ok(local)
}

/// A Python callable round a raw function. Its definition lives as long as the process.
pub(super) fn fastcall<'py>(
    py: Python<'py>,
    name: &'static CStr,
    function: raw::PyCFunctionFast,
    own: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let definition = Box::leak(Box::new(raw::PyMethodDef {
        ml_name: name.as_ptr(),
        ml_meth: raw::PyMethodDefPointer { PyCFunctionFast: function },
        ml_flags: raw::METH_FASTCALL,
        ml_doc: ptr::null(),
    }));
    let own = own.map_or(ptr::null_mut(), Bound::as_ptr);
    // SAFETY: attached; the definition is complete and never freed; the function keeps `own` alive.
    let callable = unsafe { raw::PyCFunction_NewEx(definition, own, ptr::null_mut()) };
    // SAFETY: a new reference, or null with an exception set.
    unsafe { Bound::from_owned_ptr_or_err(py, callable) }
}

/// The callback of [`UNWIND`], whose answer must never be that the event be turned off.
unsafe extern "C" fn unwind_callback(
    own: *mut raw::PyObject,
    arguments: *mut *mut raw::PyObject,
    given: raw::Py_ssize_t,
) -> *mut raw::PyObject {
    // SAFETY: these are this function's own arguments, and CPython calls it attached.
    let answer = unsafe { respond(own, arguments, given, py_unwind) };
    // SAFETY: a new reference.
    unsafe { raw::Py_DECREF(answer) };
    // SAFETY: attached.
    unsafe { Python::assume_attached() }.None().into_ptr()
}

/// What becomes of an event at the place where it happened.
pub(super) enum Answer {
    /// Nothing more can be learned there: the event is turned off.
    Disable,
    /// The event stays on.
    Keep,
}

impl From<Outlook> for Answer {
    fn from(outlook: Outlook) -> Self {
        match outlook {
            Outlook::Open => Self::Keep,
            Outlook::Settled => Self::Disable,
        }
    }
}

/// An event as a callback is told of it.
pub(super) struct Event<'a, 'py> {
    pub(super) code: &'a Bound<'py, PyAny>,
    /// What follows the code object: offsets or a line number.
    numbers: &'a [Borrowed<'a, 'py, PyAny>],
}

impl Event<'_, '_> {
    /// Fails where the program itself calls our callback, with arguments of its own.
    #[inline]
    pub(super) fn number(&self, index: usize) -> PyResult<u32> {
        self.numbers.get(index).ok_or_else(|| PyValueError::new_err("an argument is missing"))?.extract()
    }

    pub(super) fn edge(&self) -> PyResult<Edge> {
        Ok(Edge { from: self.number(0)?, to: self.number(1)? })
    }
}

/// Hands an event to `handle`.
///
/// # Safety
/// To be called from a METH_FASTCALL function made by [`fastcall`], attached, with its own arguments.
unsafe fn respond(
    own: *mut raw::PyObject,
    arguments: *mut *mut raw::PyObject,
    given: raw::Py_ssize_t,
    handle: fn(&Tool, &Session, &Event) -> PyResult<Answer>,
) -> *mut raw::PyObject {
    // SAFETY: the caller vouches for it.
    let py = unsafe { Python::assume_attached() };
    let Some((main, disable)) = MAIN.get() else { return py.None().into_ptr() };
    if given == 0 {
        return py.None().into_ptr();
    }
    let tool = if own.is_null() {
        main
    } else {
        // SAFETY: `own` is a capsule of this name.
        let tool = unsafe { raw::PyCapsule_GetPointer(own, CAPSULE.as_ptr()) };
        // SAFETY: a tool is in it, which lives as long as the capsule, which the called function keeps alive.
        unsafe { &*tool.cast::<Tool>() }
    };
    let answer = match active() {
        None => Answer::Disable,
        Some(session) => guard(py, session, [Answer::Keep, Answer::Disable], || {
            // SAFETY: a METH_FASTCALL function gets `given` valid references, which outlive the call; a borrowed
            // reference is a pointer.
            let arguments = unsafe {
                std::slice::from_raw_parts::<Borrowed<'_, '_, PyAny>>(arguments.cast(), given.unsigned_abs())
            };
            match arguments {
                [code, numbers @ ..] => handle(tool, session, &Event { code, numbers }),
                [] => Ok(Answer::Disable),
            }
        }),
    };
    match answer {
        Answer::Disable if !must_stay_on(own) => disable.clone_ref(py).into_ptr(),
        Answer::Disable | Answer::Keep => py.None().into_ptr(),
    }
}

/// Whether no event may be turned off now: threads have different contexts, or the interpreter is one whose events are not
/// turned on again.
fn must_stay_on(own: *mut raw::PyObject) -> bool {
    contexts::are_tracked() && (contexts::are_mixed() || !own.is_null())
}
