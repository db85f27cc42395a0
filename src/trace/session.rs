//! What one measured process measures, and where the observations go.
//!
//! Must not know: how events arrive. Invariant: once trouble is noted, nothing more is recorded and nothing fails.

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use pyo3::exceptions::{PyMemoryError, PyRecursionError, PyValueError};
use pyo3::intern;
use pyo3::panic::PanicException;
use pyo3::prelude::*;
use pyo3::types::PyString;

use super::Core;
use super::code::CodeState;
use super::decisions::FileDecisions;
use crate::model::{
    ArcEnd, CodeShape, Edge, FileStamp, Journal, JournalError, LineArc, LineNo, Place, Vector,
};
use crate::paths::{Selection, canonical};
use crate::python::ffi;

static SESSION: OnceLock<Session> = OnceLock::new();

/// What is recorded besides lines.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Events {
    /// Steps between lines, or edges.
    pub(crate) branches: bool,
    /// Evaluations of decisions, and every edge.
    pub(crate) vectors: bool,
}

/// The measuring of this process.
pub(crate) struct Session {
    selection: Selection,
    /// Whether steps between lines are recorded.
    pub(super) branches: bool,
    /// Whether evaluations of decisions are recorded, and every edge.
    pub(super) vectors: bool,
    /// Whether the core tells of branches by offsets; else it tells of steps between lines.
    core_has_offsets: bool,
    journal: Arc<dyn Journal>,
    /// By `co_filename`: the file's number in the journal, or `None` where it is not measured.
    files: Mutex<HashMap<String, Option<u32>>>,
    /// By the file's number in the journal.
    pub(super) decision_files: Mutex<HashMap<u32, Option<Arc<FileDecisions>>>>,
    /// The source packages of which a module ran.
    imported_packages: Mutex<BTreeSet<String>>,
    quiet: AtomicBool,
    trouble: Mutex<Option<String>>,
}

/// Sets the session of this process. There is one at most; a second call changes nothing.
pub(crate) fn begin(selection: Selection, events: Events, core: &Core, journal: Arc<dyn Journal>) {
    let _ = SESSION.set(Session {
        selection,
        branches: events.branches,
        vectors: events.vectors,
        core_has_offsets: core.has_offsets,
        journal,
        files: Mutex::default(),
        decision_files: Mutex::default(),
        imported_packages: Mutex::default(),
        quiet: AtomicBool::new(false),
        trouble: Mutex::default(),
    });
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
    /// What went wrong, if anything did.
    pub(crate) fn trouble() -> Option<String> {
        let session = SESSION.get()?;
        session.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The source packages of which a module ran.
    pub(crate) fn imported_packages() -> BTreeSet<String> {
        SESSION
            .get()
            .map(|session| session.imported_packages.lock().unwrap_or_else(PoisonError::into_inner).clone())
            .unwrap_or_default()
    }

    /// Ends measuring for good; the first reason is kept for the end of the run.
    pub(super) fn go_quiet(&self, reason: &str) {
        self.quiet.store(true, Ordering::Relaxed);
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(|| reason.to_owned());
    }

    /// Notes that `line` of the code's file ran.
    pub(super) fn record_line(&self, code: &CodeState, line: LineNo) {
        if code.first_hit(line) {
            self.kept(self.journal.line(code.file(), line));
        }
    }

    /// States a code object; `None` once nothing is recorded any more.
    pub(super) fn record_code(&self, state: &CodeState, shape: &CodeShape) -> Option<u32> {
        self.kept(self.journal.code(state.file(), shape))
    }

    pub(super) fn record_edge(&self, code: u32, edge: Edge) {
        self.kept(self.journal.edge(code, edge));
    }

    pub(super) fn record_vector(&self, file: u32, place: Place, vector: &Vector) {
        self.kept(self.journal.vector(file, place, vector));
    }

    /// Notes that control went from line `from` (0 for none yet) to `to`.
    pub(super) fn record_step(&self, code: &CodeState, from: LineNo, to: ArcEnd) {
        if from != 0 && code.first_step(from, to) {
            self.kept(self.journal.arc(code.file(), LineArc::new(from.cast_signed(), to)));
        }
    }

    /// Notes that a function, class or module was left with a value from `line`, the first time at that place.
    pub(super) fn record_exit(&self, code: &CodeState, line: LineNo) {
        // Leaving an expression's code is not leaving the function of one line that it may stand in.
        if code.is_statement {
            self.kept(self.journal.arc(code.file(), LineArc::new(line.cast_signed(), code.exit())));
        }
    }

    /// The result of a record, or nothing more of any kind.
    fn kept<T>(&self, result: Result<T, JournalError>) -> Option<T> {
        result.map_err(|error| self.go_quiet(&error.to_string())).ok()
    }

    /// The state for a code object that is seen for the first time; `None` where it is not measured.
    ///
    /// Must be called while a frame of that code is the current one, because that is where its module's name stands.
    pub(super) fn admit(&self, code: &Bound<'_, PyAny>) -> PyResult<Option<CodeState>> {
        let py = code.py();
        let name = code.getattr(intern!(py, "co_name"))?;
        if name.cast::<PyString>().is_ok_and(|name| name.to_string_lossy() == "__annotate__") {
            return Ok(None);
        }
        let filename = code.getattr(intern!(py, "co_filename"))?.cast_into::<PyString>()?;
        let Some(file) = self.file_number(&filename)? else { return Ok(None) };
        let mut state = CodeState::new(code, file)?;
        if self.branches && self.core_has_offsets {
            self.state_at_once(&mut state, code)?;
        }
        Ok(Some(state))
    }

    /// The journal's number for a `co_filename`, or `None` where the file is not measured.
    fn file_number(&self, filename: &Bound<'_, PyString>) -> PyResult<Option<u32>> {
        let key = filename.to_string_lossy();
        if let Some(known) = self.files.lock().unwrap_or_else(PoisonError::into_inner).get(key.as_ref()) {
            return Ok(*known);
        }
        let number = self.judge_file(filename, &key)?;
        self.files.lock().unwrap_or_else(PoisonError::into_inner).insert(key.into_owned(), number);
        Ok(number)
    }

    fn judge_file(&self, filename: &Bound<'_, PyString>, text: &str) -> PyResult<Option<u32>> {
        // `<string>`, `<frozen importlib._bootstrap>` and their like have no file.
        if text.is_empty() || text.starts_with('<') || self.selection.refuses_by_name(text) {
            return Ok(None);
        }
        let path = canonical(&filename.extract::<PathBuf>()?);
        let Ok(metadata) = fs::metadata(&path) else { return Ok(None) };
        let module =
            if self.selection.asks_for_module() { current_module(filename.py(), &path) } else { None };
        if let Some(package) = module.as_deref().and_then(|module| self.selection.source_package_of(module)) {
            let mut imported = self.imported_packages.lock().unwrap_or_else(PoisonError::into_inner);
            imported.insert(package.to_owned());
        }
        if !metadata.is_file() || !self.selection.measures(&path, module.as_deref()) {
            return Ok(None);
        }
        let modified = metadata.mtime().saturating_mul(1_000_000_000).saturating_add(metadata.mtime_nsec());
        let stamp = FileStamp { modified, size: metadata.len() };
        Ok(self.kept(self.journal.file(&path, stamp)))
    }
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
