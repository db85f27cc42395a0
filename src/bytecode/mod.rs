//! What code objects say: which lines can run, and where each instruction stands in the source.
//!
//! Must not know: the source text, Python objects, SQLite. Invariant: pure functions over [`CodeShape`]s; hostile bytes
//! give less, or a typed error, and never a panic.
//!
//! Start at `executable.rs` for lines, at `locations.rs` for the location table.
//!
//! [`CodeShape`]: crate::model::CodeShape

mod executable;
mod locations;

pub(crate) use executable::{executable_lines, line_range};
use locations::locations;
