//! The lines of a file: what became of each, and their markup.
//!
//! Most bytes of a report are here, so the markup is as short as HTML allows: end tags of `<p>` are left out, classes
//! are letters, and only tokens that have a colour have an element.

use std::fmt::Write;
use std::ops::Range;

use unicode_width::UnicodeWidthStr;

use super::conditions::{self, Conditions, Mark};
use super::contexts::{self, LineContexts};
use super::escape;
use crate::metrics::{Form, JudgedDecision};
use crate::model::{ArcEnd, LineArc, LineNo};
use crate::report::FileView;
use crate::source::{self, SourceTokenKind};

/// Lines that are laid out together, or not at all while out of sight.
const CHUNK: usize = 50;

/// Longer lines are shown without colours: they are data, and their tokens would be most of the page.
const LONGEST_COLOURED: usize = 4000;

/// A file with a line longer than this, in columns, is wrapped from the start.
const WIDE: usize = 400;

/// What became of a line; the letter is its class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// No statement: blank, a comment, a docstring.
    Plain,
    Run,
    Missing,
    /// It ran, and a way on from it was never taken.
    Partial,
    Excluded,
}

impl Fate {
    fn letter(self) -> char {
        match self {
            Self::Plain => '.',
            Self::Run => 'r',
            Self::Missing => 'm',
            Self::Partial => 'p',
            Self::Excluded => 'x',
        }
    }
}

/// A file's lines as markup, and what the page has to know of them.
#[derive(Debug)]
pub(super) struct Lines {
    pub(super) html: String,
    /// How many lines in a row share a fate: `3.2m1r`.
    pub(super) runs: String,
    /// Columns of the longest line.
    pub(super) width: usize,
    pub(super) is_wide: bool,
    /// Columns for line numbers, signs and counts of contexts.
    pub(super) gutter: usize,
    pub(super) has_bidi: bool,
}

/// Writes the lines of `text`, the file's decoded source. `contexts` are the numbers of those that each line ran in, where
/// they are to be shown.
pub(super) fn lines(
    file: &FileView,
    text: &str,
    contexts: Option<&LineContexts>,
    form: Option<Form>,
) -> Lines {
    let conditions = Conditions::new(file);
    let tokens = source::highlight(text).unwrap_or_default();
    let mut tokens = tokens.iter().peekable();
    let count = text.lines().count();
    // A typical line of code needs about as many bytes of markup as it has itself.
    let mut html = String::with_capacity(text.len() * 2 + count * 40);
    let mut runs = String::new();
    let mut run = (Fate::Plain, 0_usize);
    let (mut width, mut start) = (0, 0);
    for (index, line) in text.split_terminator('\n').enumerate() {
        let number = index as LineNo + 1;
        if index % CHUNK == 0 {
            if index > 0 {
                html.push_str("</div>");
            }
            let _ = write!(html, "<div style=--n:{}>", CHUNK.min(count - index));
        }
        let first = file.first_lines.of(number);
        let fate = fate(file, first);
        if fate == run.0 {
            run.1 += 1;
        } else {
            push_run(&mut runs, run);
            run = (fate, 1);
        }
        let letter = fate.letter();
        let _ = match (fate, first == number) {
            (Fate::Plain, _) => write!(html, "<p id=t{number}>"),
            (_, true) => write!(html, "<p class={letter} id=t{number}>"),
            (_, false) => write!(html, "<p class={} id=t{number}>", letter.to_ascii_uppercase()),
        };
        let _ = write!(html, "<a href=#t{number}>{number}</a>");
        if let Some(numbers) = contexts.and_then(|contexts| contexts.of(number)) {
            let (count, label) = (numbers.len(), contexts::counted(numbers.len()));
            let _ = write!(
                html,
                "<button class=k type=button aria-label=\"{label}\" aria-expanded=false>{count}</button>"
            );
        }

        let end = start + line.len();
        let coloured = line.len() <= LONGEST_COLOURED;
        let mut at = start;
        let marks = if coloured { conditions.marks(number) } else { &[] };
        let mut marks = Marks { waiting: marks.iter().peekable(), open: Vec::new(), start, end };
        while let Some(token) = tokens.peek() {
            if token.range.start >= end {
                break;
            }
            let (from, to) = (token.range.start.max(start), token.range.end.min(end));
            if coloured && from < to {
                marks.push_text(&mut html, text, at..from);
                marks.reach(&mut html, from);
                let tag = tag(token.kind);
                let _ = write!(html, "<{tag}>");
                escape::push_text(&mut html, &text[from..to]);
                let _ = write!(html, "</{tag}>");
                at = to;
            }
            if token.range.end > end {
                break;
            }
            tokens.next();
        }
        marks.push_text(&mut html, text, at..end);
        marks.reach(&mut html, end);
        if fate == Fate::Partial && first == number {
            push_branches(&mut html, file, number);
        }
        if let Some(form) = form {
            push_decisions(&mut html, conditions.decisions(number), form, contexts);
        }
        // Tabs may be wider than they count here; a little room is left for that on the page.
        width = width.max(line.width() + 7 * line.matches('\t').count());
        start = end + 1;
    }
    if count > 0 {
        html.push_str("</div>");
    }
    push_run(&mut runs, run);
    Lines {
        html,
        runs,
        width,
        is_wide: width > WIDE,
        gutter: count.max(1).to_string().len() + if contexts.is_some() { 10 } else { 5 },
        has_bidi: !text.is_ascii() && text.chars().any(escape::is_bidi),
    }
}

fn push_run(runs: &mut String, (fate, length): (Fate, usize)) {
    if length > 0 {
        let _ = write!(runs, "{length}{}", fate.letter());
    }
}

/// What became of the statement that begins at `line`.
pub(super) fn fate(file: &FileView, line: LineNo) -> Fate {
    let lines = &file.outcome.lines;
    if lines.excluded.contains(line) {
        Fate::Excluded
    } else if lines.missing.contains(line) {
        Fate::Missing
    } else if !lines.executed.contains(line) {
        Fate::Plain
    } else if file.outcome.branch(line).is_some_and(|branch| !branch.missing.is_empty()) {
        Fate::Partial
    } else {
        Fate::Run
    }
}

fn tag(kind: SourceTokenKind) -> &'static str {
    match kind {
        SourceTokenKind::Keyword => "b",
        SourceTokenKind::Comment => "i",
        SourceTokenKind::String => "u",
        SourceTokenKind::Number => "small",
        SourceTokenKind::Definition => "samp",
        SourceTokenKind::Decorator => "q",
    }
}

/// The ways on that were not taken, each a link to where it leads, with coverage.py's words for why not.
fn push_branches(html: &mut String, file: &FileView, line: LineNo) {
    let Some(branch) = file.outcome.branch(line) else { return };
    html.push_str("<span class=j>");
    for to in &branch.missing {
        let arc = LineArc::new(line.cast_signed(), *to);
        let target = target(*to);
        let name = if *to > 0 { to.to_string() } else { "exit".to_owned() };
        let _ = write!(html, "<a href=#t{target} title=\"line {line} to {name}\">↛ {name}</a><span>");
        escape::push_text(html, &file.branches.missing_description(arc));
        html.push_str("</span>");
    }
    html.push_str("</span>");
}

/// Marks of conditions that are being written into a line.
struct Marks<'a> {
    waiting: std::iter::Peekable<std::slice::Iter<'a, Mark>>,
    /// Where those that were begun end, in the text; the innermost last.
    open: Vec<usize>,
    /// Where the line is, in the text.
    start: usize,
    end: usize,
}

impl Marks<'_> {
    /// Writes a piece of the line that has no colour, with the marks that begin or end in it.
    fn push_text(&mut self, html: &mut String, text: &str, piece: Range<usize>) {
        let mut at = piece.start;
        while let Some(next) = self.next_edge().filter(|next| *next < piece.end) {
            // A range that is not of this text could cut a character in two.
            let Some(before) = text.get(at..next.max(at)) else { break };
            escape::push_text(html, before);
            at = next.max(at);
            self.reach(html, at);
        }
        escape::push_text(html, &text[at..piece.end]);
    }

    /// The next place where a mark begins or ends.
    fn next_edge(&mut self) -> Option<usize> {
        let begins = self.waiting.peek().map(|mark| self.start.saturating_add(mark.from).min(self.end));
        self.open.last().copied().into_iter().chain(begins).min()
    }

    /// Ends and begins what does so at `at` or before.
    fn reach(&mut self, html: &mut String, at: usize) {
        loop {
            if self.open.last().is_some_and(|end| *end <= at) {
                html.push_str("</mark>");
                self.open.pop();
                continue;
            }
            let begins = |mark: &&Mark| self.start.saturating_add(mark.from) <= at;
            let Some(mark) = self.waiting.next_if(begins) else { break };
            let outer = self.open.last().copied().unwrap_or(self.end);
            self.open.push(self.start.saturating_add(mark.to).min(outer));
            let _ = write!(html, "<mark title=\"{}\">", mark.words);
        }
    }
}

/// The buttons that open truth tables, and these, behind the line.
fn push_decisions(
    html: &mut String,
    decisions: &[&JudgedDecision],
    form: Form,
    contexts: Option<&LineContexts>,
) {
    for judged in decisions {
        let class = if conditions::is_shown(judged, form) { "d" } else { "d gap" };
        let summary = conditions::summary(judged, form);
        let _ = write!(
            html,
            "<button class=\"{class}\" type=button aria-expanded=false>{summary}<span class=unseen>, truth table</span></button>"
        );
    }
    for judged in decisions {
        html.push_str(&conditions::truth_table(judged, form, contexts));
    }
}

/// The line that a way on leads to; of a way out, the line that the code begins on.
fn target(to: ArcEnd) -> LineNo {
    to.unsigned_abs().max(1)
}
