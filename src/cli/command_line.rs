//! Telling a mistyped option of minicov's from an option of python's.

use std::ffi::OsString;

use clap::Command;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::config::nearest;

/// Python's own long options (CPython 3.15 `python --help-all`); every other word that begins with `--` where its command
/// line should begin was meant for minicov.
const PYTHON_LONG_OPTIONS: [&str; 7] =
    ["--help", "--help-env", "--help-xoptions", "--help-all", "--version", "--check-hash-based-pycs", "--"];

/// coverage.py's long form of `-m`, which python does not have.
const MODULE: &str = "--module";

/// Refuses a command line that begins with an option which is neither minicov's nor python's.
pub(super) fn check(command_line: &mut [OsString], parser: &mut Command) -> Result<(), clap::Error> {
    let Some(first) = command_line.first_mut() else { return Ok(()) };
    let Some(word) = first.to_str() else { return Ok(()) };
    if word == MODULE {
        *first = OsString::from("-m");
        return Ok(());
    }
    let name = word.split('=').next().unwrap_or(word);
    if !name.starts_with("--") || PYTHON_LONG_OPTIONS.contains(&name) {
        return Ok(());
    }
    let Some(run) = parser.find_subcommand_mut("run") else { return Ok(()) };
    let mut error = clap::Error::new(ErrorKind::UnknownArgument).with_cmd(run);
    error.insert(ContextKind::InvalidArg, ContextValue::String(name.to_owned()));
    let longs = run.get_arguments().filter_map(|argument| argument.get_long());
    if let Some(long) = nearest(&name[2..], longs) {
        error.insert(ContextKind::SuggestedArg, ContextValue::String(format!("--{long}")));
    }
    Err(error)
}
