//! `minicov run` for a Python that no minicov is built for: that Python runs the program in a process of its own, with the
//! agent in it, and this one waits and sees to the data.
//!
//! Invariant: the program's standard streams, signals and end are what they would be without minicov.

use std::path::PathBuf;
use std::process::{self, Command};

use super::{Failure, collect, run};
use crate::config::{RunSettings, Workplace};
use crate::error::{ExitCode, UserError};
use crate::paths::{Folders, Selection};
use crate::processes::{self, Bootstrap, Handover};
use crate::python::{Environment, LINKED_MINOR, Layout};
use crate::store::{JournalFolder, RunHeader};
use crate::ui;

pub(super) fn run(
    workplace: &Workplace,
    settings: &RunSettings,
    environment: &Environment,
) -> Result<ExitCode, Failure> {
    let python = environment.executable.display();
    if let Some(option) = processes::keeps_bootstrap_out(&settings.command_line) {
        return Err(UserError::new(format!(
            "{python} is not this minicov's Python 3.{LINKED_MINOR}, and python's -{option} keeps minicov's agent out of it"
        ))
        .into());
    }
    let folders = Folders { current: workplace.folder.clone(), ..Folders::default() };
    let selection =
        Selection::new(&settings.selection, &folders).map_err(|error| UserError::new(error.to_string()))?;
    let handover = handover(workplace, settings, &selection, &folders)?;
    let bootstrap = Bootstrap::in_folder(handover.bootstrap.clone());
    bootstrap.prepare();
    bootstrap.enter();
    handover.hand_on();
    ui::notice(format!(
        "{python} is not this minicov's Python 3.{LINKED_MINOR}: a slower agent in pure Python measures there"
    ));
    let mut command = Command::new(&environment.executable);
    command.args(&settings.command_line);
    let status = processes::run_to_end(&mut command)
        .map_err(|error| UserError::new(format!("couldn't start {python}: {error}")))?;
    // What is started from here on is none of the program's.
    processes::received();

    let collected = collect::orphans(workplace);
    JournalFolder::beside(&workplace.data_file).tidy();
    run::tell_of_data(&collected, selection.source_packages());
    if settings.report {
        run::print_report(workplace, settings.rcfile.as_deref());
    }
    processes::die_alike(status);
    Ok(run::exit_code(status.code().unwrap_or(1)))
}

fn handover(
    workplace: &Workplace,
    settings: &RunSettings,
    selection: &Selection,
    folders: &Folders,
) -> Result<Handover, UserError> {
    let minicov: PathBuf = std::env::current_exe()
        .map_err(|error| UserError::new(format!("minicov couldn't find its own executable: {error}")))?;
    // The version stays open: the agent knows it.
    let header = run::header(workplace, settings, selection, folders, &Layout::default());
    Ok(Handover {
        minicov,
        minor: LINKED_MINOR,
        main_process: process::id(),
        workplace: workplace.clone(),
        script_folder: None,
        settings: RunSettings { erase: false, ..settings.clone() },
        journal_header: run::for_agent(RunHeader { python: String::new(), ..header }, settings),
        bootstrap: JournalFolder::beside(&workplace.data_file).bootstrap(),
        agent_only: true,
        parent_context: String::new(),
    })
}
