//! The commands that read data, with coverage.py's options.

use std::path::PathBuf;

use clap::Args;

use super::arguments::{Command, Data, Invocation};
use crate::config::{Demanded, Look, ReportSettings, Selected};

/// What all reports take.
#[derive(Args)]
struct Common {
    #[command(flatten)]
    data: Data,
    /// Report only files that match these patterns
    #[arg(long, value_name = "PATTERN,...", value_delimiter = ',')]
    include: Vec<String>,
    /// Leave out files that match these patterns
    #[arg(long, value_name = "PATTERN,...", value_delimiter = ',')]
    omit: Vec<String>,
    /// Go on when a source file cannot be read or parsed
    #[arg(short, long)]
    ignore_errors: bool,
    /// Report only these files
    files: Vec<PathBuf>,
}

impl Common {
    fn selected(self, contexts: Vec<String>) -> (Option<PathBuf>, Selected) {
        let selected = Selected {
            include: self.include,
            omit: self.omit,
            files: self.files,
            contexts,
            ignore_errors: self.ignore_errors,
        };
        (self.data.data_file, selected)
    }
}

#[derive(Args)]
struct Demands {
    /// End with status 2 if the total is below this, in percent
    #[arg(long, value_name = "MIN", allow_negative_numbers = true)]
    fail_under: Option<f64>,
    /// The same for the total of branches
    #[arg(long, value_name = "MIN", allow_negative_numbers = true)]
    fail_under_branch: Option<f64>,
}

impl From<Demands> for Demanded {
    fn from(demands: Demands) -> Self {
        let Demands { fail_under, fail_under_branch } = demands;
        Self { fail_under, fail_under_branch, thresholds: Vec::new() }
    }
}

#[derive(Args)]
struct Contexts {
    /// Count only what ran in contexts that these regular expressions find something in
    #[arg(long, value_name = "REGEX,...", value_delimiter = ',')]
    contexts: Vec<String>,
}

#[derive(Args)]
struct Destination {
    /// The file to write; - for standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Don't say where the report was written
    #[arg(short, long)]
    quiet: bool,
}

#[derive(Args)]
pub(super) struct Report {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    demands: Demands,
    #[command(flatten)]
    contexts: Contexts,
    /// What to write; several at once are fine [default: console]
    #[arg(long, value_name = "FORMAT", num_args = 1.., value_delimiter = ',')]
    format: Vec<String>,
    #[command(flatten)]
    destination: Destination,
    /// Show the lines that did not run
    #[arg(short = 'm', long)]
    show_missing: bool,
    /// Leave out files that are covered completely
    #[arg(long, overrides_with = "no_skip_covered")]
    skip_covered: bool,
    #[arg(long, hide = true)]
    no_skip_covered: bool,
    /// Leave out files without statements
    #[arg(long)]
    skip_empty: bool,
    /// Digits after the decimal point of percentages
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true, value_parser = clap::value_parser!(u8).range(..=15))]
    precision: u8,
    /// Column to sort by: name, stmts, miss, branch, brpart or cover; with a - in front, largest first
    #[arg(long, value_name = "COLUMN", allow_hyphen_values = true)]
    sort: Option<String>,
    /// Write JSON for people to read
    #[arg(long)]
    pretty_print: bool,
    /// Tell in the JSON report in which contexts each line ran
    #[arg(long)]
    show_contexts: bool,
}

impl From<Report> for Invocation {
    fn from(report: Report) -> Self {
        let (data_file, selected) = report.common.selected(report.contexts.contexts);
        let settings = ReportSettings {
            formats: report.format,
            output: report.destination.output,
            selected,
            demanded: report.demands.into(),
            look: Look {
                show_missing: report.show_missing,
                skip_covered: report.skip_covered,
                skip_empty: report.skip_empty,
                precision: report.precision,
                sort: report.sort,
                pretty_print: report.pretty_print,
                show_contexts: report.show_contexts,
                ..Look::default()
            },
            quiet: report.destination.quiet,
            ..ReportSettings::default()
        };
        Self { data_file, command: Command::Report(settings) }
    }
}

#[derive(Args)]
pub(super) struct Xml {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    demands: Demands,
    #[command(flatten)]
    destination: Destination,
    /// Leave out files without statements
    #[arg(long)]
    skip_empty: bool,
}

impl From<Xml> for Invocation {
    fn from(xml: Xml) -> Self {
        let look = Look { skip_empty: xml.skip_empty, ..Look::default() };
        of_one_format("xml", xml.common, Vec::new(), xml.demands, xml.destination, look)
    }
}

#[derive(Args)]
pub(super) struct Json {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    demands: Demands,
    #[command(flatten)]
    contexts: Contexts,
    #[command(flatten)]
    destination: Destination,
    /// Write JSON for people to read
    #[arg(long)]
    pretty_print: bool,
    /// Tell in which contexts each line ran
    #[arg(long)]
    show_contexts: bool,
}

impl From<Json> for Invocation {
    fn from(json: Json) -> Self {
        let look =
            Look { pretty_print: json.pretty_print, show_contexts: json.show_contexts, ..Look::default() };
        of_one_format("json", json.common, json.contexts.contexts, json.demands, json.destination, look)
    }
}

#[derive(Args)]
pub(super) struct Lcov {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    demands: Demands,
    #[command(flatten)]
    destination: Destination,
}

impl From<Lcov> for Invocation {
    fn from(lcov: Lcov) -> Self {
        of_one_format("lcov", lcov.common, Vec::new(), lcov.demands, lcov.destination, Look::default())
    }
}

fn of_one_format(
    format: &str,
    common: Common,
    contexts: Vec<String>,
    demands: Demands,
    destination: Destination,
    look: Look,
) -> Invocation {
    let (data_file, selected) = common.selected(contexts);
    let settings = ReportSettings {
        formats: vec![format.to_owned()],
        output: destination.output,
        selected,
        demanded: demands.into(),
        look,
        quiet: destination.quiet,
        ..ReportSettings::default()
    };
    Invocation { data_file, command: Command::Report(settings) }
}

#[derive(Args)]
pub(super) struct Annotate {
    #[command(flatten)]
    common: Common,
    /// The folder to write to, in place of those of the sources
    #[arg(short, long, value_name = "DIR")]
    directory: Option<PathBuf>,
}

impl From<Annotate> for Invocation {
    fn from(annotate: Annotate) -> Self {
        let (data_file, selected) = annotate.common.selected(Vec::new());
        Self { data_file, command: Command::Annotate(selected, annotate.directory) }
    }
}
