//! Random Python functions as trees, and how proptest makes and shrinks them.
//!
//! The names that the functions use are those of `tests/oracles/fuzz_names.py`. What a tree says need not be allowed where
//! it stands (a `break` outside a loop): the renderer puts `pass` there.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

#[derive(Clone, Debug)]
pub(super) enum Expression {
    /// `d()`: 0, 1 or 2.
    Decide,
    /// `r()`: as `d()`, or ValueError.
    MayRaise,
    Not(Box<Self>),
    And(Vec<Self>),
    /// Over several lines.
    LongAnd(Vec<Self>),
    Or(Vec<Self>),
    /// Value if condition else value.
    Ternary(Box<[Self; 3]>),
    Chain,
    Walrus,
    Comprehension,
    InnerGenerator,
    Lambda,
    /// `yield` in a generator, `await` in a coroutine.
    Suspend,
    /// A constant that the compiler knows the truth of.
    Folded(bool),
    /// A call over several lines.
    LongCall(Box<[Self; 2]>),
}

#[derive(Clone, Debug)]
pub(super) enum Simple {
    Pass,
    Set(Expression),
    Evaluate(Expression),
    Return(Option<Expression>),
    Break,
    Continue,
    Raise(Option<Expression>),
    /// Over several lines.
    LongRaise,
    /// `raise` alone, in a handler.
    Reraise,
    Assert(Expression, Option<Expression>),
    Suspend,
    Delegate,
}

/// A suite; on its header's line if it is asked for and can be.
#[derive(Clone, Debug)]
pub(super) struct Suite {
    pub(super) on_header_line: bool,
    pub(super) statements: Vec<Statement>,
}

#[derive(Clone, Debug)]
pub(super) enum Pattern {
    Value(u8),
    Alternatives,
    Class,
    Sequence,
    Mapping,
    /// Always matches, so it can only be the last.
    Wildcard,
    Capture,
}

#[derive(Clone, Debug)]
pub(super) enum Statement {
    Simple(Vec<Simple>),
    If {
        branches: Vec<(Expression, Suite)>,
        otherwise: Option<Suite>,
    },
    /// Without a test: `while True`.
    While {
        test: Option<Expression>,
        body: Suite,
        otherwise: Option<Suite>,
    },
    For {
        is_async: bool,
        items: Expression,
        body: Suite,
        otherwise: Option<Suite>,
    },
    Try {
        body: Suite,
        handlers: Vec<(u8, Suite)>,
        otherwise: Option<Suite>,
        finally: Option<Suite>,
    },
    TryStar {
        body: Suite,
        handlers: Vec<Suite>,
        finally: Option<Suite>,
    },
    With {
        is_async: bool,
        managers: Vec<u8>,
        body: Suite,
    },
    Match {
        pair: bool,
        cases: Vec<(Pattern, Option<Expression>, Suite)>,
    },
    Function {
        is_decorated: bool,
        body: Suite,
    },
    Class {
        body: Suite,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Plain,
    Generator,
    Coroutine,
}

#[derive(Clone, Debug)]
pub(super) struct Function {
    pub(super) kind: Kind,
    /// How many times it is called, each time with other decisions.
    pub(super) calls: u8,
    pub(super) seed: u16,
    pub(super) body: Suite,
}

fn expression() -> impl Strategy<Value = Expression> {
    let leaf = prop_oneof![
        8 => Just(Expression::Decide),
        3 => Just(Expression::MayRaise),
        1 => Just(Expression::Chain),
        1 => Just(Expression::Walrus),
        1 => Just(Expression::Comprehension),
        1 => Just(Expression::InnerGenerator),
        1 => Just(Expression::Lambda),
        2 => Just(Expression::Suspend),
        1 => any::<bool>().prop_map(Expression::Folded),
    ];
    leaf.prop_recursive(2, 6, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(|of| Expression::Not(of.into())),
            vec(inner.clone(), 2..=3).prop_map(Expression::And),
            vec(inner.clone(), 2..=3).prop_map(Expression::LongAnd),
            vec(inner.clone(), 2..=3).prop_map(Expression::Or),
            [inner.clone(), inner.clone(), inner.clone()].prop_map(|of| Expression::Ternary(of.into())),
            [inner.clone(), inner].prop_map(|of| Expression::LongCall(of.into())),
        ]
    })
}

fn simple() -> impl Strategy<Value = Simple> {
    prop_oneof![
        2 => Just(Simple::Pass),
        4 => expression().prop_map(Simple::Set),
        3 => expression().prop_map(Simple::Evaluate),
        3 => option::of(expression()).prop_map(Simple::Return),
        3 => Just(Simple::Break),
        3 => Just(Simple::Continue),
        2 => option::of(expression()).prop_map(Simple::Raise),
        1 => Just(Simple::LongRaise),
        1 => Just(Simple::Reraise),
        1 => (expression(), option::of(expression())).prop_map(|(test, words)| Simple::Assert(test, words)),
        3 => Just(Simple::Suspend),
        1 => Just(Simple::Delegate),
    ]
}

fn statement() -> impl Strategy<Value = Statement> {
    let leaf = vec(simple(), 1..=2).prop_map(Statement::Simple);
    leaf.prop_recursive(4, 24, 4, |inner| {
        let suite = || {
            (any::<bool>(), vec(inner.clone(), 1..=3))
                .prop_map(|(on_header_line, statements)| Suite { on_header_line, statements })
        };
        let maybe = || option::of(suite());
        let pattern = prop_oneof![
            (0..3_u8).prop_map(Pattern::Value),
            Just(Pattern::Alternatives),
            Just(Pattern::Class),
            Just(Pattern::Sequence),
            Just(Pattern::Mapping),
            Just(Pattern::Wildcard),
            Just(Pattern::Capture),
        ];
        prop_oneof![
            3 => vec(simple(), 1..=2).prop_map(Statement::Simple),
            6 => (vec((expression(), suite()), 1..=3), maybe())
                .prop_map(|(branches, otherwise)| Statement::If { branches, otherwise }),
            3 => (option::weighted(0.8, expression()), suite(), maybe())
                .prop_map(|(test, body, otherwise)| Statement::While { test, body, otherwise }),
            3 => (any::<bool>(), expression(), suite(), maybe())
                .prop_map(|(is_async, items, body, otherwise)| Statement::For { is_async, items, body, otherwise }),
            3 => (suite(), vec((0..4_u8, suite()), 0..=2), maybe(), maybe())
                .prop_map(|(body, handlers, otherwise, finally)| Statement::Try { body, handlers, otherwise, finally }),
            1 => (suite(), vec(suite(), 1..=2), maybe())
                .prop_map(|(body, handlers, finally)| Statement::TryStar { body, handlers, finally }),
            2 => (any::<bool>(), vec(0..3_u8, 1..=2), suite())
                .prop_map(|(is_async, managers, body)| Statement::With { is_async, managers, body }),
            2 => (any::<bool>(), vec((pattern, option::of(expression()), suite()), 1..=3))
                .prop_map(|(pair, cases)| Statement::Match { pair, cases }),
            1 => (any::<bool>(), suite())
                .prop_map(|(is_decorated, body)| Statement::Function { is_decorated, body }),
            1 => suite().prop_map(|body| Statement::Class { body }),
        ]
    })
}

pub(super) fn function() -> impl Strategy<Value = Function> {
    let kind = prop_oneof![4 => Just(Kind::Plain), 1 => Just(Kind::Generator), 1 => Just(Kind::Coroutine)];
    (kind, 1..6_u8, any::<u16>(), vec(statement(), 1..=3)).prop_map(|(kind, calls, seed, statements)| {
        Function { kind, calls, seed, body: Suite { on_header_line: false, statements } }
    })
}
