//! Where the exception of a `raise` statement goes inside its code object.
//!
//! Must not know: what ran. Invariant: it is followed as far as there is one way to go.

use super::control_flow::{ControlFlow, Instruction};
use super::opcodes::Flow;
use crate::model::LineNo;

/// Where a way from a line leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Destination {
    Line(LineNo),
    /// Out of the code object.
    Exit,
    /// To the end of a `with`, at this index, whose manager decides whether it goes on.
    With(usize),
    /// It depends: up to the instruction at this index it is clear.
    Unknown(usize),
}

/// Where the exception goes that the `raise` statement at `index` raises: to the first line after its own, or out.
pub(super) fn destination_of_raise(flow: &ControlFlow, index: usize) -> Destination {
    destination_from(flow, index, flow.instructions[index].line)
}

/// Where an exception goes that comes from `line` and is passed on by the instruction at `raising`.
pub(super) fn destination_from(flow: &ControlFlow, mut raising: usize, line: Option<LineNo>) -> Destination {
    // Handlers lie behind what they guard, but damaged tables may say anything.
    for _ in 0..flow.instructions.len() {
        let Some(handler) = flow.handler_of(flow.instructions[raising].start) else {
            return Destination::Exit;
        };
        let Some(start) = flow.index_at(handler) else { break };
        if flow.ends_with_at(start).is_some() {
            return Destination::With(start);
        }
        match rest_of_handler(flow, start, line) {
            Ok(reraise) => raising = reraise,
            Err(destination) => return destination,
        }
    }
    Destination::Unknown(raising)
}

/// Where the instructions from `index` on lead that handle an exception which came from `line`: to one that passes it on.
fn rest_of_handler(flow: &ControlFlow, mut index: usize, line: Option<LineNo>) -> Result<usize, Destination> {
    for _ in 0..flow.instructions.len() {
        let Some(instruction) = flow.instructions.get(index) else { break };
        if let Some(own) = instruction.line.filter(|own| Some(*own) != line) {
            return Err(Destination::Line(own));
        }
        let next = match instruction.flow {
            Flow::Reraise => return Ok(index),
            Flow::Jump => instruction.target(),
            // What an `except*` suite has raised is raised at the end, whatever the others left.
            Flow::Next => match flow.ends_except_star_at(index) {
                Some(branch) => flow.instructions[branch].target(),
                None => Some(instruction.end),
            },
            Flow::Branch
            | Flow::Await
            | Flow::Return
            | Flow::Raise
            | Flow::FailedAssertion
            | Flow::ExtendedArgument => break,
        };
        match next.and_then(|offset| flow.index_at(offset)) {
            Some(next) => index = next,
            None => break,
        }
    }
    Err(Destination::Unknown(index))
}

/// The end of a `with` that an exception came to, which asks the manager whether it goes on. Indices of instructions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct EndOfWith {
    /// The branch by which that is decided: it jumps where the exception is swallowed.
    pub(super) branch: usize,
    /// What passes the exception on.
    pub(super) reraise: usize,
}

impl ControlFlow {
    /// Whether the exception of a `raise` statement comes to the end of a `with`.
    pub(crate) fn raises_in_with(&self) -> bool {
        let is_raise = |index: &usize| self.instructions[*index].flow == Flow::Raise;
        let mut raises = (0..self.instructions.len()).filter(is_raise);
        raises.any(|raise| matches!(destination_of_raise(self, raise), Destination::With(_)))
    }

    /// The end of a `with` whose handler begins at `start` (CPython 3.11–3.15, `codegen_with_except_finish`).
    pub(super) fn ends_with_at(&self, start: usize) -> Option<EndOfWith> {
        let name = |index: usize| self.instructions.get(index).map(Instruction::name);
        if name(start) != Some("PUSH_EXC_INFO") || name(start + 1) != Some("WITH_EXCEPT_START") {
            return None;
        }
        let mut rest = self.instructions.iter().enumerate().skip(start + 1);
        let (branch, _) = rest.find(|(_, instruction)| instruction.flow == Flow::Branch)?;
        let (reraise, _) = rest.find(|(_, instruction)| instruction.name() != "NOT_TAKEN")?;
        let passes_on = self.instructions[reraise].flow == Flow::Reraise;
        passes_on.then_some(EndOfWith { branch, reraise })
    }
}
