//! From where each line of a code object is entered.
//!
//! Must not know: what ran. Invariant: where a single source is named, control cannot have come from anywhere else.

use std::collections::BTreeMap;

use super::control_flow::ControlFlow;
use super::opcodes::Flow;
use crate::model::{Edge, LineNo, LineSet};

/// The ways into the lines of a code object.
#[derive(Debug)]
pub(super) struct Entries {
    /// By line: the line that leads there. `None` where it is entered by an exception, by a call, or from several lines.
    sources: BTreeMap<LineNo, Option<LineNo>>,
    /// By offset: a place where a line begins and only one instruction leads, of another line, while other places of the
    /// same line are entered from elsewhere. That this place was reached tells more than that the line was.
    landings: BTreeMap<u32, Edge>,
    /// Lines with a branch, and those where one leads: a suite on the line of its header is on one of them.
    suite_lines: LineSet,
    /// By line: the index of the only instruction where it begins, or `None` where there are several.
    places: BTreeMap<LineNo, Option<usize>>,
}

/// How an instruction is reached, exceptions aside.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Predecessor {
    Nothing,
    Only(usize),
    Several,
}

impl Entries {
    pub(super) fn new(flow: &ControlFlow) -> Self {
        let sources = sources(flow);
        let landings = landings(flow, &sources);
        Self { sources, landings, suite_lines: suite_lines(flow), places: places(flow) }
    }

    /// The line that control must have come from if `line` ran.
    pub(super) fn only_source(&self, line: LineNo) -> Option<LineNo> {
        self.sources.get(&line).copied().flatten()
    }

    /// The index of the instruction where `line` begins, if there is only one.
    pub(super) fn only_place(&self, line: LineNo) -> Option<usize> {
        self.places.get(&line).copied().flatten()
    }

    /// How control came to the place at `offset`, if that is not clear from its line alone.
    pub(super) fn landing(&self, offset: u32) -> Option<Edge> {
        self.landings.get(&offset).copied()
    }

    /// The places that are [landings](Self::landing).
    pub(super) fn landings(&self) -> impl Iterator<Item = u32> {
        self.landings.keys().copied()
    }

    /// Whether a suite on the line of its header may be on this line.
    pub(super) fn may_have_suite(&self, line: LineNo) -> bool {
        self.suite_lines.contains(line)
    }
}

fn sources(flow: &ControlFlow) -> BTreeMap<LineNo, Option<LineNo>> {
    let mut sources = BTreeMap::new();
    let first = flow.instructions.iter().find_map(|instruction| instruction.line);
    let handlers = flow.handler_starts();
    // The first instruction of a handler that has a line, in the order of the code.
    let handled = handlers.iter().filter_map(|index| flow.line_from(*index));
    for line in first.into_iter().chain(handled) {
        sources.insert(line, None);
    }
    for (index, instruction) in flow.instructions.iter().enumerate() {
        let source = instruction.line;
        for successor in flow.successors(index) {
            // An instruction without a line may be reached from anywhere: what follows it has no single source.
            if let Some(line) = flow.instructions[successor].line.filter(|line| source != Some(*line)) {
                sources
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
    sources
}

fn landings(flow: &ControlFlow, sources: &BTreeMap<LineNo, Option<LineNo>>) -> BTreeMap<u32, Edge> {
    let predecessors = predecessors(flow);
    let mut landings = BTreeMap::new();
    for (index, instruction) in flow.instructions.iter().enumerate() {
        let Some(line) = instruction.line.filter(|line| sources.get(line) == Some(&None)) else { continue };
        let mut before = predecessors[index];
        // What has no line belongs to what led there. Each step goes to another instruction, or round in a circle that
        // nothing enters.
        for _ in 0..flow.instructions.len() {
            let Predecessor::Only(known) = before else { break };
            let source = &flow.instructions[known];
            if let Some(source_line) = source.line {
                if source_line != line {
                    landings.insert(instruction.start, Edge { from: source.start, to: instruction.start });
                }
                break;
            }
            before = predecessors[known];
        }
    }
    landings
}

fn predecessors(flow: &ControlFlow) -> Vec<Predecessor> {
    let mut found = vec![Predecessor::Nothing; flow.instructions.len()];
    for index in 0..flow.instructions.len() {
        for successor in flow.successors(index) {
            found[successor] = match found[successor] {
                Predecessor::Nothing => Predecessor::Only(index),
                Predecessor::Only(_) | Predecessor::Several => Predecessor::Several,
            };
        }
    }
    // Calls lead to the first, exceptions to the handlers.
    for index in flow.handler_starts().into_iter().chain([0]) {
        if let Some(place) = found.get_mut(index) {
            *place = Predecessor::Several;
        }
    }
    found
}

fn suite_lines(flow: &ControlFlow) -> LineSet {
    let mut lines = LineSet::default();
    for (index, instruction) in flow.instructions.iter().enumerate() {
        if instruction.opcode.flow == Flow::Branch {
            let led_to = flow.successors(index).filter_map(|successor| flow.line_from(successor));
            for line in instruction.line.into_iter().chain(led_to) {
                lines.insert(line);
            }
        }
    }
    lines
}

fn places(flow: &ControlFlow) -> BTreeMap<LineNo, Option<usize>> {
    let mut begins = vec![false; flow.instructions.len()];
    for index in flow.handler_starts().into_iter().chain([0]) {
        if let Some(place) = begins.get_mut(index) {
            *place = true;
        }
    }
    for (index, instruction) in flow.instructions.iter().enumerate() {
        for successor in flow.successors(index) {
            begins[successor] |= instruction.line != flow.instructions[successor].line;
        }
    }
    let mut places = BTreeMap::new();
    for (index, instruction) in flow.instructions.iter().enumerate().filter(|(index, _)| begins[*index]) {
        if let Some(line) = instruction.line {
            places.entry(line).and_modify(|place| *place = None).or_insert(Some(index));
        }
    }
    places
}
