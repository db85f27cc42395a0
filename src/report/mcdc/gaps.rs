//! What MC/DC lacks in a file, in sentences: for the tables that list what is missing.

use super::{Verdict, expression, shortened};
use crate::metrics::Form;
use crate::model::LineNo;
use crate::report::FileView;

/// Longer texts of conditions and decisions are cut.
const LONGEST_CONDITION: usize = 40;
const LONGEST_DECISION: usize = 72;

/// What a decision lacks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::report) struct Gap {
    /// Where the decision begins.
    pub(in crate::report) line: LineNo,
    pub(in crate::report) words: Vec<Words>,
}

/// A piece of a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::report) enum Words {
    Plain(String),
    /// Source text.
    Code(String),
}

/// What is missing of decisions in statements that ran, as a branch is listed only if its line ran: of the others,
/// everything is missing, and the list of lines says so.
pub(in crate::report) fn gaps(file: &FileView, form: Form) -> Vec<Gap> {
    let ran = |line: LineNo| file.outcome.lines.executed.contains(file.first_lines.of(line));
    let mut gaps = Vec::new();
    for judged in file.decisions.iter().filter(|judged| judged.is_compound()) {
        let decision = &judged.measured.decision;
        let line = decision.place.line;
        if !ran(line) {
            continue;
        }
        let whole = || Words::Code(shortened(&expression(decision), LONGEST_DECISION));
        if let Some(reason) = &judged.unmeasurable {
            gaps.push(Gap { line, words: vec![whole(), Words::Plain(format!(" not measurable: {reason}"))] });
            continue;
        }
        for (verdict, words) in [(Verdict::NotShown, "not shown"), (Verdict::Infeasible, "cannot be shown")] {
            let mut sentence = Vec::new();
            let conditions = 0..judged.conditions.len();
            for condition in conditions.filter(|number| Verdict::of(judged, *number, form) == verdict) {
                if !sentence.is_empty() {
                    sentence.push(Words::Plain(", ".to_owned()));
                }
                let text = &decision.conditions[condition].text;
                sentence.push(Words::Code(shortened(text, LONGEST_CONDITION)));
                if decision.conditions.iter().filter(|other| other.text == *text).count() > 1 {
                    sentence.push(Words::Plain(format!(" (condition {})", condition + 1)));
                }
            }
            if !sentence.is_empty() {
                sentence.extend([
                    Words::Plain(" of ".to_owned()),
                    whole(),
                    Words::Plain(format!(" {words}")),
                ]);
                gaps.push(Gap { line, words: sentence });
            }
        }
        for condition in 0..judged.conditions.len() {
            if let Verdict::Justified(reason) = Verdict::of(judged, condition, form) {
                let text = shortened(&decision.conditions[condition].text, LONGEST_CONDITION);
                let of = Words::Plain(" of ".to_owned());
                let justified = Words::Plain(format!(" justified: {reason}"));
                gaps.push(Gap { line, words: vec![Words::Code(text), of, whole(), justified] });
            }
        }
    }
    gaps
}
