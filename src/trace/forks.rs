//! Keeping what the tracer shares between threads whole across `fork`, from whichever thread it comes.
//!
//! A child has only the thread that forked: a lock that another one held would stay locked there for ever. So whoever
//! records passes a gate, and the gate is closed while the process forks (`pthread_atfork`).
//!
//! Must not know: what is recorded. Invariant: while the gate is closed no thread holds a lock of the tracer's; nobody
//! passes the gate twice at a time.
#![expect(unsafe_code, reason = "fork handlers are raw C functions")]

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Once, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard, TryLockError};
use std::thread;
use std::time::{Duration, Instant};

use super::session::Session;

static GATE: RwLock<()> = RwLock::new(());

/// Threads that are closing the gate, so that others let them.
static CLOSING: AtomicUsize = AtomicUsize::new(0);

/// Recording takes microseconds; whoever waits longer has interrupted itself: a signal handler that forks.
const PATIENCE: Duration = Duration::from_millis(200);

/// Set in a child that was forked with the gate open.
static BROKEN: AtomicBool = AtomicBool::new(false);

thread_local! {
    /// The closed gate, in the thread that forks.
    static CLOSED: Cell<Option<RwLockWriteGuard<'static, ()>>> = const { Cell::new(None) };
}

/// Passes the gate, for as long as the result lives.
pub(super) fn pass() -> RwLockReadGuard<'static, ()> {
    while CLOSING.load(Ordering::Relaxed) != 0 {
        thread::yield_now();
    }
    GATE.read().unwrap_or_else(PoisonError::into_inner)
}

/// Whether locks of the tracer's may be locked for ever in this process.
pub(super) fn is_broken() -> bool {
    BROKEN.load(Ordering::Relaxed)
}

/// From now on forks leave the tracer whole.
pub(super) fn watch() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // SAFETY: the handlers are functions of this program, which stay; without memory for them, nothing changes.
        unsafe { libc::pthread_atfork(Some(before), Some(in_parent), Some(in_child)) };
    });
}

unsafe extern "C" fn before() {
    CLOSING.fetch_add(1, Ordering::Relaxed);
    let end = Instant::now() + PATIENCE;
    let guard = loop {
        match GATE.try_write() {
            Ok(guard) => break Some(guard),
            Err(TryLockError::Poisoned(poisoned)) => break Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) if Instant::now() >= end => break None,
            Err(TryLockError::WouldBlock) => thread::yield_now(),
        }
    };
    let _ = CLOSED.try_with(|closed| closed.set(guard));
}

unsafe extern "C" fn in_parent() {
    let _ = CLOSED.try_with(Cell::take);
    CLOSING.fetch_sub(1, Ordering::Relaxed);
}

unsafe extern "C" fn in_child() {
    // Threads that were closing the gate, too, are not in this process.
    CLOSING.store(0, Ordering::Relaxed);
    if CLOSED.try_with(Cell::take).ok().flatten().is_some() {
        Session::forked();
    } else {
        BROKEN.store(true, Ordering::Relaxed);
        Session::forked_in_the_middle();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// Without the gate a child finds the lock held by a thread that it does not have, in most of these forks.
    #[test]
    fn a_child_never_inherits_a_lock_that_somebody_holds() {
        static LOCK: Mutex<()> = Mutex::new(());
        watch();
        let (going_on, rounds) = (AtomicBool::new(true), AtomicUsize::new(0));
        thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    while going_on.load(Ordering::Relaxed) {
                        let _pass = pass();
                        let _held = LOCK.lock();
                        rounds.fetch_add(1, Ordering::Relaxed);
                        thread::yield_now();
                    }
                });
            }
            let mut stuck = 0;
            for _ in 0..200 {
                // SAFETY: the child tries one lock and ends, without allocating.
                let child = unsafe { libc::fork() };
                if child == 0 {
                    let status = i32::from(LOCK.try_lock().is_err());
                    // SAFETY: ends the child without running anything else.
                    unsafe { libc::_exit(status) };
                }
                let mut status = 0;
                // SAFETY: waits for the child made above.
                let waited = unsafe { libc::waitpid(child, &raw mut status, 0) };
                assert_eq!(waited, child);
                stuck += usize::from(status != 0);
            }
            going_on.store(false, Ordering::Relaxed);
            assert!(rounds.load(Ordering::Relaxed) > 0);
            assert_eq!(stuck, 0);
        });
    }
}
