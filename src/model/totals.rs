//! How much of something was covered.

use std::iter::Sum;
use std::ops::AddAssign;

/// Counts over a region, a file or all files (coverage 7.17.3, `results.py`, `Numbers`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    /// Statements that count.
    pub(crate) statements: usize,
    /// Of these, statements that never ran.
    pub(crate) missing: usize,
    /// Lines left out of the account.
    pub(crate) excluded: usize,
    /// Branches that count; 0, as the next two, where branches were not measured.
    pub(crate) branches: usize,
    /// Of these, branches that were never taken.
    pub(crate) missing_branches: usize,
    /// Of these, branches from statements that ran.
    pub(crate) partial_branches: usize,
}

impl Totals {
    pub(crate) fn executed(&self) -> usize {
        self.statements - self.missing
    }

    pub(crate) fn covered_branches(&self) -> usize {
        self.branches - self.missing_branches
    }

    /// Statements and branches that were covered, in percent; as the next two, 100 where there are none.
    pub(crate) fn percent(&self) -> f64 {
        percent(self.executed() + self.covered_branches(), self.statements + self.branches)
    }

    pub(crate) fn percent_statements(&self) -> f64 {
        percent(self.executed(), self.statements)
    }

    pub(crate) fn percent_branches(&self) -> f64 {
        percent(self.covered_branches(), self.branches)
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts of lines are far below 2^53")]
fn percent(covered: usize, all: usize) -> f64 {
    if all == 0 { 100.0 } else { (100.0 * covered as f64) / all as f64 }
}

impl AddAssign for Totals {
    fn add_assign(&mut self, other: Self) {
        let Self { statements, missing, excluded, branches, missing_branches, partial_branches } = other;
        self.statements += statements;
        self.missing += missing;
        self.excluded += excluded;
        self.branches += branches;
        self.missing_branches += missing_branches;
        self.partial_branches += partial_branches;
    }
}

impl Sum for Totals {
    fn sum<I: Iterator<Item = Self>>(items: I) -> Self {
        items.fold(Self::default(), |mut sum, item| {
            sum += item;
            sum
        })
    }
}
