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
    /// It depends: up to the instruction at this index it is clear.
    Unknown(usize),
}

/// Where the exception goes that the `raise` statement at `index` raises: to the first line after its own, or out.
pub(super) fn destination_of_raise(flow: &ControlFlow, index: usize) -> Destination {
    let line = flow.instructions[index].line;
    let mut raising = index;
    // Handlers lie behind what they guard, but damaged tables may say anything.
    for _ in 0..flow.instructions.len() {
        let Some(handler) = flow.handler_of(flow.instructions[raising].start) else {
            return Destination::Exit;
        };
        let Some(start) = flow.index_at(handler) else { break };
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
