//! The tokens of a text that are shown in a colour of their own.
//!
//! Must not know: colours, pages. Invariant: tokens are ascending, disjoint, not empty, and lie on character boundaries.

use std::ops::Range;

use ruff_python_ast::token::{Token, TokenKind};
use ruff_text_size::Ranged;

use super::SourceError;
use super::syntax::Syntax;

/// A piece of a text, and what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SourceToken {
    /// Bytes of the text.
    pub(crate) range: Range<usize>,
    pub(crate) kind: SourceTokenKind,
}

/// What is told apart. Names and operators are not: they are most of a text, and plain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SourceTokenKind {
    Comment,
    /// `if`, `match` where it is the statement, `None`.
    Keyword,
    Number,
    /// A string with its quotes; of an f-string, the parts that are text.
    String,
    /// The name that a `def` or `class` defines.
    Definition,
    /// The `@` of a decorator and the names right behind it.
    Decorator,
}

/// The tokens of a text that [`decode`](super::decode) made.
pub(crate) fn highlight(text: &str) -> Result<Vec<SourceToken>, SourceError> {
    let syntax = Syntax::parse(text)?;
    let mut found: Vec<SourceToken> = Vec::new();
    let mut before = Before::LineStart;
    for token in syntax.tokens() {
        let kind = classify(token.kind(), before);
        before = before.after(token);
        let range = usize::from(token.start())..usize::from(token.end());
        let Some(kind) = kind.filter(|_| !range.is_empty()) else { continue };
        // After errors the parser's tokens need not be in order.
        if found.last().is_none_or(|last| last.range.end <= range.start)
            && text.is_char_boundary(range.start)
            && text.is_char_boundary(range.end)
        {
            found.push(SourceToken { range, kind });
        }
    }
    Ok(found)
}

/// What came before a token, as far as it says what the token is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Before {
    /// Nothing on this logical line.
    LineStart,
    /// `def` or `class`.
    Defining,
    /// The `@` of a decorator, its names and dots.
    Decorating,
    Other,
}

impl Before {
    fn after(self, token: &Token) -> Self {
        match token.kind() {
            TokenKind::Newline | TokenKind::NonLogicalNewline | TokenKind::Indent | TokenKind::Dedent => {
                Self::LineStart
            }
            TokenKind::Comment => self,
            TokenKind::Def | TokenKind::Class => Self::Defining,
            TokenKind::At if self == Self::LineStart => Self::Decorating,
            TokenKind::Name | TokenKind::Dot if self == Self::Decorating => Self::Decorating,
            _ => Self::Other,
        }
    }
}

fn classify(kind: TokenKind, before: Before) -> Option<SourceTokenKind> {
    match kind {
        TokenKind::Comment => Some(SourceTokenKind::Comment),
        TokenKind::Int | TokenKind::Float | TokenKind::Complex => Some(SourceTokenKind::Number),
        TokenKind::String
        | TokenKind::FStringStart
        | TokenKind::FStringMiddle
        | TokenKind::FStringEnd
        | TokenKind::TStringStart
        | TokenKind::TStringMiddle
        | TokenKind::TStringEnd => Some(SourceTokenKind::String),
        TokenKind::At if before == Before::LineStart => Some(SourceTokenKind::Decorator),
        TokenKind::Name | TokenKind::Dot if before == Before::Decorating => Some(SourceTokenKind::Decorator),
        TokenKind::Name if before == Before::Defining => Some(SourceTokenKind::Definition),
        kind if kind.is_keyword() => Some(SourceTokenKind::Keyword),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &[(&str, SourceTokenKind)]) {
        let found = highlight(text).unwrap();
        let found: Vec<_> = found.iter().map(|token| (&text[token.range.clone()], token.kind)).collect();
        assert_eq!(found, expected, "\n{text}");
    }

    #[test]
    fn tokens_have_kinds() {
        use SourceTokenKind::{Comment, Decorator, Definition, Keyword, Number, String};
        check(
            "@a.b(c)\nasync def f(x=1): # é\n    return None or f'a{x!r:>{w}}b'\n",
            &[
                ("@", Decorator),
                ("a", Decorator),
                (".", Decorator),
                ("b", Decorator),
                ("async", Keyword),
                ("def", Keyword),
                ("f", Definition),
                ("1", Number),
                ("# é", Comment),
                ("return", Keyword),
                ("None", Keyword),
                ("or", Keyword),
                ("f'", String),
                ("a", String),
                (">", String),
                ("b", String),
                ("'", String),
            ],
        );
        check("class A: x = a @ b\nmatch = 1\n", &[("class", Keyword), ("A", Definition), ("1", Number)]);
        check("match x:\n  case 1: y\n", &[("match", Keyword), ("case", Keyword), ("1", Number)]);
    }

    proptest! {
        #[test]
        fn no_text_is_too_odd(text in r#"([a-z@#'"{}()é\n\\ ]|def |f'|"""|\t|\PC){0,60}"#) {
            let tokens = highlight(&text).unwrap();
            prop_assert!(tokens.windows(2).all(|pair| pair[0].range.end <= pair[1].range.start));
            prop_assert!(tokens.iter().all(|token| text.get(token.range.clone()).is_some_and(|text| !text.is_empty())));
        }
    }
}
