//! What code objects say: which lines can run, where each instruction stands in the source, and how control goes.
//!
//! Must not know: the source text, Python objects, SQLite. Invariant: pure functions over [`CodeShape`]s; hostile bytes
//! give less, or a typed error, and never a panic.
//!
//! Start at `executable.rs` for lines, at `locations.rs` for the location table, at `line_arcs.rs` for branches.
//!
//! [`CodeShape`]: crate::model::CodeShape

mod branch_watch;
mod control_flow;
mod decisions;
mod entries;
mod executable;
mod line_arcs;
mod locations;
mod opcodes;
mod walk;

pub(crate) use branch_watch::BranchWatch;
pub(crate) use control_flow::ControlFlow;
pub(crate) use decisions::{CodeTest, Joiner};
pub(crate) use executable::{executable_lines, is_statement, line_range, lines};
pub(crate) use line_arcs::line_arcs;
use locations::locations;
pub(crate) use opcodes::{certain_raise, has_idle_instruction};
