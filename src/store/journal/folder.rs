//! The folder that holds the journals of one data file, and who may take them.
//!
//! Must not know: records. Invariant: a journal whose lock can be had belongs to a process that is gone.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use rustix::fs::{FlockOperation, flock};

use super::format::{HEADER_LENGTH, header};
use crate::model::JournalError;

/// What is appended to the data file's name. Ends in `-journal` because `coverage combine` passes such names over; not
/// `-journal` alone because that is SQLite's own.
const SUFFIX: &str = ".minicov-journal";
/// Kept in the folder so that a version control system leaves it alone.
const IGNORE_FILE: &str = ".gitignore";

/// The folder beside a data file. It exists only while there are journals.
#[derive(Clone, Debug)]
pub(crate) struct JournalFolder {
    path: PathBuf,
}

/// A journal whose process is gone. Nobody else can take it while this value lives.
#[derive(Debug)]
pub(crate) struct Orphan {
    pub(crate) path: PathBuf,
    /// Holds the lock.
    file: File,
}

impl JournalFolder {
    /// The folder for `data_file` (an absolute path).
    pub(crate) fn beside(data_file: &Path) -> Self {
        let mut path = data_file.as_os_str().to_owned();
        path.push(SUFFIX);
        Self { path: path.into() }
    }

    /// Makes a new, locked, empty journal, and tells the header it must begin with.
    pub(super) fn create_journal(&self) -> Result<(PathBuf, File, [u8; HEADER_LENGTH]), JournalError> {
        self.try_create().map_err(|error| {
            JournalError(format!("couldn't create a journal in {}: {error}", self.path.display()))
        })
    }

    fn try_create(&self) -> io::Result<(PathBuf, File, [u8; HEADER_LENGTH])> {
        let process = std::process::id();
        let started = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |age| age.as_nanos() as u64);
        let path = self.path.join(format!("{process}-{started:x}.journal"));
        let options = {
            let mut options = OpenOptions::new();
            options.read(true).write(true).create_new(true);
            options
        };
        // A process that ends at this moment removes the folder when it was the last: so make it again.
        let file = loop {
            match options.open(&path) {
                Ok(file) => {
                    // Before it is locked, a collector may take it for an orphan and remove it: then make it again.
                    flock(&file, FlockOperation::LockExclusive)?;
                    if path.exists() {
                        break file;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => self.create_folder()?,
                Err(error) => return Err(error),
            }
        };
        Ok((path, file, header(process, started)))
    }

    fn create_folder(&self) -> io::Result<()> {
        match fs::create_dir(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            Ok(()) | Err(_) => (),
        }
        File::create(self.path.join(IGNORE_FILE))?.write_all(b"*\n")
    }

    /// The journals of processes that are gone, oldest name first.
    pub(crate) fn orphans(&self) -> io::Result<Vec<Orphan>> {
        let mut orphans = Vec::new();
        for path in self.journals()? {
            let Ok(file) = File::open(&path) else { continue };
            // Its owner, or another collector, may have removed it between opening and locking; under the lock it stays.
            if flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok() && path.exists() {
                orphans.push(Orphan { path, file });
            }
        }
        Ok(orphans)
    }

    fn journals(&self) -> io::Result<Vec<PathBuf>> {
        let entries = match fs::read_dir(&self.path) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut paths = entries
            .map(|entry| Ok(entry?.path()))
            .filter(|path| {
                path.as_ref()
                    .map_or(true, |path| path.extension().is_some_and(|extension| extension == "journal"))
            })
            .collect::<io::Result<Vec<_>>>()?;
        paths.sort();
        Ok(paths)
    }

    /// Removes the folder if no journal is left in it.
    pub(crate) fn tidy(&self) {
        if self.journals().is_ok_and(|journals| journals.is_empty()) {
            // Whoever creates a journal meanwhile finds the ignore file or the folder gone, and makes them again.
            let _ = fs::remove_file(self.path.join(IGNORE_FILE));
            let _ = fs::remove_dir(&self.path);
        }
    }

    /// Removes every journal of processes that are gone: `minicov erase`.
    pub(crate) fn erase(&self) -> io::Result<()> {
        for orphan in self.orphans()? {
            orphan.remove()?;
        }
        self.tidy();
        Ok(())
    }
}

impl Orphan {
    /// The journal's bytes.
    pub(crate) fn bytes(&self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        (&self.file).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// Removes the journal, when its contents are in the data file.
    pub(crate) fn remove(self) -> io::Result<()> {
        fs::remove_file(&self.path)
    }
}
