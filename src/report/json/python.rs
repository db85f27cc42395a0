//! JSON as Python's `json.dump` writes it by default: blanks after separators, nothing but printable ASCII, and floats
//! in the spelling of `repr`. And times in the spelling of `isoformat`.

use std::io::{self, Write};

use chrono::{DateTime, FixedOffset, Timelike};
use serde::Serialize;
use serde_json::ser::{Formatter, PrettyFormatter, Serializer};

/// Writes the document without a final newline; `pretty` is `indent=4`.
pub(in crate::report) fn dump(
    document: &impl Serialize,
    pretty: bool,
    out: &mut dyn Write,
) -> io::Result<()> {
    if pretty {
        let layout = Pretty(PrettyFormatter::with_indent(b"    "));
        document.serialize(&mut Serializer::with_formatter(out, layout))?;
    } else {
        document.serialize(&mut Serializer::with_formatter(out, Compact))?;
    }
    Ok(())
}

struct Compact;

impl Formatter for Compact {
    fn begin_array_value<W: ?Sized + Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        writer.write_all(if first { b"" } else { b", " })
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        writer.write_all(if first { b"" } else { b", " })
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(b": ")
    }

    fn write_f64<W: ?Sized + Write>(&mut self, writer: &mut W, value: f64) -> io::Result<()> {
        writer.write_all(repr(value).as_bytes())
    }

    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        write_ascii(writer, fragment)
    }
}

/// Layout is serde_json's, which is Python's; values are Python's.
struct Pretty(PrettyFormatter<'static>);

impl Formatter for Pretty {
    fn begin_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_array(writer)
    }

    fn end_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_array(writer)
    }

    fn begin_array_value<W: ?Sized + Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_array_value(writer, first)
    }

    fn end_array_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_array_value(writer)
    }

    fn begin_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_object(writer)
    }

    fn end_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_object(writer)
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_object_key(writer, first)
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_object_value(writer)
    }

    fn end_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_object_value(writer)
    }

    fn write_f64<W: ?Sized + Write>(&mut self, writer: &mut W, value: f64) -> io::Result<()> {
        Compact.write_f64(writer, value)
    }

    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        Compact.write_string_fragment(writer, fragment)
    }
}

/// Python's `repr` of a finite float. Both languages print the shortest digits that read back the same, and both turn to
/// exponents below 1e-4 and from 1e16; only the exponent is spelled otherwise: `1e-05`, `1e+16`.
fn repr(value: f64) -> String {
    let text = format!("{value:?}");
    match text.split_once('e') {
        Some((digits, exponent)) => match exponent.strip_prefix('-') {
            Some(exponent) => format!("{digits}e-{exponent:0>2}"),
            None => format!("{digits}e+{exponent:0>2}"),
        },
        None => text,
    }
}

/// Python's `datetime.now().isoformat()`: no zone, and no fraction when there are no microseconds.
pub(super) fn isoformat(time: DateTime<FixedOffset>) -> String {
    let whole = time.nanosecond() < 1_000;
    time.format(if whole { "%Y-%m-%dT%H:%M:%S" } else { "%Y-%m-%dT%H:%M:%S%.6f" }).to_string()
}

/// Text between the characters serde_json escapes by itself; those beyond printable ASCII become UTF-16 escapes.
fn write_ascii<W: ?Sized + Write>(writer: &mut W, fragment: &str) -> io::Result<()> {
    let mut rest = fragment;
    while let Some(start) = rest.find(|c| !(' '..='~').contains(&c)) {
        let (plain, other) = rest.split_at(start);
        writer.write_all(plain.as_bytes())?;
        let end = other.find(|c| (' '..='~').contains(&c)).unwrap_or(other.len());
        let (foreign, after) = other.split_at(end);
        for unit in foreign.encode_utf16() {
            write!(writer, "\\u{unit:04x}")?;
        }
        rest = after;
    }
    writer.write_all(rest.as_bytes())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn dumps(document: &impl Serialize, pretty: bool) -> String {
        let mut bytes = Vec::new();
        dump(document, pretty, &mut bytes).unwrap();
        assert!(bytes.is_ascii());
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn floats_are_pythons_repr() {
        for (value, text) in [
            (0.0, "0.0"),
            (100.0, "100.0"),
            (71.428_571_428_571_43, "71.42857142857143"),
            (100.0 / 3.0, "33.333333333333336"),
            (0.0001, "0.0001"),
            (0.00005, "5e-05"),
            (1.5e-7, "1.5e-07"),
            (1e16, "1e+16"),
            (1.25e-300, "1.25e-300"),
        ] {
            assert_eq!(repr(value), text);
        }
    }

    #[test]
    fn times_are_pythons_isoformat() {
        for (time, text) in [
            ("1970-01-01T00:00:00Z", "1970-01-01T00:00:00"),
            ("1969-12-31T23:59:59.999999999Z", "1969-12-31T23:59:59.999999"),
            ("2000-03-01T00:59:59.000001+01:00", "2000-03-01T00:59:59.000001"),
            ("2024-12-31T18:59:59.000000999-05:00", "2024-12-31T18:59:59"),
        ] {
            assert_eq!(isoformat(DateTime::parse_from_rfc3339(time).unwrap()), text);
        }
    }

    #[test]
    fn text_is_ascii() {
        // json.dumps("…") of Python 3.13 for each.
        for (text, json) in [
            ("plain", r#""plain""#),
            ("é😀ж", r#""\u00e9\ud83d\ude00\u0436""#),
            ("a\"b\\c/\n\t\r\u{8}\u{c}\u{1f}\u{7f}", r#""a\"b\\c/\n\t\r\b\f\u001f\u007f""#),
            ("\u{2028}x\u{ffff}", r#""\u2028x\uffff""#),
        ] {
            assert_eq!(dumps(&text, false), json);
            assert_eq!(dumps(&text, true), json);
        }
    }

    #[test]
    fn layout_is_pythons() {
        let document = BTreeMap::from([("a", vec![1, 2]), ("b", vec![])]);
        assert_eq!(dumps(&document, false), r#"{"a": [1, 2], "b": []}"#);
        assert_eq!(
            dumps(&document, true),
            "{\n    \"a\": [\n        1,\n        2\n    ],\n    \"b\": []\n}"
        );
        assert_eq!(dumps(&BTreeMap::<&str, u8>::new(), true), "{}");
    }
}
