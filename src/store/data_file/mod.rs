//! The data file (`.coverage`): open, create, erase.
//!
//! Reading goes through [`DataFile::open`], writing through [`DataFile::update`], or [`DataFile::create`] where there is none; the
//! verbs are in `merge`, `moves`, `read`, `edges`, `vectors`, `needs` and `facts_cache`, the tables in `schema`.
//!
//! Must not know: where the data comes from or what is reported.
//! Invariant: every write is one transaction. SQLite's rollback journal stays on, so that a killed writer's half is
//! rolled back by the next opener; only `synchronous` is off, which gives up power loss alone and saves the milliseconds
//! an fsync takes.

mod b_trees;
mod batch;
mod contents;
mod edge_contexts;
mod edge_sets;
mod edges;
mod error;
mod facts_cache;
mod fresh;
mod image;
mod lock_holder;
mod merge;
mod moves;
mod needs;
mod new_database;
mod pairs;
mod quick_check;
mod read;
mod rows;
mod schema;
mod vectors;

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::limits::Limit;
use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};
use rustix::fs::{Access, access};

pub(crate) use batch::{Batch, BatchCode, BatchFile};
pub(crate) use error::{Fault, StoreError};
pub(crate) use facts_cache::FactsKey;
pub(crate) use moves::MovedFile;
pub(crate) use vectors::Vectors;

use schema::{LinesAs, Tables};

use crate::env_vars;

/// How long to wait for another process that is writing, where the environment does not say.
const PATIENCE: Duration = Duration::from_secs(5);

/// The largest value read from or written to a data file, in bytes. The largest honest one is the cached analysis of a
/// huge generated file; more is refused by SQLite before it is loaded.
const MAX_VALUE: i32 = 64 << 20;

/// What SQLite adds to the file's name for files of its own.
const SIDE_FILES: [&str; 3] = ["-journal", "-wal", "-shm"];

/// The first bytes of every SQLite 3 file (<https://sqlite.org/fileformat2.html>, section 1.3).
const SQLITE_MAGIC: &[u8; 16] = b"SQLite format 3\0";

/// How long to wait for another process that is writing.
pub(crate) fn patience() -> Duration {
    let asked = env_vars::LOCK_TIMEOUT.get().and_then(|text| text.to_str()?.parse().ok());
    asked.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()).unwrap_or(PATIENCE)
}

/// An open data file.
pub(crate) struct DataFile {
    path: PathBuf,
    connection: Connection,
    /// The tables there were when the file was opened or last written by us.
    tables: Tables,
    /// The state of the file in which they were found.
    state: schema::State,
}

impl DataFile {
    /// Opens an existing data file for reading: coverage.py's or ours.
    pub(crate) fn open(path: &Path) -> Result<Self, StoreError> {
        let opened = match fs::metadata(path) {
            // A process that died while creating the file leaves it empty.
            Ok(metadata) if metadata.is_file() && metadata.len() == 0 => Err(Fault::Absent),
            // Not opened read-only: a reader, too, must be able to roll back what a killed writer left half-done.
            Ok(_) => Self::connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE, patience()),
            Err(error) => Err(Fault::of_io(error)),
        };
        opened
            .and_then(|file| {
                if !file.tables.any() {
                    return Err(Fault::Absent);
                }
                file.connection.pragma_update(None, "query_only", true)?;
                Ok(file)
            })
            .map_err(|fault| fault.at(path))
    }

    /// Opens the data file for writing, and creates it when there is none.
    pub(crate) fn update(path: &Path) -> Result<Self, StoreError> {
        Self::update_within(path, patience())
    }

    /// As [`update`](Self::update), but fails at once where another process is writing: for what can wait for next time.
    pub(crate) fn update_unless_busy(path: &Path) -> Result<Self, StoreError> {
        Self::update_within(path, Duration::ZERO)
    }

    fn update_within(path: &Path, patience: Duration) -> Result<Self, StoreError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
        let opened = Self::connect(path, flags, patience).and_then(|file| {
            // SQLite opens what it may not write for reading, without a word.
            if file.connection.is_readonly(rusqlite::MAIN_DB)? {
                return Err(Fault::ReadOnly);
            }
            file.connection.pragma_update(None, "synchronous", false)?;
            Ok(file)
        });
        opened.map_err(|fault| fault.at(path))
    }

    /// Whether a run can hope to write to the data file when it has ended; asked without waiting or creating anything.
    pub(crate) fn check(path: &Path) -> Result<(), StoreError> {
        let checked = match fs::metadata(path) {
            Ok(_) if quick_check::is_ours(path, schema::ALL_TABLES) => Ok(()),
            Ok(_) => Self::update_within(path, Duration::ZERO).map(drop).or_else(|error| match error.fault {
                // By the end of the run it may be free.
                Fault::Locked { .. } => Ok(()),
                fault => Err(fault),
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => match path.parent() {
                Some(folder) if !folder.is_dir() => Err(Fault::NoFolder),
                // SQLite has files of its own beside it for a while.
                Some(folder) => {
                    access(folder, Access::WRITE_OK | Access::EXEC_OK).map_err(|_| Fault::ReadOnly)
                }
                None => Err(Fault::NotAFile),
            },
            Err(error) => Err(Fault::of_io(error)),
        };
        checked.map_err(|fault| fault.at(path))
    }

    fn connect(path: &Path, flags: OpenFlags, patience: Duration) -> Result<Self, Fault> {
        // An absolute path is never taken for SQLite's special names (`:memory:`, `file:…`).
        let absolute = std::path::absolute(path).map_err(Fault::of_io)?;
        // SQLite would wait on a pipe, and write to a device.
        if fs::metadata(&absolute).is_ok_and(|metadata| !metadata.is_file()) {
            return Err(Fault::NotAFile);
        }
        let connection = Connection::open_with_flags(&absolute, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)
            .map_err(|error| explain_refusal(&absolute, error))?;
        connection.busy_timeout(patience)?;
        // The file may come from anywhere: its schema must not run functions, nor damage itself.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
        set_rules(&connection)?;
        // One transaction, so that the file is locked once.
        let transaction = connection.unchecked_transaction()?;
        let tables = schema::check(&transaction)?;
        let state = schema::state(&transaction)?;
        transaction.commit()?;
        Ok(Self { path: path.to_owned(), connection, tables, state })
    }

    /// Runs `work`, which only reads, in one transaction, so that a writer in between can't give it halves of two states.
    fn read<T>(
        &mut self,
        work: impl FnOnce(&mut Connection, Tables) -> Result<T, Fault>,
    ) -> Result<T, StoreError> {
        // Not one of rusqlite's, which hands on a connection that may not be serialized.
        let begun = self.connection.execute_batch("BEGIN").map_err(Fault::from);
        let done = begun.and_then(|()| {
            let done = work(&mut self.connection, self.tables);
            self.connection.execute_batch("COMMIT")?;
            done
        });
        done.map_err(|fault| fault.at(&self.path))
    }

    /// Runs `work` in one transaction, in a file that has all tables. When it fails, nothing has changed.
    fn write<T>(&mut self, work: impl FnOnce(&Transaction) -> Result<T, Fault>) -> Result<T, StoreError> {
        let (tables, state) = (&mut self.tables, &mut self.state);
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate);
        let written = transaction.map_err(Fault::from).and_then(|transaction| {
            // Another process may have created or erased the tables since we opened the file.
            let present = schema::state(&transaction)?;
            let found = if present == *state { *tables } else { schema::check(&transaction)? };
            let ensured = schema::ensure(&transaction, found)?;
            let result = work(&transaction)?;
            transaction.commit()?;
            (*tables, *state) = (ensured, present);
            Ok(result)
        });
        written.map_err(|fault| fault.at(&self.path))
    }
}

/// What holds of every connection.
fn set_rules(connection: &Connection) -> Result<(), Fault> {
    connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, MAX_VALUE)?;
    // A plan depends on no value, so that no other value has a statement compiled again.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    // As in coverage.py: rows that refer to nothing are ignored, not refused.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_FKEY, false)?;
    Ok(())
}

/// SQLite's version, and the options it was compiled with.
pub(crate) fn sqlite() -> Result<(String, Vec<String>), StoreError> {
    let ask = || -> Result<Vec<String>, Fault> {
        let connection = Connection::open_in_memory()?;
        let mut statement = connection.prepare("PRAGMA compile_options")?;
        let options = statement.query_map((), |row| row.get(0))?.collect::<Result<_, _>>()?;
        Ok(options)
    };
    let options = ask().map_err(|fault| fault.at(Path::new(":memory:")))?;
    Ok((rusqlite::version().to_owned(), options))
}

/// Removes a data file; tells whether there was one. Refuses to remove what is not SQLite's, so that a mistyped name
/// costs nobody a source file.
pub(crate) fn erase(path: &Path) -> Result<bool, StoreError> {
    let erased = remove(path);
    erased.map_err(|fault| fault.at(path))
}

fn remove(path: &Path) -> Result<bool, Fault> {
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_file() => {}
        Ok(_) => return Err(Fault::NotAFile),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(Fault::of_io(error)),
    }
    let mut magic = Vec::new();
    let file = fs::File::open(path).map_err(Fault::of_io)?;
    file.take(SQLITE_MAGIC.len() as u64).read_to_end(&mut magic).map_err(Fault::of_io)?;
    if !magic.is_empty() && magic != SQLITE_MAGIC {
        return Err(Fault::NotSqlite);
    }
    // The database goes first: SQLite discards a journal without one, but would play it into a database without a head.
    fs::remove_file(path).map_err(Fault::of_io)?;
    for suffix in SIDE_FILES {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        let side_file = Path::new(&name);
        if side_file.is_file() {
            fs::remove_file(side_file).map_err(Fault::of_io)?;
        }
    }
    Ok(true)
}

/// SQLite only says that it couldn't open a file; the file system knows more.
fn explain_refusal(path: &Path, error: rusqlite::Error) -> Fault {
    let fault = Fault::from(error);
    if !matches!(fault, Fault::CannotOpen { .. }) {
        return fault;
    }
    match path.parent() {
        Some(folder) if !folder.is_dir() => Fault::NoFolder,
        Some(_) | None if !path.exists() => Fault::ReadOnly,
        Some(_) | None => match fs::OpenOptions::new().read(true).open(path) {
            Ok(_) => fault,
            Err(error) => Fault::of_io(error),
        },
    }
}

#[cfg(test)]
mod tests;
