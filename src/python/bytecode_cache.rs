//! What the interpreter compiled before: `.pyc` files in `__pycache__` (PEP 3147), which need no interpreter to be read.
//!
//! Must not know: what is done with the shapes. Invariant: a shape is the same as
//! [`compile`](super::compile) would make of the text; where that is not sure, there is none.

use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::bytecode;
use crate::model::CodeShape;

/// `importlib.util.MAGIC_NUMBER` of the linked Python, in hexadecimal digits: tells which bytecode it is.
const MAGIC: &str = env!("MINICOV_BUILD_PYTHON_MAGIC");
/// `sys.implementation.cache_tag`.
const TAG: &str = env!("MINICOV_BUILD_PYTHON_CACHE_TAG");

/// Bytes before the code object: magic, flags, modification time and size of the source (PEP 552).
const HEADER: usize = 16;

/// The code object that this Python cached for `source`, a file of `size` bytes; none where there is none that is sure to
/// be of the text that is there now, or where Python was told to leave columns out (`-X no_debug_ranges`).
pub(crate) fn cached_code(source: &Path, size: usize) -> Option<CodeShape> {
    let (folder, stem) = (source.parent()?, source.file_stem()?.to_str()?);
    let path = folder.join("__pycache__").join(format!("{stem}.{TAG}.pyc"));
    let (written, changed) = (fs::metadata(&path).ok()?, fs::metadata(source).ok()?);
    let bytes = fs::read(&path).ok()?;
    let (header, code) = bytes.split_at_checked(HEADER)?;
    is_current(header, size, &changed, &written).then_some(())?;
    bytecode::unmarshal(code).ok().filter(bytecode::has_columns)
}

/// Whether the header is that of a cache for the source as it is, and was written in a later second than the source:
/// within one second the source may have changed once more and look the same.
fn is_current(header: &[u8], size: usize, source: &Metadata, written: &Metadata) -> bool {
    let word = |at: usize| -> [u8; 4] { [header[at], header[at + 1], header[at + 2], header[at + 3]] };
    let magic = u32::from_str_radix(MAGIC, 16).unwrap_or_default().to_be_bytes();
    word(0) == magic
        // By time stamp, not by a hash that would have to be computed.
        && word(4) == [0; 4]
        // The header has the lower 32 bits of either.
        && word(8) == (source.mtime().cast_unsigned() as u32).to_le_bytes()
        && word(12) == (size as u32).to_le_bytes()
        && source.size() == size as u64
        && written.mtime() > source.mtime()
}
