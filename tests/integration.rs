//! Tests of the real executable: temporary folders, a clean environment, whole outputs, on every tracing core.
//!
//! One binary, so that the suite links once. `harness` has the tools; each other module is a topic.

#![expect(clippy::unwrap_used, reason = "a test that cannot set itself up has failed")]
#![expect(clippy::print_stderr, reason = "tests say what they compared and what they skipped")]

#[macro_use]
mod harness;

/// Pythons that no minicov is built for.
mod agent;
/// Modules in zip archives.
mod archives;
/// What minicov refuses, and what stays as it was.
mod bad_input;
/// Code that runs so often that there is nothing more to tell of it.
mod busy;
/// What Python has compiled before.
mod bytecode_cache;
/// Processes that the program starts.
mod children;
/// `minicov combine`, and parallel data files.
mod combine;
/// Contexts that follow a program.
mod contexts;
/// The same of packages with their own suites, compared with coverage.py.
mod contexts_of_packages;
/// `.coverage`: adding up, changed sources, erasing, and coverage.py reading it.
mod data_file;
/// `debug`, completions, manual pages, docs/configuration.md.
mod describing;
/// Configurations and commands, answered as coverage.py answers them.
mod drop_in;
/// Which Python runs.
mod environment;
/// Children by fork.
mod forks;
/// The files for tools, compared with coverage.py and read by real readers.
mod formats;
/// Random functions, compared with a plain trace function.
mod fuzz;
/// `minicov html`.
mod html;
/// Which tests a change needs.
mod impact;
/// MC/DC, compared with a judge that shares nothing with minicov.
mod mcdc;
mod mcdc_reports;
/// Three packages with their own suites, compared with coverage.py.
mod packages;
/// The programs in fixtures/programs, compared with their marks and with coverage.py.
mod programs;
/// What the measured program sees of itself: everything as under python.
mod python_command_lines;
/// README.md says what is so.
mod readme;
/// `minicov report`.
mod report;
/// Which files are measured.
mod selection;
/// How programs end, and what is saved then.
mod signals;
/// Reports of files that never ran: the standard library, compared with coverage.py.
mod static_files;
/// Programs that are hard on what minicov needs for itself.
mod surroundings;
/// What is saved of killed, simultaneous and live processes.
mod survival;
/// Threads, greenlets, further interpreters.
mod threads;
/// Demands on coverage, by pattern.
mod thresholds;
