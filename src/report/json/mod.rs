//! coverage.py's JSON report, format 3: same keys, same order, same bytes.
//!
//! Source: coverage 7.17.3, `jsonreport.py`. The structs below are the document; the order of their fields is the order
//! of its keys.

mod python;

use serde::ser::{Serialize, SerializeMap, Serializer};

use super::regions::RegionView;
use super::{FileView, Format, Lines, Options, View, percent};
use crate::model::{LineNo, LineSet, RegionKind, Totals};

pub(super) const FORMAT: Format = Format {
    slug: "json",
    doc: "coverage.py's JSON, for tools",
    title: "JSON",
    default_output: Some("coverage.json"),
    render,
};

/// coverage.py's `FORMAT_VERSION`.
const FORMAT_VERSION: u32 = 3;

fn render(view: &View, options: &Options) -> String {
    let document = Document {
        meta: Meta {
            format: FORMAT_VERSION,
            version: env!("CARGO_PKG_VERSION"),
            timestamp: options.now.local().to_string(),
            branch_coverage: false,
            show_contexts: false,
        },
        files: Files { files: &view.files, precision: options.precision },
        totals: Summary::new(&view.totals, options.precision),
    };
    python::dumps(&document, options.pretty_print)
}

#[derive(serde::Serialize)]
struct Document<'a> {
    meta: Meta,
    files: Files<'a>,
    totals: Summary,
}

#[derive(serde::Serialize)]
struct Meta {
    format: u32,
    version: &'static str,
    timestamp: String,
    branch_coverage: bool,
    show_contexts: bool,
}

/// Files by name, in the view's order.
struct Files<'a> {
    files: &'a [FileView],
    precision: u8,
}

impl Serialize for Files<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.files.iter().map(|file| (&file.name, File::new(file, self.precision))))
    }
}

#[derive(serde::Serialize)]
struct File<'a> {
    executed_lines: LineList<'a>,
    summary: Summary,
    missing_lines: LineList<'a>,
    excluded_lines: LineList<'a>,
    functions: Regions<'a>,
    classes: Regions<'a>,
}

impl<'a> File<'a> {
    fn new(file: &'a FileView, precision: u8) -> Self {
        let Lines { executed, missing, excluded } = &file.lines;
        Self {
            executed_lines: LineList(executed),
            summary: Summary::new(&file.lines.totals(), precision),
            missing_lines: LineList(missing),
            excluded_lines: LineList(excluded),
            functions: Regions { regions: file.regions(RegionKind::Function), precision },
            classes: Regions { regions: file.regions(RegionKind::Class), precision },
        }
    }
}

/// Regions by name, by their start.
struct Regions<'a> {
    regions: Vec<RegionView<'a>>,
    precision: u8,
}

impl Serialize for Regions<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.regions.len()))?;
        for view in &self.regions {
            let Lines { executed, missing, excluded } = &view.lines;
            let region = Region {
                executed_lines: LineList(executed),
                summary: Summary::new(&view.lines.totals(), self.precision),
                missing_lines: LineList(missing),
                excluded_lines: LineList(excluded),
                start_line: view.start,
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
}

impl Summary {
    fn new(totals: &Totals, precision: u8) -> Self {
        let percent = totals.percent();
        let display = percent::display(percent, precision);
        Self {
            covered_lines: totals.executed(),
            num_statements: totals.statements,
            percent_covered: percent,
            percent_covered_display: display.clone(),
            missing_lines: totals.missing,
            excluded_lines: totals.excluded,
            percent_statements_covered: percent,
            percent_statements_covered_display: display,
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
