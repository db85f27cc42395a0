//! What was set, by whom.
//!
//! Must not know: how values are read. Invariant: each value is of its row's kind.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::option::{Row, Setting};
use super::options::OPTIONS;
use super::value::{Typed, Value};

/// Who set a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A configuration file: its name as given, and for each item of a list, or for the value, the line.
    File { name: String, lines: Vec<u32> },
    /// An environment variable.
    Environment(&'static str),
    /// The command line.
    Flag,
    /// The parent process.
    Parent,
}

impl Origin {
    /// For messages: `pyproject.toml, line 7`. `item` counts in lists.
    pub(crate) fn shown(&self, item: usize) -> String {
        match self {
            Self::File { name, lines } => match lines.get(item).or_else(|| lines.first()) {
                Some(line) => format!("{name}, line {line}"),
                None => name.clone(),
            },
            Self::Environment(name) => format!("the environment variable {name}"),
            Self::Flag => "the command line".to_owned(),
            Self::Parent => "the parent process".to_owned(),
        }
    }
}

/// The metrics that thresholds may be set for.
pub(super) const JUDGED: [&str; 3] = ["line", "branch", "mcdc"];

/// Thresholds of one pattern: metric and percent, in the order of the file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Threshold {
    /// A file pattern, as of `include`.
    pub(crate) pattern: String,
    pub(crate) metrics: Vec<(String, f64)>,
}

/// Rules of `[paths]`: a name, the result first and the patterns that stand for it.
pub(crate) type PathRule = (String, Vec<String>);

/// Everything that was set. What was not has its default.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(into = "HandedOver", from = "HandedOver")]
pub(crate) struct Settings {
    values: BTreeMap<&'static str, (Value, Origin)>,
    /// `[paths]`, in the order of the file.
    pub(crate) paths: Vec<PathRule>,
    /// `[tool.minicov.thresholds]`, in the order of the file.
    pub(crate) thresholds: Vec<Threshold>,
    /// The file that coverage.py's settings came from, absolute.
    pub(crate) file: Option<std::path::PathBuf>,
}

impl Settings {
    /// The value of a setting.
    pub(crate) fn get<'a, T: Typed>(&'a self, setting: &Setting<T>) -> T::Read<'a> {
        T::read(self.value(&setting.row), setting.row.default)
    }

    /// The value, or `None` where it was not set.
    pub(crate) fn given<'a, T: Typed>(&'a self, setting: &Setting<T>) -> Option<T::Read<'a>> {
        self.value(&setting.row).map(|value| T::read(Some(value), setting.row.default))
    }

    pub(crate) fn value(&self, row: &Row) -> Option<&Value> {
        self.values.get(row.id).map(|(value, _)| value)
    }

    /// Who set it.
    pub(crate) fn origin(&self, row: &Row) -> Option<&Origin> {
        self.values.get(row.id).map(|(_, origin)| origin)
    }

    pub(super) fn set(&mut self, row: &Row, value: Value, origin: Origin) {
        self.values.insert(row.id, (value, origin));
    }

    /// Takes over what is set in `other`.
    pub(super) fn overlay(&mut self, other: Self) {
        self.values.extend(other.values);
    }
}

/// The form in which child processes are told. Who set a value stays behind.
#[derive(Clone, Serialize, Deserialize)]
struct HandedOver {
    values: BTreeMap<String, Value>,
    paths: Vec<PathRule>,
    thresholds: Vec<Threshold>,
}

impl From<Settings> for HandedOver {
    fn from(settings: Settings) -> Self {
        let values = settings.values.into_iter().map(|(id, (value, _))| (id.to_owned(), value)).collect();
        Self { values, paths: settings.paths, thresholds: settings.thresholds }
    }
}

impl From<HandedOver> for Settings {
    /// What this minicov has no row for is passed over: another minicov may have written it.
    fn from(handed: HandedOver) -> Self {
        let mut settings = Self { paths: handed.paths, thresholds: handed.thresholds, ..Self::default() };
        for row in OPTIONS {
            if let Some(value) = handed.values.get(row.id) {
                settings.set(row, value.clone(), Origin::Parent);
            }
        }
        settings
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::options;

    #[test]
    fn settings_survive_the_way_to_a_child() {
        let mut settings = Settings::default();
        settings.set(&options::BRANCH.row, Value::Switch(true), Origin::Flag);
        settings.set(&options::FAIL_UNDER.row, Value::Float(80.0), Origin::Flag);
        settings.set(&options::RUN_OMIT.row, Value::List(vec!["a".to_owned()]), Origin::Flag);
        settings.paths.push(("p".to_owned(), vec!["src/".to_owned()]));
        let text = serde_json::to_string(&settings).unwrap();
        let again: Settings = serde_json::from_str(&text).unwrap();
        assert!(again.get(&options::BRANCH));
        assert_eq!(again.given(&options::FAIL_UNDER), Some(80.0));
        assert_eq!(again.get(&options::RUN_OMIT), ["a"]);
        assert_eq!(again.paths, settings.paths);
        assert_eq!(again.get(&options::DATA_FILE), Some(".coverage"));
    }
}
