//! Writing a report to a file.
//!
//! Invariant: the file appears whole or not at all, and a name that leads elsewhere (a link) still leads there.

use std::fs::{self, File, Permissions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// How many links a name may lead through, as the kernel has it.
const MAX_LINKS: usize = 40;

/// Puts a file in place when it is complete, and makes the folders it needs. What is no ordinary file (a pipe,
/// `/dev/stdout`) is written to directly.
pub(super) fn write_whole(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    let path = &behind_links(path)?;
    let existing = fs::metadata(path).ok();
    if existing.as_ref().is_some_and(|existing| !existing.is_file()) {
        return write_to(&File::options().write(true).open(path)?, write);
    }
    let folder = path.parent().unwrap_or(Path::new("/"));
    fs::create_dir_all(folder).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => io::ErrorKind::NotADirectory.into(),
        _ => error,
    })?;
    let permissions = existing.as_ref().map_or_else(default_permissions, fs::Metadata::permissions);
    match tempfile::Builder::new().permissions(permissions.clone()).tempfile_in(folder) {
        Ok(file) => {
            write_to(file.as_file(), write)?;
            if existing.is_some() {
                // The umask had its share of those of a file that was there before.
                file.as_file().set_permissions(permissions)?;
            }
            file.persist(path)?;
            Ok(())
        }
        // A file that may be written in a folder that may not: it is touched once there is all to write.
        Err(error) if existing.is_some() && error.kind() == io::ErrorKind::PermissionDenied => {
            let mut target = File::options().write(true).open(path)?;
            let mut complete = tempfile::tempfile()?;
            write_to(&complete, write)?;
            io::Seek::rewind(&mut complete)?;
            target.set_len(0)?;
            io::copy(&mut complete, &mut target)?;
            Ok(())
        }
        Err(error) => Err(error),
    }
}

fn write_to(file: &File, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let mut buffered = BufWriter::with_capacity(1 << 16, file);
    write(&mut buffered)?;
    buffered.flush()
}

/// The file a name stands for, which need not exist.
fn behind_links(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_path_buf();
    for _ in 0..MAX_LINKS {
        let Ok(target) = fs::read_link(&path) else { return Ok(path) };
        path = path.parent().unwrap_or(Path::new("/")).join(target);
    }
    Err(io::Error::other("too many levels of symbolic links"))
}

/// What a file made by anybody else would have: the umask takes its share.
fn default_permissions() -> Permissions {
    Permissions::from_mode(0o666)
}
