//! A source file taken apart into the pieces that tests depend on.

use std::collections::BTreeSet;

use super::{BlockLayout, Layout, LineNo, LineSet, NodeLines};

/// The first 16 bytes of a SHA-256: enough to tell texts, blocks and files apart.
pub(crate) type Fingerprint = [u8; 16];

/// What a file's code at module level is called, among its blocks.
pub(crate) const MODULE_BLOCK: &str = "<module>";

/// A file's blocks, and what its text says of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct SourceBlocks {
    /// The module's own first, then functions in the order of the text.
    pub(crate) blocks: Vec<Block>,
    /// Of all docstrings, in order.
    pub(crate) docstrings: Fingerprint,
    /// Names of modules that `pytest_plugins` lists.
    pub(crate) plugins: Vec<ImportName>,
}

impl SourceBlocks {
    /// The blocks of which a line is among `lines`.
    pub(crate) fn touched<'a>(&'a self, lines: &'a LineSet) -> impl Iterator<Item = &'a Block> {
        self.blocks.iter().filter(|block| block.lines.touches(lines))
    }

    /// Where the blocks stand.
    pub(crate) fn layout(&self) -> Layout {
        let blocks = self.blocks.iter().map(|block| BlockLayout {
            name: block.name.clone(),
            fingerprint: block.fingerprint,
            text: block.text,
            lines: block.lines.clone(),
            nodes: block.nodes.clone(),
        });
        Layout { blocks: blocks.collect() }
    }
}

/// Code that runs together: the body of one function without the functions in it, or all code at module level. Class
/// bodies, decorators, defaults and annotations belong to the block round them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Block {
    /// [`MODULE_BLOCK`], or as `__qualname__` has it, without `<locals>`: `Class.method`, `outer.inner`.
    pub(crate) name: String,
    /// Of its syntax tree: places, comments, formatting and docstrings don't count.
    pub(crate) fingerprint: Fingerprint,
    /// Of its lines, letter by letter.
    pub(crate) text: Fingerprint,
    /// Where its syntax tree stands.
    pub(crate) nodes: NodeLines,
    /// Physical lines. A line may be in two blocks: `def f(): return 1`.
    pub(crate) lines: LineSet,
    /// The first line of its body.
    pub(crate) first_line: LineNo,
    /// Modules that it imports.
    pub(crate) imports: BTreeSet<ImportName>,
    /// Whether it imports by names that the text does not tell.
    pub(crate) imports_anything: bool,
    /// What of the program's text it may look at.
    pub(crate) looks_at: TextUse,
    /// Whether its result may be kept from one test to the next: caches, and fixtures of wide scope.
    pub(crate) is_kept: bool,
}

/// What of its own text a program looks at, by the names that its code uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum TextUse {
    #[default]
    Nothing,
    /// Docstrings.
    Docstrings,
    /// Lines, or their numbers.
    Lines,
}

/// A module as an import statement names it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ImportName {
    /// How many dots stand in front.
    pub(crate) level: u32,
    /// Dotted; may name what is no module, as in `from module import function`.
    pub(crate) name: String,
}
