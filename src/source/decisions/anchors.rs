//! By which ranges the compiler's instructions refer to conditions.
//!
//! Facts of CPython 3.11–3.15, `Python/compile.c` and `Python/codegen.c`: an instruction has the range of the expression it
//! evaluates, but for an attribute or method on another line than its object (`update_start_location_to_match_attr`), a
//! named expression, which ends with the storing of its target, and a conditional expression, which ends with an arm.

use ruff_python_ast::visitor::Visitor;
use ruff_python_ast::{CmpOp, Expr};
use ruff_text_size::{Ranged, TextRange};

use super::{Finder, constants};
use crate::model::{AnchorKind, ConstantArm, Context};

impl<'a> Finder<'a> {
    /// Notes the ranges that stand for a condition, and looks for decisions within it. `jumps` are further ranges that its
    /// first jump may have.
    pub(super) fn condition(&mut self, expression: &'a Expr, decision: u32, node: u32, jumps: &[TextRange]) {
        match expression {
            Expr::If(choice) => {
                // Its own test comes first.
                let test = self.map.decisions.len();
                let jumps: Vec<TextRange> = jumps.iter().copied().chain([choice.range()]).collect();
                self.test(&choice.test, Context::IfExp, &jumps);
                for (when, arm) in [(true, &*choice.body), (false, &*choice.orelse)] {
                    if let Some(truth) = constants::known(arm) {
                        let arm = ConstantArm { when, condition: (decision, node), truth };
                        self.map.decisions[test].constant_arms.push(arm);
                    }
                    self.arm(arm, decision, node);
                }
            }
            Expr::Compare(comparison) => {
                if let ([operator], [operand]) = (&*comparison.ops, &*comparison.comparators) {
                    let kind = match operator {
                        CmpOp::In | CmpOp::Is => AnchorKind::Membership { negated: false },
                        CmpOp::NotIn | CmpOp::IsNot => AnchorKind::Membership { negated: true },
                        _ => AnchorKind::Value,
                    };
                    self.anchor(expression.range(), decision, node, kind);
                    if let (AnchorKind::Membership { negated }, true) = (kind, operand.is_none_literal_expr())
                    {
                        self.none_operand(&comparison.left, decision, node, negated);
                    }
                } else {
                    self.anchor(expression.range(), decision, node, AnchorKind::Value);
                    let last = comparison.ops.last().zip(comparison.comparators.last());
                    if let Some((operator @ (CmpOp::Is | CmpOp::IsNot), Expr::NoneLiteral(_))) = last {
                        let negated = *operator == CmpOp::IsNot;
                        self.anchor(expression.range(), decision, node, AnchorKind::NoneOperand { negated });
                    }
                }
                self.visit_expr(&comparison.left);
                for operand in &comparison.comparators {
                    self.visit_expr(operand);
                }
            }
            _ => {
                self.value(expression, decision, node, AnchorKind::Value);
                self.visit_expr(expression);
            }
        }
    }

    /// An arm of a conditional expression that is a condition: its truth is the condition's.
    fn arm(&mut self, arm: &'a Expr, decision: u32, node: u32) {
        if self.is_operator(arm) {
            self.decision(self.tree(arm), arm, Context::Value, Some((decision, node)), &[]);
        } else {
            self.condition(arm, decision, node, &[]);
        }
    }

    /// What makes the value of an expression that is no operator, conditional expression or comparison.
    fn value(&mut self, expression: &Expr, decision: u32, node: u32, kind: AnchorKind) {
        match expression {
            Expr::Named(named) => self.anchor(named.target.range(), decision, node, kind),
            // One without other text is made by the formatting of its value.
            Expr::FString(string) => {
                for element in string.value.elements().filter(|element| element.is_interpolation()) {
                    self.anchor(element.range(), decision, node, kind);
                }
                self.anchor(expression.range(), decision, node, kind);
            }
            _ => self.anchor(expression.range(), decision, node, kind),
        }
        if kind == AnchorKind::Value && has_late_start(expression) {
            self.anchor(expression.range(), decision, node, AnchorKind::End);
        }
    }

    /// The operand of a comparison with None. Where it ends with one of several expressions, each of them counts.
    fn none_operand(&mut self, operand: &Expr, decision: u32, node: u32, negated: bool) {
        let kind = AnchorKind::NoneOperand { negated };
        match operand {
            Expr::If(choice) => {
                self.none_operand(&choice.body, decision, node, negated);
                self.none_operand(&choice.orelse, decision, node, negated);
            }
            Expr::BoolOp(operation) => {
                if let Some(last) = operation.values.last() {
                    self.none_operand(last, decision, node, negated);
                }
            }
            _ => self.value(operand, decision, node, kind),
        }
    }
}

/// Whether an instruction may begin later than its expression: with the name of the attribute, or with one of an f-string's
/// parts.
fn has_late_start(expression: &Expr) -> bool {
    match expression {
        Expr::Attribute(_) => true,
        Expr::Call(call) => call.func.is_attribute_expr(),
        _ => false,
    }
}
