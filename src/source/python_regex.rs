//! From the syntax of Python's `re` to that of the `regex` crate, or of `fancy-regex` where a pattern needs what only
//! backtracking can do: look-around, backreferences, atomic and conditional groups, possessive repetitions.
//!
//! Must not know: what the patterns are for. Invariant: what the crates and Python (CPython 3.13, `Lib/re/_parser.py`) read
//! differently is rewritten or refused, never passed on to mean something else. What all refuse is left for the crate to
//! refuse. One difference stays: `\b` next to a combining mark, which Python takes for no letter.

use super::PatternError;

/// Members of classes as Python has them for text: `\s` is `str.isspace`, `\w` is `str.isalnum` or `_`.
const SPACE: &str = r"\s\x1c-\x1f";
const WORD: &str = r"\p{L}\p{N}_";
const DIGIT: &str = r"\d";
/// The same under the flag `a`.
const ASCII_SPACE: &str = r" \t\n\r\x0b\x0c";
const ASCII_WORD: &str = "a-zA-Z0-9_";
const ASCII_DIGIT: &str = "0-9";

/// A pattern in the crates' syntax.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Translated {
    pub(super) text: String,
    /// Whether only `fancy-regex` can run it.
    pub(super) backtracks: bool,
}

/// Rewrites `pattern`, which is meant for `re.MULTILINE`.
pub(super) fn translate(pattern: &str) -> Result<Translated, PatternError> {
    let (global, rest) = split_global_flags(pattern);
    let mut translation = Translation {
        pattern,
        rest: rest.chars().collect(),
        at: 0,
        out: String::with_capacity(pattern.len()),
        flags: Flags { ascii: global.contains('a'), verbose: global.contains('x'), multi_line: true },
        enclosing: Vec::new(),
        groups: Vec::new(),
        backtracks: false,
    };
    if global.contains('L') {
        return Err(translation.invalid("the flag L is for bytes".to_owned()));
    }
    for flag in ['i', 's'].into_iter().filter(|flag| global.contains(*flag)) {
        translation.push(&["(?", flag.encode_utf8(&mut [0; 4]), ")"]);
    }
    translation.run()?;
    Ok(Translated { text: translation.out, backtracks: translation.backtracks })
}

/// The flags that a pattern begins with for all of it (`(?i)`), and the rest. Python takes them nowhere else.
pub(super) fn split_global_flags(pattern: &str) -> (String, &str) {
    let mut flags = String::new();
    let mut rest = pattern;
    while let Some((found, after)) = rest.strip_prefix("(?").and_then(|inner| inner.split_once(')')) {
        if found.is_empty() || !found.chars().all(|char| "aiLmsux".contains(char)) {
            break;
        }
        flags.push_str(found);
        rest = after;
    }
    (flags, rest)
}

/// Flags that the crates do not have as Python has them.
#[derive(Clone, Copy)]
struct Flags {
    ascii: bool,
    verbose: bool,
    multi_line: bool,
}

struct Translation<'a> {
    pattern: &'a str,
    rest: Vec<char>,
    at: usize,
    out: String,
    flags: Flags,
    /// What held outside each open group.
    enclosing: Vec<Flags>,
    /// The capturing groups so far, with their names.
    groups: Vec<Option<String>>,
    backtracks: bool,
}

impl Translation<'_> {
    fn run(&mut self) -> Result<(), PatternError> {
        while let Some(char) = self.next() {
            match char {
                '\\' => self.escape()?,
                '[' => self.class()?,
                '(' => self.group()?,
                ')' => {
                    self.flags = self.enclosing.pop().unwrap_or(self.flags);
                    self.out.push(')');
                }
                '{' => self.brace()?,
                '*' | '+' | '?' => {
                    self.out.push(char);
                    self.after_repetition()?;
                }
                '}' | ']' => {
                    self.out.push('\\');
                    self.out.push(char);
                }
                '^' if !self.flags.multi_line => self.out.push_str(r"\A"),
                '$' if !self.flags.multi_line => {
                    self.backtracks = true;
                    self.out.push_str(r"(?=\n?\z)");
                }
                '#' if self.flags.verbose => while self.next().is_some_and(|char| char != '\n') {},
                space if self.flags.verbose && space.is_ascii_whitespace() => {}
                other => self.out.push(other),
            }
        }
        Ok(())
    }

    /// After a backslash outside a class.
    fn escape(&mut self) -> Result<(), PatternError> {
        match self.next() {
            None => self.out.push('\\'),
            Some('Z') => self.out.push_str(r"\z"),
            Some('A') => self.out.push_str(r"\A"),
            Some('b') if self.flags.ascii => self.out.push_str(r"(?-u:\b)"),
            Some('B') if self.flags.ascii => self.out.push_str(r"(?-u:\B)"),
            // The crate reads `\b{` as the start of another kind of boundary.
            Some('b') => self.out.push_str(r"(?:\b)"),
            Some('B') => self.out.push_str(r"\B"),
            Some(digit @ '1'..='9') => return self.backreference(digit),
            Some(char) => match self.members(char) {
                Some((members, false)) => self.push(&["[", members, "]"]),
                Some((members, true)) => self.push(&["[^", members, "]"]),
                None => self.plain_escape(char)?,
            },
        }
        Ok(())
    }

    /// The members of `\s`, `\w`, `\d` and, as those that do not belong, of their opposites.
    fn members(&self, letter: char) -> Option<(&'static str, bool)> {
        let (text, ascii) = match letter.to_ascii_lowercase() {
            's' => (SPACE, ASCII_SPACE),
            'w' => (WORD, ASCII_WORD),
            'd' => (DIGIT, ASCII_DIGIT),
            _ => return None,
        };
        Some((if self.flags.ascii { ascii } else { text }, letter.is_ascii_uppercase()))
    }

    /// After `\` and a digit other than 0: a group's number has up to two digits, a character's code three octal ones.
    fn backreference(&mut self, first: char) -> Result<(), PatternError> {
        let octal = |char: Option<&char>| char.and_then(|char| char.to_digit(8));
        let digits = [Some(&first), self.rest.get(self.at), self.rest.get(self.at + 1)].map(octal);
        if let [Some(a), Some(b), Some(c)] = digits {
            self.at += 2;
            self.push(&[r"\x{", &format!("{:x}", (a * 8 + b) * 8 + c), "}"]);
            return Ok(());
        }
        let mut name = first.to_string();
        if let Some(second) = self.peek().filter(char::is_ascii_digit) {
            self.at += 1;
            name.push(second);
        }
        self.refer(&name, "(?:\\", ")")
    }

    /// Writes the number of the group called `name` between `start` and `end`.
    fn refer(&mut self, name: &str, start: &str, end: &str) -> Result<(), PatternError> {
        let number = match name.parse() {
            Ok(number) => Some(number),
            Err(_) => self.groups.iter().position(|group| group.as_deref() == Some(name)).map(|at| at + 1),
        };
        let Some(number) = number.filter(|number: &usize| (1..=self.groups.len()).contains(number)) else {
            return Err(self.invalid(format!("there is no group {name} before")));
        };
        self.backtracks = true;
        self.push(&[start, &number.to_string(), end]);
        Ok(())
    }

    /// An escape that means the same in a class and outside.
    fn plain_escape(&mut self, char: char) -> Result<(), PatternError> {
        match char {
            '0' => self.octal(),
            'a' | 'f' | 'n' | 'r' | 't' | 'v' | 'x' | 'u' | 'U' => self.out.extend(['\\', char]),
            'N' => return Err(self.unsupported(r"a character's name (\N)")),
            other if other.is_ascii_alphanumeric() => {
                return Err(self.invalid(format!("\\{other} is no escape")));
            }
            other => self.out.push_str(&regex::escape(other.encode_utf8(&mut [0; 4]))),
        }
        Ok(())
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
                Some('b') => self.out.push_str(r"\x08"),
                Some(octal @ '1'..='7') => {
                    self.at -= 1;
                    let mut code = String::new();
                    while let Some(digit) = self.peek().filter(|char| char.is_digit(8) && code.len() < 3) {
                        self.at += 1;
                        code.push(digit);
                    }
                    let value = u32::from_str_radix(&code, 8).unwrap_or(u32::from(octal));
                    self.push(&[r"\x{", &format!("{value:x}"), "}"]);
                }
                Some(other) => match self.members(other) {
                    Some((members, false)) => self.out.push_str(members),
                    Some((members, true)) => self.push(&["[^", members, "]"]),
                    None => self.plain_escape(other)?,
                },
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
        let outside = self.flags;
        if self.peek() != Some('?') {
            self.groups.push(None);
            self.enclosing.push(outside);
            self.out.push('(');
            return Ok(());
        }
        self.at += 1;
        let ahead: String = self.rest[self.at..].iter().take(2).collect();
        let around = ["<=", "<!", "=", "!", ">"].into_iter().find(|mark| ahead.starts_with(mark));
        if let Some(mark) = around {
            self.at += mark.len();
            self.enclosing.push(outside);
            self.backtracks = true;
            self.push(&["(?", mark]);
            return Ok(());
        }
        match self.peek() {
            Some('#') => {
                while self.next().is_some_and(|char| char != ')') {}
                Ok(())
            }
            Some('(') => {
                self.at += 1;
                let name = self.until(')');
                self.enclosing.push(outside);
                self.refer(&name, "(?(", ")")
            }
            Some('P') if ahead == "P=" => {
                self.at += 2;
                let name = self.until(')');
                self.refer(&name, "(?:\\", ")")
            }
            Some('P') if ahead == "P<" => {
                self.at += 2;
                let name = self.until('>');
                if self.groups.contains(&Some(name.clone())) {
                    return Err(self.invalid(format!("there are two groups {name}")));
                }
                self.push(&["(?P<", &name, ">"]);
                self.groups.push(Some(name));
                self.enclosing.push(outside);
                Ok(())
            }
            _ => self.group_flags(outside),
        }
    }

    /// The text up to `end`, which is passed over.
    fn until(&mut self, end: char) -> String {
        let mut text = String::new();
        while let Some(char) = self.next().filter(|char| *char != end) {
            text.push(char);
        }
        text
    }

    /// After `(?`: flags and a colon.
    fn group_flags(&mut self, outside: Flags) -> Result<(), PatternError> {
        self.out.push_str("(?");
        let mut on = true;
        let mut minus_written = false;
        while let Some(char) = self.peek() {
            match char {
                'i' | 's' => {
                    if !on && !minus_written {
                        minus_written = true;
                        self.out.push('-');
                    }
                    self.out.push(char);
                }
                '-' => on = false,
                'm' => self.flags.multi_line = on,
                'x' => self.flags.verbose = on,
                'a' => self.flags.ascii = on,
                'u' => self.flags.ascii = false,
                'L' => return Err(self.invalid("the flag L is for bytes".to_owned())),
                ':' => break,
                ')' => return Err(self.invalid("flags for all of it must stand at its start".to_owned())),
                other => return Err(self.invalid(format!("(?{other} begins no group"))),
            }
            self.at += 1;
        }
        self.enclosing.push(outside);
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
        self.after_repetition()
    }

    /// After a repetition: a mark of how it repeats. Nothing can be repeated twice.
    fn after_repetition(&mut self) -> Result<(), PatternError> {
        match self.peek() {
            Some('+') => {
                self.backtracks = true;
                self.at += 1;
                self.out.push('+');
            }
            Some('?') => {
                self.at += 1;
                self.out.push('?');
            }
            Some(_) | None => {}
        }
        if matches!(self.peek(), Some('*' | '+' | '?')) {
            return Err(self.invalid("a repetition is repeated".to_owned()));
        }
        Ok(())
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

    fn invalid(&self, reason: String) -> PatternError {
        PatternError::Invalid { pattern: self.pattern.to_owned(), reason }
    }
}

#[cfg(test)]
mod tests {
    use regex::Regex;

    use super::*;

    /// What `re.findall(pattern, text)` gives, or for patterns with groups the whole matches.
    #[track_caller]
    fn check(pattern: &str, text: &str, found: &[&str]) {
        let translated = translate(pattern).unwrap().text;
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
    fn flags_hold_where_python_has_them_hold() {
        check(r"(?i:a)b", "Ab AB", &["Ab"]);
        check("(?x) a  b # note\n [ ]c\\ d", "ab c d", &["ab c d"]);
        check(r"(?a)\w+", "éa", &["a"]);
        check(r"(?a:\d)\s\W", "1\u{a0}-", &["1\u{a0}-"]);
        check(r"[^\W\d]+[\S]", "a1-", &["a1"]);
        check(r"\w+", "a\u{b2}\u{301}", &["a\u{b2}"]);
    }

    #[test]
    fn what_needs_backtracking_is_told() {
        for (pattern, text) in [
            (r"a(?=b)", "a(?=b)"),
            (r"(?<!a)b", "(?<!a)b"),
            (r"(a)\1", r"(a)(?:\1)"),
            (r"(?P<q>a)(?P=q)", r"(?P<q>a)(?:\1)"),
            (r"(?P<q>a)?(?(q)b|c)", "(?P<q>a)?(?(1)b|c)"),
            (r"a++(?>b)", "a++(?>b)"),
            (r"(?-m:$)", r"(?:(?=\n?\z))"),
        ] {
            let translated = translate(pattern).unwrap();
            assert!(translated.backtracks, "{pattern}");
            assert_eq!(translated.text, text);
        }
        assert!(!translate(r"(?P<q>a)\b[b]{2}?").unwrap().backtracks);
    }

    #[test]
    fn what_python_refuses_is_refused() {
        for pattern in [r"(a)\2", "a(?i)b", "a**", r"\y", "(?P=q)", "(?P<q>a)(?P<q>b)", "(?L)a", "(?Px)"] {
            assert!(translate(pattern).is_err(), "{pattern}");
        }
        assert_eq!(split_global_flags("(?i)(?s)a(?x)"), ("is".to_owned(), "a(?x)"));
        assert_eq!(split_global_flags("(?:a)"), (String::new(), "(?:a)"));
    }
}
