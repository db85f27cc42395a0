//! The end of a `try` with `except*` clauses, where what they left or raised is put together: nothing, and control goes on, or an
//! exception, which is raised.
//!
//! Must not know: what ran. Invariant: a line is named only if all that it leads to before that end cannot raise.

use std::collections::BTreeMap;

use super::control_flow::{ControlFlow, Instruction};
use super::opcodes::{Flow, Role};
use super::predecessors::Owners;
use super::walk::{End, walk};
use crate::model::{LineNo, LineSet, SortedSet};

impl ControlFlow {
    /// The branch that decides at the end of an `except*` whether anything is raised, by a jump then, if the instruction at `index`
    /// puts that together (CPython 3.12–3.15, `codegen_try_star_except`).
    pub(super) fn ends_except_star_at(&self, index: usize) -> Option<usize> {
        let name = |index: usize| self.instructions.get(index).map(Instruction::name);
        let is_end = self.instructions.get(index).is_some_and(|one| one.role == Role::OwnFunction)
            && name(index + 1) == Some("COPY")
            && name(index + 2) == Some("POP_JUMP_IF_NOT_NONE");
        is_end.then_some(index + 2)
    }
}

/// The ways by which lines with several ways on lead past suites of `except*`. Indices of instructions.
#[derive(Debug, Default)]
pub(super) struct StarWays {
    /// The branches that decide whether anything is raised.
    branches: SortedSet<usize>,
    /// What runs if an exception comes of putting it together.
    handlers: SortedSet<usize>,
    /// The last instruction of such a line before several lines share the code, and the number of the line.
    sources: BTreeMap<usize, usize>,
    lines: Vec<LineNo>,
}

impl StarWays {
    pub(super) fn new(flow: &ControlFlow, owners: &Owners, forks: &LineSet) -> Self {
        if !flow.has(Role::OwnFunction) {
            return Self::default();
        }
        let ends = (0..flow.instructions.len()).filter_map(|end| Some((end, flow.ends_except_star_at(end)?)));
        let ends: Vec<(usize, usize)> = ends.collect();
        if ends.is_empty() {
            return Self::default();
        }
        let is_source = |index: usize| {
            let line = owners.of(flow, index).filter(|line| forks.contains(*line))?;
            let leads_there = flow.successors(index).any(|next| {
                owners.of(flow, next).is_none() && matches!(walk(flow, line, next), End::ExceptStar(_))
            });
            leads_there.then_some((index, line))
        };
        let sources: Vec<(usize, LineNo)> = (0..flow.instructions.len()).filter_map(is_source).collect();
        let mut lines: Vec<LineNo> = sources.iter().map(|(_, line)| *line).collect();
        lines.sort_unstable();
        lines.dedup();
        let number = |line: LineNo| lines.partition_point(|other| *other < line);
        Self {
            branches: ends.iter().map(|(_, branch)| *branch).collect(),
            handlers: ends
                .iter()
                .filter_map(|(end, _)| flow.index_at(flow.handler_of(flow.instructions[*end].start)?))
                .collect(),
            sources: sources.into_iter().map(|(index, line)| (index, number(line))).collect(),
            lines,
        }
    }

    /// How many lines there are.
    pub(super) fn lines(&self) -> usize {
        self.lines.len()
    }

    /// Whether it is decided by the branch at this index.
    pub(super) fn is_decided_at(&self, branch: usize) -> bool {
        !self.lines.is_empty() && self.branches.contains(&branch)
    }

    /// The number of the line that control leaves by the instruction at this index, maybe.
    pub(super) fn source(&self, index: usize) -> Option<usize> {
        self.sources.get(&index).copied()
    }

    /// The same if an event of the instruction must tell, since it neither jumps nor may raise.
    pub(super) fn source_without_jump(&self, flow: &ControlFlow, index: usize) -> Option<usize> {
        let instruction = &flow.instructions[index];
        let is_quiet = match instruction.flow {
            Flow::Next => !instruction.may_raise,
            Flow::Jump => instruction.jumps_silently(),
            Flow::Branch
            | Flow::Await
            | Flow::Return
            | Flow::Raise
            | Flow::FailedAssertion
            | Flow::Reraise
            | Flow::ExtendedArgument => false,
        };
        self.source(index).filter(|_| is_quiet)
    }

    /// Whether an exception comes here that ends the way of any line.
    pub(super) fn is_broken_off_at(&self, index: usize) -> bool {
        !self.lines.is_empty() && self.handlers.contains(&index)
    }
}
