//! In which contexts (tests) the evaluations of decisions were seen.
//!
//! Must not know: what is made of evaluations. Invariant: an evaluation is said to be of a context only if what was recorded in
//! that context alone tells of it. Where the short-circuit graph is a tree, the last jump of an evaluation does: there is one
//! way to it.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::super::decisions::fitted;
use super::JudgedDecision;
use super::tree::{self, End};
use crate::model::{ContextNames, Edge, Facts, Measurability, MeasuredFile, ShortCircuit, Vector};

/// Tells of each evaluation in which contexts it was seen, as far as `seen` has contexts.
pub(crate) fn tell_contexts(facts: &Facts, seen: &MeasuredFile, decisions: &mut [JudgedDecision]) {
    if seen.edge_contexts.is_empty() && seen.vector_contexts.is_empty() {
        return;
    }
    for judged in decisions.iter_mut().filter(|judged| judged.is_compound() && !judged.vectors.is_empty()) {
        let recorded = recorded(seen, judged);
        judged.contexts = if judged.measured.measurability == Measurability::Edges {
            let graph = ShortCircuit::new(&judged.measured.decision);
            let mut contexts = by_truth(facts, seen, judged);
            let vectors = judged.vectors.iter();
            vectors
                .map(|vector| tree::end(&graph, vector).and_then(|end| contexts.remove(&end)))
                .map(Option::unwrap_or_default)
                .collect()
        } else {
            let of = |vector: &Vector| recorded.get(vector).cloned();
            judged.vectors.iter().map(|vector| of(vector).unwrap_or_default()).collect()
        };
    }
}

/// The evaluations that were recorded, and in which contexts each was.
fn recorded<'a>(seen: &'a MeasuredFile, judged: &JudgedDecision) -> BTreeMap<Cow<'a, Vector>, ContextNames> {
    let decision = &judged.measured.decision;
    let graph = ShortCircuit::new(decision);
    let mut found: BTreeMap<Cow<Vector>, ContextNames> = BTreeMap::new();
    for (vector, contexts) in seen.vector_contexts.get(&decision.place).into_iter().flatten() {
        if let Some(vector) = fitted(decision, &graph, vector) {
            found.entry(vector).or_default().extend(contexts.iter().cloned());
        }
    }
    found
}

/// In which contexts each condition was seen with each truth.
fn by_truth(facts: &Facts, seen: &MeasuredFile, judged: &JudgedDecision) -> BTreeMap<End, ContextNames> {
    let mut found: BTreeMap<End, ContextNames> = BTreeMap::new();
    for test in &judged.measured.tests {
        let code = facts.decisions.codes.get(test.code as usize);
        let Some(edges) = code.and_then(|code| seen.edge_contexts.get(code)) else { continue };
        let first = Edge { from: test.jump.start, to: 0 };
        let last = Edge { from: test.jump.next.saturating_sub(1), to: u32::MAX };
        for (edge, contexts) in edges.range(first..=last) {
            let side = usize::from(test.jump.is_jumping_side(edge.to));
            if let Some(truth) = test.truths[side] {
                found.entry((test.condition, truth)).or_default().extend(contexts.iter().cloned());
            }
        }
    }
    for (vector, contexts) in recorded(seen, judged) {
        for (condition, truth) in vector.truths.iter().enumerate() {
            if let Some(truth) = truth {
                found.entry((condition as u32, *truth)).or_default().extend(contexts.iter().cloned());
            }
        }
    }
    found
}
