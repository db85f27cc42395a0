//! The folder that holds the journals of one data file, and who may take them.
//!
//! Must not know: records. Invariant: a journal whose lock can be had belongs to a process that is gone.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rustix::fs::{FlockOperation, OFlags, flock};
use rustix::io::{Errno, retry_on_intr};

use super::format::{HEADER_LENGTH, header};
use crate::model::JournalError;

/// What is appended to the data file's name. Ends in `-journal` because `coverage combine` passes such names over; not
/// `-journal` alone because that is SQLite's own.
const SUFFIX: &str = ".minicov-journal";
/// Kept in the folder so that a version control system leaves it alone.
const IGNORE_FILE: &str = ".gitignore";
const BOOTSTRAP: &str = "bootstrap";

/// The folder beside a data file. It exists only while there are journals.
#[derive(Clone, Debug)]
pub(crate) struct JournalFolder {
    path: PathBuf,
}

/// How long to pause before asking again whose turn it is.
const PAUSE: Duration = Duration::from_millis(3);

/// A journal whose process is gone. Nobody else can take it while this value lives.
#[derive(Debug)]
pub(crate) struct Orphan {
    pub(crate) path: PathBuf,
    /// Holds the lock.
    file: File,
}

/// A journal as it was found in the folder.
#[derive(Debug)]
pub(crate) enum FoundJournal {
    Orphan(Orphan),
    /// Its process is writing to it, or another one is merging it: to be read, and left where it is.
    Live {
        path: PathBuf,
        file: File,
    },
}

/// Whoever has it merges; others who want to wait for it.
#[derive(Debug)]
pub(crate) struct Turn {
    /// Holds the lock on the folder.
    _folder: File,
}

impl JournalFolder {
    /// The folder for `data_file` (an absolute path).
    pub(crate) fn beside(data_file: &Path) -> Self {
        let mut path = data_file.as_os_str().to_owned();
        path.push(SUFFIX);
        Self { path: path.into() }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether there is no such folder: nothing waits, and nothing is left to tidy up.
    pub(crate) fn is_absent(&self) -> bool {
        fs::symlink_metadata(&self.path).is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
    }

    /// Where the bootstrap of child processes stands.
    pub(crate) fn bootstrap(&self) -> PathBuf {
        self.path.join(BOOTSTRAP)
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
                    retry_on_intr(|| flock(&file, FlockOperation::LockExclusive))?;
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
        match File::create(self.path.join(IGNORE_FILE)) {
            Ok(mut file) => file.write_all(b"*\n"),
            // Removed again already.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Opens the journal at `path`; `None` where it is gone meanwhile.
    pub(crate) fn open(path: &Path) -> io::Result<Option<FoundJournal>> {
        // Not to wait for a writer, should somebody have put a pipe there.
        let opened =
            OpenOptions::new().read(true).custom_flags(OFlags::NONBLOCK.bits().cast_signed()).open(path);
        let file = match opened {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        if !file.metadata()?.is_file() {
            return Ok(None);
        }
        let locked = retry_on_intr(|| flock(&file, FlockOperation::NonBlockingLockExclusive)).is_ok();
        // Its owner, or another collector, may have removed it between opening and locking; under the lock it stays.
        Ok(path.exists().then(|| {
            let path = path.to_path_buf();
            if locked {
                FoundJournal::Orphan(Orphan { path, file })
            } else {
                FoundJournal::Live { path, file }
            }
        }))
    }

    /// Waits until nobody else merges, so that many processes which end together do not get into each other's way. A
    /// courtesy, no lock on the data file: `None` where that takes longer than `patience`, or the folder can't be locked.
    pub(crate) fn turn(&self, patience: Duration) -> Option<Turn> {
        let folder = File::open(&self.path).ok()?;
        let end = Instant::now() + patience;
        loop {
            match retry_on_intr(|| flock(&folder, FlockOperation::NonBlockingLockExclusive)) {
                Ok(()) => return Some(Turn { _folder: folder }),
                Err(Errno::WOULDBLOCK) if Instant::now() < end => thread::sleep(PAUSE),
                Err(_) => return None,
            }
        }
    }

    /// Where the journals are, in the order of their names.
    pub(crate) fn journals(&self) -> io::Result<Vec<PathBuf>> {
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
            let _ = fs::remove_dir_all(self.bootstrap());
            let _ = fs::remove_dir(&self.path);
        }
    }

    /// Removes every journal of processes that are gone: `minicov erase`.
    pub(crate) fn erase(&self) -> io::Result<()> {
        for path in self.journals()? {
            match Self::open(&path)? {
                Some(FoundJournal::Orphan(orphan)) => orphan.remove()?,
                Some(FoundJournal::Live { .. }) | None => (),
            }
        }
        self.tidy();
        Ok(())
    }
}

impl FoundJournal {
    pub(crate) fn path(&self) -> &Path {
        match self {
            Self::Orphan(orphan) => &orphan.path,
            Self::Live { path, .. } => path,
        }
    }

    /// The journal's bytes.
    pub(crate) fn bytes(&self) -> io::Result<Vec<u8>> {
        let mut file = match self {
            Self::Orphan(orphan) => &orphan.file,
            Self::Live { file, .. } => file,
        };
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(bytes)
    }
}

impl Orphan {
    /// Removes the journal, when its contents are in the data file.
    pub(crate) fn remove(self) -> io::Result<()> {
        fs::remove_file(&self.path)
    }
}
