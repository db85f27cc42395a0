//! What to watch of a code object's branches while it runs.
//!
//! Must not know: how events arrive. Invariant: a branch is given up only when everything the rest of it would tell of
//! steps between lines, other events tell as well.

use super::control_flow::ControlFlow;
use super::entries::Entries;
use super::walk::{Step, Until, exit_of, walk};
use crate::model::{ArcEnd, CodeShape, Edge, LineNo, LineSet};

/// A code object under watch.
#[derive(Debug)]
pub(crate) struct BranchWatch {
    flow: ControlFlow,
    entries: Entries,
    exit: ArcEnd,
    /// Lines of which some places tell more than that the line ran.
    landing_lines: LineSet,
}

impl BranchWatch {
    pub(crate) fn new(shape: &CodeShape) -> Self {
        let flow = ControlFlow::new(shape);
        let entries = Entries::new(&flow);
        let landing_lines = entries.landings().filter_map(|offset| flow.line_at(offset)).collect();
        Self { flow, entries, exit: exit_of(shape), landing_lines }
    }

    /// Whether the unconditional jump at an offset tells how a branch or its suite went on.
    pub(crate) fn asks_for_jump(&self, offset: u32) -> bool {
        self.flow.line_at(offset).is_some_and(|line| self.entries.may_have_suite(line))
    }

    /// Whether it matters at which of its places `line` was entered.
    pub(crate) fn asks_for_place(&self, line: LineNo) -> bool {
        self.landing_lines.contains(line)
    }

    /// How control came to the place at `offset` where a line begins, if that is not clear from the line alone.
    pub(crate) fn landing(&self, offset: u32) -> Option<Edge> {
        self.entries.landing(offset)
    }

    /// Whether the branch whose one side is `seen` has nothing more to tell of steps between lines.
    pub(crate) fn is_settled_by(&self, seen: Edge) -> bool {
        let Some((next, target)) = self.flow.sides(seen.from) else { return true };
        // A destination may lie a little behind the side's own offset, past instructions that do nothing.
        let unseen = if seen.to >= target && (seen.to < next || target >= next) { next } else { target };
        let told =
            walk(&self.flow, &self.entries, Edge { from: seen.from, to: unseen }, self.exit, Until::Told);
        !told.ends_silently && told.steps.iter().all(|step| self.is_told_elsewhere(*step))
    }

    fn is_told_elsewhere(&self, Step { arc, place }: Step) -> bool {
        // Leaving is told by the return event.
        let Some(place) = place else { return true };
        self.entries.only_source(arc.to.unsigned_abs()) == Some(arc.from.unsigned_abs())
            || self.entries.landing(place).is_some()
    }
}
