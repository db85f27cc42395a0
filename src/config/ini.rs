//! INI files as Python's `configparser` reads them (CPython 3.13, `Lib/configparser.py`, `RawConfigParser._read`, without
//! interpolation), because that is what coverage.py and everybody who wrote such a file went by.
//!
//! By hand, since no crate has its rules together: a deeper indented line continues a value, comment lines may stand
//! inside it, a comment never begins behind text, keys are lower-cased, `[DEFAULT]` goes into every section, a duplicate is
//! an error; and none tells the line of each part of a value. Invariant: what `configparser` refuses is refused.

use super::document::{Document, Entry, Located, Raw, Section, Syntax, SyntaxError};

/// The section whose entries all others have, too.
const DEFAULTS: &str = "DEFAULT";

/// Reads a whole file.
pub(super) fn parse(text: &str) -> Result<Document, SyntaxError> {
    let mut sections: Vec<Section> = Vec::new();
    // Depth of the key, below which a line continues its value.
    let mut indent = 0;
    let mut in_value = false;
    // Python takes any of the three line ends.
    for (index, line) in text.replace("\r\n", "\n").split(['\n', '\r']).enumerate() {
        let number = index as u32 + 1;
        let trimmed = line.trim();
        if trimmed.starts_with(['#', ';']) {
            continue;
        }
        if trimmed.is_empty() {
            if in_value && let Some(lines) = last_value(&mut sections) {
                lines.push(Located { line: number, item: String::new() });
            }
            continue;
        }
        let depth = line.chars().take_while(|char| char.is_whitespace()).count();
        if in_value
            && depth > indent
            && let Some(lines) = last_value(&mut sections)
        {
            lines.push(Located { line: number, item: trimmed.to_owned() });
            continue;
        }
        indent = depth;
        if let Some(name) = section_name(trimmed) {
            if sections.iter().any(|section| section.name == name) && name != DEFAULTS {
                return Err(SyntaxError { line: number, reason: format!("section [{name}] is there twice") });
            }
            sections.push(Section { name: name.to_owned(), line: number, entries: Vec::new() });
            in_value = false;
            continue;
        }
        let Some(section) = sections.last_mut() else {
            let reason = format!("{trimmed:?} stands before the first [section]");
            return Err(SyntaxError { line: number, reason });
        };
        let (key, value) = key_and_value(trimmed).ok_or_else(|| SyntaxError {
            line: number,
            reason: format!("{trimmed:?} is neither a [section] nor a key with = or :"),
        })?;
        if section.entry(&key).is_some() {
            let reason = format!("key {key:?} is there twice in [{}]", section.name);
            return Err(SyntaxError { line: number, reason });
        }
        let first = Located { line: number, item: value.to_owned() };
        section.entries.push(Entry { key, line: number, raw: Raw::Lines(vec![first]) });
        in_value = true;
    }
    for section in &mut sections {
        section.entries.iter_mut().for_each(drop_empty_end);
    }
    share_defaults(&mut sections);
    Ok(Document { syntax: Syntax::Ini, sections })
}

/// The lines of the entry that was read last.
fn last_value(sections: &mut [Section]) -> Option<&mut Vec<Located<String>>> {
    match &mut sections.last_mut()?.entries.last_mut()?.raw {
        Raw::Lines(lines) => Some(lines),
        _ => None,
    }
}

/// `[name]`; what follows the last bracket does not count.
fn section_name(line: &str) -> Option<&str> {
    let inner = line.strip_prefix('[')?;
    let name = &inner[..inner.rfind(']')?];
    (!name.is_empty()).then_some(name)
}

/// At the first `=` or `:`. A key is not empty, and case does not count in it.
fn key_and_value(line: &str) -> Option<(String, &str)> {
    let at = line.find(['=', ':'])?;
    let key = line[..at].trim_end();
    (!key.is_empty()).then(|| (key.to_lowercase(), line[at + 1..].trim()))
}

fn drop_empty_end(entry: &mut Entry) {
    if let Raw::Lines(lines) = &mut entry.raw {
        while lines.len() > 1 && lines.last().is_some_and(|line| line.item.is_empty()) {
            lines.pop();
        }
    }
}

fn share_defaults(sections: &mut Vec<Section>) {
    let defaults: Vec<Entry> = sections
        .iter()
        .filter(|section| section.name == DEFAULTS)
        .flat_map(|section| section.entries.clone())
        .collect();
    sections.retain(|section| section.name != DEFAULTS);
    for section in sections {
        for entry in &defaults {
            if section.entry(&entry.key).is_none() {
                section.entries.push(entry.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each entry as `section/key@line=` with its lines joined by `|`.
    #[track_caller]
    fn check(text: &str, expected: &[&str]) {
        let document = parse(text).unwrap();
        let mut entries = Vec::new();
        for section in &document.sections {
            for entry in &section.entries {
                let Raw::Lines(lines) = &entry.raw else { panic!("{entry:?}") };
                let lines: Vec<&str> = lines.iter().map(|line| line.item.as_str()).collect();
                entries.push(format!("{}/{}@{}={}", section.name, entry.key, entry.line, lines.join("|")));
            }
        }
        assert_eq!(entries, expected);
    }

    #[test]
    fn values_are_configparsers() {
        check("[run]\nbranch = True\nOMIT: a\n", &["run/branch@2=True", "run/omit@3=a"]);
        check("[a]\nx =\n  1\n  # no\n\n  2\n\ny=z # w\n", &["a/x@2=|1||2", "a/y@8=z # w"]);
        check("[a] ; note\n  x = 1\n  y = 2\n    3\n", &["a/x@2=1", "a/y@3=2|3"]);
        check("[DEFAULT]\nq = 1\n[a]\nx = 2\n[b]\nq = 3\n", &["a/x@4=2", "a/q@2=1", "b/q@6=3"]);
        check("[a]\r\nx = 1\r\n", &["a/x@2=1"]);
    }

    #[test]
    fn what_configparser_refuses_is_refused() {
        for (text, line) in [
            ("x = 1\n", 1),
            ("[a]\nword\n", 2),
            ("[a]\nx=1\nx=2\n", 3),
            ("[a]\n[b]\n[a]\n", 3),
            ("[a]\n= 1\n", 2),
        ] {
            assert_eq!(parse(text).unwrap_err().line, line, "{text}");
        }
    }
}
