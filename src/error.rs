//! The error a user sees: one sentence, a remedy where there is one, an exit code.
//!
//! Must not know: where errors come from. Each layer has typed errors of its own; `commands` turns them into this one.

/// What this process ends with. std's type of that name keeps its number to itself, and C's `main` (`src/main.rs`) returns one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ExitCode(u8);

impl ExitCode {
    pub(crate) fn number(self) -> u8 {
        self.0
    }
}

impl From<u8> for ExitCode {
    fn from(number: u8) -> Self {
        Self(number)
    }
}

/// minicov's exit codes, as documented in the README. A measured program's own status passes through untouched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ExitStatus {
    /// Everything was done.
    Success,
    /// Bad usage, bad input, or something could not be read or written.
    Error,
    /// Coverage is below what was demanded (coverage.py's `fail_under`).
    Shortfall,
    /// No test must run.
    NothingToRun,
}

impl From<ExitStatus> for ExitCode {
    fn from(status: ExitStatus) -> Self {
        match status {
            ExitStatus::Success => Self(0),
            ExitStatus::Error => Self(1),
            ExitStatus::Shortfall => Self(2),
            ExitStatus::NothingToRun => Self(3),
        }
    }
}

/// A failure in words for the user: lower-case sentence without a final period, and what can be done about it.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(crate) struct UserError {
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
}

impl UserError {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None }
    }

    /// Adds the remedy, printed after the message as `hint: …`.
    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}
