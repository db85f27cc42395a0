//! The table in Markdown, for pull requests and job summaries: coverage.py's, character for character.
//!
//! Source of layout and escapes: coverage 7.17.3, `report.py`, `report_markdown`.

use std::io::{self, Write};

use super::mcdc::Words;
use super::names::printable;
use super::summary::{Row, Summary};
use super::{Format, Options, View};

pub(super) const FORMAT: Format = Format {
    slug: "markdown",
    aliases: &[],
    doc: "the same table in Markdown",
    title: "Markdown",
    default_output: None,
    percent_of_nothing: 100.0,
    render,
    pages: None,
};

/// Punctuation that means nothing in a table.
const PLAIN: [char; 4] = ['.', ',', '/', '-'];

fn render(view: &View, options: &Options, out: &mut dyn Write) -> io::Result<()> {
    let summary = Summary::new(view, options);
    let Summary { rows, total, columns, .. } = &summary;
    let names: Vec<String> = rows.iter().map(|row| escape(&row.name)).collect();
    let name_width =
        names.iter().map(|name| name.chars().count()).max().unwrap_or(0).max("**TOTAL**".len()) + 1;
    let mcdc_width = (total.mcdc_cover.len() + 5).max(9);
    let cover_width = (total.cover.len() + 6).max(" Cover ".len());

    let mut headings = vec![
        format!("| {}|", left("Name", name_width)),
        format!("{} |", right("Stmts", 9)),
        format!("{} |", right("Miss", 9)),
    ];
    if columns.branches {
        headings.extend([format!("{} |", right("Branch", 9)), format!("{} |", right("BrPart", 9))]);
    }
    if columns.mcdc {
        headings.extend(["Conds", "Shown"].map(|title| format!("{} |", right(title, 9))));
        headings.push(format!("{} |", right("MC/DC", mcdc_width)));
    }
    headings.push(format!("{} |", right("Cover", cover_width)));
    if columns.missing {
        headings.push(format!("{} |", right("Missing", 10)));
    }
    writeln!(out, "{}", headings.concat())?;
    let rule = headings.iter().enumerate().map(|(index, heading)| {
        let end = if index == 0 { "- |" } else { "-: |" };
        let dashes = (heading.chars().count() - 1).saturating_sub(end.len());
        format!("{}{end}", "-".repeat(dashes))
    });
    writeln!(out, "|{}", rule.collect::<Vec<_>>().join(" "))?;

    let write_row = |out: &mut dyn Write, name: String, row: &Row, strong: bool, missing: &str| {
        let totals = &row.totals;
        let mut counts = vec![totals.statements, totals.missing];
        if columns.branches {
            counts.extend([totals.branches, totals.partial_branches]);
        }
        let dressed = |text: String| if strong { format!(" **{text}**") } else { text };
        let mut line = name;
        for count in counts {
            line.push_str(&right(&dressed(count.to_string()), 9));
            line.push_str(" |");
        }
        if columns.mcdc {
            let counts = [row.mcdc.conditions, row.mcdc.shown].map(|count| count.to_string());
            for count in counts {
                line.push_str(&right(&dressed(count), 9));
                line.push_str(" |");
            }
            line.push_str(&right(&dressed(row.mcdc_cover.clone()), mcdc_width));
            line.push_str(" |");
        }
        line.push_str(&right(&dressed(format!("{}%", row.cover)), cover_width));
        line.push_str(" |");
        if columns.missing {
            line.push_str(&right(missing, 10));
            line.push_str(" |");
        }
        writeln!(out, "{line}")
    };
    for (row, name) in rows.iter().zip(&names) {
        write_row(out, format!("| {}|", left(name, name_width)), row, false, &escape(&row.missing))?;
    }
    write_row(out, format!("|{} |", left(" **TOTAL**", name_width)), total, true, "")?;
    for (number, (row, gap)) in
        rows.iter().flat_map(|row| row.gaps.iter().map(move |gap| (row, gap))).enumerate()
    {
        let blank = if number == 0 { "\n" } else { "" };
        let words = gap.words.iter().map(|words| match words {
            Words::Plain(text) => escape(&printable(text)),
            Words::Code(text) => code_span(&printable(text)),
        });
        writeln!(out, "{blank}- {}:{}: {}", escape(&row.name), gap.line, words.collect::<String>())?;
    }
    summary.write_remarks(out)
}

/// Text as it stands, between more backquotes than it has in a row (CommonMark 0.31, section 6.1).
fn code_span(text: &str) -> String {
    let longest = text.split(|character| character != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    let blank = if longest > 0 { " " } else { "" };
    format!("{fence}{blank}{text}{blank}{fence}")
}

/// A backslash before each character that could mean something in a table.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for char in text.chars() {
        if char.is_ascii_punctuation() && !PLAIN.contains(&char) {
            escaped.push('\\');
        }
        escaped.push(char);
    }
    escaped
}

// Padded by hand, because formatting panics at widths above 65535 and names come from outside.

fn left(text: &str, width: usize) -> String {
    format!("{text}{}", " ".repeat(width.saturating_sub(text.chars().count())))
}

fn right(text: &str, width: usize) -> String {
    format!("{}{text}", " ".repeat(width.saturating_sub(text.chars().count())))
}
