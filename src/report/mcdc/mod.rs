//! What reports say of decisions and conditions, whatever their format, and the two forms of `minicov mcdc`.
//!
//! Must not know: how evaluations are judged (`metrics`). Invariant: each condition of each decision gets exactly one
//! [`Verdict`], so that no format forgets one.

mod expression;
mod gaps;
mod halves;
mod listing;
mod listing_json;
mod proofs;

use crate::metrics::{Form, JudgedDecision, McDcTotals, Pair};

use super::FileView;
pub(super) use expression::{expression, one_line, shortened};
pub(super) use gaps::{Gap, Words, gaps};
pub(super) use halves::{Halves, halves};
pub(crate) use listing::list_decisions;
pub(crate) use listing_json::list_decisions_as_json;

/// What became of a condition, in one form of MC/DC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict<'a> {
    /// Two evaluations show it.
    Shown(Pair),
    NotShown,
    /// Not shown, and this is why it need not be.
    Justified(&'a str),
    /// No test can show it.
    Infeasible,
    /// Nothing is asked of it: the compiler left it out, or it is a last operand that nothing tests.
    NotTested,
    /// Nothing can be said of the whole decision.
    NotMeasurable,
}

impl<'a> Verdict<'a> {
    pub(super) fn of(judged: &'a JudgedDecision, condition: usize, form: Form) -> Self {
        let judgement = &judged.conditions[condition];
        if judged.unmeasurable.is_none()
            && judgement.pair(form).is_none()
            && let Some(reason) = judged.justification(condition)
        {
            return Self::Justified(reason);
        }
        // It may be left out of the account, and still is told.
        if judgement.pair(form).is_none() && judgement.is_infeasible(form) {
            return Self::Infeasible;
        }
        if !judgement.counts {
            return Self::NotTested;
        }
        if judged.unmeasurable.is_some() {
            return Self::NotMeasurable;
        }
        judgement.pair(form).map_or(Self::NotShown, Self::Shown)
    }

    /// Rows are counted from 1.
    pub(super) fn words(self) -> String {
        match self {
            Self::Shown((a, b)) => format!("shown by rows {} and {}", a.min(b) + 1, a.max(b) + 1),
            Self::NotShown => "not shown".to_owned(),
            Self::Justified(reason) => format!("justified: {reason}"),
            Self::Infeasible => "cannot be shown".to_owned(),
            Self::NotTested => "not tested".to_owned(),
            Self::NotMeasurable => "not measurable".to_owned(),
        }
    }

    /// How good that is, as classes of style sheets.
    pub(super) fn class(self) -> &'static str {
        match self {
            Self::Shown(_) => "good",
            Self::NotShown | Self::Infeasible => "bad",
            Self::Justified(_) | Self::NotTested | Self::NotMeasurable => "soft",
        }
    }

    /// The sign before these words.
    pub(super) fn sign(self) -> char {
        match self {
            Self::Shown(_) => '✓',
            Self::NotShown | Self::Infeasible => '✗',
            Self::Justified(_) => '○',
            Self::NotTested => '–',
            Self::NotMeasurable => '?',
        }
    }
}

/// A truth in a truth table; a dash where it was not needed.
pub(super) fn letter(truth: Option<bool>) -> &'static str {
    match truth {
        Some(true) => "T",
        Some(false) => "F",
        None => "–",
    }
}

/// An outcome in a truth table.
pub(super) fn outcome(truth: Option<bool>) -> &'static str {
    truth.map_or("its value", |truth| letter(Some(truth)))
}

/// The numbers, from 1 on, of the conditions that an evaluation shows, together with another.
pub(super) fn shown_by(judged: &JudgedDecision, row: usize, form: Form) -> String {
    let pairs = judged.conditions.iter().map(|judgement| judgement.pair(form)).enumerate();
    let shown = pairs.filter(|(_, pair)| pair.is_some_and(|(a, b)| a == row || b == row));
    shown.map(|(number, _)| (number + 1).to_string()).collect::<Vec<_>>().join(", ")
}

/// Decisions of a file that are to be listed.
#[derive(Debug)]
pub(crate) struct Listed<'a> {
    pub(crate) file: &'a FileView,
    /// Those of several conditions, in the order of the source.
    pub(crate) decisions: Vec<&'a JudgedDecision>,
    /// Of all that were asked for, those not listed too.
    pub(crate) totals: McDcTotals,
}

/// Whether a decision has conditions that a test could show and none did, or is not measurable.
pub(crate) fn lacks_something(judged: &JudgedDecision, form: Form) -> bool {
    (0..judged.conditions.len()).any(|condition| {
        matches!(Verdict::of(judged, condition, form), Verdict::NotShown | Verdict::NotMeasurable)
    })
}
