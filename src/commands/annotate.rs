//! `minicov annotate`: copies of the sources that show which lines ran.

use std::path::{Path, PathBuf};

use super::exclusions::ExclusionRules;
use super::project::{self, Wanted};
use super::{Failure, output};
use crate::config::{Selected, Workplace};
use crate::error::{ExitCode, ExitStatus, UserError};
use crate::report;

/// Writes to `folder`, or beside each source.
pub(super) fn annotate(
    workplace: &Workplace,
    selected: &Selected,
    rules: &ExclusionRules,
    folder: Option<&Path>,
) -> Result<ExitCode, Failure> {
    let view = project::view(workplace, selected, rules, Wanted { text: true, ..Wanted::default() })?;
    let folder = folder.map(|folder| folder.to_string_lossy().into_owned());
    for file in &view.files {
        let target = PathBuf::from(report::annotated_name(file, folder.as_deref()));
        let text = file.text.as_deref().unwrap_or_default();
        output::write_whole(&workplace.folder.join(&target), |out| {
            report::annotate(text, &file.outcome.lines, out)
        })
        .map_err(|error| {
            UserError::new(format!("couldn't write {}: {error}", target.display()))
                .hint("-d DIR writes to a folder of your choice")
        })?;
    }
    Ok(ExitStatus::Success.into())
}
