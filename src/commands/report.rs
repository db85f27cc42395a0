//! `minicov report`, `html`, `xml`, `json`, `lcov`: what was recorded, in the formats asked for, and whether it is enough.

use std::path::Path;

use super::exclusions::ExclusionRules;
use super::project::{self, Wanted};
use super::{Failure, html_folder, output};
use crate::config::{Demanded, Html, Look, ReportSettings, Workplace};
use crate::error::{ExitCode, ExitStatus, UserError};
use crate::paths::{Patterns, canonical};
use crate::report::{
    Demands, FORMATS, Format, HtmlOptions, INDEX, Options, Pages, Sort, SortError, Threshold, View,
};
use crate::ui;

/// The name of standard output as a file.
const STANDARD_OUTPUT: &str = "-";

pub(super) fn report(
    workplace: &Workplace,
    settings: &ReportSettings,
    rules: &ExclusionRules,
) -> Result<ExitCode, Failure> {
    let formats = chosen_formats(settings)?;
    let has_pages = formats.iter().any(|format| format.pages.is_some());
    let html = if has_pages { html_options(workplace, &settings.html)? } else { HtmlOptions::default() };
    let options = Options { html, ..options(workplace, &settings.look)? };
    let demands = demands(workplace, &settings.demanded, options.precision)?;
    let contexts = options.show_contexts || options.html.show_contexts;
    let wanted = Wanted {
        text: options.line_checksums || has_pages,
        contexts,
        context_arcs: false,
        decision_contexts: contexts,
    };
    let view = project::view(workplace, &settings.selected, rules, wanted)?;
    require_sorted(&options, &view)?;
    for format in &formats {
        write(format, &view, &options, settings, workplace)?;
    }
    // Of several formats, the first judges.
    let percent_of_nothing = formats.first().map_or(100.0, |format| format.percent_of_nothing);
    judge(&demands, &view, percent_of_nothing)
}

/// Refuses to sort by what was not measured.
fn require_sorted(options: &Options, view: &View) -> Result<(), UserError> {
    let Some(metric) = options.sort.column.needs() else { return Ok(()) };
    let needs = metric.needs();
    if needs.vectors && view.mcdc.is_none() {
        return Err(UserError::new("can't sort by MC/DC, because it was not measured")
            .hint("measure it with minicov run --mcdc"));
    }
    if needs.edges && !view.has_branches {
        return Err(UserError::new("can't sort by branches, because none were measured")
            .hint("measure them with minicov run --branch"));
    }
    Ok(())
}

fn chosen_formats(settings: &ReportSettings) -> Result<Vec<&'static Format>, UserError> {
    let mut chosen = Vec::new();
    for name in &settings.formats {
        let format = Format::named(name).ok_or_else(|| {
            let known: Vec<&str> = FORMATS.iter().map(|format| format.slug).collect();
            UserError::new(format!("there is no report format '{name}'"))
                .hint(format!("the formats are {}", known.join(", ")))
        })?;
        chosen.push(format.slug);
    }
    let chosen: Vec<_> = if chosen.is_empty() {
        vec![&FORMATS[0]]
    } else {
        FORMATS.iter().filter(|format| chosen.contains(&format.slug)).collect()
    };
    if settings.output.is_some() && chosen.len() > 1 {
        return Err(
            UserError::new("--output takes one format").hint("without --output each format has its own file")
        );
    }
    Ok(chosen)
}

fn options(workplace: &Workplace, look: &Look) -> Result<Options, UserError> {
    let sort = match &look.sort {
        Some(column) => column.parse().map_err(|error: SortError| UserError::new(error.to_string()))?,
        None => Sort::default(),
    };
    let sources = look.source.iter().map(|source| workplace.folder.join(source));
    let sources = sources.filter(|source| source.exists());
    Ok(Options {
        precision: look.precision,
        show_missing: look.show_missing,
        skip_covered: look.skip_covered,
        skip_empty: look.skip_empty,
        sort,
        pretty_print: look.pretty_print,
        show_contexts: look.show_contexts,
        sources: sources.map(|source| canonical(&source).to_string_lossy().into_owned()).collect(),
        package_depth: look.package_depth,
        line_checksums: look.line_checksums,
        html: HtmlOptions::default(),
        now: chrono::Local::now().fixed_offset(),
    })
}

fn html_options(workplace: &Workplace, html: &Html) -> Result<HtmlOptions, UserError> {
    let extra_css = html.extra_css.as_ref().map(|path| {
        std::fs::read_to_string(workplace.folder.join(path)).map_err(|error| {
            UserError::new(format!("couldn't read the style sheet {}: {error}", path.display()))
        })
    });
    Ok(HtmlOptions {
        title: html.title.clone(),
        skip_covered: html.skip_covered,
        skip_empty: html.skip_empty,
        show_contexts: html.show_contexts,
        single_file: html.single_file,
        extra_css: extra_css.transpose()?,
    })
}

fn demands(workplace: &Workplace, demanded: &Demanded, precision: u8) -> Result<Demands, UserError> {
    let thresholds = demanded.thresholds.iter().map(|threshold| {
        let files = Patterns::new(std::slice::from_ref(&threshold.pattern), &workplace.folder)
            .map_err(|error| UserError::new(format!("thresholds: {error}")))?;
        let name = threshold.pattern.clone();
        let of = |metric: &str| {
            let mut demands = threshold.metrics.iter();
            demands.find(|(name, _)| name == metric).map(|(_, percent)| *percent)
        };
        Ok(Threshold { name, files, line: of("line"), branch: of("branch"), mcdc: of("mcdc") })
    });
    Ok(Demands {
        precision,
        total: demanded.fail_under,
        branch: demanded.fail_under_branch,
        mcdc: demanded.fail_under_mcdc,
        thresholds: thresholds.collect::<Result<_, UserError>>()?,
    })
}

/// Writes a report where it belongs and says so, unless it is standard output.
fn write(
    format: &Format,
    view: &View,
    options: &Options,
    settings: &ReportSettings,
    workplace: &Workplace,
) -> Result<(), Failure> {
    if let Some(pages) = format.pages.filter(|_| settings.output.is_none()) {
        return write_pages(format, pages(view, options), settings, workplace);
    }
    let configured = settings.outputs.get(format.slug).map(Path::new);
    let target = settings.output.as_deref().or(configured).or(format.default_output.map(Path::new));
    let Some(target) = target.filter(|target| *target != Path::new(STANDARD_OUTPUT)) else {
        return Ok(ui::output(|out| (format.render)(view, options, out))?);
    };
    output::write_whole(&workplace.folder.join(target), |out| (format.render)(view, options, out))
        .map_err(|error| UserError::new(format!("couldn't write {}: {error}", target.display())))?;
    if !settings.quiet {
        ui::notice(format!("wrote {} report to {}", format.title, target.display()));
    }
    Ok(())
}

/// Writes a report's folder, and says what stands in its way there.
fn write_pages(
    format: &Format,
    pages: Pages,
    settings: &ReportSettings,
    workplace: &Workplace,
) -> Result<(), Failure> {
    let directory = &settings.html.directory;
    let leftovers = html_folder::write(&workplace.folder.join(directory), pages)
        .map_err(|error| UserError::new(error.to_string()))?;
    if !settings.quiet {
        let index = directory.join(INDEX);
        ui::notice(format!("wrote {} report to {}", format.title, index.display()));
        if leftovers.foreign > 0 {
            let what = if leftovers.foreign == 1 { "1 thing that is" } else { "things that are" };
            ui::notice(format!("{} has {what} not minicov's, left alone", directory.display()));
        }
    }
    for name in &leftovers.stuck {
        ui::notice(format!("couldn't remove {} of an earlier report", directory.join(name).display()));
    }
    Ok(())
}

/// Says what is not covered enough, if anything.
fn judge(demands: &Demands, view: &View, percent_of_nothing: f64) -> Result<ExitCode, Failure> {
    let judgement =
        demands.judge(view, percent_of_nothing).map_err(|error| UserError::new(error.to_string()))?;
    for name in &judgement.unmatched {
        ui::warn(&ui::THRESHOLD_UNUSED, format!("no reported file matches the threshold's pattern {name:?}"));
    }
    for shortfall in &judgement.shortfalls {
        ui::error(&UserError::new(format!("coverage failure: {shortfall}")));
    }
    let is_enough = judgement.shortfalls.is_empty();
    Ok(if is_enough { ExitStatus::Success } else { ExitStatus::Shortfall }.into())
}
