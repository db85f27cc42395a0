//! Comments that justify conditions which no test shows: `# pragma: mcdc justified(c2): reason`.
//!
//! Must not know: decisions. Invariant: a comment that begins like one is always handed on, so that a slip is told.

use std::sync::LazyLock;

use regex::Regex;
use ruff_python_ast::token::TokenKind;
use ruff_text_size::Ranged;

use super::syntax::Syntax;
use crate::model::Justification;

/// The list of conditions, and the reason.
static PRAGMA: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?i)#\s*pragma:\s*mcdc\s+justified\s*(?:\(([^)]*)\))?\s*:?(.*)").ok());

/// Finds them, in the order of the source.
pub(super) fn justifications(syntax: &Syntax, text: &str) -> Vec<Justification> {
    let comments = syntax.tokens().iter().filter(|token| token.kind() == TokenKind::Comment);
    let found = comments.filter_map(|comment| {
        let captures = PRAGMA.as_ref()?.captures(&text[comment.range()])?;
        let conditions = captures.get(1).map_or("", |list| list.as_str());
        let reason = captures.get(2).map_or("", |reason| reason.as_str()).trim();
        Some(Justification {
            line: syntax.first_line(comment),
            conditions: conditions
                .split(',')
                .map(str::trim)
                .filter(|item| !item.is_empty())
                .map(str::to_owned)
                .collect(),
            reason: reason.to_owned(),
        })
    });
    found.collect()
}
