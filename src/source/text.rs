//! From a source file's bytes to the text whose lines CPython numbers.
//!
//! Must not know: patterns, syntax. Invariant: `\n` is the only line end in the text, and the text is empty or ends with
//! one.

use encoding_rs::Encoding;
use sha2::{Digest, Sha256};

use crate::model::{LineNo, SourceHash};

use super::SourceError;

const UTF8_BOM: &[u8] = b"\xef\xbb\xbf";

/// Names of ISO 8859-1, in [`normal_name`] form. Listed because the web's encoding labels, which `encoding_rs` follows,
/// mean windows-1252 by them, and Python does not.
const LATIN_1: [&str; 11] = [
    "latin-1",
    "latin1",
    "latin",
    "l1",
    "iso-8859-1",
    "iso8859-1",
    "iso8859",
    "8859",
    "cp819",
    "iso-ir-100",
    "ibm819",
];
/// Names of ASCII, likewise.
const ASCII: [&str; 6] = ["ascii", "us-ascii", "646", "us", "iso646-us", "ansi-x3.4-1968"];
/// Names of UTF-8, likewise.
const UTF_8: [&str; 6] = ["utf-8", "utf8", "u8", "utf", "cp65001", "utf-8-sig"];

/// The hash that tells whether a file's text is the one that ran.
pub(crate) fn hash(bytes: &[u8]) -> SourceHash {
    Sha256::digest(bytes).into()
}

/// Decodes a source file as CPython does (PEP 263), with the changes coverage.py makes before it counts lines (7.17.3,
/// `python.py`, `get_python_source`): CRLF and CR become LF, and the last line gets its line end.
///
/// Where coverage.py would lose sight of the program that ran, it is not followed. A byte that cannot be decoded is an
/// error, as it is for CPython, and not replaced. Form feeds stay: after one CPython counts the indent anew, so making
/// them spaces can change the program or break it.
pub(crate) fn decode(bytes: &[u8]) -> Result<String, SourceError> {
    let bytes = normalise(bytes);
    let (bytes, has_bom) = match bytes.strip_prefix(UTF8_BOM) {
        Some(rest) => (rest, true),
        None => (bytes.as_slice(), false),
    };
    let name = cookie(bytes);
    let is_utf8 = name.as_deref().is_none_or(|name| UTF_8.contains(&normal_name(name).as_str()));
    let mut text = match name {
        Some(name) if !is_utf8 && has_bom => return Err(SourceError::EncodingConflict { name }),
        Some(name) if !is_utf8 => decode_as(&name, bytes)?,
        Some(_) | None => {
            let text = std::str::from_utf8(bytes);
            text.map_err(|_| SourceError::Undecodable { encoding: "utf-8".to_owned() })?.to_owned()
        }
    };
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    Ok(text)
}

/// How many lines Python's `str.splitlines` finds in `text`: it knows more line ends than its tokenizer does. Form feeds do
/// not count, because coverage.py has none in its texts.
pub(super) fn count_lines(text: &str) -> LineNo {
    let is_line_end = |char: char| {
        matches!(char, '\n' | '\r' | '\x0b' | '\x1c'..='\x1e' | '\u{85}' | '\u{2028}' | '\u{2029}')
    };
    let ends = text.chars().filter(|char| is_line_end(*char)).count() - text.matches("\r\n").count();
    let is_open = text.chars().next_back().is_some_and(|last| !is_line_end(last));
    (ends + usize::from(is_open)) as LineNo
}

fn normalise(bytes: &[u8]) -> Vec<u8> {
    let mut normal = Vec::with_capacity(bytes.len() + 1);
    let mut rest = bytes.iter().copied().peekable();
    while let Some(byte) = rest.next() {
        normal.push(match byte {
            b'\r' => {
                rest.next_if_eq(&b'\n');
                b'\n'
            }
            other => other,
        });
    }
    normal
}

/// The encoding a comment in the first two lines names. The second line counts only below a blank or comment line.
fn cookie(bytes: &[u8]) -> Option<String> {
    let mut lines = bytes.split(|byte| *byte == b'\n');
    let first = lines.next()?;
    if let Some(name) = cookie_in_line(first) {
        return Some(name);
    }
    let code = first.iter().find(|byte| !matches!(byte, b' ' | b'\t' | b'\x0c'));
    match code {
        None | Some(b'#') => cookie_in_line(lines.next()?),
        Some(_) => None,
    }
}

/// Finds what `^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)` does (PEP 263).
fn cookie_in_line(line: &[u8]) -> Option<String> {
    let comment = line.trim_ascii_start().strip_prefix(b"#")?;
    let name = (0..comment.len()).find_map(|at| {
        let name = comment[at..].strip_prefix(b"coding")?;
        let name = name.strip_prefix(b":").or_else(|| name.strip_prefix(b"="))?;
        let start = name.iter().position(|byte| !matches!(byte, b' ' | b'\t'))?;
        let name = &name[start..];
        let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        let end = name.iter().position(|byte| !is_part(byte)).unwrap_or(name.len());
        (end > 0).then(|| &name[..end])
    })?;
    Some(String::from_utf8_lossy(name).into_owned())
}

/// Lower case with hyphens, as codec names compare in Python (`encodings.normalize_encoding`), without the line-end suffix
/// that editors write (`latin-1-unix`; CPython 3.13, `Parser/tokenizer/helpers.c`, `get_normal_name`).
fn normal_name(name: &str) -> String {
    let name = name.to_ascii_lowercase().replace('_', "-");
    for known in ["utf-8", "latin-1", "iso-8859-1", "iso-latin-1"] {
        if name.strip_prefix(known).is_some_and(|rest| rest.starts_with('-')) && name != "utf-8-sig" {
            return known.replace("iso-latin", "latin");
        }
    }
    name
}

fn decode_as(name: &str, bytes: &[u8]) -> Result<String, SourceError> {
    let normal = normal_name(name);
    if LATIN_1.contains(&normal.as_str()) {
        return Ok(bytes.iter().copied().map(char::from).collect());
    }
    let undecodable = || SourceError::Undecodable { encoding: name.to_owned() };
    if ASCII.contains(&normal.as_str()) {
        return match std::str::from_utf8(bytes) {
            Ok(text) if text.is_ascii() => Ok(text.to_owned()),
            Ok(_) | Err(_) => Err(undecodable()),
        };
    }
    let encoding = encoding(&normal).ok_or_else(|| SourceError::UnknownEncoding { name: name.to_owned() })?;
    let text = encoding.decode_without_bom_handling_and_without_replacement(bytes).ok_or_else(undecodable)?;
    Ok(text.into_owned())
}

/// The encoding of a normal name under any of its spellings, if source code can be in it.
fn encoding(name: &str) -> Option<&'static Encoding> {
    let windows = name.strip_prefix("cp").map(|page| format!("windows-{page}"));
    let iso = name.strip_prefix("iso8859-").map(|part| format!("iso-8859-{part}"));
    let joined = name.replace('-', "_");
    let bare = name.replace('-', "");
    [Some(name.to_owned()), windows, iso, Some(joined), Some(bare)]
        .into_iter()
        .flatten()
        .find_map(|label| Encoding::for_label_no_replacement(label.as_bytes()))
        .filter(|encoding| encoding.is_ascii_compatible())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(bytes: &[u8], text: &str) {
        assert_eq!(decode(bytes).as_deref(), Ok(text));
    }

    #[test]
    fn line_ends_are_line_feeds() {
        check(b"a\r\nb\rc\n\r\nd", "a\nb\nc\n\nd\n");
        check(b"\x0cx\n", "\x0cx\n");
        check(b"", "");
    }

    #[test]
    fn cookies_are_pep_263s() {
        check(b"# -*- coding: latin-1 -*-\n'\x80\xe9'\n", "# -*- coding: latin-1 -*-\n'\u{80}é'\n");
        check(b"# coding=cp1252\n'\x80'\n", "# coding=cp1252\n'€'\n");
        check(b"\n# vim: set fileencoding=koi8_r :\n'\xc1'\n", "\n# vim: set fileencoding=koi8_r :\n'а'\n");
        check(b"# coding: iso8859-15\n'\xa4'\n", "# coding: iso8859-15\n'€'\n");
        check(b"# coding: euc_jp\n'\xa4\xa2'\n", "# coding: euc_jp\n'あ'\n");
        check(b"# encoding: shift-jis\n'\x82\xa0'\n", "# encoding: shift-jis\n'あ'\n");
        check(b"# coding: utf-8-unix\n'\xc3\xa9'\n", "# coding: utf-8-unix\n'é'\n");
        // Not a cookie: code stands above it, or it is too far down.
        check(b"x = 1\n# coding: nonsense\n", "x = 1\n# coding: nonsense\n");
        check(b"\n\n# coding: nonsense\n", "\n\n# coding: nonsense\n");
    }

    #[test]
    fn a_byte_order_mark_goes() {
        check(b"\xef\xbb\xbfx = 1\n", "x = 1\n");
        check(b"\xef\xbb\xbf# coding: utf-8\n", "# coding: utf-8\n");
        let conflict = SourceError::EncodingConflict { name: "latin-1".to_owned() };
        assert_eq!(decode(b"\xef\xbb\xbf# coding: latin-1\n"), Err(conflict));
    }

    #[test]
    fn bad_encodings_have_names() {
        let unknown = |name: &str| Err(SourceError::UnknownEncoding { name: name.to_owned() });
        assert_eq!(decode(b"# coding: nonsense\n"), unknown("nonsense"));
        assert_eq!(decode(b"# coding: utf-16\n"), unknown("utf-16"));
        let undecodable = |encoding: &str| Err(SourceError::Undecodable { encoding: encoding.to_owned() });
        assert_eq!(decode(b"'\xe9'\n"), undecodable("utf-8"));
        assert_eq!(decode(b"# coding: ascii\n'\xe9'\n"), undecodable("ascii"));
        assert_eq!(decode(b"# coding: euc-jp\n'\xff'\n"), undecodable("euc-jp"));
    }

    #[test]
    fn lines_are_counted_as_splitlines_does() {
        for (text, lines) in
            [("", 0), ("a", 1), ("a\n", 1), ("a\n\n", 2), ("a\r\nb\rc", 3), ("a\x0bb\u{2028}\x1d", 3)]
        {
            assert_eq!(count_lines(text), lines, "{text:?}");
        }
    }

    #[test]
    fn hashes_are_sha_256() {
        assert_eq!(hash(b"abc")[..4], [0xba, 0x78, 0x16, 0xbf]);
        assert_eq!(hash(b"abc")[28..], [0xf2, 0x00, 0x15, 0xad]);
    }
}
