//! The table on the terminal: coverage.py's text report, character for character.
//!
//! Source of columns, widths and messages: coverage 7.17.3, `report.py`.

use std::io::{self, Write};

use super::summary::{Columns, Row, Summary};
use super::{Format, Options, View};

pub(super) const FORMAT: Format = Format {
    slug: "console",
    aliases: &["text"],
    doc: "a table for the terminal",
    title: "console",
    default_output: None,
    percent_of_nothing: 100.0,
    render,
    pages: None,
};

fn render(view: &View, options: &Options, out: &mut dyn Write) -> io::Result<()> {
    let summary = Summary::new(view, options);
    for line in table(&summary.rows, &summary.total, summary.columns) {
        writeln!(out, "{line}")?;
    }
    summary.write_skipped(out)
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
