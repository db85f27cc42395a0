//! Which lines the user does not want counted: those a pattern matches, and what hangs on them.
//!
//! Must not know: what ran. Invariant: the same set as coverage.py's `PythonParser.excluded` (7.17.3, `parser.py`,
//! `_raw_parse`), whose three steps these are: matches, suites, definitions.

use ruff_python_ast::token::TokenKind;
use ruff_python_ast::{Decorator, MatchCase, Pattern, Stmt};
use ruff_text_size::Ranged;

use crate::model::{FirstLines, LineNo, LineSet};

use super::patterns::Patterns;
use super::syntax::{Syntax, is_code};
use super::walk::{Node, nodes};
use super::{PatternError, SourceError};

/// What is not to be counted.
#[derive(Clone, Debug, Default)]
pub(crate) struct Exclusions {
    /// `[report] exclude_lines` and `exclude_also`.
    exclude: Patterns,
    /// `[report] partial_branches`, `partial_also` and `partial_branches_always`.
    partial: Patterns,
}

impl Exclusions {
    /// `patterns` in the syntax of Python's `re`; a line that any of them matches is excluded.
    pub(crate) fn new<P: AsRef<str>>(patterns: &[P]) -> Result<Self, PatternError> {
        Ok(Self { exclude: Patterns::new(patterns)?, partial: Patterns::default() })
    }

    /// Adds `patterns` for lines from which no branch is ever missing.
    pub(crate) fn with_partial<P: AsRef<str>>(self, patterns: &[P]) -> Result<Self, PatternError> {
        Ok(Self { partial: Patterns::new(patterns)?, ..self })
    }

    /// The physical lines the patterns match in `text`, from the start to the end of each match.
    pub(crate) fn matching_lines(&self, text: &str) -> Result<LineSet, SourceError> {
        self.exclude.matching_lines(text)
    }

    /// The physical lines the patterns for partial branches match in `text`.
    pub(super) fn partial_lines(&self, text: &str) -> Result<LineSet, SourceError> {
        self.partial.matching_lines(text)
    }
}

/// The excluded lines that follow from the `matched` ones. First lines of statements, except that excluded functions,
/// classes and irrefutable `case` patterns are excluded with all their physical lines.
pub(super) fn excluded(
    syntax: &Syntax,
    matched: LineSet,
    first_lines: &FirstLines,
    executable: &LineSet,
) -> LineSet {
    let mut excluded = matched;
    exclude_suites(syntax, &mut excluded);
    let mut excluded = first_lines.of_all(&excluded);
    for node in nodes(syntax.body()) {
        match node {
            Node::Statement(statement @ Stmt::FunctionDef(function)) => {
                exclude_definition(syntax, statement, &function.decorator_list, &mut excluded);
            }
            Node::Statement(statement @ Stmt::ClassDef(class)) => {
                exclude_definition(syntax, statement, &class.decorator_list, &mut excluded);
            }
            Node::Case(case) => exclude_else_case(syntax, case, executable, &mut excluded),
            Node::Statement(_) => {}
        }
    }
    excluded
}

/// A colon on an excluded line excludes what is indented deeper, up to the next statement that is not.
fn exclude_suites(syntax: &Syntax, excluded: &mut LineSet) {
    let mut indent = 0_u32;
    // The indent of the clause whose suite is being excluded.
    let mut excluding: Option<u32> = None;
    let mut statement_start: Option<LineNo> = None;
    let mut nesting = 0_u32;
    for token in syntax.tokens() {
        match token.kind() {
            TokenKind::Indent => indent += 1,
            TokenKind::Dedent => indent = indent.saturating_sub(1),
            TokenKind::Lpar | TokenKind::Lsqb | TokenKind::Lbrace => nesting += 1,
            TokenKind::Rpar | TokenKind::Rsqb | TokenKind::Rbrace => nesting = nesting.saturating_sub(1),
            TokenKind::Newline => statement_start = None,
            TokenKind::Colon if nesting == 0 && excluding.is_none() => {
                let line = syntax.last_line(token);
                if excluded.intersects_range(statement_start.unwrap_or(line), line) {
                    excluded.insert(line);
                    excluding = Some(indent);
                }
            }
            _ => {}
        }
        if is_code(token.kind()) && statement_start.is_none() {
            statement_start = Some(syntax.line_at(token.start()));
            if excluding.is_some_and(|outer| indent <= outer) {
                excluding = None;
            }
            if excluding.is_some() {
                excluded.insert(syntax.last_line(token));
            }
        }
    }
}

/// An excluded decorator or `def` or `class` line excludes the whole definition.
fn exclude_definition(syntax: &Syntax, definition: &Stmt, decorators: &[Decorator], excluded: &mut LineSet) {
    let keyword = syntax.statement_line(definition);
    let decorators = decorators.iter().map(|decorator| syntax.first_line(&decorator.expression));
    let first = decorators.min().unwrap_or(keyword);
    if excluded.intersects_range(first, keyword) {
        excluded.insert_range(first, syntax.last_line(definition));
    }
}

/// A `case` that always matches is the `else` of a `match`: with its whole suite excluded it goes too.
fn exclude_else_case(syntax: &Syntax, case: &MatchCase, executable: &LineSet, excluded: &mut LineSet) {
    let (Some(first), Some(last)) = (case.body.first(), case.body.last()) else {
        return;
    };
    if !is_irrefutable(case) {
        return;
    }
    let mut suite = (syntax.statement_line(first)..=syntax.last_line(last))
        .filter(|line| executable.contains(*line))
        .peekable();
    if suite.peek().is_some() && suite.all(|line| excluded.contains(line)) {
        excluded.insert_range(syntax.first_line(&case.pattern), syntax.last_line(&case.pattern));
    }
}

/// Whether everything that reaches the case matches it. Sees through `|` (its last alternative decides), then through
/// `as`, but not through `|` within `as`.
pub(super) fn is_irrefutable(case: &MatchCase) -> bool {
    let mut pattern = &case.pattern;
    while let Pattern::MatchOr(alternatives) = pattern
        && let Some(last) = alternatives.patterns.last()
    {
        pattern = last;
    }
    while let Pattern::MatchAs(capture) = pattern
        && let Some(inner) = &capture.pattern
    {
        pattern = inner;
    }
    case.guard.is_none() && matches!(pattern, Pattern::MatchAs(_))
}

#[cfg(test)]
mod tests {
    use super::super::analyse;
    use super::super::patterns::EXCLUDE_DEFAULT;
    use super::*;

    /// `source` marks the lines that must be excluded with `# x`; every line counts as executable, and the pattern is
    /// `# no`.
    #[track_caller]
    fn check(source: &str) {
        check_with(&["# no"], source);
    }

    #[track_caller]
    fn check_with(patterns: &[&str], source: &str) {
        let lines = 1..=source.lines().count() as u32;
        let marked = lines.clone().zip(source.lines()).filter(|(_, line)| line.ends_with("# x"));
        let facts = analyse(source, &lines.collect(), &Exclusions::new(patterns).unwrap()).unwrap();
        let excluded: Vec<u32> = facts.excluded.iter().collect();
        assert_eq!(excluded, marked.map(|(line, _)| line).collect::<Vec<_>>(), "\n{source}");
    }

    #[test]
    fn a_clause_takes_its_suite_and_no_other() {
        check("if a: # no # x\n    b # x\n    c # x\nelse:\n    d\ne\n");
        check("try:\n    a\nexcept E: # no # x\n    b # x\n\n    c # x\nfinally:\n    d\n");
        check("while a: # no # x\n  if b: # x\n    c # x\nelse:\n  d\n");
        check("a # no # x\nb\n");
    }

    #[test]
    fn a_multi_line_header_is_one_line() {
        check("if (a and # x\n    b): # no\n    c # x\nd\n");
        check("if (a and # no # x\n    b):\n    c # x\nd\n");
        check("f(a, # x\n  b, # no\n  c)\n");
    }

    #[test]
    fn colons_in_brackets_start_nothing() {
        check("a = {b: # no # x\n     c}\nd\n");
        check("a = lambda: 0 # no # x\nb\n");
    }

    #[test]
    fn definitions_go_with_every_physical_line() {
        check(
            "@a\n@b # no # x\ndef f(): # x\n    a # x\n    # x\n    f( # x\n      a) # x\nb\n"
                .replacen("@a\n", "@a # x\n", 1)
                .as_str(),
        );
        check(
            "class A: # no # x\n    a # x\n\n    # y # x\n    b # x\nc\n"
                .replacen("\n\n", "\n # x\n", 1)
                .as_str(),
        );
        check("class A:\n    def f(self, # x\n          a): # no # x\n        b # x\n    c\n");
    }

    #[test]
    fn an_else_case_goes_when_its_suite_does() {
        check("match a:\n    case 1:\n        b\n    case _: # x\n        c # no # x\n");
        check("match a:\n    case 1: \n        b # no # x\n");
        check("match a:\n    case 1 | _ if b:\n        b # no # x\n");
        check("match a:\n    case [1] | c: # x\n        b # no # x\n");
        check("match a:\n    case _:\n        c # no # x\n        d\n");
    }

    #[test]
    fn the_defaults_are_coverage_pys() {
        check_with(&EXCLUDE_DEFAULT, "def f(): ... # x\ndef g():\n    a # pragma: no cover # x\n    b\n");
        // The ellipsis pattern reaches back to the `def` line, so the whole function goes.
        let exclusions = Exclusions::new(&EXCLUDE_DEFAULT).unwrap();
        let facts =
            analyse("def f(a):\n    ...\n    return a\nb\n", &(1..=4).collect(), &exclusions).unwrap();
        assert_eq!(facts.excluded, (1..=3).collect());
        check_with(&EXCLUDE_DEFAULT, "if TYPE_CHECKING: # x\n    import a # x\nelse:\n    b\n");
    }
}
