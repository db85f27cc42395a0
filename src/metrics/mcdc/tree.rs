//! Decisions whose short-circuit graph is a tree: verdicts in linear time, however many conditions there are.
//!
//! In a tree two evaluations part at one condition only, so those that show it by masking show it by unique cause as well.
//! A condition has its say in an evaluation exactly if the outcome is the one it stands for: what follows it in the tree and
//! could settle the outcome otherwise has then not done so. (Where a compound operand is followed by others, a tree allows
//! only one way on through it.)

use std::collections::HashMap;

use super::super::decisions::SeenDecision;
use super::Pair;
use crate::model::{Next, ShortCircuit, Vector};

/// An evaluation by its end: condition and truth.
pub(super) type End = (u32, bool);

/// Of the evaluations seen behind a place: one with each outcome (false, true, untested), if any.
type Ends = [Option<End>; 3];

/// By condition: the evaluations that show it.
pub(super) fn shown(decision: &SeenDecision, vectors: &[Vector]) -> Vec<(Option<Pair>, Option<Pair>)> {
    let graph = &decision.graph;
    let count = graph.len();
    let mut behind: Vec<[Ends; 2]> = vec![[[None; 3]; 2]; count];
    for condition in (0..count).rev() {
        for truth in [false, true] {
            let side = usize::from(truth);
            behind[condition][side] = match graph.next(condition as u32, truth) {
                Next::Outcome(outcome) => {
                    let outcome = outcome.or_else(|| graph.untested_outcome());
                    let mut ends = [None; 3];
                    if decision.seen[condition][side] {
                        ends[kind(outcome)] = Some((condition as u32, truth));
                    }
                    ends
                }
                Next::Condition(next) => {
                    let [without, with] = behind[next as usize];
                    [0, 1, 2].map(|outcome| with[outcome].or(without[outcome]))
                }
            };
        }
    }
    let places: HashMap<End, usize> =
        vectors.iter().enumerate().filter_map(|(place, vector)| Some((end(graph, vector)?, place))).collect();
    (0..count)
        .map(|condition| {
            let row = |truth: bool| {
                let driven = graph.driven(condition as u32, truth);
                let ends = behind[condition][usize::from(truth)];
                ends[kind(Some(driven))].or(ends[kind(None)]).and_then(|end| places.get(&end).copied())
            };
            let pair = row(true).zip(row(false));
            (pair, pair)
        })
        .collect()
}

fn kind(outcome: Option<bool>) -> usize {
    match outcome {
        Some(false) => 0,
        Some(true) => 1,
        None => 2,
    }
}

/// The last condition that was tested.
pub(super) fn end(graph: &ShortCircuit, vector: &Vector) -> Option<End> {
    let mut at = graph.start();
    let mut last = None;
    while let Next::Condition(condition) = at {
        let truth = vector.truths[condition as usize]?;
        last = Some((condition, truth));
        at = graph.next(condition, truth);
    }
    last
}
