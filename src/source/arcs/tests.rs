//! Small programs and their arcs; `tests/static_files.rs` has the large ones.

use crate::model::{ArcEnd, Branches, LineArc};

use super::super::syntax::Syntax;
use super::super::{Exclusions, analyse, logical_lines};
use super::branches;

/// The branches of a text whose every line has instructions, except lines that end with `# dead`.
fn branches_of(source: &str) -> Branches {
    let syntax = Syntax::parse(source).unwrap();
    let first_lines = logical_lines::first_lines(&syntax);
    let live = source.lines().enumerate().filter(|(_, line)| !line.ends_with("# dead"));
    branches(&syntax, &first_lines, &live.map(|(index, _)| index as u32 + 1).collect())
}

/// `expected` is the destinations by starting line, a line each, like `2: -1 3`.
#[track_caller]
fn check(source: &str, expected: &[&str]) {
    let branches = branches_of(source);
    let line = |(line, arcs): (u32, &[LineArc])| {
        let ends: Vec<String> = arcs.iter().map(|arc| arc.to.to_string()).collect();
        format!("{line}: {}", ends.join(" "))
    };
    assert_eq!(branches.by_line().map(line).collect::<Vec<_>>(), expected, "\n{source}");
}

#[track_caller]
fn check_words(source: &str, from: ArcEnd, to: ArcEnd, missing: &str, description: &str) {
    let branches = branches_of(source);
    let arc = LineArc::new(from, to);
    assert!(branches.arcs.contains(&arc), "{:?}", branches.arcs);
    assert_eq!(branches.missing_description(arc), missing);
    assert_eq!(branches.description(arc), description);
}

#[test]
fn statements_follow_each_other() {
    check("a\nb\nc\n", &["1: 2", "2: 3", "3: -1"]);
    check("a; b\nc = (1,\n  2)\nd\n", &["1: 2", "2: 4", "4: -1"]);
    check("", &["1: -1"]);
    check("a\nb # dead\nc\n", &["1: 3", "3: -1"]);
}

#[test]
fn conditions_branch() {
    check("if a:\n  b\nc\n", &["1: 2 3", "2: 3", "3: -1"]);
    check(
        "if a:\n  b\nelif c:\n  d\nelse:\n  e\nf\n",
        &["1: 2 3", "2: 7", "3: 4 6", "4: 7", "6: 7", "7: -1"],
    );
    check("if a: b\nc\n", &["1: 2", "2: -1"]);
    check("if (a and\n    b):\n  c\nd\n", &["1: 3 4", "3: 4", "4: -1"]);
    check("if 0:\n  a # dead\nelse:\n  b\nc\n", &["1: 4", "4: 5", "5: -1"]);
    check("if 1:\n  a\nelif b: # dead\n  c # dead\nd\n", &["1: 2", "2: 5", "5: -1"]);
}

#[test]
fn loops_go_back() {
    check("for a in b:\n  c\nd\n", &["1: 2 3", "2: 1", "3: -1"]);
    check("for a in b:\n  c\nelse:\n  d\ne\n", &["1: 2 4", "2: 1", "4: 5", "5: -1"]);
    check(
        "while a:\n  if b:\n    break\n  continue\nelse:\n  c\n",
        &["1: 2 6", "2: 3 4", "3: -1", "4: 1", "6: -1"],
    );
    check("while 1:\n  break\nelse:\n  a # dead\nb\n", &["1: 2 5", "2: 5", "5: -1"]);
    check("while True:\n  a\n", &["1: 2", "2: 1"]);
}

#[test]
fn functions_and_classes_are_code_of_their_own() {
    check("def f():\n  return a\n  b # dead\nc\n", &["1: 4", "2: -1", "4: -1"]);
    check("@a\n@b\ndef f():\n  c\nd\n", &["1: 2", "2: 3", "3: 5", "4: -1", "5: -1"]);
    check("a\nclass A:\n  b\n", &["1: 2", "2: -1", "3: -2"]);
    check("a\ndef f(): return b\nc\n", &["1: 2", "2: -2 3", "3: -1"]);
}

#[test]
fn exceptions_count_where_they_are_raised() {
    check(
        "def f():\n  try:\n    raise a\n  except b:\n    c\n  finally:\n    d\n",
        &["1: -1", "2: 3", "3: 4", "4: 5", "5: 7", "7: -1"],
    );
    check(
        "def f():\n  try:\n    a\n  except b:\n    raise c\n",
        &["1: -1", "2: 3", "3: -1", "4: 5", "5: -1"],
    );
    check(
        "def f():\n  try:\n    a\n  except b:\n    raise c\n  finally:\n    d\n",
        &["1: -1", "2: 3", "3: 7", "4: 5", "7: -1"],
    );
    check("try:\n  return\nfinally:\n  a\nb\n", &["1: 2", "5: -1"]);
    check("raise a\n", &[]);
}

#[test]
fn leaving_a_with_is_one_step() {
    check("with a:\n  b\nc\n", &["1: 2", "2: 3", "3: -1"]);
    check("with a:\n  with b:\n    c\nd\n", &["1: 2", "2: 3", "3: 4", "4: -1"]);
    check("with a: b\nc\n", &["1: 2", "2: -1"]);
    check(
        "for a in b:\n  with c:\n    if d:\n      continue\n    e\n",
        &["1: -1 2", "2: 3", "3: 4 5", "4: 1", "5: 1"],
    );
}

#[test]
fn matches_try_case_after_case() {
    check(
        "match a:\n  case 1:\n    b\n  case 2 if c:\n    d\ne\n",
        &["1: 2", "2: 3 4", "3: 6", "4: 5 6", "5: 6", "6: -1"],
    );
    check(
        "match a:\n  case 1:\n    b\n  case _:\n    c\nd\n",
        &["1: 2", "2: 3 4", "3: 6", "4: 5", "5: 6", "6: -1"],
    );
}

#[test]
fn arcs_have_words() {
    let condition = "if a:\n  b\nc\n";
    check_words(
        condition,
        1,
        2,
        "line 1 didn't jump to line 2 because the condition on line 1 was never true",
        "jump to line 2",
    );
    check_words(
        "def f(a):\n  for b in a:\n    c\n",
        2,
        -1,
        "line 2 didn't return from function 'f' because the loop on line 2 didn't complete",
        "return from function 'f'",
    );
    check_words("class A: b\nc\n", 1, -1, "line 1 didn't exit class 'A' because ", "exit class 'A'");
    check_words(
        "def f(a):\n  with a:\n    if b:\n      c\n",
        3,
        -1,
        "line 3 didn't jump to the function exit",
        "jump to the function exit",
    );
}

#[test]
fn lines_of_no_branch_are_first_lines() {
    let source = "if (a and # no branch\n    b):\n  c\nwhile (d\n  ): # no branch\n  e\n";
    let exclusions = Exclusions::default().with_partial(&["# no branch"]).unwrap();
    let facts = analyse(source, &(1..=6).collect(), &exclusions).unwrap();
    assert_eq!(facts.branches.no_branch, [1, 4].into_iter().collect());
}
