//! What no test could show, because conditions are the same expression or constant.

use std::collections::BTreeSet;

use super::JudgedDecision;
use super::masks::unmasked;
use super::pairs::shown;
use crate::model::{Condition, Next, ShortCircuit, Vector};

/// Decisions with more different conditions than this are not examined.
const FEASIBILITY_LIMIT: usize = 12;

/// Why no test can show a condition: what of all possible evaluations it has a say in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Proof {
    /// How many different evaluations there can be.
    pub(crate) evaluations: usize,
    /// Those in which it is true and has a say in the outcome.
    pub(crate) with: Vec<Vector>,
    /// Those in which it is false and has.
    pub(crate) without: Vec<Vector>,
    /// Other conditions that are evaluated in any two of these and differ.
    pub(crate) changing: Vec<usize>,
}

/// Why no test can show a condition; only of use where that is so.
pub(crate) fn proof(judged: &JudgedDecision, condition: usize) -> Option<Proof> {
    let decision = &judged.measured.decision;
    let graph = ShortCircuit::new(decision);
    let all = possible(&graph, &decision.conditions)?;
    let decides = |truth: bool| -> Vec<Vector> {
        let fits =
            |vector: &&Vector| vector.truths[condition] == Some(truth) && unmasked(&graph, vector)[condition];
        all.iter().filter(fits).cloned().collect()
    };
    let (with, without) = (decides(true), decides(false));
    let changes = |other: &usize| {
        let differs = |a: &Vector, b: &Vector| {
            a.truths[*other].zip(b.truths[*other]).is_some_and(|(own, others)| own != others)
        };
        *other != condition && with.iter().all(|a| without.iter().all(|b| differs(a, b)))
    };
    let changing = (0..graph.len()).filter(changes).collect();
    Some(Proof { evaluations: all.len(), with, without, changing })
}

/// By condition: whether some test can show it by masking, and by unique cause. None where nothing speaks against any, or
/// there are too many to try.
pub(super) fn feasible(graph: &ShortCircuit, conditions: &[Condition]) -> Option<Vec<[bool; 2]>> {
    let verdicts = shown(graph, &possible(graph, conditions)?).into_iter();
    Some(verdicts.map(|(masking, unique_cause)| [masking.is_some(), unique_cause.is_some()]).collect())
}

/// All evaluations there can be, ascending. None where no condition is constant or the same as another, or there are too many.
fn possible(graph: &ShortCircuit, conditions: &[Condition]) -> Option<Vec<Vector>> {
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
    Some(vectors.into_iter().collect())
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
