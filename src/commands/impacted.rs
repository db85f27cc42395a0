//! `minicov run --impacted`: has pytest leave out the tests that need not run.
//!
//! Invariant: a test is left out only if it is known by its id, and nothing that it depends on has changed.

use std::fs;
use std::io::Write;
use std::path::Path;

use super::impact;
use crate::config::{ImpactSettings, RunSettings, Workplace};
use crate::error::UserError;
use crate::model::DynamicContexts;
use crate::paths::read_source;
use crate::python::SELECTION_PLUGIN;
use crate::source;
use crate::store::{DataFile, MovedFile, StoreError};
use crate::ui;

/// The run without the tests that need not run.
pub(super) fn narrowed(workplace: &Workplace, settings: &RunSettings) -> Result<RunSettings, UserError> {
    let mut settings = settings.clone();
    let Some(place) = place_of_pytest(&settings) else {
        return Err(UserError::new("--impacted works with pytest only").hint(
            "run it as minicov run --impacted -m pytest; minicov impact prints tests for other runners",
        ));
    };
    if !settings.dynamic_contexts.are_of_tests() {
        settings.dynamic_contexts = DynamicContexts::Tests;
    }
    let tests = impact::known_tests(workplace)?;
    if tests.is_empty() {
        ui::notice("every test runs, because none was recorded yet");
        return Ok(settings);
    }
    let selection = impact::selected(workplace, &ImpactSettings::default(), &tests)?;
    take_over(workplace).map_err(|error| UserError::new(error.to_string()))?;
    let unneeded: Vec<&String> =
        selection.known.iter().filter(|test| !selection.tests.contains_key(*test)).collect();
    let why: Vec<String> = selection.everything.iter().map(ToString::to_string).collect();
    if unneeded.is_empty() && !why.is_empty() {
        ui::notice(format!("every test runs, because {}", why.join(", and ")));
    } else {
        ui::notice(format!("{} of {} known tests need not run", unneeded.len(), selection.known.len()));
    }
    let file = tempfile::Builder::new().prefix("minicov-unneeded-").suffix(".json").tempfile();
    let file = file.and_then(|mut file| {
        serde_json::to_writer(&mut file, &unneeded)?;
        file.flush()?;
        Ok(file.into_temp_path().keep()?)
    });
    let file = file.map_err(|error| UserError::new(format!("couldn't write a temporary file: {error}")))?;
    settings.unneeded = Some(file);
    let words = ["-p", SELECTION_PLUGIN].map(Into::into);
    settings.command_line.splice(place..place, words);
    Ok(settings)
}

/// Takes what is recorded of files that changed over to their new texts, as far as their code is the same: what the tests
/// ran that are left out stays in the picture.
fn take_over(workplace: &Workplace) -> Result<(), StoreError> {
    let mut moved = Vec::new();
    for (path, source, layout) in DataFile::open(&workplace.data_file)?.layouts()? {
        // What cannot be read or understood is told by reports as changed.
        let Ok(bytes) = read_source(&workplace.folder.join(&path)) else { continue };
        let now = source::hash(&bytes);
        if now == source {
            continue;
        }
        let Ok(blocks) = source::decode(&bytes).and_then(|text| source::blocks(&text)) else { continue };
        let new_layout = blocks.layout();
        let moves = layout.moves(&new_layout);
        moved.push(MovedFile { path, source: now, layout: new_layout, moves });
    }
    if moved.is_empty() {
        return Ok(());
    }
    DataFile::update(&workplace.data_file)?.move_files(&moved)
}

/// Where pytest's own arguments begin in the command line.
fn place_of_pytest(settings: &RunSettings) -> Option<usize> {
    let words: Vec<_> = settings.command_line.iter().map(|word| word.to_string_lossy()).collect();
    let is_pytest = |word: &str| word == "pytest" || word == "py.test";
    if let Some(at) = words.iter().position(|word| word == "-m") {
        return words.get(at + 1).filter(|module| is_pytest(module)).map(|_| at + 2);
    }
    let script = words.first()?;
    Path::new(&**script).file_name()?.to_str().is_some_and(is_pytest).then_some(1)
}

/// The node ids that a file names.
pub(super) fn unneeded(file: &Path) -> Result<Vec<String>, UserError> {
    let read = fs::read(file).map_err(|error| error.to_string());
    let read = read.and_then(|bytes| serde_json::from_slice(&bytes).map_err(|error| error.to_string()));
    read.map_err(|reason| UserError::new(format!("couldn't read {}: {reason}", file.display())))
}
