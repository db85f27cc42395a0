//! Which steps between lines follow from control passing along an edge.
//!
//! Must not know: what else ran. Invariant: a step is told only if control really made it: the walk stops where an
//! exception could lead elsewhere, as long as some other event tells how it went on. Where none does, two things are taken
//! on trust: that a call after the branch on its own line came back, where the next line is reached by falling through
//! and from elsewhere too; and that a `raise` statement on the branch's line got as far as raising.

use super::control_flow::ControlFlow;
use super::entries::Entries;
use super::opcodes::Flow;
use crate::model::{ArcEnd, CodeShape, Edge, LineArc, LineNo};

/// The end of an arc that leaves `shape`: its first line, negated.
pub(super) fn exit_of(shape: &CodeShape) -> ArcEnd {
    // A module begins at line 1 whatever stands there; older compilers say 0.
    -shape.first_line.max(1)
}

pub(super) fn arc(from: LineNo, to: LineNo) -> LineArc {
    LineArc::new(from.cast_signed(), to.cast_signed())
}

/// A step from line to line.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    pub(super) arc: LineArc,
    /// The offset where the line begins that it leads to; `None` where it leads out of the code.
    pub(super) place: Option<u32>,
}

/// How far a walk goes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Until {
    /// As long as there is one way to go.
    Choice,
    /// To the first jump or return that has an event of its own, which tells what comes then.
    Told,
}

/// What following an edge tells.
#[derive(Debug, Default)]
pub(super) struct Walk {
    pub(super) steps: Vec<Step>,
    /// Whether no other event tells of the end of the walk: a `raise` on the branch's own line, a return without a line.
    pub(super) ends_silently: bool,
}

/// Follows an edge.
pub(super) fn walk(flow: &ControlFlow, entries: &Entries, edge: Edge, exit: ArcEnd, until: Until) -> Walk {
    let mut told = Walk::default();
    let (Some(branch_line), Some(mut index)) = (flow.line_at(edge.from), flow.index_at(edge.to)) else {
        return told;
    };
    let mut line = branch_line;
    // Whether something on the branch's own line may have raised. The end of an `async for` is tried on any exception, and
    // CPython 3.14 tells of it before it knows.
    let mut doubtful = index.checked_sub(1).is_some_and(|before| {
        let before = &flow.instructions[before];
        before.opcode.name == "END_ASYNC_FOR" && flow.index_at(edge.from) != flow.index_at(before.start)
    });
    // Whether this is the way of an exception that a `raise` statement on the branch's line raised.
    let mut raising = false;
    // Each instruction is passed once, or the code runs in circles without a line of its own.
    for _ in 0..flow.instructions.len() {
        let instruction = &flow.instructions[index];
        let on_branch_line = line == branch_line;
        if let Some(next) = instruction.line.filter(|next| *next != line) {
            let is_in_doubt = doubtful && on_branch_line && !raising;
            if is_in_doubt
                && (entries.only_source(next) == Some(line) || entries.landing(instruction.start).is_some())
            {
                return told;
            }
            told.steps.push(Step { arc: arc(line, next), place: Some(instruction.start) });
            if is_in_doubt {
                return told;
            }
            line = next;
        }
        let on_branch_line = line == branch_line;
        // Jumps and returns have events of their own, which tell their line if they have one.
        let has_event = instruction.line.is_some_and(|own| match until {
            Until::Choice => doubtful && on_branch_line,
            Until::Told => entries.may_have_suite(own),
        });
        let next = match instruction.opcode.flow {
            Flow::Branch | Flow::FailedAssertion => return told,
            Flow::Return | Flow::Jump if has_event => return told,
            Flow::Return => {
                told.steps.push(Step { arc: LineArc::new(line.cast_signed(), exit), place: None });
                told.ends_silently |= instruction.line.is_none();
                return told;
            }
            Flow::Raise if !on_branch_line => return told,
            Flow::Reraise if !raising => return told,
            Flow::Raise | Flow::Reraise => {
                raising = true;
                told.ends_silently = true;
                let handler = flow.handler_of(instruction.start);
                if handler.is_none() {
                    told.steps.push(Step { arc: LineArc::new(line.cast_signed(), exit), place: None });
                }
                handler
            }
            Flow::Jump => instruction.target,
            // Past the branch's line, what may raise ends what is known.
            Flow::Next | Flow::ExtendedArgument | Flow::Await
                if !on_branch_line && instruction.opcode.may_raise =>
            {
                return told;
            }
            Flow::Await => {
                doubtful = true;
                instruction.target
            }
            Flow::Next | Flow::ExtendedArgument => {
                doubtful |= instruction.opcode.may_raise;
                Some(instruction.end)
            }
        };
        match next.and_then(|offset| flow.index_at(offset)) {
            Some(next) => index = next,
            None => return told,
        }
    }
    told
}
