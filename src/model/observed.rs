//! What was seen while programs ran, by kind of event and never by metric (DESIGN idea 5), and the one interface through
//! which a tracer hands it on.

use std::collections::BTreeMap;
use std::path::Path;

use super::{LineNo, LineSet};

/// SHA-256 of a source file's bytes.
pub(crate) type SourceHash = [u8; 32];

/// A file's modification time and size when its code first ran: tells at merge time whether the text is still the one
/// that ran.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct FileStamp {
    /// Nanoseconds since the epoch.
    pub(crate) modified: i64,
    /// Bytes.
    pub(crate) size: u64,
}

/// What was seen of one file, as read back from the data file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct MeasuredFile {
    /// Hash of the source text that ran, where minicov recorded the data.
    pub(crate) source: Option<SourceHash>,
    /// Lines that ran, in any selected context; raw, not yet first lines.
    pub(crate) lines: LineSet,
}

/// Everything a data file holds that reports need: files by absolute path.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Observed {
    pub(crate) files: BTreeMap<String, MeasuredFile>,
}

/// Why a journal takes no more records.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub(crate) struct JournalError(pub(crate) String);

/// Where a tracer puts what it sees. Every call is first-hit work: the tracer never reports the same thing twice within
/// a context. A record is safe from SIGKILL once the call has returned.
pub(crate) trait Journal: Send + Sync {
    /// States a source file; the number stands for it in later records.
    fn file(&self, path: &Path, stamp: FileStamp) -> Result<u32, JournalError>;

    /// `line` of `file` ran.
    fn line(&self, file: u32, line: LineNo) -> Result<(), JournalError>;
}
