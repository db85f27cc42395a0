//! The judges: what a file could have covered, and what of it was.
//!
//! A metric turns static facts into obligations and observations into a verdict on each. It is pure, knows nothing of
//! the other metrics, and works on any data that holds the kinds of events it needs. To add one: a file here, an entry
//! in [`METRICS`]; the property tests below then hold for it too.
//!
//! Must not know: Python, SQLite, reports.
//! Invariant: more observations never lower coverage.

mod branch;
mod branch_arcs;
mod condition;
mod decisions;
mod line;
mod mcdc;

pub(crate) use branch_arcs::{BranchLine, branch_lines, executed_arcs, partial};
pub(crate) use mcdc::{
    Form, JudgedDecision, Judgement, McDcTotals, Pair, Proof, Row, Wanted, evaluations, had_say,
    judge_decisions, justify, proof, tell_contexts, wanted,
};

use crate::model::{Facts, LineNo, LineSet, MeasuredFile};

/// Statement coverage.
pub(crate) static LINE: &dyn Metric = &line::Line;

/// Branch coverage.
pub(crate) static BRANCH: &dyn Metric = &branch::Branch;

/// Condition coverage.
pub(crate) static CONDITION: &dyn Metric = &condition::Condition;

/// Modified condition/decision coverage.
pub(crate) static MCDC: &dyn Metric = &mcdc::McDc;

/// Every metric there is, in the order reports show them.
pub(crate) static METRICS: &[&dyn Metric] = &[LINE, BRANCH, CONDITION, MCDC];

/// A coverage criterion.
pub(crate) trait Metric: Sync {
    /// Names the metric on the command line, in settings and in reports.
    fn slug(&self) -> &'static str;

    /// What it measures, in half a sentence.
    fn doc(&self) -> &'static str;

    /// The kinds of events it judges by.
    fn needs(&self) -> Needs;

    /// What could be covered in a file, ascending.
    fn obligations(&self, facts: &Facts) -> Vec<Obligation>;

    /// Sorts these obligations into covered and missing ones.
    fn judge(&self, facts: &Facts, obligations: Vec<Obligation>, seen: &MeasuredFile) -> Verdict;
}

/// Kinds of events a tracer can record. The union over the metrics in use decides which it does record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Needs {
    /// Lines that ran.
    pub(crate) lines: bool,
    /// Ways that control took from one line or instruction to another.
    pub(crate) edges: bool,
    /// Each side of each branch, also where it makes no difference to lines. Asks for `edges`, too.
    pub(crate) sides: bool,
    /// Evaluations of decisions, where edges don't tell them.
    pub(crate) vectors: bool,
}

impl Needs {
    #[must_use]
    pub(crate) fn union(self, other: Self) -> Self {
        Self {
            lines: self.lines || other.lines,
            edges: self.edges || other.edges,
            sides: self.sides || other.sides,
            vectors: self.vectors || other.vectors,
        }
    }
}

/// One thing to cover.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Obligation {
    /// Where it is shown: the first line of its statement.
    pub(crate) line: LineNo,
    /// Tells a line's obligations apart. What the number stands for is the metric's affair.
    pub(crate) part: i64,
}

/// A file's obligations, sorted into covered and missing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) covered: Vec<Obligation>,
    pub(crate) missing: Vec<Obligation>,
}

impl Verdict {
    /// Sorts obligations by whether they are covered.
    pub(crate) fn of(obligations: Vec<Obligation>, is_covered: impl Fn(&Obligation) -> bool) -> Self {
        let (covered, missing) = obligations.into_iter().partition(is_covered);
        Self { covered, missing }
    }

    /// Lines with something covered.
    pub(crate) fn covered_lines(&self) -> LineSet {
        self.covered.iter().map(|obligation| obligation.line).collect()
    }

    /// Lines with something missing.
    pub(crate) fn missing_lines(&self) -> LineSet {
        self.missing.iter().map(|obligation| obligation.line).collect()
    }
}

/// Obligations and verdict in one step.
pub(crate) fn assess(metric: &dyn Metric, facts: &Facts, seen: &MeasuredFile) -> Verdict {
    metric.judge(facts, metric.obligations(facts), seen)
}

#[cfg(test)]
mod tests;
