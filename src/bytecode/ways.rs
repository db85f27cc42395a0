//! How control can get from line to line in a code object, exceptions aside, and which events tell that it did.
//!
//! Must not know: what ran. Invariant: where a single source is named, control cannot have come from anywhere else.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::control_flow::ControlFlow;
use super::except_star::StarWays;
use super::exceptions::{Destination, EndOfWith, destination_of_raise};
use super::is_function;
use super::opcodes::{Flow, Role};
use super::predecessors::{Owners, Predecessors, Runs};
use super::walk::{End, walk};
use crate::model::{CodeShape, Edge, LineNo, LineSet, SortedSet};

/// The ways between the lines of a code object.
#[derive(Debug)]
pub(super) struct Ways {
    owners: Owners,
    /// By line: the line that leads there. `None` where it is entered by an exception, by a call, or from several lines.
    sources: ByLine<LineNo>,
    /// By line: the index of the only instruction where it begins, or `None` where there are several.
    places: ByLine<usize>,
    /// By offset, ascending: a place where a line begins and to which one instruction alone leads, of another line.
    landings: Vec<(u32, Edge)>,
    /// Lines from which control can go to more than one place.
    forks: LineSet,
    /// Instructions of which it tells something that they were reached: a `raise` statement's, where that is one of the ways on
    /// from its line or the manager of a `with` decides where it leads; what falls into a place to which there are jumps without
    /// an event; and what ends an `async for`, where no line tells of it.
    telling: BTreeSet<usize>,
    joins: Vec<Join>,
    /// The `raise` statements whose exceptions come to the end of a `with`, and whether they are one of several ways on from
    /// their line.
    raises_in_with: BTreeMap<usize, bool>,
    /// By the index of the instruction that asks the manager. The handler's first one has a line event, which swallows that of
    /// the instruction when it is turned off (CPython 3.13, `_Py_call_instrumentation_line`).
    ends_of_with: BTreeMap<usize, EndOfWith>,
    except_star: StarWays,
}

/// A place that control can fall into from a line with several ways on, past something that may have raised, and that other
/// instructions jump to: only if it was entered without a jump did control fall. A line begins there, or several lines share it
/// and it has none: a line event tells that it was entered, or that of the instruction.
#[derive(Debug)]
pub(super) struct Join {
    /// From the last instruction before the place to the place.
    pub(super) fall: Edge,
    /// Jumps to anywhere behind this instruction, up to the place, are the other ways in.
    from: usize,
    /// The same as offsets, since events ask again and again.
    entries: Range<u32>,
    place: usize,
    pub(super) has_line: bool,
}

impl Ways {
    pub(super) fn new(flow: &ControlFlow, shape: &CodeShape) -> Self {
        let predecessors = Predecessors::new(flow);
        let starts = flow.handler_starts();
        let runs = Runs::new(&predecessors, &starts);
        let owners = Owners::new(&predecessors, &starts);
        let destinations = Destinations::new(flow, &runs, &owners);
        let mut forks = destinations.forks();
        if flow.has(Role::MakeFunction) {
            // The body of a one-line function or class is left from the line that defines it.
            let made = flow.instructions.iter().filter(|next| next.role == Role::MakeFunction);
            forks.extend(made.filter_map(|instruction| instruction.line));
        }
        // A suite may stand on the last line of its header: its ways on are those of the header's statement.
        let long_tests = flow.lines_of_long_tests();
        for line in long_tests.iter() {
            forks.insert(line);
        }
        let sources = sources(flow, &runs, &starts);
        let landings = landings(flow, &runs, &predecessors, &starts);
        let places = places(flow, &runs, &predecessors, &starts);
        let mut telling = BTreeSet::new();
        let mut raises_in_with = BTreeMap::new();
        let mut ends_of_with = BTreeMap::new();
        if flow.has_raise() {
            telling = raises(flow, &destinations, &long_tests, shape);
            let is_in_with = |index: &usize| {
                flow.instructions[*index].flow == Flow::Raise
                    && matches!(destination_of_raise(flow, *index), Destination::With(_))
            };
            raises_in_with = (0..flow.instructions.len())
                .filter(is_in_with)
                .map(|raise| (raise, telling.contains(&raise)))
                .collect();
            telling.extend(raises_in_with.keys());
        }
        if !raises_in_with.is_empty() {
            ends_of_with =
                starts.iter().filter_map(|start| Some((*start + 1, flow.ends_with_at(*start)?))).collect();
        }
        if flow.has(Role::EndAsyncFor) {
            telling.extend(ends_of_async_for(flow, &predecessors, &owners, &sources));
        }
        let except_star = StarWays::new(flow, &owners, &forks);
        let mut ways = Self {
            owners,
            sources,
            places,
            landings,
            forks,
            telling,
            joins: Vec::new(),
            raises_in_with,
            ends_of_with,
            except_star,
        };
        if flow.has(Role::SilentJump) {
            let silent: Vec<usize> = ways.silent_jumps(flow, &predecessors, &starts).collect();
            ways.telling.extend(silent);
        }
        let joins = ways.find_joins(flow, &runs, &predecessors, &starts);
        let (silent, told): (Vec<Join>, Vec<Join>) =
            joins.into_iter().partition(|join| join.has_silent_jumps(flow, &predecessors));
        // What may raise there and does not is lost.
        ways.telling.extend(silent.iter().map(|join| join.place - 1));
        ways.joins = told;
        ways
    }

    /// The line an instruction counts to.
    pub(super) fn owner(&self, flow: &ControlFlow, index: usize) -> Option<LineNo> {
        self.owners.of(flow, index)
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

    /// Whether it tells something of any instruction that it was reached.
    pub(super) fn has_telling(&self) -> bool {
        !self.telling.is_empty()
            || self.joins.iter().any(|join| !join.has_line)
            || self.except_star.lines() > 0
    }

    pub(super) fn joins(&self) -> &[Join] {
        &self.joins
    }

    /// The `raise` statements whose exceptions come to the end of a `with`, and whether they are one of several ways on from their
    /// line.
    pub(super) fn raises_in_with(&self) -> &BTreeMap<usize, bool> {
        &self.raises_in_with
    }

    /// Ways past suites of `except*`.
    pub(super) fn except_star(&self) -> &StarWays {
        &self.except_star
    }

    /// Whether there are such statements.
    pub(super) fn has_ends_of_with(&self) -> bool {
        !self.ends_of_with.is_empty()
    }

    /// Whether such exceptions may come to the end of a `with` whose manager the instruction asks.
    pub(super) fn asks_manager(&self, index: usize) -> bool {
        self.ends_of_with.contains_key(&index)
    }

    /// The one that is decided by the branch at this index.
    pub(super) fn end_of_with_by(&self, branch: usize) -> Option<EndOfWith> {
        self.ends_of_with.values().copied().find(|end| end.branch == branch)
    }

    /// The jumps without an event by which a line with several ways on is left, past something that may have raised, for one
    /// that others lead to as well.
    fn silent_jumps(
        &self,
        flow: &ControlFlow,
        predecessors: &Predecessors,
        starts: &SortedSet<usize>,
    ) -> impl Iterator<Item = usize> {
        let tells = |index: &usize| {
            if !flow.instructions[*index].jumps_silently() {
                return false;
            }
            let Some(line) = self.owner(flow, *index).filter(|line| self.is_fork(*line)) else {
                return false;
            };
            let leads_on = match walk(flow, line, *index) {
                End::Line(place) => {
                    flow.instructions[place].line.and_then(|next| self.only_source(next)) != Some(line)
                }
                End::Return(_) | End::Open | End::ExceptStar(_) => false,
            };
            leads_on && !self.is_told_by_jumps(flow, predecessors, starts, *index)
        };
        (0..flow.instructions.len()).filter(tells)
    }

    fn find_joins(
        &self,
        flow: &ControlFlow,
        runs: &Runs,
        predecessors: &Predecessors,
        starts: &SortedSet<usize>,
    ) -> Vec<Join> {
        let mut joins = Vec::new();
        for &place in &runs.beginnings {
            let Some(last) = place.checked_sub(1) else { continue };
            let instruction = &flow.instructions[place];
            let Some(source) = self.owner(flow, last) else { continue };
            if flow.instructions[last].flow != Flow::Next || starts.contains(&place) {
                continue;
            }
            let is_told = match instruction.line {
                Some(line) => {
                    line == source
                        || !self.is_fork(source)
                        || self.only_source(line) == Some(source)
                        || self.landing(instruction.start).is_some()
                }
                // The value of an expression that goes over several lines is dropped: the first of them has further ways on, for
                // all that is known here.
                None => {
                    self.owner(flow, place).is_some()
                        || !(self.is_fork(source) || instruction.role == Role::Drop)
                }
            };
            if is_told || self.is_told_by_jumps(flow, predecessors, starts, last) {
                continue;
            }
            let lined = (0..place).rev().find(|index| flow.instructions[*index].line.is_some());
            let fall = Edge { from: flow.instructions[last].start, to: instruction.start };
            let has_line = instruction.line.is_some();
            let from = lined.unwrap_or(last);
            let entries = flow.instructions[from].end..instruction.end;
            joins.push(Join { fall, from, entries, place, has_line });
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
            let leads_here = || predecessors.of(index);
            if flow.instructions[index].may_raise
                || starts.contains(&index)
                || leads_here().any(|before| {
                    self.owner(flow, before) != self.owner(flow, last)
                        || flow.instructions[before].flow == Flow::Await
                })
            {
                return false;
            }
            let falls = index.checked_sub(1).is_some_and(|before| {
                flow.instructions[before].flow == Flow::Next && leads_here().any(|other| other == before)
            });
            if !falls {
                return index > 0;
            }
        }
        false
    }
}

impl Join {
    /// Whether there are jumps among the other ways in that have no event.
    fn has_silent_jumps(&self, flow: &ControlFlow, predecessors: &Predecessors) -> bool {
        (self.from + 1..=self.place)
            .flat_map(|index| predecessors.of(index))
            .any(|before| flow.instructions[before].jumps_silently())
    }

    /// Whether a jump to `offset` is one of the other ways in.
    pub(super) fn is_entered_at(&self, offset: u32) -> bool {
        self.entries.contains(&offset)
    }
}

/// Where control can go from each line, each way once, in the order of the lines.
struct Destinations(Vec<(LineNo, Destination)>);

impl Destinations {
    fn new(flow: &ControlFlow, runs: &Runs, owners: &Owners) -> Self {
        let mut found = Vec::with_capacity(2 * runs.ends.len());
        for &index in &runs.ends {
            let instruction = &flow.instructions[index];
            let Some(line) = owners.of(flow, index) else { continue };
            match instruction.flow {
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
                match owners.of(flow, successor) {
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
/// function's own line or on one where the test goes on that they depend on.
fn raises(
    flow: &ControlFlow,
    destinations: &Destinations,
    long_tests: &LineSet,
    shape: &CodeShape,
) -> BTreeSet<usize> {
    let is_choice = |index: &usize| {
        let raise = &flow.instructions[*index];
        let Some(line) = raise.line else { return false };
        let span = flow.span(*index);
        let end = span.map_or(line, |span| span.end_line);
        let column = span.map_or(0, |span| span.column);
        let elsewhere = destinations.of(line).iter().filter(|(_, way)| match way {
            // Further lines of the statement.
            Destination::Line(next) => *next <= line || end < *next,
            Destination::Exit | Destination::With(_) | Destination::Unknown(_) => true,
        });
        let is_behind_others = flow.instructions[..*index].iter().enumerate().any(|(index, other)| {
            other.line == Some(line)
                && other.may_raise
                && flow.span(index).is_some_and(|span| span.column < column)
        });
        elsewhere.count() > 1
            || is_behind_others
            || long_tests.contains(line)
            || (is_function(shape.flags) && i32::try_from(line) == Ok(shape.first_line))
    };
    let raises = (0..flow.instructions.len()).filter(|index| flow.instructions[*index].flow == Flow::Raise);
    raises.filter(is_choice).collect()
}

/// What comes right behind the end of an `async for` that control leaves for a line that others lead to as well: past whose
/// suite a `break` leads, or that ends a handler. A jump there has no event (CPython 3.13+; 3.12 jumps with one), and the
/// branch event of 3.14 tells that an exception was looked at, and not which.
fn ends_of_async_for(
    flow: &ControlFlow,
    predecessors: &Predecessors,
    owners: &Owners,
    sources: &ByLine<LineNo>,
) -> Vec<usize> {
    let is_end = |behind: &usize| {
        let end = behind - 1;
        let Some(line) = owners.of(flow, end) else { return false };
        flow.instructions[end].role == Role::EndAsyncFor
            && owners.of(flow, *behind) == Some(line)
            && predecessors.only(*behind) == Some(end)
            && match walk(flow, line, *behind) {
                End::Line(place) => {
                    flow.instructions[place].line.and_then(|line| sources.get(line)) != Some(line)
                }
                // Returns have an event.
                End::Return(_) | End::Open | End::ExceptStar(_) => false,
            }
    };
    (1..flow.instructions.len()).filter(is_end).collect()
}

fn sources(flow: &ControlFlow, runs: &Runs, starts: &SortedSet<usize>) -> ByLine<LineNo> {
    let mut sources = Vec::with_capacity(2 * runs.ends.len());
    let first = flow.instructions.iter().find_map(|instruction| instruction.line);
    // The first instruction of a handler that has a line, in the order of the code.
    let handled = starts.iter().filter_map(|index| flow.line_from(*index));
    for line in first.into_iter().chain(handled) {
        sources.push((line, None));
    }
    for &index in &runs.ends {
        let source = flow.instructions[index].line;
        for successor in flow.successors(index) {
            // An instruction without a line may be reached from anywhere: what follows it has no single source.
            if let Some(line) = flow.instructions[successor].line.filter(|line| source != Some(*line)) {
                sources.push((line, source));
            }
        }
    }
    ByLine::new(sources)
}

fn places(
    flow: &ControlFlow,
    runs: &Runs,
    predecessors: &Predecessors,
    starts: &SortedSet<usize>,
) -> ByLine<usize> {
    let mut places = Vec::with_capacity(runs.beginnings.len());
    for &index in &runs.beginnings {
        let Some(line) = flow.instructions[index].line else { continue };
        let begins = index == 0
            || predecessors.of(index).any(|before| flow.instructions[before].line != Some(line))
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
        values.shrink_to_fit();
        Self(values)
    }

    fn get(&self, line: LineNo) -> Option<T> {
        let index = self.0.binary_search_by_key(&line, |(line, _)| *line).ok()?;
        self.0[index].1
    }
}

/// Ascending by offset.
fn landings(
    flow: &ControlFlow,
    runs: &Runs,
    predecessors: &Predecessors,
    starts: &SortedSet<usize>,
) -> Vec<(u32, Edge)> {
    let mut landings = Vec::with_capacity(runs.beginnings.len());
    for &place in &runs.beginnings {
        let instruction = &flow.instructions[place];
        let Some(line) = instruction.line else { continue };
        let mut entered = place;
        // What has no line belongs to what led there. Each step goes to another instruction, or round in a circle that
        // nothing enters.
        for _ in 0..flow.instructions.len() {
            let Some(before) = predecessors.only(entered) else { break };
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
