//! Booting the linked interpreter: once to run the user's program exactly as `python` would, or once, bare, to compile.
//!
//! Must not know: tracing. Invariant: the program's configuration is CPython's own reading of the command line, the
//! environment and `pyvenv.cfg` (DESIGN idea 2); only the executable's path is given.

use std::ffi::{CString, OsStr, OsString};
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use pyo3::prelude::*;
use pyo3::types::PyList;

use super::ffi::{self, Config, Status};

/// The minor version of the linked libpython, fixed at build time.
pub(crate) const LINKED_MINOR: u8 = parse_minor(env!("MINICOV_BUILD_PYTHON_MINOR"));
/// The interpreter minicov was built against: where its standard library is found when only compiling.
const BUILD_PYTHON: &str = env!("MINICOV_BUILD_PYTHON");

#[derive(Debug, thiserror::Error)]
pub(crate) enum BootError {
    #[error("the command line contains a NUL character")]
    NulInArguments,
    #[error("the interpreter could not be initialised: {0}")]
    Failed(String),
    #[error("the interpreter could not be asked about itself: {0}")]
    Python(#[from] PyErr),
}

/// How booting ended.
pub(crate) enum Booted {
    /// Ready: the program has not started yet.
    Ready(Interpreter),
    /// The command line asked for something that is done already (`-V`, `--help`), or was wrong; python said so.
    Done(i32),
}

/// An initialised interpreter, before its program runs.
pub(crate) struct Interpreter {
    /// What the selection of measured files needs to know.
    pub(crate) layout: Layout,
}

/// Where an interpreter keeps what is not the user's code.
#[derive(Clone, Debug, Default)]
pub(crate) struct Layout {
    /// `sys.prefix`, `sys.exec_prefix`, `sys.base_prefix`, `sys.base_exec_prefix`, without doubles.
    pub(crate) prefixes: Vec<PathBuf>,
    /// `sys.platlibdir`: `lib` or `lib64`.
    pub(crate) library_folder: String,
    /// `sys.path` before the program starts.
    pub(crate) search_path: Vec<PathBuf>,
    /// The folder of the script that will run, if it is one.
    pub(crate) script_folder: Option<PathBuf>,
}

const fn parse_minor(text: &str) -> u8 {
    let mut value = 0;
    let mut index = 0;
    while index < text.len() {
        value = value * 10 + (text.as_bytes()[index] - b'0');
        index += 1;
    }
    value
}

/// Version of the linked Python, as `3.13.0`. Needs no interpreter.
pub(crate) fn version() -> String {
    ffi::version().split_whitespace().next().unwrap_or_default().to_owned()
}

/// Boots the interpreter for the command line `name ARGUMENTS`, as the executable at `executable` would.
///
/// Ends the process with python's own words and status where python refuses to start (`-X utf8=2`).
pub(crate) fn boot_program(
    executable: &Path,
    name: &OsStr,
    arguments: &[OsString],
) -> Result<Booted, BootError> {
    ffi::forget_crash_handlers();
    // As the kernel does when it starts an executable: programs look for one another by that name.
    if let Some(name) = executable.file_name() {
        ffi::set_thread_name(&c_string(name)?);
    }
    let words = std::iter::once(name).chain(arguments.iter().map(OsString::as_os_str));
    let words = words.map(c_string).collect::<Result<Vec<_>, _>>()?;
    let mut config = Config::python();
    let mut status = config.set_arguments(&words);
    if matches!(status, Status::Ok) {
        status = config.set_executable(&c_string(executable.as_os_str())?);
    }
    if matches!(status, Status::Ok) {
        status = config.read();
    }
    let script = config.run_filename();
    if matches!(status, Status::Ok) {
        status = config.initialize();
    }
    match status {
        Status::Ok => {
            let script_folder = script.and_then(|script| script_folder(Path::new(&script)));
            let layout = Python::attach(|py| read_layout(py, script_folder))?;
            Ok(Booted::Ready(Interpreter { layout }))
        }
        Status::Exit(code) => Ok(Booted::Done(code)),
        Status::Error(error) => ffi::exit_with(&error),
    }
}

/// Boots a bare interpreter that can compile: no `site`, no environment, no signal handlers.
pub(crate) fn boot_compiler() -> Result<(), BootError> {
    let mut config = Config::isolated();
    let mut status = Status::Ok;
    if Path::new(BUILD_PYTHON).exists() {
        status = config.set_executable(&c_string(OsStr::new(BUILD_PYTHON))?);
    }
    if matches!(status, Status::Ok) {
        status = config.initialize();
    }
    match status {
        Status::Ok => {
            // Compiling leaves no cycles behind, and looking for some takes a seventh of its time. What the compiler has to
            // say of a source, it said when that ran.
            Python::attach(|py| {
                py.import("gc")?.call_method0("disable")?;
                py.import("warnings")?.call_method1("simplefilter", ("ignore",)).map(drop)
            })?;
            Ok(())
        }
        Status::Exit(code) => Err(BootError::Failed(format!("it exited with status {code}"))),
        Status::Error(error) => Err(BootError::Failed(error.message())),
    }
}

/// Runs the program of a booted interpreter to its end, as python would, and returns the exit status. May end the
/// process instead (`sys.exit`, Ctrl-C): whatever must happen afterwards is registered with [`ffi::at_exit`].
pub(crate) fn run_program(_ready: Interpreter) -> i32 {
    ffi::run_main()
}

/// `sys.path[0]` of a script: the folder of the file behind its links; of a folder or zip with `__main__`, itself.
fn script_folder(script: &Path) -> Option<PathBuf> {
    let target = script.canonicalize().ok()?;
    if target.is_dir() { Some(target) } else { target.parent().map(Path::to_path_buf) }
}

fn read_layout(py: Python<'_>, script_folder: Option<PathBuf>) -> Result<Layout, PyErr> {
    let sys = py.import("sys")?;
    let mut prefixes = Vec::new();
    for name in ["prefix", "exec_prefix", "base_prefix", "base_exec_prefix"] {
        let prefix: PathBuf = sys.getattr(name)?.extract()?;
        if !prefixes.contains(&prefix) {
            prefixes.push(prefix);
        }
    }
    let path = sys.getattr("path")?.cast_into::<PyList>().map_err(PyErr::from)?;
    let search_path = path.iter().filter_map(|entry| entry.extract::<PathBuf>().ok()).collect();
    let library_folder = sys.getattr("platlibdir")?.extract()?;
    Ok(Layout { prefixes, library_folder, search_path, script_folder })
}

fn c_string(word: &OsStr) -> Result<CString, BootError> {
    CString::new(OsString::into_vec(word.to_os_string())).map_err(|_| BootError::NulInArguments)
}
