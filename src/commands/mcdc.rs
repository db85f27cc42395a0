//! `minicov mcdc [FILE[:LINE]]…`: decisions, what was seen of them, and what tests still have to do.

use std::path::{Path, PathBuf};

use super::Failure;
use super::exclusions::ExclusionRules;
use super::project::{self, Wanted};
use crate::config::{McdcSettings, Selected, Workplace, nearest};
use crate::error::{ExitCode, ExitStatus, UserError};
use crate::metrics::{Form, JudgedDecision, McDcTotals};
use crate::model::LineNo;
use crate::paths::{canonical, display_name};
use crate::report::{FileView, Listed, View, lacks_something, list_decisions, list_decisions_as_json};
use crate::ui;

/// How many other lines a hint names.
const MOST_LINES: usize = 5;

/// Decisions that were asked for.
struct Question {
    /// As the user wrote it.
    word: String,
    path: PathBuf,
    line: Option<LineNo>,
}

pub(super) fn mcdc(
    workplace: &Workplace,
    settings: &McdcSettings,
    rules: &ExclusionRules,
) -> Result<ExitCode, Failure> {
    let questions: Vec<Question> =
        settings.selected.files.iter().map(|word| Question::read(workplace, word)).collect();
    let files: Vec<PathBuf> = questions.iter().map(|question| question.path.clone()).collect();
    let selected = Selected { files, ..settings.selected.clone() };
    let wanted = Wanted { text: true, decision_contexts: settings.show_contexts, ..Wanted::default() };
    let view = project::view_or_nothing(workplace, &selected, rules, wanted)?;
    for question in &questions {
        question.check(workplace, &settings.selected, rules, &view)?;
    }
    // Without a form there is no data on MC/DC, which was told.
    let form = view.mcdc.unwrap_or_default();
    let mut listed: Vec<Listed> =
        view.files.iter().map(|file| listed(file, &questions, settings.missing, form)).collect();
    let totals: McDcTotals = listed.iter().map(|listed| listed.totals).sum();
    listed.retain(|listed| !listed.decisions.is_empty());
    let precision = settings.precision;
    if settings.json {
        ui::output(|out| list_decisions_as_json(&listed, &totals, form, precision, out))?;
    } else {
        ui::coloured_output(|out| list_decisions(&listed, &totals, form, precision, out))?;
    }
    Ok(ExitStatus::Success.into())
}

fn listed<'a>(file: &'a FileView, questions: &[Question], only_missing: bool, form: Form) -> Listed<'a> {
    let of_file: Vec<&Question> =
        questions.iter().filter(|question| question.path == canonical(Path::new(&file.path))).collect();
    let is_asked_for = |line: LineNo, last: LineNo| {
        of_file.is_empty()
            || of_file.iter().any(|question| question.line.is_none_or(|at| (line..=last).contains(&at)))
    };
    let mut decisions: Vec<&JudgedDecision> =
        file.decisions.iter().filter(|judged| judged.is_compound()).collect();
    decisions.retain(|judged| {
        let place = judged.measured.decision.place;
        is_asked_for(place.line, place.end_line)
    });
    let totals = decisions.iter().map(|judged| judged.totals(form)).sum();
    decisions.retain(|judged| !only_missing || lacks_something(judged, form));
    Listed { file, decisions, totals }
}

impl Question {
    /// `FILE` or `FILE:LINE`; a file that is really called so is meant itself.
    fn read(workplace: &Workplace, word: &Path) -> Self {
        let shown = word.to_string_lossy().into_owned();
        let split = shown.rsplit_once(':').and_then(|(file, line)| Some((file, line.parse().ok()?)));
        let whole = workplace.folder.join(word);
        let (path, line) = match split {
            Some((file, line)) if !whole.exists() => (workplace.folder.join(file), Some(line)),
            Some(_) | None => (whole, None),
        };
        Self { path: canonical(&path), line, word: shown }
    }

    /// Refuses what is not there, and says what is.
    fn check(
        &self,
        workplace: &Workplace,
        selected: &Selected,
        rules: &ExclusionRules,
        view: &View,
    ) -> Result<(), Failure> {
        let file = view.files.iter().find(|file| canonical(Path::new(&file.path)) == self.path);
        let Some(file) = file else {
            // Only for the suggestion, so what is wrong with other files does not matter.
            let everything = Selected { files: Vec::new(), ignore_errors: true, ..selected.clone() };
            let wanted = Wanted::default();
            let all = project::view_or_nothing(workplace, &everything, rules, wanted)?;
            let name = display_name(&self.path.to_string_lossy(), &canonical(&workplace.folder));
            let error = UserError::new(format!("there is no data on {name}"));
            let names = all.files.iter().map(|file| file.name.as_str());
            return Err(match nearest(&name, names) {
                Some(other) => error.hint(format!("did you mean {other}?")),
                None => error.hint("minicov report lists the files there is data on"),
            }
            .into());
        };
        let Some(line) = self.line else { return Ok(()) };
        let places = file.decisions.iter().filter(|judged| judged.is_compound());
        let places: Vec<_> = places.map(|judged| judged.measured.decision.place).collect();
        if places.iter().any(|place| (place.line..=place.end_line).contains(&line)) {
            return Ok(());
        }
        let mut lines: Vec<LineNo> = places.iter().map(|place| place.line).collect();
        lines.dedup();
        lines.sort_by_key(|other| other.abs_diff(line));
        lines.truncate(MOST_LINES);
        lines.sort_unstable();
        let lines: Vec<String> = lines.iter().map(LineNo::to_string).collect();
        let error = UserError::new(format!("{}: no decision with several conditions is there", self.word));
        let hint = if lines.is_empty() {
            format!("{} has none at all", file.name)
        } else {
            format!("the nearest begin on {}", lines.join(", "))
        };
        Err(error.hint(hint).into())
    }
}
