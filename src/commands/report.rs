//! `minicov report`: what was recorded, in the formats asked for.
//!
//! Invariant: a report file appears whole or not at all.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::analysis::{self, Unusable};
use super::exclusions::ExclusionRules;
use super::{Failure, collect, run};
use crate::config::{ReportLook, ReportSettings, Workplace};
use crate::error::{ExitStatus, UserError};
use crate::metrics::Form;
use crate::model::MeasuredFile;
use crate::paths::{Patterns, canonical, display_name};
use crate::python::{Environment, LINKED_MINOR};
use crate::report::{FORMATS, Format, Options, Sort, SortError, View};
use crate::store::{DataFile, Fault, StoreError};
use crate::ui;

/// The name of standard output as a file.
const STANDARD_OUTPUT: &str = "-";

pub(super) fn report(
    workplace: &Workplace,
    settings: &ReportSettings,
    look: &ReportLook,
    rules: &ExclusionRules,
) -> Result<ExitCode, Failure> {
    let formats = chosen_formats(settings)?;
    let mut options = options(look)?;
    collect::orphans(workplace);
    let data = DataFile::open(&workplace.data_file).map_err(|error| explain(workplace, &error))?;
    hand_over_to_other_python(&data)?;

    options.mcdc = form(settings, &data).map_err(|error| explain(workplace, &error))?;
    let mut observed = data.observed(|_| true).map_err(|error| explain(workplace, &error))?;
    if options.sort.column.needs_branches() && !observed.has_arcs {
        return Err(UserError::new("can't sort by branches, because none were measured")
            .hint("measure them with minicov run --branch")
            .into());
    }
    if observed.has_arcs {
        analysis::add_decisions(&data, &mut observed.files).map_err(|error| explain(workplace, &error))?;
    }
    let files = select(workplace, settings, observed.files)?;
    let mut sources = Vec::new();
    for source in analysis::analyse(workplace, &data, files, rules)? {
        match source {
            Ok(source) => sources.push(source),
            Err(Unusable { message }) if settings.ignore_errors => ui::warn(&ui::COULDNT_PARSE, message),
            Err(Unusable { message }) => {
                return Err(UserError::new(message).hint("-i leaves such files out of the report").into());
            }
        }
    }
    let view = View::new(sources, observed.has_arcs, options.mcdc);
    if view.is_empty() {
        return Err(UserError::new("no data to report").into());
    }
    for format in formats {
        write(format, &(format.render)(&view, &options), settings.output.as_deref(), workplace)?;
    }
    Ok(ExitStatus::Success.into())
}

fn chosen_formats(settings: &ReportSettings) -> Result<Vec<&'static Format>, UserError> {
    let chosen: Vec<_> = if settings.formats.is_empty() {
        vec![&FORMATS[0]]
    } else {
        FORMATS.iter().filter(|format| settings.formats.iter().any(|slug| slug == format.slug)).collect()
    };
    if settings.output.is_some() && chosen.len() > 1 {
        return Err(
            UserError::new("--output takes one format").hint("without --output each format has its own file")
        );
    }
    Ok(chosen)
}

fn options(look: &ReportLook) -> Result<Options, UserError> {
    let sort = match &look.sort {
        Some(column) => column.parse().map_err(|error: SortError| UserError::new(error.to_string()))?,
        None => Sort::default(),
    };
    Ok(Options {
        precision: look.precision,
        show_missing: look.show_missing,
        skip_covered: look.skip_covered,
        skip_empty: look.skip_empty,
        sort,
        pretty_print: look.pretty_print,
        mcdc: None,
        now: chrono::Local::now().fixed_offset(),
    })
}

/// The form to judge MC/DC in: the one asked for, or masking where it was recorded.
fn form(settings: &ReportSettings, data: &DataFile) -> Result<Option<Form>, StoreError> {
    // Other words were refused with the settings.
    if let Some(form) = settings.mcdc.as_deref().and_then(Form::named) {
        return Ok(Some(form));
    }
    Ok(data.has_vectors()?.then(Form::default))
}

/// What a fault of the data file means to the user.
fn explain(workplace: &Workplace, error: &StoreError) -> UserError {
    match error.fault {
        Fault::Absent => UserError::new(format!(
            "no data to report: there is no {}",
            workplace.shown(&workplace.data_file)
        ))
        .hint("record some with minicov run"),
        _ => UserError::new(error.to_string()),
    }
}

/// Which lines are executable depends on the Python that ran them: where another minicov knows that one, it reports.
fn hand_over_to_other_python(data: &DataFile) -> Result<(), UserError> {
    let Ok(Some(recorded)) = data.python() else { return Ok(()) };
    let minor = recorded
        .strip_prefix("3.")
        .and_then(|rest| rest.split('.').next())
        .and_then(|minor| minor.parse().ok());
    let Some(minor) = minor.filter(|minor| *minor != LINKED_MINOR) else { return Ok(()) };
    if run::sibling(&format!("minicov3.{minor}")).is_some() {
        let environment = Environment { executable: PathBuf::from(format!("python3.{minor}")), minor };
        return Err(run::start_sibling(minor, &environment));
    }
    ui::warn(
        &ui::OTHER_PYTHON,
        format!(
            "the data was recorded by Python {recorded}, and this minicov takes lines as Python 3.{LINKED_MINOR} does"
        ),
    );
    Ok(())
}

/// The files to report, in order of their paths: path, display name, what was seen.
fn select(
    workplace: &Workplace,
    settings: &ReportSettings,
    files: std::collections::BTreeMap<String, MeasuredFile>,
) -> Result<Vec<(String, String, MeasuredFile)>, UserError> {
    let patterns = |list: &[String]| {
        Patterns::new(list, &workplace.folder).map_err(|error| UserError::new(error.to_string()))
    };
    let (include, omit) = (patterns(&settings.include)?, patterns(&settings.omit)?);
    let wanted: Vec<PathBuf> =
        settings.files.iter().map(|file| canonical(&workplace.folder.join(file))).collect();
    let folder = canonical(&workplace.folder);
    Ok(files
        .into_iter()
        .filter(|(path, _)| include.is_empty() || include.matches(Path::new(path)))
        .filter(|(path, _)| !omit.matches(Path::new(path)))
        .filter(|(path, _)| wanted.is_empty() || wanted.iter().any(|wanted| wanted == Path::new(path)))
        .map(|(path, seen)| {
            let name = display_name(&path, &folder);
            (path, name, seen)
        })
        .collect())
}

/// Writes a report where it belongs and says so, unless it is standard output.
fn write(format: &Format, text: &str, output: Option<&Path>, workplace: &Workplace) -> Result<(), Failure> {
    let target = output.or(format.default_output.map(Path::new));
    let Some(target) = target.filter(|target| *target != Path::new(STANDARD_OUTPUT)) else {
        return Ok(ui::output(text)?);
    };
    let path = workplace.folder.join(target);
    write_whole(&path, text)
        .map_err(|error| UserError::new(format!("couldn't write {}: {error}", target.display())))?;
    ui::notice(format!("wrote {} report to {}", format.title, target.display()));
    Ok(())
}

/// Puts a file in place when it is complete. What is no ordinary file (a pipe, `/dev/stdout`) is written to directly.
fn write_whole(path: &Path, text: &str) -> std::io::Result<()> {
    if path.exists() && !path.is_file() {
        return File::options().write(true).open(path)?.write_all(text.as_bytes());
    }
    let folder = path.parent().unwrap_or(Path::new("/"));
    let mut file = tempfile::Builder::new().permissions(default_permissions()).tempfile_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.persist(path)?;
    Ok(())
}

/// What a file made by anybody else would have: the umask takes its share.
fn default_permissions() -> std::fs::Permissions {
    std::os::unix::fs::PermissionsExt::from_mode(0o666)
}
