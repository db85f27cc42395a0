//! What was not seen of conditions: marks inside lines, and the truth tables of decisions.

use std::collections::BTreeMap;

use askama::Template;

use crate::metrics::{Form, JudgedDecision};
use crate::model::{LineNo, Next, Place, ShortCircuit, Vector};
use crate::report::FileView;

/// The most rows of a truth table that were not seen; more are only counted.
const MOST_UNSEEN: usize = 24;

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
                let Place { line, column, end_line, end_column } = condition.place;
                // Of a longer one, what is on its first line is marked.
                let to = if line == end_line { end_column as usize } else { usize::MAX };
                found.marks.entry(line).or_default().push(Mark { from: column as usize, to, words });
            }
        }
        for marks in found.marks.values_mut() {
            marks.sort_by_key(|mark| (mark.from, std::cmp::Reverse(mark.to)));
        }
        found
    }

    pub(super) fn marks(&self, line: LineNo) -> &[Mark] {
        self.marks.get(&line).map_or(&[], Vec::as_slice)
    }

    pub(super) fn decisions(&self, line: LineNo) -> &[&'a JudgedDecision] {
        self.decisions.get(&line).map_or(&[], Vec::as_slice)
    }
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
    /// How many evaluations are possible, were not seen and are not among the rows.
    more: usize,
    reason: Option<&'a str>,
}

/// A condition, and what became of it.
struct Head<'a> {
    text: &'a str,
    verdict: String,
    is_shown: bool,
}

struct Row {
    /// From 1 on; none of one that was not seen.
    number: Option<usize>,
    cells: Vec<&'static str>,
    outcome: &'static str,
    /// The conditions that this row, with another, shows: their numbers, from 1 on.
    shows: String,
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
pub(super) fn truth_table(judged: &JudgedDecision, form: Form) -> String {
    let decision = &judged.measured.decision;
    let conditions = decision.conditions.iter().zip(&judged.conditions).map(|(condition, judgement)| {
        let verdict = match judgement.pair(form) {
            Some((a, b)) => format!("shown by rows {} and {}", a.min(b) + 1, a.max(b) + 1),
            None if !judgement.counts => "not tested".to_owned(),
            None if judgement.is_infeasible(form) => "cannot be shown".to_owned(),
            None => "not shown".to_owned(),
        };
        Head { text: &condition.text, verdict, is_shown: judgement.pair(form).is_some() }
    });
    let shows = |row: usize| {
        let numbers = judged
            .conditions
            .iter()
            .enumerate()
            .filter(|(_, judgement)| judgement.pair(form).is_some_and(|(a, b)| a == row || b == row));
        numbers.map(|(number, _)| (number + 1).to_string()).collect::<Vec<_>>().join(", ")
    };
    let seen = judged.vectors.iter().enumerate().map(|(number, vector)| Row {
        number: Some(number + 1),
        cells: vector.truths.iter().map(|truth| letter(*truth)).collect(),
        outcome: vector.outcome.map_or("its value", |truth| letter(Some(truth))),
        shows: shows(number),
    });
    let mut unseen = evaluations(&ShortCircuit::new(decision));
    unseen.retain(|vector| !judged.vectors.contains(vector));
    let more = unseen.len().saturating_sub(MOST_UNSEEN);
    let unseen = unseen.iter().take(MOST_UNSEEN).map(|vector| Row {
        number: None,
        cells: vector.truths.iter().map(|truth| letter(*truth)).collect(),
        outcome: vector.outcome.map_or("its value", |truth| letter(Some(truth))),
        shows: String::new(),
    });
    super::render(&TruthTable {
        conditions: conditions.collect(),
        rows: seen.chain(unseen).collect(),
        more,
        reason: judged.unmeasurable.as_deref(),
    })
}

fn letter(truth: Option<bool>) -> &'static str {
    match truth {
        Some(true) => "T",
        Some(false) => "F",
        None => "–",
    }
}

/// Every evaluation there can be, in the order of a truth table; none where there are very many.
fn evaluations(graph: &ShortCircuit) -> Vec<Vector> {
    if graph.paths() > 1000 {
        return Vec::new();
    }
    let mut found = Vec::new();
    let mut open = vec![(graph.start(), vec![None; graph.len()])];
    while let Some((next, truths)) = open.pop() {
        match next {
            Next::Outcome(outcome) => found.push(Vector { truths, outcome }),
            Next::Condition(condition) => {
                let ways: &[bool] = match graph.constant(condition) {
                    Some(true) => &[true],
                    Some(false) => &[false],
                    None => &[false, true],
                };
                for truth in ways {
                    let mut truths = truths.clone();
                    // What is constant is not tested.
                    truths[condition as usize] = graph.constant(condition).is_none().then_some(*truth);
                    open.push((graph.next(condition, *truth), truths));
                }
            }
        }
    }
    found
}
