//! What the tracer knows of the branches of one code object, while it runs.
//!
//! Must not know: how events arrive. Invariant: each edge is recorded once; a branch is given up only when nothing more
//! can be learned of it.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyString;

use super::code::{CodeState, line_table};
use super::session::Session;
use crate::bytecode::{self, BranchWatch};
use crate::model::{CodeShape, Edge, LineSet};
use crate::python;

/// `co_flags` of code that can hold `async for`, which leaves its loop by an exception and so without a branch event
/// before 3.14: CO_COROUTINE | CO_ASYNC_GENERATOR (CPython `Include/cpython/code.h`).
const ASYNCHRONOUS: u32 = 0x80 | 0x200;

/// The branches of a code object.
pub(super) struct BranchState {
    /// The code object's number in the journal.
    code: u32,
    watch: BranchWatch,
    /// By code unit: where its branch went first, plus one; 0 where it has not run.
    first_destinations: Box<[AtomicU32]>,
    /// Lines of which a branch has run: only there do returns and jumps tell more.
    lines: Mutex<LineSet>,
}

/// What is to become of a branch event.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Outlook {
    /// The other side may still be learned from this event.
    Open,
    /// Nothing more can be.
    Settled,
}

impl Session {
    /// States a code object in the journal at once where lines alone tell of its steps, when they are looked at together
    /// with the code: statements `def` and `class` on one line, and `async for`.
    pub(super) fn state_at_once(&self, state: &CodeState, code: &Bound<'_, PyAny>) -> PyResult<()> {
        let flags: u32 = code.getattr(intern!(code.py(), "co_flags"))?.extract()?;
        if flags & ASYNCHRONOUS != 0 || defines_on_one_line(code)? {
            self.branches_of(state, code)?;
        }
        Ok(())
    }

    /// The branches of a measured code object; `None` once nothing is recorded any more.
    pub(super) fn branches_of<'a>(
        &self,
        state: &'a CodeState,
        code: &Bound<'_, PyAny>,
    ) -> PyResult<Option<&'a BranchState>> {
        if state.branches.get().is_none() {
            let shape = python::lone_shape(code)?;
            let Some(number) = self.record_code(state, &shape) else { return Ok(None) };
            // Another thread may have been faster; its statement of the same code is as good.
            let _ = state.branches.set(BranchState::new(number, &shape));
        }
        Ok(state.branches.get())
    }
}

/// Whether a function or class among the constants of `code` has one line only.
fn defines_on_one_line(code: &Bound<'_, PyAny>) -> PyResult<bool> {
    for nested in python::nested_code(code)? {
        let (table, first_line) = line_table(&nested)?;
        if bytecode::is_one_line(table.as_bytes(), first_line) && is_statement(&nested)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether the code belongs to a `def` or `class`, and not to a lambda or comprehension.
pub(super) fn is_statement(code: &Bound<'_, PyAny>) -> PyResult<bool> {
    let name = code.getattr(intern!(code.py(), "co_name"))?.cast_into::<PyString>()?;
    Ok(!name.to_string_lossy().starts_with('<'))
}

impl BranchState {
    fn new(code: u32, shape: &CodeShape) -> Self {
        Self {
            code,
            watch: BranchWatch::new(shape),
            first_destinations: (0..shape.code.len().div_ceil(2)).map(|_| AtomicU32::new(0)).collect(),
            lines: Mutex::default(),
        }
    }

    /// Whether the branch took `edge` before and no other: the usual case of a branch that stays open.
    pub(super) fn is_known(&self, edge: Edge) -> bool {
        self.first(edge).is_some_and(|first| first.load(Ordering::Relaxed) == edge.to.wrapping_add(1))
    }

    fn first(&self, edge: Edge) -> Option<&AtomicU32> {
        self.first_destinations.get(edge.from as usize / 2)
    }

    /// Records the edge of a branch.
    pub(super) fn record(&self, session: &Session, edge: Edge) -> Outlook {
        let Some(first) = self.first(edge) else { return Outlook::Settled };
        let mark = edge.to.wrapping_add(1);
        let before = first.compare_exchange(0, mark, Ordering::Relaxed, Ordering::Relaxed);
        if before == Err(mark) {
            return Outlook::Open;
        }
        session.record_edge(self.code, edge);
        if let Some(line) = self.watch.line_at(edge.from) {
            self.lines.lock().unwrap_or_else(PoisonError::into_inner).insert(line);
        }
        match before {
            Ok(_) if !self.watch.is_settled_by(edge) => Outlook::Open,
            Ok(_) | Err(_) => Outlook::Settled,
        }
    }

    /// Records a jump or return, if it is on the line of a branch: the branch's own event did not tell whether the rest of
    /// the line went well.
    pub(super) fn record_end_of_line(&self, session: &Session, edge: Edge) {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        if self.watch.line_at(edge.from).is_some_and(|line| lines.contains(line)) {
            session.record_edge(self.code, edge);
        }
    }

    /// Records that a function or class of one line was left by the instruction at `offset`.
    pub(super) fn record_exit(&self, session: &Session, offset: u32) {
        session.record_edge(self.code, Edge { from: offset, to: Edge::EXIT });
    }
}
