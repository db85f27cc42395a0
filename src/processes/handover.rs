//! What a measured process tells those it starts, in one environment variable.
//!
//! Must not know: who reads it. Invariant: no program sees the variable, except those that are not Python: a measured
//! process takes it out of its environment before its interpreter starts.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::config::{RunSettings, Workplace};
use crate::env_vars;
use crate::python::ffi;
use crate::store::RunHeader;

/// How child processes are measured: as their parent is.
///
/// `bootstrap/sitecustomize.py` and the agent read it, too, by the names of these fields.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Handover {
    /// The minicov to become.
    pub(crate) minicov: PathBuf,
    /// The minor version of Python that it is.
    pub(crate) minor: u8,
    /// The process that `minicov run` started in. It keeps its part when it executes another program.
    pub(crate) main_process: u32,
    /// That of the main process: relative patterns count from there, and there the data goes.
    pub(crate) workplace: Workplace,
    /// The folder of the main process's script, if it had one.
    pub(crate) script_folder: Option<PathBuf>,
    pub(crate) settings: RunSettings,
    /// What the journals of child processes begin with, where the agent writes them; it puts its Python's version in.
    pub(crate) journal_header: RunHeader,
    /// Where Python finds minicov's `sitecustomize`.
    pub(crate) bootstrap: PathBuf,
    /// Whether it is settled that no minicov can be the child.
    pub(crate) agent_only: bool,
    /// The context that followed the program where the child was started; empty for none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) parent_context: String,
}

impl Handover {
    /// The variable's value. Fails where a path is not UTF-8.
    pub(crate) fn serialise(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(self)
    }

    /// A serialised handover without a context, for a child that is started in one.
    pub(super) fn with_context(serialised: &str, label: &str) -> Option<String> {
        let fields = serialised.strip_suffix('}')?;
        Some(format!("{fields},\"parent_context\":{}}}", serde_json::to_string(label).ok()?))
    }

    /// Puts it into this process's environment, for the program that it is about to become.
    pub(crate) fn hand_on(&self) {
        if let Ok(text) = self.serialise() {
            set(&text);
        }
    }
}

/// Puts a serialised handover into this process's environment.
pub(super) fn set(serialised: &str) {
    ffi::set_variable(env_vars::PROCESS.name, Some(OsStr::new(serialised)));
}

/// What the parent process handed over, if it is a measured one. Takes the traces of it out of this process's
/// environment. To be called while the process has one thread, and before an interpreter reads the environment.
pub(crate) fn received() -> Option<Handover> {
    let handover: Handover = serde_json::from_slice(env_vars::PROCESS.get()?.as_bytes()).ok()?;
    ffi::set_variable(env_vars::PROCESS.name, None);
    if let Some(search_path) = env_vars::PYTHONPATH.get() {
        match without_bootstrap(&search_path, &handover.bootstrap) {
            SearchPath::AsItWas => (),
            SearchPath::Given(rest) => ffi::set_variable(env_vars::PYTHONPATH.name, Some(&rest)),
            SearchPath::None => ffi::set_variable(env_vars::PYTHONPATH.name, None),
        }
    }
    Some(handover)
}

/// What `PYTHONPATH` was before the bootstrap came in front.
#[derive(Debug, PartialEq, Eq)]
enum SearchPath {
    /// The bootstrap is not in front.
    AsItWas,
    Given(OsString),
    None,
}

fn without_bootstrap(search_path: &OsStr, bootstrap: &Path) -> SearchPath {
    match search_path.as_bytes().strip_prefix(bootstrap.as_os_str().as_bytes()) {
        Some([]) => SearchPath::None,
        Some([b':', rest @ ..]) => SearchPath::Given(OsString::from_vec(rest.to_vec())),
        Some(_) | None => SearchPath::AsItWas,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_path_is_given_back_as_it_was() {
        for (given, expected) in [
            ("/boot", SearchPath::None),
            ("/boot:", SearchPath::Given("".into())),
            ("/boot:/a:/boot", SearchPath::Given("/a:/boot".into())),
            ("/bootstrap", SearchPath::AsItWas),
            ("/a:/boot", SearchPath::AsItWas),
        ] {
            assert_eq!(without_bootstrap(OsStr::new(given), Path::new("/boot")), expected, "{given}");
        }
    }
}
