//! From recorded steps between lines to branches taken and missed, as coverage.py counts them (7.17.3, `results.py`).
//!
//! Invariant: of the same recorded arcs, the same figures as coverage.py's `Analysis`.

use std::collections::BTreeSet;

use crate::model::{ArcEnd, Branches, Facts, FirstLines, LineArc, LineNo, LineSet};

/// A line from which control can go more than one way, and what became of its ways.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BranchLine {
    pub(crate) line: LineNo,
    /// How many ways count: excluded destinations do not.
    pub(crate) exits: usize,
    /// Possible ways that were taken, ascending; to excluded lines too.
    pub(crate) executed: Vec<ArcEnd>,
    /// Ways that count, were not taken and may not be missing, ascending.
    pub(crate) missing: Vec<ArcEnd>,
}

impl BranchLine {
    /// How many ways count as covered: also those nobody minds missing.
    pub(crate) fn taken(&self) -> usize {
        self.exits - self.missing.len()
    }
}

/// The steps between statements that `recorded` raw steps between lines amount to.
///
/// A step within a statement stands for the statement's only way on, if it has just one: that is how a tracer shows a
/// one-line suite.
pub(crate) fn executed_arcs(
    branches: &Branches,
    first_lines: &FirstLines,
    recorded: impl IntoIterator<Item = LineArc>,
) -> BTreeSet<LineArc> {
    // What is rewritten is looked up before and after the first lines are known: coverage.py does so too.
    let translate = |arc: LineArc| Some(branches.rewrite(arc)?.between_first_lines(first_lines));
    let arcs: BTreeSet<LineArc> = recorded.into_iter().filter_map(translate).collect();
    let arcs = arcs
        .into_iter()
        .filter_map(|arc| if arc.from == arc.to { only_way(branches, arc.from) } else { Some(arc) });
    arcs.filter_map(translate).collect()
}

fn only_way(branches: &Branches, line: ArcEnd) -> Option<LineArc> {
    let start = branches.arcs.partition_point(|arc| arc.from < line);
    let end = branches.arcs.partition_point(|arc| arc.from <= line);
    match &branches.arcs[start..end] {
        [only] => Some(*only),
        _ => None,
    }
}

/// The branch lines of a file, ascending. Those of a region are the ones whose line is in it.
pub(crate) fn branch_lines(facts: &Facts, executed: &BTreeSet<LineArc>) -> Vec<BranchLine> {
    let is_excluded = |end: ArcEnd| end > 0 && facts.excluded.contains(end.unsigned_abs());
    let mut lines = Vec::new();
    for (line, arcs) in facts.branches.by_line() {
        if facts.excluded.contains(line) {
            continue;
        }
        let counted: Vec<&LineArc> = arcs.iter().filter(|arc| !is_excluded(arc.to)).collect();
        if counted.len() < 2 {
            continue;
        }
        let may_be_missing = !facts.branches.no_branch.contains(line);
        let missing = counted.iter().filter(|arc| may_be_missing && !executed.contains(arc));
        lines.push(BranchLine {
            line,
            exits: counted.len(),
            missing: missing.map(|arc| arc.to).collect(),
            executed: arcs.iter().filter(|arc| executed.contains(arc)).map(|arc| arc.to).collect(),
        });
    }
    lines
}

/// Branches missing from lines that ran: the `BrPart` of reports. `missing` are the statements that never ran.
pub(crate) fn partial(lines: &[BranchLine], missing: &LineSet) -> usize {
    let ran = lines.iter().filter(|branch| !missing.contains(branch.line));
    ran.map(|branch| branch.missing.len()).sum()
}
