//! What source text says that bytecode does not: multi-line statements, docstrings, exclusions, functions and
//! classes, and the ways from statement to statement.
//!
//! Must not know: files, Python objects, SQLite, what ran. Sole owner of `ruff_*` and `encoding_rs`, whose types stay
//! inside. Invariant: pure functions of the text, the executable lines and the patterns; no text makes them panic.
//!
//! Start at [`analyse`]; `text.rs` turns bytes into the text everything else counts lines in.

mod analysis;
mod arcs;
mod blocks;
mod decisions;
mod docstrings;
mod error;
mod exclusion;
mod highlight;
mod justifications;
mod logical_lines;
mod patterns;
mod python_regex;
mod regions;
mod syntax;
mod text;
mod walk;

pub(crate) use analysis::analyse;
pub(crate) use blocks::blocks;
pub(crate) use decisions::decisions;
pub(crate) use error::{PatternError, SourceError};
pub(crate) use exclusion::Exclusions;
pub(crate) use highlight::{SourceTokenKind, highlight};
pub(crate) use patterns::{EXCLUDE_DEFAULT, PARTIAL_ALWAYS, PARTIAL_DEFAULT, TextPatterns};
pub(crate) use text::{decode, hash};
