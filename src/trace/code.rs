//! What the tracer knows of one code object, and where that hangs: in a slot of the code object itself.
//!
//! Must not know: how events arrive. Invariant: the state dies with its code object, so a code object made at the same
//! address later never inherits it.
#![expect(
    unsafe_code,
    reason = "the slot of a code object holds a raw pointer; it becomes a reference here only"
)]

use std::collections::{BTreeMap, HashSet};
use std::ffi::c_void;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use pyo3::ffi as raw;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString, PyWeakrefMethods, PyWeakrefReference};

use super::TraceError;
use super::branches::BranchState;
use super::decisions::DecisionWatch;
#[cfg(Py_3_12)]
use super::line_watch::LineWatch;
use super::session::Session;
use super::sides::SidesTaken;
use super::test_frames::TestFrame;
use super::told::Told;
use super::{contexts, forks};
use crate::bytecode::{self, ControlFlow, LineRange, Traits};
use crate::model::{ArcEnd, CodeShape, LineNo, MAX_LINE};
use crate::python;
use crate::python::ffi::{self, CodeSlot, Interpreter};

/// The slot in the code objects of the main interpreter, which never goes away.
static SLOT: OnceLock<(Interpreter, CodeSlot)> = OnceLock::new();

/// The slots in those of other interpreters.
static OTHER_SLOTS: Mutex<BTreeMap<Interpreter, CodeSlot>> = Mutex::new(BTreeMap::new());

/// Held while a slot is filled: whoever comes second takes what the first one put there.
static FILLING: Mutex<()> = Mutex::new(());

/// Stands in the slot of code that is not measured: no address of a [`CodeState`]. What lies above, up to
/// [`LAST_UNMEASURED`], stands for frames of tests that are not measured, by their number.
const UNMEASURED: *mut c_void = std::ptr::without_provenance_mut(1);
const LAST_UNMEASURED: usize = 1 + TestFrame::ALL.len();

/// The code objects of the main interpreter that had events turned off since these were last turned on again.
static TOUCHED: Mutex<Vec<Py<PyWeakrefReference>>> = Mutex::new(Vec::new());

/// So many line events that tell nothing come before it is worth asking whether all has been told.
const FIRST_ASKED: u32 = 64;

/// `co_flags`: CO_GENERATOR | CO_COROUTINE | CO_ASYNC_GENERATOR (CPython `Include/cpython/code.h`).
const SUSPENDING: u32 = 0x20 | 0x80 | 0x200;

/// The state of a measured code object. What few have stands in a box, so that it costs the others a word.
pub(super) struct CodeState {
    /// The file's number in the journal.
    file: u32,
    /// Which of its lines a line is.
    index: LineIndex,
    /// `co_firstlineno`.
    first_line: i32,
    /// The line of its last instruction.
    #[cfg(Py_3_12)]
    last_line: Option<LineNo>,
    /// Whether its frames can be left for a while: generators and coroutines.
    pub(super) suspends: bool,
    /// Whether the code is a module's, function's or class's, and not an expression's.
    pub(super) is_statement: bool,
    /// `co_flags`.
    pub(super) flags: u32,
    /// The code object's number in the journal, once it is stated there.
    pub(super) number: OnceLock<u32>,
    /// What a glance at its opcodes tells, once somebody asks.
    traits: OnceLock<Traits>,
    /// The code taken apart, where the core asks for instructions.
    flow: OnceLock<Box<ControlFlow>>,
    /// Whether the exception of a `raise` statement comes to the end of a `with`, once somebody asks.
    raises_in_with: OnceLock<bool>,
    /// One bit a line, by its index: whether it was recorded.
    seen: Box<[AtomicU64]>,
    /// From the first event that tells of a branch.
    pub(super) branches: OnceLock<Box<BranchState>>,
    /// From the first event that tells of a branch, where evaluations of decisions are recorded.
    pub(super) decisions: OnceLock<Option<Box<DecisionWatch>>>,
    /// Sides of branches seen so far, where the core sees lines only.
    pub(super) sides: OnceLock<Box<SidesTaken>>,
    /// Steps between lines recorded so far, where the core sees lines only.
    steps: OnceLock<Box<StepsSeen>>,
    /// Its line events, where they are watched as a whole.
    #[cfg(Py_3_12)]
    pub(super) line_watch: OnceLock<Box<LineWatch>>,
    /// Whether an event told of a call that began.
    #[cfg(Py_3_12)]
    has_begun: AtomicBool,
    /// What a call of it is to those who recognise tests.
    pub(super) test_frame: Option<TestFrame>,
    /// What this state is of, where contexts are tracked ([`contexts::stamp`]).
    stamp: AtomicU32,
    /// Which events have told all they can, where contexts are tracked.
    pub(super) told: Told,
    is_touched: AtomicBool,
    /// Whether events can tell nothing more, where the core sees lines only.
    has_told_all: AtomicBool,
    /// Line events that told nothing, where the core sees lines only.
    idle_events: AtomicU32,
    /// Whether its first line has no event any more once events were turned on again.
    loses_first_line: OnceLock<bool>,
}

impl CodeState {
    pub(super) fn new(code: &Bound<'_, PyAny>, file: u32, test_frame: Option<TestFrame>) -> PyResult<Self> {
        let (table, first_line) = line_table(code)?;
        let range = bytecode::line_range(table.as_bytes(), first_line);
        let index = LineIndex::of(range, table.as_bytes(), first_line);
        let flags = ffi::CO_FLAGS.number_of(code)?.cast_unsigned();
        let name = ffi::CO_NAME.of(code)?.cast_into::<PyString>()?;
        let seen = (0..index.len().div_ceil(64)).map(|_| AtomicU64::new(0)).collect();
        Ok(Self {
            file,
            index,
            first_line,
            #[cfg(Py_3_12)]
            last_line: range.and_then(|range| range.last),
            suspends: flags & SUSPENDING != 0,
            is_statement: bytecode::is_statement(&name.to_string_lossy()),
            flags,
            number: OnceLock::new(),
            traits: OnceLock::new(),
            flow: OnceLock::new(),
            raises_in_with: OnceLock::new(),
            seen,
            branches: OnceLock::new(),
            decisions: OnceLock::new(),
            sides: OnceLock::new(),
            steps: OnceLock::new(),
            #[cfg(Py_3_12)]
            line_watch: OnceLock::new(),
            #[cfg(Py_3_12)]
            has_begun: AtomicBool::new(false),
            test_frame,
            stamp: AtomicU32::new(0),
            told: Told::new(ffi::code_units(code)),
            is_touched: AtomicBool::new(false),
            has_told_all: AtomicBool::new(false),
            idle_events: AtomicU32::new(0),
            loses_first_line: OnceLock::new(),
        })
    }

    /// Whether its first line must be told by instructions where events were turned on again: that has no LINE event if it is
    /// the line of `RESUME`, too, unless the latter has an event itself (CPython 3.13–3.15, `Python/instrumentation.c`,
    /// `initialize_lines`).
    pub(super) fn loses_first_line(&self, code: &Bound<'_, PyAny>) -> PyResult<bool> {
        if let Some(known) = self.loses_first_line.get() {
            return Ok(*known);
        }
        let instructions = code.getattr(intern!(code.py(), "co_code"))?.cast_into::<PyBytes>()?;
        let (table, first_line) = line_table(code)?;
        let answer = bytecode::begins_on_line_of_entry(instructions.as_bytes(), table.as_bytes(), first_line);
        Ok(*self.loses_first_line.get_or_init(|| answer))
    }

    /// Whether instructions tell of lines, because events were turned on again.
    pub(super) fn has_lines_by_instructions(&self) -> bool {
        self.loses_first_line.get().copied().unwrap_or(false)
    }

    /// Whether an event that has told all it can is to be turned off, if it comes for the first time or once more `in_vain`.
    /// Then the code's events are turned on again at the next switch.
    pub(super) fn turns_off(&self, code: &Bound<'_, PyAny>, in_vain: bool) -> PyResult<bool> {
        if !contexts::are_tracked() {
            return Ok(true);
        }
        if in_vain {
            self.told.came_in_vain();
        }
        let is_off = self.told.is_worth_turning_off() && !contexts::are_mixed();
        if is_off {
            self.touch(code)?;
        }
        Ok(is_off)
    }

    /// Sees to it that the code's events are turned on again at the next switch, where contexts are tracked.
    pub(super) fn touch(&self, code: &Bound<'_, PyAny>) -> PyResult<()> {
        if contexts::are_tracked()
            && !self.is_touched.load(Ordering::Relaxed)
            && Interpreter::current(code.py()).is_main()
            && !self.is_touched.swap(true, Ordering::Relaxed)
        {
            let reference = PyWeakrefReference::new(code)?.unbind();
            let _pass = forks::pass();
            TOUCHED.lock().unwrap_or_else(PoisonError::into_inner).push(reference);
        }
        Ok(())
    }

    /// Sees to it that the state is of this thread's stamp, where contexts are tracked.
    #[inline]
    pub(super) fn renew(&self, py: Python<'_>, session: &Session) {
        if contexts::are_tracked() {
            self.renew_stamp(py, session);
        }
    }

    fn renew_stamp(&self, py: Python<'_>, session: &Session) {
        let stamp = contexts::stamp(py, session);
        if self.stamp.load(Ordering::Relaxed) != stamp {
            self.begin_anew();
            self.stamp.store(stamp, Ordering::Relaxed);
        }
    }

    /// Forgets what was seen.
    fn begin_anew(&self) {
        self.told.begin_anew();
        for word in &self.seen {
            word.store(0, Ordering::Relaxed);
        }
        if let Some(branches) = self.branches.get() {
            branches.begin_anew();
        }
        if let Some(Some(decisions)) = self.decisions.get() {
            decisions.begin_anew();
        }
        if let Some(sides) = self.sides.get() {
            sides.begin_anew();
        }
        if let Some(steps) = self.steps.get() {
            steps.begin_anew();
        }
    }

    /// Whether the step was not recorded before; marks it.
    pub(super) fn first_step(&self, from: LineNo, to: ArcEnd) -> bool {
        let Some(from) = self.index.of_line(from) else { return false };
        self.steps.get_or_init(|| Box::new(StepsSeen::new(self.index.len()))).mark(from, to)
    }

    /// Whether [`first_step`](Self::first_step) has marked the step.
    pub(super) fn knows_step(&self, from: LineNo, to: ArcEnd) -> bool {
        let (Some(from), Some(steps)) = (self.index.of_line(from), self.steps.get()) else { return false };
        steps.is_marked(from, to)
    }

    /// The end of an arc that leaves the code. A module begins at line 1 whatever stands there; older compilers say 0.
    pub(super) fn exit(&self) -> ArcEnd {
        -self.first_line.max(1)
    }

    /// Counts a line event that told nothing; tells whether the time has come to ask [`has_told_all`](Self::has_told_all):
    /// the less likely it becomes that more will be told, the less often.
    pub(super) fn is_worth_asking(&self) -> bool {
        let count = self.idle_events.load(Ordering::Relaxed).wrapping_add(1);
        self.idle_events.store(count, Ordering::Relaxed);
        (count >= FIRST_ASKED && count.is_power_of_two()) || self.has_told_all.load(Ordering::Relaxed)
    }

    /// Whether line and return events have told all they can, with steps between lines if these are asked for.
    pub(super) fn has_told_all(&self, flow: &ControlFlow, with_steps: bool) -> bool {
        if contexts::are_tracked() || self.test_frame.is_some() {
            return false;
        }
        if !self.has_told_all.load(Ordering::Relaxed) {
            let Some(tellable) = flow.tellable() else { return false };
            let knows = |line: LineNo| self.index.of_line(line).is_none_or(|index| self.has_seen(index));
            let told = tellable.lines.iter().all(|line| knows(*line))
                && (!with_steps
                    || tellable.steps.iter().all(|(from, to)| match to {
                        Some(to) => self.knows_step(*from, to.cast_signed()),
                        None => !self.is_statement || self.knows_step(*from, self.exit()),
                    }));
            self.has_told_all.store(told, Ordering::Relaxed);
        }
        self.has_told_all.load(Ordering::Relaxed)
    }

    /// Whether a frame may go on of which events could tell something, though none says that it does.
    pub(super) fn may_go_on_silently(&self) -> bool {
        self.suspends && !self.has_told_all.load(Ordering::Relaxed)
    }

    fn has_seen(&self, index: usize) -> bool {
        self.seen.get(index / 64).is_none_or(|word| word.load(Ordering::Relaxed) & (1 << (index % 64)) != 0)
    }

    /// Whether this was asked before.
    #[cfg(Py_3_12)]
    pub(super) fn has_begun(&self) -> bool {
        self.has_begun.swap(true, Ordering::Relaxed)
    }

    /// Whether `line` was recorded, or is none of the code's.
    #[cfg(Py_3_12)]
    pub(super) fn knows_line(&self, line: LineNo) -> bool {
        self.index.of_line(line).is_none_or(|index| self.has_seen(index))
    }

    /// What a glance at the opcodes tells.
    pub(super) fn traits(&self, code: &Bound<'_, PyAny>) -> PyResult<Traits> {
        if let Some(known) = self.traits.get() {
            return Ok(*known);
        }
        // `co_code` is a copy that is made when it is asked for, and kept.
        let units = ffi::units_in_memory(code);
        let traits = match Traits::in_memory(|unit| Some(units.get(unit)?[0].load(Ordering::Relaxed))) {
            Some(traits) if !units.is_empty() => traits,
            Some(_) | None => {
                let instructions = code.getattr(intern!(code.py(), "co_code"))?.cast_into::<PyBytes>()?;
                Traits::of(instructions.as_bytes())
            }
        };
        Ok(*self.traits.get_or_init(|| traits))
    }

    /// The code taken apart, at the first call.
    pub(super) fn flow(&self, code: &Bound<'_, PyAny>) -> PyResult<&ControlFlow> {
        if self.flow.get().is_none() {
            let _ = self.flow.set(Box::new(ControlFlow::new(&python::lone_shape(code)?)));
        }
        Ok(self.flow.get_or_init(|| Box::new(ControlFlow::new(&CodeShape::default()))))
    }

    /// Whether the exception of a `raise` statement comes to the end of a `with`; `flow` is the code taken apart, or `None` where
    /// it has no handlers.
    pub(super) fn raises_in_with<'a>(
        &self,
        flow: impl FnOnce() -> PyResult<Option<&'a ControlFlow>>,
    ) -> PyResult<bool> {
        if let Some(known) = self.raises_in_with.get() {
            return Ok(*known);
        }
        let answer = flow()?.is_some_and(ControlFlow::raises_in_with);
        Ok(*self.raises_in_with.get_or_init(|| answer))
    }

    /// Whether the code has a line in this range, as far as its first and last tell.
    pub(super) fn has_line_within(&self, first: LineNo, last: LineNo) -> bool {
        self.index.touches(first, last)
    }

    /// The line of the instruction at `offset`. Most code is left by its last instruction; for others, CPython goes through the
    /// location table from its beginning.
    #[cfg(Py_3_12)]
    pub(super) fn line_at(&self, code: &Bound<'_, PyAny>, offset: u32) -> Option<LineNo> {
        let last = ffi::code_units(code).checked_sub(1);
        if Some(offset as usize / 2) == last { self.last_line } else { ffi::line_at(code, offset) }
    }

    pub(super) fn file(&self) -> u32 {
        self.file
    }

    /// Whether `line` was not recorded before; marks it. A line outside the code's table counts as recorded.
    #[inline]
    pub(super) fn first_hit(&self, line: LineNo) -> bool {
        let Some(index) = self.index.of_line(line) else { return false };
        let bit = 1 << (index % 64);
        match self.seen.get(index / 64) {
            // A plain load first: the trace function of the settrace core comes by at every hit.
            Some(word) => {
                word.load(Ordering::Relaxed) & bit == 0 && word.fetch_or(bit, Ordering::Relaxed) & bit == 0
            }
            None => false,
        }
    }
}

/// Steps between lines by where they start. Nearly all lines have two ways on at most, so two stand ready; the rest
/// goes into a set.
struct StepsSeen {
    /// Two destinations a line, 0 for none.
    first_two: Box<[[AtomicI32; 2]]>,
    others: Mutex<HashSet<(usize, ArcEnd)>>,
}

impl StepsSeen {
    fn new(lines: usize) -> Self {
        let first_two = (0..lines).map(|_| [const { AtomicI32::new(0) }; 2]).collect();
        Self { first_two, others: Mutex::default() }
    }

    fn begin_anew(&self) {
        for place in self.first_two.iter().flatten() {
            place.store(0, Ordering::Relaxed);
        }
        let _pass = forks::pass();
        self.others.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn is_marked(&self, line: usize, to: ArcEnd) -> bool {
        let Some(places) = self.first_two.get(line) else { return false };
        if places.iter().any(|place| place.load(Ordering::Relaxed) == to) {
            return true;
        }
        let _pass = forks::pass();
        self.others.lock().unwrap_or_else(PoisonError::into_inner).contains(&(line, to))
    }

    /// Marks a step; tells whether it was new. A line outside the code's table has only old ones.
    fn mark(&self, line: usize, to: ArcEnd) -> bool {
        let Some(places) = self.first_two.get(line) else { return false };
        for place in places {
            let known = place.load(Ordering::Relaxed);
            if known == to {
                return false;
            }
            if known == 0 && place.compare_exchange(0, to, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
                return true;
            }
        }
        let _pass = forks::pass();
        self.others.lock().unwrap_or_else(PoisonError::into_inner).insert((line, to))
    }
}

/// `co_linetable` and `co_firstlineno`.
pub(super) fn line_table<'py>(code: &Bound<'py, PyAny>) -> PyResult<(Bound<'py, PyBytes>, i32)> {
    let table = ffi::CO_LINETABLE.of(code)?.cast_into::<PyBytes>()?;
    Ok((table, ffi::CO_FIRSTLINENO.number_of(code)?))
}

/// Numbers for the lines of a code object, without those nested in it, from 0 on.
enum LineIndex {
    /// Lines that follow one another: the first, and how many there are.
    Range(LineNo, usize),
    /// Lines far apart, as generated code may have them: in ascending order.
    Sparse(Box<[LineNo]>),
}

/// How many lines a range may have for each byte of the code's location table, of which every line takes one or more.
const LINES_PER_BYTE: usize = 4;

impl LineIndex {
    fn of(range: Option<LineRange>, table: &[u8], first_line: i32) -> Self {
        let Some(LineRange { least, greatest, .. }) = range else { return Self::Range(1, 0) };
        let length = (greatest.min(MAX_LINE) + 1).saturating_sub(least) as usize;
        if length <= table.len() * LINES_PER_BYTE {
            Self::Range(least, length)
        } else {
            let mut lines = bytecode::lines(table, first_line);
            lines.retain(|line| *line <= MAX_LINE);
            Self::Sparse(lines.into())
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::Range(_, length) => *length,
            Self::Sparse(lines) => lines.len(),
        }
    }

    /// Whether a line from `first` to `last` may be among them.
    fn touches(&self, first: LineNo, last: LineNo) -> bool {
        match self {
            Self::Range(own, length) => *own <= last && (first as usize) < *own as usize + length,
            Self::Sparse(lines) => {
                lines.get(lines.partition_point(|line| *line < first)).is_some_and(|line| *line <= last)
            }
        }
    }

    #[inline]
    fn of_line(&self, line: LineNo) -> Option<usize> {
        match self {
            Self::Range(first, length) => {
                Some(line.wrapping_sub(*first) as usize).filter(|index| index < length)
            }
            Self::Sparse(lines) => lines.binary_search(&line).ok(),
        }
    }
}

/// Takes a slot in all code objects of the running interpreter. Once for each, before its first event.
pub(super) fn reserve_slot(py: Python<'_>) -> Result<(), TraceError> {
    let slot = CodeSlot::request(py, free).ok_or(TraceError::NoCodeSlot)?;
    let interpreter = Interpreter::current(py);
    if interpreter.is_main() {
        let _ = SLOT.set((interpreter, slot));
    } else {
        let _pass = forks::pass();
        OTHER_SLOTS.lock().unwrap_or_else(PoisonError::into_inner).insert(interpreter, slot);
    }
    Ok(())
}

/// Whether [`reserve_slot`] was called for the running interpreter.
pub(super) fn has_slot(py: Python<'_>) -> bool {
    slot(py).is_some()
}

/// The slot in the code objects of the running interpreter; `None` where it is not measured.
#[inline]
fn slot(py: Python<'_>) -> Option<CodeSlot> {
    let interpreter = Interpreter::current(py);
    match SLOT.get() {
        Some((main, slot)) if *main == interpreter => Some(*slot),
        _ => other_slot(interpreter),
    }
}

#[cold]
fn other_slot(interpreter: Interpreter) -> Option<CodeSlot> {
    let _pass = forks::pass();
    OTHER_SLOTS.lock().unwrap_or_else(PoisonError::into_inner).get(&interpreter).copied()
}

/// Runs `body` while nobody else looks at slots, where that matters: free-threaded builds of CPython 3.13 and 3.14 move
/// the slots of a code object when a further one is set (`Objects/codeobject.c`, `PyUnstable_Code_SetExtra`).
fn while_alone<T>(body: impl FnOnce() -> T) -> T {
    #[cfg(Py_GIL_DISABLED)]
    let _pass = forks::pass();
    #[cfg(Py_GIL_DISABLED)]
    let _alone = FILLING.lock().unwrap_or_else(PoisonError::into_inner);
    body()
}

/// Called by CPython when a code object dies.
unsafe extern "C" fn free(pointer: *mut c_void) {
    // Where the process ends, its memory goes faster than it is given back piece by piece.
    if pointer.addr() > LAST_UNMEASURED && !ffi::is_finalizing() {
        // SAFETY: every other pointer in a slot came from `Box::into_raw` in `state_of`, and is freed once.
        drop(unsafe { Box::from_raw(pointer.cast::<CodeState>()) });
    }
}

/// What is known of `code`, asking the session at first sight. `None`: not measured.
///
/// The state lives as long as the code object, which `code` keeps alive.
#[inline]
pub(super) fn state_of<'a>(session: &Session, code: &'a Bound<'_, PyAny>) -> PyResult<Option<&'a CodeState>> {
    let Some(slot) = slot(code.py()) else { return Ok(None) };
    // SAFETY: `code` is a code object (every event names one), alive, and this thread is attached.
    let mut pointer = while_alone(|| unsafe { slot.get(code.as_ptr()) });
    if pointer.is_null() {
        pointer = look_at(session, slot, code)?;
    }
    if pointer.addr() <= LAST_UNMEASURED {
        return Ok(None);
    }
    // SAFETY: set above or earlier, and freed only when the code object dies.
    let state = unsafe { &*pointer.cast::<CodeState>() };
    state.renew(code.py(), session);
    Ok(Some(state))
}

/// Has the session judge a code object at first sight, and fills its slot; tells what stands there now.
#[inline(never)]
fn look_at(session: &Session, slot: CodeSlot, code: &Bound<'_, PyAny>) -> PyResult<*mut c_void> {
    let fresh = match session.admit(code)? {
        Admitted::Measured(state) => Box::into_raw(state).cast(),
        Admitted::Unmeasured(None) => UNMEASURED,
        Admitted::Unmeasured(Some(test_frame)) => {
            ptr::without_provenance_mut(UNMEASURED.addr() + 1 + test_frame as usize)
        }
    };
    Ok(fill(slot, code, fresh))
}

/// What a call of `code` is to those who recognise tests, once [`state_of`] has looked at it.
pub(super) fn test_frame_of(code: &Bound<'_, PyAny>) -> Option<TestFrame> {
    let slot = slot(code.py())?;
    // SAFETY: as in `state_of`.
    let pointer = while_alone(|| unsafe { slot.get(code.as_ptr()) });
    match pointer.addr() {
        address if address <= UNMEASURED.addr() => None,
        address if address <= LAST_UNMEASURED => TestFrame::ALL.get(address - UNMEASURED.addr() - 1).copied(),
        // SAFETY: as in `state_of`.
        _ => unsafe { &*pointer.cast::<CodeState>() }.test_frame,
    }
}

/// Whether events may tell anything of frames of `code`, as far as that is known yet.
///
/// # Safety
/// Attached, with a live code object of the main interpreter.
pub(super) unsafe fn may_tell(code: *mut raw::PyObject) -> bool {
    let Some((_, slot)) = SLOT.get() else { return true };
    // SAFETY: the caller vouches for it.
    let pointer = while_alone(|| unsafe { slot.get(code) });
    match pointer.addr() {
        0 => true,
        address if address == UNMEASURED.addr() => false,
        address if address <= LAST_UNMEASURED => true,
        _ => {
            // SAFETY: as in `state_of`.
            let state = unsafe { &*pointer.cast::<CodeState>() };
            !state.has_told_all.load(Ordering::Relaxed) || contexts::are_tracked()
        }
    }
}

/// Has the events of all code objects that had any since the last time turned on again.
pub(super) fn turn_on_again(py: Python<'_>, session: &Session) {
    let touched = {
        let _pass = forks::pass();
        std::mem::take(&mut *TOUCHED.lock().unwrap_or_else(PoisonError::into_inner))
    };
    let Some(slot) = slot(py) else { return };
    for code in touched.iter().filter_map(|reference| reference.bind(py).upgrade()) {
        // SAFETY: as in `state_of`.
        let pointer = while_alone(|| unsafe { slot.get(code.as_ptr()) });
        if pointer.addr() > LAST_UNMEASURED {
            // SAFETY: as in `state_of`.
            let state = unsafe { &*pointer.cast::<CodeState>() };
            state.is_touched.store(false, Ordering::Relaxed);
            session.turn_on_again(&code, state);
        }
    }
}

/// What is to become of a code object.
pub(super) enum Admitted {
    Measured(Box<CodeState>),
    Unmeasured(Option<TestFrame>),
}

/// Puts `fresh` into the slot of `code`, unless another thread was faster; tells what stands there now, null where the
/// slot takes nothing. Python code may run while a code object is admitted (the garbage collector's), and so may other
/// threads.
fn fill(slot: CodeSlot, code: &Bound<'_, PyAny>, fresh: *mut c_void) -> *mut c_void {
    let _pass = forks::pass();
    let _alone = FILLING.lock().unwrap_or_else(PoisonError::into_inner);
    // SAFETY: `code` is a code object, alive, and this thread is attached.
    let mut standing = unsafe { slot.get(code.as_ptr()) };
    if standing.is_null() {
        // SAFETY: as above; the pointer is what `free` expects.
        if unsafe { slot.set(code.as_ptr(), fresh) } {
            return fresh;
        }
        standing = ptr::null_mut();
    }
    // SAFETY: the slot did not take the pointer, so it is still ours.
    unsafe { free(fresh) };
    standing
}
