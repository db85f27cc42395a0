//! `minicov impact --verify`: runs everything, and reports tests that failed or did something else without having been
//! selected.
//!
//! Invariant: the data file stays as it is; the run's data goes to a file of its own, and away.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::process::Command;

use super::Failure;
use super::impact::known_tests;
use crate::config::{ImpactSettings, Workplace};
use crate::error::{ExitCode, ExitStatus, UserError};
use crate::impact::Selection;
use crate::model::{DependencyKind, TestNeeds};
use crate::processes;
use crate::ui;

pub(super) fn verify(
    workplace: &Workplace,
    settings: &ImpactSettings,
    command_line: &[OsString],
    before: &[TestNeeds],
    selection: &Selection,
) -> Result<ExitCode, Failure> {
    if before.is_empty() {
        return Err(UserError::new("there is nothing to verify, because no test was recorded")
            .hint("record them with minicov run --contexts=test -m pytest")
            .into());
    }
    let cannot = |error: std::io::Error| UserError::new(format!("couldn't run everything: {error}"));
    let folder = tempfile::Builder::new().prefix("minicov-verify-").tempdir().map_err(cannot)?;
    let theirs =
        Workplace { data_file: folder.path().join("data"), parallel_file: None, ..workplace.clone() };
    let mut run = Command::new(std::env::current_exe().map_err(cannot)?);
    run.args(["run", "--contexts=test", "--data-file"]).arg(&theirs.data_file);
    run.args(settings.rcfile.iter().flat_map(|file| ["--rcfile".into(), file.clone().into_os_string()]));
    run.args(settings.python.iter().flat_map(|file| ["--python".into(), file.clone().into_os_string()]));
    run.args(command_line).current_dir(&workplace.folder);
    processes::run_to_end(&mut run).map_err(cannot)?;

    let after = known_tests(&theirs)?;
    let whole: BTreeSet<&str> =
        selection.units.keys().filter(|unit| unit.is_file).map(|unit| unit.name.as_str()).collect();
    let is_selected = |test: &str| {
        selection.tests.contains_key(test) || whole.contains(test.split("::").next().unwrap_or(test))
    };
    let mut missed = Vec::new();
    for needs in before.iter().filter(|needs| !is_selected(&needs.test)) {
        let Some(now) = after.iter().find(|now| now.test == needs.test) else {
            missed.push(format!("{} did not run", needs.test));
            continue;
        };
        if now.own.iter().any(|dependency| dependency.kind == DependencyKind::Failure) {
            missed.push(format!("{} failed", needs.test));
        } else if code(needs) != code(now) {
            missed.push(format!("{} ran other functions", needs.test));
        }
    }
    ui::output(|out| {
        for line in &missed {
            writeln!(out, "not selected: {line}")?;
        }
        let (selected, known) = (selection.tests.len(), selection.known.len());
        writeln!(out, "{known} known tests, {selected} selected, {} missed", missed.len())
    })?;
    Ok(if missed.is_empty() { ExitStatus::Success } else { ExitStatus::Shortfall }.into())
}

/// The functions that a test ran.
fn code(needs: &TestNeeds) -> BTreeSet<(&str, &str)> {
    let functions = needs.own.iter().filter(|dependency| dependency.kind == DependencyKind::Function);
    functions.map(|dependency| (dependency.name.as_str(), dependency.block.as_str())).collect()
}
