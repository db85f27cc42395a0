//! Telling a mistyped option of minicov's from an option of python's.

use std::ffi::OsString;

use clap::Command;
use clap::error::{ContextKind, ContextValue, ErrorKind};

/// Python's own long options (CPython 3.15 `python --help-all`); every other word that begins with `--` where its command
/// line should begin was meant for minicov.
const PYTHON_LONG_OPTIONS: [&str; 7] =
    ["--help", "--help-env", "--help-xoptions", "--help-all", "--version", "--check-hash-based-pycs", "--"];

/// How alike an option must be to be suggested, from 0 to 1.
const LIKENESS: f64 = 0.7;

/// Refuses a command line that begins with an option which is neither minicov's nor python's.
pub(super) fn check(command_line: &[OsString], parser: &mut Command) -> Result<(), clap::Error> {
    let Some(word) = command_line.first().and_then(|word| word.to_str()) else { return Ok(()) };
    let name = word.split('=').next().unwrap_or(word);
    if !name.starts_with("--") || PYTHON_LONG_OPTIONS.contains(&name) {
        return Ok(());
    }
    let Some(run) = parser.find_subcommand_mut("run") else { return Ok(()) };
    let mut error = clap::Error::new(ErrorKind::UnknownArgument).with_cmd(run);
    error.insert(ContextKind::InvalidArg, ContextValue::String(name.to_owned()));
    let nearest = run
        .get_arguments()
        .filter_map(|argument| argument.get_long())
        .map(|long| (strsim::jaro_winkler(long, &name[2..]), long))
        .filter(|(likeness, _)| *likeness > LIKENESS)
        .max_by(|(a, _), (b, _)| a.total_cmp(b));
    if let Some((_, long)) = nearest {
        error.insert(ContextKind::SuggestedArg, ContextValue::String(format!("--{long}")));
    }
    Err(error)
}
