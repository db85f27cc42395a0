//! Which context ran what: how much each did, who ran a line or took a branch, and what only one of them covers.
//!
//! Counted is what reports count: statements and branches, exclusions left out. Code that a context names itself, the file
//! of a test, is nothing that another could cover.
//!
//! Must not know: SQLite, Python, the terminal. Invariant: the same data gives the same bytes.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use super::human_order::compare;
use super::names::printable;
use super::view::MeasuredSource;
use crate::metrics;
use crate::model::{ArcEnd, LineArc, LineNo, LineSet};

/// What the context without a name is called.
const NO_CONTEXT: &str = "(no context)";

/// A statement that ran or a branch that was taken: the file's place, the statement's first line, and where the branch led.
type Item = (usize, LineNo, Option<ArcEnd>);

/// What ran in each context.
#[derive(Clone, Debug, Default)]
pub(crate) struct ByContext {
    /// What reports call the files, by place.
    files: Vec<String>,
    /// By the context's name.
    contexts: BTreeMap<String, BTreeSet<Item>>,
    has_branches: bool,
}

/// A line, or a step from it to another (or out of its function), as the user names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Spot {
    pub(crate) file: String,
    pub(crate) line: LineNo,
    pub(crate) to: Option<Destination>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Destination {
    Line(LineNo),
    /// Out of the function, class or module.
    Exit,
}

impl Spot {
    /// Reads `FILE:LINE`, `FILE:LINE->LINE` or `FILE:LINE->exit`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (file, place) = text.rsplit_once(':').filter(|(file, _)| !file.is_empty())?;
        let (line, to) = match place.split_once("->") {
            Some((line, "exit")) => (line, Some(Destination::Exit)),
            Some((line, to)) => (line, Some(Destination::Line(number(to)?))),
            None => (place, None),
        };
        Some(Self { file: file.to_owned(), line: number(line)?, to })
    }
}

fn number(text: &str) -> Option<LineNo> {
    text.parse().ok().filter(|line| *line > 0)
}

/// Who ran a spot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    /// The names of contexts, in human order; none where nothing ran there.
    Contexts(Vec<String>),
    /// The line is no statement that counts.
    NoStatement,
    /// No branch leads there; where those from the line lead.
    NoBranch(Vec<ArcEnd>),
}

impl ByContext {
    pub(crate) fn new(sources: &[MeasuredSource], has_branches: bool) -> Self {
        let mut contexts: BTreeMap<String, BTreeSet<Item>> = BTreeMap::new();
        for (place, MeasuredSource { facts, seen, .. }) in sources.iter().enumerate() {
            for (name, lines) in &seen.contexts {
                let statements = facts.first_lines.of_all(lines).intersection(&facts.statements);
                let items = contexts.entry(name.clone()).or_default();
                items.extend(statements.iter().map(|line| (place, line, None)));
            }
            for (name, arcs) in seen.context_arcs.iter().filter(|_| has_branches) {
                let items = contexts.entry(name.clone()).or_default();
                for branch in metrics::branch_lines(facts, &executed(facts, arcs)) {
                    items.extend(branch.executed.iter().map(|to| (place, branch.line, Some(*to))));
                }
            }
        }
        let files = sources.iter().map(|source| source.name.clone()).collect();
        Self { files, contexts, has_branches }
    }

    /// Whether nothing was recorded in any context.
    pub(crate) fn is_empty(&self) -> bool {
        self.contexts.is_empty()
    }

    fn names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.contexts.keys().map(String::as_str).collect();
        names.sort_by(|a, b| compare(a, b));
        names
    }

    /// A table of how much ran in each context.
    pub(crate) fn write_table(&self, out: &mut dyn Write) -> io::Result<()> {
        let branches = |text: String| if self.has_branches { format!("{text:>10}") } else { String::new() };
        let header = format!("{:>7}{:>8}{}  Context", "Files", "Stmts", branches("Branches".to_owned()));
        writeln!(out, "{header}\n{}", "-".repeat(header.len()))?;
        for name in self.names() {
            let items = &self.contexts[name];
            let files: BTreeSet<usize> = items.iter().map(|(file, ..)| *file).collect();
            let taken = items.iter().filter(|(.., to)| to.is_some()).count();
            let statements = items.len() - taken;
            let taken = branches(taken.to_string());
            writeln!(out, "{:>7}{statements:>8}{taken}  {}", files.len(), shown(name))?;
        }
        Ok(())
    }

    /// Who ran a spot of the source at `place`.
    pub(crate) fn who(&self, place: usize, source: &MeasuredSource, spot: &Spot) -> Who {
        let facts = &source.facts;
        let line = facts.first_lines.of(spot.line);
        if !facts.statements.contains(line) {
            return Who::NoStatement;
        }
        let wanted: BTreeSet<Item> = match spot.to {
            None => BTreeSet::from([(place, line, None)]),
            Some(destination) => {
                let possible = facts.branches.arcs.iter().copied().collect();
                let ways = metrics::branch_lines(facts, &possible).into_iter();
                let ways = ways.filter(|branch| branch.line == line).flat_map(|branch| branch.executed);
                let ways: Vec<ArcEnd> = ways.collect();
                let leads_there = |to: &ArcEnd| match destination {
                    Destination::Exit => *to < 0,
                    Destination::Line(line) => *to > 0 && facts.first_lines.of(line) == to.unsigned_abs(),
                };
                let ends: Vec<ArcEnd> = ways.iter().copied().filter(leads_there).collect();
                if ends.is_empty() {
                    return Who::NoBranch(ways);
                }
                ends.into_iter().map(|to| (place, line, Some(to))).collect()
            }
        };
        let names = self.names().into_iter().filter(|name| !self.contexts[*name].is_disjoint(&wanted));
        Who::Contexts(names.map(|name| shown(name).into_owned()).collect())
    }

    /// What only one context covers, and which contexts cover nothing that no other does.
    pub(crate) fn write_unique(&self, out: &mut dyn Write) -> io::Result<()> {
        let mut by: BTreeMap<Item, Option<&str>> = BTreeMap::new();
        for (name, items) in &self.contexts {
            for item in items {
                by.entry(*item).and_modify(|only| *only = None).or_insert(Some(name));
            }
        }
        let mut unique: BTreeMap<&str, BTreeMap<usize, Vec<Item>>> = BTreeMap::new();
        for (item, only) in by {
            if let Some(name) = only.filter(|name| !is_of(name, &self.files[item.0])) {
                unique.entry(name).or_default().entry(item.0).or_default().push(item);
            }
        }
        let (adding, idle): (Vec<&str>, Vec<&str>) = self
            .names()
            .into_iter()
            .filter(|name| !name.is_empty())
            .partition(|name| unique.contains_key(name));
        for name in &adding {
            writeln!(out, "{}", shown(name))?;
            for (file, items) in &unique[name] {
                writeln!(out, "    {}: {}", printable(&self.files[*file]), places(items))?;
            }
        }
        if !idle.is_empty() {
            let blank = if adding.is_empty() { "" } else { "\n" };
            writeln!(out, "{blank}Covered by others, too, is all that these ran:")?;
        }
        for name in idle {
            writeln!(out, "    {}", shown(name))?;
        }
        Ok(())
    }
}

fn executed(facts: &crate::model::Facts, arcs: &BTreeSet<LineArc>) -> BTreeSet<LineArc> {
    metrics::executed_arcs(&facts.branches, &facts.first_lines, arcs.iter().copied())
}

fn shown(name: &str) -> std::borrow::Cow<'_, str> {
    printable(if name.is_empty() { NO_CONTEXT } else { name })
}

/// Whether a file is the one that a test stands in: `tests/test_a.py::test` or `tests.test_a.Class.test`.
fn is_of(context: &str, file: &str) -> bool {
    let module = file.strip_suffix(".py").map(|stem| stem.replace('/', "."));
    context.split('|').any(|part| {
        let in_file = part.strip_prefix(file).is_some_and(|rest| rest.starts_with("::"));
        let in_module = module.as_deref().and_then(|module| part.strip_prefix(module));
        in_file || in_module.is_some_and(|rest| rest.starts_with('.'))
    })
}

/// Statements as ranges and branches as steps: `2-5, 8, 8->10`.
fn places(items: &[Item]) -> String {
    let lines: LineSet = items.iter().filter(|(.., to)| to.is_none()).map(|(_, line, _)| *line).collect();
    let mut ranges: Vec<(LineNo, LineNo)> = Vec::new();
    for line in lines.iter() {
        match ranges.last_mut() {
            Some((_, last)) if *last + 1 == line => *last = line,
            Some(_) | None => ranges.push((line, line)),
        }
    }
    let ranges = ranges.into_iter().map(|(first, last)| {
        (first, if first == last { first.to_string() } else { format!("{first}-{last}") })
    });
    let steps = items.iter().filter_map(|(_, line, to)| Some((*line, format!("{line}->{}", end((*to)?)))));
    let mut all: Vec<(LineNo, String)> = ranges.chain(steps).collect();
    all.sort_by_key(|(line, _)| *line);
    all.into_iter().map(|(_, text)| text).collect::<Vec<_>>().join(", ")
}

/// Where a branch leads, in words.
pub(crate) fn end(to: ArcEnd) -> String {
    if to < 0 { "exit".to_owned() } else { to.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spots_are_read_from_the_right() {
        let spot = |text: &str| Spot::parse(text).map(|spot| (spot.file, spot.line, spot.to));
        assert_eq!(spot("a.py:3"), Some(("a.py".into(), 3, None)));
        assert_eq!(spot("c:/a.py:3->exit"), Some(("c:/a.py".into(), 3, Some(Destination::Exit))));
        assert_eq!(spot("a.py:3->14"), Some(("a.py".into(), 3, Some(Destination::Line(14)))));
        for bad in ["a.py", "a.py:", ":3", "a.py:0", "a.py:x", "a.py:3->", "a.py:3->0", "a.py:3-4"] {
            assert_eq!(spot(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_test_does_not_count_for_its_own_file() {
        for context in ["tests/test_a.py::test", "3.13|tests/test_a.py::T::test|run", "tests.test_a.T.test"] {
            assert!(is_of(context, "tests/test_a.py"), "{context}");
        }
        for context in ["tests/test_ab.py::test", "tests.test_ab.T.test", "", "tests/test_a.py"] {
            assert!(!is_of(context, "tests/test_a.py"), "{context}");
        }
    }
}
