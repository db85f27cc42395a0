//! coverage.py's JSON report, format 3: same keys, same order, same bytes.
//!
//! Source: coverage 7.17.3, `jsonreport.py`. The structs below are the document; the order of their fields is the order
//! of its keys.

mod decisions;
mod python;

pub(super) use decisions::{Decision as DecisionValue, Row as VectorValue, Summary as McDcSummary};
pub(super) use python::dump;

use std::io::{self, Write};

use serde::ser::{Serialize, SerializeMap, Serializer};

use super::regions::RegionView;
use super::view::LineContexts;
use super::{FileView, Format, Lines, Options, Outcome, View, percent};
use crate::metrics::Form;
use crate::model::{ArcEnd, LineArc, LineNo, LineSet, RegionKind, Totals};

pub(super) const FORMAT: Format = Format {
    slug: "json",
    aliases: &[],
    doc: "coverage.py's JSON, for tools",
    title: "JSON",
    default_output: Some("coverage.json"),
    percent_of_nothing: 0.0,
    render,
    pages: None,
};

/// coverage.py's `FORMAT_VERSION`.
const FORMAT_VERSION: u32 = 3;

fn render(view: &View, options: &Options, out: &mut dyn Write) -> io::Result<()> {
    let content = Content {
        precision: options.precision,
        branches: view.has_branches,
        contexts: options.show_contexts,
        mcdc: view.mcdc,
    };
    let document = Document {
        meta: Meta {
            format: FORMAT_VERSION,
            version: env!("CARGO_PKG_VERSION"),
            timestamp: python::isoformat(options.now),
            branch_coverage: view.has_branches,
            show_contexts: options.show_contexts,
        },
        files: Files { files: &view.files, content },
        totals: AllFiles {
            summary: Summary::new(&view.totals, content),
            mcdc: view
                .mcdc
                .map(|form| decisions::Summary::new(&view.mcdc_totals(form), form, options.precision)),
        },
    };
    python::dump(&document, options.pretty_print, out)
}

#[derive(serde::Serialize)]
struct Document<'a> {
    meta: Meta,
    files: Files<'a>,
    totals: AllFiles,
}

#[derive(serde::Serialize)]
struct AllFiles {
    #[serde(flatten)]
    summary: Summary,
    #[serde(skip_serializing_if = "Option::is_none")]
    mcdc: Option<decisions::Summary>,
}

#[derive(serde::Serialize)]
struct Meta {
    format: u32,
    version: &'static str,
    timestamp: String,
    branch_coverage: bool,
    show_contexts: bool,
}

/// What every part of the document must know.
#[derive(Clone, Copy)]
struct Content {
    /// Digits of displayed percentages.
    precision: u8,
    /// Whether there are the keys that are about branches.
    branches: bool,
    /// The form of MC/DC, if there are the keys that are about it.
    mcdc: Option<Form>,
    /// Whether each file and region says in which contexts its lines ran.
    contexts: bool,
}

/// Files by name, in the view's order.
struct Files<'a> {
    files: &'a [FileView],
    content: Content,
}

impl Serialize for Files<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.files.iter().map(|file| (&file.name, File::new(file, self.content))))
    }
}

/// What coverage.py does not know of comes last, under the keys `mcdc` and `minicov`.
#[derive(serde::Serialize)]
struct File<'a> {
    executed_lines: LineList<'a>,
    summary: Summary,
    missing_lines: LineList<'a>,
    excluded_lines: LineList<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    contexts: Option<&'a LineContexts>,
    #[serde(flatten)]
    branches: Option<Branches>,
    functions: Regions<'a>,
    classes: Regions<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mcdc: Option<decisions::McDc<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    minicov: Option<decisions::Extra<'a>>,
}

impl<'a> File<'a> {
    fn new(file: &'a FileView, content: Content) -> Self {
        let Lines { executed, missing, excluded } = &file.outcome.lines;
        Self {
            executed_lines: LineList(executed),
            summary: Summary::new(&file.outcome.totals(), content),
            missing_lines: LineList(missing),
            excluded_lines: LineList(excluded),
            contexts: content.contexts.then_some(&file.contexts),
            branches: Branches::new(&file.outcome, content),
            functions: Regions { views: file.regions(RegionKind::Function), file, content },
            classes: Regions { views: file.regions(RegionKind::Class), file, content },
            mcdc: content.mcdc.map(|form| decisions::McDc::new(&file.decisions, form, content.precision)),
            minicov: (!file.decisions.is_empty()).then(|| decisions::Extra::new(&file.decisions)),
        }
    }
}

/// Regions by name, by their start.
struct Regions<'a> {
    views: Vec<RegionView<'a>>,
    file: &'a FileView,
    content: Content,
}

impl Serialize for Regions<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.views.len()))?;
        for view in &self.views {
            let Lines { executed, missing, excluded } = &view.outcome.lines;
            let region = Region {
                executed_lines: LineList(executed),
                summary: Summary::new(&view.outcome.totals(), self.content),
                missing_lines: LineList(missing),
                excluded_lines: LineList(excluded),
                start_line: view.start,
                // The whole file's, as in coverage.py.
                contexts: self.content.contexts.then_some(&self.file.contexts),
                branches: Branches::new(&view.outcome, self.content),
                mcdc: self.content.mcdc.map(|form| {
                    let totals = self.file.mcdc_totals_of(view, form);
                    decisions::Summary::new(&totals, form, self.content.precision)
                }),
            };
            map.serialize_entry(&view.name.to_string(), &region)?;
        }
        map.end()
    }
}

#[derive(serde::Serialize)]
struct Region<'a> {
    executed_lines: LineList<'a>,
    summary: Summary,
    missing_lines: LineList<'a>,
    excluded_lines: LineList<'a>,
    start_line: LineNo,
    #[serde(skip_serializing_if = "Option::is_none")]
    contexts: Option<&'a LineContexts>,
    #[serde(flatten)]
    branches: Option<Branches>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mcdc: Option<decisions::Summary>,
}

/// Branches as pairs of lines, ascending; ways out of the code are negative.
#[derive(serde::Serialize)]
struct Branches {
    executed_branches: Vec<(ArcEnd, ArcEnd)>,
    missing_branches: Vec<(ArcEnd, ArcEnd)>,
}

impl Branches {
    fn new(outcome: &Outcome, content: Content) -> Option<Self> {
        let ends = |arc: LineArc| (arc.from, arc.to);
        content.branches.then(|| Self {
            executed_branches: outcome.executed_branches().map(ends).collect(),
            missing_branches: outcome.missing_branches().map(ends).collect(),
        })
    }
}

#[derive(serde::Serialize)]
struct Summary {
    covered_lines: usize,
    num_statements: usize,
    percent_covered: f64,
    percent_covered_display: String,
    missing_lines: usize,
    excluded_lines: usize,
    percent_statements_covered: f64,
    percent_statements_covered_display: String,
    #[serde(flatten)]
    branches: Option<BranchSummary>,
}

#[derive(serde::Serialize)]
struct BranchSummary {
    num_branches: usize,
    num_partial_branches: usize,
    covered_branches: usize,
    missing_branches: usize,
    percent_branches_covered: f64,
    percent_branches_covered_display: String,
}

impl Summary {
    fn new(totals: &Totals, content: Content) -> Self {
        let display = |percent| percent::display(percent, content.precision);
        let branches = || BranchSummary {
            num_branches: totals.branches,
            num_partial_branches: totals.partial_branches,
            covered_branches: totals.covered_branches(),
            missing_branches: totals.missing_branches,
            percent_branches_covered: totals.percent_branches(),
            percent_branches_covered_display: display(totals.percent_branches()),
        };
        Self {
            covered_lines: totals.executed(),
            num_statements: totals.statements,
            percent_covered: totals.percent(),
            percent_covered_display: display(totals.percent()),
            missing_lines: totals.missing,
            excluded_lines: totals.excluded,
            percent_statements_covered: totals.percent_statements(),
            percent_statements_covered_display: display(totals.percent_statements()),
            branches: content.branches.then(branches),
        }
    }
}

/// Lines, ascending.
struct LineList<'a>(&'a LineSet);

impl Serialize for LineList<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter())
    }
}
