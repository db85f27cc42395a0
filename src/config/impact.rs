//! What `minicov impact` was asked.

use std::ffi::OsString;
use std::path::PathBuf;

use super::Verb;
use super::error::ConfigError;
use super::options;
use super::reporting::CombineSettings;
use super::settings::Settings;

/// What counts as changed, and how to tell what must run.
#[derive(Clone, Debug, Default)]
pub(crate) struct ImpactSettings {
    /// A revision of git.
    pub(crate) since: Option<String>,
    /// A unified diff; `-` for standard input.
    pub(crate) diff: Option<PathBuf>,
    /// Files that count as changed, and no others.
    pub(crate) files: Vec<PathBuf>,
    /// Whether to print arguments for pytest.
    pub(crate) pytest: bool,
    pub(crate) explain: bool,
    pub(crate) json: bool,
    /// What to run to verify the selection: Python's command line.
    pub(crate) verify: Option<Vec<OsString>>,
    pub(crate) python: Option<PathBuf>,
    pub(crate) rcfile: Option<PathBuf>,
    pub(crate) combining: CombineSettings,
}

impl ImpactSettings {
    /// `words`: files, or with `--verify` Python's command line.
    pub(crate) fn new(settings: &Settings, words: Vec<OsString>) -> Result<Self, ConfigError> {
        let since = settings.get(&options::SINCE).map(str::to_owned);
        let diff = settings.get(&options::DIFF).map(PathBuf::from);
        let is_verifying = settings.get(&options::VERIFY);
        if since.is_some() && diff.is_some() {
            return Err(settings.bad(&options::SINCE.row, 0, "--diff says otherwise what changed"));
        }
        if is_verifying && words.is_empty() {
            return Err(settings.bad(
                &options::VERIFY.row,
                0,
                "what runs the tests must follow, such as -m pytest",
            ));
        }
        let stray = words.iter().find(|word| word.to_str().is_some_and(|word| word.starts_with('-')));
        if let Some(word) = stray.filter(|_| !is_verifying) {
            let what =
                format!("options stand in front of files, and {} behind one or unknown", word.display());
            return Err(settings.bad(&options::VERIFY.row, 0, &what));
        }
        let (files, verify) = if is_verifying {
            (Vec::new(), Some(words))
        } else {
            (words.into_iter().map(PathBuf::from).collect(), None)
        };
        Ok(Self {
            since,
            diff,
            files,
            pytest: settings.get(&options::AS_PYTEST),
            explain: settings.get(&options::EXPLAIN),
            json: settings.get(&options::IMPACT_JSON),
            verify,
            python: settings.get(&options::PYTHON).map(PathBuf::from),
            rcfile: settings.get(&options::RCFILE).map(PathBuf::from),
            combining: CombineSettings::new(settings, Verb::Impact, Vec::new()),
        })
    }
}
