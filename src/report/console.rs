//! The table on the terminal: coverage.py's text report, character for character, with columns for MC/DC where that was
//! measured. They stand before `Cover`, since CI services look for the last percentage of the last line.
//!
//! Source of columns, widths and messages: coverage 7.17.3, `report.py`.

use std::io::{self, Write};

use super::mcdc::Words;
use super::names::printable;
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
    let gaps = summary.rows.iter().flat_map(|row| row.gaps.iter().map(move |gap| (row, gap)));
    for (number, (row, gap)) in gaps.enumerate() {
        let blank = if number == 0 { "\n" } else { "" };
        let words = gap.words.iter().map(|words| match words {
            Words::Plain(text) => printable(text).into_owned(),
            Words::Code(text) => format!("`{}`", printable(text)),
        });
        writeln!(out, "{blank}{}:{}: {}", row.name, gap.line, words.collect::<String>())?;
    }
    summary.write_remarks(out)
}

/// The lines of the table.
fn table(rows: &[Row], total: &Row, columns: Columns) -> Vec<String> {
    let width = |text: &str| text.chars().count();
    let name_width = rows.iter().map(|row| width(&row.name)).max().unwrap_or(0).max("TOTAL".len()) + 1;
    // Room for the percent sign, and for two blanks before the longest number.
    let widest_cover = rows.iter().map(|row| width(&row.cover) + 2).max().unwrap_or(0);
    let cover_width = (width(&total.cover) + 2).max(" Cover".len()) + 1;
    let cover_width = cover_width.max(widest_cover);

    let mcdc_width =
        rows.iter().chain([total]).map(|row| width(&row.mcdc_cover) + 2).max().unwrap_or(0).max(7);

    // Padded by hand, because formatting panics at widths above 65535 and names come from outside.
    let padded = |name: &str| format!("{name}{}", " ".repeat(name_width - width(name)));
    let missing = if columns.missing { "   Missing" } else { "" };
    let branches = if columns.branches { format!("{:>7}{:>7}", "Branch", "BrPart") } else { String::new() };
    let mcdc = if columns.mcdc {
        format!("{:>7}{:>7}{:>mcdc_width$}", "Conds", "Shown", "MC/DC")
    } else {
        String::new()
    };
    let header = format!(
        "{}{:>7}{:>7}{branches}{mcdc}{:>cover_width$}{missing}",
        padded("Name"),
        "Stmts",
        "Miss",
        "Cover"
    );
    let rule = "-".repeat(width(&header));
    let line = |row: &Row| {
        let Row { name, totals, mcdc, mcdc_cover, cover, missing, gaps: _ } = row;
        let (name, statements, lacking) = (padded(name), totals.statements, totals.missing);
        let branches = if columns.branches {
            format!("{:>7}{:>7}", totals.branches, totals.partial_branches)
        } else {
            String::new()
        };
        let mcdc = if columns.mcdc {
            format!("{:>7}{:>7}{mcdc_cover:>mcdc_width$}", mcdc.conditions, mcdc.shown)
        } else {
            String::new()
        };
        let number_width = cover_width - 1;
        let line =
            format!("{name}{statements:>7}{lacking:>7}{branches}{mcdc}{cover:>number_width$}%   {missing}");
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
