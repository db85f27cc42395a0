//! `minicov debug TOPIC`: what minicov stands on, and what it makes of settings and data. For people who look for the reason of
//! something, in the layout of `coverage debug`.
//!
//! Must not change anything: no journal is merged, no file written.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::Failure;
use crate::config::{Effect, Kind, Row, Settings, Value, Workplace, nearest, options};
use crate::env_vars;
use crate::error::{ExitCode, ExitStatus, UserError};
use crate::paths::parallel_files;
use crate::python::{self, Environment, LINKED_MINOR};
use crate::report;
use crate::store::{self, DataFile, JournalFolder};
use crate::trace::{self, CORES};
use crate::ui;

/// What can be asked about.
struct Topic {
    word: &'static str,
    tell: fn(&Workplace, &Settings, &[PathBuf]) -> Result<String, UserError>,
}

const TOPICS: &[Topic] = &[
    Topic { word: "config", tell: |workplace, settings, _| Ok(config(workplace, settings)) },
    Topic { word: "data", tell: data },
    Topic { word: "sys", tell: |workplace, settings, _| Ok(sys(workplace, settings)) },
    Topic {
        word: "premain",
        tell: |_, _, _| Ok(table("premain", &[("frames below the program", PREMAIN.to_owned())])),
    },
    Topic { word: "pybehave", tell: |_, _, _| Ok(behaviours()) },
    Topic { word: "sqlite", tell: |_, _, _| sqlite() },
    Topic { word: "options", tell: |_, _, _| Ok(options_table()) },
];

const PREMAIN: &str = "none: CPython runs the program, and minicov has no Python code";

pub(super) fn debug(
    workplace: &Workplace,
    settings: &Settings,
    words: &[PathBuf],
) -> Result<ExitCode, Failure> {
    let names = || TOPICS.iter().map(|topic| topic.word);
    let Some((word, files)) = words.split_first() else {
        let names: Vec<_> = names().collect();
        return Err(UserError::new(format!("name what to tell about: {}", names.join(", "))).into());
    };
    let word = word.to_string_lossy();
    let Some(topic) = TOPICS.iter().find(|topic| topic.word == word) else {
        let error = UserError::new(format!("there is nothing called {word:?} to tell about"));
        return Err(match nearest(&word, names()) {
            Some(other) => error.hint(format!("did you mean {other}?")),
            None => error.hint(format!("there are {}", names().collect::<Vec<_>>().join(", "))),
        }
        .into());
    };
    if topic.word != "data" && !files.is_empty() {
        return Err(UserError::new(format!("debug {word} takes no further words")).into());
    }
    let text = (topic.tell)(workplace, settings, files)?;
    ui::output(|out| out.write_all(text.as_bytes()))?;
    Ok(ExitStatus::Success.into())
}

fn header(label: &str) -> String {
    format!("--{:-<60}\n", format!(" {label} "))
}

/// Labels and values; a value of several lines goes on below itself.
fn table(label: &str, rows: &[(&str, String)]) -> String {
    let mut text = header(label);
    for (label, value) in rows {
        for (index, line) in value.split('\n').enumerate() {
            let label = if index == 0 { format!("{label}:") } else { String::new() };
            let _ = writeln!(text, " {label:>31} {line}");
        }
    }
    text
}

fn yes_or_no(yes: bool) -> String {
    if yes { "yes" } else { "no" }.to_owned()
}

fn sys(workplace: &Workplace, settings: &Settings) -> String {
    let python = settings.get(&options::PYTHON).map(Path::new);
    let environment = match Environment::find(python) {
        Ok(found) => format!("{} (3.{})", found.executable.display(), found.minor),
        Err(error) => error.to_string(),
    };
    let core = match trace::choose(settings.get(&options::CORE)) {
        Ok(core) => core.slug.to_owned(),
        Err(error) => error.to_string(),
    };
    let set = env_vars::ALL
        .iter()
        .filter_map(|variable| Some(format!("{} = {}", variable.name, variable.get()?.to_string_lossy())));
    let journals = JournalFolder::beside(&workplace.data_file).journals().map(|found| found.len());
    table(
        "sys",
        &[
            ("minicov", env!("CARGO_PKG_VERSION").to_owned()),
            (
                "executable",
                std::env::current_exe()
                    .map_or_else(|error| error.to_string(), |path| path.display().to_string()),
            ),
            ("linked Python", python::version()),
            ("the program's Python", environment),
            ("core", core),
            ("cores", CORES.iter().map(|core| core.slug).collect::<Vec<_>>().join(", ")),
            (
                "configuration",
                settings.file.as_ref().map_or("-none-".to_owned(), |file| file.display().to_string()),
            ),
            ("data file", workplace.data_file.display().to_string()),
            ("journals waiting", journals.map_or_else(|error| error.to_string(), |count| count.to_string())),
            ("current folder", workplace.folder.display().to_string()),
            ("environment", set.collect::<Vec<_>>().join("\n")),
        ],
    )
}

fn config(workplace: &Workplace, settings: &Settings) -> String {
    let mut text = header("config");
    let file = settings.file.as_ref().map_or("-none-".to_owned(), |file| workplace.shown(file));
    let _ = writeln!(text, " configuration file: {file}");
    for row in options::OPTIONS.iter().filter(|row| row.place().is_some()) {
        let (value, by) = match (settings.value(row), settings.origin(row)) {
            (Some(value), Some(origin)) => (shown(value), origin.shown(0)),
            _ => (default_of(row), "default".to_owned()),
        };
        let _ = writeln!(text, " {} = {value}  ({by})", row.shown());
    }
    for (name, patterns) in &settings.paths {
        let _ = writeln!(text, " [paths] {name} = {}", patterns.join(", "));
    }
    for threshold in &settings.thresholds {
        let metrics: Vec<_> =
            threshold.metrics.iter().map(|(metric, least)| format!("{metric} {least}")).collect();
        let _ = writeln!(text, " [minicov.thresholds] {} = {}", threshold.pattern, metrics.join(", "));
    }
    text
}

fn shown(value: &Value) -> String {
    match value {
        Value::Switch(on) => on.to_string(),
        Value::Integer(number) => number.to_string(),
        Value::Float(number) => number.to_string(),
        Value::Text(text) => text.clone(),
        Value::List(items) if items.is_empty() => "-none-".to_owned(),
        Value::List(items) => items.join(", "),
    }
}

fn default_of(row: &Row) -> String {
    match (row.default, row.kind) {
        ("", Kind::Switch) => "false".to_owned(),
        ("", _) => "-none-".to_owned(),
        (default, _) => default.to_owned(),
    }
}

/// The data file, or those named, and the parallel ones beside each.
fn data(workplace: &Workplace, _settings: &Settings, files: &[PathBuf]) -> Result<String, UserError> {
    let files = match files {
        [] => vec![workplace.data_file.clone()],
        files => files.iter().map(|file| workplace.folder.join(file)).collect(),
    };
    let mut text = String::new();
    for file in files {
        text += &header("data");
        text += &one_data_file(&file)?;
        for parallel in parallel_files(&file) {
            text += "-----\n";
            text += &one_data_file(&parallel)?;
        }
    }
    Ok(text)
}

fn one_data_file(path: &Path) -> Result<String, UserError> {
    let mut text = format!("path: {}\n", path.display());
    if !path.exists() {
        return Ok(text + "No data collected: file doesn't exist\n");
    }
    let observed = DataFile::open(path)
        .and_then(|mut data| data.observed(|_| true))
        .map_err(|error| UserError::new(error.to_string()))?;
    let counted = |count: usize, thing: &str| format!("{count} {thing}{}", if count == 1 { "" } else { "s" });
    let _ = writeln!(text, "has_arcs: {}", if observed.has_arcs { "True" } else { "False" });
    let _ = writeln!(text, "{}:", counted(observed.files.len(), "file"));
    let mut names: Vec<&String> = observed.files.keys().collect();
    names.sort_by(|a, b| report::human_order(a, b));
    for name in names {
        let lines = observed.files[name].lines.iter().count();
        // A name is somebody else's text, and this may be a terminal.
        let safe: String = name.chars().map(|char| if char.is_control() { '?' } else { char }).collect();
        let _ = writeln!(text, "{safe}: {}", counted(lines, "line"));
    }
    Ok(text)
}

/// What differs between the Pythons that minicov is built for.
fn behaviours() -> String {
    table(
        "pybehave",
        &[
            ("linked Python", python::version()),
            ("sys.monitoring", yes_or_no(LINKED_MINOR >= 12)),
            ("an event for each way", yes_or_no(LINKED_MINOR >= 14)),
            ("annotations on demand", yes_or_no(LINKED_MINOR >= 14)),
        ],
    )
}

fn sqlite() -> Result<String, UserError> {
    let (version, options) = store::sqlite().map_err(|error| UserError::new(error.to_string()))?;
    Ok(table("sqlite", &[("sqlite version", version), ("compile options", options.join("\n"))]))
}

/// The table of options as docs/configuration.md has it.
fn options_table() -> String {
    let mut text = String::new();
    for section in options::SECTIONS.iter().chain([&options::OWN_SECTION]) {
        let _ = writeln!(
            text,
            "### `[{section}]`\n\n| key | type | default | flag | meaning |\n| --- | --- | --- | --- | --- |"
        );
        for row in options::OPTIONS {
            let Some((_, key)) = row.place().filter(|(of, _)| of == section) else { continue };
            let default = if row.default.is_empty() { String::new() } else { format!("`{}`", row.default) };
            let flags: Vec<_> = row
                .flags
                .iter()
                .filter(|flag| !flag.negates)
                .map(|flag| format!("`--{}`", flag.long))
                .collect();
            let meaning = match row.effect {
                Effect::Works => row.doc.to_owned(),
                Effect::None(reason) => format!("{}. No effect: {reason}", row.doc),
            };
            let _ = writeln!(
                text,
                "| `{key}` | {} | {default} | {} | {meaning} |",
                row.kind.doc(),
                flags.join(", ")
            );
        }
        text.push('\n');
    }
    text
}
