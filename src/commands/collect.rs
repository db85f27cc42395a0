//! From journals to the data file: at the end of a run, before any command that reads data, and by `minicov combine`.
//!
//! Must not know: hooks. Invariant: a journal is removed only after the data file has all of it; to merge one twice
//! changes nothing.

use std::collections::BTreeSet;
use std::fs;
use std::ops::AddAssign;
use std::path::{Path, PathBuf};

use super::batches::Batches;
use crate::config::Workplace;
use crate::store::{
    self, Batch, DataFile, FoundJournal, JournalContents, JournalFolder, OwnJournal, StoreError,
};
use crate::{trace, ui};

/// Journals that are open at the same time: far fewer than the usual limit of 1024 descriptors.
const AT_ONCE: usize = 200;

/// What came of collecting.
#[derive(Debug, Default)]
pub(super) struct Collected {
    /// Journals that the data file has now.
    pub(super) merged: usize,
    /// Journals that could not be merged.
    pub(super) kept_back: usize,
    /// Whether anything was recorded in those that were merged.
    has_data: bool,
    /// Packages asked for by name of which a module ran.
    pub(super) packages: BTreeSet<String>,
}

impl Collected {
    /// Whether nothing was recorded at all.
    pub(super) fn is_empty(&self) -> bool {
        !self.has_data && self.kept_back == 0
    }
}

impl AddAssign for Collected {
    fn add_assign(&mut self, other: Self) {
        self.merged += other.merged;
        self.kept_back += other.kept_back;
        self.has_data |= other.has_data;
        self.packages.extend(other.packages);
    }
}

/// Merges the journals of all processes that are gone. Trouble with one is told and costs none of the others.
pub(super) fn orphans(workplace: &Workplace) -> Collected {
    collect(workplace, |journal| matches!(journal, FoundJournal::Orphan(_)))
}

/// Merges the journals of all processes that are gone, and what those that live have recorded so far.
pub(super) fn so_far(workplace: &Workplace) -> Collected {
    collect(workplace, |_| true)
}

fn collect(workplace: &Workplace, wanted: impl Fn(&FoundJournal) -> bool) -> Collected {
    let folder = JournalFolder::beside(&workplace.data_file);
    let mut collected = Collected::default();
    if folder.is_absent() {
        return collected;
    }
    for note in folder.take_notes() {
        ui::warn(&ui::CHILD_NOT_MEASURED, note);
    }
    let paths = match folder.journals() {
        Ok(paths) => paths,
        Err(error) => {
            unreadable(format!("couldn't look for journals of earlier runs: {error}"));
            return collected;
        }
    };
    if paths.is_empty() {
        // Somebody may have been killed between the last journal and its folder.
        folder.tidy();
        return collected;
    }
    let _turn = folder.turn(store::patience());
    for paths in paths.chunks(AT_ONCE) {
        let mut journals = Vec::new();
        for path in paths {
            match JournalFolder::open(path) {
                Ok(found) => journals.extend(found.filter(&wanted)),
                Err(error) => unreadable(format!("left {} alone: {error}", workplace.shown(path))),
            }
        }
        collected += merge_found(workplace, journals);
    }
    folder.tidy();
    collected
}

/// Merges the journal of this process, which writes to it no more.
pub(super) fn own(workplace: &Workplace, journal: OwnJournal) -> Collected {
    let OwnJournal { path, contents, is_removed } = journal;
    let folder = JournalFolder::beside(&workplace.data_file);
    let batches = match contents {
        Ok(contents) => Batches::of_own(contents, trace::take_analyses()),
        Err(reason) => {
            unreadable(format!("left {} alone: {reason}", workplace.shown(&path)));
            return Collected { kept_back: 1, ..Collected::default() };
        }
    };
    let has_data = batches.has_data;
    let packages = batches.packages.clone();
    let turn = folder.turn(store::patience());
    let merged = merge(workplace, batches);
    let collected = match merged {
        Ok(merged) => {
            // The process ends: its memory and descriptors go faster than they are given back one by one.
            std::mem::forget(merged);
            if !is_removed {
                // The program may have removed it just now.
                let _ = fs::remove_file(&path);
            }
            Collected { merged: 1, kept_back: 0, has_data, packages }
        }
        Err(error) => {
            if is_removed {
                let what = "the program removed its journal, so what this process ran is lost";
                ui::warn(&ui::DATA_LOST, format!("{error}; {what}"));
            } else {
                kept_back(&error, "this run's data waits", &workplace.shown(&path));
            }
            Collected { kept_back: 1, ..Collected::default() }
        }
    };
    drop(turn);
    folder.tidy();
    collected
}

/// Merges journals that are locked, or read while they grow; removes those that are nobody's any more.
fn merge_found(workplace: &Workplace, journals: Vec<FoundJournal>) -> Collected {
    let mut batches = Batches::default();
    let mut readable = Vec::with_capacity(journals.len());
    let mut left_alone = 0;
    for journal in journals {
        let contents = journal.bytes().map_err(|error| error.to_string()).and_then(|bytes| read(&bytes));
        match (contents, &journal) {
            (Ok(contents), _) => {
                batches.extend(contents);
                readable.push(journal);
            }
            // It has only just begun.
            (Err(_), FoundJournal::Live { .. }) => (),
            (Err(reason), FoundJournal::Orphan(_)) => {
                left_alone += 1;
                unreadable(format!("left {} alone: {reason}", workplace.shown(journal.path())));
            }
        }
    }
    let has_data = batches.has_data;
    let packages = batches.packages.clone();
    if let Err(error) = merge(workplace, batches) {
        let places: Vec<_> = readable.iter().map(|journal| workplace.shown(journal.path())).collect();
        match places.as_slice() {
            [] => (),
            [place] => kept_back(&error, "a run's data waits", place),
            [first, others @ ..] => kept_back(
                &error,
                &format!("the data of {} processes waits", places.len()),
                &format!("{first} and {} more", others.len()),
            ),
        }
        return Collected { kept_back: places.len() + left_alone, ..Collected::default() };
    }
    let merged = readable.len();
    for journal in readable {
        let shown = workplace.shown(journal.path());
        if let FoundJournal::Orphan(orphan) = journal
            && let Err(error) = orphan.remove()
        {
            unreadable(format!("couldn't remove {shown}: {error}"));
        }
    }
    Collected { merged, kept_back: left_alone, has_data, packages }
}

/// What a journal says; nothing where its process was killed before it could state its settings.
fn read(bytes: &[u8]) -> Result<Option<JournalContents>, String> {
    if bytes.iter().all(|byte| *byte == 0) {
        return Ok(None);
    }
    store::read_journal(bytes).map(Some).map_err(|error| error.to_string())
}

/// Adds to the data file, if there is anything to add.
fn merge(workplace: &Workplace, mut batches: Batches) -> Result<Merged, StoreError> {
    for path in std::mem::take(&mut batches.changed) {
        source_changed(
            workplace,
            &path,
            "changed while the program ran, so what it executed there was dropped",
        );
    }
    let batches = batches.into_batches();
    if batches.is_empty() {
        return Ok(Merged::default());
    }
    if let [batch] = batches.as_slice()
        && DataFile::create(workplace.written_file(), batch)
    {
        return Ok(Merged { _batches: batches, _data: None });
    }
    let mut data = DataFile::update(workplace.written_file())?;
    for batch in &batches {
        for path in data.merge(batch)?.changed {
            let path = PathBuf::from(path);
            source_changed(workplace, &path, "changed since the last run, so its earlier data was dropped");
        }
    }
    Ok(Merged { _batches: batches, _data: Some(data) })
}

/// What merging leaves behind: it takes a while to give all of it back.
#[derive(Default)]
struct Merged {
    _batches: Vec<Batch>,
    _data: Option<DataFile>,
}

fn source_changed(workplace: &Workplace, path: &Path, what: &str) {
    ui::warn(&ui::SOURCE_CHANGED, format!("{} {what}", workplace.shown(path)));
}

fn unreadable(message: String) {
    ui::warn(&ui::JOURNAL_UNREADABLE, message);
}

fn kept_back(error: &StoreError, what: &str, place: &str) {
    ui::warn(&ui::DATA_KEPT_BACK, format!("{error}; {what} in {place} for the next minicov command"));
}
