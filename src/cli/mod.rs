//! From words to what was asked.
//!
//! Must not know: how anything is done. Invariant: parsing touches no file, so that `--help` works anywhere.

mod arguments;
mod command_line;
mod generated;
mod verbs;

pub(crate) use arguments::{Invocation, Vocabulary, parse};
pub(crate) use generated::{completions, manual, shells};
