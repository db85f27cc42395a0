//! Children by fork alone: what they run counts, and what their parents ran stays.

use crate::harness::Project;

covtest!(a_fork_from_a_thread_that_ends_at_once, |core| {
    let program = "\
import os, threading
def child():
    return 'only the child'
def forks():
    if os.fork() == 0:
        child()
        os._exit(0)
    os.wait()
thread = threading.Thread(target=forks)
thread.start()
thread.join()
print('parent')
";
    let project = Project::with(&[("forks.py", program)]);
    project.run(core, &["-W", "ignore", "forks.py"]).success().stdout("parent\n").stderr("");
    assert_eq!(project.executed("forks.py"), (1..=12).collect::<Vec<_>>());
});

// What the parent has stated (files, code objects, first sides of branches) the child must be able to refer to.
covtest!(a_child_completes_what_its_parent_began, |core| {
    let program = "\
import os
def both(flag):
    if flag:
        side = 1
    else:
        side = 2
    return side
both(True)
if os.fork() == 0:
    both(False)
    raise SystemExit(0)
os.wait()
";
    let project = Project::with(&[("forks.py", program)]);
    project.run(core, &["--branch", "forks.py"]).success().stdout("").stderr("");
    assert_eq!(project.executed("forks.py"), (1..=12).filter(|line| *line != 5).collect::<Vec<_>>());
    let branches = project.json().items("forks.py", "executed_branches");
    assert_eq!(branches, ["[3,4]", "[3,6]", "[9,10]", "[9,12]"].map(str::to_owned).into());
});

// A daemon as it is made by the book: its parents are gone and its descriptors closed when it does its work.
covtest!(a_daemon_is_measured_to_its_end, |core| {
    let program = "\
import os
def daemon():
    reader, writer = os.pipe()
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.close(writer)
            os.read(reader, 1)
            os.closerange(0, 1024)
            os.chdir('/')
            os.umask(0)
            work()
            os._exit(0)
        os._exit(0)
    os.wait()
def work():
    for number in range(3):
        if number == 2:
            return 'done'
daemon()
";
    let project = Project::with(&[("daemon.py", program)]);
    project.run(core, &["daemon.py"]).success().stdout("").stderr("");
    // The daemon goes on when its parent has ended; the end of its journal's lock tells that it has.
    let journals = project.path(".coverage.minicov-journal");
    for journal in std::fs::read_dir(&journals).into_iter().flatten().flatten() {
        let file = std::fs::File::open(journal.path()).unwrap();
        file.lock().unwrap();
    }
    assert_eq!(project.executed("daemon.py"), (1..=20).collect::<Vec<_>>());
});

// Threads record first hits all the time while others fork: no child may find one of our locks held.
covtest!(forks_amid_recording_threads_never_hang, |core| {
    let program = "\
import os, threading
going_on = True
def fresh(number):
    scope = {}
    exec(compile('def f():\\n' + '    x = 1\\n' * 40 + 'f()\\n', 'fresh.py', 'exec'), scope)
def keeps_recording():
    while going_on:
        fresh(0)
threads = [threading.Thread(target=keeps_recording) for _ in range(3)]
for thread in threads: thread.start()
for number in range(60):
    if os.fork() == 0:
        fresh(number)
        os._exit(0)
    assert os.wait()[1] == 0
going_on = False
for thread in threads: thread.join()
print('none hung')
";
    let project = Project::with(&[("forks.py", program), ("fresh.py", &"\n".repeat(50))]);
    project.run(core, &["-W", "ignore", "forks.py"]).success().stdout("none hung\n").stderr("");
    assert_eq!(project.executed("forks.py"), (1..=18).collect::<Vec<_>>());
});
