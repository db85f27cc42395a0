//! Recording evaluations of the decisions that edges alone don't tell.
//!
//! A frame's evaluation under way is known by the frame, so that recursion, generators, coroutines and threads cannot mix
//! theirs. It begins with the decision's first condition, goes on with the one expected next, and takes no notice of
//! anything else: what an exception left behind is forgotten when the decision is next begun, and an evaluation of which the
//! beginning was not seen counts for nothing. Where events can be had again at once, evaluations need not be
//! followed as long as what was seen of the decision is a tree (`evaluations.rs`).
//!
//! Where a jump serves several conditions, an evaluation so far is recorded, too, once for each condition and truth: that is
//! what is left of one that an exception ends. So it is where the value of a chained comparison comes last: whoever takes chains
//! for one condition has all of the evaluation there, whatever becomes of the comparisons.
//!
//! Must not know: how events arrive. Invariant: an evaluation is recorded once, and only if it happened.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use pyo3::intern;
use pyo3::prelude::*;

use super::code::CodeState;
use super::evaluations::{Evaluations, Step};
use super::session::Session;
use super::{EVALUATIONS_MAY_REST, contexts, forks};
use crate::bytecode::{CodeTest, ControlFlow, Joiner};
use crate::model::{
    ChainedComparisons, CodeShape, Context, DecisionMap, Edge, LineNo, Next, Node, Place, ShortCircuit,
    Vector,
};
use crate::paths::read_source;
use crate::python;
use crate::source;

/// Different evaluations of a decision that are kept; more than this nobody reads, and judging would take long.
const MOST_VECTORS: usize = 4096;

/// So many times a code object's events are turned on again because what was seen of a decision is no tree any more. Then
/// evaluations of all its decisions are followed: turning on takes as long as the code is.
const MOST_TREES_LEFT: u32 = 16;

/// The stack of the thread that parses a source file, in bytes: the program's own threads may have very small ones.
const PARSER_STACK: usize = 64 << 20;

/// The decisions of a source file, as far as evaluations have to be recorded.
pub(super) struct FileDecisions {
    joiner: Joiner,
    /// First and last lines of decisions that may need it.
    candidates: Vec<(LineNo, LineNo)>,
}

impl FileDecisions {
    /// Reads a source file. None where there is nothing to record, or nothing to read.
    fn read(path: PathBuf) -> Option<Self> {
        let parser = move || {
            let text = source::decode(&read_source(&path).ok()?).ok()?;
            // Reports may ask for either, and of evaluations of the one those of the other are known.
            source::decisions(&text, ChainedComparisons::Split).ok()
        };
        let map = thread::Builder::new().stack_size(PARSER_STACK).spawn(parser).ok()?.join().ok()??;
        let candidates: Vec<(LineNo, LineNo)> = candidates(&map);
        (!candidates.is_empty()).then(|| Self { joiner: Joiner::new(map), candidates })
    }
}

/// The lines of decisions whose short-circuit graph is no tree, or whose bytecode may test a value twice.
fn candidates(map: &DecisionMap) -> Vec<(LineNo, LineNo)> {
    let is_candidate = |decision: &crate::model::Decision| {
        let operators = decision.nodes.iter().filter(|node| !matches!(node, Node::Condition(_))).count();
        operators > 1
            && (decision.context == Context::Value
                || ShortCircuit::new(decision).ways_in().iter().any(|ways| *ways > 1))
    };
    let decisions = map.decisions.iter().map(|mapped| &mapped.decision);
    decisions
        .filter(|decision| is_candidate(decision))
        .map(|decision| (decision.place.line, decision.place.end_line))
        .collect()
}

/// The decisions of a code object of which evaluations are recorded.
pub(super) struct DecisionWatch {
    file: u32,
    /// By code unit: places in `tests`.
    by_unit: HashMap<u32, Vec<usize>>,
    /// By line with a jump that is watched: places in `decisions`.
    by_line: BTreeMap<LineNo, BTreeSet<usize>>,
    tests: Vec<WatchedTest>,
    decisions: Vec<WatchedDecision>,
    /// How many decisions were seen to be no trees.
    trees_left: AtomicU32,
}

struct WatchedTest {
    test: CodeTest,
    /// Place in `decisions`.
    decision: usize,
    /// Bits of the sides whose edge was recorded.
    recorded: AtomicU8,
    /// Bits of the sides that tell of other conditions as well and were seen to tell of this one.
    told: AtomicU8,
}

struct WatchedDecision {
    place: Place,
    graph: ShortCircuit,
    /// How many different evaluations there can be.
    paths: u64,
    evaluations: Mutex<Evaluations>,
    seen: Mutex<HashSet<Vector>>,
    /// The condition that begins the chained comparison whose value comes last.
    last_chain: Option<u32>,
    /// The ways on which control came to it.
    begun: Mutex<HashSet<Vec<Option<bool>>>>,
    /// Whether there is nothing more to learn.
    is_done: AtomicBool,
}

/// What an event at a watched jump was.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Observed {
    /// Whether the edge is to be recorded now.
    pub(super) is_first: bool,
    /// Whether the event must stay on.
    pub(super) is_open: bool,
    /// The same for the other side, should that have an event of its own and have been taken before.
    pub(super) other_is_open: bool,
    /// Whether the events of all branches of the code object must be turned on again. Where that fails, nothing more may be
    /// told: [`DecisionWatch::give_up`].
    pub(super) wants_all: bool,
}

impl Session {
    /// The decisions to watch in a code object; none where there are none.
    pub(super) fn decisions_of<'a>(
        &self,
        state: &'a CodeState,
        code: &Bound<'_, PyAny>,
    ) -> PyResult<Option<&'a DecisionWatch>> {
        if !self.vectors {
            return Ok(None);
        }
        if state.decisions.get().is_none() {
            let watch = self.watch(state, code)?;
            let _ = state.decisions.set(watch.map(Box::new));
        }
        Ok(state.decisions.get().and_then(|watch| watch.as_deref()))
    }

    fn watch(&self, state: &CodeState, code: &Bound<'_, PyAny>) -> PyResult<Option<DecisionWatch>> {
        // A condition that is reached in two ways comes behind two others, and what is tested twice has two tests: sources
        // need not be parsed for code that just runs from top to bottom.
        if !state.traits(code)?.tests_several_values() {
            return Ok(None);
        }
        let file = self.decisions_of_file(state, code)?;
        let Some(file) = file
            .filter(|file| file.candidates.iter().any(|(first, last)| state.has_line_within(*first, *last)))
        else {
            return Ok(None);
        };
        // Another core's events are not all turned on again when contexts begin to be tracked.
        let may_rest = EVALUATIONS_MAY_REST && self.core_has_offsets && !contexts::are_tracked();
        let shape = python::lone_shape(code)?;
        Ok(DecisionWatch::new(state.file(), &file.joiner, &shape, state.flow(code)?, may_rest))
    }

    fn decisions_of_file(
        &self,
        state: &CodeState,
        code: &Bound<'_, PyAny>,
    ) -> PyResult<Option<Arc<FileDecisions>>> {
        if let Some(known) = with(&self.decision_files, |files| files.get(&state.file()).cloned()) {
            return Ok(known);
        }
        let path: PathBuf = code.getattr(intern!(code.py(), "co_filename"))?.extract()?;
        let found = FileDecisions::read(path).map(Arc::new);
        with(&self.decision_files, |files| files.insert(state.file(), found.clone()));
        Ok(found)
    }
}

impl DecisionWatch {
    /// `may_rest`: whether events may rest while what was seen of a decision is a tree.
    fn new(
        file: u32,
        joiner: &Joiner,
        shape: &CodeShape,
        flow: &ControlFlow,
        may_rest: bool,
    ) -> Option<Self> {
        let found = joiner.code(shape);
        let mut places: HashMap<u32, Option<usize>> = HashMap::new();
        let (mut tests, mut decisions) = (Vec::new(), Vec::new());
        let is_retested = |decision: u32| {
            found.tests.iter().any(|test| test.decision == decision && test.is_retest != [false, false])
        };
        for test in &found.tests {
            let place = *places.entry(test.decision).or_insert_with(|| {
                let graph = joiner.graph(test.decision);
                let is_wanted = joiner.is_reported(test.decision)
                    && (graph.ways_in().iter().any(|ways| *ways > 1) || is_retested(test.decision));
                is_wanted.then(|| {
                    let of_decision = found.tests.iter().filter(|other| other.decision == test.decision);
                    let may_be_tree = may_rest && has_one_test_each(graph, of_decision);
                    let evaluations =
                        if may_be_tree { Evaluations::of_tree(graph) } else { Evaluations::of_each() };
                    decisions.push(WatchedDecision {
                        place: joiner.place(test.decision),
                        graph: graph.clone(),
                        paths: graph.paths(),
                        evaluations: Mutex::new(evaluations),
                        seen: Mutex::default(),
                        last_chain: joiner.start_of_last_chain(test.decision),
                        begun: Mutex::default(),
                        is_done: AtomicBool::new(false),
                    });
                    decisions.len() - 1
                })
            });
            if let Some(decision) = place {
                let (recorded, told) = (AtomicU8::new(0), AtomicU8::new(0));
                tests.push(WatchedTest { test: *test, decision, recorded, told });
            }
        }
        let mut by_unit: HashMap<u32, Vec<usize>> = HashMap::new();
        let mut by_line: BTreeMap<LineNo, BTreeSet<usize>> = BTreeMap::new();
        for (index, WatchedTest { test, decision, .. }) in tests.iter().enumerate() {
            if let Some((line, _)) = flow.branch_at(test.jump.start) {
                by_line.entry(line).or_default().insert(*decision);
            }
            for unit in test.jump.start / 2..test.jump.next / 2 {
                by_unit.entry(unit).or_default().push(index);
            }
        }
        let trees_left = AtomicU32::new(0);
        (!tests.is_empty()).then(|| Self { file, by_unit, by_line, tests, decisions, trees_left })
    }

    /// Whether a jump on `line` belongs to a decision of which there is more to learn.
    pub(super) fn is_open(&self, line: LineNo) -> bool {
        self.by_line.get(&line).is_some_and(|decisions| {
            decisions.iter().any(|decision| !self.decisions[*decision].is_done.load(Ordering::Relaxed))
        })
    }

    /// Forgets what was seen; evaluations under way go on. From now on each is followed: what was seen in one context tells
    /// nothing of another.
    pub(super) fn begin_anew(&self) {
        for test in &self.tests {
            test.recorded.store(0, Ordering::Relaxed);
        }
        for decision in &self.decisions {
            with(&decision.evaluations, Evaluations::follow_each);
            with(&decision.seen, HashSet::clear);
            with(&decision.begun, HashSet::clear);
            decision.is_done.store(false, Ordering::Relaxed);
        }
    }

    /// Takes no notice of decisions any more: events that matter will not come.
    #[cfg(Py_3_12)]
    pub(super) fn give_up(&self) {
        for decision in &self.decisions {
            decision.finish();
        }
    }

    /// Takes notice of an edge in a frame, which is told from others by a number that no two have while both are alive. None
    /// where the jump is not watched.
    pub(super) fn observe(&self, session: &Session, edge: Edge, frame: usize) -> Option<Observed> {
        let indices = self.by_unit.get(&(edge.from / 2))?;
        let mut observed =
            Observed { is_first: false, is_open: false, other_is_open: false, wants_all: false };
        for index in indices {
            let WatchedTest { test, decision, recorded, told } = &self.tests[*index];
            let side = usize::from(test.jump.is_jumping_side(edge.to));
            let bit = 1 << side;
            if recorded.load(Ordering::Relaxed) & bit == 0 {
                observed.is_first |= recorded.fetch_or(bit, Ordering::Relaxed) & bit == 0;
            }
            let watched = &self.decisions[*decision];
            if watched.is_done.load(Ordering::Relaxed) {
                continue;
            }
            let Some(truth) = test.truths[side] else {
                observed.is_open = true;
                continue;
            };
            let condition = test.condition;
            let (step, [may_rest, other_may_rest]) = with(&watched.evaluations, |evaluations| {
                let step = evaluations.take(&watched.graph, frame, condition, truth);
                (step, [truth, !truth].map(|truth| evaluations.may_rest(condition, truth)))
            });
            observed.is_open |= !may_rest;
            let has_other = recorded.load(Ordering::Relaxed) & (3 ^ bit) != 0;
            observed.other_is_open |= has_other && !other_may_rest;
            if matches!(step, Step::Went | Step::LeftTree) {
                watched.record_begun_chain(session, self.file, frame, (condition, truth));
            }
            match step {
                Step::Ended(vector) => watched.record(session, self.file, &vector),
                // The edge leaves open what it told of, and this evaluation may never end.
                Step::Went if test.is_retest[side] && told.fetch_or(bit, Ordering::Relaxed) & bit == 0 => {
                    let truths = with(&watched.evaluations, |evaluations| {
                        evaluations.under_way(frame).map(<[Option<bool>]>::to_vec)
                    });
                    if let Some(truths) = truths {
                        session.record_vector(self.file, watched.place, &Vector { truths, outcome: None });
                    }
                }
                Step::LeftTree => {
                    observed.wants_all = true;
                    self.count_tree_left();
                }
                Step::Went | Step::Ignored => {}
            }
        }
        Some(observed)
    }

    /// Events are about to be turned on again for a decision. The last time, it is done for all.
    fn count_tree_left(&self) {
        if self.trees_left.fetch_add(1, Ordering::Relaxed) + 1 == MOST_TREES_LEFT {
            for decision in &self.decisions {
                with(&decision.evaluations, Evaluations::follow_each);
            }
        }
    }
}

/// Whether each condition that can be reached has one test, both sides of which say what it is, and of it alone.
fn has_one_test_each<'a>(graph: &ShortCircuit, tests: impl Iterator<Item = &'a CodeTest>) -> bool {
    let mut counts = vec![0_usize; graph.len()];
    for test in tests {
        let tells = matches!(test.truths, [Some(one), Some(other)] if one != other);
        if !tells || test.is_retest != [false, false] {
            return false;
        }
        counts[test.condition as usize] += 1;
    }
    let ways = graph.ways_in();
    (0..graph.len()).all(|condition| {
        let is_tested = ways[condition] > 0 && graph.untested() != Some(condition as u32);
        counts[condition] == usize::from(is_tested)
    })
}

/// Does `work` with what threads share, whole across forks. It must not come here again.
fn with<T, R>(shared: &Mutex<T>, work: impl FnOnce(&mut T) -> R) -> R {
    let _pass = forks::pass();
    work(&mut shared.lock().unwrap_or_else(PoisonError::into_inner))
}

impl WatchedDecision {
    fn record(&self, session: &Session, file: u32, vector: &Vector) {
        let count = with(&self.seen, |seen| seen.insert(vector.clone()).then_some(seen.len()));
        let Some(count) = count else { return };
        session.record_vector(file, self.place, vector);
        if count as u64 == self.paths || count >= MOST_VECTORS {
            self.finish();
        }
    }

    /// After a condition was found true or false with more to come.
    fn record_begun_chain(
        &self,
        session: &Session,
        file: u32,
        frame: usize,
        (condition, truth): (u32, bool),
    ) {
        let Some(start) = self.last_chain else { return };
        if self.graph.next(condition, truth) != Next::Condition(start) {
            return;
        }
        let way = with(&self.evaluations, |evaluations| evaluations.way_to(&self.graph, frame, start));
        let Some(truths) = way else { return };
        let is_new = with(&self.begun, |begun| begun.len() < MOST_VECTORS && begun.insert(truths.clone()));
        if is_new {
            session.record_vector(file, self.place, &Vector { truths, outcome: None });
        }
    }

    fn finish(&self) {
        self.is_done.store(true, Ordering::Relaxed);
        // Should it begin anew, events will have been missed.
        with(&self.evaluations, Evaluations::lose_track);
    }
}
