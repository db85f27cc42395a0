//! The settings that the analysis of sources depends on, above all the patterns of lines not to count.
//!
//! Invariant: a pattern that cannot be used is named with the place where the user wrote it.

use sha2::{Digest, Sha256};

use crate::config::{Settings, options};
use crate::error::UserError;
use crate::model::ChainedComparisons;
use crate::source::{EXCLUDE_DEFAULT, Exclusions, PARTIAL_ALWAYS, PARTIAL_DEFAULT};

/// Patterns, what chained comparisons are, and a digest of both that facts are cached under.
#[derive(Debug)]
pub(super) struct ExclusionRules {
    pub(super) exclusions: Exclusions,
    pub(super) chained: ChainedComparisons,
    pub(super) digest: Vec<u8>,
}

impl ExclusionRules {
    /// Reads all patterns, which [`check`] has found good; `…_also` are added to what the others, or the defaults, say.
    pub(super) fn new(settings: &Settings) -> Result<Self, UserError> {
        let list = |given: Option<&[String]>, default: &[&str], also: &[String]| -> Vec<String> {
            let default = || default.iter().map(|pattern| (*pattern).to_owned()).collect();
            let mut patterns = given.map_or_else(default, <[String]>::to_vec);
            patterns.extend_from_slice(also);
            patterns
        };
        let exclude = list(
            settings.given(&options::EXCLUDE_LINES),
            &EXCLUDE_DEFAULT,
            settings.get(&options::EXCLUDE_ALSO),
        );
        let mut partial = list(
            settings.given(&options::PARTIAL_BRANCHES),
            &PARTIAL_DEFAULT,
            settings.get(&options::PARTIAL_ALSO),
        );
        partial.extend(list(settings.given(&options::PARTIAL_BRANCHES_ALWAYS), &PARTIAL_ALWAYS, &[]));
        let chained = if settings.get(&options::SPLIT_CHAINED_COMPARISONS) {
            ChainedComparisons::Split
        } else {
            ChainedComparisons::Whole
        };
        let mark = match chained {
            ChainedComparisons::Whole => "",
            ChainedComparisons::Split => "\0split",
        };
        let patterns = [exclude.join("\n"), partial.join("\n")].join("\0");
        let digest = Sha256::digest(patterns + mark).to_vec();
        let exclusions = Exclusions::new(&exclude)
            .and_then(|exclusions| exclusions.with_partial(&partial))
            .map_err(|error| UserError::new(error.to_string()))?;
        Ok(Self { exclusions, chained, digest })
    }
}

/// Refuses patterns that do not stand on their own.
pub(super) fn check(settings: &Settings) -> Result<(), UserError> {
    for setting in [
        &options::EXCLUDE_LINES,
        &options::EXCLUDE_ALSO,
        &options::PARTIAL_BRANCHES,
        &options::PARTIAL_ALSO,
        &options::PARTIAL_BRANCHES_ALWAYS,
    ] {
        for (item, pattern) in settings.get(setting).iter().enumerate() {
            Exclusions::new(&[pattern]).map_err(|error| {
                UserError::new(settings.bad(&setting.row, item, &error.to_string()).to_string())
            })?;
        }
    }
    Ok(())
}
