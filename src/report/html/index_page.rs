//! The index: totals, and the rows that its scripts sort, filter and draw.

use askama::Template;
use serde::Serialize;

use super::cards::{self, Card};
use super::{Entry, escape};
use crate::metrics::McDcTotals;
use crate::model::{RegionKind, Totals};
use crate::report::{Options, View, percent};

#[derive(Template)]
#[template(path = "index.html")]
struct IndexBody<'a> {
    title: &'a str,
    version: &'static str,
    made: String,
    cards: Vec<Card>,
    /// Markup, a sentence for each.
    unusable: Vec<String>,
    files: Vec<Bare<'a>>,
    remarks: Vec<String>,
    data: String,
    regions: Option<String>,
}

/// A file where scripts don't run.
struct Bare<'a> {
    name: String,
    url: &'a str,
    percent: String,
}

/// What the scripts read. Rows are arrays: what they begin with, then a number for each of `columns`.
#[derive(Serialize)]
struct Data<'a> {
    columns: Vec<&'static str>,
    precision: u8,
    totals: Vec<usize>,
    files: Vec<FileRow<'a>>,
    /// The script that has the rows of functions and classes; empty where they are in the page.
    regions: &'a str,
}

/// Name and page, then numbers.
struct FileRow<'a>(&'a str, &'a str, Vec<usize>);

impl Serialize for FileRow<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeSeq;
        let mut row = serializer.serialize_seq(Some(2 + self.2.len()))?;
        row.serialize_element(self.0)?;
        row.serialize_element(self.1)?;
        self.2.iter().try_for_each(|count| row.serialize_element(count))?;
        row.end()
    }
}

/// The numbers of a row, in the order of [`columns`].
fn counts(totals: &Totals, has_branches: bool, mcdc: Option<McDcTotals>) -> Vec<usize> {
    let mut counts = vec![totals.statements, totals.missing, totals.excluded];
    if has_branches {
        counts.extend([totals.branches, totals.missing_branches, totals.partial_branches]);
    }
    if let Some(mcdc) = mcdc {
        counts.extend([mcdc.conditions, mcdc.missing()]);
    }
    counts
}

fn columns(view: &View) -> Vec<&'static str> {
    let mut columns = vec!["statements", "missing", "excluded"];
    if view.has_branches {
        columns.extend(["branches", "missing_branches", "partial"]);
    }
    if view.mcdc.is_some() {
        columns.extend(["conditions", "missing_conditions"]);
    }
    columns
}

/// The body of the index. `regions` is the script with functions and classes, or their rows.
pub(super) fn body(
    view: &View,
    entries: &[Entry],
    options: &Options,
    regions: Regions<'_>,
    remarks: Vec<String>,
) -> String {
    let has_branches = view.has_branches;
    let (script, rows) = match regions {
        Regions::Script(name) => (name, None),
        Regions::Rows(rows) => ("", Some(rows)),
    };
    let row = |entry: &Entry| {
        let mcdc = view.mcdc.map(|form| entry.file.mcdc_totals(form));
        counts(&entry.file.outcome.totals(), has_branches, mcdc)
    };
    let mcdc = view.mcdc.map(|form| view.mcdc_totals(form));
    let data = Data {
        columns: columns(view),
        precision: options.precision,
        totals: counts(&view.totals, has_branches, mcdc),
        files: entries.iter().map(|entry| FileRow(&entry.file.name, entry.page, row(entry))).collect(),
        regions: script,
    };
    let bare = |entry: &Entry| percent::display(entry.file.outcome.totals().percent(), options.precision);
    let body = IndexBody {
        title: &options.html.title,
        version: env!("CARGO_PKG_VERSION"),
        made: options.now.format("%Y-%m-%d %H:%M %z").to_string(),
        cards: cards::cards(&view.totals, has_branches, mcdc, options.precision),
        unusable: view.unusable.iter().map(|reason| escape::text(reason)).collect(),
        files: entries
            .iter()
            .map(|entry| Bare {
                name: escape::visible(&entry.file.name),
                url: entry.page,
                percent: bare(entry),
            })
            .collect(),
        remarks,
        data: escape::script_json(&data),
        regions: rows,
    };
    super::render(&body)
}

/// Where the rows of functions and classes are.
pub(super) enum Regions<'a> {
    /// In a script of this name.
    Script(&'a str),
    /// Here, as JSON.
    Rows(String),
}

/// The rows of functions and classes, as JSON: number of the file, name, line, then counts.
pub(super) fn region_rows(entries: &[Entry], view: &View) -> String {
    #[derive(Serialize)]
    struct AllRows {
        functions: Vec<serde_json::Value>,
        classes: Vec<serde_json::Value>,
    }
    let rows = |kind| {
        let mut rows = Vec::new();
        for (number, entry) in entries.iter().enumerate() {
            for region in entry.file.regions(kind) {
                let totals = region.outcome.totals();
                // What is in no function has a row where there is something.
                if region.name.dotted.is_empty() && totals.statements == 0 && totals.excluded == 0 {
                    continue;
                }
                let mut row = vec![number.into(), region.name.to_string().into(), region.start.into()];
                let mcdc = view.mcdc.map(|form| entry.file.mcdc_totals_of(&region, form));
                let counts = counts(&totals, view.has_branches, mcdc);
                row.extend(counts.into_iter().map(serde_json::Value::from));
                rows.push(row.into());
            }
        }
        rows
    };
    let rows = AllRows { functions: rows(RegionKind::Function), classes: rows(RegionKind::Class) };
    escape::script_json(&rows)
}
