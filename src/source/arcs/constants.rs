//! Conditions that CPython decides when it compiles.

use ruff_python_ast::{BoolOp, Expr, Number, UnaryOp};

/// The truth of a constant condition. Knows literals, and `not`, `and`, `or` of them alone: not all that CPython folds, but
/// all that coverage.py does (7.17.3, `parser.py`, `is_constant_test_expr`).
pub(super) fn truth(test: &Expr) -> Option<bool> {
    match test {
        Expr::BooleanLiteral(literal) => Some(literal.value),
        Expr::NoneLiteral(_) => Some(false),
        Expr::EllipsisLiteral(_) => Some(true),
        Expr::NumberLiteral(literal) => Some(match &literal.value {
            Number::Int(int) => *int != 0,
            Number::Float(float) => *float != 0.0,
            Number::Complex { real, imag } => *real != 0.0 || *imag != 0.0,
        }),
        Expr::StringLiteral(literal) => Some(!literal.value.is_empty()),
        Expr::BytesLiteral(literal) => Some(!literal.value.is_empty()),
        Expr::Name(name) => (name.id.as_str() == "__debug__").then_some(true),
        Expr::UnaryOp(not) if not.op == UnaryOp::Not => truth(&not.operand).map(|truth| !truth),
        Expr::BoolOp(operation) => {
            let operands: Vec<bool> = operation.values.iter().map(truth).collect::<Option<_>>()?;
            Some(match operation.op {
                BoolOp::And => operands.iter().all(|truth| *truth),
                BoolOp::Or => operands.iter().any(|truth| *truth),
            })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use ruff_python_ast::Stmt;

    use super::super::super::syntax::Syntax;
    use super::*;

    #[track_caller]
    fn check(source: &str, expected: Option<bool>) {
        let syntax = Syntax::parse(source).unwrap();
        let Some(Stmt::Expr(expression)) = syntax.body().first() else { panic!("no expression: {source}") };
        assert_eq!(truth(&expression.value), expected, "{source}");
    }

    #[test]
    fn literals_are_constant() {
        for truth in [
            "True",
            "1",
            "0x10",
            "1.5",
            "1j",
            "'a'",
            "'' 'a'",
            "b'a'",
            "...",
            "__debug__",
            "99999999999999999999",
        ] {
            check(truth, Some(true));
        }
        for falsehood in ["False", "None", "0", "0x0", "0.0", "0j", "''", "'' ''", "b''"] {
            check(falsehood, Some(false));
        }
    }

    #[test]
    fn operators_are_constant_with_their_operands() {
        check("not 0", Some(true));
        check("None or 1", Some(true));
        check("1 and 0", Some(false));
        check("not (1 and not 0)", Some(false));
        for variable in ["a", "a or 1", "0 and a", "-1", "f''", "()", "not a"] {
            check(variable, None);
        }
    }
}
