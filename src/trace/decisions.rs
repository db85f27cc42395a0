//! Recording evaluations of the decisions that edges alone don't tell.
//!
//! A frame's evaluation under way is known by the frame, so that recursion, generators, coroutines and threads cannot mix
//! theirs. It begins with the decision's first condition, goes on with the one expected next, and takes no notice of
//! anything else: what an exception left behind is forgotten when the decision is next begun, and an evaluation of which the
//! beginning was not seen counts for nothing.
//!
//! Where a jump serves several conditions, an evaluation so far is recorded, too, once for each condition and truth: that is
//! what is left of one that an exception ends.
//!
//! Must not know: how events arrive. Invariant: an evaluation is recorded once, and only if it happened.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use pyo3::intern;
use pyo3::prelude::*;

use super::code::CodeState;
use super::forks;
use super::session::Session;
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

/// Evaluations under way that are kept for a code object; beyond, all are given up. Only exceptions that leave ever new
/// frames in the middle of a decision, or more suspended coroutines there, make so many.
const MOST_OPEN: usize = 65_536;

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
    /// Evaluations under way, by frame and decision.
    open: Mutex<HashMap<(usize, usize), Evaluation>>,
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
    seen: Mutex<HashSet<Vector>>,
    /// Whether there is nothing more to learn.
    is_done: AtomicBool,
}

struct Evaluation {
    truths: Vec<Option<bool>>,
    expected: u32,
}

/// What a test of a condition was to the evaluation under way.
enum Step {
    /// Nothing: it belongs to none, or tests again what is known.
    Ignored,
    /// It goes on.
    Went,
    /// It is complete.
    Ended(Vector),
}

/// What an event at a watched jump was.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Observed {
    /// Whether the edge is to be recorded now.
    pub(super) is_first: bool,
    /// Whether the edges of both sides were recorded.
    pub(super) has_both: bool,
    /// Whether the event must stay on.
    pub(super) is_open: bool,
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
        let file = self.decisions_of_file(state, code)?;
        let Some(file) = file
            .filter(|file| file.candidates.iter().any(|(first, last)| state.has_line_within(*first, *last)))
        else {
            return Ok(None);
        };
        Ok(DecisionWatch::new(state.file(), &file.joiner, &python::lone_shape(code)?, state.flow(code)?))
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
    fn new(file: u32, joiner: &Joiner, shape: &CodeShape, flow: &ControlFlow) -> Option<Self> {
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
                    decisions.push(WatchedDecision {
                        place: joiner.place(test.decision),
                        graph: graph.clone(),
                        paths: graph.paths(),
                        seen: Mutex::default(),
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
        (!tests.is_empty()).then(|| Self { file, by_unit, by_line, tests, decisions, open: Mutex::default() })
    }

    /// Whether a jump on `line` belongs to a decision of which there is more to learn.
    pub(super) fn is_open(&self, line: LineNo) -> bool {
        self.by_line.get(&line).is_some_and(|decisions| {
            decisions.iter().any(|decision| !self.decisions[*decision].is_done.load(Ordering::Relaxed))
        })
    }

    /// Forgets what was seen; evaluations under way go on.
    pub(super) fn begin_anew(&self) {
        for test in &self.tests {
            test.recorded.store(0, Ordering::Relaxed);
        }
        for decision in &self.decisions {
            with(&decision.seen, HashSet::clear);
            decision.is_done.store(false, Ordering::Relaxed);
        }
    }

    /// Takes notice of an edge in a frame. None where the jump is not watched.
    pub(super) fn observe(&self, session: &Session, edge: Edge, frame: usize) -> Option<Observed> {
        let indices = self.by_unit.get(&(edge.from / 2))?;
        let mut observed = Observed { is_first: false, has_both: true, is_open: false };
        for index in indices {
            let WatchedTest { test, decision, recorded, told } = &self.tests[*index];
            let side = usize::from(test.jump.is_jumping_side(edge.to));
            let bit = 1 << side;
            if recorded.load(Ordering::Relaxed) & bit == 0 {
                observed.is_first |= recorded.fetch_or(bit, Ordering::Relaxed) & bit == 0;
            }
            observed.has_both &= recorded.load(Ordering::Relaxed) == 3;
            let watched = &self.decisions[*decision];
            if watched.is_done.load(Ordering::Relaxed) {
                continue;
            }
            observed.is_open = true;
            let Some(truth) = test.truths[side] else { continue };
            match self.advance(frame, *decision, test.condition, truth) {
                Step::Ended(vector) => watched.record(session, self.file, &vector),
                // The edge leaves open what it told of, and this evaluation may never end.
                Step::Went if test.is_retest[side] && told.fetch_or(bit, Ordering::Relaxed) & bit == 0 => {
                    let truths = with(&self.open, |open| Some(open.get(&(frame, *decision))?.truths.clone()));
                    if let Some(truths) = truths {
                        session.record_vector(self.file, watched.place, &Vector { truths, outcome: None });
                    }
                }
                Step::Went | Step::Ignored => {}
            }
        }
        Some(observed)
    }

    /// A condition was found true or false.
    fn advance(&self, frame: usize, decision: usize, condition: u32, truth: bool) -> Step {
        let graph = &self.decisions[decision].graph;
        with(&self.open, |open| advance(graph, open, (frame, decision), condition, truth))
    }
}

/// Does `work` with what threads share, whole across forks. It must not come here again.
fn with<T, R>(shared: &Mutex<T>, work: impl FnOnce(&mut T) -> R) -> R {
    let _pass = forks::pass();
    work(&mut shared.lock().unwrap_or_else(PoisonError::into_inner))
}

fn advance(
    graph: &ShortCircuit,
    open: &mut HashMap<(usize, usize), Evaluation>,
    key: (usize, usize),
    condition: u32,
    truth: bool,
) -> Step {
    let mut truths = if graph.start() == Next::Condition(condition) {
        open.remove(&key);
        vec![None; graph.len()]
    } else {
        let Some(evaluation) = open.remove(&key) else { return Step::Ignored };
        if evaluation.expected != condition {
            open.insert(key, evaluation);
            return Step::Ignored;
        }
        evaluation.truths
    };
    truths[condition as usize] = Some(truth);
    match graph.next(condition, truth) {
        Next::Outcome(outcome) => Step::Ended(Vector { truths, outcome }),
        Next::Condition(expected) => {
            if open.len() >= MOST_OPEN {
                open.clear();
            }
            open.insert(key, Evaluation { truths, expected });
            Step::Went
        }
    }
}

impl WatchedDecision {
    fn record(&self, session: &Session, file: u32, vector: &Vector) {
        let count = with(&self.seen, |seen| seen.insert(vector.clone()).then_some(seen.len()));
        let Some(count) = count else { return };
        session.record_vector(file, self.place, vector);
        if count as u64 == self.paths || count >= MOST_VECTORS {
            self.is_done.store(true, Ordering::Relaxed);
        }
    }
}
