//! MC/DC: each condition was shown to decide the outcome of its decision on its own.
//!
//! Where the short-circuit graph is a tree, the edges seen tell everything (Comar, Guitton, Hainque, Quinot: "Formalization
//! and Comparison of MCDC and Object Branch Coverage Criteria", ERTS² 2012): `tree.rs`. Elsewhere evaluations are compared:
//! `pairs.rs`. What no test could show is found by trying all evaluations: `feasibility.rs`.
//!
//! Invariant: no evaluation seen, nothing shown.

mod contexts;
mod feasibility;
mod justified;
mod masks;
mod pairs;
mod tree;
mod wanted;

pub(crate) use contexts::tell_contexts;
pub(crate) use feasibility::{Proof, proof};
pub(crate) use justified::justify;
pub(crate) use masks::had_say;
pub(crate) use wanted::{Row, Wanted, evaluations, wanted};

use std::collections::BTreeSet;
use std::iter::Sum;
use std::ops::AddAssign;

use super::decisions::{SeenDecision, seen_decisions};
use super::{Metric, Needs, Obligation, Verdict};
use crate::model::{ContextNames, Facts, Measurability, MeasuredDecision, MeasuredFile, Vector};

/// What is asked of the two evaluations that show a condition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Form {
    /// Other conditions may differ where they are masked.
    #[default]
    Masking,
    /// No other condition that is evaluated in both may differ.
    UniqueCause,
    /// Unique cause, but masking for conditions that are coupled with others.
    UniqueCauseMasking,
}

impl Form {
    /// Every form, by its name in settings, and what it asks.
    pub(crate) const ALL: [(&'static str, Self, &'static str); 3] = [
        ("masking", Self::Masking, "other conditions may differ where they are masked"),
        ("unique-cause", Self::UniqueCause, "no other condition may differ"),
        ("unique-cause+masking", Self::UniqueCauseMasking, "masking for coupled conditions only"),
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Masking => "masking",
            Self::UniqueCause => "unique-cause",
            Self::UniqueCauseMasking => "unique-cause+masking",
        }
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(known, ..)| *known == name).map(|(_, form, _)| *form)
    }
}

/// MC/DC in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct McDcTotals {
    /// Decisions with several conditions.
    pub(crate) decisions: usize,
    /// Of these, those of which nothing can be said. Their conditions don't count.
    pub(crate) unmeasurable: usize,
    /// Conditions to be shown.
    pub(crate) conditions: usize,
    pub(crate) shown: usize,
    /// Conditions that no test can show. Unless they were left out, they count as to be shown, and are not.
    pub(crate) infeasible: usize,
    /// Conditions that are not shown, and for which a reason is given.
    pub(crate) justified: usize,
}

impl McDcTotals {
    pub(crate) fn missing(&self) -> usize {
        self.conditions - self.shown
    }

    /// Conditions shown, in percent; 100 where there are none.
    #[expect(clippy::cast_precision_loss, reason = "counts of conditions are far below 2^53")]
    pub(crate) fn percent(&self) -> f64 {
        if self.conditions == 0 { 100.0 } else { (100.0 * self.shown as f64) / self.conditions as f64 }
    }
}

impl AddAssign for McDcTotals {
    fn add_assign(&mut self, other: Self) {
        let Self { decisions, unmeasurable, conditions, shown, infeasible, justified } = other;
        self.decisions += decisions;
        self.unmeasurable += unmeasurable;
        self.conditions += conditions;
        self.shown += shown;
        self.infeasible += infeasible;
        self.justified += justified;
    }
}

impl Sum for McDcTotals {
    fn sum<I: Iterator<Item = Self>>(items: I) -> Self {
        items.fold(Self::default(), |mut sum, item| {
            sum += item;
            sum
        })
    }
}

/// Two evaluations that show a condition: places in [`JudgedDecision::vectors`], the one where it is true first.
pub(crate) type Pair = (usize, usize);

/// What became of one condition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Judgement {
    /// Whether it is one to be shown: neither folded away nor an untested last operand.
    pub(crate) counts: bool,
    /// Whether it was seen false, and true.
    pub(crate) seen: [bool; 2],
    pub(crate) masking: Option<Pair>,
    pub(crate) unique_cause: Option<Pair>,
    /// Whether no test can show it, given that the same expression has the same value.
    pub(crate) infeasible_masking: bool,
    pub(crate) infeasible_unique_cause: bool,
    /// Whether another condition of the decision is the same expression.
    pub(crate) coupled: bool,
}

impl Judgement {
    /// The evaluations that show it in a form.
    pub(crate) fn pair(&self, form: Form) -> Option<Pair> {
        if self.may_mask(form) { self.masking } else { self.unique_cause }
    }

    /// Whether no test can show it in a form.
    pub(crate) fn is_infeasible(&self, form: Form) -> bool {
        if self.may_mask(form) { self.infeasible_masking } else { self.infeasible_unique_cause }
    }

    fn may_mask(&self, form: Form) -> bool {
        match form {
            Form::Masking => true,
            Form::UniqueCause => false,
            Form::UniqueCauseMasking => self.coupled,
        }
    }
}

/// A decision and what became of its conditions.
#[derive(Clone, Debug)]
pub(crate) struct JudgedDecision {
    pub(crate) measured: MeasuredDecision,
    /// Why nothing can be said of it.
    pub(crate) unmeasurable: Option<String>,
    /// The evaluations seen, ascending.
    pub(crate) vectors: Vec<Vector>,
    /// By evaluation: the contexts it was seen in. Empty where that was not asked for.
    pub(crate) contexts: Vec<ContextNames>,
    /// By condition.
    pub(crate) conditions: Vec<Judgement>,
    /// By condition: why it need not be shown, where somebody says so.
    justified: Vec<Option<String>>,
}

impl JudgedDecision {
    /// Whether it is a decision in the sense of MC/DC, with several conditions.
    pub(crate) fn is_compound(&self) -> bool {
        self.conditions.len() > 1
    }

    /// Whether it is known which conditions were seen true and false. Where only whole evaluations are missing, it is.
    pub(crate) fn seen_is_known(&self) -> bool {
        self.unmeasurable.is_none()
            || (self.measured.measurability == Measurability::Vectors
                && self.conditions.iter().any(|condition| condition.seen != [false; 2]))
    }

    /// The conditions that were not shown, could be and should be.
    pub(crate) fn missing(&self, form: Form) -> Vec<usize> {
        let is_missing = |condition: &Judgement| {
            condition.counts && condition.pair(form).is_none() && !condition.is_infeasible(form)
        };
        if self.unmeasurable.is_some() {
            return Vec::new();
        }
        let numbers = 0..self.conditions.len();
        numbers
            .filter(|number| is_missing(&self.conditions[*number]) && self.justification(*number).is_none())
            .collect()
    }

    pub(crate) fn totals(&self, form: Form) -> McDcTotals {
        if !self.is_compound() {
            return McDcTotals::default();
        }
        if self.unmeasurable.is_some() {
            return McDcTotals { decisions: 1, unmeasurable: 1, ..McDcTotals::default() };
        }
        let counted = self.conditions.iter().filter(|condition| condition.counts);
        McDcTotals {
            decisions: 1,
            unmeasurable: 0,
            conditions: counted.clone().count(),
            shown: counted.filter(|condition| condition.pair(form).is_some()).count(),
            infeasible: self.conditions.iter().filter(|condition| condition.is_infeasible(form)).count(),
            justified: (0..self.conditions.len())
                .filter(|number| {
                    self.justification(*number).is_some() && self.conditions[*number].pair(form).is_none()
                })
                .count(),
        }
    }
}

/// Judges all decisions of a file, in the order of the source; those of a single condition, too.
pub(crate) fn judge_decisions(facts: &Facts, seen: &MeasuredFile) -> Vec<JudgedDecision> {
    seen_decisions(facts, seen).iter().map(judge).collect()
}

fn judge(decision: &SeenDecision) -> JudgedDecision {
    let count = decision.graph.len();
    let mut conditions: Vec<Judgement> = (0..count)
        .map(|condition| Judgement {
            counts: decision.counts(condition),
            seen: decision.seen[condition],
            ..Judgement::default()
        })
        .collect();
    let source = &decision.measured.decision.conditions;
    for (number, condition) in source.iter().enumerate() {
        if let Some(first) = condition.same_as {
            conditions[number].coupled = true;
            conditions[first as usize].coupled = true;
        }
    }
    let mut vectors = Vec::new();
    if decision.unmeasurable.is_none() {
        vectors = decision.vectors();
        let is_tree =
            decision.measured.measurability == Measurability::Edges && decision.graph.ways_to_untested() <= 1;
        let shown =
            if is_tree { tree::shown(decision, &vectors) } else { pairs::shown(&decision.graph, &vectors) };
        for (condition, shown) in conditions.iter_mut().zip(shown) {
            if condition.counts {
                (condition.masking, condition.unique_cause) = shown;
            }
        }
        if let Some(feasible) = feasibility::feasible(&decision.graph, source) {
            for (condition, [masking, unique_cause]) in conditions.iter_mut().zip(feasible) {
                condition.infeasible_masking = condition.counts && !masking;
                condition.infeasible_unique_cause = condition.counts && !unique_cause;
            }
        }
    }
    JudgedDecision {
        measured: decision.measured.clone(),
        unmeasurable: decision.unmeasurable.clone(),
        vectors,
        contexts: Vec::new(),
        justified: vec![None; conditions.len()],
        conditions,
    }
}

pub(super) struct McDc;

impl Metric for McDc {
    fn slug(&self) -> &'static str {
        "mcdc"
    }

    fn doc(&self) -> &'static str {
        "conditions shown to decide the outcome on their own (masking MC/DC)"
    }

    fn needs(&self) -> Needs {
        Needs { edges: true, sides: true, vectors: true, ..Needs::default() }
    }

    /// A condition of a decision with several is one obligation: `part` counts them in the file.
    fn obligations(&self, facts: &Facts) -> Vec<Obligation> {
        parts(facts, &MeasuredFile::default()).into_iter().map(|(obligation, _)| obligation).collect()
    }

    fn judge(&self, facts: &Facts, obligations: Vec<Obligation>, seen: &MeasuredFile) -> Verdict {
        let covered: BTreeSet<Obligation> = parts(facts, seen)
            .into_iter()
            .filter(|(_, covered)| *covered)
            .map(|(obligation, _)| obligation)
            .collect();
        Verdict::of(obligations, |obligation| covered.contains(obligation))
    }
}

/// The obligations of a file, and whether each is met by masking MC/DC.
fn parts(facts: &Facts, seen: &MeasuredFile) -> Vec<(Obligation, bool)> {
    let mut found = Vec::new();
    let mut number = 0;
    for judged in judge_decisions(facts, seen).into_iter().filter(JudgedDecision::is_compound) {
        for (condition, judgement) in judged.measured.decision.conditions.iter().zip(&judged.conditions) {
            if judgement.counts {
                let line = facts.first_lines.of(condition.place.line);
                found.push((Obligation { line, part: number }, judgement.masking.is_some()));
            }
            number += 1;
        }
    }
    found.sort();
    found
}
