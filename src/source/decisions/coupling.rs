//! Conditions of a decision that are the same expression, so that one cannot be true while the other is false.
//!
//! What counts is what is written: names, attributes, items, constants, and operators over them, with nothing evaluated in
//! between that could change them: no call, `await`, `yield` or `:=`.

use std::collections::HashMap;

use ruff_python_ast::Expr;
use ruff_python_ast::comparable::ComparableExpr;
use ruff_python_ast::visitor::{self, Visitor};

/// By condition: the first that is the same.
pub(super) fn same_as(conditions: &[&Expr]) -> Vec<Option<u32>> {
    // Since which condition nothing could change a value.
    let mut known: HashMap<ComparableExpr, u32> = HashMap::new();
    let mut found = Vec::with_capacity(conditions.len());
    for (number, condition) in conditions.iter().enumerate() {
        if !is_stable(condition) {
            known.clear();
            found.push(None);
            continue;
        }
        let first = *known.entry(ComparableExpr::from(*condition)).or_insert(number as u32);
        found.push((first != number as u32).then_some(first));
    }
    found
}

/// Whether evaluating an expression twice gives the same, and changes nothing for others.
fn is_stable(expression: &Expr) -> bool {
    let mut search = Search { is_stable: true };
    search.visit_expr(expression);
    search.is_stable
}

struct Search {
    is_stable: bool,
}

impl<'a> Visitor<'a> for Search {
    fn visit_expr(&mut self, expression: &'a Expr) {
        self.is_stable &= matches!(
            expression,
            Expr::Name(_)
                | Expr::Attribute(_)
                | Expr::Subscript(_)
                | Expr::Compare(_)
                | Expr::BinOp(_)
                | Expr::UnaryOp(_)
                | Expr::BoolOp(_)
                | Expr::Tuple(_)
                | Expr::NumberLiteral(_)
                | Expr::StringLiteral(_)
                | Expr::BytesLiteral(_)
                | Expr::BooleanLiteral(_)
                | Expr::NoneLiteral(_)
                | Expr::EllipsisLiteral(_)
        );
        if self.is_stable {
            visitor::walk_expr(self, expression);
        }
    }
}
