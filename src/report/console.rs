//! The table on the terminal: coverage.py's text report, character for character.
//!
//! Source of columns, widths and messages: coverage 7.17.3, `report.py`.

use std::cmp::Ordering;

use super::{Format, Options, SortColumn, View, human_order, percent};
use crate::model::Totals;

pub(super) const FORMAT: Format = Format {
    slug: "console",
    doc: "a table for the terminal",
    title: "console",
    default_output: None,
    render,
    pages: None,
};

fn render(view: &View, options: &Options) -> String {
    let mut rows = Vec::new();
    let (mut covered, mut empty) = (0, 0);
    for file in &view.files {
        let totals = file.outcome.totals();
        // Branches of statements that never ran are missing with them.
        if options.skip_covered && totals.missing == 0 && totals.partial_branches == 0 {
            covered += 1;
        } else if options.skip_empty && totals.statements == 0 {
            empty += 1;
        } else {
            let missing = if options.show_missing { file.outcome.missing_text() } else { String::new() };
            rows.push(Row::new(printable(&file.name), totals, missing, options));
        }
    }
    sort(&mut rows, options);
    let total = Row::new("TOTAL".to_owned(), view.totals, String::new(), options);

    let columns = Columns { branches: view.has_branches, missing: options.show_missing };
    let mut lines = table(&rows, &total, columns);
    if covered > 0 {
        lines.push(format!("\n{} skipped due to complete coverage.", plural(covered, "file")));
    }
    if empty > 0 {
        lines.push(format!("\n{} skipped.", plural(empty, "empty file")));
    }
    lines.iter().flat_map(|line| [line.as_str(), "\n"]).collect()
}

/// Which columns there are beside the others.
#[derive(Clone, Copy)]
struct Columns {
    /// Branch and `BrPart`.
    branches: bool,
    missing: bool,
}

struct Row {
    name: String,
    totals: Totals,
    cover: String,
    missing: String,
}

impl Row {
    fn new(name: String, totals: Totals, missing: String, options: &Options) -> Self {
        Self { name, totals, cover: percent::display(totals.percent(), options.precision), missing }
    }
}

fn sort(rows: &mut [Row], options: &Options) {
    let by_column: fn(&Row, &Row) -> Ordering = match options.sort.column {
        SortColumn::Name => |a, b| human_order::compare(&a.name, &b.name),
        SortColumn::Statements => |a, b| a.totals.statements.cmp(&b.totals.statements),
        SortColumn::Missing => |a, b| a.totals.missing.cmp(&b.totals.missing),
        SortColumn::Branches => |a, b| a.totals.branches.cmp(&b.totals.branches),
        SortColumn::PartialBranches => |a, b| a.totals.partial_branches.cmp(&b.totals.partial_branches),
        SortColumn::Cover => |a, b| a.totals.percent().total_cmp(&b.totals.percent()),
    };
    rows.sort_by(|a, b| {
        let order = by_column(a, b).then_with(|| a.name.cmp(&b.name));
        if options.sort.descending { order.reverse() } else { order }
    });
}

/// The lines of the table.
fn table(rows: &[Row], total: &Row, columns: Columns) -> Vec<String> {
    let width = |text: &str| text.chars().count();
    let name_width = rows.iter().map(|row| width(&row.name)).max().unwrap_or(0).max("TOTAL".len()) + 1;
    // Room for the percent sign, and for two blanks before the longest number.
    let widest_cover = rows.iter().map(|row| width(&row.cover) + 2).max().unwrap_or(0);
    let cover_width = (width(&total.cover) + 2).max(" Cover".len()) + 1;
    let cover_width = cover_width.max(widest_cover);

    // Padded by hand, because formatting panics at widths above 65535 and names come from outside.
    let padded = |name: &str| format!("{name}{}", " ".repeat(name_width - width(name)));
    let missing = if columns.missing { "   Missing" } else { "" };
    let branches = if columns.branches { format!("{:>7}{:>7}", "Branch", "BrPart") } else { String::new() };
    let header =
        format!("{}{:>7}{:>7}{branches}{:>cover_width$}{missing}", padded("Name"), "Stmts", "Miss", "Cover");
    let rule = "-".repeat(width(&header));
    let line = |row: &Row| {
        let Row { name, totals, cover, missing } = row;
        let (name, statements, lacking) = (padded(name), totals.statements, totals.missing);
        let branches = if columns.branches {
            format!("{:>7}{:>7}", totals.branches, totals.partial_branches)
        } else {
            String::new()
        };
        let number_width = cover_width - 1;
        let line = format!("{name}{statements:>7}{lacking:>7}{branches}{cover:>number_width$}%   {missing}");
        line.trim_end().to_owned()
    };

    let mut lines = vec![header, rule.clone()];
    lines.extend(rows.iter().map(line));
    if !rows.is_empty() {
        lines.push(rule);
    }
    lines.push(line(total));
    lines
}

/// The name with `?` for each character that could act on a terminal or doesn't show.
fn printable(name: &str) -> String {
    name.chars().map(|c| if is_printable(c) { c } else { '?' }).collect()
}

/// Python's `str.isprintable`. The standard library's tables for debug output are made of the same Unicode categories
/// (library/core/src/unicode/printable.py); after another character they do not escape combining marks either.
fn is_printable(c: char) -> bool {
    matches!(c, '"' | '\'' | '\\') || ['a', c].iter().collect::<String>().escape_debug().eq(['a', c])
}

fn plural(count: usize, thing: &str) -> String {
    if count == 1 { format!("1 {thing}") } else { format!("{count} {thing}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_act_on_the_terminal() {
        assert_eq!(printable("a\u{1b}[31m\r\u{202e}\u{a0}\u{2028}b"), "a?[31m????b");
        assert_eq!(printable("пример 'é\u{301}\\\"字.py"), "пример 'é\u{301}\\\"字.py");
    }
}
