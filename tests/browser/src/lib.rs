//! A headless Chromium that a test talks to in plain calls, and projects with coverage for it to look at.
//!
//! Invariant: whatever is wrong panics with what was asked of the browser; the browser and its driver end with the test.

mod browser;
mod project;

pub use browser::Browser;
pub use project::{Project, repository};
