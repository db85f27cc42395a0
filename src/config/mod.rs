//! What the user wants, resolved: flags over environment over configuration files over defaults, paths made absolute.
//!
//! Start at `options.rs`, the one table of options; `option.rs` says what a row is. `files.rs` reads configuration files
//! (`ini.rs`, `toml_file.rs`), `convert.rs` makes values of what stands in them, `resolve.rs` puts all sources together.
//!
//! Must not know: how flags are parsed, what is done with the settings. Invariant: a resolved setting never depends on
//! the current folder again, because the measured program may change it.

mod convert;
mod document;
mod error;
mod expand;
mod files;
mod impact;
mod ini;
mod justifications;
mod option;
pub(crate) mod options;
mod per_command;
mod reporting;
mod resolve;
mod settings;
mod toml_file;
mod value;

pub(crate) use error::ConfigError;
pub(crate) use impact::ImpactSettings;
pub(crate) use justifications::{RecordedJustification, read_justifications};
pub(crate) use option::{Effect, Flag, Row, Verb};
pub(crate) use per_command::{RunSettings, Workplace};
pub(crate) use reporting::{CombineSettings, Demanded, Html, Look, McdcSettings, ReportSettings, Selected};
pub(crate) use resolve::{Complaint, nearest};
pub(crate) use settings::Settings;
pub(crate) use value::{Kind, Value};
