//! From a text and its executable lines to its facts.

use crate::model::{Facts, LineSet};

use super::syntax::Syntax;
use super::{Exclusions, SourceError, docstrings, exclusion, logical_lines, regions};

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
    let excluded = exclusion::excluded(&syntax, exclusions.matching_lines(text), &first_lines, executable);
    let mut ignored = docstrings::lines(&syntax);
    ignored.union_with(&excluded);
    let statements = first_lines.of_all(&executable.difference(&ignored)).difference(&ignored);
    let line_count = text.lines().count() as u32;
    Ok(Facts { line_count, statements, excluded, first_lines, regions: regions::regions(&syntax) })
}

#[cfg(test)]
mod tests {
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
    fn a_text_the_parser_does_not_know_is_analysed_as_far_as_it_goes() {
        check("a\nb ? c\nd = (1,\n  2)\n", &[1, 2, 3, 4], &[1, 2, 3]);
    }
}
