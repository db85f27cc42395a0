//! What `break`, `continue`, `raise` and `return` lead to: the statements round them.

use crate::model::ArcEnd;

use super::Exits;

/// A statement that catches some jumps out of it.
#[derive(Debug)]
pub(super) enum Block {
    Loop {
        /// Where `continue` leads.
        start: ArcEnd,
        /// Where `break` statements go on from.
        breaks: Exits,
    },
    Function {
        start: ArcEnd,
        name: String,
    },
    /// While this block stands, no `raise` gets past it.
    Try {
        /// The first handler's line, while the `try` suite itself is looked at.
        handler: Option<ArcEnd>,
    },
}
