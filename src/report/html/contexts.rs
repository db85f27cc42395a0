//! In which contexts the lines of a page ran: names once, then numbers for each line.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::model::LineNo;
use crate::report::FileView;

/// The contexts of a page's lines.
#[derive(Debug, Serialize)]
pub(super) struct LineContexts {
    /// Ascending.
    names: Vec<String>,
    /// Statements that ran, with the numbers of their contexts, ascending.
    lines: BTreeMap<LineNo, Vec<usize>>,
}

impl LineContexts {
    /// Those of the statements' first lines, as on a page a statement is one thing. The context of a run that was given no
    /// name is called so.
    pub(super) fn new(file: &FileView) -> Self {
        let shown = |name: &String| if name.is_empty() { "(no context)".to_owned() } else { name.clone() };
        let names: BTreeSet<String> = file.contexts.values().flatten().map(shown).collect();
        let names: Vec<String> = names.into_iter().collect();
        let mut lines: BTreeMap<LineNo, BTreeSet<usize>> = BTreeMap::new();
        for (line, contexts) in &file.contexts {
            let numbers = contexts.iter().filter_map(|name| names.binary_search(&shown(name)).ok());
            lines.entry(file.first_lines.of(*line)).or_default().extend(numbers);
        }
        lines.retain(|line, _| file.outcome.lines.executed.contains(*line));
        let lines = lines.into_iter().map(|(line, numbers)| (line, numbers.into_iter().collect())).collect();
        Self { names, lines }
    }

    /// The numbers of the contexts that a line ran in; none if it begins no statement that ran.
    pub(super) fn of(&self, line: LineNo) -> Option<&[usize]> {
        self.lines.get(&line).map(Vec::as_slice)
    }
}
