//! Threads take the context over from the thread that starts them: `pthread_create` as everybody in this process calls it. The
//! dynamic loader looks for a function in the executable before it looks in libc (`build.rs` exports it).
//!
//! Must not know: what contexts are for. Invariant: the thread runs what it was to run, whatever happens here.
#![expect(unsafe_code, reason = "a function of libc is replaced and called")]

use std::ffi::{c_int, c_void};
use std::sync::OnceLock;

use super::contexts::{self, Place};

type Start = unsafe extern "C-unwind" fn(*mut c_void) -> *mut c_void;

type Create =
    unsafe extern "C" fn(*mut libc::pthread_t, *const libc::pthread_attr_t, Start, *mut c_void) -> c_int;

/// What a new thread is told.
struct Birth {
    start: Start,
    argument: *mut c_void,
    place: Place,
}

/// # Safety
/// As libc's.
#[unsafe(no_mangle)]
unsafe extern "C" fn pthread_create(
    thread: *mut libc::pthread_t,
    attributes: *const libc::pthread_attr_t,
    start: Start,
    argument: *mut c_void,
) -> c_int {
    let Some(create) = real() else { return libc::ENOSYS };
    let Some(place) = contexts::hand_on() else {
        // SAFETY: the caller keeps libc's contract.
        return unsafe { create(thread, attributes, start, argument) };
    };
    let birth = Box::into_raw(Box::new(Birth { start, argument, place }));
    // SAFETY: as above; the new thread takes the birth over.
    let result = unsafe { create(thread, attributes, begin, birth.cast()) };
    if result != 0 {
        // SAFETY: no thread took it.
        drop(unsafe { Box::from_raw(birth) });
        contexts::leave(place);
    }
    result
}

/// What the new thread runs. `pthread_exit` unwinds through it, so nothing that would have to be dropped is left here.
unsafe extern "C-unwind" fn begin(birth: *mut c_void) -> *mut c_void {
    // SAFETY: made by `pthread_create` above, for this thread alone.
    let Birth { start, argument, place } = *unsafe { Box::from_raw(birth.cast::<Birth>()) };
    contexts::take_over(place);
    // SAFETY: what the caller asked to be called.
    unsafe { start(argument) }
}

/// libc's.
fn real() -> Option<Create> {
    static REAL: OnceLock<Option<Create>> = OnceLock::new();
    *REAL.get_or_init(|| {
        // SAFETY: a C string; RTLD_NEXT passes over this executable.
        let function = unsafe { libc::dlsym(libc::RTLD_NEXT, c"pthread_create".as_ptr()) };
        // SAFETY: null, or the function of that name, which has this type.
        unsafe { std::mem::transmute::<*mut c_void, Option<Create>>(function) }
    })
}
