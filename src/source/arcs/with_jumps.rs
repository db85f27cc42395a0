//! Makes one step of the two that leave a `with` statement.
//!
//! CPython stands on the `with` line again while it calls `__exit__`. For
//!
//! ```python
//! with a:      # line 1
//!     b        # line 2
//! c            # line 3
//! ```
//!
//! it goes 1, 2, 1, 3, and users think of it as 1, 2, 3: the step 2→1 becomes 2→3, and 1→3 is dropped.

use std::collections::BTreeMap;

use crate::model::{ArcEnd, LineArc, Rewrite};

use super::Found;

pub(super) fn rewrites(found: &Found) -> Vec<Rewrite> {
    // Where each `with` statement goes on to. There is one such arc, since there is one way out of a `with` line.
    let mut nexts: BTreeMap<ArcEnd, ArcEnd> = BTreeMap::new();
    for arc in &found.arcs {
        if found.with_lines.contains(&arc.from) && !found.with_entries.contains(arc) {
            nexts.entry(arc.from).or_insert(arc.to);
        }
    }
    let mut rewrites = BTreeMap::new();
    for exit in &found.with_exits {
        // A statement that goes nowhere, as at the end of a `finally` that nothing leaves, keeps its jump.
        if let Some(next) = final_next(exit.to, &nexts, found) {
            rewrites.insert(*exit, Some(LineArc::new(exit.from, next)));
        }
    }
    for (line, next) in &nexts {
        // A suite on the `with` line itself makes no jump back.
        if !found.with_exits.contains(&LineArc::new(*line, *line)) {
            rewrites.insert(LineArc::new(*line, *next), None);
        }
    }
    rewrites.into_iter().map(|(recorded, actual)| Rewrite { recorded, actual }).collect()
}

/// Where control ends up after the `with` statement on `line`, if that ends the suite of another, and so on outwards.
fn final_next(line: ArcEnd, nexts: &BTreeMap<ArcEnd, ArcEnd>, found: &Found) -> Option<ArcEnd> {
    let (mut line, mut next) = (line, *nexts.get(&line)?);
    // Each turn leaves one statement, so there are no more turns than statements.
    for _ in 0..nexts.len() {
        match nexts.get(&next) {
            Some(outer) if found.with_exits.contains(&LineArc::new(line, next)) => {
                (line, next) = (next, *outer);
            }
            Some(_) | None => break,
        }
    }
    Some(next)
}
