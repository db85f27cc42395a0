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

    /// The steps from this line to `ends`.
    pub(crate) fn arcs(&self, ends: &[ArcEnd]) -> impl Iterator<Item = LineArc> {
        ends.iter().map(|to| LineArc::new(self.line.cast_signed(), *to))
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

/// A line from which control can go more than one way that counts.
pub(super) struct Branching<'a> {
    pub(super) line: LineNo,
    /// Where control can go and it counts, ascending.
    pub(super) counted: Vec<ArcEnd>,
    /// Every possible step from the line, ascending; to excluded lines too.
    possible: &'a [LineArc],
}

/// The lines of a file that branch, ascending.
pub(super) fn branching(facts: &Facts) -> impl Iterator<Item = Branching<'_>> {
    let is_excluded = |end: ArcEnd| end > 0 && facts.excluded.contains(end.unsigned_abs());
    facts.branches.by_line().filter(|(line, _)| !facts.excluded.contains(*line)).filter_map(
        move |(line, possible)| {
            let ends = possible.iter().map(|arc| arc.to);
            let counted: Vec<ArcEnd> = ends.filter(|to| !is_excluded(*to)).collect();
            (counted.len() > 1).then_some(Branching { line, counted, possible })
        },
    )
}

/// The branch lines of a file, ascending. Those of a region are the ones whose line is in it.
pub(crate) fn branch_lines(facts: &Facts, executed: &BTreeSet<LineArc>) -> Vec<BranchLine> {
    let judge = |Branching { line, counted, possible }: Branching| {
        let may_be_missing = !facts.branches.no_branch.contains(line);
        let was_taken = |to: ArcEnd| executed.contains(&LineArc::new(line.cast_signed(), to));
        BranchLine {
            line,
            exits: counted.len(),
            executed: possible.iter().map(|arc| arc.to).filter(|to| was_taken(*to)).collect(),
            missing: counted.into_iter().filter(|to| may_be_missing && !was_taken(*to)).collect(),
        }
    };
    branching(facts).map(judge).collect()
}

/// Branches missing from lines that ran: the `BrPart` of reports. `missing` are the statements that never ran.
pub(crate) fn partial(lines: &[BranchLine], missing: &LineSet) -> usize {
    let ran = lines.iter().filter(|branch| !missing.contains(branch.line));
    ran.map(|branch| branch.missing.len()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Rewrite;

    fn arcs(arcs: &[(ArcEnd, ArcEnd)]) -> Vec<LineArc> {
        arcs.iter().map(|(from, to)| LineArc::new(*from, *to)).collect()
    }

    fn lines(lines: &[LineNo]) -> LineSet {
        lines.iter().copied().collect()
    }

    #[test]
    fn recorded_arcs_become_steps_between_statements() {
        let rewrite = |recorded: (ArcEnd, ArcEnd), actual: Option<(ArcEnd, ArcEnd)>| Rewrite {
            recorded: LineArc::new(recorded.0, recorded.1),
            actual: actual.map(|(from, to)| LineArc::new(from, to)),
        };
        // with a:        1
        //     b(         2
        //       c)       3
        // if d: e        4
        // f              5
        let branches = Branches {
            arcs: arcs(&[(1, 2), (2, 4), (4, 5), (5, -1)]),
            rewrites: vec![rewrite((1, 4), None), rewrite((2, 1), Some((2, 4)))],
            ..Branches::default()
        };
        let first_lines = FirstLines::new(vec![(2, 3)]);
        let recorded = arcs(&[
            (-1, 1),
            (1, 2),
            (2, 3),
            (3, 1),
            (1, 4),
            (4, 4),
            (4, 5),
            (5, 5),
            (9, 9),
            (i32::MIN, i32::MIN),
        ]);
        let executed: Vec<LineArc> = executed_arcs(&branches, &first_lines, recorded).into_iter().collect();
        // 3 to 1 is 2 to 1 between first lines, and then 2 to 4; what nothing explains goes.
        assert_eq!(executed, arcs(&[(-1, 1), (1, 2), (2, 4), (4, 5), (5, -1)]));
    }

    #[test]
    fn branches_are_counted_as_coverage_py_does() {
        let possible =
            arcs(&[(1, 2), (1, 3), (2, -1), (2, 3), (3, 4), (3, 9), (4, 5), (4, 6), (6, 7), (8, -1), (8, 1)]);
        let facts = Facts {
            excluded: lines(&[8, 9]),
            branches: Branches { arcs: possible, no_branch: lines(&[4]), ..Branches::default() },
            ..Facts::default()
        };
        let executed = arcs(&[(-1, 1), (1, 2), (3, 9), (4, 5), (6, 7)]).into_iter().collect();
        let found = branch_lines(&facts, &executed);
        let branch = |line, executed: &[ArcEnd], missing: &[ArcEnd]| BranchLine {
            line,
            exits: 2,
            executed: executed.to_vec(),
            missing: missing.to_vec(),
        };
        assert_eq!(found, [branch(1, &[2], &[3]), branch(2, &[], &[-1, 3]), branch(4, &[5], &[])]);
        assert_eq!(found.iter().map(BranchLine::taken).collect::<Vec<_>>(), [1, 0, 2]);
        assert_eq!(partial(&found, &lines(&[2])), 1);
    }
}
