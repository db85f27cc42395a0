//! Data files on their way into another: read side by side, put together by file, handed on when they grow large.
//!
//! Must not know: what becomes of the inputs. Invariant: of an input that cannot be read to its end nothing is handed on;
//! memory is bounded by what is new in the inputs, and by [`WEIGHT_LIMIT`].

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;

use crate::model::SourceHash;
use crate::paths::{Remap, read_source};
use crate::source;
use crate::store::{Batch, BatchFile, DataFile, StoreError};
use crate::ui::Progress;

/// How many arcs and edges are held before they are written: about 100 MB.
const WEIGHT_LIMIT: usize = 4_000_000;

/// Inputs read but not yet put together, for each reader.
const AHEAD: usize = 2;

/// What became of an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Combined,
    /// It is a copy of one that was combined.
    Same,
    Unusable,
}

/// What came of all inputs.
#[derive(Debug, Default)]
pub(super) struct Inputs {
    /// In the order of the inputs.
    pub(super) fates: Vec<Fate>,
    /// Why some are unusable, each a sentence.
    pub(super) troubles: Vec<String>,
    /// Paths of sources that inputs have different texts of: only one text's data was handed on.
    pub(super) changed: BTreeSet<String>,
}

/// Reads `files` and hands them to `write` as batches, in which paths are as `remap` has them.
pub(super) fn read(
    files: &[PathBuf],
    remap: &Remap,
    progress: &Progress,
    write: impl FnOnce(&mut Batches) -> Result<(), StoreError>,
) -> Result<Inputs, StoreError> {
    let copies = copies(files);
    let wanted: Vec<usize> = (0..files.len()).filter(|index| copies[*index].is_none()).collect();
    let workers = thread::available_parallelism().map_or(1, usize::from).min(wanted.len().max(1));
    let next = AtomicUsize::new(0);
    let (sender, receiver) = sync_channel(AHEAD * workers);
    let mut batches = Batches::new(receiver, files, progress);
    thread::scope(|scope| {
        for _ in 0..workers {
            let (sender, wanted, next) = (sender.clone(), &wanted, &next);
            scope.spawn(move || {
                while let Some(index) = wanted.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let contents = contents(&files[*index], remap);
                    // Nobody takes any more where writing failed.
                    if sender.send((*index, contents)).is_err() {
                        return;
                    }
                }
            });
        }
        drop(sender);
        let written = write(&mut batches);
        // Readers that wait to hand on would wait for ever.
        batches.close();
        written
    })?;
    let mut inputs = batches.inputs;
    for (index, original) in copies.iter().enumerate() {
        if let Some(original) = original {
            progress.advance();
            if inputs.fates[*original] == Fate::Combined {
                inputs.fates[index] = Fate::Same;
            }
        }
    }
    Ok(inputs)
}

/// Of each file, which earlier one it is a copy of. Only files that coverage.py gave the same hash are compared; the hash
/// alone would be no proof.
fn copies(files: &[PathBuf]) -> Vec<Option<usize>> {
    let mut originals: HashMap<(String, u64), Vec<usize>> = HashMap::new();
    let mut copies = vec![None; files.len()];
    for (index, path) in files.iter().enumerate() {
        let Some(hash) = hash_in_name(path) else { continue };
        let Ok(size) = fs::metadata(path).map(|metadata| metadata.len()) else { continue };
        let known = originals.entry((hash.to_owned(), size)).or_default();
        let same = |known: &&usize| match (fs::read(&files[**known]), fs::read(path)) {
            (Ok(one), Ok(other)) => one == other,
            (Ok(_) | Err(_), _) => false,
        };
        copies[index] = known.iter().find(same).copied();
        if copies[index].is_none() {
            known.push(index);
        }
    }
    copies
}

/// The hash in a name such as `.coverage.host.pid7.XabcdefxHabcdefghijh` (coverage 7.17.3, `sqldata.py`).
fn hash_in_name(path: &Path) -> Option<&str> {
    let last = path.file_name()?.to_str()?.rsplit('.').next()?;
    let hash = last.strip_prefix('H')?.strip_suffix('h')?;
    (hash.len() == 10).then_some(hash)
}

/// All of one input, by the names its sources have here.
fn contents(path: &Path, remap: &Remap) -> Result<Batch, StoreError> {
    let mut batch = DataFile::open(path)?.contents()?;
    for file in &mut batch.files {
        file.path = remap.map(&file.path);
    }
    Ok(batch)
}

/// What is handed on: batches of the contents of many inputs.
pub(super) struct Batches<'a> {
    receiver: Option<Receiver<(usize, Result<Batch, StoreError>)>>,
    files: &'a [PathBuf],
    progress: &'a Progress,
    inputs: Inputs,
    /// The texts on the disk, where inputs have different ones.
    texts: HashMap<String, Option<SourceHash>>,
    /// The plugin that measured each file that was handed on.
    tracers: HashMap<String, Option<String>>,
}

impl<'a> Batches<'a> {
    fn new(
        receiver: Receiver<(usize, Result<Batch, StoreError>)>,
        files: &'a [PathBuf],
        progress: &'a Progress,
    ) -> Self {
        let inputs = Inputs { fates: vec![Fate::Unusable; files.len()], ..Inputs::default() };
        Self {
            receiver: Some(receiver),
            files,
            progress,
            inputs,
            texts: HashMap::new(),
            tracers: HashMap::new(),
        }
    }

    fn close(&mut self) {
        self.receiver = None;
    }

    /// Adds an input to `united`; tells how much of it was new.
    fn unite(&mut self, batch: Batch, united: &mut BTreeMap<String, BatchFile>) -> usize {
        let mut new = 0;
        for file in batch.files {
            self.tracers.entry(file.path.clone()).or_insert_with(|| file.tracer.clone());
            let Some(known) = united.get_mut(&file.path) else {
                let path = file.path.clone();
                let mut empty = BatchFile { path: path.clone(), ..BatchFile::default() };
                new += 1 + empty.unite(file);
                united.insert(path, empty);
                continue;
            };
            if let (Some(one), Some(other)) = (known.source, file.source)
                && one != other
            {
                // Lines of different texts are not to be mixed: the text that is there now counts, else the first.
                let text = *self.texts.entry(file.path.clone()).or_insert_with_key(|path| {
                    read_source(Path::new(path)).ok().map(|text| source::hash(&text))
                });
                self.inputs.changed.insert(file.path.clone());
                if text == Some(other) {
                    *known = file;
                }
                continue;
            }
            new += known.unite(file);
        }
        new
    }

    /// A file that another plugin measured elsewhere, which would make nonsense of both.
    fn conflict(&self, batch: &Batch) -> Option<String> {
        batch.files.iter().find_map(|file| {
            let known = self.tracers.get(&file.path)?;
            let name = |tracer: &Option<String>| tracer.clone().unwrap_or_default();
            (known != &file.tracer).then(|| {
                format!(
                    "conflicting file tracer name for '{}': '{}' and '{}'",
                    file.path,
                    name(known),
                    name(&file.tracer)
                )
            })
        })
    }
}

impl Iterator for Batches<'_> {
    type Item = Batch;

    /// The next inputs, as many as fit into memory.
    fn next(&mut self) -> Option<Batch> {
        let mut united: BTreeMap<String, BatchFile> = BTreeMap::new();
        let mut all = Batch::default();
        let mut weight = 0;
        let mut is_any = false;
        while weight < WEIGHT_LIMIT {
            let Some((index, contents)) = self.receiver.as_ref()?.recv().ok() else { break };
            self.progress.advance();
            let contents = contents.map_err(|error| error.to_string()).and_then(|batch| {
                self.conflict(&batch).map_or(Ok(batch), |conflict| {
                    Err(format!("couldn't use data file '{}': {conflict}", self.files[index].display()))
                })
            });
            match contents {
                Ok(mut batch) => {
                    is_any = true;
                    all.tests.append(&mut batch.tests);
                    self.inputs.fates[index] = Fate::Combined;
                    all.branches |= batch.branches;
                    all.edges |= batch.edges;
                    all.vectors |= batch.vectors;
                    // Of several Pythons the newest, whatever the order they are read in.
                    if version(&batch.python) > version(&all.python) {
                        all.python.clone_from(&batch.python);
                    }
                    weight += self.unite(batch, &mut united);
                }
                Err(trouble) => self.inputs.troubles.push(trouble),
            }
        }
        all.files = united.into_values().collect();
        is_any.then_some(all)
    }
}

/// The numbers of a version.
fn version(text: &str) -> Vec<u32> {
    text.split('.').map_while(|part| part.parse().ok()).collect()
}
