//! Variables in values: `$NAME`, `${NAME}`, `${NAME-default}`, `${NAME?}`, `$$`; and `~` in paths.
//!
//! Must not know: where values come from. Invariant: a `$` before anything else stays, so that regular expressions keep
//! theirs (coverage.py 7.17.3, `misc.py`, `substitute_variables`).

/// A variable written `${NAME?}` that is not set.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("variable {0} is undefined")]
pub(super) struct Undefined(String);

/// Puts in the values that `lookup` gives.
pub(super) fn variables(text: &str, lookup: impl Fn(&str) -> Option<String>) -> Result<String, Undefined> {
    let mut expanded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        expanded.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('$') {
            expanded.push('$');
            rest = after;
        } else if let Some((name, after)) = word(rest) {
            expanded.push_str(&lookup(name).unwrap_or_default());
            rest = after;
        } else if let Some((reference, after)) = rest.strip_prefix('{').and_then(braced) {
            match (lookup(reference.name), reference.otherwise) {
                (Some(value), _) => expanded.push_str(&value),
                (None, Otherwise::Text(default)) => expanded.push_str(default),
                (None, Otherwise::Error) => return Err(Undefined(reference.name.to_owned())),
            }
            rest = after;
        } else {
            expanded.push('$');
        }
    }
    expanded.push_str(rest);
    Ok(expanded)
}

struct Reference<'a> {
    name: &'a str,
    otherwise: Otherwise<'a>,
}

/// What stands for a variable that is not set.
enum Otherwise<'a> {
    Text(&'a str),
    Error,
}

/// What follows `${`, and what follows its `}`.
fn braced(text: &str) -> Option<(Reference<'_>, &str)> {
    let (name, rest) = word(text)?;
    if let Some(after) = rest.strip_prefix("?}") {
        return Some((Reference { name, otherwise: Otherwise::Error }, after));
    }
    let (default, after) = match rest.strip_prefix('-') {
        Some(rest) => rest.split_once('}')?,
        None => ("", rest.strip_prefix('}')?),
    };
    Some((Reference { name, otherwise: Otherwise::Text(default) }, after))
}

/// Python's `\w+` at the start of a text, and the rest.
fn word(text: &str) -> Option<(&str, &str)> {
    let end = text.find(|char: char| !char.is_alphanumeric() && char != '_').unwrap_or(text.len());
    (end > 0).then(|| text.split_at(end))
}

/// `~` and `~/…` under `home`; `~other` stays, as where the user is not known.
pub(super) fn home(path: &str, home: Option<&str>) -> String {
    match (path.strip_prefix('~'), home) {
        (Some(rest), Some(home)) if rest.is_empty() || rest.starts_with('/') => {
            format!("{}{rest}", home.trim_end_matches('/'))
        }
        _ => path.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let lookup = |name: &str| (name == "A").then(|| "1".to_owned());
        assert_eq!(variables(text, lookup).as_deref(), Ok(expected), "{text}");
    }

    /// Checked against coverage 7.17.3's `substitute_variables`.
    #[test]
    fn variables_are_coverage_pys() {
        check("x$A y", "x1 y");
        check("${A}${B}.", "1.");
        check("${B-two}${B-}${A-x}", "two1");
        check("$$A $$$A", "$A $1");
        check(r"(#|$) ^$|\$", r"(#|$) ^$|\$");
        check("${A ${} ${B-x", "${A ${} ${B-x");
        check("${A?}", "1");
        check("$Ax-${é-é}", "-é");
        assert_eq!(variables("${B?}", |_| None), Err(Undefined("B".to_owned())));
    }

    #[test]
    fn home_is_put_in() {
        assert_eq!(home("~/x", Some("/h/")), "/h/x");
        assert_eq!(home("~", Some("/h")), "/h");
        assert_eq!(home("a~", Some("/h")), "a~");
    }
}
