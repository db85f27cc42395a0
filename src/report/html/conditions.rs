//! What was not seen of conditions: marks inside lines, and the truth tables of decisions.

use std::collections::BTreeMap;
use std::ops::Range;

use askama::Template;

use super::contexts::{self, LineContexts};
use crate::metrics::{self, Form, JudgedDecision};
use crate::model::{LineNo, Place, Vector};
use crate::report::FileView;
use crate::report::mcdc::{self, Verdict};

/// The most rows of a truth table that were not seen; more are only counted.
const MOST_UNSEEN: usize = 24;

/// Rows that were seen and show nothing are only counted from here on: a decision may have thousands.
const MOST_SEEN: usize = 200;

/// A condition that was not seen both ways: bytes of its line, and what is to be said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) words: &'static str,
}

/// The conditions of a file that ran, by line.
#[derive(Debug, Default)]
pub(super) struct Conditions<'a> {
    /// Of each line in the order of their starts, the longer first; one is in another or apart from it.
    marks: BTreeMap<LineNo, Vec<Mark>>,
    /// Decisions of several conditions, by the line they begin on.
    decisions: BTreeMap<LineNo, Vec<&'a JudgedDecision>>,
}

impl<'a> Conditions<'a> {
    /// Those of statements that ran: of the others, everything is missing.
    pub(super) fn new(file: &'a FileView) -> Self {
        let mut found = Self::default();
        let lines: Vec<&str> = file.text.as_deref().unwrap_or_default().split('\n').collect();
        for judged in &file.decisions {
            let place = judged.measured.decision.place;
            if !file.outcome.lines.executed.contains(file.first_lines.of(place.line)) {
                continue;
            }
            if judged.is_compound() {
                found.decisions.entry(place.line).or_default().push(judged);
            }
            if !judged.seen_is_known() {
                continue;
            }
            for (condition, judgement) in judged.measured.decision.conditions.iter().zip(&judged.conditions) {
                let Some(words) = words(judgement.seen).filter(|_| judgement.counts) else { continue };
                for (line, Range { start, end }) in pieces(condition.place, &lines) {
                    found.marks.entry(line).or_default().push(Mark { from: start, to: end, words });
                }
            }
        }
        found.marks.values_mut().for_each(|marks| nest(marks));
        found
    }

    pub(super) fn marks(&self, line: LineNo) -> &[Mark] {
        self.marks.get(&line).map_or(&[], Vec::as_slice)
    }

    pub(super) fn decisions(&self, line: LineNo) -> &[&'a JudgedDecision] {
        self.decisions.get(&line).map_or(&[], Vec::as_slice)
    }
}

/// Puts marks in their order. Two comparisons of a chain share an operand, which the first one keeps.
fn nest(marks: &mut [Mark]) {
    let by_start = |mark: &Mark| (mark.from, std::cmp::Reverse(mark.to));
    marks.sort_by_key(by_start);
    let mut open: Vec<usize> = Vec::new();
    for mark in marks.iter_mut() {
        while open.pop_if(|end| *end <= mark.from).is_some() {}
        match open.last() {
            Some(end) if *end < mark.to => mark.from = *end,
            Some(_) | None => {}
        }
        open.push(mark.to);
    }
    marks.sort_by_key(by_start);
}

/// The bytes that a range has on each of its lines, without the blanks before and behind them.
fn pieces(place: Place, lines: &[&str]) -> impl Iterator<Item = (LineNo, Range<usize>)> {
    let Place { line, column, end_line, end_column } = place;
    (line..=end_line).filter_map(move |number| {
        let text = lines.get((number as usize).checked_sub(1)?)?;
        let indent = text.len() - text.trim_start().len();
        let start = if number == line { column as usize } else { indent };
        let end = if number == end_line { end_column as usize } else { text.trim_end().len() };
        (start < end).then_some((number, start..end))
    })
}

fn words([seen_false, seen_true]: [bool; 2]) -> Option<&'static str> {
    match (seen_false, seen_true) {
        (true, true) => None,
        (false, true) => Some("never false"),
        (true, false) => Some("never true"),
        (false, false) => Some("never evaluated"),
    }
}

#[derive(Template)]
#[template(path = "truth_table.html")]
struct TruthTable<'a> {
    conditions: Vec<Head<'a>>,
    rows: Vec<Row>,
    /// How many evaluations were seen and are not among the rows.
    more_seen: usize,
    /// How many are possible, were not seen and are not among the rows.
    more: usize,
    reason: Option<&'a str>,
    has_contexts: bool,
}

/// A condition, and what became of it.
struct Head<'a> {
    text: &'a str,
    verdict: Verdict<'a>,
}

struct Row {
    /// From 1 on; none of one that was not seen.
    number: Option<usize>,
    cells: Vec<&'static str>,
    outcome: &'static str,
    /// The conditions that this row, with another, shows: their numbers, from 1 on.
    shows: String,
    /// In which contexts it was seen, if in any and they are to be shown.
    contexts: Option<SeenIn>,
}

/// The contexts of a row: their numbers, with blanks between them, and how many they are.
struct SeenIn {
    numbers: String,
    count: usize,
    label: String,
}

impl SeenIn {
    fn new(numbers: &[usize]) -> Option<Self> {
        let count = numbers.len();
        let numbers: Vec<String> = numbers.iter().map(usize::to_string).collect();
        (count > 0).then(|| Self { numbers: numbers.join(" "), count, label: contexts::counted(count) })
    }
}

/// How much of a decision is shown, for the button that opens its table.
pub(super) fn summary(judged: &JudgedDecision, form: Form) -> String {
    if judged.unmeasurable.is_some() {
        return "MC/DC not measurable".to_owned();
    }
    let totals = judged.totals(form);
    format!("MC/DC {}/{}", totals.shown, totals.conditions)
}

/// Whether every condition that can be shown is.
pub(super) fn is_shown(judged: &JudgedDecision, form: Form) -> bool {
    judged.unmeasurable.is_none() && judged.missing(form).is_empty()
}

/// The truth table of a decision: evaluations that were seen, which of them show a condition, and those never seen.
/// With `contexts`, each row tells in which of them it was seen.
pub(super) fn truth_table(judged: &JudgedDecision, form: Form, contexts: Option<&LineContexts>) -> String {
    let decision = &judged.measured.decision;
    let conditions = decision.conditions.iter().enumerate().map(|(number, condition)| {
        let verdict = Verdict::of(judged, number, form);
        Head { text: &condition.text, verdict }
    });
    let row = |number: Option<usize>, vector: &Vector| Row {
        number: number.map(|number| number + 1),
        cells: vector.truths.iter().map(|truth| mcdc::letter(*truth)).collect(),
        outcome: mcdc::outcome(vector.outcome),
        shows: number.map(|number| mcdc::shown_by(judged, number, form)).unwrap_or_default(),
        contexts: number.and_then(|number| {
            let names = judged.contexts.get(number)?;
            SeenIn::new(&contexts?.numbers(names.iter().map(AsRef::as_ref)))
        }),
    };
    let seen = judged.vectors.iter().enumerate().map(|(number, vector)| row(Some(number), vector));
    let mut rows: Vec<Row> = seen.collect();
    let mut number = 0;
    rows.retain(|row| {
        number += 1;
        number <= MOST_SEEN || !row.shows.is_empty()
    });
    let more_seen = judged.vectors.len() - rows.len();
    let mut unseen = metrics::evaluations(decision).unwrap_or_default();
    // Those that were seen are in ascending order.
    unseen.retain(|vector| judged.vectors.binary_search(vector).is_err());
    let more = unseen.len().saturating_sub(MOST_UNSEEN);
    rows.extend(unseen.iter().take(MOST_UNSEEN).map(|vector| row(None, vector)));
    super::render(&TruthTable {
        conditions: conditions.collect(),
        rows,
        more_seen,
        more,
        reason: judged.unmeasurable.as_deref(),
        has_contexts: contexts.is_some(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_in_one_another_or_apart() {
        // `a < (p and q) < c`
        let mark = |(from, to)| Mark { from, to, words: "" };
        let mut marks: Vec<Mark> = [(4, 17), (5, 6), (0, 13), (11, 12)].map(mark).to_vec();
        nest(&mut marks);
        let ranges: Vec<(usize, usize)> = marks.iter().map(|mark| (mark.from, mark.to)).collect();
        assert_eq!(ranges, [(0, 13), (5, 6), (11, 12), (13, 17)]);
    }
}
