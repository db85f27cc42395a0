//! MC/DC in halves, for formats that have each condition twice, once for true and once for false: LCOV and Cobertura.

use std::collections::BTreeMap;

use super::{Verdict, expression::one_line};
use crate::metrics::{self, Form};
use crate::model::LineNo;
use crate::report::FileView;

/// A condition to be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::report) struct Halves {
    /// As it stands in the source, in one line.
    pub(in crate::report) text: String,
    /// Whether it was seen to decide the outcome when it was false, and when it was true.
    pub(in crate::report) seen: [bool; 2],
}

impl Halves {
    pub(in crate::report) fn count(&self) -> usize {
        self.seen.iter().filter(|seen| **seen).count()
    }
}

/// The conditions of all measurable decisions, by the line that their statement begins on, in the order of the source. Forms
/// other than masking compare evaluations, so there a half counts only with the other.
pub(in crate::report) fn halves(file: &FileView, form: Form) -> BTreeMap<LineNo, Vec<Halves>> {
    let mut found: BTreeMap<LineNo, Vec<Halves>> = BTreeMap::new();
    for judged in file.decisions.iter().filter(|judged| judged.is_compound() && judged.unmeasurable.is_none())
    {
        let decision = &judged.measured.decision;
        let of_line = found.entry(file.first_lines.of(decision.place.line)).or_default();
        let verdicts: Vec<Verdict> =
            (0..judged.conditions.len()).map(|number| Verdict::of(judged, number, form)).collect();
        let is_shown = |verdict: &Verdict| matches!(verdict, Verdict::Shown(_));
        let half_shown = if form == Form::Masking && !verdicts.iter().all(is_shown) {
            metrics::had_say(judged)
        } else {
            vec![[false; 2]; verdicts.len()]
        };
        for (number, verdict) in verdicts.iter().enumerate() {
            let seen = match verdict {
                Verdict::Shown(_) => [true; 2],
                Verdict::NotShown => half_shown[number],
                Verdict::Justified(_) | Verdict::Infeasible if judged.conditions[number].counts => {
                    half_shown[number]
                }
                Verdict::Justified(_) | Verdict::Infeasible | Verdict::NotTested | Verdict::NotMeasurable => {
                    continue;
                }
            };
            let text = one_line(&decision.conditions[number].text);
            let text = match verdict {
                Verdict::Justified(reason) => format!("{text} (justified: {reason})"),
                Verdict::Shown(_)
                | Verdict::NotShown
                | Verdict::Infeasible
                | Verdict::NotTested
                | Verdict::NotMeasurable => text,
            };
            of_line.push(Halves { text, seen });
        }
    }
    found
}
