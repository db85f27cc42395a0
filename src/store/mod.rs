//! What outlives a process: the data file, an SQLite database in coverage.py's schema with tables of our own beside it.
//!
//! Must not know: Python, hooks, reports, terminals. Sole owner of `rusqlite`.
//! Invariant: a data file that was good stays good, whatever error or death interrupts a write.
//! Start reading in [`data_file`].

mod data_file;
mod journal;

pub(crate) use data_file::{
    Batch, BatchCode, BatchFile, DataFile, FactsKey, Fault, MovedFile, StoreError, erase, patience, sqlite,
};
pub(crate) use journal::{
    FoundJournal, JournalContents, JournalFolder, JournalWriter, JournaledCode, JournaledFile, OwnJournal,
    RunHeader, SeenInContext, read as read_journal,
};
