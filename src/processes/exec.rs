//! `execv`, `execve`, `posix_spawn`, `posix_spawnp` and `system` as CPython calls them: the dynamic loader looks for a function in
//! the executable before it looks in libc, and the executable of a measured process is this one (`build.rs` exports them).
//!
//! `subprocess`, `multiprocessing`, `os.exec*` and `os.posix_spawn*` all end here (CPython 3.11–3.15,
//! `Modules/_posixsubprocess.c` and `Modules/posixmodule.c`). `os.system` calls libc's `system`, which uses the C
//! environment: there the variables are set when measuring begins, after `os.environ` was made, and the bootstrap is put
//! in place when `system` is called.
//!
//! Invariant: a call that cannot be changed, or fails when changed, is made as it came. What runs here may run between
//! `vfork` and `exec`, in the memory of the parent: what it allocates is kept for the thread, or it would be lost there.
#![expect(unsafe_code, reason = "libc's functions are replaced and called")]

use std::cell::RefCell;
use std::ffi::{CStr, CString, OsStr, c_char, c_int, c_void};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::panic;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use super::Bootstrap;
use super::handover::{self, Handover};
use super::target::{self, Target};
use crate::env_vars;
use crate::trace;

/// A null-terminated array of C strings.
type Words = *const *const c_char;

/// `posix_spawn` and `posix_spawnp`.
type Spawn = unsafe extern "C" fn(
    *mut libc::pid_t,
    *const c_char,
    *const libc::posix_spawn_file_actions_t,
    *const libc::posix_spawnattr_t,
    Words,
    Words,
) -> c_int;

static ARMED: OnceLock<Armed> = OnceLock::new();
/// Whether programs that are started are to be measured.
static ACTIVE: AtomicBool = AtomicBool::new(false);

/// What a changed call is made of.
struct Armed {
    minicov: CString,
    /// `MINICOV_PROCESS=…`.
    handover: CString,
    bootstrap: Bootstrap,
}

thread_local! {
    /// The last changed call of this thread: it lives until the next.
    static CHANGED: RefCell<Option<Changed>> = const { RefCell::new(None) };
}

/// The arguments of a changed call.
struct Changed {
    path: CString,
    arguments: Vec<*const c_char>,
    environment: Vec<*const c_char>,
    /// What the pointers above point to, where it is not the caller's.
    _texts: Vec<CString>,
}

/// The most bytes to hand over. With a longer variable in its environment no program can be started (Linux: 128 KiB,
/// `MAX_ARG_STRLEN`, `include/uapi/linux/binfmts.h`).
const MOST_HANDED_OVER: usize = 120_000;

/// From now on programs that this process starts are measured as `handover` says. Fails where that cannot be put into words:
/// a path is not UTF-8, or there are too many.
pub(crate) fn arm(handover: &Handover) -> Result<(), String> {
    let text = handover.serialise().map_err(|error| error.to_string())?;
    if text.len() > MOST_HANDED_OVER {
        return Err(
            "there are too many patterns and folders to tell them; shorten `source`, `include` or `omit`"
                .to_owned(),
        );
    }
    let variable = format!("{}={text}", env_vars::PROCESS.name);
    let armed = Armed {
        minicov: CString::new(handover.minicov.as_os_str().as_bytes()).map_err(|error| error.to_string())?,
        handover: CString::new(variable).map_err(|error| error.to_string())?,
        bootstrap: Bootstrap::in_folder(handover.bootstrap.clone()),
    };
    handover::set(&text);
    armed.bootstrap.enter();
    let _ = ARMED.set(armed);
    real_spawns();
    ACTIVE.store(true, Ordering::Release);
    Ok(())
}

/// From now on programs start as if nothing were measured.
pub(crate) fn disarm() {
    ACTIVE.store(false, Ordering::Release);
}

/// Executes another program in place of this one, with this environment; returns only if that fails.
pub(crate) fn replace_process(program: &Path, words: &[&OsStr]) -> std::io::Error {
    let texts: Result<Vec<CString>, _> =
        words.iter().chain([&program.as_os_str()]).map(|word| CString::new(word.as_bytes())).collect();
    let Ok(texts) = texts else { return std::io::ErrorKind::InvalidInput.into() };
    let Some((program, texts)) = texts.split_last() else { return std::io::ErrorKind::InvalidInput.into() };
    let mut pointers: Vec<*const c_char> = texts.iter().map(|text| text.as_ptr()).collect();
    pointers.push(std::ptr::null());
    // SAFETY: valid C strings and a null-terminated array of them; the environment is libc's own.
    unsafe { really_execute(program.as_ptr(), pointers.as_ptr(), environ) };
    std::io::Error::last_os_error()
}

unsafe extern "C" {
    static environ: Words;
}

/// # Safety
/// As libc's.
#[unsafe(no_mangle)]
unsafe extern "C" fn execve(path: *const c_char, arguments: Words, environment: Words) -> c_int {
    // SAFETY: the caller keeps libc's contract.
    if let Some(changed) = unsafe { change(path, arguments, environment) } {
        // SAFETY: `change` made these for the call.
        unsafe { really_execute(changed.path, changed.arguments, changed.environment) };
    }
    // SAFETY: the caller keeps libc's contract.
    unsafe { really_execute(path, arguments, environment) }
}

/// # Safety
/// As libc's.
#[unsafe(no_mangle)]
unsafe extern "C" fn execv(path: *const c_char, arguments: Words) -> c_int {
    // SAFETY: libc's own variable; the caller keeps libc's contract.
    let environment = unsafe { environ };
    // SAFETY: as above.
    unsafe { execve(path, arguments, environment) }
}

/// # Safety
/// As libc's.
#[unsafe(no_mangle)]
unsafe extern "C" fn posix_spawn(
    process: *mut libc::pid_t,
    path: *const c_char,
    actions: *const libc::posix_spawn_file_actions_t,
    attributes: *const libc::posix_spawnattr_t,
    arguments: Words,
    environment: Words,
) -> c_int {
    let Some(spawn) = real_spawns().0 else { return libc::ENOSYS };
    // SAFETY: the caller keeps libc's contract.
    if let Some(changed) = unsafe { change(path, arguments, environment) } {
        // SAFETY: `change` made these for the call; the rest is the caller's.
        let result = unsafe {
            spawn(process, changed.path, actions, attributes, changed.arguments, changed.environment)
        };
        if result == 0 {
            return 0;
        }
    }
    // SAFETY: the caller keeps libc's contract.
    unsafe { spawn(process, path, actions, attributes, arguments, environment) }
}

/// # Safety
/// As libc's.
#[unsafe(no_mangle)]
unsafe extern "C" fn posix_spawnp(
    process: *mut libc::pid_t,
    name: *const c_char,
    actions: *const libc::posix_spawn_file_actions_t,
    attributes: *const libc::posix_spawnattr_t,
    arguments: Words,
    environment: Words,
) -> c_int {
    let (Some(spawn), Some(spawn_by_name)) = real_spawns() else { return libc::ENOSYS };
    // SAFETY: the caller's name is a C string.
    if let Some(path) = find_on_path(unsafe { CStr::from_ptr(name) })
        // SAFETY: the path is a C string; the rest is the caller's, who keeps libc's contract.
        && let Some(changed) = unsafe { change(path.as_ptr(), arguments, environment) }
    {
        // SAFETY: `change` made these for the call; the rest is the caller's.
        let result = unsafe {
            spawn(process, changed.path, actions, attributes, changed.arguments, changed.environment)
        };
        if result == 0 {
            return 0;
        }
    }
    // SAFETY: the caller keeps libc's contract.
    unsafe { spawn_by_name(process, name, actions, attributes, arguments, environment) }
}

/// # Safety
/// As libc's.
#[unsafe(no_mangle)]
unsafe extern "C" fn system(command: *const c_char) -> c_int {
    type System = unsafe extern "C" fn(*const c_char) -> c_int;
    if ACTIVE.load(Ordering::Acquire)
        && let Some(armed) = ARMED.get()
    {
        // A panic must not unwind into C; without a bootstrap the child is not measured.
        let _ = panic::catch_unwind(|| armed.bootstrap.prepare());
    }
    // SAFETY: a C string; RTLD_NEXT passes over this executable.
    let function = unsafe { libc::dlsym(libc::RTLD_NEXT, c"system".as_ptr()) };
    // SAFETY: null, or the function of that name, which has this type.
    match unsafe { std::mem::transmute::<*mut c_void, Option<System>>(function) } {
        // SAFETY: the caller keeps libc's contract.
        Some(system) => unsafe { system(command) },
        None => -1,
    }
}

/// # Safety
/// As libc's `execve`.
unsafe fn really_execute(path: *const c_char, arguments: Words, environment: Words) -> c_int {
    // SAFETY: the caller keeps libc's contract, which is the kernel's.
    unsafe { libc::syscall(libc::SYS_execve, path, arguments, environment) as c_int }
}

/// libc's `posix_spawn` and `posix_spawnp`.
fn real_spawns() -> (Option<Spawn>, Option<Spawn>) {
    static REAL: OnceLock<(Option<Spawn>, Option<Spawn>)> = OnceLock::new();
    let find = |name: &CStr| {
        // SAFETY: a C string; RTLD_NEXT passes over this executable.
        let function = unsafe { libc::dlsym(libc::RTLD_NEXT, name.as_ptr()) };
        // SAFETY: null, or the function of that name, which has this type.
        unsafe { std::mem::transmute::<*mut c_void, Option<Spawn>>(function) }
    };
    *REAL.get_or_init(|| (find(c"posix_spawn"), find(c"posix_spawnp")))
}

/// The file that a name without a folder stands for, as `execvp` finds it.
fn find_on_path(name: &CStr) -> Option<CString> {
    if name.to_bytes().contains(&b'/') {
        return Some(name.to_owned());
    }
    let search = env_vars::PATH.get()?;
    let is_executable = |path: &PathBuf| {
        path.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
    };
    let path = std::env::split_paths(&search)
        .map(|folder| folder.join(OsStr::from_bytes(name.to_bytes())))
        .find(is_executable)?;
    CString::new(path.as_os_str().as_bytes()).ok()
}

/// Pointers into [`CHANGED`].
struct Call {
    path: *const c_char,
    arguments: Words,
    environment: Words,
}

/// The call to make instead; `None` to make it as it came.
///
/// # Safety
/// As libc's `execve`. The result is good until this thread's next call.
unsafe fn change(path: *const c_char, arguments: Words, environment: Words) -> Option<Call> {
    if !ACTIVE.load(Ordering::Acquire) || path.is_null() {
        return None;
    }
    let armed = ARMED.get()?;
    // SAFETY: the caller vouches for it.
    let path = unsafe { CStr::from_ptr(path) };
    // SAFETY: as above.
    let arguments = unsafe { words(arguments) };
    // SAFETY: as above.
    let environment = unsafe { words(environment) };
    let changed = panic::catch_unwind(|| armed.change(path, &arguments, &environment)).ok()?;
    CHANGED
        .try_with(|kept| {
            let mut kept = kept.try_borrow_mut().ok()?;
            let Changed { path, arguments, environment, _texts } = kept.insert(changed);
            Some(Call {
                path: path.as_ptr(),
                arguments: arguments.as_ptr(),
                environment: environment.as_ptr(),
            })
        })
        .ok()?
}

/// # Safety
/// Null, or a null-terminated array of C strings that outlive the result.
unsafe fn words<'a>(array: Words) -> Vec<&'a CStr> {
    let mut words = Vec::new();
    if array.is_null() {
        return words;
    }
    loop {
        // SAFETY: no null came before this place.
        let place = unsafe { array.add(words.len()) };
        // SAFETY: as above.
        let word = unsafe { place.read() };
        if word.is_null() {
            return words;
        }
        // SAFETY: the caller vouches for it.
        words.push(unsafe { CStr::from_ptr(word) });
    }
}

impl Armed {
    fn change(&self, path: &CStr, arguments: &[&CStr], environment: &[&CStr]) -> Changed {
        let mut texts = Vec::new();
        let mut keep = |bytes: &[u8]| {
            // The bytes come from C strings, so that none of them is 0.
            let text = CString::new(bytes).unwrap_or_default();
            let pointer = text.as_ptr();
            texts.push(text);
            pointer
        };
        let label = trace::current_context();
        let in_context = self.handover.to_str().ok().filter(|_| !label.is_empty());
        let in_context = in_context.and_then(|handover| Handover::with_context(handover, &label));
        let handover = in_context.map_or(self.handover.as_ptr(), |text| keep(text.as_bytes()));
        let mut variables = vec![handover];
        let is_ours = |text: &CStr| name_of(text) == env_vars::PROCESS.name.as_bytes();
        let kept = environment.iter().filter(|text| !is_ours(text));
        let target = target::look_at(Path::new(OsStr::from_bytes(path.to_bytes())));
        let mut new_arguments;
        let new_path;
        match target {
            Target::Python { interpreter, first_words } => {
                new_path = self.minicov.clone();
                new_arguments = vec![c"minicov".as_ptr(), c"child".as_ptr(), c"?".as_ptr()];
                new_arguments.push(keep(interpreter.as_os_str().as_bytes()));
                match first_words {
                    Some(words) => new_arguments.extend(words.iter().map(|word| keep(word.as_bytes()))),
                    None => new_arguments.extend(arguments.first().map(|word| word.as_ptr())),
                }
                new_arguments.extend(arguments.iter().skip(1).map(|word| word.as_ptr()));
                variables.extend(kept.map(|text| text.as_ptr()));
            }
            Target::Other => {
                self.bootstrap.prepare();
                new_path = path.to_owned();
                new_arguments = arguments.iter().map(|word| word.as_ptr()).collect();
                let is_search_path = |text: &CStr| name_of(text) == env_vars::PYTHONPATH.name.as_bytes();
                let (search_path, others): (Vec<&CStr>, Vec<&CStr>) =
                    kept.copied().partition(|text| is_search_path(text));
                let value = search_path.first().map(|text| &text.to_bytes()[name_of(text).len() + 1..]);
                let value = self.bootstrap.in_front_of(value.map(OsStr::from_bytes));
                let entry = [env_vars::PYTHONPATH.name.as_bytes(), b"=", value.as_bytes()].concat();
                variables.push(keep(&entry));
                variables.extend(others.iter().map(|text| text.as_ptr()));
            }
        }
        for array in [&mut new_arguments, &mut variables] {
            array.push(std::ptr::null());
        }
        Changed { path: new_path, arguments: new_arguments, environment: variables, _texts: texts }
    }
}

/// The name in `NAME=value`.
fn name_of(text: &CStr) -> &[u8] {
    text.to_bytes().split(|byte| *byte == b'=').next().unwrap_or_default()
}
