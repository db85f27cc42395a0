//! The order people expect of names with numbers in them.

use std::cmp::Ordering;
use std::iter;

/// Compares runs of (ASCII) digits as numbers and all else by code points; names that differ only in leading zeros are
/// ordered as plain text (coverage 7.17.3, `misc.py`, `human_sorted`).
pub(crate) fn compare(a: &str, b: &str) -> Ordering {
    chunks(a).cmp(chunks(b)).then_with(|| a.cmp(b))
}

/// Text and numbers in turn, beginning with text, which may be empty: so two names always compare like with like.
fn chunks(name: &str) -> impl Iterator<Item = Chunk<'_>> {
    let mut rest = Some(name);
    let mut number = false;
    iter::from_fn(move || {
        let text = rest?;
        let end = text.find(|c: char| c.is_ascii_digit() != number).unwrap_or(text.len());
        let (chunk, after) = text.split_at(end);
        let chunk = if number { Chunk::number(chunk) } else { Chunk::Text(chunk) };
        // A name ends with text, too, which is empty after a number.
        rest = if after.is_empty() && !number { None } else { Some(after) };
        number = !number;
        Some(chunk)
    })
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Chunk<'a> {
    Text(&'a str),
    /// Without leading zeros: the longer is the larger, and of one length the order of text is that of numbers.
    Number(usize, &'a str),
}

impl<'a> Chunk<'a> {
    fn number(digits: &'a str) -> Self {
        let digits = digits.trim_start_matches('0');
        Self::Number(digits.len(), digits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_compared_as_numbers() {
        // The order coverage.misc.human_sorted (7.17.3) gives these.
        let ordered = [
            "",
            "2",
            "10",
            "A10",
            "a",
            "a01",
            "a1",
            "a2",
            "a10",
            "a10b1",
            "a10b02",
            "a99999999999999999999999999999999999999999",
            "a100000000000000000000000000000000000000000",
            "a/b",
            "a_1",
            "é",
        ];
        let mut names = ordered.to_vec();
        names.reverse();
        names.sort_by(|a, b| compare(a, b));
        assert_eq!(names, ordered);
    }
}
