//! `minicov mcdc --json`: the decisions of the JSON report, with what is still wanted.

use std::io::{self, Write};

use serde::ser::{Serialize, Serializer};

use super::proofs::proof_words;
use super::{Listed, Verdict, expression};
use crate::metrics::{self, Form, JudgedDecision, McDcTotals, Row};
use crate::report::json::{DecisionValue, McDcSummary, VectorValue, dump};

/// Writes the list.
pub(crate) fn list_decisions_as_json(
    listed: &[Listed],
    totals: &McDcTotals,
    form: Form,
    precision: u8,
    out: &mut dyn Write,
) -> io::Result<()> {
    let document = Document {
        files: Files { listed, form, precision },
        totals: McDcSummary::new(totals, form, precision),
    };
    dump(&document, true, out)?;
    out.write_all(b"\n")
}

#[derive(serde::Serialize)]
struct Document<'a> {
    files: Files<'a>,
    totals: McDcSummary,
}

/// Files by name, in the order of the list.
struct Files<'a> {
    listed: &'a [Listed<'a>],
    form: Form,
    precision: u8,
}

impl Serialize for Files<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { listed, form, precision } = *self;
        serializer.collect_map(listed.iter().map(|listed| {
            let file = File {
                summary: McDcSummary::new(&listed.totals, form, precision),
                decisions: listed.decisions.iter().map(|judged| Decision::new(judged, form)).collect(),
            };
            (&listed.file.name, file)
        }))
    }
}

#[derive(serde::Serialize)]
struct File<'a> {
    summary: McDcSummary,
    decisions: Vec<Decision<'a>>,
}

#[derive(serde::Serialize)]
struct Decision<'a> {
    text: String,
    #[serde(flatten)]
    value: DecisionValue<'a>,
    /// Evaluations that would show what was not shown.
    wanted: Vec<Wanted>,
    /// As `pairs`, for conditions that the wanted evaluations would show: places in `vectors`, with `wanted` behind them.
    plans: Vec<Option<(usize, usize)>>,
    /// Why each condition that no test can show cannot be; null for the others.
    proofs: Vec<Option<String>>,
}

impl<'a> Decision<'a> {
    fn new(judged: &'a JudgedDecision, form: Form) -> Self {
        let metrics::Wanted { vectors, plans } = metrics::wanted(judged, form);
        let place = |row: &Row| match row {
            Row::Seen(place) => *place,
            Row::Wanted(place) => judged.vectors.len() + place,
        };
        let plan = |condition: usize| {
            let (_, with, without) = plans.iter().find(|(planned, ..)| *planned == condition)?;
            Some((place(with), place(without)))
        };
        Self {
            text: expression(&judged.measured.decision),
            value: DecisionValue::new(judged, form),
            plans: (0..judged.conditions.len()).map(plan).collect(),
            proofs: (0..judged.conditions.len())
                .map(|condition| {
                    let is_infeasible = Verdict::of(judged, condition, form) == Verdict::Infeasible;
                    let proof = is_infeasible.then(|| metrics::proof(judged, condition)).flatten()?;
                    Some(proof_words(judged, &proof))
                })
                .collect(),
            wanted: vectors.into_iter().map(Wanted).collect(),
        }
    }
}

struct Wanted(crate::model::Vector);

impl Serialize for Wanted {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        VectorValue(&self.0).serialize(serializer)
    }
}
