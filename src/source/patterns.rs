//! The patterns that mark lines: one regular expression of many, searched over the whole text.

use regex::Regex;

use crate::model::LineSet;

use super::PatternError;
use super::python_regex;

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

/// Any number of patterns. Without one, nothing matches.
#[derive(Clone, Debug, Default)]
pub(super) struct Patterns {
    any: Option<Regex>,
}

/// Patterns searched in short texts, such as the names of contexts.
#[derive(Clone, Debug, Default)]
pub(crate) struct TextPatterns(Patterns);

impl TextPatterns {
    /// `patterns` in the syntax of Python's `re`.
    pub(crate) fn new<P: AsRef<str>>(patterns: &[P]) -> Result<Self, PatternError> {
        Ok(Self(Patterns::new(patterns)?))
    }

    /// Whether any pattern matches somewhere in `text`.
    pub(crate) fn finds(&self, text: &str) -> bool {
        self.0.any.as_ref().is_some_and(|any| any.is_match(text))
    }
}

impl Patterns {
    /// `patterns` in the syntax of Python's `re`.
    pub(super) fn new<P: AsRef<str>>(patterns: &[P]) -> Result<Self, PatternError> {
        let mut alternatives = Vec::with_capacity(patterns.len());
        for pattern in patterns.iter().map(AsRef::as_ref) {
            let translated = python_regex::translate(pattern)?;
            // Each must stand on its own, so that an unclosed group does not swallow the next.
            compile(&translated, pattern)?;
            alternatives.push(format!("(?:{translated})"));
        }
        if alternatives.is_empty() {
            return Ok(Self::default());
        }
        let joined = alternatives.join("|");
        Ok(Self { any: Some(compile(&joined, &joined)?) })
    }

    /// The physical lines from the start to the end of each match in `text`.
    pub(super) fn matching_lines(&self, text: &str) -> LineSet {
        let mut lines = LineSet::new();
        let Some(any) = &self.any else {
            return lines;
        };
        let count = |part: &str| part.bytes().filter(|byte| *byte == b'\n').count() as u32;
        let (mut counted, mut line) = (0, 1);
        for found in any.find_iter(text) {
            line += count(&text[counted..found.start()]);
            counted = found.start();
            lines.insert_range(line, line + count(found.as_str()));
        }
        lines
    }
}

/// `shown` is what an error names.
fn compile(pattern: &str, shown: &str) -> Result<Regex, PatternError> {
    regex::RegexBuilder::new(pattern).multi_line(true).build().map_err(|error| {
        let reason = match error {
            regex::Error::CompiledTooBig(limit) => format!("its compiled form exceeds {limit} bytes"),
            // The message draws the pattern with carets; its last line is the reason.
            other => {
                let message = other.to_string();
                message.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned()
            }
        };
        PatternError::Invalid { pattern: shown.to_owned(), reason }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pattern: &str, text: &str, lines: &[u32]) {
        let found = Patterns::new(&[pattern]).unwrap().matching_lines(text);
        assert_eq!(found.iter().collect::<Vec<_>>(), lines, "{pattern}");
    }

    #[test]
    fn a_match_takes_all_its_lines() {
        check("b", "a\nb\nc b\n", &[2, 3]);
        check(r"def f.*\n.*pass", "x\ndef f():\n    pass\ny\n", &[2, 3]);
        check(r"^\s*raise", "x\n\n\n  raise\n", &[2, 3, 4]);
        check("(?s)a.c", "a\nc\na\nb\n", &[1, 2]);
    }

    #[test]
    fn without_patterns_nothing_matches() {
        assert_eq!(Patterns::new::<&str>(&[]).unwrap().matching_lines("a\n"), LineSet::new());
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
        let found = Patterns::new(&EXCLUDE_DEFAULT).unwrap().matching_lines(text);
        assert_eq!(found.iter().collect::<Vec<_>>(), [1, 2]);
    }

    proptest::proptest! {
        #[test]
        fn no_pattern_is_too_odd(pattern in r"[a\\\[\](){}^$.*+?|:<>=!#,0-9sSdwbZAP\n-]{0,20}") {
            if let Ok(patterns) = Patterns::new(&[pattern]) {
                patterns.matching_lines("a = [1]\n");
            }
        }
    }
}
