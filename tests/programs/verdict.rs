//! What a report says of one file, and how that changes by what marks tell.

use std::collections::BTreeSet;
use std::fmt::Debug;

use super::marks::{Claim, Difference};
use crate::harness::CoverageJson;

/// A file's lines and branches, as a report in JSON has them.
#[derive(Clone, Debug, Default)]
pub(super) struct Verdict {
    pub(super) executed: BTreeSet<u32>,
    pub(super) missing: BTreeSet<u32>,
    pub(super) excluded: BTreeSet<u32>,
    pub(super) taken: BTreeSet<(u32, i64)>,
    pub(super) untaken: BTreeSet<(u32, i64)>,
}

impl Verdict {
    pub(super) fn of(report: &CoverageJson, file: &str, branches: bool) -> Self {
        let lines = |key| report.lines(file, key).into_iter().collect();
        let ways = |key| if branches { report.ways(file, key) } else { BTreeSet::new() };
        Self {
            executed: lines("executed_lines"),
            missing: lines("missing_lines"),
            excluded: lines("excluded_lines"),
            taken: ways("executed_branches"),
            untaken: ways("missing_branches"),
        }
    }

    /// Takes a claim of coverage.py's back. Says so where coverage.py does not claim it.
    pub(super) fn correct(&mut self, known: &Difference) -> Option<String> {
        let line = known.line;
        let was_there = match known.claim {
            Claim::Line(ran) => moved(line, &mut self.executed, &mut self.missing, ran),
            Claim::Way(to, taken) => {
                let to = to.map_or_else(|| self.way_out(line), |to| Some(to.into()));
                to.is_some_and(|to| moved((line, to), &mut self.taken, &mut self.untaken, taken))
            }
        };
        (!was_there).then(|| format!("line {line}: {} no longer says {:?}", known.core, known.claim))
    }

    /// The end of the only way out of the code from a line.
    fn way_out(&self, line: u32) -> Option<i64> {
        let mut ways = self.taken.union(&self.untaken).filter(|(from, to)| *from == line && *to < 0);
        ways.next().map(|(_, to)| *to).filter(|_| ways.next().is_none())
    }

    /// What is not as `expected`.
    pub(super) fn differences(&self, expected: &Self) -> Vec<String> {
        [
            differs("executed lines", &self.executed, &expected.executed),
            differs("missing lines", &self.missing, &expected.missing),
            differs("excluded lines", &self.excluded, &expected.excluded),
            differs("branches taken", &self.taken, &expected.taken),
            differs("branches not taken", &self.untaken, &expected.untaken),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

/// Moves an item between what was there and what was not; `was` tells which it must be in now.
fn moved<T: Ord>(item: T, there: &mut BTreeSet<T>, not_there: &mut BTreeSet<T>, was: bool) -> bool {
    let (from, to) = if was { (there, not_there) } else { (not_there, there) };
    let is_there = from.remove(&item);
    if is_there {
        to.insert(item);
    }
    is_there
}

/// One sentence on two sets that are not the same.
pub(super) fn differs<T: Ord + Debug>(
    what: &str,
    ours: &BTreeSet<T>,
    expected: &BTreeSet<T>,
) -> Option<String> {
    let only = |a: &BTreeSet<T>, b: &BTreeSet<T>| format!("{:?}", a.difference(b).collect::<Vec<_>>());
    (ours != expected).then(|| {
        format!(
            "{what}: for minicov only {}, expected besides {}",
            only(ours, expected),
            only(expected, ours)
        )
    })
}
