//! How much of something was covered.

use std::iter::Sum;
use std::ops::AddAssign;

/// Counts over a region, a file or all files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    /// Statements that count.
    pub(crate) statements: usize,
    /// Of these, statements that never ran.
    pub(crate) missing: usize,
    /// Lines left out of the account.
    pub(crate) excluded: usize,
}

impl Totals {
    pub(crate) fn executed(&self) -> usize {
        self.statements - self.missing
    }

    /// Statements that ran, in percent; 100 where there are none (coverage 7.17.3, `results.py`, `Numbers`).
    pub(crate) fn percent(&self) -> f64 {
        percent(self.executed(), self.statements)
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts of lines are far below 2^53")]
fn percent(covered: usize, all: usize) -> f64 {
    if all == 0 { 100.0 } else { (100.0 * covered as f64) / all as f64 }
}

impl AddAssign for Totals {
    fn add_assign(&mut self, other: Self) {
        let Self { statements, missing, excluded } = other;
        self.statements += statements;
        self.missing += missing;
        self.excluded += excluded;
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
