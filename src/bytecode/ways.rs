//! How control can get from line to line in a code object, exceptions aside, and which events tell that it did.
//!
//! Must not know: what ran. Invariant: where a single source is named, control cannot have come from anywhere else.

use std::collections::BTreeSet;
use std::ops::Index;

use super::control_flow::ControlFlow;
use super::exceptions::{Destination, destination_of_raise};
use super::is_function;
use super::opcodes::Flow;
use crate::model::{CodeShape, Edge, LineNo, LineSet, SortedSet};

/// The ways between the lines of a code object.
#[derive(Debug)]
pub(super) struct Ways {
    /// By instruction: its line, or for one without a line that of the only line which leads there.
    owners: Vec<Option<LineNo>>,
    /// By line: the line that leads there. `None` where it is entered by an exception, by a call, or from several lines.
    sources: ByLine<LineNo>,
    /// By line: the index of the only instruction where it begins, or `None` where there are several.
    places: ByLine<usize>,
    /// By offset, ascending: a place where a line begins and to which one instruction alone leads, of another line.
    landings: Vec<(u32, Edge)>,
    /// Lines from which control can go to more than one place.
    forks: LineSet,
    /// Instructions of which it tells something that they were reached: a `raise` statement's, where that is one of the ways on
    /// from its line, and what falls into a place to which there are jumps without an event.
    telling: BTreeSet<usize>,
    joins: Vec<Join>,
}

/// A place where a line begins that control can fall into from a line with several ways on, past something that may have
/// raised, and that other instructions jump to: only if it was entered without a jump did control fall.
#[derive(Debug)]
pub(super) struct Join {
    /// From the last instruction before the place to the place.
    pub(super) fall: Edge,
    /// Jumps to anywhere behind this instruction, up to the place, are the other ways in.
    from: usize,
    place: usize,
}

impl Ways {
    pub(super) fn new(flow: &ControlFlow, shape: &CodeShape) -> Self {
        let predecessors = Predecessors::new(flow);
        let starts = flow.handler_starts();
        let owners: Vec<_> =
            (0..flow.instructions.len()).map(|index| owner(flow, &predecessors, &starts, index)).collect();
        let destinations = Destinations::new(flow, &owners);
        let mut forks = destinations.forks();
        // The body of a one-line function or class is left from the line that defines it.
        for instruction in flow.instructions.iter().filter(|next| next.opcode.name == "MAKE_FUNCTION") {
            if let Some(line) = instruction.line {
                forks.insert(line);
            }
        }
        let telling = raises(flow, &destinations, shape);
        let sources = sources(flow, &starts);
        let landings = landings(flow, &predecessors, &starts);
        let places = places(flow, &predecessors, &starts);
        let mut ways = Self { owners, sources, places, landings, forks, telling, joins: Vec::new() };
        let joins = ways.find_joins(flow, &predecessors, &starts);
        let (silent, told): (Vec<Join>, Vec<Join>) =
            joins.into_iter().partition(|join| join.has_silent_jumps(flow, &predecessors));
        // What may raise there and does not is lost.
        ways.telling.extend(silent.iter().map(|join| join.place - 1));
        ways.joins = told;
        ways
    }

    /// The line an instruction counts to.
    pub(super) fn owner(&self, index: usize) -> Option<LineNo> {
        self.owners[index]
    }

    /// The line that control must have come from if `line` ran.
    pub(super) fn only_source(&self, line: LineNo) -> Option<LineNo> {
        self.sources.get(line)
    }

    /// The index of the instruction where `line` begins, if there is only one.
    pub(super) fn only_place(&self, line: LineNo) -> Option<usize> {
        self.places.get(line)
    }

    /// How control came to the place at `offset` where a line begins, if there is one way only.
    pub(super) fn landing(&self, offset: u32) -> Option<Edge> {
        let found = self.landings.binary_search_by_key(&offset, |(offset, _)| *offset);
        found.ok().map(|index| self.landings[index].1)
    }

    pub(super) fn landings(&self) -> impl Iterator<Item = (u32, Edge)> {
        self.landings.iter().copied()
    }

    /// Whether control can go from `line` to more than one place.
    pub(super) fn is_fork(&self, line: LineNo) -> bool {
        self.forks.contains(line)
    }

    /// Whether it tells something that the instruction was reached.
    pub(super) fn is_telling(&self, index: usize) -> bool {
        self.telling.contains(&index)
    }

    pub(super) fn has_telling(&self) -> bool {
        !self.telling.is_empty()
    }

    pub(super) fn joins(&self) -> &[Join] {
        &self.joins
    }

    fn find_joins(
        &self,
        flow: &ControlFlow,
        predecessors: &Predecessors,
        starts: &SortedSet<usize>,
    ) -> Vec<Join> {
        let mut joins = Vec::new();
        for (place, instruction) in flow.instructions.iter().enumerate().skip(1) {
            let last = place - 1;
            let (Some(line), Some(source)) = (instruction.line, self.owners[last]) else { continue };
            if flow.instructions[last].opcode.flow != Flow::Next
                || line == source
                || starts.contains(&place)
                || !self.is_fork(source)
                || self.only_source(line) == Some(source)
                || self.landing(instruction.start).is_some()
                || self.is_told_by_jumps(flow, predecessors, starts, last)
            {
                continue;
            }
            let lined = (0..place).rev().find(|index| flow.instructions[*index].line.is_some());
            let fall = Edge { from: flow.instructions[last].start, to: instruction.start };
            joins.push(Join { fall, from: lined.unwrap_or(last), place });
        }
        joins
    }

    /// Whether control can only get to the instruction by jumps that have events, with nothing in between that may raise.
    fn is_told_by_jumps(
        &self,
        flow: &ControlFlow,
        predecessors: &Predecessors,
        starts: &SortedSet<usize>,
        last: usize,
    ) -> bool {
        for index in (0..=last).rev() {
            let leads_here = &predecessors[index];
            if flow.instructions[index].opcode.may_raise
                || starts.contains(&index)
                || leads_here.iter().any(|before| {
                    self.owners[*before] != self.owners[last]
                        || flow.instructions[*before].opcode.flow == Flow::Await
                })
            {
                return false;
            }
            let falls = index.checked_sub(1).is_some_and(|before| {
                flow.instructions[before].opcode.flow == Flow::Next && leads_here.contains(&before)
            });
            if !falls {
                return index > 0;
            }
        }
        false
    }
}

impl Join {
    /// Whether there are jumps among the other ways in that have no event (CPython 3.12+, `Python/instrumentation.c`).
    fn has_silent_jumps(&self, flow: &ControlFlow, predecessors: &Predecessors) -> bool {
        (self.from + 1..=self.place)
            .flat_map(|index| &predecessors[index])
            .any(|before| flow.instructions[*before].opcode.name == "JUMP_BACKWARD_NO_INTERRUPT")
    }

    /// Whether a jump to `index` is one of the other ways in.
    pub(super) fn is_entered_at(&self, index: usize) -> bool {
        (self.from + 1..=self.place).contains(&index)
    }
}

/// The instructions that lead to each, by index.
struct Predecessors {
    /// By instruction: where those that lead to it begin among the sources; and where the last ones end.
    starts: Vec<u32>,
    sources: Vec<usize>,
}

impl Predecessors {
    fn new(flow: &ControlFlow) -> Self {
        let count = flow.instructions.len();
        let mut starts = vec![0; count + 1];
        let mut all = 0;
        for index in 0..count {
            for successor in flow.successors(index) {
                starts[successor] += 1;
                all += 1;
            }
        }
        // Where those of each end, which moves to their beginning as they are put down from the last on.
        let mut end = 0;
        for start in &mut starts {
            end += *start;
            *start = end;
        }
        let mut sources = vec![0; all];
        for index in (0..count).rev() {
            for successor in flow.successors(index) {
                starts[successor] -= 1;
                sources[starts[successor] as usize] = index;
            }
        }
        Self { starts, sources }
    }
}

impl Index<usize> for Predecessors {
    type Output = [usize];

    fn index(&self, index: usize) -> &[usize] {
        &self.sources[self.starts[index] as usize..self.starts[index + 1] as usize]
    }
}

fn owner(
    flow: &ControlFlow,
    predecessors: &Predecessors,
    starts: &SortedSet<usize>,
    index: usize,
) -> Option<LineNo> {
    if let Some(line) = flow.instructions[index].line {
        return Some(line);
    }
    let mut found = None;
    let mut waiting = vec![index];
    let mut passed = BTreeSet::new();
    while let Some(next) = waiting.pop() {
        if !passed.insert(next) {
            continue;
        }
        match flow.instructions[next].line {
            Some(line) if found.is_some_and(|found| found != line) => return None,
            Some(line) => found = Some(line),
            // Calls and exceptions come from no line.
            None if starts.contains(&next) || next == 0 => return None,
            None => waiting.extend(&predecessors[next]),
        }
    }
    found
}

/// Where control can go from each line, each way once, in the order of the lines.
struct Destinations(Vec<(LineNo, Destination)>);

impl Destinations {
    fn new(flow: &ControlFlow, owners: &[Option<LineNo>]) -> Self {
        let mut found = Vec::with_capacity(flow.instructions.len() / 2);
        for (index, instruction) in flow.instructions.iter().enumerate() {
            let Some(line) = owners[index] else { continue };
            match instruction.opcode.flow {
                Flow::Return => found.push((line, Destination::Exit)),
                Flow::Raise => found.push((line, destination_of_raise(flow, index))),
                Flow::Next
                | Flow::Jump
                | Flow::Branch
                | Flow::Await
                | Flow::FailedAssertion
                | Flow::Reraise
                | Flow::ExtendedArgument => (),
            }
            for successor in flow.successors(index) {
                match owners[successor] {
                    Some(next) if next == line => (),
                    Some(next) => found.push((line, Destination::Line(next))),
                    // What several lines lead to and has none itself.
                    None => found.push((line, Destination::Unknown(successor))),
                }
            }
        }
        found.sort_unstable();
        found.dedup();
        Self(found)
    }

    fn of(&self, line: LineNo) -> &[(LineNo, Destination)] {
        let start = self.0.partition_point(|(from, _)| *from < line);
        let length = self.0[start..].partition_point(|(from, _)| *from == line);
        &self.0[start..start + length]
    }

    /// Lines from which control can go to more than one place.
    fn forks(&self) -> LineSet {
        self.0
            .array_windows()
            .filter(|[(line, _), (next, _)]| line == next)
            .map(|[(line, _), _]| *line)
            .collect()
    }
}

/// The `raise` statements that are not the only way on from their line, that do not begin their line, or that stand in a
/// function's own line.
fn raises(flow: &ControlFlow, destinations: &Destinations, shape: &CodeShape) -> BTreeSet<usize> {
    let is_choice = |index: &usize| {
        let raise = &flow.instructions[*index];
        let Some(line) = raise.line else { return false };
        let end = raise.span.map_or(line, |span| span.end_line);
        let column = raise.span.map_or(0, |span| span.column);
        let elsewhere = destinations.of(line).iter().filter(|(_, way)| match way {
            // Further lines of the statement.
            Destination::Line(next) => *next <= line || end < *next,
            Destination::Exit | Destination::Unknown(_) => true,
        });
        let mut before = flow.instructions[..*index].iter().filter(|other| other.line == Some(line));
        let is_behind_others =
            before.any(|other| other.opcode.may_raise && other.span.is_some_and(|span| span.column < column));
        elsewhere.count() > 1
            || is_behind_others
            || (is_function(shape.flags) && i32::try_from(line) == Ok(shape.first_line))
    };
    let raises =
        (0..flow.instructions.len()).filter(|index| flow.instructions[*index].opcode.flow == Flow::Raise);
    raises.filter(is_choice).collect()
}

fn sources(flow: &ControlFlow, starts: &SortedSet<usize>) -> ByLine<LineNo> {
    let mut sources = Vec::with_capacity(flow.instructions.len() / 2);
    let first = flow.instructions.iter().find_map(|instruction| instruction.line);
    // The first instruction of a handler that has a line, in the order of the code.
    let handled = starts.iter().filter_map(|index| flow.line_from(*index));
    for line in first.into_iter().chain(handled) {
        sources.push((line, None));
    }
    for (index, instruction) in flow.instructions.iter().enumerate() {
        let source = instruction.line;
        for successor in flow.successors(index) {
            // An instruction without a line may be reached from anywhere: what follows it has no single source.
            if let Some(line) = flow.instructions[successor].line.filter(|line| source != Some(*line)) {
                sources.push((line, source));
            }
        }
    }
    ByLine::new(sources)
}

fn places(flow: &ControlFlow, predecessors: &Predecessors, starts: &SortedSet<usize>) -> ByLine<usize> {
    let mut places = Vec::with_capacity(flow.instructions.len() / 2);
    for (index, instruction) in flow.instructions.iter().enumerate() {
        let Some(line) = instruction.line else { continue };
        let begins = index == 0
            || predecessors[index].iter().any(|before| flow.instructions[*before].line != Some(line))
            || starts.contains(&index);
        if begins {
            places.push((line, Some(index)));
        }
    }
    ByLine::new(places)
}

/// By line: the only value it has.
#[derive(Debug)]
struct ByLine<T>(Vec<(LineNo, Option<T>)>);

impl<T: Copy + Ord> ByLine<T> {
    /// Makes it of all values of lines; `None` stands for one that is like no other.
    fn new(mut values: Vec<(LineNo, Option<T>)>) -> Self {
        values.sort_unstable();
        values.dedup();
        values.dedup_by(|next, kept| {
            let is_same_line = next.0 == kept.0;
            if is_same_line {
                kept.1 = None;
            }
            is_same_line
        });
        Self(values)
    }

    fn get(&self, line: LineNo) -> Option<T> {
        let index = self.0.binary_search_by_key(&line, |(line, _)| *line).ok()?;
        self.0[index].1
    }
}

/// Ascending by offset.
fn landings(flow: &ControlFlow, predecessors: &Predecessors, starts: &SortedSet<usize>) -> Vec<(u32, Edge)> {
    let mut landings = Vec::with_capacity(flow.instructions.len() / 2);
    for (place, instruction) in flow.instructions.iter().enumerate() {
        let Some(line) = instruction.line else { continue };
        let mut entered = place;
        // What has no line belongs to what led there. Each step goes to another instruction, or round in a circle that
        // nothing enters.
        for _ in 0..flow.instructions.len() {
            let [before] = predecessors[entered][..] else { break };
            let source = &flow.instructions[before];
            if source.line == Some(line) || entered == 0 || starts.contains(&entered) {
                break;
            }
            if source.line.is_some() {
                let to = flow.instructions[entered].start;
                landings.push((instruction.start, Edge { from: source.own_offset(), to }));
                break;
            }
            entered = before;
        }
    }
    landings
}
