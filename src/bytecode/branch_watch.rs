//! What to watch of a code object's branches while it runs.
//!
//! Must not know: how events arrive. Invariant: an event is given up only when everything more it would tell of what is
//! asked for, other events tell as well.

use super::control_flow::ControlFlow;
use super::walk::{End, walk};
use super::ways::Ways;
use crate::model::{BranchDetail, CodeShape, Edge, LineNo, LineSet};

/// A code object under watch.
#[derive(Debug)]
pub(crate) struct BranchWatch {
    flow: ControlFlow,
    ways: Ways,
    detail: BranchDetail,
    /// Lines of which some places tell more than that the line ran.
    telling_lines: LineSet,
}

/// A way on without a jump that other ways join, by its number among those of the code object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fall {
    pub(crate) number: usize,
    pub(crate) edge: Edge,
}

impl BranchWatch {
    pub(crate) fn new(shape: &CodeShape, detail: BranchDetail) -> Self {
        let flow = ControlFlow::new(shape);
        let ways = Ways::new(&flow, shape);
        let landings = ways.landings().filter(|(place, edge)| {
            flow.line_at(*place).is_some_and(|line| ways.only_source(line).is_none())
                || (detail == BranchDetail::Sides && flow.tests_at(edge.from))
        });
        let places = landings.map(|(place, _)| place).chain(ways.joins().iter().map(|join| join.fall.to));
        let telling_lines = places.filter_map(|place| flow.line_at(place)).collect();
        Self { flow, ways, detail, telling_lines }
    }

    /// The code object taken apart.
    pub(crate) fn flow(&self) -> &ControlFlow {
        &self.flow
    }

    /// How many [falls](Fall) there are.
    pub(crate) fn falls(&self) -> usize {
        self.ways.joins().len()
    }

    /// Whether there are instructions of which it tells something that they were reached.
    pub(crate) fn asks_for_instructions(&self) -> bool {
        self.ways.has_telling()
    }

    /// Whether the instruction at `offset` is one of these.
    pub(crate) fn is_telling(&self, offset: u32) -> bool {
        self.flow.index_at(offset).is_some_and(|index| self.ways.is_telling(index))
    }

    /// Whether the unconditional jump at an offset tells how control left a line that has several ways on.
    pub(crate) fn asks_for_jump(&self, offset: u32) -> bool {
        let line = self.flow.index_at(offset).and_then(|index| self.ways.owner(index));
        line.is_some_and(|line| self.ways.is_fork(line))
    }

    /// The edge that the event of one side of a branch tells of. `None` where it only says that something is tried: the end
    /// of an `async for`, which any exception looks for (CPython 3.14, `END_ASYNC_FOR` in `Python/bytecodes.c`).
    pub(crate) fn edge_of_side(&self, event: Edge) -> Option<Edge> {
        let (_, from) = self.flow.branch_of_event(event.from)?;
        Some(Edge { from, ..event })
    }

    /// Whether it matters at which of its places `line` was entered.
    pub(crate) fn asks_for_place(&self, line: LineNo) -> bool {
        self.telling_lines.contains(line)
    }

    /// How control came to the place at `offset` where a line begins, if there is one way only.
    pub(crate) fn landing(&self, offset: u32) -> Option<Edge> {
        self.ways.landing(offset)
    }

    /// How control came to the place at `offset` where a line begins, unless by a jump.
    pub(crate) fn fall_to(&self, offset: u32) -> Option<Fall> {
        let number = self.ways.joins().iter().position(|join| join.fall.to == offset)?;
        Some(Fall { number, edge: self.ways.joins()[number].fall })
    }

    /// The fall that shares its place with jumps to `offset`.
    pub(crate) fn fall_beside(&self, offset: u32) -> Option<usize> {
        if self.ways.joins().is_empty() {
            return None;
        }
        let index = self.flow.index_at(offset)?;
        self.ways.joins().iter().position(|join| join.is_entered_at(index))
    }

    /// The fall that shares its place with the jump of the branch at `offset`.
    pub(crate) fn fall_beside_jump_of(&self, offset: u32) -> Option<usize> {
        if self.ways.joins().is_empty() {
            return None;
        }
        self.fall_beside(self.flow.sides(offset)?.1)
    }

    /// The line of a return that has none itself, where only one leads there.
    pub(crate) fn line_of_return(&self, offset: u32) -> Option<LineNo> {
        self.ways.owner(self.flow.index_at(offset)?)
    }

    /// Whether the branch whose one side is `seen` has nothing more to tell.
    pub(crate) fn is_settled_by(&self, seen: Edge) -> bool {
        let Some((next, target)) = self.flow.sides(seen.from) else { return true };
        // A destination may lie a little behind the side's own offset, past instructions that do nothing.
        let unseen = if seen.to >= target && (seen.to < next || target >= next) { next } else { target };
        let (Some(branch), Some(start)) = (self.flow.index_at(seen.from), self.flow.index_at(unseen)) else {
            return true;
        };
        let Some(line) = self.ways.owner(branch) else { return false };
        let end = walk(&self.flow, line, start);
        // A loop has no condition of which sides could be asked for.
        let detail = if self.flow.tests_at(seen.from) { self.detail } else { BranchDetail::Steps };
        match detail {
            BranchDetail::Steps => match end {
                End::Line(place) => self.is_told_by_line(line, place),
                // The return has an event.
                End::Return(place) => self.ways.owner(place).is_some(),
                End::Open => true,
            },
            BranchDetail::Sides => match end {
                End::Line(place) => {
                    let landing = self.ways.landing(self.flow.instructions[place].start);
                    landing.is_some_and(|landing| {
                        self.flow.index_at(landing.from) == Some(branch)
                            && self.flow.index_at(landing.to) == Some(start)
                    })
                }
                End::Return(_) | End::Open => false,
            },
        }
    }

    fn is_told_by_line(&self, from: LineNo, place: usize) -> bool {
        let place = &self.flow.instructions[place];
        place.line.is_some_and(|line| self.ways.only_source(line) == Some(from))
            || self.ways.landing(place.start).is_some()
    }
}
