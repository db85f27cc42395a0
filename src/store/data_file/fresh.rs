//! Making a data file where there is none: in memory first, and then in its place at once.
//!
//! SQLite writes a new file page by page, with a journal beside it that nobody will ever need. A file that appears whole
//! needs neither locks nor a journal, and its rows, which are all known, can be laid into it in their order. Must not know: what
//! is in a batch. Invariant: whoever looks finds no data file or all of it; a file that somebody else has made meanwhile stays.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::fd::AsRawFd;
use std::path::Path;

use rusqlite::{Connection, MAIN_DB};
use rustix::fs::{AtFlags, CWD, Mode, OFlags, linkat, openat};

use super::{Batch, DataFile, Fault, SIDE_FILES, needs, new_database, set_rules};

/// Asks for a file without a name, where there are such files.
#[cfg(target_os = "linux")]
const UNNAMED: Option<OFlags> = Some(OFlags::TMPFILE);
#[cfg(not(target_os = "linux"))]
const UNNAMED: Option<OFlags> = None;

/// Of so many arcs at most, up to 44 bytes each, a file is laid out in memory. A larger one takes SQLite long anyway.
const MOST_ROWS: usize = 1 << 20;

/// As SQLite has them, before the process's mask.
const PERMISSIONS: Mode = Mode::from_raw_mode(0o644);

impl DataFile {
    /// Makes a data file with a batch in it. Tells whether that was done: not where there is a file already, nor where the file
    /// system cannot have a file appear whole, nor where anything goes wrong; then [`update`](Self::update) does, or says what it
    /// is.
    pub(crate) fn create(path: &Path, batch: &Batch) -> bool {
        // Most files are there already.
        if fs::symlink_metadata(path).is_ok() || batch.most_arcs() > MOST_ROWS {
            return false;
        }
        let Ok(file) = Unnamed::beside(path) else { return false };
        database(batch).is_ok_and(|database| database.is_some_and(|bytes| file.appear(path, &bytes).is_ok()))
    }
}

/// The bytes of a database with a batch in it, if they can be laid out.
pub(super) fn database(batch: &Batch) -> Result<Option<Vec<u8>>, Fault> {
    let Some(bytes) = new_database::of_batch(batch) else { return Ok(None) };
    if batch.tests.is_empty() {
        return Ok(Some(bytes));
    }
    // What tests depend on is little beside what they did.
    let mut connection = Connection::open_in_memory()?;
    connection.deserialize_read_exact(MAIN_DB, bytes.as_slice(), bytes.len(), false)?;
    set_rules(&connection)?;
    let transaction = connection.transaction()?;
    needs::add(&transaction, &batch.tests)?;
    transaction.commit()?;
    let data = connection.serialize(MAIN_DB)?;
    Ok(Some(data.to_vec()))
}

/// A file without a name, which goes with the process if it never gets one.
struct Unnamed(File);

impl Unnamed {
    fn beside(path: &Path) -> io::Result<Self> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        // What a killed writer left behind would be taken for this file's, and played into it.
        for suffix in SIDE_FILES {
            let mut name = path.as_os_str().to_owned();
            name.push(suffix);
            if fs::symlink_metadata(name).is_ok() {
                return Err(io::ErrorKind::AlreadyExists.into());
            }
        }
        let Some(unnamed) = UNNAMED else { return Err(io::ErrorKind::Unsupported.into()) };
        let flags = unnamed | OFlags::WRONLY | OFlags::CLOEXEC;
        Ok(Self(openat(CWD, folder, flags, PERMISSIONS)?.into()))
    }

    /// Gets a name, unless there is a file of that name.
    fn appear(mut self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes)?;
        let unnamed = format!("/proc/self/fd/{}", self.0.as_raw_fd());
        Ok(linkat(CWD, unnamed, CWD, path, AtFlags::SYMLINK_FOLLOW)?)
    }
}
