//! How control may pass from statement to statement, and how that is put in words.
//!
//! The words are coverage.py's (7.17.3, `parser.py`), because LCOV files and HTML pages are compared by them.

use serde::{Deserialize, Serialize};

use super::{FirstLines, LineNo, LineSet};

/// One end of a [`LineArc`]: a line, or negated the first line of a function, class or module that is entered or left.
pub(crate) type ArcEnd = i32;

/// A step from one line to another, in coverage.py's convention. Sorts by `from`, then `to`: ways out of the code come
/// before ways on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct LineArc {
    pub(crate) from: ArcEnd,
    pub(crate) to: ArcEnd,
}

impl LineArc {
    pub(crate) fn new(from: ArcEnd, to: ArcEnd) -> Self {
        Self { from, to }
    }

    /// The lines at its ends: entries and exits have none.
    pub(crate) fn lines(self) -> impl Iterator<Item = LineNo> + use<> {
        [self.from, self.to].into_iter().filter_map(|end| LineNo::try_from(end).ok()).filter(|line| *line > 0)
    }

    /// The same step between the first lines of the statements.
    #[must_use]
    pub(crate) fn between_first_lines(self, first_lines: &FirstLines) -> Self {
        Self { from: first_lines.of_end(self.from), to: first_lines.of_end(self.to) }
    }
}

/// The possible steps between the statements of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Branches {
    /// Ascending, between first lines. Every `from` is a line, and no step leads to where it began.
    pub(crate) arcs: Vec<LineArc>,
    /// Recorded steps to rewrite or drop, ascending by the recorded step.
    pub(crate) rewrites: Vec<Rewrite>,
    /// First lines from which no step is ever missing: the user or Python says so.
    pub(crate) no_branch: LineSet,
    /// Why steps may not have been taken, ascending, where a line has several.
    pub(crate) reasons: Vec<(LineArc, Vec<Reason>)>,
}

/// CPython goes back to the `with` line when it leaves the statement. What was recorded that way is read as a step
/// straight to what comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Rewrite {
    pub(crate) recorded: LineArc,
    /// `None`: the step is to be ignored.
    pub(crate) actual: Option<LineArc>,
}

/// What a step would have meant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Reason {
    pub(crate) cause: Option<Cause>,
    /// `None`: it goes on to another line.
    pub(crate) action: Option<Action>,
}

/// What must have been the case if a step was never taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Cause {
    /// There is a cause, but no word for it.
    Unstated,
    BreakNotExecuted,
    ConditionAlwaysTrue,
    ConditionNeverTrue,
    ContinueNotExecuted,
    ExceptionDidNotHappen,
    LoopNeverCompleted,
    LoopNeverStarted,
    PatternAlwaysMatched,
    PatternNeverMatched,
    RaiseNotExecuted,
    ReturnNotExecuted,
}

/// How a step leaves the code it is in. The names are those of the class or function.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Action {
    ExitModule,
    ExitClass(String),
    ReturnFromFunction(String),
    ExceptFromFunction(String),
}

impl Branches {
    /// A recorded step as it is to be read; `None` if it is to be ignored.
    pub(crate) fn rewrite(&self, recorded: LineArc) -> Option<LineArc> {
        match self.rewrites.binary_search_by_key(&recorded, |rewrite| rewrite.recorded) {
            Ok(index) => self.rewrites[index].actual,
            Err(_) => Some(recorded),
        }
    }

    /// The possible steps by the line they start from, ascending.
    pub(crate) fn by_line(&self) -> impl Iterator<Item = (LineNo, &[LineArc])> {
        let groups = self.arcs.chunk_by(|a, b| a.from == b.from);
        groups.map(|arcs| (arcs[0].from.unsigned_abs(), arcs))
    }

    /// What happens on the step: `jump to line 4`, `exit the module`.
    pub(crate) fn description(&self, arc: LineArc) -> String {
        action_words(self.reasons(arc).first().and_then(|reason| reason.action.as_ref()), arc)
    }

    /// Why the step counts as missing: `line 3 didn't jump to line 4 because the condition on line 3 was never true`.
    pub(crate) fn missing_description(&self, arc: LineArc) -> String {
        let unknown = [Reason { cause: None, action: None }];
        let reasons = self.reasons(arc);
        let reasons = if reasons.is_empty() { &unknown } else { reasons };
        let sentences: Vec<String> = reasons
            .iter()
            .map(|Reason { cause, action }| {
                let line = arc.from;
                let action = action_words(action.as_ref(), arc);
                let because =
                    cause.map_or_else(String::new, |cause| format!(" because {}", cause.words(line)));
                format!("line {line} didn't {action}{because}")
            })
            .collect();
        sentences.join(" or ")
    }

    fn reasons(&self, arc: LineArc) -> &[Reason] {
        match self.reasons.binary_search_by_key(&arc, |(arc, _)| *arc) {
            Ok(index) => &self.reasons[index].1,
            Err(_) => &[],
        }
    }
}

impl Cause {
    fn words(self, line: ArcEnd) -> String {
        match self {
            Self::Unstated => String::new(),
            Self::BreakNotExecuted => format!("the break on line {line} wasn't executed"),
            Self::ConditionAlwaysTrue => format!("the condition on line {line} was always true"),
            Self::ConditionNeverTrue => format!("the condition on line {line} was never true"),
            Self::ContinueNotExecuted => format!("the continue on line {line} wasn't executed"),
            Self::ExceptionDidNotHappen => format!("the exception caught by line {line} didn't happen"),
            Self::LoopNeverCompleted => format!("the loop on line {line} didn't complete"),
            Self::LoopNeverStarted => format!("the loop on line {line} never started"),
            Self::PatternAlwaysMatched => format!("the pattern on line {line} always matched"),
            Self::PatternNeverMatched => format!("the pattern on line {line} never matched"),
            Self::RaiseNotExecuted => format!("the raise on line {line} wasn't executed"),
            Self::ReturnNotExecuted => format!("the return on line {line} wasn't executed"),
        }
    }
}

fn action_words(action: Option<&Action>, arc: LineArc) -> String {
    match action {
        None if arc.to < 0 => "jump to the function exit".to_owned(),
        None => format!("jump to line {}", arc.to),
        Some(Action::ExitModule) => "exit the module".to_owned(),
        Some(Action::ExitClass(name)) => format!("exit class '{name}'"),
        Some(Action::ReturnFromFunction(name)) => format!("return from function '{name}'"),
        Some(Action::ExceptFromFunction(name)) => format!("except from function '{name}'"),
    }
}
