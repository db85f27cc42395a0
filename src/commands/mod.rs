//! One file a command: the only place where the layers are joined.
//!
//! Must not know: anything a layer below could know. Invariant: every failure leaves here as one sentence on standard
//! error and a documented exit code.

mod analysis;
mod collect;
mod erase;
mod html_folder;
mod report;
mod run;

use std::env;
use std::process::ExitCode;

use crate::cli::{self, Command, Vocabulary};
use crate::config::Workplace;
use crate::error::{ExitStatus, UserError};
use crate::metrics::METRICS;
use crate::report::FORMATS;
use crate::trace::CORES;
use crate::ui::{self, OutputError};

/// How a command can fail.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    User(#[from] UserError),
    #[error(transparent)]
    Output(#[from] OutputError),
}

/// Runs minicov.
pub fn main() -> ExitCode {
    let vocabulary = Vocabulary {
        formats: FORMATS.iter().map(|format| (format.slug, format.doc)).collect(),
        metrics: METRICS.iter().map(|metric| (metric.slug(), metric.doc())).collect(),
        cores: CORES.iter().map(|core| (core.slug, core.doc)).collect(),
    };
    let invocation = match cli::parse(env::args_os(), &vocabulary) {
        Ok(invocation) => invocation,
        Err(error) => {
            // Help and version are errors to clap, with exit code 0; a closed pipe is nobody's business.
            let _ = error.print();
            return if error.use_stderr() { ExitStatus::Error } else { ExitStatus::Success }.into();
        }
    };
    let outcome = Workplace::resolve(invocation.data_file)
        .map_err(|error| UserError::new(format!("couldn't find the current folder: {error}")).into())
        .and_then(|workplace| match invocation.command {
            Command::Run(settings) => run::run(&workplace, &settings),
            Command::Report(settings, look) => report::report(&workplace, &settings, &look),
            Command::Erase => erase::erase(&workplace),
        });
    match outcome {
        Ok(code) => code,
        Err(Failure::User(error)) => {
            ui::error(&error);
            ExitStatus::Error.into()
        }
        Err(Failure::Output(error)) if error.is_closed_pipe() => ExitStatus::Success.into(),
        Err(Failure::Output(error)) => {
            ui::error(&UserError::new(error.to_string()));
            ExitStatus::Error.into()
        }
    }
}
