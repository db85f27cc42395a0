//! What an option is: the form of the rows of the table in `options.rs`.
//!
//! Must not know: which options there are. Invariant: a row holds everything about its option; no other module knows a
//! key, a flag or a default by heart.

use std::marker::PhantomData;

use super::value::{Kind, Typed};

/// A command of minicov, as a word on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Verb {
    Run,
    Report,
    Html,
    Xml,
    Json,
    Lcov,
    Mcdc,
    Annotate,
    Contexts,
    Who,
    Unique,
    Combine,
    Impact,
    Erase,
    Debug,
    Completions,
    Man,
}

impl Verb {
    /// Every command, in the order of the help.
    pub(crate) const ALL: &'static [Self] = &[
        Self::Run,
        Self::Report,
        Self::Html,
        Self::Xml,
        Self::Json,
        Self::Lcov,
        Self::Mcdc,
        Self::Annotate,
        Self::Contexts,
        Self::Who,
        Self::Unique,
        Self::Combine,
        Self::Impact,
        Self::Erase,
        Self::Debug,
        Self::Completions,
        Self::Man,
    ];
    /// The commands that look at data or settings.
    pub(crate) const CONFIGURED: &'static [Self] = &[
        Self::Run,
        Self::Report,
        Self::Html,
        Self::Xml,
        Self::Json,
        Self::Lcov,
        Self::Mcdc,
        Self::Annotate,
        Self::Contexts,
        Self::Who,
        Self::Unique,
        Self::Combine,
        Self::Impact,
        Self::Erase,
        Self::Debug,
    ];
    /// The commands that report, but for those that only list decisions or annotate sources.
    pub(crate) const FORMATS: &'static [Self] =
        &[Self::Report, Self::Html, Self::Xml, Self::Json, Self::Lcov];
    /// The commands that report.
    pub(crate) const REPORTS: &'static [Self] = &[
        Self::Report,
        Self::Html,
        Self::Xml,
        Self::Json,
        Self::Lcov,
        Self::Mcdc,
        Self::Annotate,
        Self::Contexts,
        Self::Who,
        Self::Unique,
    ];

    /// The command of that word.
    pub(crate) fn called(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|verb| verb.word() == word)
    }

    /// The word.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Run => "run",
            Self::Report => "report",
            Self::Html => "html",
            Self::Xml => "xml",
            Self::Json => "json",
            Self::Lcov => "lcov",
            Self::Mcdc => "mcdc",
            Self::Annotate => "annotate",
            Self::Contexts => "contexts",
            Self::Who => "who",
            Self::Unique => "unique",
            Self::Combine => "combine",
            Self::Impact => "impact",
            Self::Erase => "erase",
            Self::Debug => "debug",
            Self::Completions => "completions",
            Self::Man => "man",
        }
    }
}

/// A way to say an option on the command line.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Flag {
    /// Without the dashes.
    pub(crate) long: &'static str,
    pub(crate) short: Option<char>,
    /// What the help calls the value.
    pub(crate) value: &'static str,
    /// The commands that take it.
    pub(crate) verbs: &'static [Verb],
    /// The value where none is given, as `--flag=VALUE` may; empty where one must be.
    pub(crate) bare: &'static str,
    /// Whether it takes an option back (`--no-skip-covered`); such flags are not shown.
    pub(crate) negates: bool,
}

impl Flag {
    /// `--long` for `verbs`.
    pub(crate) const fn new(long: &'static str, verbs: &'static [Verb]) -> Self {
        Self { long, short: None, value: "", verbs, bare: "", negates: false }
    }

    pub(crate) const fn short(self, short: char) -> Self {
        Self { short: Some(short), ..self }
    }

    pub(crate) const fn value(self, value: &'static str) -> Self {
        Self { value, ..self }
    }

    pub(crate) const fn or_bare(self, bare: &'static str) -> Self {
        Self { bare, ..self }
    }

    pub(crate) const fn negating(self) -> Self {
        Self { negates: true, ..self }
    }
}

/// What a setting does here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// What its documentation says.
    Works,
    /// Nothing; the reason ends the sentence "… has no effect: ".
    None(&'static str),
}

/// One option.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    /// `section:key` as coverage.py calls it, or `--flag` where no file may set it.
    pub(crate) id: &'static str,
    pub(crate) kind: Kind,
    /// As an INI file would say it; empty for none.
    pub(crate) default: &'static str,
    pub(crate) doc: &'static str,
    pub(crate) flags: &'static [Flag],
    pub(crate) effect: Effect,
}

impl Row {
    pub(crate) const fn new(id: &'static str, doc: &'static str) -> Self {
        Self { id, kind: Kind::Text, default: "", doc, flags: &[], effect: Effect::Works }
    }

    pub(crate) const fn default(self, default: &'static str) -> Self {
        Self { default, ..self }
    }

    pub(crate) const fn flags(self, flags: &'static [Flag]) -> Self {
        Self { flags, ..self }
    }

    /// Accepted, but without effect.
    pub(crate) const fn inert(self, reason: &'static str) -> Self {
        Self { effect: Effect::None(reason), ..self }
    }

    pub(super) const fn of_kind(self, kind: Kind) -> Self {
        Self { kind, ..self }
    }

    /// Section and key in configuration files; `None` where only the command line sets it.
    pub(crate) fn place(&self) -> Option<(&'static str, &'static str)> {
        self.id.split_once(':')
    }

    /// As messages call it: `[run] branch` or `--erase`.
    pub(crate) fn shown(&self) -> String {
        match self.place() {
            Some((section, key)) => format!("[{section}] {key}"),
            None => self.id.to_owned(),
        }
    }

    /// The flags that `verb` takes.
    pub(crate) fn flags_of(&self, verb: Verb) -> impl Iterator<Item = &'static Flag> {
        self.flags.iter().filter(move |flag| flag.verbs.contains(&verb))
    }
}

/// A row with the type of its values.
#[derive(Debug)]
pub(crate) struct Setting<T> {
    pub(crate) row: Row,
    of: PhantomData<fn() -> T>,
}

impl<T: Typed> Setting<T> {
    pub(super) const fn new(row: Row) -> Self {
        Self { row: row.of_kind(T::KIND), of: PhantomData }
    }
}
