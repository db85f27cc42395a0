//! Statement coverage, as coverage.py counts it: a statement is covered when any line of it ran.

use super::{Metric, Needs, Obligation, Verdict};
use crate::model::{Facts, MeasuredFile};

pub(super) struct Line;

impl Metric for Line {
    fn slug(&self) -> &'static str {
        "line"
    }

    fn doc(&self) -> &'static str {
        "statements that ran"
    }

    fn needs(&self) -> Needs {
        Needs { lines: true, ..Needs::default() }
    }

    /// A line is one obligation: `part` is 0.
    fn obligations(&self, facts: &Facts) -> Vec<Obligation> {
        facts.statements.iter().map(|line| Obligation { line, part: 0 }).collect()
    }

    fn judge(&self, facts: &Facts, obligations: Vec<Obligation>, seen: &MeasuredFile) -> Verdict {
        let ran = facts.first_lines.of_all(&seen.lines);
        Verdict::of(obligations, |obligation| ran.contains(obligation.line))
    }
}

#[cfg(test)]
mod tests {
    use crate::metrics::{LINE, assess};
    use crate::model::{Facts, FirstLines, LineSet, MeasuredFile};

    fn lines(lines: &[u32]) -> LineSet {
        lines.iter().copied().collect()
    }

    #[test]
    fn a_statement_is_covered_by_any_of_its_lines_and_nothing_else_counts() {
        let facts = Facts {
            statements: lines(&[1, 3, 7, 8]),
            excluded: lines(&[9]),
            first_lines: FirstLines::new(vec![(3, 5)]),
            ..Facts::default()
        };
        // 4 continues the statement of line 3; 2 is no statement, 9 is excluded, 99 is beyond the file.
        let seen = MeasuredFile { lines: lines(&[1, 2, 4, 9, 99]), ..MeasuredFile::default() };
        let verdict = assess(LINE, &facts, &seen);
        assert_eq!(verdict.covered_lines(), lines(&[1, 3]));
        assert_eq!(verdict.missing_lines(), lines(&[7, 8]));
    }
}
