//! Where the exception of a `raise` statement goes inside its code object.
//!
//! Must not know: what ran. Invariant: it is followed as far as there is one way to go.

use super::control_flow::ControlFlow;
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
        let way = flow.instructions[start..].iter().position(|next| {
            next.opcode.flow != Flow::Next || next.line.is_some_and(|own| Some(own) != line)
        });
        let Some(end) = way.map(|length| start + length) else { break };
        match flow.instructions[end] {
            instruction if instruction.line.is_some() && instruction.line != line => {
                return instruction.line.map_or(Destination::Unknown(end), Destination::Line);
            }
            instruction if instruction.opcode.flow == Flow::Reraise => raising = end,
            _ => return Destination::Unknown(end),
        }
    }
    Destination::Unknown(raising)
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
        let is_raise = |index: &usize| self.instructions[*index].opcode.flow == Flow::Raise;
        let mut raises = (0..self.instructions.len()).filter(is_raise);
        raises.any(|raise| matches!(destination_of_raise(self, raise), Destination::With(_)))
    }

    /// The end of a `with` whose handler begins at `start` (CPython 3.11–3.15, `codegen_with_except_finish`).
    pub(super) fn ends_with_at(&self, start: usize) -> Option<EndOfWith> {
        let name = |index: usize| self.instructions.get(index).map(|instruction| instruction.opcode.name);
        if name(start) != Some("PUSH_EXC_INFO") || name(start + 1) != Some("WITH_EXCEPT_START") {
            return None;
        }
        let mut rest = self.instructions.iter().enumerate().skip(start + 1);
        let (branch, _) = rest.find(|(_, instruction)| instruction.opcode.flow == Flow::Branch)?;
        let (reraise, _) = rest.find(|(_, instruction)| instruction.opcode.name != "NOT_TAKEN")?;
        let passes_on = self.instructions[reraise].opcode.flow == Flow::Reraise;
        passes_on.then_some(EndOfWith { branch, reraise })
    }
}
