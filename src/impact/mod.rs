//! Which tests a change needs: what each test depends on, and which of that is another now.
//!
//! Start at [`needs`], which makes dependencies of what a run recorded, and [`select`], which compares them with the world as
//! it is. The rule behind both: a test depends on
//!
//! - each function of which it ran a line;
//! - the code at module level of each file that it touched or that such a file imports, over any number of steps, since a
//!   module is imported once for all tests of a process;
//! - functions that ran outside any test, or whose results are kept from test to test, in any of these files;
//! - what it opened, listed, started and read, and what others have set up for it.
//!
//! Must not know: files, SQLite, processes: it is handed a [`World`]. Invariant: where something is not known, more tests
//! are selected and never fewer.

mod imports;
mod needs;
mod project;
mod select;
mod test_id;

pub(crate) use needs::{CHILDREN, Recorded, needs};
pub(crate) use project::{Project, World, fingerprint, is_python};
pub(crate) use select::{Baseline, Reason, Selection, select};

#[cfg(test)]
mod tests;
