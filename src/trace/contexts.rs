//! Which context belongs to what runs: one for each thread, which a thread that it starts inherits.
//!
//! What a code object has shown is known for one *stamp*: the time between two switches of a thread. At the first event
//! after a switch the code object's state begins anew (`code.rs`). Events are turned off only where they come in vain often
//! (`told.rs`); those that were turned off since the last switch are turned on again at once, in the code objects alone where
//! any was. While threads that may run measured code have different contexts, no event is turned off.
//!
//! Must not know: where contexts come from. Invariant: as long as an event is off, every thread that counts has the context
//! in which it was turned off.

use std::cell::Cell;
use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use pyo3::prelude::*;

use super::code;
use super::forks;
use super::session::Session;
use crate::model::NO_CONTEXT;

/// Whether contexts may change while the program runs. Once they may, they may for ever.
static TRACKING: AtomicBool = AtomicBool::new(false);

/// Whether threads that count have different contexts.
static MIXED: AtomicBool = AtomicBool::new(false);

/// The last stamp that was given.
static LAST_STAMP: AtomicU32 = AtomicU32::new(0);

/// The threads that count, by context: those that recorded something, switched, or were started within a context.
static COUNTED: Mutex<BTreeMap<u32, usize>> = Mutex::new(BTreeMap::new());

/// What contexts are called.
static LABELS: LazyLock<Mutex<Labels>> = LazyLock::new(Mutex::default);

#[derive(Default)]
struct Labels {
    numbers: HashMap<String, u32>,
    /// By number, from 1 on.
    labels: Vec<String>,
}

/// Leaves the count when the thread ends, in whichever way it does.
struct Presence;

impl Drop for Presence {
    fn drop(&mut self) {
        leave(PLACE.get());
    }
}

/// Where a thread stands.
#[derive(Clone, Copy)]
pub(super) struct Place {
    /// The context's number in the journal.
    pub(super) context: u32,
    stamp: u32,
    is_counted: bool,
    /// Whether the context is that of the thread that started this one.
    pub(super) is_inherited: bool,
}

thread_local! {
    /// Set once the thread counts.
    static PRESENCE: Cell<Option<Presence>> = const { Cell::new(None) };
    static PLACE: Cell<Place> =
        const { Cell::new(Place { context: NO_CONTEXT, stamp: 0, is_counted: false, is_inherited: false }) };
}

/// From now on contexts may change. To be called before anything was recorded, or with all events turned on again.
pub(super) fn track() {
    TRACKING.store(true, Ordering::Relaxed);
    // No state is of this stamp yet, so that each code object is taken notice of.
    if LAST_STAMP.load(Ordering::Relaxed) == 0 {
        LAST_STAMP.store(1, Ordering::Relaxed);
    }
}

pub(super) fn are_tracked() -> bool {
    TRACKING.load(Ordering::Relaxed)
}

/// Whether events must stay on, because threads have different contexts.
pub(super) fn are_mixed() -> bool {
    MIXED.load(Ordering::Relaxed)
}

/// Where the calling thread stands.
pub(super) fn place() -> Place {
    PLACE.get()
}

/// What the state of a code object must be of to be told anything in this thread. The thread counts from now on.
pub(super) fn stamp(py: Python<'_>, session: &Session) -> u32 {
    let place = PLACE.get();
    if place.is_counted {
        return place.stamp;
    }
    let place = Place { is_counted: true, stamp: place.stamp.max(1), ..place };
    PLACE.set(place);
    PRESENCE.set(Some(Presence));
    let was_mixed = are_mixed();
    count(None, Some(place.context));
    if !was_mixed && are_mixed() {
        code::turn_on_again(py, session);
    }
    place.stamp
}

/// What the calling thread's context is called; empty for none.
pub(super) fn current() -> String {
    label_of(PLACE.get().context)
}

/// What a context is called; empty for none.
pub(super) fn label_of(context: u32) -> String {
    let Some(place) = (context as usize).checked_sub(1) else { return String::new() };
    let _pass = forks::pass();
    locked(&LABELS).labels.get(place).cloned().unwrap_or_default()
}

/// The process begins in a context that its parent was in.
pub(super) fn start_in(session: &Session, label: &str) {
    track();
    let context = number(session, label);
    take_over(Place { context, stamp: 1, is_counted: true, is_inherited: true });
    count(None, Some(context));
}

/// The number for a label; an empty one stands for no context.
pub(super) fn number(session: &Session, label: &str) -> u32 {
    if label.is_empty() {
        return NO_CONTEXT;
    }
    let _pass = forks::pass();
    let mut labels = locked(&LABELS);
    if let Some(known) = labels.numbers.get(label) {
        return *known;
    }
    let number = session.number_of_context(label);
    labels.numbers.insert(label.to_owned(), number);
    labels.labels.push(label.to_owned());
    number
}

/// The calling thread goes on in another context; tells which one it left.
pub(super) fn switch(py: Python<'_>, session: &Session, context: u32) -> u32 {
    let before = PLACE.get();
    if before.context == context {
        return context;
    }
    let was_mixed = are_mixed();
    let stamp = LAST_STAMP.fetch_add(1, Ordering::Relaxed) + 1;
    PLACE.set(Place { context, stamp, is_counted: true, is_inherited: false });
    session.enter(context);
    if !before.is_counted {
        PRESENCE.set(Some(Presence));
    }
    count(before.is_counted.then_some(before.context), Some(context));
    if !was_mixed {
        code::turn_on_again(py, session);
    }
    before.context
}

/// A thread is about to be started by the calling one; `None` where that is all the same.
pub(super) fn hand_on() -> Option<Place> {
    if !are_tracked() {
        return None;
    }
    let place = PLACE.get();
    // Without a context it counts from its first event on: few threads that a runner starts for itself have one.
    let is_counted = place.context != NO_CONTEXT;
    if is_counted {
        count(None, Some(place.context));
    }
    Some(Place { is_counted, is_inherited: is_counted, ..place })
}

/// The calling thread has just been started, by one that handed this on.
pub(super) fn take_over(place: Place) {
    PLACE.set(place);
    if place.is_counted {
        PRESENCE.set(Some(Presence));
    }
    if let Some(session) = super::session::active() {
        session.enter(place.context);
    }
}

/// A thread has come to its end there, or was never started.
pub(super) fn leave(place: Place) {
    if place.is_counted {
        count(Some(place.context), None);
    }
}

/// Called in a child process right after a fork: it has one thread.
pub(super) fn forked() {
    let place = PLACE.get();
    let mut counted = locked(&COUNTED);
    counted.clear();
    if place.is_counted {
        counted.insert(place.context, 1);
    }
    MIXED.store(false, Ordering::Relaxed);
}

fn count(less: Option<u32>, more: Option<u32>) {
    let _pass = forks::pass();
    let mut counted = locked(&COUNTED);
    if let Some(context) = less
        && let Some(threads) = counted.get_mut(&context)
    {
        *threads -= 1;
        if *threads == 0 {
            counted.remove(&context);
        }
    }
    if let Some(context) = more {
        *counted.entry(context).or_default() += 1;
    }
    MIXED.store(counted.len() > 1, Ordering::Relaxed);
}

fn locked<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}
