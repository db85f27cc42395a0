//! Whether control goes between the tests of a decision as its source says.
//!
//! Invariant: what passes is right whatever the ranges said; what does not is reported and never judged.

use std::collections::{BTreeMap, BTreeSet};

use super::super::control_flow::ControlFlow;
use super::super::opcodes::Flow;
use super::tested::producer;
use super::{CodeTest, CodeTests, Joiner, NodeTest};
use crate::model::{Jump, Next, Node, Place, ShortCircuit};

/// The tests of one decision in one code object.
struct Checker<'a> {
    flow: &'a ControlFlow,
    /// By instruction: its range.
    places: &'a [Option<Place>],
    graph: &'a ShortCircuit,
    place: Place,
    constants: Vec<Option<bool>>,
    /// By instruction.
    tests: BTreeMap<usize, NodeTest>,
    /// What stands between the making of a value and its test: that belongs to the decision whatever its range is. Since
    /// 3.14, a jump that is made to lead where the next one would has the range of that one.
    before_tests: BTreeSet<usize>,
    /// Sides of jumps that are taken, too, when another condition settled what is tested.
    retests: BTreeSet<(usize, usize)>,
}

/// What a walk met where it should not.
struct Broken(String);

fn broken(condition: u32, what: &str) -> Broken {
    Broken(format!("in the bytecode the way from condition {} {what}", condition + 1))
}

impl Joiner {
    pub(super) fn check(
        &self,
        flow: &ControlFlow,
        places: &[Option<Place>],
        tested: &[Vec<NodeTest>],
    ) -> CodeTests {
        let mut by_decision: BTreeMap<u32, BTreeMap<usize, NodeTest>> = BTreeMap::new();
        for (index, tests) in tested.iter().enumerate() {
            for test in tests {
                let (condition, _) = self.graph(test.decision).last(test.node, true);
                // Where nothing should test a condition, a jump that does belongs to the expression around.
                if self.graph(test.decision).untested() != Some(condition) {
                    by_decision.entry(test.decision).or_default().insert(index, *test);
                }
            }
        }
        let mut found = CodeTests::default();
        for (decision, tests) in by_decision {
            let mapped = &self.map.decisions[decision as usize].decision;
            // Not behind a jump, past which the value may have been made.
            let goes_on = |index: &usize| flow.instructions[*index].flow != Flow::Jump;
            let before_test = |index: usize| {
                let made = producer(flow, index).map_or(index, |made| made + 1);
                (made..index).rev().take_while(goes_on)
            };
            let before_tests = tests.keys().copied().flat_map(before_test).collect();
            let mut checker = Checker {
                flow,
                places,
                graph: self.graph(decision),
                place: mapped.place,
                constants: mapped.conditions.iter().map(|condition| condition.constant).collect(),
                tests,
                before_tests,
                retests: BTreeSet::new(),
            };
            match checker.walk_all() {
                Ok(()) => found.tests.extend(checker.conditions(decision)),
                Err(Broken(reason)) => {
                    found.broken.insert(decision, reason);
                }
            }
        }
        found
    }
}

impl Checker<'_> {
    fn walk_all(&mut self) -> Result<(), Broken> {
        let tests: Vec<(usize, NodeTest)> = self.tests.iter().map(|(index, test)| (*index, *test)).collect();
        for (index, test) in tests {
            if self.graph.is_idle(self.graph.last(test.node, true).0) {
                continue;
            }
            // What the rest of an arm, which is constant, makes of both is the same.
            let says_one = test.truths[0].is_some() && test.truths[0] == test.truths[1];
            if !says_one && self.leads_nowhere_else(index) {
                let (condition, _) = self.graph.last(test.node, true);
                if self.constants[condition as usize].is_none() {
                    return Err(broken(condition, "is the same whether it is true or false"));
                }
            }
            let Some(sides) = self.sides(index) else {
                return Err(Broken("a jump of it leads nowhere".to_owned()));
            };
            for (side, destination) in sides.into_iter().enumerate() {
                let (condition, truth) = match test.truths[side] {
                    Some(truth) => self.graph.last(test.node, truth),
                    None => (self.graph.last(test.node, true).0, false),
                };
                if self.constants[condition as usize].is_some() {
                    continue;
                }
                // A side that says nothing leads on within its condition.
                let expected = match test.truths[side] {
                    Some(_) => self.graph.next(condition, truth),
                    None => Next::Condition(condition),
                };
                self.walk(destination, condition, test.truths[side].map(|_| truth), expected)?;
            }
        }
        Ok(())
    }

    /// Where control goes on from a jump, and where it jumps.
    fn sides(&self, index: usize) -> Option<[usize; 2]> {
        let instruction = &self.flow.instructions[index];
        Some([self.flow.index_at(instruction.end)?, self.flow.index_at(instruction.target()?)?])
    }

    /// Whether a jump leads to where control goes on anyway.
    fn leads_nowhere_else(&self, index: usize) -> bool {
        let instructions = &self.flow.instructions;
        let next = instructions[index + 1..].iter().find(|instruction| instruction.name() != "NOT_TAKEN");
        instructions[index].target() == next.map(|instruction| instruction.start)
    }

    /// Follows control from `start`, where `condition` was found `truth`, to the next tests.
    fn walk(
        &mut self,
        start: usize,
        condition: u32,
        truth: Option<bool>,
        expected: Next,
    ) -> Result<(), Broken> {
        let mut waiting = vec![start];
        let mut seen = BTreeSet::new();
        while let Some(index) = waiting.pop() {
            if !seen.insert(index) {
                continue;
            }
            if let Some(test) = self.tests.get(&index).copied() {
                if self.graph.is_idle(self.graph.last(test.node, true).0) {
                    waiting.extend(self.sides(index).into_iter().flatten());
                    continue;
                }
                if let Some(side) = self.passes(index, test, condition, truth, expected)? {
                    waiting.extend(self.sides(index).map(|sides| sides[side]));
                }
                continue;
            }
            if matches!(expected, Next::Outcome(_)) && self.is_outside(index) {
                continue;
            }
            let before = waiting.len();
            waiting.extend(self.flow.successors(index));
            if waiting.len() == before && matches!(expected, Next::Condition(_)) {
                return Err(broken(condition, "leaves the code"));
            }
        }
        Ok(())
    }

    /// What a test means on the way from a condition: the next one (none), or something to be passed on this side.
    fn passes(
        &mut self,
        index: usize,
        test: NodeTest,
        condition: u32,
        truth: Option<bool>,
        expected: Next,
    ) -> Result<Option<usize>, Broken> {
        let (tested, _) = self.graph.last(test.node, true);
        if let Some(truth) = truth
            && let Some(node) = self.widened(test.node, condition)
            && let Some(settled) = self.graph.settles(condition, truth, node)
        {
            let side = test.truths.iter().position(|truth| *truth == Some(settled));
            let Some(side) = side else { return Err(broken(condition, "meets an unclear test")) };
            if tested != condition {
                self.retests.insert((index, side));
            }
            return Ok(Some(side));
        }
        if let Some(constant) = self.constants[tested as usize] {
            let side = test.truths.iter().position(|truth| {
                truth.is_some_and(|truth| self.graph.last(test.node, truth) == (tested, constant))
            });
            return side.map(Some).ok_or_else(|| broken(condition, "meets an unclear constant"));
        }
        let is_next = match expected {
            Next::Condition(next) => next == tested,
            // Round a loop, it all begins again.
            Next::Outcome(_) => self.graph.start() == Next::Condition(tested),
        };
        if is_next {
            return Ok(None);
        }
        Err(broken(condition, &format!("meets that of condition {}", tested + 1)))
    }

    /// What a jump tests when it is reached from `condition`: the node itself, or one that ends with it and so has the same
    /// value, `not not` included; none if `condition` is in none of them.
    fn widened(&self, mut node: u32, condition: u32) -> Option<u32> {
        let mut is_negated = false;
        loop {
            if !is_negated && self.graph.is_within(condition, node) {
                return Some(node);
            }
            let parent = self.graph.parent(node)?;
            match self.graph.node(parent) {
                Node::And(operands) | Node::Or(operands) if !is_negated && operands.last() == Some(&node) => {
                }
                Node::Not(_) => is_negated = !is_negated,
                Node::And(_) | Node::Or(_) | Node::Condition(_) => return None,
            }
            node = parent;
        }
    }

    /// Whether an instruction has a range that is not within the decision's, and leads to none of its tests.
    fn is_outside(&self, index: usize) -> bool {
        self.places[index].is_some_and(|place| !self.place.contains(&place))
            && !self.before_tests.contains(&index)
    }

    /// The conditions tested.
    fn conditions(&self, decision: u32) -> Vec<CodeTest> {
        let mut found = Vec::new();
        for (index, test) in &self.tests {
            let (condition, _) = self.graph.last(test.node, true);
            let instruction = &self.flow.instructions[*index];
            let Some(target) = instruction.target() else { continue };
            if self.constants[condition as usize].is_some() || self.graph.is_idle(condition) {
                continue;
            }
            found.push(CodeTest {
                decision,
                condition,
                jump: Jump { start: instruction.start, next: instruction.end, target },
                truths: test.truths.map(|truth| Some(self.graph.last(test.node, truth?).1)),
                is_retest: [0, 1].map(|side| self.retests.contains(&(*index, side))),
            });
        }
        found
    }
}
