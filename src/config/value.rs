//! The types of settings, and their values.
//!
//! Must not know: files, flags. Invariant: a value in the settings is of its row's kind, so that reading it cannot fail.

use serde::{Deserialize, Serialize};

/// The type of a setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Switch,
    Integer,
    Float,
    Text,
    /// A path; `~` stands for home directories.
    File,
    /// Words, by commas and lines.
    List,
    /// The same; in TOML a single string will do.
    Words,
    /// Python's regular expressions, one a line.
    Patterns,
}

impl Kind {
    /// What documentation calls it.
    pub(crate) const fn doc(self) -> &'static str {
        match self {
            Self::Switch => "boolean",
            Self::Integer => "integer",
            Self::Float => "number",
            Self::Text => "string",
            Self::File => "file",
            Self::List => "list",
            Self::Words => "string or list",
            Self::Patterns => "list of regexes",
        }
    }
}

/// The value of a setting.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum Value {
    Switch(bool),
    Integer(i64),
    Float(f64),
    Text(String),
    List(Vec<String>),
}

/// A type of Rust that stands for a kind of setting.
pub(crate) trait Typed {
    const KIND: Kind;
    /// What reading gives.
    type Read<'a>;
    /// The value, or what the default says.
    fn read<'a>(value: Option<&'a Value>, default: &'static str) -> Self::Read<'a>;
}

/// Marks settings of [`Kind::File`].
#[derive(Debug)]
pub(crate) struct FileName;
/// Marks settings of [`Kind::List`].
#[derive(Debug)]
pub(crate) struct List;
/// Marks settings of [`Kind::Words`].
#[derive(Debug)]
pub(crate) struct Words;
/// Marks settings of [`Kind::Patterns`].
#[derive(Debug)]
pub(crate) struct Patterns;

impl Typed for bool {
    const KIND: Kind = Kind::Switch;
    type Read<'a> = bool;

    fn read(value: Option<&Value>, default: &'static str) -> bool {
        match value {
            Some(Value::Switch(on)) => *on,
            _ => default == "true",
        }
    }
}

impl Typed for i64 {
    const KIND: Kind = Kind::Integer;
    type Read<'a> = Self;

    fn read(value: Option<&Value>, default: &'static str) -> Self {
        match value {
            Some(Value::Integer(number)) => *number,
            _ => default.parse().unwrap_or_default(),
        }
    }
}

impl Typed for f64 {
    const KIND: Kind = Kind::Float;
    type Read<'a> = Self;

    fn read(value: Option<&Value>, default: &'static str) -> Self {
        match value {
            Some(Value::Float(number)) => *number,
            // JSON does not tell 80.0 from 80 in every writer.
            #[expect(clippy::cast_precision_loss, reason = "such a number was written as a float")]
            Some(Value::Integer(number)) => *number as Self,
            _ => default.parse().unwrap_or_default(),
        }
    }
}

impl Typed for String {
    const KIND: Kind = Kind::Text;
    type Read<'a> = Option<&'a str>;

    fn read<'a>(value: Option<&'a Value>, default: &'static str) -> Option<&'a str> {
        text(value, default)
    }
}

impl Typed for FileName {
    const KIND: Kind = Kind::File;
    type Read<'a> = Option<&'a str>;

    fn read<'a>(value: Option<&'a Value>, default: &'static str) -> Option<&'a str> {
        text(value, default)
    }
}

impl Typed for List {
    const KIND: Kind = Kind::List;
    type Read<'a> = &'a [String];

    fn read<'a>(value: Option<&'a Value>, _default: &'static str) -> &'a [String] {
        list(value)
    }
}

impl Typed for Words {
    const KIND: Kind = Kind::Words;
    type Read<'a> = &'a [String];

    fn read<'a>(value: Option<&'a Value>, _default: &'static str) -> &'a [String] {
        list(value)
    }
}

impl Typed for Patterns {
    const KIND: Kind = Kind::Patterns;
    type Read<'a> = &'a [String];

    fn read<'a>(value: Option<&'a Value>, _default: &'static str) -> &'a [String] {
        list(value)
    }
}

fn text<'a>(value: Option<&'a Value>, default: &'static str) -> Option<&'a str> {
    match value {
        Some(Value::Text(text)) => Some(text),
        _ => Some(default).filter(|default| !default.is_empty()),
    }
}

fn list(value: Option<&Value>) -> &[String] {
    match value {
        Some(Value::List(items)) => items,
        _ => &[],
    }
}
