//! `minicov contexts`, `who` and `unique`: which context ran what.

use std::ffi::OsString;

use super::exclusions::ExclusionRules;
use super::project::{self, Wanted};
use super::{Failure, UserError};
use crate::config::{Selected, Workplace};
use crate::error::{ExitCode, ExitStatus};
use crate::paths::canonical;
use crate::report::{self, ByContext, MeasuredSource, Spot, Who};
use crate::ui;

/// `minicov contexts`: how much ran in each.
pub(super) fn list(
    workplace: &Workplace,
    selected: &Selected,
    rules: &ExclusionRules,
) -> Result<ExitCode, Failure> {
    let (_, contexts) = read(workplace, selected, rules)?;
    ui::output(|out| contexts.write_table(out))?;
    Ok(ExitStatus::Success.into())
}

/// `minicov unique`: what only one of them covers.
pub(super) fn unique(
    workplace: &Workplace,
    selected: &Selected,
    rules: &ExclusionRules,
) -> Result<ExitCode, Failure> {
    let (_, contexts) = read(workplace, selected, rules)?;
    ui::output(|out| contexts.write_unique(out))?;
    Ok(ExitStatus::Success.into())
}

/// `minicov who`: the contexts that ran a line or took a branch.
pub(super) fn who(
    workplace: &Workplace,
    selected: &Selected,
    rules: &ExclusionRules,
    words: &[OsString],
) -> Result<ExitCode, Failure> {
    let [word] = words else {
        return Err(UserError::new("minicov who takes one place")
            .hint("name it as FILE:LINE, or a branch as FILE:LINE->LINE or FILE:LINE->exit")
            .into());
    };
    let word = word.to_string_lossy();
    let spot = Spot::parse(&word).ok_or_else(|| {
        UserError::new(format!("{word:?} is no place in a file"))
            .hint("name it as FILE:LINE, or a branch as FILE:LINE->LINE or FILE:LINE->exit")
    })?;
    let (sources, contexts) = read(workplace, selected, rules)?;
    let path = canonical(&workplace.folder.join(&spot.file));
    let is_it = |source: &MeasuredSource| {
        source.name == spot.file || canonical(&workplace.folder.join(&source.path)) == path
    };
    let Some(place) = sources.iter().position(is_it) else {
        return Err(UserError::new(format!("{} was not measured", spot.file))
            .hint("minicov report shows what was")
            .into());
    };
    match contexts.who(place, &sources[place], &spot) {
        Who::Contexts(names) => {
            if names.is_empty() {
                ui::notice(format!("nothing ran {word}"));
            }
            ui::output(|out| names.iter().try_for_each(|name| writeln!(out, "{name}")))?;
            Ok(ExitStatus::Success.into())
        }
        Who::NoStatement => {
            Err(UserError::new(format!("{}:{} is no statement that counts", spot.file, spot.line)).into())
        }
        Who::NoBranch(ends) if ends.is_empty() => {
            Err(UserError::new(format!("no branch begins at {}:{}", spot.file, spot.line)).into())
        }
        Who::NoBranch(ends) => {
            let ends: Vec<String> = ends.into_iter().map(report::branch_end).collect();
            Err(UserError::new(format!("no branch leads from {}:{} there", spot.file, spot.line))
                .hint(format!("branches from there lead to {}", ends.join(", ")))
                .into())
        }
    }
}

fn read(
    workplace: &Workplace,
    selected: &Selected,
    rules: &ExclusionRules,
) -> Result<(Vec<MeasuredSource>, ByContext), Failure> {
    let wanted = Wanted { contexts: true, context_arcs: true, ..Wanted::default() };
    let project::Sources { files: sources, has_branches, .. } =
        project::sources(workplace, selected, rules, wanted)?;
    let contexts = ByContext::new(&sources, has_branches);
    if contexts.is_empty() {
        return Err(UserError::new("no data to report").into());
    }
    Ok((sources, contexts))
}
