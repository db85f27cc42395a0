//! What tests use besides code: files they open, folders they list, programs they start, environment variables they read, and
//! what other tests have set up for them. Also how tests end. Noted only where contexts follow tests.
//!
//! Most of it are audit events (PEP 578); the rest are calls of functions that tell by their local variables, recognised as
//! those of tests are (`test_frames`). What the interpreter, pytest and their like do for themselves does not count.
//!
//! Must not know: what depends on it. Invariant: nothing of the program runs because of a note, and nothing is raised or
//! refused.
#![expect(unsafe_code, reason = "audit hooks are raw C functions, and frames are walked")]

use std::collections::{HashMap, HashSet};
use std::ffi::{CStr, OsStr, c_char, c_int, c_void};
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::unix::ffi::OsStrExt;
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::SystemTime;

use pyo3::ffi as raw;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString, PyTuple, PyType};

use super::session::{Session, active};
use super::{TraceError, contexts, forks};
use crate::model::{NO_CONTEXT, Use};
use crate::python::ffi;

unsafe extern "C" {
    fn PySys_AddAuditHook(
        hook: unsafe extern "C" fn(*const c_char, *mut raw::PyObject, *mut c_void) -> c_int,
        data: *mut c_void,
    ) -> c_int;
}

/// How many frames are looked at to learn who does something.
const DEPTH: usize = 60;

/// `O_ACCMODE` and `O_WRONLY` (Linux `fcntl.h`).
const ACCESS_MODE: i64 = 3;
const WRITE_ONLY: i64 = 1;

/// Parts of paths that belong to tools, whose files come and go.
const PASSED_OVER: [&str; 3] = ["__pycache__", ".git", ".hypothesis"];

/// Folders of files that are no data.
const NO_DATA: [&str; 3] = ["/proc", "/dev", "/sys"];

/// Packages that run tests.
const RUNNERS: [&str; 5] = [
    "site-packages/_pytest/",
    "site-packages/pytest/",
    "site-packages/pluggy/",
    "site-packages/xdist/",
    "site-packages/execnet/",
];

/// What is known from the start.
struct Watch {
    /// Where the project is.
    folder: PathBuf,
    /// The standard library, and what is installed beside it: their own files are told by versions.
    libraries: Vec<PathBuf>,
    begun: SystemTime,
    /// Whose code files are, by their names, as far as it was asked for.
    doers: Mutex<HashMap<String, Doer>>,
}

static WATCH: OnceLock<Watch> = OnceLock::new();

/// What was noted, by context.
static NOTED: Mutex<Option<HashSet<(u32, u64)>>> = Mutex::new(None);

/// The context in which something was set up for several tests.
static SET_UP: Mutex<Option<HashMap<SetUp, u32>>> = Mutex::new(None);

/// What is set up for several tests.
#[derive(Clone, PartialEq, Eq, Hash)]
enum SetUp {
    /// A fixture, by its definition's address: pytest keeps definitions to its end.
    Fixture(usize),
    /// A class of unittest, by its address.
    Class(usize),
    /// A module of unittest, by its name.
    Module(String),
}

/// From now on uses are noted. There is no way back (PEP 578).
pub(crate) fn watch(py: Python<'_>, folder: &Path, prefixes: &[PathBuf]) -> Result<(), TraceError> {
    let libraries =
        prefixes.iter().flat_map(|prefix| ["lib", "lib64"].map(|name| prefix.join(name))).collect();
    if WATCH
        .set(Watch {
            folder: folder.to_path_buf(),
            libraries,
            begun: SystemTime::now(),
            doers: Mutex::default(),
        })
        .is_err()
    {
        return Ok(());
    }
    // SAFETY: attached; the hook is a function of this program.
    if unsafe { PySys_AddAuditHook(hear, std::ptr::null_mut()) } != 0 {
        return Err(PyErr::fetch(py).into());
    }
    Ok(())
}

unsafe extern "C" fn hear(event: *const c_char, arguments: *mut raw::PyObject, _: *mut c_void) -> c_int {
    // SAFETY: the name of an audit event is a C string.
    let event = unsafe { CStr::from_ptr(event) }.to_bytes();
    let note: fn(&Watch, &Bound<'_, PyTuple>) -> Vec<Use> = match event {
        b"open" => opened,
        b"os.listdir" | b"os.scandir" => listed,
        b"sqlite3.connect" | b"ctypes.dlopen" => connected,
        b"subprocess.Popen" => started,
        b"os.system" => commanded,
        b"os.posix_spawn" | b"os.exec" => executed,
        _ => return 0,
    };
    let (Some(session), Some(watch)) = (active(), WATCH.get()) else { return 0 };
    // A panic has been noted by the session's hook.
    let _ = panic::catch_unwind(AssertUnwindSafe(|| {
        // SAFETY: an audit hook is called attached.
        let py = unsafe { Python::assume_attached() };
        // SAFETY: the arguments are a tuple, borrowed for the call.
        let arguments = unsafe { Bound::from_borrowed_ptr(py, arguments) };
        let Ok(arguments) = arguments.cast_into::<PyTuple>() else { return };
        let uses = note(watch, &arguments);
        if !uses.is_empty() && is_the_programs(py, watch) {
            for used in &uses {
                keep(session, used);
            }
        }
    }));
    0
}

/// Notes a use once for each context.
fn keep(session: &Session, used: &Use) {
    let mut hasher = DefaultHasher::new();
    used.hash(&mut hasher);
    let key = (contexts::place().context, hasher.finish());
    let is_new = {
        let _pass = forks::pass();
        let mut noted = NOTED.lock().unwrap_or_else(PoisonError::into_inner);
        noted.get_or_insert_default().insert(key)
    };
    if is_new {
        session.record_use(used);
    }
}

/// ("open", path, mode, flags): read from, perhaps.
fn opened(watch: &Watch, arguments: &Bound<'_, PyTuple>) -> Vec<Use> {
    let mode = arguments
        .get_item(1)
        .ok()
        .and_then(|mode| Some(mode.cast_into::<PyString>().ok()?.to_string_lossy().into_owned()));
    let flags = arguments.get_item(2).ok().and_then(|flags| flags.extract::<i64>().ok()).unwrap_or_default();
    let is_read = match mode {
        Some(mode) => mode.contains('r') || mode.contains('+'),
        None => flags & ACCESS_MODE != WRITE_ONLY,
    };
    if is_read {
        first_path(arguments).and_then(|path| watch.file(&path)).into_iter().collect()
    } else {
        Vec::new()
    }
}

fn connected(watch: &Watch, arguments: &Bound<'_, PyTuple>) -> Vec<Use> {
    let path =
        first_path(arguments).filter(|path| path.as_os_str().as_bytes().contains(&b'/') || path.exists());
    path.and_then(|path| watch.file(&path)).into_iter().collect()
}

fn listed(watch: &Watch, arguments: &Bound<'_, PyTuple>) -> Vec<Use> {
    let path = first_path(arguments).unwrap_or_else(|| PathBuf::from("."));
    watch.listed(&path).into_iter().collect()
}

/// ("subprocess.Popen", executable, arguments, folder, environment)
fn started(watch: &Watch, arguments: &Bound<'_, PyTuple>) -> Vec<Use> {
    let program = first_path(arguments);
    let words = arguments.get_item(1).ok().map(|words| paths(&words)).unwrap_or_default();
    watch.program(program, &words)
}

/// (event, path, arguments, environment)
fn executed(watch: &Watch, arguments: &Bound<'_, PyTuple>) -> Vec<Use> {
    started(watch, arguments)
}

/// ("os.system", command)
fn commanded(watch: &Watch, arguments: &Bound<'_, PyTuple>) -> Vec<Use> {
    let command = first_path(arguments).unwrap_or_default();
    let words = command.to_string_lossy().split_whitespace().map(PathBuf::from).collect::<Vec<_>>();
    watch.program(words.first().cloned(), &words)
}

fn first_path(arguments: &Bound<'_, PyTuple>) -> Option<PathBuf> {
    path(&arguments.get_item(0).ok()?)
}

/// A text or bytes; anything else would have to be asked.
fn path(object: &Bound<'_, PyAny>) -> Option<PathBuf> {
    if let Ok(bytes) = object.cast::<PyBytes>() {
        return Some(PathBuf::from(OsStr::from_bytes(bytes.as_bytes())));
    }
    let text = object.cast::<PyString>().ok()?;
    Some(PathBuf::from(text.to_str().ok()?))
}

fn paths(words: &Bound<'_, PyAny>) -> Vec<PathBuf> {
    if let Ok(words) = words.cast::<PyTuple>() {
        return words.iter().filter_map(|word| path(&word)).collect();
    }
    match words.cast::<pyo3::types::PyList>() {
        Ok(words) => words.iter().filter_map(|word| path(&word)).collect(),
        Err(_) => path(words).into_iter().collect(),
    }
}

impl Watch {
    /// An absolute path, if what is there can be data.
    fn data(&self, path: &Path) -> Option<PathBuf> {
        let path = std::path::absolute(path).ok()?;
        let is_passing = path.iter().any(|part| {
            let bytes = part.as_bytes();
            PASSED_OVER.iter().any(|name| part == *name)
                || bytes.starts_with(b".coverage")
                || (bytes.starts_with(b".") && bytes.ends_with(b"_cache"))
        });
        let is_no_data = NO_DATA.iter().any(|folder| path.starts_with(folder));
        let is_installed = self.libraries.iter().any(|folder| path.starts_with(folder));
        (!is_passing && !is_no_data && !is_installed).then_some(path)
    }

    /// Whether something was made since the run began: by the program, that is.
    fn is_young(&self, metadata: &fs::Metadata) -> bool {
        match (metadata.created(), metadata.modified()) {
            (Ok(created), _) => created >= self.begun,
            (Err(_), Ok(modified)) => modified >= self.begun,
            (Err(_), Err(_)) => false,
        }
    }

    fn file(&self, path: &Path) -> Option<Use> {
        let path = self.data(path)?;
        if path.extension().is_some_and(|extension| extension == "pyc") {
            return None;
        }
        let counts = match fs::metadata(&path) {
            Ok(metadata) => metadata.is_file() && !self.is_young(&metadata),
            // It may come to be there.
            Err(_) => {
                path.starts_with(&self.folder)
                    && path.parent().is_some_and(|parent| {
                        fs::metadata(parent).is_ok_and(|metadata| !self.is_young(&metadata))
                    })
            }
        };
        if counts { Some(Use::Opened(path.to_str()?.to_owned())) } else { None }
    }

    fn listed(&self, path: &Path) -> Option<Use> {
        let path = self.data(path)?;
        let is_old = fs::metadata(&path).is_ok_and(|metadata| !self.is_young(&metadata));
        if is_old && path.starts_with(&self.folder) {
            Some(Use::Listed(path.to_str()?.to_owned()))
        } else {
            None
        }
    }

    /// A program that is started, and the files among its arguments.
    fn program(&self, program: Option<PathBuf>, words: &[PathBuf]) -> Vec<Use> {
        let mut uses: Vec<Use> = Vec::new();
        let program = program.or_else(|| words.first().cloned());
        if let Some(path) = program.filter(|path| path.is_absolute() || path.components().count() > 1)
            && let Some(Use::Opened(path)) = self.file(&path)
        {
            uses.push(Use::Started(path));
        }
        let files = words.iter().skip(1).filter(|word| word.is_file());
        uses.extend(files.filter_map(|word| self.file(word)));
        uses
    }
}

/// Whether the program does what is being done, and not the interpreter's import or a runner of tests for itself: a frame
/// of code that is neither the standard library's nor a runner's is on the stack, and none of an import before it.
fn is_the_programs(py: Python<'_>, watch: &Watch) -> bool {
    // SAFETY: attached; a borrowed reference or null.
    let mut frame = unsafe { raw::PyEval_GetFrame() };
    // SAFETY: attached; null is fine.
    let mut held = unsafe { Bound::from_borrowed_ptr_or_opt(py, frame.cast::<raw::PyObject>()) };
    for _ in 0..DEPTH {
        if held.is_none() {
            return false;
        }
        // SAFETY: the frame is alive; a new reference, never null.
        let code = unsafe { raw::PyFrame_GetCode(frame) };
        // SAFETY: as stated.
        let code = unsafe { Bound::from_owned_ptr(py, code.cast::<raw::PyObject>()) };
        let file = ffi::plain_attribute(&code, c"co_filename");
        let Some(file) = file.and_then(|file| file.cast_into::<PyString>().ok()) else { return true };
        match watch.doer(&file.to_string_lossy()) {
            Doer::Import => return false,
            Doer::Program => return true,
            Doer::Library => {}
        }
        // SAFETY: the frame is alive; a new reference or null.
        frame = unsafe { raw::PyFrame_GetBack(frame) };
        // SAFETY: as stated.
        held = unsafe { Bound::from_owned_ptr_or_opt(py, frame.cast::<raw::PyObject>()) };
    }
    true
}

/// Whose code a file is.
#[derive(Clone, Copy)]
enum Doer {
    /// The import system's.
    Import,
    /// The standard library's or a runner's.
    Library,
    Program,
}

impl Watch {
    /// Whose code the file of this name is.
    fn doer(&self, file: &str) -> Doer {
        // Names that are made up (`<string>`, `<attrs generated …>`) may be ever new ones.
        if file.starts_with('<') {
            let is_import = file.starts_with("<frozen importlib");
            return if is_import { Doer::Import } else { Doer::Library };
        }
        let _pass = forks::pass();
        let mut doers = self.doers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = doers.get(file) {
            return *known;
        }
        // `importlib.metadata` looks through the search path as imports do.
        let doer = if file.contains("/importlib/metadata/") {
            Doer::Import
        } else if RUNNERS.iter().any(|runner| file.contains(runner))
            || (!file.contains("-packages/")
                && self.libraries.iter().any(|folder| Path::new(file).starts_with(folder)))
        {
            Doer::Library
        } else {
            Doer::Program
        };
        doers.insert(file.to_owned(), doer);
        doer
    }
}

/// `os.environ[key]` is looked up.
pub(super) fn variable_read(py: Python<'_>, session: &Session) {
    let Some(name) = ffi::current_local(py, c"key").as_ref().and_then(path) else { return };
    let Some(name) = name.to_str().filter(|name| !name.starts_with("PYTEST_")) else { return };
    if WATCH.get().is_some_and(|watch| is_the_programs(py, watch)) {
        keep(session, &Use::Read(name.to_owned()));
    }
}

/// pytest sets a fixture up: `pytest_fixture_setup(fixturedef, request)`.
pub(super) fn fixture_set_up(py: Python<'_>) {
    if let Some(definition) = ffi::current_local(py, c"fixturedef").filter(is_of_several_tests) {
        set_up(SetUp::Fixture(definition.as_ptr() as usize));
    }
}

/// A test uses a fixture: `FixtureDef.execute(self, request)`.
pub(super) fn fixture_used(py: Python<'_>, session: &Session) {
    if let Some(definition) = ffi::current_local(py, c"self").filter(is_of_several_tests) {
        inherit(session, &SetUp::Fixture(definition.as_ptr() as usize));
    }
}

/// unittest may set up a class, or a module: `TestSuite._handleClassSetUp(self, test, result)`, or `_handleModuleFixture`.
pub(super) fn class_set_up(py: Python<'_>) {
    let Some(test) = ffi::current_local(py, c"test") else { return };
    let previous = ffi::current_local(py, c"result")
        .and_then(|result| ffi::plain_attribute(&result, c"_previousTestClass"))
        .and_then(|previous| previous.cast_into::<PyType>().ok());
    let class = test.get_type();
    if previous.as_ref().is_some_and(|previous| previous.is(&class)) {
        return;
    }
    set_up(SetUp::Class(class.as_ptr() as usize));
    let module = module_of(&class);
    if module != previous.as_ref().and_then(module_of)
        && let Some(module) = module
    {
        set_up(SetUp::Module(module));
    }
}

/// A test of unittest begins, for whose class something may have been set up: `TestCase.run(self, result)`.
pub(super) fn class_used(py: Python<'_>, session: &Session) {
    let Some(test) = ffi::current_local(py, c"self") else { return };
    let class = test.get_type();
    inherit(session, &SetUp::Class(class.as_ptr() as usize));
    if let Some(module) = module_of(&class) {
        inherit(session, &SetUp::Module(module));
    }
}

fn module_of(class: &Bound<'_, PyType>) -> Option<String> {
    Some(class.module().ok()?.to_string_lossy().into_owned())
}

/// The calling thread's context sets something up.
fn set_up(what: SetUp) {
    let context = contexts::place().context;
    let _pass = forks::pass();
    let mut known = SET_UP.lock().unwrap_or_else(PoisonError::into_inner);
    known.get_or_insert_default().insert(what, context);
}

/// The calling thread's context uses what was set up, perhaps in another.
fn inherit(session: &Session, what: &SetUp) {
    let set_up_in = {
        let _pass = forks::pass();
        let mut known = SET_UP.lock().unwrap_or_else(PoisonError::into_inner);
        known.get_or_insert_default().get(what).copied()
    };
    let context = contexts::place().context;
    if let Some(other) = set_up_in.filter(|other| *other != context && *other != NO_CONTEXT)
        && context != NO_CONTEXT
    {
        session.record_inheritance(other);
    }
}

/// Whether what a pytest fixture makes is kept for further tests: `_scope`, an enumeration (pytest 7), or `scope`, a text.
fn is_of_several_tests(definition: &Bound<'_, PyAny>) -> bool {
    let scope = ffi::plain_attribute(definition, c"_scope")
        .and_then(|scope| ffi::plain_attribute(&scope, c"_value_"))
        .or_else(|| ffi::plain_attribute(definition, c"scope"));
    let scope =
        scope.and_then(|scope| Some(scope.cast_into::<PyString>().ok()?.to_string_lossy().into_owned()));
    scope.as_deref() != Some("function")
}

/// pytest makes a report of a phase: `TestReport.from_item_and_call(item, call)`.
pub(super) fn report_made(py: Python<'_>, session: &Session) {
    let Some(call) = ffi::current_local(py, c"call") else { return };
    let Some(error) = ffi::plain_attribute(&call, c"excinfo").filter(|error| !error.is_none()) else {
        return;
    };
    let raised =
        ffi::plain_attribute(&error, c"_excinfo").and_then(|raised| raised.cast_into::<PyTuple>().ok());
    let class = raised.and_then(|raised| raised.get_item(0).ok());
    let name = class.and_then(|class| Some(class.cast_into::<PyType>().ok()?.name().ok()?.to_string()));
    if name.as_deref() != Some("Skipped") {
        keep(session, &Use::Failed);
    }
}

/// unittest's `TestResult.addFailure` or `addError`.
pub(super) fn failed(session: &Session) {
    keep(session, &Use::Failed);
}

/// multiprocessing starts a process: `spawnv_passfds(path, args, passfds)`.
pub(super) fn spawned(py: Python<'_>, session: &Session) {
    if let Some(path) = ffi::current_local(py, c"path").as_ref().and_then(path) {
        keep(session, &Use::Started(path.to_string_lossy().into_owned()));
    }
}

/// A test begins, in a context of its own.
pub(super) fn begun(session: &Session) {
    session.record_use(&Use::Begun);
}

/// The test of this context has come to its end.
pub(super) fn ended(session: &Session) {
    session.record_use(&Use::Ended);
}
