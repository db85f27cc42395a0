//! From a text and its executable lines to its facts.

use crate::model::{Decisions, Facts, LineSet};

use super::syntax::Syntax;
use super::{
    Exclusions, SourceError, arcs, docstrings, exclusion, justifications, logical_lines, regions, text,
};

/// Finds what counts in `text`, which [`decode`](super::decode) made and CPython compiled. `executable` are the lines
/// with instructions, not yet first lines.
pub(crate) fn analyse(
    text: &str,
    executable: &LineSet,
    exclusions: &Exclusions,
) -> Result<Facts, SourceError> {
    let syntax = Syntax::parse(text)?;
    // CPython gives even an empty module an instruction with a line.
    let nothing = LineSet::new();
    let executable = if syntax.is_empty() { &nothing } else { executable };
    let first_lines = logical_lines::first_lines(&syntax);
    let excluded = exclusion::excluded(&syntax, exclusions.matching_lines(text)?, &first_lines, executable);
    let mut ignored = docstrings::lines(&syntax);
    ignored.union_with(&excluded);
    let statements = first_lines.of_all(&executable.difference(&ignored)).difference(&ignored);
    let mut branches = arcs::branches(&syntax, &first_lines, executable);
    branches.no_branch = first_lines.of_all(&exclusions.partial_lines(text)?);
    let regions = regions::regions(&syntax);
    let line_count = text::count_lines(text);
    let decisions = Decisions::default();
    let justifications = justifications::justifications(&syntax, text);
    Ok(Facts { statements, excluded, first_lines, regions, line_count, branches, decisions, justifications })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::patterns::EXCLUDE_DEFAULT;
    use super::super::{PARTIAL_DEFAULT, decode};
    use super::*;

    #[track_caller]
    fn check(source: &str, executable: &[u32], statements: &[u32]) {
        let executable = executable.iter().copied().collect();
        let facts = analyse(source, &executable, &Exclusions::new(&["# no"]).unwrap()).unwrap();
        assert_eq!(facts.statements.iter().collect::<Vec<_>>(), statements, "\n{source}");
    }

    #[test]
    fn statements_are_first_lines() {
        check("a = (1,\n     2)\nb = 3\n", &[1, 2, 3], &[1, 3]);
        check("if a and \\\n   b: c(\n  d)\ne\n", &[1, 2, 3, 4], &[1, 4]);
        check("@a\n@b(\n  c)\ndef f(\n  d\n): pass\n", &[1, 2, 3, 4, 5, 6], &[1, 2, 4]);
        check("a = f\"\"\"\n{b}\n\"\"\"; c = 1\nd\n", &[1, 2, 3, 4], &[1, 4]);
    }

    #[test]
    fn docstrings_and_exclusions_do_not_count() {
        check("'''a\nb'''\n'c'\n", &[1, 2, 3], &[3]);
        check("def f():\n    (\"a\"\n     'b')\n    c\n", &[1, 2, 3, 4], &[1, 4]);
        check("class A:\n    f'a'\n", &[1, 2], &[1, 2]);
        check("a\nb # no\nc\n", &[1, 2, 3], &[1, 3]);
    }

    #[test]
    fn an_empty_module_has_no_statements() {
        check("", &[1], &[]);
        check("# comment\n\n", &[1], &[]);
    }

    #[test]
    fn a_form_feed_begins_the_indent_anew() {
        // coverage.py makes it a space, and then cannot parse this.
        let facts = analyse(
            "class A:\n    a\n\x0c    def f(): b\n  \x0cc\n",
            &(1..=4).collect(),
            &Exclusions::default(),
        );
        let names: Vec<String> = facts.unwrap().regions.into_iter().map(|region| region.name).collect();
        assert_eq!(names, ["A", "A.f"]);
    }

    #[test]
    fn a_text_the_parser_does_not_know_is_analysed_as_far_as_it_goes() {
        check("a\nb ? c\nd = (1,\n  2)\n", &[1, 2, 3, 4], &[1, 2, 3]);
    }

    /// Pieces that make programs, half-programs and nonsense.
    const PIECES: [&str; 48] = [
        "if a",
        "elif b",
        "else",
        ":",
        "\n",
        "\n    ",
        "\n        ",
        "while 1",
        "for x in y",
        "try",
        "except",
        "finally",
        "with a",
        "match x",
        "case _",
        "case 1",
        "def f(",
        ")",
        "class A",
        "@d",
        "return",
        "break",
        "continue",
        "raise",
        "(",
        "[",
        "{",
        "}",
        "]",
        "'",
        "\"\"\"",
        "f'",
        "{x",
        "# pragma: no cover",
        "# pragma: no branch",
        "...",
        ";",
        "\\",
        "lambda",
        "async ",
        "yield",
        "=",
        "x",
        "1",
        "é",
        "\u{2028}",
        "\0",
        "\t",
    ];

    proptest! {
        #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

        #[test]
        fn no_text_is_too_odd(
            pieces in prop::collection::vec(prop::sample::select(&PIECES[..]), 0..60),
            executable in prop::collection::vec(1_u32..40, 0..40),
        ) {
            let text = decode(pieces.join(" ").as_bytes()).unwrap();
            let exclusions = Exclusions::new(&EXCLUDE_DEFAULT).unwrap().with_partial(&PARTIAL_DEFAULT).unwrap();
            let facts = analyse(&text, &executable.into_iter().collect(), &exclusions).unwrap();
            prop_assert!(facts.statements.intersection(&facts.excluded).is_empty());
            prop_assert!(facts.branches.arcs.is_sorted_by(|a, b| a < b));
            prop_assert!(facts.branches.arcs.iter().all(|arc| arc.from > 0 && arc.from != arc.to));
        }

        #[test]
        fn no_bytes_are_too_odd(bytes: Vec<u8>) {
            if let Ok(text) = decode(&bytes) {
                prop_assert!(text.is_empty() || text.ends_with('\n'));
                analyse(&text, &(1..9).collect(), &Exclusions::default()).unwrap();
            }
        }
    }
}
