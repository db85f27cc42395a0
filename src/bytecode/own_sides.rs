//! Sides of branches that begin with an instruction to which nothing else leads: that it was reached tells that the side was
//! taken.
//!
//! Must not know: what ran. Invariant: control comes to such an instruction from its branch, and at once.

use super::control_flow::ControlFlow;
use super::opcodes::Flow;
use crate::model::Edge;

/// By the index of the instruction, ascending: the side that begins there.
#[derive(Debug)]
pub(super) struct OwnSides(Vec<(usize, Edge)>);

impl OwnSides {
    /// Those of the branches that test a value, linear in the size of the code. `is_asked_for` says of which, by index.
    pub(super) fn new(flow: &ControlFlow, is_asked_for: impl Fn(usize) -> bool) -> Self {
        let mut ways_in = vec![0_u32; flow.instructions.len()];
        for index in 0..flow.instructions.len() {
            for successor in flow.successors(index) {
                ways_in[successor] += 1;
            }
        }
        let handlers = flow.handler_starts();
        let mut sides = Vec::new();
        for (branch, instruction) in flow.instructions.iter().enumerate() {
            if !flow.tests_at(instruction.start) || !is_asked_for(branch) {
                continue;
            }
            for start in flow.successors(branch) {
                let begins = &flow.instructions[start];
                // What is turned on again when a branch was reached has no effect on the branch itself any more.
                let is_branch = matches!(begins.opcode.flow, Flow::Branch | Flow::Await);
                if ways_in[start] == 1 && !handlers.contains(&start) && !is_branch {
                    sides.push((start, Edge { from: instruction.own_offset(), to: begins.start }));
                }
            }
        }
        sides.sort_unstable_by_key(|(start, _)| *start);
        Self(sides)
    }

    /// The side that begins with the instruction at this index.
    pub(super) fn at(&self, start: usize) -> Option<Edge> {
        let found = self.0.binary_search_by_key(&start, |(start, _)| *start).ok()?;
        Some(self.0[found].1)
    }
}
