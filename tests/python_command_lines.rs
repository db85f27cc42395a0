//! `minicov run WORDS` is `python WORDS`: same output, same status, same view of itself.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use crate::harness::{Command, MINOR, Project};

/// What a program can see of how it was started, minus addresses.
const LOOKS_AROUND: &str = "\
import sys
main = sys.modules['__main__']
print(sys.argv, sys.orig_argv[1:], sys.path)
print(__name__, __package__, globals().get('__file__'), __doc__, sorted(vars(main)))
spec = globals().get('__spec__')
print(spec and (spec.name, spec.origin), type(globals().get('__loader__')))
print(sys.executable, sys.prefix, sys.base_prefix, sys.flags, sys._xoptions, sys.warnoptions)
print(list(sys.modules))
print(sys.gettrace(), sys.getprofile(), sys.excepthook is sys.__excepthook__, sys.getrecursionlimit())
print(open('/proc/self/comm').read())
print(repr(sys.stdin.encoding), sys.stdout.encoding, sys.stderr.errors, sys.dont_write_bytecode)
";

fn project() -> Project {
    let project = Project::with(&[
        ("look.py", LOOKS_AROUND),
        ("sub/look.py", LOOKS_AROUND),
        ("pkg/__init__.py", "import sys\nsys.from_pkg = 1\n"),
        ("pkg/__main__.py", LOOKS_AROUND),
        ("pkg/mod.py", LOOKS_AROUND),
        ("app/__main__.py", LOOKS_AROUND),
        ("app/helper.py", "x = 1\n"),
    ]);
    std::os::unix::fs::symlink("sub/look.py", project.path("link.py")).unwrap();
    zip(&project);
    project
}

/// `app.zip` with a `__main__.py`.
fn zip(project: &Project) {
    project.python(&["-m", "zipfile", "-c", "app.zip", "app/__main__.py", "app/helper.py"]).run().success();
    // zipfile stores the folder too, so the archive is made again from within.
    project
        .python(&["-m", "zipfile", "-c", "../app.zip", "__main__.py", "helper.py"])
        .folder("app")
        .run()
        .success();
}

const NO_DATA: &str =
    "minicov: warning: no data was collected: none of the code to be measured ran [no-data-collected]\n";

/// Runs `words` under python and under minicov, both prepared by `prepare`, and expects no difference.
#[track_caller]
fn same(core: &str, project: &Project, words: &[&str], prepare: impl Fn(Command) -> Command) {
    let plain = prepare(project.python(words)).run();
    let mut ours = prepare(project.minicov(&["run", "--core", core]).args(words)).run();
    // A program without code of the user's gets a warning of minicov's, after everything else.
    if let Some(pythons) = ours.stderr.strip_suffix(NO_DATA) {
        ours.stderr = String::from(pythons);
    }
    ours.without_addresses().same_as(&plain.without_addresses());
    let _ = fs::remove_file(project.path(".coverage"));
}

#[track_caller]
fn same_plain(core: &str, project: &Project, words: &[&str]) {
    same(core, project, words, |command| command);
}

covtest!(scripts_modules_folders_and_zips, |core| {
    let project = project();
    for words in [
        &["look.py", "a", "--b", "-c"][..],
        &["./sub/look.py"],
        &["link.py"],
        &["-m", "look", "x"],
        &["-m", "pkg", "-x"],
        &["-m", "pkg.mod"],
        &["app"],
        &["app.zip", "argument"],
        &["-c", LOOKS_AROUND, "1", "-m"],
        &["-cimport sys; print(sys.argv)"],
    ] {
        same_plain(core, &project, words);
    }
});

covtest!(pythons_own_options, |core| {
    let project = project();
    for words in [
        &["-X", "dev", "-W", "error", "look.py"][..],
        &["-Xutf8=0", "look.py"],
        &["-O", "look.py"],
        &["-OO", "-B", "look.py"],
        &["-P", "look.py"],
        &["-I", "look.py"],
        &["-E", "-s", "-S", "look.py"],
        &["-Wdefault", "-c", "import warnings; warnings.warn('careful')"],
        &["-bb", "-c", "print(b'a' == 'a')"],
        &["-u", "look.py"],
        &["-q", "-c", "print(1)"],
        &["-x", "look.py"],
        &["-X", "frozen_modules=off", "look.py"],
    ] {
        same_plain(core, &project, words);
    }
});

covtest!(environment_variables_of_python, |core| {
    let project = project();
    for (name, value) in [
        ("PYTHONPATH", "sub"),
        ("PYTHONWARNINGS", "error"),
        ("PYTHONOPTIMIZE", "1"),
        ("PYTHONDEVMODE", "1"),
        ("PYTHONSAFEPATH", "1"),
        ("PYTHONIOENCODING", "latin-1"),
        ("PYTHONDONTWRITEBYTECODE", "1"),
    ] {
        same(core, &project, &["look.py"], |command| command.env(name, value));
    }
});

covtest!(programs_from_standard_input, |core| {
    let project = project();
    for words in [&["-"][..], &["-", "a", "b"]] {
        same(core, &project, words, |command| command.input(LOOKS_AROUND));
    }
    same(core, &project, &["-c", "print(input() + input())"], |command| command.input("one\ntwo\n"));
    same(core, &project, &["-c", "input()"], |command| command.input(""));
    same(core, &project, &["-c", "import sys; print(sys.stdin.buffer.read())"], |command| {
        command.input(b"\xff\x00bytes".as_slice())
    });
});

covtest!(exit_statuses, |core| {
    let project = Project::new();
    for code in [
        "pass",
        "raise SystemExit",
        "import sys; sys.exit(0)",
        "import sys; sys.exit(3)",
        "import sys; sys.exit(256)",
        "import sys; sys.exit(-1)",
        "import sys; sys.exit(1 << 40)",
        "import sys; sys.exit(None)",
        "import sys; sys.exit(True)",
        "import sys; sys.exit('words on standard error')",
        "import sys; sys.exit((1, 2))",
        "raise SystemExit(3, 4)",
        "raise SystemExit(7) from None",
        "class E(SystemExit): code = 5\nraise E",
        "def f(n):\n    if n: f(n - 1)\n    raise SystemExit(9)\nf(50)",
        "import os; os._exit(4)",
        "raise ValueError('uncaught')",
        "import sys; sys.excepthook = lambda *a: print('hook', a[0].__name__); 1 / 0",
        "import sys; sys.excepthook = lambda *a: sys.exit(6); 1 / 0",
        "import sys; sys.excepthook = lambda *a: undefined; 1 / 0",
        "import atexit; atexit.register(lambda: print('at exit')); raise SystemExit(2)",
        "import atexit; atexit.register(lambda: 1 / 0)",
        "import sys; sys.stdout.write('no newline')",
        "import sys; sys.stdout.close()",
        "class D:\n    def __del__(self): 1 / 0\nkept = D()",
        "import threading; threading.Thread(target=lambda: 1 / 0, name='t').start()",
        "class Odd(BaseException): pass\nraise Odd('x')",
        "raise ExceptionGroup('several', [ValueError(1), KeyError(2)])",
    ] {
        same_plain(core, &project, &["-c", code]);
        project.file("program.py", code);
        same_plain(core, &project, &["program.py"]);
    }
});

covtest!(tracebacks_are_pythons, |core| {
    let project = Project::with(&[
        (
            "deep.py",
            "\
import functools
import helper


@functools.lru_cache
def outer():
    try:
        helper.fails(lambda: 1 / 0)
    except ZeroDivisionError as error:
        raise RuntimeError('second') from error


class Context:
    def __enter__(self): pass
    def __exit__(self, *details): return False


with Context():
    print([outer() for _ in range(1)])
",
        ),
        ("helper.py", "def fails(callback):\n    return callback()\n"),
        ("recursion.py", "def f(): return f()\nf()\n"),
        ("syntax.py", "x = 1\ny = = 2\n"),
        ("indent.py", "if 1:\nprint()\n"),
        ("imports_syntax.py", "import syntax\n"),
        (
            "logs.py",
            "import logging, traceback\ntraceback.print_stack()\nlogging.warning('x', stack_info=True)\n",
        ),
        ("frames.py", "import sys\nf = sys._getframe()\nprint(f.f_back, f.f_lineno, f.f_trace)\n"),
        ("warns.py", "import warnings\ndef f(): warnings.warn('here', stacklevel=2)\nf()\nf()\n"),
    ]);
    for words in [
        &["deep.py"][..],
        &["-m", "deep"],
        &["-c", "import deep"],
        &["recursion.py"],
        &["syntax.py"],
        &["indent.py"],
        &["imports_syntax.py"],
        &["logs.py"],
        &["frames.py"],
        &["warns.py"],
        &["-c", "1 +"],
        &["-X", "no_debug_ranges", "deep.py"],
    ] {
        same_plain(core, &project, words);
    }
    same(core, &project, &["-"], |command| command.input("def f():\n    1 / 0\nf()\n"));
});

covtest!(pythons_words_for_what_is_not_there, |core| {
    let project = project();
    project.file("empty/readme.txt", "");
    for words in [
        &["no_such_script.py"][..],
        &["-m", "no_such_module"],
        &["-m", "pkg.no_such_module"],
        &["-m", "no_such_package.module"],
        &["empty"],
        &["."],
        &["-m"],
        &["-c"],
        &["-W"],
        &["-Z"],
    ] {
        let plain = project.python(words).run();
        let ours = project.run(core, words);
        // Python names itself in front of some of these; both are told the same name.
        assert_eq!(ours.status, plain.status, "{words:?}: {}", ours.stderr);
        let words_of_python = plain.stderr.trim_end();
        assert!(
            ours.stderr.contains(words_of_python),
            "{words:?}\n--- python\n{words_of_python}\n--- minicov\n{}",
            ours.stderr
        );
        assert_eq!(ours.stdout, plain.stdout);
        // `-m pkg.…` has run pkg/__init__.py; otherwise nothing ran, so nothing is kept.
        assert_eq!(project.exists(".coverage"), words.contains(&"pkg.no_such_module"), "{words:?}");
        let _ = fs::remove_file(project.path(".coverage"));
    }
});

covtest!(pythons_words_when_it_refuses_to_start, |core| {
    let project = project();
    for words in [
        &["-X", "utf8=2", "look.py"][..],
        &["-X", "dev", "-X", "utf8=no", "-m", "pkg"],
        &["-X", "int_max_str_digits=1", "look.py"],
    ] {
        same_plain(core, &project, words);
    }
    for (name, value) in [
        ("PYTHONHASHSEED", "abc"),
        ("PYTHONUTF8", "2"),
        ("PYTHONMALLOC", "no such"),
        ("PYTHONINTMAXSTRDIGITS", "1"),
        ("PYTHONTRACEMALLOC", "-1"),
    ] {
        let plain = project.python(&["look.py"]).env(name, value).run();
        plain.code(1);
        assert!(plain.stderr.starts_with("Fatal Python error: "), "{name}: {}", plain.stderr);
        same(core, &project, &["look.py"], |command| command.env(name, value));
        assert!(!project.exists(".coverage"), "{name}");
    }
});

covtest!(versions_and_help_are_pythons, |core| {
    let project = Project::new();
    for words in [&["-V"][..], &["-VV"], &["--version"], &["--help-env"], &["--help-xoptions"]] {
        let plain = project.python(words).run();
        let ours = project.run(core, words);
        ours.code(0);
        assert_eq!((ours.stdout, ours.stderr), (plain.stdout, plain.stderr), "{words:?}");
    }
    assert!(project.everything().is_empty(), "nothing ran, so nothing is left");
});

covtest!(modules_are_imported_in_pythons_order, |core| {
    let project = Project::with(&[("modules.py", "import sys\nprint('\\n'.join(sys.modules))\n")]);
    let plain = project.python(&["modules.py"]).run();
    project.run(core, &["modules.py"]).same_as(&plain);
});

covtest!(the_program_may_change_the_folder_and_standard_streams, |core| {
    let project = Project::with(&[
        ("moves.py", "import os\nos.mkdir('x')\nos.chdir('x')\nopen('new', 'w')\nimport late\n"),
        ("late.py", "value = 1\n"),
        ("closes.py", "import os\nos.close(0); os.close(1); os.close(2)\nvalue = 1\n"),
    ]);
    project.run(core, &["moves.py"]).success().stdout("").stderr("");
    assert!(!project.exists("x/.coverage"));
    assert_eq!(project.executed("moves.py"), [1, 2, 3, 4, 5]);
    assert_eq!(project.executed("late.py"), [1]);
    project.run(core, &["closes.py"]).stdout("").stderr("");
    assert_eq!(project.executed("closes.py"), [1, 2, 3]);
});

covtest!(closed_pipes_end_programs_as_under_python, |core| {
    let project = Project::with(&[("talks.py", "for n in range(100000): print('word', n)\n")]);
    for code in [
        "print('short')",
        "import sys\ntry: print('short', flush=True)\nexcept BrokenPipeError: sys.stderr.write('closed')",
        "import os; os.write(1, b'x')",
    ] {
        same(core, &project, &["-c", code], Command::stdout_without_reader);
    }
    same(core, &project, &["talks.py"], Command::stdout_without_reader);
});

covtest!(breakpoints_and_tracers_of_the_program_work, |core| {
    let project = Project::with(&[
        ("debugged.py", "def f(x):\n    breakpoint()\n    return x\nf(1)\n"),
        (
            "traces.py",
            "\
import sys
seen = []
def tracer(frame, event, argument):
    seen.append((event, frame.f_lineno))
    return tracer
def f():
    x = 1
    return x
sys.settrace(tracer)
f()
sys.settrace(None)
print(seen, sys.gettrace())
def profile(frame, event, argument):
    seen.append(event)
sys.setprofile(profile)
f()
sys.setprofile(None)
print(len(seen))
",
        ),
    ]);
    // With another tool's events on, pdb of 3.13 stops a line later (coverage.py's sysmon core sees that, too).
    if !(core == "sysmon" && MINOR == 13) {
        same(core, &project, &["debugged.py"], |command| command.input("p x\nnext\nwhere\ncontinue\n"));
    }
    same_plain(core, &project, &["traces.py"]);
});

covtest!(arguments_may_be_any_bytes, |core| {
    use std::os::unix::ffi::OsStrExt;
    let project = Project::with(&[("prints.py", "import sys\nprint(ascii(sys.argv))\n")]);
    let word = std::ffi::OsStr::from_bytes(b"caf\xc3\xa9 \xff '\"$");
    let plain = project.python(&["prints.py"]).args([word]).run();
    project.minicov(&["run", "--core", core, "prints.py"]).args([word]).run().same_as(&plain);
});

covtest!(a_program_that_is_a_pipe_or_compiled, |core| {
    let project = Project::with(&[("compiled.py", "import sys\nprint(sys.argv, __file__)\n")]);
    project.python(&["-m", "compileall", "-q", "-b", "compiled.py"]).run().success();
    same_plain(core, &project, &["compiled.pyc"]);
    same(core, &project, &["/dev/stdin"], |command| command.input("print(__file__)\n"));
});

#[test]
fn python_sees_no_file_descriptors_of_ours_but_the_journal() {
    let project = Project::with(&[("fds.py", "import os\nprint(sorted(os.listdir('/proc/self/fd')))\n")]);
    let fds = |text: &str| text.matches('\'').count() / 2;
    let plain = project.python(&["fds.py"]).run();
    let ours = project.minicov(&["run", "fds.py"]).run();
    assert!(fds(&ours.stdout) <= fds(&plain.stdout) + 1, "{} against {}", ours.stdout, plain.stdout);
}

#[test]
fn notices_go_to_standard_error() {
    let project = Project::with(&[("quiet.py", "")]);
    let mut file = fs::File::create(project.path("quiet.py")).unwrap();
    writeln!(file, "print('only this')").unwrap();
    project
        .minicov(&["run", "--source", "no_such_package", "quiet.py"])
        .run()
        .success()
        .stdout("only this\n")
        .stderr(
            "minicov: warning: no_such_package is no folder, and no Python code of a module of that name ran [module-not-imported]\n\
             minicov: warning: no data was collected: none of the code to be measured ran [no-data-collected]\n",
        );
    assert!(Path::new(&project.path("quiet.py")).exists());
}
