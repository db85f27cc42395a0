//! A configuration file as it stands: sections, keys and unread values, each with its line.
//!
//! Must not know: which sections and keys mean anything. Invariant: nothing of the file's text is interpreted beyond its
//! syntax.

/// Something, and the line of the file it stands in, counted from 1.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Located<T> {
    pub(crate) line: u32,
    pub(crate) item: T,
}

/// A value before anybody asks for its type.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Raw {
    /// INI: the text after the sign, line by line.
    Lines(Vec<Located<String>>),
    Switch(bool),
    Integer(i64),
    Float(f64),
    Text(String),
    Array(Vec<Located<Raw>>),
    Table(Vec<Entry>),
    /// Dates and times of TOML, which no setting is.
    Other,
}

/// A key and its value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entry {
    pub(crate) key: String,
    /// Of the key.
    pub(crate) line: u32,
    pub(crate) raw: Raw,
}

/// A section: `[coverage:run]`, `[tool.coverage.run]`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Section {
    /// As it is written.
    pub(crate) name: String,
    pub(crate) line: u32,
    pub(crate) entries: Vec<Entry>,
}

/// What kind of file it is: they differ in how sections are prefixed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Syntax {
    Ini,
    Toml,
}

/// A whole file.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Document {
    pub(crate) syntax: Syntax,
    pub(crate) sections: Vec<Section>,
}

impl Document {
    pub(crate) fn section(&self, name: &str) -> Option<&Section> {
        self.sections.iter().find(|section| section.name == name)
    }
}

impl Section {
    pub(crate) fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.key == key)
    }
}

/// Why a file is no configuration file.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {reason}")]
pub(crate) struct SyntaxError {
    pub(crate) line: u32,
    pub(crate) reason: String,
}
