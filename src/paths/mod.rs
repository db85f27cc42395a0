//! Which files count, and what they are called.
//!
//! Must not know: Python objects, configuration files. Invariant: a file's identity is its absolute path with links
//! resolved, as in coverage.py's data files.

mod names;
mod parallel;
mod patterns;
mod project_files;
mod remap;
mod selection;
mod sources;

pub(crate) use names::{canonical, display_name};
pub(crate) use parallel::{parallel_file, parallel_files};
pub(crate) use patterns::{PatternError, Patterns};
pub(crate) use project_files::project_files;
pub(crate) use remap::Remap;
pub(crate) use selection::{Folders, Selection, SelectionRequest, python_files};
pub(crate) use sources::{read_source, source_and_metadata, source_metadata};
