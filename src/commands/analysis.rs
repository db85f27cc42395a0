//! From source files to facts: read, compared with what ran, taken from the cache or compiled and analysed.
//!
//! Invariant: the interpreter is booted only if something must be compiled.

use std::collections::BTreeMap;
use std::path::Path;

use super::Failure;
use super::compiling::{self, Source};
use super::exclusions::ExclusionRules;
use super::parallel::in_parallel;
use crate::bytecode::{self, Joiner};
use crate::config::Workplace;
use crate::error::UserError;
use crate::model::{CodeShape, Facts, MeasuredFile, SourceHash};
use crate::paths::read_source;
use crate::python;
use crate::report::MeasuredSource;
use crate::source;
use crate::store::{DataFile, FactsKey, StoreError};
use crate::ui;

/// Why a file has no facts: what to say, as a sentence about it.
#[derive(Debug)]
pub(super) struct Unusable {
    pub(super) message: String,
}

/// A file on its way into a report.
struct Candidate {
    path: String,
    name: String,
    /// Empty where it is not needed any more.
    text: Vec<u8>,
    hash: SourceHash,
    seen: MeasuredFile,
    /// Whether what was seen was seen of another text, and dropped.
    has_changed: bool,
}

/// Analyses `files` (absolute path, display name, what was seen), which keep their order, and hands on their texts if told
/// to.
pub(super) fn analyse(
    workplace: &Workplace,
    data: &DataFile,
    files: Vec<(String, String, MeasuredFile)>,
    rules: &ExclusionRules,
    keep_text: bool,
) -> Result<Vec<Result<MeasuredSource, Unusable>>, Failure> {
    let digest = &rules.digest;
    let version = python::version();

    let mut candidates: Vec<Result<Candidate, Unusable>> = in_parallel(files, read);
    let mut known: Vec<Option<Facts>> = Vec::with_capacity(candidates.len());
    for candidate in &mut candidates {
        let Ok(candidate) = candidate else {
            known.push(None);
            continue;
        };
        if candidate.has_changed {
            let name = &candidate.name;
            ui::warn(
                &ui::SOURCE_CHANGED,
                format!("{name} changed since it was measured, so it is reported as not run; run it again"),
            );
        }
        let facts = data
            .facts(&candidate.key(&version, digest))
            .map_err(|error| UserError::new(error.to_string()))?;
        if facts.is_some() && !keep_text {
            candidate.text = Vec::new();
        }
        known.push(facts);
    }

    let unknown: Vec<(usize, &Candidate)> = candidates
        .iter()
        .enumerate()
        .filter_map(|(place, candidate)| Some((place, candidate.as_ref().ok()?)))
        .filter(|(place, _)| known[*place].is_none())
        .collect();
    let computed = compute(&unknown, rules)?;
    let fresh: Vec<(FactsKey, &Facts)> = unknown
        .iter()
        .zip(&computed)
        .filter_map(|((_, candidate), facts)| Some((candidate.key(&version, digest), facts.as_ref().ok()?)))
        .collect();
    keep(workplace, &fresh);

    let places: Vec<usize> = unknown.into_iter().map(|(place, _)| place).collect();
    let mut facts: Vec<Option<Result<Facts, String>>> =
        known.into_iter().map(|facts| facts.map(Ok)).collect();
    for (place, computed) in places.into_iter().zip(computed) {
        facts[place] = Some(computed);
    }
    let sources = candidates.into_iter().zip(facts).map(|(candidate, facts)| {
        let candidate = candidate?;
        match facts {
            Some(Ok(facts)) => Ok(candidate.with(facts, keep_text)),
            Some(Err(reason)) => Err(Unusable {
                message: format!("couldn't parse '{}' as Python source: {reason}", candidate.path),
            }),
            // Each candidate without known facts was computed.
            None => Err(Unusable { message: format!("'{}' was not analysed", candidate.path) }),
        }
    });
    Ok(sources.collect())
}

/// Analyses files; of each, the error is the reason why it is no Python source.
///
/// What the interpreter has compiled before is taken from its cache, which is done side by side as all else; the rest it
/// compiles.
fn compute(
    unknown: &[(usize, &Candidate)],
    rules: &ExclusionRules,
) -> Result<Vec<Result<Facts, String>>, UserError> {
    let cached = in_parallel(unknown.to_vec(), |(_, candidate)| {
        let shape = python::cached_code(Path::new(&candidate.path), candidate.text.len())?;
        Some(facts(candidate, &shape, rules))
    });
    let uncached = unknown.iter().zip(&cached).filter(|(_, cached)| cached.is_none());
    let sources: Vec<Source> =
        uncached.map(|((_, candidate), _)| (candidate.path.as_str(), candidate.text.as_slice())).collect();
    let mut compiled = compiling::compile(&sources)?.into_iter();
    let mut work: Vec<(&Candidate, Known)> = Vec::with_capacity(cached.len());
    for ((_, candidate), cached) in unknown.iter().zip(cached) {
        let known = cached.map_or_else(
            || match compiled.next() {
                Some(Ok(shape)) => Known::Code(shape),
                Some(Err(reason)) => Known::All(Err(reason)),
                None => Known::All(Err("it was not compiled".to_owned())),
            },
            Known::All,
        );
        work.push((candidate, known));
    }
    Ok(in_parallel(work, |(candidate, known)| match known {
        Known::Code(shape) => facts(candidate, &shape, rules),
        Known::All(facts) => facts,
    }))
}

/// What is known of a file once its code object is.
enum Known {
    Code(CodeShape),
    /// Its facts, or why it has none.
    All(Result<Facts, String>),
}

/// Adds what is only read where something asks for it: edges, and evaluations of decisions.
pub(super) fn add_decisions(
    data: &DataFile,
    files: &mut BTreeMap<String, MeasuredFile>,
    in_selected: &dyn Fn(&str) -> bool,
    with_contexts: bool,
) -> Result<(), StoreError> {
    let (has_edges, has_vectors) = (data.has_edges()?, data.has_vectors()?);
    for (path, seen) in files {
        seen.edges = data.edges(path, in_selected)?;
        seen.vectors = data.vectors(path, in_selected)?;
        if with_contexts {
            seen.edge_contexts = data.edges_by_context(path, in_selected)?;
            seen.vector_contexts = data.vectors_by_context(path, in_selected)?;
        }
        seen.has_edges = has_edges;
        seen.has_vectors = has_vectors;
    }
    Ok(())
}

/// Reads a file's text, and drops what was seen of it if that was another text.
fn read((path, name, mut seen): (String, String, MeasuredFile)) -> Result<Candidate, Unusable> {
    let text = read_source(Path::new(&path))
        .map_err(|error| Unusable { message: format!("no source for code: '{path}': {error}") })?;
    let hash = source::hash(&text);
    let has_changed = seen.source.is_some_and(|measured| measured != hash);
    if has_changed {
        seen = MeasuredFile { source: seen.source, ..MeasuredFile::default() };
    }
    Ok(Candidate { path, name, text, hash, seen, has_changed })
}

impl Candidate {
    fn key<'a>(&'a self, python: &'a str, exclusions: &'a [u8]) -> FactsKey<'a> {
        FactsKey { path: &self.path, source: self.hash, python, exclusions }
    }

    fn with(self, facts: Facts, keep_text: bool) -> MeasuredSource {
        // A text that has facts could be decoded.
        let text = if keep_text { source::decode(&self.text).ok() } else { None };
        MeasuredSource { path: self.path, name: self.name, facts, seen: self.seen, text }
    }
}

/// What a file's text says, beside its executable lines.
fn facts(candidate: &Candidate, shape: &CodeShape, rules: &ExclusionRules) -> Result<Facts, String> {
    let text = source::decode(&candidate.text).map_err(|error| error.to_string())?;
    let mut facts = source::analyse(&text, &bytecode::executable_lines(shape), &rules.exclusions)
        .map_err(|error| error.to_string())?;
    let map = source::decisions(&text, rules.chained).map_err(|error| error.to_string())?;
    facts.decisions = Joiner::new(map).decisions(shape);
    let Facts { decisions, first_lines, excluded, .. } = &mut facts;
    decisions.decisions.retain(|measured| !excluded.contains(first_lines.of(measured.decision.place.line)));
    Ok(facts)
}

/// Keeps new facts in the data file. Where that cannot be written, the next report computes them again.
fn keep(workplace: &Workplace, fresh: &[(FactsKey, &Facts)]) {
    if fresh.is_empty() {
        return;
    }
    let _ = DataFile::update_unless_busy(&workplace.data_file).and_then(|mut data| data.keep_facts(fresh));
}
