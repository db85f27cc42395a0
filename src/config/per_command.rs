//! Settings as the commands need them.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::error::ConfigError;
use super::options;
use super::settings::Settings;
use crate::model::DynamicContexts;
use crate::paths::{SelectionRequest, parallel_file};

/// What every command needs: where it stands and which data file is meant.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Workplace {
    /// The current folder at the start.
    pub(crate) folder: PathBuf,
    /// Absolute.
    pub(crate) data_file: PathBuf,
    /// Where this run's data goes, if each run has a file of its own.
    pub(crate) parallel_file: Option<PathBuf>,
}

impl Workplace {
    /// The current folder, and in it the data file that the settings name.
    pub(crate) fn new(folder: PathBuf, settings: &Settings) -> Self {
        let data_file = settings.get(&options::DATA_FILE).unwrap_or_default();
        let data_file = folder.join(data_file);
        let parallel_file = settings.is_parallel().then(|| parallel_file(&data_file));
        Self { folder, data_file, parallel_file }
    }

    /// The file that what was recorded is written to.
    pub(crate) fn written_file(&self) -> &Path {
        self.parallel_file.as_deref().unwrap_or(&self.data_file)
    }

    /// The current folder. One that was removed still is one, in which nothing can be: python runs there, too.
    pub(crate) fn current_folder() -> io::Result<PathBuf> {
        match std::env::current_dir() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(PathBuf::from("/proc/self/cwd")),
            found => found,
        }
    }

    /// `path` as the user would write it: relative where it lies below the current folder.
    pub(crate) fn shown(&self, path: &Path) -> String {
        path.strip_prefix(&self.folder).unwrap_or(path).display().to_string()
    }
}

/// What `minicov run` was asked. Child processes are handed a copy.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct RunSettings {
    pub(crate) python: Option<PathBuf>,
    pub(crate) selection: SelectionRequest,
    /// Static context; empty for none.
    pub(crate) context: String,
    /// How contexts follow the program.
    #[serde(default)]
    pub(crate) dynamic_contexts: DynamicContexts,
    pub(crate) core: Option<String>,
    /// Whether branches are recorded, too.
    pub(crate) branch: bool,
    /// Whether what MC/DC needs is recorded, too.
    pub(crate) mcdc: bool,
    /// Whether folders without an `__init__.py` are looked through for files that never ran.
    pub(crate) namespace_packages: bool,
    /// Whether the data file calls files by relative names.
    pub(crate) relative_files: bool,
    pub(crate) erase: bool,
    /// Whether pytest is to leave out tests that need not run.
    #[serde(default)]
    pub(crate) impacted: bool,
    /// The file that names these tests.
    #[serde(default)]
    pub(crate) unneeded: Option<PathBuf>,
    pub(crate) report: bool,
    /// The configuration file that was named.
    pub(crate) rcfile: Option<PathBuf>,
    /// Python's command line, without its first word. Each process has its own.
    #[serde(skip)]
    pub(crate) command_line: Vec<OsString>,
}

impl RunSettings {
    /// `command_line` as given; without one, `[run] command_line`, split as a shell does.
    pub(crate) fn new(settings: &Settings, mut command_line: Vec<OsString>) -> Result<Self, ConfigError> {
        if let Some(text) = settings.get(&options::COMMAND_LINE).filter(|_| command_line.is_empty()) {
            let words = shlex::split(text).ok_or_else(|| {
                settings.bad(&options::COMMAND_LINE.row, 0, "a quotation mark has no partner")
            })?;
            command_line = words.into_iter().map(OsString::from).collect();
        }
        if settings.get(&options::APPEND) && settings.get(&options::ERASE) {
            return Err(settings.bad(&options::APPEND.row, 0, "--erase says the opposite"));
        }
        if settings.get(&options::IMPACTED) && settings.get(&options::ERASE) {
            return Err(settings.bad(&options::IMPACTED.row, 0, "--erase removes what it goes by"));
        }
        if settings.get(&options::APPEND) && settings.is_parallel() {
            return Err(settings.bad(
                &options::APPEND.row,
                0,
                "there is nothing to add to where each run writes a file of its own",
            ));
        }
        Ok(Self {
            python: settings.get(&options::PYTHON).map(PathBuf::from),
            selection: SelectionRequest {
                source: settings.get(&options::SOURCE).to_vec(),
                source_dirs: settings.get(&options::SOURCE_DIRS).to_vec(),
                source_packages: settings.get(&options::SOURCE_PKGS).to_vec(),
                standard_library: settings.get(&options::COVER_PYLIB),
                include: settings.get(&options::RUN_INCLUDE).to_vec(),
                omit: settings.get(&options::RUN_OMIT).to_vec(),
            },
            context: settings.get(&options::CONTEXT).unwrap_or_default().to_owned(),
            dynamic_contexts: settings
                .get(&options::DYNAMIC_CONTEXT)
                .and_then(DynamicContexts::called)
                .unwrap_or_default(),
            core: settings.get(&options::CORE).map(str::to_owned),
            branch: settings.get(&options::BRANCH),
            mcdc: settings.get(&options::MCDC).is_some(),
            namespace_packages: settings.get(&options::INCLUDE_NAMESPACE_PACKAGES),
            relative_files: settings.get(&options::RELATIVE_FILES),
            erase: settings.get(&options::ERASE),
            impacted: settings.get(&options::IMPACTED),
            unneeded: None,
            report: settings.get(&options::REPORT_AFTERWARDS),
            rcfile: settings.get(&options::RCFILE).map(PathBuf::from),
            command_line,
        })
    }
}
