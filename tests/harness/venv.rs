//! The virtual environment that the tests' programs run in: of the Python this build is for, with pytest and coverage.py.
//!
//! Made once for a target folder, by whichever test comes first.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{MINOR, repository};

/// The interpreter that this build of minicov was made for.
pub(crate) fn build_python() -> &'static Path {
    Path::new(env!("MINICOV_BUILD_PYTHON"))
}

/// A folder that stays from run to run, for what is dear to make.
pub(crate) fn tmp_folder() -> &'static Path {
    Path::new(env!("CARGO_TARGET_TMPDIR"))
}

/// The environment's python. Makes the environment where there is none for the pinned requirements.
pub(crate) fn venv_python() -> PathBuf {
    named_venv("venv", "tests/requirements.txt")
}

/// The python of an environment that has pytest-xdist besides.
pub(crate) fn xdist_python() -> PathBuf {
    named_venv("venv-xdist", "tests/requirements-xdist.txt")
}

/// The python of an environment that has Django.
pub(crate) fn django_python() -> PathBuf {
    named_venv("venv-django", "tests/requirements-django.txt")
}

/// The python of an environment that has greenlet and gevent; `None` where PyPI has no wheels of them.
pub(crate) fn greenlet_python() -> Option<PathBuf> {
    if MINOR >= 15 {
        eprintln!("skipped: there are no wheels of greenlet and gevent for Python 3.{MINOR} yet");
        return None;
    }
    Some(named_venv("venv-greenlet", "tests/requirements-greenlet.txt"))
}

/// The python of the environment called `name`, made for the requirements in a file of the repository.
fn named_venv(name: &str, requirements: &str) -> PathBuf {
    let requirements = repository().join(requirements);
    let wanted = format!("{}\n{}", build_python().display(), fs::read_to_string(&requirements).unwrap());
    let folder = tmp_folder().join(name);
    let python = folder.join("bin/python");
    let stamp = folder.join("made-for");
    let is_made = || fs::read_to_string(&stamp).is_ok_and(|made| made == wanted) && python.exists();
    if is_made() {
        return python;
    }
    with_lock(name, || {
        if is_made() {
            return;
        }
        let _ = fs::remove_dir_all(&folder);
        run(Command::new(build_python()).args(["-m", "venv"]).arg(&folder));
        run(Command::new(&python).args(["-m", "pip", "install", "-q", "-r"]).arg(&requirements));
        fs::write(&stamp, &wanted).unwrap();
    });
    python
}

/// Runs `body` while no other test process runs one under the same name.
pub(crate) fn with_lock<T>(name: &str, body: impl FnOnce() -> T) -> T {
    fs::create_dir_all(tmp_folder()).unwrap();
    let lock = File::create(tmp_folder().join(format!("{name}.lock"))).unwrap();
    lock.lock().unwrap();
    body()
}

fn run(command: &mut Command) {
    let output = command.env_remove("PYTHONPATH").env_remove("PYTHONHOME").output().unwrap();
    assert!(
        output.status.success(),
        "the tests' virtual environment could not be made: {command:?}: {}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}
