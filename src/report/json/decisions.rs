//! What coverage.py's report has no place for: conditions, under `minicov`, and MC/DC, under `mcdc`.

use serde::ser::{Serialize, SerializeSeq, Serializer};

use super::percent;
use crate::metrics::{Form, JudgedDecision, McDcTotals};
use crate::model::{Place, Vector};

/// Every condition of a file, those of tests with a single one too.
#[derive(serde::Serialize)]
pub(super) struct Extra<'a> {
    conditions: Vec<SeenCondition<'a>>,
}

#[derive(serde::Serialize)]
struct SeenCondition<'a> {
    line: u32,
    col: u32,
    end_line: u32,
    end_col: u32,
    kind: &'static str,
    text: &'a str,
    /// Whether it was seen true, and false; null for a last operand whose truth nothing tests, and for a constant.
    r#true: Option<bool>,
    r#false: Option<bool>,
}

impl<'a> Extra<'a> {
    pub(super) fn new(decisions: &'a [JudgedDecision]) -> Self {
        let conditions = decisions.iter().flat_map(|judged| {
            let decision = &judged.measured.decision;
            decision.conditions.iter().zip(&judged.conditions).map(|(condition, judgement)| {
                let Place { line, column, end_line, end_column } = condition.place;
                let known = judgement.counts && judged.seen_is_known();
                SeenCondition {
                    line,
                    col: column,
                    end_line,
                    end_col: end_column,
                    kind: decision.context.word(),
                    text: &condition.text,
                    r#true: known.then_some(judgement.seen[1]),
                    r#false: known.then_some(judgement.seen[0]),
                }
            })
        });
        let mut conditions: Vec<_> = conditions.collect();
        conditions
            .sort_by_key(|condition| (condition.line, condition.col, condition.end_line, condition.end_col));
        Self { conditions }
    }
}

/// MC/DC of a file.
#[derive(serde::Serialize)]
pub(super) struct McDc<'a> {
    summary: Summary,
    decisions: Vec<Decision<'a>>,
}

#[derive(serde::Serialize)]
pub(in crate::report) struct Summary {
    form: &'static str,
    num_decisions: usize,
    not_measurable_decisions: usize,
    num_conditions: usize,
    covered_conditions: usize,
    missing_conditions: usize,
    infeasible_conditions: usize,
    justified_conditions: usize,
    percent_covered: f64,
    percent_covered_display: String,
}

impl Summary {
    pub(in crate::report) fn new(totals: &McDcTotals, form: Form, precision: u8) -> Self {
        Self {
            form: form.name(),
            num_decisions: totals.decisions,
            not_measurable_decisions: totals.unmeasurable,
            num_conditions: totals.conditions,
            covered_conditions: totals.shown,
            missing_conditions: totals.conditions - totals.shown,
            infeasible_conditions: totals.infeasible,
            justified_conditions: totals.justified,
            percent_covered: totals.percent(),
            percent_covered_display: percent::display(totals.percent(), precision),
        }
    }
}

#[derive(serde::Serialize)]
pub(in crate::report) struct Decision<'a> {
    line: u32,
    col: u32,
    end_line: u32,
    end_col: u32,
    context: &'static str,
    measurable: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    conditions: Vec<Condition<'a>>,
    vectors: Vec<Row<'a>>,
    /// For each of `vectors`, the contexts it was seen in, where contexts are asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    contexts: Option<Vec<Vec<&'a str>>>,
    /// Two places in `vectors` for each condition that was shown; null for the others.
    pairs: Vec<Option<(usize, usize)>>,
    /// Places in `conditions` of those that were not shown and could be.
    missing: Vec<usize>,
}

#[derive(serde::Serialize)]
struct Condition<'a> {
    line: u32,
    col: u32,
    end_line: u32,
    end_col: u32,
    text: &'a str,
    masking: Option<bool>,
    unique_cause: Option<bool>,
    folded: bool,
    infeasible: bool,
    /// Why it need not be shown, where somebody says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    justified: Option<&'a str>,
}

impl<'a> McDc<'a> {
    pub(super) fn new(decisions: &'a [JudgedDecision], form: Form, precision: u8) -> Self {
        let totals = decisions.iter().map(|judged| judged.totals(form)).sum();
        let compound = decisions.iter().filter(|judged| judged.is_compound());
        Self {
            summary: Summary::new(&totals, form, precision),
            decisions: compound.map(|judged| Decision::new(judged, form)).collect(),
        }
    }
}

impl<'a> Decision<'a> {
    pub(in crate::report) fn new(judged: &'a JudgedDecision, form: Form) -> Self {
        let decision = &judged.measured.decision;
        let Place { line, column, end_line, end_column } = decision.place;
        let conditions = decision.conditions.iter().zip(&judged.conditions).enumerate();
        let condition = |(index, (condition, judgement)): (usize, (&'a crate::model::Condition, &_))| {
            let judgement: &crate::metrics::Judgement = judgement;
            let Place { line, column, end_line, end_column } = condition.place;
            Condition {
                line,
                col: column,
                end_line,
                end_col: end_column,
                text: &condition.text,
                masking: judgement.counts.then_some(judgement.masking.is_some()),
                unique_cause: judgement.counts.then_some(judgement.unique_cause.is_some()),
                folded: judged.measured.folded[index],
                infeasible: judgement.is_infeasible(form),
                justified: judged.justification(index),
            }
        };
        Self {
            line,
            col: column,
            end_line,
            end_col: end_column,
            context: decision.context.word(),
            measurable: judged.unmeasurable.is_none(),
            reason: judged.unmeasurable.as_deref(),
            conditions: conditions.map(condition).collect(),
            vectors: judged.vectors.iter().map(Row).collect(),
            contexts: (!judged.contexts.is_empty()).then(|| {
                let names = judged.contexts.iter();
                names.map(|names| names.iter().map(AsRef::as_ref).collect()).collect()
            }),
            pairs: judged.conditions.iter().map(|judgement| judgement.pair(form)).collect(),
            missing: judged.missing(form),
        }
    }
}

/// The truth of each condition, and the outcome last.
pub(in crate::report) struct Row<'a>(pub(in crate::report) &'a Vector);

impl Serialize for Row<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Vector { truths, outcome } = self.0;
        let mut row = serializer.serialize_seq(Some(truths.len() + 1))?;
        for truth in truths.iter().chain([outcome]) {
            row.serialize_element(truth)?;
        }
        row.end()
    }
}
