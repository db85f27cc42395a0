//! The plain data every layer shares: lines, code shapes, facts, observations and totals.
//!
//! Must not know: Python objects, SQLite, files, terminals. Nothing here does I/O and nothing here fails.
//! Invariant: everything is ordered or sorts, so that two runs over the same input give the same output.

mod blocks;
mod branches;
mod code;
mod contexts;
mod decisions;
mod dependencies;
mod facts;
mod layout;
mod lines;
mod observed;
mod short_circuit;
mod sorted_set;
mod totals;

pub(crate) use blocks::{Block, Fingerprint, ImportName, MODULE_BLOCK, SourceBlocks, TextUse};
pub(crate) use branches::{Action, ArcEnd, Branches, Cause, LineArc, Reason, Rewrite};
pub(crate) use code::CodeShape;
pub(crate) use contexts::{DynamicContexts, NO_CONTEXT};
pub(crate) use decisions::{
    Anchor, AnchorKind, Condition, ConstantArm, Context, Decision, DecisionMap, Decisions, Jump,
    MappedDecision, Measurability, MeasuredDecision, Node, Place, Test, Vector,
};
pub(crate) use dependencies::{ABSENT, Dependency, DependencyKind, DependencySet, TestNeeds, UNKNOWN, Use};
pub(crate) use facts::{Facts, FirstLines, Justification, Region, RegionKind};
pub(crate) use layout::{BlockLayout, Layout, Moves, NodeLines};
pub(crate) use lines::{LineNo, LineSet, MAX_LINE};
pub(crate) use observed::{
    BranchDetail, CodeKey, ContextNames, Edge, FileStamp, Journal, JournalError, MeasuredFile, Observed,
    SourceHash,
};
pub(crate) use short_circuit::{Next, ShortCircuit};
pub(crate) use sorted_set::SortedSet;
pub(crate) use totals::Totals;
