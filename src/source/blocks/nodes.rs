//! The lines on which the nodes of a syntax tree begin and end.
//!
//! Invariant: trees with equal fingerprints have as many, and the same node's at the same place in the sequence, unless
//! f-strings are cut into other pieces.

use ruff_python_ast::visitor::source_order::{SourceOrderVisitor, TraversalSignal, walk_stmt};
use ruff_python_ast::{AnyNodeRef, Stmt};
use ruff_text_size::{Ranged, TextSize};

use crate::model::{LineNo, NodeLines};

pub(super) fn lines(body: &[Stmt], line_at: impl Fn(TextSize) -> LineNo) -> NodeLines {
    let mut nodes = Nodes { line_at, found: Vec::new() };
    for statement in body {
        walk_stmt(&mut nodes, statement);
    }
    nodes.found.into_iter().collect()
}

struct Nodes<F> {
    line_at: F,
    found: Vec<LineNo>,
}

impl<'a, F: Fn(TextSize) -> LineNo> SourceOrderVisitor<'a> for Nodes<F> {
    fn enter_node(&mut self, node: AnyNodeRef<'a>) -> TraversalSignal {
        // The end, too: CPython has the calls of a chain of methods where their names stand.
        for offset in [node.start(), node.end()] {
            self.found.push((self.line_at)(offset));
        }
        match node {
            // "a" "b" is "ab".
            AnyNodeRef::ExprStringLiteral(_) | AnyNodeRef::ExprBytesLiteral(_) => TraversalSignal::Skip,
            _ => TraversalSignal::Traverse,
        }
    }
}
