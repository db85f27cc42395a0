//! Decisions with conditions that can be reached in several ways: evaluations are compared with one another.

use super::Pair;
use super::masks::unmasked;
use crate::model::{ShortCircuit, Vector};

/// An evaluation as bits, a condition each.
struct Row {
    evaluated: Vec<u64>,
    truths: Vec<u64>,
}

impl Row {
    fn new(vector: &Vector) -> Self {
        let words = vector.truths.len().div_ceil(64);
        let mut row = Self { evaluated: vec![0; words], truths: vec![0; words] };
        for (condition, truth) in vector.truths.iter().enumerate() {
            let bit = 1 << (condition % 64);
            if let Some(truth) = truth {
                row.evaluated[condition / 64] |= bit;
                if *truth {
                    row.truths[condition / 64] |= bit;
                }
            }
        }
        row
    }

    /// Whether all conditions evaluated in both but this one are equal.
    fn differs_in_only(&self, other: &Self, condition: usize) -> bool {
        self.evaluated
            .iter()
            .zip(&other.evaluated)
            .zip(self.truths.iter().zip(&other.truths))
            .enumerate()
            .all(|(word, ((own, others), (truths, other_truths)))| {
                let but = if word == condition / 64 { !(1 << (condition % 64)) } else { u64::MAX };
                (truths ^ other_truths) & own & others & but == 0
            })
    }
}

/// By condition: the evaluations that show it by masking, and by unique cause.
pub(super) fn shown(graph: &ShortCircuit, vectors: &[Vector]) -> Vec<(Option<Pair>, Option<Pair>)> {
    let rows: Vec<Row> = vectors.iter().map(Row::new).collect();
    // By condition and truth: the evaluations in which it has a say.
    let mut with_say: Vec<[Vec<usize>; 2]> = vec![Default::default(); graph.len()];
    for (place, vector) in vectors.iter().enumerate() {
        for (condition, has_say) in unmasked(graph, vector).into_iter().enumerate() {
            if let (true, Some(truth)) = (has_say, vector.truths[condition]) {
                with_say[condition][usize::from(truth)].push(place);
            }
        }
    }
    let of_condition = |(condition, [without, with]): (usize, &[Vec<usize>; 2])| {
        let masking = with.first().copied().zip(without.first().copied());
        let mut pairs = with.iter().flat_map(|a| without.iter().map(move |b| (*a, *b)));
        let unique_cause = pairs.find(|(a, b)| rows[*a].differs_in_only(&rows[*b], condition));
        // The stricter pair shows it in the other form as well, and is easier to understand.
        (unique_cause.or(masking), unique_cause)
    };
    with_say.iter().enumerate().map(of_condition).collect()
}
