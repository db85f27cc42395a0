//! The wall round CPython: which interpreter the user means, booting it, compiling source, and the raw C API.
//!
//! Must not know: metrics, the data file, reports. Invariant: nothing above this layer holds a Python reference, except
//! the tracer callbacks, which hold them for the length of an event.

mod boot;
mod bytecode_cache;
mod compile;
mod environment;
pub(crate) mod ffi;
mod installation;
mod selection;

pub(crate) use boot::{Booted, LINKED_MINOR, Layout, boot_compiler, boot_program, run_program, version};
pub(crate) use bytecode_cache::cached_code;
pub(crate) use compile::{compile, lone_shape, nested_code};
pub(crate) use environment::{Environment, EnvironmentError};
pub(crate) use installation::is_of_linked_library;
pub(crate) use selection::{SELECTION_PLUGIN, make_selection_plugin};
