//! Which conditions of an evaluation had a say in its outcome.

use super::JudgedDecision;
use crate::model::{Node, ShortCircuit, Vector};

/// By condition: whether it was evaluated, has a known truth, and no sibling of it or of an operator over it settles that
/// operator's result without it.
pub(super) fn unmasked(graph: &ShortCircuit, vector: &Vector) -> Vec<bool> {
    let nodes = graph.root() as usize + 1;
    let mut values: Vec<Option<bool>> = vec![None; nodes];
    for node in 0..nodes {
        values[node] = match graph.node(node as u32) {
            Node::Condition(condition) => vector.truths[*condition as usize].or(graph.constant(*condition)),
            Node::Not(operand) => values[*operand as usize].map(|value| !value),
            Node::And(operands) => settled(&values, operands, false),
            Node::Or(operands) => settled(&values, operands, true),
        };
    }
    // Operators come after their operands, so from the end each is known before its operands.
    let mut has_say = vec![false; nodes];
    has_say[nodes - 1] = true;
    let mut found = vec![false; graph.len()];
    for node in (0..nodes).rev() {
        match graph.node(node as u32) {
            Node::Condition(condition) => {
                let condition = *condition as usize;
                found[condition] = has_say[node] && vector.truths[condition].is_some();
            }
            Node::Not(operand) => has_say[*operand as usize] = has_say[node],
            Node::And(operands) => pass_on(&mut has_say, &values, node, operands, false),
            Node::Or(operands) => pass_on(&mut has_say, &values, node, operands, true),
        }
    }
    found
}

/// By condition: whether it had a say in an evaluation when it was false, and when it was true.
pub(crate) fn had_say(judged: &JudgedDecision) -> Vec<[bool; 2]> {
    let graph = ShortCircuit::new(&judged.measured.decision);
    let mut found = vec![[false; 2]; graph.len()];
    for vector in &judged.vectors {
        for (condition, has_say) in unmasked(&graph, vector).into_iter().enumerate() {
            if let (true, Some(truth)) = (has_say, vector.truths[condition]) {
                found[condition][usize::from(truth)] = true;
            }
        }
    }
    found
}

/// The value of an operator that any operand of value `forcing` settles.
fn settled(values: &[Option<bool>], operands: &[u32], forcing: bool) -> Option<bool> {
    let mut all_known = true;
    for operand in operands {
        match values[*operand as usize] {
            Some(value) if value == forcing => return Some(forcing),
            Some(_) => {}
            None => all_known = false,
        }
    }
    all_known.then_some(!forcing)
}

/// An operand has a say if its operator has, and no other operand forces the result.
fn pass_on(has_say: &mut [bool], values: &[Option<bool>], node: usize, operands: &[u32], forcing: bool) {
    let forces = |operand: &u32| values[*operand as usize] == Some(forcing);
    let count = operands.iter().filter(|operand| forces(operand)).count();
    for operand in operands {
        has_say[*operand as usize] = has_say[node] && (count == 0 || (count == 1 && forces(operand)));
    }
}
