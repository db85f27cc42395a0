//! What journals add to the data file: contents of any number of them, put together by file.
//!
//! Must not know: where journals come from, who writes the data file. Invariant: adding the same journal twice changes
//! nothing.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::bytecode;
use crate::model::{CodeKey, CodeShape, Edge, FileStamp, LineNo, LineSet, SourceHash};
use crate::paths::{Patterns, canonical, display_name, python_files};
use crate::source;
use crate::store::{Batch, BatchCode, BatchFile, JournalContents, JournaledFile, RunHeader};

/// Journals put together.
#[derive(Debug, Default)]
pub(super) struct Batches {
    /// By the Python that ran, and whether steps between lines were recorded: files by path.
    groups: BTreeMap<(String, [bool; 3]), BTreeMap<String, BatchFile>>,
    /// Files that changed between running and now.
    pub(super) changed: BTreeSet<PathBuf>,
    /// Whether anything at all was recorded.
    pub(super) has_data: bool,
    /// Packages asked for by name of which a module ran.
    pub(super) packages: BTreeSet<String>,
    /// What has been said already of code objects, by Python, kind of run, context and file.
    said: HashMap<(String, bool, String, String), BTreeSet<Said>>,
    /// What the texts on the disk are now.
    texts: HashMap<PathBuf, Option<Text>>,
    /// The files that count although they never ran.
    never_run: BTreeMap<Sources, Vec<String>>,
}

/// A code object, the edges taken in it, and those of its lines that ran.
type Said = (CodeKey, BTreeSet<Edge>, Vec<LineNo>);

/// A file as it is now.
#[derive(Clone, Copy, Debug)]
struct Text {
    modified: i64,
    size: u64,
    hash: SourceHash,
}

impl Extend<JournalContents> for Batches {
    fn extend<I: IntoIterator<Item = JournalContents>>(&mut self, journals: I) {
        for contents in journals {
            self.add(contents);
        }
    }
}

impl Batches {
    /// Adds what a journal says.
    fn add(&mut self, contents: JournalContents) {
        let JournalContents { settings, mut files, packages } = contents;
        if let Some(include) = &settings.include {
            // The patterns were read when the run began, so they are good.
            let folder = Path::new(&settings.folder);
            let include = Patterns::new(include, folder).unwrap_or_default();
            let omit = Patterns::new(&settings.omit, folder).unwrap_or_default();
            let is_wanted = |path: &Path| include.is_empty() || include.matches(path);
            files.retain(|path, _| is_wanted(Path::new(path)) && !omit.matches(Path::new(path)));
        }
        self.packages.extend(packages);
        self.has_data |= !files.is_empty();
        let measured: Vec<PathBuf> = files.keys().map(PathBuf::from).collect();
        let mut found = Vec::with_capacity(files.len());
        for (path, journaled) in files {
            match self.text_that_ran(Path::new(&path), journaled.stamp) {
                Ok(source) => found.push(self.batch_file(path, source, &settings, journaled)),
                Err(Changed) => {
                    self.changed.insert(PathBuf::from(path));
                }
            }
        }
        let never_run = self.never_run(&settings, &measured);
        for file in found.iter_mut().filter(|_| settings.relative_files) {
            file.path = display_name(&file.path, Path::new(&settings.folder));
        }
        let group = self
            .groups
            .entry((settings.python, [settings.branches, settings.edges, settings.vectors]))
            .or_default();
        for file in found {
            match group.get_mut(&file.path) {
                Some(known) => {
                    known.unite(file);
                }
                None => {
                    group.insert(file.path.clone(), file);
                }
            }
        }
        for path in never_run {
            group.entry(path.clone()).or_insert_with(|| BatchFile { path, ..BatchFile::default() });
        }
    }

    /// One batch for each Python, none of them empty.
    pub(super) fn into_batches(self) -> Vec<Batch> {
        let groups = self.groups.into_iter().filter(|(_, files)| !files.is_empty());
        groups
            .map(|((python, [branches, edges, vectors]), files)| Batch {
                python,
                branches,
                edges,
                vectors,
                files: files.into_values().collect(),
            })
            .collect()
    }

    /// What was seen of one file: lines, steps between them as recorded or as they follow from edges, and these edges. Code
    /// objects of which another journal has said the same are left out.
    fn batch_file(
        &mut self,
        path: String,
        source: Option<SourceHash>,
        settings: &RunHeader,
        JournaledFile { lines, mut arcs, codes, vectors, stamp: _ }: JournaledFile,
    ) -> BatchFile {
        let context = &settings.context;
        let place = (settings.python.clone(), settings.branches, context.clone(), path.clone());
        let said = self.said.entry(place).or_default();
        let mut news = Vec::new();
        for (shape, edges) in codes {
            let key = CodeKey::of(&shape);
            let own_lines = lines_of(&shape, &lines);
            if said.insert((key.clone(), edges.clone(), own_lines.clone())) {
                arcs.extend(bytecode::line_arcs(&shape, &edges, &own_lines.into_iter().collect()));
                news.push(BatchCode {
                    key,
                    edges: BTreeMap::from([(context.clone(), edges.into_iter().collect())]),
                });
            }
        }
        BatchFile {
            path,
            source,
            lines: BTreeMap::from([(context.clone(), lines)]),
            arcs: BTreeMap::from([(context.clone(), arcs.into_iter().collect())]),
            codes: news,
            tracer: None,
            vectors: BTreeMap::from([(context.clone(), vectors)]),
        }
    }

    /// Hash of the file's text, if that is the text that ran. `None`: it is out of reach, the data is not.
    fn text_that_ran(&mut self, path: &Path, stamp: FileStamp) -> Result<Option<SourceHash>, Changed> {
        let text = *self.texts.entry(path.to_path_buf()).or_insert_with(|| read_text(path).ok());
        let Some(text) = text else { return Ok(None) };
        let is_same = match stamp.text {
            Some(hash) => text.hash == hash,
            None => (text.modified, text.size) == (stamp.modified, stamp.size),
        };
        if is_same { Ok(Some(text.hash)) } else { Err(Changed) }
    }

    /// The files under the run's source folders, run or not, that its `omit` patterns leave; and those of source packages
    /// of which something was `measured`. By the names that the data file calls them.
    fn never_run(&mut self, settings: &RunHeader, measured: &[PathBuf]) -> Vec<String> {
        let packages = settings
            .package_folders
            .iter()
            .filter(|folder| {
                let folder = canonical(Path::new(folder));
                measured.iter().any(|path| path.starts_with(&folder))
            })
            .cloned();
        let folders: Vec<String> = settings.source_folders.iter().cloned().chain(packages).collect();
        if folders.is_empty() {
            return Vec::new();
        }
        let RunHeader { omit, folder, namespace_packages, relative_files, .. } = settings.clone();
        let place = Sources { folders, omit, folder, namespace_packages, relative_files };
        if let Some(known) = self.never_run.get(&place) {
            return known.clone();
        }
        let files = place.files();
        self.never_run.insert(place, files.clone());
        files
    }
}

/// Where files lie that count as missed when they never ran.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Sources {
    folders: Vec<String>,
    omit: Vec<String>,
    folder: String,
    namespace_packages: bool,
    relative_files: bool,
}

impl Sources {
    fn files(&self) -> Vec<String> {
        // The patterns were read when the run began, so they are good; if not, nothing is left out.
        let omit = Patterns::new(&self.omit, Path::new(&self.folder)).unwrap_or_default();
        self.folders
            .iter()
            .flat_map(|folder| {
                let folder = Path::new(folder);
                if folder.is_file() {
                    vec![folder.to_path_buf()]
                } else {
                    python_files(folder, self.namespace_packages)
                }
            })
            .map(|path| canonical(&path))
            .filter(|path| !omit.matches(path))
            .filter_map(|path| path.to_str().map(str::to_owned))
            .map(|path| if self.relative_files { display_name(&path, Path::new(&self.folder)) } else { path })
            .collect()
    }
}

/// The text is another one now.
struct Changed;

fn read_text(path: &Path) -> io::Result<Text> {
    let metadata = fs::metadata(path)?;
    let modified = metadata.mtime().saturating_mul(1_000_000_000).saturating_add(metadata.mtime_nsec());
    Ok(Text { modified, size: metadata.len(), hash: source::hash(&fs::read(path)?) })
}

/// The lines that ran among those of one code object.
fn lines_of(shape: &CodeShape, lines: &LineSet) -> Vec<LineNo> {
    let Some((first, last)) = bytecode::line_range(&shape.line_table, shape.first_line) else {
        return Vec::new();
    };
    if (last - first) as usize <= lines.len() {
        (first..=last).filter(|line| lines.contains(*line)).collect()
    } else {
        lines.iter().filter(|line| (first..=last).contains(line)).collect()
    }
}
