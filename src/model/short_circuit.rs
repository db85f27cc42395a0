//! How a decision is evaluated: which condition comes after which, and what follows from one's truth.
//!
//! Invariant: every function is linear in the depth of the tree, and none recurses.

use super::{Context, Decision, Node, Vector};

/// What comes after a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Next {
    /// This condition is evaluated.
    Condition(u32),
    /// The decision has this truth; none for that of its last operand, which is not tested.
    Outcome(Option<bool>),
}

/// The short-circuit graph of a decision.
#[derive(Clone, Debug)]
pub(crate) struct ShortCircuit {
    nodes: Vec<Node>,
    /// By node: the operator over it, and whether it is its last operand.
    parents: Vec<Option<Parent>>,
    /// By condition: its node.
    leaves: Vec<u32>,
    /// By condition: its truth where it is constant.
    constants: Vec<Option<bool>>,
    /// By condition: whether all goes on in the same way whatever it is, because of constants (`a or True`). Compilers make
    /// one way of both, so nobody can know its truth.
    idle: Vec<bool>,
    /// The last condition, where the decision's value is its value and nothing tests it.
    untested: Option<u32>,
}

#[derive(Clone, Copy, Debug)]
struct Parent {
    node: u32,
    /// The operand after this one.
    next: Option<u32>,
}

impl ShortCircuit {
    pub(crate) fn new(decision: &Decision) -> Self {
        let mut parents = vec![None; decision.nodes.len()];
        let mut leaves = vec![0; decision.conditions.len()];
        for (number, node) in decision.nodes.iter().enumerate() {
            let parent = number as u32;
            match node {
                Node::Condition(condition) => leaves[*condition as usize] = parent,
                Node::Not(operand) => {
                    parents[*operand as usize] = Some(Parent { node: parent, next: None });
                }
                Node::And(operands) | Node::Or(operands) => {
                    for (index, operand) in operands.iter().enumerate() {
                        let next = operands.get(index + 1).copied();
                        parents[*operand as usize] = Some(Parent { node: parent, next });
                    }
                }
            }
        }
        let constants = decision.conditions.iter().map(|condition| condition.constant).collect();
        let untested = (decision.context == Context::Value)
            .then(|| (decision.conditions.len() as u32).saturating_sub(1));
        let idle = vec![false; decision.conditions.len()];
        let mut graph = Self { nodes: decision.nodes.clone(), parents, leaves, constants, idle, untested };
        // A condition leads to later ones only.
        for condition in (0..graph.len() as u32).rev() {
            graph.idle[condition as usize] = graph.constant(condition).is_none()
                && graph.untested != Some(condition)
                && graph.next(condition, false) == graph.next(condition, true);
        }
        graph
    }

    /// The number of conditions.
    pub(crate) fn len(&self) -> usize {
        self.leaves.len()
    }

    /// The node that is the whole decision.
    pub(crate) fn root(&self) -> u32 {
        (self.nodes.len() as u32).saturating_sub(1)
    }

    /// The node of a condition.
    pub(crate) fn node_of(&self, condition: u32) -> u32 {
        self.leaves[condition as usize]
    }

    pub(crate) fn node(&self, node: u32) -> &Node {
        &self.nodes[node as usize]
    }

    /// The operator over a node.
    pub(crate) fn parent(&self, node: u32) -> Option<u32> {
        self.parents[node as usize].map(|parent| parent.node)
    }

    /// The last condition of a decision in value position: nothing tests it.
    pub(crate) fn untested(&self) -> Option<u32> {
        self.untested
    }

    /// The truth of a condition where it is constant.
    pub(crate) fn constant(&self, condition: u32) -> Option<bool> {
        self.constants[condition as usize]
    }

    /// Whether nothing depends on a condition, because of constants.
    pub(crate) fn is_idle(&self, condition: u32) -> bool {
        self.idle[condition as usize]
    }

    /// The decision's truth if its last condition is reached and nothing tests it, where it is constant.
    pub(crate) fn untested_outcome(&self) -> Option<bool> {
        let untested = self.untested?;
        self.settles(untested, self.constant(untested)?, self.root())
    }

    /// What the evaluation begins with.
    pub(crate) fn start(&self) -> Next {
        self.pass_constants(self.first(self.root()))
    }

    /// What comes after a condition was found true or false.
    pub(crate) fn next(&self, condition: u32, truth: bool) -> Next {
        match self.step(condition, truth) {
            Next::Condition(next) => self.pass_constants(next),
            outcome @ Next::Outcome(_) => outcome,
        }
    }

    /// What comes of a constant condition is known, and what comes of an idle one is the same either way.
    fn pass_constants(&self, mut condition: u32) -> Next {
        loop {
            if self.untested == Some(condition) {
                return Next::Outcome(None);
            }
            let known = self.constants[condition as usize];
            if known.is_none() && !self.is_idle(condition) {
                return Next::Condition(condition);
            }
            match self.step(condition, known.unwrap_or_default()) {
                Next::Condition(next) => condition = next,
                outcome @ Next::Outcome(_) => return outcome,
            }
        }
    }

    fn step(&self, condition: u32, truth: bool) -> Next {
        let (mut node, mut truth) = (self.node_of(condition), truth);
        while let Some(Parent { node: parent, next }) = self.parents[node as usize] {
            match (&self.nodes[parent as usize], next) {
                (Node::Not(_), _) => truth = !truth,
                (Node::And(_), Some(next)) if truth => return Next::Condition(self.first(next)),
                (Node::Or(_), Some(next)) if !truth => return Next::Condition(self.first(next)),
                (Node::And(_) | Node::Or(_) | Node::Condition(_), _) => {}
            }
            node = parent;
        }
        Next::Outcome(Some(truth))
    }

    /// An idle condition that an evaluation can end with although others of it were tested. Whether such an evaluation came
    /// to its outcome, no test tells: what is evaluated there may raise.
    pub(crate) fn idle_end(&self) -> Option<u32> {
        let ways = self.ways_in();
        let tested = (0..self.len() as u32)
            .filter(|condition| ways[*condition as usize] > 0 && self.untested != Some(*condition));
        tested.flat_map(|condition| [(condition, false), (condition, true)]).find_map(|(condition, truth)| {
            let mut idle = None;
            let mut at = self.step(condition, truth);
            while let Next::Condition(next) = at
                && self.untested != Some(next)
            {
                let known = self.constants[next as usize];
                if known.is_none() {
                    if !self.is_idle(next) {
                        return None;
                    }
                    idle = Some(next);
                }
                at = self.step(next, known.unwrap_or_default());
            }
            idle
        })
    }

    /// The decision's truth if a condition has this one, where only constants are left to evaluate then.
    pub(crate) fn decided(&self, condition: u32, truth: bool) -> Option<bool> {
        let mut at = self.step(condition, truth);
        loop {
            match at {
                Next::Condition(next) => at = self.step(next, self.constant(next)?),
                Next::Outcome(outcome) => return outcome,
            }
        }
    }

    /// The condition that is evaluated first in a node.
    fn first(&self, mut node: u32) -> u32 {
        loop {
            match &self.nodes[node as usize] {
                Node::Condition(condition) => return *condition,
                Node::Not(operand) => node = *operand,
                Node::And(operands) | Node::Or(operands) => match operands.first() {
                    Some(first) => node = *first,
                    None => return 0,
                },
            }
        }
    }

    /// The condition that is evaluated last in a node, if all are, and its truth where the node has this one.
    pub(crate) fn last(&self, mut node: u32, mut truth: bool) -> (u32, bool) {
        loop {
            match &self.nodes[node as usize] {
                Node::Condition(condition) => return (*condition, truth),
                Node::Not(operand) => (node, truth) = (*operand, !truth),
                Node::And(operands) | Node::Or(operands) => match operands.last() {
                    Some(last) => node = *last,
                    None => return (0, truth),
                },
            }
        }
    }

    /// Whether a condition is in a node.
    pub(crate) fn is_within(&self, condition: u32, node: u32) -> bool {
        let mut at = self.node_of(condition);
        // Operands have smaller numbers than their operators.
        while at < node {
            match self.parents[at as usize] {
                Some(parent) => at = parent.node,
                None => return false,
            }
        }
        at == node
    }

    /// A node's truth, if it follows from this truth of a condition within it alone, once that was evaluated.
    pub(crate) fn settles(&self, condition: u32, truth: bool, node: u32) -> Option<bool> {
        let (mut at, mut truth) = (self.node_of(condition), truth);
        while at != node {
            let Parent { node: parent, next } = self.parents[at as usize]?;
            match (&self.nodes[parent as usize], next) {
                (Node::Not(_), _) => truth = !truth,
                (Node::And(_), Some(_)) if truth => return None,
                (Node::Or(_), Some(_)) if !truth => return None,
                (Node::And(_) | Node::Or(_) | Node::Condition(_), _) => {}
            }
            at = parent;
        }
        Some(truth)
    }

    /// The decision's truth if it is this truth of a condition that decides it.
    pub(crate) fn driven(&self, condition: u32, truth: bool) -> bool {
        let (mut node, mut truth) = (self.node_of(condition), truth);
        while let Some(parent) = self.parent(node) {
            truth ^= matches!(self.node(parent), Node::Not(_));
            node = parent;
        }
        truth
    }

    /// By condition: whether it can be reached at all, constants being what they are; and by how many ways, capped at 2.
    pub(crate) fn ways_in(&self) -> Vec<u8> {
        let mut ways = vec![0_u8; self.len()];
        if let Next::Condition(first) = self.start() {
            ways[first as usize] = 1;
        }
        // A condition leads to later ones only.
        for condition in 0..self.len() as u32 {
            let own = ways[condition as usize];
            if own == 0 || self.untested == Some(condition) {
                continue;
            }
            for truth in [false, true] {
                if let Next::Condition(next) = self.next(condition, truth) {
                    let there = &mut ways[next as usize];
                    *there = (*there + own).min(2);
                }
            }
        }
        ways
    }

    /// By how many ways the last condition of a value is reached, which nothing tests.
    pub(crate) fn ways_to_untested(&self) -> usize {
        let ways = self.ways_in();
        let reached = (0..self.len() as u32)
            .filter(|condition| ways[*condition as usize] > 0 && self.constant(*condition).is_none());
        let edges = reached.flat_map(|condition| [false, true].map(|truth| self.next(condition, truth)));
        edges.filter(|next| *next == Next::Outcome(None)).count()
    }

    /// Whether an evaluation came to its outcome. It has a truth for each condition.
    pub(crate) fn is_complete(&self, vector: &Vector) -> bool {
        self.end(&vector.truths) == Next::Outcome(vector.outcome)
    }

    /// How far an evaluation with these truths comes: to its outcome, or to a condition without one.
    pub(crate) fn end(&self, truths: &[Option<bool>]) -> Next {
        let mut at = self.start();
        while let Next::Condition(condition) = at {
            let Some(truth) = truths[condition as usize] else { break };
            at = self.next(condition, truth);
        }
        at
    }

    /// How many different evaluations there are.
    pub(crate) fn paths(&self) -> u64 {
        let mut paths = vec![0_u64; self.len()];
        let after = |paths: &[u64], next: Next| match next {
            Next::Condition(next) => paths[next as usize],
            Next::Outcome(_) => 1,
        };
        for condition in (0..self.len() as u32).rev() {
            let of = |truth| after(&paths, self.next(condition, truth));
            paths[condition as usize] = of(false).saturating_add(of(true));
        }
        after(&paths, self.start())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Condition, Place};

    /// `(a or b) and not c`
    fn diamond(context: Context) -> Decision {
        Decision {
            place: Place::default(),
            context,
            conditions: vec![Condition::default(); 3],
            nodes: vec![
                Node::Condition(0),
                Node::Condition(1),
                Node::Or(vec![0, 1]),
                Node::Condition(2),
                Node::Not(3),
                Node::And(vec![2, 4]),
            ],
            chains: Vec::new(),
        }
    }

    #[test]
    fn evaluation_goes_on_where_python_does() {
        let graph = ShortCircuit::new(&diamond(Context::If));
        assert_eq!(graph.start(), Next::Condition(0));
        assert_eq!(graph.next(0, true), Next::Condition(2));
        assert_eq!(graph.next(0, false), Next::Condition(1));
        assert_eq!(graph.next(1, false), Next::Outcome(Some(false)));
        assert_eq!(graph.next(2, false), Next::Outcome(Some(true)));
        assert_eq!(graph.ways_in(), [1, 1, 2]);
        assert_eq!(graph.paths(), 5);
        assert_eq!(graph.settles(0, true, 2), Some(true));
        assert_eq!(graph.settles(0, false, 2), None);
        assert_eq!(graph.last(5, true), (2, false));
        assert!(graph.is_within(1, 2) && !graph.is_within(2, 2));
    }

    #[test]
    fn the_last_operand_of_a_value_is_an_outcome() {
        let graph = ShortCircuit::new(&diamond(Context::Value));
        assert_eq!(graph.next(0, true), Next::Outcome(None));
        assert_eq!(graph.next(1, false), Next::Outcome(Some(false)));
        assert_eq!(graph.paths(), 3);
    }

    #[test]
    fn constants_are_passed() {
        let mut decision = diamond(Context::If);
        decision.conditions[1].constant = Some(false);
        let graph = ShortCircuit::new(&decision);
        assert_eq!(graph.next(0, false), Next::Outcome(Some(false)));
        decision.conditions[0].constant = Some(true);
        assert_eq!(ShortCircuit::new(&decision).start(), Next::Condition(2));
        assert_eq!(ShortCircuit::new(&decision).ways_in(), [0, 0, 1]);
    }

    #[test]
    fn what_makes_no_difference_is_passed() {
        // Of `(a or True) and not c` only `c` matters.
        let mut decision = diamond(Context::If);
        decision.conditions[1].constant = Some(true);
        let graph = ShortCircuit::new(&decision);
        assert!(graph.is_idle(0) && !graph.is_idle(2));
        assert_eq!(graph.start(), Next::Condition(2));
        assert_eq!(graph.ways_in(), [0, 0, 1]);
        assert_eq!(graph.idle_end(), None);
    }

    #[test]
    fn what_makes_no_difference_may_be_evaluated_last() {
        // `not c and (a or True)`
        let decision = |context| Decision {
            nodes: vec![
                Node::Condition(0),
                Node::Not(0),
                Node::Condition(1),
                Node::Condition(2),
                Node::Or(vec![2, 3]),
                Node::And(vec![1, 4]),
            ],
            conditions: vec![
                Condition::default(),
                Condition::default(),
                Condition { constant: Some(true), ..Condition::default() },
            ],
            ..diamond(context)
        };
        assert_eq!(ShortCircuit::new(&decision(Context::If)).idle_end(), Some(1));
        // Of a value it makes a difference: the value is its own, or the constant.
        assert_eq!(ShortCircuit::new(&decision(Context::Value)).idle_end(), None);
        assert_eq!(ShortCircuit::new(&diamond(Context::If)).idle_end(), None);
    }
}
