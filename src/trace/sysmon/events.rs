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
use crate::trace::branches::Outlook;
use crate::trace::code::{self, CodeState, state_of};
use crate::trace::decisions::Observed;
use crate::trace::session::Session;
use crate::trace::test_frames::TestFrame;

/// PY_START(code, offset): a code object runs for the first time; where its calls are tests, each time.
pub(super) fn py_start(tool: &Tool, session: &Session, event: &Event) -> PyResult<Answer> {
    let state = state_of(session, event.code)?;
    let test_frame = test_frame_of(session, event);
    let answer = match (test_frame, state) {
        (None, Some(state)) => tool.watch_lines(session, state, event.code)?,
        (Some(_), _) | (None, None) => Answer::Disable,
    };
    if (state.is_some() || test_frame.is_some())
        && !tool.watch(event.code, tool.events_in(state, test_frame))?
    {
        return Ok(Answer::Keep);
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
    session.record_line(state, line);
    let (mut outlook, mut place) = (Outlook::Settled, None);
    if let Some(branches) = state.branches.get().filter(|branches| branches.asks_for_place(line))
        && let Some(offset) = ffi::current_offset(event.code.py())
    {
        outlook = branches.record_place(session, offset);
        place = Some(offset).filter(|_| outlook == Outlook::Settled);
    }
    tool.told(state, event.code, line, place)?;
    Ok(outlook.into())
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
    if observed.is_some_and(|observed| observed.wants_all) && !tool.turn_on_sides(event.code, state) {
        watch.give_up();
    }
    Ok(observed)
}

/// BRANCH_LEFT or BRANCH_RIGHT(code, offset, destination): one side of a branch was taken.
pub(super) fn branch_side(tool: &Tool, session: &Session, event: &Event) -> PyResult<Answer> {
    let Some(state) = state_of(session, event.code)? else { return Ok(Answer::Disable) };
    let edge = event.edge()?;
    let awaited = tool.branched(state, event.code, edge.to)?;
    let Some(branches) = session.branches_of(state, event.code)? else { return Ok(awaited) };
    let side = branches.edge_of_side(edge);
    let observed = match side {
        Some(side) => observe(tool, session, state, event, side)?,
        None => None,
    };
    let outlook = match observed {
        Some(Observed { is_first: false, .. }) => branches.jumped(edge),
        Some(_) | None => branches.record_side(session, edge),
    };
    let outlook = match side.and_then(|side| branches.verdict_of_with(side)) {
        Some(verdict) => {
            outlook.and(branches.record_verdict(session, verdict, ffi::current_frame(event.code.py())))
        }
        None => outlook,
    };
    let is_open = outlook == Outlook::Open || observed.is_some_and(|observed| observed.is_open);
    Ok(if is_open { Answer::Keep } else { awaited })
}

/// BRANCH(code, offset, destination): either side of a branch was taken. Turning the event off turns it off for both.
pub(super) fn branch(tool: &Tool, session: &Session, event: &Event) -> PyResult<Answer> {
    let Some(state) = state_of(session, event.code)? else { return Ok(Answer::Disable) };
    let Some(branches) = session.branches_of(state, event.code)? else { return Ok(Answer::Disable) };
    let edge = event.edge()?;
    if let Some(verdict) = branches.verdict_of_with(edge) {
        let outlook = branches.record_verdict(session, verdict, ffi::current_frame(event.code.py()));
        return Ok(outlook.and(branches.record(session, edge)).into());
    }
    if let Some(observed) = observe(tool, session, state, event, edge)? {
        let outlook =
            if observed.is_first { branches.record(session, edge) } else { branches.branched(edge) };
        return Ok(if observed.is_open || !observed.has_both { Answer::Keep } else { outlook.into() });
    }
    Ok(branches.record(session, edge).into())
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
    if let Some(state) = state_of(session, event.code)?
        && session.branches.is_some()
    {
        let offset = event.number(0)?;
        let unlined = || state.branches.get()?.line_of_return(offset);
        if let Some(line) = ffi::line_at(event.code, offset).or_else(unlined) {
            session.record_exit(state, line);
        }
    }
    match test_frame_of(session, event) {
        Some(_) => {
            TestFrame::end(event.code.py(), session);
            Ok(Answer::Keep)
        }
        None => Ok(Answer::Disable),
    }
}

/// JUMP(code, offset, destination): an unconditional jump.
pub(super) fn jump(_tool: &Tool, session: &Session, event: &Event) -> PyResult<Answer> {
    if let Some(state) = state_of(session, event.code)?
        && let Some(branches) = session.branches_of(state, event.code)?
    {
        return Ok(branches.record_jump(session, event.edge()?).into());
    }
    Ok(Answer::Disable)
}

/// INSTRUCTION(code, offset): an instruction is about to run.
pub(super) fn instruction(_tool: &Tool, session: &Session, event: &Event) -> PyResult<Answer> {
    let Some(state) = state_of(session, event.code)? else { return Ok(Answer::Disable) };
    let offset = event.number(0)?;
    if state.has_lines_by_instructions()
        && let Some(line) = ffi::line_at(event.code, offset)
    {
        session.record_line(state, line);
    }
    if let Some(branches) = state.branches.get() {
        let frame = || ffi::current_frame(event.code.py());
        return Ok(branches.record_instruction(session, offset, frame).into());
    }
    Ok(Answer::Disable)
}
