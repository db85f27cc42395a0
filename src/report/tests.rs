//! The formats against coverage.py: `fixtures/golden/report/make.py` made the expected texts, and described in
//! `files.json` what coverage.py itself found in the sources.

use std::fs;
use std::path::{Path, PathBuf};

use super::*;
use crate::model::{
    ArcEnd, Branches, Decisions, Facts, FirstLines, LineArc, LineNo, LineSet, MeasuredFile, Region,
    RegionKind, Rewrite,
};

fn goldens() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/golden/report")
}

fn rendered(format: &Format, view: &View, options: &Options) -> String {
    let mut bytes = Vec::new();
    (format.render)(view, options, &mut bytes).unwrap();
    String::from_utf8(bytes).unwrap()
}

fn format(slug: &str) -> &'static Format {
    FORMATS.iter().find(|format| format.slug == slug).expect("a format of that name")
}

#[derive(serde::Deserialize)]
struct DescribedFile {
    name: String,
    statements: Vec<LineNo>,
    excluded: Vec<LineNo>,
    first_lines: Vec<(LineNo, LineNo)>,
    regions: Vec<DescribedRegion>,
    line_count: LineNo,
    executed: Vec<LineNo>,
    #[serde(flatten)]
    branches: Option<DescribedBranches>,
}

#[derive(serde::Deserialize)]
struct DescribedBranches {
    arcs: Vec<DescribedArc>,
    rewrites: Vec<(DescribedArc, Option<DescribedArc>)>,
    no_branch: Vec<LineNo>,
    recorded: Vec<DescribedArc>,
}

type DescribedArc = (ArcEnd, ArcEnd);

#[derive(serde::Deserialize)]
struct DescribedRegion {
    kind: String,
    name: String,
    start: LineNo,
    lines: Vec<LineNo>,
}

fn view(folder: &Path) -> View {
    let text = fs::read_to_string(folder.join("files.json")).unwrap();
    let files: Vec<DescribedFile> = serde_json::from_str(&text).unwrap();
    let has_branches = files.iter().any(|file| file.branches.is_some());
    View::new(files.into_iter().rev().map(source).collect(), has_branches)
}

fn source(file: DescribedFile) -> MeasuredSource {
    let set = |lines: Vec<LineNo>| lines.into_iter().collect::<LineSet>();
    let arc = |(from, to): DescribedArc| LineArc::new(from, to);
    let mut seen = MeasuredFile { lines: set(file.executed), ..MeasuredFile::default() };
    let mut branches = Branches::default();
    if let Some(described) = file.branches {
        seen.arcs = described.recorded.into_iter().map(arc).collect();
        branches.arcs = described.arcs.into_iter().map(arc).collect();
        branches.no_branch = set(described.no_branch);
        let rewrites = described.rewrites.into_iter();
        branches.rewrites = rewrites
            .map(|(recorded, actual)| Rewrite { recorded: arc(recorded), actual: actual.map(arc) })
            .collect();
    }
    MeasuredSource {
        path: format!("/project/{}", file.name),
        name: file.name,
        facts: Facts {
            decisions: Decisions::default(),
            justifications: Vec::new(),
            statements: set(file.statements),
            excluded: set(file.excluded),
            first_lines: FirstLines::new(file.first_lines),
            regions: file.regions.into_iter().map(region).collect(),
            line_count: file.line_count,
            branches,
        },
        seen,
        text: None,
    }
}

fn region(region: DescribedRegion) -> Region {
    let kind = match region.kind.as_str() {
        "function" => RegionKind::Function,
        "class" => RegionKind::Class,
        other => panic!("coverage.py knows no kind '{other}'"),
    };
    Region { kind, name: region.name, start: region.start, lines: region.lines.into_iter().collect() }
}

fn check(folder: &Path, slug: &str, options: &Options, golden: &str) {
    let ours = rendered(format(slug), &view(folder), options);
    let own_version = format!("\"version\": \"{}\"", env!("CARGO_PKG_VERSION"));
    let ours = ours.replacen(&own_version, "\"version\": \"7.17.3\"", 1);
    // `coverage json -o -` ends without a newline, too.
    let theirs = fs::read_to_string(folder.join(golden)).unwrap();
    if ours != theirs {
        let differs = ours.bytes().zip(theirs.bytes()).take_while(|(a, b)| a == b).count();
        let near = |text: &str| {
            text.get(differs.saturating_sub(80)..).unwrap_or("").chars().take(160).collect::<String>()
        };
        panic!("{golden} differs at byte {differs}\nours:   {}\ntheirs: {}", near(&ours), near(&theirs));
    }
}

fn sort(text: &str) -> Sort {
    text.parse().unwrap()
}

fn check_all(folder: &Path) {
    let plain = Options::default();
    check(folder, "console", &plain, "report.txt");
    let missing = Options { show_missing: true, precision: 2, sort: sort("-cover"), ..plain.clone() };
    check(folder, "console", &missing, "report_missing.txt");
    let covered =
        Options { skip_covered: true, skip_empty: true, sort: sort("Miss"), precision: 1, ..plain.clone() };
    check(folder, "console", &covered, "report_skip_covered.txt");
    let empty = Options { skip_empty: true, sort: sort("-NAME"), ..plain.clone() };
    check(folder, "console", &empty, "report_skip_empty.txt");
    check(folder, "json", &plain, "report.json");
    check(folder, "json", &Options { pretty_print: true, ..plain }, "report_pretty.json");
}

#[test]
fn reports_are_coverage_pys() {
    check_all(&goldens());
}

#[test]
fn reports_with_branches_are_coverage_pys() {
    let folder = goldens().join("branch");
    check_all(&folder);
    let by_branch = Options { sort: sort("branch"), skip_covered: true, ..Options::default() };
    check(&folder, "console", &by_branch, "report_by_branch.txt");
    let by_partial = Options { sort: sort("-BrPart"), show_missing: true, ..Options::default() };
    check(&folder, "console", &by_partial, "report_by_brpart.txt");
}

#[test]
fn missing_branches_are_told_by_line_and_text() {
    let arcs = [(2, 3), (2, 10), (2, -1), (5, 6), (5, 7), (7, -1), (7, 8)];
    let facts = Facts {
        statements: [1, 2, 3, 5, 6, 7, 8, 10].into_iter().collect(),
        branches: Branches {
            arcs: arcs.iter().map(|(from, to)| LineArc::new(*from, *to)).collect(),
            ..Branches::default()
        },
        line_count: 10,
        ..Facts::default()
    };
    let seen =
        MeasuredFile { lines: [1, 2, 3, 5, 7, 8, 10].into_iter().collect(), ..MeasuredFile::default() };
    let source = MeasuredSource { path: "/a.py".into(), name: "a.py".into(), facts, seen, text: None };
    let view = View::new(vec![source], true);
    // What leads to line 6 is missing with it.
    assert_eq!(view.files[0].outcome.missing_text(), "2->10, 2->3, 2->exit, 5->7, 6, 7->8, 7->exit");
    let totals = view.totals;
    assert_eq!((totals.branches, totals.missing_branches, totals.partial_branches), (7, 7, 7));
}

#[test]
fn an_empty_view_has_a_total() {
    let view = View::new(Vec::new(), false);
    assert!(view.is_empty());
    let table = rendered(format("console"), &view, &Options::default());
    insta::assert_snapshot!(table, @"
    Name    Stmts   Miss  Cover
    ---------------------------
    TOTAL       0      0   100%
    ");
}

#[test]
fn sort_options_are_read_as_coverage_py_reads_them() {
    let by = |column, descending| Ok(Sort { column, descending });
    assert_eq!("Name".parse(), by(SortColumn::Name, false));
    assert_eq!("-STMTS".parse(), by(SortColumn::Statements, true));
    assert_eq!("+cover".parse(), by(SortColumn::Cover, false));
    assert_eq!("-branch".parse(), by(SortColumn::Branches, true));
    assert_eq!("BrPart".parse(), by(SortColumn::PartialBranches, false));
    for invalid in ["", "-", "missing", "--name", "branches"] {
        assert_eq!(invalid.parse::<Sort>(), Err(SortError(invalid.to_owned())), "{invalid}");
    }
}

#[test]
fn formats_have_unique_slugs_and_outputs() {
    for (index, format) in FORMATS.iter().enumerate() {
        for other in &FORMATS[index + 1..] {
            assert_ne!(format.slug, other.slug);
            assert!(format.default_output.is_none() || format.default_output != other.default_output);
        }
    }
}

#[test]
fn odd_names_and_lines_do_no_harm() {
    let far: LineSet = [crate::model::MAX_LINE, 0, 1].into_iter().collect();
    let region =
        Region { kind: RegionKind::Function, name: "f".repeat(100_000), start: 0, lines: far.clone() };
    let ends = [i32::MIN, -1, 0, 1, i32::MAX];
    let arcs: Vec<LineArc> = ends.iter().flat_map(|from| ends.map(|to| LineArc::new(*from, to))).collect();
    let source = MeasuredSource {
        path: "/x".repeat(40_000),
        name: "\u{1b}[2J".repeat(40_000),
        facts: Facts {
            statements: far.clone(),
            excluded: far.clone(),
            regions: vec![region.clone(), region],
            branches: Branches { arcs: arcs.clone(), no_branch: far.clone(), ..Branches::default() },
            ..Facts::default()
        },
        seen: MeasuredFile { lines: far, arcs: arcs.into_iter().collect(), ..MeasuredFile::default() },
        text: Some("\u{1b}\n".to_owned()),
    };
    let view = View::new(vec![source], true);
    for format in FORMATS {
        assert!(
            !rendered(
                format,
                &view,
                &Options { show_missing: true, line_checksums: true, ..Options::default() }
            )
            .contains('\u{1b}')
        );
    }
}
