//! A project in a temporary folder, commands in it, and what came of them.

mod json;
mod outcome;
mod project;
mod venv;

pub(crate) use json::{CoverageJson, comparable};
pub(crate) use outcome::{Command, Outcome};
pub(crate) use project::Project;
pub(crate) use venv::{
    build_python, django_python, greenlet_python, tmp_folder, venv_python, with_lock, xdist_python,
};

/// The minor version of the Python this build is for.
pub(crate) const MINOR: u8 = {
    let text = env!("MINICOV_BUILD_PYTHON_MINOR").as_bytes();
    (text[0] - b'0') * 10 + (text[1] - b'0')
};

/// The tracing cores of this build.
#[cfg(Py_3_12)]
pub(crate) const CORES: &[&str] = &["sysmon", "settrace"];
#[cfg(not(Py_3_12))]
pub(crate) const CORES: &[&str] = &["settrace"];

/// The folder of the repository.
pub(crate) fn repository() -> &'static std::path::Path {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Makes one test for each tracing core: `covtest!(name, |core| { … });`, where `core` goes behind `--core`.
///
/// The tests are called `name::sysmon` and `name::settrace`; a core that this build's Python lacks shows as ignored.
macro_rules! covtest {
    ($(#[$attribute:meta])* $name:ident, |$core:ident| $body:block) => {
        $(#[$attribute])*
        mod $name {
            #[allow(unused_imports, reason = "not every body needs everything")]
            use super::*;

            fn check($core: &str) $body

            #[test]
            #[cfg_attr(not(Py_3_12), ignore = "sys.monitoring came with Python 3.12")]
            fn sysmon() {
                check("sysmon");
            }

            #[test]
            fn settrace() {
                check("settrace");
            }
        }
    };
}

/// Compares two texts and prints both whole where they differ.
#[track_caller]
pub(crate) fn assert_same_text(what: &str, ours: &str, expected: &str) {
    assert!(ours == expected, "{what}\n--- expected\n{expected}\n--- got\n{ours}\n---");
}
