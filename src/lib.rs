//! minicov: line, branch and MC/DC coverage for Python from one executable that embeds CPython.
//!
//! The modules in reading order; a module may use only those of lower layers (ARCHITECTURE.md, held by
//! `tests/architecture.rs`).

#![cfg_attr(
    not(Py_3_12),
    expect(dead_code, reason = "the core sysmon, which alone uses some of this, is for 3.12 and newer")
)]

// Layer 0: plain data, and the only printer.
mod env_vars;
mod error;
mod model;
mod ui;
// Layer 1: pure analysis.
mod bytecode;
mod config;
mod paths;
mod source;
// Layer 2: the walls round SQLite and CPython, and the judges.
mod metrics;
mod python;
mod store;
// Layer 3: the hooks, the pages, and which tests a change needs.
mod impact;
mod report;
mod trace;
// Layer 4: child processes, and the command line.
mod cli;
mod processes;
// Layer 5: wiring.
mod commands;

pub use commands::main;
