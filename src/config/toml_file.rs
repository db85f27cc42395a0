//! TOML files, with the line of each key and value.
//!
//! Must not know: which tables mean anything. Invariant: what Python's `tomllib` refuses is refused, by the `toml` crate.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::document::{Document, Entry, Located, Raw, Section, Syntax, SyntaxError};

/// Reads a whole file.
pub(super) fn parse(text: &str) -> Result<Document, SyntaxError> {
    let lines = Lines::of(text);
    let root = DeTable::parse(text).map_err(|error| SyntaxError {
        line: lines.at(&error.span().unwrap_or_default()),
        reason: error.message().lines().collect::<Vec<_>>().join(" "),
    })?;
    let mut sections = Vec::new();
    collect(&lines, "", 1, root.get_ref(), &mut sections);
    Ok(Document { syntax: Syntax::Toml, sections })
}

/// Makes a section of a table and of each table in it, by dotted names.
fn collect(lines: &Lines, name: &str, line: u32, table: &DeTable<'_>, sections: &mut Vec<Section>) {
    sections.push(Section { name: name.to_owned(), line, entries: entries(lines, table) });
    for (key, value) in table {
        if let DeValue::Table(inner) = value.get_ref() {
            let name =
                if name.is_empty() { key.get_ref().to_string() } else { format!("{name}.{}", key.get_ref()) };
            collect(lines, &name, lines.at(&key.span()), inner, sections);
        }
    }
}

fn entries(lines: &Lines, table: &DeTable<'_>) -> Vec<Entry> {
    table
        .iter()
        .map(|(key, value)| Entry {
            key: key.get_ref().to_string(),
            line: lines.at(&key.span()),
            raw: raw(lines, value.get_ref()),
        })
        .collect()
}

fn raw(lines: &Lines, value: &DeValue<'_>) -> Raw {
    let located = |item: &Spanned<DeValue<'_>>| Located {
        line: lines.at(&item.span()),
        item: raw(lines, item.get_ref()),
    };
    match value {
        DeValue::String(text) => Raw::Text(text.to_string()),
        // Larger numbers than 64 bits hold are nothing that any setting takes.
        DeValue::Integer(number) => {
            i64::from_str_radix(number.as_str(), number.radix()).map_or(Raw::Other, Raw::Integer)
        }
        DeValue::Float(number) => number.as_str().parse().map_or(Raw::Other, Raw::Float),
        DeValue::Boolean(on) => Raw::Switch(*on),
        DeValue::Datetime(_) => Raw::Other,
        DeValue::Array(items) => Raw::Array(items.iter().map(located).collect()),
        DeValue::Table(table) => Raw::Table(entries(lines, table)),
    }
}

/// Where the lines of a text end.
struct Lines(Vec<usize>);

impl Lines {
    fn of(text: &str) -> Self {
        Self(text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at).collect())
    }

    /// The line that a span begins in.
    fn at(&self, span: &Range<usize>) -> u32 {
        self.0.partition_point(|end| *end < span.start) as u32 + 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_sections_with_lines() {
        let text = "[tool.coverage.run]\nbranch = true\nomit = [\n  'a',\n  'b']\n[tool.coverage.paths]\nz = ['q']\na = ['r']\n";
        let document = parse(text).unwrap();
        let run = document.section("tool.coverage.run").unwrap();
        assert_eq!(run.entry("branch").unwrap().line, 2);
        let Raw::Array(items) = &run.entry("omit").unwrap().raw else { panic!("{run:?}") };
        assert_eq!(items.iter().map(|item| item.line).collect::<Vec<_>>(), [4, 5]);
        let paths = document.section("tool.coverage.paths").unwrap();
        assert_eq!(paths.entries.iter().map(|entry| entry.key.as_str()).collect::<Vec<_>>(), ["z", "a"]);
        assert_eq!(parse("a = 1\nb = \n").unwrap_err().line, 2);
    }
}
