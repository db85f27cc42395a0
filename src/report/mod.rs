//! The pages: what was measured, in the forms people and tools read.
//!
//! [`View`] is everything a report can show, computed and sorted; a [`Format`] turns it into text. To add a format: a
//! file here, an entry in [`FORMATS`].
//!
//! Must not know: SQLite, Python, the file system, the terminal. All it is handed is plain data, all it returns is text.
//! Invariant: the same view and options give the same bytes.

mod console;
mod human_order;
mod json;
mod percent;
mod regions;
mod view;

use std::str::FromStr;

use chrono::{DateTime, FixedOffset};

use crate::metrics::Form;

pub(crate) use view::{FileView, Lines, MeasuredSource, Outcome, View};

/// A form of report.
pub(crate) struct Format {
    /// Names it on the command line.
    pub(crate) slug: &'static str,
    /// What it is, in half a sentence.
    pub(crate) doc: &'static str,
    /// What messages call it: "wrote JSON report to …".
    pub(crate) title: &'static str,
    /// The file it is written to when none is named; none for standard output.
    pub(crate) default_output: Option<&'static str>,
    pub(crate) render: fn(&View, &Options) -> String,
}

/// Every format there is.
pub(crate) static FORMATS: &[Format] = &[console::FORMAT, json::FORMAT];

/// How reports are to look. Each format takes what concerns it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Options {
    /// Digits after the decimal point of percentages.
    pub(crate) precision: u8,
    /// `console`: list the missing lines.
    pub(crate) show_missing: bool,
    /// `console`: leave out files with nothing missing.
    pub(crate) skip_covered: bool,
    /// `console`: leave out files without statements.
    pub(crate) skip_empty: bool,
    /// `console`: order of the rows.
    pub(crate) sort: Sort,
    /// `json`: one value a line, indented.
    pub(crate) pretty_print: bool,
    /// The form that MC/DC is judged in; none where it is not to be shown.
    pub(crate) mcdc: Option<Form>,
    /// When the report is made, by the clocks on the wall.
    pub(crate) now: DateTime<FixedOffset>,
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
    Cover,
}

impl SortColumn {
    /// Whether the column is only there when branches were measured.
    pub(crate) fn needs_branches(self) -> bool {
        match self {
            Self::Branches | Self::PartialBranches => true,
            Self::Name | Self::Statements | Self::Missing | Self::Cover => false,
        }
    }
}

/// A sort option that is none.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "invalid sorting option '{0}': it is one of name, stmts, miss, branch, brpart and cover, with a '-' before it to reverse"
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
            "cover" => SortColumn::Cover,
            _ => return Err(SortError(text.to_owned())),
        };
        Ok(Self { column, descending })
    }
}

#[cfg(test)]
mod tests;
