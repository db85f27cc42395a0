//! Everything a report can show, computed and sorted.

use super::regions::{self, RegionView};
use crate::metrics;
use crate::model::{Facts, LineNo, LineSet, MeasuredFile, Region, RegionKind, Totals};

/// One source file as it comes to a report.
#[derive(Clone, Debug, Default)]
pub(crate) struct MeasuredSource {
    /// Absolute path.
    pub(crate) path: String,
    /// What reports call it: relative to the current folder if it is below that.
    pub(crate) name: String,
    pub(crate) facts: Facts,
    pub(crate) seen: MeasuredFile,
}

/// The measured project.
#[derive(Clone, Debug, Default)]
pub(crate) struct View {
    /// By absolute path, in the order of its characters' code points.
    pub(crate) files: Vec<FileView>,
    pub(crate) totals: Totals,
}

impl View {
    pub(crate) fn new(mut sources: Vec<MeasuredSource>) -> Self {
        sources.sort_by(|a, b| a.path.cmp(&b.path));
        let files: Vec<FileView> = sources.into_iter().map(FileView::new).collect();
        let totals = files.iter().map(|file| file.lines.totals()).sum();
        Self { files, totals }
    }

    /// Whether there is nothing to report.
    pub(crate) fn is_empty(&self) -> bool {
        self.files.is_empty()
    }
}

/// One file.
#[derive(Clone, Debug, Default)]
pub(crate) struct FileView {
    pub(crate) path: String,
    pub(crate) name: String,
    pub(crate) lines: Lines,
    regions: Vec<Region>,
    line_count: LineNo,
}

impl FileView {
    fn new(source: MeasuredSource) -> Self {
        let MeasuredSource { path, name, facts, seen } = source;
        let verdict = metrics::assess(metrics::LINE, &facts, &seen);
        let lines = Lines {
            executed: verdict.covered_lines(),
            missing: verdict.missing_lines(),
            excluded: facts.excluded,
        };
        Self { path, name, lines, regions: facts.regions, line_count: facts.line_count }
    }

    /// The functions or classes, and last what is in none. Computed on demand, since few formats show them.
    pub(crate) fn regions(&self, kind: RegionKind) -> Vec<RegionView<'_>> {
        regions::of_kind(kind, &self.regions, &self.lines, self.line_count)
    }
}

/// The lines of a file or region by what became of them: three disjoint sets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Lines {
    /// Statements that ran.
    pub(crate) executed: LineSet,
    /// Statements that never ran.
    pub(crate) missing: LineSet,
    /// Lines that don't count.
    pub(crate) excluded: LineSet,
}

impl Lines {
    pub(crate) fn totals(&self) -> Totals {
        let missing = self.missing.len();
        Totals { statements: self.executed.len() + missing, missing, excluded: self.excluded.len() }
    }

    /// The part of each set that `select` picks.
    #[must_use]
    pub(super) fn narrow(&self, select: impl Fn(&LineSet) -> LineSet) -> Self {
        Self {
            executed: select(&self.executed),
            missing: select(&self.missing),
            excluded: select(&self.excluded),
        }
    }

    /// The missing statements as ranges `(first, last)`; a range runs on over lines that are no statements
    /// (coverage 7.17.3, `results.py`, `format_lines`).
    pub(crate) fn missing_ranges(&self) -> Vec<(LineNo, LineNo)> {
        let mut statements = self.executed.clone();
        statements.union_with(&self.missing);
        let mut ranges: Vec<(LineNo, LineNo)> = Vec::new();
        let mut open = false;
        for line in statements.iter() {
            let missing = self.missing.contains(line);
            match ranges.last_mut() {
                Some(range) if missing && open => range.1 = line,
                Some(_) | None if missing => ranges.push((line, line)),
                Some(_) | None => {}
            }
            open = missing;
        }
        ranges
    }
}
