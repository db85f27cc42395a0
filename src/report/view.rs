//! Everything a report can show, computed and sorted.

use std::collections::BTreeMap;

use super::mcdc;
use super::regions::{self, RegionView};
use crate::metrics::{self, BranchLine, Form, JudgedDecision, McDcTotals};
use crate::model::{
    ArcEnd, Branches, Facts, FirstLines, LineArc, LineNo, LineSet, MeasuredFile, Region, RegionKind, Totals,
};

/// One source file as it comes to a report.
#[derive(Clone, Debug, Default)]
pub(crate) struct MeasuredSource {
    /// Absolute path.
    pub(crate) path: String,
    /// What reports call it: relative to the current folder if it is below that.
    pub(crate) name: String,
    pub(crate) facts: Facts,
    pub(crate) seen: MeasuredFile,
    /// The decoded text, where a format needs it.
    pub(crate) text: Option<String>,
}

/// The contexts each raw line ran in, ascending.
pub(crate) type LineContexts = BTreeMap<LineNo, Vec<String>>;

/// The measured project.
#[derive(Clone, Debug, Default)]
pub(crate) struct View {
    /// By absolute path, in the order of its characters' code points.
    pub(crate) files: Vec<FileView>,
    pub(crate) totals: Totals,
    /// Whether branches were measured. Where not, there are none anywhere, and reports don't speak of them.
    pub(crate) has_branches: bool,
    /// The form that MC/DC is judged in; none where it is not to be shown.
    pub(crate) mcdc: Option<Form>,
    /// Why files are left out that were measured: a sentence for each.
    pub(crate) unusable: Vec<String>,
}

impl View {
    pub(crate) fn new(mut sources: Vec<MeasuredSource>, has_branches: bool) -> Self {
        sources.sort_by(|a, b| a.path.cmp(&b.path));
        let files: Vec<FileView> =
            sources.into_iter().map(|source| FileView::new(source, has_branches)).collect();
        let totals = files.iter().map(|file| file.outcome.totals()).sum();
        Self { files, totals, has_branches, mcdc: None, unusable: Vec::new() }
    }

    /// MC/DC of all files.
    pub(crate) fn mcdc_totals(&self, form: Form) -> McDcTotals {
        self.files.iter().map(|file| file.mcdc_totals(form)).sum()
    }

    /// Whether there is nothing to report.
    pub(crate) fn is_empty(&self) -> bool {
        self.files.is_empty()
    }
}

/// One file.
#[derive(Clone, Debug, Default)]
pub(crate) struct FileView {
    /// Absolute path.
    pub(crate) path: String,
    pub(crate) name: String,
    pub(crate) outcome: Outcome,
    /// In the order of the source; none where branches were not measured.
    pub(crate) decisions: Vec<JudgedDecision>,
    /// What is wrong with justifications: line, and why.
    pub(super) wrong_justifications: Vec<(LineNo, String)>,
    /// The decoded text, where a format needs it.
    pub(crate) text: Option<String>,
    pub(super) contexts: LineContexts,
    /// What could happen, for the words about it.
    pub(super) branches: Branches,
    pub(super) regions: Vec<Region>,
    pub(super) line_count: LineNo,
    pub(super) first_lines: FirstLines,
}

impl FileView {
    pub(crate) fn mcdc_totals(&self, form: Form) -> McDcTotals {
        self.decisions.iter().map(|decision| decision.totals(form)).sum()
    }

    /// Gives conditions of all decisions of this text the reason why they need not be shown. Returns what is wrong with that:
    /// the decision may not be there any more.
    pub(crate) fn justify(&mut self, decision: &str, conditions: &[String], reason: &str) -> Vec<String> {
        let text = mcdc::one_line(decision);
        let mut wrong = Vec::new();
        let mut is_there = false;
        for judged in self.decisions.iter_mut().filter(|judged| judged.is_compound()) {
            if mcdc::expression(&judged.measured.decision) == text {
                is_there = true;
                wrong.extend(judged.justify(conditions, reason));
            }
        }
        if !is_there {
            wrong.push(format!("is for `{text}`, which {} has no more", self.name));
        }
        wrong.dedup();
        wrong
    }

    /// Justifications that are of no use: line, and why.
    pub(crate) fn stale_justifications(&self, form: Form) -> Vec<(LineNo, String)> {
        let shown = self.decisions.iter().flat_map(|judged| {
            let conditions = &judged.measured.decision.conditions;
            judged.justified_in_vain(form).map(move |number| {
                (
                    judged.measured.decision.place.line,
                    format!("is for c{} ({}), which is shown", number + 1, conditions[number].text),
                )
            })
        });
        self.wrong_justifications.iter().cloned().chain(shown).collect()
    }

    /// MC/DC of the decisions in a region.
    pub(crate) fn mcdc_totals_of(&self, region: &RegionView, form: Form) -> McDcTotals {
        let is_inside = |judged: &&JudgedDecision| {
            region.lines.contains(self.first_lines.of(judged.measured.decision.place.line))
        };
        self.decisions.iter().filter(is_inside).map(|decision| decision.totals(form)).sum()
    }

    fn new(source: MeasuredSource, has_branches: bool) -> Self {
        let MeasuredSource { path, name, facts, seen, text } = source;
        let mut decisions =
            if has_branches && seen.has_edges { metrics::judge_decisions(&facts, &seen) } else { Vec::new() };
        metrics::tell_contexts(&facts, &seen, &mut decisions);
        let wrong_justifications =
            if decisions.is_empty() { Vec::new() } else { metrics::justify(&facts, &mut decisions) };
        let branches = if has_branches {
            let executed =
                metrics::executed_arcs(&facts.branches, &facts.first_lines, seen.arcs.iter().copied());
            metrics::branch_lines(&facts, &executed)
        } else {
            Vec::new()
        };
        let verdict = metrics::assess(metrics::LINE, &facts, &seen);
        let lines = Lines {
            executed: verdict.covered_lines(),
            missing: verdict.missing_lines(),
            excluded: facts.excluded,
        };
        let outcome = Outcome { lines, branches };
        let mut contexts = LineContexts::new();
        for (context, lines) in seen.contexts {
            for line in lines.iter() {
                contexts.entry(line).or_default().push(context.clone());
            }
        }
        let Facts { regions, line_count, branches, first_lines, .. } = facts;
        Self {
            path,
            name,
            outcome,
            decisions,
            wrong_justifications,
            text,
            contexts,
            branches,
            regions,
            line_count,
            first_lines,
        }
    }

    /// The functions or classes, and last what is in none. Computed on demand, since few formats show them.
    pub(crate) fn regions(&self, kind: RegionKind) -> Vec<RegionView<'_>> {
        regions::of_kind(kind, &self.regions, &self.outcome, self.line_count)
    }
}

/// What became of the lines and branches of a file or region.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) lines: Lines,
    /// Lines that branch, ascending.
    pub(crate) branches: Vec<BranchLine>,
}

impl Outcome {
    pub(crate) fn totals(&self) -> Totals {
        let Self { lines, branches } = self;
        let missing = lines.missing.len();
        Totals {
            statements: lines.executed.len() + missing,
            missing,
            excluded: lines.excluded.len(),
            branches: branches.iter().map(|branch| branch.exits).sum(),
            missing_branches: branches.iter().map(|branch| branch.missing.len()).sum(),
            partial_branches: metrics::partial(branches, &lines.missing),
        }
    }

    /// What of it is on the lines of a region.
    #[must_use]
    pub(super) fn within(&self, region: &LineSet) -> Self {
        let lines = self.lines.within(region);
        // Branches stand in the order of their lines, so most regions need look at few.
        let (first, last) = (region.first().unwrap_or(1), region.last().unwrap_or(0));
        let start = self.branches.partition_point(|branch| branch.line < first);
        let near = self.branches[start..].iter().take_while(|branch| branch.line <= last);
        let branches = near.filter(|branch| region.contains(branch.line)).cloned().collect();
        Self { lines, branches }
    }

    /// What became of the ways on from a line that branches.
    pub(crate) fn branch(&self, line: LineNo) -> Option<&BranchLine> {
        let at = self.branches.binary_search_by_key(&line, |branch| branch.line).ok()?;
        Some(&self.branches[at])
    }

    /// Branches that were taken, to excluded lines too; ascending.
    pub(crate) fn executed_branches(&self) -> impl Iterator<Item = LineArc> {
        self.branches.iter().flat_map(|branch| branch.arcs(&branch.executed))
    }

    /// Branches that should have been taken, ascending.
    pub(crate) fn missing_branches(&self) -> impl Iterator<Item = LineArc> {
        self.branches.iter().flat_map(|branch| branch.arcs(&branch.missing))
    }

    /// What is missing in the order of its first lines: `2-5, 8->10, 8->exit`. A branch is left out where one of its ends
    /// is missing itself (coverage 7.17.3, `results.py`, `format_lines`).
    pub(crate) fn missing_text(&self) -> String {
        let ran = |end: ArcEnd| end < 0 || !self.lines.missing.contains(end.unsigned_abs());
        let ranges = self.lines.missing_ranges().into_iter().map(|(first, last)| {
            let text = if first == last { first.to_string() } else { format!("{first}-{last}") };
            (first, text)
        });
        let branches = self.missing_branches().filter(|arc| ran(arc.from) && ran(arc.to)).map(|arc| {
            let to = if arc.to < 0 { "exit".to_owned() } else { arc.to.to_string() };
            (arc.from.unsigned_abs(), format!("{}->{to}", arc.from))
        });
        let mut items: Vec<(LineNo, String)> = ranges.chain(branches).collect();
        // Of one line, by the text: that puts 8->10 before 8->9.
        items.sort();
        let items: Vec<String> = items.into_iter().map(|(_, text)| text).collect();
        items.join(", ")
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
    pub(super) fn has_statements(&self) -> bool {
        !(self.executed.is_empty() && self.missing.is_empty())
    }

    pub(super) fn within(&self, region: &LineSet) -> Self {
        Self {
            executed: self.executed.intersection(region),
            missing: self.missing.intersection(region),
            excluded: self.excluded.intersection(region),
        }
    }

    /// The missing statements as ranges `(first, last)`; a range runs on over lines that are no statements
    /// (coverage 7.17.3, `results.py`, `format_lines`).
    fn missing_ranges(&self) -> Vec<(LineNo, LineNo)> {
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
