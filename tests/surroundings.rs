//! Programs that are hard on what minicov needs for itself: descriptors, files, stack, processes.

use crate::harness::{MINOR, Project};

covtest!(a_program_may_close_all_descriptors_and_open_its_own, |core| {
    let program = "\
import os
os.closerange(3, 1000)
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
