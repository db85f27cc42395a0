//! From files, environment and flags to settings.
//!
//! Must not know: how words become flags. Invariant: flags over environment over the file over defaults.

use std::path::Path;

use super::convert::Surroundings;
use super::error::ConfigError;
use super::files;
use super::option::{Effect, Row, Verb};
use super::options::{self, OPTIONS};
use super::settings::{Origin, Settings};
use super::value::Value;
use crate::env_vars::{self, EnvVar};
use crate::model::DynamicContexts;
use crate::ui::{self, Warning};

/// A warning that was not printed yet: it may be one that the configuration turns off.
#[derive(Debug, PartialEq)]
pub(crate) struct Complaint {
    pub(crate) warning: &'static Warning,
    pub(crate) message: String,
}

/// coverage.py's names of concurrency libraries (7.17.3, `config.py`).
const CONCURRENCY: [&str; 5] = ["eventlet", "gevent", "greenlet", "multiprocessing", "thread"];
/// Of these, a program uses one.
const LIGHT_THREADS: [&str; 3] = ["eventlet", "gevent", "greenlet"];
/// coverage.py's patches (7.17.3, `patch.py`).
const PATCHES: [&str; 4] = ["_exit", "execv", "fork", "subprocess"];

/// Forms of MC/DC. `metrics` knows what they mean.
pub(crate) const FORMS: [&str; 3] = ["masking", "unique-cause", "unique-cause+masking"];

/// How alike a name must be to be suggested, from 0 to 1.
const LIKENESS: f64 = 0.7;

/// The most alike of `names`.
pub(crate) fn nearest<'a>(name: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    names
        .map(|other| (strsim::jaro_winkler(other, name), other))
        .filter(|(likeness, _)| *likeness > LIKENESS)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, other)| other)
}

impl Settings {
    /// Everything that holds for `verb` in `folder`: the configuration file, environment variables, then `flags`.
    pub(crate) fn resolve(
        verb: Verb,
        flags: Vec<(&'static Row, Value)>,
        folder: &Path,
    ) -> Result<(Self, Vec<Complaint>), ConfigError> {
        let mut complaints = Vec::new();
        let rcfile = flags.iter().find(|(row, _)| row.id == options::RCFILE.row.id);
        let rcfile = match rcfile {
            Some((_, Value::Text(name))) => Some(name.clone()),
            _ => text_of(&env_vars::COVERAGE_RCFILE),
        };
        let surroundings =
            Surroundings { variable: &|name| env_vars::lookup(name), home: text_of(&env_vars::HOME) };
        let mut settings = files::read(rcfile.as_deref(), folder, &surroundings, &mut complaints)?;
        for (variable, row) in [
            (&env_vars::COVERAGE_FILE, &options::DATA_FILE.row),
            (&env_vars::COVERAGE_CORE, &options::CORE.row),
        ] {
            if let Some(text) = text_of(variable) {
                settings.set(row, Value::Text(text), Origin::Environment(variable.name));
            }
        }
        for (row, value) in flags {
            settings.set(row, value, Origin::Flag);
        }
        settings.check()?;
        settings.complain(verb, &mut complaints);
        Ok((settings, complaints))
    }

    /// Refuses values that cannot be.
    fn check(&self) -> Result<(), ConfigError> {
        let concurrency = self.get(&options::CONCURRENCY);
        self.check_names(
            &options::CONCURRENCY.row,
            concurrency,
            &CONCURRENCY,
            "no concurrency library that minicov knows",
        )?;
        let light: Vec<&str> =
            concurrency.iter().map(String::as_str).filter(|name| LIGHT_THREADS.contains(name)).collect();
        if light.len() > 1 {
            let reason = format!("of {} a program can use one only", light.join(" and "));
            return Err(self.bad(&options::CONCURRENCY.row, 0, &reason));
        }
        self.check_names(
            &options::PATCH.row,
            self.get(&options::PATCH),
            &PATCHES,
            "no patch of coverage.py's",
        )?;
        let form = self.get(&options::MCDC).filter(|form| !FORMS.contains(form));
        if let Some(form) = form {
            let reason = format!("{form:?} is no form of MC/DC ({})", FORMS.join(", "));
            return Err(self.bad(&options::MCDC.row, 0, &reason));
        }
        let dynamic = self.get(&options::DYNAMIC_CONTEXT);
        if let Some(word) = dynamic.filter(|word| DynamicContexts::called(word).is_none()) {
            let words = DynamicContexts::WORDS.map(|(word, _)| word).join(", ");
            let reason = format!("{word:?} is no kind of contexts that follow a program ({words})");
            return Err(self.bad(&options::DYNAMIC_CONTEXT.row, 0, &reason));
        }
        let precision = self.get(&options::PRECISION);
        if !(0..=MOST_DIGITS).contains(&precision) {
            let reason =
                format!("{precision} is not in 0 to {MOST_DIGITS}, the digits a percentage can have");
            return Err(self.bad(&options::PRECISION.row, 0, &reason));
        }
        Ok(())
    }

    fn check_names(
        &self,
        row: &Row,
        names: &[String],
        known: &[&str],
        what: &str,
    ) -> Result<(), ConfigError> {
        let Some(item) = names.iter().position(|name| !known.contains(&name.as_str())) else { return Ok(()) };
        Err(self.bad(row, item, &format!("{:?} is {what} ({})", names[item], known.join(", "))))
    }

    /// Whether each run writes a data file of its own. coverage.py 7.17.3 does so, too, for what starts processes
    /// (`config.py`, `post_process`; `control.py`, `_init_for_start`).
    pub(crate) fn is_parallel(&self) -> bool {
        let has = |list: &[String], name: &str| list.iter().any(|item| item == name);
        self.get(&options::PARALLEL)
            || has(self.get(&options::PATCH), "subprocess")
            || has(self.get(&options::CONCURRENCY), "multiprocessing")
    }

    /// An error about a setting, or the item of one that is a list.
    pub(crate) fn bad(&self, row: &Row, item: usize, reason: &str) -> ConfigError {
        match self.origin(row) {
            Some(origin @ Origin::File { .. }) => {
                ConfigError::Bad { place: origin.shown(item), reason: format!("{}: {reason}", row.shown()) }
            }
            Some(origin @ (Origin::Environment(_) | Origin::Parent)) => {
                ConfigError::Bad { place: origin.shown(item), reason: reason.to_owned() }
            }
            Some(Origin::Flag) | None => {
                let flag = row.flags.first().map_or_else(|| row.shown(), |flag| format!("--{}", flag.long));
                ConfigError::Bad { place: flag, reason: reason.to_owned() }
            }
        }
    }

    /// What was set and changes nothing, for the commands that would have heeded it.
    fn complain(&self, verb: Verb, complaints: &mut Vec<Complaint>) {
        for row in OPTIONS {
            let Effect::None(reason) = row.effect else { continue };
            let Some(origin) = self.origin(row).filter(|_| heeds(verb, row)) else { continue };
            let is_off = match self.value(row) {
                Some(Value::Switch(on)) => !on,
                Some(Value::List(items)) => items.is_empty(),
                _ => false,
            };
            if !is_off {
                let name = match (origin, row.flags.first()) {
                    (Origin::Flag, Some(flag)) => format!("--{}", flag.long),
                    _ => format!("{}: {}", origin.shown(0), row.shown()),
                };
                let message = format!("{name} has no effect: {reason}");
                complaints.push(Complaint { warning: &ui::NO_EFFECT, message });
            }
        }
    }
}

/// The digits that a percentage can have; an `f64` holds no more.
const MOST_DIGITS: i64 = 15;

/// Whether a command would go by an option if minicov had what it is for.
fn heeds(verb: Verb, row: &Row) -> bool {
    match row.place() {
        Some(("run", _)) => verb == Verb::Run,
        Some(_) => Verb::REPORTS.contains(&verb),
        None => true,
    }
}

fn text_of(variable: &EnvVar) -> Option<String> {
    variable.get().map(|value| value.to_string_lossy().into_owned())
}
