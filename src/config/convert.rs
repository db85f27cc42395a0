//! From what stands in a file to the value of a setting.
//!
//! Must not know: which file it is. Invariant: INI text is read as Python reads it (`configparser.getboolean`, `int`,
//! `float`), TOML values strictly by their types, as in coverage.py 7.17.3 (`config.py`, `tomlconfig.py`).

use super::document::{Entry, Located, Raw};
use super::expand;
use super::value::{Kind, Value};

/// What the surroundings give to values.
pub(super) struct Surroundings<'a> {
    pub(super) variable: &'a dyn Fn(&str) -> Option<String>,
    pub(super) home: Option<String>,
}

/// A value, and the line of each item of a list, or of the value.
pub(super) struct Converted {
    pub(super) value: Value,
    pub(super) lines: Vec<u32>,
}

/// Why a value is none of its kind: ends the sentence "[run] branch …".
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Mismatch {
    pub(super) line: u32,
    pub(super) reason: String,
}

impl Surroundings<'_> {
    /// Reads `entry` as a value of `kind`.
    pub(super) fn convert(&self, kind: Kind, entry: &Entry) -> Result<Converted, Mismatch> {
        match kind {
            Kind::List | Kind::Words | Kind::Patterns => {
                let items = self.items(kind, entry)?;
                let lines = items.iter().map(|item| item.line).collect();
                let value = Value::List(items.into_iter().map(|item| item.item).collect());
                Ok(Converted { value, lines })
            }
            Kind::Switch | Kind::Integer | Kind::Float | Kind::Text | Kind::File => {
                let value = self.single(kind, entry)?;
                Ok(Converted { value, lines: vec![entry.line] })
            }
        }
    }

    fn single(&self, kind: Kind, entry: &Entry) -> Result<Value, Mismatch> {
        let no = |shown: String| Mismatch {
            line: entry.line,
            reason: format!("is {shown}, not {}", article(kind)),
        };
        let from_toml = !matches!(entry.raw, Raw::Lines(_));
        let text = match &entry.raw {
            Raw::Lines(lines) => lines.iter().map(|line| line.item.as_str()).collect::<Vec<_>>().join("\n"),
            Raw::Text(text) => text.clone(),
            Raw::Switch(on) if kind == Kind::Switch => return Ok(Value::Switch(*on)),
            Raw::Integer(number) if kind == Kind::Integer => return Ok(Value::Integer(*number)),
            #[expect(clippy::cast_precision_loss, reason = "Python's float(int) does the same")]
            Raw::Integer(number) if kind == Kind::Float => return Ok(Value::Float(*number as f64)),
            Raw::Float(number) if kind == Kind::Float => return Ok(Value::Float(*number)),
            other => return Err(no(other.shown())),
        };
        let text = self.expand(&text, entry.line)?;
        let value = match kind {
            Kind::Switch => boolean(&text, from_toml).map(Value::Switch),
            Kind::Integer => number(&text).and_then(|digits| digits.parse().ok()).map(Value::Integer),
            Kind::Float => number(&text).and_then(|digits| digits.parse().ok()).map(Value::Float),
            Kind::File => Some(Value::Text(expand::home(&text, self.home.as_deref()))),
            Kind::Text | Kind::List | Kind::Words | Kind::Patterns => Some(Value::Text(text.clone())),
        };
        value.ok_or_else(|| no(format!("{text:?}")))
    }

    /// The items of a list: in INI files by lines, and by commas unless they are patterns; in TOML as they are.
    pub(super) fn items(&self, kind: Kind, entry: &Entry) -> Result<Vec<Located<String>>, Mismatch> {
        let mut items = Vec::new();
        let no =
            |line, shown: String| Mismatch { line, reason: format!("is {shown}, not {}", article(kind)) };
        match &entry.raw {
            Raw::Lines(lines) => {
                for line in lines {
                    let text = self.expand(&line.item, line.line)?;
                    let parts: Vec<&str> = match kind {
                        Kind::Patterns => text.lines().collect(),
                        _ => text.split(['\n', ',']).collect(),
                    };
                    let parts = parts.into_iter().map(str::trim).filter(|part| !part.is_empty());
                    items.extend(parts.map(|part| Located { line: line.line, item: part.to_owned() }));
                }
            }
            Raw::Text(text) if kind == Kind::Words => {
                items.push(Located { line: entry.line, item: self.expand(text, entry.line)? });
            }
            Raw::Array(members) => {
                for member in members {
                    let Raw::Text(text) = &member.item else {
                        let reason = format!("holds {}, but takes strings only", member.item.shown());
                        return Err(Mismatch { line: member.line, reason });
                    };
                    let text = self.expand(text, member.line)?;
                    let text = if kind == Kind::Patterns { text.trim().to_owned() } else { text };
                    if kind != Kind::Patterns || !text.is_empty() {
                        items.push(Located { line: member.line, item: text });
                    }
                }
            }
            other => return Err(no(entry.line, other.shown())),
        }
        Ok(items)
    }

    fn expand(&self, text: &str, line: u32) -> Result<String, Mismatch> {
        expand::variables(text, self.variable)
            .map_err(|error| Mismatch { line, reason: format!("needs the environment: {error}") })
    }

    pub(super) fn home(&self, path: &str) -> String {
        expand::home(path, self.home.as_deref())
    }
}

fn article(kind: Kind) -> String {
    match kind {
        Kind::Switch => "a boolean (true or false)".to_owned(),
        Kind::Integer => "an integer".to_owned(),
        Kind::Float | Kind::Text | Kind::File | Kind::List | Kind::Words | Kind::Patterns => {
            format!("a {}", kind.doc())
        }
    }
}

/// `configparser`'s booleans; in TOML only those that TOML has, too.
fn boolean(text: &str, from_toml: bool) -> Option<bool> {
    if from_toml {
        return match text {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        };
    }
    match text.to_lowercase().as_str() {
        "1" | "yes" | "true" | "on" => Some(true),
        "0" | "no" | "false" | "off" => Some(false),
        _ => None,
    }
}

/// Python allows an underscore between digits.
fn number(text: &str) -> Option<String> {
    let text = text.trim();
    let is_odd = text.starts_with('_') || text.ends_with('_') || text.contains("__");
    (!is_odd).then(|| text.replace('_', ""))
}

impl Raw {
    /// For messages.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::Lines(lines) => {
                format!("{:?}", lines.iter().map(|line| line.item.as_str()).collect::<Vec<_>>().join(" "))
            }
            Self::Switch(on) => on.to_string(),
            Self::Integer(number) => number.to_string(),
            Self::Float(number) => number.to_string(),
            Self::Text(text) => format!("{text:?}"),
            Self::Array(_) => "a list".to_owned(),
            Self::Table(_) => "a table".to_owned(),
            Self::Other => "a date, a time or a huge number".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ini(text: &str) -> Raw {
        let lines = text.split('\n').zip(2..);
        Raw::Lines(lines.map(|(item, line)| Located { line, item: item.to_owned() }).collect())
    }

    #[track_caller]
    fn check(kind: Kind, raw: Raw, expected: impl Into<Option<Value>>) {
        let lookup = |name: &str| (name == "A").then(|| "one".to_owned());
        let surroundings = Surroundings { variable: &lookup, home: Some("/h".to_owned()) };
        let entry = Entry { key: "k".to_owned(), line: 1, raw };
        let found = surroundings.convert(kind, &entry).ok().map(|converted| converted.value);
        assert_eq!(found, expected.into(), "{entry:?}");
    }

    fn list(items: &[&str]) -> Value {
        Value::List(items.iter().map(|item| (*item).to_owned()).collect())
    }

    #[test]
    fn ini_text_is_read_as_python_reads_it() {
        check(Kind::Switch, ini("Yes"), Some(Value::Switch(true)));
        check(Kind::Switch, ini("maybe"), None);
        check(Kind::Integer, ini("1_0"), Some(Value::Integer(10)));
        check(Kind::Integer, ini("1.0"), None);
        check(Kind::Float, ini("99.5"), Some(Value::Float(99.5)));
        check(Kind::List, ini("a, b,,\nc"), list(&["a", "b", "c"]));
        check(Kind::Patterns, ini("\na, b\n c$\n"), list(&["a, b", "c$"]));
        check(Kind::Text, ini("x ${A}"), Some(Value::Text("x one".to_owned())));
        check(Kind::Text, ini("${B?}"), None);
        check(Kind::File, ini("~/$A"), Some(Value::Text("/h/one".to_owned())));
    }

    #[test]
    fn toml_is_strict() {
        let text = |text: &str| Raw::Text(text.to_owned());
        let array =
            |items: Vec<Raw>| Raw::Array(items.into_iter().map(|item| Located { line: 1, item }).collect());
        check(Kind::Switch, text("true"), Some(Value::Switch(true)));
        check(Kind::Switch, text("yes"), None);
        check(Kind::Switch, Raw::Integer(1), None);
        check(Kind::Float, Raw::Integer(80), Some(Value::Float(80.0)));
        check(Kind::Integer, text("7"), Some(Value::Integer(7)));
        check(Kind::List, text("a"), None);
        check(Kind::Words, text("total"), list(&["total"]));
        check(Kind::List, array(vec![text("a,b"), text("$A")]), list(&["a,b", "one"]));
        check(Kind::List, array(vec![Raw::Integer(1)]), None);
        check(Kind::Patterns, array(vec![text(" x ")]), list(&["x"]));
    }
}
