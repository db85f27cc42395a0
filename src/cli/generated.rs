//! What is made of the command line's definition: completions for shells, and manual pages.

use clap_complete::Shell;

use super::Vocabulary;
use super::arguments::parser;
use crate::config::Verb;

/// The shells there are completions for.
const SHELLS: [(&str, Shell); 3] = [("bash", Shell::Bash), ("zsh", Shell::Zsh), ("fish", Shell::Fish)];

/// The names of the shells.
pub(crate) fn shells() -> impl Iterator<Item = &'static str> {
    SHELLS.iter().map(|(name, _)| *name)
}

/// Completions for the shell of that name, if it is one of [`shells`].
pub(crate) fn completions(shell: &str, vocabulary: &Vocabulary) -> Option<Vec<u8>> {
    let (_, shell) = SHELLS.iter().find(|(name, _)| *name == shell)?;
    let mut script = Vec::new();
    clap_complete::generate(*shell, &mut parser(vocabulary), "minicov", &mut script);
    Some(script)
}

/// The manual page of minicov, or of one of its commands, in roff.
pub(crate) fn manual(verb: Option<Verb>, vocabulary: &Vocabulary) -> std::io::Result<Vec<u8>> {
    let mut whole = parser(vocabulary);
    whole.build();
    let page = match verb {
        None => whole,
        Some(verb) => whole.find_subcommand(verb.word()).cloned().unwrap_or(whole),
    };
    let mut text = Vec::new();
    clap_mangen::Man::new(page).render(&mut text)?;
    Ok(text)
}
