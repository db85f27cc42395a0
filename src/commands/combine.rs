//! `minicov combine`: puts into the data file what waits in journals, and what live processes have recorded so far.

use std::process::ExitCode;

use super::{Failure, collect};
use crate::config::Workplace;
use crate::error::{ExitStatus, UserError};
use crate::ui;

pub(super) fn combine(workplace: &Workplace) -> Result<ExitCode, Failure> {
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
        1 => {
            ui::notice(format!("combined 1 journal into {shown}"));
            Ok(ExitStatus::Success.into())
        }
        count => {
            ui::notice(format!("combined {count} journals into {shown}"));
            Ok(ExitStatus::Success.into())
        }
    }
}
