//! From trees to Python text.
//!
//! Invariant: the text compiles on every supported Python, and every loop comes by a `d()`, which ends the call when its
//! fuel is used up.

use std::fmt::Write as _;

use super::syntax::{Expression, Function, Kind, Pattern, Simple, Statement, Suite};

/// What may stand somewhere.
#[derive(Clone, Copy)]
struct Place {
    kind: Kind,
    indent: usize,
    /// `break` and `continue` have a loop to go to.
    in_loop: bool,
    /// `return` is allowed.
    in_function: bool,
    /// `raise` alone is allowed.
    in_handler: bool,
    /// In `except*`, where the core `settrace` cannot tell `raise` alone from what is raised at the end of the statement anyway;
    /// so it stays off its header's line there.
    in_star: bool,
}

impl Place {
    fn deeper(self) -> Self {
        Self { indent: self.indent + 4, ..self }
    }

    /// Inside `except*`, where nothing may be left by a jump.
    fn without_jumps(self) -> Self {
        Self { in_loop: false, in_function: false, ..self }
    }
}

/// A module of functions `f0`, `f1`, …, and the table of them that the driver calls.
pub(super) fn module(functions: &[Function]) -> String {
    let mut text = "from fuzz_names import *\n".to_owned();
    let mut table = String::new();
    for (number, function) in functions.iter().enumerate() {
        let place = Place {
            kind: function.kind,
            indent: 0,
            in_loop: false,
            in_function: true,
            in_handler: false,
            in_star: false,
        };
        let head = match function.kind {
            Kind::Plain | Kind::Generator => "def",
            Kind::Coroutine => "async def",
        };
        let _ = write!(text, "{head} f{number}():");
        suite(&mut text, &function.body, place, "");
        if function.kind == Kind::Generator {
            text.push_str("    yield d()\n");
        }
        let _ = write!(table, "(f{number}, {}, {}), ", function.calls, function.seed);
    }
    let _ = writeln!(text, "FUNCTIONS = [{table}]");
    text
}

fn suite(text: &mut String, suite: &Suite, place: Place, first: &str) {
    let simple: Option<Vec<&[Simple]>> = suite
        .statements
        .iter()
        .map(|statement| if let Statement::Simple(simple) = statement { Some(&simple[..]) } else { None })
        .collect();
    if let Some(simple) = simple.filter(|all| suite.on_header_line && !(place.in_star && has_reraise(all))) {
        let live = live(simple.into_iter().flatten());
        let words: Vec<String> = live.into_iter().map(|simple| words(simple, place)).collect();
        let _ = writeln!(text, " {first}{}{}", if first.is_empty() { "" } else { "; " }, words.join("; "));
        return;
    }
    text.push('\n');
    let place = place.deeper();
    if !first.is_empty() {
        let _ = writeln!(text, "{:1$}{first}", "", place.indent);
    }
    for inner in &suite.statements {
        statement(text, inner, place);
    }
}

fn has_reraise(statements: &[&[Simple]]) -> bool {
    statements.iter().copied().flatten().any(|simple| matches!(simple, Simple::Reraise))
}

fn clause(text: &mut String, head: &str, body: &Suite, place: Place, inside: Place) {
    let _ = write!(text, "{:1$}{head}:", "", place.indent);
    suite(text, body, inside, "");
}

fn statement(text: &mut String, statement: &Statement, place: Place) {
    let indent = place.indent;
    let asynchronous = |is_async: bool| if is_async && place.kind == Kind::Coroutine { "async " } else { "" };
    match statement {
        Statement::Simple(simple) => {
            for simple in simple {
                let _ = writeln!(text, "{:indent$}{}", "", words(simple, place));
            }
        }
        Statement::If { branches, otherwise } => {
            for (number, (test, body)) in branches.iter().enumerate() {
                let word = if number == 0 { "if" } else { "elif" };
                clause(text, &format!("{word} {}", expression(test, place)), body, place, place);
            }
            if let Some(body) = otherwise {
                clause(text, "else", body, place, place);
            }
        }
        Statement::While { test, body, otherwise } => {
            let inside = Place { in_loop: true, ..place };
            let test = test.as_ref().map_or_else(|| "True".to_owned(), |test| expression(test, place));
            let _ = write!(text, "{:indent$}while {test}:", "");
            suite(text, body, inside, "x = d()");
            if let Some(body) = otherwise {
                clause(text, "else", body, place, place);
            }
        }
        Statement::For { is_async, items, body, otherwise } => {
            let inside = Place { in_loop: true, ..place };
            let word = asynchronous(*is_async);
            let items = expression(items, place);
            let items = if word.is_empty() { format!("range(int({items}))") } else { format!("ag({items})") };
            clause(text, &format!("{word}for x in {items}"), body, place, inside);
            if let Some(body) = otherwise {
                clause(text, "else", body, place, place);
            }
        }
        Statement::Try { body, handlers, otherwise, finally } => {
            clause(text, "try", body, place, place);
            let kinds = [
                "except ValueError",
                "except (KeyError, AssertionError)",
                "except Exception as e",
                "except ValueError as e",
            ];
            for (kind, body) in handlers {
                let inside = Place { in_handler: true, ..place };
                clause(text, kinds[usize::from(*kind)], body, place, inside);
            }
            if let Some(body) = otherwise.as_ref().filter(|_| !handlers.is_empty()) {
                clause(text, "else", body, place, place);
            }
            match finally {
                // Leaving `finally` by a jump would lose the end of the fuel.
                Some(body) => clause(text, "finally", body, place, place.without_jumps()),
                None if handlers.is_empty() => {
                    let _ = writeln!(text, "{:indent$}finally:\n{:indent$}    x = d()", "", "");
                }
                None => (),
            }
        }
        Statement::TryStar { body, handlers, finally } => {
            clause(text, "try", body, place, place);
            for (kind, body) in
                ["except* ValueError", "except* (KeyError, TypeError) as e"].iter().zip(handlers)
            {
                let inside = Place { in_handler: true, in_star: true, ..place.without_jumps() };
                clause(text, kind, body, place, inside);
            }
            if let Some(body) = finally {
                clause(text, "finally", body, place, place.without_jumps());
            }
        }
        Statement::With { is_async, managers, body } => {
            let word = asynchronous(*is_async);
            let names =
                if word.is_empty() { ["n()", "s() as x", "e()"] } else { ["an()", "as_() as x", "ae()"] };
            let managers: Vec<&str> = managers.iter().map(|kind| names[usize::from(*kind)]).collect();
            clause(text, &format!("{word}with {}", managers.join(", ")), body, place, place);
        }
        Statement::Match { pair, cases } => {
            let subject = if *pair { "(d(), r())" } else { "d()" };
            let _ = writeln!(text, "{:indent$}match {subject}:", "");
            for (number, (pattern, guard, body)) in cases.iter().enumerate() {
                let is_last = number + 1 == cases.len();
                let guard = guard.as_ref().map(|guard| format!(" if {}", expression(guard, place.deeper())));
                let pattern = match pattern {
                    Pattern::Value(value) => value.to_string(),
                    Pattern::Alternatives => "1 | 2".to_owned(),
                    Pattern::Class => "int()".to_owned(),
                    Pattern::Sequence => "[a, 1]".to_owned(),
                    Pattern::Mapping => "{'k': a}".to_owned(),
                    Pattern::Wildcard if is_last || guard.is_some() => "_".to_owned(),
                    Pattern::Capture if is_last || guard.is_some() => "a".to_owned(),
                    Pattern::Wildcard | Pattern::Capture => "0".to_owned(),
                };
                let head = format!("case {pattern}{}", guard.unwrap_or_default());
                clause(text, &head, body, place.deeper(), place.deeper());
            }
        }
        Statement::Function { is_decorated, body } => {
            let inside = Place {
                kind: Kind::Plain,
                indent,
                in_loop: false,
                in_function: true,
                in_handler: false,
                in_star: false,
            };
            if *is_decorated {
                let _ = writeln!(text, "{:indent$}@same", "");
            }
            clause(text, "def g()", body, place, inside);
            let _ = writeln!(text, "{:indent$}x = g()", "");
        }
        Statement::Class { body } => {
            let inside = Place {
                kind: Kind::Plain,
                indent,
                in_loop: false,
                in_function: false,
                in_handler: false,
                in_star: false,
            };
            clause(text, "class C", body, place, inside);
        }
    }
}

/// The statements of a line up to the first jump. What stands behind one leaves no trace in bytecode, and counts with coverage.py as
/// further ways on from the line, of which minicov does not know when the line runs; where it is a `with`'s, coverage.py's
/// parser has no answer for it (7.17.3, `parser.py`, "Expected one arc").
fn live<'a>(line: impl Iterator<Item = &'a Simple>) -> Vec<&'a Simple> {
    let mut live = Vec::new();
    for simple in line {
        live.push(simple);
        match simple {
            Simple::Return(_)
            | Simple::Break
            | Simple::Continue
            | Simple::Raise(_)
            | Simple::LongRaise
            | Simple::Reraise => break,
            Simple::Pass
            | Simple::Set(_)
            | Simple::Evaluate(_)
            | Simple::Assert(..)
            | Simple::Suspend
            | Simple::Delegate => {}
        }
    }
    live
}

fn words(simple: &Simple, place: Place) -> String {
    let of = |inner: &Expression| expression(inner, place);
    match simple {
        Simple::Break if place.in_loop => "break".to_owned(),
        Simple::Continue if place.in_loop => "continue".to_owned(),
        Simple::Return(value) if place.in_function => {
            value.as_ref().map_or_else(|| "return".to_owned(), |value| format!("return {}", of(value)))
        }
        Simple::Reraise if place.in_handler => "raise".to_owned(),
        Simple::Pass | Simple::Break | Simple::Continue | Simple::Return(_) | Simple::Reraise => {
            "pass".to_owned()
        }
        Simple::Set(value) => format!("x = {}", of(value)),
        Simple::Evaluate(value) => of(value),
        Simple::Raise(None) => "raise KeyError".to_owned(),
        // An exception whose making raises another one is left out: only the settrace core tells these apart.
        Simple::Raise(Some(_)) => "raise ValueError(d())".to_owned(),
        Simple::LongRaise => "raise ValueError(\n  d(),\n  2)".to_owned(),
        Simple::Assert(test, None) => format!("assert {}", of(test)),
        Simple::Assert(test, Some(message)) => format!("assert {}, {}", of(test), of(message)),
        Simple::Suspend => match place.kind {
            Kind::Plain => "x = d()".to_owned(),
            Kind::Generator => "yield d()".to_owned(),
            Kind::Coroutine => "await a()".to_owned(),
        },
        Simple::Delegate => match place.kind {
            Kind::Plain => "x = r()".to_owned(),
            Kind::Generator => "yield from y()".to_owned(),
            Kind::Coroutine => "x = await b()".to_owned(),
        },
    }
}

/// Whether the compiler may leave nothing of it.
fn is_decided(expression: &Expression) -> bool {
    match expression {
        Expression::Folded(_) => true,
        Expression::Not(of) => is_decided(of),
        Expression::And(of) | Expression::LongAnd(of) | Expression::Or(of) => of.iter().any(is_decided),
        Expression::Ternary(of) => of.iter().any(is_decided),
        Expression::Decide
        | Expression::MayRaise
        | Expression::Chain
        | Expression::Walrus
        | Expression::Comprehension
        | Expression::InnerGenerator
        | Expression::Lambda
        | Expression::Suspend
        | Expression::LongCall(_) => false,
    }
}

fn expression(of: &Expression, place: Place) -> String {
    let inner = |of: &Expression| expression(of, place);
    let joined =
        |of: &[Expression], by: &str| format!("({})", of.iter().map(inner).collect::<Vec<_>>().join(by));
    match of {
        Expression::Decide => "d()".to_owned(),
        Expression::MayRaise => "r()".to_owned(),
        Expression::Not(of) => format!("(not {})", inner(of)),
        Expression::And(of) => joined(of, " and "),
        Expression::LongAnd(of) => {
            let mut operands: Vec<String> = of.iter().map(inner).collect();
            // Where the compiler decides what stands on the last line, nothing tells that a suite behind it is on its header's.
            if of.last().is_some_and(is_decided) {
                operands.push("d()".to_owned());
            }
            format!("({})", operands.join("\n  and "))
        }
        Expression::Or(of) => joined(of, " or "),
        Expression::Ternary(of) => {
            format!("({} if {} else {})", inner(&of[0]), inner(&of[1]), inner(&of[2]))
        }
        Expression::Chain => "(0 < d() < 2)".to_owned(),
        // A class body's own scope is no matter here.
        Expression::Walrus => "(w := d())".to_owned(),
        Expression::Comprehension => "len([i for i in range(d()) if i])".to_owned(),
        Expression::InnerGenerator => "any(i for i in range(d()))".to_owned(),
        Expression::Lambda => "(lambda: d() if d() else 0)()".to_owned(),
        Expression::Suspend => match place.kind {
            Kind::Plain => "d()".to_owned(),
            Kind::Generator => "(yield d())".to_owned(),
            Kind::Coroutine => "(await b())".to_owned(),
        },
        Expression::Folded(true) => "(1 if not 0 else 0)".to_owned(),
        Expression::Folded(false) => "(0 if 1 else 1)".to_owned(),
        Expression::LongCall(of) => format!("max(int({}),\n  int({}))", inner(&of[0]), inner(&of[1])),
    }
}
