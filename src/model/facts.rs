//! What one source file could do: the static side of every metric.

use serde::{Deserialize, Serialize};

use super::{ArcEnd, Branches, Decisions, LineNo, LineSet};

/// The static facts of one source file, for one Python version and one set of exclusion patterns.
///
/// All lines are first lines of statements unless said otherwise.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Facts {
    /// Executable statements that count: neither excluded nor docstrings.
    pub(crate) statements: LineSet,
    /// Excluded lines. For an excluded function or class, every physical line of it.
    pub(crate) excluded: LineSet,
    /// Where multi-line statements begin.
    pub(crate) first_lines: FirstLines,
    /// Functions and classes, in the order of their `def` or `class` lines.
    pub(crate) regions: Vec<Region>,
    /// Lines of the decoded text, as Python's `str.splitlines` counts them: the `""` region's extent.
    pub(crate) line_count: LineNo,
    /// Possible steps between statements, excluded ones too.
    pub(crate) branches: Branches,
    /// Decisions and conditions, those on excluded lines left out.
    pub(crate) decisions: Decisions,
    /// Comments that justify conditions.
    pub(crate) justifications: Vec<Justification>,
}

/// A comment that says why conditions need not be shown.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Justification {
    /// Where the comment stands.
    pub(crate) line: LineNo,
    /// As they are written, `c2` for the second; empty for all.
    pub(crate) conditions: Vec<String>,
    /// Empty where none was given.
    pub(crate) reason: String,
}

/// Maps each physical line of a multi-line statement to the statement's first line.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FirstLines {
    /// Disjoint, ascending `(first, last)` ranges of statements longer than a line.
    ranges: Vec<(LineNo, LineNo)>,
}

impl FirstLines {
    /// `ranges`: `(first, last)`, disjoint and ascending.
    pub(crate) fn new(ranges: Vec<(LineNo, LineNo)>) -> Self {
        debug_assert!(ranges.windows(2).all(|pair| pair[0].1 < pair[1].0), "ranges overlap: {ranges:?}");
        Self { ranges }
    }

    /// The first line of the statement `line` belongs to.
    pub(crate) fn of(&self, line: LineNo) -> LineNo {
        let after = self.ranges.partition_point(|(first, _)| *first <= line);
        match after.checked_sub(1).map(|index| self.ranges[index]) {
            Some((first, last)) if line <= last => first,
            Some(_) | None => line,
        }
    }

    /// The same for the end of an arc: the sign stays.
    pub(crate) fn of_end(&self, end: ArcEnd) -> ArcEnd {
        let first = self.of(end.unsigned_abs()).cast_signed();
        if end < 0 { first.wrapping_neg() } else { first }
    }

    /// The first lines of all `lines`.
    pub(crate) fn of_all(&self, lines: &LineSet) -> LineSet {
        lines.iter().map(|line| self.of(line)).collect()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum RegionKind {
    Function,
    Class,
}

/// A function or class, as coverage.py 7.17.3 reports them (`regions.py`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Region {
    pub(crate) kind: RegionKind,
    /// Dotted name: `Class.method`, `outer.inner`.
    pub(crate) name: String,
    /// The `def` or `class` line (not the decorator's).
    pub(crate) start: LineNo,
    /// The lines that belong to it and to no region of the same kind within it.
    pub(crate) lines: LineSet,
}
