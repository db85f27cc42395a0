//! Who holds the lock on a data file.
//!
//! Invariant: only ever adds to a message; where the system does not tell (`/proc/locks` is Linux's), nothing is said.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// The process that holds a lock on the file: its number and, if it can be read, its name.
pub(super) fn find(path: &Path) -> Option<String> {
    let inode = fs::metadata(path).ok()?.ino();
    let process = holder_in(&fs::read_to_string("/proc/locks").ok()?, inode)?;
    let name = fs::read_to_string(format!("/proc/{process}/comm")).ok();
    Some(match name {
        Some(name) => format!("process {process} ({})", name.trim_end()),
        None => format!("process {process}"),
    })
}

/// The words for a holder that may be unknown.
pub(super) fn describe(holder: Option<&str>) -> &str {
    holder.unwrap_or("another process")
}

/// Lines read `1: POSIX ADVISORY WRITE <process> <major>:<minor>:<inode> <first> <last>` (proc_locks(5)); waiting
/// processes have a `->` before the type.
fn holder_in(locks: &str, inode: u64) -> Option<u32> {
    locks.lines().find_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let [_, kind, _, _, process, file, ..] = fields[..] else { return None };
        let (_, locked) = file.rsplit_once(':')?;
        (kind == "POSIX" && locked.parse() == Ok(inode)).then(|| process.parse().ok())?
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_kernels_table() {
        let locks = "1: POSIX  ADVISORY  READ  17 fd:01:99 0 EOF\n\
                     2: POSIX  ADVISORY  WRITE 4242 fd:01:1234 1073741824 1073742335\n\
                     2: -> POSIX  ADVISORY  WRITE 5 fd:01:77 0 EOF\n\
                     3: FLOCK  ADVISORY  WRITE 6 00:19:55 0 EOF\nnonsense\n";
        assert_eq!(holder_in(locks, 1234), Some(4242));
        assert_eq!(holder_in(locks, 77), None);
        assert_eq!(holder_in(locks, 55), None);
    }
}
