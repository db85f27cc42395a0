//! What tests would have to do: evaluations never seen that would show what was not shown.
//!
//! Must not know: how they are told. Invariant: with the wanted evaluations added to those seen, every condition planned for
//! is shown.

use super::feasibility::evaluation;
use super::masks::unmasked;
use super::{Form, JudgedDecision};
use crate::model::{Decision, Next, Node, ShortCircuit, Vector};

/// Of decisions with more possible evaluations, they are not tried one by one.
const MOST_EVALUATIONS: u64 = 1000;

/// An evaluation among those seen, or among those wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Row {
    Seen(usize),
    Wanted(usize),
}

/// Evaluations to bring about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) vectors: Vec<Vector>,
    /// The two evaluations that would show a condition: condition, the one with it true, the one with it false.
    pub(crate) plans: Vec<(usize, Row, Row)>,
}

/// Every evaluation there can be, in the order of a truth table; coupled conditions have the same truth. None where there
/// are very many.
pub(crate) fn evaluations(decision: &Decision) -> Option<Vec<Vector>> {
    let graph = ShortCircuit::new(decision);
    if graph.paths() > MOST_EVALUATIONS {
        return None;
    }
    // The first of the conditions that are the same expression stands for them.
    let class =
        |condition: u32| decision.conditions[condition as usize].same_as.unwrap_or(condition) as usize;
    let mut found = Vec::new();
    let unknown = vec![None; graph.len()];
    let mut open = vec![(graph.start(), unknown.clone(), unknown)];
    while let Some((next, truths, by_class)) = open.pop() {
        match next {
            Next::Outcome(outcome) => found.push(Vector { truths, outcome }),
            Next::Condition(condition) => {
                for truth in [false, true] {
                    if by_class[class(condition)].is_some_and(|known: bool| known != truth) {
                        continue;
                    }
                    let (mut truths, mut by_class) = (truths.clone(), by_class.clone());
                    truths[condition as usize] = Some(truth);
                    by_class[class(condition)] = Some(truth);
                    open.push((graph.next(condition, truth), truths, by_class));
                }
            }
        }
    }
    Some(found)
}

/// Finds evaluations that would show what can be shown and was not: few, and each with the fewest new partners.
pub(crate) fn wanted(judged: &JudgedDecision, form: Form) -> Wanted {
    let missing = judged.missing(form);
    let mut wanted = Wanted::default();
    if missing.is_empty() {
        return wanted;
    }
    let decision = &judged.measured.decision;
    let graph = ShortCircuit::new(decision);
    let candidates = evaluations(decision).unwrap_or_else(|| witnesses(decision, &graph, &missing));
    let weighed = |vector: Vector| Weighed { says: unmasked(&graph, &vector), vector };
    let mut candidates: Vec<Weighed> = candidates.into_iter().map(weighed).collect();
    // What can show much comes first.
    candidates.sort_by_key(|candidate| {
        std::cmp::Reverse(missing.iter().filter(|condition| candidate.says[**condition]).count())
    });
    let mut known: Vec<(Row, Weighed)> = judged
        .vectors
        .iter()
        .cloned()
        .map(weighed)
        .enumerate()
        .map(|(place, row)| (Row::Seen(place), row))
        .collect();
    for condition in missing {
        let may_mask = judged.conditions[condition].may_mask(form);
        let partner = |known: &[(Row, Weighed)], row: &Weighed| {
            known.iter().find(|(_, other)| row.shows(other, condition, may_mask)).map(|(place, _)| *place)
        };
        let mut add = |row: &Weighed, known: &mut Vec<(Row, Weighed)>| {
            let place = Row::Wanted(wanted.vectors.len());
            wanted.vectors.push(row.vector.clone());
            known.push((place, row.clone()));
            place
        };
        let pair = known
            .iter()
            .find_map(|(place, row)| Some((row.clone(), *place, partner(&known, row)?)))
            .or_else(|| {
                let (row, other) = candidates.iter().find_map(|row| Some((row, partner(&known, row)?)))?;
                Some((row.clone(), add(row, &mut known), other))
            })
            .or_else(|| {
                let (row, other) = candidates.iter().enumerate().find_map(|(place, row)| {
                    let others = &candidates[place + 1..];
                    Some((row, others.iter().find(|other| row.shows(other, condition, may_mask))?))
                })?;
                Some((row.clone(), add(row, &mut known), add(other, &mut known)))
            });
        if let Some((row, place, other)) = pair {
            let is_true = row.vector.truths[condition] == Some(true);
            let (with, without) = if is_true { (place, other) } else { (other, place) };
            wanted.plans.push((condition, with, without));
        }
    }
    wanted
}

/// An evaluation, and which conditions have a say in its outcome.
#[derive(Clone)]
struct Weighed {
    vector: Vector,
    says: Vec<bool>,
}

impl Weighed {
    /// Whether two evaluations show a condition.
    fn shows(&self, other: &Self, condition: usize, may_mask: bool) -> bool {
        let (own, others) = (&self.vector.truths, &other.vector.truths);
        let differs = |place: usize| own[place].zip(others[place]).is_some_and(|(own, other)| own != other);
        self.says[condition]
            && other.says[condition]
            && differs(condition)
            && (may_mask || (0..own.len()).all(|place| place == condition || !differs(place)))
    }
}

/// For each condition two evaluations that differ in it alone, as far as coupled conditions allow: what stands beside it
/// leaves it its say.
fn witnesses(decision: &Decision, graph: &ShortCircuit, conditions: &[usize]) -> Vec<Vector> {
    let mut found = Vec::new();
    for condition in conditions {
        for truth in [true, false] {
            let mut truths = vec![true; graph.len()];
            let mut node = graph.node_of(*condition as u32);
            while let Some(parent) = graph.parent(node) {
                let (operands, neutral): (&[u32], bool) = match graph.node(parent) {
                    Node::And(operands) => (operands, true),
                    Node::Or(operands) => (operands, false),
                    Node::Not(_) | Node::Condition(_) => (&[], true),
                };
                for operand in operands.iter().filter(|operand| **operand != node) {
                    assume(graph, *operand, neutral, &mut truths);
                }
                node = parent;
            }
            truths[*condition] = truth;
            let is_possible = decision.conditions.iter().enumerate().all(|(number, condition)| {
                condition.same_as.is_none_or(|first| truths[first as usize] == truths[number])
            });
            if is_possible {
                found.push(evaluation(graph, &truths));
            }
        }
    }
    found
}

/// Gives the conditions of a node truths with which it has this one.
fn assume(graph: &ShortCircuit, node: u32, truth: bool, truths: &mut [bool]) {
    let mut open = vec![(node, truth)];
    while let Some((node, truth)) = open.pop() {
        match graph.node(node) {
            Node::Condition(condition) => truths[*condition as usize] = truth,
            Node::Not(operand) => open.push((*operand, !truth)),
            Node::And(operands) | Node::Or(operands) => {
                open.extend(operands.iter().map(|operand| (*operand, truth)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::pairs::shown;
    use super::*;
    use crate::metrics::Judgement;
    use crate::model::{Condition, Context, Measurability, MeasuredDecision, Place};

    fn judged(conditions: Vec<Condition>, nodes: Vec<Node>, vectors: Vec<Vector>) -> JudgedDecision {
        let decision =
            Decision { place: Place::default(), context: Context::If, conditions, nodes, chains: Vec::new() };
        let count = decision.conditions.len();
        let graph = ShortCircuit::new(&decision);
        let judgements = shown(&graph, &vectors).into_iter().map(|(masking, unique_cause)| Judgement {
            counts: true,
            masking,
            unique_cause,
            ..Judgement::default()
        });
        JudgedDecision {
            contexts: Vec::new(),
            conditions: judgements.collect(),
            justified: vec![None; count],
            measured: MeasuredDecision {
                decision,
                measurability: Measurability::Vectors,
                tests: Vec::new(),
                folded: vec![false; count],
            },
            unmeasurable: None,
            vectors,
        }
    }

    /// `(a or b) and (c or d) and …`: as many pairs as asked for.
    fn pairs(count: u32) -> (Vec<Condition>, Vec<Node>) {
        let mut nodes: Vec<Node> = (0..2 * count).map(Node::Condition).collect();
        nodes.extend((0..count).map(|pair| Node::Or(vec![2 * pair, 2 * pair + 1])));
        nodes.push(Node::And((2 * count..3 * count).collect()));
        (vec![Condition::default(); 2 * count as usize], nodes)
    }

    /// With what is wanted added, every condition is shown in the form.
    #[track_caller]
    fn check(judged: &JudgedDecision, form: Form, most: usize) {
        let wanted = wanted(judged, form);
        assert!(wanted.vectors.len() <= most, "{form:?}: {} evaluations", wanted.vectors.len());
        let mut vectors = judged.vectors.clone();
        vectors.extend(wanted.vectors.iter().cloned());
        let graph = ShortCircuit::new(&judged.measured.decision);
        for (condition, (masking, unique_cause)) in shown(&graph, &vectors).into_iter().enumerate() {
            let pair = if form == Form::Masking { masking } else { unique_cause };
            assert!(pair.is_some(), "{form:?}: condition {condition}");
        }
        for (condition, with, without) in &wanted.plans {
            let vector = |row: &Row| match row {
                Row::Seen(place) => &judged.vectors[*place],
                Row::Wanted(place) => &wanted.vectors[*place],
            };
            assert_eq!(vector(with).truths[*condition], Some(true));
            assert_eq!(vector(without).truths[*condition], Some(false));
        }
    }

    #[test]
    fn what_is_wanted_shows_everything() {
        for count in [1, 2, 3, 12] {
            let (conditions, nodes) = pairs(count);
            let all = 2 * count as usize;
            let never_run = judged(conditions.clone(), nodes.clone(), Vec::new());
            for form in [Form::Masking, Form::UniqueCause] {
                check(&never_run, form, 2 * all);
            }
            // One evaluation is there.
            let truths = vec![true; all];
            let seen = evaluation(&ShortCircuit::new(&never_run.measured.decision), &truths);
            check(&judged(conditions, nodes, vec![seen]), Form::Masking, 2 * all - 1);
        }
        // Of `a and b and c` it is one more than there are conditions.
        let nodes =
            vec![Node::Condition(0), Node::Condition(1), Node::Condition(2), Node::And(vec![0, 1, 2])];
        check(&judged(vec![Condition::default(); 3], nodes, Vec::new()), Form::UniqueCause, 4);
    }

    #[test]
    fn coupled_conditions_have_the_same_truth() {
        // `a and b or a and c`
        let mut conditions = vec![Condition::default(); 4];
        conditions[2].same_as = Some(0);
        let nodes = vec![
            Node::Condition(0),
            Node::Condition(1),
            Node::Condition(2),
            Node::Condition(3),
            Node::And(vec![0, 1]),
            Node::And(vec![2, 3]),
            Node::Or(vec![4, 5]),
        ];
        let decision = judged(conditions, nodes, Vec::new()).measured.decision;
        let rows = evaluations(&decision).unwrap();
        assert_eq!(rows.len(), 4, "{rows:?}");
    }
}
