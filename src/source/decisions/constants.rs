//! Conditions whose truth the compiler knows (CPython 3.11–3.15: `Python/ast_opt.c`, `Python/flowgraph.c`).

use ruff_python_ast::{BoolOp, Expr, Number, UnaryOp};

/// The truth of a constant expression; none for all others, and for constants that take computing.
pub(super) fn truth(expression: &Expr) -> Option<bool> {
    match expression {
        Expr::BooleanLiteral(literal) => Some(literal.value),
        Expr::NoneLiteral(_) => Some(false),
        Expr::EllipsisLiteral(_) => Some(true),
        Expr::NumberLiteral(literal) => Some(is_nonzero(&literal.value)),
        Expr::StringLiteral(literal) => Some(!literal.value.is_empty()),
        Expr::BytesLiteral(literal) => Some(literal.value.bytes().next().is_some()),
        Expr::UnaryOp(operation) if matches!(operation.op, UnaryOp::UAdd | UnaryOp::USub) => {
            match &*operation.operand {
                Expr::NumberLiteral(literal) => Some(is_nonzero(&literal.value)),
                _ => None,
            }
        }
        Expr::Tuple(tuple) => {
            tuple.elts.iter().all(|element| truth(element).is_some()).then_some(!tuple.elts.is_empty())
        }
        Expr::Name(name) if name.id == "__debug__" => Some(true),
        _ => None,
    }
}

/// The truth of an expression of which nothing but constants is evaluated: `1 or f()`, too.
pub(super) fn known(expression: &Expr) -> Option<bool> {
    match expression {
        Expr::BoolOp(operation) => {
            let forcing = operation.op == BoolOp::Or;
            for operand in &operation.values {
                if known(operand)? == forcing {
                    return Some(forcing);
                }
            }
            Some(!forcing)
        }
        Expr::UnaryOp(operation) if operation.op == UnaryOp::Not => {
            known(&operation.operand).map(|truth| !truth)
        }
        _ => truth(expression),
    }
}

fn is_nonzero(number: &Number) -> bool {
    match number {
        Number::Int(value) => value.as_u64() != Some(0),
        Number::Float(value) => *value != 0.0,
        Number::Complex { real, imag } => *real != 0.0 || *imag != 0.0,
    }
}
