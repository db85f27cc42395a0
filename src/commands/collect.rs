//! From journals to the data file: at the end of a run, and before any command that reads data.
//!
//! Must not know: hooks. Invariant: a journal is removed only after the data file has all of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::ops::AddAssign;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::bytecode;
use crate::config::Workplace;
use crate::model::{CodeKey, CodeShape, Edge, FileStamp, SourceHash};
use crate::paths::{Patterns, canonical, display_name, python_files};
use crate::source;
use crate::store::{
    self, Batch, BatchCode, BatchFile, DataFile, JournalContents, JournalFolder, JournaledFile, StoreError,
};
use crate::ui;

/// What came of collecting.
#[derive(Debug, Default)]
pub(super) struct Collected {
    /// Files of which something was recorded.
    measured_files: usize,
    /// Journals that could not be merged.
    kept_back: usize,
}

impl Collected {
    /// Whether nothing was recorded at all.
    pub(super) fn is_empty(&self) -> bool {
        self.measured_files == 0 && self.kept_back == 0
    }

    fn add(&mut self, merged: Option<usize>) {
        match merged {
            Some(files) => self.measured_files += files,
            None => self.kept_back += 1,
        }
    }
}

impl AddAssign for Collected {
    fn add_assign(&mut self, other: Self) {
        self.measured_files += other.measured_files;
        self.kept_back += other.kept_back;
    }
}

/// Merges the journals of all processes that are gone. Trouble with one is told and costs none of the others.
pub(super) fn orphans(workplace: &Workplace) -> Collected {
    let folder = JournalFolder::beside(&workplace.data_file);
    let mut collected = Collected::default();
    let orphans = match folder.orphans() {
        Ok(orphans) => orphans,
        Err(error) => {
            ui::warn(&ui::JOURNAL_UNREADABLE, format!("couldn't look for journals of earlier runs: {error}"));
            return collected;
        }
    };
    if orphans.is_empty() {
        return collected;
    }
    for orphan in orphans {
        let path = orphan.path.clone();
        let merged = merge_journal(workplace, &path, &orphan.bytes());
        collected.add(merged);
        if merged.is_some()
            && let Err(error) = orphan.remove()
        {
            ui::warn(&ui::JOURNAL_UNREADABLE, format!("couldn't remove {}: {error}", workplace.shown(&path)));
        }
    }
    folder.tidy();
    collected
}

/// Merges the journal of this process, which writes to it no more.
pub(super) fn own(workplace: &Workplace, path: &Path, bytes: &io::Result<Vec<u8>>) -> Collected {
    let mut collected = Collected::default();
    let merged = merge_journal(workplace, path, bytes);
    collected.add(merged);
    if merged.is_some() {
        // The program may have removed it already.
        let _ = fs::remove_file(path);
    }
    JournalFolder::beside(&workplace.data_file).tidy();
    collected
}

/// Merges one journal; tells how many files it is about, or `None` where it must be kept.
fn merge_journal(workplace: &Workplace, path: &Path, bytes: &io::Result<Vec<u8>>) -> Option<usize> {
    let contents = match bytes {
        // A process that was killed before it could state its settings has recorded nothing.
        Ok(bytes) if bytes.iter().all(|byte| *byte == 0) => return Some(0),
        Ok(bytes) => store::read_journal(bytes).map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    };
    let contents = match contents {
        Ok(contents) => contents,
        Err(reason) => {
            ui::warn(&ui::JOURNAL_UNREADABLE, format!("left {} alone: {reason}", workplace.shown(path)));
            return None;
        }
    };
    match merge(workplace, &contents) {
        Ok(()) => Some(contents.files.len()),
        Err(error) => {
            ui::warn(
                &ui::DATA_KEPT_BACK,
                format!(
                    "{error}; this run's data waits in {} for the next minicov command",
                    workplace.shown(path)
                ),
            );
            None
        }
    }
}

fn merge(workplace: &Workplace, contents: &JournalContents) -> Result<(), StoreError> {
    let (batch, changed_meanwhile) = batch(contents);
    if batch.files.is_empty() {
        return Ok(());
    }
    for path in changed_meanwhile {
        ui::warn(
            &ui::SOURCE_CHANGED,
            format!(
                "{} changed while the program ran, so what it executed there was dropped",
                workplace.shown(&path)
            ),
        );
    }
    let outcome = DataFile::update(workplace.written_file())?.merge(&batch)?;
    for path in outcome.changed {
        ui::warn(
            &ui::SOURCE_CHANGED,
            format!(
                "{} changed since the last run, so its earlier data was dropped",
                workplace.shown(Path::new(&path))
            ),
        );
    }
    Ok(())
}

/// What a journal adds to the data file, and the files that changed between running and now.
fn batch(contents: &JournalContents) -> (Batch, Vec<PathBuf>) {
    let settings = &contents.settings;
    let mut files = BTreeMap::new();
    let mut changed = Vec::new();
    for (path, journaled) in &contents.files {
        let source = match text_that_ran(Path::new(path), journaled.stamp) {
            Ok(Some(hash)) => Some(hash),
            Ok(None) => {
                changed.push(PathBuf::from(path));
                continue;
            }
            // The text is out of reach, the data is not.
            Err(_) => None,
        };
        files.insert(path.clone(), batch_file(path, source, &settings.context, journaled));
    }
    let measured: Vec<&Path> = contents.files.keys().map(Path::new).collect();
    for path in never_run(settings, &measured) {
        files.entry(path.clone()).or_insert_with(|| BatchFile { path, ..BatchFile::default() });
    }
    let mut files: Vec<BatchFile> = files.into_values().collect();
    if settings.relative_files {
        for file in &mut files {
            file.path = display_name(&file.path, Path::new(&settings.folder));
        }
    }
    let batch = Batch { python: settings.python.clone(), branches: settings.branches, vectors: settings.vectors, files };
    (batch, changed)
}

/// What was seen of one file: lines, steps between them as recorded or as they follow from edges, and these edges.
fn batch_file(
    path: &str,
    source: Option<SourceHash>,
    context: &str,
    JournaledFile { lines, arcs, codes, vectors, stamp: _ }: &JournaledFile,
) -> BatchFile {
    let mut arcs = arcs.clone();
    for (shape, edges) in codes {
        arcs.extend(bytecode::line_arcs(shape, edges, lines));
    }
    let code = |(shape, edges): &(CodeShape, BTreeSet<Edge>)| BatchCode {
        key: CodeKey::of(shape),
        edges: BTreeMap::from([(context.to_owned(), edges.clone())]),
    };
    BatchFile {
        path: path.to_owned(),
        source,
        lines: BTreeMap::from([(context.to_owned(), lines.clone())]),
        arcs: BTreeMap::from([(context.to_owned(), arcs)]),
        codes: codes.iter().map(code).collect(),
        vectors: BTreeMap::from([(context.to_owned(), vectors.clone())]),
    }
}

/// Hash of the file's text, or `None` where it is not the text that ran.
fn text_that_ran(path: &Path, stamp: FileStamp) -> io::Result<Option<SourceHash>> {
    let metadata = fs::metadata(path)?;
    let modified = metadata.mtime().saturating_mul(1_000_000_000).saturating_add(metadata.mtime_nsec());
    if (FileStamp { modified, size: metadata.len() }) != stamp {
        return Ok(None);
    }
    Ok(Some(source::hash(&fs::read(path)?)))
}

/// The files under the run's source folders, run or not, that its `omit` patterns leave; and those of source packages of
/// which something was `measured`.
fn never_run(settings: &store::RunHeader, measured: &[&Path]) -> Vec<String> {
    // The patterns were read when the run began, so they are good; if not, nothing is left out.
    let omit = Patterns::new(&settings.omit, Path::new(&settings.folder)).unwrap_or_default();
    let packages = settings
        .package_folders
        .iter()
        .filter(|folder| measured.iter().any(|path| path.starts_with(canonical(Path::new(folder)))));
    settings
        .source_folders
        .iter()
        .chain(packages)
        .flat_map(|folder| {
            let folder = Path::new(folder);
            if folder.is_file() {
                vec![folder.to_path_buf()]
            } else {
                python_files(folder, settings.namespace_packages)
            }
        })
        .map(|path| canonical(&path))
        .filter(|path| !omit.matches(path))
        .filter_map(|path| path.to_str().map(str::to_owned))
        .collect()
}
