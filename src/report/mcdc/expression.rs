//! A decision in one line of text.

use crate::model::{Decision, Node};

/// How tightly an operator binds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Strength {
    /// What needs parentheses as an operand of anything.
    Loose,
    Or,
    And,
    Not,
    Operand,
}

/// The whole decision as Python would write it in one line, with no more parentheses than it needs.
pub(in crate::report) fn expression(decision: &Decision) -> String {
    // Operands come before their operators, and each belongs to one operator only.
    let mut texts: Vec<(String, Strength)> = Vec::with_capacity(decision.nodes.len());
    let mut chains = decision.chains.iter().peekable();
    for (number, node) in (0_u32..).zip(&decision.nodes) {
        if let Some((_, chain)) = chains.next_if(|(node, _)| *node == number) {
            let text = one_line(chain);
            let strength = strength(&text);
            texts.push((text, strength));
            continue;
        }
        let text = match node {
            Node::Condition(condition) => {
                let text = one_line(&decision.conditions[*condition as usize].text);
                let strength = strength(&text);
                (text, strength)
            }
            Node::Not(operand) => {
                (format!("not {}", operand_text(&mut texts, *operand, Strength::Not)), Strength::Not)
            }
            Node::And(operands) => (joined(&mut texts, operands, " and ", Strength::Not), Strength::And),
            Node::Or(operands) => (joined(&mut texts, operands, " or ", Strength::And), Strength::Or),
        };
        texts.push(text);
    }
    texts.pop().map(|(text, _)| text).unwrap_or_default()
}

fn joined(texts: &mut [(String, Strength)], operands: &[u32], operator: &str, least: Strength) -> String {
    let operands: Vec<String> = operands.iter().map(|operand| operand_text(texts, *operand, least)).collect();
    operands.join(operator)
}

/// The text of an operand whose operator takes what binds as tightly as `least`.
fn operand_text(texts: &mut [(String, Strength)], operand: u32, least: Strength) -> String {
    let (text, strength) = std::mem::replace(&mut texts[operand as usize], (String::new(), Strength::Loose));
    if strength < least { format!("({text})") } else { text }
}

/// How tightly a condition binds. Parentheses too many do no harm, so words that may stand deeper in it count, too.
fn strength(condition: &str) -> Strength {
    let is_loose = ["lambda", "yield", "not "].iter().any(|word| condition.starts_with(word))
        || [":=", " if "].iter().any(|word| condition.contains(word));
    if is_loose { Strength::Loose } else { Strength::Operand }
}

/// Source text with each run of blanks and line ends as one blank.
pub(in crate::report) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// At most so many characters, the last an ellipsis where there are more.
pub(in crate::report) fn shortened(text: &str, most: usize) -> String {
    let text = one_line(text);
    match text.char_indices().nth(most) {
        None => text,
        Some(_) => text.chars().take(most.saturating_sub(1)).chain(['…']).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Condition;

    fn decision(texts: &[&str], nodes: Vec<Node>) -> Decision {
        let condition = |text: &&str| Condition { text: (*text).to_owned(), ..Condition::default() };
        Decision {
            place: crate::model::Place::default(),
            context: crate::model::Context::If,
            conditions: texts.iter().map(condition).collect(),
            nodes,
            chains: Vec::new(),
        }
    }

    #[test]
    fn parentheses_are_where_python_needs_them() {
        let leaves = [Node::Condition(0), Node::Condition(1), Node::Condition(2)];
        for (texts, operators, expected) in [
            (["a", "b", "c"], vec![Node::Or(vec![0, 1]), Node::And(vec![3, 2])], "(a or b) and c"),
            (["a", "b", "c"], vec![Node::And(vec![0, 1]), Node::Or(vec![3, 2])], "a and b or c"),
            (["a", "b", "c"], vec![Node::Or(vec![0, 1, 2]), Node::Not(3)], "not (a or b or c)"),
            (["a", "b", "c"], vec![Node::Not(1), Node::And(vec![0, 3, 2])], "a and not b and c"),
            (
                ["x := f()", "b if c else d", "g(\n  1)"],
                vec![Node::And(vec![0, 1, 2])],
                "(x := f()) and (b if c else d) and g( 1)",
            ),
        ] {
            let nodes = leaves.iter().cloned().chain(operators).collect();
            assert_eq!(expression(&decision(&texts, nodes)), expected);
        }
    }

    #[test]
    fn long_texts_are_cut() {
        assert_eq!(shortened("a\n  and  b", 7), "a and b");
        assert_eq!(shortened("a and bé", 7), "a and …");
        assert_eq!(shortened("", 0), "");
    }
}
