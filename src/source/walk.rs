//! Visits statements, and the `case` clauses between them, without looking into expressions.

use ruff_python_ast::{ExceptHandler, MatchCase, Stmt};

#[derive(Clone, Copy)]
pub(super) enum Node<'a> {
    Statement(&'a Stmt),
    Case(&'a MatchCase),
}

/// All statements and cases below `body`. A node comes before those in it, and of two siblings the later comes first, as
/// in coverage.py (7.17.3, `parser.py`, `walk_statement_nodes`): texts about one arc are listed in this order.
pub(super) fn nodes(body: &[Stmt]) -> impl Iterator<Item = Node<'_>> {
    let mut stack: Vec<Node<'_>> = body.iter().map(Node::Statement).collect();
    std::iter::from_fn(move || {
        let node = stack.pop()?;
        match node {
            Node::Statement(Stmt::Match(choice)) => stack.extend(choice.cases.iter().map(Node::Case)),
            Node::Statement(statement) => {
                for suite in suites(statement) {
                    stack.extend(suite.iter().map(Node::Statement));
                }
            }
            Node::Case(case) => stack.extend(case.body.iter().map(Node::Statement)),
        }
        Some(node)
    })
}

/// The suites of a compound statement in the order of the text; none for a simple one.
pub(super) fn suites(statement: &Stmt) -> Vec<&[Stmt]> {
    match statement {
        Stmt::FunctionDef(function) => vec![&function.body],
        Stmt::ClassDef(class) => vec![&class.body],
        Stmt::For(loop_) => vec![&loop_.body, &loop_.orelse],
        Stmt::While(loop_) => vec![&loop_.body, &loop_.orelse],
        Stmt::With(with) => vec![&with.body],
        Stmt::If(choice) => {
            let clauses = choice.elif_else_clauses.iter().map(|clause| &*clause.body);
            std::iter::once(&*choice.body).chain(clauses).collect()
        }
        Stmt::Match(choice) => choice.cases.iter().map(|case| &*case.body).collect(),
        Stmt::Try(attempt) => {
            let handlers =
                attempt.handlers.iter().map(|ExceptHandler::ExceptHandler(handler)| &*handler.body);
            let rest: [&[Stmt]; 2] = [&attempt.orelse, &attempt.finalbody];
            std::iter::once(&*attempt.body).chain(handlers).chain(rest).collect()
        }
        _ => Vec::new(),
    }
}
