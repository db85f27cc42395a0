//! The core for CPython 3.12 and newer: `sys.monitoring`, whose events turn themselves off one by one.
//!
//! A global PY_START tells of each code object once. Where it is measured, LINE is turned on for that code object alone,
//! and with branches those of branches, returns and jumps; each is turned off at its first hit, or when nothing more can be
//! learned from it. So what has been seen costs nothing. All of it belongs to one interpreter: further ones get the same when
//! they are made.
//!
//! Start reading at [`install`]; `callbacks` has the table of events, `events` what is made of each, `lines` when those of
//! lines go off together, `instructions` when those of instructions go on.
#![expect(unsafe_code, reason = "tracer callbacks are raw C functions")]

mod callbacks;
mod events;
mod instructions;
mod lines;

use std::collections::BTreeSet;
use std::ffi::CStr;
use std::sync::{Mutex, OnceLock, PoisonError};

use pyo3::ffi as raw;
use pyo3::prelude::*;

use super::code::{CodeState, reserve_slot};
use super::session::{active, prepare_for_errors};
use super::test_frames::TestFrame;
use super::{TraceError, forks, interpreters};
use crate::model::{BranchDetail, DynamicContexts};
use crate::python::ffi::{self, Interpreter};
use callbacks::{
    BOTH_SIDES, Callback, ENDS_OF_LINES, INSTRUCTION, LINE, PAUSES, SIDES, START, TOLD_BOTH_SIDES,
    TOLD_SIDES, TOLD_START, UNWIND, all_callbacks, fastcall, has_sides, local_callbacks,
};

/// Ids nobody has named (CPython 3.12 `Lib/test/test_monitoring.py`): a debugger (0), coverage.py (1), a profiler (2) or an
/// optimiser (5) that the program uses finds its own free.
const TOOL_IDS: [u8; 2] = [3, 4];
const TOOL_NAME: &str = "minicov";

/// What the callbacks of the main interpreter need, and `sys.monitoring.DISABLE`, which all interpreters share.
static MAIN: OnceLock<(Tool, Py<PyAny>)> = OnceLock::new();

/// Other interpreters that are measured.
static OTHERS: Mutex<BTreeSet<Interpreter>> = Mutex::new(BTreeSet::new());

/// The name of a capsule round a [`Tool`].
const CAPSULE: &CStr = c"minicov";

/// What the callbacks need of `sys.monitoring`.
struct Tool {
    id: u8,
    /// The events that are turned on in measured code.
    local_events: u32,
    /// The event for each line.
    lines: u32,
    /// The events for each side of a branch; none where both sides share one.
    sides: u32,
    /// The events of branches.
    branches: u32,
    /// The event for each instruction.
    instructions: u32,
    /// The events that are turned on in code whose calls are tests.
    ends: u32,
    /// The same, where a call may pause.
    pauses: u32,
    /// `sys.monitoring.set_local_events`; looked up each time where `None`, because objects of one interpreter must not be
    /// held for another.
    set_local_events: Option<Py<PyAny>>,
}

pub(super) fn install(
    py: Python<'_>,
    branches: Option<BranchDetail>,
    dynamic: DynamicContexts,
) -> Result<(), TraceError> {
    prepare_for_errors(py);
    reserve_slot(py)?;
    hook_main(
        py,
        dynamic,
        |events| local_callbacks(events, branches),
        |events, local| all_callbacks(events, local, branches),
    )?;
    interpreters::watch(|py| {
        let interpreter = Interpreter::current(py);
        if !interpreter.is_main()
            && let Some(session) = active()
        {
            join(py, interpreter, session.branches, session.dynamic);
        }
    });
    Ok(())
}

/// Has the branches of the main interpreter tell of their sides and of evaluations, for a core that sees lines itself and has
/// reserved the slot of code objects.
pub(super) fn install_sides(py: Python<'_>) -> Result<(), TraceError> {
    let local = |events: &Bound<'_, PyAny>| {
        Ok(if has_sides(events)? { TOLD_SIDES.to_vec() } else { TOLD_BOTH_SIDES.to_vec() })
    };
    hook_main(py, DynamicContexts::None, local, |_, mut local| {
        local.push(TOLD_START);
        Ok(local)
    })
}

/// Takes the main interpreter's events.
fn hook_main(
    py: Python<'_>,
    dynamic: DynamicContexts,
    local: impl FnOnce(&Bound<'_, PyAny>) -> PyResult<Vec<Callback>>,
    all: impl FnOnce(&Bound<'_, PyAny>, Vec<Callback>) -> PyResult<Vec<Callback>>,
) -> Result<(), TraceError> {
    let monitoring = py.import("sys")?.getattr("monitoring")?;
    let events = monitoring.getattr("events")?;
    let local = local(&events)?;
    let tool = take_tool(&monitoring, &local)?;
    let id = tool.id;
    let tool = Tool { set_local_events: Some(monitoring.getattr("set_local_events")?.unbind()), ..tool };
    let _ = MAIN.set((tool, monitoring.getattr("DISABLE")?.unbind()));
    turn_on(&monitoring, id, all(&events, local)?, dynamic, None)
}

/// Measures a further interpreter, unless that is done already. Fails in silence: then it runs unmeasured.
fn join(py: Python<'_>, interpreter: Interpreter, branches: Option<BranchDetail>, dynamic: DynamicContexts) {
    let is_new = {
        let _pass = forks::pass();
        OTHERS.lock().unwrap_or_else(PoisonError::into_inner).insert(interpreter)
    };
    if !is_new {
        return;
    }
    let Some(monitoring) = ffi::sys_attribute(py, c"monitoring") else { return forget(interpreter) };
    match hook_other(&monitoring, branches, dynamic) {
        Ok(()) => (),
        Err(TraceError::Python(error)) => {
            ffi::discard(error, py);
            forget(interpreter);
        }
        Err(_) => forget(interpreter),
    }
}

fn hook_other(
    monitoring: &Bound<'_, PyAny>,
    branches: Option<BranchDetail>,
    dynamic: DynamicContexts,
) -> Result<(), TraceError> {
    let events = monitoring.getattr("events")?;
    let local = local_callbacks(&events, branches)?;
    let tool = take_tool(monitoring, &local)?;
    reserve_slot(monitoring.py())?;
    let all = all_callbacks(&events, local, branches)?;
    turn_on(monitoring, tool.id, all, dynamic, Some(&capsule(monitoring.py(), tool)?))
}

fn forget(interpreter: Interpreter) {
    let _pass = forks::pass();
    OTHERS.lock().unwrap_or_else(PoisonError::into_inner).remove(&interpreter);
}

/// A Python object that owns a tool.
fn capsule(py: Python<'_>, tool: Tool) -> PyResult<Bound<'_, PyAny>> {
    unsafe extern "C" fn drop_tool(capsule: *mut raw::PyObject) {
        // SAFETY: the destructor gets the capsule that dies, which has this name.
        let tool = unsafe { raw::PyCapsule_GetPointer(capsule, CAPSULE.as_ptr()) };
        // SAFETY: a tool was put into it by `Box::into_raw`, and a capsule dies once.
        drop(unsafe { Box::from_raw(tool.cast::<Tool>()) });
    }
    let pointer = Box::into_raw(Box::new(tool));
    // SAFETY: attached; the pointer is what the destructor expects.
    let capsule = unsafe { raw::PyCapsule_New(pointer.cast(), CAPSULE.as_ptr(), Some(drop_tool)) };
    if capsule.is_null() {
        // SAFETY: no capsule took the pointer.
        drop(unsafe { Box::from_raw(pointer) });
    }
    // SAFETY: a new reference, or null with an exception set.
    unsafe { Bound::from_owned_ptr_or_err(py, capsule) }
}

/// Takes an id in the running interpreter, and names the events to be turned on in measured code.
fn take_tool(monitoring: &Bound<'_, PyAny>, callbacks: &[Callback]) -> Result<Tool, TraceError> {
    let py = monitoring.py();
    let events = monitoring.getattr("events")?;
    let mut local_events = 0;
    for (name, ..) in callbacks {
        local_events |= events.getattr(name)?.extract::<u32>()?;
    }
    let event = |name: &str| events.getattr(name)?.extract::<u32>();
    let lines = event(LINE.0)?;
    let all_of = |callbacks: &[Callback]| {
        callbacks.iter().try_fold(0, |all, (name, ..)| PyResult::Ok(all | event(name)?))
    };
    let (sides, branches) = if has_sides(&events)? {
        let sides = all_of(&SIDES)?;
        (sides, sides)
    } else {
        (0, all_of(&BOTH_SIDES)?)
    };
    let instructions = event(INSTRUCTION.0)?;
    let ends = event(ENDS_OF_LINES[0].0)?;
    let pauses = ends | all_of(&PAUSES)?;
    for id in TOOL_IDS {
        match monitoring.call_method1("use_tool_id", (id, TOOL_NAME)) {
            Ok(_) => {
                return Ok(Tool {
                    id,
                    local_events,
                    lines,
                    sides,
                    branches,
                    instructions,
                    ends,
                    pauses,
                    set_local_events: None,
                });
            }
            Err(error) => ffi::discard(error, py),
        }
    }
    Err(TraceError::NoToolId)
}

/// Registers the callbacks and turns on the event that is not local. `own` is what callbacks are told besides an event.
fn turn_on(
    monitoring: &Bound<'_, PyAny>,
    id: u8,
    callbacks: Vec<Callback>,
    dynamic: DynamicContexts,
    own: Option<&Bound<'_, PyAny>>,
) -> Result<(), TraceError> {
    let events = monitoring.getattr("events")?;
    for (name, function_name, function) in callbacks {
        let callback = fastcall(monitoring.py(), function_name, function, own)?;
        monitoring.call_method1("register_callback", (id, events.getattr(name)?, callback))?;
    }
    let mut everywhere = events.getattr(START.0)?.extract::<u32>()?;
    if dynamic == DynamicContexts::TestFunctions {
        // A test that fails ends by an exception.
        everywhere |= events.getattr(UNWIND.0)?.extract::<u32>()?;
    }
    monitoring.call_method1("set_events", (id, everywhere))?;
    Ok(())
}

/// Turns on again whatever was turned off in this interpreter.
pub(super) fn restart(py: Python<'_>) -> PyResult<()> {
    if let Some(monitoring) = ffi::sys_attribute(py, c"monitoring") {
        monitoring.call_method0("restart_events")?;
    }
    lines::turn_all_on(py)
}

/// Turns the events of a code object of the main interpreter on again, which turning them off and on does (CPython
/// 3.12–3.15, `Python/instrumentation.c`, `_PyMonitoring_SetLocalEvents`).
pub(super) fn turn_on_again(code: &Bound<'_, PyAny>, state: &CodeState) {
    let Some((tool, _)) = MAIN.get() else { return };
    let mut again = tool.events_in(Some(state), state.test_frame);
    let tells_lines = tool.local_events & tool.lines != 0;
    match state.loses_first_line(code).map(|loses| loses && tells_lines) {
        Ok(true) => again |= tool.instructions,
        Ok(false) => (),
        Err(error) => ffi::discard(error, code.py()),
    }
    for events in [0, again] {
        if let Err(error) = tool.watch(code, events) {
            ffi::discard(error, code.py());
        }
    }
}

impl Tool {
    /// Turns events on in a code object. Tells whether it could be asked for at all.
    fn watch(&self, code: &Bound<'_, PyAny>, events: u32) -> PyResult<bool> {
        let arguments = (self.id, code, events);
        match &self.set_local_events {
            Some(set_local_events) => set_local_events.bind(code.py()).call1(arguments)?,
            None => match ffi::sys_attribute(code.py(), c"monitoring") {
                Some(monitoring) => monitoring.call_method1("set_local_events", arguments)?,
                None => return Ok(false),
            },
        };
        Ok(true)
    }

    /// Turns events on in a code object that had none. Tells whether it could be asked for at all.
    fn watch_first(&self, code: &Bound<'_, PyAny>, events: u32) -> PyResult<bool> {
        if events & self.instructions != 0 && self.watch_for_good(code, events)? {
            return Ok(true);
        }
        self.watch(code, events)
    }

    /// Turns the events of all branches in a code object on again, for frames that run, too, from their next instruction on.
    /// Tells whether it was done.
    fn turn_on_branches(&self, code: &Bound<'_, PyAny>, state: &CodeState) -> bool {
        let events = self.events_in(Some(state), None);
        let turn_on = || Ok(self.watch(code, events & !self.branches)? && self.watch(code, events)?);
        turn_on().unwrap_or_else(|error| {
            ffi::discard(error, code.py());
            false
        })
    }

    /// The events that are turned on in a code object.
    fn events_in(&self, state: Option<&CodeState>, test_frame: Option<TestFrame>) -> u32 {
        let mut events = 0;
        if let Some(state) = state {
            events |= self.local_events;
            if let Some(watch) = state.line_watch.get() {
                // They tell where control comes to lines that were never told.
                events |= self.sides;
                if watch.are_off() {
                    events &= !self.lines;
                }
            }
            if state.branches.get().is_some_and(|branches| branches.asks_for_instructions()) {
                events |= self.instructions;
            }
        }
        if let Some(test_frame) = test_frame {
            events |= if test_frame.may_pause() { self.pauses } else { self.ends };
        }
        events
    }
}
