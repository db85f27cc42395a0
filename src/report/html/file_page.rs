//! The page of one file.

use askama::Template;

use super::cards::{self, Card};
use super::contexts::LineContexts;
use super::{Links, escape, lines};
use crate::model::{LineNo, RegionKind, Totals};
use crate::report::{FileView, Options, View, percent};

#[derive(Template)]
#[template(path = "file.html")]
struct FileBody<'a> {
    /// Markup.
    name: String,
    percent: String,
    grade: &'static str,
    cards: Vec<Card>,
    totals: Totals,
    has_branches: bool,
    previous: &'a str,
    up: &'a str,
    next: &'a str,
    has_bidi: bool,
    outline: Vec<OutlineItem>,
    is_wide: bool,
    gutter: usize,
    width: usize,
    runs: &'a str,
    lines: &'a str,
    /// As JSON.
    contexts: Option<String>,
}

/// A function or class in the outline.
struct OutlineItem {
    name: String,
    line: LineNo,
    /// How deep it is nested.
    depth: usize,
    percent: String,
    grade: &'static str,
}

/// The body of a file's page.
pub(super) fn body(file: &FileView, links: &Links, view: &View, options: &Options) -> String {
    let has_branches = view.has_branches;
    let precision = options.precision;
    let totals = file.outcome.totals();
    let contexts = options.html.show_contexts.then(|| LineContexts::new(file));
    let lines = lines::lines(file, file.text.as_deref().unwrap_or_default(), contexts.as_ref(), view.mcdc);
    let body = FileBody {
        name: escape::text(&file.name),
        percent: percent::display(totals.percent(), precision),
        grade: cards::grade(totals.percent()),
        cards: cards::cards(&totals, has_branches, view.mcdc.map(|form| file.mcdc_totals(form)), precision),
        totals,
        has_branches,
        previous: links.previous,
        up: links.up,
        next: links.next,
        has_bidi: lines.has_bidi,
        outline: outline(file, precision),
        is_wide: lines.is_wide,
        gutter: lines.gutter,
        width: lines.width,
        runs: &lines.runs,
        lines: &lines.html,
        contexts: contexts.as_ref().map(escape::script_json),
    };
    super::render(&body)
}

/// Functions and classes in the order they stand in.
fn outline(file: &FileView, precision: u8) -> Vec<OutlineItem> {
    let kinds = [RegionKind::Class, RegionKind::Function];
    let mut items: Vec<OutlineItem> = Vec::new();
    for kind in kinds {
        for region in file.regions(kind) {
            if region.name.dotted.is_empty() {
                continue;
            }
            let value = region.outcome.totals().percent();
            let (parents, name) = region.name.dotted.rsplit_once('.').unwrap_or(("", region.name.dotted));
            items.push(OutlineItem {
                name: if kind == RegionKind::Class { format!("class {name}") } else { name.to_owned() },
                line: region.start,
                depth: if parents.is_empty() { 0 } else { parents.split('.').count() },
                percent: format!("{}%", percent::display(value, precision)),
                grade: cards::grade(value),
            });
        }
    }
    items.sort_by_key(|item| item.line);
    items
}
