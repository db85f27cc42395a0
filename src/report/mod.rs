//! The pages: what was measured, in the forms people and tools read.
//!
//! [`View`] is everything a report can show, computed and sorted; a [`Format`] turns it into text. To add a format: a
//! file here, an entry in [`FORMATS`].
//!
//! Must not know: SQLite, Python, the file system, the terminal. All it is handed is plain data, all it makes is text.
//! Invariant: the same view and options give the same bytes.

mod annotate;
mod by_context;
mod console;
mod html;
mod human_order;
mod json;
mod judgement;
mod lcov;
mod markdown;
mod mcdc;
mod names;
mod percent;
mod regions;
mod summary;
mod total;
mod view;
mod xml;

use std::io::{self, Write};
use std::str::FromStr;

use chrono::{DateTime, FixedOffset};

use crate::metrics::{self, Metric};

pub(crate) use annotate::{annotate, annotated_name};
pub(crate) use by_context::{ByContext, Spot, Who, end as branch_end};
pub(crate) use html::{HtmlOptions, INDEX, MADE_BY_COVERAGE_PY, MADE_BY_US, Page, Pages};
pub(crate) use human_order::compare as human_order;
pub(crate) use judgement::{Demands, Threshold};
pub(crate) use mcdc::{Listed, lacks_something, list_decisions, list_decisions_as_json};
pub(crate) use view::{FileView, Lines, MeasuredSource, Outcome, View};

/// A form of report.
pub(crate) struct Format {
    /// Names it on the command line.
    pub(crate) slug: &'static str,
    /// Other names it goes by there.
    pub(crate) aliases: &'static [&'static str],
    /// What it is, in half a sentence.
    pub(crate) doc: &'static str,
    /// What messages call it: "wrote JSON report to …".
    pub(crate) title: &'static str,
    /// The file it is written to when none is named; none for standard output.
    pub(crate) default_output: Option<&'static str>,
    /// How much of a project without statements counts as covered, in percent (coverage 7.17.3: the return values of the
    /// reporters).
    pub(crate) percent_of_nothing: f64,
    /// Writes the report; fails only where `Write` does.
    pub(crate) render: fn(&View, &Options, &mut dyn Write) -> io::Result<()>,
    /// Makes a folder of pages, where no file was named to put all into.
    pub(crate) pages: Option<for<'a> fn(&'a View, &'a Options) -> Pages<'a>>,
}

/// Every format there is.
pub(crate) static FORMATS: &[Format] = &[
    console::FORMAT,
    html::FORMAT,
    markdown::FORMAT,
    total::FORMAT,
    xml::FORMAT,
    json::FORMAT,
    lcov::FORMAT,
];

impl Format {
    /// The format that goes by this name.
    pub(crate) fn named(name: &str) -> Option<&'static Self> {
        FORMATS.iter().find(|format| format.slug == name || format.aliases.contains(&name))
    }
}

/// How reports are to look. Each format takes what concerns it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Options {
    /// Digits after the decimal point of percentages.
    pub(crate) precision: u8,
    /// `console`, `markdown`: list the missing lines, and the conditions that were not shown.
    pub(crate) show_missing: bool,
    /// `console`, `markdown`: leave out files with nothing missing.
    pub(crate) skip_covered: bool,
    /// All but `json` and `total`: leave out files without statements.
    pub(crate) skip_empty: bool,
    /// `console`, `markdown`: order of the rows.
    pub(crate) sort: Sort,
    /// `json`: one value a line, indented.
    pub(crate) pretty_print: bool,
    /// `json`: in which contexts each line ran.
    pub(crate) show_contexts: bool,
    /// `xml`: folders that files are named from, absolute and canonical.
    pub(crate) sources: Vec<String>,
    /// `xml`: how many folders make a package.
    pub(crate) package_depth: usize,
    /// `lcov`: a checksum for each line.
    pub(crate) line_checksums: bool,
    pub(crate) html: HtmlOptions,
    /// When the report is made, by the clocks on the wall.
    pub(crate) now: DateTime<FixedOffset>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            precision: 0,
            show_missing: false,
            skip_covered: false,
            skip_empty: false,
            sort: Sort::default(),
            pretty_print: false,
            show_contexts: false,
            sources: Vec::new(),
            package_depth: 99,
            line_checksums: false,
            html: HtmlOptions::default(),
            now: DateTime::default(),
        }
    }
}

/// An order of files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sort {
    pub(crate) column: SortColumn,
    pub(crate) descending: bool,
}

/// What files can be ordered by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum SortColumn {
    #[default]
    Name,
    Statements,
    Missing,
    Branches,
    PartialBranches,
    Conditions,
    ShownConditions,
    McDc,
    Cover,
}

impl SortColumn {
    /// The metric without which the column is not there.
    pub(crate) fn needs(self) -> Option<&'static dyn Metric> {
        match self {
            Self::Branches | Self::PartialBranches => Some(metrics::BRANCH),
            Self::Conditions | Self::ShownConditions | Self::McDc => Some(metrics::MCDC),
            Self::Name | Self::Statements | Self::Missing | Self::Cover => None,
        }
    }
}

/// A sort option that is none.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "invalid sorting option '{0}': it is one of name, stmts, miss, branch, brpart, conds, shown, mcdc and cover, with a '-' before it to reverse"
)]
pub(crate) struct SortError(String);

impl FromStr for Sort {
    type Err = SortError;

    /// Reads coverage.py's spelling: a column's heading in any case, after `-` for descending or `+`.
    fn from_str(text: &str) -> Result<Self, SortError> {
        let lower = text.to_lowercase();
        let (descending, column) = match lower.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, lower.strip_prefix('+').unwrap_or(&lower)),
        };
        let column = match column {
            "name" => SortColumn::Name,
            "stmts" => SortColumn::Statements,
            "miss" => SortColumn::Missing,
            "branch" => SortColumn::Branches,
            "brpart" => SortColumn::PartialBranches,
            "conds" => SortColumn::Conditions,
            "shown" => SortColumn::ShownConditions,
            "mcdc" | "mc/dc" => SortColumn::McDc,
            "cover" => SortColumn::Cover,
            _ => return Err(SortError(text.to_owned())),
        };
        Ok(Self { column, descending })
    }
}

#[cfg(test)]
mod tests;
