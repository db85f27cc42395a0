//! The functions or classes of a file, and their names in reports.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::view::Outcome;
use crate::model::{LineNo, LineSet, Region, RegionKind};

/// A function, a class, or what is in none of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RegionView<'a> {
    /// Unique among a file's regions of one kind; empty for the lines outside of all.
    pub(crate) name: RegionName<'a>,
    /// The `def` or `class` line; outside, the first line.
    pub(crate) start: LineNo,
    pub(crate) lines: Cow<'a, LineSet>,
    pub(crate) outcome: Outcome,
}

/// A dotted name, followed by `@` and a line where it alone would name two regions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct RegionName<'a> {
    pub(crate) dotted: &'a str,
    pub(crate) at: Option<LineNo>,
}

impl std::fmt::Display for RegionName<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.at {
            Some(line) => write!(f, "{}@{line}", self.dotted),
            None => f.write_str(self.dotted),
        }
    }
}

/// The regions of one kind by their start, and last, nameless, the lines in none of them.
///
/// Of several regions with one name, the first that has statements keeps it, and the others get their line; so do
/// those without statements before it (coverage 7.17.3, `jsonreport.py`).
pub(super) fn of_kind<'a>(
    kind: RegionKind,
    regions: &'a [Region],
    outcome: &Outcome,
    line_count: LineNo,
) -> Vec<RegionView<'a>> {
    let mut regions: Vec<&Region> = regions.iter().filter(|region| region.kind == kind).collect();
    regions.sort_by_key(|region| region.start);
    let narrowed: Vec<Outcome> = regions.iter().map(|region| outcome.within(&region.lines)).collect();
    let has_statements = |outcome: &Outcome| outcome.lines.has_statements();
    let with_statements: BTreeSet<&str> = regions
        .iter()
        .zip(&narrowed)
        .filter(|(_, outcome)| has_statements(outcome))
        .map(|(region, _)| region.name.as_str())
        .collect();

    let mut views: Vec<RegionView> = Vec::with_capacity(regions.len() + 1);
    let mut places: BTreeMap<RegionName, usize> = BTreeMap::new();
    let mut inside = LineSet::new();
    for (region, narrowed) in regions.into_iter().zip(narrowed) {
        inside.union_with(&region.lines);
        let mut name = RegionName { dotted: &region.name, at: None };
        let yields = with_statements.contains(name.dotted) && !has_statements(&narrowed);
        if yields || places.contains_key(&name) {
            name.at = Some(region.start);
        }
        let lines = Cow::Borrowed(&region.lines);
        let view = RegionView { name, start: region.start, lines, outcome: narrowed };
        // Two regions of one name on one line: the later takes the earlier's place, as in coverage.py's dictionary.
        if let Some(place) = places.get(&name) {
            views[*place] = view;
        } else {
            places.insert(name, views.len());
            views.push(view);
        }
    }
    // A pattern can exclude the line after the last one, which is no line of the file.
    let mut outside = LineSet::new();
    outside.insert_range(1, line_count);
    let outside = outside.difference(&inside);
    let start = outside.first().unwrap_or(1);
    views.push(RegionView {
        name: RegionName { dotted: "", at: None },
        start,
        outcome: outcome.within(&outside),
        lines: Cow::Owned(outside),
    });
    views
}
