//! Processes that the program starts: measured whatever way they start, and none the wiser.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::harness::{Command, Project, assert_same_text, venv_python, xdist_python};

/// What a process can see of how it was started.
const LOOKS_AROUND: &str = "\
import os, sys
print(__file__, sys.argv, sys.orig_argv, sys.path, sys.executable, sys.flags, sys.prefix)
print(sorted(sys.modules), sorted(sys.path_importer_cache))
print({k: v for k, v in sorted(os.environ.items()) if k != '_'}, sorted(os.environb) == sorted(map(os.fsencode, os.environ)))
print(sorted(vars(sys.modules['__main__'])), sys.stdin.read(), flush=True)
";

/// Ways to start `child.py` or its like, in Python: each sees where it got to by the function `here` of `child.py`.
const WAYS: &[&str] = &[
    "subprocess.run([sys.executable, 'child.py', 'x'], stdin=nothing)",
    "subprocess.run([sys.executable, '-m', 'child'], stdin=nothing)",
    "subprocess.run([sys.executable, '-c', 'import child; print(1)'], stdin=nothing)",
    "subprocess.run([sys.executable, '-'], input=b'import child')",
    "subprocess.run([sys.executable, '-I', 'child.py'], stdin=nothing)",
    "subprocess.run([sys.executable, '-E', 'child.py'], stdin=nothing)",
    "subprocess.run([sys.executable, '-S', 'child.py'], stdin=nothing)",
    "subprocess.run([sys.executable, '-X', 'dev', '-W', 'error', 'child.py'], stdin=nothing)",
    "subprocess.run([sys.executable, 'child.py'], env={}, stdin=nothing)",
    "subprocess.run([sys.executable, 'child.py'], env={**os.environ, 'PYTHONPATH': 'elsewhere'}, stdin=nothing)",
    "subprocess.run([sys.executable, '../child.py'], cwd='sub', stdin=nothing)",
    "subprocess.run([sys.executable, 'child.py'], close_fds=False, stdin=nothing)",
    "subprocess.run([sys.executable, 'child.py'], preexec_fn=lambda: None, stdin=nothing)",
    "subprocess.run(['python', 'child.py'], stdin=nothing)",
    "subprocess.run(['python3', 'child.py'], stdin=nothing)",
    "subprocess.run(['./tool', 'word'], stdin=nothing)",
    "subprocess.run(['./env-tool'], stdin=nothing)",
    "subprocess.run('python child.py', shell=True, stdin=nothing)",
    "subprocess.run('cd sub && FOO=1 python ../child.py; exit 3', shell=True, stdin=nothing)",
    "subprocess.run(['sh', '-c', 'python child.py'], env={'PATH': os.environ['PATH']}, stdin=nothing)",
    "os.system('python child.py < /dev/null')",
    "os.waitpid(os.posix_spawn(sys.executable, [sys.executable, 'child.py'], os.environ), 0)",
    "os.waitpid(os.posix_spawnp('python', ['python', 'child.py'], {'A': 'b', 'PATH': os.environ['PATH']}), 0)",
    "os.spawnl(os.P_WAIT, sys.executable, 'python', 'child.py')",
    "print(os.popen('python child.py < /dev/null').read(), flush=True)",
    "os.waitpid(os.fork() or os.execv(sys.executable, ['python', 'child.py']), 0)",
    "os.waitpid(os.fork() or os.execlp('python', 'python', 'child.py'), 0)",
];

fn executable(project: &Project, name: &str, text: &str) {
    project.file(name, text);
    fs::set_permissions(project.path(name), fs::Permissions::from_mode(0o755)).unwrap();
}

/// A program with the tests' environment active and first on `PATH`.
fn activated(command: Command) -> Command {
    let venv = venv_python().ancestors().nth(2).unwrap().to_path_buf();
    command.env("PATH", format!("{}/bin:/usr/bin:/bin", venv.display())).env("VIRTUAL_ENV", venv)
}

#[test]
fn children_are_measured_however_they_start_and_see_nothing_of_it() {
    let project = Project::with(&[("sub/note.txt", "")]);
    let mut parent = "import os, subprocess, sys\nnothing = subprocess.DEVNULL\n".to_owned();
    // Each way has a child of its own, so that each must have been measured.
    for (number, way) in WAYS.iter().enumerate() {
        let child = format!("child_{number}");
        parent.push_str(&way.replace("child", &child).replace("tool", &format!("tool_{number}")));
        parent.push('\n');
        project.file(&format!("{child}.py"), LOOKS_AROUND);
        for (name, interpreter) in
            [("tool", venv_python().to_str().unwrap()), ("env-tool", "/usr/bin/env python3")]
        {
            executable(&project, &format!("{name}_{number}"), &format!("#!{interpreter}\nimport {child}\n"));
        }
    }
    project.file("parent.py", &parent);
    let plain = activated(project.python(&["parent.py"])).run();
    let ours = activated(project.minicov(&["run", "parent.py"])).run();
    ours.same_as(&plain).success();
    let json = project.json();
    for (number, way) in WAYS.iter().enumerate() {
        assert!(plain.stdout.contains(&format!("child_{number}")), "{way}");
        assert!(json.files().contains(&format!("child_{number}.py")), "{way}");
        assert_eq!(json.lines(&format!("child_{number}.py"), "executed_lines"), [1, 2, 3, 4, 5], "{way}");
    }
    assert_eq!(json.lines("parent.py", "missing_lines"), [] as [u32; 0]);
}

#[test]
fn a_child_is_called_what_python_would_be() {
    let project = Project::with(&[(
        "parent.py",
        "\
import subprocess, sys
for python in (sys.executable, 'python3'):
    subprocess.run([python, '-c', 'print(open(\"/proc/self/comm\").read())'], check=True)
",
    )]);
    let plain = activated(project.python(&["parent.py"])).run();
    activated(project.minicov(&["run", "parent.py"]))
        .run()
        .same_as(&plain)
        .success()
        .stdout("python\n\npython3\n\n");
}

/// Work for a pool of processes, done by one of several hands.
const WORK: &str = "\
import sys
def work(n):
    if n % 2:
        total = 0
        for i in range(n):
            total += i
        return total
    elif n == 100:
        return None
    return -n
";

/// How the work is done: the serial way first, then others.
const HANDS: &[(&str, &str)] = &[
    ("serial", "print([work(n) for n in range(6)])"),
    (
        "process",
        "\
    import multiprocessing
    context = multiprocessing.get_context(METHOD)
    processes = [context.Process(target=work, args=(n,)) for n in range(6)]
    for process in processes: process.start()
    for process in processes: process.join()
    print([process.exitcode for process in processes])",
    ),
    (
        "pool",
        "\
    import multiprocessing
    with multiprocessing.get_context(METHOD).Pool(2) as pool:
        print(pool.map(work, range(6)))",
    ),
    (
        "executor",
        "\
    import multiprocessing, concurrent.futures
    context = multiprocessing.get_context(METHOD)
    with concurrent.futures.ProcessPoolExecutor(2, mp_context=context) as pool:
        print(list(pool.map(work, range(6))))",
    ),
];

#[test]
fn pools_of_processes_give_the_lines_of_serial_work() {
    let project = Project::with(&[("work.py", WORK)]);
    let mut expected = None;
    for (name, hand) in HANDS {
        let methods: &[&str] = if *name == "serial" { &[""] } else { &["spawn", "fork", "forkserver"] };
        for method in methods {
            let hand = hand.replace("METHOD", &format!("{method:?}"));
            let text =
                format!("from work import work\nif __name__ == '__main__':\n    {}\n", hand.trim_start());
            project.file("main.py", &text);
            let ours = project.minicov(&["run", "--erase", "--branch", "main.py"]).run();
            ours.success().stderr("");
            let json = project.json();
            let found = (json.lines("work.py", "executed_lines"), json.items("work.py", "executed_branches"));
            match &expected {
                None => expected = Some(found),
                Some(expected) => assert_eq!(&found, expected, "{name} {method}"),
            }
        }
    }
}

#[test]
fn xdist_gives_the_lines_of_a_serial_run() {
    let test =
        |n| format!("def test_{n}():\n    from pkg.work import work\n    work({n})\n    assert {n} < 12\n");
    let tests = (0..12).map(test).collect::<Vec<_>>().concat();
    let project =
        Project::with(&[("pkg/__init__.py", ""), ("pkg/work.py", WORK), ("tests/test_work.py", &tests)]);
    let venv = xdist_python().ancestors().nth(2).unwrap().to_path_buf();
    let run = |words: &[&str]| {
        let common = ["run", "--erase", "--branch", "--source", "pkg,tests", "-m", "pytest", "-q"];
        let command = project.minicov(&common).args(["-p", "no:cacheprovider"]).args(words);
        command.env("VIRTUAL_ENV", &venv).run().success().stderr("");
        project.json().normalised()
    };
    let serial = run(&[]);
    assert_same_text("-n 4", &run(&["-n", "4"]), &serial);
}

#[test]
fn a_console_script_in_a_child_is_measured() {
    let project = Project::with(&[
        ("test_it.py", "def test_it():\n    assert 1\n"),
        (
            "parent.py",
            "import subprocess\nsubprocess.run(['pytest', '-q', '-p', 'no:cacheprovider', 'test_it.py'])\n",
        ),
    ]);
    activated(project.minicov(&["run", "parent.py"])).run().success().stderr("");
    assert_eq!(project.executed("test_it.py"), [1, 2]);
}

#[test]
fn a_packages_use_by_a_child_counts_as_its_import() {
    let project = Project::with(&[
        ("parent.py", "import subprocess, sys\nsubprocess.run([sys.executable, '-c', 'import pkg'])\n"),
        ("lib/pkg/__init__.py", "x = 1\n"),
    ]);
    let lib = project.path("lib");
    let ours = project.minicov(&["run", "--source", "pkg", "parent.py"]).env("PYTHONPATH", &lib).run();
    ours.success().stderr("");
    assert_eq!(project.executed("lib/pkg/__init__.py"), [1]);
}

covtest!(execution_of_another_program_keeps_what_was_before, |core| {
    let project = Project::with(&[
        ("first.py", "import os, sys\nx = 1\nos.execv(sys.executable, ['python', 'second.py', 'word'])\n"),
        ("second.py", "import sys\nprint(sys.argv)\nif len(sys.argv) > 2:\n    never = 1\nsys.exit(4)\n"),
    ]);
    let outcome = project.run(core, &["--report", "first.py"]);
    outcome.code(4).stderr("").stdout(
        "['second.py', 'word']\n\
         Name        Stmts   Miss  Cover\n\
         -------------------------------\n\
         first.py        3      0   100%\n\
         second.py       5      1    80%\n\
         -------------------------------\n\
         TOTAL           8      1    88%\n",
    );
});

covtest!(execution_of_what_is_no_python_keeps_what_was_before, |core| {
    let program = "import os\nx = 1\nos.execv('/bin/echo', ['echo', 'instead'])\nnever = 1\n";
    let project = Project::with(&[("first.py", program)]);
    project.run(core, &["first.py"]).success().stdout("instead\n").stderr("");
    assert_eq!(project.executed("first.py"), [1, 2, 3]);
});

#[test]
fn a_child_is_measured_when_the_program_has_removed_what_brings_it_there() {
    let parent = "\
import glob, os, shutil
os.system('python first.py')
for name in glob.glob('.coverage*'):
    shutil.rmtree(name) if os.path.isdir(name) else os.remove(name)
os.system('python second.py')
";
    let project = Project::with(&[("parent.py", parent), ("first.py", "x = 1\n"), ("second.py", "y = 2\n")]);
    activated(project.minicov(&["run", "parent.py"])).run().success().stdout("").stderr("");
    // What the first child ran is gone with its journal, by the program's own doing.
    assert_eq!(project.executed("parent.py"), [1, 2, 3, 4, 5]);
    assert_eq!(project.executed("second.py"), [1]);
}

#[test]
fn a_bootstrap_in_trouble_breaks_no_child_and_says_so_once() {
    let parent = "\
import os
for turn in 1, 2:
    os.system('MINICOV_PROCESS=nonsense python child.py')
os.system('python child.py')
";
    let project = Project::with(&[("parent.py", parent), ("child.py", "print('runs')\n")]);
    let outcome = activated(project.minicov(&["run", "parent.py"])).run();
    outcome.success().stdout("runs\nruns\nruns\n");
    let told = "minicov: warning: a child process was not measured: ";
    assert!(outcome.stderr.starts_with(told) && outcome.stderr.contains("nonsense"), "{}", outcome.stderr);
    assert_eq!(outcome.stderr.matches("[child-not-measured]").count(), 1, "{}", outcome.stderr);
    assert_eq!(outcome.stderr.lines().count(), 1, "{}", outcome.stderr);
    assert_eq!(project.executed("child.py"), [1]);
}

#[test]
fn the_users_own_sitecustomize_has_its_turn() {
    let project = Project::with(&[
        ("lib/sitecustomize.py", "import sys\nsys.was_here = __file__, __name__\n"),
        ("child.py", "import sys\nprint(sys.was_here, sys.modules['sitecustomize'], sys.path)\n"),
        ("parent.py", "import os\nos.system('python child.py')\n"),
    ]);
    let lib = project.path("lib");
    let plain = activated(project.python(&["parent.py"])).env("PYTHONPATH", &lib).run();
    let ours = activated(project.minicov(&["run", "parent.py"])).env("PYTHONPATH", &lib).run();
    ours.same_as(&plain).success();
    assert_eq!(project.executed("child.py"), [1, 2]);
}

#[test]
fn a_minicov_in_a_child_minds_its_own_business() {
    let project = Project::with(&[("inner.py", LOOKS_AROUND)]);
    let minicov = env!("CARGO_BIN_EXE_minicov");
    let words = format!("[{minicov:?}, 'run', '--data-file', 'inner.db', 'inner.py']");
    let start = format!("subprocess.run({words}, stdin=subprocess.DEVNULL)");
    project.file("parent.py", format!("import subprocess\n{start}\n"));
    let plain = project.python(&["inner.py"]).env("VIRTUAL_ENV", venv_python().ancestors().nth(2).unwrap());
    let plain = plain.run();
    project.minicov(&["run", "parent.py"]).run().success().stdout(&plain.stdout).stderr("");
    assert_eq!(project.reported_files(), ["parent.py"]);
    project.minicov(&["report", "--data-file", "inner.db", "inner.py"]).run().success();
}

#[test]
fn what_cannot_be_started_fails_as_it_does_without_minicov() {
    let program = "\
import os, subprocess
for words in ['/no/such/python'], ['python-that-is-not'], ['./text'], ['.']:
    for start in subprocess.run, lambda words: os.posix_spawn(words[0], words, {}), lambda words: os.execv(words[0], words):
        try: start(words)
        except OSError as error: print(words, error)
";
    let project = Project::with(&[("parent.py", program), ("text", "no program")]);
    let plain = project.python(&["parent.py"]).run();
    project.minicov(&["run", "parent.py"]).run().same_as(&plain).success();
}

#[test]
fn a_child_that_cannot_be_measured_runs_and_is_told_of_once() {
    let text = "import subprocess\nfor n in 'ab':\n    subprocess.run(['./python3.8', n])\n";
    let project = Project::with(&[("parent.py", text)]);
    fs::copy("/bin/echo", project.path("python3.8")).unwrap();
    let python = project.path("python3.8");
    project.minicov(&["run", "parent.py"]).run().success().stdout("a\nb\n").stderr(&format!(
        "minicov: warning: a child process was not measured: {}: Python 3.8 is older than 3.9 [child-not-measured]\n",
        python.display()
    ));
    assert_eq!(project.executed("parent.py"), [1, 2, 3]);
}

#[test]
fn a_child_in_trouble_is_told_of_by_the_main_process() {
    let limited = "\
import resource, signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))
import big
print('done')
";
    let big: String = vec!["x = 1\n"; 9000].concat();
    let project = Project::with(&[
        ("parent.py", "import subprocess, sys\nsubprocess.run([sys.executable, 'limited.py'])\n"),
        ("limited.py", limited),
        ("big.py", &big),
    ]);
    let outcome = project.minicov(&["run", "parent.py"]).run();
    outcome.success().stdout("done\n");
    let told = outcome
        .stderr
        .strip_prefix("minicov: warning: a child process was measured in part: couldn't extend the journal ");
    assert!(told.is_some_and(|told| told.ends_with(" [child-not-measured]\n")), "{}", outcome.stderr);
    assert_eq!(outcome.stderr.lines().count(), 1, "{}", outcome.stderr);
    assert_eq!(project.executed("limited.py")[..4], [1, 2, 3, 4]);
}
