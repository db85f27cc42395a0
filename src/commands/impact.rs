//! `minicov impact`: prints the tests that a change needs.
//!
//! Invariant: nothing is run unless it is to be verified, and nothing is written but what earlier runs left behind.

use std::collections::BTreeSet;
use std::io::{self, Write};

use serde_json::{Value, json};

use super::compiling::{self, Source};
use super::world::{Disk, Former, name_of};
use super::{Failure, collect, combine, run, verify};
use crate::config::{ImpactSettings, Workplace};
use crate::error::{ExitCode, ExitStatus, UserError};
use crate::impact::{self, Baseline, Project, Reason, Selection, is_python};
use crate::model::TestNeeds;
use crate::paths::project_files;
use crate::python::{Environment, LINKED_MINOR};
use crate::store::{DataFile, Fault};
use crate::ui;

pub(super) fn impact(workplace: &Workplace, settings: &ImpactSettings) -> Result<ExitCode, Failure> {
    // The Python that would run the tests is the one that their data is compared with.
    if let Ok(environment) = Environment::find(settings.python.as_deref())
        && environment.minor != LINKED_MINOR
        && let Some(error) = run::start_sibling(environment.minor)
    {
        return Err(error.into());
    }
    combine::left_behind(workplace, &settings.combining)?;
    collect::orphans(workplace);
    let tests = known_tests(workplace)?;
    let selection = selected(workplace, settings, &tests)?;
    if let Some(command_line) = &settings.verify {
        return verify::verify(workplace, settings, command_line, &tests, &selection);
    }
    if tests.is_empty() {
        ui::notice(
            "everything must run, because no test was recorded; minicov run --contexts=test -m pytest records them",
        );
    } else if !settings.explain && !settings.json {
        let reasons: Vec<String> = selection.everything.iter().map(ToString::to_string).collect();
        if !reasons.is_empty() {
            ui::notice(format!("everything must run, because {}", reasons.join(", and ")));
        }
    }
    ui::output(|out| {
        if settings.json {
            print_json(&selection, out)
        } else if settings.pytest {
            print_arguments(&selection, out)
        } else {
            print_lines(&selection, settings.explain, out)
        }
    })?;
    let is_nothing = selection.units.is_empty() && !tests.is_empty();
    Ok(if is_nothing { ExitStatus::NothingToRun } else { ExitStatus::Success }.into())
}

/// What tests depend on, as far as runs recorded it.
pub(super) fn known_tests(workplace: &Workplace) -> Result<Vec<TestNeeds>, UserError> {
    let tests = match DataFile::open(&workplace.data_file) {
        Ok(data) => data.needs(),
        Err(error) if matches!(error.fault, Fault::Absent) => return Ok(Vec::new()),
        Err(error) => Err(error),
    };
    tests.map_err(|error| UserError::new(error.to_string()))
}

/// What must run of `tests`.
pub(super) fn selected(
    workplace: &Workplace,
    settings: &ImpactSettings,
    tests: &[TestNeeds],
) -> Result<Selection, UserError> {
    let folder = &workplace.folder;
    let disk = Disk { folder: folder.clone() };
    let mut sources: BTreeSet<String> = project_files(folder).into_iter().collect();
    // Sources elsewhere that tests used: what is gone is no source any more.
    let elsewhere = tests.iter().flat_map(TestNeeds::sets).flat_map(|set| set.iter());
    let elsewhere =
        elsewhere.filter(|dependency| dependency.name.starts_with('/') && is_python(&dependency.name));
    sources.extend(
        elsewhere.map(|dependency| dependency.name.clone()).filter(|name| folder.join(name).is_file()),
    );
    let now = Project::new(&disk, sources.iter().cloned());
    let former = match (&settings.since, &settings.diff) {
        (Some(revision), _) => Some(Former::at_revision(folder, revision)?),
        (None, Some(diff)) => Some(Former::of_diff(folder, diff)?),
        (None, None) => None,
    };
    if let Some(former) = &former {
        sources.extend(former.changed());
        let before = Project::new(former, sources);
        return Ok(select(tests, &now, &Baseline::Also(&before)));
    }
    if settings.files.is_empty() {
        return Ok(select(tests, &now, &Baseline::Recorded));
    }
    let mut named = BTreeSet::new();
    for file in &settings.files {
        let name = name_of(folder, file);
        if !folder.join(&name).exists()
            && !tests
                .iter()
                .flat_map(TestNeeds::sets)
                .any(|set| set.iter().any(|dependency| dependency.name == name))
        {
            return Err(UserError::new(format!("there is no {}, and no test knows it", file.display())));
        }
        named.insert(name);
    }
    Ok(impact::select(tests, &now, &Baseline::Named(named)))
}

/// Selects, and once more where what changed in a file keeps it from being compiled: then whoever imports it fails.
fn select(tests: &[TestNeeds], now: &Project, baseline: &Baseline) -> Selection {
    let selection = impact::select(tests, now, baseline);
    let sources: Vec<(&str, Vec<u8>)> =
        selection.changed_sources().into_iter().filter_map(|name| Some((name, now.bytes(name)?))).collect();
    let borrowed: Vec<Source> = sources.iter().map(|(name, bytes)| (*name, &bytes[..])).collect();
    let compiles = compiling::compiles(&borrowed);
    let broken = borrowed.iter().zip(compiles).filter(|(_, compiles)| !compiles).map(|((name, _), _)| *name);
    let broken: Vec<&str> = broken.collect();
    if broken.is_empty() {
        return selection;
    }
    for name in broken {
        now.note_broken(name);
    }
    impact::select(tests, now, baseline)
}

fn print_lines(selection: &Selection, explain: bool, out: &mut dyn Write) -> io::Result<()> {
    if !explain {
        return selection.units.keys().try_for_each(|unit| writeln!(out, "{}", unit.name));
    }
    for reason in &selection.everything {
        writeln!(out, "everything, because {reason}")?;
    }
    for (unit, reasons) in &selection.units {
        writeln!(out, "{}", unit.name)?;
        for reason in reasons.difference(&selection.everything) {
            writeln!(out, "    {reason}")?;
        }
    }
    let (chosen, known) = (selection.tests.len(), selection.known.len());
    writeln!(out, "{chosen} of {known} known tests")
}

/// As a shell takes them.
fn print_arguments(selection: &Selection, out: &mut dyn Write) -> io::Result<()> {
    // Names with a zero byte are no file names, so none is left out.
    let words = selection.units.keys().filter_map(|unit| shlex::try_quote(&unit.name).ok());
    writeln!(out, "{}", words.collect::<Vec<_>>().join(" "))
}

fn print_json(selection: &Selection, out: &mut dyn Write) -> io::Result<()> {
    let reasons = |reasons: &BTreeSet<Reason>| reasons.iter().map(reason_json).collect::<Vec<_>>();
    let tests: Vec<Value> =
        selection.tests.iter().map(|(test, why)| json!({"id": test, "reasons": reasons(why)})).collect();
    let units: Vec<Value> = selection
        .units
        .iter()
        .map(|(unit, why)| json!({"name": unit.name, "whole_file": unit.is_file, "reasons": reasons(why)}))
        .collect();
    let document = json!({
        "format": 1,
        "everything": reasons(&selection.everything),
        "run": units,
        "tests": tests,
        "known_tests": selection.known.len(),
    });
    serde_json::to_writer_pretty(&mut *out, &document)?;
    writeln!(out)
}

fn reason_json(reason: &Reason) -> Value {
    json!({
        "change": reason.change.slug(),
        "kind": reason.kind.slug(),
        "name": reason.name,
        "block": reason.block,
        "text": reason.to_string(),
    })
}
