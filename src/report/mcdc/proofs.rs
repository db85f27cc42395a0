//! Why no test can show a condition, in words that a reader can check.

use std::collections::BTreeMap;

use super::letter;
use crate::metrics::{JudgedDecision, Proof};
use crate::model::Vector;

/// Of more evaluations only so many are told.
const MOST_ROWS: usize = 3;

/// One sentence. Conditions are counted from 1.
pub(super) fn proof_words(judged: &JudgedDecision, proof: &Proof) -> String {
    let Proof { evaluations, with, without, changing } = proof;
    let mut clauses = premises(judged);
    let decides = match (with.is_empty(), without.is_empty()) {
        (true, true) => "it decides none".to_owned(),
        (false, true) => format!("it decides only when it is true: in {}", rows(with)),
        (true, false) => format!("it decides only when it is false: in {}", rows(without)),
        (false, false) => format!(
            "it decides in {} when true and in {} when false, and between these {} as well",
            rows(with),
            rows(without),
            match numbers(changing) {
                others if others.is_empty() => "another one changes".to_owned(),
                others if changing.len() == 1 => format!("{others} changes"),
                others => format!("{others} change"),
            }
        ),
    };
    let plural = if *evaluations == 1 { "" } else { "s" };
    clauses.push(format!("of the {evaluations} evaluation{plural} there can be, {decides}"));
    clauses.join("; ")
}

/// What keeps evaluations from happening.
fn premises(judged: &JudgedDecision) -> Vec<String> {
    let mut same: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    let mut found = Vec::new();
    for (number, condition) in judged.measured.decision.conditions.iter().enumerate() {
        if let Some(truth) = condition.constant {
            found.push(format!("{} is always {truth}", number + 1));
        } else if let Some(first) = condition.same_as {
            same.entry(first as usize).or_insert_with(|| vec![first as usize]).push(number);
        }
    }
    found.extend(same.values().map(|group| format!("{} are the same expression", numbers(group))));
    found
}

fn numbers(conditions: &[usize]) -> String {
    let mut words: Vec<String> = conditions.iter().map(|condition| (condition + 1).to_string()).collect();
    let last = words.pop().unwrap_or_default();
    if words.is_empty() { last } else { format!("{} and {last}", words.join(", ")) }
}

fn rows(vectors: &[Vector]) -> String {
    let row = |vector: &Vector| {
        let letters: Vec<&str> = vector.truths.iter().map(|truth| letter(*truth)).collect();
        letters.join(" ")
    };
    let told: Vec<String> = vectors.iter().take(MOST_ROWS).map(row).collect();
    let more = vectors.len().saturating_sub(MOST_ROWS);
    if more > 0 { format!("{} and {more} more", told.join(", ")) } else { told.join(", ") }
}
