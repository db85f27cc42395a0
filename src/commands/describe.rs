//! `minicov completions` and `minicov man`: the command line, told to shells and to `man`.

use std::ffi::OsString;

use super::Failure;
use crate::cli::{self, Vocabulary};
use crate::config::{Verb, nearest};
use crate::error::{ExitCode, ExitStatus, UserError};
use crate::ui;

pub(super) fn completions(words: &[OsString], vocabulary: &Vocabulary) -> Result<ExitCode, Failure> {
    let shells = || cli::shells().collect::<Vec<_>>().join(", ");
    let [shell] = words else {
        return Err(UserError::new(format!("name one shell: {}", shells())).into());
    };
    let shell = shell.to_string_lossy();
    let Some(script) = cli::completions(&shell, vocabulary) else {
        return Err(
            UserError::new(format!("there are no completions for {shell:?}, only for {}", shells())).into()
        );
    };
    ui::output(|out| out.write_all(&script))?;
    Ok(ExitStatus::Success.into())
}

pub(super) fn manual(words: &[OsString], vocabulary: &Vocabulary) -> Result<ExitCode, Failure> {
    let verb = match words {
        [] => None,
        [word] => Some(verb(&word.to_string_lossy())?),
        _ => return Err(UserError::new("name one command, or none").into()),
    };
    let page = cli::manual(verb, vocabulary)
        .map_err(|error| UserError::new(format!("couldn't make the manual page: {error}")))?;
    ui::output(|out| out.write_all(&page))?;
    Ok(ExitStatus::Success.into())
}

fn verb(word: &str) -> Result<Verb, UserError> {
    Verb::called(word).ok_or_else(|| {
        let error = UserError::new(format!("minicov has no command {word:?}"));
        match nearest(word, Verb::ALL.iter().map(|verb| verb.word())) {
            Some(other) => error.hint(format!("did you mean {other}?")),
            None => error,
        }
    })
}
