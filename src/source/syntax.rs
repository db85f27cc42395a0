//! A parsed text: its tokens, its tree, and the lines they stand on.
//!
//! Must not know: patterns, executable lines. Invariant: every text parses; where the parser meets an error it recovers,
//! because CPython, which compiled the text, is the judge of what is Python.

use ruff_python_ast::token::{Token, TokenKind};
use ruff_python_ast::{ModModule, PySourceType, Stmt};
use ruff_python_parser::{Parsed, parse_unchecked_source};
use ruff_text_size::{Ranged, TextSize};

use crate::model::LineNo;

use super::SourceError;

pub(super) struct Syntax {
    parsed: Parsed<ModModule>,
    /// The offset after each line feed.
    line_starts: Vec<TextSize>,
}

impl Syntax {
    pub(super) fn parse(text: &str) -> Result<Self, SourceError> {
        // The parser adds to offsets, so leave it room.
        if text.len() >= i32::MAX as usize {
            return Err(SourceError::TooLarge { bytes: text.len() });
        }
        let parsed = parse_unchecked_source(text, PySourceType::Python);
        let feeds = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let line_starts = feeds.map(|(at, _)| TextSize::new(at as u32 + 1)).collect();
        Ok(Self { parsed, line_starts })
    }

    pub(super) fn body(&self) -> &[Stmt] {
        &self.parsed.syntax().body
    }

    pub(super) fn tokens(&self) -> &[Token] {
        self.parsed.tokens()
    }

    /// Whether there is nothing to run: only comments and blank lines.
    pub(super) fn is_empty(&self) -> bool {
        !self.tokens().iter().any(|token| is_code(token.kind()))
    }

    pub(super) fn line_at(&self, offset: TextSize) -> LineNo {
        self.line_starts.partition_point(|start| *start <= offset) as LineNo + 1
    }

    /// Line, and column in bytes of UTF-8 from 0.
    pub(super) fn position(&self, offset: TextSize) -> (LineNo, u32) {
        let before = self.line_starts.partition_point(|start| *start <= offset);
        let start = before.checked_sub(1).map_or(TextSize::new(0), |index| self.line_starts[index]);
        (before as LineNo + 1, (offset - start).into())
    }

    pub(super) fn first_line(&self, node: &impl Ranged) -> LineNo {
        self.line_at(node.start())
    }

    pub(super) fn last_line(&self, node: &impl Ranged) -> LineNo {
        self.line_at(node.end())
    }

    /// The line CPython's `ast` gives a statement. That of a decorated function or class is the line of its `def` or
    /// `class`, where the parser's range begins with the decorators.
    pub(super) fn statement_line(&self, statement: &Stmt) -> LineNo {
        let decorators = match statement {
            Stmt::FunctionDef(function) => &function.decorator_list,
            Stmt::ClassDef(class) => &class.decorator_list,
            _ => return self.first_line(statement),
        };
        let Some(last) = decorators.last() else {
            return self.first_line(statement);
        };
        let tokens = self.tokens();
        let after = tokens.partition_point(|token| token.start() < last.end());
        let keyword = tokens[after..]
            .iter()
            .find(|token| matches!(token.kind(), TokenKind::Def | TokenKind::Async | TokenKind::Class));
        self.line_at(keyword.map_or(statement.start(), Ranged::start))
    }
}

/// Whether a token is part of a statement, rather than a comment or the layout of the text.
pub(super) fn is_code(kind: TokenKind) -> bool {
    !matches!(
        kind,
        TokenKind::Comment
            | TokenKind::Newline
            | TokenKind::NonLogicalNewline
            | TokenKind::Indent
            | TokenKind::Dedent
            | TokenKind::EndOfFile
    )
}
