//! Compares the static analysis with coverage.py's on many files.
//!
//! `MINICOV_ORACLE` names a folder of dumps that `tests/oracles/coverage_static.py` made; without it the test says so and
//! compares nothing.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::model::{CodeShape, Facts, LineNo, LineSet, RegionKind};
use crate::source::{EXCLUDE_DEFAULT, Exclusions};
use crate::{bytecode, source};

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
    multiline: Vec<(LineNo, LineNo)>,
    regions: Vec<RegionRow>,
}

/// Kind, name, start, lines.
type RegionRow = (String, String, LineNo, Vec<LineNo>);

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

/// Adds a line for each difference.
fn compare<T: PartialEq + std::fmt::Debug>(
    what: &str,
    ours: &[T],
    theirs: &[T],
    differences: &mut Vec<String>,
) {
    if ours != theirs {
        let extra: Vec<_> = ours.iter().filter(|item| !theirs.contains(item)).take(4).collect();
        let missing: Vec<_> = theirs.iter().filter(|item| !ours.contains(item)).take(4).collect();
        differences.push(format!("{what}: only ours {extra:?}, only coverage.py's {missing:?}"));
    }
}

fn lines(set: &LineSet) -> Vec<LineNo> {
    set.iter().collect()
}

fn check(path: &Path, expected: Expected, exclusions: &Exclusions) -> Vec<String> {
    let text = match source::decode(&fs::read(path).unwrap()) {
        Ok(text) => text,
        Err(error) => return vec![error.to_string()],
    };
    let executable = bytecode::executable_lines(&expected.code.into_model());
    let Facts { line_count: _, statements, excluded, first_lines, regions } =
        source::analyse(&text, &executable, exclusions).unwrap();

    let mut differences = Vec::new();
    if !expected.raw_statements.is_empty() {
        compare("executable", &lines(&executable), &expected.raw_statements, &mut differences);
    }
    compare("statements", &lines(&statements), &expected.statements, &mut differences);
    compare("excluded", &lines(&excluded), &expected.excluded, &mut differences);
    let last_line = text.lines().count() as LineNo;
    let multiline: Vec<_> = (1..=last_line).map(|line| (line, first_lines.of(line))).collect();
    let mut theirs: Vec<_> = (1..=last_line).map(|line| (line, line)).collect();
    for (line, first) in expected.multiline {
        theirs[line as usize - 1].1 = first;
    }
    compare("first lines", &multiline, &theirs, &mut differences);
    let ours: Vec<_> = regions
        .into_iter()
        .map(|region| {
            let kind = match region.kind {
                RegionKind::Function => "function",
                RegionKind::Class => "class",
            };
            (kind.to_owned(), region.name, region.start, lines(&region.lines))
        })
        .collect();
    let mut theirs = expected.regions;
    theirs.sort_by_key(|region| region.2);
    compare("regions", &ours, &theirs, &mut differences);
    differences
}

#[test]
#[expect(clippy::print_stderr, reason = "says how much was compared")]
#[expect(clippy::disallowed_methods, reason = "a variable of the test, not of the product")]
fn agrees_with_coverage_py() {
    let Some(folder) = std::env::var_os("MINICOV_ORACLE") else {
        eprintln!("skipped: MINICOV_ORACLE is not set");
        return;
    };
    let exclusions = Exclusions::new(&EXCLUDE_DEFAULT).unwrap();
    let (mut compared, mut refused, mut failed) = (0, 0, 0);
    for entry in fs::read_dir(folder).unwrap() {
        let dump: Dump = serde_json::from_slice(&fs::read(entry.unwrap().path()).unwrap()).unwrap();
        let Some(expected) = dump.expected else {
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
