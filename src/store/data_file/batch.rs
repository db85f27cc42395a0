//! What is added to a data file at once.
//!
//! Must not know: where it comes from, how it is stored. Invariant: to unite the same twice changes nothing.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use super::Vectors;
use crate::model::{CodeKey, Edge, Layout, LineArc, LineSet, SortedSet, SourceHash, TestNeeds};

/// What one or more processes of one Python saw.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Batch {
    /// The Python version that ran the programs, such as `3.13.0`.
    pub(crate) python: String,
    /// Whether steps between lines were recorded: the data file then holds arcs from now on.
    pub(crate) branches: bool,
    /// Whether every edge was recorded.
    pub(crate) edges: bool,
    /// Whether evaluations of decisions were recorded.
    pub(crate) vectors: bool,
    /// Each path at most once, or later entries add to earlier ones.
    pub(crate) files: Vec<BatchFile>,
    /// What tests depend on.
    pub(crate) tests: Vec<TestNeeds>,
    /// Whether what these tests did in earlier runs is forgotten.
    pub(crate) replaces: bool,
}

impl Batch {
    /// How many rows its lines and steps make at most.
    pub(super) fn most_arcs(&self) -> usize {
        self.files.iter().map(BatchFile::most_arcs).sum()
    }

    /// The contexts in which anything was recorded.
    pub(super) fn contexts(&self) -> BTreeSet<&str> {
        // Where tests are contexts, each is named by each code object that it runs: told by hash before any are put in order.
        let all: HashSet<&str> = self.files.iter().flat_map(BatchFile::contexts).collect();
        all.into_iter().collect()
    }
}

/// What was seen of one file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct BatchFile {
    /// Absolute path. SQLite text is UTF-8: the caller decides what becomes of other names.
    pub(crate) path: String,
    /// Hash of the text that ran, if it is known.
    pub(crate) source: Option<SourceHash>,
    /// Where the blocks of that text stand, where tests were recorded.
    pub(crate) layout: Option<Layout>,
    /// Lines that ran, by context; "" when there was none. Empty for a file that was never imported.
    pub(crate) lines: BTreeMap<String, LineSet>,
    /// Steps between lines that were taken, by context. Only in a batch with branches. The lines at their ends need not
    /// be among [`lines`](Self::lines).
    pub(crate) arcs: BTreeMap<String, SortedSet<LineArc>>,
    pub(crate) codes: Vec<BatchCode>,
    /// Evaluations of decisions, by context.
    pub(crate) vectors: BTreeMap<String, Vectors>,
    /// The plugin of coverage.py's that measured it, as `module.Class`.
    pub(crate) tracer: Option<String>,
}

impl BatchFile {
    /// How many rows its lines and steps make at most.
    fn most_arcs(&self) -> usize {
        let lines = self.lines.values().map(LineSet::len);
        lines.chain(self.arcs.values().map(SortedSet::len)).sum()
    }

    /// The contexts in which anything was recorded, some of them many times.
    fn contexts(&self) -> impl Iterator<Item = &str> {
        let lines = self.lines.iter().filter(|(_, lines)| !lines.is_empty()).map(|(context, _)| context);
        let arcs = self.arcs.iter().filter(|(_, arcs)| !arcs.is_empty()).map(|(context, _)| context);
        let edges = self.codes.iter().flat_map(|code| &code.edges).filter(|(_, edges)| !edges.is_empty());
        let vectors = self.vectors.iter().filter(|(_, vectors)| !vectors.is_empty());
        let others = edges.map(|(context, _)| context).chain(vectors.map(|(context, _)| context));
        lines.chain(arcs).chain(others).map(String::as_str)
    }

    /// The code objects in which edges were taken, and these by context: each once, in the order of their table. (A module that was
    /// loaded twice has each of its code objects twice.)
    pub(super) fn taken(&self) -> impl Iterator<Item = (&CodeKey, BTreeMap<&str, Arc<SortedSet<Edge>>>)> {
        let mut codes: Vec<&BatchCode> = self.codes.iter().collect();
        codes.sort_unstable_by_key(|code| (code.key.first_line, &code.key.qualname, code.key.fingerprint));
        let mut codes = codes.into_iter().peekable();
        let united = std::iter::from_fn(move || {
            let first = codes.next()?;
            let mut taken = first.taken();
            while let Some(alike) = codes.next_if(|next| next.key == first.key) {
                for (context, edges) in alike.taken() {
                    let known = taken.entry(context).or_default();
                    Arc::make_mut(known).unite(Arc::unwrap_or_clone(edges));
                }
            }
            Some((&first.key, taken))
        });
        united.filter(|(_, taken)| !taken.is_empty())
    }

    /// Adds what was seen of the same file and the same text elsewhere; tells how much of it was new, in arcs, edges and
    /// sets of lines.
    pub(crate) fn unite(&mut self, other: Self) -> usize {
        let Self { path: _, source, layout, lines, arcs, codes, tracer, vectors } = other;
        self.source = self.source.or(source);
        self.layout = self.layout.take().or(layout);
        self.tracer = self.tracer.take().or(tracer);
        let mut new = 0;
        for (context, lines) in lines {
            if let Some(known) = self.lines.get_mut(&context) {
                known.union_with(&lines);
            } else {
                self.lines.insert(context, lines);
                new += 1;
            }
        }
        for (context, arcs) in arcs {
            new += self.arcs.entry(context).or_default().unite(arcs);
        }
        for (context, vectors) in vectors {
            let known = self.vectors.entry(context).or_default();
            for (place, vectors) in vectors {
                let known = known.entry(place).or_default();
                let before = known.len();
                known.extend(vectors);
                new += known.len() - before;
            }
        }
        if codes.is_empty() {
            return new;
        }
        let mut places: BTreeMap<CodeKey, usize> =
            self.codes.iter().enumerate().map(|(place, code)| (code.key.clone(), place)).collect();
        for code in codes {
            let place = *places.entry(code.key.clone()).or_insert_with(|| {
                self.codes.push(BatchCode { key: code.key.clone(), ..BatchCode::default() });
                self.codes.len() - 1
            });
            for (context, edges) in code.edges {
                let known = self.codes[place].edges.entry(context).or_default();
                new += Arc::make_mut(known).unite(Arc::unwrap_or_clone(edges));
            }
        }
        new
    }
}

/// What was seen of one code object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct BatchCode {
    pub(crate) key: CodeKey,
    /// Edges that were taken, by context: shared, because most contexts take the same ways.
    pub(crate) edges: BTreeMap<String, Arc<SortedSet<Edge>>>,
}

impl BatchCode {
    /// Edges by the contexts in which any were taken.
    fn taken(&self) -> BTreeMap<&str, Arc<SortedSet<Edge>>> {
        let edges = self.edges.iter().filter(|(_, edges)| !edges.is_empty());
        edges.map(|(context, edges)| (context.as_str(), Arc::clone(edges))).collect()
    }
}
