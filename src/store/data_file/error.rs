//! What can be wrong with a data file.
//!
//! Invariant: every failure names the file, and no failure is a panic; SQLite's codes become words here and nowhere
//! else.

use std::io;
use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

use super::lock_holder;
use super::schema::SCHEMA_VERSION;

/// A data file that can't be used.
#[derive(Debug, thiserror::Error)]
#[error("couldn't use data file '{}': {fault}", path.display())]
pub(crate) struct StoreError {
    pub(crate) path: PathBuf,
    pub(crate) fault: Fault,
}

/// Why a data file can't be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    /// No file, or one without any table: nothing was ever recorded.
    #[error("it doesn't exist")]
    Absent,
    /// A folder, a pipe, a device.
    #[error("it is not a regular file")]
    NotAFile,
    #[error("its folder doesn't exist")]
    NoFolder,
    #[error("it is not an SQLite file")]
    NotSqlite,
    /// An SQLite file of somebody else.
    #[error("it isn't a coverage data file")]
    NotCoverage,
    #[error("wrong schema: {found} instead of {SCHEMA_VERSION}")]
    OtherSchema { found: i64 },
    /// Our own tables are of a later version.
    #[error("minicov's tables in it are of format {found}, and this minicov reads formats up to {newest}")]
    OtherFormat { found: String, newest: usize },
    /// SQLite finds its own structures damaged.
    #[error("it is damaged: {detail}")]
    Corrupt { detail: String },
    /// Sound SQLite, but not what the schema promises: wrong types, missing tables, oversized values.
    #[error("it holds what no data file holds: {detail}")]
    Malformed { detail: String },
    #[error("it is locked by {}", lock_holder::describe(.holder.as_deref()))]
    Locked { holder: Option<String> },
    #[error("it can't be written: the file or its folder is read-only")]
    ReadOnly,
    #[error("the disk is full")]
    DiskFull,
    /// SQLite couldn't open the file, or its journal beside it.
    #[error("{source}")]
    CannotOpen { source: rusqlite::Error },
    #[error("{0}")]
    Io(io::Error),
    #[error("{0}")]
    Sqlite(rusqlite::Error),
}

impl Fault {
    /// Names the file, and for a lock the process that holds it.
    pub(super) fn at(self, path: &Path) -> StoreError {
        let fault = match self {
            Self::Locked { holder: None } => Self::Locked { holder: lock_holder::find(path) },
            other => other,
        };
        StoreError { path: path.to_owned(), fault }
    }

    pub(super) fn of_io(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound => Self::Absent,
            io::ErrorKind::IsADirectory => Self::NotAFile,
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::DiskFull,
            io::ErrorKind::ReadOnlyFilesystem => Self::ReadOnly,
            _ => Self::Io(error),
        }
    }

    pub(super) fn malformed(detail: impl Into<String>) -> Self {
        Self::Malformed { detail: detail.into() }
    }
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        let Some(code) = error.sqlite_error_code() else {
            return match error {
                rusqlite::Error::NulError(_) | rusqlite::Error::InvalidPath(_) => {
                    Self::CannotOpen { source: error }
                }
                // What remains without a code: a value not of the type its column promises, or not UTF-8.
                _ => Self::malformed(error.to_string()),
            };
        };
        match code {
            ErrorCode::NotADatabase => Self::NotSqlite,
            ErrorCode::DatabaseCorrupt => Self::Corrupt { detail: error.to_string() },
            ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => Self::Locked { holder: None },
            ErrorCode::ReadOnly | ErrorCode::PermissionDenied => Self::ReadOnly,
            ErrorCode::DiskFull => Self::DiskFull,
            ErrorCode::CannotOpen => Self::CannotOpen { source: error },
            // `Unknown` is SQLITE_ERROR: no such table or column, since our statements are sound.
            ErrorCode::TooBig
            | ErrorCode::TypeMismatch
            | ErrorCode::ConstraintViolation
            | ErrorCode::Unknown => Self::malformed(error.to_string()),
            _ => Self::Sqlite(error),
        }
    }
}
