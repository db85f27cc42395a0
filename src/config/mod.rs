//! What the user wants, resolved: flags over environment over defaults, paths made absolute.
//!
//! Must not know: how flags are parsed, what is done with the settings. Invariant: a resolved setting never depends on
//! the current folder again, because the measured program may change it.

mod reporting;
mod settings;

pub(crate) use reporting::{Demanded, Look, ReportSettings, Selected};
pub(crate) use settings::{RunSettings, Workplace};
