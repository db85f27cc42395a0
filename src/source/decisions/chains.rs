//! Chained comparisons (`a < b < c`) whose comparisons are conditions of their own.
//!
//! Such a comparison is `a < b and b < c`, but that `b` is evaluated once. The compiler gives all instructions that compare the
//! range of the whole (CPython 3.11–3.15, `codegen_compare` and `codegen_jump_if`).

use ruff_python_ast::visitor::Visitor;
use ruff_python_ast::{AtomicNodeIndex, CmpOp, Expr, ExprCompare};
use ruff_text_size::{Ranged, TextRange, TextSize};

use super::Finder;
use crate::model::AnchorKind;

/// One comparison of a chain.
pub(super) struct Link {
    /// Its number in the chain.
    number: usize,
    /// It alone, with a range from the one operand to the other.
    pub(super) comparison: Expr,
}

/// How many comparisons a chained comparison has; 0 for all else.
pub(super) fn comparisons(expression: &Expr) -> u32 {
    match expression {
        Expr::Compare(comparison) if comparison.ops.len() > 1 => comparison.ops.len() as u32,
        _ => 0,
    }
}

/// The comparisons of a chain.
pub(super) fn links(chain: &ExprCompare, text: &str) -> Vec<Link> {
    let operands: Vec<&Expr> = std::iter::once(&*chain.left).chain(&*chain.comparators).collect();
    let mut links: Vec<Link> = Vec::with_capacity(chain.ops.len());
    let mut start = chain.start();
    for (number, operator) in chain.ops.iter().enumerate() {
        let [left, right] = [operands[number], operands[number + 1]];
        let (_, right_start) = gap(left, right, text);
        let end = operands.get(number + 2).map_or(chain.end(), |next| gap(right, next, text).0);
        let comparison = Expr::Compare(ExprCompare {
            node_index: AtomicNodeIndex::NONE,
            range: TextRange::new(start, end),
            left: Box::new(left.clone()),
            ops: Box::new([*operator]),
            comparators: Box::new([right.clone()]),
        });
        links.push(Link { number, comparison });
        start = right_start;
    }
    links
}

/// Between two operands: where the left one ends and the right one begins, their parentheses included.
fn gap(left: &Expr, right: &Expr, text: &str) -> (TextSize, TextSize) {
    let (mut end, mut start) = (left.end(), right.start());
    let mut is_comment = false;
    let mut has_opened = false;
    for (at, character) in text[TextRange::new(left.end(), right.start())].char_indices() {
        let at = left.end() + TextSize::new(at as u32);
        match character {
            '\n' => is_comment = false,
            _ if is_comment => {}
            '#' => is_comment = true,
            ')' => end = at + TextSize::new(1),
            '(' if !has_opened => (start, has_opened) = (at, true),
            _ => {}
        }
    }
    (end, start)
}

impl<'a> Finder<'a> {
    /// Notes the ranges that stand for a chain and its links, nodes of a decision.
    pub(super) fn chain(&mut self, chain: &ExprCompare, decision: u32, node: u32, links: &[u32]) {
        self.anchor(chain.range(), decision, node, AnchorKind::Value);
        let last = chain.ops.last().zip(chain.comparators.last()).zip(links.last());
        if let Some(((operator @ (CmpOp::Is | CmpOp::IsNot), Expr::NoneLiteral(_)), link)) = last {
            let negated = *operator == CmpOp::IsNot;
            self.anchor(chain.range(), decision, *link, AnchorKind::NoneOperand { negated });
        }
    }

    /// Looks for decisions in the operands that a link evaluates.
    pub(super) fn operands_of(&mut self, link: &Link, chain: &'a ExprCompare) {
        if link.number == 0 {
            self.visit_expr(&chain.left);
        }
        self.visit_expr(&chain.comparators[link.number]);
    }
}
