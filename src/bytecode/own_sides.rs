//! Instructions with which sides of branches begin, and to which nothing else leads: that one was reached tells that such a side
//! was taken.
//!
//! Must not know: what ran. Invariant: control comes to such an instruction from one of its branches, and at once.

use super::control_flow::ControlFlow;
use super::opcodes::Flow;
use crate::model::Edge;

/// By the index of the instruction, ascending: the sides that begin there.
#[derive(Debug)]
pub(super) struct OwnSides(Vec<(usize, Edge)>);

impl OwnSides {
    /// Those of the branches that test a value, linear in the size of the code. `is_asked_for` says of which, by index.
    pub(super) fn new(flow: &ControlFlow, is_asked_for: impl Fn(usize) -> bool) -> Self {
        let mut other_ways = vec![0_i64; flow.instructions.len()];
        for index in 0..flow.instructions.len() {
            for successor in flow.successors(index) {
                other_ways[successor] += 1;
            }
        }
        for handler in &flow.handler_starts() {
            other_ways[*handler] += 1;
        }
        let mut sides = Vec::new();
        for (branch, instruction) in flow.instructions.iter().enumerate() {
            if !flow.tests_at(instruction.start) || !is_asked_for(branch) {
                continue;
            }
            for start in flow.successors(branch) {
                other_ways[start] -= 1;
                sides.push((
                    start,
                    Edge { from: instruction.own_offset(), to: flow.instructions[start].start },
                ));
            }
        }
        // What is turned on again when a branch was reached has no effect on the branch itself any more.
        let is_branch = |start: usize| matches!(flow.instructions[start].flow, Flow::Branch | Flow::Await);
        sides.retain(|(start, _)| other_ways[*start] == 0 && !is_branch(*start));
        sides.sort_unstable();
        Self(sides)
    }

    /// The sides that begin with the instruction at this index.
    pub(super) fn at(&self, start: usize) -> impl ExactSizeIterator<Item = Edge> + Clone {
        let first = self.0.partition_point(|(other, _)| *other < start);
        let count = self.0[first..].partition_point(|(other, _)| *other == start);
        self.0[first..first + count].iter().map(|(_, side)| *side)
    }
}
