//! What was seen of each decision: its conditions both ways, and its evaluations.
//!
//! Invariant: what bytecode does not say for certain was not seen.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use crate::model::{
    CodeKey, Condition, Decision, Decisions, Edge, Facts, Measurability, MeasuredDecision, MeasuredFile,
    Next, ShortCircuit, Vector,
};

/// Said of a decision whose code is not what ran.
const OTHER_CODE: &str =
    "the code that ran was compiled otherwise: pytest rewrites assertions, and python -O leaves them out";
/// Said of a decision that was entered in runs without MC/DC.
const NO_VECTORS: &str = "its evaluations were not recorded: run with --mcdc";
/// Said of a decision with chained comparisons of which an older minicov recorded how they went as a whole.
const NO_LINKS: &str = "the evaluations recorded don't tell its comparisons apart: run it again";

/// A decision with what was seen of it.
#[derive(Clone, Debug)]
pub(crate) struct SeenDecision<'a> {
    pub(crate) measured: &'a MeasuredDecision,
    pub(crate) graph: ShortCircuit,
    /// By condition: whether it was seen false, and true.
    pub(crate) seen: Vec<[bool; 2]>,
    /// Evaluations that were recorded as such; those that an exception ended are among them.
    pub(crate) recorded: Option<BTreeSet<Cow<'a, Vector>>>,
    /// Why nothing can be said of whole evaluations.
    pub(crate) unmeasurable: Option<String>,
}

/// The decisions of a file with what was seen of them, in the order of the source.
pub(crate) fn seen_decisions<'a>(facts: &'a Facts, seen: &'a MeasuredFile) -> Vec<SeenDecision<'a>> {
    let Decisions { decisions, codes } = &facts.decisions;
    let edges: Vec<Option<&BTreeSet<Edge>>> = codes.iter().map(|code| seen.edges.get(code)).collect();
    let others = compiled_otherwise(codes, &seen.edges);
    decisions
        .iter()
        .map(|measured| {
            let graph = ShortCircuit::new(&measured.decision);
            let mut truths = vec![[false; 2]; graph.len()];
            let (mut ran, mut ran_otherwise) = (false, false);
            for test in &measured.tests {
                ran_otherwise |= others[test.code as usize];
                let of_code = edges[test.code as usize].into_iter().flat_map(|edges| {
                    let first = Edge { from: test.jump.start, to: 0 };
                    let last = Edge { from: test.jump.next.saturating_sub(1), to: u32::MAX };
                    edges.range(first..=last)
                });
                for edge in of_code {
                    ran = true;
                    let side = usize::from(test.jump.is_jumping_side(edge.to));
                    if let Some(truth) = test.truths[side] {
                        truths[test.condition as usize][usize::from(truth)] = true;
                    }
                }
            }
            let of_place = seen.vectors.get(&measured.decision.place);
            let recorded: Option<BTreeSet<Cow<Vector>>> = of_place.map(|vectors| {
                vectors.iter().filter_map(|vector| fitted(&measured.decision, &graph, vector)).collect()
            });
            let fits = of_place.is_none_or(BTreeSet::is_empty)
                || recorded.as_ref().is_some_and(|recorded| !recorded.is_empty());
            for vector in recorded.iter().flatten() {
                for (condition, truth) in vector.truths.iter().enumerate() {
                    if let (Some(truth), Some(place)) = (truth, truths.get_mut(condition)) {
                        place[usize::from(*truth)] = true;
                    }
                }
            }
            let unmeasurable = match &measured.measurability {
                Measurability::No(reason) => Some(reason.clone()),
                Measurability::Edges | Measurability::Vectors
                    if !ran && ran_otherwise && recorded.is_none() =>
                {
                    Some(OTHER_CODE.to_owned())
                }
                Measurability::Vectors if ran && recorded.is_none() && !seen.has_vectors => {
                    Some(NO_VECTORS.to_owned())
                }
                Measurability::Vectors if !fits => Some(NO_LINKS.to_owned()),
                Measurability::Edges | Measurability::Vectors => None,
            };
            SeenDecision { measured, graph, seen: truths, recorded, unmeasurable }
        })
        .collect()
}

impl SeenDecision<'_> {
    /// Whether a condition is one to be seen both ways.
    pub(crate) fn counts(&self, condition: usize) -> bool {
        !self.measured.folded[condition] && self.graph.untested() != Some(condition as u32)
    }

    /// The evaluations that were seen, ascending. Where edges tell, each is named by its last one.
    pub(crate) fn vectors(&self) -> Vec<Vector> {
        let mut vectors: BTreeSet<Vector> = BTreeSet::new();
        if self.measured.measurability == Measurability::Edges {
            let ways = ways_to(&self.graph);
            for (condition, seen) in self.seen.iter().enumerate() {
                for truth in [false, true] {
                    if seen[usize::from(truth)]
                        && let Next::Outcome(outcome) = self.graph.next(condition as u32, truth)
                    {
                        vectors.insert(vector(&ways, condition as u32, truth, outcome));
                    }
                }
            }
        } else {
            let recorded = self.recorded.iter().flatten().map(AsRef::as_ref);
            vectors.extend(recorded.filter(|vector| self.graph.is_complete(vector)).cloned());
        }
        vectors.into_iter().collect()
    }
}

/// What a recorded evaluation says of a decision. Evaluations are recorded with chained comparisons split; where they are one
/// condition, those of its comparisons become its own. None where it is an evaluation of something else.
pub(super) fn fitted<'a>(
    decision: &Decision,
    graph: &ShortCircuit,
    recorded: &'a Vector,
) -> Option<Cow<'a, Vector>> {
    if recorded.truths.len() == graph.len() {
        return Some(Cow::Borrowed(recorded));
    }
    let widths = decision.conditions.iter().map(Condition::width);
    if recorded.truths.len() != widths.clone().sum::<usize>() {
        return None;
    }
    let mut left = &recorded.truths[..];
    let mut truths: Vec<Option<bool>> = Vec::with_capacity(graph.len());
    for width in widths {
        let (links, others) = left.split_at(width);
        // The first that does not hold ends the chain, and the last decides it.
        truths.push(if links.contains(&Some(false)) { Some(false) } else { links[width - 1] });
        left = others;
    }
    if let Some(untested) = graph.untested() {
        truths[untested as usize] = None;
    }
    let outcome = match graph.end(&truths) {
        Next::Outcome(outcome) => outcome,
        Next::Condition(_) => None,
    };
    Some(Cow::Owned(Vector { truths, outcome }))
}

/// By condition of a tree: the condition and its truth that lead to it.
fn ways_to(graph: &ShortCircuit) -> Vec<Option<(u32, bool)>> {
    let mut ways = vec![None; graph.len()];
    let ways_in = graph.ways_in();
    let is_tested =
        |condition: &u32| graph.constant(*condition).is_none() && ways_in[*condition as usize] > 0;
    for condition in (0..graph.len() as u32).filter(is_tested) {
        for truth in [false, true] {
            if let Next::Condition(next) = graph.next(condition, truth) {
                ways[next as usize] = Some((condition, truth));
            }
        }
    }
    ways
}

/// The evaluation that ends with this condition.
fn vector(ways: &[Option<(u32, bool)>], condition: u32, truth: bool, outcome: Option<bool>) -> Vector {
    let mut truths = vec![None; ways.len()];
    let mut at = Some((condition, truth));
    while let Some((condition, truth)) = at {
        truths[condition as usize] = Some(truth);
        at = ways[condition as usize];
    }
    Vector { truths, outcome }
}

/// By code object: whether it is not there, but another of its name and line is.
fn compiled_otherwise(codes: &[CodeKey], edges: &BTreeMap<CodeKey, BTreeSet<Edge>>) -> Vec<bool> {
    let is_there: BTreeSet<(&str, i32)> =
        edges.keys().map(|key| (key.qualname.as_str(), key.first_line)).collect();
    let is_other =
        |code: &CodeKey| !edges.contains_key(code) && is_there.contains(&(&code.qualname, code.first_line));
    codes.iter().map(is_other).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Context, Node, Place};

    /// `a < b < c or d`, the chain as one condition.
    fn decision(context: Context) -> Decision {
        let chain = Condition { comparisons: 2, ..Condition::default() };
        Decision {
            place: Place::default(),
            context,
            conditions: vec![chain, Condition::default()],
            nodes: vec![Node::Condition(0), Node::Condition(1), Node::Or(vec![0, 1])],
            chains: Vec::new(),
        }
    }

    #[track_caller]
    fn check(context: Context, recorded: &[Option<bool>], expected: Option<(&[Option<bool>], Option<bool>)>) {
        let decision = decision(context);
        let recorded = Vector { truths: recorded.to_vec(), outcome: None };
        let expected = expected.map(|(truths, outcome)| Vector { truths: truths.to_vec(), outcome });
        let found = fitted(&decision, &ShortCircuit::new(&decision), &recorded).map(Cow::into_owned);
        assert_eq!(found, expected);
    }

    #[test]
    fn evaluations_of_split_chains_tell_of_whole_ones() {
        let (f, t, none) = (Some(false), Some(true), None);
        check(Context::If, &[t, t, none], Some((&[t, none], t)));
        check(Context::If, &[f, none, t], Some((&[f, t], t)));
        check(Context::If, &[t, f, f], Some((&[f, f], f)));
        // An exception came between the comparisons.
        check(Context::If, &[t, none, none], Some((&[none, none], none)));
        // Nothing tests the last operand of a value.
        check(Context::Value, &[t, f, none], Some((&[f, none], none)));
        check(Context::Value, &[t, t, none], Some((&[t, none], t)));
        // An older minicov recorded the chain as one; anything else is not of this decision.
        check(Context::If, &[t, none], Some((&[t, none], none)));
        check(Context::If, &[t, none, none, none], None);
    }
}
