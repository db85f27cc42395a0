//! Whatever runs code besides the main thread: threads of every kind, greenlets, further interpreters.

use crate::harness::{MINOR, Project, greenlet_python};

covtest!(daemon_threads_count_up_to_the_end, |core| {
    let program = "\
import threading
started = threading.Event()
def forever():
    while True:
        turn()
def turn():
    started.set()
threading.Thread(target=forever, daemon=True).start()
started.wait()
print('end')
";
    let project = Project::with(&[("daemon.py", program)]);
    project.run(core, &["daemon.py"]).success().stdout("end\n").stderr("");
    assert_eq!(project.executed("daemon.py"), (1..=10).collect::<Vec<_>>());
});

covtest!(an_exit_in_a_thread_ends_that_thread, |core| {
    let program = "\
import sys, threading
def leaves():
    sys.exit(3)
def fails():
    raise ValueError('in a thread')
for target in (leaves, fails):
    thread = threading.Thread(target=target, name=target.__name__)
    thread.start()
    thread.join()
print('main goes on')
";
    let project = Project::with(&[("exits.py", program)]);
    let plain = project.python(&["exits.py"]).run();
    project.run(core, &["exits.py"]).same_as(&plain).success();
    assert_eq!(project.executed("exits.py"), (1..=10).collect::<Vec<_>>());
});

covtest!(asyncio_and_its_threads, |core| {
    let program = "\
import asyncio
def blocking(number):
    return number + 1
async def job(number):
    first = await asyncio.to_thread(blocking, number)
    await asyncio.sleep(0)
    return first
async def main():
    print(await asyncio.gather(*map(job, range(20))))
asyncio.run(main())
";
    let project = Project::with(&[("asks.py", program)]);
    project.run(core, &["asks.py"]).success().stderr("");
    assert_eq!(project.executed("asks.py"), (1..=10).collect::<Vec<_>>());
});

// Threads that C code starts, of which Python learns when they call it; each call is in a thread state of its own.
covtest!(threads_that_c_code_starts, |core| {
    let program = "\
import ctypes
libc = ctypes.CDLL(None)
@ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p)
def body(argument):
    for call in first, second:
        call()
def first():
    print('in a thread')
def second():
    print('in the same')
thread = ctypes.c_ulong()
libc.pthread_create(ctypes.byref(thread), None, body, None)
libc.pthread_join(thread, None)
";
    let project = Project::with(&[("native.py", program)]);
    project.run(core, &["native.py"]).success().stdout("in a thread\nin the same\n").stderr("");
    assert_eq!(project.executed("native.py"), (1..=13).collect::<Vec<_>>());
});

/// Makes thread states as pybind11 does, two one after another in one thread.
const MAKES_THREAD_STATES: &str = "
#include <pthread.h>
extern void *PyInterpreterState_Main(void), *PyThreadState_New(void *);
extern void PyEval_AcquireThread(void *), PyThreadState_Clear(void *), PyThreadState_DeleteCurrent(void);
extern int PyRun_SimpleString(const char *);
static void *body(void *code) {
    for (int call = 0; call < 2; call++) {
        void *state = PyThreadState_New(PyInterpreterState_Main());
        PyEval_AcquireThread(state);
        PyRun_SimpleString(code);
        PyThreadState_Clear(state);
        PyThreadState_DeleteCurrent();
    }
    return 0;
}
void run(const char *code) {
    pthread_t thread;
    pthread_create(&thread, 0, body, (void *)code);
    pthread_join(thread, 0);
}
";

covtest!(thread_states_that_c_code_makes, |core| {
    let program = "\
calls = []
def body():
    calls.append(1)
    if len(calls) > 1:
        again()
def again():
    print('again')
";
    let main = "import ctypes, made\nctypes.CDLL('./libstates.so').run(b'import made; made.body()')\n";
    let project =
        Project::with(&[("states.c", MAKES_THREAD_STATES), ("made.py", program), ("main.py", main)]);
    project.command("cc").args(&["-shared", "-fPIC", "-o", "libstates.so", "states.c"]).run().success();
    project.run(core, &["main.py"]).success().stdout("again\n").stderr("");
    assert_eq!(project.executed("made.py"), (1..=7).collect::<Vec<_>>());
});

/// Two functions that take turns in the middle of calls, in loops, and below each other.
const TAKES_TURNS: &str = "\
def ping(other, depth):
    for turn in range(3):
        if depth:
            ping(other, depth - 1)
        switch(other)
    if turn == 7:
        return 'never'
    after = turn
    return after
def pong(other):
    for turn in range(60):
        inner(other)
    last = turn
    return last
def inner(other):
    before = 1
    switch(other)
    after = 2
    return before + after
";

covtest!(greenlets_of_greenlet_and_gevent, |core| {
    let Some(python) = greenlet_python() else { return };
    let greenlets = "\
from greenlet import greenlet
def switch(other):
    other().switch()
a = greenlet(lambda: ping(lambda: b, 2))
b = greenlet(lambda: pong(lambda: a))
print(a.switch())
";
    let gevents = "\
import gevent
def switch(other):
    gevent.sleep(0)
print([job.value for job in gevent.joinall([gevent.spawn(ping, None, 2), gevent.spawn(pong, None)])])
";
    let lines = TAKES_TURNS.lines().count() as u32;
    for (name, text, output) in [("greenlets.py", greenlets, "2\n"), ("gevents.py", gevents, "[2, 59]\n")] {
        let project = Project::with(&[(name, &format!("{TAKES_TURNS}{text}"))]);
        let outcome = project
            .minicov(&["run", "--branch", "--core", core, name])
            .env("VIRTUAL_ENV", python.ancestors().nth(2).unwrap())
            .run();
        outcome.success().stdout(output).stderr("");
        let executed = project.executed(name);
        // With greenlets alone, the second of them is left where it waits.
        let missed: &[u32] = if name == "greenlets.py" { &[7, 13, 14] } else { &[7] };
        let expected: Vec<_> =
            (1..=lines + text.lines().count() as u32).filter(|line| !missed.contains(line)).collect();
        assert_eq!(executed, expected, "{name}");
        let branches = project.json().items(name, "executed_branches");
        for branch in ["[2,3]", "[2,6]", "[3,4]", "[3,5]", "[6,8]", "[11,12]"] {
            assert!(branches.contains(branch), "{name}: {branch} is not in {branches:?}");
        }
    }
});

// By whatever this Python calls them; each in a thread of its own, and starting one.
covtest!(further_interpreters_are_measured, |core| {
    let module = if MINOR < 13 { "_xxsubinterpreters" } else { "_interpreters" };
    let run = if MINOR < 13 { "run_string" } else { "exec" };
    // An isolated one may not start threads on 3.11.
    let isolated = if MINOR == 11 { "isolated=False" } else { "" };
    let program = format!(
        "\
import threading
import {module} as interpreters
def run(number):
    interpreter = interpreters.create({isolated})
    for call in range(2):
        interpreters.{run}(interpreter, f'import sys; sys.path.insert(0, \"\"); import work; work.job({{number}}, {{call}})')
    interpreters.destroy(interpreter)
threads = [threading.Thread(target=run, args=(number,)) for number in range(4)]
for thread in threads: thread.start()
for thread in threads: thread.join()
after = 1
"
    );
    let work = "\
import threading
def job(number, call):
    if call:
        return starts()
    if number == 3:
        return other()
    return 1
def other():
    return 2
def never():
    return 3
def starts():
    thread = threading.Thread(target=in_thread)
    thread.start()
    thread.join()
def in_thread():
    here = 4
    deeper()
def deeper():
    return 5
";
    let project = Project::with(&[("main.py", &program), ("work.py", work)]);
    project.minicov(&["run", "--branch", "--core", core, "main.py"]).run().success().stdout("").stderr("");
    assert_eq!(project.executed("main.py"), (1..=11).collect::<Vec<_>>());
    assert_eq!(project.executed("work.py"), (1..=20).filter(|line| *line != 11).collect::<Vec<_>>());
    let branches = project.json().items("work.py", "executed_branches");
    assert_eq!(branches, ["[3,4]", "[3,5]", "[5,6]", "[5,7]"].map(str::to_owned).into());
});

// The thread that makes one goes on in its own, in the middle of a call.
covtest!(a_further_interpreter_within_a_call, |core| {
    let module = if MINOR < 13 { "_xxsubinterpreters" } else { "_interpreters" };
    let run = if MINOR < 13 { "run_string" } else { "exec" };
    let program = format!(
        "\
import {module} as interpreters
code = 'import sys; sys.path.insert(0, \"\"); import work'
def visits(flag):
    if flag:
        made = interpreters.create()
        interpreters.{run}(made, code)
        interpreters.destroy(made)
    else:
        never = 1
    if flag:
        back = 1
    return flag
visits(1)
"
    );
    let work = "\
import sys
def one():
    return 1
def two():
    return 2
sys.settrace(lambda *event: None)
sys.settrace(None)
one()
two()
";
    let project = Project::with(&[("main.py", &program), ("work.py", work)]);
    project.minicov(&["run", "--branch", "--core", core, "main.py"]).run().success().stdout("").stderr("");
    assert_eq!(project.executed("main.py"), [1, 2, 3, 4, 5, 6, 7, 10, 11, 12, 13]);
    let branches = project.json().items("main.py", "executed_branches");
    assert_eq!(branches, ["[4,5]", "[10,11]"].map(str::to_owned).into());
    // As in the main interpreter, the frame that does this is left alone until a call returns.
    let unseen: &[u32] = if core == "settrace" { &[7, 8] } else { &[] };
    let expected: Vec<u32> = (1..=9).filter(|line| !unseen.contains(line)).collect();
    assert_eq!(project.executed("work.py"), expected);
});

#[test]
fn a_pool_of_interpreters_is_measured() {
    if MINOR < 14 {
        eprintln!("skipped: InterpreterPoolExecutor came with Python 3.14");
        return;
    }
    let program = "\
from concurrent.futures import InterpreterPoolExecutor
from work import job
if __name__ == '__main__':
    with InterpreterPoolExecutor(2) as pool:
        print(list(pool.map(job, range(8))))
";
    let work = "def job(number):\n    if number == 3:\n        return 0\n    return number\n";
    let project = Project::with(&[("main.py", program), ("work.py", work)]);
    let outcome = project.minicov(&["run", "--branch", "main.py"]).run();
    outcome.success().stdout("[0, 1, 2, 0, 4, 5, 6, 7]\n").stderr("");
    assert_eq!(project.executed("work.py"), [1, 2, 3, 4]);
}
