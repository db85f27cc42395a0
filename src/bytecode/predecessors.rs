//! What leads to each instruction, exceptions aside.
//!
//! Must not know: what ran. Invariant: linear in the size of the code, but for the sorting of its jumps.

use std::collections::BTreeSet;

use super::control_flow::{ControlFlow, Instruction};
use super::opcodes::Flow;
use crate::model::{LineNo, SortedSet};

/// Few code objects have more jumps, or instructions without a line.
const SOME: usize = 16;

/// The instructions that lead to each, by index.
pub(super) struct Predecessors<'a> {
    flow: &'a ControlFlow,
    /// Where each jump leads, and from where; ascending.
    jumps: Vec<(usize, usize)>,
}

impl<'a> Predecessors<'a> {
    pub(super) fn new(flow: &'a ControlFlow) -> Self {
        let jumping = (0..flow.instructions.len()).filter(|from| flow.instructions[*from].target().is_some());
        let mut jumps = Vec::with_capacity(SOME);
        jumps.extend(jumping.filter_map(|from| Some((flow.jump(from)?, from))));
        jumps.sort_unstable();
        Self { flow, jumps }
    }

    pub(super) fn of(&self, index: usize) -> impl Iterator<Item = usize> {
        let before = index.checked_sub(1).filter(|before| self.flow.next(*before).is_some());
        let first = self.jumps.partition_point(|(to, _)| *to < index);
        let jumps = self.jumps[first..].iter().take_while(move |(to, _)| *to == index);
        before.into_iter().chain(jumps.map(|(_, from)| *from))
    }

    /// The only one that leads to an instruction.
    pub(super) fn only(&self, index: usize) -> Option<usize> {
        let mut all = self.of(index);
        all.next().filter(|_| all.next().is_none())
    }
}

/// Code falls into runs of instructions of one line through which there is only one way. What one says of ways between lines it
/// says of its first instruction and its last. By index, ascending.
pub(super) struct Runs {
    /// What more leads to than the instruction before, which is of the same line.
    pub(super) beginnings: Vec<usize>,
    /// What leads to more than the instruction behind, which is of the same line.
    pub(super) ends: Vec<usize>,
}

impl Runs {
    /// `starts`: what exceptions lead to.
    pub(super) fn new(predecessors: &Predecessors, starts: &SortedSet<usize>) -> Self {
        let instructions = &predecessors.flow.instructions;
        let room = instructions.len() / 2;
        let (mut beginnings, mut ends) = (Vec::with_capacity(room), Vec::with_capacity(room));
        let mut starts = starts.iter().copied().peekable();
        let mut targets = predecessors.jumps.iter().map(|(to, _)| *to).peekable();
        let mut before: Option<&Instruction> = None;
        for (index, instruction) in instructions.iter().enumerate() {
            let mut is_entered = starts.next_if_eq(&index).is_some();
            while targets.next_if_eq(&index).is_some() {
                is_entered = true;
            }
            let is_of_same_line =
                instruction.line.is_some() && before.is_some_and(|before| before.line == instruction.line);
            let flow = before.map_or(Flow::Return, |before| before.flow);
            if !is_of_same_line || flow != Flow::Next {
                ends.extend(index.checked_sub(1));
            }
            if !is_of_same_line || is_entered || !flow.goes_on() {
                beginnings.push(index);
            }
            before = Some(instruction);
        }
        ends.extend(instructions.len().checked_sub(1));
        Self { beginnings, ends }
    }
}

/// The line that each instruction counts to: its own, or for one without a line that of the only line which leads there.
#[derive(Debug)]
pub(super) struct Owners {
    /// By index, ascending: those of instructions without a line.
    of_lineless: Vec<(usize, LineNo)>,
}

impl Owners {
    /// `starts`: what exceptions lead to.
    pub(super) fn new(predecessors: &Predecessors, starts: &SortedSet<usize>) -> Self {
        let instructions = predecessors.flow.instructions.iter().enumerate();
        let lineless = instructions.filter(|(_, instruction)| instruction.line.is_none());
        let owned = lineless.filter_map(|(index, _)| Some((index, owner(predecessors, starts, index)?)));
        let mut of_lineless = Vec::with_capacity(SOME);
        of_lineless.extend(owned);
        Self { of_lineless }
    }

    pub(super) fn of(&self, flow: &ControlFlow, index: usize) -> Option<LineNo> {
        let line = flow.instructions[index].line;
        if line.is_some() || self.of_lineless.is_empty() {
            return line;
        }
        let found = self.of_lineless.binary_search_by_key(&index, |(index, _)| *index).ok()?;
        Some(self.of_lineless[found].1)
    }
}

fn owner(predecessors: &Predecessors, starts: &SortedSet<usize>, index: usize) -> Option<LineNo> {
    if let Some(line) = predecessors.only(index).and_then(|only| predecessors.flow.instructions[only].line)
        && index > 0
        && !starts.contains(&index)
    {
        return Some(line);
    }
    let mut found = None;
    let mut waiting = vec![index];
    let mut passed = BTreeSet::new();
    while let Some(next) = waiting.pop() {
        if !passed.insert(next) {
            continue;
        }
        match predecessors.flow.instructions[next].line {
            Some(line) if found.is_some_and(|found| found != line) => return None,
            Some(line) => found = Some(line),
            // Calls and exceptions come from no line.
            None if starts.contains(&next) || next == 0 => return None,
            None => waiting.extend(predecessors.of(next)),
        }
    }
    found
}
