//! What every metric must hold to, whatever it measures.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::model::FirstLines;

prop_compose! {
    fn line_set(max: LineNo)(lines in prop::collection::btree_set(0..max, 0..40)) -> LineSet {
        lines.into_iter().collect()
    }
}

prop_compose! {
    /// Facts of a file that could be: statements are first lines, and nothing is both statement and excluded.
    fn facts()(
        bounds in prop::collection::btree_set(1_u32..120, 0..20),
        statements in line_set(130),
        excluded in line_set(130),
    ) -> Facts {
        let bounds: Vec<LineNo> = bounds.into_iter().collect();
        let first_lines = FirstLines::new(bounds.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect());
        let statements = first_lines.of_all(&statements).difference(&excluded);
        Facts { statements, excluded, first_lines, line_count: 130, ..Facts::default() }
    }
}

prop_compose! {
    fn seen()(lines in line_set(140)) -> MeasuredFile {
        MeasuredFile { lines, ..MeasuredFile::default() }
    }
}

fn merged(a: &MeasuredFile, b: &MeasuredFile) -> MeasuredFile {
    let mut both = a.clone();
    both.lines.union_with(&b.lines);
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
    fn nothing_is_covered_by_nothing(facts in facts()) {
        for metric in METRICS {
            prop_assert!(assess(*metric, &facts, &MeasuredFile::default()).covered.is_empty());
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
    assert!(METRICS.iter().map(|metric| metric.needs()).fold(Needs::default(), Needs::union).lines);
}
