//! What the tracer knows of the branches of one code object, while it runs.
//!
//! Must not know: how events arrive. Invariant: each edge is recorded once; a branch is given up only when nothing more
//! can be learned of it.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use pyo3::prelude::*;
use pyo3::types::PyString;

use super::code::{CodeState, line_table};
use super::forks;
use super::session::Session;
use crate::bytecode::{self, Analysis, BranchWatch, EndOfExceptStar, Fall, Verdict};
use crate::model::{CodeShape, Edge, LineNo};
use crate::python::{self, ffi};

/// Code objects of expressions (CPython 3.11–3.15, `Python/compile.c` and `Python/codegen.c`).
const NO_SUITES: [&str; 6] =
    ["<lambda>", "<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>", bytecode::DEFERRED_ANNOTATIONS];

thread_local! {
    /// The code object and the number of the fall beside which control has just jumped. The place where both arrive has a
    /// line event, which comes next in this thread.
    static JUMPED_BESIDE: Cell<Option<(u32, usize)>> = const { Cell::new(None) };

    /// The code object, and the offset to which a branch of it has just led, where instructions tell. The event of that
    /// instruction, if it is on, comes next in this thread.
    static BRANCHED_TO: Cell<Option<(u32, u32)>> = const { Cell::new(None) };

    /// By frame: the `raise` statement whose exception is on its way to the end of a `with`, or waits there for its manager.
    static RAISED: RefCell<BTreeMap<usize, Raised>> = const { RefCell::new(BTreeMap::new()) };

    /// By frame: the code object, and the offset of the instruction by which control left a line for the end of an `except*`.
    static LEAVING: RefCell<BTreeMap<usize, (u32, u32)>> = const { RefCell::new(BTreeMap::new()) };
}

/// What was found out of code objects, by their numbers in the journal: for who reads that when the process ends.
static ANALYSES: Mutex<Vec<(u32, Arc<Analysis>)>> = Mutex::new(Vec::new());

/// They are kept beyond the end of their code objects, so a program that makes new ones for ever must not add any for ever.
const MOST_ANALYSES: usize = 10_000;

/// Frames that never came back from the manager of a `with` leave a [`Raised`] behind; so many are borne, and of others.
const FORGOTTEN_FRAMES: usize = 1000;

/// What is known of a `raise` statement: a mark in its code unit.
const REACHED: u32 = 1;
const PASSED_ON: u32 = 2;
const SWALLOWED: u32 = 4;

/// A `raise` statement that has run.
#[derive(Clone, Copy)]
struct Raised {
    /// The code object's number in the journal.
    code: u32,
    /// Its offset.
    at: u32,
    /// Whether the exception has come to the end of a `with`.
    has_come: bool,
}

/// The branches of a code object.
pub(super) struct BranchState {
    /// The code object's number in the journal.
    code: u32,
    watch: BranchWatch,
    /// By code unit: where its branch went first, plus one; 0 where it has not run. Where one event serves both sides, with bits
    /// beside it, or [`DECIDED`]. For a `raise` statement whose exception comes to the end of a `with`, what was recorded of it.
    first_destinations: Box<[AtomicU32]>,
    /// By number: what is known of falls, as [`MAY_FALL`] and its like.
    falls: Box<[AtomicU8]>,
    /// Events of branches that told nothing.
    in_vain: AtomicU32,
    /// Whether each instruction has an event until it has run, which tells of sides that no branch has told of.
    instructions_tell: AtomicBool,
    /// By the offset of an instruction that has not run and to which several branches lead: the one whose event is off.
    awaited: Mutex<BTreeMap<u32, u32>>,
    /// By the number of a line that leads past an `except*`: whether that was seen.
    past_except_star: Box<[AtomicBool]>,
}

/// A branch of which both sides were seen.
const DECIDED: u32 = u32::MAX;
/// The bits for where a branch went first, plus one.
const DESTINATION: u32 = (1 << 30) - 1;
/// Events of lines, jumps and returns are good for the other side.
const LINES_TELL: u32 = 1 << 30;
/// The other side has no instruction of its own.
const LEADS_TO_JOIN: u32 = 1 << 31;

/// So many events of a code object's branches tell nothing before its instructions are made to tell, and one more for each code
/// unit: what it takes to turn their events on, and to hear once of each that runs, is proportional to that.
const FIRST_PATIENCE: u32 = 64;

/// Control may fall.
const MAY_FALL: u8 = 0;
/// It did.
const FELL: u8 = 1;
/// It cannot before a branch has gone where it never went.
const CANNOT_FALL: u8 = 2;
/// The same, and the events that tell falls from jumps are off.
const IS_NOT_WATCHED: u8 = 3;

/// What an instruction that was reached tells of sides of branches.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum ToldSide {
    None,
    /// This one was taken, and no branch has told of it.
    Taken(Edge),
    /// A branch has told of the one that was taken, and of another it cannot tell any more: events of branches must be turned on
    /// again.
    OfOther,
}

/// What is to become of an event.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Outlook {
    /// More may be learned from this event.
    Open,
    /// Nothing more can be.
    Settled,
}

impl Outlook {
    /// Settled where both are.
    pub(super) fn and(self, other: Self) -> Self {
        if self == Self::Settled { other } else { self }
    }
}

/// What was found out of code objects of this process, by their numbers in its journal.
pub(crate) fn take_analyses() -> HashMap<u32, Arc<Analysis>> {
    let _pass = forks::pass();
    std::mem::take(&mut *ANALYSES.lock().unwrap_or_else(PoisonError::into_inner)).into_iter().collect()
}

impl Session {
    /// Looks at once at code that takes ways of which no branch event tells: where it defines functions or classes on one
    /// line, has `raise`, `async for`, or a condition that the compiler decided.
    pub(super) fn state_at_once(&self, state: &CodeState, code: &Bound<'_, PyAny>) -> PyResult<()> {
        if state.traits(code)?.takes_ways_without_branches() || defines_on_one_line(code)? {
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
            let watch = BranchWatch::new(&shape, detail);
            let Some(number) = self.number_of(state, shape) else { return Ok(None) };
            let _ = state.branches.set(Box::new(BranchState::new(number, watch)));
        }
        Ok(state.branches.get().map(Box::as_ref))
    }

    /// The journal's number for a code object.
    pub(super) fn number_of(&self, state: &CodeState, shape: CodeShape) -> Option<u32> {
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
            let name = ffi::CO_NAME.of(&nested)?.cast_into::<PyString>()?;
            if !NO_SUITES.contains(&name.to_string_lossy().as_ref()) {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

impl BranchState {
    fn new(code: u32, watch: BranchWatch) -> Self {
        {
            let _pass = forks::pass();
            let mut analyses = ANALYSES.lock().unwrap_or_else(PoisonError::into_inner);
            if analyses.len() < MOST_ANALYSES {
                analyses.push((code, watch.analysis()));
            }
        }
        Self {
            code,
            first_destinations: (0..watch.flow().units()).map(|_| AtomicU32::new(0)).collect(),
            falls: (0..watch.falls()).map(|_| AtomicU8::new(MAY_FALL)).collect(),
            in_vain: AtomicU32::new(0),
            instructions_tell: AtomicBool::new(false),
            awaited: Mutex::default(),
            past_except_star: (0..watch.lines_past_except_star()).map(|_| AtomicBool::new(false)).collect(),
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
        for was_seen in &self.past_except_star {
            was_seen.store(false, Ordering::Relaxed);
        }
        self.awaits(BTreeMap::clear);
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
        self.watch.asks_for_instructions() || self.instructions_tell()
    }

    /// Counts an event that told nothing of a branch of which one side, `seen`, is known. Tells whether instructions must be
    /// made to tell of the other: so many came, and they can.
    pub(super) fn wants_instructions(&self, seen: Edge) -> bool {
        let count = self.in_vain.load(Ordering::Relaxed).saturating_add(1);
        self.in_vain.store(count, Ordering::Relaxed);
        !self.instructions_tell()
            && count as usize > FIRST_PATIENCE as usize + self.first_destinations.len()
            && self.can_be_told_by_instruction(seen)
    }

    /// Whether instructions tell of sides of branches.
    pub(super) fn instructions_tell(&self) -> bool {
        self.instructions_tell.load(Ordering::Relaxed)
    }

    /// From now on the event of each instruction that has not run is on, or off again; then it takes as many events once more before
    /// they are asked for.
    pub(super) fn have_instructions_tell(&self, tell: bool) {
        self.in_vain.store(0, Ordering::Relaxed);
        self.instructions_tell.store(tell, Ordering::Relaxed);
    }

    /// Whether an instruction will tell of the other side of the branch than `seen`, whose own event may be turned off then.
    pub(super) fn is_told_by_instruction(&self, seen: Edge) -> bool {
        self.instructions_tell() && self.can_be_told_by_instruction(seen)
    }

    /// Where several branches lead to an instruction, it can tell of one of them as long as it has not run.
    fn can_be_told_by_instruction(&self, seen: Edge) -> bool {
        let Some(first) = self.first_destination(seen.from) else { return false };
        if first.load(Ordering::Relaxed) & LEADS_TO_JOIN != 0 {
            return false;
        }
        let mut sides = self.watch.sides_at_other(seen);
        let can_be = match sides.len() {
            0 => false,
            1 => true,
            _ => {
                let place = sides.clone().next().map_or(0, |side| side.to);
                sides.all(|side| !self.knows_side(side))
                    && self.awaits(|all| *all.entry(place).or_insert(seen.from)) == seen.from
            }
        };
        if !can_be {
            first.fetch_or(LEADS_TO_JOIN, Ordering::Relaxed);
        }
        can_be
    }

    /// Whether a branch has told of this side.
    fn knows_side(&self, side: Edge) -> bool {
        let first = self.first_destination(side.from).map_or(DECIDED, |first| first.load(Ordering::Relaxed));
        first == DECIDED || first & DESTINATION == side.to.wrapping_add(1)
    }

    fn first_destination(&self, branch: u32) -> Option<&AtomicU32> {
        self.first_destinations.get(branch as usize / 2)
    }

    fn awaits<T>(&self, change: impl FnOnce(&mut BTreeMap<u32, u32>) -> T) -> T {
        let _pass = forks::pass();
        change(&mut self.awaited.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What it tells of sides that the instruction at `offset` was reached.
    pub(super) fn told_by_instruction(&self, offset: u32) -> ToldSide {
        if !self.instructions_tell() {
            return ToldSide::None;
        }
        let mut sides = self.watch.sides_at(offset);
        match sides.len() {
            0 => ToldSide::None,
            1 => sides.find(|side| !self.knows_side(*side)).map_or(ToldSide::None, ToldSide::Taken),
            _ => {
                let Some(place) = sides.next().map(|side| side.to) else { return ToldSide::None };
                let Some(from) = self.awaits(|all| all.remove(&place)) else { return ToldSide::None };
                if BRANCHED_TO.take() == Some((self.code, place)) {
                    ToldSide::OfOther
                } else {
                    ToldSide::Taken(Edge { from, to: place })
                }
            }
        }
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

    /// What the end of a `with` to which `raise` statements send exceptions has decided, if a branch tells that.
    pub(super) fn verdict_of_with(&self, edge: Edge) -> Option<Verdict> {
        self.watch.verdict_of_with(edge)
    }

    /// Records what the end of a `with` made of an exception in the running frame, if a `raise` statement sent it there.
    pub(super) fn record_verdict(
        &self,
        session: &Session,
        verdict: Verdict,
        frame: Option<usize>,
    ) -> Outlook {
        let Verdict { is_swallowed, is_passed_on, at } = verdict;
        let raised = frame.and_then(|frame| with_raised(|all| all.remove(&frame)));
        if let Some(raised) = raised.filter(|raised| raised.code == self.code && raised.has_come) {
            if is_passed_on {
                note_raised(frame, Raised { has_come: false, ..raised });
            } else if self.mark(raised.at, if is_swallowed { SWALLOWED } else { PASSED_ON }) {
                session.record_edge(self.code, Edge { from: raised.at, to: at });
            }
        }
        self.outlook_of_raises()
    }

    /// Whether more can be learned of where a `raise` statement leads whose exception comes to the end of a `with`. Where the
    /// line has no other way on, to have seen one outcome is enough.
    fn outlook_of_raise(&self, offset: u32) -> Outlook {
        let marks = self.first_destinations.get(offset as usize / 2);
        let marks = marks.map_or(0, |marks| marks.load(Ordering::Relaxed));
        let is_choice = self.watch.raise_in_with(offset).unwrap_or(false);
        let seen = [PASSED_ON, SWALLOWED].map(|outcome| marks & outcome != 0);
        match (seen, is_choice) {
            ([true, true], _) | ([true, _] | [_, true], false) => Outlook::Settled,
            _ => Outlook::Open,
        }
    }

    /// The same for all of them.
    fn outlook_of_raises(&self) -> Outlook {
        let all_are_settled =
            self.watch.raises_in_with().all(|raise| self.outlook_of_raise(raise) == Outlook::Settled);
        if all_are_settled { Outlook::Settled } else { Outlook::Open }
    }

    /// Marks what is known of a `raise` statement; tells whether that is new.
    fn mark(&self, raise: u32, what: u32) -> bool {
        self.first_destinations
            .get(raise as usize / 2)
            .is_some_and(|marks| marks.fetch_or(what, Ordering::Relaxed) & what == 0)
    }

    /// Records an event for both sides of a branch. `lines_tell`: whether events of lines, jumps and returns are good for the
    /// other side.
    pub(super) fn record(&self, session: &Session, edge: Edge, lines_tell: bool) -> Outlook {
        if self.instructions_tell() {
            BRANCHED_TO.set(Some((self.code, edge.to)));
        }
        self.branched(edge).and(self.remember(session, edge, lines_tell))
    }

    /// Records an edge of a branch at its first time.
    fn remember(&self, session: &Session, edge: Edge, lines_tell: bool) -> Outlook {
        let Some(first) = self.first_destinations.get(edge.from as usize / 2) else {
            return Outlook::Settled;
        };
        let mark = edge.to.wrapping_add(1) & DESTINATION;
        let known = first.load(Ordering::Relaxed);
        if known == DECIDED {
            return Outlook::Settled;
        }
        if known & DESTINATION == mark {
            // The usual case of a branch that stays open, or one whose event was turned on again.
            return if lines_tell && known & LINES_TELL != 0 { Outlook::Settled } else { Outlook::Open };
        }
        match first.compare_exchange(0, mark, Ordering::Relaxed, Ordering::Relaxed) {
            Err(before) if before & DESTINATION == mark => return Outlook::Open,
            Err(_) => first.store(DECIDED, Ordering::Relaxed),
            Ok(_) if lines_tell && self.watch.is_settled_by(edge) => {
                first.fetch_or(LINES_TELL, Ordering::Relaxed);
            }
            Ok(_) => {
                session.record_edge(self.code, edge);
                return Outlook::Open;
            }
        }
        session.record_edge(self.code, edge);
        Outlook::Settled
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
        self.watch.fall_to(offset).map_or(Outlook::Settled, |fall| self.record_fall(session, fall))
    }

    /// Records that control came to where it may fall, unless it jumped there just now.
    fn record_fall(&self, session: &Session, fall: Fall) -> Outlook {
        let Fall { number, edge } = fall;
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
            || self.watch.asks_manager(offset)
            || self.watch.unlined_fall_to(offset).is_some()
            || self.tells_of_except_star(offset)
    }

    /// Records that control reached the instruction at `offset`, which tells something. `frame` is the running one.
    pub(super) fn record_instruction(
        &self,
        session: &Session,
        offset: u32,
        frame: impl FnOnce() -> Option<usize>,
    ) -> Outlook {
        if self.watch.raise_in_with(offset).is_some() {
            if self.mark(offset, REACHED) {
                session.record_edge(self.code, Edge { from: offset, to: offset });
            }
            note_raised(frame(), Raised { code: self.code, at: offset, has_come: false });
            return self.outlook_of_raise(offset);
        }
        if self.watch.is_telling(offset) {
            session.record_edge(self.code, Edge { from: offset, to: offset });
        }
        if self.tells_of_except_star(offset) {
            return self.pass_except_star(offset, frame());
        }
        if self.watch.asks_manager(offset) {
            self.comes_to_end_of_with(frame());
            return self.outlook_of_raises();
        }
        let Some(fall) = self.watch.unlined_fall_to(offset) else { return Outlook::Settled };
        self.record_fall(session, fall)
    }

    /// Whether there are ways past an `except*` to be seen.
    pub(super) fn knows_except_star(&self) -> bool {
        !self.past_except_star.is_empty()
    }

    /// Takes note of it if control leaves a line for the end of an `except*` by the instruction at `offset`.
    pub(super) fn falls_past_except_star(&self, offset: u32, frame: impl FnOnce() -> Option<usize>) {
        if let Some(line) = self.watch.falls_past_except_star(offset) {
            self.leave_for_except_star(line, offset, frame);
        }
    }

    /// Whether it tells of a way past an `except*` that control reached the instruction at `offset`.
    fn tells_of_except_star(&self, offset: u32) -> bool {
        self.knows_except_star()
            && (self.watch.falls_past_except_star(offset).is_some()
                || self.watch.breaks_off_except_star(offset))
    }

    /// Control reached an instruction that tells of a way past an `except*`.
    fn pass_except_star(&self, offset: u32, frame: Option<usize>) -> Outlook {
        let Some(line) = self.watch.falls_past_except_star(offset) else {
            with_leaving(|all| frame.and_then(|frame| all.remove(&frame)));
            return self.outlook_of_except_star();
        };
        self.leave_for_except_star(line, offset, || frame)
    }

    /// Takes note of a branch or jump that leads past a suite of `except*`, maybe; open until control was seen to get there.
    /// `has_other_side`: whether the event serves the other side of the branch, too.
    pub(super) fn jumps_past_except_star(
        &self,
        edge: Edge,
        has_other_side: bool,
        frame: impl FnOnce() -> Option<usize>,
    ) -> Outlook {
        if !self.knows_except_star() {
            return Outlook::Settled;
        }
        match self.watch.leads_past_except_star(edge) {
            Some(line) => self.leave_for_except_star(line, edge.from, frame),
            None if has_other_side => match self.watch.may_lead_past_except_star(edge.from) {
                Some(line) if !self.has_passed_except_star(line) => Outlook::Open,
                Some(_) | None => Outlook::Settled,
            },
            None => Outlook::Settled,
        }
    }

    fn leave_for_except_star(
        &self,
        line: usize,
        from: u32,
        frame: impl FnOnce() -> Option<usize>,
    ) -> Outlook {
        if self.has_passed_except_star(line) {
            return Outlook::Settled;
        }
        let Some(frame) = frame() else { return Outlook::Open };
        with_leaving(|all| {
            if all.len() >= FORGOTTEN_FRAMES {
                all.clear();
            }
            all.insert(frame, (self.code, from))
        });
        Outlook::Open
    }

    fn has_passed_except_star(&self, line: usize) -> bool {
        self.past_except_star.get(line).is_none_or(|was_seen| was_seen.load(Ordering::Relaxed))
    }

    /// Settled once all lines were seen to lead past their `except*`.
    fn outlook_of_except_star(&self) -> Outlook {
        let all_are_settled = (0..self.past_except_star.len()).all(|line| self.has_passed_except_star(line));
        if all_are_settled { Outlook::Settled } else { Outlook::Open }
    }

    /// Records what came at the end of an `except*` in the running frame, if a branch tells that.
    pub(super) fn record_end_of_except_star(
        &self,
        session: &Session,
        edge: Edge,
        frame: impl FnOnce() -> Option<usize>,
    ) -> Outlook {
        let Some(end) = self.watch.end_of_except_star(edge) else { return Outlook::Settled };
        let Some(frame) = frame() else { return self.outlook_of_except_star() };
        match end {
            EndOfExceptStar::IsInAnother => (),
            EndOfExceptStar::Raises => {
                with_leaving(|all| all.remove(&frame));
            }
            EndOfExceptStar::GoesOn(to) => {
                let left = with_leaving(|all| all.remove(&frame));
                let left = left.filter(|(code, _)| *code == self.code);
                if let Some((_, from)) = left
                    && let Some(line) = self.watch.may_lead_past_except_star(from)
                    && let Some(was_seen) = self.past_except_star.get(line)
                    && !was_seen.swap(true, Ordering::Relaxed)
                {
                    session.record_edge(self.code, Edge { from, to });
                }
            }
        }
        self.outlook_of_except_star()
    }

    /// Takes note that an exception has come to the end of a `with`: that of the `raise` statement which ran just before in the
    /// same frame, or another.
    fn comes_to_end_of_with(&self, frame: Option<usize>) {
        let Some(frame) = frame else { return };
        with_raised(|all| {
            let raised = all.remove(&frame)?;
            let is_own = raised.code == self.code && !raised.has_come;
            if is_own { all.insert(frame, Raised { has_come: true, ..raised }) } else { None }
        });
    }

    /// The line of a return that has none itself, where only one leads there.
    pub(super) fn line_of_return(&self, offset: u32) -> Option<LineNo> {
        self.watch.line_of_return(offset)
    }
}

/// Does something with [`RAISED`]; nothing in a thread that is about to end.
fn with_raised(change: impl FnOnce(&mut BTreeMap<usize, Raised>) -> Option<Raised>) -> Option<Raised> {
    RAISED.try_with(|all| change(&mut all.borrow_mut())).ok().flatten()
}

/// The same with [`LEAVING`].
fn with_leaving(
    change: impl FnOnce(&mut BTreeMap<usize, (u32, u32)>) -> Option<(u32, u32)>,
) -> Option<(u32, u32)> {
    LEAVING.try_with(|all| change(&mut all.borrow_mut())).ok().flatten()
}

fn note_raised(frame: Option<usize>, raised: Raised) {
    let Some(frame) = frame else { return };
    with_raised(|all| {
        if all.len() >= FORGOTTEN_FRAMES {
            all.clear();
        }
        all.insert(frame, raised)
    });
}
