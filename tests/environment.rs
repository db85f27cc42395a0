//! Which Python runs: the one that `python` would start for the user.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use crate::harness::{MINOR, Project, build_python, venv_python};

const WHO: &str = "import sys; print(sys.executable); print(sys.prefix)";

/// minicov without an active environment and with this PATH.
fn bare(project: &Project, path: &str) -> crate::harness::Command {
    project.minicov(&["run", "-c", WHO]).without_env("VIRTUAL_ENV").env("PATH", path)
}

fn venv() -> std::path::PathBuf {
    venv_python().ancestors().nth(2).unwrap().to_path_buf()
}

fn who(executable: &Path, prefix: &Path) -> String {
    format!("{}\n{}\n", executable.display(), prefix.display())
}

fn executable(project: &Project, name: &str, text: &str) {
    project.file(name, text);
    fs::set_permissions(project.path(name), fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn an_active_environment_wins() {
    let project = Project::new();
    let outcome = project.minicov(&["run", "-c", WHO]).run();
    outcome.success().stdout(&who(&venv().join("bin/python"), &venv()));
}

#[test]
fn packages_of_the_environment_are_there() {
    let project = Project::new();
    let outcome = project.minicov(&["run", "-c", "import pytest; print(pytest.__version__)"]).run();
    outcome.success().stdout("9.2.0\n");
}

#[test]
fn without_one_the_first_python_on_path() {
    let project = Project::new();
    let path = format!("/nonexistent:{}:/usr/bin", venv().join("bin").display());
    bare(&project, &path).run().success().stdout(&who(&venv().join("bin/python3"), &venv()));
}

#[test]
fn an_environment_that_is_gone_is_passed_over() {
    let project = Project::new();
    let path = format!("{}", venv().join("bin").display());
    let outcome = bare(&project, &path).env("VIRTUAL_ENV", "/no/such/environment").run();
    outcome.success().stdout(&who(&venv().join("bin/python3"), &venv()));
}

#[test]
fn a_shim_script_stands_for_the_interpreter_it_starts() {
    let project = Project::new();
    executable(&project, "shims/python3", &format!("#!/bin/sh\nexec {} \"$@\"\n", build_python().display()));
    let plain = project.command(build_python()).args(["-c", WHO]).run();
    let outcome = bare(&project, &project.path("shims").display().to_string()).run();
    outcome.success().stdout(&plain.stdout);
}

#[test]
fn an_option_names_another() {
    let project = Project::new();
    symlink(venv(), project.path("env")).unwrap();
    let outcome = project
        .minicov(&["run", "--python", "env/bin/python", "-c", WHO])
        .env("VIRTUAL_ENV", "/no/such/environment")
        .run();
    outcome.success().stdout(&who(&project.path("env/bin/python"), &project.path("env")));
}

#[test]
fn an_old_version_gets_a_sentence() {
    let project = Project::new();
    project.file("env/pyvenv.cfg", "home = /usr/bin\nversion = 3.8.1\n");
    executable(&project, "env/bin/python", "not really one");
    let before = project.everything();
    let outcome = project.minicov(&["run", "-c", "print()"]).env("VIRTUAL_ENV", project.path("env")).run();
    outcome.code(1).stdout("").stderr(&format!(
        "minicov: error: {} is Python 3.8, and minicov measures CPython 3.9 and newer\n\
         minicov: hint: --python PATH names another interpreter\n",
        project.path("env/bin/python").display()
    ));
    assert_eq!(project.everything(), before);
}

#[test]
fn a_sibling_for_the_other_version_takes_over() {
    let project = Project::new();
    let minor = if MINOR == 12 { 11 } else { 12 };
    fs::create_dir(project.path("bin")).unwrap();
    fs::copy(env!("CARGO_BIN_EXE_minicov"), project.path("bin/minicov")).unwrap();
    executable(&project, &format!("bin/minicov3.{minor}"), "#!/bin/sh\necho sibling \"$@\"\nexit 7\n");
    project.file("env/pyvenv.cfg", format!("version_info = 3.{minor}.1.final.0\n"));
    executable(&project, "env/bin/python", "not really one");
    let outcome = project
        .command(project.path("bin/minicov"))
        .args(["run", "-m", "thing", "--x"])
        .env("VIRTUAL_ENV", project.path("env"))
        .run();
    outcome.code(7).stdout("sibling run -m thing --x\n").stderr("");
}

#[test]
fn no_python_at_all_gets_a_sentence() {
    let project = Project::new();
    bare(&project, "/nonexistent").run().code(1).stdout("").stderr(
        "minicov: error: no python3 or python was found on PATH\n\
         minicov: hint: activate a virtual environment, or name the interpreter with --python PATH\n",
    );
    let outcome = project.minicov(&["run", "--python", "nothing/here", "-c", "1"]).run();
    outcome.code(1).stdout("").stderr(&format!(
        "minicov: error: there is no executable Python at {}\n\
         minicov: hint: --python PATH names another interpreter\n",
        project.path("nothing/here").display()
    ));
    assert!(project.everything().is_empty());
}

#[test]
fn children_of_the_program_get_the_real_python() {
    let project = Project::with(&[(
        "parent.py",
        "import subprocess, sys\nsys.stdout.flush()\nsubprocess.run([sys.executable, '-c', 'import sys; print(sys.executable, sys.argv)'])\n",
    )]);
    let plain = project.python(&["parent.py"]).run();
    project.minicov(&["run", "parent.py"]).run().same_as(&plain);
}
