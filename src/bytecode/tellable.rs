//! All that a trace function can be told of frames of a code object.
//!
//! Must not know: what was told. Invariant: whatever an event can still tell is in it, or it is not given at all.

use std::collections::BTreeSet;

use super::control_flow::ControlFlow;
use super::opcodes::{Flow, Role};
use crate::model::LineNo;

/// Lines, and steps between them.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Tellable {
    pub(crate) lines: BTreeSet<LineNo>,
    /// From a line to the next; `None` is out of the code.
    pub(crate) steps: BTreeSet<(LineNo, Option<LineNo>)>,
}

impl ControlFlow {
    /// What line and return events can tell of this code; `None` where exceptions have a say in it: code with handlers or
    /// `raise` statements, and code that awaits.
    ///
    /// A line event comes where the line changes, and at a jump backwards (CPython 3.11 `Python/ceval.c`,
    /// `maybe_call_line_trace`); none before the first `RESUME` has run.
    pub(crate) fn tellable(&self) -> Option<Tellable> {
        if !self.handler_starts().is_empty() {
            return None;
        }
        let resume = self.instructions.iter().position(|instruction| instruction.role == Role::Resume)?;
        let mut told = Tellable::default();
        let mut reached = BTreeSet::new();
        let mut waiting: Vec<usize> = self.successors(resume).collect();
        while let Some(index) = waiting.pop() {
            if !reached.insert(index) {
                continue;
            }
            let instruction = &self.instructions[index];
            let line = instruction.line?;
            told.lines.insert(line);
            match instruction.flow {
                Flow::Next | Flow::ExtendedArgument | Flow::Jump | Flow::Branch => (),
                Flow::Return => {
                    told.steps.insert((line, None));
                }
                Flow::Await | Flow::Raise | Flow::FailedAssertion | Flow::Reraise => return None,
            }
            for successor in self.successors(index) {
                let next = self.instructions[successor].line?;
                if next != line || successor <= index {
                    told.steps.insert((line, Some(next)));
                }
                waiting.push(successor);
            }
        }
        Some(told)
    }
}
