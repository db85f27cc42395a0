//! Knowing a data file of ours by its first page, without SQLite, which takes longer to open a file than many programs run.
//!
//! Must not know: tables. Invariant: yes means that SQLite would open the file and find our tables, unless a later page is
//! damaged; no means nothing.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

use rusqlite::Connection;
use rustix::fs::{Access, access};

use super::{Fault, SIDE_FILES, SQLITE_MAGIC};

/// SQLite's `application_id`: "mcov". coverage.py neither sets nor reads it.
pub(super) const APPLICATION: u32 = 0x6d63_6f76;

/// Bytes before the first page's content, and the first of that (<https://sqlite.org/fileformat2.html>, sections 1.3, 1.6).
const HEAD: usize = 101;

/// What [`is_ours`] knows a file by. Runs within a write transaction; `version` is of all tables together.
pub(super) fn mark(connection: &Connection, version: u32) -> Result<(), Fault> {
    connection.pragma_update(None, "application_id", APPLICATION)?;
    connection.pragma_update(None, "user_version", version)?;
    Ok(())
}

/// Whether this is a data file that this version has written, whole and free to be written to.
pub(super) fn is_ours(path: &Path, version: u32) -> bool {
    read_head(path).is_ok_and(|(head, length)| {
        let number = |at: usize| head[at..].first_chunk().map_or(0, |bytes| u32::from_be_bytes(*bytes));
        // 1 stands for 65,536, which does not fit.
        let page_size = match head[16..].first_chunk().map_or(0, |bytes| u16::from_be_bytes(*bytes)) {
            1 => 65_536,
            size => u64::from(size),
        };
        head.starts_with(SQLITE_MAGIC)
            && number(68) == APPLICATION
            && number(60) == version
            && length == page_size * u64::from(number(28))
            // An inner or a leaf page of a table, which the list of tables is.
            && matches!(head[100], 0x05 | 0x0d)
    }) && is_free(path)
}

fn read_head(path: &Path) -> io::Result<([u8; HEAD], u64)> {
    let mut file = File::open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let mut head = [0; HEAD];
    file.read_exact(&mut head)?;
    Ok((head, metadata.len()))
}

/// Whether SQLite may write here, and no killed writer has left anything to roll back.
fn is_free(path: &Path) -> bool {
    let side_file = |suffix: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        fs::symlink_metadata(name).is_ok()
    };
    let folder = path.parent().unwrap_or(Path::new("/"));
    access(path, Access::WRITE_OK | Access::READ_OK).is_ok()
        && access(folder, Access::WRITE_OK | Access::EXEC_OK).is_ok()
        && !SIDE_FILES.iter().any(|suffix| side_file(suffix))
}
