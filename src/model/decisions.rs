//! Boolean expressions of a source file: decisions, their conditions, and what the interpreter's bytecode has of them.
//!
//! A *condition* is an operand that has no `and`, `or` or `not` at its top; a *decision* a whole tree of these operators
//! over conditions. A test of one condition is kept as a decision, too: each condition is to be seen both ways.

use serde::{Deserialize, Serialize};

use super::{CodeKey, LineNo};

/// A range of the source as Python's `ast` counts it: 1-based lines, 0-based columns in bytes of UTF-8, the end exclusive.
/// Sorts by its start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct Place {
    pub(crate) line: LineNo,
    pub(crate) column: u32,
    pub(crate) end_line: LineNo,
    pub(crate) end_column: u32,
}

impl Place {
    /// Whether `other` lies in this range.
    pub(crate) fn contains(&self, other: &Place) -> bool {
        (self.line, self.column) <= (other.line, other.column)
            && (other.end_line, other.end_column) <= (self.end_line, self.end_column)
    }
}

/// What a decision decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Context {
    If,
    While,
    Assert,
    /// The test of a conditional expression.
    IfExp,
    /// An `if` of a comprehension.
    Comp,
    /// The guard of a `case`.
    Guard,
    /// The value of an expression. Its last operand's truth is not tested.
    Value,
}

impl Context {
    /// The word for it in reports.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::If => "if",
            Self::While => "while",
            Self::Assert => "assert",
            Self::IfExp => "ifexp",
            Self::Comp => "comp",
            Self::Guard => "guard",
            Self::Value => "value",
        }
    }
}

/// A node of the tree of a decision. Numbers are places in [`Decision::nodes`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Node {
    /// The number of a condition.
    Condition(u32),
    Not(u32),
    And(Vec<u32>),
    Or(Vec<u32>),
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Condition {
    pub(crate) place: Place,
    /// As it stands in the source.
    pub(crate) text: String,
    /// Its truth where that is known without running it. It is no obligation then.
    pub(crate) constant: Option<bool>,
    /// The first condition of the decision that is the same expression, where nothing in between could change its value.
    pub(crate) same_as: Option<u32>,
    /// Of a chained comparison that is one condition: how many comparisons it has. 0 for all others.
    pub(crate) comparisons: u32,
}

impl Condition {
    /// How many conditions it is where chained comparisons are several.
    pub(crate) fn width(&self) -> usize {
        self.comparisons.max(1) as usize
    }
}

/// What a chained comparison (`a < b < c`) is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum ChainedComparisons {
    /// One condition.
    #[default]
    Whole,
    /// A condition for each comparison, with `and` between them.
    Split,
}

/// A boolean expression.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Decision {
    pub(crate) place: Place,
    pub(crate) context: Context,
    /// In the order of the source, which is that of evaluation.
    pub(crate) conditions: Vec<Condition>,
    /// Operands before their operators; the last is the whole.
    pub(crate) nodes: Vec<Node>,
    /// Nodes that are chained comparisons and several conditions, ascending: each with its text.
    pub(crate) chains: Vec<(u32, String)>,
}

/// How conditions are found in bytecode: what each range in a code object's location table means. Lives as long as the
/// analysis.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct DecisionMap {
    /// Ascending by place. Those that stand for the arms of conditional expressions only are among them.
    pub(crate) decisions: Vec<MappedDecision>,
    pub(crate) anchors: Vec<Anchor>,
}

impl DecisionMap {
    /// The same in the order of places.
    #[must_use]
    pub(crate) fn sorted(self) -> Self {
        let Self { mut decisions, mut anchors } = self;
        let mut order: Vec<usize> = (0..decisions.len()).collect();
        order.sort_by_key(|index| decisions[*index].decision.place);
        let mut places = vec![0_u32; decisions.len()];
        for (place, index) in order.iter().enumerate() {
            places[*index] = place as u32;
        }
        for anchor in &mut anchors {
            anchor.decision = places[anchor.decision as usize];
        }
        for mapped in &mut decisions {
            let outer = mapped.outer.iter_mut();
            let arms = mapped.constant_arms.iter_mut().map(|arm| &mut arm.condition);
            for (decision, _) in outer.chain(arms) {
                *decision = places[*decision as usize];
            }
        }
        decisions.sort_by_key(|mapped| mapped.decision.place);
        Self { decisions, anchors }
    }
}

/// A decision on its way to the bytecode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MappedDecision {
    pub(crate) decision: Decision,
    /// The condition (decision, node) whose truth this expression's truth is: it is an arm of a conditional expression.
    pub(crate) outer: Option<(u32, u32)>,
    /// Of the test of a conditional expression that is a condition: its constant arms.
    pub(crate) constant_arms: Vec<ConstantArm>,
}

impl MappedDecision {
    /// Whether it is no decision in anybody's eyes: a lone `not` in an arm.
    pub(crate) fn is_auxiliary(&self) -> bool {
        self.decision.context == Context::Value && self.decision.conditions.len() < 2
    }
}

/// An arm of a conditional expression that is a condition, of which nothing tests the truth: it follows from the test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ConstantArm {
    /// The outcome of the test that leads to it.
    pub(crate) when: bool,
    /// The condition (decision, node).
    pub(crate) condition: (u32, u32),
    /// Its truth then.
    pub(crate) truth: bool,
}

/// A range that tells which node an instruction belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Anchor {
    pub(crate) place: Place,
    pub(crate) decision: u32,
    pub(crate) node: u32,
    pub(crate) kind: AnchorKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AnchorKind {
    /// The instruction that makes the node's value has this range.
    Value,
    /// As `Value`, for a comparison by `in` or `is` (`negated`: by `not in` or `is not`).
    Membership { negated: bool },
    /// The instruction that makes the node's value ends where this range does: a method call over several lines.
    End,
    /// The operand of a comparison with None, which the jump itself makes.
    NoneOperand { negated: bool },
    /// A jump with this range, right behind the loading of its operand, tests the node.
    Jump,
}

impl AnchorKind {
    pub(crate) fn is_membership(self) -> bool {
        matches!(self, Self::Membership { .. })
    }
}

/// What reports need to know of a file's decisions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Decisions {
    /// Ascending by place.
    pub(crate) decisions: Vec<MeasuredDecision>,
    /// The code objects that the tests refer to.
    pub(crate) codes: Vec<CodeKey>,
}

/// A decision and where it can be observed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct MeasuredDecision {
    pub(crate) decision: Decision,
    pub(crate) measurability: Measurability,
    /// The jumps that test its conditions.
    pub(crate) tests: Vec<Test>,
    /// By condition: whether the compiler left it out, because it is constant or can't be reached.
    pub(crate) folded: Vec<bool>,
}

/// How the evaluations of a decision become known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Measurability {
    /// The edges taken name the paths: the short-circuit graph is a tree.
    Edges,
    /// Some condition can be reached in two ways: whole evaluations must be recorded.
    Vectors,
    /// Not at all, and why.
    No(String),
}

/// A jump that tests a condition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Test {
    /// Place in [`Decisions::codes`].
    pub(crate) code: u32,
    pub(crate) jump: Jump,
    pub(crate) condition: u32,
    /// The condition's truth when control goes on and when it jumps; none where that says nothing.
    pub(crate) truths: [Option<bool>; 2],
}

/// A conditional jump of a code object; offsets in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Jump {
    pub(crate) start: u32,
    /// Where control goes on.
    pub(crate) next: u32,
    /// Where it jumps.
    pub(crate) target: u32,
}

impl Jump {
    /// Whether an edge from this jump is its jumping side. A destination may lie a little behind the side's own offset, past
    /// instructions that do nothing.
    pub(crate) fn is_jumping_side(&self, to: u32) -> bool {
        if self.target >= self.next { to >= self.target } else { to < self.next }
    }
}

/// A truth as it is stored: 0 for none, 1 for false, 2 for true.
fn truth_byte(truth: Option<bool>) -> u8 {
    match truth {
        None => 0,
        Some(false) => 1,
        Some(true) => 2,
    }
}

/// Whether [`truth_byte`] makes such a byte.
fn is_truth(byte: u8) -> bool {
    byte <= 2
}

/// A truth as [`truth_byte`] stored it.
fn truth_of_byte(byte: u8) -> Option<bool> {
    (byte > 0).then_some(byte > 1)
}

/// One evaluation of a decision.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Vector {
    /// By condition: its truth; none where it was not evaluated, or where nothing tested it.
    pub(crate) truths: Vec<Option<bool>>,
    /// The decision's truth; none where it is that of the last operand, which nothing tested.
    pub(crate) outcome: Option<bool>,
}

impl Vector {
    /// A byte for each condition, and one for the outcome.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        self.truths.iter().chain([&self.outcome]).copied().map(truth_byte).collect()
    }

    /// What [`to_bytes`](Self::to_bytes) made; none where it did not.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (outcome, truths) = bytes.split_last().filter(|_| bytes.iter().copied().all(is_truth))?;
        let truths = truths.iter().copied().map(truth_of_byte).collect();
        Some(Self { truths, outcome: truth_of_byte(*outcome) })
    }
}
