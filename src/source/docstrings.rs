//! Where docstrings stand. CPython stores them without running a line.

use ruff_python_ast::{Expr, Stmt};

use crate::model::LineSet;

use super::syntax::Syntax;
use super::walk::{Node, nodes};

/// All physical lines of the docstrings of the module, its classes and its functions.
pub(super) fn lines(syntax: &Syntax) -> LineSet {
    let mut lines = LineSet::new();
    let mut note = |body: &[Stmt]| {
        if let Some(first @ Stmt::Expr(expression)) = body.first()
            && matches!(*expression.value, Expr::StringLiteral(_))
        {
            lines.insert_range(syntax.first_line(first), syntax.last_line(first));
        }
    };
    note(syntax.body());
    for node in nodes(syntax.body()) {
        match node {
            Node::Statement(Stmt::FunctionDef(function)) => note(&function.body),
            Node::Statement(Stmt::ClassDef(class)) => note(&class.body),
            Node::Statement(_) | Node::Case(_) => {}
        }
    }
    lines
}
