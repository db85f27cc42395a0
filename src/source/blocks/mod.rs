//! From a text to its blocks: functions' bodies and code at module level, each with a fingerprint of its syntax tree.
//!
//! Must not know: what ran. Invariant: two texts whose syntax trees are equal but for places and docstrings (`ast.dump`)
//! have equal blocks, unless they spell differently what the compiler may warn of (`suspects`); and code that differs there
//! has another fingerprint in some block: nothing is left out of all.

mod fingerprint;
mod nodes;
mod signals;
mod suspects;

use ruff_python_ast::visitor::Visitor;
use ruff_python_ast::{
    AtomicNodeIndex, Decorator, ExceptHandler, Expr, ModModule, PySourceType, Stmt, StmtPass,
};
use ruff_python_parser::parse_unchecked_source;
use ruff_text_size::{Ranged, TextRange, TextSize};

use self::fingerprint::Digest;
use self::signals::Signals;
use super::SourceError;
use crate::model::{Block, Fingerprint, LineNo, LineSet, MODULE_BLOCK, SourceBlocks};

/// Takes a text apart that [`decode`](super::decode) made.
pub(crate) fn blocks(text: &str) -> Result<SourceBlocks, SourceError> {
    // The parser adds to offsets, so leave it room.
    if text.len() >= i32::MAX as usize {
        return Err(SourceError::TooLarge { bytes: text.len() });
    }
    let ModModule { body, .. } = parse_unchecked_source(text, PySourceType::Python).into_syntax();
    let body: Vec<Stmt> = body.into_iter().collect();
    let mut splitter = Splitter::new(text);
    splitter.suspects = suspects::suspects(text, &body);
    let mut lines = LineSet::new();
    lines.insert_range(1, splitter.line_starts.len() as LineNo);
    splitter.add(Piece {
        name: MODULE_BLOCK.to_owned(),
        prefix: String::new(),
        body,
        lines,
        first_line: 1,
        is_kept: false,
    });
    let Splitter { mut found, docstrings, .. } = splitter;
    let plugins =
        found.iter_mut().take(1).flat_map(|(_, signals)| std::mem::take(&mut signals.plugins)).collect();
    let blocks = found.into_iter().map(|(block, signals)| signals.into_block(block)).collect();
    Ok(SourceBlocks { blocks, docstrings: docstrings.finish(), plugins })
}

/// Code on its way to a block.
struct Piece {
    name: String,
    /// What stands in front of names in it: `Class.` or `function.`
    prefix: String,
    body: Vec<Stmt>,
    lines: LineSet,
    first_line: LineNo,
    is_kept: bool,
}

struct Splitter<'a> {
    text: &'a str,
    /// The offset of each line's first character.
    line_starts: Vec<TextSize>,
    found: Vec<(Block, Signals)>,
    docstrings: Digest,
    /// What counts for the module wherever it stands; for the block that is made next.
    suspects: Vec<&'a str>,
}

impl<'a> Splitter<'a> {
    fn new(text: &'a str) -> Self {
        let feeds = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let after = feeds.map(|(at, _)| TextSize::new(at as u32 + 1));
        let line_starts = std::iter::once(TextSize::new(0)).chain(after).collect();
        Self {
            text,
            line_starts,
            found: Vec::new(),
            docstrings: Digest::new("docstrings"),
            suspects: Vec::new(),
        }
    }

    fn line_at(&self, offset: TextSize) -> LineNo {
        self.line_starts.partition_point(|start| *start <= offset) as LineNo
    }

    /// A fingerprint of lines, letter by letter.
    fn text_of(&self, lines: &LineSet) -> Fingerprint {
        let mut digest = Digest::new("text");
        let end = TextSize::of(self.text);
        for line in lines.iter() {
            let start = self.line_starts[line as usize - 1];
            let end = self.line_starts.get(line as usize).copied().unwrap_or(end);
            digest.text(&self.text[TextRange::new(start, end)]);
        }
        digest.finish()
    }

    /// Whether nothing but blanks stands before `offset` in its line.
    fn begins_line(&self, offset: TextSize) -> bool {
        let start = self.line_starts[self.line_at(offset) as usize - 1];
        self.text[TextRange::new(start, offset)].trim().is_empty()
    }

    /// Makes a block of a piece, and then of each function in it.
    fn add(&mut self, mut piece: Piece) {
        let mut inner = Vec::new();
        self.take_functions(&mut piece.body, &piece.prefix, &mut inner);
        for function in &inner {
            piece.lines = piece.lines.difference(&function.own);
        }
        let mut signals = Signals::default();
        let mut digest = Digest::new("block");
        for statement in &piece.body {
            signals.visit_stmt(statement);
            digest.statement(statement);
        }
        for text in std::mem::take(&mut self.suspects) {
            digest.text(text);
        }
        let block = Block {
            name: piece.name,
            fingerprint: digest.finish(),
            text: self.text_of(&piece.lines),
            nodes: nodes::lines(&piece.body, |offset| self.line_at(offset)),
            lines: piece.lines,
            first_line: piece.first_line,
            is_kept: piece.is_kept,
            ..Block::default()
        };
        self.found.push((block, signals));
        for function in inner {
            self.add(function.piece);
        }
    }

    /// Takes the bodies out of all functions in `suite`, and docstrings out of classes and of `suite` itself.
    fn take_functions(&mut self, suite: &mut Vec<Stmt>, prefix: &str, found: &mut Vec<Inner>) {
        self.take_docstring(suite);
        for statement in suite {
            self.take_from(statement, prefix, found);
        }
    }

    fn take_docstring(&mut self, suite: &mut Vec<Stmt>) {
        if let Some(docstring) = docstring(suite) {
            self.docstrings.text(docstring);
            suite.remove(0);
        } else {
            self.docstrings.text("");
        }
    }

    fn take_from(&mut self, statement: &mut Stmt, prefix: &str, found: &mut Vec<Inner>) {
        match statement {
            Stmt::FunctionDef(function) => {
                let name = format!("{prefix}{}", function.name.as_str());
                let body: Vec<Stmt> = std::mem::take(&mut function.body).into_iter().collect();
                let is_kept = is_kept(&function.decorator_list);
                if let Some(inner) = self.function(name, body, is_kept) {
                    if inner.is_trivial {
                        // Such a body may have no line that tells of its run.
                        function.body.push(pass());
                    }
                    found.push(inner);
                }
            }
            Stmt::ClassDef(class) => {
                let prefix = format!("{prefix}{}.", class.name.as_str());
                let mut body: Vec<Stmt> = std::mem::take(&mut class.body).into_iter().collect();
                self.take_functions(&mut body, &prefix, found);
                class.body.extend(body);
            }
            Stmt::For(loop_) => {
                self.take_from_all(&mut loop_.body, prefix, found);
                self.take_from_all(&mut loop_.orelse, prefix, found);
            }
            Stmt::While(loop_) => {
                self.take_from_all(&mut loop_.body, prefix, found);
                self.take_from_all(&mut loop_.orelse, prefix, found);
            }
            Stmt::With(with) => self.take_from_all(&mut with.body, prefix, found),
            Stmt::If(choice) => {
                self.take_from_all(&mut choice.body, prefix, found);
                for clause in &mut choice.elif_else_clauses {
                    self.take_from_all(&mut clause.body, prefix, found);
                }
            }
            Stmt::Match(choice) => {
                for case in &mut choice.cases {
                    self.take_from_all(&mut case.body, prefix, found);
                }
            }
            Stmt::Try(attempt) => {
                self.take_from_all(&mut attempt.body, prefix, found);
                for ExceptHandler::ExceptHandler(handler) in &mut attempt.handlers {
                    self.take_from_all(&mut handler.body, prefix, found);
                }
                self.take_from_all(&mut attempt.orelse, prefix, found);
                self.take_from_all(&mut attempt.finalbody, prefix, found);
            }
            _ => {}
        }
    }

    fn take_from_all(&mut self, suite: &mut [Stmt], prefix: &str, found: &mut Vec<Inner>) {
        for statement in suite {
            self.take_from(statement, prefix, found);
        }
    }

    /// A function's body on its way to a block; none where the text breaks off before it.
    fn function(&mut self, name: String, body: Vec<Stmt>, is_kept: bool) -> Option<Inner> {
        let (first, last) = (body.first()?, body.last()?);
        let (start, end) = (self.line_at(first.start()), self.line_at(last.end()));
        let mut lines = LineSet::new();
        lines.insert_range(start, end);
        // A line that the header is on as well runs with the block round it, too.
        let mut own = lines.clone();
        if !self.begins_line(first.start()) {
            own.remove(start);
        }
        let rest = if docstring(&body).is_some() { &body[1..] } else { &body[..] };
        let is_trivial = rest.iter().all(|statement| match statement {
            Stmt::Pass(_) => true,
            Stmt::Expr(expression) => matches!(*expression.value, Expr::EllipsisLiteral(_)),
            _ => false,
        });
        let prefix = format!("{name}.");
        let piece = Piece { name, prefix, body, lines, first_line: start, is_kept };
        Some(Inner { piece, own, is_trivial })
    }
}

/// A function in a block.
struct Inner {
    piece: Piece,
    /// The lines that are not the outer block's.
    own: LineSet,
    /// Whether nothing happens in it.
    is_trivial: bool,
}

fn pass() -> Stmt {
    Stmt::Pass(StmtPass { node_index: AtomicNodeIndex::NONE, range: TextRange::default() })
}

fn docstring(suite: &[Stmt]) -> Option<&str> {
    match suite.first() {
        Some(Stmt::Expr(expression)) => match &*expression.value {
            Expr::StringLiteral(literal) => Some(literal.value.to_str()),
            _ => None,
        },
        _ => None,
    }
}

/// Whether a function's result outlives the test that asked for it, as far as its decorators tell: a cache, or a pytest
/// fixture with a scope.
fn is_kept(decorators: &[Decorator]) -> bool {
    decorators.iter().any(|decorator| {
        let (callee, call) = match &decorator.expression {
            Expr::Call(call) => (&*call.func, Some(call)),
            other => (other, None),
        };
        let Some(name) = signals::last_name(callee) else { return true };
        let has_scope = call.is_some_and(|call| {
            let mut keywords = call.arguments.keywords.iter();
            keywords.any(|keyword| keyword.arg.as_ref().is_none_or(|name| name.as_str() == "scope"))
        });
        let name = name.to_ascii_lowercase();
        name.contains("cache") || name.contains("memo") || (name.contains("fixture") && has_scope)
    })
}

#[cfg(test)]
mod tests;
