//! What the tracer knows of the branches of one code object, while it runs.
//!
//! Must not know: how events arrive. Invariant: each edge is recorded once; a branch is given up only when nothing more
//! can be learned of it.

use std::cell::Cell;
use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};

use super::code::{CodeState, line_table};
use super::session::Session;
use crate::bytecode::{self, BranchWatch, Fall};
use crate::model::{BranchDetail, CodeShape, Edge, LineNo};
use crate::python;

/// Code objects of expressions (CPython 3.11–3.15, `Python/compile.c` and `Python/codegen.c`).
const NO_SUITES: [&str; 6] =
    ["<lambda>", "<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>", bytecode::DEFERRED_ANNOTATIONS];

thread_local! {
    /// The code object and the number of the fall beside which control has just jumped. The place where both arrive has a
    /// line event, which comes next in this thread.
    static JUMPED_BESIDE: Cell<Option<(u32, usize)>> = const { Cell::new(None) };
}

/// The branches of a code object.
pub(super) struct BranchState {
    /// The code object's number in the journal.
    code: u32,
    watch: BranchWatch,
    /// By code unit: where its branch went first, plus one; 0 where it has not run.
    first_destinations: Box<[AtomicU32]>,
    /// By number: what is known of falls, as [`MAY_FALL`] and its like.
    falls: Box<[AtomicU8]>,
}

/// Control may fall.
const MAY_FALL: u8 = 0;
/// It did.
const FELL: u8 = 1;
/// It cannot before a branch has gone where it never went.
const CANNOT_FALL: u8 = 2;
/// The same, and the events that tell falls from jumps are off.
const IS_NOT_WATCHED: u8 = 3;

/// What is to become of an event.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Outlook {
    /// More may be learned from this event.
    Open,
    /// Nothing more can be.
    Settled,
}

impl Session {
    /// Looks at once at code that takes ways of which no branch event tells: where it defines functions or classes on one
    /// line, has `raise`, `async for`, or a condition that the compiler decided.
    pub(super) fn state_at_once(&self, state: &CodeState, code: &Bound<'_, PyAny>) -> PyResult<()> {
        let instructions = code.getattr(intern!(code.py(), "co_code"))?.cast_into::<PyBytes>()?;
        if bytecode::takes_ways_without_branches(instructions.as_bytes()) || defines_on_one_line(code)? {
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
        if state.branches.get().is_none()
            && let Some(detail) = self.branches
        {
            let shape = python::lone_shape(code)?;
            let Some(number) = self.number_of(state, &shape) else { return Ok(None) };
            let _ = state.branches.set(BranchState::new(number, &shape, detail));
        }
        Ok(state.branches.get())
    }

    /// The journal's number for a code object.
    pub(super) fn number_of(&self, state: &CodeState, shape: &CodeShape) -> Option<u32> {
        if state.number.get().is_none() {
            // Another thread may have been faster; its statement of the same code is as good.
            let _ = state.number.set(self.record_code(state, shape)?);
        }
        state.number.get().copied()
    }
}

/// Whether a function or class among the constants of `code` may begin its suite on its header's line; within what
/// evaluates its type parameters, too.
fn defines_on_one_line(code: &Bound<'_, PyAny>) -> PyResult<bool> {
    let mut outer = None;
    for nested in python::nested_code(code)? {
        if outer.is_none() {
            let (table, first_line) = line_table(code)?;
            outer = Some(bytecode::lines(table.as_bytes(), first_line));
        }
        let (table, first_line) = line_table(&nested)?;
        if bytecode::may_begin_on_header(table.as_bytes(), first_line, outer.as_deref().unwrap_or_default()) {
            let name = nested.getattr(intern!(code.py(), "co_name"))?.cast_into::<PyString>()?;
            if !NO_SUITES.contains(&name.to_string_lossy().as_ref()) {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

impl BranchState {
    fn new(code: u32, shape: &CodeShape, detail: BranchDetail) -> Self {
        let watch = BranchWatch::new(shape, detail);
        Self {
            code,
            first_destinations: (0..shape.code.len().div_ceil(2)).map(|_| AtomicU32::new(0)).collect(),
            falls: (0..watch.falls()).map(|_| AtomicU8::new(MAY_FALL)).collect(),
            watch,
        }
    }

    /// Forgets what was seen.
    pub(super) fn begin_anew(&self) {
        for first in &self.first_destinations {
            first.store(0, Ordering::Relaxed);
        }
        for fall in &self.falls {
            fall.store(MAY_FALL, Ordering::Relaxed);
        }
    }

    /// What there is to watch.
    pub(super) fn watch(&self) -> &BranchWatch {
        &self.watch
    }

    /// From now on no fall is waited for before it is said to be possible.
    pub(super) fn wait_for_possible_falls(&self) {
        for fall in &self.falls {
            let _ = fall.compare_exchange(MAY_FALL, CANNOT_FALL, Ordering::Relaxed, Ordering::Relaxed);
        }
    }

    /// Control can fall from now on; tells whether events that tell of it must be turned on again.
    pub(super) fn may_fall(&self, number: usize) -> bool {
        let Some(fall) = self.falls.get(number) else { return false };
        let known = fall.load(Ordering::Relaxed);
        let can_not = known == CANNOT_FALL || known == IS_NOT_WATCHED;
        can_not
            && fall.compare_exchange(known, MAY_FALL, Ordering::Relaxed, Ordering::Relaxed).is_ok()
            && known == IS_NOT_WATCHED
    }

    /// Whether there are instructions of which it tells something that they were reached.
    pub(super) fn asks_for_instructions(&self) -> bool {
        self.watch.asks_for_instructions()
    }

    /// The edge that the event of one side of a branch tells of.
    pub(super) fn edge_of_side(&self, event: Edge) -> Option<Edge> {
        self.watch.edge_of_side(event)
    }

    /// Records one side of a branch, of which an event of its own tells; at its first time.
    pub(super) fn record_side(&self, session: &Session, edge: Edge) {
        let Some(first) = self.first_destinations.get(edge.from as usize / 2) else { return };
        let mark = edge.to.wrapping_add(1);
        if first.load(Ordering::Relaxed) != mark
            && first.compare_exchange(0, mark, Ordering::Relaxed, Ordering::Relaxed) != Err(mark)
        {
            session.record_edge(self.code, edge);
        }
    }

    /// Records an event for both sides of a branch.
    pub(super) fn record(&self, session: &Session, edge: Edge) -> Outlook {
        match (self.branched(edge), self.remember(session, edge)) {
            (Outlook::Settled, Outlook::Settled) => Outlook::Settled,
            (Outlook::Open, _) | (_, Outlook::Open) => Outlook::Open,
        }
    }

    /// Records an edge of a branch at its first time.
    fn remember(&self, session: &Session, edge: Edge) -> Outlook {
        let Some(first) = self.first_destinations.get(edge.from as usize / 2) else {
            return Outlook::Settled;
        };
        let mark = edge.to.wrapping_add(1);
        let known = first.load(Ordering::Relaxed);
        if known == mark {
            // The usual case of a branch that stays open.
            return Outlook::Open;
        }
        let before = first.compare_exchange(0, mark, Ordering::Relaxed, Ordering::Relaxed);
        if before == Err(mark) {
            return Outlook::Open;
        }
        session.record_edge(self.code, edge);
        match before {
            Ok(_) if !self.watch.is_settled_by(edge) => Outlook::Open,
            Ok(_) | Err(_) => Outlook::Settled,
        }
    }

    /// Records an unconditional jump from a line with several ways on: the event of a branch before it did not tell whether
    /// the rest of the line went well.
    pub(super) fn record_jump(&self, session: &Session, edge: Edge) -> Outlook {
        if self.watch.asks_for_jump(edge.from) {
            session.record_edge(self.code, edge);
        }
        self.jumped(edge)
    }

    /// Notes a jump to where control may also fall; open until that was seen.
    pub(super) fn jumped(&self, edge: Edge) -> Outlook {
        match self.watch.fall_beside(edge.to) {
            Some(number) if self.waits_for_fall(number) => {
                JUMPED_BESIDE.set(Some((self.code, number)));
                Outlook::Open
            }
            Some(_) | None => Outlook::Settled,
        }
    }

    /// The same for a branch with one event for both sides: while one side leads where control may also fall, the event of
    /// the other must not turn off both.
    pub(super) fn branched(&self, edge: Edge) -> Outlook {
        let this = self.jumped(edge);
        match self.watch.fall_beside_jump_of(edge.from) {
            Some(number) if self.waits_for_fall(number) => Outlook::Open,
            Some(_) | None => this,
        }
    }

    /// Whether a fall may still come. If not, what tells it from jumps is turned off.
    fn waits_for_fall(&self, number: usize) -> bool {
        let Some(fall) = self.falls.get(number) else { return false };
        let _ = fall.compare_exchange(CANNOT_FALL, IS_NOT_WATCHED, Ordering::Relaxed, Ordering::Relaxed);
        fall.load(Ordering::Relaxed) == MAY_FALL
    }

    /// Whether it matters at which of its places `line` was entered.
    pub(super) fn asks_for_place(&self, line: LineNo) -> bool {
        self.watch.asks_for_place(line)
    }

    /// Records how control came to the place at `offset` where a line begins.
    pub(super) fn record_place(&self, session: &Session, offset: u32) -> Outlook {
        if let Some(edge) = self.watch.landing(offset) {
            session.record_edge(self.code, edge);
        }
        let Some(Fall { number, edge }) = self.watch.fall_to(offset) else { return Outlook::Settled };
        if !self.waits_for_fall(number) {
            return Outlook::Settled;
        }
        if JUMPED_BESIDE.take() == Some((self.code, number)) {
            return Outlook::Open;
        }
        if let Some(fall) = self.falls.get(number) {
            fall.store(FELL, Ordering::Relaxed);
        }
        session.record_edge(self.code, edge);
        Outlook::Settled
    }

    /// Whether it tells something that control reached the instruction at `offset`.
    pub(super) fn is_telling(&self, offset: u32) -> bool {
        self.watch.is_telling(offset)
    }

    /// Records that control reached the instruction at `offset`, which tells something.
    pub(super) fn record_instruction(&self, session: &Session, offset: u32) {
        session.record_edge(self.code, Edge { from: offset, to: offset });
    }

    /// The line of a return that has none itself, where only one leads there.
    pub(super) fn line_of_return(&self, offset: u32) -> Option<LineNo> {
        self.watch.line_of_return(offset)
    }
}
