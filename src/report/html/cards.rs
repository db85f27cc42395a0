//! Totals a metric, as cards on the index and in the bar of a file.

use crate::metrics::McDcTotals;
use crate::model::Totals;
use crate::report::percent;

/// What a metric comes to.
#[derive(Debug)]
pub(super) struct Card {
    pub(super) slug: &'static str,
    pub(super) title: &'static str,
    pub(super) percent: String,
    pub(super) grade: &'static str,
    /// How much of a bar is full, in percent.
    pub(super) width: String,
    /// The counts in words.
    pub(super) about: String,
}

/// How good a percentage is, as classes of the style sheet: genhtml's limits, 75 and 90.
pub(super) fn grade(percent: f64) -> &'static str {
    if percent >= 90.0 {
        "good"
    } else if percent >= 75.0 {
        "fair"
    } else {
        "bad"
    }
}

/// A card for each metric that was measured.
pub(super) fn cards(
    totals: &Totals,
    has_branches: bool,
    mcdc: Option<McDcTotals>,
    precision: u8,
) -> Vec<Card> {
    let card = |slug, title, value: f64, about| Card {
        slug,
        title,
        percent: percent::display(value, precision),
        grade: grade(value),
        width: format!("{value:.2}"),
        about,
    };
    let lines =
        format!("{} of {} statements ran, {} missing", totals.executed(), totals.statements, totals.missing);
    if !has_branches {
        return vec![card("lines", "Lines", totals.percent_statements(), lines)];
    }
    let branches = format!(
        "{} of {} branches taken, {} partial",
        totals.covered_branches(),
        totals.branches,
        totals.partial_branches
    );
    let total = "lines and branches together, as coverage.py counts".to_owned();
    let mut cards = vec![
        card("total", "Total", totals.percent(), total),
        card("lines", "Lines", totals.percent_statements(), lines),
        card("branches", "Branches", totals.percent_branches(), branches),
    ];
    if let Some(mcdc) = mcdc {
        let about =
            format!("{} of {} conditions of {} decisions shown", mcdc.shown, mcdc.conditions, mcdc.decisions);
        cards.push(card("mcdc", "MC/DC", mcdc.percent(), about));
    }
    cards
}
