//! Every environment variable minicov reads, once, with what it is for.
//!
//! Must not know: what anybody does with the values. Invariant: no other module asks the environment.

use std::ffi::OsString;

/// One variable: its name and a line of documentation (`minicov --help` prints the table).
#[derive(Debug)]
pub(crate) struct EnvVar {
    pub(crate) name: &'static str,
    pub(crate) doc: &'static str,
}

pub(crate) const COVERAGE_FILE: EnvVar =
    EnvVar { name: "COVERAGE_FILE", doc: "the data file, where --data-file does not name it" };
pub(crate) const COVERAGE_CORE: EnvVar =
    EnvVar { name: "COVERAGE_CORE", doc: "the tracing core, where --core does not name it" };
pub(crate) const COVERAGE_RCFILE: EnvVar =
    EnvVar { name: "COVERAGE_RCFILE", doc: "the configuration file, where --rcfile does not name it" };
pub(crate) const VIRTUAL_ENV: EnvVar =
    EnvVar { name: "VIRTUAL_ENV", doc: "the active virtual environment: its Python runs the program" };
pub(crate) const PATH: EnvVar =
    EnvVar { name: "PATH", doc: "where python3 and python are looked for when no environment is active" };
pub(crate) const PROCESS: EnvVar = EnvVar {
    name: "MINICOV_PROCESS",
    doc: "set by minicov for the processes that a measured program starts: how to measure them",
};
pub(crate) const PYTHONPATH: EnvVar = EnvVar {
    name: "PYTHONPATH",
    doc: "Python's own; for the processes of a measured program, minicov's bootstrap stands in front",
};
pub(crate) const LOCK_TIMEOUT: EnvVar = EnvVar {
    name: "MINICOV_LOCK_TIMEOUT",
    doc: "seconds to wait for a data file that another process has locked, 5 if unset",
};
pub(crate) const HOME: EnvVar =
    EnvVar { name: "HOME", doc: "what ~ stands for in the paths of a configuration file" };

/// All of them, for documentation and for tests that need a clean environment.
pub(crate) const ALL: &[&EnvVar] = &[
    &COVERAGE_FILE,
    &COVERAGE_CORE,
    &COVERAGE_RCFILE,
    &VIRTUAL_ENV,
    &PATH,
    &PROCESS,
    &PYTHONPATH,
    &HOME,
    &LOCK_TIMEOUT,
];

/// A variable that a configuration file names (`${NAME}`): any there is.
pub(crate) fn lookup(name: &str) -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]
    std::env::var_os(name).map(|value| value.to_string_lossy().into_owned())
}

/// A variable as it was when this process began, whatever the program has made of it since (Linux, proc(5)).
pub(crate) fn initial(name: &str) -> Option<Vec<u8>> {
    let Ok(environment) = std::fs::read("/proc/self/environ") else {
        return lookup(name).map(String::into_bytes);
    };
    let mut variables = environment.split(|byte| *byte == 0);
    variables.find_map(|variable| Some(variable.strip_prefix(name.as_bytes())?.strip_prefix(b"=")?.to_vec()))
}

impl EnvVar {
    /// The value, or `None` where it is unset or empty.
    pub(crate) fn get(&self) -> Option<OsString> {
        self.raw().filter(|value| !value.is_empty())
    }

    /// The value, which may be empty.
    pub(crate) fn raw(&self) -> Option<OsString> {
        #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]
        std::env::var_os(self.name)
    }
}
