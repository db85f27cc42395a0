//! Follows control through the suites of each module, class and function.

use ruff_python_ast::{
    ElifElseClause, ExceptHandler, Expr, Stmt, StmtClassDef, StmtFor, StmtFunctionDef, StmtIf, StmtMatch,
    StmtTry, StmtWhile, StmtWith,
};
use ruff_text_size::Ranged;

use crate::model::{Action, ArcEnd, Cause, FirstLines, LineArc, LineSet, Reason};

use super::super::exclusion::is_irrefutable;
use super::super::syntax::Syntax;
use super::super::walk::{Node, nodes};
use super::blocks::Block;
use super::{ArcStart, Exits, Found, constants};

/// `statements` are the first lines of statements with instructions.
pub(super) fn analyse(syntax: &Syntax, first_lines: &FirstLines, statements: &LineSet) -> Found {
    let mut flow = Flow {
        syntax,
        first_lines,
        statements,
        blocks: Vec::new(),
        open_with: Vec::new(),
        found: Found::default(),
    };
    flow.module();
    for node in nodes(syntax.body()) {
        match node {
            Node::Statement(Stmt::FunctionDef(function)) => flow.function(function),
            Node::Statement(Stmt::ClassDef(class)) => flow.class(class),
            Node::Statement(_) | Node::Case(_) => {}
        }
    }
    flow.found
}

struct Flow<'a> {
    syntax: &'a Syntax,
    first_lines: &'a FirstLines,
    statements: &'a LineSet,
    /// Innermost last.
    blocks: Vec<Block>,
    /// The lines of the `with` statements whose suites are being looked at.
    open_with: Vec<ArcEnd>,
    found: Found,
}

/// The code objects.
impl Flow<'_> {
    fn module(&mut self) {
        let start = self.first_lines.of_end(1);
        let body = self.syntax.body();
        if body.is_empty() {
            self.add_plain(start, -start);
            return;
        }
        for exit in self.suite(body, Exits::new()) {
            self.add(exit, -start, Some(Action::ExitModule));
        }
    }

    fn function(&mut self, function: &StmtFunctionDef) {
        let start = self.line(function);
        self.blocks.push(Block::Function { start, name: function.name.as_str().to_owned() });
        let exits = self.suite(&function.body, Exits::new());
        self.process_returns(&exits);
        self.blocks.pop();
    }

    fn class(&mut self, class: &StmtClassDef) {
        let start = self.line(class);
        for exit in self.suite(&class.body, Exits::new()) {
            self.add(exit, -start, Some(Action::ExitClass(class.name.as_str().to_owned())));
        }
    }
}

/// The statements. Each method adds the arcs within a statement, and returns the ways out at its end.
impl Flow<'_> {
    /// Adds arcs along a suite that is entered from `entries`. A statement without instructions is passed over.
    fn suite(&mut self, suite: &[Stmt], entries: Exits) -> Exits {
        let mut exits = entries;
        for statement in suite {
            let line = self.line(statement);
            if !self.statements.contains(line.unsigned_abs()) {
                continue;
            }
            for exit in exits {
                self.add(exit, line, None);
            }
            exits = self.statement(statement, line);
        }
        exits
    }

    fn statement(&mut self, statement: &Stmt, line: ArcEnd) -> Exits {
        match statement {
            Stmt::FunctionDef(function) => {
                let decorators = function.decorator_list.iter().map(|decorator| self.line(decorator));
                self.definition(decorators.collect(), statement)
            }
            Stmt::ClassDef(class) => {
                let decorators = class.decorator_list.iter().map(|decorator| self.line(decorator));
                self.definition(decorators.collect(), statement)
            }
            Stmt::If(choice) => self.choice(choice, line),
            Stmt::While(loop_) => self.while_loop(loop_, line),
            Stmt::For(loop_) => self.for_loop(loop_, line),
            Stmt::Match(choice) => self.case_choice(choice, line),
            Stmt::Try(attempt) => self.attempt(attempt, line),
            Stmt::With(with) => self.with(with, line),
            Stmt::Break(_) => self.process_break(line),
            Stmt::Continue(_) => self.process_continue(line),
            Stmt::Raise(_) => self.process_raise(line),
            Stmt::Return(_) => {
                self.process_returns(&exit(line, Cause::ReturnNotExecuted));
                Exits::new()
            }
            _ => exit(line, Cause::Unstated),
        }
    }

    /// From decorator to decorator to the `def` or `class` line. The body is code of its own.
    fn definition(&mut self, decorators: Vec<ArcEnd>, statement: &Stmt) -> Exits {
        let line = self.syntax.statement_line(statement).cast_signed();
        let mut before = None;
        for decorator in decorators {
            if let Some(before) = before
                && before != decorator
            {
                self.add_plain(before, decorator);
            }
            before = Some(decorator);
        }
        if let Some(before) = before {
            self.add_plain(before, line);
        }
        exit(line, Cause::Unstated)
    }

    fn choice(&mut self, choice: &StmtIf, line: ArcEnd) -> Exits {
        let mut exits = Exits::new();
        let (mut start, mut test, mut body): (_, &Expr, &[Stmt]) = (line, &choice.test, &choice.body);
        let mut clauses = choice.elif_else_clauses.iter();
        loop {
            let constant = constants::truth(test);
            if constant != Some(false) {
                exits.extend(self.suite(body, exit(start, Cause::ConditionNeverTrue)));
            }
            if constant == Some(true) {
                return exits;
            }
            let otherwise = ArcStart { line: start, cause: Cause::ConditionAlwaysTrue };
            match clauses.next() {
                Some(clause @ ElifElseClause { test: Some(next_test), .. }) => {
                    let next = self.line(clause);
                    if !self.statements.contains(next.unsigned_abs()) {
                        exits.insert(otherwise);
                        return exits;
                    }
                    self.add(otherwise, next, None);
                    (start, test, body) = (next, next_test, &clause.body);
                }
                Some(ElifElseClause { test: None, body, .. }) => {
                    exits.extend(self.suite(body, Exits::from([otherwise])));
                    return exits;
                }
                None => {
                    exits.insert(otherwise);
                    return exits;
                }
            }
        }
    }

    fn while_loop(&mut self, loop_: &StmtWhile, line: ArcEnd) -> Exits {
        let mut exits = self.loop_suite(&loop_.body, line, Cause::ConditionNeverTrue);
        let otherwise = exit(line, Cause::ConditionAlwaysTrue);
        if !loop_.orelse.is_empty() {
            exits.extend(self.suite(&loop_.orelse, otherwise));
        } else if constants::truth(&loop_.test).is_none() {
            exits.extend(otherwise);
        }
        exits
    }

    fn for_loop(&mut self, loop_: &StmtFor, line: ArcEnd) -> Exits {
        let mut exits = self.loop_suite(&loop_.body, line, Cause::LoopNeverStarted);
        exits.extend(self.suite(&loop_.orelse, exit(line, Cause::LoopNeverCompleted)));
        exits
    }

    /// The body of a loop, which goes back to its header. Returns the ways out by `break`.
    fn loop_suite(&mut self, body: &[Stmt], header: ArcEnd, cause: Cause) -> Exits {
        self.blocks.push(Block::Loop { start: header, breaks: Exits::new() });
        for exit in self.suite(body, exit(header, cause)) {
            self.add(exit, header, None);
        }
        match self.blocks.pop() {
            Some(Block::Loop { breaks, .. }) => breaks,
            // Blocks are pushed and popped in pairs.
            Some(Block::Function { .. } | Block::Try { .. }) | None => Exits::new(),
        }
    }

    fn case_choice(&mut self, choice: &StmtMatch, line: ArcEnd) -> Exits {
        let mut exits = Exits::new();
        let mut before = line;
        for case in &choice.cases {
            let start = self.line(&case.pattern);
            self.add(ArcStart { line: before, cause: Cause::PatternAlwaysMatched }, start, None);
            exits.extend(self.suite(&case.body, exit(start, Cause::PatternNeverMatched)));
            before = start;
        }
        if !choice.cases.last().is_some_and(is_irrefutable) {
            exits.insert(ArcStart { line: before, cause: Cause::PatternAlwaysMatched });
        }
        exits
    }

    /// Nothing leads into a handler but a `raise` in the `try` suite, for exceptions can come from anywhere.
    fn attempt(&mut self, attempt: &StmtTry, line: ArcEnd) -> Exits {
        let has_finally = !attempt.finalbody.is_empty();
        self.blocks.push(Block::Try { handler: attempt.handlers.first().map(|handler| self.line(handler)) });
        let mut exits = self.suite(&attempt.body, exit(line, Cause::Unstated));
        // With a `finally`, the block stays and swallows what the handlers raise.
        self.blocks.pop();
        if has_finally {
            self.blocks.push(Block::Try { handler: None });
        }
        let mut handler_exits = Exits::new();
        for handler in &attempt.handlers {
            let start = self.line(handler);
            let ExceptHandler::ExceptHandler(handler) = handler;
            handler_exits.extend(self.suite(&handler.body, exit(start, Cause::ExceptionDidNotHappen)));
        }
        exits = self.suite(&attempt.orelse, exits);
        exits.extend(handler_exits);
        if has_finally {
            self.blocks.pop();
            let can_complete = !exits.is_empty();
            let final_exits = self.suite(&attempt.finalbody, exits);
            exits = if can_complete { final_exits } else { Exits::new() };
        }
        exits
    }

    /// The suite goes back to the `with` line, and that goes on; `with_jumps` makes one step of the two.
    fn with(&mut self, with: &StmtWith, line: ArcEnd) -> Exits {
        self.found.with_lines.insert(line);
        self.open_with.push(line);
        let exits = self.suite(&with.body, exit(line, Cause::Unstated));
        self.open_with.pop();
        if exits.is_empty() {
            return exits;
        }
        for exit in exits {
            self.add_plain(exit.line, line);
            self.found.with_exits.insert(LineArc::new(exit.line, line));
        }
        exit(line, Cause::Unstated)
    }
}

/// The jumps. Each goes to the nearest block that catches it; outside of any it goes nowhere.
impl Flow<'_> {
    fn process_break(&mut self, line: ArcEnd) -> Exits {
        let loops = self.blocks.iter_mut().rev().find_map(|block| match block {
            Block::Loop { breaks, .. } => Some(breaks),
            Block::Function { .. } | Block::Try { .. } => None,
        });
        if let Some(breaks) = loops {
            breaks.insert(ArcStart { line, cause: Cause::BreakNotExecuted });
        }
        Exits::new()
    }

    fn process_continue(&mut self, line: ArcEnd) -> Exits {
        let start = self.blocks.iter().rev().find_map(|block| match block {
            Block::Loop { start, .. } => Some(*start),
            Block::Function { .. } | Block::Try { .. } => None,
        });
        if let Some(start) = start {
            self.add(ArcStart { line, cause: Cause::ContinueNotExecuted }, start, None);
        }
        Exits::new()
    }

    fn process_raise(&mut self, line: ArcEnd) -> Exits {
        let target = self.blocks.iter().rev().find_map(|block| match block {
            Block::Loop { .. } => None,
            Block::Function { start, name } => {
                Some(Some((-start, Some(Action::ExceptFromFunction(name.clone())))))
            }
            Block::Try { handler } => Some(handler.map(|handler| (handler, None))),
        });
        if let Some(Some((target, action))) = target {
            self.add(ArcStart { line, cause: Cause::RaiseNotExecuted }, target, action);
        }
        Exits::new()
    }

    fn process_returns(&mut self, exits: &Exits) {
        let function = self.blocks.iter().rev().find_map(|block| match block {
            Block::Function { start, name } => Some((-start, name.clone())),
            Block::Loop { .. } | Block::Try { .. } => None,
        });
        if let Some((target, name)) = function {
            for exit in exits {
                self.add(*exit, target, Some(Action::ReturnFromFunction(name.clone())));
            }
        }
    }
}

impl Flow<'_> {
    fn add(&mut self, start: ArcStart, to: ArcEnd, action: Option<Action>) {
        let arc = LineArc::new(start.line, to);
        self.add_plain(arc.from, arc.to);
        self.found.reasons.entry(arc).or_default().push(Reason { cause: Some(start.cause), action });
    }

    /// Adds an arc that is never missing for a reason of its own.
    fn add_plain(&mut self, from: ArcEnd, to: ArcEnd) {
        let arc = LineArc::new(from, to);
        self.found.arcs.insert(arc);
        if self.open_with.contains(&from) {
            self.found.with_entries.insert(arc);
        }
    }

    /// The first line of the logical line a node begins on; that of a decorated definition is its first decorator's.
    fn line(&self, node: &impl Ranged) -> ArcEnd {
        self.first_lines.of(self.syntax.first_line(node)).cast_signed()
    }
}

fn exit(line: ArcEnd, cause: Cause) -> Exits {
    Exits::from([ArcStart { line, cause }])
}
