//! Sets as ascending sequences: for those that are put together whole far more often than element by element.

use std::cmp::Ordering;

/// A set of small values. Its elements ascend.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct SortedSet<T>(Vec<T>);

impl<T> SortedSet<T> {
    pub(crate) fn iter(&self) -> std::slice::Iter<'_, T> {
        self.0.iter()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

impl<T: Ord> SortedSet<T> {
    pub(crate) fn contains(&self, element: &T) -> bool {
        self.0.binary_search(element).is_ok()
    }
}

impl<T: Ord + Copy> SortedSet<T> {
    /// Adds all of `other`; tells how many of them are new.
    pub(crate) fn unite(&mut self, other: Self) -> usize {
        if self.is_empty() {
            *self = other;
            return self.len();
        }
        // Mostly nothing is new, and that is quicker to find out than to add.
        let new = self.count_missing(&other);
        if new > 0 {
            self.0 = self.merged(&other, self.len() + new);
        }
        new
    }

    /// How many of `other` are not here.
    fn count_missing(&self, other: &Self) -> usize {
        let mut missing = 0;
        let mut mine = self.0.iter().peekable();
        for theirs in &other.0 {
            while mine.next_if(|mine| *mine < theirs).is_some() {}
            missing += usize::from(mine.peek() != Some(&theirs));
        }
        missing
    }

    fn merged(&self, other: &Self, len: usize) -> Vec<T> {
        let mut all = Vec::with_capacity(len);
        let (mut mine, mut theirs) = (self.0.as_slice(), other.0.as_slice());
        while let ([one, mine_left @ ..], [other, theirs_left @ ..]) = (mine, theirs) {
            let order = one.cmp(other);
            all.push(if order == Ordering::Greater { *other } else { *one });
            if order != Ordering::Greater {
                mine = mine_left;
            }
            if order != Ordering::Less {
                theirs = theirs_left;
            }
        }
        all.extend_from_slice(mine);
        all.extend_from_slice(theirs);
        all
    }
}

impl<T> Default for SortedSet<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Ord> FromIterator<T> for SortedSet<T> {
    fn from_iter<I: IntoIterator<Item = T>>(elements: I) -> Self {
        let mut elements: Vec<T> = elements.into_iter().collect();
        if !elements.is_sorted_by(|one, next| one < next) {
            elements.sort_unstable();
            elements.dedup();
        }
        Self(elements)
    }
}

impl<T> IntoIterator for SortedSet<T> {
    type Item = T;
    type IntoIter = std::vec::IntoIter<T>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a, T> IntoIterator for &'a SortedSet<T> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn unions_are_those_of_sets(
            one in prop::collection::vec(0_u32..60, 0..40),
            other in prop::collection::vec(0_u32..60, 0..40),
        ) {
            let sets: [BTreeSet<u32>; 2] = [one.iter().copied().collect(), other.iter().copied().collect()];
            let mut united: SortedSet<u32> = one.into_iter().collect();
            prop_assert!(united.iter().eq(&sets[0]));
            let new = united.unite(other.into_iter().collect());
            prop_assert!(united.iter().eq(&(&sets[0] | &sets[1])));
            prop_assert_eq!(new, (&sets[1] - &sets[0]).len());
        }
    }
}
