//! Which files are read, and what of them counts.
//!
//! coverage.py's settings come from the first file that has any (reference §2.1; `config.py`, `read_coverage_config`):
//! `.coveragerc` and `.coveragerc.toml` if they are there at all, `setup.cfg`, `tox.ini` and `pyproject.toml` if one of
//! their `coverage` sections says something; never two of them together. minicov's own sections are looked for in the same
//! order, on their own, and say what they say above everything else in the file.
//!
//! Must not know: flags, the environment beyond what it is handed. Invariant: no file is looked for above the folder.

use std::fs;
use std::io;
use std::path::Path;

use super::convert::{Mismatch, Surroundings};
use super::document::{Document, Entry, Raw, Section, Syntax, SyntaxError};
use super::error::ConfigError;
use super::option::Row;
use super::options::{self, OWN_SECTION, SECTIONS};
use super::settings::{JUDGED, Origin, Settings, Threshold};
use super::value::{Kind, Value};
use super::{Complaint, ini, toml_file};
use crate::ui;

/// A file to try. In `ours`, sections need no prefix, and being there is enough.
struct Candidate {
    name: &'static str,
    ours: bool,
}

const CANDIDATES: [Candidate; 5] = [
    Candidate { name: ".coveragerc", ours: true },
    Candidate { name: ".coveragerc.toml", ours: true },
    Candidate { name: "setup.cfg", ours: false },
    Candidate { name: "tox.ini", ours: false },
    Candidate { name: "pyproject.toml", ours: false },
];

/// Reads the file named `given`, or else those there are in `folder`.
pub(super) fn read(
    given: Option<&str>,
    folder: &Path,
    surroundings: &Surroundings<'_>,
    complaints: &mut Vec<Complaint>,
) -> Result<Settings, ConfigError> {
    // coverage.py's own default, so nothing special was asked.
    if let Some(name) = given.filter(|name| *name != CANDIDATES[0].name) {
        let Some(text) = text_of(&folder.join(name), name)? else {
            return Err(ConfigError::Unreadable {
                file: name.to_owned(),
                reason: "there is no such file".to_owned(),
            });
        };
        let file = FileReader::new(name, &text, true, surroundings)?;
        let mut settings = Settings::default();
        file.coverage_sections(&mut settings, complaints)?;
        settings.file = Some(folder.join(name));
        file.own_sections(&mut settings, complaints)?;
        return Ok(settings);
    }
    let mut settings = Settings::default();
    let (mut is_configured, mut has_own) = (false, false);
    for candidate in &CANDIDATES {
        let Some(text) = text_of(&folder.join(candidate.name), candidate.name)? else { continue };
        // A file that would not be read without minicov is none of its business, either.
        if is_configured && (has_own || !text.contains(OWN_SECTION)) {
            continue;
        }
        let file = FileReader::new(candidate.name, &text, candidate.ours, surroundings)?;
        if !is_configured {
            let mut found = Settings::default();
            let says_something = file.coverage_sections(&mut found, complaints)?;
            if says_something || candidate.ours {
                is_configured = true;
                found.overlay(std::mem::take(&mut settings));
                found.thresholds = std::mem::take(&mut settings.thresholds);
                found.file = Some(folder.join(candidate.name));
                settings = found;
            }
        }
        if !has_own {
            has_own = file.own_sections(&mut settings, complaints)?;
        }
    }
    Ok(settings)
}

/// The text of a file, or `None` where there is none.
fn text_of(path: &Path, name: &str) -> Result<Option<String>, ConfigError> {
    let unreadable = |reason: String| ConfigError::Unreadable { file: name.to_owned(), reason };
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::IsADirectory | io::ErrorKind::NotADirectory
            ) =>
        {
            return Ok(None);
        }
        Err(error) => return Err(unreadable(error.to_string())),
    };
    match String::from_utf8(bytes) {
        Ok(text) => Ok(Some(text.strip_prefix('\u{feff}').unwrap_or(&text).to_owned())),
        Err(error) => {
            let good =
                String::from_utf8_lossy(&error.as_bytes()[..error.utf8_error().valid_up_to()]).into_owned();
            let line = good.matches('\n').count() + 1;
            Err(unreadable(format!("line {line} is not UTF-8")))
        }
    }
}

/// One file while it is read.
struct FileReader<'a> {
    name: &'a str,
    document: Document,
    ours: bool,
    surroundings: &'a Surroundings<'a>,
}

impl<'a> FileReader<'a> {
    fn new(
        name: &'a str,
        text: &str,
        ours: bool,
        surroundings: &'a Surroundings<'a>,
    ) -> Result<Self, ConfigError> {
        let is_toml = Path::new(name).extension().is_some_and(|extension| extension == "toml");
        let document = if is_toml { toml_file::parse(text) } else { ini::parse(text) };
        let document = document.map_err(|SyntaxError { line, reason }| ConfigError::At {
            file: name.to_owned(),
            line,
            reason,
        })?;
        Ok(Self { name, document, ours, surroundings })
    }

    /// The section that counts: the prefixed one hides the plain one completely.
    fn section(&self, name: &str) -> Option<&Section> {
        let prefix = match self.document.syntax {
            Syntax::Ini => "coverage:",
            Syntax::Toml => "tool.coverage.",
        };
        let plain = || if self.ours { self.document.section(name) } else { None };
        self.document.section(&format!("{prefix}{name}")).or_else(plain)
    }

    /// minicov's section of that name; its own one for the empty name.
    fn own_section(&self, name: &str) -> Option<&Section> {
        let (with_tool, joint) = match self.document.syntax {
            Syntax::Ini => (OWN_SECTION.to_owned(), ":"),
            Syntax::Toml => (format!("tool.{OWN_SECTION}"), "."),
        };
        let full =
            |start: &str| if name.is_empty() { start.to_owned() } else { format!("{start}{joint}{name}") };
        self.document
            .section(&full(&with_tool))
            .or_else(|| if self.ours { self.document.section(&full(OWN_SECTION)) } else { None })
    }

    /// Takes coverage.py's settings; tells whether there were any.
    fn coverage_sections(
        &self,
        settings: &mut Settings,
        complaints: &mut Vec<Complaint>,
    ) -> Result<bool, ConfigError> {
        let mut any = false;
        for name in SECTIONS {
            let Some(section) = self.section(name) else { continue };
            any |= self.take(section, name, settings, complaints)?;
        }
        if let Some(section) = self.section("paths") {
            for entry in &section.entries {
                let items = self
                    .surroundings
                    .items(Kind::List, entry)
                    .map_err(|mismatch| self.refuse("paths", &entry.key, &mismatch))?;
                let items = items.iter().map(|item| self.surroundings.home(&item.item)).collect();
                settings.paths.push((entry.key.clone(), items));
                any = true;
            }
        }
        let plugins = settings.get(&options::PLUGINS_OF_COVERAGE);
        Ok(any || plugins.iter().any(|plugin| self.section(plugin).is_some()))
    }

    /// Takes minicov's own settings; tells whether there were any sections of it.
    fn own_sections(
        &self,
        settings: &mut Settings,
        complaints: &mut Vec<Complaint>,
    ) -> Result<bool, ConfigError> {
        let mut any = false;
        if let Some(section) = self.own_section("") {
            self.take(section, OWN_SECTION, settings, complaints)?;
            any = true;
        }
        for name in SECTIONS {
            if let Some(section) = self.own_section(name) {
                self.take(section, name, settings, complaints)?;
                any = true;
            }
        }
        if let Some(section) = self.own_section("thresholds") {
            settings.thresholds =
                section.entries.iter().map(|entry| self.threshold(entry)).collect::<Result<_, _>>()?;
            any = true;
        }
        Ok(any)
    }

    /// Takes the keys of a section. Those that nobody knows are complained about.
    fn take(
        &self,
        section: &Section,
        name: &'static str,
        settings: &mut Settings,
        complaints: &mut Vec<Complaint>,
    ) -> Result<bool, ConfigError> {
        let mut any = false;
        for entry in &section.entries {
            let Some(row) = options::find(name, &entry.key) else {
                // Tables are sections of their own.
                if !matches!(entry.raw, Raw::Table(_)) {
                    complaints.push(self.unrecognized(section, name, entry));
                }
                continue;
            };
            let (value, origin) = self.value(row, name, entry)?;
            settings.set(row, value, origin);
            any = true;
        }
        Ok(any)
    }

    fn value(&self, row: &Row, section: &str, entry: &Entry) -> Result<(Value, Origin), ConfigError> {
        let converted = self
            .surroundings
            .convert(row.kind, entry)
            .map_err(|mismatch| self.refuse(section, &entry.key, &mismatch))?;
        Ok((converted.value, Origin::File { name: self.name.to_owned(), lines: converted.lines }))
    }

    fn refuse(&self, section: &str, key: &str, mismatch: &Mismatch) -> ConfigError {
        ConfigError::At {
            file: self.name.to_owned(),
            line: mismatch.line,
            reason: format!("[{section}] {key} {}", mismatch.reason),
        }
    }

    fn unrecognized(&self, section: &Section, name: &str, entry: &Entry) -> Complaint {
        let suggestion = super::nearest(&entry.key, options::keys(name))
            .map(|nearest| format!("; did you mean {nearest}?"))
            .unwrap_or_default();
        let message = format!(
            "{}, line {}: [{}] has no option {:?}{suggestion}",
            self.name, entry.line, section.name, entry.key
        );
        Complaint { warning: &ui::UNRECOGNIZED_OPTION, message }
    }

    /// `"src/core/**" = { line = 100 }`, or in INI files `src/core/** = line=100, branch=95`.
    fn threshold(&self, entry: &Entry) -> Result<Threshold, ConfigError> {
        let refuse = |line: u32, reason: &str| {
            self.refuse("thresholds", &entry.key, &Mismatch { line, reason: reason.to_owned() })
        };
        let as_number = |entry: &Entry| match self.surroundings.convert(Kind::Float, entry) {
            Ok(converted) => match converted.value {
                Value::Float(number) if (0.0..=100.0).contains(&number) => Ok(number),
                _ => Err(refuse(entry.line, "takes percentages from 0 to 100")),
            },
            Err(mismatch) => Err(self.refuse("thresholds", &entry.key, &mismatch)),
        };
        let mut metrics = Vec::new();
        match &entry.raw {
            Raw::Table(members) => {
                for member in members {
                    metrics.push((member.key.clone(), as_number(member)?));
                }
            }
            Raw::Integer(_) | Raw::Float(_) => metrics.push(("line".to_owned(), as_number(entry)?)),
            Raw::Lines(_) => {
                let items = self
                    .surroundings
                    .items(Kind::List, entry)
                    .map_err(|mismatch| self.refuse("thresholds", &entry.key, &mismatch))?;
                for item in items {
                    let (metric, text) = item.item.split_once('=').unwrap_or(("line", &item.item));
                    let number = super::document::Located { line: item.line, item: text.trim().to_owned() };
                    let member =
                        Entry { key: entry.key.clone(), line: item.line, raw: Raw::Lines(vec![number]) };
                    metrics.push((metric.trim().to_owned(), as_number(&member)?));
                }
            }
            Raw::Switch(_) | Raw::Text(_) | Raw::Array(_) | Raw::Other => {
                return Err(refuse(
                    entry.line,
                    "takes a table of percentages, such as { line = 90, branch = 80 }",
                ));
            }
        }
        if let Some((unknown, _)) = metrics.iter().find(|(name, _)| !JUDGED.contains(&name.as_str())) {
            let reason = format!("knows no '{unknown}': it takes {}", JUDGED.join(", "));
            return Err(refuse(entry.line, &reason));
        }
        Ok(Threshold { pattern: entry.key.clone(), metrics })
    }
}
