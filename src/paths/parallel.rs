//! The names of data files that one run each writes, to be combined later (coverage 7.17.3, `data.py` and `sqldata.py`:
//! `.coverage.HOST.pidN.XabcdefX`).
//!
//! Must not know: what is in data files. Invariant: no two runs get the same name. coverage.py adds a hash of the contents,
//! by which it takes files for copies of each other; ours have none, so that none can be taken so.

use std::fs;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::path::{Path, PathBuf};

const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
/// As many letters as coverage.py takes.
const RANDOM_LETTERS: usize = 6;

/// A new name beside `data_file`.
pub(crate) fn parallel_file(data_file: &Path) -> PathBuf {
    let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host = host.trim().replace('.', "_");
    // Each `RandomState` has keys of its own, which the operating system's randomness goes into.
    let mut random = RandomState::new().build_hasher().finish();
    let mut letters = String::new();
    for _ in 0..RANDOM_LETTERS {
        letters.push(char::from(LETTERS[(random % LETTERS.len() as u64) as usize]));
        random /= LETTERS.len() as u64;
    }
    let mut name = data_file.as_os_str().to_owned();
    name.push(format!(".{host}.pid{}.X{letters}x", std::process::id()));
    PathBuf::from(name)
}

/// The files there are beside `data_file` whose names go on from its own, in order.
pub(crate) fn parallel_files(data_file: &Path) -> Vec<PathBuf> {
    let (Some(folder), Some(name)) = (data_file.parent(), data_file.file_name()) else { return Vec::new() };
    let start = format!("{}.", name.to_string_lossy());
    let mut found: Vec<PathBuf> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(&start))
        .map(|entry| entry.path())
        .filter(|path| path.is_file())
        .collect();
    found.sort();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_run_has_a_name_that_combining_finds() {
        let folder = tempfile::tempdir().unwrap();
        let data_file = folder.path().join(".coverage");
        let (one, other) = (parallel_file(&data_file), parallel_file(&data_file));
        assert_ne!(one, other);
        for path in [&one, &other, &data_file, &folder.path().join(".coveragerc")] {
            fs::write(path, "").unwrap();
        }
        fs::create_dir(folder.path().join(".coverage.minicov-journal")).unwrap();
        let mut expected = vec![one, other];
        expected.sort();
        assert_eq!(parallel_files(&data_file), expected);
    }
}
