//! The commands and their options: names, help, conflicts. What clap makes of them is turned into settings at once.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::{PossibleValue, PossibleValuesParser};
use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};

use super::{command_line, reports};
use crate::config::{ReportSettings, RunSettings, Selected};
use crate::env_vars;
use crate::paths::SelectionRequest;
use crate::ui;

/// What was asked.
#[derive(Debug)]
pub(crate) struct Invocation {
    /// `--data-file`, which every command has.
    pub(crate) data_file: Option<PathBuf>,
    pub(crate) command: Command,
}

#[derive(Debug)]
pub(crate) enum Command {
    Run(RunSettings),
    Report(ReportSettings),
    /// The folder for annotated sources; beside the sources without one.
    Annotate(Selected, Option<PathBuf>),
    Erase,
}

/// Coverage for Python: runs a program as python would, and tells what of it was executed.
#[derive(Parser)]
#[command(name = "minicov", version, max_term_width = 100, after_help = EXIT_STATUS)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

const EXIT_STATUS: &str = "\
Exit status: 0, done; 1, an error, told on standard error; 2, coverage below what was demanded; of `run`, the program's\nown.";

#[derive(Subcommand)]
enum Verb {
    /// Run a Python program and record what it executes
    #[command(override_usage = "minicov run [OPTIONS] PYTHON-COMMAND-LINE", after_help = RUN_EXAMPLES)]
    Run(Run),
    /// Report what was recorded: tables for people, files for tools
    Report(reports::Report),
    /// Write Cobertura's XML
    Xml(reports::Xml),
    /// Write JSON
    Json(reports::Json),
    /// Write an LCOV tracefile
    Lcov(reports::Lcov),
    /// Write copies of the sources that show which lines ran
    Annotate(reports::Annotate),
    /// Remove what was recorded
    Erase(Data),
}

const RUN_EXAMPLES: &str = "\
What follows minicov's own options is python's command line:
  minicov run my_script.py arg1
  minicov run -m pytest
  minicov run --source src -X dev -W error -m pytest -q
  minicov run -c 'import mypackage'";

#[derive(Args)]
pub(super) struct Data {
    /// Where the data is kept [default: .coverage]
    #[arg(long, value_name = "FILE")]
    pub(super) data_file: Option<PathBuf>,
}

#[derive(Args)]
struct Run {
    #[command(flatten)]
    data: Data,
    /// Folders or packages to measure, imported or not [default: the current folder and the script's]
    #[arg(long, value_name = "SRC,...", value_delimiter = ',')]
    source: Vec<String>,
    /// Measure only files that match these patterns
    #[arg(long, value_name = "PATTERN,...", value_delimiter = ',')]
    include: Vec<String>,
    /// Leave out files that match these patterns
    #[arg(long, value_name = "PATTERN,...", value_delimiter = ',')]
    omit: Vec<String>,
    /// A label for everything this run records
    #[arg(long, value_name = "LABEL")]
    context: Option<String>,
    /// Record branches as well as lines
    #[arg(long)]
    branch: bool,
    /// Remove earlier data first; without it, runs add up
    #[arg(long)]
    erase: bool,
    /// Print the console report when the program has ended
    #[arg(long)]
    report: bool,
    /// How to get events out of Python [default: the best this Python has]
    #[arg(long, value_name = "CORE")]
    core: Option<String>,
    /// The Python to run [default: that of VIRTUAL_ENV, else python3 or python on PATH]
    #[arg(long, value_name = "PATH")]
    python: Option<PathBuf>,
    /// Python's command line: a script, -m MODULE, -c CODE, -, a folder or a zip, with Python's own options before it
    #[arg(
        value_name = "PYTHON-COMMAND-LINE",
        required = true,
        trailing_var_arg = true,
        allow_hyphen_values = true
    )]
    command_line: Vec<OsString>,
}

/// Words that the tables of other layers give to options: each with what it means.
pub(crate) struct Vocabulary {
    pub(crate) formats: Vec<Word>,
    pub(crate) cores: Vec<Word>,
    pub(crate) metrics: Vec<Word>,
}

/// A word and its meaning, which is empty where the word is only another name.
pub(crate) type Word = (&'static str, &'static str);

/// Parses `words`, the first of which is the program's name.
///
/// The error prints itself, as help does, and knows its exit code.
pub(crate) fn parse(
    words: impl IntoIterator<Item = OsString>,
    vocabulary: &Vocabulary,
) -> Result<Invocation, clap::Error> {
    let mut parser = Cli::command()
        .after_long_help(
            [EXIT_STATUS.to_owned(), metrics(vocabulary), environment(), warnings()].join("\n\n"),
        )
        .mut_subcommand("run", |run| run.mut_arg("core", |core| core.value_parser(one_of(&vocabulary.cores))))
        .mut_subcommand("report", |report| {
            report.mut_arg("format", |format| format.value_parser(one_of(&vocabulary.formats)))
        });
    let matches = parser.try_get_matches_from_mut(words)?;
    let verb = Cli::from_arg_matches(&matches)?.verb;
    match verb {
        Verb::Run(run) => {
            command_line::check(&run.command_line, &mut parser)?;
            Ok(run.into())
        }
        Verb::Report(report) => Ok(report.into()),
        Verb::Xml(xml) => Ok(xml.into()),
        Verb::Json(json) => Ok(json.into()),
        Verb::Lcov(lcov) => Ok(lcov.into()),
        Verb::Annotate(annotate) => Ok(annotate.into()),
        Verb::Erase(data) => Ok(Invocation { data_file: data.data_file, command: Command::Erase }),
    }
}

fn one_of(words: &[Word]) -> PossibleValuesParser {
    PossibleValuesParser::new(words.iter().map(|(word, meaning)| {
        // A word without a meaning is another name for one that has it.
        PossibleValue::new(*word).help(*meaning).hide(meaning.is_empty())
    }))
}

/// The metrics, for the long help.
fn metrics(vocabulary: &Vocabulary) -> String {
    section("Metrics", vocabulary.metrics.iter().copied())
}

/// The environment variables, for the long help.
fn environment() -> String {
    section("Environment variables", env_vars::ALL.iter().map(|variable| (variable.name, variable.doc)))
}

/// The warnings, for the long help.
fn warnings() -> String {
    section("Warnings", ui::WARNINGS.iter().map(|warning| (warning.slug, warning.doc)))
}

fn section(title: &str, words: impl Iterator<Item = Word>) -> String {
    let lines: Vec<String> = words.map(|(word, meaning)| format!("  {word}\n          {meaning}")).collect();
    format!("{title}:\n{}", lines.join("\n"))
}

impl From<Run> for Invocation {
    fn from(run: Run) -> Self {
        let settings = RunSettings {
            python: run.python,
            selection: SelectionRequest { source: run.source, include: run.include, omit: run.omit },
            context: run.context.unwrap_or_default(),
            core: run.core,
            branch: run.branch,
            erase: run.erase,
            report: run.report,
            command_line: run.command_line,
        };
        Self { data_file: run.data.data_file, command: Command::Run(settings) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(words: &[&str]) -> Result<RunSettings, String> {
        let words = ["minicov", "run"].iter().chain(words).map(OsString::from);
        let vocabulary =
            Vocabulary { formats: vec![("console", "")], cores: vec![("settrace", "")], metrics: Vec::new() };
        match parse(words, &vocabulary) {
            Ok(Invocation { command: Command::Run(settings), .. }) => Ok(settings),
            Ok(other) => panic!("{other:?}"),
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn the_definitions_are_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn pythons_command_line_is_left_alone() {
        for words in [
            &["-m", "pytest", "--source", "x"][..],
            &["-X", "dev", "-W", "error", "-m", "pytest"],
            &["-c", "print()", "--report"],
            &["-"],
            &["script.py", "--", "--help"],
            &["--check-hash-based-pycs", "never", "x.py"],
        ] {
            assert_eq!(run(words).unwrap().command_line, words, "{words:?}");
        }
        let settings = run(&["--source", "a,b", "--report", "-X", "dev", "x.py", "--report"]).unwrap();
        assert_eq!(settings.selection.source, ["a", "b"]);
        assert_eq!(settings.command_line, ["-X", "dev", "x.py", "--report"]);
    }

    #[test]
    fn a_mistyped_option_is_not_taken_for_pythons() {
        let message = run(&["--sorce", "src", "x.py"]).unwrap_err();
        assert!(message.contains("'--sorce'") && message.contains("'--source'"), "{message}");
        assert!(run(&[]).is_err());
    }
}
