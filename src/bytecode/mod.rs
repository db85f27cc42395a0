//! What code objects say: which lines can run, where each instruction stands in the source, and how control goes.
//!
//! Must not know: the source text, Python objects, SQLite. Invariant: pure functions over [`CodeShape`]s; hostile bytes
//! give less, or a typed error, and never a panic.
//!
//! Start at `executable.rs` for lines, at `locations.rs` for the location table, at `line_arcs.rs` for branches.
//!
//! [`CodeShape`]: crate::model::CodeShape

mod analysis;
mod branch_watch;
mod control_flow;
mod decisions;
mod due;
mod except_star;
mod exceptions;
mod executable;
mod line_arcs;
mod locations;
mod marshal;
mod opcodes;
mod own_sides;
mod predecessors;
mod tellable;
mod traits;
mod walk;
mod ways;

pub(crate) use analysis::Analysis;
pub(crate) use branch_watch::{BranchWatch, EndOfExceptStar, Fall, Verdict};
pub(crate) use control_flow::ControlFlow;
pub(crate) use decisions::{CodeTest, Joiner};
#[cfg(Py_3_12)]
pub(crate) use due::Due;
pub(crate) use executable::{
    DEFERRED_ANNOTATIONS, LineRange, begins_on_line_of_entry, executable_lines, is_function, is_return,
    is_statement, line_range, lines, may_begin_on_header,
};
pub(crate) use line_arcs::LineSteps;
pub(crate) use locations::has_columns;
pub(crate) use marshal::unmarshal;
#[cfg(Py_3_12)]
pub(crate) use traits::Jumps;
pub(crate) use traits::Traits;
