//! Line events of a code object as a whole: off when they can tell nothing more, and on again (`line_watch.rs` says why).
//!
//! Invariant: where contexts are tracked they are on, since switches turn on again what was turned off event by event.

use std::sync::{Mutex, PoisonError};

use pyo3::prelude::*;
use pyo3::types::{PyWeakrefMethods, PyWeakrefReference};

use super::callbacks::Answer;
use super::{MAIN, Tool};
use crate::bytecode::{ControlFlow, Jumps};
use crate::model::LineNo;
use crate::trace::branches::BranchState;
use crate::trace::code::{CodeState, state_of};
use crate::trace::line_watch::{LineWatch, Turn, Watched};
use crate::trace::session::{Session, active};
use crate::trace::{SIDES_HAVE_EVENTS, contexts, forks};

/// Code objects whose line events were off at some time, or those of instructions on.
static TURNED: Mutex<Vec<Py<PyWeakrefReference>>> = Mutex::new(Vec::new());

impl Tool {
    /// Has the line events of measured code that begins to run watched as a whole, where that may pay: at once where it has
    /// a loop, and else from its second call on. Tells whether the next call is of interest.
    pub(super) fn watch_lines(
        &self,
        session: &Session,
        state: &CodeState,
        code: &Bound<'_, PyAny>,
    ) -> PyResult<Answer> {
        if self.set_local_events.is_none() || contexts::are_tracked() || state.line_watch.get().is_some() {
            return Ok(Answer::Disable);
        }
        let is_first = !state.has_begun();
        match state.traits(code)?.jumps() {
            // There are no line events but those that turn themselves off.
            Jumps::None => return Ok(Answer::Disable),
            Jumps::Forward if is_first => return Ok(Answer::Keep),
            Jumps::Forward | Jumps::Backward => (),
        }
        if session.branches.is_some() && session.branches_of(state, code)?.is_none() {
            return Ok(Answer::Disable);
        }
        let watch = {
            let knows = |line| state.knows_line(line);
            let watched = watched(state, code, &knows)?;
            LineWatch::new(&watched, SIDES_HAVE_EVENTS)
        };
        let Some(watch) = watch else { return Ok(Answer::Disable) };
        if state.line_watch.set(Box::new(watch)).is_ok()
            && let Some(watch) = state.line_watch.get()
        {
            match watch.begin() {
                Some(turn) => self.turn(state, code, turn)?,
                // What was told before is told again, so that the watch hears of it.
                None if !is_first => self.turn(state, code, Turn::On)?,
                None => (),
            }
        }
        Ok(Answer::Disable)
    }

    /// A line was told, and how control came to the place at this offset.
    pub(super) fn told(
        &self,
        state: &CodeState,
        code: &Bound<'_, PyAny>,
        line: LineNo,
        place: Option<u32>,
    ) -> PyResult<()> {
        let Some(watch) = watch_of(state) else { return Ok(()) };
        let turn = watch.told(flow(state, code)?, line, place);
        turn.map_or(Ok(()), |turn| self.turn(state, code, turn))
    }

    /// A branch led to `offset`. Tells whether its event is to stay on.
    pub(super) fn branched(
        &self,
        state: &CodeState,
        code: &Bound<'_, PyAny>,
        offset: u32,
    ) -> PyResult<Answer> {
        let Some(watch) = watch_of(state) else { return Ok(Answer::Disable) };
        let turn = if watch.is_new(offset) {
            let knows = |line| state.knows_line(line);
            watch.branched(offset, &watched(state, code, &knows)?)
        } else if watch.is_patient() {
            watch.wait()
        } else {
            None
        };
        if let Some(turn) = turn {
            self.turn(state, code, turn)?;
        }
        Ok(if watch.is_patient() { Answer::Keep } else { Answer::Disable })
    }

    fn turn(&self, state: &CodeState, code: &Bound<'_, PyAny>, turn: Turn) -> PyResult<()> {
        let events = self.events_in(Some(state), None);
        match turn {
            Turn::Off => {
                remember(code)?;
                self.watch(code, events)?;
            }
            Turn::On => {
                for events in [0, events] {
                    self.watch(code, events)?;
                }
            }
        }
        Ok(())
    }
}

/// Sees to it that [`turn_all_on`] comes by.
pub(super) fn remember(code: &Bound<'_, PyAny>) -> PyResult<()> {
    let reference = PyWeakrefReference::new(code)?.unbind();
    let _pass = forks::pass();
    TURNED.lock().unwrap_or_else(PoisonError::into_inner).push(reference);
    Ok(())
}

/// Turns the line events of all code on again, and those of instructions off, for good.
pub(super) fn turn_all_on(py: Python<'_>) -> PyResult<()> {
    let turned = {
        let _pass = forks::pass();
        std::mem::take(&mut *TURNED.lock().unwrap_or_else(PoisonError::into_inner))
    };
    let (Some((tool, _)), Some(session)) = (MAIN.get(), active()) else { return Ok(()) };
    for code in turned.iter().filter_map(|reference| reference.bind(py).upgrade()) {
        let Some(state) = state_of(session, &code)? else { continue };
        if let Some(watch) = state.line_watch.get() {
            watch.stay_on();
        }
        if let Some(branches) = state.branches.get() {
            branches.have_instructions_tell(false);
        }
        tool.watch(&code, tool.events_in(Some(state), None))?;
    }
    Ok(())
}

/// The watch of a code object's line events, unless these must stay on.
fn watch_of(state: &CodeState) -> Option<&LineWatch> {
    state.line_watch.get().map(Box::as_ref).filter(|_| !contexts::are_tracked())
}

fn watched<'a>(
    state: &'a CodeState,
    code: &Bound<'_, PyAny>,
    knows: &'a dyn Fn(LineNo) -> bool,
) -> PyResult<Watched<'a>> {
    Ok(Watched { flow: flow(state, code)?, branches: state.branches.get().map(Box::as_ref), knows })
}

fn flow<'a>(state: &'a CodeState, code: &Bound<'_, PyAny>) -> PyResult<&'a ControlFlow> {
    match state.branches.get() {
        Some(branches) => Ok(BranchState::watch(branches).flow()),
        None => state.flow(code),
    }
}
