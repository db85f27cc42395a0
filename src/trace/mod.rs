//! The hooks that watch a program run.
//!
//! Must not know: the data file's format, reports. Invariant: a callback never raises, never prints, never panics into
//! CPython; a hook that can learn nothing more turns itself off. On internal trouble the session goes quiet and the
//! program runs on.
//!
//! Start reading at [`session`]: what is measured and where it goes. A [`Core`] is a way of getting the events.

mod attached_threads;
mod branches;
mod code;
mod contexts;
mod decisions;
mod evaluations;
mod forks;
mod interpreters;
#[cfg(Py_3_12)]
mod line_watch;
mod module;
mod pthreads;
mod session;
mod settrace;
mod sides;
#[cfg(Py_3_12)]
mod sysmon;
mod test_frames;
mod told;
mod uses;
mod watched_functions;

use pyo3::prelude::*;

use crate::model::{BranchDetail, DynamicContexts};
use code::CodeState;

pub(crate) use branches::take_analyses;
pub(crate) use module::offer as offer_module;
pub(crate) use session::{Session, begin, record_trouble_from_panics};
pub(crate) use uses::watch as watch_uses;

/// Whether each side of a branch has an event of its own, so that all edges are recorded whoever asks (3.14 and newer).
pub(crate) const SIDES_HAVE_EVENTS: bool = cfg!(Py_3_14);

/// Whether evaluations of a decision need not be followed as long as what was seen of it is a tree. Events that rest must then be
/// on again before any thread goes on, which holding the GIL sees to; builds without it follow evaluations from the beginning.
const EVALUATIONS_MAY_REST: bool = !cfg!(Py_GIL_DISABLED);

/// A way of getting events out of CPython.
pub(crate) struct Core {
    /// `--core` and `COVERAGE_CORE`.
    pub(crate) slug: &'static str,
    pub(crate) doc: &'static str,
    /// Whether it tells of branches by offsets in the bytecode; else by lines.
    pub(crate) has_offsets: bool,
    /// Hooks this core into the interpreter, for the session that [`begin`] has set.
    pub(crate) install:
        fn(Python<'_>, branches: Option<BranchDetail>, contexts: DynamicContexts) -> Result<(), TraceError>,
    /// Turns all events of the running interpreter on again.
    restart: fn(Python<'_>) -> PyResult<()>,
    /// Turns events of a code object of the main interpreter on again.
    turn_on_again: fn(&Bound<'_, PyAny>, &CodeState),
}

/// Every core this build has, best first.
pub(crate) static CORES: &[Core] = &[
    #[cfg(Py_3_12)]
    Core {
        slug: "sysmon",
        doc: "sys.monitoring (3.12 and newer): each event turns itself off at its first hit",
        has_offsets: true,
        install: sysmon::install,
        restart: sysmon::restart,
        turn_on_again: sysmon::turn_on_again,
    },
    Core {
        slug: "settrace",
        doc: "PyEval_SetTrace: every line of every call; the core on 3.11, an independent check elsewhere",
        has_offsets: false,
        install: settrace::install,
        restart: settrace::restart,
        // Those of branches' sides, where there are any.
        #[cfg(Py_3_12)]
        turn_on_again: sysmon::turn_on_again,
        #[cfg(not(Py_3_12))]
        turn_on_again: |_, _| (),
    },
];

/// What coverage.py calls its cores, and what stands for them here.
const ALIASES: &[(&str, &str)] = &[("ctrace", "settrace"), ("pytrace", "settrace")];

#[derive(Debug, thiserror::Error)]
pub(crate) enum TraceError {
    #[error("there is no core {wanted:?} in this build: it has {}", slugs())]
    UnknownCore { wanted: String },
    #[error("all of sys.monitoring's tool ids are taken")]
    NoToolId,
    #[error("code objects have no slot left for minicov")]
    NoCodeSlot,
    #[error("the hooks could not be installed: {0}")]
    Python(#[from] PyErr),
}

fn slugs() -> String {
    CORES.iter().map(|core| core.slug).collect::<Vec<_>>().join(", ")
}

/// The core called `wanted`, or the best one.
pub(crate) fn choose(wanted: Option<&str>) -> Result<&'static Core, TraceError> {
    let Some(wanted) = wanted else { return Ok(&CORES[0]) };
    // coverage.py's names come in through its environment variable.
    let slug = ALIASES.iter().find(|(alias, _)| *alias == wanted).map_or(wanted, |(_, slug)| slug);
    CORES
        .iter()
        .find(|core| core.slug == slug)
        .ok_or_else(|| TraceError::UnknownCore { wanted: wanted.to_owned() })
}

/// What the context of the calling thread is called; empty for none.
pub(crate) fn current_context() -> String {
    contexts::current()
}

/// This process begins in a context of its parent's.
pub(crate) fn start_in_context(label: &str) {
    if let Some(session) = session::active() {
        contexts::start_in(session, label);
    }
}
