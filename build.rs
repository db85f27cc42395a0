//! Finds the libpython to link, gives the executable an rpath to it, and tells the sources which one it is.
//!
//! The executable hosts the interpreter, so a Python without a shared library cannot serve: that stops the build
//! here, with the remedy, rather than at link time with a page of symbols.

use std::path::Path;

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
        println!("cargo:rustc-link-arg-bins=-Wl,-rpath,{folder}");
        println!("cargo:rustc-link-arg-tests=-Wl,-rpath,{folder}");
    }
    // The measured program's extension modules resolve the C API against this executable's libpython.
    println!("cargo:rustc-env=MINICOV_BUILD_PYTHON={executable}");
    println!("cargo:rustc-env=MINICOV_BUILD_PYTHON_MINOR={minor}");
}

/// Whether the dynamic loader looks there by itself.
fn is_loader_default(folder: &str) -> bool {
    Path::new(folder).starts_with("/usr/lib") || Path::new(folder).starts_with("/lib")
}

fn fail(message: &str) -> ! {
    // A build script speaks through its panic; cargo shows the message and stops.
    panic!("{message}")
}
