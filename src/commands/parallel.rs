//! The same work on many things, on all cores.
//!
//! Must not know: what the work is. Invariant: results stand in the order of the things.

use rayon::prelude::*;

/// Fewer things than this are not worth threads.
const FEW: usize = 8;

/// Bytes of stack for each thread: syntax trees of generated code are deep. What is not used is never given.
const STACK: usize = 256 << 20;

/// Does `work` on each of `things`.
pub(super) fn in_parallel<T: Send, R: Send>(things: Vec<T>, work: impl Fn(T) -> R + Sync + Send) -> Vec<R> {
    if things.len() < FEW {
        return things.into_iter().map(work).collect();
    }
    match rayon::ThreadPoolBuilder::new().stack_size(STACK).build() {
        Ok(pool) => pool.install(|| things.into_par_iter().map(work).collect()),
        // Where there can be no threads, one core does.
        Err(_) => things.into_iter().map(work).collect(),
    }
}
