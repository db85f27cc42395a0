//! A segment of a journal file in memory, shared with the kernel's page cache: what is stored here survives the death of
//! the process.
//!
//! Besides, two pages that are about processes: one that all share, and one that says whether this is still the same one.
//!
//! Must not know: records. Invariant: a segment's blocks were allocated before it was mapped, so storing into it cannot
//! fail for want of disk space (which would be a SIGBUS in the measured program); and a limit on the size of files is
//! asked for before it is met (which would be a SIGXFSZ).
#![expect(
    unsafe_code,
    reason = "a shared mapping is raw memory; this file is the only place that touches it"
)]

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::{FallocateFlags, fallocate, fstatfs};
use rustix::io::{Errno, retry_on_intr};
use rustix::mm::{Advice, MapFlags, ProtFlags, madvise, mmap, mmap_anonymous, munmap};
use rustix::process::{Pid, Resource, getpid, getrlimit};

/// `length` bytes of a file, writable. Offsets and lengths are multiples of 8.
pub(super) struct Segment {
    start: *mut u8,
    length: usize,
}

// SAFETY: a segment owns its pages, and all storing into them goes through `&mut self`.
unsafe impl Send for Segment {}

impl Segment {
    /// Allocates and maps `length` bytes of `file` from `offset` on, both multiples of the page size.
    pub(super) fn map(file: &File, offset: u64, length: usize) -> io::Result<Self> {
        allocate(file, offset, length)?;
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

    /// The bytes as they stand.
    pub(super) fn bytes(&self) -> &[u8] {
        // SAFETY: the mapping is valid for its length and initialised (by zeros at first); nobody stores while `self` is
        // borrowed, and no other process writes to a journal that is not its own.
        unsafe { std::slice::from_raw_parts(self.start, self.length) }
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

/// A page of anonymous memory that begins with a number.
struct Page(*mut u8);

// SAFETY: the pointer is to one number, which is only ever used atomically.
unsafe impl Send for Page {}
// SAFETY: as above.
unsafe impl Sync for Page {}

impl Page {
    /// A page is what the kernel gives at least.
    const LENGTH: usize = 4096;

    fn map(flags: MapFlags) -> io::Result<Self> {
        // SAFETY: a fresh mapping at an address of the kernel's choosing aliases nothing of ours.
        let start = unsafe {
            mmap_anonymous(std::ptr::null_mut(), Self::LENGTH, ProtFlags::READ | ProtFlags::WRITE, flags)
        }?;
        Ok(Self(start.cast()))
    }

    fn number(&self) -> &AtomicU64 {
        // SAFETY: aligned to a page, mapped as long as `self`, zero at first, and only ever used atomically.
        unsafe { AtomicU64::from_ptr(self.0.cast()) }
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        // SAFETY: the mapping is ours, of this length, and nothing refers to it after the drop.
        let unmapped = unsafe { munmap(self.0.cast(), Self::LENGTH) };
        debug_assert!(unmapped.is_ok(), "munmap: {unmapped:?}");
    }
}

/// A number that a process shares with those it forks.
pub(super) struct SharedCounter(Page);

impl SharedCounter {
    pub(super) fn new() -> io::Result<Self> {
        Page::map(MapFlags::SHARED).map(Self)
    }

    pub(super) fn add_one(&self) {
        self.0.number().fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn get(&self) -> u64 {
        self.0.number().load(Ordering::Relaxed)
    }
}

/// Tells a process from those it forks, however they are forked (`clone` without the handlers of `pthread_atfork`, too), at
/// the price of a load. What shares the memory (`vfork`) counts as the same process.
pub(super) enum ForkMark {
    /// A page that the kernel wipes in a forked process (Linux 4.14, `MADV_WIPEONFORK`).
    Wiped(WipedPage),
    /// The process that made the mark.
    Process(Pid),
}

impl ForkMark {
    pub(super) fn new() -> Self {
        WipedPage::new().map_or_else(|_| Self::Process(getpid()), Self::Wiped)
    }

    /// Whether the mark was made in this process.
    pub(super) fn is_ours(&self) -> bool {
        match self {
            Self::Wiped(page) => page.0.number().load(Ordering::Relaxed) != 0,
            Self::Process(process) => *process == getpid(),
        }
    }
}

/// A private page with a number in it, which a forked process finds to be zero.
pub(super) struct WipedPage(Page);

impl WipedPage {
    fn new() -> io::Result<Self> {
        let page = Page::map(MapFlags::PRIVATE)?;
        // SAFETY: the page is ours, and nothing but its number counts on what is in it.
        unsafe { madvise(page.0.cast(), Page::LENGTH, Advice::LinuxWipeOnFork) }?;
        page.number().store(1, Ordering::Relaxed);
        Ok(Self(page))
    }
}

/// Gives a file blocks for `length` bytes from `offset` on, which read as zeros.
fn allocate(file: &File, offset: u64, length: usize) -> io::Result<()> {
    let end = offset + length as u64;
    if getrlimit(Resource::Fsize).current.is_some_and(|limit| end > limit) {
        return Err(Errno::FBIG.into());
    }
    if length <= SHORT && reserves_what_is_written(file) {
        return fill_with_zeros(file, offset, end);
    }
    match retry_on_intr(|| fallocate(file, FallocateFlags::empty(), offset, length as u64)) {
        // Some file systems (NFS before 4.2, many in user space) cannot; writing allocates there, too.
        Err(Errno::OPNOTSUPP | Errno::NOSYS) => fill_with_zeros(file, offset, end),
        result => Ok(result?),
    }
}

/// The most bytes that are sooner written than allocated.
const SHORT: usize = 64 * 1024;

/// Whether the file system (ext2 to ext4) sets blocks aside for what is written, and looks for them only when that goes to the
/// disk: most journals are gone before. To find blocks at once, and give them back, takes twice as long as all else that is
/// done to such a journal (Linux, `Documentation/filesystems/ext4/`, `delalloc`).
fn reserves_what_is_written(file: &File) -> bool {
    // `EXT4_SUPER_MAGIC` (`linux/magic.h`), which is that of ext2 and ext3, too.
    fstatfs(file).is_ok_and(|system| system.f_type == 0xef53)
}

fn fill_with_zeros(file: &File, mut offset: u64, end: u64) -> io::Result<()> {
    static ZEROS: [u8; 16 * 1024] = [0; 16 * 1024];
    while offset < end {
        let length = ZEROS.len().min(usize::try_from(end - offset).unwrap_or(usize::MAX));
        file.write_all_at(&ZEROS[..length], offset)?;
        offset += length as u64;
    }
    Ok(())
}

impl Drop for Segment {
    fn drop(&mut self) {
        // SAFETY: the mapping is ours, of this length, and nothing refers to it after the drop.
        let unmapped = unsafe { munmap(self.start.cast(), self.length) };
        debug_assert!(unmapped.is_ok(), "munmap: {unmapped:?}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forked_process_has_no_mark() {
        let mark = ForkMark::new();
        assert!(mark.is_ours());
        // SAFETY: as `fork`, without the handlers that libc calls; the child looks at a number and ends.
        let child = unsafe { libc::syscall(libc::SYS_clone, libc::SIGCHLD, 0, 0, 0, 0) };
        if child == 0 {
            // SAFETY: ends the child without running anything else.
            unsafe { libc::_exit(i32::from(mark.is_ours())) };
        }
        let mut status = 1;
        // SAFETY: waits for the child made above.
        let waited = unsafe { libc::waitpid(child as libc::pid_t, &raw mut status, 0) };
        assert_eq!((i64::from(waited), status), (child, 0));
        assert!(mark.is_ours());
    }

    #[test]
    fn without_fallocate_blocks_are_written() {
        let file = tempfile::tempfile().unwrap();
        file.write_all_at(b"kept", 0).unwrap();
        fill_with_zeros(&file, 4096, 4096 + 10_000).unwrap();
        let mut bytes = vec![1; 4096 + 10_000];
        file.read_exact_at(&mut bytes, 0).unwrap();
        assert_eq!(file.metadata().unwrap().len(), bytes.len() as u64);
        assert_eq!(&bytes[..4], b"kept");
        assert!(bytes[4..].iter().all(|byte| *byte == 0));
        assert!(std::os::unix::fs::MetadataExt::blocks(&file.metadata().unwrap()) * 512 >= 10_000);
    }
}
