//! What to watch of a code object's branches while it runs.
//!
//! Must not know: how events arrive. Invariant: an event is given up only when everything more it would tell of what is
//! asked for, other events tell as well.

use std::sync::{Arc, OnceLock};

use super::analysis::Analysis;
use super::control_flow::ControlFlow;
use super::except_star::StarWays;
use super::exceptions::{Destination, destination_from};
use super::own_sides::OwnSides;
use super::walk::{End, walk, walk_past};
use crate::model::{BranchDetail, CodeShape, Edge, LineNo, LineSet};

/// So many branches that lead to one place are looked through, each time one of them asks.
const MOST_BRANCHES: usize = 16;

/// No line is called so.
const NO_LINE: LineNo = 0;

/// A code object under watch.
#[derive(Debug)]
pub(crate) struct BranchWatch {
    analysis: Arc<Analysis>,
    detail: BranchDetail,
    /// Lines of which some places tell more than that the line ran.
    telling_lines: LineSet,
    /// Once they are asked for.
    own_sides: OnceLock<OwnSides>,
}

/// What the end of a `with` made of an exception that a `raise` statement sent there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) is_swallowed: bool,
    /// The exception goes on to the end of another `with`, which decides.
    pub(crate) is_passed_on: bool,
    /// Where it was passed on, or swallowed.
    pub(crate) at: u32,
}

/// What comes at the end of an `except*`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EndOfExceptStar {
    /// An exception.
    Raises,
    /// Control goes on at this offset.
    GoesOn(u32),
    /// The end of another that is around it.
    IsInAnother,
}

/// A way on without a jump that other ways join, by its number among those of the code object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fall {
    pub(crate) number: usize,
    pub(crate) edge: Edge,
}

impl BranchWatch {
    pub(crate) fn new(shape: &CodeShape, detail: BranchDetail) -> Self {
        let analysis = Analysis::new(shape);
        let Analysis { flow, ways } = &analysis;
        let landings = ways.landings().filter(|(place, edge)| {
            flow.line_at(*place).is_some_and(|line| ways.only_source(line).is_none())
                || (detail == BranchDetail::Sides && flow.tests_at(edge.from))
        });
        let places = landings.map(|(place, _)| place).chain(ways.joins().iter().map(|join| join.fall.to));
        let telling_lines = places.filter_map(|place| flow.line_at(place)).collect();
        Self { analysis: Arc::new(analysis), detail, telling_lines, own_sides: OnceLock::new() }
    }

    /// What was found out of the code object.
    pub(crate) fn analysis(&self) -> Arc<Analysis> {
        Arc::clone(&self.analysis)
    }

    /// The code object taken apart.
    pub(crate) fn flow(&self) -> &ControlFlow {
        &self.analysis.flow
    }

    /// How many [falls](Fall) there are.
    pub(crate) fn falls(&self) -> usize {
        self.analysis.ways.joins().len()
    }

    /// Whether there are instructions of which it tells something that they were reached.
    pub(crate) fn asks_for_instructions(&self) -> bool {
        self.analysis.ways.has_telling()
    }

    /// Whether the instruction at `offset` is one of these.
    pub(crate) fn is_telling(&self, offset: u32) -> bool {
        self.analysis.flow.index_at(offset).is_some_and(|index| self.analysis.ways.is_telling(index))
    }

    /// Whether the `raise` statement at `offset`, whose exception comes to the end of a `with`, is one of several ways on from its
    /// line. `None` where there is no such statement.
    pub(crate) fn raise_in_with(&self, offset: u32) -> Option<bool> {
        self.analysis.ways.raises_in_with().get(&self.analysis.flow.index_at(offset)?).copied()
    }

    /// The offsets of all such statements.
    pub(crate) fn raises_in_with(&self) -> impl Iterator<Item = u32> {
        self.analysis.ways.raises_in_with().keys().map(|index| self.analysis.flow.instructions[*index].start)
    }

    /// Whether the manager of a `with` is asked at `offset` what is to become of an exception, and `raise` statements send some.
    pub(crate) fn asks_manager(&self, offset: u32) -> bool {
        self.analysis.flow.index_at(offset).is_some_and(|index| self.analysis.ways.asks_manager(index))
    }

    /// What the end of a `with` to which `raise` statements send exceptions has decided by a branch.
    pub(crate) fn verdict_of_with(&self, edge: Edge) -> Option<Verdict> {
        if !self.analysis.ways.has_ends_of_with() {
            return None;
        }
        let branch = self.analysis.flow.index_at(edge.from)?;
        let end = self.analysis.ways.end_of_with_by(branch)?;
        let (_, swallowed) = self.analysis.flow.sides(edge.from)?;
        let is_swallowed = edge.to >= swallowed;
        let line = self.analysis.flow.instructions[branch].line;
        let further = destination_from(&self.analysis.flow, end.reraise, line);
        Some(Verdict {
            is_swallowed,
            is_passed_on: !is_swallowed && matches!(further, Destination::With(_)),
            at: if is_swallowed { swallowed } else { self.analysis.flow.instructions[end.reraise].start },
        })
    }

    /// The number of the line with several ways on that control leaves for the end of an `except*` by going from the instruction
    /// at `edge.from` to `edge.to`, if so.
    pub(crate) fn leads_past_except_star(&self, edge: Edge) -> Option<usize> {
        let Analysis { flow, ways } = &*self.analysis;
        let from = flow.index_at(edge.from)?;
        let line = self.except_star().source(from)?;
        let to = flow.index_at(edge.to)?;
        matches!(walk(flow, ways.owner(flow, from)?, to), End::ExceptStar(_)).then_some(line)
    }

    /// The number of the line that control may leave so by the branch or jump at `offset`.
    pub(crate) fn may_lead_past_except_star(&self, offset: u32) -> Option<usize> {
        self.except_star().source(self.analysis.flow.index_at(offset)?)
    }

    /// The number of the line that control leaves so by the instruction at `offset`, of which no other event tells.
    pub(crate) fn falls_past_except_star(&self, offset: u32) -> Option<usize> {
        let flow = &self.analysis.flow;
        self.except_star().source_without_jump(flow, flow.index_at(offset)?)
    }

    /// Whether an exception comes to `offset` that arose at the end of an `except*` that such lines lead past.
    pub(crate) fn breaks_off_except_star(&self, offset: u32) -> bool {
        self.analysis.flow.index_at(offset).is_some_and(|index| self.except_star().is_broken_off_at(index))
    }

    /// How many such lines there are.
    pub(crate) fn lines_past_except_star(&self) -> usize {
        self.except_star().lines()
    }

    /// What was decided by a branch at the end of such an `except*`.
    pub(crate) fn end_of_except_star(&self, edge: Edge) -> Option<EndOfExceptStar> {
        if self.lines_past_except_star() == 0 {
            return None;
        }
        let flow = &self.analysis.flow;
        let branch = flow.index_at(edge.from).filter(|branch| self.except_star().is_decided_at(*branch))?;
        let (next, raising) = flow.sides(edge.from)?;
        if edge.to >= raising {
            return Some(EndOfExceptStar::Raises);
        }
        let start = flow.index_at(next)?;
        // The branch is of no line.
        Some(match walk(flow, NO_LINE, start) {
            End::ExceptStar(_) if flow.instructions[branch].line.is_none() => EndOfExceptStar::IsInAnother,
            End::ExceptStar(_) | End::Line(_) | End::Return(_) | End::Open => EndOfExceptStar::GoesOn(next),
        })
    }

    fn except_star(&self) -> &StarWays {
        self.analysis.ways.except_star()
    }

    /// Whether the unconditional jump at an offset tells how control left a line that has several ways on.
    pub(crate) fn asks_for_jump(&self, offset: u32) -> bool {
        let line = self.analysis.flow.index_at(offset).and_then(|index| self.owner(index));
        line.is_some_and(|line| self.analysis.ways.is_fork(line))
    }

    /// The edge that the event of one side of a branch tells of. `None` where it only says that something is tried: the end
    /// of an `async for`, which any exception looks for (CPython 3.14, `END_ASYNC_FOR` in `Python/bytecodes.c`).
    pub(crate) fn edge_of_side(&self, event: Edge) -> Option<Edge> {
        let (_, from) = self.analysis.flow.branch_of_event(event.from)?;
        Some(Edge { from, ..event })
    }

    /// Whether it matters at which of its places `line` was entered.
    pub(crate) fn asks_for_place(&self, line: LineNo) -> bool {
        self.telling_lines.contains(line)
    }

    /// How control came to the place at `offset` where a line begins, if there is one way only.
    pub(crate) fn landing(&self, offset: u32) -> Option<Edge> {
        self.analysis.ways.landing(offset)
    }

    /// How control came to the place at `offset` where a line begins, unless by a jump.
    pub(crate) fn fall_to(&self, offset: u32) -> Option<Fall> {
        let number = self.analysis.ways.joins().iter().position(|join| join.fall.to == offset)?;
        Some(Fall { number, edge: self.analysis.ways.joins()[number].fall })
    }

    /// The same for a place without a line.
    pub(crate) fn unlined_fall_to(&self, offset: u32) -> Option<Fall> {
        let is_unlined = |fall: &Fall| !self.analysis.ways.joins()[fall.number].has_line;
        self.fall_to(offset).filter(is_unlined)
    }

    /// The fall that shares its place with jumps to `offset`.
    pub(crate) fn fall_beside(&self, offset: u32) -> Option<usize> {
        self.analysis.ways.joins().iter().position(|join| join.is_entered_at(offset))
    }

    /// The fall that shares its place with the jump of the branch at `offset`.
    pub(crate) fn fall_beside_jump_of(&self, offset: u32) -> Option<usize> {
        if self.analysis.ways.joins().is_empty() {
            return None;
        }
        self.fall_beside(self.analysis.flow.sides(offset)?.1)
    }

    fn owner(&self, index: usize) -> Option<LineNo> {
        self.analysis.ways.owner(&self.analysis.flow, index)
    }

    /// The line of a return that has none itself, where only one leads there.
    pub(crate) fn line_of_return(&self, offset: u32) -> Option<LineNo> {
        self.owner(self.analysis.flow.index_at(offset)?)
    }

    /// The sides of branches that begin with the instruction at `offset`, to which nothing else leads. Not where a branch tells
    /// more than the side that was taken.
    pub(crate) fn sides_at(&self, offset: u32) -> impl ExactSizeIterator<Item = Edge> {
        let start = self.analysis.flow.index_at(offset).unwrap_or(self.analysis.flow.instructions.len());
        self.own_sides().at(start)
    }

    /// The sides that begin where the other one than `seen` of its branch does: that one among them, or none where other ways lead
    /// there, too. Several only where each of their branches has an event until both of its sides were seen.
    pub(crate) fn sides_at_other(&self, seen: Edge) -> impl ExactSizeIterator<Item = Edge> + Clone {
        let start = self.other_side(seen).map_or(self.analysis.flow.instructions.len(), |(_, start)| start);
        let sides = self.own_sides().at(start);
        let most = if self.detail == BranchDetail::Sides { MOST_BRANCHES } else { 1 };
        let is_clear = sides.len() <= most;
        if is_clear { sides } else { self.own_sides().at(self.analysis.flow.instructions.len()) }
    }

    fn own_sides(&self) -> &OwnSides {
        self.own_sides.get_or_init(|| {
            OwnSides::new(&self.analysis.flow, |branch| self.analysis.ways.end_of_with_by(branch).is_none())
        })
    }

    /// The indices of a branch and of the beginning of its other side than `seen`.
    fn other_side(&self, seen: Edge) -> Option<(usize, usize)> {
        let (next, target) = self.analysis.flow.sides(seen.from)?;
        // A destination may lie a little behind the side's own offset, past instructions that do nothing.
        let other = if seen.to >= target && (seen.to < next || target >= next) { next } else { target };
        Some((self.analysis.flow.index_at(seen.from)?, self.analysis.flow.index_at(other)?))
    }

    /// Whether the branch whose one side is `seen` has nothing more to tell.
    pub(crate) fn is_settled_by(&self, seen: Edge) -> bool {
        let Some((branch, start)) = self.other_side(seen) else { return true };
        let Some(line) = self.owner(branch) else { return false };
        let mut jumps = false;
        let end =
            walk_past(&self.analysis.flow, line, start, |jump| jumps |= self.is_told_by_jump(line, jump));
        // A loop has no condition of which sides could be asked for.
        let detail = if self.analysis.flow.tests_at(seen.from) { self.detail } else { BranchDetail::Steps };
        match detail {
            BranchDetail::Steps => match end {
                End::Line(place) => jumps || self.is_told_by_line(line, place),
                // The return has an event.
                End::Return(place) => self.owner(place).is_some(),
                // Of the latter, the branch tells as long as it is to.
                End::Open | End::ExceptStar(_) => true,
            },
            BranchDetail::Sides => match end {
                End::Line(place) => {
                    let landing = self.analysis.ways.landing(self.analysis.flow.instructions[place].start);
                    landing.is_some_and(|landing| {
                        self.analysis.flow.index_at(landing.from) == Some(branch)
                            && self.analysis.flow.index_at(landing.to) == Some(start)
                    })
                }
                End::Return(_) | End::Open | End::ExceptStar(_) => false,
            },
        }
    }

    /// Whether an event of the jump at this index tells that control left `line` by it.
    fn is_told_by_jump(&self, line: LineNo, index: usize) -> bool {
        !self.analysis.flow.instructions[index].jumps_silently()
            && self.owner(index) == Some(line)
            && self.analysis.ways.is_fork(line)
    }

    fn is_told_by_line(&self, from: LineNo, place: usize) -> bool {
        let place = &self.analysis.flow.instructions[place];
        place.line.is_some_and(|line| self.analysis.ways.only_source(line) == Some(from))
            || self.analysis.ways.landing(place.start).is_some()
    }
}
