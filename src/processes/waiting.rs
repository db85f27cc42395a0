//! Standing in for a program that runs in a process of its own: whoever waits for us, or sends us a signal, means it.
//!
//! Invariant: a signal that another process sends goes on to the program, once; one from the terminal reaches it anyway. The
//! program's end becomes ours.
#![expect(unsafe_code, reason = "signals are waited for and sent on")]

use std::io;
use std::mem::MaybeUninit;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus};
use std::ptr;

/// What ends or stirs a program; those of job control keep their usual effect on us.
const SENT_ON: [i32; 6] =
    [libc::SIGINT, libc::SIGTERM, libc::SIGHUP, libc::SIGQUIT, libc::SIGUSR1, libc::SIGUSR2];

/// Runs a program to its end, with the signals that this process gets meanwhile.
pub(crate) fn run_to_end(command: &mut Command) -> io::Result<ExitStatus> {
    let awaited = signals(SENT_ON.iter().chain([&libc::SIGCHLD]));
    let mut before = MaybeUninit::zeroed();
    // SAFETY: both sets are valid for the call; this process has one thread.
    unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, &raw const awaited, before.as_mut_ptr()) };
    // SAFETY: a zeroed set is valid, and so is the one that was written.
    let before = unsafe { before.assume_init() };
    let unblock = move || {
        // SAFETY: the set is valid for the call, which may be made between fork and exec.
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &raw const before, ptr::null_mut()) };
        Ok(())
    };
    // SAFETY: the closure makes one system call and nothing else.
    unsafe { command.pre_exec(unblock) };
    let ended = command.spawn().and_then(|mut child| wait(&mut child, &awaited));
    // SAFETY: as above.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &raw const before, ptr::null_mut()) };
    ended
}

fn wait(child: &mut Child, awaited: &libc::sigset_t) -> io::Result<ExitStatus> {
    let process = libc::pid_t::try_from(child.id()).map_err(io::Error::other)?;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        let mut told = MaybeUninit::<libc::siginfo_t>::zeroed();
        // SAFETY: both pointers are valid for the call.
        let signal = unsafe { libc::sigwaitinfo(awaited, told.as_mut_ptr()) };
        // SAFETY: a zeroed siginfo_t is valid, and so is one that was written.
        let told = unsafe { told.assume_init() };
        if SENT_ON.contains(&signal) && told.si_code <= 0 {
            // SAFETY: the child has not been waited for, so that its number is still its own.
            unsafe { libc::kill(process, signal) };
        }
    }
}

/// Ends this process by the signal that ended the program, if one did.
pub(crate) fn die_alike(status: ExitStatus) {
    if let Some(signal) = status.signal() {
        // SAFETY: the default action needs nothing of ours.
        unsafe { libc::signal(signal, libc::SIG_DFL) };
        let set = signals([signal].iter());
        // SAFETY: the set is valid for the call.
        unsafe { libc::pthread_sigmask(libc::SIG_UNBLOCK, &raw const set, ptr::null_mut()) };
        // SAFETY: ends the process, or does nothing.
        unsafe { libc::raise(signal) };
    }
}

fn signals<'a>(numbers: impl Iterator<Item = &'a i32>) -> libc::sigset_t {
    let mut set = MaybeUninit::zeroed();
    // SAFETY: writes the set that the pointer is valid for.
    unsafe { libc::sigemptyset(set.as_mut_ptr()) };
    // SAFETY: written by the call above.
    let mut set = unsafe { set.assume_init() };
    for number in numbers {
        // SAFETY: a valid set.
        unsafe { libc::sigaddset(&raw mut set, *number) };
    }
    set
}
