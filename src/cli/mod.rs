//! From words to what was asked.
//!
//! Must not know: how anything is done. Invariant: parsing touches no file, so that `--help` works anywhere.

mod arguments;
mod command_line;

pub(crate) use arguments::{Command, ReportLook, Vocabulary, parse};
