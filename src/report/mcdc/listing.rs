//! `minicov mcdc` on the terminal: each decision with its conditions, the evaluations seen, and those still wanted.

use std::io::{self, Write};

use comfy_table::{Table, presets};

use super::proofs::proof_words;
use super::{Listed, Verdict, expression, letter, outcome, shortened, shown_by};
use crate::metrics::{self, Form, JudgedDecision, McDcTotals, Row, Wanted};
use crate::model::{ContextNames, LineNo, Place, Vector};
use crate::report::names::printable;
use crate::report::{FileView, percent};
use crate::ui::tones::{BAD, BOLD, GOOD, PLAIN, SOFT, Tone, WANTED};

const LONGEST_TEXT: usize = 60;
const LONGEST_EXPRESSION: usize = 200;
/// More contexts of a row are only counted.
const MOST_CONTEXTS: usize = 10;

/// Writes the list, with colours, which whoever prints it takes out where they don't belong.
pub(crate) fn list_decisions(
    listed: &[Listed],
    totals: &McDcTotals,
    form: Form,
    precision: u8,
    out: &mut dyn Write,
) -> io::Result<()> {
    for Listed { file, decisions, totals: _ } in listed {
        let columns = Columns::of(file);
        let name = printable(&file.name);
        for judged in decisions {
            let place = columns.range(judged.measured.decision.place);
            writeln!(out, "{BOLD}{name}:{place}{BOLD:#}")?;
            decision(judged, form, out)?;
            writeln!(out)?;
        }
    }
    summary(totals, form, precision, out)
}

fn summary(totals: &McDcTotals, form: Form, precision: u8, out: &mut dyn Write) -> io::Result<()> {
    let McDcTotals { decisions, unmeasurable, conditions, shown, infeasible: _, justified } = *totals;
    let plural = |count: usize| if count == 1 { "" } else { "s" };
    write!(
        out,
        "{shown} of {conditions} condition{} in {decisions} decision{} shown, {}% ({} MC/DC)",
        plural(conditions),
        plural(decisions),
        percent::display(totals.percent(), precision),
        form.name()
    )?;
    if justified > 0 {
        write!(out, "; {justified} justified")?;
    }
    if unmeasurable > 0 {
        write!(out, "; {unmeasurable} decision{} not measurable", plural(unmeasurable))?;
    }
    writeln!(out)
}

fn decision(judged: &JudgedDecision, form: Form, out: &mut dyn Write) -> io::Result<()> {
    tables(judged, form, out)?;
    let infeasible = (0..judged.conditions.len())
        .filter(|condition| Verdict::of(judged, *condition, form) == Verdict::Infeasible);
    for (place, condition) in infeasible.enumerate() {
        if let Some(proof) = metrics::proof(judged, condition) {
            if place == 0 {
                writeln!(out)?;
            }
            writeln!(out, "  {}: {}", condition + 1, proof_words(judged, &proof))?;
        }
    }
    Ok(())
}

fn tables(judged: &JudgedDecision, form: Form, out: &mut dyn Write) -> io::Result<()> {
    let source = &judged.measured.decision;
    let text = shortened(&expression(source), LONGEST_EXPRESSION);
    writeln!(out, "  {}: {}", source.context.word(), printable(&text))?;
    if let Some(reason) = &judged.unmeasurable {
        writeln!(out, "  {BAD}not measurable: {reason}{BAD:#}")?;
    }
    let wanted = metrics::wanted(judged, form);

    let mut conditions = Vec::new();
    for (number, condition) in source.conditions.iter().enumerate() {
        let verdict = Verdict::of(judged, number, form);
        let plan = wanted.plans.iter().find(|(planned, ..)| *planned == number);
        let needs =
            plan.map_or(String::new(), |(_, with, without)| format!(": needs {}", needs(*with, *without)));
        let text = shortened(&condition.text, LONGEST_TEXT);
        let words = verdict.words();
        let cells = vec![
            (number + 1).to_string(),
            printable(&text).into_owned(),
            format!("{} {}{needs}", verdict.sign(), printable(&words)),
        ];
        conditions.push((tone(verdict), cells));
    }
    writeln!(out)?;
    table(None, &conditions, out)?;
    if judged.vectors.is_empty() && wanted.vectors.is_empty() {
        return Ok(());
    }

    let mut head = vec!["row".to_owned()];
    head.extend((1..=source.conditions.len()).map(|number| number.to_string()));
    head.extend(["outcome", "shows"].map(str::to_owned));
    let row = |name: String, vector: &Vector, shows: String| {
        let mut cells = vec![name];
        cells.extend(vector.truths.iter().map(|truth| letter(*truth).to_owned()));
        cells.extend([outcome(vector.outcome).to_owned(), shows]);
        cells
    };
    let mut rows = Vec::new();
    for (number, vector) in judged.vectors.iter().enumerate() {
        rows.push((PLAIN, row((number + 1).to_string(), vector, shown_by(judged, number, form))));
    }
    for (number, vector) in wanted.vectors.iter().enumerate() {
        let shows = would_show(&wanted, Row::Wanted(number));
        rows.push((WANTED, row(row_name(Row::Wanted(number)), vector, shows)));
    }
    writeln!(out)?;
    table(Some(head), &rows, out)?;
    if !wanted.vectors.is_empty() || !judged.contexts.is_empty() {
        writeln!(out)?;
    }
    for (number, contexts) in judged.contexts.iter().enumerate() {
        writeln!(out, "  row {}: seen in {}", number + 1, named(contexts))?;
    }
    for (number, vector) in wanted.vectors.iter().enumerate() {
        let name = row_name(Row::Wanted(number));
        writeln!(out, "  {WANTED}{name}{WANTED:#}: a test must make {}", deeds(judged, vector))?;
    }
    Ok(())
}

/// The names of contexts, of many only the first.
fn named(contexts: &ContextNames) -> String {
    let shown =
        |name: &str| if name.is_empty() { "(no context)".to_owned() } else { printable(name).into_owned() };
    let mut names: Vec<String> = contexts.iter().take(MOST_CONTEXTS).map(|name| shown(name)).collect();
    if contexts.len() > MOST_CONTEXTS {
        names.push(format!("and {} more", contexts.len() - MOST_CONTEXTS));
    }
    if names.is_empty() { "no selected context".to_owned() } else { names.join(", ") }
}

/// `w1, with row 3`.
fn needs(with: Row, without: Row) -> String {
    match (with, without) {
        (Row::Seen(_), wanted @ Row::Wanted(_)) => format!("{}, with {}", row_name(wanted), row_name(with)),
        (Row::Wanted(_), Row::Seen(_)) => format!("{}, with {}", row_name(with), row_name(without)),
        (Row::Wanted(_), Row::Wanted(_)) | (Row::Seen(_), Row::Seen(_)) => {
            format!("{} and {}", row_name(with), row_name(without))
        }
    }
}

fn row_name(row: Row) -> String {
    match row {
        Row::Seen(number) => format!("row {}", number + 1),
        Row::Wanted(number) => format!("w{}", number + 1),
    }
}

/// The conditions that a wanted row would help to show.
fn would_show(wanted: &Wanted, row: Row) -> String {
    let plans = wanted.plans.iter().filter(|(_, with, without)| *with == row || *without == row);
    plans.map(|(condition, ..)| (condition + 1).to_string()).collect::<Vec<_>>().join(", ")
}

/// What an evaluation asks of the conditions, in words: "`a` true and `b` false".
fn deeds(judged: &JudgedDecision, vector: &Vector) -> String {
    let conditions = judged.measured.decision.conditions.iter().zip(&vector.truths);
    let deeds = conditions.filter_map(|(condition, truth)| {
        let text = shortened(&condition.text, LONGEST_TEXT);
        Some(format!("`{}` {}", printable(&text), (*truth)?))
    });
    let mut deeds: Vec<String> = deeds.collect();
    // The same expression twice is one deed.
    let mut told = std::collections::BTreeSet::new();
    deeds.retain(|deed| told.insert(deed.clone()));
    let last = deeds.pop().unwrap_or_default();
    if deeds.is_empty() { last } else { format!("{} and {last}", deeds.join(", ")) }
}

fn tone(verdict: Verdict) -> Tone {
    match verdict {
        Verdict::Shown(_) => GOOD,
        Verdict::NotShown | Verdict::Infeasible => BAD,
        Verdict::Justified(_) | Verdict::NotTested | Verdict::NotMeasurable => SOFT,
    }
}

/// Writes rows of one line each, indented; a tone is the whole row's.
fn table(head: Option<Vec<String>>, rows: &[(Tone, Vec<String>)], out: &mut dyn Write) -> io::Result<()> {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    let has_head = head.is_some();
    if let Some(head) = head {
        table.set_header(head);
    }
    table.add_rows(rows.iter().map(|(_, cells)| cells));
    let head = has_head.then_some(SOFT);
    let tones = head.into_iter().chain(rows.iter().map(|(tone, _)| *tone));
    for (line, tone) in table.lines().zip(tones) {
        writeln!(out, " {tone}{}{tone:#}", line.trim_end())?;
    }
    Ok(())
}

/// Columns as editors count them: characters, from 1 on.
struct Columns<'a> {
    lines: Vec<&'a str>,
}

impl<'a> Columns<'a> {
    fn of(file: &'a FileView) -> Self {
        Self { lines: file.text.as_deref().unwrap_or_default().split('\n').collect() }
    }

    /// `12:8-45`, or `12:8-14:20`; the end is the last character.
    fn range(&self, place: Place) -> String {
        let Place { line, column, end_line, end_column } = place;
        let start = self.characters(line, column) + 1;
        let end = self.characters(end_line, end_column);
        if line == end_line {
            format!("{line}:{start}-{end}")
        } else {
            format!("{line}:{start}-{end_line}:{end}")
        }
    }

    /// How many characters stand before a byte of a line.
    fn characters(&self, line: LineNo, byte: u32) -> usize {
        let byte = byte as usize;
        let line = (line as usize).checked_sub(1).and_then(|index| self.lines.get(index));
        line.and_then(|line| line.get(..byte)).map_or(byte, |before| before.chars().count())
    }
}
