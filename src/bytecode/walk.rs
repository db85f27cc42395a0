//! Where control must get to next from an instruction.
//!
//! Must not know: what ran. Invariant: nothing is taken on trust: where an exception could lead elsewhere, the walk ends.

use super::control_flow::ControlFlow;
use super::opcodes::Flow;
use crate::model::LineNo;

/// How a walk ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// At this index, where another line begins.
    Line(usize),
    /// With a return, at this index, that has no line of its own.
    Return(usize),
    /// At the end of an `except*`, at this index, where it is decided whether anything is raised.
    ExceptStar(usize),
    /// At something that may raise or has a choice; or at a return of the line itself.
    Open,
}

/// Goes on from the instruction at `index` until `line` is left.
pub(super) fn walk(flow: &ControlFlow, line: LineNo, index: usize) -> End {
    walk_past(flow, line, index, |_| ())
}

/// The same; tells of the index of each jump on the way.
pub(super) fn walk_past(
    flow: &ControlFlow,
    line: LineNo,
    mut index: usize,
    mut jumps: impl FnMut(usize),
) -> End {
    // Each instruction is passed once, or the code runs in circles without a line of its own.
    for _ in 0..flow.instructions.len() {
        let instruction = &flow.instructions[index];
        if instruction.line.is_some_and(|next| next != line) {
            return End::Line(index);
        }
        let next = match instruction.flow {
            Flow::Return if instruction.line.is_none() => return End::Return(index),
            Flow::Jump => {
                jumps(index);
                flow.jump(index)
            }
            Flow::Next if !instruction.may_raise => flow.next(index),
            Flow::Next if flow.ends_except_star_at(index).is_some() => return End::ExceptStar(index),
            Flow::Next
            | Flow::Branch
            | Flow::Await
            | Flow::Return
            | Flow::Raise
            | Flow::FailedAssertion
            | Flow::Reraise
            | Flow::ExtendedArgument => return End::Open,
        };
        match next {
            Some(next) => index = next,
            None => return End::Open,
        }
    }
    End::Open
}
