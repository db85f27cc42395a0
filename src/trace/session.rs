//! What one measured process measures, and where the observations go.
//!
//! Must not know: how events arrive. Invariant: once trouble is noted, nothing more is recorded and nothing fails.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use pyo3::exceptions::{PyMemoryError, PyRecursionError, PyValueError};
use pyo3::intern;
use pyo3::panic::PanicException;
use pyo3::prelude::*;
use pyo3::types::PyString;

use super::code::{Admitted, CodeState};
use super::decisions::FileDecisions;
use super::test_frames::TestFrame;
use super::{Core, contexts, forks};
use crate::bytecode;
use crate::model::{
    ArcEnd, BranchDetail, CodeShape, DynamicContexts, Edge, FileStamp, Journal, JournalError, LineArc,
    LineNo, Place, Use, Vector,
};
use crate::paths::{Selection, canonical, read_source, source_metadata};
use crate::python::ffi;
use crate::source;

static SESSION: OnceLock<Session> = OnceLock::new();

/// A file whose time of change is not older may change again without a change to it: clocks of file systems tick as slowly
/// as every two seconds.
const RECENT: Duration = Duration::from_secs(2);

/// Bytes of the longest text that is hashed while the program runs.
const LARGEST_TEXT: u64 = 16 << 20;

/// The measuring of this process.
pub(crate) struct Session {
    selection: Selection,
    /// How closely branches are watched, if they are.
    pub(super) branches: Option<BranchDetail>,
    /// Whether evaluations of decisions are recorded.
    pub(super) vectors: bool,
    /// How contexts follow the program.
    pub(super) dynamic: DynamicContexts,
    restart: fn(Python<'_>) -> PyResult<()>,
    turn_on_again: fn(&Bound<'_, PyAny>, &CodeState),
    /// Whether the core tells of branches by offsets; else it tells of steps between lines.
    pub(super) core_has_offsets: bool,
    journal: Arc<dyn Journal>,
    /// By `co_filename`: the file's number in the journal, or `None` where it is not measured.
    files: Mutex<HashMap<OsString, Option<u32>>>,
    /// By the file's number in the journal.
    pub(super) decision_files: Mutex<HashMap<u32, Option<Arc<FileDecisions>>>>,
    /// The source packages of which a module ran.
    imported_packages: Mutex<BTreeSet<String>>,
    /// Files that would be measured if their names were text.
    unnameable: Mutex<BTreeSet<PathBuf>>,
    quiet: AtomicBool,
    /// The first reason to go quiet, and the process that had it.
    trouble: OnceLock<(u32, String)>,
}

/// Sets the session of this process. There is one at most; a second call changes nothing.
pub(crate) fn begin(
    selection: Selection,
    branches: Option<BranchDetail>,
    dynamic: DynamicContexts,
    core: &Core,
    journal: Arc<dyn Journal>,
) {
    let _ = SESSION.set(Session {
        selection,
        branches,
        vectors: branches == Some(BranchDetail::Sides),
        dynamic,
        restart: core.restart,
        turn_on_again: core.turn_on_again,
        core_has_offsets: core.has_offsets,
        journal,
        files: Mutex::default(),
        decision_files: Mutex::default(),
        imported_packages: Mutex::default(),
        unnameable: Mutex::default(),
        quiet: AtomicBool::new(false),
        trouble: OnceLock::new(),
    });
    if dynamic != DynamicContexts::None {
        contexts::track();
    }
    forks::watch();
}

/// The session, unless it never began or has gone quiet.
pub(crate) fn active() -> Option<&'static Session> {
    SESSION.get().filter(|session| !session.quiet.load(Ordering::Relaxed))
}

/// From now on a panic under the tracer is noted instead of printed: the measured program's standard error is its own.
pub(crate) fn record_trouble_from_panics() {
    panic::set_hook(Box::new(|panic| {
        if let Some(session) = SESSION.get() {
            session.go_quiet(&panic.to_string());
        }
    }));
}

impl Session {
    /// What went wrong in this process, if anything did.
    pub(crate) fn trouble() -> Option<&'static str> {
        let (process, reason) = SESSION.get()?.trouble.get()?;
        (*process == process::id()).then_some(reason)
    }

    /// Whether this process must leave alone whatever a lock guards: it was forked while another thread may have held it.
    pub(crate) fn is_broken() -> bool {
        forks::is_broken()
    }

    /// Files that were not measured because no data file can hold their names.
    pub(crate) fn unnameable_files() -> BTreeSet<PathBuf> {
        SESSION.get().map(|session| locked(&session.unnameable).clone()).unwrap_or_default()
    }

    /// Called in a child process right after a fork.
    pub(super) fn forked() {
        if let Some(session) = SESSION.get() {
            session.journal.forked();
            contexts::forked();
        }
    }

    /// Called in a child process whose locks may never open again.
    pub(super) fn forked_in_the_middle() {
        if let Some(session) = SESSION.get() {
            session.quiet.store(true, Ordering::Relaxed);
        }
    }

    /// Ends measuring for good; the first reason is kept for the end of the run.
    pub(super) fn go_quiet(&self, reason: &str) {
        self.quiet.store(true, Ordering::Relaxed);
        let _ = self.trouble.set((process::id(), reason.to_owned()));
    }

    /// Notes that `line` of the code's file ran; tells whether that was news.
    #[inline]
    pub(super) fn record_line(&self, code: &CodeState, line: LineNo) -> bool {
        let is_new = code.first_hit(line);
        if is_new {
            self.keep(|journal| journal.line(code.file(), line));
        }
        is_new
    }

    /// States a code object; `None` once nothing is recorded any more.
    pub(super) fn record_code(&self, state: &CodeState, shape: CodeShape) -> Option<u32> {
        self.keep(|journal| journal.code(state.file(), shape))
    }

    pub(super) fn record_edge(&self, code: u32, edge: Edge) {
        self.keep(|journal| journal.edge(code, edge));
    }

    pub(super) fn record_vector(&self, file: u32, place: Place, vector: &Vector) {
        self.keep(|journal| journal.vector(file, place, vector));
    }

    /// Notes that control went from line `from` (0 for none yet) to `to`.
    pub(super) fn record_step(&self, code: &CodeState, from: LineNo, to: ArcEnd) {
        if from != 0 && code.first_step(from, to) {
            self.keep(|journal| journal.arc(code.file(), LineArc::new(from.cast_signed(), to)));
        }
    }

    /// Notes that a function, class or module was left with a value from `line`, the first time at that place.
    pub(super) fn record_exit(&self, code: &CodeState, line: LineNo) {
        // Leaving an expression's code is not leaving the function of one line that it may stand in.
        if code.is_statement {
            self.keep(|journal| journal.arc(code.file(), LineArc::new(line.cast_signed(), code.exit())));
        }
    }

    /// The journal's number for a context.
    pub(super) fn number_of_context(&self, label: &str) -> u32 {
        self.journal.context(label)
    }

    /// Notes what was used besides code.
    pub(super) fn record_use(&self, used: &Use) {
        self.keep(|journal| journal.used(used));
    }

    /// Notes that what another context has set up was used.
    pub(super) fn record_inheritance(&self, context: u32) {
        self.keep(|journal| journal.inherited(context));
    }

    /// From now on what this thread records belongs to another context.
    pub(super) fn enter(&self, context: u32) {
        self.journal.enter(context);
    }

    /// From now on contexts may change: what was turned off until now may be told once more.
    pub(super) fn begin_tracking(&self, py: Python<'_>) -> PyResult<()> {
        contexts::track();
        (self.restart)(py)
    }

    /// Has events of a code object that were turned off turned on again.
    pub(super) fn turn_on_again(&self, code: &Bound<'_, PyAny>, state: &CodeState) {
        (self.turn_on_again)(code, state);
    }

    /// The result of a record, or nothing more of any kind.
    #[inline]
    fn keep<T>(&self, record: impl FnOnce(&dyn Journal) -> Result<T, JournalError>) -> Option<T> {
        let _pass = forks::pass();
        record(&*self.journal).map_err(|error| self.give_up(&error)).ok()
    }

    #[cold]
    fn give_up(&self, error: &JournalError) {
        self.go_quiet(&error.to_string());
    }

    /// What is to become of a code object that is seen for the first time.
    ///
    /// Must be called while a frame of that code is the current one, because that is where its module's name stands.
    pub(super) fn admit(&self, code: &Bound<'_, PyAny>) -> PyResult<Admitted> {
        let name = ffi::CO_NAME.of(code)?;
        if name.cast::<PyString>().is_ok_and(|name| name.to_string_lossy() == bytecode::DEFERRED_ANNOTATIONS)
        {
            return Ok(Admitted::Unmeasured(None));
        }
        let filename = ffi::CO_FILENAME.of(code)?.cast_into::<PyString>()?;
        let test_frame = TestFrame::of(code, &filename, self.dynamic)?;
        let Some(file) = self.file_number(&filename)? else { return Ok(Admitted::Unmeasured(test_frame)) };
        let state = Box::new(CodeState::new(code, file, test_frame)?);
        if self.branches.is_some() && self.core_has_offsets {
            self.state_at_once(&state, code)?;
        }
        Ok(Admitted::Measured(state))
    }

    /// The journal's number for a `co_filename`, or `None` where the file is not measured.
    fn file_number(&self, filename: &Bound<'_, PyString>) -> PyResult<Option<u32>> {
        // A name that is no text (PEP 383) is told from others by its bytes.
        let key = match filename.to_str() {
            Ok(text) => Cow::Borrowed(OsStr::new(text)),
            Err(_) => Cow::Owned(filename.extract::<OsString>()?),
        };
        {
            let _pass = forks::pass();
            if let Some(known) = locked(&self.files).get(&*key) {
                return Ok(*known);
            }
        }
        let number = self.judge_file(filename.py(), Path::new(&key));
        let _pass = forks::pass();
        // Another thread may have been faster: then its number stands.
        Ok(*locked(&self.files).entry(key.into_owned()).or_insert(number))
    }

    fn judge_file(&self, py: Python<'_>, name: &Path) -> Option<u32> {
        // `<string>`, `<frozen importlib._bootstrap>` and their like have no file.
        let bytes = name.as_os_str().as_bytes();
        if bytes.is_empty()
            || bytes.starts_with(b"<")
            || self.selection.refuses_by_name(&name.to_string_lossy())
        {
            return None;
        }
        let path = canonical(name);
        let metadata = source_metadata(&path).ok()?;
        let module = if self.selection.asks_for_module() { current_module(py, &path) } else { None };
        if let Some(package) = module.as_deref().and_then(|module| self.selection.source_package_of(module)) {
            let is_new = {
                let _pass = forks::pass();
                locked(&self.imported_packages).insert(package.to_owned())
            };
            if is_new {
                self.keep(|journal| journal.package(package));
            }
        }
        if !metadata.is_file() || !self.selection.measures(&path, module.as_deref()) {
            return None;
        }
        if path.to_str().is_none() {
            let _pass = forks::pass();
            locked(&self.unnameable).insert(path);
            return None;
        }
        let modified = metadata.mtime().saturating_mul(1_000_000_000).saturating_add(metadata.mtime_nsec());
        let age = metadata.modified().ok().and_then(|time| time.elapsed().ok());
        // What is empty or huge is no source text that anybody runs, whatever calls itself so (`/proc`).
        let is_text = (1..=LARGEST_TEXT).contains(&metadata.len());
        let text = if is_text && age.is_none_or(|age| age < RECENT) { read_source(&path).ok() } else { None };
        let text = text.map(|text| source::hash(&text));
        self.keep(|journal| journal.file(&path, FileStamp { modified, size: metadata.len(), text }))
    }
}

/// What a lock guards, also after a panic under it: every use is a single step.
fn locked<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The name of the module whose code is running; of the main program, the name it was found by, or that of its file.
fn current_module(py: Python<'_>, path: &Path) -> Option<String> {
    let globals = ffi::current_globals(py)?;
    let name = globals.get_item(intern!(py, "__name__")).and_then(|name| name.extract::<String>()).ok();
    if name.as_deref() != Some("__main__") {
        return name;
    }
    let spec = globals.get_item(intern!(py, "__spec__")).ok().filter(|spec| !spec.is_none());
    spec.and_then(|spec| spec.getattr(intern!(py, "name")).ok()?.extract().ok())
        .or_else(|| path.file_stem().map(|stem| stem.to_string_lossy().into_owned()))
}

/// Runs the body of a callback: a panic is noted (by the hook of [`record_trouble_from_panics`]) and goes no further,
/// and so does a Python error. Where the program has used up its stack or memory, `later` is the answer: the next event
/// may find room again. After anything else it is `never`.
pub(super) fn guard<T>(
    py: Python<'_>,
    session: &Session,
    [later, never]: [T; 2],
    body: impl FnOnce() -> PyResult<T>,
) -> T {
    match panic::catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(value)) => value,
        Ok(Err(error)) if is_passing(py, &error) => later,
        Ok(Err(error)) => {
            session.go_quiet(&error.to_string());
            never
        }
        Err(_) => never,
    }
}

/// Whether an error says nothing of minicov: stack or memory used up, or a callback called by the program itself.
fn is_passing(py: Python<'_>, error: &PyErr) -> bool {
    error.is_instance_of::<PyRecursionError>(py)
        || error.is_instance_of::<PyMemoryError>(py)
        || error.is_instance_of::<PyValueError>(py)
}

/// Makes the Python types that error handling needs while there is room for them: at the recursion limit, making one would
/// raise again, and pyo3 would wait for itself for ever.
pub(super) fn prepare_for_errors(py: Python<'_>) {
    let _ = py.get_type::<PanicException>();
}
