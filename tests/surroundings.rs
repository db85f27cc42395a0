//! Programs that are hard on what minicov needs for itself: descriptors, files, stack, processes.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use crate::harness::{MINOR, Project};

/// A program that runs `count` new lines.
fn long(count: usize) -> String {
    (0..count).map(|number| format!("x{number} = {number}\n")).collect::<Vec<_>>().concat()
}

covtest!(a_program_may_close_all_descriptors_and_open_its_own, |core| {
    let program = "\
import os
os.closerange(3, 1024)
f = open('user.db', 'w+b')
f.write(b'precious')
f.flush()
with open('big.py', 'w') as text:
    text.write('\\n'.join(f'x{i} = {i}' for i in range(9000)))
import big
print(os.path.getsize('user.db'))
";
    let project = Project::with(&[("closes.py", program)]);
    project.run(core, &["closes.py"]).success().stdout("8\n").stderr("");
    assert_eq!(project.executed("closes.py"), [1, 2, 3, 4, 5, 6, 7, 8, 9]);
    assert_eq!(project.executed("big.py").len(), 9000);
});

covtest!(a_program_may_remove_the_journal, |core| {
    let program = "\
import glob, os, shutil
for name in glob.glob('.coverage*'):
    shutil.rmtree(name) if os.path.isdir(name) else os.remove(name)
x = 1
";
    let project = Project::with(&[("tidies.py", program)]);
    project.run(core, &["tidies.py"]).success().stdout("").stderr("");
    assert_eq!(project.executed("tidies.py"), [1, 2, 3, 4]);
});

covtest!(a_forked_child_without_news_leaves_its_parents_data_alone, |core| {
    let program = "\
import os, sys
def job(forked):
    if forked == 0: sys.exit(0)
try: job(0)
except SystemExit: pass
def go(): job(os.fork()); os.wait()
go()
print('parent goes on')
tail = 1
";
    let project = Project::with(&[("forks.py", program)]);
    project.run(core, &["forks.py"]).success().stdout("parent goes on\n").stderr("");
    assert_eq!(project.executed("forks.py"), [1, 2, 3, 4, 5, 6, 7, 8, 9]);
});

covtest!(new_code_at_the_recursion_limit_is_measured_later, |core| {
    // Python 3.11 has no limit of its own for recursion through C code, and overflows its stack here.
    if MINOR == 11 {
        return;
    }
    let program = "\
import sys
sys.setrecursionlimit(10**6)
def fresh():
    return 1
def deep(n):
    try:
        return list(map(deep, [n + 1]))
    except RecursionError:
        fresh()
        raise
try:
    deep(0)
except RecursionError:
    print('caught')
def after():
    return 2
after()
";
    let project = Project::with(&[("deep.py", program)]);
    project.run(core, &["deep.py"]).success().stdout("caught\n").stderr("");
    let executed = project.executed("deep.py");
    assert!([16, 17].iter().all(|line| executed.contains(line)), "{executed:?}");
});

covtest!(a_full_quota_ends_measuring_and_nothing_else, |core| {
    // The default action of SIGXFSZ is death; python ignores the signal, this program does not.
    let program = "\
import resource, signal, sys
sys.dont_write_bytecode = True
signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))
import big
print('done')
";
    let project = Project::with(&[("limited.py", program), ("big.py", &long(9000))]);
    let outcome = project.run(core, &["limited.py"]);
    outcome.success().stdout("done\n");
    let notice = outcome
        .stderr
        .strip_prefix("minicov: warning: measuring stopped early: couldn't extend the journal ");
    assert!(notice.is_some_and(|notice| notice.ends_with(" [measuring-stopped]\n")), "{}", outcome.stderr);
    assert_eq!(outcome.stderr.lines().count(), 1, "{}", outcome.stderr);
    let executed = project.executed("big.py");
    assert_eq!(executed, (1..=executed.len() as u32).collect::<Vec<_>>());
    assert!(executed.len() > 2000, "{}", executed.len());
});

#[test]
fn a_full_disk_ends_measuring_and_nothing_else() {
    let project = Project::with(&[("program.py", "import big\nprint('done')\n"), ("big.py", &long(9000))]);
    fs::create_dir(project.path("small")).unwrap();
    let small = project.path("small");
    let mounted =
        project.command("/bin/mount").args(["-t", "tmpfs", "-o", "size=128k", "tmpfs"]).args([&small]).run();
    if !mounted.status.success() {
        eprintln!("skipped: a small file system cannot be mounted here: {}", mounted.stderr);
        return;
    }
    let outcome = project.minicov(&["run", "--data-file=small/data", "program.py"]).run();
    // The disk is full of the journal, so not even what was recorded fits into the data file.
    let kept = fs::read_dir(small.join("data.minicov-journal")).map_or(0, Iterator::count);
    project.command("/bin/umount").args([&small]).run().success();
    outcome.success().stdout("done\n");
    for slug in ["[measuring-stopped]", "[data-kept-back]"] {
        assert_eq!(outcome.stderr.matches(slug).count(), 1, "{}", outcome.stderr);
    }
    assert_eq!(kept, 2, "the journal, and .gitignore");
}

covtest!(memory_that_runs_out_is_the_programs_business, |core| {
    let program = "\
import resource
def fresh():
    return 1
with open('/proc/self/statm') as file:
    pages = int(file.read().split()[0])
resource.setrlimit(resource.RLIMIT_AS, (pages * 4096 + 30_000_000, resource.RLIM_INFINITY))
kept = []
try:
    while True:
        kept.append(bytearray(1_000_000))
except MemoryError:
    fresh()
    del kept
print('done')
";
    let project = Project::with(&[("hungry.py", program)]);
    project.run(core, &["hungry.py"]).success().stdout("done\n").stderr("");
    assert_eq!(project.executed("hungry.py"), (1..=14).collect::<Vec<_>>());
});

covtest!(all_descriptors_in_use, |core| {
    let program = "\
import os, resource
resource.setrlimit(resource.RLIMIT_NOFILE, (700, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
try:
    while True:
        os.dup(0)
except OSError:
    full = True
if os.fork() == 0:
    child = 1
    os._exit(0)
os.wait()
print('done')
";
    let project = Project::with(&[("greedy.py", program)]);
    project.run(core, &["greedy.py"]).success().stdout("done\n").stderr("");
    assert_eq!(project.executed("greedy.py"), (1..=12).collect::<Vec<_>>());
});

// As many as systems allow by default where they allow many.
covtest!(more_descriptors_than_sixteen_bits_count, |core| {
    let program = "\
import os, resource
soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
wanted = 65_600 if hard == resource.RLIM_INFINITY else min(65_600, hard)
resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
last = 0
try:
    while True:
        last = os.dup(0)
except OSError:
    full = True
with open('/proc/self/fd/0') if last == wanted else os.fdopen(last) as file:
    pass
import big
os.closerange(3, wanted)
print('done', wanted if last != wanted - 1 else 'all')
";
    let project = Project::with(&[("greedy.py", program), ("big.py", &long(5000))]);
    project.run(core, &["greedy.py"]).success().stdout("done all\n").stderr("");
    assert_eq!(project.executed("greedy.py"), (1..=15).collect::<Vec<_>>());
    assert_eq!(project.executed("big.py").len(), 5000);
});

/// A memory group of the kernel's with a limit, in which the kernel kills whoever wants more; `None` where none can be made.
fn memory_group(name: &str, limit: usize) -> Option<PathBuf> {
    for (folder, files) in [
        ("/sys/fs/cgroup/memory", &["memory.limit_in_bytes", "memory.memsw.limit_in_bytes"][..]),
        ("/sys/fs/cgroup", &["memory.max"]),
    ] {
        let group = Path::new(folder).join(format!("minicov-{name}-{}", std::process::id()));
        if fs::create_dir(&group).is_err() {
            continue;
        }
        // Where memory may go to a disk, the limit alone kills nobody.
        let no_swap = fs::read_to_string("/proc/swaps").is_ok_and(|swaps| swaps.lines().count() < 2);
        let set =
            |file: &&str| group.join(file).exists() && fs::write(group.join(file), limit.to_string()).is_ok();
        if files[..1].iter().all(set) && (no_swap || files[1..].iter().all(set)) {
            return Some(group);
        }
        let _ = fs::remove_dir(&group);
    }
    eprintln!("skipped: no memory group can be made here");
    None
}

covtest!(a_process_that_the_kernel_kills_for_its_memory, |core| {
    let Some(group) = memory_group(core, 400 << 20) else { return };
    let program = "\
import os
def fresh():
    return 1
with open('/proc/self/oom_score_adj', 'w') as file:
    file.write('1000')
kept = []
os.write(1, b'begins\\n')
fresh()
while True:
    kept.append(b'x' * 10_000_000)
";
    let project = Project::with(&[("hungry.py", program)]);
    let script = format!(
        "echo $$ > {}/cgroup.procs; exec {} run --core {core} hungry.py",
        group.display(),
        env!("CARGO_BIN_EXE_minicov")
    );
    let venv = crate::harness::venv_python();
    let command = project.command("/bin/sh").args(["-c", &script]);
    let outcome = command.env("VIRTUAL_ENV", venv.ancestors().nth(2).unwrap()).run();
    let _ = fs::remove_dir(&group);
    outcome.killed_by(rustix::process::Signal::KILL).stdout("begins\n").stderr("");
    assert_eq!(project.executed("hungry.py"), (1..=10).collect::<Vec<_>>());
});

covtest!(a_child_that_cannot_record_is_told_of, |core| {
    // The very first line that the child runs is one too many.
    let program = "\
import os, resource
def child():
    return 1
resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, resource.RLIM_INFINITY))
if os.fork() == 0:
    child()
    child()
    os._exit(7)
print(os.wait()[1] >> 8)
";
    let project = Project::with(&[("forks.py", program)]);
    let outcome = project.run(core, &["forks.py"]);
    outcome.success().stdout("7\n").stderr(
        "minicov: warning: 1 forked process could not open a journal, so what it ran is lost [data-lost]\n",
    );
    assert_eq!(project.executed("forks.py"), [1, 2, 4, 5, 9]);
});

covtest!(a_folder_that_is_removed_during_the_run, |core| {
    let project =
        Project::with(&[("program.py", "import os, shutil\nshutil.rmtree(os.getcwd())\nprint('done')\n")]);
    fs::create_dir(project.path("sub")).unwrap();
    let outcome = project.minicov(&["run", "--core", core, "../program.py"]).folder("sub").run();
    outcome.success().stdout("done\n");
    let says = format!(
        "minicov: warning: couldn't use data file '{}': its folder doesn't exist; the program removed its journal, so what this process ran is lost [data-lost]\n",
        project.path("sub/.coverage").display()
    );
    outcome.stderr(&says);
});

#[test]
fn a_current_folder_that_is_gone() {
    let project = Project::with(&[("program.py", "print('done')\n")]);
    let minicov = env!("CARGO_BIN_EXE_minicov");
    let venv = crate::harness::venv_python();
    let run = |words: &str| {
        let script = format!("mkdir gone && cd gone && rmdir ../gone && exec {minicov} run {words}");
        let command = project.command("/bin/sh").args(["-c", &script]);
        command.env("VIRTUAL_ENV", venv.ancestors().nth(2).unwrap()).run()
    };
    let program = project.path("program.py").display().to_string();
    let data_file = project.path("data").display().to_string();
    run(&format!("--data-file {data_file} {program}")).success().stdout("done\n").stderr("");
    let outcome = run(&program);
    outcome.code(1).stdout("");
    assert!(outcome.stderr.contains("minicov: hint: give --data-file a place"), "{}", outcome.stderr);
    let outcome = project.minicov(&["report", "--format=console", "--data-file=data"]).run();
    outcome.success().stderr("");
    assert!(outcome.stdout.contains("program.py       1      0   100%"), "{}", outcome.stdout);
}

covtest!(a_program_that_goes_elsewhere, |core| {
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: only root may change its root");
        return;
    }
    // More than a segment of lines runs where the journal's path leads nowhere, and for a user who may not write there.
    let program = "\
import os
import threading
os.mkdir('jail')
os.chdir('jail')
text = compile(open('../big.py').read(), os.path.abspath('../big.py'), 'exec')
os.chroot('.')
os.chdir('/')
os.setgid(65534)
os.setuid(65534)
exec(text)
print('done')
";
    let project = Project::with(&[("leaves.py", program), ("big.py", &long(5000))]);
    let outcome = project.run(core, &["leaves.py"]);
    outcome.success().stdout("done\n");
    // From within the jail there is no data file; the journal lies where it did.
    assert_eq!(outcome.stderr.matches("[data-kept-back]").count(), 1, "{}", outcome.stderr);
    assert_eq!(outcome.stderr.lines().count(), 1, "{}", outcome.stderr);
    assert_eq!(project.executed("leaves.py"), (1..=11).collect::<Vec<_>>());
});

covtest!(line_numbers_far_apart, |core| {
    // Beyond 16 and 20 bits, and one code object with lines at both ends.
    let mut text = String::from("def near():\n    return 1\n");
    text += &"\n".repeat(70_000 - 2);
    text += "def far():\n    return 2\n";
    text += &"\n".repeat(1_100_000 - 70_002);
    text += "near()\nfar()\nif near() == 2:\n    never = 1\n";
    let made = "\
import ast, runpy
runpy.run_path('far.py')
tree = ast.parse('def f():\\n    a = 1\\n    return a\\nf()\\n')
tree.body[0].body[1].lineno = tree.body[0].body[1].end_lineno = 2_000_000_000
exec(compile(tree, 'far.py', 'exec'))
for number in range(300):
    scope = {}
    tree = ast.parse('def f():\\n    a = 1\\n    return a\\nf()\\n')
    tree.body[0].body[1].lineno = tree.body[0].body[1].end_lineno = 16_000_000
    exec(compile(tree, 'far.py', 'exec'), scope)
    kept = globals().setdefault('kept', [])
    kept.append(scope)
";
    let project = Project::with(&[("far.py", &text), ("main.py", made)]);
    project.run(core, &["--branch", "main.py"]).success().stdout("").stderr("");
    let executed = project.executed("far.py");
    assert_eq!(executed[..2], [1, 2]);
    assert!(
        [70_001, 70_002, 1_100_001, 1_100_002, 1_100_003].iter().all(|line| executed.contains(line)),
        "{executed:?}"
    );
    assert!(!executed.contains(&1_100_004));
    // A bitmap for each of these 300 functions would take 600 MB, a table of steps fifty times as much.
});

#[test]
fn a_hundred_thousand_code_objects() {
    let program = "\
import types
def f():
    return 1
for number in range(100_000):
    types.FunctionType(f.__code__.replace(co_name=str(number)), {})()
print('done')
";
    let project = Project::with(&[("many.py", program)]);
    project.minicov(&["run", "--branch", "many.py"]).run().success().stdout("done\n").stderr("");
    assert_eq!(project.executed("many.py"), [1, 2, 3, 4, 5, 6]);
}

covtest!(code_of_invented_names, |core| {
    let program = "\
import os
os.mkdir('folder.py')
names = ['<string>', '', '<', 'no/such/file.py', '/', '.', 'folder.py', 'a' * 5000, '/dev/null/x.py', '\\udcff.py', '\\ud800', '\\n', '../' * 100 + 'x.py', 'inv\\u00e9nted.py', '/dev/stdin']
for name in names:
    exec(compile('x = 1\\ny = 2', name, 'exec'))
print('done')
";
    let project = Project::with(&[("invents.py", program)]);
    project.run(core, &["--branch", "invents.py"]).success().stdout("done\n").stderr("");
    assert_eq!(project.reported_files(), ["invents.py"]);
});

covtest!(a_file_name_that_is_no_text, |core| {
    let project = Project::with(&[(
        "main.py",
        "import runpy\nrunpy.run_path(b'caf\\xe9.py')\nrunpy.run_path(b'caf\\xe8.py')\n",
    )]);
    for name in [b"caf\xe9.py", b"caf\xe8.py"] {
        fs::write(project.root().join(OsStr::from_bytes(name)), "x = 1\n").unwrap();
    }
    let outcome = project.run(core, &["main.py"]);
    outcome.success().stdout("").stderr(
        "minicov: warning: caf\u{fffd}.py was not measured: its name is not UTF-8 [unnameable-file]\n\
         minicov: warning: caf\u{fffd}.py was not measured: its name is not UTF-8 [unnameable-file]\n",
    );
    assert_eq!(project.reported_files(), ["main.py"]);
});

// Audit hooks make every audited operation slower. Up to 3.13 a wrong call of `sys.audit` passes where there is none.
#[cfg(not(Py_3_14))]
covtest!(there_is_no_audit_hook, |core| {
    let program = "\
import sys
print(sys.audit(1))
sys.addaudithook(lambda *event: None)
try: sys.audit(1)
except TypeError: print('heard')
";
    let project = Project::with(&[("audits.py", program)]);
    project.run(core, &["--branch", "audits.py"]).success().stdout("None\nheard\n").stderr("");
});

covtest!(measuring_goes_on_when_the_program_takes_its_trace_function_back, |core| {
    let program = "\
import ctypes, sys
def one():
    return 1
def two():
    return 2
sys.settrace(lambda *event: None)
sys.settrace(None)
one()
ctypes.pythonapi.PyEval_SetTrace(None, None)
two()
";
    let project = Project::with(&[("sets.py", program)]);
    project.run(core, &["sets.py"]).success().stdout("").stderr("");
    // In the frame that does this, settrace sees nothing until a call returns.
    let unseen: &[u32] = if core == "settrace" { &[7, 8, 10] } else { &[] };
    let expected: Vec<u32> = (1..=10).filter(|line| !unseen.contains(line)).collect();
    assert_eq!(project.executed("sets.py"), expected);
});

covtest!(a_source_replaced_within_a_tick_of_the_clock, |core| {
    let program = "\
import os
def replace(text):
    before = os.stat('fast.py')
    with open('fast.py', 'w') as file:
        file.write(text)
    os.utime('fast.py', ns=(before.st_atime_ns, before.st_mtime_ns))
with open('fast.py', 'w') as file:
    file.write('a = 1\\nb = 2\\n')
with open('same.py', 'w') as file:
    file.write('a = 1\\n')
import fast, same
replace('a = 3\\nb = 4\\n')
with open('same.py', 'w') as file:
    file.write('a = 1\\n')
";
    let project = Project::with(&[("main.py", program)]);
    project.run(core, &["main.py"]).success().stderr(
        "minicov: warning: fast.py changed while the program ran, so what it executed there was dropped [source-changed]\n",
    );
    // The same text written again is the same text.
    assert_eq!(project.reported_files(), ["main.py", "same.py"]);
});
