//! Where the blocks of a file stand in its text, so that what ran in one text is found again in another.
//!
//! Must not know: what ran. Invariant: a line has a place in the other text only where the code on it is the same, which is so
//! where the block's fingerprint is.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{ArcEnd, CodeKey, Fingerprint, LineArc, LineNo, LineSet, MODULE_BLOCK, Place};

/// A file's blocks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Layout {
    pub(crate) blocks: Vec<BlockLayout>,
}

/// Where a block stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct BlockLayout {
    pub(crate) name: String,
    /// Of its syntax tree.
    pub(crate) fingerprint: Fingerprint,
    /// Of its lines, letter by letter.
    pub(crate) text: Fingerprint,
    /// Its physical lines.
    pub(crate) lines: LineSet,
    pub(crate) nodes: NodeLines,
}

/// The lines on which the nodes of a block's syntax tree begin and end, in the order of the tree: how far each is from the one
/// before, and how many in a row are the same.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct NodeLines(Vec<(i32, u32)>);

impl NodeLines {
    fn each(&self) -> impl Iterator<Item = LineNo> {
        let mut line: LineNo = 0;
        self.0.iter().flat_map(move |(step, times)| {
            line = line.wrapping_add_signed(*step);
            std::iter::repeat_n(line, *times as usize)
        })
    }

    fn count(&self) -> u64 {
        self.0.iter().map(|(_, times)| u64::from(*times)).sum()
    }
}

impl FromIterator<LineNo> for NodeLines {
    fn from_iter<T: IntoIterator<Item = LineNo>>(lines: T) -> Self {
        let mut steps: Vec<(i32, u32)> = Vec::new();
        let mut last: LineNo = 0;
        for line in lines {
            match steps.last_mut() {
                Some((_, times)) if last == line => *times += 1,
                Some(_) | None => steps.push((line.wrapping_sub(last).cast_signed(), 1)),
            }
            last = line;
        }
        Self(steps)
    }
}

impl BlockLayout {
    /// Where each line stands now that code stands on.
    fn pairs(&self, now: &Self) -> Vec<(LineNo, LineNo)> {
        if self.text == now.text && self.lines.len() == now.lines.len() {
            return self.lines.iter().zip(now.lines.iter()).collect();
        }
        if self.nodes.count() != now.nodes.count() {
            return Vec::new();
        }
        let own = |(old, new): &(LineNo, LineNo)| self.lines.contains(*old) && now.lines.contains(*new);
        self.nodes.each().zip(now.nodes.each()).filter(own).collect()
    }
}

/// Where lines of one text stand in another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Moves {
    lines: BTreeMap<LineNo, LineNo>,
    /// Lines of blocks that are the same letter by letter.
    verbatim: LineSet,
}

impl Layout {
    /// Where this text's lines stand in another one. Blocks of one name that look the same are paired in order; where there
    /// are not as many, nobody knows which is which.
    pub(crate) fn moves(&self, now: &Self) -> Moves {
        let mut moves = Moves::default();
        let (before, after) = (by_identity(self), by_identity(now));
        for (identity, before) in before {
            let Some(after) = after.get(&identity).filter(|after| after.len() == before.len()) else {
                continue;
            };
            for (old, new) in before.into_iter().zip(after) {
                if old.text == new.text {
                    moves.verbatim.union_with(&old.lines);
                }
                // Where one line became several, the first begins with what it began with.
                for (old, new) in old.pairs(new) {
                    moves.lines.entry(old).or_insert(new);
                }
            }
        }
        moves
    }
}

fn by_identity(layout: &Layout) -> BTreeMap<(&str, Fingerprint), Vec<&BlockLayout>> {
    let mut found: BTreeMap<_, Vec<&BlockLayout>> = BTreeMap::new();
    for block in &layout.blocks {
        found.entry((block.name.as_str(), block.fingerprint)).or_default().push(block);
    }
    found
}

impl Moves {
    pub(crate) fn line(&self, line: LineNo) -> Option<LineNo> {
        self.lines.get(&line).copied()
    }

    pub(crate) fn lines(&self, lines: &LineSet) -> LineSet {
        lines.iter().filter_map(|line| self.line(line)).collect()
    }

    /// A step between lines, or of one whose beginning is not there any more, that its end was reached: an arc from the negated
    /// line.
    pub(crate) fn arc(&self, arc: LineArc) -> Option<LineArc> {
        let to = self.end(arc.to)?;
        let from = self.end(arc.from).or((to > 0).then_some(-to))?;
        Some(LineArc::new(from, to))
    }

    fn end(&self, end: ArcEnd) -> Option<ArcEnd> {
        let line = self.line(end.unsigned_abs())?;
        let line = ArcEnd::try_from(line).ok()?;
        Some(if end < 0 { -line } else { line })
    }

    /// A decision's range, where its text is the same.
    pub(crate) fn place(&self, place: Place) -> Option<Place> {
        let is_verbatim = (place.line..=place.end_line).all(|line| self.verbatim.contains(line));
        let (line, end_line) = (self.line(place.line)?, self.line(place.end_line)?);
        (is_verbatim && end_line.checked_sub(line) == place.end_line.checked_sub(place.line))
            .then_some(Place { line, end_line, ..place })
    }

    /// The key that a code object has if it is compiled to the same bytecode.
    pub(crate) fn code(&self, key: &CodeKey) -> Option<CodeKey> {
        // The module's begins on the first line, whatever stands there.
        let first_line = if key.qualname == MODULE_BLOCK {
            key.first_line
        } else {
            i32::try_from(self.line(LineNo::try_from(key.first_line).ok()?)?).ok()?
        };
        Some(CodeKey { first_line, ..key.clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(name: &str, text: u8, first: LineNo, nodes: &[LineNo]) -> BlockLayout {
        let mut lines = LineSet::new();
        lines.insert_range(first, *nodes.iter().max().unwrap());
        BlockLayout {
            name: name.to_owned(),
            fingerprint: Fingerprint::default(),
            text: [text; 16],
            lines,
            nodes: nodes.iter().copied().collect(),
        }
    }

    fn layout(blocks: &[BlockLayout]) -> Layout {
        Layout { blocks: blocks.to_vec() }
    }

    #[test]
    fn lines_of_the_same_text_move_together() {
        let moves = layout(&[block("f", 1, 3, &[5])]).moves(&layout(&[block("f", 1, 13, &[15])]));
        assert_eq!([2, 3, 4, 5, 6].map(|line| moves.line(line)), [None, Some(13), Some(14), Some(15), None]);
        let place = |line, end_line| Place { line, column: 4, end_line, end_column: 9 };
        assert_eq!(moves.place(place(3, 4)), Some(place(13, 14)));
        assert_eq!(moves.place(place(2, 4)), None);
    }

    #[test]
    fn nodes_lead_to_lines_where_the_text_is_another() {
        let before = layout(&[block("f", 1, 3, &[3, 3, 4, 3, 6])]);
        let moves = before.moves(&layout(&[block("f", 2, 7, &[7, 7, 8, 7, 9])]));
        assert_eq!([3, 4, 5, 6].map(|line| moves.line(line)), [Some(7), Some(8), None, Some(9)]);
        assert_eq!(moves.place(Place { line: 3, column: 0, end_line: 3, end_column: 2 }), None);
        // One line became two.
        let moves = before.moves(&layout(&[block("f", 2, 7, &[7, 8, 9, 7, 10])]));
        assert_eq!([3, 4, 6].map(|line| moves.line(line)), [Some(7), Some(9), Some(10)]);
        let moves = before.moves(&layout(&[block("f", 2, 7, &[7, 8])]));
        assert_eq!(moves, Moves::default());
    }

    #[test]
    fn arcs_keep_the_end_that_is_known() {
        let moves = layout(&[block("f", 1, 3, &[4])]).moves(&layout(&[block("f", 1, 8, &[9])]));
        let arc = |from, to| moves.arc(LineArc::new(from, to)).map(|arc| (arc.from, arc.to));
        assert_eq!(arc(3, 4), Some((8, 9)));
        assert_eq!(arc(-3, 3), Some((-8, 8)));
        assert_eq!(arc(4, -3), Some((9, -8)));
        assert_eq!(arc(1, 4), Some((-9, 9)));
        assert_eq!(arc(4, -1), None);
        assert_eq!(arc(4, 20), None);
    }

    #[test]
    fn twins_are_paired_in_order_or_not_at_all() {
        let twins = |firsts: &[LineNo]| {
            layout(&firsts.iter().map(|first| block("f", 1, *first, &[*first])).collect::<Vec<_>>())
        };
        let moves = twins(&[1, 5]).moves(&twins(&[2, 9]));
        assert_eq!([1, 5].map(|line| moves.line(line)), [Some(2), Some(9)]);
        assert_eq!(twins(&[1, 5]).moves(&twins(&[2])), Moves::default());
    }
}
