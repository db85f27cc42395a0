//! What reports say of decisions and conditions, whatever their format.
//!
//! Must not know: how evaluations are judged (`metrics`), formats. Invariant: each condition of each decision gets exactly
//! one [`Verdict`], so that no format forgets one.

mod expression;
mod gaps;

use crate::metrics::{Form, JudgedDecision, Pair};

pub(super) use expression::{expression, shortened};
pub(super) use gaps::{Gap, Words, gaps};

/// What became of a condition, in one form of MC/DC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Two evaluations show it.
    Shown(Pair),
    NotShown,
    /// No test can show it.
    Infeasible,
    /// Nothing is asked of it: the compiler left it out, or it is a last operand that nothing tests.
    NotTested,
    /// Nothing can be said of the whole decision.
    NotMeasurable,
}

impl Verdict {
    pub(super) fn of(judged: &JudgedDecision, condition: usize, form: Form) -> Self {
        let judgement = &judged.conditions[condition];
        if !judgement.counts {
            return Self::NotTested;
        }
        if judged.unmeasurable.is_some() {
            return Self::NotMeasurable;
        }
        match judgement.pair(form) {
            Some(pair) => Self::Shown(pair),
            None if judgement.is_infeasible(form) => Self::Infeasible,
            None => Self::NotShown,
        }
    }
}
