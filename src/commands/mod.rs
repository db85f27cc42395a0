//! One file a command: the only place where the layers are joined.
//!
//! Must not know: anything a layer below could know. Invariant: every failure leaves here as one sentence on standard
//! error and a documented exit code.

mod analysis;
mod annotate;
mod batches;
mod child;
mod collect;
mod combine;
mod compiling;
mod contexts;
mod debug;
mod describe;
mod erase;
mod exclusions;
mod foreign;
mod html_folder;
mod impact;
mod impacted;
mod inputs;
mod mcdc;
mod needs;
mod output;
mod parallel;
mod project;
mod report;
mod run;
mod verify;
mod world;

use std::env;
use std::path::Path;

use self::exclusions::ExclusionRules;
use crate::cli::{self, Invocation, Vocabulary};
use crate::config::{
    CombineSettings, Complaint, ConfigError, ImpactSettings, McdcSettings, ReportSettings, RunSettings,
    Selected, Settings, Verb, Workplace, options,
};
use crate::error::{ExitCode, ExitStatus, UserError};
use crate::metrics::{Form, METRICS};
use crate::processes;
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

/// Runs minicov; returns its exit code.
pub fn main() -> u8 {
    command().number()
}

fn command() -> ExitCode {
    // Before anything else: a minicov that a measured program starts is none of its parent's business.
    let handover = processes::received();
    if let Some(request) = child::Request::from_command_line(env::args_os()) {
        return child::child(&request, handover);
    }
    if compiling::is_helper(env::args_os()) {
        return compiling::help();
    }
    let invocation = match cli::parse(env::args_os(), vocabulary) {
        Ok(invocation) => invocation,
        Err(error) => {
            // Help and version are errors to clap, with exit code 0; a closed pipe is nobody's business.
            let _ = error.print();
            return if error.use_stderr() { ExitStatus::Error } else { ExitStatus::Success }.into();
        }
    };
    match execute(invocation) {
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

/// The words that options take, from the tables of formats, metrics and cores.
fn vocabulary() -> Vocabulary {
    Vocabulary {
        formats: FORMATS
            .iter()
            .flat_map(|format| {
                let aliases = format.aliases.iter().map(|alias| (*alias, ""));
                std::iter::once((format.slug, format.doc)).chain(aliases)
            })
            .collect(),
        metrics: METRICS.iter().map(|metric| (metric.slug(), metric.doc())).collect(),
        forms: Form::ALL.iter().map(|(name, _, doc)| (*name, *doc)).collect(),
        cores: CORES.iter().map(|core| (core.slug, core.doc)).collect(),
    }
}

/// Reads the configuration, then does what was asked.
fn execute(invocation: Invocation) -> Result<ExitCode, Failure> {
    if invocation.verb == Verb::Completions {
        return describe::completions(&invocation.words, &vocabulary());
    }
    if invocation.verb == Verb::Man {
        return describe::manual(&invocation.words, &vocabulary());
    }
    let folder = Workplace::current_folder()
        .map_err(|error| UserError::new(format!("couldn't find the current folder: {error}")))?;
    let files = invocation.files();
    let Invocation { verb, flags, words } = invocation;
    let (settings, complaints) = Settings::resolve(verb, flags, &folder)?;
    ui::disable(settings.get(&options::DISABLE_WARNINGS));
    for Complaint { warning, message } in complaints {
        ui::warn(warning, message);
    }
    let workplace = Workplace::new(folder, &settings);
    // Before anything is done; only reports need what the patterns are compiled to.
    exclusions::check(&settings)?;
    let rules = || ExclusionRules::new(&settings);
    match verb {
        Verb::Run => run::run(&workplace, &RunSettings::new(&settings, words)?),
        Verb::Report | Verb::Html | Verb::Xml | Verb::Json | Verb::Lcov => {
            report::report(&workplace, &ReportSettings::new(&settings, verb, files), &rules()?)
        }
        Verb::Mcdc => mcdc::mcdc(&workplace, &McdcSettings::new(&settings, files), &rules()?),
        Verb::Annotate => {
            let folder = settings.get(&options::ANNOTATE_DIRECTORY).map(Path::new);
            annotate::annotate(&workplace, &Selected::new(&settings, verb, files), &rules()?, folder)
        }
        Verb::Contexts => contexts::list(&workplace, &Selected::new(&settings, verb, files), &rules()?),
        Verb::Unique => contexts::unique(&workplace, &Selected::new(&settings, verb, files), &rules()?),
        Verb::Who => {
            contexts::who(&workplace, &Selected::new(&settings, verb, Vec::new()), &rules()?, &words)
        }
        Verb::Erase => erase::erase(&workplace),
        Verb::Combine => combine::combine(&workplace, &CombineSettings::new(&settings, verb, files)),
        Verb::Impact => impact::impact(&workplace, &ImpactSettings::new(&settings, words)?),
        Verb::Debug => debug::debug(&workplace, &settings, &files),
        // These need no configuration, and were answered above.
        Verb::Completions | Verb::Man => Ok(ExitStatus::Success.into()),
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::User(UserError::new(error.to_string()))
    }
}
