//! The ways from statement to statement that the syntax allows, as coverage.py finds them (7.17.3, `parser.py`,
//! `AstArcAnalyzer`).
//!
//! Only statements branch: no expression does, and exceptions count where a `raise` stands. Must not know: bytecode beyond
//! the set of lines that have some.
//! Invariant: the same arcs as coverage.py's `PythonParser.arcs`, file by file.
//!
//! Start at `flow.rs`.

mod blocks;
mod constants;
mod flow;
mod with_jumps;

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{ArcEnd, Branches, Cause, FirstLines, LineArc, LineSet, Reason};

use super::syntax::Syntax;

/// The possible arcs of a text; `executable` are the lines with instructions. Leaves `no_branch` empty.
pub(super) fn branches(syntax: &Syntax, first_lines: &FirstLines, executable: &LineSet) -> Branches {
    let found = flow::analyse(syntax, first_lines, &first_lines.of_all(executable));
    let rewrites = with_jumps::rewrites(&found);
    let mut branches = Branches { rewrites, ..Branches::default() };
    let arcs = found.arcs.iter().filter_map(|arc| branches.rewrite(*arc));
    let arcs = arcs.map(|arc| arc.between_first_lines(first_lines)).filter(|arc| arc.from != arc.to);
    let arcs: BTreeSet<LineArc> = arcs.collect();
    branches.arcs = arcs.into_iter().collect();
    let mut reasons = Vec::new();
    for (_, arcs) in branches.by_line().filter(|(_, arcs)| arcs.len() > 1) {
        reasons.extend(arcs.iter().filter_map(|arc| Some((*arc, found.reasons.get(arc)?.clone()))));
    }
    branches.reasons = reasons;
    branches
}

/// Where an arc can start: the end of something that goes on to whatever comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct ArcStart {
    line: ArcEnd,
    /// Why an arc from here may be missing.
    cause: Cause,
}

/// All ways to leave a piece of code at its end.
type Exits = BTreeSet<ArcStart>;

/// What [`flow`] finds.
#[derive(Debug, Default)]
struct Found {
    arcs: BTreeSet<LineArc>,
    reasons: BTreeMap<LineArc, Vec<Reason>>,
    /// The lines of `with` statements.
    with_lines: BTreeSet<ArcEnd>,
    /// Arcs from a `with` line into its suite.
    with_entries: BTreeSet<LineArc>,
    /// Arcs from the end of a `with` suite back to the `with` line.
    with_exits: BTreeSet<LineArc>,
}

#[cfg(test)]
mod tests;
