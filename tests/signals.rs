//! Programs that end by a signal, and what is saved of them.

use std::io::{BufRead as _, BufReader};

use rustix::process::Signal;

use crate::harness::{Command, Outcome, Project};

/// Says that it is ready when each line has run once, then waits.
const WAITS: &str = "\
import sys, time
def wait(turns=0):
    while True:
        if turns == 2:
            print('ready', flush=True)
        turns += 1
        time.sleep(0.01)
";

/// Starts a program, sends it `signal` as soon as it says that it is ready, and waits for its end.
fn signalled(command: Command, signal: Signal) -> Outcome {
    let mut running = command.start();
    // The line has been read when the pipe goes back, and the program writes no more.
    let mut reader = BufReader::new(running.child.stdout.take().unwrap());
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    assert_eq!(line, "ready\n");
    running.signal(signal);
    let outcome = running.wait();
    drop(reader);
    outcome
}

covtest!(ctrl_c_is_death_by_sigint, |core| {
    let project = Project::with(&[("waits.py", &format!("{WAITS}wait()\n"))]);
    signalled(project.python(&["waits.py"]), Signal::INT).killed_by(Signal::INT);
    let ours = signalled(project.minicov(&["run", "--core", core, "waits.py"]), Signal::INT);
    ours.killed_by(Signal::INT);
    assert!(ours.stderr.starts_with("Traceback (most recent call last):\n"), "{}", ours.stderr);
    assert!(ours.stderr.ends_with("\nKeyboardInterrupt\n"), "{}", ours.stderr);
    assert_eq!(project.executed("waits.py"), [1, 2, 3, 4, 5, 6, 7, 8]);
});

covtest!(an_interrupts_traceback_is_pythons, |core| {
    let text = "import os, signal\ndef f():\n    os.kill(os.getpid(), signal.SIGINT)\nf()\n";
    let project = Project::with(&[("interrupts.py", text)]);
    let plain = project.python(&["interrupts.py"]).run();
    project.run(core, &["interrupts.py"]).same_as(&plain).killed_by(Signal::INT);
    assert_eq!(project.executed("interrupts.py"), [1, 2, 3, 4]);
});

covtest!(a_shell_sees_130_after_ctrl_c, |core| {
    let project =
        Project::with(&[("interrupts.py", "import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n")]);
    let venv = crate::harness::venv_python();
    let script = format!("{} run --core {core} interrupts.py; echo $?", env!("CARGO_BIN_EXE_minicov"));
    let outcome = project
        .command("/bin/sh")
        .args(["-c", &script])
        .env("VIRTUAL_ENV", venv.ancestors().nth(2).unwrap())
        .run();
    outcome.success().stdout("130\n");
});

covtest!(a_caught_interrupt_is_the_programs_business, |core| {
    let text = format!("{WAITS}try:\n    wait()\nexcept KeyboardInterrupt:\n    sys.exit(5)\n");
    let project = Project::with(&[("waits.py", &text)]);
    signalled(project.minicov(&["run", "--core", core, "waits.py"]), Signal::INT).code(5).stderr("");
    assert_eq!(project.executed("waits.py"), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
});

covtest!(other_signals_kill_as_they_kill_python, |core| {
    let project = Project::with(&[("waits.py", &format!("{WAITS}wait()\n"))]);
    for signal in [Signal::TERM, Signal::HUP, Signal::KILL, Signal::USR1, Signal::QUIT] {
        let outcome = signalled(project.minicov(&["run", "--erase", "--core", core, "waits.py"]), signal);
        outcome.killed_by(signal).stderr("");
        // The process could save nothing itself; the next command finds what its journal has.
        assert_eq!(project.executed("waits.py"), [1, 2, 3, 4, 5, 6, 7, 8], "{signal:?}");
    }
});

covtest!(aborts_and_crashes_lose_nothing, |core| {
    for last in ["os.abort()", "os._exit(3)", "import ctypes; ctypes.string_at(0)"] {
        let text = format!("import os\ndef f():\n    return 1\nf()\n{last}\n");
        let project = Project::with(&[("dies.py", &text)]);
        let plain = project.python(&["dies.py"]).run();
        project.run(core, &["dies.py"]).same_as(&plain);
        assert_eq!(project.executed("dies.py"), [1, 2, 3, 4, 5], "{last}");
    }
});

/// Cuts out of what faulthandler writes the thread's number, which is an address, and the stack of C functions (3.14 and
/// newer), which begins in another executable, and evens out the name of the process.
fn without_thread(mut outcome: Outcome) -> Outcome {
    if let Some((before, after)) = outcome.stderr.split_once("thread 0x") {
        outcome.stderr = format!("{before}{}", after.trim_start_matches(|c: char| c.is_ascii_hexdigit()));
    }
    if let Some(stack) = outcome.stderr.find("C stack trace (most recent call first):") {
        outcome.stderr.truncate(stack);
    }
    outcome.stderr = outcome.stderr.replace("[minicov]", "[python]");
    outcome
}

covtest!(crash_signals_that_are_sent_kill_as_they_kill_python, |core| {
    for (name, signal) in [
        ("SIGSEGV", Signal::SEGV),
        ("SIGBUS", Signal::BUS),
        ("SIGFPE", Signal::FPE),
        ("SIGILL", Signal::ILL),
        ("SIGABRT", Signal::ABORT),
    ] {
        let text = format!("import os, signal\nos.kill(os.getpid(), signal.{name})\nprint('alive')\n");
        let project = Project::with(&[("dies.py", &text)]);
        for words in [&["dies.py"][..], &["-c", &text], &["-X", "faulthandler", "dies.py"]] {
            let plain = without_thread(project.python(words).run());
            without_thread(project.run(core, words)).same_as(&plain).killed_by(signal);
        }
        assert_eq!(project.executed("dies.py"), [1, 2], "{name}");
    }
});

covtest!(actions_of_all_signals_are_pythons, |core| {
    let code = "import signal; print([(n, signal.getsignal(n)) for n in signal.valid_signals()])";
    // A parent that ignores both: what is inherited stays.
    let ignoring = "import os, signal, sys
for number in (signal.SIGSEGV, signal.SIGBUS): signal.signal(number, signal.SIG_IGN)
os.execv(sys.argv[1], sys.argv[1:])";
    let project = Project::new();
    let plain = project.python(&["-c", code]).run();
    let ours = project.run(core, &["-c", code]);
    assert_eq!(ours.stdout, plain.stdout);

    let venv = crate::harness::venv_python();
    let python = venv.to_str().unwrap();
    let minicov = env!("CARGO_BIN_EXE_minicov");
    let plain = project.python(&["-c", ignoring, python, "-c", code]).run();
    let ours = project.python(&["-c", ignoring, minicov, "run", "--core", core, "-c", code]);
    let ours = ours.env("VIRTUAL_ENV", venv.ancestors().nth(2).unwrap()).run();
    assert_eq!(ours.stdout, plain.stdout);
    assert_eq!(plain.stdout.matches("SIG_IGN").count(), 4, "{}", plain.stdout);
});

covtest!(a_handler_of_the_program_is_measured, |core| {
    let text = format!(
        "{WAITS}import signal\ndef handler(number, frame):\n    sys.exit(9)\nsignal.signal(signal.SIGTERM, handler)\nwait()\n"
    );
    let project = Project::with(&[("waits.py", &text)]);
    signalled(project.minicov(&["run", "--core", core, "waits.py"]), Signal::TERM).code(9).stderr("");
    assert_eq!(project.executed("waits.py"), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
});

covtest!(ignored_signals_stay_ignored, |core| {
    let code = "import signal; print(signal.getsignal(signal.SIGPIPE), signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGHUP))";
    let project = Project::new();
    let plain = project.python(&["-c", code]).run();
    let ours = project.run(core, &["-c", code]);
    assert_eq!(ours.stdout, plain.stdout);
});

covtest!(faulthandler_dumps_and_the_lines_stay, |core| {
    let text = "import ctypes, faulthandler\nfaulthandler.enable()\ndef f():\n    ctypes.string_at(0)\nf()\n";
    let project = Project::with(&[("crashes.py", text)]);
    let plain = without_thread(project.python(&["crashes.py"]).run());
    without_thread(project.run(core, &["crashes.py"])).same_as(&plain).killed_by(Signal::SEGV);
    assert_eq!(project.executed("crashes.py"), [1, 2, 3, 4, 5]);
});

covtest!(a_stack_that_overflows, |core| {
    let text = "\
import sys
sys.setrecursionlimit(10**7)
def deep(n):
    return list(map(deep, [n + 1]))
try:
    deep(0)
except RecursionError:
    print('caught')
";
    let project = Project::with(&[("deep.py", text)]);
    let plain = project.python(&["deep.py"]).run();
    let ours = project.run(core, &["deep.py"]);
    assert_eq!((ours.status, &ours.stdout), (plain.status, &plain.stdout));
    let executed = project.executed("deep.py");
    assert_eq!(executed[..6], [1, 2, 3, 4, 5, 6], "{executed:?}");
});

covtest!(exit_functions_that_fail_are_measured, |core| {
    let text = "\
import atexit, os, threading
@atexit.register
def last():
    print('last')
@atexit.register
def fails():
    raise ValueError('at exit')
def lingers():
    threading.main_thread().join()
    after = 1
threading.Thread(target=lingers).start()
raise SystemExit(4)
";
    let project = Project::with(&[("ends.py", text)]);
    let plain = project.python(&["ends.py"]).run().without_addresses();
    project.run(core, &["ends.py"]).without_addresses().same_as(&plain).code(4);
    assert_eq!(project.executed("ends.py"), (1..=12).collect::<Vec<_>>());
});

covtest!(a_finalisation_that_hangs_can_be_killed, |core| {
    let text = format!("{WAITS}import atexit\natexit.register(wait)\nend = 1\n");
    let project = Project::with(&[("hangs.py", &text)]);
    for signal in [Signal::TERM, Signal::KILL] {
        let outcome = signalled(project.minicov(&["run", "--erase", "--core", core, "hangs.py"]), signal);
        outcome.killed_by(signal).stderr("");
        assert_eq!(project.executed("hangs.py"), (1..=10).collect::<Vec<_>>(), "{signal:?}");
    }
});

covtest!(timers_and_pipes_of_the_program_do_not_reach_past_its_end, |core| {
    // The alarm would go off while the data is written; the warning would meet a closed pipe.
    let text = "\
import os, signal
signal.signal(signal.SIGPIPE, signal.SIG_DFL)
signal.signal(signal.SIGALRM, signal.SIG_DFL)
reader, writer = os.pipe()
os.dup2(writer, 2)
os.close(reader)
os.close(writer)
signal.setitimer(signal.ITIMER_REAL, 3600)
";
    let project = Project::with(&[("ends.py", text)]);
    // What warns is a source that nothing comes from.
    project.run(core, &["--source=.,nothing", "ends.py"]).success();
    assert_eq!(project.executed("ends.py"), [1, 2, 3, 4, 5, 6, 7, 8]);
});
