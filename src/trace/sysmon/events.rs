//! What is made of each event.
//!
//! Must not know: how events arrive, or what is turned on where. Invariant: an event is settled only when nothing more can be
//! learned from it at its place.

use pyo3::prelude::*;

use super::Tool;
use super::callbacks::{Answer, Event};
use crate::model::{DynamicContexts, Edge};
use crate::python::ffi;
use crate::trace::SIDES_HAVE_EVENTS;
use crate::trace::branches::{BranchState, Outlook, ToldSide};
use crate::trace::code::{self, CodeState, state_of};
use crate::trace::contexts;
use crate::trace::decisions::Observed;
use crate::trace::session::Session;
use crate::trace::test_frames::TestFrame;
use crate::trace::told::Site;

/// PY_START(code, offset): a code object runs for the first time; where its calls are tests, each time.
pub(super) fn py_start(tool: &Tool, session: &Session, event: &Event) -> PyResult<Answer> {
    let state = state_of(session, event.code)?;
    let test_frame = test_frame_of(session, event);
    let answer = match (test_frame, state) {
        (None, Some(state)) => tool.watch_lines(session, state, event.code)?,
        (Some(_), _) | (None, None) => Answer::Disable,
    };
    if (state.is_some() || test_frame.is_some())
        && !tool.watch_first(event.code, tool.events_in(state, test_frame))?
    {
        return Ok(Answer::Keep);
    }
    if let Some(state) = state
        && contexts::are_tracked()
        && state.loses_first_line(event.code)?
    {
        // With this event turned off, instructions must tell of that line.
        state.touch(event.code)?;
    }
    match test_frame {
        Some(test_frame) => {
            test_frame.begin(event.code.py(), session);
            Ok(Answer::Keep)
        }
        None => Ok(answer),
    }
}

/// PY_START(code, offset), where another core sees lines.
pub(super) fn told_start(tool: &Tool, session: &Session, event: &Event) -> PyResult<Answer> {
    if state_of(session, event.code)?.is_some() {
        tool.watch(event.code, tool.local_events)?;
    }
    Ok(Answer::Disable)
}

/// What the call that an event belongs to is to those who recognise tests.
fn test_frame_of(session: &Session, event: &Event) -> Option<TestFrame> {
    if session.dynamic == DynamicContexts::None { None } else { code::test_frame_of(event.code) }
}

/// PY_YIELD(code, offset, value): a frame is left for a while.
#[expect(clippy::unnecessary_wraps, reason = "handlers are of one type")]
pub(super) fn py_yield(_tool: &Tool, session: &Session, event: &Event) -> PyResult<Answer> {
    TestFrame::end(event.code.py(), session);
    Ok(Answer::Keep)
}

/// PY_RESUME(code, offset): a frame goes on.
#[expect(clippy::unnecessary_wraps, reason = "handlers are of one type")]
pub(super) fn py_resume(_tool: &Tool, session: &Session, event: &Event) -> PyResult<Answer> {
    if let Some(test_frame) = test_frame_of(session, event) {
        test_frame.begin(event.code.py(), session);
    }
    Ok(Answer::Keep)
}

/// PY_UNWIND(code, offset, exception): a frame is left by an exception.
#[expect(clippy::unnecessary_wraps, reason = "handlers are of one type")]
pub(super) fn py_unwind(_tool: &Tool, session: &Session, event: &Event) -> PyResult<Answer> {
    if test_frame_of(session, event).is_some() {
        TestFrame::end(event.code.py(), session);
    }
    Ok(Answer::Keep)
}

/// LINE(code, line number): a line is about to run.
pub(super) fn line(tool: &Tool, session: &Session, event: &Event) -> PyResult<Answer> {
    let Some(state) = state_of(session, event.code)? else { return Ok(Answer::Disable) };
    let Ok(line) = event.number(0) else { return Ok(Answer::Disable) };
    let is_new = session.record_line(state, line);
    if let Some(branches) = state.branches.get().filter(|branches| branches.instructions_tell())
        && let Some(offset) = ffi::current_offset(event.code.py())
    {
        // This event swallows that of the instruction when it is turned off (CPython 3.12 and 3.13,
        // `_Py_call_instrumentation_line`).
        reached(tool, session, state, event, branches, offset)?;
    }
    if let Some(branches) = state.branches.get().filter(|branches| branches.knows_except_star())
        && let Some(offset) = ffi::current_offset(event.code.py())
    {
        // As above.
        branches.falls_past_except_star(offset, || ffi::current_frame(event.code.py()));
    }
    if let Some(branches) = state.branches.get().filter(|branches| branches.asks_for_place(line))
        && let Some(offset) = ffi::current_offset(event.code.py())
    {
        if state.told.has(Site::Place, offset) {
            return told(state, event, true);
        }
        let outlook = branches.record_place(session, offset);
        tool.told(state, event.code, line, Some(offset).filter(|_| outlook == Outlook::Settled))?;
        return settle(state, event, Site::Place, offset, outlook);
    }
    tool.told(state, event.code, line, None)?;
    told(state, event, !is_new)
}

/// The answer to an event that tells no more than it has told, now or before.
fn told(state: &CodeState, event: &Event, in_vain: bool) -> PyResult<Answer> {
    Ok(if state.turns_off(event.code, in_vain)? { Answer::Disable } else { Answer::Keep })
}

/// The answer to an event that has just told something.
fn settle(state: &CodeState, event: &Event, site: Site, offset: u32, outlook: Outlook) -> PyResult<Answer> {
    match outlook {
        Outlook::Open => Ok(Answer::Keep),
        Outlook::Settled => {
            if contexts::are_tracked() {
                state.told.note(site, offset);
            }
            told(state, event, false)
        }
    }
}

/// Tells the decisions of a code object of an edge. None where nothing watches it.
fn observe(
    tool: &Tool,
    session: &Session,
    state: &CodeState,
    event: &Event,
    edge: Edge,
) -> PyResult<Option<Observed>> {
    let Some(watch) = session.decisions_of(state, event.code)? else { return Ok(None) };
    let Some(frame) = ffi::current_activation(event.code.py()) else {
        watch.give_up();
        return Ok(None);
    };
    let observed = watch.observe(session, edge, frame);
    if observed.is_some_and(|observed| observed.wants_all) && !tool.turn_on_branches(event.code, state) {
        watch.give_up();
    }
    Ok(observed)
}

/// BRANCH_LEFT(code, offset, destination): one side of a branch was taken.
pub(super) fn left_side(tool: &Tool, session: &Session, event: &Event) -> PyResult<Answer> {
    branch_side(tool, session, event, Site::Branch)
}

/// BRANCH_RIGHT(code, offset, destination): the other side of a branch was taken.
pub(super) fn right_side(tool: &Tool, session: &Session, event: &Event) -> PyResult<Answer> {
    branch_side(tool, session, event, Site::Right)
}

fn branch_side(tool: &Tool, session: &Session, event: &Event, site: Site) -> PyResult<Answer> {
    let Some(state) = state_of(session, event.code)? else { return Ok(Answer::Disable) };
    let edge = event.edge()?;
    if state.told.has(site, edge.from) {
        return told(state, event, true);
    }
    let awaited = tool.branched(state, event.code, edge.to)?;
    let Some(branches) = session.branches_of(state, event.code)? else { return Ok(awaited) };
    let mut is_open = matches!(awaited, Answer::Keep);
    let mut outlook = Outlook::Settled;
    if let Some(side) = branches.edge_of_side(edge) {
        let observed = observe(tool, session, state, event, side)?;
        if observed.is_none_or(|observed| observed.is_first) {
            branches.record_side(session, side);
        }
        is_open |= observed.is_some_and(|observed| observed.is_open);
        outlook = branches.jumped(side);
        if let Some(verdict) = branches.verdict_of_with(side) {
            let frame = ffi::current_frame(event.code.py());
            outlook = outlook.and(branches.record_verdict(session, verdict, frame));
        }
        outlook = outlook.and(past_except_star(session, event, branches, side, false));
    }
    settle(state, event, site, edge.from, if is_open { Outlook::Open } else { outlook })
}

/// BRANCH(code, offset, destination): either side of a branch was taken. Turning the event off turns it off for both.
pub(super) fn branch(tool: &Tool, session: &Session, event: &Event) -> PyResult<Answer> {
    let Some(state) = state_of(session, event.code)? else { return Ok(Answer::Disable) };
    let edge = event.edge()?;
    if state.told.has(Site::Branch, edge.from) {
        return told(state, event, true);
    }
    let Some(branches) = session.branches_of(state, event.code)? else { return Ok(Answer::Disable) };
    let observed = observe(tool, session, state, event, edge)?;
    // Of evaluations neither lines nor jumps tell.
    let mut outlook = branches.record(session, edge, observed.is_none());
    if outlook == Outlook::Open && tool.may_have_instructions_tell() {
        if branches.wants_instructions(edge) {
            tool.have_instructions_tell(event.code, state, branches)?;
        }
        if branches.is_told_by_instruction(edge) {
            outlook = branches.branched(edge);
        }
    }
    if observed.is_some_and(|observed| observed.is_open || observed.other_is_open) {
        outlook = Outlook::Open;
    }
    let outlook = match branches.verdict_of_with(edge) {
        Some(verdict) => {
            outlook.and(branches.record_verdict(session, verdict, ffi::current_frame(event.code.py())))
        }
        None => outlook,
    };
    let outlook = outlook.and(past_except_star(session, event, branches, edge, true));
    settle(state, event, Site::Branch, edge.from, outlook)
}

/// An instruction was reached with which a side of a branch may begin that is told of so, because the branch's own event is
/// off, or was not there.
fn reached(
    tool: &Tool,
    session: &Session,
    state: &CodeState,
    event: &Event,
    branches: &BranchState,
    offset: u32,
) -> PyResult<()> {
    match branches.told_by_instruction(offset) {
        ToldSide::None => (),
        ToldSide::Taken(side) => {
            let observed = observe(tool, session, state, event, side)?;
            branches.record(session, side, observed.is_none());
        }
        ToldSide::OfOther => {
            tool.turn_on_branches(event.code, state);
        }
    }
    Ok(())
}

/// BRANCH, BRANCH_LEFT or BRANCH_RIGHT(code, offset, destination), where another core sees lines.
pub(super) fn told_side(tool: &Tool, session: &Session, event: &Event) -> PyResult<Answer> {
    let Some(state) = state_of(session, event.code)? else { return Ok(Answer::Disable) };
    let Some(sides) = session.sides_of(state, event.code)? else { return Ok(Answer::Disable) };
    let told = event.edge()?;
    let Some((Some(line), from)) = state.flow(event.code)?.branch_of_event(told.from) else {
        return Ok(Answer::Disable);
    };
    let edge = Edge { from, ..told };
    let has_both = sides.record(session, line, edge);
    let is_open = observe(tool, session, state, event, edge)?.is_some_and(|observed| observed.is_open);
    let is_settled = !is_open && (has_both || SIDES_HAVE_EVENTS);
    Ok(if is_settled { Answer::Disable } else { Answer::Keep })
}

/// PY_RETURN(code, offset, value): a code object is left with a value.
pub(super) fn py_return(_tool: &Tool, session: &Session, event: &Event) -> PyResult<Answer> {
    let state = state_of(session, event.code)?;
    let offset = event.number(0)?;
    let in_vain = state.is_some_and(|state| state.told.has(Site::End, offset));
    if let Some(state) = state
        && session.branches.is_some()
        && !in_vain
    {
        let line = match state.branches.get() {
            Some(branches) => {
                branches.watch().flow().line_at(offset).or_else(|| branches.line_of_return(offset))
            }
            None => state.line_at(event.code, offset),
        };
        if let Some(line) = line {
            session.record_exit(state, line);
        }
    }
    if test_frame_of(session, event).is_some() {
        TestFrame::end(event.code.py(), session);
        return Ok(Answer::Keep);
    }
    match state {
        Some(state) if in_vain => told(state, event, true),
        Some(state) => settle(state, event, Site::End, offset, Outlook::Settled),
        None => Ok(Answer::Disable),
    }
}

/// JUMP(code, offset, destination): an unconditional jump.
pub(super) fn jump(_tool: &Tool, session: &Session, event: &Event) -> PyResult<Answer> {
    let Some(state) = state_of(session, event.code)? else { return Ok(Answer::Disable) };
    let edge = event.edge()?;
    if state.told.has(Site::End, edge.from) {
        return told(state, event, true);
    }
    let Some(branches) = session.branches_of(state, event.code)? else { return Ok(Answer::Disable) };
    let frame = || ffi::current_frame(event.code.py());
    let outlook = branches.record_jump(session, edge);
    let outlook = outlook.and(branches.jumps_past_except_star(edge, false, frame));
    settle(state, event, Site::End, edge.from, outlook)
}

/// What a branch, or a side of it, tells of ways past suites of `except*`. `has_other_side`: whether the event serves both.
fn past_except_star(
    session: &Session,
    event: &Event,
    branches: &BranchState,
    edge: Edge,
    has_other_side: bool,
) -> Outlook {
    let frame = || ffi::current_frame(event.code.py());
    let end = branches.record_end_of_except_star(session, edge, frame);
    end.and(branches.jumps_past_except_star(edge, has_other_side, frame))
}

/// INSTRUCTION(code, offset): an instruction is about to run.
pub(super) fn instruction(tool: &Tool, session: &Session, event: &Event) -> PyResult<Answer> {
    let Some(state) = state_of(session, event.code)? else { return Ok(Answer::Disable) };
    let offset = event.number(0)?;
    if state.told.has(Site::Instruction, offset) {
        return told(state, event, true);
    }
    let mut has_told = false;
    if let Some(branches) = state.branches.get() {
        reached(tool, session, state, event, branches, offset)?;
    }
    if state.has_lines_by_instructions()
        && let Some(line) = ffi::line_at(event.code, offset)
    {
        let is_new = session.record_line(state, line);
        if state.suspends {
            // A frame may go on anywhere in another context: all of them are needed again.
            state.touch(event.code)?;
        } else {
            has_told = is_new;
        }
    }
    if let Some(branches) = state.branches.get().filter(|branches| branches.is_telling(offset)) {
        let frame = || ffi::current_frame(event.code.py());
        match branches.record_instruction(session, offset, frame) {
            Outlook::Open => return Ok(Answer::Keep),
            Outlook::Settled => has_told = true,
        }
    }
    if has_told {
        return settle(state, event, Site::Instruction, offset, Outlook::Settled);
    }
    // Whatever else is turned on again for it, this has nothing to tell.
    Ok(Answer::Disable)
}
