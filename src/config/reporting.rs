//! What the commands that read data were asked: reports of all formats, `annotate` and `combine`.
//!
//! The names of fields are those of coverage.py's settings where it has them.

use std::collections::BTreeMap;
use std::path::PathBuf;

/// Which reports to make of what, and what is demanded.
#[derive(Clone, Debug, Default)]
pub(crate) struct ReportSettings {
    /// Names of formats; empty for the console.
    pub(crate) formats: Vec<String>,
    /// Where a report that is a file goes; `-` for standard output.
    pub(crate) output: Option<PathBuf>,
    /// Where each format goes, by slug, if `output` does not say: `[xml] output` and its like.
    pub(crate) outputs: BTreeMap<String, PathBuf>,
    pub(crate) selected: Selected,
    pub(crate) demanded: Demanded,
    pub(crate) look: Look,
    /// Whether to say where reports were written.
    pub(crate) quiet: bool,
}

/// What of the data is reported.
#[derive(Clone, Debug, Default)]
pub(crate) struct Selected {
    pub(crate) include: Vec<String>,
    pub(crate) omit: Vec<String>,
    /// Only these files; empty for all.
    pub(crate) files: Vec<PathBuf>,
    /// Only what ran in contexts that one of these patterns, in the syntax of Python's `re`, finds something in; empty
    /// for all.
    pub(crate) contexts: Vec<String>,
    pub(crate) ignore_errors: bool,
}

/// How much must be covered, in percent.
#[derive(Clone, Debug, Default)]
pub(crate) struct Demanded {
    pub(crate) fail_under: Option<f64>,
    pub(crate) fail_under_branch: Option<f64>,
    pub(crate) thresholds: Vec<Threshold>,
}

/// What is demanded of the files that match a pattern.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Threshold {
    pub(crate) pattern: String,
    pub(crate) line: Option<f64>,
    pub(crate) branch: Option<f64>,
}

/// How reports look. Each format takes what concerns it.
#[derive(Clone, Debug)]
pub(crate) struct Look {
    pub(crate) show_missing: bool,
    pub(crate) skip_covered: bool,
    pub(crate) skip_empty: bool,
    pub(crate) precision: u8,
    pub(crate) sort: Option<String>,
    pub(crate) pretty_print: bool,
    pub(crate) show_contexts: bool,
    /// `[run] source`: folders that the XML report names files from.
    pub(crate) source: Vec<String>,
    pub(crate) package_depth: usize,
    pub(crate) line_checksums: bool,
}

impl Default for Look {
    fn default() -> Self {
        Self {
            show_missing: false,
            skip_covered: false,
            skip_empty: false,
            precision: 0,
            sort: None,
            pretty_print: false,
            show_contexts: false,
            source: Vec::new(),
            package_depth: 99,
            line_checksums: false,
        }
    }
}
