//! What the tracer knows of the branches of one code object, while it runs.
//!
//! Must not know: how events arrive. Invariant: each edge is recorded once; a branch is given up only when nothing more
//! can be learned of it.

use std::sync::atomic::{AtomicU32, Ordering};

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};

use super::code::CodeState;
use super::session::Session;
use crate::bytecode::{self, BranchWatch};
use crate::model::{CodeShape, Edge, LineNo};
use crate::python::{self, ffi};

/// `co_flags` of code that can hold `async for`, which leaves its loop by an exception and so without a branch event
/// before 3.14: CO_COROUTINE | CO_ASYNC_GENERATOR (CPython `Include/cpython/code.h`).
const ASYNCHRONOUS: u32 = 0x80 | 0x200;

/// Code objects of expressions (CPython 3.11–3.15, `Python/compile.c` and `Python/codegen.c`).
const EXPRESSIONS: [&str; 5] = ["<lambda>", "<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>"];

/// The branches of a code object.
pub(super) struct BranchState {
    /// The code object's number in the journal.
    code: u32,
    watch: BranchWatch,
    /// Whether every edge is wanted, also those that other events tell of.
    wants_all: bool,
    /// By code unit: where its branch went first, plus one; 0 where it has not run.
    first_destinations: Box<[AtomicU32]>,
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
    /// with the code: where it defines functions or classes, has `async for`, or a condition that the compiler decided. And
    /// notes whether it raises whatever happens.
    pub(super) fn state_at_once(&self, state: &mut CodeState, code: &Bound<'_, PyAny>) -> PyResult<()> {
        let instructions = code.getattr(intern!(code.py(), "co_code"))?.cast_into::<PyBytes>()?;
        state.certain_raise = certain_raise(code, instructions.as_bytes())?;
        if state.flags & ASYNCHRONOUS != 0 || bytecode::has_idle_instruction(instructions.as_bytes()) {
            self.branches_of(state, code)?;
        } else if defines(code)? {
            self.number_of(state, &python::lone_shape(code)?);
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
            let Some(number) = self.number_of(state, &shape) else { return Ok(None) };
            let _ = state.branches.set(BranchState::new(number, &shape, self.vectors));
        }
        Ok(state.branches.get())
    }

    /// The journal's number for a code object.
    fn number_of(&self, state: &CodeState, shape: &CodeShape) -> Option<u32> {
        if state.number.get().is_none() {
            // Another thread may have been faster; its statement of the same code is as good.
            let _ = state.number.set(self.record_code(state, shape)?);
        }
        state.number.get().copied()
    }
}

/// The line of a `raise` statement that leaves the code whatever happens.
fn certain_raise(code: &Bound<'_, PyAny>, instructions: &[u8]) -> PyResult<Option<LineNo>> {
    let Some(offset) = bytecode::certain_raise(instructions) else { return Ok(None) };
    let handlers = code.getattr(intern!(code.py(), "co_exceptiontable"))?;
    Ok(if handlers.is_truthy()? { None } else { ffi::line_at(code, offset) })
}

/// Whether a function or class is among the constants of `code`; within what evaluates its type parameters, too.
fn defines(code: &Bound<'_, PyAny>) -> PyResult<bool> {
    for nested in python::nested_code(code)? {
        let name = nested.getattr(intern!(code.py(), "co_name"))?.cast_into::<PyString>()?;
        if !EXPRESSIONS.contains(&name.to_string_lossy().as_ref()) {
            return Ok(true);
        }
    }
    Ok(false)
}

impl BranchState {
    fn new(code: u32, shape: &CodeShape, wants_all: bool) -> Self {
        Self {
            code,
            watch: BranchWatch::new(shape),
            wants_all,
            first_destinations: (0..shape.code.len().div_ceil(2)).map(|_| AtomicU32::new(0)).collect(),
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
        match before {
            Ok(_) if self.wants_all || !self.watch.is_settled_by(edge) => Outlook::Open,
            Ok(_) | Err(_) => Outlook::Settled,
        }
    }

    /// Records an unconditional jump, if it is on the line of a branch or where one leads: the branch's own event did not
    /// tell whether the rest of the line went well.
    pub(super) fn record_jump(&self, session: &Session, edge: Edge) {
        if self.watch.asks_for_jump(edge.from) {
            session.record_edge(self.code, edge);
        }
    }

    /// Whether it matters at which of its places `line` was entered.
    pub(super) fn asks_for_place(&self, line: LineNo) -> bool {
        self.watch.asks_for_place(line)
    }

    /// Records how control came to the place at `offset` where a line begins.
    pub(super) fn record_landing(&self, session: &Session, offset: u32) {
        if let Some(edge) = self.watch.landing(offset) {
            session.record_edge(self.code, edge);
        }
    }
}
