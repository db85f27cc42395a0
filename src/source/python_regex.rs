//! From the syntax of Python's `re` to that of the `regex` crate.
//!
//! Must not know: what the patterns are for. Invariant: what the two read differently is rewritten or refused, never
//! passed on to mean something else. What both refuse is left for the `regex` crate to refuse.

use super::PatternError;

/// Python's `\s` (`str.isspace`) within a class: the `regex` crate leaves the separators U+001C to U+001F out.
const SPACE: &str = r"\s\x1c-\x1f";

/// Rewrites `pattern`.
pub(super) fn translate(pattern: &str) -> Result<String, PatternError> {
    let mut translation = Translation {
        pattern,
        rest: pattern.chars().collect(),
        at: 0,
        out: String::with_capacity(pattern.len()),
    };
    translation.run()?;
    Ok(translation.out)
}

struct Translation<'a> {
    pattern: &'a str,
    rest: Vec<char>,
    at: usize,
    out: String,
}

impl Translation<'_> {
    fn run(&mut self) -> Result<(), PatternError> {
        while let Some(char) = self.next() {
            match char {
                '\\' => self.escape()?,
                '[' => self.class()?,
                '(' => self.group()?,
                '{' => self.brace()?,
                '*' | '+' | '?' => {
                    self.out.push(char);
                    self.refuse_possessive()?;
                }
                '}' | ']' => {
                    self.out.push('\\');
                    self.out.push(char);
                }
                other => self.out.push(other),
            }
        }
        Ok(())
    }

    /// After a backslash outside a class.
    fn escape(&mut self) -> Result<(), PatternError> {
        match self.next() {
            None => self.out.push('\\'),
            Some('s') => self.push(&["[", SPACE, "]"]),
            Some('S') => self.push(&["[^", SPACE, "]"]),
            Some('Z') => self.out.push_str(r"\z"),
            Some('0') => self.octal(),
            Some(digit) if digit.is_ascii_digit() => return Err(self.unsupported("a backreference")),
            // The crate reads `\b{` as the start of another kind of boundary.
            Some('b') if self.peek() == Some('{') => self.out.push_str(r"(?:\b)"),
            Some(char) => self.plain_escape(char),
        }
        Ok(())
    }

    /// An escape that means the same in a class and outside.
    fn plain_escape(&mut self, char: char) {
        if char.is_ascii_alphanumeric() {
            self.out.push('\\');
            self.out.push(char);
        } else {
            self.out.push_str(&regex::escape(char.encode_utf8(&mut [0; 4])));
        }
    }

    /// After `\0`: up to two octal digits more.
    fn octal(&mut self) {
        let mut value = 0;
        for _ in 0..2 {
            let Some(digit) = self.peek().and_then(|char| char.to_digit(8)) else { break };
            value = value * 8 + digit;
            self.at += 1;
        }
        self.push(&[r"\x{", &format!("{value:x}"), "}"]);
    }

    /// After `[`. Python knows no classes within classes and no set operations.
    fn class(&mut self) -> Result<(), PatternError> {
        self.out.push('[');
        if self.peek() == Some('^') {
            self.at += 1;
            self.out.push('^');
        }
        let start = self.at;
        while let Some(char) = self.next() {
            if char == ']' && self.at - 1 > start {
                self.out.push(']');
                break;
            }
            self.class_item(char)?;
            // A range, unless the hyphen is the last in the class.
            if self.peek() == Some('-') && self.rest.get(self.at + 1).is_some_and(|char| *char != ']') {
                self.at += 1;
                self.out.push('-');
                if let Some(end) = self.next() {
                    self.class_item(end)?;
                }
            }
        }
        Ok(())
    }

    /// One character of a class, or one escape.
    fn class_item(&mut self, char: char) -> Result<(), PatternError> {
        match char {
            '\\' => match self.next() {
                None => self.out.push('\\'),
                Some('s') => self.out.push_str(SPACE),
                Some('S') => return Err(self.unsupported(r"\S in a character class")),
                Some('b') => self.out.push_str(r"\x08"),
                Some('0') => self.octal(),
                Some(other) => self.plain_escape(other),
            },
            other if other.is_ascii_punctuation() => {
                self.out.push('\\');
                self.out.push(other);
            }
            other => self.out.push(other),
        }
        Ok(())
    }

    /// After `(`.
    fn group(&mut self) -> Result<(), PatternError> {
        if self.peek() != Some('?') {
            self.out.push('(');
            return Ok(());
        }
        self.at += 1;
        let feature = match (self.peek(), self.rest.get(self.at + 1).copied()) {
            (Some('='), _) => "look-ahead",
            (Some('!'), _) => "negative look-ahead",
            (Some('<'), Some('=')) => "look-behind",
            (Some('<'), Some('!')) => "negative look-behind",
            (Some('>'), _) => "an atomic group",
            (Some('('), _) => "a conditional group",
            (Some('P'), Some('=')) => "a backreference",
            (Some('#'), _) => {
                while self.next().is_some_and(|char| char != ')') {}
                return Ok(());
            }
            _ => return self.flags(),
        };
        Err(self.unsupported(feature))
    }

    /// After `(?`: flags, a name or a colon. `a`, `L` and `u` choose what letters are; `u` is the default, and dropped.
    fn flags(&mut self) -> Result<(), PatternError> {
        self.out.push_str("(?");
        while let Some(char) = self.peek() {
            match char {
                'i' | 'm' | 's' | 'x' | '-' => self.out.push(char),
                'u' => {}
                'a' | 'L' => return Err(self.unsupported("the flag a or L")),
                _ => break,
            }
            if char == 'x' {
                return Err(self.unsupported("the flag x"));
            }
            self.at += 1;
        }
        if self.out.ends_with("(?") && self.peek() == Some(')') {
            // Only `u` was set: an empty group serves.
            self.out.push(':');
        }
        Ok(())
    }

    /// After `{`: a repetition if it looks like one, otherwise the character.
    fn brace(&mut self) -> Result<(), PatternError> {
        let body: String = self.rest[self.at..].iter().take_while(|char| **char != '}').collect();
        let is_closed = self.rest.get(self.at + body.chars().count()) == Some(&'}');
        let (low, high) = body.split_once(',').unwrap_or((&body, &body));
        let is_number = |part: &str| part.chars().all(|char| char.is_ascii_digit());
        if !is_closed || body.is_empty() || !is_number(low) || !is_number(high) {
            self.out.push_str(r"\{");
            return Ok(());
        }
        let low = if low.is_empty() { "0" } else { low };
        if body.contains(',') {
            self.push(&["{", low, ",", high, "}"]);
        } else {
            self.push(&["{", low, "}"]);
        }
        self.at += body.len() + 1;
        self.refuse_possessive()
    }

    /// After a repetition: the crate reads `a*+` as a repetition of a repetition.
    fn refuse_possessive(&mut self) -> Result<(), PatternError> {
        match self.peek() {
            Some('+') => Err(self.unsupported("a possessive repetition")),
            Some('?') => {
                self.at += 1;
                self.out.push('?');
                Ok(())
            }
            Some(_) | None => Ok(()),
        }
    }

    fn push(&mut self, parts: &[&str]) {
        self.out.extend(parts.iter().copied());
    }

    fn next(&mut self) -> Option<char> {
        let char = self.peek()?;
        self.at += 1;
        Some(char)
    }

    fn peek(&self) -> Option<char> {
        self.rest.get(self.at).copied()
    }

    fn unsupported(&self, feature: &'static str) -> PatternError {
        PatternError::Unsupported { pattern: self.pattern.to_owned(), feature }
    }
}

#[cfg(test)]
mod tests {
    use regex::Regex;

    use super::*;

    /// What `re.findall(pattern, text)` gives, or for patterns with groups the whole matches.
    #[track_caller]
    fn check(pattern: &str, text: &str, found: &[&str]) {
        let translated = translate(pattern).unwrap();
        let regex = Regex::new(&translated).unwrap_or_else(|error| panic!("{translated}: {error}"));
        assert_eq!(
            regex.find_iter(text).map(|found| found.as_str()).collect::<Vec<_>>(),
            found,
            "{translated}"
        );
    }

    #[test]
    fn pythons_own_syntax_is_understood() {
        check(r"a\Z", "aa", &["a"]);
        check(r"\<a\>\ \-", "<a> -", &["<a> -"]);
        check(r"[[]x[]]", "[x]", &["[x]"]);
        check(r"[^]]+", "ab]", &["ab"]);
        check(r"[a&&b~~]+", "&b~", &["&b~"]);
        check(r"[+--]+", "+,-.", &["+,-"]);
        check(r"[--/]+[a-]+[-z]+", "-./a-z-", &["-./a-z-"]);
        check(r"a{,2}b", "aaab", &["aab"]);
        check(r"a{2}b{1,}c{0,1}", "aabb", &["aabb"]);
        check(r"{x} a{ b{,}", "{x} a{ bb", &["{x} a{ bb"]);
        check(r"\s+\S", "\x1c\x1fx", &["\x1c\x1fx"]);
        check(r"[\s]\d", "\x1d1", &["\x1d1"]);
        check(r"a(?#note)b", "ab", &["ab"]);
        check(r"(?u)(?i)A(?P<n>b)", "aB", &["aB"]);
        check(r"\x41\u0042\0\07", "AB\0\x07", &["AB\0\x07"]);
        check(r"\bif\b{", "if{", &["if{"]);
        check(r"a??b*?", "b", &["", ""]);
        check(r"é\/", "é/", &["é/"]);
    }

    #[test]
    fn what_only_python_can_do_is_refused() {
        for (pattern, feature) in [
            (r"a(?=b)", "look-ahead"),
            (r"a(?!b)", "negative look-ahead"),
            (r"(?<=a)b", "look-behind"),
            (r"(?<!a)b", "negative look-behind"),
            (r"(a)\1", "a backreference"),
            (r"(?P<q>a)(?P=q)", "a backreference"),
            (r"a++", "a possessive repetition"),
            (r"a{2}+", "a possessive repetition"),
            (r"(?>a)", "an atomic group"),
            (r"(a)?(?(1)b|c)", "a conditional group"),
            (r"(?x)a b", "the flag x"),
        ] {
            let error = PatternError::Unsupported { pattern: pattern.to_owned(), feature };
            assert_eq!(translate(pattern), Err(error));
        }
    }
}
