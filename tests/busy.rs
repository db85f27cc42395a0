//! Code that runs so often that events have nothing more to tell of it.

use crate::harness::{MINOR, Project};

covtest!(what_ran_often_is_told_again_in_another_context, |core| {
    let program = "\
import minicov
def work(number):
    if number % 2:
        return 1
    return 2
def each(function):
    for number in range(4):
        function(number)
def switch(number):
    minicov.switch_context(f'from {number}')
for _ in range(500):
    each(work)
each(switch)
minicov.switch_context('work')
each(work)
";
    let project = Project::with(&[("often.py", program)]);
    project.run(core, &["often.py"]).success().stderr("");
    let listed = project.python(&["-c", LIST_CONTEXTS]).run();
    let expected = "\
'' often.py 1 2 3 4 5 6 7 8 9 10 11 12 13
'from 0' often.py 7 8 10
'from 1' often.py 7 8 10
'from 2' often.py 7 8 10
'from 3' often.py 7 14
'work' often.py 3 4 5 7 8 15
";
    listed.success().stdout(expected);
});

/// Lines by context, as coverage.py reads them.
const LIST_CONTEXTS: &str = "\
import coverage, os
data = coverage.CoverageData()
data.read()
for path in data.measured_files():
    by_context = {}
    for line, contexts in data.contexts_by_lineno(path).items():
        for context in contexts:
            by_context.setdefault(context, set()).add(line)
    for context, lines in sorted(by_context.items()):
        print(repr(context), os.path.basename(path), *sorted(lines))
";

covtest!(recursion_may_be_deeper_than_the_c_stack, |core| {
    let program = "\
import sys
sys.setrecursionlimit(200_000)
def down(depth):
    if depth == 0:
        return 0
    return 1 + down(depth - 1)
for _ in range(500):
    down(1)
print(down(50_000))
def after():
    return 'after'
for _ in range(500):
    after()
print(down(20_000), after())
";
    let project = Project::with(&[("deep.py", program)]);
    let plain = project.python(&["deep.py"]).run();
    project.run(core, &["--branch", "deep.py"]).same_as(&plain).success();
    assert_eq!(project.executed("deep.py"), (1..=14).collect::<Vec<_>>());
});

covtest!(profile_and_trace_functions_see_what_they_see_without_us, |core| {
    let program = "\
import json, sys
def work(number):
    total = 0
    for one in range(number):
        total += one
    return total
def hook(pairs):
    work(2)
    action()
    work(1)
    return pairs
def nothing():
    pass
action = nothing
for _ in range(300):
    json.loads('{\"a\": {\"b\": 1}}', object_pairs_hook=hook)
seen = []
def profile(frame, what, argument):
    seen.append((what, frame.f_code.co_name))
def begin_profile():
    sys.setprofile(profile)
action = begin_profile
json.loads('{\"a\": 1}', object_pairs_hook=hook)
work(1)
sys.setprofile(None)
print(seen)
del seen[:]
def trace(frame, what, argument):
    seen.append((what, frame.f_code.co_name, frame.f_lineno))
    return trace
def begin_trace():
    sys.settrace(trace)
    frame = sys._getframe()
    while frame:
        frame.f_trace = trace
        frame = frame.f_back
action = begin_trace
json.loads('{\"a\": 1}', object_pairs_hook=hook)
work(1)
sys.settrace(None)
print(seen)
def later():
    for number in range(2):
        work(number)
for _ in range(100):
    later()
";
    let project = Project::with(&[("watchers.py", program)]);
    let plain = project.python(&["watchers.py"]).run();
    project.run(core, &["--branch", "watchers.py"]).same_as(&plain).success();
    // Where the program has a function of its own, what runs is not always told of; before and after, it is.
    let executed = project.executed("watchers.py");
    for line in (1..=18).chain(20..=27).chain(43..=46) {
        assert!(executed.contains(&line), "{line} of {executed:?}");
    }
});

covtest!(threads_and_generators_run_beside_busy_code, |core| {
    let program = "\
import threading
def numbers(count):
    for number in range(count):
        yield number
def work(count):
    total = 0
    for number in numbers(count):
        total += number
    return total
def often():
    for _ in range(300):
        work(3)
threads = [threading.Thread(target=often) for _ in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
def fails(number):
    return 1 // number
caught = 0
for number in [1] * 300 + [0]:
    try:
        fails(number)
    except ZeroDivisionError:
        caught += 1
def last():
    return caught
print(last())
";
    let project = Project::with(&[("busy.py", program)]);
    project.run(core, &["--branch", "busy.py"]).success().stdout("1\n").stderr("");
    assert_eq!(project.executed("busy.py"), (1..=28).collect::<Vec<_>>());
});

/// Only sysmon has events that turn themselves off.
#[test]
#[cfg_attr(not(Py_3_12), ignore = "sys.monitoring came with Python 3.12")]
fn instructions_tell_of_sides_that_hot_code_never_took_while_other_tools_come_and_go() {
    let program = "\
import sys
def hot(count, late):
    hits = 0
    for n in range(count):
        if (n >= 0 or n > count) and n < late:
            hits += 1
    return hits
hot(1000, 1000)
monitoring = sys.monitoring
print(bool(monitoring.get_local_events(3, hot.__code__) & monitoring.events.INSTRUCTION))
print(monitoring.get_tool(3), monitoring.get_tool(4))
sys.settrace(lambda *_: None)
print(hot(3, 1))
sys.settrace(None)
";
    let project = Project::with(&[("hot.py", program)]);
    // From 3.14 on each side of a branch has an event of its own.
    let instructions_tell = if MINOR < 14 { "True" } else { "False" };
    let expected = format!("{instructions_tell}\nminicov None\n1\n");
    project.run("sysmon", &["--mcdc", "hot.py"]).success().stderr("").stdout(&expected);
    let report = project.minicov(&["report", "--format", "json", "-o", "-"]).run();
    report.success();
    let report: serde_json::Value = serde_json::from_str(&report.stdout).unwrap();
    let vectors = report["files"]["hot.py"]["mcdc"]["decisions"][0]["vectors"].to_string();
    assert_eq!(vectors, "[[true,null,false,false],[true,null,true,true]]");
}

/// The statement of a loop may have the position of its whole suite (CPython 3.12), which must not make events of the suite go on.
#[test]
#[cfg_attr(not(Py_3_12), ignore = "sys.monitoring came with Python 3.12")]
#[cfg_attr(Py_3_14, ignore = "from Python 3.14 on, a branch's opcode serves the side that never ran, too")]
fn hot_code_has_events_only_where_it_never_ran() {
    let program = "\
import dis, inspect
def several(count, debug, strict):
    total = 0
    for n in range(count):
        if debug:
            print(n)  # never
        if strict and n < 0:
            raise ValueError(n)  # never
        if n is None:
            n = 0  # never
        total += n
    return total
def no_else(count):
    total = 0
    for n in range(count):
        if n >= 0:
            total += 1
        else:
            total += 2  # never
        for m in (n,
                  1):
            if m < 0:
                continue  # never
            total ^= 1
    return total
def left(function):
    lines = inspect.getsource(function).splitlines()
    first = function.__code__.co_firstlineno
    for instruction in dis.get_instructions(function, adaptive=True):
        line = lines[instruction.positions.lineno - first]
        # The end of a loop, on the line of its `for`, is passed over.
        if instruction.opname.startswith('INSTRUMENTED') and '# never' not in line and ' for ' not in line:
            print(function.__name__, line, instruction.offset, instruction.opname)
several(2000, False, True)
no_else(2000)
left(several)
left(no_else)
";
    let project = Project::with(&[("hot.py", program)]);
    project.run("sysmon", &["--branch", "hot.py"]).success().stderr("").stdout("");
}

covtest!(sides_that_hot_code_never_took_are_told_in_another_context, |core| {
    let program = "\
import minicov
def hot(count, late):
    hits = 0
    for n in range(count):
        if (n >= 0 or n > count) and n < late:
            hits += 1
        elif count < 0:
            hits = 0
    return hits
hot(1000, 1000)
minicov.switch_context('late')
hot(1000, 990)
minicov.switch_context('again')
hot(1000, 1000)
";
    let project = Project::with(&[("hot.py", program)]);
    project.run(core, &["--mcdc", "hot.py"]).success().stderr("");
    let shown = project.minicov(&["report", "--format", "json", "--show-contexts", "-o", "-"]).run();
    shown.success();
    let report: serde_json::Value = serde_json::from_str(&shown.stdout).unwrap();
    let decision = &report["files"]["hot.py"]["mcdc"]["decisions"][0];
    assert_eq!(decision["vectors"].to_string(), "[[true,null,false,false],[true,null,true,true]]");
    assert_eq!(decision["contexts"].to_string(), "[[\"late\"],[\"\",\"again\",\"late\"]]");
});

/// What instructions tell of ways that no branch tells of, they tell after a profiler or a debugger was there, too: CPython keeps
/// no record of who wants events of instructions while there is one tool alone.
#[test]
#[cfg_attr(not(Py_3_12), ignore = "sys.monitoring came with Python 3.12")]
fn raises_are_told_after_another_tool_came() {
    let program = "\
import cProfile, sys
def look(function, number):
    WATCH
    function(number)
    LEAVE
def plain(number):
    if number: raise ValueError
    return 1
def inner(number):
    if number: return {}[1]
def handled(number):
    try:
        if number < 5: inner(number); raise ValueError
    except (KeyError, ValueError): return 1
plain(0)
look(plain, 0)
try: plain(1)
except ValueError: pass
handled(1)
handled(7)
look(handled, 1)
handled(0)
";
    let watchers = [
        ("pass", "pass"),
        ("sys.settrace(lambda *_: None)", "sys.settrace(None)"),
        ("profile = cProfile.Profile(); profile.enable()", "profile.disable()"),
    ];
    let branches = watchers.map(|(watch, leave)| {
        let program = program.replace("WATCH", watch).replace("LEAVE", leave);
        let project = Project::with(&[("watched.py", &program)]);
        project.run("sysmon", &["--branch", "watched.py"]).success().stderr("");
        let report = project.minicov(&["report", "--format", "json", "-o", "-"]).run();
        report.success();
        let report: serde_json::Value = serde_json::from_str(&report.stdout).unwrap();
        report["files"]["watched.py"]["executed_branches"].to_string()
    });
    assert_eq!(branches[0], "[[7,-6],[7,8],[13,-11],[13,14]]");
    assert_eq!(branches[1], branches[0]);
    assert_eq!(branches[2], branches[0]);
}
