//! Which ways the evaluations of one decision took, from events of its tests.
//!
//! As long as what was *seen* of the short-circuit graph is a tree, a test that is reached names the way to it, and a side
//! that was seen once has nothing more to tell: its event may rest, while those of sides not seen stay on. Proof: the first
//! time that control takes a side, its event is on, and this is told of it. So all sides that an evaluation has taken are
//! among those seen; of these, one at most leads to each condition; so there is one way back from a test to the start.
//! Evaluations under way need not be known, nor what became of them. (Whatever runs without events breaks this: the beginning of
//! an evaluation in a trace function of the program's own, the end of it outside.) Where both sides share an event, it rests once
//! either side may, or was not taken and something else tells of it before the next test (`sysmon/instructions.rs`).
//!
//! When a second way to a condition is seen, every evaluation has to be followed on its own. For this all sides must have
//! their events again, at once. What is under way then and not known began before: its way up to its next test is that in the
//! tree as it was. This needs frames told apart by something that no two have while both are alive.
//!
//! Must not know: how events arrive. Invariant: a way is told of only if an evaluation took it.

use std::collections::HashMap;

use crate::model::{Next, ShortCircuit, Vector};

/// Evaluations under way that are kept for a decision; beyond, all are given up. Only exceptions that leave ever new frames
/// in the middle of a decision, or more suspended coroutines there, make so many.
const MOST_OPEN: usize = 65_536;

/// What is known of the evaluations of a decision in one code object.
pub(super) struct Evaluations {
    recording: Recording,
    /// Under way, by frame.
    open: HashMap<usize, Evaluation>,
}

enum Recording {
    /// What was seen is a tree.
    Tree(SeenTree),
    /// Each evaluation is followed. Those that began before took ways of this tree, if any.
    Each(Option<SeenTree>),
}

/// The sides of a decision's tests that were seen, while they make a tree.
struct SeenTree {
    /// By condition: the side that leads to it; none where none was seen.
    ways_in: Vec<Option<(u32, bool)>>,
    /// By condition: whether false and true were seen.
    seen: Vec<[bool; 2]>,
}

struct Evaluation {
    truths: Vec<Option<bool>>,
    expected: u32,
}

/// What a test of a condition was to its evaluation.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Nothing: it belongs to none, or tests again what is known.
    Ignored,
    /// It goes on.
    Went,
    /// It goes on; the events of all sides must be turned on again before anything else is told.
    LeftTree,
    /// It is complete.
    Ended(Vector),
}

impl Evaluations {
    /// Follows each evaluation from the beginning.
    pub(super) fn of_each() -> Self {
        Self { recording: Recording::Each(None), open: HashMap::new() }
    }

    /// Follows none as long as what is seen is a tree. For decisions of which each condition has one test, and each side of
    /// it says what the condition is.
    pub(super) fn of_tree(graph: &ShortCircuit) -> Self {
        let tree = SeenTree { ways_in: vec![None; graph.len()], seen: vec![[false; 2]; graph.len()] };
        Self { recording: Recording::Tree(tree), open: HashMap::new() }
    }

    /// Goes on to follow each evaluation, those under way included. Needs the events of all sides, from now on.
    pub(super) fn follow_each(&mut self) {
        if let Recording::Tree(tree) = &mut self.recording {
            self.recording = Recording::Each(Some(SeenTree {
                ways_in: std::mem::take(&mut tree.ways_in),
                seen: std::mem::take(&mut tree.seen),
            }));
        }
    }

    /// Forgets what is under way: events were not told of, or will not be.
    pub(super) fn lose_track(&mut self) {
        self.recording = Recording::Each(None);
        self.open = HashMap::new();
    }

    /// Whether the event of a side has nothing more to tell.
    pub(super) fn may_rest(&self, condition: u32, truth: bool) -> bool {
        match &self.recording {
            Recording::Tree(tree) => tree.seen[condition as usize][usize::from(truth)],
            Recording::Each(_) => false,
        }
    }

    /// The truths seen by the evaluation under way in a frame.
    pub(super) fn under_way(&self, frame: usize) -> Option<&[Option<bool>]> {
        self.open.get(&frame).map(|evaluation| evaluation.truths.as_slice())
    }

    /// The truths on the way of a frame's evaluation to a condition that is next.
    pub(super) fn way_to(
        &self,
        graph: &ShortCircuit,
        frame: usize,
        condition: u32,
    ) -> Option<Vec<Option<bool>>> {
        match (self.open.get(&frame), &self.recording) {
            (Some(evaluation), _) => (evaluation.expected == condition).then(|| evaluation.truths.clone()),
            (None, Recording::Tree(tree)) => tree.way_to(graph, condition),
            (None, Recording::Each(_)) => None,
        }
    }

    /// A condition was found true or false in a frame.
    pub(super) fn take(&mut self, graph: &ShortCircuit, frame: usize, condition: u32, truth: bool) -> Step {
        let Recording::Tree(tree) = &mut self.recording else {
            return self.follow(graph, frame, condition, truth);
        };
        if tree.seen[condition as usize][usize::from(truth)] || !tree.has_way_to(graph, condition) {
            return Step::Ignored;
        }
        match graph.next(condition, truth) {
            Next::Outcome(outcome) => {
                let Some(mut truths) = tree.way_to(graph, condition) else { return Step::Ignored };
                truths[condition as usize] = Some(truth);
                tree.seen[condition as usize][usize::from(truth)] = true;
                Step::Ended(Vector { truths, outcome })
            }
            Next::Condition(next) if tree.ways_in[next as usize].is_none() => {
                tree.ways_in[next as usize] = Some((condition, truth));
                tree.seen[condition as usize][usize::from(truth)] = true;
                Step::Went
            }
            Next::Condition(_) => {
                self.follow_each();
                match self.follow(graph, frame, condition, truth) {
                    Step::Went => Step::LeftTree,
                    step @ (Step::Ignored | Step::LeftTree | Step::Ended(_)) => step,
                }
            }
        }
    }

    fn follow(&mut self, graph: &ShortCircuit, frame: usize, condition: u32, truth: bool) -> Step {
        let known = self.open.remove(&frame);
        let mut truths = if graph.start() == Next::Condition(condition) {
            vec![None; graph.len()]
        } else {
            match known {
                Some(evaluation) if evaluation.expected == condition => evaluation.truths,
                Some(evaluation) => {
                    self.open.insert(frame, evaluation);
                    return Step::Ignored;
                }
                None => match self.way_before(graph, condition) {
                    Some(truths) => truths,
                    None => return Step::Ignored,
                },
            }
        };
        truths[condition as usize] = Some(truth);
        match graph.next(condition, truth) {
            Next::Outcome(outcome) => Step::Ended(Vector { truths, outcome }),
            Next::Condition(expected) => {
                if self.open.len() >= MOST_OPEN {
                    self.lose_track();
                }
                self.open.insert(frame, Evaluation { truths, expected });
                Step::Went
            }
        }
    }

    /// The way of an evaluation to its next test, if it began in the tree.
    fn way_before(&self, graph: &ShortCircuit, condition: u32) -> Option<Vec<Option<bool>>> {
        match &self.recording {
            Recording::Each(before) => before.as_ref()?.way_to(graph, condition),
            Recording::Tree(_) => None,
        }
    }
}

impl SeenTree {
    fn has_way_to(&self, graph: &ShortCircuit, condition: u32) -> bool {
        graph.start() == Next::Condition(condition) || self.ways_in[condition as usize].is_some()
    }

    /// The truths on the way to a condition.
    fn way_to(&self, graph: &ShortCircuit, condition: u32) -> Option<Vec<Option<bool>>> {
        let mut truths = vec![None; graph.len()];
        let mut at = condition;
        // A condition leads to later ones only.
        while graph.start() != Next::Condition(at) {
            let (before, truth) = self.ways_in[at as usize]?;
            truths[before as usize] = Some(truth);
            at = before;
        }
        Some(truths)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;
    use crate::model::{Condition, Context, Decision, Node, Place};

    /// A formula: operands before their operators, as [`Decision`] has them.
    #[derive(Clone, Debug)]
    enum Formula {
        Condition,
        Not(Box<Formula>),
        Of(bool, Vec<Formula>),
    }

    fn formulas() -> impl Strategy<Value = Formula> {
        Just(Formula::Condition).prop_recursive(4, 12, 3, |inner| {
            prop_oneof![
                1 => inner.clone().prop_map(|operand| Formula::Not(Box::new(operand))),
                4 => (any::<bool>(), proptest::collection::vec(inner, 2..4))
                    .prop_map(|(is_and, operands)| Formula::Of(is_and, operands)),
            ]
        })
    }

    fn add(formula: &Formula, nodes: &mut Vec<Node>, conditions: &mut u32) -> u32 {
        let node = match formula {
            Formula::Condition => {
                *conditions += 1;
                Node::Condition(*conditions - 1)
            }
            Formula::Not(operand) => Node::Not(add(operand, nodes, conditions)),
            Formula::Of(is_and, operands) => {
                let operands = operands.iter().map(|operand| add(operand, nodes, conditions)).collect();
                if *is_and { Node::And(operands) } else { Node::Or(operands) }
            }
        };
        nodes.push(node);
        nodes.len() as u32 - 1
    }

    fn graph_of(formula: &Formula, context: Context) -> ShortCircuit {
        let (mut nodes, mut count) = (Vec::new(), 0);
        add(formula, &mut nodes, &mut count);
        ShortCircuit::new(&Decision {
            place: Place::default(),
            context,
            conditions: vec![Condition::default(); count as usize],
            nodes,
            chains: Vec::new(),
        })
    }

    /// What a frame does next.
    #[derive(Clone, Debug)]
    enum Deed {
        /// The condition it is at, or the first one, is this.
        Test(bool),
        /// An exception ends the evaluation.
        Raise,
    }

    fn deeds() -> impl Strategy<Value = Vec<(usize, Deed)>> {
        let deed = prop_oneof![9 => any::<bool>().prop_map(Deed::Test), 1 => Just(Deed::Raise)];
        proptest::collection::vec((0..4_usize, deed), 1..120)
    }

    /// A program: the frames and the sides whose events are on.
    struct Machine {
        graph: ShortCircuit,
        evaluations: Evaluations,
        is_off: HashSet<(u32, bool)>,
        frames: Vec<Option<Evaluation>>,
        happened: HashSet<Vector>,
        recorded: HashSet<Vector>,
        events: usize,
    }

    impl Machine {
        fn new(graph: ShortCircuit) -> Self {
            Self {
                evaluations: Evaluations::of_tree(&graph),
                graph,
                is_off: HashSet::new(),
                frames: (0..4).map(|_| None).collect(),
                happened: HashSet::new(),
                recorded: HashSet::new(),
                events: 0,
            }
        }

        fn do_it(&mut self, frame: usize, deed: &Deed) {
            let Deed::Test(truth) = *deed else {
                self.frames[frame] = None;
                return;
            };
            let Next::Condition(start) = self.graph.start() else { return };
            let begins = || Evaluation { truths: vec![None; self.graph.len()], expected: start };
            let mut evaluation = self.frames[frame].take().unwrap_or_else(begins);
            let condition = evaluation.expected;
            evaluation.truths[condition as usize] = Some(truth);
            if !self.is_off.contains(&(condition, truth)) {
                self.events += 1;
                match self.evaluations.take(&self.graph, frame, condition, truth) {
                    Step::Ended(vector) => drop(self.recorded.insert(vector)),
                    Step::LeftTree => self.is_off.clear(),
                    Step::Ignored | Step::Went => (),
                }
                if self.evaluations.may_rest(condition, truth) {
                    self.is_off.insert((condition, truth));
                }
            }
            match self.graph.next(condition, truth) {
                Next::Condition(next) => {
                    evaluation.expected = next;
                    self.frames[frame] = Some(evaluation);
                }
                Next::Outcome(outcome) => {
                    self.happened.insert(Vector { truths: evaluation.truths, outcome });
                }
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        /// Whatever frames do in turn, what is recorded is what happened, as soon as it does.
        #[test]
        fn what_happened_is_recorded(formula in formulas(), is_value: bool, deeds in deeds()) {
            let context = if is_value { Context::Value } else { Context::If };
            let mut machine = Machine::new(graph_of(&formula, context));
            for (frame, deed) in &deeds {
                machine.do_it(*frame, deed);
                prop_assert_eq!(&machine.recorded, &machine.happened);
            }
        }

        /// So it is where all is followed from some time on for another reason.
        #[test]
        fn to_follow_each_is_possible_at_any_time(formula in formulas(), deeds in deeds(), when in 0..60_usize) {
            let mut machine = Machine::new(graph_of(&formula, Context::If));
            for (time, (frame, deed)) in deeds.iter().enumerate() {
                if time == when {
                    machine.evaluations.follow_each();
                    machine.is_off.clear();
                }
                machine.do_it(*frame, deed);
                prop_assert_eq!(&machine.recorded, &machine.happened);
            }
        }
    }

    /// `(a or b) and c`
    fn diamond() -> ShortCircuit {
        let or = Formula::Of(false, vec![Formula::Condition, Formula::Condition]);
        graph_of(&Formula::Of(true, vec![or, Formula::Condition]), Context::If)
    }

    #[test]
    fn a_diamond_of_which_a_tree_is_seen_comes_to_rest() {
        let mut machine = Machine::new(diamond());
        for _ in 0..1000 {
            for truth in [true, true, true, false, false, false] {
                machine.do_it(0, &Deed::Test(truth));
            }
        }
        // `a` both ways, `b` false, `c` both ways; never `b` true.
        assert_eq!((machine.events, machine.recorded.len()), (5, 3));
    }

    #[test]
    fn too_many_under_way_are_given_up() {
        let graph = diamond();
        let mut evaluations = Evaluations::of_each();
        for frame in 0..=MOST_OPEN {
            assert_eq!(evaluations.take(&graph, frame, 0, true), Step::Went);
        }
        assert_eq!(evaluations.take(&graph, 0, 2, true), Step::Ignored);
        assert!(matches!(evaluations.take(&graph, MOST_OPEN, 2, true), Step::Ended(_)));
    }
}
