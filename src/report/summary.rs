//! What the tables for people have in common: rows, their order, and what was left out.
//!
//! Source of columns, order and messages: coverage 7.17.3, `report.py`.

use std::cmp::Ordering;
use std::io::{self, Write};

use super::mcdc::{self, Gap};
use super::names::printable;
use super::{Options, SortColumn, View, human_order, percent};
use crate::metrics::McDcTotals;
use crate::model::Totals;

/// A table before it is laid out.
pub(super) struct Summary {
    /// In the order asked for.
    pub(super) rows: Vec<Row>,
    pub(super) total: Row,
    pub(super) columns: Columns,
    /// Files left out because nothing is missing.
    covered: usize,
    /// Files left out because there is nothing in them.
    empty: usize,
}

impl Summary {
    pub(super) fn new(view: &View, options: &Options) -> Self {
        let mut rows = Vec::new();
        let (mut covered, mut empty) = (0, 0);
        for file in &view.files {
            let totals = file.outcome.totals();
            let mcdc = view.mcdc.map(|form| file.mcdc_totals(form)).unwrap_or_default();
            // Branches of statements that never ran are missing with them.
            let is_covered = totals.missing == 0 && totals.partial_branches == 0 && mcdc.missing() == 0;
            if options.skip_covered && is_covered {
                covered += 1;
            } else if options.skip_empty && totals.statements == 0 {
                empty += 1;
            } else {
                let mut row = Row::new(printable(&file.name).into_owned(), totals, mcdc, options);
                if options.show_missing {
                    row.missing = file.outcome.missing_text();
                    row.gaps = view.mcdc.map(|form| mcdc::gaps(file, form)).unwrap_or_default();
                }
                rows.push(row);
            }
        }
        sort(&mut rows, options);
        let mcdc = view.mcdc.map(|form| view.mcdc_totals(form)).unwrap_or_default();
        let total = Row::new("TOTAL".to_owned(), view.totals, mcdc, options);
        let columns =
            Columns { branches: view.has_branches, mcdc: view.mcdc.is_some(), missing: options.show_missing };
        Self { rows, total, columns, covered, empty }
    }

    /// Says how many files were left out, and of how many decisions nothing is known, if any.
    pub(super) fn write_remarks(&self, out: &mut dyn Write) -> io::Result<()> {
        if self.covered > 0 {
            writeln!(out, "\n{} skipped due to complete coverage.", plural(self.covered, "file"))?;
        }
        if self.empty > 0 {
            writeln!(out, "\n{} skipped.", plural(self.empty, "empty file"))?;
        }
        let unmeasurable = self.total.mcdc.unmeasurable;
        if unmeasurable > 0 {
            let decisions = plural(unmeasurable, "decision");
            writeln!(out, "\n{decisions} not measurable: minicov mcdc --missing tells why.")?;
        }
        Ok(())
    }
}

/// Which columns there are beside the others.
#[derive(Clone, Copy)]
pub(super) struct Columns {
    /// Branch and `BrPart`.
    pub(super) branches: bool,
    /// Conds, Shown and MC/DC.
    pub(super) mcdc: bool,
    pub(super) missing: bool,
}

pub(super) struct Row {
    pub(super) name: String,
    pub(super) totals: Totals,
    pub(super) mcdc: McDcTotals,
    /// Percentage of MC/DC with its sign; a dash where there are no conditions.
    pub(super) mcdc_cover: String,
    /// Percentage without its sign.
    pub(super) cover: String,
    /// Empty where the column is not asked for, as the next.
    pub(super) missing: String,
    /// What MC/DC lacks.
    pub(super) gaps: Vec<Gap>,
}

impl Row {
    fn new(name: String, totals: Totals, mcdc: McDcTotals, options: &Options) -> Self {
        let display = |value| percent::display(value, options.precision);
        let mcdc_cover =
            if mcdc.conditions == 0 { "-".to_owned() } else { format!("{}%", display(mcdc.percent())) };
        let cover = display(totals.percent());
        Self { name, totals, mcdc, mcdc_cover, cover, missing: String::new(), gaps: Vec::new() }
    }
}

fn sort(rows: &mut [Row], options: &Options) {
    let by_column: fn(&Row, &Row) -> Ordering = match options.sort.column {
        SortColumn::Name => |a, b| human_order::compare(&a.name, &b.name),
        SortColumn::Statements => |a, b| a.totals.statements.cmp(&b.totals.statements),
        SortColumn::Missing => |a, b| a.totals.missing.cmp(&b.totals.missing),
        SortColumn::Branches => |a, b| a.totals.branches.cmp(&b.totals.branches),
        SortColumn::PartialBranches => |a, b| a.totals.partial_branches.cmp(&b.totals.partial_branches),
        SortColumn::Conditions => |a, b| a.mcdc.conditions.cmp(&b.mcdc.conditions),
        SortColumn::ShownConditions => |a, b| a.mcdc.shown.cmp(&b.mcdc.shown),
        SortColumn::McDc => |a, b| a.mcdc.percent().total_cmp(&b.mcdc.percent()),
        SortColumn::Cover => |a, b| a.totals.percent().total_cmp(&b.totals.percent()),
    };
    rows.sort_by(|a, b| {
        let order = by_column(a, b).then_with(|| a.name.cmp(&b.name));
        if options.sort.descending { order.reverse() } else { order }
    });
}

fn plural(count: usize, thing: &str) -> String {
    if count == 1 { format!("1 {thing}") } else { format!("{count} {thing}s") }
}
