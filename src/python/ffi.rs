//! The raw C API, one operation a function, for what pyo3's safe API does not offer.
//!
//! Must not know: why it is called. Invariant: every function here is safe to call under the conditions its types
//! state; a [`Python`] token proves that the thread is attached.
#![expect(
    unsafe_code,
    reason = "this is the wall: the raw C API is called here and in the tracer callbacks only"
)]

use std::ffi::{CStr, CString, OsStr, OsString, c_char, c_int, c_void};
use std::mem::MaybeUninit;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;
use std::ptr;
use std::sync::OnceLock;
use std::sync::atomic::AtomicU8;

use pyo3::ffi as raw;
use pyo3::prelude::*;
use pyo3::types::{PyCode, PyString};

/// How a step of initialisation ended.
pub(crate) enum Status {
    Ok,
    /// Python has said what it had to say (`-V`, `--help`, a usage error) and would exit with this status.
    Exit(i32),
    Error(StatusError),
}

/// A `PyStatus` that is an error.
pub(crate) struct StatusError(raw::PyStatus);

impl StatusError {
    /// CPython's reason, without the function that gave it.
    pub(crate) fn message(&self) -> String {
        if self.0.err_msg.is_null() {
            return "no reason given".to_owned();
        }
        // SAFETY: a non-null message of a PyStatus is a static C string.
        unsafe { CStr::from_ptr(self.0.err_msg) }.to_string_lossy().into_owned()
    }
}

/// Ends the process as `python` does: `Fatal Python error: …` on standard error, and status 1.
pub(crate) fn exit_with(error: &StatusError) -> ! {
    // SAFETY: CPython made this status, and it is an error; the call may come before any initialisation.
    unsafe { raw::Py_ExitStatusException(error.0) }
}

impl From<raw::PyStatus> for Status {
    fn from(status: raw::PyStatus) -> Self {
        match status._type {
            raw::_PyStatus_TYPE::_PyStatus_TYPE_OK => Self::Ok,
            raw::_PyStatus_TYPE::_PyStatus_TYPE_EXIT => Self::Exit(status.exitcode),
            raw::_PyStatus_TYPE::_PyStatus_TYPE_ERROR => Self::Error(StatusError(status)),
        }
    }
}

/// Takes back what Rust's runtime, where there is one (`src/main.rs`), set up in this thread to report stack overflows
/// (`sys/pal/unix/stack_overflow.rs` of std): handlers of SIGSEGV and SIGBUS, and the stack they run on. Its handler
/// returns from a signal that was sent, where python dies. A signal that the process was started to ignore stays ignored.
pub(crate) fn forget_crash_handlers() {
    for signal in [libc::SIGSEGV, libc::SIGBUS] {
        // SAFETY: the default action needs nothing of ours.
        let before = unsafe { libc::signal(signal, libc::SIG_DFL) };
        if before == libc::SIG_IGN {
            // SAFETY: as above; ignoring is what was in force.
            unsafe { libc::signal(signal, libc::SIG_IGN) };
        }
    }
    let none =
        libc::stack_t { ss_sp: ptr::null_mut(), ss_flags: libc::SS_DISABLE, ss_size: libc::MINSIGSTKSZ };
    // SAFETY: `none` is read only, and no handler runs on the stack that is given up; its memory stays with std.
    unsafe { libc::sigaltstack(&raw const none, ptr::null_mut()) };
}

/// Gives this thread, and those it starts, a name (`/proc/self/comm`, `ps`, `top`), of which the kernel keeps 15 bytes.
pub(crate) fn set_thread_name(name: &CStr) {
    // SAFETY: a C string, which is copied.
    unsafe { libc::prctl(libc::PR_SET_NAME, name.as_ptr()) };
}

/// Sets or removes a variable of the C environment, which interpreters and child processes inherit. Only while this process
/// has one thread. What cannot be a variable (a NUL in it) changes nothing.
pub(crate) fn set_variable(name: &str, value: Option<&OsStr>) {
    let Ok(name) = CString::new(name) else { return };
    match value.map(|value| CString::new(value.as_bytes())) {
        // SAFETY: both are C strings and are copied; no other thread looks at the environment.
        Some(Ok(value)) => unsafe { libc::setenv(name.as_ptr(), value.as_ptr(), 1) },
        // SAFETY: as above.
        None => unsafe { libc::unsetenv(name.as_ptr()) },
        Some(Err(_)) => return,
    };
}

/// The shared library that the interpreter comes from, if the dynamic loader knows.
///
/// `dladdr` would look through all the library's symbols for the one it also tells.
pub(crate) fn library() -> Option<PathBuf> {
    let mut search = Search { address: (raw::Py_GetVersion as *const c_void).addr(), found: None };
    // SAFETY: the callback gets what it expects, and runs before this call returns.
    unsafe { libc::dl_iterate_phdr(Some(look_for_library), (&raw mut search).cast()) };
    search.found
}

/// Which library an address lies in.
struct Search {
    address: usize,
    found: Option<PathBuf>,
}

/// Called by the loader for each object it has mapped; anything but 0 ends that.
unsafe extern "C" fn look_for_library(
    object: *mut libc::dl_phdr_info,
    _: usize,
    search: *mut c_void,
) -> c_int {
    // SAFETY: the loader gives a description that is valid during the call.
    let object = unsafe { &*object };
    // SAFETY: what `library` has given, which nobody else uses meanwhile.
    let search = unsafe { &mut *search.cast::<Search>() };
    // SAFETY: as many headers as the loader says, in memory that stays mapped.
    let headers = unsafe { std::slice::from_raw_parts(object.dlpi_phdr, usize::from(object.dlpi_phnum)) };
    let offset = search.address.wrapping_sub(object.dlpi_addr as usize) as u64;
    let is_inside = |header: &libc::Elf64_Phdr| {
        header.p_type == libc::PT_LOAD && offset.wrapping_sub(header.p_vaddr) < header.p_memsz
    };
    if !headers.iter().any(is_inside) {
        return 0;
    }
    // SAFETY: the loader's name of the library, a C string that lives as long as the library.
    let name = unsafe { CStr::from_ptr(object.dlpi_name) };
    // The executable itself has none.
    search.found = (!name.is_empty()).then(|| PathBuf::from(OsStr::from_bytes(name.to_bytes())));
    1
}

/// A `PyConfig` under construction.
pub(crate) struct Config(Box<raw::PyConfig>);

impl Config {
    /// Everything as the `python` executable has it, including reading the command line.
    pub(crate) fn python() -> Self {
        let mut config = Self::new(raw::PyConfig_InitPythonConfig);
        config.0.parse_argv = 1;
        config
    }

    /// Nothing of the user's: no environment variables, no `site`, no signal handlers, no command line.
    pub(crate) fn isolated() -> Self {
        let mut config = Self::new(raw::PyConfig_InitIsolatedConfig);
        config.0.site_import = 0;
        config.0.write_bytecode = 0;
        config
    }

    fn new(initialise: unsafe extern "C" fn(*mut raw::PyConfig)) -> Self {
        let mut config = Box::new(MaybeUninit::zeroed());
        // SAFETY: the function writes every field of the struct that the pointer is valid for.
        unsafe { initialise(config.as_mut_ptr()) };
        // SAFETY: initialised by the call above; a zeroed PyConfig is valid as well (pointers and integers).
        Self(unsafe { config.assume_init() })
    }

    /// Sets `argv`, pre-initialising Python (locale, UTF-8 mode, allocator) by what stands in it.
    pub(crate) fn set_arguments(&mut self, words: &[CString]) -> Status {
        let mut pointers: Vec<*const c_char> = words.iter().map(|word| word.as_ptr()).collect();
        let count = raw::Py_ssize_t::try_from(pointers.len()).unwrap_or(raw::Py_ssize_t::MAX);
        // SAFETY: `pointers` holds `count` valid C strings, which are copied.
        unsafe { raw::PyConfig_SetBytesArgv(&raw mut *self.0, count, pointers.as_mut_ptr()) }.into()
    }

    /// Sets what `sys.executable` will be; CPython finds prefixes and `pyvenv.cfg` from there.
    pub(crate) fn set_executable(&mut self, path: &CString) -> Status {
        let config: *mut raw::PyConfig = &raw mut *self.0;
        // SAFETY: `config` is a valid PyConfig, so is the place of its field; nothing is read.
        let field = unsafe { &raw mut (*config).executable };
        // SAFETY: config and field belong together; the string is copied.
        unsafe { raw::PyConfig_SetBytesString(config, field, path.as_ptr()) }.into()
    }

    /// Completes the configuration: command line, environment variables, paths.
    pub(crate) fn read(&mut self) -> Status {
        // SAFETY: the configuration was initialised in `new`.
        unsafe { raw::PyConfig_Read(&raw mut *self.0) }.into()
    }

    /// The script (or folder, or zip) on the command line, made absolute; after [`read`](Self::read).
    pub(crate) fn run_filename(&self) -> Option<OsString> {
        if self.0.run_filename.is_null() {
            return None;
        }
        let mut wide = Vec::new();
        loop {
            // SAFETY: a non-null `run_filename` is a NUL-terminated wide string, and no NUL came before this one.
            let place = unsafe { self.0.run_filename.add(wide.len()) };
            // SAFETY: as above.
            match unsafe { place.read() } {
                0 => return Some(from_wide(&wide)),
                c => wide.push(c.cast_unsigned()),
            }
        }
    }

    /// Initialises the interpreter. The calling thread is attached afterwards.
    pub(crate) fn initialize(&mut self) -> Status {
        // SAFETY: the configuration is initialised, and this process has no interpreter yet.
        unsafe { raw::Py_InitializeFromConfig(&raw const *self.0) }.into()
    }
}

/// Undoes Python's decoding of a command line in UTF-8: a byte that is not UTF-8 stands as U+DC80 to U+DCFF (PEP 383).
fn from_wide(wide: &[u32]) -> OsString {
    let mut bytes = Vec::with_capacity(wide.len());
    for c in wide {
        match char::from_u32(*c) {
            Some(c) => bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
            None => bytes.push(*c as u8),
        }
    }
    OsString::from_vec(bytes)
}

impl Drop for Config {
    fn drop(&mut self) {
        // SAFETY: frees the strings of a PyConfig that was initialised in `new`.
        unsafe { raw::PyConfig_Clear(&raw mut *self.0) };
    }
}

/// `sys.version`, without an interpreter.
pub(crate) fn version() -> &'static str {
    // SAFETY: may be called at any time.
    let text = unsafe { raw::Py_GetVersion() };
    // SAFETY: a static C string.
    unsafe { CStr::from_ptr(text) }.to_str().unwrap_or_default()
}

/// Runs what the configuration names, finalises the interpreter, and returns the exit status; or ends the process.
pub(crate) fn run_main() -> i32 {
    // SAFETY: the interpreter is initialised and this is the thread that did it.
    unsafe { raw::Py_RunMain() }
}

/// Has `function` called at the very end of finalisation, when no Python code runs any more. Tells whether that worked.
pub(crate) fn at_exit(function: extern "C" fn()) -> bool {
    // SAFETY: registering a function pointer; the table is CPython's.
    unsafe { raw::Py_AtExit(Some(function)) == 0 }
}

/// Readies a process whose program is over for work of ours: limits that the program has set below what it could have are
/// lifted, and neither its timers nor the signals of a closed pipe or a full quota end the process any more.
pub(crate) fn lift_limits() {
    for resource in [libc::RLIMIT_AS, libc::RLIMIT_DATA, libc::RLIMIT_FSIZE, libc::RLIMIT_NOFILE] {
        let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
        // SAFETY: writes to `limit` only.
        let known = unsafe { libc::getrlimit(resource, &raw mut limit) } == 0;
        if known && limit.rlim_cur != limit.rlim_max {
            limit.rlim_cur = limit.rlim_max;
            // SAFETY: reads `limit` only; where it is refused, things stay as they were.
            unsafe { libc::setrlimit(resource, &raw const limit) };
        }
    }
    for signal in [libc::SIGPIPE, libc::SIGXFSZ, libc::SIGALRM, libc::SIGVTALRM, libc::SIGPROF] {
        // SAFETY: ignoring needs nothing of ours, and no Python code is left to miss its handler.
        unsafe { libc::signal(signal, libc::SIG_IGN) };
    }
}

/// An interpreter of this process, by its number, which no later one gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Interpreter(i64);

impl Interpreter {
    /// The one that the calling thread is attached to.
    pub(crate) fn current(_py: Python<'_>) -> Self {
        // SAFETY: attached.
        let interpreter = unsafe { raw::PyInterpreterState_Get() };
        // SAFETY: alive, because this thread is attached to it.
        Self(unsafe { raw::PyInterpreterState_GetID(interpreter) })
    }

    /// Whether it is the first one (CPython 3.11–3.15, `Python/pystate.c`).
    pub(crate) fn is_main(self) -> bool {
        self.0 == 0
    }
}

/// A thread as the interpreter knows it that it is attached to: a thread of the system may have one in each interpreter, and
/// several one after another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ThreadState(Interpreter, i64);

impl ThreadState {
    /// The one of the calling thread.
    pub(crate) fn current(py: Python<'_>) -> Self {
        // SAFETY: attached.
        let thread = unsafe { raw::PyThreadState_Get() };
        // SAFETY: alive, because it is the current one. No number is given twice in an interpreter.
        Self(Interpreter::current(py), unsafe { raw::PyThreadState_GetID(thread) })
    }
}

/// An attribute of `sys`, without importing anything: good in an interpreter that is only just being made.
pub(crate) fn sys_attribute<'py>(py: Python<'py>, name: &CStr) -> Option<Bound<'py, PyAny>> {
    // SAFETY: attached; the result is a borrowed reference or null, without an exception.
    let object = unsafe { raw::PySys_GetObject(name.as_ptr()) };
    // SAFETY: as stated; `sys` keeps it alive while the new reference is made.
    unsafe { Bound::from_borrowed_ptr_or_opt(py, object) }
}

/// Forgets an error without the help of pyo3, which may keep it for another interpreter to free.
pub(crate) fn discard(error: PyErr, py: Python<'_>) {
    error.restore(py);
    // SAFETY: attached.
    unsafe { raw::PyErr_Clear() };
}

/// A slot for a pointer in every code object.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CodeSlot(raw::Py_ssize_t);

impl CodeSlot {
    /// Asks for a slot; `free` is called with its pointer when a code object dies. `None` when all are taken.
    pub(crate) fn request(_py: Python<'_>, free: unsafe extern "C" fn(*mut c_void)) -> Option<Self> {
        // SAFETY: attached; the function matches `freefunc`.
        let index = unsafe { raw::PyUnstable_Eval_RequestCodeExtraIndex(free) };
        (index >= 0).then_some(Self(index))
    }

    /// The pointer in the slot, null if none was set.
    ///
    /// # Safety
    /// `code` points to a live code object and the thread is attached.
    pub(crate) unsafe fn get(self, code: *mut raw::PyObject) -> *mut c_void {
        let mut pointer = ptr::null_mut();
        // SAFETY: the caller vouches for `code`; the index came from the interpreter.
        let result = unsafe { raw::PyUnstable_Code_GetExtra(code, self.0, &raw mut pointer) };
        if result == 0 {
            return pointer;
        }
        // SAFETY: attached, as the caller vouches.
        unsafe { raw::PyErr_Clear() };
        ptr::null_mut()
    }

    /// Puts a pointer into the slot; false if there was no memory (the Python error is cleared).
    ///
    /// # Safety
    /// `code` points to a live code object, the thread is attached, and `pointer` suits the slot's `free`.
    pub(crate) unsafe fn set(self, code: *mut raw::PyObject, pointer: *mut c_void) -> bool {
        // SAFETY: the caller vouches for `code`; the index came from the interpreter.
        if unsafe { raw::PyUnstable_Code_SetExtra(code, self.0, pointer) } == 0 {
            return true;
        }
        // SAFETY: attached, as the caller vouches.
        unsafe { raw::PyErr_Clear() };
        false
    }
}

/// A member of code objects: read where CPython says it lies in each (`tp_members`), which takes a tenth of the time of looking
/// up an attribute.
pub(crate) struct CodeMember {
    name: &'static str,
    kind: c_int,
    /// How far behind the beginning of a code object it lies, once that was asked; none where there is no such member.
    offset: OnceLock<Option<usize>>,
}

impl CodeMember {
    pub(crate) const fn object(name: &'static str) -> Self {
        #[expect(
            deprecated,
            reason = "it is what CPython declares them as (3.11–3.15, `Objects/codeobject.c`)"
        )]
        Self { name, kind: raw::_Py_T_OBJECT, offset: OnceLock::new() }
    }

    pub(crate) const fn number(name: &'static str) -> Self {
        Self { name, kind: raw::Py_T_INT, offset: OnceLock::new() }
    }

    /// What an [`object`](Self::object) is in `code`.
    pub(crate) fn of<'py>(&self, code: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        if let Some(place) = self.place(code) {
            // SAFETY: an object of a code object, which nobody changes once that runs, or null.
            let object = unsafe { place.cast::<*mut raw::PyObject>().read() };
            // SAFETY: borrowed of `code`, which is alive.
            if let Some(object) = unsafe { Bound::from_borrowed_ptr_or_opt(code.py(), object) } {
                return Ok(object);
            }
        }
        code.getattr(self.name)
    }

    /// What a [`number`](Self::number) is in `code`.
    pub(crate) fn number_of(&self, code: &Bound<'_, PyAny>) -> PyResult<c_int> {
        match self.place(code) {
            // SAFETY: a number of a code object, which nobody changes.
            Some(place) => Ok(unsafe { place.cast::<c_int>().read() }),
            None => code.getattr(self.name)?.extract(),
        }
    }

    /// Where it lies in `code`; none where that is no code object, or the member is of another kind.
    fn place(&self, code: &Bound<'_, PyAny>) -> Option<*const c_void> {
        if !code.is_instance_of::<PyCode>() {
            return None;
        }
        let offset = (*self.offset.get_or_init(|| self.declared_offset()))?;
        // SAFETY: a code object has this member at this place.
        Some(unsafe { code.as_ptr().byte_add(offset) }.cast::<c_void>())
    }

    fn declared_offset(&self) -> Option<usize> {
        // SAFETY: a static type that nobody changes.
        let mut member = unsafe { raw::PyCode_Type.tp_members };
        loop {
            // SAFETY: a table of members that ends with one without a name, or null.
            let declared = unsafe { member.as_ref() }.filter(|member| !member.name.is_null())?;
            // SAFETY: a C string, as the table has them.
            if unsafe { CStr::from_ptr(declared.name) }.to_bytes() == self.name.as_bytes() {
                return usize::try_from(declared.offset).ok().filter(|_| declared.type_code == self.kind);
            }
            // SAFETY: this was not the last one.
            member = unsafe { member.add(1) };
        }
    }
}

/// The members that are read.
pub(crate) static CO_CONSTS: CodeMember = CodeMember::object("co_consts");
pub(crate) static CO_EXCEPTIONTABLE: CodeMember = CodeMember::object("co_exceptiontable");
pub(crate) static CO_FILENAME: CodeMember = CodeMember::object("co_filename");
pub(crate) static CO_FIRSTLINENO: CodeMember = CodeMember::number("co_firstlineno");
pub(crate) static CO_FLAGS: CodeMember = CodeMember::number("co_flags");
pub(crate) static CO_LINETABLE: CodeMember = CodeMember::object("co_linetable");
pub(crate) static CO_NAME: CodeMember = CodeMember::object("co_name");
pub(crate) static CO_QUALNAME: CodeMember = CodeMember::object("co_qualname");

/// Whether the process's Python ends.
pub(crate) fn is_finalizing() -> bool {
    #[cfg(Py_3_13)]
    use raw::Py_IsFinalizing as is_finalizing;
    #[cfg(not(Py_3_13))]
    unsafe extern "C" {
        /// CPython 3.11 and 3.12, `Include/cpython/pylifecycle.h`.
        #[link_name = "_Py_IsFinalizing"]
        fn is_finalizing() -> c_int;
    }
    // SAFETY: may be called at any time.
    unsafe { is_finalizing() != 0 }
}

/// The globals of the frame that runs in this thread, if any.
pub(crate) fn current_globals(py: Python<'_>) -> Option<Bound<'_, PyAny>> {
    // SAFETY: attached; the result is a borrowed reference or null.
    let frame = unsafe { raw::PyEval_GetFrame() };
    if frame.is_null() {
        return None;
    }
    // SAFETY: `frame` is the live current frame; the result is a new reference.
    let globals = unsafe { raw::PyFrame_GetGlobals(frame) };
    // SAFETY: a new reference or null, as stated.
    unsafe { Bound::from_owned_ptr_or_opt(py, globals) }
}

/// What tells the running frame from all others that are alive.
pub(crate) fn current_frame(_py: Python<'_>) -> Option<usize> {
    // SAFETY: attached; the result is a borrowed reference or null.
    let frame = unsafe { raw::PyEval_GetFrame() };
    (!frame.is_null()).then(|| frame.addr())
}

/// What tells the running frame from all others that are alive, and from those that ended while it was.
///
/// Frame objects are made when they are asked for, so that an old frame's may come to lie where that of a newer one lay, which
/// has ended. What they stand for does not move: on a thread's stack, or in a generator (CPython 3.12–3.15).
#[cfg(Py_3_12)]
pub(crate) fn current_activation(_py: Python<'_>) -> Option<usize> {
    /// The beginning of a frame object (CPython 3.11–3.15, `struct _frame` in `Include/internal/pycore_frame.h`).
    #[repr(C)]
    struct FrameObject {
        _head: raw::PyObject,
        _back: *mut c_void,
        activation: *mut c_void,
    }
    // SAFETY: attached; the result is a borrowed reference or null.
    let frame = unsafe { raw::PyEval_GetFrame() };
    if frame.is_null() {
        return None;
    }
    // SAFETY: alive, and of this layout.
    Some(unsafe { (*frame.cast::<FrameObject>()).activation }.addr())
}

/// Whether a frame is the running one or among its callers.
pub(crate) fn is_under_way(_py: Python<'_>, wanted: usize) -> bool {
    // SAFETY: attached; the result is a borrowed reference or null.
    let mut frame = unsafe { raw::PyEval_GetFrame() };
    if !frame.is_null() {
        // SAFETY: alive; from here on each frame of the chain is owned.
        unsafe { raw::Py_INCREF(frame.cast()) };
    }
    while !frame.is_null() {
        let is_found = frame.addr() == wanted;
        // SAFETY: the frame is alive; a new reference or null.
        let back = if is_found { ptr::null_mut() } else { unsafe { raw::PyFrame_GetBack(frame) } };
        // SAFETY: owned by this loop; the interpreter keeps a frame that is under way alive.
        unsafe { raw::Py_DECREF(frame.cast()) };
        if is_found {
            return true;
        }
        frame = back;
    }
    false
}

/// The code of the running frame.
pub(crate) fn current_code(py: Python<'_>) -> Option<Bound<'_, PyAny>> {
    // SAFETY: attached; the result is a borrowed reference or null.
    let frame = unsafe { raw::PyEval_GetFrame() };
    if frame.is_null() {
        return None;
    }
    // SAFETY: the frame is alive; the result is a new reference, never null.
    let code = unsafe { raw::PyFrame_GetCode(frame) };
    // SAFETY: as stated.
    unsafe { Bound::from_owned_ptr_or_opt(py, code.cast()) }
}

/// A local variable of the running frame, without running any Python code.
pub(crate) fn current_local<'py>(py: Python<'py>, name: &CStr) -> Option<Bound<'py, PyAny>> {
    // SAFETY: attached; the result is a borrowed reference or null.
    let frame = unsafe { raw::PyEval_GetFrame() };
    if frame.is_null() {
        return None;
    }
    #[cfg(Py_3_12)]
    // SAFETY: the frame is alive, and the name is read only; a new reference, or null with an exception set.
    let value = unsafe { raw::PyFrame_GetVarString(frame, name.as_ptr().cast_mut()) };
    #[cfg(not(Py_3_12))]
    let value = {
        // SAFETY: the frame is alive; a new reference to a dictionary, or null with an exception set.
        let locals = unsafe { raw::PyFrame_GetLocals(frame) };
        // SAFETY: as stated.
        let locals = unsafe { Bound::from_owned_ptr_or_opt(py, locals) };
        locals.map_or(ptr::null_mut(), |locals| {
            // SAFETY: a mapping and a C string; a new reference, or null with an exception set.
            unsafe { raw::PyMapping_GetItemString(locals.as_ptr(), name.as_ptr()) }
        })
    };
    // SAFETY: a new reference or null, as stated.
    unsafe { owned_or_cleared(py, value) }
}

/// An attribute as `object.__getattribute__` finds it: without what the object's class makes of attributes.
pub(crate) fn plain_attribute<'py>(object: &Bound<'py, PyAny>, name: &CStr) -> Option<Bound<'py, PyAny>> {
    plain_attribute_named(object, name.to_str().ok()?)
}

/// The same.
pub(crate) fn plain_attribute_named<'py>(
    object: &Bound<'py, PyAny>,
    name: &str,
) -> Option<Bound<'py, PyAny>> {
    let name = PyString::new(object.py(), name);
    // SAFETY: attached; both are alive; a new reference, or null with an exception set.
    let value = unsafe { raw::PyObject_GenericGetAttr(object.as_ptr(), name.as_ptr()) };
    // SAFETY: as stated.
    unsafe { owned_or_cleared(object.py(), value) }
}

/// # Safety
/// A new reference, or null with an exception set.
unsafe fn owned_or_cleared(py: Python<'_>, value: *mut raw::PyObject) -> Option<Bound<'_, PyAny>> {
    if value.is_null() {
        // SAFETY: attached.
        unsafe { raw::PyErr_Clear() };
    }
    // SAFETY: the caller vouches for it.
    unsafe { Bound::from_owned_ptr_or_opt(py, value) }
}

/// Offset in bytes of the instruction that the running frame is at.
pub(crate) fn current_offset(_py: Python<'_>) -> Option<u32> {
    // SAFETY: attached; the result is a borrowed reference or null.
    let frame = unsafe { raw::PyEval_GetFrame() };
    if frame.is_null() {
        return None;
    }
    // SAFETY: `frame` is the live current frame.
    u32::try_from(unsafe { raw::PyFrame_GetLasti(frame) }).ok()
}

/// The line of the instruction at `offset`, in bytes; `None` where it has none.
pub(crate) fn line_at(code: &Bound<'_, PyAny>, offset: u32) -> Option<u32> {
    if !code.is_instance_of::<PyCode>() {
        return None;
    }
    let offset = i32::try_from(offset).ok()?;
    // SAFETY: `code` is a code object, as was just checked, and alive; an offset outside of it gives -1.
    let line = unsafe { raw::PyCode_Addr2Line(code.as_ptr().cast(), offset) };
    u32::try_from(line).ok().filter(|line| *line > 0)
}

/// The code units of a code object as they lie in memory, caches among them, where the interpreter rewrites them. Empty where it is
/// no code object, or other threads may be about to (without the GIL).
pub(crate) fn units_in_memory<'a>(code: &'a Bound<'_, PyAny>) -> &'a [[AtomicU8; 2]] {
    // SAFETY: a static type that nobody changes.
    let size = unsafe { raw::PyCode_Type.tp_basicsize };
    // SAFETY: as above.
    let of_unit = unsafe { raw::PyCode_Type.tp_itemsize };
    let is_readable = code.is_instance_of::<PyCode>() && of_unit == 2 && !cfg!(Py_GIL_DISABLED);
    let Some(size) = usize::try_from(size).ok().filter(|_| is_readable) else { return &[] };
    // SAFETY: a code object ends with its units (CPython 3.11–3.15, `PyCode_Type` in `Objects/codeobject.c`).
    let start = unsafe { code.as_ptr().byte_add(size) };
    // SAFETY: as many bytes as there are, alive as long as `code`; whoever has the GIL may rewrite them, so they are atomic.
    unsafe { std::slice::from_raw_parts(start.cast(), code_units(code)) }
}

/// How many code units a code object has, inline caches among them; none where it is no code object.
pub(crate) fn code_units(code: &Bound<'_, PyAny>) -> usize {
    if !code.is_instance_of::<PyCode>() {
        return 0;
    }
    // SAFETY: a code object, alive, is as long as its units are many (CPython 3.11–3.15, `Include/cpython/code.h`).
    usize::try_from(unsafe { raw::Py_SIZE(code.as_ptr()) }).unwrap_or_default()
}
