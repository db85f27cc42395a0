//! What code objects say: which lines can run, and where each instruction stands in the source.
//!
//! Must not know: the source text, Python objects, SQLite. Invariant: pure functions over [`CodeShape`]s; hostile bytes
//! give less, or a typed error, and never a panic.
//!
//! Start at `executable.rs` for lines, at `locations.rs` for the location table.
//!
//! [`CodeShape`]: crate::model::CodeShape

mod control_flow;
mod executable;
mod line_arcs;
mod locations;
mod opcodes;

pub(crate) use executable::{executable_lines, is_one_line, line_range};
pub(crate) use line_arcs::{BranchWatch, line_arcs};
pub(crate) use opcodes::is_return;
