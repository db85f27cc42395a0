//! Branch coverage, as coverage.py counts it: a line from which control can go more than one way owes each of them.

use super::branch_arcs::{branching, executed_arcs};
use super::{Metric, Needs, Obligation, Verdict};
use crate::model::{ArcEnd, Facts, LineArc, MeasuredFile};

pub(super) struct Branch;

impl Metric for Branch {
    fn slug(&self) -> &'static str {
        "branch"
    }

    fn doc(&self) -> &'static str {
        "ways on that were taken, from lines with more than one"
    }

    /// Lines, too: that a line ran can tell that the only way to it was taken.
    fn needs(&self) -> Needs {
        Needs { lines: true, edges: true, sides: false }
    }

    /// A way on is one obligation: `part` is where it leads, as in [`LineArc::to`].
    fn obligations(&self, facts: &Facts) -> Vec<Obligation> {
        let ways = branching(facts).flat_map(|line| {
            line.counted.into_iter().map(move |to| Obligation { line: line.line, part: to.into() })
        });
        ways.collect()
    }

    /// Ways that need not be taken (`# pragma: no branch`) count as covered, whatever was seen.
    fn judge(&self, facts: &Facts, obligations: Vec<Obligation>, seen: &MeasuredFile) -> Verdict {
        let executed = executed_arcs(&facts.branches, &facts.first_lines, seen.arcs.iter().copied());
        Verdict::of(obligations, |Obligation { line, part }| {
            let taken = ArcEnd::try_from(*part)
                .is_ok_and(|to| executed.contains(&LineArc::new(line.cast_signed(), to)));
            taken || facts.branches.no_branch.contains(*line)
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::metrics::{BRANCH, Obligation, assess};
    use crate::model::{Branches, Facts, LineArc, MeasuredFile};

    #[test]
    fn a_way_is_covered_when_it_was_taken_or_needs_not_be() {
        let arcs = |arcs: &[(i32, i32)]| -> Vec<LineArc> {
            arcs.iter().map(|(from, to)| LineArc::new(*from, *to)).collect()
        };
        let facts = Facts {
            excluded: [8].into_iter().collect(),
            branches: Branches {
                // 1: if, 2: one way, 3: one of two ways is excluded, 4: no branch, 8: excluded.
                arcs: arcs(&[(1, -1), (1, 2), (2, 3), (3, 4), (3, 8), (4, -1), (4, 5), (8, -1), (8, 1)]),
                no_branch: [4].into_iter().collect(),
                ..Branches::default()
            },
            ..Facts::default()
        };
        let recorded = arcs(&[(1, 2), (2, 2), (3, 4), (4, 4)]).into_iter().collect();
        let verdict = assess(BRANCH, &facts, &MeasuredFile { arcs: recorded, ..MeasuredFile::default() });
        let ways = |ways: &[(u32, i64)]| -> Vec<Obligation> {
            ways.iter().map(|(line, part)| Obligation { line: *line, part: *part }).collect()
        };
        assert_eq!(verdict.covered, ways(&[(1, 2), (4, -1), (4, 5)]));
        assert_eq!(verdict.missing, ways(&[(1, -1)]));
    }
}
