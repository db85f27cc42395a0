//! Condition coverage: each condition was seen true and false, those of tests with a single one too.

use std::collections::BTreeSet;

use super::decisions::seen_decisions;
use super::{Metric, Needs, Obligation, Verdict};
use crate::model::{Facts, MeasuredFile};

pub(super) struct Condition;

impl Metric for Condition {
    fn slug(&self) -> &'static str {
        "condition"
    }

    fn doc(&self) -> &'static str {
        "conditions that were true, and false"
    }

    fn needs(&self) -> Needs {
        Needs { edges: true, sides: true, ..Needs::default() }
    }

    /// A truth of a condition is one obligation: `part` counts the file's conditions, two for each, false before true.
    fn obligations(&self, facts: &Facts) -> Vec<Obligation> {
        let nothing = MeasuredFile::default();
        parts(facts, &nothing).map(|(obligation, _)| obligation).collect()
    }

    fn judge(&self, facts: &Facts, obligations: Vec<Obligation>, seen: &MeasuredFile) -> Verdict {
        let covered: BTreeSet<Obligation> =
            parts(facts, seen).filter(|(_, covered)| *covered).map(|(obligation, _)| obligation).collect();
        Verdict::of(obligations, |obligation| covered.contains(obligation))
    }
}

/// The obligations of a file, and whether each is met.
fn parts(facts: &Facts, seen: &MeasuredFile) -> impl Iterator<Item = (Obligation, bool)> {
    let mut number = 0;
    let mut found = Vec::new();
    for decision in seen_decisions(facts, seen) {
        for (condition, truths) in decision.seen.iter().enumerate() {
            let line = facts.first_lines.of(decision.measured.decision.conditions[condition].place.line);
            for truth in [false, true] {
                if decision.counts(condition) {
                    found.push((Obligation { line, part: number }, truths[usize::from(truth)]));
                }
                number += 1;
            }
        }
    }
    found.sort();
    found.into_iter()
}
