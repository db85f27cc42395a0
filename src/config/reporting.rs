//! What the commands that read data were asked: reports of all formats, `annotate` and `combine`.
//!
//! The names of fields are those of coverage.py's settings where it has them.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::option::{Setting, Verb};
use super::options::{self, OPTIONS};
use super::settings::{Origin, PathRule, Settings, Threshold};
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
    pub(crate) html: Html,
    /// Whether to say where reports were written.
    pub(crate) quiet: bool,
}

/// What concerns the HTML report only.
#[derive(Clone, Debug, Default)]
pub(crate) struct Html {
    pub(crate) directory: PathBuf,
    pub(crate) title: String,
    pub(crate) skip_covered: bool,
    pub(crate) skip_empty: bool,
    pub(crate) show_contexts: bool,
    pub(crate) extra_css: Option<PathBuf>,
    pub(crate) single_file: bool,
}

impl Html {
    fn new(settings: &Settings) -> Self {
        let skip_covered = settings.given(&options::HTML_SKIP_COVERED);
        let skip_empty = settings.given(&options::HTML_SKIP_EMPTY);
        Self {
            directory: PathBuf::from(settings.get(&options::HTML_DIRECTORY).unwrap_or_default()),
            title: settings.get(&options::HTML_TITLE).unwrap_or_default().to_owned(),
            skip_covered: skip_covered.unwrap_or_else(|| settings.get(&options::SKIP_COVERED)),
            skip_empty: skip_empty.unwrap_or_else(|| settings.get(&options::SKIP_EMPTY)),
            show_contexts: settings.get(&options::HTML_SHOW_CONTEXTS)
                || settings.get(&options::SHOW_CONTEXTS),
            extra_css: settings.get(&options::HTML_EXTRA_CSS).map(PathBuf::from),
            single_file: settings.get(&options::SINGLE_FILE),
        }
    }
}

impl ReportSettings {
    /// What `verb`, one that reports, was asked. `minicov report` alone writes what people look at: a summary on the
    /// console, and the pages that tell the rest.
    pub(crate) fn new(settings: &Settings, verb: Verb, files: Vec<PathBuf>) -> Self {
        let formats = match verb {
            Verb::Report if files.is_empty() && is_plain(settings) => {
                ["console", "html"].map(str::to_owned).into()
            }
            Verb::Report => settings.get(&options::FORMAT).to_vec(),
            Verb::Run
            | Verb::Mcdc
            | Verb::Annotate
            | Verb::Contexts
            | Verb::Who
            | Verb::Unique
            | Verb::Combine
            | Verb::Impact
            | Verb::Erase
            | Verb::Debug
            | Verb::Completions
            | Verb::Man => Vec::new(),
            Verb::Html | Verb::Xml | Verb::Json | Verb::Lcov => vec![verb.word().to_owned()],
        };
        let outputs = OUTPUTS.iter().filter_map(|(format, setting)| {
            Some(((*format).to_owned(), PathBuf::from(settings.get(setting)?)))
        });
        Self {
            formats,
            output: settings.get(&options::OUTPUT).map(PathBuf::from),
            outputs: outputs.collect(),
            selected: Selected::new(settings, verb, files),
            demanded: Demanded {
                fail_under: settings.given(&options::FAIL_UNDER),
                fail_under_branch: settings.given(&options::FAIL_UNDER_BRANCH),
                fail_under_mcdc: settings.given(&options::FAIL_UNDER_MCDC),
                thresholds: settings.thresholds.clone(),
            },
            look: Look::new(settings),
            html: Html::new(settings),
            quiet: settings.get(&options::QUIET),
        }
    }
}

/// Whether no format was chosen, and no flag says how a report is to look or what is to be in it.
fn is_plain(settings: &Settings) -> bool {
    let says_where = [&options::DATA_FILE.row, &options::RCFILE.row].map(|row| row.id);
    let flags = OPTIONS.iter().filter(|row| settings.origin(row) == Some(&Origin::Flag));
    settings.given(&options::FORMAT).is_none() && flags.into_iter().all(|row| says_where.contains(&row.id))
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
    /// Whether a total of MC/DC is demanded, so that one is needed whoever recorded it.
    pub(crate) demands_mcdc: bool,
    /// Whether justified conditions are left out of MC/DC's totals.
    pub(crate) exclude_justified: bool,
    /// A file of justifications.
    pub(crate) justifications: Option<PathBuf>,
    /// Whether conditions that no test can show are left out.
    pub(crate) exclude_infeasible: bool,
    /// What becomes of parallel data files, and what sources are called here.
    pub(crate) combining: CombineSettings,
}

impl Selected {
    /// For `verb`, one that reports.
    pub(crate) fn new(settings: &Settings, verb: Verb, files: Vec<PathBuf>) -> Self {
        Self {
            include: settings.get(&options::REPORT_INCLUDE).to_vec(),
            omit: settings.get(&options::REPORT_OMIT).to_vec(),
            files,
            contexts: settings.get(&options::CONTEXTS).to_vec(),
            ignore_errors: settings.get(&options::IGNORE_ERRORS),
            mcdc: settings.get(&options::MCDC).map(str::to_owned),
            demands_mcdc: verb == Verb::Mcdc
                || settings.given(&options::FAIL_UNDER_MCDC).is_some()
                || settings
                    .thresholds
                    .iter()
                    .any(|threshold| threshold.metrics.iter().any(|(metric, _)| metric == "mcdc")),
            exclude_justified: settings.get(&options::EXCLUDE_JUSTIFIED),
            justifications: settings.get(&options::JUSTIFICATIONS).map(PathBuf::from),
            exclude_infeasible: settings.get(&options::EXCLUDE_INFEASIBLE),
            combining: CombineSettings::new(settings, verb, Vec::new()),
        }
    }
}

/// What `minicov mcdc` was asked.
#[derive(Clone, Debug, Default)]
pub(crate) struct McdcSettings {
    /// Its files may have a line behind a colon.
    pub(crate) selected: Selected,
    pub(crate) missing: bool,
    /// Whether each evaluation is to name its contexts.
    pub(crate) show_contexts: bool,
    pub(crate) json: bool,
    pub(crate) precision: u8,
}

impl McdcSettings {
    /// `words` as given: files, or files and lines.
    pub(crate) fn new(settings: &Settings, words: Vec<PathBuf>) -> Self {
        Self {
            selected: Selected::new(settings, Verb::Mcdc, words),
            missing: settings.get(&options::ONLY_MISSING),
            show_contexts: settings.get(&options::ROW_CONTEXTS),
            json: settings.get(&options::AS_JSON),
            precision: Look::new(settings).precision,
        }
    }
}

/// How much must be covered, in percent.
#[derive(Clone, Debug, Default)]
pub(crate) struct Demanded {
    pub(crate) fail_under: Option<f64>,
    pub(crate) fail_under_branch: Option<f64>,
    pub(crate) fail_under_mcdc: Option<f64>,
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
            show_contexts: settings.get(&options::JSON_SHOW_CONTEXTS)
                || settings.get(&options::SHOW_CONTEXTS),
            source: settings.get(&options::SOURCE).to_vec(),
            package_depth: usize::try_from(settings.get(&options::XML_PACKAGE_DEPTH)).unwrap_or_default(),
            line_checksums: settings.get(&options::LCOV_LINE_CHECKSUMS),
        }
    }
}

/// What `minicov combine` was asked; reports begin by combining, too.
#[derive(Clone, Debug, Default)]
pub(crate) struct CombineSettings {
    /// Data files, and folders to look for them in; empty for the data file's folder.
    pub(crate) inputs: Vec<PathBuf>,
    /// Whether the data file's own data stays.
    pub(crate) append: bool,
    /// Whether the inputs stay.
    pub(crate) keep: bool,
    pub(crate) quiet: bool,
    /// `[paths]`.
    pub(crate) paths: Vec<PathRule>,
    pub(crate) relative_files: bool,
}

impl CombineSettings {
    /// `inputs` as given to `minicov combine`; none for reports.
    pub(crate) fn new(settings: &Settings, verb: Verb, inputs: Vec<PathBuf>) -> Self {
        let keep = if verb == Verb::Combine { &options::KEEP } else { &options::KEEP_COMBINED };
        Self {
            inputs,
            append: settings.get(&options::APPEND),
            keep: settings.get(keep),
            quiet: settings.get(&options::QUIET),
            paths: settings.paths.clone(),
            relative_files: settings.get(&options::RELATIVE_FILES),
        }
    }
}
