//! What no test could show, because conditions are the same expression or constant.

use std::collections::BTreeSet;

use super::pairs::shown;
use crate::model::{Condition, Next, ShortCircuit, Vector};

/// Decisions with more different conditions than this are not examined.
const FEASIBILITY_LIMIT: usize = 12;

/// By condition: whether some test can show it by masking, and by unique cause. None where nothing speaks against any, or
/// there are too many to try.
pub(super) fn feasible(graph: &ShortCircuit, conditions: &[Condition]) -> Option<Vec<[bool; 2]>> {
    let is_special = |condition: &Condition| condition.constant.is_some() || condition.same_as.is_some();
    let free: Vec<usize> =
        (0..conditions.len()).filter(|condition| !is_special(&conditions[*condition])).collect();
    if free.len() == conditions.len() || free.len() > FEASIBILITY_LIMIT {
        return None;
    }
    let mut vectors = BTreeSet::new();
    for assignment in 0..1_u32 << free.len() {
        let mut truths: Vec<bool> =
            conditions.iter().map(|condition| condition.constant.unwrap_or_default()).collect();
        for (bit, condition) in free.iter().enumerate() {
            truths[*condition] = assignment >> bit & 1 == 1;
        }
        for (number, condition) in conditions.iter().enumerate() {
            if let (Some(first), None) = (condition.same_as, condition.constant) {
                truths[number] = truths[first as usize];
            }
        }
        vectors.insert(evaluation(graph, &truths));
    }
    let vectors: Vec<Vector> = vectors.into_iter().collect();
    let verdicts = shown(graph, &vectors).into_iter();
    Some(verdicts.map(|(masking, unique_cause)| [masking.is_some(), unique_cause.is_some()]).collect())
}

/// What happens if the conditions have these truths.
pub(super) fn evaluation(graph: &ShortCircuit, truths: &[bool]) -> Vector {
    let mut evaluated = vec![None; truths.len()];
    let mut at = graph.start();
    loop {
        match at {
            Next::Condition(condition) => {
                let truth = truths[condition as usize];
                evaluated[condition as usize] = Some(truth);
                at = graph.next(condition, truth);
            }
            Next::Outcome(outcome) => return Vector { truths: evaluated, outcome },
        }
    }
}
