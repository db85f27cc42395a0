//! Compares the static analysis, and what follows from recorded arcs, with coverage.py's on many files.
//!
//! `MINICOV_ORACLE` names a folder of dumps that `tests/oracles/coverage_static.py` made; without it the test says so and
//! compares nothing.

use std::fmt::Debug;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::model::{ArcEnd, CodeShape, Facts, LineArc, LineNo, LineSet, RegionKind};
use crate::source::{EXCLUDE_DEFAULT, Exclusions, PARTIAL_ALWAYS, PARTIAL_DEFAULT};
use crate::{bytecode, metrics, source};

#[derive(Deserialize)]
struct Dump {
    path: PathBuf,
    error: Option<String>,
    #[serde(flatten)]
    expected: Option<Expected>,
}

#[derive(Deserialize)]
struct Expected {
    code: Shape,
    raw_statements: Vec<LineNo>,
    statements: Vec<LineNo>,
    excluded: Vec<LineNo>,
    no_branch: Vec<LineNo>,
    line_count: LineNo,
    multiline: Vec<(LineNo, LineNo)>,
    regions: Vec<RegionRow>,
    arcs: Vec<ArcRow>,
    fixers: Vec<(ArcRow, Option<ArcRow>)>,
    descriptions: Vec<(ArcEnd, ArcEnd, Vec<String>, String)>,
    recorded: Vec<ArcRow>,
    executed: Vec<ArcRow>,
    branches: Vec<BranchRow>,
    partial: usize,
}

type ArcRow = (ArcEnd, ArcEnd);
/// Kind, name, start, lines.
type RegionRow = (String, String, LineNo, Vec<LineNo>);
/// Line, exits, taken, executed, missing.
type BranchRow = (LineNo, usize, usize, Vec<ArcEnd>, Vec<ArcEnd>);

#[derive(Deserialize)]
struct Shape {
    name: String,
    first_line: i32,
    line_table: String,
    children: Vec<Shape>,
}

impl Shape {
    fn into_model(self) -> CodeShape {
        CodeShape {
            name: self.name,
            first_line: self.first_line,
            line_table: bytes(&self.line_table),
            children: self.children.into_iter().map(Self::into_model).collect(),
            ..CodeShape::default()
        }
    }
}

fn bytes(hex: &str) -> Vec<u8> {
    let digit = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
    (0..hex.len()).step_by(2).map(digit).collect()
}

fn arc((from, to): ArcRow) -> LineArc {
    LineArc::new(from, to)
}

fn lines(set: &LineSet) -> Vec<LineNo> {
    set.iter().collect()
}

/// What differs in one file.
#[derive(Default)]
struct Differences(Vec<String>);

impl Differences {
    fn compare<T: PartialEq + Debug>(&mut self, what: &str, ours: &[T], theirs: &[T]) {
        if ours != theirs {
            let extra: Vec<_> = ours.iter().filter(|item| !theirs.contains(item)).take(4).collect();
            let missing: Vec<_> = theirs.iter().filter(|item| !ours.contains(item)).take(4).collect();
            self.0.push(format!("{what}: only ours {extra:?}, only coverage.py's {missing:?}"));
        }
    }

    fn lines(&mut self, facts: &Facts, text: &str, expected: &Expected) {
        self.compare("statements", &lines(&facts.statements), &expected.statements);
        self.compare("excluded", &lines(&facts.excluded), &expected.excluded);
        self.compare("line count", &[facts.line_count], &[expected.line_count]);
        let last_line = text.lines().count() as LineNo;
        let multiline: Vec<_> = (1..=last_line).map(|line| (line, facts.first_lines.of(line))).collect();
        let mut theirs: Vec<_> = (1..=last_line).map(|line| (line, line)).collect();
        for (line, first) in &expected.multiline {
            theirs[*line as usize - 1].1 = *first;
        }
        self.compare("first lines", &multiline, &theirs);
    }

    fn regions(&mut self, facts: &Facts, mut theirs: Vec<RegionRow>) {
        let row = |region: &crate::model::Region| {
            let kind = match region.kind {
                RegionKind::Function => "function",
                RegionKind::Class => "class",
            };
            (kind.to_owned(), region.name.clone(), region.start, lines(&region.lines))
        };
        let ours: Vec<_> = facts.regions.iter().map(row).collect();
        theirs.sort_by_key(|region| region.2);
        self.compare("regions", &ours, &theirs);
    }

    fn branches(&mut self, facts: &Facts, expected: &Expected) {
        let branches = &facts.branches;
        let theirs: Vec<_> = expected.arcs.iter().copied().map(arc).collect();
        self.compare("arcs", &branches.arcs, &theirs);
        self.compare("no branch", &lines(&branches.no_branch), &expected.no_branch);
        let ours: Vec<_> =
            branches.rewrites.iter().map(|rewrite| (rewrite.recorded, rewrite.actual)).collect();
        let theirs: Vec<_> =
            expected.fixers.iter().map(|(recorded, actual)| (arc(*recorded), actual.map(arc))).collect();
        self.compare("rewrites", &ours, &theirs);
        let describe = |(from, to, _, _): &(ArcEnd, ArcEnd, Vec<String>, String)| {
            let arc = LineArc::new(*from, *to);
            let sentences = branches.missing_description(arc);
            let mut sentences: Vec<_> = sentences.split(" or line ").map(str::to_owned).collect();
            sentences.sort_unstable();
            (*from, *to, sentences, branches.description(arc))
        };
        let ours: Vec<_> = expected.descriptions.iter().map(describe).collect();
        self.compare("descriptions", &ours, &expected.descriptions);
    }

    fn judgement(&mut self, facts: &Facts, expected: &Expected) {
        let recorded = expected.recorded.iter().copied().map(arc);
        let executed = metrics::executed_arcs(&facts.branches, &facts.first_lines, recorded);
        let ours: Vec<_> = executed.iter().map(|arc| (arc.from, arc.to)).collect();
        self.compare("executed", &ours, &expected.executed);
        let branch_lines = metrics::branch_lines(facts, &executed);
        let row = |branch: &metrics::BranchLine| {
            (
                branch.line,
                branch.exits,
                branch.exits - branch.missing.len(),
                branch.executed.clone(),
                branch.missing.clone(),
            )
        };
        self.compare("branches", &branch_lines.iter().map(row).collect::<Vec<_>>(), &expected.branches);
        let ends = expected.recorded.iter().flat_map(|(from, to)| [*from, *to]);
        let ran: LineSet = ends.filter(|end| *end > 0).map(i32::unsigned_abs).collect();
        let missing = facts.statements.difference(&facts.first_lines.of_all(&ran));
        self.compare("partial", &[metrics::partial(&branch_lines, &missing)], &[expected.partial]);
    }
}

fn check(path: &Path, mut expected: Expected, exclusions: &Exclusions) -> Vec<String> {
    let text = match source::decode(&fs::read(path).unwrap()) {
        Ok(text) => text,
        Err(error) => return vec![error.to_string()],
    };
    let shape = std::mem::replace(
        &mut expected.code,
        Shape { name: String::new(), first_line: 0, line_table: String::new(), children: Vec::new() },
    );
    let executable = bytecode::executable_lines(&shape.into_model());
    let facts = source::analyse(&text, &executable, exclusions).unwrap();
    let mut differences = Differences::default();
    // coverage.py does not look at the code of a file without statements.
    if !expected.raw_statements.is_empty() {
        differences.compare("executable", &lines(&executable), &expected.raw_statements);
    }
    differences.lines(&facts, &text, &expected);
    differences.branches(&facts, &expected);
    differences.judgement(&facts, &expected);
    differences.regions(&facts, expected.regions);
    differences.0
}

#[test]
#[expect(clippy::print_stderr, reason = "says how much was compared")]
#[expect(clippy::disallowed_methods, reason = "a variable of the test, not of the product")]
fn agrees_with_coverage_py() {
    let Some(folder) = std::env::var_os("MINICOV_ORACLE") else {
        eprintln!("skipped: MINICOV_ORACLE is not set");
        return;
    };
    let partial: Vec<&str> = PARTIAL_DEFAULT.into_iter().chain(PARTIAL_ALWAYS).collect();
    let exclusions = Exclusions::new(&EXCLUDE_DEFAULT).unwrap().with_partial(&partial).unwrap();
    let (mut compared, mut refused, mut failed) = (0, 0, 0);
    for entry in fs::read_dir(folder).unwrap() {
        let dump: Dump = serde_json::from_slice(&fs::read(entry.unwrap().path()).unwrap()).unwrap();
        let (Some(expected), None) = (dump.expected, &dump.error) else {
            eprintln!("not compared: {}: {}", dump.path.display(), dump.error.unwrap_or_default());
            refused += 1;
            continue;
        };
        compared += 1;
        let differences = check(&dump.path, expected, &exclusions);
        failed += usize::from(!differences.is_empty());
        for difference in differences {
            eprintln!("{}: {difference}", dump.path.display());
        }
    }
    eprintln!("{compared} files compared, {failed} differ, {refused} not analysed by coverage.py");
    assert_eq!(failed, 0);
}
