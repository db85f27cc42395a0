//! Being told before the program starts a thread or changes its trace function, in the thread that does.
//!
//! The C functions behind `_thread`'s and `sys`'s functions are replaced in their definitions: the function objects, which
//! programs may hold or compare, stay as they are. Audit events would tell as well, but a hook makes each audited operation
//! slower and can be noticed (`sys.audit(1)` raises only where there is one). C code calls `PyEval_SetTrace`, which the
//! dynamic loader finds here (see `interpreters`).
//!
//! Must not know: what is done about it. Invariant: the program can't tell, and every call is made as it came.
#![expect(unsafe_code, reason = "C functions of libpython are replaced")]

use std::ffi::c_void;
use std::panic;
use std::ptr;
use std::sync::OnceLock;

use pyo3::ffi as raw;
use pyo3::prelude::*;

/// Who is told, with the thread attached.
#[derive(Clone, Copy)]
pub(super) struct Listeners {
    /// A thread is about to be started.
    pub(super) thread_start: fn(),
    /// The trace function of this thread is about to be changed.
    pub(super) trace_function: fn(),
}

static LISTENERS: OnceLock<Listeners> = OnceLock::new();

/// A function and what stands in its place.
struct Watched {
    module: &'static str,
    name: &'static str,
    stand_in: StandIn,
    tell: fn(&Listeners),
}

/// By how the function takes its arguments.
#[derive(Clone, Copy)]
enum StandIn {
    /// METH_VARARGS
    Positional(raw::PyCFunction),
    /// METH_O
    One(raw::PyCFunction),
    /// METH_VARARGS | METH_KEYWORDS
    Keywords(raw::PyCFunctionWithKeywords),
}

/// CPython 3.11–3.15, `Modules/_threadmodule.c` and `Python/sysmodule.c`; each has its place in [`ORIGINALS`].
static WATCHED: [Watched; 5] = [
    Watched {
        module: "_thread",
        name: "start_new_thread",
        stand_in: StandIn::Positional(call::<0>),
        tell: tell_of_thread,
    },
    Watched {
        module: "_thread",
        name: "start_new",
        stand_in: StandIn::Positional(call::<1>),
        tell: tell_of_thread,
    },
    // Since 3.13.
    Watched {
        module: "_thread",
        name: "start_joinable_thread",
        stand_in: StandIn::Keywords(call_with_keywords::<2>),
        tell: tell_of_thread,
    },
    Watched {
        module: "sys",
        name: "settrace",
        stand_in: StandIn::One(call::<3>),
        tell: tell_of_trace_function,
    },
    // Since 3.12.
    Watched {
        module: "sys",
        name: "_settraceallthreads",
        stand_in: StandIn::One(call::<4>),
        tell: tell_of_trace_function,
    },
];

/// What stood in the definition of each.
static ORIGINALS: [OnceLock<StandIn>; WATCHED.len()] = [const { OnceLock::new() }; WATCHED.len()];

fn tell_of_thread(listeners: &Listeners) {
    (listeners.thread_start)();
}

fn tell_of_trace_function(listeners: &Listeners) {
    (listeners.trace_function)();
}

/// From now on the listeners are told.
pub(super) fn watch(py: Python<'_>, listeners: Listeners) -> PyResult<()> {
    let _ = LISTENERS.set(listeners);
    for (watched, original) in WATCHED.iter().zip(&ORIGINALS) {
        // Every interpreter has imported these before the program starts (`importlib._bootstrap`).
        let module = py.import(watched.module)?;
        if let Some(function) = module.getattr_opt(watched.name)? {
            replace(&function, watched.stand_in, original);
        }
    }
    Ok(())
}

fn replace(function: &Bound<'_, PyAny>, stand_in: StandIn, original: &OnceLock<StandIn>) {
    // SAFETY: attached, and the object is alive.
    if unsafe { raw::PyCFunction_CheckExact(function.as_ptr()) } == 0 {
        return;
    }
    let object = function.as_ptr().cast::<raw::PyCFunctionObject>();
    // SAFETY: checked above to be a function of this type.
    let definition = unsafe { (*object).m_ml };
    // SAFETY: the definition is static data of libpython.
    let flags = unsafe { (*definition).ml_flags };
    // SAFETY: as above.
    let standing = unsafe { (*definition).ml_meth };
    let (standing, pointer) = match stand_in {
        StandIn::Positional(function) if flags == raw::METH_VARARGS => {
            // SAFETY: the flags say which member of the union holds.
            let standing = unsafe { standing.PyCFunction };
            (StandIn::Positional(standing), raw::PyMethodDefPointer { PyCFunction: function })
        }
        StandIn::One(function) if flags == raw::METH_O => {
            // SAFETY: as above.
            let standing = unsafe { standing.PyCFunction };
            (StandIn::One(standing), raw::PyMethodDefPointer { PyCFunction: function })
        }
        StandIn::Keywords(function) if flags == raw::METH_VARARGS | raw::METH_KEYWORDS => {
            // SAFETY: as above.
            let standing = unsafe { standing.PyCFunctionWithKeywords };
            (StandIn::Keywords(standing), raw::PyMethodDefPointer { PyCFunctionWithKeywords: function })
        }
        StandIn::Positional(_) | StandIn::One(_) | StandIn::Keywords(_) => return,
    };
    if original.set(standing).is_ok() {
        // SAFETY: the tables of definitions are not const, and nobody reads them while this thread is attached.
        unsafe { (*definition).ml_meth = pointer };
    }
}

fn tell(tell: fn(&Listeners)) {
    if let Some(listeners) = LISTENERS.get() {
        // A panic must not unwind into C; it has been noted by the session's hook.
        let _ = panic::catch_unwind(|| tell(listeners));
    }
}

unsafe extern "C" fn call<const WHICH: usize>(
    module: *mut raw::PyObject,
    arguments: *mut raw::PyObject,
) -> *mut raw::PyObject {
    tell(WATCHED[WHICH].tell);
    match ORIGINALS[WHICH].get() {
        // SAFETY: the arguments are those CPython gave for this call.
        Some(StandIn::Positional(original) | StandIn::One(original)) => unsafe {
            original(module, arguments)
        },
        // Not reached: the function stands there only after its original was set.
        Some(StandIn::Keywords(_)) | None => ptr::null_mut(),
    }
}

unsafe extern "C" fn call_with_keywords<const WHICH: usize>(
    module: *mut raw::PyObject,
    arguments: *mut raw::PyObject,
    keywords: *mut raw::PyObject,
) -> *mut raw::PyObject {
    tell(WATCHED[WHICH].tell);
    match ORIGINALS[WHICH].get() {
        // SAFETY: the arguments are those CPython gave for this call.
        Some(StandIn::Keywords(original)) => unsafe { original(module, arguments, keywords) },
        // Not reached: the function stands there only after its original was set.
        Some(StandIn::Positional(_) | StandIn::One(_)) | None => ptr::null_mut(),
    }
}

/// `PyEval_SetTrace` as extension modules call it.
///
/// # Safety
/// As libpython's.
#[unsafe(no_mangle)]
unsafe extern "C" fn PyEval_SetTrace(function: Option<raw::Py_tracefunc>, argument: *mut raw::PyObject) {
    type Original = unsafe extern "C" fn(Option<raw::Py_tracefunc>, *mut raw::PyObject);
    static ORIGINAL: OnceLock<Option<Original>> = OnceLock::new();
    let original = ORIGINAL.get_or_init(|| {
        // SAFETY: a C string; RTLD_NEXT passes over this executable.
        let function = unsafe { libc::dlsym(libc::RTLD_NEXT, c"PyEval_SetTrace".as_ptr()) };
        // SAFETY: null, or the function of that name, which has this type.
        unsafe { std::mem::transmute::<*mut c_void, Option<Original>>(function) }
    });
    tell(tell_of_trace_function);
    if let Some(original) = original {
        // SAFETY: the caller keeps libpython's contract.
        unsafe { original(function, argument) };
    }
}
