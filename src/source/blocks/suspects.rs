//! Code of which CPython may warn when it compiles a file. Where warnings are errors, as some suites have it, such code in any
//! function keeps the whole file from being imported: it counts for the module.
//!
//! Must not know: which version compiles. More is suspected than one warns of, never less (CPython 3.11–3.15, `Python/compile.c`
//! and `Python/codegen.c`, `Parser/string_parser.c`, `Parser/lexer/lexer.c`).

use ruff_python_ast::visitor::{Visitor, walk_expr, walk_stmt};
use ruff_python_ast::{CmpOp, Expr, FStringPart, Stmt};
use ruff_text_size::{Ranged, TextRange, TextSize};

/// The texts of all such places in a module.
pub(super) fn suspects<'a>(text: &'a str, body: &[Stmt]) -> Vec<&'a str> {
    let mut suspects = Suspects { text, found: Vec::new() };
    for statement in body {
        suspects.visit_stmt(statement);
    }
    suspects.found
}

struct Suspects<'a> {
    text: &'a str,
    found: Vec<&'a str>,
}

impl<'a> Suspects<'a> {
    fn slice(&self, range: TextRange) -> &'a str {
        self.text.get(range.start().to_usize()..range.end().to_usize()).unwrap_or_default()
    }

    fn suspect(&mut self, place: &impl Ranged) {
        self.found.push(self.slice(place.range()));
    }

    /// A string literal, or one of several that stand together.
    fn literal(&mut self, place: &impl Ranged, is_raw: bool) {
        let text = self.slice(place.range());
        if !is_raw && has_odd_escape(text) {
            self.found.push(text);
        }
    }
}

impl<'b> Visitor<'b> for Suspects<'_> {
    fn visit_stmt(&mut self, statement: &'b Stmt) {
        match statement {
            Stmt::Assert(assert) if matches!(*assert.test, Expr::Tuple(_)) => self.suspect(assert),
            Stmt::Try(attempt) => {
                let mut leaving = Leaving::default();
                for statement in &attempt.finalbody {
                    leaving.visit_stmt(statement);
                }
                for place in &leaving.places {
                    self.suspect(place);
                }
            }
            _ => {}
        }
        walk_stmt(self, statement);
    }

    fn visit_expr(&mut self, expression: &'b Expr) {
        match expression {
            Expr::Compare(compare)
                if compare.ops.iter().any(|operator| matches!(operator, CmpOp::Is | CmpOp::IsNot))
                    && std::iter::once(&*compare.left).chain(&compare.comparators).any(is_made_here) =>
            {
                self.suspect(compare);
            }
            Expr::Call(call) if is_made_here(&call.func) => self.suspect(call),
            Expr::Subscript(subscript) if is_made_here(&subscript.value) => self.suspect(subscript),
            Expr::StringLiteral(string) => {
                for part in &string.value {
                    self.literal(part, part.flags.prefix().is_raw());
                }
            }
            Expr::BytesLiteral(bytes) => {
                for part in &bytes.value {
                    self.literal(part, part.flags.prefix().is_raw());
                }
            }
            Expr::FString(string) => {
                for part in &string.value {
                    match part {
                        FStringPart::Literal(part) => self.literal(part, part.flags.prefix().is_raw()),
                        FStringPart::FString(part) => self.literal(part, part.flags.prefix().is_raw()),
                    }
                }
            }
            Expr::TString(string) => {
                for part in &string.value {
                    self.literal(part, part.flags.prefix().is_raw());
                }
            }
            // `1or 2`
            Expr::NumberLiteral(number) => {
                let after = TextRange::at(number.end(), TextSize::new(1));
                if self.slice(after).starts_with(|c: char| c.is_ascii_alphabetic()) {
                    self.suspect(number);
                }
            }
            _ => {}
        }
        walk_expr(self, expression);
    }
}

/// Whether a value is new where the expression stands, so that some uses of it are always mistakes.
fn is_made_here(expression: &Expr) -> bool {
    matches!(
        expression,
        Expr::StringLiteral(_)
            | Expr::BytesLiteral(_)
            | Expr::NumberLiteral(_)
            | Expr::FString(_)
            | Expr::TString(_)
            | Expr::Tuple(_)
            | Expr::List(_)
            | Expr::Set(_)
            | Expr::Dict(_)
            | Expr::ListComp(_)
            | Expr::SetComp(_)
            | Expr::DictComp(_)
            | Expr::Generator(_)
            | Expr::Lambda(_)
            | Expr::UnaryOp(_)
            | Expr::BinOp(_)
    )
}

/// Statements that leave a `finally` suite.
#[derive(Default)]
struct Leaving {
    places: Vec<TextRange>,
}

impl<'b> Visitor<'b> for Leaving {
    fn visit_stmt(&mut self, statement: &'b Stmt) {
        if matches!(statement, Stmt::Return(_) | Stmt::Break(_) | Stmt::Continue(_)) {
            self.places.push(statement.range());
        }
        walk_stmt(self, statement);
    }
}

/// Whether a literal, as it is spelt, has a backslash before what it does not belong to, or an octal number beyond a byte.
fn has_odd_escape(text: &str) -> bool {
    let is_bytes = text.chars().take_while(|c| *c != '"' && *c != '\'').any(|c| c.eq_ignore_ascii_case(&'b'));
    let mut rest = text;
    while let Some((_, behind)) = rest.split_once('\\') {
        let Some(escaped) = behind.chars().next() else { return false };
        let is_odd = match escaped {
            '\n' | '\r' | '\\' | '\'' | '"' | 'a' | 'b' | 'f' | 'n' | 'r' | 't' | 'v' | 'x' | '0'..='3' => {
                false
            }
            'N' | 'u' | 'U' => is_bytes,
            '4'..='7' => {
                behind.len() > 2 && behind.bytes().take(3).all(|digit| (b'0'..=b'7').contains(&digit))
            }
            _ => true,
        };
        if is_odd {
            return true;
        }
        rest = &behind[escaped.len_utf8()..];
    }
    false
}

#[cfg(test)]
mod tests {
    use ruff_python_ast::PySourceType;
    use ruff_python_parser::parse_unchecked_source;

    use super::*;

    fn found(text: &str) -> Vec<&str> {
        let module = parse_unchecked_source(text, PySourceType::Python).into_syntax();
        suspects(text, &module.body.into_iter().collect::<Vec<_>>())
    }

    // Each makes CPython 3.13 or newer warn, but the last: 3.14.
    #[test]
    fn what_python_warns_of_is_suspected() {
        for text in [
            "def f(x):\n    return x is 0",
            "def f(x):\n    return x is not 'a'",
            "def f(x):\n    return () is x",
            "def f(x):\n    return x is -1",
            "assert (1, 'never fails')",
            "'a'()",
            "[1][2, 3]",
            "(1, 2) (3, 4)",
            "'\\d'",
            "b'\\u0041'",
            "f'{1}\\d'",
            "'a' '\\400'",
            "1if 2else 3",
            "def f():\n    try:\n        pass\n    finally:\n        return 1",
        ] {
            assert!(!found(text).is_empty(), "{text}");
        }
    }

    #[test]
    fn usual_code_is_not_suspected() {
        for text in [
            "x is None or x is True or x is ... or x is y",
            "assert x, 'y'",
            "f(x)[0](1)",
            r"r'\d' '\x00\n\N{DASH}\u0041\377' rf'\d{x}'",
            r"b'\x00' rb'\d'",
            "1 if 2 else 3",
            "try:\n    pass\nfinally:\n    x = 1",
        ] {
            assert_eq!(found(text), Vec::<&str>::new(), "{text}");
        }
    }
}
