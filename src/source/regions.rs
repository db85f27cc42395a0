//! Functions and classes, and the lines that are theirs.

use ruff_python_ast::Stmt;

use crate::model::{LineNo, LineSet, Region, RegionKind};

use super::syntax::Syntax;
use super::walk::suites;

/// The functions and classes of a text in the order of their `def` or `class` lines, as coverage.py reports them (7.17.3,
/// `regions.py`).
///
/// A function's lines run from its first statement to the end of its last, without those of functions in it. A class's
/// lines are those of its methods, functions in them included, without those of classes in it. So no line is in two
/// regions of a kind, and comments and blank lines are in regions too.
pub(super) fn regions(syntax: &Syntax) -> Vec<Region> {
    let mut finder = Finder { syntax, regions: Vec::new(), enclosing: Vec::new() };
    finder.suite(syntax.body());
    finder.regions.sort_by_key(|region| region.start);
    finder.regions
}

struct Finder<'a> {
    syntax: &'a Syntax,
    regions: Vec<Region>,
    /// Indices into `regions`, outermost first.
    enclosing: Vec<usize>,
}

impl Finder<'_> {
    fn suite(&mut self, suite: &[Stmt]) {
        for statement in suite {
            match statement {
                Stmt::FunctionDef(function) => {
                    self.function(function.name.as_str(), statement, &function.body);
                }
                Stmt::ClassDef(class) => self.class(class.name.as_str(), statement, &class.body),
                other => suites(other).into_iter().for_each(|suite| self.suite(suite)),
            }
        }
    }

    fn function(&mut self, name: &str, statement: &Stmt, body: &[Stmt]) {
        let mut lines = LineSet::new();
        if let (Some(first), Some(last)) = (body.first(), body.last()) {
            let (first, last) = (self.syntax.statement_line(first), self.syntax.last_line(last));
            lines.insert_range(first, last);
            self.give_to_class(first, last);
            self.take_from_function(first, last);
        }
        self.enter(RegionKind::Function, name, statement, lines);
        self.suite(body);
        self.enclosing.pop();
    }

    fn class(&mut self, name: &str, statement: &Stmt, body: &[Stmt]) {
        let index = self.enter(RegionKind::Class, name, statement, LineSet::new());
        self.suite(body);
        self.enclosing.pop();
        let own = self.regions[index].lines.clone();
        for outer in &self.enclosing {
            let outer = &mut self.regions[*outer];
            if outer.kind == RegionKind::Class {
                outer.lines = outer.lines.difference(&own);
            }
        }
    }

    fn enter(&mut self, kind: RegionKind, name: &str, statement: &Stmt, lines: LineSet) -> usize {
        let name = match self.enclosing.last() {
            Some(outer) => format!("{}.{name}", self.regions[*outer].name),
            None => name.to_owned(),
        };
        let index = self.regions.len();
        self.regions.push(Region { kind, name, start: self.syntax.statement_line(statement), lines });
        self.enclosing.push(index);
        index
    }

    /// The lines of a method are its class's too.
    fn give_to_class(&mut self, first: LineNo, last: LineNo) {
        if let Some(innermost) = self.enclosing.last() {
            let innermost = &mut self.regions[*innermost];
            if innermost.kind == RegionKind::Class {
                innermost.lines.insert_range(first, last);
            }
        }
    }

    /// The lines of a function are not those of the function round it.
    fn take_from_function(&mut self, first: LineNo, last: LineNo) {
        let functions = self.enclosing.iter().rev();
        let nearest = functions.copied().find(|index| self.regions[*index].kind == RegionKind::Function);
        if let Some(nearest) = nearest {
            let lines = &mut self.regions[nearest].lines;
            (first..=last).for_each(|line| lines.remove(line));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(source: &str, expected: &[(&str, LineNo, &[LineNo])]) {
        let found: Vec<(String, LineNo, Vec<LineNo>)> = regions(&Syntax::parse(source).unwrap())
            .into_iter()
            .map(|region| (region.name, region.start, region.lines.iter().collect()))
            .collect();
        let expected: Vec<_> = expected
            .iter()
            .map(|(name, start, lines)| ((*name).to_owned(), *start, lines.to_vec()))
            .collect();
        assert_eq!(found, expected, "\n{source}");
    }

    #[test]
    fn nested_functions_take_their_lines() {
        check("def f():\n    a\n    def g():\n        b\n    c\n", &[("f", 1, &[2, 3, 5]), ("f.g", 3, &[4])]);
    }

    #[test]
    fn classes_have_their_methods_lines() {
        check(
            "class A:\n    a = 1\n    @b\n    def f(self):\n        c\n\n        d\n    class B:\n        def g(self):\n            e\n",
            &[("A", 1, &[5, 6, 7]), ("A.f", 4, &[5, 6, 7]), ("A.B", 8, &[10]), ("A.B.g", 9, &[10])],
        );
    }

    #[test]
    fn regions_hide_in_every_suite() {
        check(
            "if a:\n    def f(): b\nelse:\n    try:\n        async def f():\n            c\n    except E:\n        class f: pass\n",
            &[("f", 2, &[2]), ("f", 5, &[6]), ("f", 8, &[])],
        );
    }
}
