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
        let of_lines = file.contexts.values().flatten().map(|name| shown(name));
        let of_rows = file.decisions.iter().flat_map(|judged| &judged.contexts).flatten();
        let names: BTreeSet<&str> = of_lines.chain(of_rows.map(|name| shown(name))).collect();
        let names: Vec<String> = names.into_iter().map(str::to_owned).collect();
        let mut lines: BTreeMap<LineNo, BTreeSet<usize>> = BTreeMap::new();
        for (line, contexts) in &file.contexts {
            let numbers = contexts.iter().filter_map(|name| number(&names, name));
            lines.entry(file.first_lines.of(*line)).or_default().extend(numbers);
        }
        lines.retain(|line, _| file.outcome.lines.executed.contains(*line));
        let lines = lines.into_iter().map(|(line, numbers)| (line, numbers.into_iter().collect())).collect();
        Self { names, lines }
    }

    /// The numbers of contexts by name.
    pub(super) fn numbers<'a>(&self, contexts: impl IntoIterator<Item = &'a str>) -> Vec<usize> {
        contexts.into_iter().filter_map(|name| number(&self.names, name)).collect()
    }

    /// The numbers of the contexts that a line ran in; none if it begins no statement that ran.
    pub(super) fn of(&self, line: LineNo) -> Option<&[usize]> {
        self.lines.get(&line).map(Vec::as_slice)
    }
}

/// `1 context`, `2 contexts`.
pub(super) fn counted(count: usize) -> String {
    if count == 1 { "1 context".to_owned() } else { format!("{count} contexts") }
}

fn number(names: &[String], name: &str) -> Option<usize> {
    names.binary_search_by(|other| other.as_str().cmp(shown(name))).ok()
}

fn shown(name: &str) -> &str {
    if name.is_empty() { "(no context)" } else { name }
}
