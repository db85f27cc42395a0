//! A file of justifications: conditions that no test shows, with who says so, when and why.
//!
//! Must not know: decisions. Invariant: an entry has a reason, an author and a date, or the file is refused.

use std::fs;
use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::resolve::nearest;
use crate::error::UserError;

/// The name of the tables.
const TABLE: &str = "justified";
const KEYS: [&str; 6] = ["file", "decision", "conditions", "reason", "author", "date"];

/// An entry of such a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct RecordedJustification {
    /// Where it stands in its file.
    pub(crate) line: usize,
    /// The source file, as reports name it.
    pub(crate) file: String,
    /// The decision, in one line of text.
    pub(crate) decision: String,
    /// As they are written, `c2` for the second; empty for all.
    pub(crate) conditions: Vec<String>,
    /// The reason, with author and date behind it.
    pub(crate) reason: String,
}

/// Reads the file, which errors call `shown`.
pub(crate) fn read_justifications(path: &Path, shown: &str) -> Result<Vec<RecordedJustification>, UserError> {
    let text = fs::read_to_string(path)
        .map_err(|error| UserError::new(format!("couldn't read the justifications in {shown}: {error}")))?;
    parse(&text).map_err(|(line, reason)| {
        UserError::new(format!("{shown}:{line}: {reason}"))
            .hint(format!("an entry is a table [[{TABLE}]] with the keys {}", KEYS.join(", ")))
    })
}

/// What is wrong, and in which line.
type Fault = (usize, String);

fn parse(text: &str) -> Result<Vec<RecordedJustification>, Fault> {
    let line_at = |offset: usize| text.get(..offset).unwrap_or_default().matches('\n').count() + 1;
    let root = DeTable::parse(text).map_err(|error| {
        let reason = error.message().lines().collect::<Vec<_>>().join(" ");
        (line_at(error.span().unwrap_or_default().start), reason)
    })?;
    let mut found = Vec::new();
    for (key, value) in root.get_ref() {
        let line = line_at(key.span().start);
        let DeValue::Array(entries) = value.get_ref() else {
            return Err((line, format!("{} is no list of tables", key.get_ref())));
        };
        if key.get_ref() != TABLE {
            return Err((line, format!("there is nothing called {}", key.get_ref())));
        }
        for entry in entries {
            let line = line_at(entry.span().start);
            let DeValue::Table(table) = entry.get_ref() else {
                return Err((line, "an entry is no table".to_owned()));
            };
            found.push(read_entry(table, line, &line_at)?);
        }
    }
    Ok(found)
}

fn read_entry(
    table: &DeTable<'_>,
    line: usize,
    line_at: &dyn Fn(usize) -> usize,
) -> Result<RecordedJustification, Fault> {
    if let Some(key) = table.keys().find(|key| !KEYS.contains(&key.get_ref().as_ref())) {
        let meant = nearest(key.get_ref(), KEYS.into_iter())
            .map_or(String::new(), |known| format!(": did you mean {known}?"));
        return Err((line_at(key.span().start), format!("there is no key {}{meant}", key.get_ref())));
    }
    let text_of = |key: &str| match table.get(key).map(Spanned::get_ref) {
        Some(DeValue::String(text)) if !text.trim().is_empty() => Ok(text.trim().to_owned()),
        Some(_) => Err((line, format!("{key} is no text"))),
        None => Err((line, format!("an entry has no {key}"))),
    };
    let date = match table.get("date").map(Spanned::get_ref) {
        Some(DeValue::Datetime(date)) if date.time.is_none() && date.date.is_some() => date.to_string(),
        Some(_) => return Err((line, "date is no date such as 2026-11-23, without quotes".to_owned())),
        None => return Err((line, "an entry has no date".to_owned())),
    };
    let conditions = match table.get("conditions").map(Spanned::get_ref) {
        None => Vec::new(),
        Some(DeValue::Array(items)) => items
            .iter()
            .map(|item| match item.get_ref() {
                DeValue::String(text) => Ok(text.to_string()),
                _ => Err((line, "conditions is no list of names such as \"c2\"".to_owned())),
            })
            .collect::<Result<_, Fault>>()?,
        Some(_) => return Err((line, "conditions is no list of names such as \"c2\"".to_owned())),
    };
    Ok(RecordedJustification {
        line,
        file: text_of("file")?,
        decision: text_of("decision")?,
        conditions,
        reason: format!("{} ({}, {date})", text_of("reason")?, text_of("author")?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENTRY: &str = "[[justified]]\nfile = 'a.py'\ndecision = 'a and b'\nconditions = ['c2']\nreason = 'why'\n\
                         author = 'Ada'\ndate = 2026-11-23\n";

    #[test]
    fn entries_are_read() {
        let entries = parse(&format!("# Reviewed.\n{ENTRY}")).unwrap();
        let expected = RecordedJustification {
            line: 2,
            file: "a.py".to_owned(),
            decision: "a and b".to_owned(),
            conditions: vec!["c2".to_owned()],
            reason: "why (Ada, 2026-11-23)".to_owned(),
        };
        assert_eq!(entries, [expected]);
        assert_eq!(parse("").unwrap(), []);
    }

    #[test]
    fn what_is_no_entry_is_refused_by_line() {
        for (text, line, reason) in [
            (ENTRY.replace("author = 'Ada'\n", ""), 1, "an entry has no author"),
            (ENTRY.replace("reason", "raeson"), 5, "there is no key raeson: did you mean reason?"),
            (ENTRY.replace("2026-11-23", "'today'"), 1, "date is no date such as 2026-11-23, without quotes"),
            (ENTRY.replace("['c2']", "2"), 1, "conditions is no list of names such as \"c2\""),
            (ENTRY.replace("[[justified]]", "[justified]"), 1, "justified is no list of tables"),
            ("[[other]]\n".to_owned(), 1, "there is nothing called other"),
        ] {
            assert_eq!(parse(&text).unwrap_err(), (line, reason.to_owned()), "{text}");
        }
    }
}
