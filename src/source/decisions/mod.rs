//! Decisions and conditions, and the ranges by which bytecode refers to them.
//!
//! Must not know: bytecode. Invariant: every `and`, `or` and test of the text belongs to one decision, but for what is never
//! run as such: annotations, type parameters and `type` statements.

mod anchors;
mod chains;
mod constants;
mod coupling;

use ruff_python_ast::visitor::{self, Visitor};
use ruff_python_ast::{BoolOp, Comprehension, ElifElseClause, Expr, MatchCase, Stmt, TypeParams, UnaryOp};
use ruff_text_size::{Ranged, TextRange};

use self::chains::Link;
use super::SourceError;
use super::syntax::Syntax;
use crate::model::{
    Anchor, AnchorKind, ChainedComparisons, Condition, Context, Decision, DecisionMap, MappedDecision, Node,
    Place,
};

/// Finds the decisions of a text that [`decode`](super::decode) made.
pub(crate) fn decisions(text: &str, chained: ChainedComparisons) -> Result<DecisionMap, SourceError> {
    let syntax = Syntax::parse(text)?;
    let mut finder =
        Finder { syntax: &syntax, text, chained, map: DecisionMap::default(), elements: Vec::new() };
    finder.visit_body(syntax.body());
    Ok(finder.map.sorted())
}

struct Finder<'a> {
    syntax: &'a Syntax,
    text: &'a str,
    chained: ChainedComparisons,
    map: DecisionMap,
    /// The ranges of the elements of the comprehension under way.
    elements: Vec<TextRange>,
}

/// A decision under construction, with the expressions of its conditions.
struct Tree<'a> {
    conditions: Vec<Leaf<'a>>,
    nodes: Vec<Node>,
    /// The expression of each node; that of a link is its chain.
    expressions: Vec<&'a Expr>,
}

/// A condition of a decision under construction.
struct Leaf<'a> {
    node: u32,
    expression: &'a Expr,
    /// Which comparison of `expression` it is, where that is several conditions.
    link: Option<Link>,
}

impl Leaf<'_> {
    /// What the condition is as an expression of its own.
    fn condition(&self) -> &Expr {
        self.link.as_ref().map_or(self.expression, |link| &link.comparison)
    }
}

impl<'a> Tree<'a> {
    fn push(&mut self, node: Node, expression: &'a Expr) -> u32 {
        self.nodes.push(node);
        self.expressions.push(expression);
        self.nodes.len() as u32 - 1
    }

    fn push_condition(&mut self, expression: &'a Expr, link: Option<Link>) -> u32 {
        let node = self.nodes.len() as u32;
        self.conditions.push(Leaf { node, expression, link });
        self.push(Node::Condition(self.conditions.len() as u32 - 1), expression)
    }
}

impl<'a> Finder<'a> {
    fn place(&self, range: TextRange) -> Place {
        let (line, column) = self.syntax.position(range.start());
        let (end_line, end_column) = self.syntax.position(range.end());
        Place { line, column, end_line, end_column }
    }

    /// The tree of `and`, `or` and `not` that an expression is, and of chained comparisons where they are split.
    fn tree(&self, expression: &'a Expr) -> Tree<'a> {
        let mut tree = Tree { conditions: Vec::new(), nodes: Vec::new(), expressions: Vec::new() };
        self.grow(&mut tree, expression);
        tree
    }

    fn grow(&self, tree: &mut Tree<'a>, expression: &'a Expr) -> u32 {
        let node = match expression {
            Expr::BoolOp(operation) => {
                let operands = operation.values.iter().map(|operand| self.grow(tree, operand)).collect();
                match operation.op {
                    BoolOp::And => Node::And(operands),
                    BoolOp::Or => Node::Or(operands),
                }
            }
            Expr::UnaryOp(operation) if operation.op == UnaryOp::Not => {
                Node::Not(self.grow(tree, &operation.operand))
            }
            Expr::Compare(comparison) if self.is_split(expression) => {
                let links = chains::links(comparison, self.text).into_iter();
                Node::And(links.map(|link| tree.push_condition(expression, Some(link))).collect())
            }
            condition => return tree.push_condition(condition, None),
        };
        tree.push(node, expression)
    }

    /// Whether an expression is no condition but an operator over some.
    fn is_operator(&self, expression: &Expr) -> bool {
        match expression {
            Expr::BoolOp(_) => true,
            Expr::UnaryOp(operation) => operation.op == UnaryOp::Not,
            _ => self.is_split(expression),
        }
    }

    /// Whether an expression is a chained comparison that counts as several conditions.
    fn is_split(&self, expression: &Expr) -> bool {
        match (self.chained, expression) {
            (ChainedComparisons::Split, Expr::Compare(comparison)) => comparison.ops.len() > 1,
            (ChainedComparisons::Split | ChainedComparisons::Whole, _) => false,
        }
    }

    /// A test; `jumps` are further ranges that its first jump may have.
    fn test(&mut self, test: &'a Expr, context: Context, jumps: &[TextRange]) {
        let tree = self.tree(test);
        self.decision(tree, test, context, None, jumps);
    }

    fn decision(
        &mut self,
        tree: Tree<'a>,
        whole: &'a Expr,
        context: Context,
        outer: Option<(u32, u32)>,
        jumps: &[TextRange],
    ) {
        let number = self.map.decisions.len() as u32;
        let expressions: Vec<&Expr> = tree.conditions.iter().map(Leaf::condition).collect();
        let condition = |(expression, same_as): (&&Expr, Option<u32>)| Condition {
            place: self.place(expression.range()),
            text: self.text[expression.range()].to_owned(),
            constant: constants::truth(expression),
            same_as,
            comparisons: chains::comparisons(expression),
        };
        let conditions = expressions.iter().zip(coupling::same_as(&expressions)).map(condition).collect();
        let is_chain = |(_, expression): &(u32, &&Expr)| expression.is_compare_expr();
        let operators = (0_u32..)
            .zip(&tree.expressions)
            .filter(|(node, _)| !matches!(tree.nodes[*node as usize], Node::Condition(_)));
        let chain = |(node, expression): (u32, &&Expr)| (node, self.text[expression.range()].to_owned());
        let decision = Decision {
            place: self.place(whole.range()),
            context,
            conditions,
            chains: operators.filter(is_chain).map(chain).collect(),
            nodes: tree.nodes.clone(),
        };
        self.map.decisions.push(MappedDecision { decision, outer, constant_arms: Vec::new() });
        let mut jumps = jumps.to_vec();
        jumps.push(whole.range());
        if let Some(first) = tree.conditions.first()
            && !first.expression.is_if_expr()
        {
            for range in &jumps {
                self.anchor(*range, number, first.node, AnchorKind::Jump);
            }
        }
        // Operands come before operators, so the first condition of each operator is that of its first operand.
        let mut firsts: Vec<u32> = Vec::with_capacity(tree.nodes.len());
        for (node, (kind, expression)) in tree.nodes.iter().zip(&tree.expressions).enumerate() {
            let node = node as u32;
            firsts.push(match kind {
                Node::Condition(_) => node,
                Node::Not(operand) => {
                    self.anchor(expression.range(), number, node, AnchorKind::Value);
                    firsts[*operand as usize]
                }
                Node::And(operands) | Node::Or(operands) => {
                    let first = operands.first().map_or(node, |first| firsts[*first as usize]);
                    if let Expr::Compare(chain) = expression {
                        // What its jumps test is the value of the comparison before them.
                        self.chain(chain, number, node, operands);
                    } else {
                        self.anchor(expression.range(), number, first, AnchorKind::Jump);
                    }
                    first
                }
            });
        }
        for leaf in tree.conditions {
            match (&leaf.link, leaf.expression) {
                (Some(link), Expr::Compare(chain)) => self.operands_of(link, chain),
                _ => self.condition(leaf.expression, number, leaf.node, &jumps),
            }
            jumps.clear();
        }
    }

    fn anchor(&mut self, range: TextRange, decision: u32, node: u32, kind: AnchorKind) {
        let place = self.place(range);
        self.map.anchors.push(Anchor { place, decision, node, kind });
    }
}

impl<'a> Visitor<'a> for Finder<'a> {
    fn visit_stmt(&mut self, statement: &'a Stmt) {
        match statement {
            Stmt::If(choice) => {
                self.test(&choice.test, Context::If, &[choice.range()]);
                self.visit_body(&choice.body);
                for clause in &choice.elif_else_clauses {
                    self.visit_elif_else_clause(clause);
                }
            }
            Stmt::While(repetition) => {
                self.test(&repetition.test, Context::While, &[repetition.range()]);
                self.visit_body(&repetition.body);
                self.visit_body(&repetition.orelse);
            }
            Stmt::Assert(assertion) => {
                self.test(&assertion.test, Context::Assert, &[assertion.range()]);
                if let Some(message) = &assertion.msg {
                    self.visit_expr(message);
                }
            }
            // Evaluated lazily, if ever, in code of its own.
            Stmt::TypeAlias(_) => {}
            _ => visitor::walk_stmt(self, statement),
        }
    }

    fn visit_elif_else_clause(&mut self, clause: &'a ElifElseClause) {
        if let Some(test) = &clause.test {
            // The compiler sees an `if` statement that begins with the clause and ends with the last one; no jump of a
            // clause but its first needs that range.
            self.test(test, Context::If, &[clause.range()]);
        }
        self.visit_body(&clause.body);
    }

    fn visit_match_case(&mut self, case: &'a MatchCase) {
        self.visit_pattern(&case.pattern);
        if let Some(guard) = &case.guard {
            self.test(guard, Context::Guard, &[case.pattern.range()]);
        }
        self.visit_body(&case.body);
    }

    fn visit_comprehension(&mut self, comprehension: &'a Comprehension) {
        self.visit_expr(&comprehension.iter);
        self.visit_expr(&comprehension.target);
        let elements = self.elements.clone();
        for condition in &comprehension.ifs {
            self.test(condition, Context::Comp, &elements);
        }
    }

    fn visit_expr(&mut self, expression: &'a Expr) {
        match expression {
            _ if expression.is_bool_op_expr() || self.is_split(expression) => {
                self.decision(self.tree(expression), expression, Context::Value, None, &[]);
            }
            Expr::UnaryOp(operation) if operation.op == UnaryOp::Not => {
                let tree = self.tree(expression);
                if tree.conditions.len() > 1 {
                    self.decision(tree, expression, Context::Value, None, &[]);
                } else {
                    visitor::walk_expr(self, expression);
                }
            }
            Expr::If(choice) => {
                self.test(&choice.test, Context::IfExp, &[choice.range()]);
                self.visit_expr(&choice.body);
                self.visit_expr(&choice.orelse);
            }
            Expr::ListComp(_) | Expr::SetComp(_) | Expr::DictComp(_) | Expr::Generator(_) => {
                let around = std::mem::replace(&mut self.elements, elements(expression));
                visitor::walk_expr(self, expression);
                self.elements = around;
            }
            _ => visitor::walk_expr(self, expression),
        }
    }

    fn visit_annotation(&mut self, _annotation: &'a Expr) {}

    fn visit_type_params(&mut self, _parameters: &'a TypeParams) {}
}

/// The ranges that jumps of a comprehension's conditions may have.
fn elements(comprehension: &Expr) -> Vec<TextRange> {
    match comprehension {
        Expr::ListComp(comprehension) => vec![comprehension.elt.range()],
        Expr::SetComp(comprehension) => vec![comprehension.elt.range()],
        Expr::Generator(comprehension) => vec![comprehension.elt.range()],
        Expr::DictComp(comprehension) => {
            let value = comprehension.value.range();
            let key = comprehension.key.as_ref().map(|key| key.range());
            key.into_iter().flat_map(|key| [key, TextRange::new(key.start(), value.end())]).collect()
        }
        _ => Vec::new(),
    }
}
