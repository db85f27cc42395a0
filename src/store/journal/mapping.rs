//! A segment of a journal file in memory, shared with the kernel's page cache: what is stored here survives the death of
//! the process.
//!
//! Must not know: records. Invariant: a segment's blocks were allocated before it was mapped, so storing into it cannot
//! fail for want of disk space (which would be a SIGBUS in the measured program).
#![expect(
    unsafe_code,
    reason = "a shared mapping is raw memory; this file is the only place that touches it"
)]

use std::fs::File;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::{FallocateFlags, fallocate};
use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};

/// `length` bytes of a file, writable. Offsets and lengths are multiples of 8.
pub(super) struct Segment {
    start: *mut u8,
    length: usize,
}

// SAFETY: a segment owns its pages, and all access to them goes through `&mut self`.
unsafe impl Send for Segment {}

impl Segment {
    /// Allocates and maps `length` bytes of `file` from `offset` on, both multiples of the page size.
    pub(super) fn map(file: &File, offset: u64, length: usize) -> io::Result<Self> {
        fallocate(file, FallocateFlags::empty(), offset, length as u64)?;
        // SAFETY: a fresh mapping at an address of the kernel's choosing aliases nothing of ours.
        let start = unsafe {
            mmap(
                std::ptr::null_mut(),
                length,
                ProtFlags::READ | ProtFlags::WRITE,
                MapFlags::SHARED,
                file,
                offset,
            )
        }?;
        Ok(Self { start: start.cast(), length })
    }

    pub(super) fn len(&self) -> usize {
        self.length
    }

    /// Stores bytes that no reader looks at before the next [`publish`](Self::publish) in front of them.
    pub(super) fn store(&mut self, at: usize, bytes: &[u8]) {
        assert!(at + bytes.len() <= self.length, "a record reaches past its segment");
        // SAFETY: the bound was checked, so the result stays inside the mapping.
        let target = unsafe { self.start.add(at) };
        // SAFETY: source and target are valid for `bytes.len()` bytes and cannot overlap.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), target, bytes.len()) };
    }

    /// Stores 8 bytes at once, after everything stored before.
    pub(super) fn publish(&mut self, at: usize, value: u64) {
        assert!(at.is_multiple_of(8) && at + 8 <= self.length, "a record header reaches past its segment");
        // SAFETY: the bound was checked, so the result stays inside the mapping.
        let target = unsafe { self.start.add(at) };
        // SAFETY: aligned to 8 (pages are, and so is `at`), inside the mapping, and only ever used atomically here.
        let target = unsafe { AtomicU64::from_ptr(target.cast()) };
        target.store(value.to_le(), Ordering::Release);
    }
}

impl Drop for Segment {
    fn drop(&mut self) {
        // SAFETY: the mapping is ours, of this length, and nothing refers to it after the drop.
        let unmapped = unsafe { munmap(self.start.cast(), self.length) };
        debug_assert!(unmapped.is_ok(), "munmap: {unmapped:?}");
    }
}
