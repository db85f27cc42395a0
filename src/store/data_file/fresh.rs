//! Making a data file where there is none: in memory first, and then in its place at once.
//!
//! SQLite writes a new file page by page, with a journal beside it that nobody will ever need. A file that appears whole
//! needs neither locks nor a journal, and its arcs, of which there are more than of anything else, can be laid into it in their
//! order. Must not know: what is in a batch. Invariant: whoever looks finds no data file or all of it; a file that somebody else
//! has made meanwhile stays.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::fd::AsRawFd;
use std::path::Path;

use rusqlite::serialize::Data;
use rusqlite::{Connection, MAIN_DB};
use rustix::fs::{AtFlags, CWD, Mode, OFlags, linkat, openat};

use super::index_pages::IndexPages;
use super::schema::{self, Tables};
use super::{Batch, DataFile, Fault, SIDE_FILES, merge, set_rules};

/// Asks for a file without a name, where there are such files.
#[cfg(target_os = "linux")]
const UNNAMED: Option<OFlags> = Some(OFlags::TMPFILE);
#[cfg(not(target_os = "linux"))]
const UNNAMED: Option<OFlags> = None;

/// So many arcs are laid out in memory at most, up to 44 bytes each. A larger file takes SQLite long anyway.
const MOST_ROWS: usize = 1 << 20;

/// Bytes of a page of a new database (`SQLITE_DEFAULT_PAGE_SIZE`).
const PAGE_SIZE: usize = 4096;

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
        write(batch, |parts| file.appear(path, parts)).is_ok_and(|made| made)
    }
}

/// Hands `put` the bytes of a database with a batch in it, in parts, if they can be laid out. Tells whether they were put.
pub(super) fn write(batch: &Batch, put: impl FnOnce([&[u8]; 2]) -> io::Result<()>) -> Result<bool, Fault> {
    let mut connection = Connection::open_in_memory()?;
    set_rules(&connection)?;
    let transaction = connection.transaction()?;
    schema::ensure(&transaction, Tables::default())?;
    let mut arcs = IndexPages::new(PAGE_SIZE);
    merge::add_all(&transaction, batch, &mut arcs)?;
    let root = schema::first_page_of_arcs(&transaction)?;
    transaction.commit()?;
    let Data::Owned(mut database) = connection.serialize(MAIN_DB)? else { return Ok(false) };
    let Some(pages) = arcs.complete(&mut database, root) else { return Ok(false) };
    Ok(put([&database, &pages]).is_ok())
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
    fn appear(mut self, path: &Path, parts: [&[u8]; 2]) -> io::Result<()> {
        for part in parts {
            self.0.write_all(part)?;
        }
        let unnamed = format!("/proc/self/fd/{}", self.0.as_raw_fd());
        Ok(linkat(CWD, unnamed, CWD, path, AtFlags::SYMLINK_FOLLOW)?)
    }
}
