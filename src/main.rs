//! The executable: everything is in the library, so that tests and benchmarks link the same code.
//!
//! Where std finds the command line without its help (glibc hands it to `.init_array`, std's `sys/args/unix.rs`), `main` is C's.
//! What Rust's own runtime sets up would have to be taken back before a program is measured, and to find the end of the stack it
//! reads `/proc/self/maps`. What is of use of it is done here.
#![cfg_attr(all(target_os = "linux", target_env = "gnu"), no_main)]

#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod c_main {
    #![expect(unsafe_code, reason = "C's main, and libc's functions")]

    use std::ffi::{c_char, c_int};
    use std::panic;

    /// What std's runtime ends a process with that has panicked.
    const PANICKED: u8 = 101;

    /// # Safety
    /// Called by libc alone.
    #[unsafe(no_mangle)]
    #[expect(clippy::disallowed_methods, reason = "this is main, through which exit codes leave")]
    unsafe extern "C" fn main(_: c_int, _: *const *const c_char) -> c_int {
        open_standard_descriptors();
        // A closed pipe is an error to be told, not a reason to die.
        // SAFETY: ignoring needs nothing of ours.
        unsafe { libc::signal(libc::SIGPIPE, libc::SIG_IGN) };
        let code = panic::catch_unwind(minicov::main).unwrap_or(PANICKED);
        // Writes what standard output still holds.
        std::process::exit(code.into())
    }

    /// Has descriptors 0 to 2 stand for something, so that no file of ours is taken for one of them.
    fn open_standard_descriptors() {
        let mut standard = [0, 1, 2].map(|fd| libc::pollfd { fd, events: 0, revents: 0 });
        // SAFETY: three of them.
        let polled = unsafe { libc::poll(standard.as_mut_ptr(), 3, 0) };
        if polled > 0 {
            for _ in standard.iter().filter(|descriptor| descriptor.revents & libc::POLLNVAL != 0) {
                // SAFETY: a C string; takes the lowest number that is free.
                unsafe { libc::open(c"/dev/null".as_ptr(), libc::O_RDWR) };
            }
        }
    }
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn main() -> std::process::ExitCode {
    minicov::main().into()
}
