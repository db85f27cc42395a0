//! From source files to facts: read, compared with what ran, taken from the cache or compiled and analysed.
//!
//! Invariant: the interpreter is booted only if something must be compiled, and then once.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use pyo3::Python;

use super::Failure;
use super::exclusions::ExclusionRules;
use crate::bytecode::{self, Joiner};
use crate::config::Workplace;
use crate::error::UserError;
use crate::model::{Facts, MeasuredFile, SourceHash};
use crate::python;
use crate::report::MeasuredSource;
use crate::source::{self, Exclusions};
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
    text: Vec<u8>,
    hash: SourceHash,
    seen: MeasuredFile,
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
    let ExclusionRules { exclusions, digest } = rules;
    let version = python::version();

    let candidates: Vec<Result<Candidate, Unusable>> = files.into_iter().map(read).collect();
    let mut known: Vec<Option<Facts>> = Vec::with_capacity(candidates.len());
    for candidate in &candidates {
        known.push(match candidate {
            Ok(candidate) => data
                .facts(&candidate.key(&version, digest))
                .map_err(|error| UserError::new(error.to_string()))?,
            Err(_) => None,
        });
    }
    let mut sources = Vec::with_capacity(candidates.len());
    let mut fresh = Vec::new();
    let mut booted = false;
    for (candidate, facts) in candidates.into_iter().zip(known) {
        sources.push(match (candidate, facts) {
            (Err(unusable), _) => Err(unusable),
            (Ok(candidate), Some(facts)) => Ok(candidate.with(facts, keep_text)),
            (Ok(candidate), None) => {
                if !booted {
                    python::boot_compiler().map_err(|error| UserError::new(error.to_string()))?;
                    booted = true;
                }
                match compute(&candidate, exclusions) {
                    Ok(facts) => {
                        fresh.push((candidate.path.clone(), candidate.hash, facts.clone()));
                        Ok(candidate.with(facts, keep_text))
                    }
                    Err(reason) => Err(Unusable {
                        message: format!("couldn't parse '{}' as Python source: {reason}", candidate.path),
                    }),
                }
            }
        });
    }
    keep(workplace, &fresh, &version, digest);
    Ok(sources)
}

/// Adds what is only read where something asks for it: edges, and evaluations of decisions.
pub(super) fn add_decisions(
    data: &DataFile,
    files: &mut BTreeMap<String, MeasuredFile>,
    in_selected: &dyn Fn(&str) -> bool,
) -> Result<(), StoreError> {
    let (has_edges, has_vectors) = (data.has_edges()?, data.has_vectors()?);
    for (path, seen) in files {
        seen.edges = data.edges(path, in_selected)?;
        seen.vectors = data.vectors(path, in_selected)?;
        seen.has_edges = has_edges;
        seen.has_vectors = has_vectors;
    }
    Ok(())
}

/// Reads a file's text, and drops what was seen of it if that was another text.
fn read((path, name, mut seen): (String, String, MeasuredFile)) -> Result<Candidate, Unusable> {
    let text = fs::read(Path::new(&path))
        .map_err(|error| Unusable { message: format!("no source for code: '{path}': {error}") })?;
    let hash = source::hash(&text);
    if seen.source.is_some_and(|measured| measured != hash) {
        ui::warn(
            &ui::SOURCE_CHANGED,
            format!("{name} changed since it was measured, so it is reported as not run; run it again"),
        );
        seen = MeasuredFile { source: seen.source, ..MeasuredFile::default() };
    }
    Ok(Candidate { path, name, text, hash, seen })
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

/// Compiles and analyses one file; the error is the reason why it is no Python source.
fn compute(candidate: &Candidate, exclusions: &Exclusions) -> Result<Facts, String> {
    let shape = Python::attach(|py| python::compile(py, &candidate.text, &candidate.path))
        .map_err(|error| error.to_string())?;
    let text = source::decode(&candidate.text).map_err(|error| error.to_string())?;
    let mut facts = source::analyse(&text, &bytecode::executable_lines(&shape), exclusions)
        .map_err(|error| error.to_string())?;
    let map = source::decisions(&text).map_err(|error| error.to_string())?;
    facts.decisions = Joiner::new(map).decisions(&shape);
    let Facts { decisions, first_lines, excluded, .. } = &mut facts;
    decisions.decisions.retain(|measured| !excluded.contains(first_lines.of(measured.decision.place.line)));
    Ok(facts)
}

/// Keeps new facts in the data file. Where that cannot be written, the next report computes them again.
fn keep(workplace: &Workplace, fresh: &[(String, SourceHash, Facts)], python: &str, exclusions: &[u8]) {
    if fresh.is_empty() {
        return;
    }
    let entries: Vec<_> = fresh
        .iter()
        .map(|(path, source, facts)| (FactsKey { path, source: *source, python, exclusions }, facts))
        .collect();
    let _ = DataFile::update_unless_busy(&workplace.data_file).and_then(|mut data| data.keep_facts(&entries));
}
