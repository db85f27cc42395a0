//! The bytes of a journal, version 1. All numbers are little-endian; everything starts on a multiple of 8.
//!
//! ```text
//! header    "MINICOVJ"  version: u32  process: u32  started: u64 (ns since the epoch)  zeros up to 64 bytes
//! record    kind: u32   length of the payload in bytes: u32   payload, padded with zeros to a multiple of 8
//! ```
//!
//! A record's first 8 bytes are stored after its payload. So where they are zero, nothing follows: either nothing was
//! written there yet, or the writer was killed on the way.
//!
//! | kind | name | payload |
//! |---|---|---|
//! | 1 | padding | skipped: the rest of a mapped segment |
//! | 2 | settings | [`RunHeader`](super::RunHeader) as JSON |
//! | 3 | file | number: u32, 0: u32, modified: i64 (ns since the epoch), size: u64, path: UTF-8 |
//! | 4 | line | file number: u32, line: u32 |
//! | 5 | code | number: u32, file number: u32, first line: i32, flags: u32, then four times a length: u32 and as many bytes, padded: qualified name, `co_code`, `co_linetable`, `co_exceptiontable` |
//! | 6 | edge | code number: u32, from: u32, to: u32 (offsets in bytes; to `0xffff_ffff` for leaving), 0: u32 |
//! | 7 | arc | file number: u32, from: i32, to: i32, 0: u32 |
//! | 10 | vector | file number: u32, the decision's line, column, end line, end column: u32 each, conditions: u32, a byte for each (0: not evaluated or not tested, 1: false, 2: true), one for the outcome |
//! | 8 | text | file number: u32, 0: u32, SHA-256 of the file's text: 32 bytes |
//! | 11 | context | number: u32, 0: u32, label: UTF-8 |
//! | 12 | switch | number of a context, or 0 for none: u32, 0: u32: what follows was seen there |
//! | 20 | use | number: u32 ([`Use::numbered`](crate::model::Use)), 0: u32, name: UTF-8: something besides code was used in the context of what follows |
//! | 21 | inheritance | context number: u32, 0: u32: what that context has set up was used in the present one |
//! | 9 | package | name: UTF-8: a module of a package that was asked for by name ran |
//!
//! Readers skip kinds they do not know; a change that old readers would misread takes a new version.

pub(super) const MAGIC: &[u8; 8] = b"MINICOVJ";
pub(super) const VERSION: u32 = 1;
pub(super) const HEADER_LENGTH: usize = 64;
pub(super) const RECORD_HEADER_LENGTH: usize = 8;

pub(super) const KIND_PADDING: u32 = 1;
pub(super) const KIND_SETTINGS: u32 = 2;
pub(super) const KIND_FILE: u32 = 3;
pub(super) const KIND_LINE: u32 = 4;
pub(super) const KIND_CODE: u32 = 5;
pub(super) const KIND_EDGE: u32 = 6;
pub(super) const KIND_ARC: u32 = 7;
pub(super) const KIND_VECTOR: u32 = 10;
pub(super) const KIND_TEXT: u32 = 8;
pub(super) const KIND_PACKAGE: u32 = 9;
pub(super) const KIND_CONTEXT: u32 = 11;
pub(super) const KIND_SWITCH: u32 = 12;
pub(super) const KIND_USE: u32 = 20;
pub(super) const KIND_INHERITANCE: u32 = 21;

/// The first 8 bytes of a record as one number, so that they can be stored at once.
pub(super) fn record_header(kind: u32, length: u32) -> u64 {
    u64::from(kind) | (u64::from(length) << 32)
}

/// Kind and payload length of a record.
pub(super) fn split_header(header: u64) -> (u32, usize) {
    (header as u32, (header >> 32) as usize)
}

/// `length` rounded up to a multiple of 8.
pub(super) fn padded(length: usize) -> usize {
    length.next_multiple_of(8)
}

/// The header of a journal that `process` starts at `started` (nanoseconds since the epoch).
pub(super) fn header(process: u32, started: u64) -> [u8; HEADER_LENGTH] {
    let mut bytes = [0; HEADER_LENGTH];
    bytes[..8].copy_from_slice(MAGIC);
    bytes[8..12].copy_from_slice(&VERSION.to_le_bytes());
    bytes[12..16].copy_from_slice(&process.to_le_bytes());
    bytes[16..24].copy_from_slice(&started.to_le_bytes());
    bytes
}
