//! Justifications: which conditions need not be shown, for a reason that stands beside them.
//!
//! Invariant: a justification that fits nothing is told of, never passed over.

use super::{Form, JudgedDecision};
use crate::model::{Facts, Justification, LineNo};

/// Gives conditions the reasons of their justifications. Returns what is wrong with the others: line, and why.
pub(crate) fn justify(facts: &Facts, judged: &mut [JudgedDecision]) -> Vec<(LineNo, String)> {
    let mut wrong = Vec::new();
    for justification in &facts.justifications {
        let Justification { line, conditions, reason } = justification;
        if reason.is_empty() {
            wrong.push((*line, "has no reason behind a colon".to_owned()));
            continue;
        }
        let Some(decision) = decision_at(facts, judged, *line) else {
            wrong.push((*line, "stands at no decision of several conditions".to_owned()));
            continue;
        };
        wrong.extend(decision.justify(conditions, reason).into_iter().map(|why| (*line, why)));
    }
    wrong
}

/// The decision that a comment belongs to: the first whose lines have it, else the first of its statement, else the first that
/// begins on the next line.
fn decision_at<'a>(
    facts: &Facts,
    judged: &'a mut [JudgedDecision],
    line: LineNo,
) -> Option<&'a mut JudgedDecision> {
    let find = |fits: &dyn Fn(&JudgedDecision) -> bool| {
        judged.iter().position(|judged| judged.is_compound() && fits(judged))
    };
    let statement = facts.first_lines.of(line);
    let at = find(&|judged| {
        let place = judged.measured.decision.place;
        (place.line..=place.end_line).contains(&line)
    })
    .or_else(|| find(&|judged| facts.first_lines.of(judged.measured.decision.place.line) == statement))
    .or_else(|| find(&|judged| judged.measured.decision.place.line == line + 1))?;
    judged.get_mut(at)
}

impl JudgedDecision {
    /// The reason why a condition need not be shown.
    pub(crate) fn justification(&self, condition: usize) -> Option<&str> {
        self.justified.get(condition)?.as_deref()
    }

    /// Gives the conditions of these names, all where there are none, a reason. Returns what is wrong with names.
    pub(crate) fn justify(&mut self, names: &[String], reason: &str) -> Vec<String> {
        let count = self.conditions.len();
        if names.is_empty() {
            self.justified = vec![Some(reason.to_owned()); count];
        }
        let mut wrong = Vec::new();
        for name in names {
            let number = name.strip_prefix('c').and_then(|number| number.parse::<usize>().ok());
            match number.and_then(|number| self.justified.get_mut(number.checked_sub(1)?)) {
                Some(place) => *place = Some(reason.to_owned()),
                None => wrong.push(format!("names {name}, and the decision has c1 to c{count}")),
            }
        }
        wrong
    }

    /// Takes justified conditions out of the account.
    pub(crate) fn leave_out_justified(&mut self) {
        for (condition, reason) in self.conditions.iter_mut().zip(&self.justified) {
            condition.counts &= reason.is_none();
        }
    }

    /// Takes conditions out of the account that no test can show in a form.
    pub(crate) fn leave_out_infeasible(&mut self, form: Form) {
        for condition in &mut self.conditions {
            condition.counts &= !condition.is_infeasible(form);
        }
    }

    /// Conditions that are shown and justified, so that the justification is of no use any more.
    pub(crate) fn justified_in_vain(&self, form: Form) -> impl Iterator<Item = usize> {
        (0..self.conditions.len()).filter(move |number| {
            self.justification(*number).is_some() && self.conditions[*number].pair(form).is_some()
        })
    }
}
