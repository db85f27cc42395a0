//! The journal's own file descriptor, in a process whose program may close any descriptor and open files of its own.
//!
//! Must not know: records. Invariant: what is not the journal is never read, written or closed: before each use the
//! descriptor is compared with the file it was opened for.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::io::fcntl_dupfd_cloexec;

/// Where descriptors of the program's own are unlikely to be, and low enough for the usual limit of 1024.
const HIGH_DESCRIPTOR: i32 = 512;

/// A journal's file, open for reading and writing.
pub(super) struct JournalHandle {
    /// `None` after a failure to open it again.
    file: Option<File>,
    device: u64,
    inode: u64,
}

impl JournalHandle {
    /// Takes over a file that was just opened, and moves it out of the way of the program's descriptors.
    pub(super) fn new(file: File) -> io::Result<Self> {
        let metadata = file.metadata()?;
        // Where the limit is too low, the descriptor stays where it is.
        let file = fcntl_dupfd_cloexec(&file, HIGH_DESCRIPTOR).map_or(file, File::from);
        Ok(Self { file: Some(file), device: metadata.dev(), inode: metadata.ino() })
    }

    /// The file; opened again by its path if the program has closed the descriptor.
    pub(super) fn file(&mut self, path: &Path) -> io::Result<&File> {
        let file = match self.file.take() {
            Some(file) if self.is_ours(&file) => file,
            other => {
                forget(other);
                let file = OpenOptions::new().read(true).write(true).open(path)?;
                if !self.is_ours(&file) {
                    return Err(io::Error::new(io::ErrorKind::NotFound, "the journal was removed"));
                }
                // The lock is still held: it goes with the first opening, which the mapped segments keep alive.
                file
            }
        };
        Ok(self.file.insert(file))
    }

    /// Whether the file has no name any more, or can't be asked: what it holds goes with this process.
    pub(super) fn is_removed(&mut self, path: &Path) -> bool {
        self.file(path).and_then(File::metadata).map_or(true, |metadata| metadata.nlink() == 0)
    }

    fn is_ours(&self, file: &File) -> bool {
        file.metadata().is_ok_and(|metadata| metadata.dev() == self.device && metadata.ino() == self.inode)
    }
}

impl Drop for JournalHandle {
    fn drop(&mut self) {
        match self.file.take() {
            Some(file) if self.is_ours(&file) => drop(file),
            other => forget(other),
        }
    }
}

/// Lets go of a descriptor without closing it: its number belongs to the program by now.
fn forget(file: Option<File>) {
    std::mem::forget(file);
}
