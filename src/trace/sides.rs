//! Which sides of branches were taken, where the core sees lines. On CPython 3.11 opcode events tell, asked for on lines alone
//! that hold a branch of which a side is unseen, or a decision of which an evaluation is: that version gives them as soon as a
//! frame asks for them. Later ones, where they are instrumentation of the code, give them too late, and have events for
//! branches (`sysmon::install_sides`).
//!
//! Must not know: how events arrive. Invariant: a side is recorded once, and only if control went there.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};

use pyo3::prelude::*;

use super::code::CodeState;
use super::session::Session;
use crate::bytecode::ControlFlow;
use crate::model::{Edge, LineNo};
use crate::python;

/// The branches of a code object and the sides of each that were seen.
pub(super) struct SidesTaken {
    /// The code object's number in the journal.
    code: u32,
    by_line: BTreeMap<LineNo, Vec<BranchSides>>,
}

struct BranchSides {
    /// Its offset.
    at: u32,
    /// Where it went first, plus one; 0 where it has not run; [`DECIDED`] when both sides were seen.
    first: AtomicU32,
}

const DECIDED: u32 = u32::MAX;

impl Session {
    /// The branches of a measured code object; `None` once nothing is recorded any more.
    pub(super) fn sides_of<'a>(
        &self,
        state: &'a CodeState,
        code: &Bound<'_, PyAny>,
    ) -> PyResult<Option<&'a SidesTaken>> {
        if state.sides.get().is_none() {
            let Some(number) = self.number_of(state, python::lone_shape(code)?) else { return Ok(None) };
            let _ = state.sides.set(Box::new(SidesTaken::new(number, state.flow(code)?)));
        }
        Ok(state.sides.get().map(Box::as_ref))
    }
}

impl SidesTaken {
    fn new(code: u32, flow: &ControlFlow) -> Self {
        let mut by_line: BTreeMap<LineNo, Vec<BranchSides>> = BTreeMap::new();
        for (line, at) in flow.branches() {
            by_line.entry(line).or_default().push(BranchSides { at, first: AtomicU32::new(0) });
        }
        Self { code, by_line }
    }

    /// Forgets what was seen.
    pub(super) fn begin_anew(&self) {
        for sides in self.by_line.values().flatten() {
            sides.first.store(0, Ordering::Relaxed);
        }
    }

    /// Whether a branch on `line` has a side that was not seen.
    pub(super) fn is_open(&self, line: LineNo) -> bool {
        self.by_line.get(&line).is_some_and(|branches| {
            branches.iter().any(|sides| sides.first.load(Ordering::Relaxed) != DECIDED)
        })
    }

    /// Records that the branch at `edge.from`, on `line`, took a side. Tells whether both were taken by now.
    pub(super) fn record(&self, session: &Session, line: LineNo, edge: Edge) -> bool {
        let mark = edge.to.wrapping_add(1);
        let Some(sides) =
            self.by_line.get(&line).and_then(|all| all.iter().find(|sides| sides.at == edge.from))
        else {
            return true;
        };
        let is_decided = match sides.first.compare_exchange(0, mark, Ordering::Relaxed, Ordering::Relaxed) {
            Err(DECIDED) => return true,
            Err(before) if before == mark => return false,
            Err(_) => {
                sides.first.store(DECIDED, Ordering::Relaxed);
                true
            }
            Ok(_) => false,
        };
        session.record_edge(self.code, edge);
        is_decided
    }
}
