//! `minicov child`: stands where a measured program started a Python, and becomes it if it can.
//!
//! Not for users: `processes` and the bootstrap call it, as `minicov child MINOR PYTHON ARGV…`, where MINOR is `?` if nobody
//! has asked that Python yet, and ARGV begins with the word that Python was called by.
//!
//! Invariant: whatever goes wrong, the Python that was asked for runs with its own arguments and environment.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use super::run::{self, OLDEST_FOREIGN_MINOR, Role};
use crate::error::{ExitCode, ExitStatus, UserError};
use crate::processes::{self, Bootstrap, Handover};
use crate::python::{self, Booted, Environment, LINKED_MINOR};
use crate::store::JournalFolder;
use crate::trace;
use crate::ui;

/// The hidden command.
const NAME: &str = "child";

/// A Python that was to be started.
pub(super) struct Request {
    /// Its minor version, where it has told.
    minor: Option<u8>,
    executable: PathBuf,
    /// `sys.orig_argv`.
    words: Vec<OsString>,
}

impl Request {
    /// From minicov's own command line, if it is of this form.
    pub(super) fn from_command_line(mut words: impl Iterator<Item = OsString>) -> Option<Self> {
        if words.nth(1)? != NAME {
            return None;
        }
        let minor = words.next()?.to_str().and_then(|minor| minor.parse().ok());
        let executable = PathBuf::from(words.next()?);
        let words: Vec<OsString> = words.collect();
        (!words.is_empty()).then_some(Self { minor, executable, words })
    }

    fn name(&self) -> &OsStr {
        self.words.first().map_or(self.executable.as_os_str(), |word| word.as_os_str())
    }

    fn arguments(&self) -> &[OsString] {
        self.words.get(1..).unwrap_or_default()
    }
}

/// Becomes the Python that was asked for.
pub(super) fn child(request: &Request, handover: Option<Handover>) -> ExitCode {
    let Some(handover) = handover else { return become_python(request) };
    let minor = request.minor.or_else(|| Environment::minor_told_by_files(&request.executable));
    if minor == Some(LINKED_MINOR) && python::is_of_linked_library(&request.executable) {
        return measure(request, &handover);
    }
    if let Some(minor) = minor.filter(|minor| *minor != LINKED_MINOR)
        && let Some(sibling) = run::sibling(minor)
    {
        let own_words: Vec<OsString> = std::env::args_os().collect();
        let words: Vec<&OsStr> = own_words.iter().map(OsString::as_os_str).collect();
        handover.hand_on();
        processes::replace_process(&sibling, &words);
    }
    if let Some(minor) = minor.filter(|minor| *minor < OLDEST_FOREIGN_MINOR) {
        let reason = format!("Python 3.{minor} is older than 3.{OLDEST_FOREIGN_MINOR}");
        return give_up(request, &handover, &reason);
    }
    if let Some(option) = processes::keeps_bootstrap_out(request.arguments()) {
        let reason =
            format!("it is another Python than minicov's, and -{option} keeps minicov's agent out of it");
        return give_up(request, &handover, &reason);
    }
    leave_to_agent(request, handover)
}

/// Runs the program in this process, measured; where that cannot be, unmeasured.
fn measure(request: &Request, handover: &Handover) -> ExitCode {
    let mut settings = handover.settings.clone();
    settings.command_line = request.arguments().to_vec();
    let core = match trace::choose(settings.core.as_deref()) {
        Ok(core) => core,
        Err(error) => return give_up(request, handover, &error.to_string()),
    };
    run::offer_module(&handover.workplace, &settings.command_line);
    let interpreter = match python::boot_program(&request.executable, request.name(), &settings.command_line)
    {
        Ok(Booted::Ready(interpreter)) => interpreter,
        Ok(Booted::Done(code)) => return run::exit_code(code),
        Err(error) => return give_up(request, handover, &error.to_string()),
    };
    let role = Role::Child(handover);
    if let Err(error) = run::begin_measuring(&handover.workplace, &settings, core, &interpreter.layout, &role)
    {
        leave_note(request, handover, &error.to_string());
    }
    run::exit_code(python::run_program(interpreter))
}

/// Starts the Python that was asked for, to be measured by the agent.
fn leave_to_agent(request: &Request, handover: Handover) -> ExitCode {
    let bootstrap = Bootstrap::in_folder(handover.bootstrap.clone());
    bootstrap.prepare();
    bootstrap.enter();
    Handover { agent_only: true, ..handover }.hand_on();
    become_python(request)
}

fn give_up(request: &Request, handover: &Handover, reason: &str) -> ExitCode {
    leave_note(request, handover, reason);
    become_python(request)
}

fn leave_note(request: &Request, handover: &Handover, reason: &str) {
    // Where no note can be written, no data can be either.
    let _ = JournalFolder::beside(&handover.workplace.data_file)
        .leave_note(&format!("a child process was not measured: {}: {reason}", request.executable.display()));
}

/// Replaces this process by the Python that was asked for.
fn become_python(request: &Request) -> ExitCode {
    let words: Vec<&OsStr> = request.words.iter().map(OsString::as_os_str).collect();
    let error = processes::replace_process(&request.executable, &words);
    ui::error(&UserError::new(format!("couldn't start {}: {error}", request.executable.display())));
    ExitStatus::Error.into()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn only_its_own_form_is_a_request() {
        let request = |words: &[&str]| Request::from_command_line(words.iter().map(OsString::from));
        for words in [&["minicov"][..], &["minicov", "report"], &["minicov", "child", "13", "/bin/python"]] {
            assert!(request(words).is_none(), "{words:?}");
        }
        let found = request(&["minicov", "child", "?", "/bin/python", "python", "-c", "1"]).unwrap();
        assert_eq!((found.minor, found.executable.as_path()), (None, Path::new("/bin/python")));
        assert_eq!((found.name(), found.arguments()), (OsStr::new("python"), &["-c".into(), "1".into()][..]));
        assert_eq!(request(&["minicov", "child", "13", "/bin/python", "python"]).unwrap().minor, Some(13));
    }
}
