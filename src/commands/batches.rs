//! What journals add to the data file: contents of any number of them, put together by file.
//!
//! Must not know: where journals come from, who writes the data file. Invariant: adding the same journal twice changes
//! nothing.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::needs::RecordedRuns;
use crate::bytecode::{self, Analysis, LineSteps};
use crate::model::{CodeKey, CodeShape, Edge, FileStamp, LineArc, LineSet, SortedSet, SourceHash};
use crate::paths::{Patterns, canonical, display_name, python_files, source_and_metadata};
use crate::source;
use crate::store::{
    Batch, BatchCode, BatchFile, JournalContents, JournaledCode, JournaledFile, RunHeader, SeenInContext,
};

/// Journals put together.
#[derive(Debug, Default)]
pub(super) struct Batches {
    /// By the Python that ran, and whether steps between lines were recorded: files in the order of their paths.
    groups: BTreeMap<(String, [bool; 3]), Vec<BatchFile>>,
    /// Files that changed between running and now.
    pub(super) changed: BTreeSet<PathBuf>,
    /// Whether anything at all was recorded.
    pub(super) has_data: bool,
    /// Packages asked for by name of which a module ran.
    pub(super) packages: BTreeSet<String>,
    /// What was recorded of tests.
    recorded: RecordedRuns,
    /// What has been said already of code objects, by Python, kind of run and file.
    said: HashMap<(String, bool, String), HashSet<Said>>,
    /// What the texts on the disk are now.
    texts: HashMap<PathBuf, Option<Text>>,
    /// What they are read into.
    buffer: Vec<u8>,
    /// The files that count although they never ran.
    never_run: BTreeMap<Sources, Vec<String>>,
    /// What is known already of the code objects in the journal that is being added, by number.
    analyses: HashMap<u32, Arc<Analysis>>,
    /// Whether no other journal is added.
    has_one_journal: bool,
}

/// A context, a code object, the edges taken in it there, and those of its lines that ran.
type Said = (String, CodeKey, Arc<SortedSet<Edge>>, LineSet);

/// So many contexts at most has the journal of a process like those that a test starts by the dozen: none, and the test's.
const FEW_CONTEXTS: usize = 2;

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
    /// What the journal of this process says, of whose code objects this is known, by number.
    pub(super) fn of_own(contents: JournalContents, analyses: HashMap<u32, Arc<Analysis>>) -> Self {
        let mut batches = Self { analyses, has_one_journal: true, ..Self::default() };
        batches.add(contents);
        // The process ends: its memory goes faster than it is given back piece by piece.
        std::mem::forget(std::mem::take(&mut batches.analyses));
        batches
    }

    /// Adds what a journal says.
    fn add(&mut self, contents: JournalContents) {
        let JournalContents { settings, contexts, mut files, uses, packages } = contents;
        let labels: Vec<String> = contexts.iter().map(|label| joined(&settings.context, label)).collect();
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
        let never_run = self.never_run(&settings, &files);
        let mut found = Vec::with_capacity(files.len() + never_run.len());
        let mut lost = Vec::new();
        let uses =
            uses.into_iter().filter_map(|(place, uses)| Some((labels.get(place)?.clone(), uses))).collect();
        for (path, journaled) in files {
            if let Ok(source) = self.text_that_ran(&path, journaled.stamp) {
                found.push(self.batch_file(path, source, &settings, &labels, journaled));
            } else {
                let seen_in = journaled.seen.iter().filter_map(|(place, _)| labels.get(*place).cloned());
                lost.push((path.clone(), seen_in.collect()));
                self.changed.insert(PathBuf::from(path));
            }
        }
        self.recorded.add(&settings, &found, lost, uses);
        for file in found.iter_mut().filter(|_| settings.relative_files) {
            file.path = display_name(&file.path, Path::new(&settings.folder));
        }
        found.extend(never_run.into_iter().map(|path| BatchFile { path, ..BatchFile::default() }));
        let group = self
            .groups
            .entry((settings.python, [settings.branches, settings.edges, settings.vectors]))
            .or_default();
        add_files(group, found);
    }

    /// One batch for each Python, none of them empty.
    pub(super) fn into_batches(self) -> Vec<Batch> {
        let groups = self.groups.into_iter().filter(|(_, files)| !files.is_empty());
        let mut batches: Vec<Batch> = groups
            .map(|((python, [branches, edges, vectors]), files)| Batch {
                python,
                branches,
                edges,
                vectors,
                files,
                tests: Vec::new(),
                replaces: false,
            })
            .collect();
        if let Some(first) = batches.first_mut() {
            first.replaces = self.recorded.replaces;
            let (tests, layouts) = self.recorded.into_needs();
            first.tests = tests;
            for file in batches.iter_mut().flat_map(|batch| &mut batch.files) {
                file.layout = file.source.and_then(|source| layouts.of(&file.path, &source));
            }
        }
        batches
    }

    /// What was seen of one file: lines, steps between them as recorded or as they follow from edges, and these edges. Code
    /// objects of which another journal has said the same are left out.
    fn batch_file(
        &mut self,
        path: String,
        source: Option<SourceHash>,
        settings: &RunHeader,
        labels: &[String],
        JournaledFile { seen, codes, stamp: _ }: JournaledFile,
    ) -> BatchFile {
        let mut file = BatchFile { path, source, ..BatchFile::default() };
        // What is made in one context may run in another.
        let has_contexts = seen.len() > 1;
        // Whoever runs many tests is the only one to tell of them.
        let is_one_of_many = labels.len() <= FEW_CONTEXTS && !self.has_one_journal;
        let mut said = is_one_of_many.then(|| {
            let place = (settings.python.clone(), settings.branches, file.path.clone());
            self.said.entry(place).or_default()
        });
        let all_lines = match seen.as_slice() {
            [(_, only)] => Cow::Borrowed(&only.lines),
            several => {
                let mut all = LineSet::new();
                for (_, seen) in several {
                    all.union_with(&seen.lines);
                }
                Cow::Owned(all)
            }
        };
        let mut taken: BTreeMap<usize, Vec<LineArc>> = BTreeMap::new();
        file.codes.reserve(codes.len());
        for JournaledCode { number, shape, mut edges } in codes {
            let key = CodeKey::of(&shape);
            let mut ways = Ways::of(&shape, self.analyses.get(&number).cloned(), &all_lines, has_contexts);
            let mut news = BTreeMap::new();
            let mut add = |place: usize, edges: SortedSet<Edge>, lines: &LineSet| {
                if edges.is_empty() && !ways.has_lines_among(lines) {
                    return;
                }
                let label = &labels[place];
                let way = ways.of_context(edges, lines);
                if let Some(said) = &mut said
                    && !said.insert((label.clone(), key.clone(), way.edges.clone(), way.lines.clone()))
                {
                    return;
                }
                taken.entry(place).or_default().extend_from_slice(&way.arcs);
                news.insert(label.clone(), Arc::clone(&way.edges));
            };
            for (place, seen) in &seen {
                let own = edges.binary_search_by_key(place, |(place, _)| *place);
                let own = own.map(|own| std::mem::take(&mut edges[own].1)).unwrap_or_default();
                add(*place, own, &seen.lines);
            }
            for (place, rest) in edges {
                add(place, rest, &LineSet::new());
            }
            if !news.is_empty() {
                file.codes.push(BatchCode { key, edges: news });
            }
        }
        for (place, SeenInContext { lines, arcs, vectors }) in seen {
            let label = &labels[place];
            file.lines.insert(label.clone(), lines);
            if !arcs.is_empty() {
                taken.entry(place).or_default().extend(arcs);
            }
            if !vectors.is_empty() {
                file.vectors.insert(label.clone(), vectors);
            }
        }
        for (place, arcs) in taken {
            file.arcs.entry(labels[place].clone()).or_default().unite(arcs.into_iter().collect());
        }
        file
    }

    /// Hash of the file's text, if that is the text that ran. `None`: it is out of reach, the data is not.
    fn text_that_ran(&mut self, path: &str, stamp: FileStamp) -> Result<Option<SourceHash>, Changed> {
        let path = Path::new(path);
        // The journal of one process names each file once.
        let text = if self.has_one_journal {
            read_text(path, &mut self.buffer).ok()
        } else {
            let read = || read_text(path, &mut self.buffer).ok();
            *self.texts.entry(path.to_path_buf()).or_insert_with(read)
        };
        let Some(text) = text else { return Ok(None) };
        let is_same = match stamp.text {
            Some(hash) => text.hash == hash,
            None => (text.modified, text.size) == (stamp.modified, stamp.size),
        };
        if is_same { Ok(Some(text.hash)) } else { Err(Changed) }
    }

    /// The files under the run's source folders, run or not, that its `omit` patterns leave; and those of source packages
    /// of which something was `measured`. By the names that the data file calls them.
    fn never_run(&mut self, settings: &RunHeader, measured: &BTreeMap<String, JournaledFile>) -> Vec<String> {
        let packages = settings
            .package_folders
            .iter()
            .filter(|folder| {
                let folder = canonical(Path::new(folder));
                measured.keys().any(|path| Path::new(path).starts_with(&folder))
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

/// Adds files to those that are in the order of their paths.
fn add_files(files: &mut Vec<BatchFile>, more: Vec<BatchFile>) {
    let mut new: Vec<BatchFile> = more.into_iter().filter_map(|file| unite_with_known(files, file)).collect();
    if files.is_empty() {
        std::mem::swap(files, &mut new);
    }
    files.append(&mut new);
    if files.is_sorted_by(|one, next| one.path < next.path) {
        return;
    }
    files.sort_by(|one, other| one.path.cmp(&other.path));
    files.dedup_by(|other, one| {
        let is_same = other.path == one.path;
        if is_same {
            one.unite(std::mem::take(other));
        }
        is_same
    });
}

/// Adds what was seen of a file to the one of that path; gives it back where there is none.
fn unite_with_known(files: &mut [BatchFile], file: BatchFile) -> Option<BatchFile> {
    match files.binary_search_by(|known| known.path.cmp(&file.path)) {
        Ok(place) => {
            files[place].unite(file);
            None
        }
        Err(_) => Some(file),
    }
}

/// The text is another one now.
struct Changed;

fn read_text(path: &Path, buffer: &mut Vec<u8>) -> io::Result<Text> {
    let (text, metadata) = source_and_metadata(path, buffer)?;
    let modified = metadata.mtime().saturating_mul(1_000_000_000).saturating_add(metadata.mtime_nsec());
    Ok(Text { modified, size: metadata.len(), hash: source::hash(text) })
}

/// A context as the data file calls it: that of the run, and behind it the one that followed the program.
fn joined(of_run: &str, of_program: &str) -> String {
    match (of_run, of_program) {
        ("", label) | (label, "") => label.to_owned(),
        (of_run, of_program) => format!("{of_run}|{of_program}"),
    }
}

/// The ways that contexts take through one code object: mostly the same few.
struct Ways<'a> {
    shape: &'a CodeShape,
    /// Whether lines that the code shares with what it makes on them tell nothing of it.
    has_contexts: bool,
    /// Lines that ran in any context, from its first to its last.
    range: LineSet,
    /// What an analysis of the code object says, if there is one already.
    analysis: Option<Arc<Analysis>>,
    /// The steps that follow from it, and the lines that tell of the code object.
    steps: Option<(LineSteps, LineSet)>,
    known: HashMap<(Arc<SortedSet<Edge>>, LineSet), Way>,
    /// The one asked for last, where there are no contexts to ask for it again.
    last: Option<Way>,
}

/// A way through a code object.
struct Way {
    edges: Arc<SortedSet<Edge>>,
    /// The lines that ran among those that tell of the code object.
    lines: LineSet,
    /// The steps between lines that follow.
    arcs: Vec<LineArc>,
}

impl<'a> Ways<'a> {
    fn of(
        shape: &'a CodeShape,
        analysis: Option<Arc<Analysis>>,
        all_lines: &LineSet,
        has_contexts: bool,
    ) -> Self {
        let range = bytecode::line_range(&shape.line_table, shape.first_line);
        let range = range.map(|range| all_lines.between(range.least, range.greatest)).unwrap_or_default();
        Self { shape, has_contexts, range, analysis, steps: None, known: HashMap::new(), last: None }
    }

    /// Whether any of these lines may be the code object's.
    fn has_lines_among(&self, lines: &LineSet) -> bool {
        self.range.touches(lines)
    }

    /// The way that a context took in which these `edges` were taken, and these `lines` of the file ran.
    fn of_context(&mut self, edges: SortedSet<Edge>, lines: &LineSet) -> &Way {
        let (steps, telling) = self.steps.get_or_insert_with(|| {
            let steps = match self.analysis.take() {
                Some(known) => LineSteps::of(self.shape, known),
                None => LineSteps::new(self.shape),
            };
            let telling =
                if self.has_contexts { self.range.difference(steps.shared()) } else { self.range.clone() };
            (steps, telling)
        });
        let lines = lines.within(telling);
        let way = |edges: &Arc<SortedSet<Edge>>, lines: &LineSet| Way {
            edges: Arc::clone(edges),
            lines: lines.clone(),
            arcs: steps.arcs(edges, lines).into_iter().collect(),
        };
        let edges = Arc::new(edges);
        if self.has_contexts {
            self.known.entry((edges, lines)).or_insert_with_key(|(edges, lines)| way(edges, lines))
        } else {
            self.last.insert(way(&edges, &lines))
        }
    }
}
