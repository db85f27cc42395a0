//! Settings as the commands need them.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use crate::env_vars;
use crate::paths::SelectionRequest;

/// The name of the data file where nobody gives one, as coverage.py's.
const DATA_FILE: &str = ".coverage";

/// What every command needs: where it stands and which data file is meant.
#[derive(Clone, Debug)]
pub(crate) struct Workplace {
    /// The current folder at the start.
    pub(crate) folder: PathBuf,
    /// Absolute.
    pub(crate) data_file: PathBuf,
}

impl Workplace {
    /// `data_file` as given by `--data-file`; else `COVERAGE_FILE`, else `.coverage`.
    pub(crate) fn resolve(data_file: Option<PathBuf>) -> io::Result<Self> {
        let folder = std::env::current_dir()?;
        let name = data_file
            .or_else(|| env_vars::COVERAGE_FILE.get().map(PathBuf::from))
            .unwrap_or_else(|| PathBuf::from(DATA_FILE));
        let data_file = folder.join(name);
        Ok(Self { folder, data_file })
    }

    /// `path` as the user would write it: relative where it lies below the current folder.
    pub(crate) fn shown(&self, path: &Path) -> String {
        path.strip_prefix(&self.folder).unwrap_or(path).display().to_string()
    }
}

/// What `minicov run` was asked.
#[derive(Clone, Debug, Default)]
pub(crate) struct RunSettings {
    pub(crate) python: Option<PathBuf>,
    pub(crate) selection: SelectionRequest,
    /// Static context; empty for none.
    pub(crate) context: String,
    pub(crate) core: Option<String>,
    /// Whether branches are recorded, too.
    pub(crate) branch: bool,
    pub(crate) erase: bool,
    pub(crate) report: bool,
    /// Python's command line, without its first word.
    pub(crate) command_line: Vec<OsString>,
}

impl RunSettings {
    /// `--core`, else `COVERAGE_CORE`.
    pub(crate) fn core(&self) -> Option<String> {
        self.core
            .clone()
            .or_else(|| env_vars::COVERAGE_CORE.get().map(|core| core.to_string_lossy().into_owned()))
    }
}
