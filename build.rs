//! Finds the libpython to link, gives the executable an rpath to it, and tells the sources which one it is.
//!
//! The executable hosts the interpreter, so a Python without a shared library cannot serve: that stops the build
//! here, with the remedy, rather than at link time with a page of symbols.

use std::fs;
use std::path::Path;
use std::process::Command;

fn main() {
    println!("cargo:rerun-if-env-changed=PYO3_PYTHON");
    // Cfgs Py_3_11 … Py_3_15 and Py_GIL_DISABLED for the named behaviours of this Python.
    pyo3_build_config::use_pyo3_cfgs();

    let config = pyo3_build_config::get();
    let (major, minor) = (config.version().major, config.version().minor);
    let executable = config.executable().unwrap_or("python3");
    if minor < 11 {
        fail(&format!(
            "minicov needs CPython 3.11 or newer, and {executable} is {major}.{minor}: \
             set PYO3_PYTHON to a newer interpreter's path"
        ));
    }
    if !config.shared() {
        fail(&format!(
            "{executable} has no shared libpython: install one (Debian: libpython3-dev; pyenv: \
             PYTHON_CONFIGURE_OPTS=--enable-shared pyenv install), or set PYO3_PYTHON to a Python that has it"
        ));
    }
    if let Some(folder) = config.lib_dir()
        && !is_loader_default(folder)
    {
        // For all targets: no other key reaches the unit tests.
        println!("cargo:rustc-link-arg=-Wl,-rpath,{folder}");
    }
    if cfg!(target_os = "linux") {
        println!("cargo:rustc-link-arg-bins=-no-pie");
    }
    // So that the interpreter's calls of these find minicov's (`src/processes/exec.rs`, `src/trace/pthreads.rs`).
    for function in ["execv", "execve", "posix_spawn", "posix_spawnp", "system", "pthread_create"] {
        println!("cargo:rustc-link-arg-bins=-Wl,--export-dynamic-symbol={function}");
    }
    // So that extension modules' calls of these do (`src/trace/attached_threads.rs`, `interpreters.rs`,
    // `watched_functions.rs`).
    for function in [
        "PyGILState_Ensure",
        "PyThreadState_New",
        "PyEval_AcquireThread",
        "Py_NewInterpreter",
        "_Py_NewInterpreter",
        "Py_NewInterpreterFromConfig",
        "_PyXI_NewInterpreter",
        "PyEval_SetTrace",
    ] {
        println!("cargo:rustc-link-arg-bins=-Wl,--export-dynamic-symbol={function}");
    }
    write_opcodes(executable);
    let cache = ask(executable, ASK_FOR_CACHES);
    let (magic, tag) = cache.trim().split_once(' ').unwrap_or_default();
    println!("cargo:rustc-env=MINICOV_BUILD_PYTHON_MAGIC={magic}");
    println!("cargo:rustc-env=MINICOV_BUILD_PYTHON_CACHE_TAG={tag}");
    // The measured program's extension modules resolve the C API against this executable's libpython.
    println!("cargo:rustc-env=MINICOV_BUILD_PYTHON={executable}");
    println!("cargo:rustc-env=MINICOV_BUILD_PYTHON_MINOR={minor}");
}

/// What the interpreter's own `opcode` module says of its bytecode, as a Rust table: number, name, inline cache entries,
/// whether the argument is a jump's distance.
const ASK_FOR_OPCODES: &str = r#"
import opcode
caches = opcode._inline_cache_entries
jumps = {*opcode.hasjrel, *opcode.hasjabs}
print("[")
for name, number in sorted(opcode.opmap.items(), key=lambda item: item[1]):
    if number < 256:
        # What stands for another opcode while there is an event for it has that one's (3.15 names none for it).
        meant = name.removeprefix("INSTRUMENTED_")
        count = caches.get(meant, 0) if hasattr(caches, "get") else caches[opcode.opmap.get(meant, number)]
        print(f'    ({number}, "{name}", {count}, {str(number in jumps).lower()}),')
print("]")
"#;

/// How it marks its cached bytecode, and what it calls it.
const ASK_FOR_CACHES: &str =
    "import importlib.util, sys; print(importlib.util.MAGIC_NUMBER.hex(), sys.implementation.cache_tag)";

/// What the Python that is linked prints.
fn ask(executable: &str, question: &str) -> String {
    let output = Command::new(executable).args(["-I", "-S", "-c", question]).output();
    let Some(output) = output.ok().filter(|output| output.status.success()) else {
        fail(&format!(
            "{executable} could not be asked about itself: set PYO3_PYTHON to a working interpreter"
        ));
    };
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Writes the opcode table of the Python that is linked.
fn write_opcodes(executable: &str) {
    let table = ask(executable, ASK_FOR_OPCODES);
    #[expect(clippy::disallowed_methods, reason = "cargo speaks to build scripts through the environment")]
    let folder = std::env::var_os("OUT_DIR").unwrap_or_default();
    if let Err(error) = fs::write(Path::new(&folder).join("opcodes.rs"), table) {
        fail(&format!("the opcode table could not be written: {error}"));
    }
}

/// Whether the dynamic loader looks there by itself.
fn is_loader_default(folder: &str) -> bool {
    Path::new(folder).starts_with("/usr/lib") || Path::new(folder).starts_with("/lib")
}

fn fail(message: &str) -> ! {
    // A build script speaks through its panic; cargo shows the message and stops.
    panic!("{message}")
}
