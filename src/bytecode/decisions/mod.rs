//! Which jumps of a code object test which conditions of the source.
//!
//! A jump is known by the instruction that made the value it tests, and that by its range in the location table
//! (`tested.rs`). Then every side of every such jump is followed to the next one (`check.rs`): a decision of which bytecode
//! goes another way than the source says is given up, with the reason, and not judged wrongly.
//!
//! Must not know: the source text, what ran. Invariant: linear in the code for all but contrived bytes.

mod check;
mod tested;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::control_flow::ControlFlow;
use crate::model::{
    AnchorKind, CodeKey, CodeShape, DecisionMap, Decisions, Jump, Measurability, MeasuredDecision, Node,
    Place, ShortCircuit, Test,
};

pub(super) use self::tested::tests_a_value;

/// Why a decision has no tests at all.
const LEFT_OUT: &str = "the compiler left it out";

/// The decisions of a file, ready to be found in its code objects.
#[derive(Debug)]
pub(crate) struct Joiner {
    map: DecisionMap,
    graphs: Vec<ShortCircuit>,
    /// Places in `map.anchors`, by range.
    by_place: HashMap<Place, Vec<usize>>,
    /// The same of those that count by their end, by line and column.
    by_end: HashMap<(u32, u32), Vec<usize>>,
    /// Conditions that compare with None (decision, node), and whether by `is not`; none where they do both.
    none_operands: HashMap<(u32, u32), Option<bool>>,
}

/// A jump that tests a node of a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct NodeTest {
    decision: u32,
    node: u32,
    /// The node's truth when control goes on and when it jumps; none where that says nothing.
    truths: [Option<bool>; 2],
}

/// A jump that tests a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CodeTest {
    pub(crate) decision: u32,
    pub(crate) condition: u32,
    pub(crate) jump: Jump,
    /// The condition's truth when control goes on and when it jumps; none where that says nothing.
    pub(crate) truths: [Option<bool>; 2],
    /// By side: whether control also comes there when the condition was not evaluated at all.
    pub(crate) is_retest: [bool; 2],
}

/// What one code object has of the decisions of its file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct CodeTests {
    pub(crate) tests: Vec<CodeTest>,
    /// Decisions whose bytecode is not understood, and why.
    pub(crate) broken: BTreeMap<u32, String>,
}

impl Joiner {
    pub(crate) fn new(map: DecisionMap) -> Self {
        let graphs = map.decisions.iter().map(|mapped| ShortCircuit::new(&mapped.decision)).collect();
        let mut by_place: HashMap<Place, Vec<usize>> = HashMap::new();
        let mut by_end: HashMap<(u32, u32), Vec<usize>> = HashMap::new();
        let mut none_operands = HashMap::new();
        for (index, anchor) in map.anchors.iter().enumerate() {
            by_place.entry(anchor.place).or_default().push(index);
            if let AnchorKind::NoneOperand { negated } = anchor.kind {
                // The arms of a conditional expression may differ.
                let known = none_operands.entry((anchor.decision, anchor.node)).or_insert(Some(negated));
                *known = known.filter(|known| *known == negated);
            }
            if anchor.kind == AnchorKind::End {
                by_end.entry((anchor.place.end_line, anchor.place.end_column)).or_default().push(index);
            }
        }
        Self { map, graphs, by_place, by_end, none_operands }
    }

    /// The short-circuit graph of a decision.
    pub(crate) fn graph(&self, decision: u32) -> &ShortCircuit {
        &self.graphs[decision as usize]
    }

    /// The range of a decision.
    pub(crate) fn place(&self, decision: u32) -> Place {
        self.map.decisions[decision as usize].decision.place
    }

    /// Whether a decision is one of the source, and not an arm of a conditional expression.
    pub(crate) fn is_reported(&self, decision: u32) -> bool {
        !self.map.decisions[decision as usize].is_auxiliary()
    }

    /// The condition that begins the chained comparison with whose value a decision ends, where its links are conditions.
    pub(crate) fn start_of_last_chain(&self, decision: u32) -> Option<u32> {
        let graph = self.graph(decision);
        let chain = graph.parent(graph.node_of(graph.untested()?))?;
        let chains = &self.map.decisions[decision as usize].decision.chains;
        match graph.node(chain) {
            Node::And(links) if chains.iter().any(|(node, _)| *node == chain) => {
                links.first().and_then(|link| match graph.node(*link) {
                    Node::Condition(condition) => Some(*condition),
                    Node::Not(_) | Node::And(_) | Node::Or(_) => None,
                })
            }
            Node::And(_) | Node::Condition(_) | Node::Not(_) | Node::Or(_) => None,
        }
    }

    /// The tests in one code object, without those nested in it.
    pub(crate) fn code(&self, shape: &CodeShape) -> CodeTests {
        let flow = ControlFlow::new(shape);
        let places = tested::places(&flow, shape);
        self.check(&flow, &places, &self.tested(&flow, &places))
    }

    /// The tests in a module and all code nested in it, by decision.
    pub(crate) fn decisions(&self, module: &CodeShape) -> Decisions {
        let mut codes = Vec::new();
        let mut tests: Vec<Vec<Test>> = vec![Vec::new(); self.map.decisions.len()];
        let mut broken: BTreeMap<u32, String> = BTreeMap::new();
        // By decision: the conditions and truths that a side tells of which is taken for others, too.
        let mut retested: BTreeMap<u32, BTreeSet<(u32, bool)>> = BTreeMap::new();
        for shape in module.walk() {
            let found = self.code(shape);
            broken.extend(found.broken);
            if found.tests.is_empty() {
                continue;
            }
            let code = codes.len() as u32;
            codes.push(CodeKey::of(shape));
            for CodeTest { decision, condition, jump, truths, is_retest } in found.tests {
                for side in [0, 1].into_iter().filter(|side| is_retest[*side]) {
                    let of_decision = retested.entry(decision).or_default();
                    of_decision.extend(truths[side].map(|truth| (condition, truth)));
                }
                // An edge that says nothing certain says nothing.
                let truths = [0, 1].map(|side| truths[side].filter(|_| !is_retest[side]));
                tests[decision as usize].push(Test { code, jump, condition, truths });
            }
        }
        let mut decisions = Vec::new();
        for (number, (mapped, tests)) in self.map.decisions.iter().zip(tests).enumerate() {
            if mapped.is_auxiliary() {
                continue;
            }
            let number = number as u32;
            let graph = self.graph(number);
            let ways = graph.ways_in();
            let folded: Vec<bool> = mapped
                .decision
                .conditions
                .iter()
                .zip(&ways)
                .enumerate()
                .map(|(index, (condition, ways))| {
                    let is_reached = *ways > 0 || graph.untested() == Some(index as u32);
                    condition.constant.is_some() || !is_reached
                })
                .collect();
            let retests = retested.remove(&number).unwrap_or_default();
            let measurability = if let Some(condition) = graph.idle_end() {
                Measurability::No(format!(
                    "nothing depends on condition {}, because of constants, so whether it is evaluated to its end is not told",
                    condition + 1
                ))
            } else if let Some(reason) = broken.get(&number) {
                Measurability::No(reason.clone())
            } else if let Some(reason) = missing_test(graph, &folded, &tests, &retests) {
                Measurability::No(reason)
            } else if !retests.is_empty() || ways.iter().any(|ways| *ways > 1) {
                Measurability::Vectors
            } else {
                Measurability::Edges
            };
            decisions.push(MeasuredDecision {
                decision: mapped.decision.clone(),
                measurability,
                tests,
                folded,
            });
        }
        Decisions { decisions, codes }
    }
}

/// Why a decision cannot be measured although nothing is wrong with what was found of it: some of it was not found.
fn missing_test(
    graph: &ShortCircuit,
    folded: &[bool],
    tests: &[Test],
    retests: &BTreeSet<(u32, bool)>,
) -> Option<String> {
    let wanted = |condition: u32| !folded[condition as usize] && graph.untested() != Some(condition);
    let mut found = vec![[false; 2]; graph.len()];
    for test in tests {
        for truth in test.truths.into_iter().flatten() {
            found[test.condition as usize][usize::from(truth)] = true;
        }
    }
    // A side that also tells of others tells of its condition where evaluations are followed.
    for (condition, truth) in retests {
        found[*condition as usize][usize::from(*truth)] = true;
    }
    if tests.is_empty() && (0..graph.len() as u32).any(wanted) {
        return Some(LEFT_OUT.to_owned());
    }
    let missing = (0..graph.len() as u32)
        .find(|condition| wanted(*condition) && found[*condition as usize] != [true; 2])?;
    Some(format!("condition {} has no jump of its own in the bytecode", missing + 1))
}
