//! Whether coverage is high enough: `fail_under` and its like.
//!
//! Must not know: where a demand comes from. Invariant: a total and a demand are judged as coverage.py judges them
//! (7.17.3, `results.py`, `should_fail_under`): the total is rounded to the digits asked for, or to those of the demand
//! if it has more; and only what is complete is 100.

use std::fmt;
use std::path::Path;

use super::{View, percent};
use crate::metrics::{Form, McDcTotals};
use crate::model::Totals;
use crate::paths::Patterns;

/// What is demanded of a project.
#[derive(Clone, Debug, Default)]
pub(crate) struct Demands {
    /// Digits after the decimal point of percentages.
    pub(crate) precision: u8,
    /// Of lines and branches together, in percent, as the next.
    pub(crate) total: Option<f64>,
    /// Of branches.
    pub(crate) branch: Option<f64>,
    /// Of conditions, as MC/DC has it.
    pub(crate) mcdc: Option<f64>,
    pub(crate) thresholds: Vec<Threshold>,
}

/// What is demanded of the files that match a pattern, taken together, in percent.
#[derive(Clone, Debug)]
pub(crate) struct Threshold {
    /// The pattern as the user wrote it.
    pub(crate) name: String,
    pub(crate) files: Patterns,
    pub(crate) line: Option<f64>,
    pub(crate) branch: Option<f64>,
    pub(crate) mcdc: Option<f64>,
}

/// A demand that makes no sense.
#[derive(Debug, PartialEq, thiserror::Error)]
pub(crate) enum DemandError {
    #[error("{what}={demand:?} is invalid: it must be between 0 and 100")]
    OutOfRange { what: String, demand: f64 },
    #[error("{what} can't be judged, because no {missing} measured")]
    NotMeasured { what: String, missing: &'static str },
}

/// A demand that is not met, in half a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Shortfall(String);

impl fmt::Display for Shortfall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What came of judging.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Judgement {
    pub(crate) shortfalls: Vec<Shortfall>,
    /// Names of thresholds that no reported file matches.
    pub(crate) unmatched: Vec<String>,
}

impl Demands {
    /// Judges `view`; a project without statements counts as covered to `percent_of_nothing`.
    pub(crate) fn judge(&self, view: &View, percent_of_nothing: f64) -> Result<Judgement, DemandError> {
        let mut judgement = Judgement::default();
        let empty = view.totals.statements == 0;
        let total = if empty { percent_of_nothing } else { view.totals.percent() };
        self.check(&mut judgement, total, self.total, "fail-under", |total, demand| {
            format!("total of {total} is less than fail-under={demand}")
        })?;
        if let Some(demand) = self.branch {
            let what = "fail-under-branch";
            require_branches(view, what)?;
            self.check(
                &mut judgement,
                view.totals.percent_branches(),
                Some(demand),
                what,
                |total, demand| format!("branch coverage of {total} is less than {what}={demand}"),
            )?;
        }
        if let Some(demand) = self.mcdc {
            let what = "fail-under-mcdc";
            let percent = view.mcdc_totals(require_mcdc(view, what)?).percent();
            self.check(&mut judgement, percent, Some(demand), what, |total, demand| {
                format!("MC/DC of {total} is less than {what}={demand}")
            })?;
        }
        for threshold in &self.thresholds {
            self.judge_threshold(view, threshold, &mut judgement)?;
        }
        Ok(judgement)
    }

    fn judge_threshold(
        &self,
        view: &View,
        threshold: &Threshold,
        judgement: &mut Judgement,
    ) -> Result<(), DemandError> {
        let Threshold { name, files, line, branch, mcdc } = threshold;
        let matching: Vec<_> =
            view.files.iter().filter(|file| files.matches(Path::new(&file.path))).collect();
        if matching.is_empty() {
            judgement.unmatched.push(name.clone());
        }
        let totals: Totals = matching.iter().map(|file| file.outcome.totals()).sum();
        if branch.is_some() {
            require_branches(view, &format!("the branch threshold of {name}"))?;
        }
        let mut conditions = McDcTotals::default();
        if mcdc.is_some() {
            let form = require_mcdc(view, &format!("the mcdc threshold of {name}"))?;
            conditions = matching.iter().map(|file| file.mcdc_totals(form)).sum();
        }
        let kinds = [
            ("line", "line coverage", line, totals.percent_statements()),
            ("branch", "branch coverage", branch, totals.percent_branches()),
            ("mcdc", "MC/DC", mcdc, conditions.percent()),
        ];
        for (kind, words, demand, percent) in kinds {
            let what = format!("the {kind} threshold of {name}");
            self.check(judgement, percent, *demand, &what, |shown, demand| {
                format!("{words} of {name} is {shown}, less than its threshold of {demand}")
            })?;
        }
        Ok(())
    }

    fn check(
        &self,
        judgement: &mut Judgement,
        total: f64,
        demand: Option<f64>,
        what: &str,
        words: impl FnOnce(String, String) -> String,
    ) -> Result<(), DemandError> {
        let Some(demand) = demand else { return Ok(()) };
        if !(0.0..=100.0).contains(&demand) {
            return Err(DemandError::OutOfRange { what: what.to_owned(), demand });
        }
        let precision = usize::from(self.precision).max(digits(demand));
        let rounded = format!("{total:.precision$}");
        let complete_only = demand >= 100.0 && total < 100.0;
        if complete_only || rounded.parse().unwrap_or(total) < demand {
            // Nearly complete must not read as complete.
            let shown = if complete_only { percent::display(total, precision as u8) } else { rounded };
            judgement.shortfalls.push(Shortfall(words(shown, format!("{demand:.precision$}"))));
        }
        Ok(())
    }
}

fn require_branches(view: &View, what: &str) -> Result<(), DemandError> {
    if view.has_branches {
        return Ok(());
    }
    Err(DemandError::NotMeasured { what: what.to_owned(), missing: "branches were" })
}

fn require_mcdc(view: &View, what: &str) -> Result<Form, DemandError> {
    view.mcdc.ok_or_else(|| DemandError::NotMeasured { what: what.to_owned(), missing: "MC/DC was" })
}

/// Digits after the decimal point that a demand was written with.
fn digits(demand: f64) -> usize {
    let text = demand.to_string();
    text.split_once('.').map_or(0, |(_, decimals)| decimals.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shortfall(total: f64, demand: f64, precision: u8) -> Result<Option<String>, DemandError> {
        let demands = Demands { precision, ..Demands::default() };
        let mut judgement = Judgement::default();
        demands.check(&mut judgement, total, Some(demand), "fail-under", |total, demand| {
            format!("{total} < {demand}")
        })?;
        Ok(judgement.shortfalls.pop().map(|shortfall| shortfall.to_string()))
    }

    #[test]
    fn totals_are_judged_as_by_coverage_py() {
        // should_fail_under and format_fail_under_msg of coverage.results (7.17.3) for each.
        for (total, demand, precision, expected) in [
            (71.4285, 80.0, 0, Some("71 < 80")),
            (79.6, 80.0, 0, None),
            (79.4, 80.0, 0, Some("79 < 80")),
            (99.99, 100.0, 0, Some("99 < 100")),
            (42.857, 42.88, 0, Some("42.86 < 42.88")),
            (42.857, 42.857, 0, None),
            (42.875, 42.88, 2, None),
            (0.004, 0.01, 0, Some("0.00 < 0.01")),
            (99.995, 99.99, 1, None),
            (99.999, 100.0, 2, Some("99.99 < 100.00")),
            (62.5, 63.0, 0, Some("62 < 63")),
            (63.5, 64.0, 0, None),
            (0.0, 0.0, 0, None),
        ] {
            let found = shortfall(total, demand, precision).unwrap();
            assert_eq!(found.as_deref(), expected, "{total} {demand} {precision}");
        }
    }

    #[test]
    fn a_demand_is_a_percentage() {
        for demand in [-0.1, 100.1, f64::NAN, f64::INFINITY] {
            assert!(matches!(shortfall(1.0, demand, 0), Err(DemandError::OutOfRange { .. })), "{demand}");
        }
    }

    #[test]
    fn branches_must_have_been_measured() {
        let demands = Demands { branch: Some(1.0), ..Demands::default() };
        let error = demands.judge(&View::default(), 100.0).unwrap_err();
        assert_eq!(error.to_string(), "fail-under-branch can't be judged, because no branches were measured");
    }
}
