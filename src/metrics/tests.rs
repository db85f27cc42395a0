//! What every metric must hold to, whatever it measures.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::model::{ArcEnd, Branches, FirstLines, LineArc, Rewrite};

prop_compose! {
    fn line_set(max: LineNo)(lines in prop::collection::btree_set(0..max, 0..40)) -> LineSet {
        lines.into_iter().collect()
    }
}

fn arc() -> impl Strategy<Value = LineArc> {
    let end = || prop_oneof![9 => 1_i32..30, 2 => -4_i32..0, 1 => 30_i32..140];
    (end(), end()).prop_map(|(from, to)| LineArc::new(from, to))
}

prop_compose! {
    /// Possible steps as they come from a source, and a few to be rewritten.
    fn branches()(
        arcs in prop::collection::btree_set(arc(), 0..60),
        rewrites in prop::collection::btree_map(arc(), prop::option::of(arc()), 0..6),
        no_branch in line_set(30),
        first_lines in first_lines(),
    ) -> (Branches, FirstLines) {
        let arcs: BTreeSet<LineArc> = arcs
            .into_iter()
            .map(|arc| arc.between_first_lines(&first_lines))
            .filter(|arc| arc.from > 0 && arc.from != arc.to)
            .collect();
        let rewrites = rewrites.into_iter().map(|(recorded, actual)| Rewrite { recorded, actual }).collect();
        let no_branch = first_lines.of_all(&no_branch);
        let arcs = arcs.into_iter().collect();
        (Branches { arcs, rewrites, no_branch, ..Branches::default() }, first_lines)
    }
}

prop_compose! {
    fn first_lines()(bounds in prop::collection::btree_set(1_u32..120, 0..20)) -> FirstLines {
        let bounds: Vec<LineNo> = bounds.into_iter().collect();
        FirstLines::new(bounds.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect())
    }
}

prop_compose! {
    /// Facts of a file that could be: statements are first lines, and nothing is both statement and excluded.
    fn facts()(
        (branches, first_lines) in branches(),
        statements in line_set(130),
        excluded in line_set(130),
    ) -> Facts {
        let statements = first_lines.of_all(&statements).difference(&excluded);
        Facts { statements, excluded, first_lines, line_count: 130, branches, ..Facts::default() }
    }
}

prop_compose! {
    fn seen()(lines in line_set(140), arcs in prop::collection::btree_set(arc(), 0..60)) -> MeasuredFile {
        MeasuredFile { lines, arcs, ..MeasuredFile::default() }
    }
}

fn merged(a: &MeasuredFile, b: &MeasuredFile) -> MeasuredFile {
    let mut both = a.clone();
    both.lines.union_with(&b.lines);
    both.arcs.extend(&b.arcs);
    both
}

fn set(obligations: &[Obligation]) -> BTreeSet<Obligation> {
    obligations.iter().copied().collect()
}

proptest! {
    #[test]
    fn covered_and_missing_are_the_obligations(facts in facts(), seen in seen()) {
        for metric in METRICS {
            let obligations = metric.obligations(&facts);
            prop_assert!(obligations.is_sorted_by(|a, b| a < b), "{} is not ascending", metric.slug());
            let verdict = assess(*metric, &facts, &seen);
            prop_assert!(set(&verdict.covered).is_disjoint(&set(&verdict.missing)));
            prop_assert_eq!(&set(&verdict.covered) | &set(&verdict.missing), set(&obligations));
            prop_assert_eq!(verdict.covered.len() + verdict.missing.len(), obligations.len());
        }
    }

    #[test]
    fn more_observations_never_lower_coverage(facts in facts(), a in seen(), b in seen()) {
        for metric in METRICS {
            let one = set(&assess(*metric, &facts, &a).covered);
            let both = set(&assess(*metric, &facts, &merged(&a, &b)).covered);
            prop_assert!(one.is_subset(&both), "{} lost something", metric.slug());
        }
    }

    #[test]
    fn the_order_of_merging_does_not_matter(facts in facts(), a in seen(), b in seen()) {
        for metric in METRICS {
            let (ab, ba) = (merged(&a, &b), merged(&b, &a));
            prop_assert_eq!(assess(*metric, &facts, &ab), assess(*metric, &facts, &ba));
            prop_assert_eq!(assess(*metric, &facts, &merged(&ab, &b)), assess(*metric, &facts, &ab));
        }
    }

    #[test]
    fn nothing_is_covered_by_nothing_but_what_nobody_minds(facts in facts()) {
        for metric in METRICS {
            let covered = assess(*metric, &facts, &MeasuredFile::default()).covered;
            prop_assert!(covered.iter().all(|obligation| facts.branches.no_branch.contains(obligation.line)));
            prop_assert!(metric.needs().edges || covered.is_empty());
        }
    }

    #[test]
    fn branch_lines_tell_what_the_metric_judges(facts in facts(), seen in seen()) {
        let verdict = assess(BRANCH, &facts, &seen);
        let executed = executed_arcs(&facts.branches, &facts.first_lines, seen.arcs);
        let lines = branch_lines(&facts, &executed);
        let ways = |ends: fn(&BranchLine) -> &[ArcEnd]| -> BTreeSet<Obligation> {
            let all = lines.iter().flat_map(|branch| ends(branch).iter().map(|to| (branch.line, *to)));
            all.map(|(line, to)| Obligation { line, part: to.into() }).collect()
        };
        prop_assert_eq!(ways(|branch| &branch.missing), set(&verdict.missing));
        let taken: usize = lines.iter().map(|line| line.exits - line.missing.len()).sum();
        prop_assert_eq!(taken, verdict.covered.len());
        // What was taken is covered, or leads where nobody minds.
        for way in ways(|branch| &branch.executed).difference(&set(&verdict.covered)) {
            let excluded = LineNo::try_from(way.part).is_ok_and(|to| facts.excluded.contains(to));
            prop_assert!(excluded, "{:?} was taken and is not covered", way);
        }
    }
}

#[test]
fn slugs_are_unique_and_documented() {
    let slugs: BTreeSet<&str> = METRICS.iter().map(|metric| metric.slug()).collect();
    assert_eq!(slugs.len(), METRICS.len());
    for metric in METRICS {
        assert!(metric.slug().chars().all(|c| c.is_ascii_lowercase() || c == '-'));
        assert!(!metric.doc().is_empty());
    }
    let needs = METRICS.iter().map(|metric| metric.needs()).fold(Needs::default(), Needs::union);
    assert_eq!(needs, Needs { lines: true, edges: true, sides: true, vectors: true });
}
