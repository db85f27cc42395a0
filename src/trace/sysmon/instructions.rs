//! Having the events of a code object's instructions tell of sides of branches, where one event serves both sides of a branch
//! (CPython 3.12 and 3.13).
//!
//! The event of a branch that always goes one way comes each time, and cannot be turned off for that side alone. Where the other
//! side begins with an instruction to which nothing else leads, the event of that tells: it is on until it has come, at no price
//! as long as the instruction is not reached. So once a branch has told nothing many times, the events of all instructions of
//! its code go on; each that runs is heard of once more, and then only those are on that have never run.
//!
//! Invariant: where contexts are tracked they are off, since switches turn on again what was turned off event by event. So they
//! are in builds without the GIL: another thread could go on with a branch whose events are off before those of instructions are
//! on.

use pyo3::prelude::*;

use super::{TOOL_IDS, TOOL_NAME, Tool, lines};
use crate::python::ffi;
use crate::trace::branches::BranchState;
use crate::trace::code::CodeState;
use crate::trace::contexts;

impl Tool {
    /// Whether instructions may be made to tell.
    pub(super) fn may_have_instructions_tell(&self) -> bool {
        !cfg!(Py_GIL_DISABLED) && self.set_local_events.is_some() && !contexts::are_tracked()
    }

    /// Has the instructions of a code object tell from now on, if that can be had.
    pub(super) fn have_instructions_tell(
        &self,
        code: &Bound<'_, PyAny>,
        state: &CodeState,
        branches: &BranchState,
    ) -> PyResult<()> {
        branches.have_instructions_tell(true);
        let events = self.events_in(Some(state), None);
        // Those that were on from the beginning are turned on again.
        let is_done =
            self.watch(code, events & !self.instructions).and_then(|_| self.watch_for_good(code, events));
        if matches!(is_done, Ok(true)) {
            return lines::remember(code);
        }
        branches.have_instructions_tell(false);
        is_done.map(|_| ())
    }

    /// Turns events on in a code object, those of instructions among them, which are off, so that they stay on when another tool
    /// comes. Tells whether it was done.
    ///
    /// Where a code object has had events of one tool only, CPython keeps no record of who wants those of an instruction, and makes
    /// an empty one when a second tool comes: `sys.settrace()` is one (seen with 3.12.1, 3.13.0, 3.14.10 and 3.15.2,
    /// `Python/instrumentation.c`, `update_instrumentation_data`). So while they are turned on, another tool wants all the other
    /// events; not those of instructions, since CPython 3.12.0 looks for the records of other events past instructions only
    /// (gh-109371).
    pub(super) fn watch_for_good(&self, code: &Bound<'_, PyAny>, events: u32) -> PyResult<bool> {
        let py = code.py();
        let Some(monitoring) = ffi::sys_attribute(py, c"monitoring") else { return Ok(false) };
        let is_free = |id: &u8| match monitoring.call_method1("use_tool_id", (*id, TOOL_NAME)) {
            Ok(_) => true,
            Err(error) => {
                ffi::discard(error, py);
                false
            }
        };
        let Some(other) = TOOL_IDS.into_iter().find(is_free) else { return Ok(false) };
        let want = |events: u32| monitoring.call_method1("set_local_events", (other, code, events));
        let is_done = want(events & !self.instructions).and_then(|_| self.watch(code, events));
        let is_undone = want(0).and_then(|_| monitoring.call_method1("free_tool_id", (other,)));
        is_done.and_then(|is_done| is_undone.map(|_| is_done))
    }
}
