//! `minicov combine`: brings together data files, coverage.py's and ours, and what waits in journals; and what every report
//! does first with parallel data files that were left behind.
//!
//! Invariant: an input is removed only after the data file has all of it. What is wrong with one costs none of the others.

use std::fs;
use std::path::{Path, PathBuf};

use super::inputs::{self, Fate, Inputs};
use super::{Failure, collect};
use crate::config::{CombineSettings, Workplace};
use crate::error::{ExitCode, ExitStatus, UserError};
use crate::paths::{Remap, canonical, parallel_files};
use crate::store::{self, DataFile, Fault, StoreError};
use crate::ui;

/// Endings of SQLite's own files, and of our folder of journals.
const SIDE_FILES: [&str; 3] = ["-journal", "-wal", "-shm"];

pub(super) fn combine(workplace: &Workplace, settings: &CombineSettings) -> Result<ExitCode, Failure> {
    let files = files_to_combine(workplace, &settings.inputs)?;
    let remap = remap(workplace, &settings.paths, settings.relative_files)?;
    let summary = put_together(workplace, &files, &remap, !settings.append)?;
    if !settings.keep {
        summary.remove(workplace);
    }
    let collected = collect::so_far(workplace);
    let shown = workplace.shown(&workplace.data_file);
    let told = summary.told(collected.merged);
    if summary.count(Fate::Combined) + collected.merged > 0 {
        if !settings.quiet {
            ui::notice(format!("{told} into {shown}"));
        }
        return Ok(ExitStatus::Success.into());
    }
    // Why files or journals could not be used has been said.
    Err(if !files.is_empty() {
        UserError::new("no usable data files")
    } else if collected.kept_back > 0 {
        UserError::new(format!("nothing was combined into {shown}"))
    } else {
        UserError::new(format!("no data to combine: nothing waits for {shown}"))
            .hint("processes that end by themselves have combined their data already")
    }
    .into())
}

/// Adds parallel data files beside the data file to it, as reports of coverage.py do (7.17.3, `cmdline.py`).
pub(super) fn left_behind(workplace: &Workplace, settings: &CombineSettings) -> Result<(), Failure> {
    let files = files_to_combine(workplace, &[])?;
    if files.is_empty() {
        return Ok(());
    }
    let remap = remap(workplace, &settings.paths, settings.relative_files)?;
    let summary = put_together(workplace, &files, &remap, false)?;
    if !settings.keep {
        summary.remove(workplace);
    }
    if !settings.quiet {
        ui::notice(summary.told(0));
    }
    Ok(())
}

/// The rules of `[paths]`.
pub(super) fn remap(
    workplace: &Workplace,
    rules: &[(String, Vec<String>)],
    relative: bool,
) -> Result<Remap, UserError> {
    Remap::new(rules.iter().map(|(_, entry)| entry.as_slice()), &workplace.folder, relative)
        .map_err(|error| UserError::new(format!("[paths]: {error}")))
}

/// Data files, and those in folders whose names go on from the data file's; without any given, those beside it.
fn files_to_combine(workplace: &Workplace, given: &[PathBuf]) -> Result<Vec<PathBuf>, UserError> {
    let target = canonical(&workplace.data_file);
    let name = workplace.data_file.file_name().unwrap_or_default();
    let mut files = Vec::new();
    if given.is_empty() {
        files = parallel_files(&workplace.data_file);
    }
    for given in given {
        let path = workplace.folder.join(given);
        if path.is_dir() {
            files.extend(parallel_files(&path.join(name)));
        } else if path.exists() {
            files.push(path);
        } else {
            return Err(UserError::new(format!(
                "couldn't combine from '{}': it does not exist",
                given.display()
            )));
        }
    }
    let is_side_file = |path: &Path| {
        let name = path.as_os_str().as_encoded_bytes();
        SIDE_FILES.iter().any(|ending| name.ends_with(ending.as_bytes()))
    };
    files.retain(|path| !is_side_file(path) && canonical(path) != target);
    files.sort();
    files.dedup();
    Ok(files)
}

/// What became of each file.
struct Summary {
    files: Vec<(PathBuf, Fate)>,
}

impl Summary {
    fn count(&self, fate: Fate) -> usize {
        self.files.iter().filter(|(_, found)| *found == fate).count()
    }

    fn told(&self, journals: usize) -> String {
        let plural = |count: usize, thing: &str| match count {
            1 => format!("1 {thing}"),
            count => format!("{count} {thing}s"),
        };
        let (combined, same, unusable) =
            (self.count(Fate::Combined), self.count(Fate::Same), self.count(Fate::Unusable));
        let mut what = Vec::new();
        if combined > 0 || journals == 0 {
            what.push(plural(combined, "file"));
        }
        if journals > 0 {
            what.push(plural(journals, "journal"));
        }
        let mut told = vec![format!("combined {}", what.join(" and "))];
        if same > 0 {
            told.push(format!("skipped {same}"));
        }
        if unusable > 0 {
            told.push(format!("{} errored", plural(unusable, "file")));
        }
        told.join(", ")
    }

    /// Removes the files that the data file has all of.
    fn remove(&self, workplace: &Workplace) {
        for (path, fate) in &self.files {
            match fate {
                Fate::Combined | Fate::Same => {}
                Fate::Unusable => continue,
            }
            if let Err(error) = fs::remove_file(path) {
                ui::warn(
                    &ui::DATA_UNUSABLE,
                    format!("couldn't remove {}, which was combined: {error}", workplace.shown(path)),
                );
            }
        }
    }
}

/// Adds the files to the data file, in one transaction; `afresh` drops what it had, if there is anything to put there.
fn put_together(
    workplace: &Workplace,
    files: &[PathBuf],
    remap: &Remap,
    afresh: bool,
) -> Result<Summary, Failure> {
    if files.is_empty() {
        return Ok(Summary { files: Vec::new() });
    }
    let progress = ui::Progress::new(files.len(), "combining");
    let mut target = None;
    let fates = inputs::read(files, remap, &progress, |inputs| {
        // The target is made, and emptied, only when there is something for it.
        let Some(first) = inputs.next() else { return Ok(()) };
        let mut data = open_target(&workplace.data_file, afresh)?;
        let outcome = data.merge_all(afresh, std::iter::once(first).chain(inputs.by_ref()))?;
        target = Some(outcome);
        Ok(())
    });
    progress.finish();
    let Inputs { fates, troubles, changed } =
        fates.map_err(|error: StoreError| UserError::new(error.to_string()))?;
    for trouble in troubles {
        ui::warn(&ui::DATA_UNUSABLE, trouble);
    }
    let dropped = target.into_iter().flat_map(|outcome| outcome.changed);
    for path in changed.into_iter().chain(dropped) {
        ui::warn(
            &ui::SOURCE_CHANGED,
            format!(
                "{} changed between runs, so what ran of its other texts was dropped",
                workplace.shown(Path::new(&path))
            ),
        );
    }
    Ok(Summary { files: files.iter().cloned().zip(fates).collect() })
}

/// The data file to write; where nothing of it is to stay, one that cannot be used is removed first, if it is SQLite's.
fn open_target(path: &Path, afresh: bool) -> Result<DataFile, StoreError> {
    match DataFile::update(path) {
        Err(StoreError {
            fault:
                Fault::NotCoverage | Fault::OtherSchema { .. } | Fault::OtherFormat { .. } | Fault::Corrupt { .. },
            ..
        }) if afresh => {
            store::erase(path)?;
            DataFile::update(path)
        }
        other => other,
    }
}
