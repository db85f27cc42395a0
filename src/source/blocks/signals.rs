//! What a block's code says of things beyond it: modules it imports, and whether it looks at the program's own text.
//!
//! Names decide, whatever they stand for: more is suspected than is so, never less than code says by these names.

use std::collections::BTreeSet;

use ruff_python_ast::visitor::{Visitor, walk_expr, walk_stmt};
use ruff_python_ast::{Expr, ExprCall, Stmt};

use crate::model::{Block, ImportName, TextUse};

/// Functions that import what their arguments say: the first, where it is a literal, names a module.
const NAMED_IMPORTERS: [&str; 3] = ["import_module", "__import__", "importorskip"];

/// Functions that import or run what no text tells.
const IMPORTERS: [&str; 13] = [
    "exec_module",
    "load_module",
    "spec_from_file_location",
    "run_path",
    "run_module",
    "iter_modules",
    "walk_packages",
    "entry_points",
    "load_entry_point",
    "load_setuptools_entrypoints",
    "iter_entry_points",
    "exec",
    "eval",
];

/// Names by which code gets at docstrings.
const DOCSTRING_USERS: [&str; 7] =
    ["__doc__", "getdoc", "doctest", "getcomments", "testmod", "pydoc", "DocTestFinder"];

/// Names by which code gets at lines or their numbers.
const LINE_USERS: [&str; 19] = [
    "getsource",
    "getsourcelines",
    "findsource",
    "getblock",
    "f_lineno",
    "tb_lineno",
    "co_firstlineno",
    "co_lines",
    "co_positions",
    "co_linetable",
    "co_lnotab",
    "linecache",
    "currentframe",
    "_getframe",
    "getframeinfo",
    "extract_stack",
    "extract_tb",
    "format_exc",
    "format_exception",
];

#[derive(Debug, Default)]
pub(super) struct Signals {
    imports: BTreeSet<ImportName>,
    imports_anything: bool,
    looks_at: TextUse,
    /// What `pytest_plugins` lists.
    pub(super) plugins: Vec<ImportName>,
}

impl Signals {
    pub(super) fn into_block(self, block: Block) -> Block {
        let Self { imports, imports_anything, looks_at, plugins: _ } = self;
        Block { imports, imports_anything, looks_at, ..block }
    }

    fn name(&mut self, name: &str) {
        if LINE_USERS.contains(&name) {
            self.looks_at = TextUse::Lines;
        } else if DOCSTRING_USERS.contains(&name) {
            self.looks_at = self.looks_at.max(TextUse::Docstrings);
        }
    }

    fn import(&mut self, level: u32, name: impl Into<String>) {
        self.imports.insert(ImportName { level, name: name.into() });
    }

    fn call(&mut self, call: &ExprCall) {
        let Some(name) = last_name(&call.func) else { return };
        if NAMED_IMPORTERS.contains(&name) {
            match call.arguments.args.first() {
                Some(Expr::StringLiteral(literal)) if !literal.value.to_str().starts_with('.') => {
                    self.import(0, literal.value.to_str());
                }
                _ => self.imports_anything = true,
            }
        }
        self.imports_anything |= IMPORTERS.contains(&name);
    }

    /// `pytest_plugins = "a"` or a list of such.
    fn assignment(&mut self, target: &Expr, value: &Expr) {
        if last_name(target) != Some("pytest_plugins") {
            return;
        }
        let items = match value {
            Expr::List(list) => &list.elts[..],
            Expr::Tuple(tuple) => &tuple.elts[..],
            other => std::slice::from_ref(other),
        };
        for item in items {
            match item {
                Expr::StringLiteral(literal) => {
                    let name = literal.value.to_str().to_owned();
                    self.plugins.push(ImportName { level: 0, name });
                }
                _ => self.imports_anything = true,
            }
        }
    }
}

impl<'a> Visitor<'a> for Signals {
    fn visit_stmt(&mut self, statement: &'a Stmt) {
        match statement {
            Stmt::Import(import) => {
                for alias in &import.names {
                    self.name(alias.name.as_str());
                    self.import(0, alias.name.as_str());
                }
            }
            Stmt::ImportFrom(import) => {
                let module = import.module.as_ref().map_or("", |module| module.as_str());
                self.name(module);
                self.import(import.level, module);
                for alias in &import.names {
                    let name = alias.name.as_str();
                    self.name(name);
                    let dot = if module.is_empty() { "" } else { "." };
                    if name != "*" {
                        self.import(import.level, format!("{module}{dot}{name}"));
                    }
                }
            }
            Stmt::Assign(assignment) => {
                for target in &assignment.targets {
                    self.assignment(target, &assignment.value);
                }
            }
            Stmt::AnnAssign(assignment) => {
                if let Some(value) = &assignment.value {
                    self.assignment(&assignment.target, value);
                }
            }
            _ => {}
        }
        walk_stmt(self, statement);
    }

    fn visit_expr(&mut self, expression: &'a Expr) {
        match expression {
            Expr::Name(name) => self.name(name.id.as_str()),
            Expr::Attribute(attribute) => self.name(attribute.attr.as_str()),
            Expr::Call(call) => self.call(call),
            // `getattr(f, "__doc__")`
            Expr::StringLiteral(literal) => self.name(literal.value.to_str()),
            _ => {}
        }
        walk_expr(self, expression);
    }
}

/// `c` of `c` and `a.b.c`.
pub(super) fn last_name(expression: &Expr) -> Option<&str> {
    match expression {
        Expr::Name(name) => Some(name.id.as_str()),
        Expr::Attribute(attribute) => Some(attribute.attr.as_str()),
        _ => None,
    }
}
