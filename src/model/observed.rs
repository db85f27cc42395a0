//! What was seen while programs ran, by kind of event and never by metric (DESIGN idea 5), and the one interface through
//! which a tracer hands it on.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{CodeShape, LineArc, LineNo, LineSet, Place, Use, Vector};

/// SHA-256 of a source file's bytes.
pub(crate) type SourceHash = [u8; 32];

/// A file's modification time and size when its code first ran: tells at merge time whether the text is still the one
/// that ran.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct FileStamp {
    /// Nanoseconds since the epoch.
    pub(crate) modified: i64,
    /// Bytes.
    pub(crate) size: u64,
    /// Hash of the text, where the time is so recent that the text could be replaced without a change to it.
    pub(crate) text: Option<SourceHash>,
}

/// Names of contexts, ascending: shared, because few of them stand at many things.
pub(crate) type ContextNames = BTreeSet<Arc<str>>;

/// What was seen of one file, as read back from the data file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct MeasuredFile {
    /// Hash of the source text that ran, where minicov recorded the data.
    pub(crate) source: Option<SourceHash>,
    /// Lines that ran, in any selected context; raw, not yet first lines.
    pub(crate) lines: LineSet,
    /// Steps between lines that were taken, as recorded: raw, self-arcs included. Empty where only lines were recorded.
    pub(crate) arcs: BTreeSet<LineArc>,
    /// Edges taken in its code objects.
    pub(crate) edges: BTreeMap<CodeKey, BTreeSet<Edge>>,
    /// Evaluations of decisions, by the range of the decision: those that edges don't tell.
    pub(crate) vectors: BTreeMap<Place, BTreeSet<Vector>>,
    /// Whether every edge was recorded in some run.
    pub(crate) has_edges: bool,
    /// Whether evaluations were recorded in any run.
    pub(crate) has_vectors: bool,
    /// The same lines by context, where that was asked for.
    pub(crate) contexts: BTreeMap<String, LineSet>,
    /// The same arcs by context, where that was asked for.
    pub(crate) context_arcs: BTreeMap<String, BTreeSet<LineArc>>,
    /// In which contexts each edge was taken, where that was asked for.
    pub(crate) edge_contexts: BTreeMap<CodeKey, BTreeMap<Edge, ContextNames>>,
    /// In which contexts each evaluation was recorded, where that was asked for.
    pub(crate) vector_contexts: BTreeMap<Place, BTreeMap<Vector, ContextNames>>,
}

impl MeasuredFile {
    /// Adds what was seen of the same file under another name.
    pub(crate) fn unite(&mut self, other: Self) {
        let Self {
            source,
            lines,
            arcs,
            edges,
            vectors,
            has_edges,
            has_vectors,
            contexts,
            context_arcs,
            edge_contexts,
            vector_contexts,
        } = other;
        self.source = self.source.or(source);
        self.lines.union_with(&lines);
        self.arcs.extend(arcs);
        for (context, lines) in contexts {
            self.contexts.entry(context).or_default().union_with(&lines);
        }
        for (context, arcs) in context_arcs {
            self.context_arcs.entry(context).or_default().extend(arcs);
        }
        for (code, edges) in edges {
            self.edges.entry(code).or_default().extend(edges);
        }
        for (place, vectors) in vectors {
            self.vectors.entry(place).or_default().extend(vectors);
        }
        for (code, edges) in edge_contexts {
            let ours = self.edge_contexts.entry(code).or_default();
            for (edge, names) in edges {
                ours.entry(edge).or_default().extend(names);
            }
        }
        for (place, vectors) in vector_contexts {
            let ours = self.vector_contexts.entry(place).or_default();
            for (vector, names) in vectors {
                ours.entry(vector).or_default().extend(names);
            }
        }
        self.has_edges |= has_edges;
        self.has_vectors |= has_vectors;
    }
}

/// Control passing inside a code object: byte offsets in `co_code`. Sorts by `from`, then `to`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Edge {
    /// The jump.
    pub(crate) from: u32,
    /// Where control went; [`Edge::EXIT`] for out of the code object.
    pub(crate) to: u32,
}

impl Edge {
    /// The destination of an edge that leaves its code object.
    pub(crate) const EXIT: u32 = u32::MAX;
}

/// How closely branches are watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum BranchDetail {
    /// As far as it tells of steps between lines: a branch within a line may be given up when one side of it was seen.
    Steps,
    /// Each side of each branch, for metrics finer than lines.
    Sides,
}

/// Which code object of a file: enough to find it again among those that the same text compiles to.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct CodeKey {
    /// `co_qualname`.
    pub(crate) qualname: String,
    /// `co_firstlineno`.
    pub(crate) first_line: i32,
    /// The first 16 bytes of the SHA-256 over `co_code`, `co_linetable` and `co_exceptiontable`: another compiler, or a
    /// rewritten syntax tree, makes another code object of the same text.
    pub(crate) fingerprint: [u8; 16],
}

impl CodeKey {
    pub(crate) fn of(shape: &CodeShape) -> Self {
        let CodeShape { qualname, first_line, code, line_table, exception_table, .. } = shape;
        let mut digest = Sha256::new();
        for part in [code, line_table, exception_table] {
            digest.update(part);
        }
        let mut fingerprint = [0; 16];
        fingerprint.copy_from_slice(&digest.finalize()[..16]);
        Self { qualname: qualname.clone(), first_line: *first_line, fingerprint }
    }
}

/// Everything a data file holds that reports need: files by absolute path.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Observed {
    pub(crate) files: BTreeMap<String, MeasuredFile>,
    /// Whether steps between lines were recorded, so that branches can be judged.
    pub(crate) has_arcs: bool,
}

/// Why a journal takes no more records.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub(crate) struct JournalError(pub(crate) String);

/// Where a tracer puts what it sees. Every call is first-hit work: the tracer never reports the same thing twice within
/// a context. A record is safe from SIGKILL once the call has returned.
pub(crate) trait Journal: Send + Sync {
    /// States a source file; the number stands for it in later records.
    fn file(&self, path: &Path, stamp: FileStamp) -> Result<u32, JournalError>;

    /// `line` of `file` ran.
    fn line(&self, file: u32, line: LineNo) -> Result<(), JournalError>;

    /// A module of a package that was asked for by name ran.
    fn package(&self, name: &str) -> Result<(), JournalError>;

    /// States a code object of `file` (without those nested in it); the number stands for it in later records.
    fn code(&self, file: u32, shape: CodeShape) -> Result<u32, JournalError>;

    /// Control passed along `edge` in `code`.
    fn edge(&self, code: u32, edge: Edge) -> Result<(), JournalError>;

    /// The decision at `place` in `file` was evaluated like this.
    fn vector(&self, file: u32, place: Place, vector: &Vector) -> Result<(), JournalError>;

    /// Something besides code was used in this thread's context.
    fn used(&self, used: &Use) -> Result<(), JournalError>;

    /// What the context of that number has set up was used in this thread's.
    fn inherited(&self, context: u32) -> Result<(), JournalError>;

    /// Control passed from line to line of `file`, as a tracer without offsets sees it.
    fn arc(&self, file: u32, arc: LineArc) -> Result<(), JournalError>;

    /// Gives a number, never [`NO_CONTEXT`](super::NO_CONTEXT), to a context that follows the program.
    fn context(&self, label: &str) -> u32;

    /// From now on what the calling thread records belongs to the context with this number.
    fn enter(&self, context: u32);

    /// Called in a child process right after a fork: gives up what belongs to the parent. The child's next record goes
    /// to a place of its own. May be left out (a child by `clone`): it only frees what the parent needs sooner.
    fn forked(&self);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_tells_code_objects_apart() {
        let shape = CodeShape {
            qualname: "A.f".into(),
            first_line: 3,
            code: b"a".to_vec(),
            line_table: b"b".to_vec(),
            exception_table: b"c".to_vec(),
            ..CodeShape::default()
        };
        let key = CodeKey::of(&shape);
        // SHA-256 of "abc".
        assert_eq!(key.fingerprint[..4], [0xba, 0x78, 0x16, 0xbf]);
        assert_eq!((key.qualname.as_str(), key.first_line), ("A.f", 3));
        // What is nested in it has keys of its own.
        assert_eq!(CodeKey::of(&CodeShape { children: vec![CodeShape::default()], ..shape.clone() }), key);
        for other in [
            CodeShape { qualname: "f".into(), ..shape.clone() },
            CodeShape { first_line: 4, ..shape.clone() },
            CodeShape { exception_table: Vec::new(), ..shape },
        ] {
            assert_ne!(CodeKey::of(&other), key);
        }
    }
}
