//! Turning all line events of a code object off, once they can tell nothing more.
//!
//! Each is turned off where it happens, but not all of them ever happen: CPython makes ready for one wherever a jump leads, and
//! finds there, each time, that the line is the same as before (3.12–3.15, `Python/instrumentation.c`, `initialize_lines` and
//! `_Py_call_instrumentation_line`). That costs hot code with conditions on one line up to a third of its time.
//!
//! Must not know: how events arrive. Invariant: while they are off, nothing is due (`bytecode/due.rs`).

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::branches::BranchState;
use super::forks;
use crate::bytecode::{ControlFlow, Due};
use crate::model::LineNo;

/// So many events of branches come before line events are turned off: the first times round, control finds new lines behind
/// each branch. Doubles each time they had to be turned on again.
const FIRST_PATIENCE: u32 = 64;

/// How often the line events of a code object are turned off. Turning them on again has all lines tell once more.
const MOST_TURNS: u8 = 12;

pub(super) struct LineWatch {
    due: Mutex<Due>,
    /// By code unit: whether a branch was seen to lead there. Empty where no event tells of a side.
    entered: Box<[AtomicBool]>,
    are_off: AtomicBool,
    /// How many more events of branches are to come first.
    patience: AtomicU32,
    turns: AtomicU8,
}

/// What is to be done with events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// Line events are to be turned off.
    Off,
    /// All events are to be turned on again.
    On,
}

/// The parts of a code object that a watch asks for.
pub(super) struct Watched<'a> {
    pub(super) flow: &'a ControlFlow,
    pub(super) branches: Option<&'a BranchState>,
    pub(super) knows: &'a dyn Fn(LineNo) -> bool,
}

impl LineWatch {
    /// Watches code that begins to run with all its events on. `sides_tell`: whether each side of a branch has an event of its
    /// own. None where the code has no beginning.
    pub(super) fn new(watched: &Watched, sides_tell: bool) -> Option<Self> {
        let Watched { flow, branches, knows } = *watched;
        let (due, news) = Due::new(flow, branches.map(BranchState::watch), sides_tell, knows)?;
        if let Some(branches) = branches {
            branches.wait_for_possible_falls();
            for number in news.falls {
                branches.may_fall(number);
            }
        }
        Some(Self {
            due: Mutex::new(due),
            entered: (0..if sides_tell { flow.units() } else { 0 }).map(|_| AtomicBool::new(false)).collect(),
            are_off: AtomicBool::new(false),
            patience: AtomicU32::new(if sides_tell { FIRST_PATIENCE } else { 0 }),
            turns: AtomicU8::new(0),
        })
    }

    pub(super) fn are_off(&self) -> bool {
        self.are_off.load(Ordering::Relaxed)
    }

    /// From now on they stay on.
    pub(super) fn stay_on(&self) {
        self.are_off.store(false, Ordering::Relaxed);
        self.turns.store(MOST_TURNS, Ordering::Relaxed);
    }

    /// A line was told; `place`: and how control came to the place at this offset.
    pub(super) fn told(&self, flow: &ControlFlow, line: LineNo, place: Option<u32>) -> Option<Turn> {
        let _pass = forks::pass();
        let mut due = self.due();
        due.told_line(line);
        if let Some(offset) = place {
            due.told_place(flow, offset);
        }
        self.turn_off(&due)
    }

    /// Whether there is nothing to wait for.
    pub(super) fn begin(&self) -> Option<Turn> {
        let _pass = forks::pass();
        self.turn_off(&self.due())
    }

    /// Whether no branch was seen to lead to `offset` yet.
    pub(super) fn is_new(&self, offset: u32) -> bool {
        let entered = self.entered.get(offset as usize / 2);
        entered.is_some_and(|entered| !entered.load(Ordering::Relaxed))
    }

    /// Control went to `offset` by a branch for the first time.
    pub(super) fn branched(&self, offset: u32, watched: &Watched) -> Option<Turn> {
        if let Some(entered) = self.entered.get(offset as usize / 2) {
            entered.store(true, Ordering::Relaxed);
        }
        let Watched { flow, branches, knows } = *watched;
        let _pass = forks::pass();
        let mut due = self.due();
        let news = due.branched(flow, branches.map(BranchState::watch), offset, knows);
        let mut must_turn = news.any && self.are_off();
        for number in news.falls {
            must_turn |= branches.is_some_and(|branches| branches.may_fall(number));
        }
        if must_turn {
            self.are_off.store(false, Ordering::Relaxed);
            let turns = self.turns.load(Ordering::Relaxed).min(MOST_TURNS);
            self.patience.store(FIRST_PATIENCE << turns, Ordering::Relaxed);
            return Some(Turn::On);
        }
        None
    }

    /// Whether more events of branches are to come, where nothing else is learned from them.
    pub(super) fn is_patient(&self) -> bool {
        self.patience.load(Ordering::Relaxed) > 0
    }

    /// An event of a branch came.
    pub(super) fn wait(&self) -> Option<Turn> {
        let patience = self.patience.load(Ordering::Relaxed).saturating_sub(1);
        self.patience.store(patience, Ordering::Relaxed);
        if patience > 0 {
            return None;
        }
        self.begin()
    }

    fn turn_off(&self, due: &Due) -> Option<Turn> {
        let turns = self.turns.load(Ordering::Relaxed);
        if !due.is_empty() || self.is_patient() || self.are_off() || turns >= MOST_TURNS {
            return None;
        }
        self.turns.store(turns + 1, Ordering::Relaxed);
        self.are_off.store(true, Ordering::Relaxed);
        Some(Turn::Off)
    }

    fn due(&self) -> MutexGuard<'_, Due> {
        self.due.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
