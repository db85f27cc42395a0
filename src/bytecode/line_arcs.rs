//! From jumps inside a code object to steps between its lines.
//!
//! A tracer with offsets tells of jumps at branches only, each side once. This module says which steps between lines
//! follow from that, and which side of a branch need not be watched because the lines will tell.
//!
//! Must not know: how edges and lines were observed. Invariant: a step is reported only if control really made it: the
//! walk along an edge stops where an exception could lead elsewhere. One case is taken on trust and documented: a call on
//! the branch's own line after the branch, with the next line following by falling through (`if a: b = f()` with `else:`).

use std::collections::{BTreeMap, BTreeSet};

use super::control_flow::ControlFlow;
use super::opcodes::Flow;
use crate::model::{ArcEnd, CodeShape, Edge, LineArc, LineNo, LineSet};

/// The end of an arc that leaves `shape`: its first line, negated.
fn exit_of(shape: &CodeShape) -> ArcEnd {
    // A module begins at line 1 whatever stands there; older compilers say 0.
    -shape.first_line.max(1)
}

/// The steps between lines of one code object that follow from the edges taken in it and the lines that ran.
pub(crate) fn line_arcs(shape: &CodeShape, edges: &BTreeSet<Edge>, lines: &LineSet) -> BTreeSet<LineArc> {
    let flow = ControlFlow::new(shape);
    let exit = exit_of(shape);
    let mut arcs = BTreeSet::new();
    for edge in edges {
        let from = flow.line_at(edge.from);
        if edge.to == Edge::EXIT {
            arcs.extend(from.map(|line| LineArc::new(line.cast_signed(), exit)));
        } else {
            arcs.extend(walk(&flow, *edge, exit).arcs);
        }
    }
    let entries = Entries::new(&flow);
    // Steps from lines with one way on follow from the line itself.
    let forks = branch_lines(&flow);
    for (line, source) in entries.only_sources() {
        if forks.contains(source) && lines.contains(line) {
            arcs.insert(arc(source, line));
        }
    }
    arcs.extend(definitions(&flow, exit, lines));
    arcs
}

fn arc(from: LineNo, to: LineNo) -> LineArc {
    LineArc::new(from.cast_signed(), to.cast_signed())
}

/// The lines on which control forks.
fn branch_lines(flow: &ControlFlow) -> LineSet {
    let branches = flow.instructions.iter().filter(|instruction| instruction.opcode.flow == Flow::Branch);
    branches.filter_map(|instruction| instruction.line).collect()
}

/// What following an edge tells.
struct Walk {
    arcs: Vec<LineArc>,
    /// Whether it ends in a `raise` on the branch's own line, which no line event tells of.
    raises: bool,
}

/// Follows an edge for as long as there is one way to go.
fn walk(flow: &ControlFlow, edge: Edge, exit: ArcEnd) -> Walk {
    let mut told = Walk { arcs: Vec::new(), raises: false };
    let (Some(mut line), Some(mut index)) = (flow.line_at(edge.from), flow.index_at(edge.to)) else {
        return told;
    };
    let branch_line = line;
    // Whether something on the branch's own line may have raised.
    let mut doubtful = false;
    // Each instruction is passed once, or the code runs in circles without a line of its own.
    for _ in 0..flow.instructions.len() {
        let instruction = &flow.instructions[index];
        if let Some(next) = instruction.line.filter(|next| *next != line) {
            told.arcs.push(arc(line, next));
            line = next;
        }
        let next = match instruction.opcode.flow {
            Flow::Branch | Flow::Reraise => return told,
            // Events of their own tell of these, once they are reached.
            Flow::Return | Flow::Jump if doubtful && line == branch_line => return told,
            Flow::Return => {
                told.arcs.push(LineArc::new(line.cast_signed(), exit));
                return told;
            }
            Flow::Raise if line != branch_line => return told,
            Flow::Raise => {
                told.raises = true;
                let handler = flow.handler_of(instruction.start);
                if handler.is_none() {
                    told.arcs.push(LineArc::new(line.cast_signed(), exit));
                }
                handler
            }
            Flow::Jump => instruction.target,
            // Past the branch's line, what may raise ends what is known.
            Flow::Next | Flow::ExtendedArgument if line != branch_line && instruction.opcode.may_raise => {
                return told;
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

/// From which lines each line of a code object is entered.
struct Entries {
    /// `None` where it is entered by an exception, by a call, or from several lines.
    sources: BTreeMap<LineNo, Option<LineNo>>,
}

impl Entries {
    fn new(flow: &ControlFlow) -> Self {
        let mut entries = Self { sources: BTreeMap::new() };
        let first = flow.instructions.iter().find_map(|instruction| instruction.line);
        let handlers = flow.handler_starts();
        let handled = handlers.iter().filter_map(|index| next_line(flow, *index));
        for line in first.into_iter().chain(handled) {
            entries.sources.insert(line, None);
        }
        for (index, instruction) in flow.instructions.iter().enumerate() {
            let source = instruction.line;
            for successor in flow.successors(index) {
                // An instruction without a line may be reached from anywhere: what follows it has no single source.
                if let Some(line) = flow.instructions[successor].line.filter(|line| source != Some(*line)) {
                    entries
                        .sources
                        .entry(line)
                        .and_modify(|known| {
                            if *known != source {
                                *known = None;
                            }
                        })
                        .or_insert(source);
                }
            }
        }
        entries
    }

    /// Lines with the line that control must have come from if they ran.
    fn only_sources(&self) -> impl Iterator<Item = (LineNo, LineNo)> {
        self.sources.iter().filter_map(|(line, source)| Some((*line, (*source)?)))
    }
}

/// The line of the first instruction from `index` on that has one, in the order of the code.
fn next_line(flow: &ControlFlow, index: usize) -> Option<LineNo> {
    flow.instructions[index..].iter().find_map(|instruction| instruction.line)
}

/// A `def` or `class` statement on one line has two ways out in coverage.py's eyes: into its body and on. That control
/// went on follows from both lines having run, because making a function or a class leads nowhere else.
fn definitions(flow: &ControlFlow, exit: ArcEnd, lines: &LineSet) -> Vec<LineArc> {
    let mut arcs = Vec::new();
    let branch_lines = branch_lines(flow);
    for (index, instruction) in flow.instructions.iter().enumerate() {
        let makes = matches!(instruction.opcode.name, "MAKE_FUNCTION" | "LOAD_BUILD_CLASS");
        let Some(line) =
            instruction.line.filter(|line| makes && lines.contains(*line) && !branch_lines.contains(*line))
        else {
            continue;
        };
        let mut at = index;
        let step = loop {
            match flow.instructions[at].opcode.flow {
                Flow::Return => break Some(LineArc::new(line.cast_signed(), exit)),
                Flow::Branch | Flow::Raise | Flow::Reraise => break None,
                Flow::Next | Flow::ExtendedArgument | Flow::Jump => (),
            }
            // A jump back onto the line itself would go round for ever.
            let Some(next) = flow
                .successors(at)
                .next()
                .filter(|next| *next > at || flow.instructions[*next].line != Some(line))
            else {
                break None;
            };
            at = next;
            if let Some(next_line) = flow.instructions[at].line.filter(|next_line| *next_line != line) {
                break lines.contains(next_line).then(|| arc(line, next_line));
            }
        };
        arcs.extend(step);
    }
    arcs
}

/// Which branches of a code object need not be watched any longer once one side is known, because whatever the other side
/// would tell, a line event or a return event tells as well.
#[derive(Debug)]
pub(crate) struct BranchWatch {
    flow: ControlFlow,
    exit: ArcEnd,
    sources: BTreeMap<LineNo, Option<LineNo>>,
}

impl BranchWatch {
    pub(crate) fn new(shape: &CodeShape) -> Self {
        let flow = ControlFlow::new(shape);
        let sources = Entries::new(&flow).sources;
        Self { flow, exit: exit_of(shape), sources }
    }

    /// The line of the instruction at an offset.
    pub(crate) fn line_at(&self, offset: u32) -> Option<LineNo> {
        self.flow.line_at(offset)
    }

    /// Whether the branch whose one side is `seen` has nothing more to tell of steps between lines.
    pub(crate) fn is_settled_by(&self, seen: Edge) -> bool {
        let Some((next, target)) = self.flow.sides(seen.from) else { return true };
        // A destination may lie a little behind the side's own offset, past instructions that do nothing.
        let unseen = if seen.to >= target && (seen.to < next || target >= next) { next } else { target };
        let told = walk(&self.flow, Edge { from: seen.from, to: unseen }, self.exit);
        !told.raises && told.arcs.iter().all(|step| self.is_told_elsewhere(*step))
    }

    fn is_told_elsewhere(&self, step: LineArc) -> bool {
        // Leaving on a line with a branch is told by the return event.
        step.to < 0
            || self.sources.get(&step.to.cast_unsigned()).copied().flatten()
                == Some(step.from.cast_unsigned())
    }
}
