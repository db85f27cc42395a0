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

/// Pythons that this build is not for: of other versions beside its own, as pyenv's stand, and of any version in /usr/bin.
fn other_pythons() -> Vec<(u8, PathBuf)> {
    let versions = build_python().ancestors().nth(3).unwrap();
    let mut found = Vec::new();
    for entry in fs::read_dir(versions).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let minor = name.strip_prefix("3.").and_then(|rest| rest.split('.').next()?.parse::<u8>().ok());
        if let Some(minor) = minor.filter(|minor| *minor != MINOR) {
            found.push((minor, entry.path().join("bin/python")));
        }
    }
    let own = build_python().canonicalize().unwrap();
    found.extend((9..=15).map(|minor| (minor, PathBuf::from(format!("/usr/bin/python3.{minor}")))));
    found.retain(|(minor, python)| *minor >= 9 && python.canonicalize().is_ok_and(|python| python != own));
    if found.is_empty() {
        eprintln!("skipped: no other Python stands beside {}", build_python().display());
    }
    found
}

/// Whether the interpreter is part of the executable, as Debian's is.
fn is_static(python: &Path) -> bool {
    let question = "import sys; sys.exit('libpython' in open('/proc/self/maps').read())";
    Command::new(python).args(["-I", "-c", question]).status().unwrap().success()
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
    "raise_again",
    "raise_in_with",
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

fn runs_the_main_program(minor: u8, python: &Path) {
    let project = Project::with(&[("simple.py", &format!("{SIMPLE}sys.exit(5)\n"))]);
    let path = python.to_str().unwrap();
    let ours = project.minicov(&["run", "--python", path, "simple.py", "word"]).run();
    ours.code(5).stdout("['simple.py', 'word']\n").stderr(&notice(python));
    let report = project.minicov(&["report", "--format", "json", "-o", "-"]).run();
    let json = crate::harness::CoverageJson::parse(&report.stdout);
    let executed: Vec<u32> = SIMPLE_LINES.into_iter().chain([15]).collect();
    assert_eq!(json.lines("simple.py", "executed_lines"), executed, "3.{minor}");
    assert!(!project.exists(".coverage.minicov-journal"), "3.{minor}");
}

#[test]
fn another_python_runs_the_main_program() {
    runs_the_main_program(MINOR, &foreign_python());
    for (minor, python) in other_pythons() {
        runs_the_main_program(minor, &python);
    }
}

#[test]
fn a_static_python_runs_the_main_program() {
    let found = other_pythons().into_iter().find(|(_, python)| is_static(python));
    let Some((minor, python)) = found else {
        eprintln!("skipped: no other Python here is linked statically");
        return;
    };
    runs_the_main_program(minor, &python);
}

#[test]
fn modules_in_archives_are_measured_by_the_agent() {
    let module = "def f(x):\n    if x:\n        return 1\n    return 2\n";
    let main =
        "import sys\nsys.path.insert(0, 'library.zip')\nfrom package import module\nprint(module.f(1))\n";
    let project = Project::with(&[
        ("main.py", main),
        ("library/package/__init__.py", ""),
        ("library/package/module.py", module),
        ("app/__main__.py", "import helper\nprint(helper.x)\n"),
        ("app/helper.py", "x = 'helped'\n"),
    ]);
    let pack = "import shutil; [shutil.make_archive(name, 'zip', name) for name in ('library', 'app')]";
    project.python(&["-c", pack]).run().success();
    let foreign = foreign_python();
    let path = foreign.to_str().unwrap();
    for (program, output, file) in
        [("main.py", "1\n", "library.zip/package/module.py"), ("app.zip", "helped\n", "app.zip/helper.py")]
    {
        let run = |options: &[&str]| {
            let ours = project.minicov(&["run", "--erase", "--branch"]).args(options).args([program]).run();
            ours.success().stdout(output);
            let json = project.json();
            assert!(json.files().iter().any(|name| name == file), "{:?}", json.files());
            let of_each = |name: String| {
                let lines = json.lines(&name, "executed_lines");
                let branches = json.items(&name, "executed_branches");
                (name, lines, branches)
            };
            json.files().into_iter().map(of_each).collect::<Vec<_>>()
        };
        assert_eq!(run(&["--python", path]), run(&[]), "{program}");
    }
}

#[test]
fn children_of_the_agents_python_are_measured_however_they_start() {
    let ways = [
        "subprocess.run([sys.executable, 'child.py'], env={})",
        "subprocess.run([sys.executable, 'child.py'], env={'PYTHONPATH': 'lib'})",
        "subprocess.run(['sh', '-c', f'{sys.executable} child.py'], env={'PATH': os.environ['PATH']})",
        "os.system(f'{sys.executable} child.py')",
        "os.waitpid(os.posix_spawn(sys.executable, ['python', 'child.py'], {}), 0)",
        "os.waitpid(os.fork() or os.execve(sys.executable, ['python', 'child.py'], {}), 0)",
        "os.waitpid(os.fork() or os.execv(sys.executable, ['python', 'child.py']), 0)",
        "multiprocessing.get_context('spawn').Process(target=child.f).start()",
    ];
    let path = foreign_python();
    let path = path.to_str().unwrap();
    let project = Project::with(&[("lib/note.txt", "")]);
    let mut parent = "import multiprocessing, os, subprocess, sys\n".to_owned();
    for (number, way) in ways.iter().enumerate() {
        let child = format!("child_{number}");
        project.file(
            &format!("{child}.py"),
            "import os\ndef f():\n    print(os.getpid() > 0, flush=True)\nif __name__ == '__main__': f()\n",
        );
        let import = if way.contains(".f)") { format!("import {child}\n") } else { String::new() };
        project.file(
            &format!("way_{number}.py"),
            format!(
                "import multiprocessing, os, subprocess, sys\n{import}if __name__ == '__main__':\n    {}\n",
                way.replace("child", &child)
            ),
        );
        parent.extend(["subprocess.run([sys.executable, 'way_", &number.to_string(), ".py'])\n"]);
    }
    project.file("parent.py", parent);
    let ours = project.minicov(&["run", "--python", path, "parent.py"]).run();
    ours.success().stdout(&"True\n".repeat(ways.len())).stderr(&notice(Path::new(path)));
    let json = project.json();
    for (number, way) in ways.iter().enumerate() {
        let executed = json.lines(&format!("child_{number}.py"), "executed_lines");
        assert_eq!(executed, [1, 2, 3, 4], "{way}");
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
    // As well where it starts from a Python that the agent is in.
    let text = "\
import os, subprocess, sys
for _ in 1, 2: subprocess.run([sys.executable, '-B', '-E', '-c', 'print(1)'])
subprocess.run([sys.executable, '-c', 'print(2)', '-I'])
os.execv(sys.executable, [sys.executable, '-S', '-c', 'print(3)'])
";
    project.file("parent.py", text);
    let outcome = project.minicov(&["run", "--erase", "--python", path, "parent.py"]).run();
    let told = |option: &str| {
        format!(
            "minicov: warning: a child process was not measured: {path}: -{option} keeps minicov's agent out of it [child-not-measured]\n"
        )
    };
    outcome.success().stdout("1\n1\n2\n3\n");
    outcome.stderr(&format!("{}{}{}", notice(&python), told("E"), told("S")));
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
