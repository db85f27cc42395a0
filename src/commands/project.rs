//! From the data file to the project as reports see it: what every report begins with.
//!
//! Invariant: what earlier processes left behind, in journals or parallel data files, is in the report.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::analysis::{self, Unusable};
use super::exclusions::ExclusionRules;
use super::{Failure, collect, combine, run};
use crate::config::{CombineSettings, RecordedJustification, Selected, Workplace, read_justifications};
use crate::error::UserError;
use crate::metrics::{Form, JudgedDecision};
use crate::model::MeasuredFile;
use crate::paths::{Patterns, canonical, display_name};
use crate::python::LINKED_MINOR;
use crate::report::{MeasuredSource, View};
use crate::source::TextPatterns;
use crate::store::{DataFile, Fault, StoreError};
use crate::ui;

/// What a report needs beyond lines and branches.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Wanted {
    /// The texts of the sources.
    pub(super) text: bool,
    /// In which contexts each line ran.
    pub(super) contexts: bool,
    /// And which steps between lines were taken in which.
    pub(super) context_arcs: bool,
    /// And where MC/DC is shown, which evaluations of decisions were seen in which.
    pub(super) decision_contexts: bool,
}

/// The sources that are selected, and what was seen of them.
pub(super) struct Sources {
    pub(super) files: Vec<MeasuredSource>,
    pub(super) has_branches: bool,
    /// Why others are left out: a sentence for each.
    unusable: Vec<String>,
    mcdc: Option<Form>,
    has_edges: bool,
}

/// Everything there is to report of what is `selected`, which must be something.
pub(super) fn view(
    workplace: &Workplace,
    selected: &Selected,
    rules: &ExclusionRules,
    wanted: Wanted,
) -> Result<View, Failure> {
    let view = view_or_nothing(workplace, selected, rules, wanted)?;
    if view.is_empty() {
        return Err(UserError::new("no data to report").into());
    }
    Ok(view)
}

/// As [`view`], where it may be nothing.
pub(super) fn view_or_nothing(
    workplace: &Workplace,
    selected: &Selected,
    rules: &ExclusionRules,
    wanted: Wanted,
) -> Result<View, Failure> {
    let Sources { files, has_branches, unusable, mcdc, has_edges } =
        sources(workplace, selected, rules, wanted)?;
    if mcdc.is_some() && !has_edges {
        return Err(UserError::new("there is no data on MC/DC")
            .hint("record it with minicov run --mcdc")
            .into());
    }
    let mut view = View { mcdc, unusable, ..View::new(files, has_branches) };
    if let Some(form) = mcdc {
        if let Some(path) = &selected.justifications {
            justify(&mut view, workplace, path)?;
        }
        settle_what_counts(&mut view, form, selected);
    }
    Ok(view)
}

/// The sources that are selected, with their facts.
pub(super) fn sources(
    workplace: &Workplace,
    selected: &Selected,
    rules: &ExclusionRules,
    wanted: Wanted,
) -> Result<Sources, Failure> {
    let contexts = TextPatterns::new(&selected.contexts)
        .map_err(|error| UserError::new(format!("--contexts: {error}")))?;
    combine::left_behind(workplace, &selected.combining)?;
    collect::so_far(workplace);
    let mut data = DataFile::open(&workplace.data_file).map_err(|error| explain(workplace, &error))?;
    hand_over_to_other_python(&data)?;

    let in_selected = |context: &str| selected.contexts.is_empty() || contexts.finds(context);
    let observed = if wanted.contexts {
        data.observed_by_context(in_selected, wanted.context_arcs)
    } else {
        data.observed(in_selected)
    };
    let observed = observed.map_err(|error| explain(workplace, &error))?;
    let mut observed = observed;
    let has_edges = data.has_edges().map_err(|error| explain(workplace, &error))?;
    let mcdc = form(selected, &data).map_err(|error| explain(workplace, &error))?;
    if observed.has_arcs {
        let with_contexts = wanted.decision_contexts && mcdc.is_some();
        let added = analysis::add_decisions(&data, &mut observed.files, &in_selected, with_contexts);
        added.map_err(|error| explain(workplace, &error))?;
    }
    let files = select(workplace, selected, remapped(workplace, selected, observed.files)?)?;
    let mut sources = Vec::with_capacity(files.len());
    let mut unusable = Vec::new();
    for source in analysis::analyse(workplace, &data, files, rules, wanted.text)? {
        match source {
            Ok(source) => sources.push(source),
            Err(Unusable { message }) if selected.ignore_errors => {
                ui::warn(&ui::COULDNT_PARSE, &message);
                unusable.push(message);
            }
            Err(Unusable { message }) => {
                return Err(UserError::new(message).hint("-i leaves such files out of the report").into());
            }
        }
    }
    Ok(Sources { files: sources, has_branches: observed.has_arcs, unusable, mcdc, has_edges })
}

/// Gives conditions the reasons that a file has for them. Files that are not reported on are nobody's business here, unless
/// they are gone.
fn justify(view: &mut View, workplace: &Workplace, path: &Path) -> Result<(), UserError> {
    let shown = workplace.shown(path);
    for entry in read_justifications(path, &shown)? {
        let RecordedJustification { line, file: name, decision, conditions, reason } = entry;
        let wrong = match view.files.iter_mut().find(|file| file.name == name) {
            Some(file) => file.justify(&decision, &conditions, &reason),
            None if workplace.folder.join(&name).exists() => Vec::new(),
            None => vec![format!("is for {name}, which is not there")],
        };
        for why in wrong {
            ui::warn(&ui::STALE_JUSTIFICATION, format!("{shown}:{line}: the justification {why}"));
        }
    }
    Ok(())
}

/// Warns of justifications that are of no use, and leaves conditions out of the total where that is wanted.
fn settle_what_counts(view: &mut View, form: Form, selected: &Selected) {
    for file in &mut view.files {
        for (line, why) in file.stale_justifications(form) {
            ui::warn(&ui::STALE_JUSTIFICATION, format!("{}:{line}: the justification {why}", file.name));
        }
        if selected.exclude_justified {
            file.decisions.iter_mut().for_each(JudgedDecision::leave_out_justified);
        }
        if selected.exclude_infeasible {
            file.decisions.iter_mut().for_each(|judged| judged.leave_out_infeasible(form));
        }
    }
}

/// The form to judge MC/DC in: the one asked for, or masking where it was recorded or is demanded.
fn form(selected: &Selected, data: &DataFile) -> Result<Option<Form>, StoreError> {
    // Other words were refused with the settings.
    if let Some(form) = selected.mcdc.as_deref().and_then(Form::named) {
        return Ok(Some(form));
    }
    Ok((selected.demands_mcdc || data.has_vectors()?).then(Form::default))
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
    if let Some(error) = run::start_sibling(minor) {
        return Err(error);
    }
    ui::warn(
        &ui::OTHER_PYTHON,
        format!(
            "the data was recorded by Python {recorded}, and this minicov takes lines as Python 3.{LINKED_MINOR} does"
        ),
    );
    Ok(())
}

/// What was seen, by the names that files have here.
fn remapped(
    workplace: &Workplace,
    selected: &Selected,
    files: BTreeMap<String, MeasuredFile>,
) -> Result<BTreeMap<String, MeasuredFile>, UserError> {
    let CombineSettings { paths, relative_files, .. } = &selected.combining;
    if paths.is_empty() {
        return Ok(files);
    }
    let remap = combine::remap(workplace, paths, *relative_files)?;
    let mut remapped: BTreeMap<String, MeasuredFile> = BTreeMap::new();
    for (path, seen) in files {
        remapped.entry(remap.map(&path)).or_default().unite(seen);
    }
    Ok(remapped)
}

/// The files to report, in order of their paths: path, display name, what was seen.
fn select(
    workplace: &Workplace,
    selected: &Selected,
    files: BTreeMap<String, MeasuredFile>,
) -> Result<Vec<(String, String, MeasuredFile)>, UserError> {
    let patterns = |list: &[String]| {
        Patterns::new(list, &workplace.folder).map_err(|error| UserError::new(error.to_string()))
    };
    let (include, omit) = (patterns(&selected.include)?, patterns(&selected.omit)?);
    let wanted: Vec<PathBuf> =
        selected.files.iter().map(|file| canonical(&workplace.folder.join(file))).collect();
    let folder = canonical(&workplace.folder);
    Ok(files
        .into_iter()
        .filter(|(path, _)| include.is_empty() || include.matches(Path::new(path)))
        .filter(|(path, _)| !omit.matches(Path::new(path)))
        .filter(|(path, _)| {
            // The data file may call it by a relative name.
            wanted.is_empty() || wanted.contains(&canonical(&workplace.folder.join(path)))
        })
        .map(|(path, seen)| {
            let name = display_name(&path, &folder);
            (path, name, seen)
        })
        .collect())
}
