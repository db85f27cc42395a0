//! File patterns of `--include` and `--omit`, in coverage.py 7.17.3's grammar (`files.py`, reference §2.5).
//!
//! Must not know: which option a pattern came from. Invariant: a pattern matches whole paths only.
//!
//! `*` and `?` stop at a slash, a leading `*/` or `**/` and an inner `**/` match any folders or none, a trailing `/*` or
//! `/**` matches everything below, `[…]` is a set. A pattern without a slash matches at any depth. One that does not begin
//! with `*` or `?` also counts from the current folder.

use std::path::Path;

use globset::{GlobBuilder, GlobMatcher, GlobSet, GlobSetBuilder};

use super::canonical;

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("file pattern {pattern:?} can't include {what:?}")]
pub(crate) struct PatternError {
    pattern: String,
    what: String,
}

/// Patterns of which any may match.
#[derive(Clone, Debug, Default)]
pub(crate) struct Patterns {
    /// `None` where there are no patterns: to make a set, even an empty one, and to ask it costs each start of a program.
    globs: Option<GlobSet>,
}

impl Patterns {
    /// Reads `patterns`; relative ones count from `folder`.
    pub(crate) fn new(patterns: &[String], folder: &Path) -> Result<Self, PatternError> {
        if patterns.is_empty() {
            return Ok(Self { globs: None });
        }
        let mut builder = GlobSetBuilder::new();
        for pattern in patterns {
            builder.add(glob(pattern)?);
            if !pattern.starts_with(['*', '?']) {
                let absolute = canonical(&folder.join(pattern));
                builder.add(glob(&absolute.to_string_lossy())?);
            }
        }
        let globs = builder.build().map_err(|error| PatternError {
            pattern: error.glob().unwrap_or_default().to_owned(),
            what: error.kind().to_string(),
        })?;
        Ok(Self { globs: Some(globs) })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.globs.is_none()
    }

    pub(crate) fn matches(&self, path: &Path) -> bool {
        self.globs.as_ref().is_some_and(|globs| globs.is_match(path))
    }
}

/// One pattern as a glob of the `globset` crate.
fn glob(pattern: &str) -> Result<globset::Glob, PatternError> {
    let slashed = pattern.replace('\\', "/");
    let text = if slashed.contains('/') { slashed } else { format!("**/{slashed}") };
    translate(pattern, &text, false)
}

/// A pattern of `[paths]`: it matches folders, in any case of letters, and may not end in a wildcard.
pub(super) fn folder_glob(pattern: &str) -> Result<GlobMatcher, PatternError> {
    let slashed = pattern.replace('\\', "/");
    let text = slashed.trim_end_matches('/');
    if text.ends_with('*') {
        let what = "a wildcard at its end".to_owned();
        return Err(PatternError { pattern: pattern.to_owned(), what });
    }
    Ok(translate(pattern, text, true)?.compile_matcher())
}

/// `text`, whose folders are set off by slashes, as a glob; `pattern` is what errors call it.
fn translate(pattern: &str, text: &str, any_case: bool) -> Result<globset::Glob, PatternError> {
    let refuse = |what: &str| PatternError { pattern: pattern.to_owned(), what: what.to_owned() };
    let components: Vec<&str> = text.split('/').collect();
    let last = components.len() - 1;
    let mut translated = Vec::new();
    for (index, component) in components.iter().enumerate() {
        let only_stars = !component.is_empty() && component.chars().all(|c| c == '*');
        let after_folders = translated.last().is_some_and(|before| before == "**");
        let part = match component {
            // A trailing `/*` stands for everything below, a leading `*/` for any folders.
            _ if only_stars && index == last && !after_folders => "**".to_owned(),
            _ if only_stars && index == 0 && component.len() <= 2 => "**".to_owned(),
            _ if component.contains("***") => return Err(refuse("***")),
            &"**" => "**".to_owned(),
            _ if component.contains("**") => return Err(refuse(component)),
            _ => component_glob(component).ok_or_else(|| refuse("["))?,
        };
        if part == "**" && after_folders {
            return Err(refuse("**/**"));
        }
        translated.push(part);
    }
    GlobBuilder::new(&translated.join("/"))
        .literal_separator(true)
        .case_insensitive(any_case)
        .backslash_escape(true)
        .build()
        .map_err(|error| refuse(&error.kind().to_string()))
}

/// A component without `**`. `None` where a bracket has no partner.
fn component_glob(component: &str) -> Option<String> {
    let mut glob = String::new();
    let mut rest = component;
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        match c {
            '*' | '?' => glob.push(c),
            '[' => {
                let end = rest.find(']')?;
                glob.push_str(&set(&rest[..end])?);
                rest = &rest[end + 1..];
            }
            ']' => return None,
            '{' | '}' | '\\' => glob.extend(['\\', c]),
            plain => glob.push(plain),
        }
    }
    Some(glob)
}

/// A set of characters: coverage.py takes it as a regular expression's, where `^` negates and `!` does not.
fn set(members: &str) -> Option<String> {
    match members.strip_prefix('^') {
        Some("") => None,
        Some(others) => Some(format!("[!{others}]")),
        None if members.is_empty() => None,
        // A leading `!` would negate: it goes last.
        None => Some(match members.strip_prefix('!') {
            Some("") => "!".to_owned(),
            Some(others) => format!("[{others}!]"),
            None => format!("[{members}]"),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether `pattern`, read in `/w`, matches `path`; checked against coverage 7.17.3's `GlobMatcher`.
    #[track_caller]
    fn check(pattern: &str, matching: &[&str], others: &[&str]) {
        let patterns = Patterns::new(&[pattern.to_owned()], Path::new("/w")).unwrap();
        for path in matching {
            assert!(patterns.matches(Path::new(path)), "{pattern} should match {path}");
        }
        for path in others {
            assert!(!patterns.matches(Path::new(path)), "{pattern} should not match {path}");
        }
    }

    #[test]
    fn patterns_match_as_in_coverage_py() {
        check("*", &["/w/a.py", "a"], &[]);
        check("*.py", &["/w/a.py", "/a.py"], &["/w/a.pyc"]);
        check("sub/*", &["/w/sub/a.py", "/w/sub/x/y.py", "sub/a.py"], &["/v/sub/a.py", "/w/subx/a.py"]);
        check("*/sub/*", &["/w/sub/a.py", "/v/x/sub/y/a.py"], &["/w/sub"]);
        check("a/**/b.py", &["/w/a/b.py", "/w/a/x/y/b.py"], &["/w/a/xb.py"]);
        check("/w/f[0-9].py", &["/w/f1.py"], &["/w/fx.py"]);
        check("/w/f[!a].py", &["/w/f!.py", "/w/fa.py"], &["/w/fb.py"]);
        check("/w/f?.py", &["/w/fa.py"], &["/w/f.py", "/w/f/.py"]);
        check("/w/{a,b}.py", &["/w/{a,b}.py"], &["/w/a.py"]);
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for pattern in ["***/a", "x**", "**x", "**/**", "**", "a[b", "a]b"] {
            assert!(Patterns::new(&[pattern.to_owned()], Path::new("/w")).is_err(), "{pattern}");
        }
    }
}
