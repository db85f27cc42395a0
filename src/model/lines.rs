//! Line numbers and sets of them.
//!
//! A set is a bitmap, because that is how coverage.py's data file stores lines ("numbits") and because analysis is
//! mostly unions and differences.

use std::hash::{Hash, Hasher};

use serde::{Deserialize, Serialize};

/// A 1-based line of a source file. Line 0 stands for "no line" in CPython's tables and is never stored.
pub(crate) type LineNo = u32;

/// The largest line kept in a [`LineSet`] (a bitmap of 2 MiB). Only invented line numbers are larger: CPython itself
/// compiles no text of that many lines in less than gigabytes.
pub(crate) const MAX_LINE: LineNo = (1 << 24) - 1;

/// Words of a set that holds lines up to [`MAX_LINE`].
const MAX_WORDS: usize = MAX_LINE as usize / 64 + 1;

/// A set of lines, iterated in ascending order. Costs a bit for each line between its first and its last.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(from = "Stored")]
pub(crate) struct LineSet {
    /// How many words before the first one kept are left out, because they are zero: the lines of a function far down
    /// in a long file take no more room than at its top.
    skipped: usize,
    words: Vec<u64>,
}

/// A [`LineSet`] as it is read: not to be trusted yet.
#[derive(Deserialize)]
struct Stored {
    skipped: usize,
    words: Vec<u64>,
}

impl From<Stored> for LineSet {
    fn from(Stored { skipped, mut words }: Stored) -> Self {
        let skipped = skipped.min(MAX_WORDS);
        words.truncate(MAX_WORDS - skipped);
        Self { skipped, words }
    }
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
        let (index, bit) = Self::place(line);
        if index < self.skipped || self.end() <= index {
            self.make_room(index, index + 1);
        }
        let word = &mut self.words[index - self.skipped];
        let new = *word & bit == 0;
        *word |= bit;
        new
    }

    /// Adds every line from `first` to `last`, both included.
    pub(crate) fn insert_range(&mut self, first: LineNo, last: LineNo) {
        for line in first..=last.min(MAX_LINE) {
            self.insert(line);
        }
    }

    pub(crate) fn remove(&mut self, line: LineNo) {
        let (index, bit) = Self::place(line);
        if let Some(word) = index.checked_sub(self.skipped).and_then(|kept| self.words.get_mut(kept)) {
            *word &= !bit;
        }
    }

    pub(crate) fn contains(&self, line: LineNo) -> bool {
        let (index, bit) = Self::place(line);
        self.word(index) & bit != 0
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

    pub(crate) fn last(&self) -> Option<LineNo> {
        let kept = self.words.iter().rposition(|word| *word != 0)?;
        Some((self.skipped + kept) as u32 * 64 + self.words[kept].ilog2())
    }

    /// Those of the lines from `first` to `last`, both included.
    #[must_use]
    pub(crate) fn between(&self, first: LineNo, last: LineNo) -> Self {
        let (first, last) = (first as usize, last as usize);
        let skipped = self.skipped.max(first / 64);
        let kept = skipped..self.end().min(last / 64 + 1);
        let word = |index: usize| {
            let below = first.saturating_sub(index * 64).min(63);
            let above = (index * 64 + 63).saturating_sub(last).min(63);
            self.word(index) & (u64::MAX << below) & (u64::MAX >> above)
        };
        Self { skipped, words: kept.map(word).collect() }
    }

    /// Those of the lines that are in `frame`, too: sets made with the same frame are quick to compare.
    #[must_use]
    pub(crate) fn within(&self, frame: &Self) -> Self {
        let words = frame.words.iter().enumerate().map(|(kept, word)| word & self.word(frame.skipped + kept));
        Self { skipped: frame.skipped, words: words.collect() }
    }

    /// Whether any line from `first` to `last`, both included, is in the set.
    pub(crate) fn intersects_range(&self, first: LineNo, last: LineNo) -> bool {
        (first..=last.min(MAX_LINE)).any(|line| self.contains(line))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = LineNo> + '_ {
        self.words.iter().enumerate().flat_map(move |(kept, word)| {
            let mut rest = *word;
            std::iter::from_fn(move || {
                (rest != 0).then(|| {
                    let bit = rest.trailing_zeros();
                    rest &= rest - 1;
                    (self.skipped + kept) as u32 * 64 + bit
                })
            })
        })
    }

    pub(crate) fn union_with(&mut self, other: &Self) {
        if other.words.is_empty() {
            return;
        }
        self.make_room(other.skipped, other.end());
        let start = other.skipped - self.skipped;
        for (mine, theirs) in self.words[start..].iter_mut().zip(&other.words) {
            *mine |= theirs;
        }
    }

    /// Whether a line is in both.
    pub(crate) fn touches(&self, other: &Self) -> bool {
        let (early, late) = if self.skipped <= other.skipped { (self, other) } else { (other, self) };
        let common = early.words.get(late.skipped - early.skipped..).unwrap_or_default();
        common.iter().zip(&late.words).any(|(one, other)| one & other != 0)
    }

    #[must_use]
    pub(crate) fn intersection(&self, other: &Self) -> Self {
        let skipped = self.skipped.max(other.skipped);
        let shared = skipped..self.end().min(other.end());
        Self { skipped, words: shared.map(|index| self.word(index) & other.word(index)).collect() }
    }

    #[must_use]
    pub(crate) fn difference(&self, other: &Self) -> Self {
        let own = self.skipped..self.end();
        let words = own.map(|index| self.word(index) & !other.word(index)).collect();
        Self { skipped: self.skipped, words }
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
        Self { skipped: 0, words }
    }

    /// Writes coverage.py's numbits, without trailing zero bytes; the empty set is the empty string.
    pub(crate) fn to_numbits(&self) -> Vec<u8> {
        if self.is_empty() {
            return Vec::new();
        }
        let mut bytes = Vec::with_capacity(self.end() * 8);
        bytes.resize(self.skipped * 8, 0);
        for word in &self.words {
            bytes.extend_from_slice(&word.to_le_bytes());
        }
        while bytes.last() == Some(&0) {
            bytes.pop();
        }
        bytes
    }

    /// The word of that number in the whole bitmap.
    fn word(&self, index: usize) -> u64 {
        index.checked_sub(self.skipped).and_then(|kept| self.words.get(kept)).copied().unwrap_or_default()
    }

    /// The number after that of the last word kept.
    fn end(&self) -> usize {
        self.skipped + self.words.len()
    }

    /// Keeps the words from `first` to before `end`, too.
    fn make_room(&mut self, first: usize, end: usize) {
        if self.words.is_empty() {
            self.skipped = first;
        }
        if first < self.skipped {
            // Twice as many, so that lines added from the last to the first don't move all words each time.
            let more = (self.skipped - first).max(self.words.len()).min(self.skipped);
            self.words.splice(..0, std::iter::repeat_n(0, more));
            self.skipped -= more;
        }
        if end > self.end() {
            self.words.resize(end - self.skipped, 0);
        }
    }

    fn place(line: LineNo) -> (usize, u64) {
        ((line / 64) as usize, 1 << (line % 64))
    }
}

/// Sets are equal when they hold the same lines, however much room either has.
impl PartialEq for LineSet {
    fn eq(&self, other: &Self) -> bool {
        let mut words = self.skipped.min(other.skipped)..self.end().max(other.end());
        words.all(|index| self.word(index) == other.word(index))
    }
}

impl Eq for LineSet {}

impl Hash for LineSet {
    fn hash<H: Hasher>(&self, state: &mut H) {
        for (kept, word) in self.words.iter().enumerate().filter(|(_, word)| **word != 0) {
            (self.skipped + kept, word).hash(state);
        }
    }
}

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
    use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn behaves_like_a_set_of_numbers(
            a in prop::collection::btree_set(0_u32..5_000, 0..80),
            b in prop::collection::btree_set(0_u32..5_000, 0..80),
            first in 0_u32..5_000,
            length in 0_u32..300,
        ) {
            let (left, right): (LineSet, LineSet) = (a.iter().copied().collect(), b.iter().copied().collect());
            let mut union = left.clone();
            union.union_with(&right);
            prop_assert_eq!(union.iter().collect::<BTreeSet<_>>(), &a | &b);
            prop_assert_eq!(left.intersection(&right).iter().collect::<BTreeSet<_>>(), &a & &b);
            prop_assert_eq!(left.touches(&right), !a.is_disjoint(&b));
            let between = left.between(first, first + length);
            let expected: BTreeSet<_> = a.range(first..=first + length).copied().collect();
            prop_assert_eq!(between.iter().collect::<BTreeSet<_>>(), expected);
            prop_assert_eq!(left.within(&right).iter().collect::<BTreeSet<_>>(), &a & &b);
            prop_assert_eq!(left == right, a == b);
            let hash = |set: &LineSet| BuildHasherDefault::<DefaultHasher>::default().hash_one(set);
            prop_assert_eq!(hash(&left.within(&right)), hash(&left.intersection(&right)));
            prop_assert_eq!(left.difference(&right).iter().collect::<BTreeSet<_>>(), &a - &b);
            prop_assert_eq!(left.len(), a.len());
            prop_assert_eq!(left.last(), a.last().copied());
            prop_assert_eq!((0..5_000).filter(|line| left.contains(*line)).collect::<BTreeSet<_>>(), a.clone());
            let stored = postcard::to_stdvec(&left).unwrap();
            prop_assert_eq!(&postcard::from_bytes::<LineSet>(&stored).unwrap(), &left);
            let backwards: LineSet = a.iter().rev().copied().collect();
            prop_assert_eq!(&backwards, &left);
            let mut removed = left.clone();
            for line in &b {
                removed.remove(*line);
            }
            prop_assert_eq!(removed, left.difference(&right));
            prop_assert_eq!(LineSet::from_numbits(&left.to_numbits()), left);
        }

        #[test]
        fn what_is_stored_may_be_anything(skipped: u32, words: Vec<u64>) {
            let stored = postcard::to_stdvec(&(skipped, words)).unwrap();
            let set: LineSet = postcard::from_bytes(&stored).unwrap();
            prop_assert!(set.iter().all(|line| line <= MAX_LINE));
            prop_assert_eq!(set.iter().count(), set.len());
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
    fn a_set_costs_what_its_extent_costs() {
        let far: LineSet = (900_000..900_010).collect();
        assert!(far.words.len() <= 2, "{} words", far.words.len());
        // Lines that come from the last to the first don't cost a move of the whole set each.
        let descending: LineSet = (0..=MAX_LINE / 64).rev().map(|word| word * 64).collect();
        assert_eq!(descending.len(), MAX_LINE as usize / 64 + 1);
    }

    #[test]
    fn invented_line_numbers_are_left_out() {
        let mut set = LineSet::new();
        assert!(!set.insert(u32::MAX));
        assert!(set.insert(MAX_LINE));
        assert_eq!(set.len(), 1);
    }
}
