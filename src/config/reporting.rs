//! What the commands that read data were asked: reports of all formats, `annotate` and `combine`.
//!
//! The names of fields are those of coverage.py's settings where it has them.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::option::{Setting, Verb};
use super::options;
use super::settings::{Settings, Threshold};
use super::value::FileName;

/// Formats that are files, and where they go.
const OUTPUTS: [(&str, &Setting<FileName>); 3] =
    [("xml", &options::XML_OUTPUT), ("json", &options::JSON_OUTPUT), ("lcov", &options::LCOV_OUTPUT)];

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

impl ReportSettings {
    /// What `verb`, one that reports, was asked.
    pub(crate) fn new(settings: &Settings, verb: Verb, files: Vec<PathBuf>) -> Self {
        let formats = match verb {
            Verb::Report => settings.get(&options::FORMAT).to_vec(),
            Verb::Run | Verb::Html | Verb::Annotate | Verb::Combine | Verb::Erase => Vec::new(),
            Verb::Xml | Verb::Json | Verb::Lcov => vec![verb.word().to_owned()],
        };
        let outputs = OUTPUTS.iter().filter_map(|(format, setting)| {
            Some(((*format).to_owned(), PathBuf::from(settings.get(setting)?)))
        });
        Self {
            formats,
            output: settings.get(&options::OUTPUT).map(PathBuf::from),
            outputs: outputs.collect(),
            selected: Selected::new(settings, files),
            demanded: Demanded {
                fail_under: settings.given(&options::FAIL_UNDER),
                fail_under_branch: settings.given(&options::FAIL_UNDER_BRANCH),
                thresholds: settings.thresholds.clone(),
            },
            look: Look::new(settings),
            quiet: settings.get(&options::QUIET),
        }
    }
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
    /// The form of MC/DC, if it was asked for.
    pub(crate) mcdc: Option<String>,
}

impl Selected {
    pub(crate) fn new(settings: &Settings, files: Vec<PathBuf>) -> Self {
        Self {
            include: settings.get(&options::REPORT_INCLUDE).to_vec(),
            omit: settings.get(&options::REPORT_OMIT).to_vec(),
            files,
            contexts: settings.get(&options::CONTEXTS).to_vec(),
            ignore_errors: settings.get(&options::IGNORE_ERRORS),
            mcdc: settings.get(&options::MCDC).map(str::to_owned),
        }
    }
}

/// How much must be covered, in percent.
#[derive(Clone, Debug, Default)]
pub(crate) struct Demanded {
    pub(crate) fail_under: Option<f64>,
    pub(crate) fail_under_branch: Option<f64>,
    /// `[tool.minicov.thresholds]`.
    pub(crate) thresholds: Vec<Threshold>,
}

/// How reports look. Each format takes what concerns it.
#[derive(Clone, Debug, Default)]
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

impl Look {
    fn new(settings: &Settings) -> Self {
        Self {
            show_missing: settings.get(&options::SHOW_MISSING),
            skip_covered: settings.get(&options::SKIP_COVERED),
            skip_empty: settings.get(&options::SKIP_EMPTY),
            // The settings hold no others than 0 to 15.
            precision: u8::try_from(settings.get(&options::PRECISION)).unwrap_or_default(),
            sort: settings.get(&options::SORT).map(str::to_owned),
            pretty_print: settings.get(&options::JSON_PRETTY_PRINT),
            show_contexts: settings.get(&options::JSON_SHOW_CONTEXTS),
            source: settings.get(&options::SOURCE).to_vec(),
            package_depth: usize::try_from(settings.get(&options::XML_PACKAGE_DEPTH)).unwrap_or_default(),
            line_checksums: settings.get(&options::LCOV_LINE_CHECKSUMS),
        }
    }
}
