//! The agent: Pythons that no minicov is built for, as children and as the main program.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::Signal;

use crate::harness::{MINOR, Project, build_python, repository, tmp_folder, venv_python, with_lock};

/// A Python of this build's version that is not the one minicov is linked to: a copy with a prefix of its own.
fn foreign_python() -> PathBuf {
    let prefix = tmp_folder().join("foreign");
    let name = format!("python3.{MINOR}");
    let python = prefix.join("bin").join(&name);
    with_lock("foreign", || {
        if python.exists() {
            return;
        }
        let question = "import os, sys; print(os.path.realpath(sys.executable), os.path.dirname(os.__file__), sys.platlibdir)";
        let answer = Command::new(build_python()).args(["-I", "-c", question]).output().unwrap();
        let answer = String::from_utf8(answer.stdout).unwrap();
        let [executable, library, folder] = answer.split_whitespace().collect::<Vec<_>>()[..] else {
            panic!("{answer}")
        };
        fs::create_dir_all(prefix.join(folder)).unwrap();
        fs::create_dir_all(prefix.join("bin")).unwrap();
        let _ = symlink(library, prefix.join(folder).join(&name));
        let unfinished = python.with_extension("unfinished");
        fs::copy(executable, &unfinished).unwrap();
        fs::set_permissions(&unfinished, fs::Permissions::from_mode(0o755)).unwrap();
        fs::rename(&unfinished, &python).unwrap();
    });
    python
}

/// Pythons of other versions that stand beside the one this build is for, as pyenv's do.
fn other_pythons() -> Vec<(u8, PathBuf)> {
    let versions = build_python().ancestors().nth(3).unwrap();
    let mut found = Vec::new();
    for entry in fs::read_dir(versions).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let minor = name.strip_prefix("3.").and_then(|rest| rest.split('.').next()?.parse::<u8>().ok());
        let python = entry.path().join("bin/python");
        if let Some(minor) = minor.filter(|minor| *minor >= 9 && *minor != MINOR)
            && python.exists()
        {
            found.push((minor, python));
        }
    }
    if found.is_empty() {
        eprintln!("skipped: no other Python stands beside {}", build_python().display());
    }
    found
}

fn notice(python: &Path) -> String {
    format!(
        "minicov: notice: {} is not this minicov's Python 3.{MINOR}: a slower agent in pure Python measures there\n",
        python.display()
    )
}

/// Programs of fixtures/programs of many kinds.
const PROGRAMS: &[&str] = &[
    "async_functions",
    "classes",
    "comprehensions",
    "conditions",
    "exceptions_uncaught_in_calls",
    "generators",
    "loops",
    "match_statements",
    "multi_line",
    "one_liners",
    "generators_with_cleanup",
    "if_ladders",
    "threads",
    "try_finally",
    "with_statements",
];

#[test]
fn the_agent_sees_what_the_core_settrace_sees() {
    let project = Project::new();
    let mut start = "import subprocess, sys\nfor name in sys.argv[2:]:\n".to_owned();
    start.push_str("    subprocess.run([sys.argv[1], name + '.py'], capture_output=True)\n");
    project.file("parent.py", start);
    for name in PROGRAMS {
        let file = format!("{name}.py");
        project.file(&file, fs::read(repository().join("fixtures/programs").join(&file)).unwrap());
    }
    let foreign = foreign_python();
    let run = |options: &[&str], python: &Path| {
        let command = project.minicov(&["run", "--erase"]).args(options).args(["parent.py"]).args([python]);
        command.args(PROGRAMS).run().success().stderr("");
        project.json()
    };
    // Lines come from sys.monitoring where Python has it.
    let expected = run(&["--branch", "--core", "settrace"], &venv_python());
    let (lines, branches) = (run(&[], &foreign), run(&["--branch"], &foreign));
    for name in PROGRAMS {
        let file = format!("{name}.py");
        let executed = expected.lines(&file, "executed_lines");
        assert_eq!(lines.lines(&file, "executed_lines"), executed, "{file}");
        assert_eq!(branches.lines(&file, "executed_lines"), executed, "{file}, with branches");
        let taken = |json: &crate::harness::CoverageJson| json.items(&file, "executed_branches");
        assert_eq!(taken(&branches), taken(&expected), "{file}");
    }
}

/// A program of few words, and the lines of it that run.
const SIMPLE: &str = "\
import sys, threading
def work(n):
    if n > 1:
        return [x for x in range(n)]
    return None
work(2)
def later():
    return work(0)
thread = threading.Thread(target=later)
thread.start()
thread.join()
if sys.argv[1:] == ['never']:
    never = 1
print(sys.argv)
";
const SIMPLE_LINES: [u32; 13] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14];

#[test]
fn children_of_other_versions_are_measured() {
    for (minor, python) in other_pythons() {
        let project = Project::with(&[("simple.py", SIMPLE)]);
        let python = python.display();
        // Directly, with a shell in between, and from a Python of that version with an environment of the program's making.
        let ways = [
            format!("subprocess.run(['{python}', 'simple.py'])"),
            format!("os.system('{python} simple.py')"),
            format!(
                "subprocess.run(['{python}', '-c', 'import os, subprocess, sys; subprocess.run([sys.executable, \"simple.py\"], env=dict(os.environ, A=\"b\"))'])"
            ),
        ];
        for way in ways {
            project.file("parent.py", format!("import os, subprocess\n{way}\n"));
            let ours = project.minicov(&["run", "--erase", "--branch", "parent.py"]).run();
            ours.success().stdout("['simple.py']\n").stderr("");
            let json = project.json();
            assert_eq!(json.lines("simple.py", "executed_lines"), SIMPLE_LINES, "3.{minor}: {way}");
            let taken: Vec<String> = json.items("simple.py", "executed_branches").into_iter().collect();
            assert_eq!(taken, ["[12,14]", "[3,4]", "[3,5]"], "3.{minor}: {way}");
        }
    }
}

#[test]
fn another_python_runs_the_main_program() {
    let mut pythons = other_pythons();
    pythons.push((MINOR, foreign_python()));
    for (minor, python) in pythons {
        let project = Project::with(&[("simple.py", &format!("{SIMPLE}sys.exit(5)\n"))]);
        let path = python.to_str().unwrap();
        let ours = project.minicov(&["run", "--python", path, "simple.py", "word"]).run();
        ours.code(5).stdout("['simple.py', 'word']\n").stderr(&notice(&python));
        let report = project.minicov(&["report", "--format", "json", "-o", "-"]).run();
        let json = crate::harness::CoverageJson::parse(&report.stdout);
        let executed: Vec<u32> = SIMPLE_LINES.into_iter().chain([15]).collect();
        assert_eq!(json.lines("simple.py", "executed_lines"), executed, "3.{minor}");
        assert!(!project.exists(".coverage.minicov-journal"), "3.{minor}");
    }
}

#[test]
fn the_end_of_another_python_is_ours() {
    let python = foreign_python();
    let project = Project::with(&[(
        "ends.py",
        "import os, sys\ndef f():\n    os.kill(os.getpid(), int(sys.argv[1]))\nf()\n",
    )]);
    for signal in [Signal::TERM, Signal::KILL, Signal::INT] {
        let number = signal.as_raw().to_string();
        let words = ["run", "--erase", "--python", python.to_str().unwrap(), "ends.py", &number];
        let outcome = project.minicov(&words).run();
        outcome.killed_by(signal);
        assert!(outcome.stderr.starts_with(&notice(&python)), "{}", outcome.stderr);
        assert_eq!(project.executed("ends.py"), [1, 2, 3, 4], "{number}");
    }
}

#[test]
fn a_signal_goes_on_to_another_python() {
    let python = foreign_python();
    let text = "import signal, sys, os, time\ndef handler(number, frame):\n    print('handled')\n    sys.exit(3)\nsignal.signal(signal.SIGTERM, handler)\nos.kill(os.getppid(), signal.SIGTERM)\nwhile True:\n    time.sleep(0.01)\n";
    let project = Project::with(&[("waits.py", text)]);
    let outcome = project.minicov(&["run", "--python", python.to_str().unwrap(), "waits.py"]).run();
    outcome.code(3).stdout("handled\n").stderr(&notice(&python));
    assert_eq!(project.executed("waits.py")[..4], [1, 2, 3, 4]);
}

#[test]
fn options_that_keep_the_agent_out_are_named() {
    let python = foreign_python();
    let path = python.to_str().unwrap();
    let project = Project::with(&[(
        "parent.py",
        &format!("import subprocess\nfor _ in 1, 2: subprocess.run(['{path}', '-I', '-c', 'print(1)'])\n"),
    )]);
    let ours = project.minicov(&["run", "--python", path, "-uS", "-c", "print(1)"]).run();
    ours.code(1).stdout("").stderr(&format!(
        "minicov: error: {path} is not this minicov's Python 3.{MINOR}, and python's -S keeps minicov's agent out of it\n"
    ));
    project.minicov(&["run", "parent.py"]).run().success().stdout("1\n1\n").stderr(&format!(
        "minicov: warning: a child process was not measured: {path}: it is another Python than minicov's, and -I keeps minicov's agent out of it [child-not-measured]\n"
    ));
}

#[test]
fn a_program_under_the_agent_sees_nothing_else_of_it() {
    let look = "\
import os, sys
print(sys.argv, sys.path, sys.executable, sys.flags, sys.prefix, sorted(sys.path_importer_cache))
print({k: v for k, v in sorted(os.environ.items()) if k not in ('_', 'PWD')}, 'sitecustomize' in sys.modules)
print(sorted(vars(sys.modules['__main__'])), sys.excepthook is sys.__excepthook__, flush=True)
";
    let python = foreign_python();
    let path = python.to_str().unwrap();
    let project = Project::with(&[
        ("look.py", look),
        (
            "parent.py",
            &format!(
                "import os, subprocess\nsubprocess.run(['{path}', 'look.py'])\nos.system('{path} look.py')\n"
            ),
        ),
        ("lib/note.txt", ""),
    ]);
    let lib = project.path("lib");
    for search_path in [None, Some(lib.to_str().unwrap())] {
        let with = |command: crate::harness::Command| match search_path {
            Some(search_path) => command.env("PYTHONPATH", search_path),
            None => command,
        };
        let venv = venv_python().ancestors().nth(2).unwrap().to_path_buf();
        let plain = with(project.python(&["parent.py"]).env("VIRTUAL_ENV", venv)).run();
        let ours = with(project.minicov(&["run", "--erase", "parent.py"])).run();
        ours.same_as(&plain).success();
        assert_eq!(project.executed("look.py"), [1, 2, 3, 4]);
    }
}

#[test]
fn what_the_agent_saw_survives_forks_and_kills() {
    let program = "\
import os, signal
def child():
    x = 1
    os.kill(os.getpid(), signal.SIGKILL)
process = os.fork()
if not process:
    child()
os.waitpid(process, 0)
os._exit(0)
";
    let path = foreign_python();
    let project = Project::with(&[
        ("dies.py", program),
        ("parent.py", &format!("import subprocess\nsubprocess.run(['{}', 'dies.py'])\n", path.display())),
    ]);
    project.minicov(&["run", "parent.py"]).run().success().stderr("");
    assert_eq!(project.executed("dies.py"), [1, 2, 3, 4, 5, 6, 7, 8, 9]);
}

#[test]
fn patterns_and_packages_count_under_the_agent_too() {
    let path = foreign_python();
    let project = Project::with(&[
        (
            "parent.py",
            &format!(
                "import subprocess\nsubprocess.run(['{}', '-c', 'import pkg.a, pkg.b'])\n",
                path.display()
            ),
        ),
        ("pkg/__init__.py", "x = 1\n"),
        ("pkg/a.py", "x = 1\n"),
        ("pkg/b.py", "x = 1\n"),
    ]);
    for (options, expected) in [
        (&["--include", "pkg/*"][..], &["pkg/__init__.py", "pkg/a.py", "pkg/b.py"][..]),
        (&["--omit", "*/a.py"], &["parent.py", "pkg/__init__.py", "pkg/b.py"]),
        (&["--source", "pkg.a"], &["pkg/a.py"]),
    ] {
        let command = project.minicov(&["run", "--erase"]).args(options).args(["parent.py"]);
        command.run().success().stderr("");
        assert_eq!(project.reported_files(), expected, "{options:?}");
    }
}
