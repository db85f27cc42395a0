//! The patterns that mark lines: one regular expression of many, searched over the whole text.

use crate::model::LineSet;

use super::python_regex::{self, Translated};
use super::{PatternError, SourceError};

/// `[report] exclude_lines` unless set (coverage.py 7.17.3, `config.py`).
pub(crate) const EXCLUDE_DEFAULT: [&str; 3] = [
    r"#\s*(pragma|PRAGMA)[:\s]?\s*(no|NO)\s*(cover|COVER)",
    r"^\s*(((async )?def .*?)?[\])]+(\s*->.*?)?:\s*)?\.\.\.\s*(#|$)",
    r"^\s*if (typing\.)?TYPE_CHECKING:",
];
/// `[report] partial_branches` unless set.
pub(crate) const PARTIAL_DEFAULT: [&str; 1] = [r"#\s*(pragma|PRAGMA)[:\s]?\s*(no|NO)\s*(branch|BRANCH)"];
/// `[report] partial_branches_always` unless set: branches that Python itself decides.
pub(crate) const PARTIAL_ALWAYS: [&str; 2] = [r"^\s*while (True|1|False|0):", r"^\s*if (True|1|False|0):"];

/// How often a pattern may try another way in one search before it is given up: minutes of work, where Python itself
/// would never end.
const BACKTRACK_LIMIT: usize = 1_000_000_000;

/// Any number of patterns. Without one, nothing matches.
#[derive(Clone, Debug, Default)]
pub(super) struct Patterns {
    any: Option<Engine>,
}

/// What runs a pattern.
#[derive(Clone, Debug)]
enum Engine {
    /// In linear time.
    Linear(regex::Regex),
    /// By trying, as Python does: for look-around, backreferences and their like.
    Backtracking(Box<fancy_regex::Regex>),
}

/// Patterns searched in short texts, such as the names of contexts.
#[derive(Clone, Debug, Default)]
pub(crate) struct TextPatterns(Patterns);

impl TextPatterns {
    /// `patterns` in the syntax of Python's `re`.
    pub(crate) fn new<P: AsRef<str>>(patterns: &[P]) -> Result<Self, PatternError> {
        Ok(Self(Patterns::new(patterns)?))
    }

    /// Whether any pattern matches somewhere in `text`. One that would take for ever finds nothing.
    pub(crate) fn finds(&self, text: &str) -> bool {
        self.0.matching_lines(text).is_ok_and(|lines| !lines.is_empty())
    }
}

impl Patterns {
    /// `patterns` in the syntax of Python's `re`.
    ///
    /// As in coverage.py 7.17.3 (`misc.py`, `join_regex`) they become one, whose groups are counted through.
    pub(super) fn new<P: AsRef<str>>(patterns: &[P]) -> Result<Self, PatternError> {
        let mut alternatives = Vec::with_capacity(patterns.len());
        for pattern in patterns.iter().map(AsRef::as_ref) {
            // Each must stand on its own, so that an unclosed group does not swallow the next.
            Engine::new(pattern, pattern)?;
            let (flags, rest) = python_regex::split_global_flags(pattern);
            alternatives.push(format!("(?{flags}:{rest})"));
        }
        let joined = match patterns {
            [] => return Ok(Self::default()),
            [only] => only.as_ref().to_owned(),
            _ => alternatives.join("|"),
        };
        Ok(Self { any: Some(Engine::new(&joined, &joined)?) })
    }

    /// The physical lines from the start to the end of each match in `text`.
    pub(super) fn matching_lines(&self, text: &str) -> Result<LineSet, SourceError> {
        let mut lines = LineSet::new();
        let count = |part: &str| part.bytes().filter(|byte| *byte == b'\n').count() as u32;
        let (mut counted, mut line) = (0, 1);
        let mut take = |start: usize, found: &str| {
            line += count(&text[counted..start]);
            counted = start;
            lines.insert_range(line, line + count(found));
        };
        match &self.any {
            None => {}
            Some(Engine::Linear(regex)) => {
                regex.find_iter(text).for_each(|found| take(found.start(), found.as_str()));
            }
            Some(Engine::Backtracking(regex)) => {
                for found in regex.find_iter(text) {
                    let found =
                        found.map_err(|_| SourceError::EndlessPattern { pattern: regex.to_string() })?;
                    take(found.start(), found.as_str());
                }
            }
        }
        Ok(lines)
    }
}

impl Engine {
    /// The engine for a pattern of Python's. `shown` is what an error names.
    fn new(pattern: &str, shown: &str) -> Result<Self, PatternError> {
        let Translated { text, backtracks } = python_regex::translate(pattern)?;
        let invalid = |reason: String| PatternError::Invalid { pattern: shown.to_owned(), reason };
        if backtracks {
            // Its optimisations change faster than they could be trusted.
            return fancy_regex::RegexBuilder::new(&text)
                .multi_line(true)
                .optimize(false)
                .backtrack_limit(BACKTRACK_LIMIT)
                .build()
                .map(|regex| Self::Backtracking(Box::new(regex)))
                .map_err(|error| invalid(error.to_string()));
        }
        regex::RegexBuilder::new(&text).multi_line(true).build().map(Self::Linear).map_err(
            |error| match error {
                regex::Error::CompiledTooBig(limit) => {
                    invalid(format!("its compiled form exceeds {limit} bytes"))
                }
                // The message draws the pattern with carets; its last line is the reason.
                other => {
                    let message = other.to_string();
                    invalid(
                        message.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned(),
                    )
                }
            },
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pattern: &str, text: &str, lines: &[u32]) {
        let found = Patterns::new(&[pattern]).unwrap().matching_lines(text).unwrap();
        assert_eq!(found.iter().collect::<Vec<_>>(), lines, "{pattern}");
    }

    #[test]
    fn a_match_takes_all_its_lines() {
        check("b", "a\nb\nc b\n", &[2, 3]);
        check(r"def f.*\n.*pass", "x\ndef f():\n    pass\ny\n", &[2, 3]);
        check(r"^\s*raise", "x\n\n\n  raise\n", &[2, 3, 4]);
        check("(?s)a.c", "a\nc\na\nb\n", &[1, 2]);
        check(r"^b(?!c)", "b\nbc\nab\n", &[1]);
        check(r"([ab])x\1", "axa\naxb\nbxb", &[1, 3]);
        check(r"(?<=a)b\Z", "ab\nab", &[2]);
    }

    #[test]
    fn without_patterns_nothing_matches() {
        assert_eq!(Patterns::new::<&str>(&[]).unwrap().matching_lines("a\n").unwrap(), LineSet::new());
    }

    #[test]
    fn patterns_stand_on_their_own() {
        assert!(
            matches!(Patterns::new(&["(a", "b)"]), Err(PatternError::Invalid { pattern, .. }) if pattern == "(a")
        );
    }

    #[test]
    fn the_default_ellipsis_pattern_takes_the_def_line() {
        let text = "def f(x):\n    ...\n    return x\n";
        let found = Patterns::new(&EXCLUDE_DEFAULT).unwrap().matching_lines(text).unwrap();
        assert_eq!(found.iter().collect::<Vec<_>>(), [1, 2]);
    }

    proptest::proptest! {
        #[test]
        fn no_pattern_is_too_odd(pattern in r"[a\\\[\](){}^$.*+?|:<>=!#,0-9sSdwbZAP\n-]{0,20}") {
            if let Ok(patterns) = Patterns::new(&[pattern]) {
                patterns.matching_lines("a = [1]\n").unwrap();
            }
        }
    }
}
