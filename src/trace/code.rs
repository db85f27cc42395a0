//! What the tracer knows of one code object, and where that hangs: in a slot of the code object itself.
//!
//! Must not know: how events arrive. Invariant: the state dies with its code object, so a code object made at the same
//! address later never inherits it.
#![expect(
    unsafe_code,
    reason = "the slot of a code object holds a raw pointer; it becomes a reference here only"
)]

use std::ffi::c_void;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::TraceError;
use super::session::Session;
use crate::bytecode;
use crate::model::{CodeShape, LineNo, MAX_LINE};
use crate::python::ffi::CodeSlot;

static SLOT: OnceLock<CodeSlot> = OnceLock::new();

/// Stands in the slot of code that is not measured: no address of a [`CodeState`].
const UNMEASURED: *mut c_void = std::ptr::without_provenance_mut(1);

/// The state of a measured code object.
pub(super) struct CodeState {
    /// The file's number in the journal.
    file: u32,
    /// The least line of the code.
    base: LineNo,
    /// One bit a line, from `base` on: whether it was recorded.
    seen: Box<[AtomicU64]>,
}

impl CodeState {
    pub(super) fn new(code: &Bound<'_, PyAny>, file: u32) -> PyResult<Self> {
        let py = code.py();
        let table = code.getattr(intern!(py, "co_linetable"))?.cast_into::<PyBytes>()?;
        let shape = CodeShape {
            first_line: code.getattr(intern!(py, "co_firstlineno"))?.extract()?,
            line_table: table.as_bytes().to_vec(),
            ..CodeShape::default()
        };
        let (base, last) = bytecode::line_range(&shape).unwrap_or((1, 0));
        let lines = (last.min(MAX_LINE) + 1).saturating_sub(base) as usize;
        Ok(Self { file, base, seen: (0..lines.div_ceil(64)).map(|_| AtomicU64::new(0)).collect() })
    }

    pub(super) fn file(&self) -> u32 {
        self.file
    }

    /// Whether `line` was not recorded before; marks it. A line outside the code's table counts as recorded.
    pub(super) fn first_hit(&self, line: LineNo) -> bool {
        let index = line.wrapping_sub(self.base) as usize;
        let bit = 1 << (index % 64);
        match self.seen.get(index / 64) {
            // A plain load first: the trace function of the settrace core comes by at every hit.
            Some(word) => {
                word.load(Ordering::Relaxed) & bit == 0 && word.fetch_or(bit, Ordering::Relaxed) & bit == 0
            }
            None => false,
        }
    }
}

/// Takes a slot in all code objects. Once per process, before the first event.
pub(super) fn reserve_slot(py: Python<'_>) -> Result<(), TraceError> {
    if SLOT.get().is_none() {
        let slot = CodeSlot::request(py, free).ok_or(TraceError::NoCodeSlot)?;
        let _ = SLOT.set(slot);
    }
    Ok(())
}

/// Called by CPython when a code object dies.
unsafe extern "C" fn free(pointer: *mut c_void) {
    if !pointer.is_null() && pointer != UNMEASURED {
        // SAFETY: every other pointer in a slot came from `Box::into_raw` in `state_of`, and is freed once.
        drop(unsafe { Box::from_raw(pointer.cast::<CodeState>()) });
    }
}

/// What is known of `code`, asking the session at first sight. `None`: not measured.
///
/// The state lives as long as the code object, which `code` keeps alive.
pub(super) fn state_of<'a>(session: &Session, code: &'a Bound<'_, PyAny>) -> PyResult<Option<&'a CodeState>> {
    let Some(slot) = SLOT.get() else { return Ok(None) };
    // SAFETY: `code` is a code object (every event names one), alive, and this thread is attached.
    let mut pointer = unsafe { slot.get(code.as_ptr()) };
    if pointer.is_null() {
        pointer = match session.admit(code)? {
            Some(state) => Box::into_raw(Box::new(state)).cast(),
            None => UNMEASURED,
        };
        // SAFETY: as above; the pointer is what `free` expects.
        if !unsafe { slot.set(code.as_ptr(), pointer) } {
            // SAFETY: the slot did not take the pointer, so it is still ours.
            unsafe { free(pointer) };
            return Ok(None);
        }
    }
    if pointer == UNMEASURED {
        return Ok(None);
    }
    // SAFETY: set above or earlier, and freed only when the code object dies.
    Ok(Some(unsafe { &*pointer.cast::<CodeState>() }))
}
