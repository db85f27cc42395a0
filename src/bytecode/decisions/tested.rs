//! What each conditional jump tests.

use std::collections::HashMap;

use super::super::control_flow::{ControlFlow, Instruction};
use super::super::locations::locations;
use super::super::opcodes::{Flow, Opcode};
use super::{Joiner, NodeTest};
use crate::model::{Anchor, AnchorKind, CodeShape, Node, Place};

/// Instructions between the making of a value and the jump that tests it.
const TRANSPARENT: [&str; 4] = ["NOP", "NOT_TAKEN", "TO_BOOL", "CACHE"];

/// Two instructions in one, of which the second loads what is tested, under the range of the first (CPython 3.13+,
/// `Python/flowgraph.c`, `insert_superinstructions`).
const SUPER_INSTRUCTIONS: [&str; 3] =
    ["LOAD_FAST_LOAD_FAST", "LOAD_FAST_BORROW_LOAD_FAST_BORROW", "STORE_FAST_LOAD_FAST"];

/// When a jump jumps.
#[derive(Clone, Copy, PartialEq, Eq)]
enum JumpsIf {
    Truth(bool),
    None(bool),
}

impl JumpsIf {
    fn of(name: &str) -> Option<Self> {
        // 3.11: POP_JUMP_FORWARD_IF_TRUE, JUMP_IF_TRUE_OR_POP; since 3.12: POP_JUMP_IF_TRUE.
        let (before, condition) = name.split_once("IF_")?;
        if !before.contains("JUMP_") {
            return None;
        }
        match condition.trim_end_matches("_OR_POP") {
            "TRUE" => Some(Self::Truth(true)),
            "FALSE" => Some(Self::Truth(false)),
            "NONE" => Some(Self::None(true)),
            "NOT_NONE" => Some(Self::None(false)),
            _ => None,
        }
    }
}

/// Whether it is a jump that tests a value.
pub(in super::super) fn tests_a_value(opcode: &Opcode) -> bool {
    JumpsIf::of(opcode.name).is_some()
}

impl Joiner {
    /// By instruction: the nodes it tests, innermost first.
    pub(super) fn tested(&self, flow: &ControlFlow, places: &[Option<Place>]) -> Vec<Vec<NodeTest>> {
        let links = numbered_links(flow, places);
        let of_index = |(index, instruction): (usize, &Instruction)| {
            let jumps_if = JumpsIf::of(instruction.name())?;
            self.tested_by(flow, places, &links, index, jumps_if).map(|test| self.with_outer(test))
        };
        flow.instructions.iter().enumerate().map(|index| of_index(index).unwrap_or_default()).collect()
    }

    fn tested_by(
        &self,
        flow: &ControlFlow,
        places: &[Option<Place>],
        links: &HashMap<usize, usize>,
        index: usize,
        jumps_if: JumpsIf,
    ) -> Option<NodeTest> {
        let at = producer(flow, index)?;
        let producer = &flow.instructions[at];
        let own = places[index];
        if SUPER_INSTRUCTIONS.contains(&producer.name()) {
            return match jumps_if {
                JumpsIf::Truth(truth) => {
                    // TO_BOOL has the range of what is tested, but in value position.
                    let conversion = places[at + 1].filter(|_| at + 1 < index);
                    let by_conversion = conversion.and_then(|place| {
                        let anchor = self.anchors(place).find(|anchor| anchor.kind == AnchorKind::Value)?;
                        // Of `not not x` the conversion of `x` alone is left, under the range of `not x`.
                        let node = match self.graph(anchor.decision).node(anchor.node) {
                            Node::Not(operand) => *operand,
                            Node::Condition(_) | Node::And(_) | Node::Or(_) => anchor.node,
                        };
                        Some(Anchor { node, ..*anchor })
                    });
                    let anchor = by_conversion.or_else(|| self.behind(places[at]?, own?).copied());
                    Some(whole(&anchor?, truth))
                }
                JumpsIf::None(is_none) => {
                    let comparison = self.anchors(own?).find(|anchor| anchor.kind.is_membership());
                    if let Some(anchor) = comparison
                        && let AnchorKind::Membership { negated } = anchor.kind
                    {
                        return Some(whole(anchor, is_none != negated));
                    }
                    let anchor = self.behind(places[at]?, own?)?;
                    let negated = (*self.none_operands.get(&(anchor.decision, anchor.node))?)?;
                    Some(whole(anchor, is_none != negated))
                }
            };
        }
        let place = places[at];
        match jumps_if {
            JumpsIf::None(is_none) if JumpsIf::of(producer.name()).is_some() => {
                // The last link of a chained comparison: its left operand was kept by the link before.
                let link = self.tested_by(flow, places, links, at, JumpsIf::of(producer.name())?)?;
                let node = self.last_link(link.decision, link.node);
                // Of a comprehension's last condition, the jump has the range of the element.
                let by_range = own.and_then(|own| self.anchors(own).find_map(negated_none));
                let by_node = || *self.none_operands.get(&(link.decision, node))?;
                let negated = by_range.or_else(by_node)?;
                let truth = is_none != negated;
                Some(NodeTest { node, truths: [Some(!truth), Some(truth)], ..link })
            }
            JumpsIf::None(is_none) => {
                let operand = place.and_then(|place| self.anchors(place).find(|a| negated_none(a).is_some()));
                let comparison = || self.anchors(own?).find(|anchor| anchor.kind.is_membership());
                let anchor = operand.or_else(comparison)?;
                let negated = match anchor.kind {
                    AnchorKind::NoneOperand { negated } | AnchorKind::Membership { negated } => negated,
                    AnchorKind::Value | AnchorKind::End | AnchorKind::Jump => return None,
                };
                Some(whole(anchor, is_none != negated))
            }
            JumpsIf::Truth(truth) => {
                let place = place?;
                let anchor = self
                    .anchors(place)
                    .find(|anchor| matches!(anchor.kind, AnchorKind::Value | AnchorKind::Membership { .. }))
                    .or_else(|| self.ending(place, producer.name()))?;
                let is_membership = matches!(producer.name(), "IS_OP" | "CONTAINS_OP");
                let is_flipped = match anchor.kind {
                    AnchorKind::Membership { negated } => {
                        is_membership && (producer.argument & 1 == 1) != negated
                    }
                    AnchorKind::Value
                    | AnchorKind::End
                    | AnchorKind::NoneOperand { .. }
                    | AnchorKind::Jump => false,
                };
                let mut test = whole(anchor, truth);
                if is_flipped {
                    // The compiler made one comparison of it and the `not` before it.
                    test.node = self.graph(test.decision).parent(test.node)?;
                }
                if let Some(number) = links.get(&at) {
                    match self.graph(test.decision).node(test.node) {
                        // The last one is followed by none.
                        Node::And(nodes) => {
                            let count = nodes.len().saturating_sub(1);
                            test.node = *nodes.get(number.checked_rem(count)?)?;
                        }
                        // Of a chained comparison that holds so far nothing is known.
                        Node::Condition(_) | Node::Not(_) | Node::Or(_) => {
                            test.truths = test.truths.map(|truth| truth.filter(|truth| !truth));
                        }
                    }
                }
                Some(test)
            }
        }
    }

    /// The link of a chained comparison that ends it, by another one; itself where the chain is one condition.
    fn last_link(&self, decision: u32, link: u32) -> u32 {
        let graph = self.graph(decision);
        let is_link = |parent: u32| {
            let chains = &self.map.decisions[decision as usize].decision.chains;
            chains.binary_search_by_key(&parent, |(node, _)| *node).is_ok()
        };
        match graph.parent(link).filter(|parent| is_link(*parent)).map(|parent| graph.node(parent)) {
            Some(Node::And(links)) => links.last().copied().unwrap_or(link),
            Some(Node::Condition(_) | Node::Not(_) | Node::Or(_)) | None => link,
        }
    }

    fn anchors(&self, place: Place) -> impl Iterator<Item = &Anchor> {
        self.by_place.get(&place).into_iter().flatten().map(|index| &self.map.anchors[*index])
    }

    /// What a jump with the range `own` tests that was loaded together with what stands at `first`.
    fn behind(&self, first: Place, own: Place) -> Option<&Anchor> {
        let candidates = self.anchors(own).filter(|anchor| anchor.kind == AnchorKind::Jump);
        // The element of a comprehension stands before the target that is stored; all else behind what is loaded.
        candidates.min_by_key(|anchor| {
            let start = self.node_place(anchor);
            (start <= Some(first), start)
        })
    }

    /// The range of the condition that an anchor stands for.
    fn node_place(&self, anchor: &Anchor) -> Option<Place> {
        let (condition, _) = self.graph(anchor.decision).last(anchor.node, true);
        let conditions = &self.map.decisions[anchor.decision as usize].decision.conditions;
        conditions.get(condition as usize).map(|condition| condition.place)
    }

    /// The condition that ends where a call or attribute does that stands on another line than its object.
    fn ending(&self, place: Place, name: &str) -> Option<&Anchor> {
        if !(name.starts_with("CALL") || name.starts_with("LOAD_ATTR")) {
            return None;
        }
        let ending = self.by_end.get(&(place.end_line, place.end_column))?;
        ending.iter().map(|index| &self.map.anchors[*index]).find(|anchor| anchor.place.contains(&place))
    }

    /// A test with those of the conditions whose truth follows from it.
    fn with_outer(&self, test: NodeTest) -> Vec<NodeTest> {
        let mut tests = vec![test];
        let mut place = 0;
        while let Some(inner) = tests.get(place).copied() {
            let mapped = &self.map.decisions[inner.decision as usize];
            let graph = self.graph(inner.decision);
            let truths = inner.truths.map(|truth| {
                let (condition, truth) = graph.last(inner.node, truth?);
                graph.decided(condition, truth)
            });
            if let Some((decision, node)) = mapped.outer {
                tests.push(NodeTest { decision, node, truths });
            }
            if let Some((decision, node)) = mapped.constant_arms.first().map(|arm| arm.condition) {
                // The other arm has tests of its own, unless it is constant, too.
                let truths = truths.map(|outcome| {
                    let arm = mapped.constant_arms.iter().find(|arm| Some(arm.when) == outcome)?;
                    Some(arm.truth)
                });
                if truths != [None; 2] {
                    tests.push(NodeTest { decision, node, truths });
                }
            }
            place += 1;
        }
        tests
    }
}

/// The instruction that made the value that a conditional jump tests, or a copy of it.
pub(super) fn producer(flow: &ControlFlow, index: usize) -> Option<usize> {
    let at = back(flow, index)?;
    let instruction = &flow.instructions[at];
    if instruction.name() == "COPY" && instruction.argument == 1 { back(flow, at) } else { Some(at) }
}

/// The instruction before this one that does something; where that jumps, the one from which an unconditional jump leads here
/// does.
fn back(flow: &ControlFlow, index: usize) -> Option<usize> {
    let is_active = |instruction: &Instruction| !TRANSPARENT.contains(&instruction.name());
    let before = flow.instructions[..index].iter().rposition(is_active)?;
    if flow.instructions[before].flow != Flow::Jump {
        return Some(before);
    }
    // Behind the loop of an inlined `async for` stands what comes after it, and the loop's end elsewhere.
    let start = flow.instructions[before + 1].start;
    let leads_here =
        |instruction: &Instruction| instruction.flow == Flow::Jump && instruction.target() == Some(start);
    // On 3.11 an `await` ends with a jump back that only it takes.
    let Some(jump) = flow.instructions.iter().position(leads_here) else { return Some(before) };
    flow.instructions[..jump].iter().rposition(is_active)
}

/// Whether a comparison is followed by another of the same chain: its right operand is kept for that.
fn is_link(flow: &ControlFlow, at: usize) -> bool {
    matches!(flow.instructions[at].name(), "COMPARE_OP" | "IS_OP" | "CONTAINS_OP")
        && back(flow, at).is_some_and(|before| {
            let before = &flow.instructions[before];
            before.name() == "COPY" && before.argument == 2
        })
}

/// By comparison that is followed by another of its chain: how many such there were with its range. Each copy of a chain has
/// all of them, in their order.
fn numbered_links(flow: &ControlFlow, places: &[Option<Place>]) -> HashMap<usize, usize> {
    let mut counts: HashMap<Place, usize> = HashMap::new();
    let mut numbers = HashMap::new();
    for (at, place) in places.iter().enumerate() {
        if let Some(place) = place
            && is_link(flow, at)
        {
            let count = counts.entry(*place).or_default();
            numbers.insert(at, *count);
            *count += 1;
        }
    }
    numbers
}

fn whole(anchor: &Anchor, jumps_when: bool) -> NodeTest {
    let truths = [Some(!jumps_when), Some(jumps_when)];
    NodeTest { decision: anchor.decision, node: anchor.node, truths }
}

fn negated_none(anchor: &Anchor) -> Option<bool> {
    match anchor.kind {
        AnchorKind::NoneOperand { negated } => Some(negated),
        AnchorKind::Value | AnchorKind::Membership { .. } | AnchorKind::End | AnchorKind::Jump => None,
    }
}

/// By instruction: its range, where it has one.
pub(super) fn places(flow: &ControlFlow, shape: &CodeShape) -> Vec<Option<Place>> {
    let mut places = Vec::with_capacity(flow.instructions.len());
    for location in locations(shape).map_while(Result::ok) {
        let place = location.line.zip(location.span).map(|(line, span)| Place {
            line,
            column: span.column,
            end_line: span.end_line,
            end_column: span.end_column,
        });
        while flow.instructions.get(places.len()).is_some_and(|instruction| instruction.start < location.end)
        {
            places.push(place);
        }
    }
    places.resize(flow.instructions.len(), None);
    places
}
