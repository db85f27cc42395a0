//! What the outcome of a test depends on.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::Fingerprint;

/// One thing that a test depends on, as it was when the test ran.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Dependency {
    pub(crate) kind: DependencyKind,
    /// A path, from the project's folder where it is below; of a variable, its name.
    pub(crate) name: String,
    /// Of code, the block's name; else empty.
    pub(crate) block: String,
    pub(crate) fingerprint: Fingerprint,
}

/// The fingerprint of what is not there.
pub(crate) const ABSENT: Fingerprint = [0; 16];

/// The fingerprint of what was not known when the test ran; nothing has it.
pub(crate) const UNKNOWN: Fingerprint = [0xff; 16];

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum DependencyKind {
    /// A function of which the test ran a line.
    Function,
    /// Code that runs once for all who import its module, or outside any test.
    Shared,
    /// A file's docstrings.
    Docstrings,
    /// A file's text, because code looks at lines.
    Text,
    /// A file that was opened.
    File,
    /// The names in a folder that was listed.
    Folder,
    /// A program that was started.
    Program,
    /// An environment variable's value.
    Variable,
    /// The Python version.
    Python,
    /// The packages installed in a folder, with their versions.
    Packages,
    /// A configuration file.
    Settings,
    /// The test failed, or was never seen to end.
    Failure,
}

impl DependencyKind {
    /// Every kind with its number in data files, which never changes.
    pub(crate) const ALL: [(i64, Self); 12] = [
        (1, Self::Function),
        (2, Self::Shared),
        (3, Self::Docstrings),
        (4, Self::Text),
        (5, Self::File),
        (6, Self::Folder),
        (7, Self::Program),
        (8, Self::Variable),
        (9, Self::Python),
        (10, Self::Packages),
        (11, Self::Settings),
        (12, Self::Failure),
    ];

    /// As JSON calls it.
    pub(crate) fn slug(self) -> &'static str {
        match self {
            Self::Function => "function",
            Self::Shared => "shared",
            Self::Docstrings => "docstrings",
            Self::Text => "text",
            Self::File => "file",
            Self::Folder => "folder",
            Self::Program => "program",
            Self::Variable => "variable",
            Self::Python => "python",
            Self::Packages => "packages",
            Self::Settings => "settings",
            Self::Failure => "failure",
        }
    }

    pub(crate) fn number(self) -> i64 {
        Self::ALL.iter().find(|(_, kind)| *kind == self).map_or(0, |(number, _)| *number)
    }

    pub(crate) fn of_number(number: i64) -> Option<Self> {
        Self::ALL.iter().find(|(known, _)| *known == number).map(|(_, kind)| *kind)
    }
}

/// Dependencies that tests have in common.
pub(crate) type DependencySet = Arc<BTreeSet<Dependency>>;

/// What one test depends on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct TestNeeds {
    /// Its id.
    pub(crate) test: String,
    /// The run that it was recorded in: what other processes of that run add is added, what a later run says counts instead.
    pub(crate) run: String,
    /// What it did itself.
    pub(crate) own: DependencySet,
    /// What it shares with others.
    pub(crate) shared: Vec<DependencySet>,
}

impl TestNeeds {
    pub(crate) fn sets(&self) -> impl Iterator<Item = &DependencySet> {
        std::iter::once(&self.own).chain(&self.shared)
    }
}

/// What a process did in a context besides running code.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Use {
    /// Opened a file for reading: its absolute path.
    Opened(String),
    /// Listed a folder.
    Listed(String),
    /// Started a program.
    Started(String),
    /// Read an environment variable: its name.
    Read(String),
    /// Used what another context has set up: that context's label.
    Inherited(String),
    /// A test failed.
    Failed,
    /// A test began.
    Begun,
    /// A test came to its end.
    Ended,
}

impl Use {
    /// The same with its path, if it has one, as `map` has it.
    pub(crate) fn map_path(self, map: impl Fn(&str) -> String) -> Self {
        match self {
            Self::Opened(path) => Self::Opened(map(&path)),
            Self::Listed(path) => Self::Listed(map(&path)),
            Self::Started(path) => Self::Started(map(&path)),
            Self::Read(_) | Self::Failed | Self::Begun | Self::Ended | Self::Inherited(_) => self,
        }
    }

    /// The number that stands for it in journals, and its name. What was inherited is no text there.
    pub(crate) fn numbered(&self) -> (u32, &str) {
        match self {
            Self::Opened(path) => (1, path),
            Self::Listed(path) => (2, path),
            Self::Started(path) => (3, path),
            Self::Read(name) => (4, name),
            Self::Failed => (5, ""),
            Self::Begun => (6, ""),
            Self::Ended => (7, ""),
            Self::Inherited(label) => (8, label),
        }
    }

    /// What a number and a name in a journal stand for.
    pub(crate) fn of_number(number: u32, name: String) -> Option<Self> {
        match number {
            1 => Some(Self::Opened(name)),
            2 => Some(Self::Listed(name)),
            3 => Some(Self::Started(name)),
            4 => Some(Self::Read(name)),
            5 => Some(Self::Failed),
            6 => Some(Self::Begun),
            7 => Some(Self::Ended),
            8 => Some(Self::Inherited(name)),
            _ => None,
        }
    }
}
