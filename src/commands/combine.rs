//! `minicov combine`: puts into the data file what waits in journals, and what live processes have recorded so far.

use std::path::PathBuf;
use std::process::ExitCode;

use super::{Failure, collect};
use crate::config::Workplace;
use crate::error::{ExitStatus, UserError};
use crate::ui;

pub(super) fn combine(workplace: &Workplace, files: &[PathBuf], is_quiet: bool) -> Result<ExitCode, Failure> {
    if !files.is_empty() {
        return Err(UserError::new("minicov combine does not take data files yet, only journals").into());
    }
    let collected = collect::so_far(workplace);
    let shown = workplace.shown(&workplace.data_file);
    match collected.merged {
        // Why they wait on has been said.
        0 if collected.kept_back > 0 => {
            Err(UserError::new(format!("nothing was combined into {shown}")).into())
        }
        0 => Err(UserError::new(format!("no data to combine: no journal waits for {shown}"))
            .hint("processes that end by themselves have combined their data already")
            .into()),
        count => {
            if !is_quiet {
                let journals = if count == 1 { "journal" } else { "journals" };
                ui::notice(format!("combined {count} {journals} into {shown}"));
            }
            Ok(ExitStatus::Success.into())
        }
    }
}
