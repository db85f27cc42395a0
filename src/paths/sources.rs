//! Reading source files, also those inside zip archives, as Python names the modules it imports from there:
//! `library.zip/package/module.py`.
//!
//! Must not know: what is in a source. Invariant: a path leads into an archive only where a file stands in the place of one
//! of its folders; what is a file itself is never looked for in an archive.

use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::path::Path;

use zip::ZipArchive;
use zip::result::ZipError;

/// Bytes of the longest source read from an archive, where a few bytes may unpack to any number.
const LARGEST: u64 = 256 << 20;

/// The text of a source file.
pub(crate) fn read_source(path: &Path) -> io::Result<Vec<u8>> {
    fs::read(path).or_else(|error| match in_archive(path) {
        Some((archive, member)) => read_member(archive, &member),
        None => Err(error),
    })
}

/// Both at once. The text is put into `buffer`, which only grows, so that one serves for many files.
pub(crate) fn source_and_metadata<'a>(
    path: &Path,
    buffer: &'a mut Vec<u8>,
) -> io::Result<(&'a [u8], Metadata)> {
    let Ok(mut file) = File::open(path) else {
        let metadata = source_metadata(path)?;
        *buffer = read_source(path)?;
        return Ok((buffer, metadata));
    };
    let metadata = file.metadata()?;
    let length = usize::try_from(metadata.len()).unwrap_or(usize::MAX);
    let mut end = 0;
    loop {
        if end >= buffer.len() {
            // One byte more than there should be, so that whatever else is there is seen.
            let more = length.saturating_add(1).max(2 * end) - buffer.len();
            buffer.try_reserve(more)?;
            buffer.resize(buffer.len() + more, 0);
        }
        match file.read(&mut buffer[end..]) {
            Ok(0) => break,
            Ok(count) => end += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => (),
            Err(error) => return Err(error),
        }
        if end == length && end < buffer.len() {
            break;
        }
    }
    Ok((&buffer[..end], metadata))
}

/// What the file system knows of a source file; of one in an archive, what it knows of the archive.
pub(crate) fn source_metadata(path: &Path) -> io::Result<Metadata> {
    fs::metadata(path).or_else(|error| match in_archive(path) {
        Some((archive, _)) => fs::metadata(archive),
        None => Err(error),
    })
}

/// The archive that a path leads into, and the name its member has there.
fn in_archive(path: &Path) -> Option<(&Path, String)> {
    // Asked once where there is no archive: only a path through a file fails like this.
    let leads_through_file =
        fs::symlink_metadata(path).is_err_and(|error| error.kind() == io::ErrorKind::NotADirectory);
    let archive = path.ancestors().skip(1).filter(|_| leads_through_file).find(|folder| folder.is_file())?;
    let member = path.strip_prefix(archive).ok()?.to_str()?.to_owned();
    Some((archive, member))
}

fn read_member(archive: &Path, member: &str) -> io::Result<Vec<u8>> {
    let of_zip = |error: ZipError| match error {
        ZipError::Io(error) => error,
        other => io::Error::new(io::ErrorKind::InvalidData, other),
    };
    let mut archive = ZipArchive::new(File::open(archive)?).map_err(of_zip)?;
    let mut text = Vec::new();
    archive.by_name(member).map_err(of_zip)?.take(LARGEST + 1).read_to_end(&mut text)?;
    if text.len() as u64 > LARGEST {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "it is too large for a source"));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use zip::ZipWriter;
    use zip::write::SimpleFileOptions;

    use super::*;

    #[test]
    fn members_of_archives_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("library.zip");
        let mut archive = ZipWriter::new(File::create(&path).unwrap());
        archive.start_file("package/module.py", SimpleFileOptions::default()).unwrap();
        archive.write_all(b"a = 1\n").unwrap();
        archive.finish().unwrap();
        let module = path.join("package/module.py");
        assert_eq!(read_source(&module).unwrap(), b"a = 1\n");
        assert_eq!(source_metadata(&module).unwrap().len(), fs::metadata(&path).unwrap().len());
        let mut buffer = Vec::new();
        let mut both = |path: &Path| {
            source_and_metadata(path, &mut buffer).map(|(text, metadata)| (text.to_vec(), metadata.len()))
        };
        let bytes = fs::read(&path).unwrap();
        for _ in 0..2 {
            assert_eq!(both(&path).unwrap(), (bytes.clone(), bytes.len() as u64));
            assert_eq!(both(&module).unwrap(), (b"a = 1\n".to_vec(), bytes.len() as u64));
        }
        let empty = folder.path().join("empty.py");
        fs::write(&empty, b"").unwrap();
        assert_eq!(both(&empty).unwrap(), (Vec::new(), 0));
        assert!(read_source(&path.join("package/other.py")).is_err());
        assert_eq!(read_source(&folder.path().join("none.py")).unwrap_err().kind(), io::ErrorKind::NotFound);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_file_that_tells_no_length_is_read_to_its_end() {
        let path = Path::new("/proc/self/environ");
        assert_eq!(source_and_metadata(path, &mut Vec::new()).unwrap().0, fs::read(path).unwrap());
    }

    #[test]
    fn what_is_no_archive_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("library.zip");
        fs::write(&path, b"PK\x05\x06 but no archive").unwrap();
        assert!(read_source(&path.join("module.py")).is_err());
    }
}
