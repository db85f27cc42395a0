//! Which physical lines form one logical line, in the language reference's sense.

use ruff_python_ast::token::TokenKind;
use ruff_text_size::Ranged;

use crate::model::{FirstLines, LineNo};

use super::syntax::{Syntax, is_code};

/// Finds the logical lines longer than one physical line. The header of a compound statement is one, a suite on the
/// header's line part of it, and each decorator one of its own.
pub(super) fn first_lines(syntax: &Syntax) -> FirstLines {
    let mut ranges: Vec<(LineNo, LineNo)> = Vec::new();
    let mut start = None;
    for token in syntax.tokens() {
        if is_code(token.kind()) {
            start.get_or_insert(token.start());
        } else if token.kind() == TokenKind::Newline
            && let Some(start) = start.take()
        {
            let (first, last) = (syntax.line_at(start), syntax.line_at(token.start()));
            let is_behind_all = ranges.last().is_none_or(|(_, before)| *before < first);
            if first < last && is_behind_all {
                ranges.push((first, last));
            }
        }
    }
    FirstLines::new(ranges)
}
