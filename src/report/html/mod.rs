//! The HTML report: a folder of pages, or all of them in one file.
//!
//! Pages are made one by one, so that a large project's are never in memory together. Everything that a reader of the
//! source wrote (names, code, reasons) goes through `escape` or Askama's own escaping.
//!
//! Must not know: where pages are written. Invariant: a page depends on nothing but its file, its neighbours' names and
//! the settings (the time of the report is on the index only), so that an unchanged page need not be written again.

mod cards;
mod conditions;
mod contexts;
mod escape;
mod file_page;
mod index_page;
mod lines;
mod page_names;

use askama::Template;
use sha2::{Digest, Sha256};

use super::{FileView, Format, Options, View};
use index_page::Regions;

pub(super) const FORMAT: Format = Format {
    slug: "html",
    doc: "pages to look at in a browser",
    aliases: &[],
    title: "HTML",
    default_output: None,
    percent_of_nothing: 0.0,
    render: |view, options, out| out.write_all(single_file(view, options).as_bytes()),
    pages: Some(pages),
};

/// The name of the page to begin with.
pub(crate) const INDEX: &str = "index.html";

/// Stands at the beginning of every file of the report.
pub(crate) const MADE_BY_US: &str = "made by minicov";

/// Stands at the beginning of coverage.py's pages, whose place ours take (7.17.3, `htmlfiles/index.html`).
pub(crate) const MADE_BY_COVERAGE_PY: &str = "coverage_html_cb_";

const STYLE: &str = concat!(
    "/* made by minicov */\n",
    include_str!("../../../templates/styles/theme.css"),
    // What the system prefers, and what the reader chose.
    "@media (prefers-color-scheme: dark) { :root:not([data-theme=light]) {\n",
    include_str!("../../../templates/styles/dark.css"),
    "} }\n:root[data-theme=dark] {\n",
    include_str!("../../../templates/styles/dark.css"),
    "}\n",
    include_str!("../../../templates/styles/common.css"),
    include_str!("../../../templates/styles/index.css"),
    include_str!("../../../templates/styles/file.css"),
);

const SCRIPT: &str = concat!(
    "/* made by minicov */\n",
    include_str!("../../../templates/scripts/common.js"),
    include_str!("../../../templates/scripts/index.js"),
    include_str!("../../../templates/scripts/grid.js"),
    include_str!("../../../templates/scripts/map.js"),
    include_str!("../../../templates/scripts/contexts.js"),
    include_str!("../../../templates/scripts/file.js"),
    include_str!("../../../templates/scripts/single.js"),
);

/// The script with the rows of functions and classes.
const REGIONS: &str = "regions.js";

/// How the HTML report is to look, beside what it shares with others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HtmlOptions {
    pub(crate) title: String,
    /// Leave out files with nothing missing.
    pub(crate) skip_covered: bool,
    /// Leave out files without statements.
    pub(crate) skip_empty: bool,
    /// Show for each line the contexts it ran in.
    pub(crate) show_contexts: bool,
    /// One page with everything in it.
    pub(crate) single_file: bool,
    /// A style sheet of the user's, to come last.
    pub(crate) extra_css: Option<String>,
}

impl Default for HtmlOptions {
    fn default() -> Self {
        Self {
            title: "Coverage report".to_owned(),
            skip_covered: false,
            skip_empty: false,
            show_contexts: false,
            single_file: false,
            extra_css: None,
        }
    }
}

/// A file of the report.
#[derive(Debug)]
pub(crate) struct Page {
    /// Its name, without folders.
    pub(crate) name: String,
    pub(crate) text: String,
}

/// The pages of a report, made one by one.
pub(crate) type Pages<'a> = Box<dyn Iterator<Item = Page> + 'a>;

/// A file that has a page.
struct Entry<'a> {
    file: &'a FileView,
    /// Where its page is.
    page: &'a str,
}

/// Where a file's page leads.
struct Links<'a> {
    previous: &'a str,
    up: &'a str,
    next: &'a str,
}

/// What every page needs to look and act as it should.
enum Assets<'a> {
    Linked { style: &'a str, script: &'a str, extra_css: Option<&'a str> },
    Inlined { style: &'a str, script: &'a str, extra_css: Option<&'a str> },
}

#[derive(Template)]
#[template(path = "page.html")]
struct Document<'a> {
    title: &'a str,
    version: &'static str,
    assets: &'a Assets<'a>,
    /// The body's class.
    kind: &'static str,
    body: &'a str,
}

#[derive(Template)]
#[template(path = "single.html")]
struct SingleBody<'a> {
    index: &'a str,
    files: Vec<String>,
}

/// The report as a folder: assets first, the index last, so that it never names a page that is not there.
fn pages<'a>(view: &'a View, options: &'a Options) -> Pages<'a> {
    if options.html.single_file {
        return Box::new(std::iter::once_with(|| Page {
            name: INDEX.to_owned(),
            text: single_file(view, options),
        }));
    }
    let (files, remarks) = kept(view, options);
    let names: Vec<String> = files.iter().map(|file| page_names::page_name(&file.name)).collect();
    // What the user wrote is marked as a copy.
    let extra_css = options.html.extra_css.as_ref().map(|css| format!("/* copy made by minicov */\n{css}"));
    let style = asset("minicov", STYLE, "css");
    let script = asset("minicov", SCRIPT, "js");
    let extra = extra_css.as_ref().map(|css| asset("extra", css, "css"));
    let mut first = vec![
        Page { name: style.clone(), text: STYLE.to_owned() },
        Page { name: script.clone(), text: SCRIPT.to_owned() },
    ];
    first.extend(extra.clone().zip(extra_css).map(|(name, text)| Page { name, text }));
    let mut next = 0;
    Box::new(std::iter::from_fn(move || {
        if let Some(page) = first.pop() {
            return Some(page);
        }
        let at = next;
        next += 1;
        let assets = Assets::Linked { style: &style, script: &script, extra_css: extra.as_deref() };
        if let Some(file) = files.get(at) {
            let neighbour = |at: usize| names.get(at).map_or(INDEX, String::as_str);
            let links = Links { previous: neighbour(at.wrapping_sub(1)), up: INDEX, next: neighbour(at + 1) };
            let body = file_page::body(file, &links, view, options);
            let title = format!("{} — {}", escape::visible(&file.name), options.html.title);
            let text = document(&title, &assets, "file-page", &body);
            return Some(Page { name: names[at].clone(), text });
        }
        let entries = entries(&files, &names);
        match at - files.len() {
            0 => {
                let rows = index_page::region_rows(&entries, view);
                Some(Page {
                    name: REGIONS.to_owned(),
                    text: format!("/* made by minicov */\nminicov.setRegions({rows});\n"),
                })
            }
            1 => {
                let script = Regions::Script(REGIONS);
                let body = index_page::body(view, &entries, options, script, remarks.clone());
                let text = document(&options.html.title, &assets, "index", &body);
                Some(Page { name: INDEX.to_owned(), text })
            }
            _ => None,
        }
    }))
}

/// The report as one file that needs no other.
fn single_file(view: &View, options: &Options) -> String {
    let (files, remarks) = kept(view, options);
    let link = |at: usize| format!("#f{at}");
    let names: Vec<String> = (0..files.len()).map(link).collect();
    let entries = entries(&files, &names);
    let rows = index_page::region_rows(&entries, view);
    let index = index_page::body(view, &entries, options, Regions::Rows(rows), remarks);
    let bodies = files.iter().enumerate().map(|(at, file)| {
        let neighbour = |at: usize| names.get(at).map_or("#", String::as_str);
        let links = Links { previous: neighbour(at.wrapping_sub(1)), up: "#", next: neighbour(at + 1) };
        file_page::body(file, &links, view, options)
    });
    let body = render(&SingleBody { index: &index, files: bodies.collect() });
    let extra_css = options.html.extra_css.as_deref();
    let assets = Assets::Inlined { style: STYLE, script: SCRIPT, extra_css };
    document(&options.html.title, &assets, "index", &body)
}

/// The files that get a page, and what there is to say of the others.
fn kept<'a>(view: &'a View, options: &Options) -> (Vec<&'a FileView>, Vec<String>) {
    let (mut covered, mut empty) = (0, 0);
    let files = view.files.iter().filter(|file| {
        let totals = file.outcome.totals();
        let mcdc = view.mcdc.map(|form| file.mcdc_totals(form)).unwrap_or_default();
        let is_covered = totals.missing == 0 && totals.missing_branches == 0 && mcdc.missing() == 0;
        if options.html.skip_covered && is_covered {
            covered += 1;
            return false;
        }
        if options.html.skip_empty && totals.statements == 0 {
            empty += 1;
            return false;
        }
        true
    });
    let files = files.collect();
    let files_of = |count: usize| if count == 1 { "1 file".to_owned() } else { format!("{count} files") };
    let mut remarks = Vec::new();
    if covered > 0 {
        remarks.push(format!("{} skipped due to complete coverage.", files_of(covered)));
    }
    if empty > 0 {
        remarks.push(format!("{} without statements skipped.", files_of(empty)));
    }
    (files, remarks)
}

fn entries<'a>(files: &[&'a FileView], names: &'a [String]) -> Vec<Entry<'a>> {
    files.iter().zip(names).map(|(file, page)| Entry { file, page }).collect()
}

/// A name that changes with the content, so that browsers never mix two reports' assets.
fn asset(stem: &str, content: &str, extension: &str) -> String {
    let digest = Sha256::digest(content.as_bytes());
    let [a, b, c, d] = [digest[0], digest[1], digest[2], digest[3]];
    format!("{stem}-{a:02x}{b:02x}{c:02x}{d:02x}.{extension}")
}

fn document(title: &str, assets: &Assets, kind: &'static str, body: &str) -> String {
    render(&Document { title, version: env!("CARGO_PKG_VERSION"), assets, kind, body })
}

fn render(template: &impl Template) -> String {
    let text = template.render();
    debug_assert!(text.is_ok(), "a string takes everything: {text:?}");
    text.unwrap_or_default()
}
