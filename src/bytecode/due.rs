//! What line events can still tell of a code object, as control gets on in it.
//!
//! A line is due once control can come there and it was not told. Where each side of a branch has an event of its own, control
//! cannot come past one unheard, so what lies behind a side that was not taken is not due: then line events may be off until it
//! is.
//!
//! Must not know: how events arrive. Invariant: what control can come to without a further event of a branch is told or due.

use std::collections::BTreeSet;

use super::branch_watch::BranchWatch;
use super::control_flow::{ControlFlow, Instruction};
use super::opcodes::{Flow, Role};
use crate::model::{LineNo, LineSet};

/// What is due in a code object.
#[derive(Debug)]
pub(crate) struct Due {
    /// By instruction: whether control can have come there.
    reached: Vec<bool>,
    /// Whether a side of a branch is reached with its event, and not with the branch.
    sides_tell: bool,
    lines: LineSet,
    /// Instructions where a line begins of which it matters how control comes there.
    places: BTreeSet<usize>,
}

/// What an event made due.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct NewlyDue {
    /// Whether there is anything.
    pub(crate) any: bool,
    /// [Falls](super::Fall) that can happen from now on, by number.
    pub(crate) falls: Vec<usize>,
}

impl Due {
    /// What is due when a code object begins to run, where frames of it may stand on lines that were told. `watch`: of its
    /// branches, if these are recorded. `sides_tell`: whether each side of a branch has an event of its own, which is on
    /// until it was taken. None where the code has no beginning.
    pub(crate) fn new(
        flow: &ControlFlow,
        watch: Option<&BranchWatch>,
        sides_tell: bool,
        knows: &dyn Fn(LineNo) -> bool,
    ) -> Option<(Self, NewlyDue)> {
        let resume = flow.instructions.iter().position(|instruction| instruction.role == Role::Resume)?;
        let reached = vec![false; flow.instructions.len()];
        let mut due = Self { reached, sides_tell, lines: LineSet::new(), places: BTreeSet::new() };
        let mut news = NewlyDue::default();
        let is_told = |index: &usize| flow.instructions[*index].line.is_some_and(knows);
        let told = (resume + 1..flow.instructions.len()).filter(is_told);
        for start in flow.successors(resume).chain(told) {
            due.reach(flow, watch, start, knows, &mut news);
        }
        Some((due, news))
    }

    /// Control went to `offset` by a branch.
    pub(crate) fn branched(
        &mut self,
        flow: &ControlFlow,
        watch: Option<&BranchWatch>,
        offset: u32,
        knows: &dyn Fn(LineNo) -> bool,
    ) -> NewlyDue {
        let mut news = NewlyDue::default();
        if let Some(index) = flow.index_at(offset) {
            self.reach(flow, watch, index, knows, &mut news);
        }
        news
    }

    pub(crate) fn told_line(&mut self, line: LineNo) {
        self.lines.remove(line);
    }

    /// It is known how control came to the place at `offset`.
    pub(crate) fn told_place(&mut self, flow: &ControlFlow, offset: u32) {
        if let Some(index) = flow.index_at(offset) {
            self.places.remove(&index);
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.lines.is_empty() && self.places.is_empty()
    }

    fn reach(
        &mut self,
        flow: &ControlFlow,
        watch: Option<&BranchWatch>,
        start: usize,
        knows: &dyn Fn(LineNo) -> bool,
        news: &mut NewlyDue,
    ) {
        let mut waiting = vec![start];
        let mut line_before = None;
        while let Some(index) = waiting.pop() {
            if std::mem::replace(&mut self.reached[index], true) {
                continue;
            }
            let instruction = &flow.instructions[index];
            if let Some(line) = instruction.line {
                if line_before != Some(line) {
                    news.any |= !knows(line) && self.lines.insert(line);
                    line_before = Some(line);
                }
                if watch.is_some_and(|watch| {
                    watch.asks_for_place(line) && watch.landing(instruction.start).is_some()
                }) {
                    news.any |= self.places.insert(index);
                }
            }
            waiting.extend(flow.handler_of(instruction.start).and_then(|offset| flow.index_at(offset)));
            if self.sides_tell && is_branch_with_events(instruction) {
                continue;
            }
            for successor in flow.successors(index) {
                let place = flow.instructions[successor].start;
                if let Some(fall) =
                    watch.and_then(|watch| watch.fall_to(place)).filter(|_| successor == index + 1)
                {
                    // Elsewhere, an event of the instruction tells.
                    if flow.instructions[successor].line.is_some() {
                        news.any |= self.places.insert(successor);
                    }
                    news.falls.push(fall.number);
                }
                waiting.push(successor);
            }
        }
    }
}

/// Whether `sys.monitoring` tells of each side of it (CPython 3.14 and newer, `Python/instrumentation.c`).
fn is_branch_with_events(instruction: &Instruction) -> bool {
    let name = instruction.name();
    instruction.flow == Flow::Branch && (name == "FOR_ITER" || name.starts_with("POP_JUMP_IF_"))
}
