//! What the user wants, resolved: flags over environment over defaults, paths made absolute.
//!
//! Must not know: how flags are parsed, what is done with the settings. Invariant: a resolved setting never depends on
//! the current folder again, because the measured program may change it.

mod settings;

pub(crate) use settings::{ReportSettings, RunSettings, Workplace};
