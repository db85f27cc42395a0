//! Where control can go inside a code object.
//!
//! Must not know: what ran. Invariant: linear in the size of the code, but that jumps look up where they lead, and loops whose position is
//! of several lines what was evaluated before them on their own lines; damaged bytes give fewer ways, never a panic.

use std::num::NonZeroU32;

use super::locations::{Span, UNIT, line_columns, locations};
use super::opcodes::{Flow, Opcode, Role, Roles, opcode, opcodes};
use crate::model::{CodeShape, LineNo, LineSet, SortedSet};

/// The part of RESUME's argument that tells where: 0 at the start of a function (CPython 3.11–3.15, `Lib/dis.py`).
const RESUME_LOCATION: u32 = 3;

/// One instruction, with the EXTENDED_ARG prefixes in front of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Instruction {
    /// Offset in bytes of the first prefix, or of the instruction itself.
    pub(super) start: u32,
    /// Offset after its inline caches.
    pub(super) end: u32,
    pub(super) argument: u32,
    /// The offset where it jumps, and one more, which leaves room for "nowhere". A jump of damaged bytes to the last offset there
    /// can be counts as none.
    behind_target: Option<NonZeroU32>,
    /// The line it belongs to, if any.
    pub(super) line: Option<LineNo>,
    /// Its opcode's number.
    number: u8,
    /// Its opcode's, but that a `raise` may turn out to be the end of a failed `assert`.
    pub(super) flow: Flow,
    /// Its opcode's, which every analysis asks of every instruction.
    pub(super) role: Role,
    /// Its opcode's, but that a name that was just given a value can be deleted.
    pub(super) may_raise: bool,
}

impl Instruction {
    fn opcode(&self) -> &'static Opcode {
        opcode(self.number)
    }

    /// Its opcode's name.
    pub(super) fn name(&self) -> &'static str {
        self.opcode().name
    }

    /// The offset where it jumps, if it does.
    pub(super) fn target(&self) -> Option<u32> {
        self.behind_target.map(|behind| behind.get() - 1)
    }

    /// Offset of the instruction itself, behind its prefixes.
    pub(super) fn own_offset(&self) -> u32 {
        self.end - 2 * (1 + u32::from(self.opcode().caches))
    }

    /// Whether it jumps without an event.
    pub(super) fn jumps_silently(&self) -> bool {
        self.role == Role::SilentJump
    }

    /// Whether it is a `raise` without an exception of its own.
    fn raises_again(&self) -> bool {
        self.flow == Flow::Raise && self.argument == 0
    }
}

/// A code object, taken apart.
#[derive(Debug)]
pub(crate) struct ControlFlow {
    /// In order of their offsets, without gaps.
    pub(super) instructions: Vec<Instruction>,
    roles: Roles,
    has_raise: bool,
    /// By instruction: the rest of its position. Empty where there is no `raise`, of which alone it is asked.
    spans: Vec<Option<Span>>,
    /// The lines on which tests of branches and what loops go through stand that go over several, but the first of each, in no
    /// order: `(first, last)`.
    long_tests: Vec<(LineNo, LineNo)>,
    /// Where handlers begin: offset range guarded, offset of the handler. Inner ones win.
    handlers: Vec<(u32, u32, u32)>,
}

impl ControlFlow {
    pub(crate) fn new(shape: &CodeShape) -> Self {
        let TakenApart { mut instructions, roles, has_raise } = take_apart(&shape.code);
        let mut waiting = instructions.iter_mut().peekable();
        let mut end = 0_u32;
        let mut long_tests = Vec::new();
        let mut long_loops = Vec::new();
        let mut before = Role::Other;
        for location in line_columns(&shape.line_table, shape.first_line) {
            end = end.saturating_add(UNIT * u32::from(location.units));
            while let Some(instruction) = waiting.next_if(|instruction| instruction.start < end) {
                instruction.line = location.line;
                let role_before = std::mem::replace(&mut before, instruction.role);
                if location.further_lines > 0
                    && (instruction.flow == Flow::Branch || instruction.role == Role::NextAsyncItem)
                    && let Some(line) = location.line
                {
                    if role_before == Role::Iterate {
                        long_loops.push((line, instruction.start));
                    } else {
                        long_tests
                            .push((line.saturating_add(1), line.saturating_add(location.further_lines)));
                    }
                }
            }
        }
        if !long_loops.is_empty() {
            long_tests.extend(long_iterables(shape, &long_loops));
        }
        let spans = if has_raise { spans(shape, &instructions) } else { Vec::new() };
        mark_copies_of_failed_assertions(&mut instructions, &spans);
        let handlers = handlers(&shape.exception_table);
        Self { instructions, roles, has_raise, spans, long_tests, handlers }
    }

    /// What the instruction at this index has of a position beyond its line. Known only where there is a `raise`.
    pub(super) fn span(&self, index: usize) -> Option<Span> {
        self.spans.get(index).copied().flatten()
    }

    /// Lines on which the test of a branch, or what a loop goes through, goes on that began on one before, and which therefore
    /// belong to that statement, as does what follows on the last of them.
    pub(super) fn lines_of_long_tests(&self) -> LineSet {
        if self.long_tests.is_empty() {
            return LineSet::default();
        }
        let mut tests = self.long_tests.clone();
        tests.sort_unstable();
        // By its first line, the last line of those that have begun.
        let mut reach = 0;
        for (_, last) in &mut tests {
            reach = reach.max(*last);
            *last = reach;
        }
        let is_in = |line: &LineNo| {
            let begun = tests.partition_point(|(first, _)| first <= line);
            begun > 0 && *line <= tests[begun - 1].1
        };
        self.instructions.iter().filter_map(|instruction| instruction.line).filter(is_in).collect()
    }

    /// Whether there is an instruction with this role.
    pub(super) fn has(&self, role: Role) -> bool {
        self.roles.has(role)
    }

    /// Whether there is a `raise` statement.
    pub(super) fn has_raise(&self) -> bool {
        self.has_raise
    }

    /// How many code units there are.
    pub(crate) fn units(&self) -> usize {
        self.instructions.last().map_or(0, |last| last.end as usize / 2)
    }

    /// The index of the instruction at an offset, which may point at its prefix, itself or its caches.
    pub(super) fn index_at(&self, offset: u32) -> Option<usize> {
        let behind = self.instructions.partition_point(|instruction| instruction.start <= offset);
        // What is cut off behind the last one's prefix is no instruction's.
        let index = behind.checked_sub(1)?;
        (offset < self.instructions[index].end).then_some(index)
    }

    /// The line of the instruction at an offset.
    pub(crate) fn line_at(&self, offset: u32) -> Option<LineNo> {
        self.instructions[self.index_at(offset)?].line
    }

    /// The line of the first instruction from `index` on that has one, in the order of the code.
    pub(super) fn line_from(&self, index: usize) -> Option<LineNo> {
        self.instructions[index..].iter().find_map(|instruction| instruction.line)
    }

    /// The branches, by line and offset; those without a line are left out.
    pub(crate) fn branches(&self) -> impl Iterator<Item = (LineNo, u32)> {
        let branches = self.instructions.iter().filter(|instruction| instruction.flow == Flow::Branch);
        branches.filter_map(|instruction| Some((instruction.line?, instruction.own_offset())))
    }

    /// The line and the offset of the branch at `offset`, which may be that of a prefix; `None` where there is none.
    pub(crate) fn branch_at(&self, offset: u32) -> Option<(LineNo, u32)> {
        let instruction = self.at(offset)?;
        let is_branch = instruction.flow == Flow::Branch;
        Some((instruction.line.filter(|_| is_branch)?, instruction.own_offset()))
    }

    /// Where the two sides of the branch at `offset` lead: going on, and jumping.
    pub(crate) fn sides(&self, offset: u32) -> Option<(u32, u32)> {
        let instruction = &self.instructions[self.index_at(offset)?];
        (instruction.flow == Flow::Branch).then_some((instruction.end, instruction.target()?))
    }

    /// Whether the branch at `offset` tests a value, and is not the end of a loop.
    pub(super) fn tests_at(&self, offset: u32) -> bool {
        self.at(offset).is_some_and(|instruction| {
            instruction.flow == Flow::Branch && instruction.name().contains("_IF_")
        })
    }

    /// The line and the offset of the branch that an event names by `offset`. CPython 3.14 names what comes behind the branch on that
    /// side, where there are events for instructions, too (`NOT_TAKEN` and `POP_ITER` in `Python/bytecodes.c`).
    pub(crate) fn branch_of_event(&self, offset: u32) -> Option<(Option<LineNo>, u32)> {
        let index = self.index_at(offset)?;
        let branch = match self.instructions[index].name() {
            "NOT_TAKEN" => self.instructions.get(index.checked_sub(1)?)?,
            "POP_ITER" => {
                let end_of_loop = self.instructions.get(index.checked_sub(1)?)?.start;
                self.instructions.iter().find(|instruction| instruction.target() == Some(end_of_loop))?
            }
            _ => &self.instructions[index],
        };
        (branch.flow == Flow::Branch).then(|| (branch.line, branch.own_offset()))
    }

    fn at(&self, offset: u32) -> Option<&Instruction> {
        self.index_at(offset).map(|index| &self.instructions[index])
    }

    /// Whether the instruction at `offset` leaves the code object with a value.
    pub(crate) fn returns_at(&self, offset: u32) -> bool {
        self.at(offset).is_some_and(|instruction| instruction.flow == Flow::Return)
    }

    /// Whether a generator or coroutine that is left at `offset` is left for a while. CPython 3.13 names the instruction after
    /// the one that does it.
    pub(crate) fn pauses_at(&self, offset: u32) -> bool {
        self.at(offset).is_some_and(|instruction| instruction.name() == "YIELD_VALUE")
            || self.resumes_at(offset)
    }

    /// Whether a generator or coroutine goes on at `offset`, and does not begin.
    pub(crate) fn resumes_at(&self, offset: u32) -> bool {
        self.at(offset).is_some_and(|instruction| {
            instruction.role == Role::Resume && instruction.argument & RESUME_LOCATION != 0
        })
    }

    /// Whether the instruction at `offset` is a `raise` statement's.
    pub(crate) fn raises_at(&self, offset: u32) -> bool {
        self.at(offset).is_some_and(|instruction| instruction.flow == Flow::Raise)
    }

    /// Whether no event tells of the exception that `raise` alone raises again at `offset` (CPython 3.11–3.15,
    /// `RAISE_VARARGS` in `Python/bytecodes.c`, which passes over the tracing of exceptions).
    pub(crate) fn raises_again_at(&self, offset: u32) -> bool {
        self.at(offset).is_some_and(Instruction::raises_again)
    }

    /// Whether an exception of which no event tells can only come from a `raise` alone, where it comes from `line`.
    pub(crate) fn only_raises_again_in(&self, line: LineNo) -> bool {
        let mut own = self.instructions.iter().filter(|instruction| instruction.line == Some(line));
        own.clone().any(Instruction::raises_again)
            && !own.any(|instruction| instruction.flow == Flow::Reraise)
    }

    /// Whether a StopIteration from the instruction at `offset` is only how an iterator ends. CPython 3.12+ tells of it where
    /// the loop ends.
    pub(crate) fn iterates_at(&self, offset: u32) -> bool {
        self.at(offset).is_some_and(|instruction| {
            matches!(instruction.name(), "FOR_ITER" | "SEND" | "END_FOR" | "END_SEND" | "POP_ITER")
        })
    }

    /// Whether a StopAsyncIteration from the instruction at `offset` is only how an `async for` ends.
    pub(crate) fn iterates_asynchronously_at(&self, offset: u32) -> bool {
        self.handler_of(offset)
            .and_then(|handler| self.at(handler))
            .is_some_and(|instruction| instruction.role == Role::EndAsyncFor)
    }

    /// Whether only exceptions lead to `offset`: a handler begins there, or right before it with an instruction that has no
    /// line.
    pub(crate) fn handles_at(&self, offset: u32) -> bool {
        let begins = |offset: u32| self.handlers.iter().any(|(.., target)| *target == offset);
        let before = self.index_at(offset).and_then(|index| self.instructions.get(index.checked_sub(1)?));
        begins(offset)
            || before.is_some_and(|before| {
                before.name() == "PUSH_EXC_INFO" && before.line.is_none() && begins(before.start)
            })
    }

    /// Whether a handler begins at `offset` that asks the manager of a `with` what is to become of the exception.
    pub(crate) fn asks_manager_at(&self, offset: u32) -> bool {
        self.index_at(offset).is_some_and(|index| self.ends_with_at(index).is_some())
    }

    /// The innermost handler of an exception raised by the instruction at `offset`.
    pub(super) fn handler_of(&self, offset: u32) -> Option<u32> {
        self.handlers
            .iter()
            .rev()
            .find(|(start, end, _)| (*start..*end).contains(&offset))
            .map(|(.., target)| *target)
    }

    /// The indices of the instructions that exceptions lead to.
    pub(super) fn handler_starts(&self) -> SortedSet<usize> {
        self.handlers.iter().filter_map(|(.., target)| self.index_at(*target)).collect()
    }

    /// The indices of the instructions that may come next, exceptions aside: the one behind, and where it jumps.
    pub(super) fn successors(&self, index: usize) -> impl Iterator<Item = usize> + use<> {
        [self.next(index), self.jump(index)].into_iter().flatten()
    }

    /// The index of the instruction behind the one at `index`, if control may go on there.
    pub(super) fn next(&self, index: usize) -> Option<usize> {
        let goes_on = self.instructions[index].flow.goes_on();
        (goes_on && index + 1 < self.instructions.len()).then_some(index + 1)
    }

    /// The index of the instruction to which the one at `index` jumps, if it does.
    pub(super) fn jump(&self, index: usize) -> Option<usize> {
        self.index_at(self.instructions[index].target()?)
    }
}

/// The further lines of what loops go through, `(first, last)`. `loops`: the line of each, and the offset where it asks for an item, right
/// behind where it makes an iterator: both may have the position of the statement with its whole suite (CPython 3.11 and 3.12,
/// `compiler_for` in `Python/compile.c`), so what was evaluated before them says how far that reaches.
fn long_iterables(shape: &CodeShape, loops: &[(LineNo, u32)]) -> Vec<(LineNo, LineNo)> {
    let mut end = 0_u32;
    let mut runs = Vec::new();
    for location in line_columns(&shape.line_table, shape.first_line) {
        let line = location.line.unwrap_or(LineNo::MAX);
        runs.push((end, line, location.line.map_or(0, |line| line.saturating_add(location.further_lines))));
        end = end.saturating_add(UNIT * u32::from(location.units));
    }
    let further_lines = |(line, start): &(LineNo, u32)| {
        let evaluated = runs.partition_point(|(run, ..)| *run < start.saturating_sub(UNIT));
        let own = runs[..evaluated].iter().rev().take_while(|(_, of_run, _)| of_run >= line);
        let last = own.map(|(.., last)| *last).max()?;
        (last > *line).then_some((line.saturating_add(1), last))
    };
    loops.iter().filter_map(further_lines).collect()
}

/// By instruction: the rest of its position.
fn spans(shape: &CodeShape, instructions: &[Instruction]) -> Vec<Option<Span>> {
    let mut spans = Vec::with_capacity(instructions.len());
    for location in locations(shape).map_while(Result::ok) {
        while instructions.get(spans.len()).is_some_and(|instruction| instruction.start < location.end) {
            spans.push(location.span);
        }
    }
    spans
}

/// Where the message of an `assert` statement is a conditional expression, each arm may have an end of the statement to itself (seen
/// with CPython 3.13.0), of which only the first was known by what comes before it. No `raise` statement has its position.
fn mark_copies_of_failed_assertions(instructions: &mut [Instruction], spans: &[Option<Span>]) {
    let ends = |flow: Flow, instructions: &[Instruction]| -> Vec<(usize, LineNo, Span)> {
        let placed = instructions.iter().zip(spans).enumerate();
        placed
            .filter(|(_, (instruction, _))| instruction.flow == flow)
            .filter_map(|(index, (instruction, span))| Some((index, instruction.line?, (*span)?)))
            .collect()
    };
    let failed = ends(Flow::FailedAssertion, instructions);
    if failed.is_empty() {
        return;
    }
    for (index, line, span) in ends(Flow::Raise, instructions) {
        if failed.iter().any(|(_, other, of_other)| (*other, *of_other) == (line, span)) {
            instructions[index].flow = Flow::FailedAssertion;
        }
    }
}

/// What `co_code` alone tells.
struct TakenApart {
    instructions: Vec<Instruction>,
    roles: Roles,
    has_raise: bool,
}

fn take_apart(code: &[u8]) -> TakenApart {
    let opcodes = opcodes();
    let mut found: Vec<Instruction> = Vec::with_capacity(count(code));
    let mut start = 0_usize;
    let mut at = 0_usize;
    let mut high = 0_u32;
    let mut asserting = false;
    let mut roles = Roles::default();
    let mut has_raise = false;
    while let Some(&[number, low]) = code.get(at..at + 2).and_then(|unit| unit.first_chunk::<2>()) {
        let opcode = &opcodes[usize::from(number)];
        let argument = (high << 8) | u32::from(low);
        at += 2;
        if opcode.flow == Flow::ExtendedArgument {
            high = argument;
            continue;
        }
        at += usize::from(opcode.caches) * 2;
        let end = at as u32;
        let distance = argument.wrapping_mul(2);
        let target = match opcode.flow {
            Flow::Jump | Flow::Branch | Flow::Await if opcode.backward => end.checked_sub(distance),
            Flow::Jump | Flow::Branch | Flow::Await => end.checked_add(distance),
            Flow::Next
            | Flow::Return
            | Flow::Raise
            | Flow::FailedAssertion
            | Flow::Reraise
            | Flow::ExtendedArgument => None,
        };
        // An assertion's message is an expression, so the next instruction that raises is the assertion's own.
        asserting |= loads_assertion_error(opcode, argument);
        let mut flow = opcode.flow;
        if flow == Flow::Raise {
            if asserting {
                flow = Flow::FailedAssertion;
            } else {
                has_raise = true;
            }
            asserting = false;
        }
        roles.add(opcode.role);
        let is_safe = opcode.role == Role::Deletion
            && found.last().is_some_and(|before| forgets_what_is_there(before, number, argument));
        found.push(Instruction {
            start: start as u32,
            end,
            argument,
            behind_target: target.and_then(|target| NonZeroU32::new(target.wrapping_add(1))),
            line: None,
            number,
            flow,
            role: opcode.role,
            may_raise: opcode.may_raise && !is_safe,
        });
        start = at;
        high = 0;
    }
    TakenApart { instructions: found, roles, has_raise }
}

/// How many instructions there are, prefixes counted as such.
fn count(code: &[u8]) -> usize {
    let opcodes = opcodes();
    let (mut count, mut unit) = (0, 0);
    let units = code.as_chunks::<2>().0;
    while let Some([number, _]) = units.get(unit) {
        count += 1;
        unit += 1 + usize::from(opcodes[usize::from(*number)].caches);
    }
    count
}

/// Whether an instruction deletes the name that the one before gave a value, as a handler does in the end with the name of
/// its exception (CPython 3.11–3.15, `compiler_try_except`, `codegen_try_except`).
fn forgets_what_is_there(before: &Instruction, number: u8, argument: u32) -> bool {
    before.opcode().deleted_by == number && number != 0 && before.argument == argument
}

/// Whether this is how an `assert` statement gets its exception, which programs cannot spell.
fn loads_assertion_error(opcode: &Opcode, argument: u32) -> bool {
    opcode.role == Role::AssertionError || (opcode.role == Role::CommonConstant && argument == 0)
}

/// Reads `co_exceptiontable`: start, length, target in code units and depth, in numbers of 6 bits a byte, bit 6 for "more
/// follows", bit 7 for "an entry begins" (CPython 3.11+, `Objects/exception_handling_notes.txt`).
fn handlers(table: &[u8]) -> Vec<(u32, u32, u32)> {
    let mut bytes = table.iter();
    let mut number = || {
        let mut value = 0_u32;
        loop {
            let byte = *bytes.next()?;
            value = value.checked_mul(64)?.checked_add(u32::from(byte & 0x3f))?;
            if byte & 0x40 == 0 {
                return Some(value);
            }
        }
    };
    let mut found = Vec::new();
    while let (Some(start), Some(length), Some(target), Some(_depth)) =
        (number(), number(), number(), number())
    {
        let Some(end) = start.checked_add(length) else { break };
        found.push((start.saturating_mul(2), end.saturating_mul(2), target.saturating_mul(2)));
    }
    found
}
