//! From jumps inside a code object to steps between its lines.
//!
//! A tracer with offsets tells of jumps at branches only, each side once. This module says which steps between lines
//! follow from that.
//!
//! Must not know: how edges and lines were observed. Invariant: that of [`walk`](mod@super::walk).

use std::collections::BTreeSet;

use super::control_flow::ControlFlow;
use super::entries::Entries;
use super::is_statement;
use super::opcodes::Flow;
use super::walk::{Until, arc, exit_of, walk};
use crate::model::{ArcEnd, CodeShape, Edge, LineArc, LineNo, LineSet};

/// The steps between lines of one code object that follow from the edges taken in it and the lines that ran.
pub(crate) fn line_arcs(shape: &CodeShape, edges: &BTreeSet<Edge>, lines: &LineSet) -> BTreeSet<LineArc> {
    let flow = ControlFlow::new(shape);
    let entries = Entries::new(&flow);
    let exit = exit_of(shape);
    let mut arcs = BTreeSet::new();
    for edge in edges {
        let told = walk(&flow, &entries, *edge, exit, Until::Choice);
        arcs.extend(told.steps.into_iter().map(|step| step.arc));
    }
    for line in lines.iter() {
        arcs.extend(entries.only_source(line).map(|source| arc(source, line)));
    }
    arcs.extend(definitions(&flow, exit, lines));
    for index in raises(&flow, &entries, edges, shape.first_line, lines) {
        arcs.extend(way_of_exception(&flow, index, exit));
    }
    if !is_statement(&shape.name) {
        // Leaving an expression's code is not leaving the function of one line that it may stand in.
        arcs.retain(|step| step.to > 0);
    }
    arcs
}

/// A `def` or `class` statement on one line has two ways out in coverage.py's eyes: into its body and on. That control
/// went on follows from both lines having run, because once a function or class has its name, nothing can go wrong.
fn definitions(flow: &ControlFlow, exit: ArcEnd, lines: &LineSet) -> Vec<LineArc> {
    let mut arcs = Vec::new();
    let branch_lines: LineSet = flow
        .instructions
        .iter()
        .filter(|instruction| instruction.opcode.flow == Flow::Branch)
        .filter_map(|instruction| instruction.line)
        .collect();
    for (index, instruction) in flow.instructions.iter().enumerate() {
        let Some(line) = instruction.line.filter(|line| {
            instruction.opcode.name == "MAKE_FUNCTION"
                && lines.contains(*line)
                && !branch_lines.contains(*line)
        }) else {
            continue;
        };
        // Decorators are called on their own lines before the name is given on this one.
        let Some(named) = flow.instructions[index..]
            .iter()
            .take_while(|next| !matches!(next.opcode.flow, Flow::Return | Flow::Raise))
            .position(|next| next.line == Some(line) && next.opcode.name.starts_with("STORE_"))
        else {
            continue;
        };
        arcs.extend(
            step_after(flow, index + named, line, exit)
                .filter(|step| u32::try_from(step.to).map_or(true, |to| lines.contains(to))),
        );
    }
    arcs
}

/// The `raise` statements that were reached: the indices of the instructions that raise. A walk along an edge sees those on
/// the branch's own line only, and a suite on the line of its header may be on a later one.
fn raises(
    flow: &ControlFlow,
    entries: &Entries,
    edges: &BTreeSet<Edge>,
    first_line: i32,
    lines: &LineSet,
) -> BTreeSet<usize> {
    let of_edges = edges.iter().filter_map(|edge| straight_to_raise(flow, flow.index_at(edge.to)?));
    // The first line of a function runs when it is defined, too.
    let ran = lines.iter().filter(|line| i32::try_from(*line) != Ok(first_line));
    let of_lines = ran.filter_map(|line| straight_to_raise(flow, entries.only_place(line)?));
    // A later line of the statement ran. What stands there may branch on its way.
    let long = flow.instructions.iter().enumerate().filter(|(_, instruction)| {
        let (Some(line), Some(end)) = (instruction.line, instruction.end_line) else { return false };
        instruction.opcode.flow == Flow::Raise && lines.iter().any(|ran| line < ran && ran <= end)
    });
    of_edges.chain(of_lines).chain(long.map(|(index, _)| index)).collect()
}

/// The `raise` statement that `index` is in, if it is reached from there whatever happens in it.
fn straight_to_raise(flow: &ControlFlow, index: usize) -> Option<usize> {
    let goes_on = |flow| matches!(flow, Flow::Next | Flow::ExtendedArgument);
    let length = flow.instructions[index..].iter().position(|next| !goes_on(next.opcode.flow))?;
    let raise = &flow.instructions[index + length];
    let (line, end) = (raise.line?, raise.end_line?);
    let all_in_it = flow.instructions[index..index + length]
        .iter()
        .all(|instruction| instruction.line.is_none_or(|own| line <= own && own <= end));
    (raise.opcode.flow == Flow::Raise && all_in_it).then_some(index + length)
}

/// The step that the exception makes which the `raise` statement at `index` raises.
fn way_of_exception(flow: &ControlFlow, index: usize, exit: ArcEnd) -> Option<LineArc> {
    let line = flow.instructions[index].line?;
    let mut offset = flow.instructions[index].start;
    // Handlers lie behind what they guard, but damaged tables may say anything.
    for _ in 0..flow.instructions.len() {
        let Some(handler) = flow.handler_of(offset) else {
            return Some(LineArc::new(line.cast_signed(), exit));
        };
        let from = flow.index_at(handler)?;
        let end = flow.instructions[from..].iter().find(|instruction| {
            instruction.line.is_some_and(|next| next != line) || instruction.opcode.flow != Flow::Next
        })?;
        if let Some(next) = end.line.filter(|next| *next != line) {
            return Some(arc(line, next));
        }
        if end.opcode.flow != Flow::Reraise {
            return None;
        }
        offset = end.start;
    }
    None
}

/// The step that control must make from `line`, going on from the instruction at `at`; `None` where there is a choice.
fn step_after(flow: &ControlFlow, mut at: usize, line: LineNo, exit: ArcEnd) -> Option<LineArc> {
    // Each instruction is passed once, or the code runs in circles.
    for _ in 0..flow.instructions.len() {
        match flow.instructions[at].opcode.flow {
            Flow::Return => return Some(LineArc::new(line.cast_signed(), exit)),
            Flow::Branch | Flow::Await | Flow::Raise | Flow::FailedAssertion | Flow::Reraise => return None,
            Flow::Next | Flow::ExtendedArgument | Flow::Jump => (),
        }
        at = flow.successors(at).next()?;
        if let Some(next) = flow.instructions[at].line.filter(|next| *next != line) {
            return Some(arc(line, next));
        }
    }
    None
}
