//! The error a user sees: one sentence, a remedy where there is one, an exit code.
//!
//! Must not know: where errors come from. Each layer has typed errors of its own; `commands` turns them into this one.

use std::process::ExitCode;

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
            ExitStatus::Success => Self::SUCCESS,
            ExitStatus::Error => Self::from(1),
            ExitStatus::Shortfall => Self::from(2),
            ExitStatus::NothingToRun => Self::from(3),
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
