//! Blocks and fingerprints: what changes one, and what does not.

use proptest::prelude::*;

use super::super::decode;
use super::*;
use crate::model::{Fingerprint, TextUse};

fn of(text: &str) -> SourceBlocks {
    blocks(&decode(text.as_bytes()).unwrap()).unwrap()
}

/// Names and fingerprints.
fn prints(text: &str) -> Vec<(String, Fingerprint)> {
    of(text).blocks.into_iter().map(|block| (block.name, block.fingerprint)).collect()
}

/// The names of the blocks in which two texts of the same functions differ.
#[track_caller]
fn check(one: &str, other: &str, changed: &[&str]) {
    let (one_found, other_found) = (prints(one), prints(other));
    let names =
        |found: &[(String, Fingerprint)]| found.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
    assert_eq!(names(&one_found), names(&other_found), "\n{one}\n---\n{other}");
    let differing: Vec<_> =
        one_found.iter().zip(&other_found).filter(|(a, b)| a.1 != b.1).map(|(a, _)| a.0.as_str()).collect();
    assert_eq!(differing, changed, "\n{one}\n---\n{other}");
}

#[track_caller]
fn check_lines(text: &str, expected: &[(&str, &[LineNo])]) {
    let found: Vec<(String, Vec<LineNo>)> =
        of(text).blocks.into_iter().map(|block| (block.name, block.lines.iter().collect())).collect();
    let expected: Vec<_> =
        expected.iter().map(|(name, lines)| ((*name).to_owned(), lines.to_vec())).collect();
    assert_eq!(found, expected, "\n{text}");
}

#[test]
fn a_change_is_in_its_block() {
    let text = "import a\nX = 1\ndef f(y=2):\n    def g():\n        return y\n    return g\nclass C:\n    z = 3\n    def m(self):\n        return 4\n";
    check(text, &text.replace("X = 1", "X = 2"), &["<module>"]);
    check(text, &text.replace("y=2", "y=5"), &["<module>"]);
    check(text, &text.replace("return y", "return -y"), &["f.g"]);
    check(text, &text.replace("return g", "return g()"), &["f"]);
    check(text, &text.replace("z = 3", "z = 4"), &["<module>"]);
    check(text, &text.replace("return 4", "return 5"), &["C.m"]);
    check(text, &text.replace("class C:", "class C(B):"), &["<module>"]);
    check(text, &text.replace("def g():", "def g(x):"), &["f"]);
    check(text, &text.replace("    def m", "    @d\n    def m"), &["<module>"]);
}

#[test]
fn comments_formatting_and_docstrings_do_not_count() {
    check(
        "def f(a, b):\n    return a + (b)\nclass C:\n    x = 'y'\n",
        "'''Doc.'''\n# c\ndef f(\n    a,\n    b,\n):\n    '''Doc.'''\n    # c\n\n    return (\n        a + b\n    )\nclass C:\n    '''Doc.'''\n    x = \"y\"\n",
        &[],
    );
    let docstrings = |text: &str| of(text).docstrings;
    assert_ne!(docstrings("def f():\n    'a'\n    b\n"), docstrings("def f():\n    b\n"));
    assert_ne!(docstrings("'a'\ndef f(): b\n"), docstrings("def f():\n    'a'\n    b\n"));
    assert_eq!(docstrings("'a'\nb"), docstrings("'a'\nc"));
}

#[test]
fn functions_that_do_nothing_are_part_of_what_is_round_them() {
    check("def f():\n    pass\n", "def f():\n    'doc'\n", &["f"]);
    check("def f():\n    pass\n", "def f():\n    return 1\n", &["<module>", "f"]);
}

#[test]
fn lines_are_those_that_run_with_the_block() {
    check_lines(
        "import a\n\n@d\ndef f(\n    x,\n):\n    'doc'\n    def g(): return 1\n    return g\ny = 1\n",
        &[("<module>", &[1, 2, 3, 4, 5, 6, 10, 11]), ("f", &[7, 8, 9]), ("f.g", &[8])],
    );
    check_lines("class A:\n    def f(self): b; c\n", &[("<module>", &[1, 2, 3]), ("A.f", &[2])]);
    check_lines(
        "if a:\n    def f():\n        b\nelse:\n    try:\n        async def f():\n            c\n    except E:\n        d\n",
        &[("<module>", &[1, 2, 4, 5, 6, 8, 9, 10]), ("f", &[3]), ("f", &[7])],
    );
    check_lines("f = lambda: (\n    1\n)\n", &[("<module>", &[1, 2, 3, 4])]);
}

#[test]
fn imports_are_where_they_run() {
    let found = of(
        "import a.b, c\nfrom . import d\nfrom ..e import f as g, h\ndef i():\n    import j\n    import_module('k.l')\n    pytest.importorskip('m')\n",
    );
    let names = |block: &Block| -> Vec<String> {
        block
            .imports
            .iter()
            .map(|import| format!("{}{}", ".".repeat(import.level as usize), import.name))
            .collect()
    };
    assert_eq!(names(&found.blocks[0]), ["a.b", "c", ".", ".d", "..e", "..e.f", "..e.h"]);
    assert_eq!(names(&found.blocks[1]), ["j", "k.l", "m"]);
    assert!(found.blocks.iter().all(|block| !block.imports_anything));
    for text in ["import_module(a)", "__import__(f'a.{b}')", "eval(x)", "importlib.import_module('.a', b)"] {
        assert!(of(text).blocks[0].imports_anything, "{text}");
    }
    let plugins = of("pytest_plugins = ['a.b', 'c']\n").plugins;
    assert_eq!(plugins.iter().map(|plugin| plugin.name.as_str()).collect::<Vec<_>>(), ["a.b", "c"]);
}

#[test]
fn code_that_looks_at_text_is_known() {
    for (text, looks_at) in [
        ("a.doc", TextUse::Nothing),
        ("a.__doc__", TextUse::Docstrings),
        ("getattr(a, '__doc__')", TextUse::Docstrings),
        ("from inspect import getsource", TextUse::Lines),
        ("a.__doc__, e.tb_lineno", TextUse::Lines),
    ] {
        assert_eq!(of(text).blocks[0].looks_at, looks_at, "{text}");
    }
}

#[test]
fn what_is_kept_between_tests_is_known() {
    for (decorator, is_kept) in [
        ("lru_cache", true),
        ("functools.lru_cache(maxsize=None)", true),
        ("cached_property", true),
        ("pytest.fixture", false),
        ("pytest.fixture(autouse=True)", false),
        ("pytest.fixture(scope='module')", true),
        ("fixture(**options)", true),
        ("property", false),
        ("a[0]", true),
    ] {
        let found = of(&format!("@{decorator}\ndef f():\n    return 1\n"));
        assert_eq!(found.blocks[1].is_kept, is_kept, "{decorator}");
    }
}

/// Pieces of text that get in each other's way.
const PIECES: &[&str] = &[
    "\n",
    "\n    ",
    "\n        ",
    "def f():",
    "def f(a=1):",
    "class A:",
    "async def g():",
    "'doc'",
    "\"\"\"d\"\"\"",
    "return 1",
    "pass",
    "if x:",
    "else:",
    "try:",
    "except E:",
    "@d",
    "lambda: 1",
    "import a.b",
    "from . import c",
    "f'{x!r}'",
    "# c",
    ";",
    "\\",
    "(",
    ")",
    "é",
    "match x:",
    "case 1:",
    "with a as b:",
    "yield",
    "x = 1",
    "\0",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn no_text_is_too_odd(pieces in prop::collection::vec(prop::sample::select(PIECES), 0..40)) {
        let text = decode(pieces.join(" ").as_bytes()).unwrap();
        let found = blocks(&text).unwrap();
        // Every line is in some block, and the same text has the same blocks.
        let count = text.lines().count() as LineNo;
        for line in 1..=count {
            prop_assert!(found.blocks.iter().any(|block| block.lines.contains(line)), "line {}", line);
        }
        prop_assert_eq!(found, blocks(&text).unwrap());
    }

    #[test]
    fn blank_lines_and_comments_change_nothing(pieces in prop::collection::vec(
        prop::sample::select(&["def f():\n    return 1\n", "x = 2\n", "class A:\n    def g(self):\n        if x:\n            y\n", "import a\n"][..]), 0..8,
    ), place in 0_usize..40) {
        let text: String = pieces.concat();
        let mut lines: Vec<&str> = text.lines().collect();
        lines.insert(place.min(lines.len()), "   # comment\n");
        let other = lines.join("\n");
        prop_assert_eq!(prints(&text), prints(&other));
    }
}
