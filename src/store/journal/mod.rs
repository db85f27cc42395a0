//! The journal: the append-only file in which a measured process keeps what it saw until the data file has it.
//!
//! One file per process, in a folder beside the data file. Its bytes live in a shared mapping, so they survive SIGKILL
//! of the process; a record counts from the moment its header is stored, which is the last thing written of it.
//! [`format`] documents the bytes.
//!
//! Must not know: SQLite, Python, metrics. Invariant: the only writer of a journal is the process that made it; whoever
//! holds its lock may read and remove it.

mod folder;
mod format;
mod handle;
mod mapping;
mod notes;
mod reader;
mod writer;

pub(crate) use folder::{FoundJournal, JournalFolder};
pub(crate) use reader::{JournalContents, JournaledCode, JournaledFile, SeenInContext, read};
pub(crate) use writer::{JournalWriter, OwnJournal};

use serde::{Deserialize, Serialize};

/// What a run was asked to do, as far as whoever merges its journal must know. Stands first in every journal.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RunHeader {
    /// Version of the interpreter that ran, as `3.13.0`.
    pub(crate) python: String,
    /// Whether steps between lines were recorded.
    pub(crate) branches: bool,
    /// Whether every edge was recorded.
    #[serde(default)]
    pub(crate) edges: bool,
    /// Whether evaluations of decisions were recorded.
    #[serde(default)]
    pub(crate) vectors: bool,
    /// The static context; empty for none.
    pub(crate) context: String,
    /// Folders and files whose code counts as missed when it never ran.
    pub(crate) source_folders: Vec<String>,
    /// Folders and files of the source packages: their code counts as missed if any of it ran.
    #[serde(default)]
    pub(crate) package_folders: Vec<String>,
    /// Whether folders without an `__init__.py` are packages, too.
    #[serde(default)]
    pub(crate) namespace_packages: bool,
    /// Whether the data file is to call files by names relative to `folder`.
    #[serde(default)]
    pub(crate) relative_files: bool,
    /// `--include` patterns, where they are still to be applied: the agent records without regard to patterns.
    #[serde(default)]
    pub(crate) include: Option<Vec<String>>,
    /// `--omit` patterns.
    pub(crate) omit: Vec<String>,
    /// The folder that relative patterns count from.
    pub(crate) folder: String,
    /// Tells the run, with all its processes, from others.
    #[serde(default)]
    pub(crate) run: String,
    /// Whether what a test did counts instead of what it did before.
    #[serde(default)]
    pub(crate) replaces: bool,
    /// Whether contexts follow tests, so that what tests depend on can be told.
    #[serde(default)]
    pub(crate) follows_tests: bool,
    /// Whether the process was started by the program.
    #[serde(default)]
    pub(crate) is_child: bool,
    /// `sys.path` before the program started: where packages are installed.
    #[serde(default)]
    pub(crate) search_path: Vec<String>,
}
