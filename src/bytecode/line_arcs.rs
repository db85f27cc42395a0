//! From control passing inside a code object to steps between its lines.
//!
//! A tracer with offsets tells of jumps, of places where lines begin and of `raise` statements reached, each once. This
//! module says which steps between lines follow from that.
//!
//! Must not know: how edges and lines were observed. Invariant: a step is told only if control really made it.

use std::cell::OnceCell;
use std::sync::Arc;

use super::analysis::Analysis;
use super::control_flow::ControlFlow;
use super::exceptions::{Destination, destination_from, destination_of_raise};
use super::opcodes::{Flow, Role};
use super::walk::{End, walk};
use super::{is_function, is_statement};
use crate::model::{ArcEnd, CodeShape, Edge, LineArc, LineNo, LineSet, SortedSet};

/// What edges taken in a code object, and lines that ran, say of steps between its lines.
pub(crate) struct LineSteps {
    analysis: Arc<Analysis>,
    /// Where leaving the code leads. A module begins at line 1 whatever stands there; older compilers say 0.
    exit: ArcEnd,
    is_function: bool,
    is_statement: bool,
    /// The line on which the code is entered, if none of its own statements stands there: that of a `def` belongs to the code
    /// around, which may have run it elsewhere and long ago. No step leads from it.
    entry: Option<LineNo>,
    /// Lines on which functions or classes are made, whose own code may stand there, too; once they are asked for.
    shared: OnceCell<LineSet>,
}

impl LineSteps {
    pub(crate) fn new(shape: &CodeShape) -> Self {
        Self::of(shape, Arc::new(Analysis::new(shape)))
    }

    /// The same where the code object has been taken apart already.
    pub(crate) fn of(shape: &CodeShape, analysis: Arc<Analysis>) -> Self {
        Self {
            entry: line_of_entry_alone(&analysis.flow),
            analysis,
            shared: OnceCell::new(),
            exit: -shape.first_line.max(1),
            is_function: is_function(shape.flags),
            is_statement: is_statement(&shape.name),
        }
    }

    /// Lines that do not say that this code ran, since what it makes on them may have.
    pub(crate) fn shared(&self) -> &LineSet {
        self.shared.get_or_init(|| {
            let all = self.analysis.flow.instructions.iter();
            all.filter(|one| one.role == Role::MakeFunction).filter_map(|one| one.line).collect()
        })
    }

    /// The steps between lines that follow from edges and lines. An edge from an instruction to itself says that it was
    /// reached.
    pub(crate) fn arcs(&self, edges: &SortedSet<Edge>, lines: &LineSet) -> SortedSet<LineArc> {
        let Self { analysis, exit, entry, .. } = self;
        let Analysis { flow, ways } = &**analysis;
        let exit = *exit;
        let mut arcs = Vec::with_capacity(2 * lines.len());
        // Places that control got to, and whose lines may have only one way on.
        let own = lines.iter().filter(|line| Some(*line) != *entry);
        let mut entered: Vec<usize> = own.filter_map(|line| ways.only_place(line)).collect();
        for edge in edges {
            let (Some(from), Some(to)) = (flow.index_at(edge.from), flow.index_at(edge.to)) else { continue };
            let Some(line) = ways.owner(flow, from) else { continue };
            let exit_by_raise = self.is_function.then_some(exit);
            match (flow.instructions[from].flow, flow.instructions[to].flow) {
                (Flow::Raise, _) if from == to => {
                    arcs.extend(way_of_raise(flow, from, exit_by_raise));
                    continue;
                }
                (Flow::Raise, Flow::Reraise) => {
                    let destination = destination_from(flow, to, Some(line));
                    arcs.extend(way_to(destination, line, exit_by_raise));
                    continue;
                }
                _ => (),
            }
            entered.extend(step(flow, line, to, exit, &mut arcs));
        }
        let mut known = vec![false; flow.instructions.len()];
        while let Some(place) = entered.pop() {
            let is_known = std::mem::replace(&mut known[place], true);
            if let Some(line) = flow.instructions[place].line.filter(|_| !is_known) {
                entered.extend(step(flow, line, place, exit, &mut arcs));
            }
        }
        for line in lines.iter() {
            arcs.extend(ways.only_source(line).map(|source| arc(source, line)));
        }
        // A `raise` that is all that its line does was reached if the line ran, for all that matters: there is no other way.
        for (index, instruction) in flow.instructions.iter().enumerate() {
            if instruction.flow == Flow::Raise
                && !ways.is_telling(index)
                && instruction.line.is_some_and(|line| lines.contains(line))
            {
                arcs.extend(way_of_raise(flow, index, self.is_function.then_some(exit)));
            }
        }
        if !self.is_statement {
            // Leaving an expression's code is not leaving the function of one line that it may stand in.
            arcs.retain(|step| step.to > 0);
        }
        if let Some(entry) = entry {
            arcs.retain(|step| step.from != entry.cast_signed());
        }
        arcs.into_iter().collect()
    }
}

/// The line of the instructions up to the first `RESUME`, if no other instruction is of that line.
fn line_of_entry_alone(flow: &ControlFlow) -> Option<LineNo> {
    let resume = flow.instructions.iter().position(|instruction| instruction.role == Role::Resume)?;
    let line = flow.instructions[resume].line?;
    let is_alone = flow.instructions[resume + 1..].iter().all(|instruction| instruction.line != Some(line));
    is_alone.then_some(line)
}

fn arc(from: LineNo, to: LineNo) -> LineArc {
    LineArc::new(from.cast_signed(), to.cast_signed())
}

/// Adds the step from `line` that must follow at the instruction at `index`, if any; returns the place where it leads.
fn step(
    flow: &ControlFlow,
    line: LineNo,
    index: usize,
    exit: ArcEnd,
    arcs: &mut Vec<LineArc>,
) -> Option<usize> {
    match walk(flow, line, index) {
        End::Line(place) => {
            arcs.push(arc(line, flow.instructions[place].line?));
            Some(place)
        }
        End::Return(_) => {
            arcs.push(LineArc::new(line.cast_signed(), exit));
            None
        }
        End::Open | End::ExceptStar(_) => None,
    }
}

/// The step that the `raise` statement at `index` makes. A module or class is not left by it, but broken off: it has no
/// `exit`.
fn way_of_raise(flow: &ControlFlow, index: usize, exit: Option<ArcEnd>) -> Option<LineArc> {
    let line = flow.instructions[index].line?;
    way_to(destination_of_raise(flow, index), line, exit)
}

fn way_to(destination: Destination, line: LineNo, exit: Option<ArcEnd>) -> Option<LineArc> {
    match destination {
        Destination::Line(next) => Some(arc(line, next)),
        Destination::Exit => exit.map(|exit| LineArc::new(line.cast_signed(), exit)),
        Destination::With(_) | Destination::Unknown(_) => None,
    }
}
