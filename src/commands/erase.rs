//! `minicov erase`: removes the data file and what waits in journals for it.

use super::Failure;
use crate::config::Workplace;
use crate::error::{ExitCode, ExitStatus, UserError};
use crate::paths::parallel_files;
use crate::store::{self, JournalFolder};

pub(super) fn erase(workplace: &Workplace) -> Result<ExitCode, Failure> {
    everything(workplace)?;
    Ok(ExitStatus::Success.into())
}

/// Removes all data there is for this data file, except what live processes are recording.
pub(super) fn everything(workplace: &Workplace) -> Result<(), UserError> {
    // The journals first: they must not stay for ever beside a data file that is not ours to remove.
    JournalFolder::beside(&workplace.data_file).erase().map_err(|error| {
        UserError::new(format!(
            "couldn't remove the journals of {}: {error}",
            workplace.shown(&workplace.data_file)
        ))
    })?;
    store::erase(&workplace.data_file).map_err(|error| UserError::new(error.to_string()))?;
    // Only where runs write such files are they minicov's to remove.
    if workplace.parallel_file.is_some() {
        for path in parallel_files(&workplace.data_file) {
            store::erase(&path).map_err(|error| UserError::new(error.to_string()))?;
        }
    }
    Ok(())
}
