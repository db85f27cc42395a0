//! Line numbers and sets of them.
//!
//! A set is a bitmap, because that is how coverage.py's data file stores lines ("numbits") and because analysis is
//! mostly unions and differences.

use serde::{Deserialize, Serialize};

/// A 1-based line of a source file. Line 0 stands for "no line" in CPython's tables and is never stored.
pub(crate) type LineNo = u32;

/// The largest line kept in a [`LineSet`] (a bitmap of 2 MiB). Only invented line numbers are larger: CPython itself
/// compiles no text of that many lines in less than gigabytes.
pub(crate) const MAX_LINE: LineNo = (1 << 24) - 1;

/// A set of lines, iterated in ascending order.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct LineSet {
    words: Vec<u64>,
}

impl LineSet {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Adds `line`; tells whether it was new. Lines above [`MAX_LINE`] are left out.
    pub(crate) fn insert(&mut self, line: LineNo) -> bool {
        if line > MAX_LINE {
            return false;
        }
        let (word, bit) = Self::place(line);
        if word >= self.words.len() {
            self.words.resize(word + 1, 0);
        }
        let new = self.words[word] & bit == 0;
        self.words[word] |= bit;
        new
    }

    /// Adds every line from `first` to `last`, both included.
    pub(crate) fn insert_range(&mut self, first: LineNo, last: LineNo) {
        for line in first..=last.min(MAX_LINE) {
            self.insert(line);
        }
    }

    pub(crate) fn remove(&mut self, line: LineNo) {
        let (word, bit) = Self::place(line);
        if let Some(word) = self.words.get_mut(word) {
            *word &= !bit;
        }
    }

    pub(crate) fn contains(&self, line: LineNo) -> bool {
        let (word, bit) = Self::place(line);
        self.words.get(word).is_some_and(|word| word & bit != 0)
    }

    pub(crate) fn len(&self) -> usize {
        self.words.iter().map(|word| word.count_ones() as usize).sum()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.words.iter().all(|word| *word == 0)
    }

    pub(crate) fn first(&self) -> Option<LineNo> {
        self.iter().next()
    }

    /// Whether any line from `first` to `last`, both included, is in the set.
    pub(crate) fn intersects_range(&self, first: LineNo, last: LineNo) -> bool {
        (first..=last.min(MAX_LINE)).any(|line| self.contains(line))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = LineNo> + '_ {
        self.words.iter().enumerate().flat_map(|(index, word)| {
            let mut rest = *word;
            std::iter::from_fn(move || {
                (rest != 0).then(|| {
                    let bit = rest.trailing_zeros();
                    rest &= rest - 1;
                    (index as u32) * 64 + bit
                })
            })
        })
    }

    pub(crate) fn union_with(&mut self, other: &Self) {
        if other.words.len() > self.words.len() {
            self.words.resize(other.words.len(), 0);
        }
        for (mine, theirs) in self.words.iter_mut().zip(&other.words) {
            *mine |= theirs;
        }
    }

    #[must_use]
    pub(crate) fn intersection(&self, other: &Self) -> Self {
        Self { words: self.words.iter().zip(&other.words).map(|(a, b)| a & b).collect() }
    }

    #[must_use]
    pub(crate) fn difference(&self, other: &Self) -> Self {
        let theirs = other.words.iter().copied().chain(std::iter::repeat(0));
        Self { words: self.words.iter().zip(theirs).map(|(a, b)| a & !b).collect() }
    }

    /// Reads coverage.py's numbits: bit `n % 8` of byte `n // 8` (coverage 7.17.3, `numbits.py`). Bytes that would
    /// stand for lines above [`MAX_LINE`] are left out.
    pub(crate) fn from_numbits(bytes: &[u8]) -> Self {
        let bytes = &bytes[..bytes.len().min(MAX_LINE as usize / 8 + 1)];
        let words = bytes
            .chunks(8)
            .map(|chunk| {
                let mut word = [0_u8; 8];
                word[..chunk.len()].copy_from_slice(chunk);
                u64::from_le_bytes(word)
            })
            .collect();
        Self { words }
    }

    /// Writes coverage.py's numbits, without trailing zero bytes; the empty set is the empty string.
    pub(crate) fn to_numbits(&self) -> Vec<u8> {
        let mut bytes: Vec<u8> = self.words.iter().flat_map(|word| word.to_le_bytes()).collect();
        while bytes.last() == Some(&0) {
            bytes.pop();
        }
        bytes
    }

    fn place(line: LineNo) -> (usize, u64) {
        ((line / 64) as usize, 1 << (line % 64))
    }
}

/// Sets are equal when they hold the same lines, however much room either has.
impl PartialEq for LineSet {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for LineSet {}

impl FromIterator<LineNo> for LineSet {
    fn from_iter<I: IntoIterator<Item = LineNo>>(lines: I) -> Self {
        let mut set = Self::new();
        set.extend(lines);
        set
    }
}

impl Extend<LineNo> for LineSet {
    fn extend<I: IntoIterator<Item = LineNo>>(&mut self, lines: I) {
        for line in lines {
            self.insert(line);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn behaves_like_a_set_of_numbers(
            a in prop::collection::btree_set(0_u32..5_000, 0..80),
            b in prop::collection::btree_set(0_u32..5_000, 0..80),
        ) {
            let (left, right): (LineSet, LineSet) = (a.iter().copied().collect(), b.iter().copied().collect());
            let mut union = left.clone();
            union.union_with(&right);
            prop_assert_eq!(union.iter().collect::<BTreeSet<_>>(), &a | &b);
            prop_assert_eq!(left.intersection(&right).iter().collect::<BTreeSet<_>>(), &a & &b);
            prop_assert_eq!(left.difference(&right).iter().collect::<BTreeSet<_>>(), &a - &b);
            prop_assert_eq!(left.len(), a.len());
            prop_assert_eq!(LineSet::from_numbits(&left.to_numbits()), left);
        }
    }

    #[test]
    fn numbits_are_coverage_pys() {
        // coverage.numbits.nums_to_numbits([1, 8, 9]) == b"\x02\x03"
        let set: LineSet = [1, 8, 9].into_iter().collect();
        assert_eq!(set.to_numbits(), b"\x02\x03");
        assert_eq!(LineSet::new().to_numbits(), b"");
    }

    #[test]
    fn invented_line_numbers_are_left_out() {
        let mut set = LineSet::new();
        assert!(!set.insert(u32::MAX));
        assert!(set.insert(MAX_LINE));
        assert_eq!(set.len(), 1);
    }
}
