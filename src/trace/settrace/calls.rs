//! The calls under way in a thread, and what is known of each.
//!
//! Must not know: what events tell. Invariant: an activation stands for one frame that is under way, or that waits for one
//! which is.
#![expect(unsafe_code, reason = "tracer callbacks are raw C functions")]

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ptr::NonNull;

use pyo3::ffi as raw;
use pyo3::prelude::*;

use super::frames::{code_of, line_of, offset_of, state_of_frame};
use crate::bytecode::ControlFlow;
use crate::model::LineNo;
use crate::python;
use crate::trace::code::CodeState;
use crate::trace::session::{Session, active};

/// Whether CPython has a frame go on without a word when what it awaits has caught an exception thrown into both and returns
/// (3.11 `Objects/genobject.c`, `_gen_throw`; mended in 3.12).
pub(super) const GOES_ON_SILENTLY: bool = cfg!(not(Py_3_12));

/// A call under way in this thread.
pub(super) struct Activation {
    pub(super) frame: *mut raw::PyFrameObject,
    /// `None`: not measured. The code object lives at least as long as its frame, and the state as long as the code.
    pub(super) state: Option<NonNull<CodeState>>,
    /// The line that ran last; 0 before the first, and after an exception that nobody asked for.
    pub(super) last: LineNo,
    /// Whether a `raise` statement on that line has just raised.
    pub(super) raising: bool,
    /// The line and the offset of a branch that is about to take a side.
    pub(super) branch: Option<(LineNo, u32)>,
    /// Whether opcode events are on in the frame, once that is known.
    pub(super) opcodes: Option<bool>,
    /// Whether no event but the call has come yet.
    pub(super) is_new: bool,
    /// Whether the frame only waits for the one above, into which an exception was thrown: no event tells if it goes on.
    pub(super) waits: bool,
}

impl Activation {
    pub(super) fn new(
        frame: *mut raw::PyFrameObject,
        state: Option<NonNull<CodeState>>,
        last: LineNo,
    ) -> Self {
        Self { frame, state, last, raising: false, branch: None, opcodes: None, is_new: false, waits: false }
    }
}

thread_local! {
    /// The calls under way, innermost last. Frames that began before tracing did are missing.
    pub(super) static CALLS: RefCell<Vec<Activation>> = const { RefCell::new(Vec::new()) };

    /// By frame that is left for a while: the line of the `raise` statement whose exception waits in it for the manager of an
    /// `async with`.
    static RAISED_BEFORE_PAUSE: RefCell<BTreeMap<usize, LineNo>> = const { RefCell::new(BTreeMap::new()) };
}

/// So many frames are remembered: some never go on.
const PAUSED_FRAMES: usize = 1000;

/// A frame is left for a while, or forever; `raised` is the line of a `raise` statement whose exception waits in it.
pub(super) fn pause(frame: *mut raw::PyFrameObject, raised: Option<LineNo>) {
    let _ = RAISED_BEFORE_PAUSE.try_with(|paused| {
        let mut paused = paused.borrow_mut();
        if paused.len() >= PAUSED_FRAMES {
            paused.clear();
        }
        match raised {
            Some(line) => paused.insert(frame.addr(), line),
            None => paused.remove(&frame.addr()),
        };
    });
}

/// A frame goes on; gives the line with which it was [paused](pause).
pub(super) fn resume(frame: *mut raw::PyFrameObject) -> Option<LineNo> {
    RAISED_BEFORE_PAUSE.try_with(|paused| paused.borrow_mut().remove(&frame.addr())).ok().flatten()
}

/// Whether there is room for calls: a thread that is about to end has none any more.
pub(super) fn can_note_calls() -> bool {
    CALLS.try_with(|_| ()).is_ok()
}

/// Has the activation of a frame stand last; tells whether there is one. Others may stand above it where greenlets take
/// turns in the middle of calls.
pub(super) fn bring_up(calls: &mut Vec<Activation>, frame: *mut raw::PyFrameObject) -> bool {
    let Some(place) = calls.iter().rposition(|activation| activation.frame == frame) else { return false };
    if place + 1 < calls.len() {
        let activation = calls.remove(place);
        calls.push(activation);
    }
    true
}

/// Takes note of a frame that is under way, at the line `last`.
///
/// # Safety
/// Attached, with a live frame.
pub(super) unsafe fn adopt(session: &Session, frame: *mut raw::PyFrameObject, last: LineNo) -> PyResult<()> {
    // SAFETY: the caller vouches for it.
    let state = unsafe { state_of_frame(session, frame) }?;
    CALLS.with_borrow_mut(|calls| {
        calls.push(Activation::new(frame, state, last));
    });
    Ok(())
}

/// Takes note, below the frame that was called last and into which an exception is thrown, of the frames that await it: where
/// it catches the exception and returns, they go on from the lines on which they wait.
///
/// # Safety
/// Attached, with a live frame.
pub(super) unsafe fn take_in_waiting(session: &Session, frame: *mut raw::PyFrameObject) -> PyResult<()> {
    let place = CALLS.with_borrow(Vec::len).saturating_sub(1);
    let mut waiting = Vec::new();
    // SAFETY: the frame is alive; a new reference or null.
    let mut outer = unsafe { raw::PyFrame_GetBack(frame) };
    while !outer.is_null() && !CALLS.with_borrow(|calls| calls.iter().rev().any(|known| known.frame == outer))
    {
        // SAFETY: the frame is alive.
        let state = unsafe { state_of_frame(session, outer) };
        // SAFETY: as above.
        waiting.push(state.map(|state| (outer, state, unsafe { line_of(outer) })));
        // SAFETY: the frame is alive; a new reference or null.
        let next = unsafe { raw::PyFrame_GetBack(outer) };
        // SAFETY: owned by this loop; what awaits a frame that runs keeps its own alive.
        unsafe { raw::Py_DECREF(outer.cast()) };
        outer = next;
    }
    if !outer.is_null() {
        // SAFETY: as above.
        unsafe { raw::Py_DECREF(outer.cast()) };
    }
    for known in waiting {
        let (outer, state, line) = known?;
        // SAFETY: the state lives as long as the frame's code object, and the frame is alive.
        if state.is_some_and(|state| unsafe { state.as_ref() }.may_go_on_silently()) {
            let waiting = Activation { waits: true, ..Activation::new(outer, state, line) };
            CALLS.with_borrow_mut(|calls| calls.insert(place.min(calls.len()), waiting));
        }
    }
    Ok(())
}

/// Has the frames that await the one which was just left, and was thrown into, wait no more: unless it returned a value they
/// do not go on, or an event tells of it.
///
/// # Safety
/// Attached, with a live frame.
pub(super) unsafe fn forget_waiting(frame: *mut raw::PyFrameObject, has_value: bool) -> PyResult<()> {
    if !GOES_ON_SILENTLY || !CALLS.with_borrow(|calls| calls.last().is_some_and(|outer| outer.waits)) {
        return Ok(());
    }
    // SAFETY: the caller vouches for the frame.
    let returns = match unsafe { offset_of(frame) } {
        Some(offset) if has_value => {
            // SAFETY: as above.
            ControlFlow::new(&python::lone_shape(&unsafe { code_of(frame) })?).returns_at(offset)
        }
        Some(_) | None => false,
    };
    if !returns {
        CALLS.with_borrow_mut(|calls| while calls.pop_if(|outer| outer.waits).is_some() {});
    }
    Ok(())
}

/// Keeps only the activations of frames that are under way: others ended while the program had a trace function of its own,
/// and their places may be another frame's by now.
pub(super) fn forget_ended_frames() {
    if CALLS.with_borrow(Vec::is_empty) {
        return;
    }
    let mut under_way = Vec::new();
    // SAFETY: called with the thread attached; a borrowed reference or null.
    let mut frame = unsafe { raw::PyEval_GetFrame() };
    if !frame.is_null() {
        // SAFETY: alive; from here on each frame of the chain is owned.
        unsafe { raw::Py_INCREF(frame.cast()) };
    }
    while !frame.is_null() {
        // SAFETY: the frame is alive.
        let state = active().and_then(|session| unsafe { state_of_frame(session, frame) }.ok());
        under_way.push((frame, state.flatten()));
        // SAFETY: the frame is alive; a new reference or null.
        let back = unsafe { raw::PyFrame_GetBack(frame) };
        // SAFETY: owned by this loop; the interpreter keeps a frame that is under way alive.
        unsafe { raw::Py_DECREF(frame.cast()) };
        frame = back;
    }
    CALLS.with_borrow_mut(|calls| {
        calls.retain(|activation| under_way.contains(&(activation.frame, activation.state)));
    });
}
