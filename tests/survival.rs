//! What is saved of processes that are killed, that end together, or that have not ended yet.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use rustix::process::Signal;

use crate::harness::{MINOR, Project};

const FOLDER: &str = ".coverage.minicov-journal";

/// A generator of numbers that differ from run to run (Marsaglia's xorshift).
struct Random(AtomicU64);

impl Random {
    fn new() -> Self {
        let seed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64 | 1;
        eprintln!("seed: {seed}");
        Self(AtomicU64::new(seed))
    }

    fn below(&self, limit: usize) -> usize {
        let mut number = self.0.load(Ordering::Relaxed);
        number ^= number << 13;
        number ^= number >> 7;
        number ^= number << 17;
        self.0.store(number, Ordering::Relaxed);
        (number >> 11) as usize % limit
    }
}

/// The lines of each file by its name, as the data file holds them; lines at the ends of arcs where it holds arcs.
fn lines_in(data_file: &Path) -> BTreeMap<String, BTreeSet<u32>> {
    let database = rusqlite::Connection::open(data_file).unwrap();
    let mut lines: BTreeMap<String, BTreeSet<u32>> = BTreeMap::new();
    let name = |path: String| path.rsplit('/').next().unwrap().to_owned();
    let mut bits =
        database.prepare("SELECT path, numbits FROM line_bits JOIN file ON file.id = file_id").unwrap();
    let mut rows = bits.query(()).unwrap();
    while let Some(row) = rows.next().unwrap() {
        let (path, bits): (String, Vec<u8>) = (row.get(0).unwrap(), row.get(1).unwrap());
        let set = (0..bits.len() as u32 * 8).filter(|line| bits[*line as usize / 8] & 1 << (line % 8) != 0);
        lines.entry(name(path)).or_default().extend(set);
    }
    let mut arcs =
        database.prepare("SELECT path, fromno, tono FROM arc JOIN file ON file.id = file_id").unwrap();
    let mut rows = arcs.query(()).unwrap();
    while let Some(row) = rows.next().unwrap() {
        let (path, from, to): (String, i64, i64) =
            (row.get(0).unwrap(), row.get(1).unwrap(), row.get(2).unwrap());
        lines
            .entry(name(path))
            .or_default()
            .extend([from, to].iter().filter_map(|end| u32::try_from(*end).ok()));
    }
    lines
}

/// Everything in a data file but the numbers of rows, and the cache of facts.
fn dump(data_file: &Path) -> BTreeSet<String> {
    let database = rusqlite::Connection::open(data_file).unwrap();
    let sound: String = database.query_row("PRAGMA integrity_check", (), |row| row.get(0)).unwrap();
    assert_eq!(sound, "ok");
    let mut everything = BTreeSet::new();
    for query in [
        "SELECT path || ' ' || hex(sha256) FROM file JOIN minicov_source ON file.id = file_id",
        "SELECT path || ' ' || context || ' ' || hex(numbits) FROM line_bits
            JOIN file ON file.id = file_id JOIN context ON context.id = context_id",
        // Whether a line is noted besides the arcs that say it ran depends on what was merged first.
        "SELECT path || ' ' || context || ' ' || fromno || ' ' || tono FROM arc
            JOIN file ON file.id = file_id JOIN context ON context.id = context_id WHERE abs(fromno) <> tono",
    ] {
        let mut statement = database.prepare(query).unwrap();
        let mut rows = statement.query(()).unwrap();
        while let Some(row) = rows.next().unwrap() {
            // A second row with the same contents would be something counted twice.
            assert!(everything.insert(row.get(0).unwrap()));
        }
    }
    everything
}

/// Reports the number of each line over a pipe before the next line runs, in functions of 40 lines, and then waits.
fn telling(lines: usize) -> String {
    let mut text = String::from("import os\nwrite = os.write\n");
    let mut line = 3;
    while line < lines {
        let _ = writeln!(text, "def f{line}(a=1):");
        for own in line + 1..=line + 40 {
            let _ = writeln!(text, "    write(1, b'{own}\\n')");
        }
        let _ = writeln!(text, "f{line}()");
        line += 42;
    }
    text + "os.read(0, 1)\n"
}

/// 200 processes are killed at a moment that nobody chose: every line that one of them has reported is in the data.
#[test]
fn killed_at_any_moment_a_process_loses_nothing() {
    const KILLS: usize = 200;
    // The longer ones outgrow the first segment of their journals.
    let lines_of = |number: usize| if number.is_multiple_of(20) { 4000 } else { 500 };
    let project = Project::new();
    let random = Random::new();
    for number in 0..KILLS {
        project.file(&format!("program{number}.py"), telling(lines_of(number)));
    }
    let next = AtomicUsize::new(0);
    let reported = std::sync::Mutex::new(BTreeMap::new());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= KILLS {
                        return;
                    }
                    let name = format!("program{number}.py");
                    let words: &[&str] =
                        if number.is_multiple_of(2) { &["run"] } else { &["run", "--branch"] };
                    let data_file = format!("--data-file=data{}", number % 2);
                    let command = project.minicov(words).args([&data_file, &name]).stdin_open();
                    let mut running = command.start();
                    let mut reader = BufReader::new(running.child.stdout.take().unwrap());
                    let mut told = String::new();
                    for _ in 0..random.below(lines_of(number) * 9 / 10) {
                        reader.read_line(&mut told).unwrap();
                    }
                    running.signal(Signal::KILL);
                    reader.read_to_string(&mut told).unwrap();
                    running.wait().killed_by(Signal::KILL).stderr("");
                    let complete = told.rsplit_once('\n').map_or("", |(lines, _)| lines);
                    let lines: BTreeSet<u32> = complete.lines().map(|line| line.parse().unwrap()).collect();
                    reported.lock().unwrap().insert(name, lines);
                }
            });
        }
    });
    let reported = reported.into_inner().unwrap();
    let mut recorded = BTreeMap::new();
    for data_file in ["data0", "data1"] {
        project.minicov(&["combine", "-q", "--data-file", data_file]).run().success().stderr("");
        recorded.extend(lines_in(&project.path(data_file)));
    }
    let all: usize = reported.values().map(BTreeSet::len).sum();
    assert!(all > KILLS * 100, "only {all} lines were reported before the kills");
    let kept: Vec<_> = reported
        .iter()
        .filter(|(name, lines)| {
            lines.is_empty() || recorded.get(*name).is_some_and(|recorded| recorded.is_superset(lines))
        })
        .collect();
    assert_eq!(kept.len(), KILLS);
}

// Not lines alone: ways of branches, and evaluations of decisions where they are recorded.
covtest!(what_was_seen_of_branches_outlives_the_process, |core| {
    let program = "\
import os, signal, sys
def judge(a, b, c):
    if (a and b) or c:
        return 1
    return [x for x in (a, b, c) if x]
def loop(times):
    for turn in range(times):
        if turn:
            continue
        last = turn
judge(1, 1, 0)
judge(0, 1, 1)
judge(0, 0, 0)
loop(2)
if len(sys.argv) > 1:
    os.kill(os.getpid(), signal.SIGKILL)
";
    let project = Project::with(&[("judges.py", program)]);
    // `settrace` on 3.11 has no evaluations.
    let option = if MINOR == 11 { "--branch" } else { "--mcdc" };
    let run = |words: &[&str]| {
        let common = ["run", "--erase", option, "--core", core, "judges.py"];
        let outcome = project.minicov(&common).args(words).run();
        let found = project.json();
        let lines = found.lines("judges.py", "executed_lines");
        let sides = found.items("judges.py", "executed_branches");
        (outcome, lines, sides, found.0["files"]["judges.py"]["mcdc"].clone())
    };
    let (whole, lines, sides, decisions) = run(&[]);
    whole.success();
    let (killed, killed_lines, killed_sides, killed_decisions) = run(&["kill"]);
    killed.killed_by(Signal::KILL).stderr("");
    assert_eq!(killed_lines.iter().copied().filter(|line| *line != 16).collect::<Vec<_>>(), lines);
    let own = |sides: BTreeSet<String>| -> BTreeSet<String> {
        sides.into_iter().filter(|side| !side.starts_with("[15,")).collect()
    };
    let sides = own(sides);
    assert!(sides.len() >= 6, "{sides:?}");
    assert_eq!(own(killed_sides), sides);
    assert_eq!(killed_decisions, decisions);
});

#[test]
fn a_report_shows_what_all_live_processes_have_executed_so_far() {
    let parent = "\
import subprocess, sys
before = 1
subprocess.run([sys.executable, 'child.py'])
after = 1
";
    let child = "\
import os
if os.fork() == 0:
    in_fork = 1
    os.write(1, b'ready\\n')
    os.read(0, 1)
    os._exit(0)
os.wait()
";
    let project = Project::with(&[("serves.py", parent), ("child.py", child)]);
    let mut running = project.minicov(&["run", "serves.py"]).stdin_open().start();
    let mut line = String::new();
    let mut reader = BufReader::new(running.child.stdout.take().unwrap());
    reader.read_line(&mut line).unwrap();
    assert_eq!(project.executed("serves.py"), [1, 2, 3]);
    let executed = project.executed("child.py");
    assert!([1, 2, 3, 4, 5].iter().all(|line| executed.contains(line)), "{executed:?}");
    assert!(!executed.contains(&6), "{executed:?}");
    drop(running.child.stdin.take());
    running.wait().success().stderr("");
    assert_eq!(project.executed("serves.py"), [1, 2, 3, 4]);
    assert_eq!(project.executed("child.py"), [1, 2, 3, 4, 5, 6, 7]);
}

covtest!(a_report_shows_what_a_live_process_has_executed_so_far, |core| {
    let program = "\
import os
def early():
    return 1
def late():
    return 2
early()
os.write(1, b'ready\\n')
os.read(0, 1)
late()
";
    let project = Project::with(&[("serves.py", program)]);
    let mut running = project.minicov(&["run", "--branch", "--core", core, "serves.py"]).stdin_open().start();
    let mut line = String::new();
    let mut reader = BufReader::new(running.child.stdout.take().unwrap());
    reader.read_line(&mut line).unwrap();
    assert_eq!(project.executed("serves.py"), [1, 2, 3, 4, 6, 7, 8]);
    // Nothing was taken from the process, and looking twice doubles nothing.
    assert!(project.exists(FOLDER));
    assert_eq!(project.executed("serves.py"), [1, 2, 3, 4, 6, 7, 8]);
    drop(running.child.stdin.take());
    running.wait().success().stderr("");
    assert_eq!(project.executed("serves.py"), [1, 2, 3, 4, 5, 6, 7, 8, 9]);
    assert!(!project.exists(FOLDER));
});

/// A project in which `count` processes have left a journal each: each ran a module of its own, and `program.py`.
fn with_orphans(count: usize) -> Project {
    let program = format!(
        "\
import importlib, os
for number in range({count}):
    if os.fork() == 0:
        importlib.import_module(f'module{{number}}')
        os._exit(0)
while True:
    try:
        os.wait()
    except ChildProcessError:
        break
os._exit(0)
"
    );
    let project = Project::with(&[("program.py", &program)]);
    for number in 0..count {
        project.file(&format!("module{number}.py"), "value = 1\nif value:\n    other = 2\n");
    }
    project.minicov(&["run", "--branch", "program.py"]).run().success().stderr("");
    assert_eq!(fs::read_dir(project.path(FOLDER)).unwrap().count(), count + 2, "journals, and .gitignore");
    project
}

fn is_complete(project: &Project, count: usize) {
    let recorded = lines_in(&project.path(".coverage"));
    for number in 0..count {
        assert_eq!(recorded[&format!("module{number}.py")], BTreeSet::from([1, 2, 3]), "{number}");
    }
    assert_eq!(recorded["program.py"], BTreeSet::from([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]));
    assert!(!project.exists(FOLDER));
}

#[test]
fn more_journals_than_may_be_open_at_once_are_combined() {
    let project = with_orphans(250);
    let outcome = project
        .command("/bin/sh")
        .args(["-c", &format!("ulimit -n 230; exec {} combine", env!("CARGO_BIN_EXE_minicov"))])
        .run();
    outcome.success().stdout("").stderr("minicov: notice: combined 251 journals into .coverage\n");
    is_complete(&project, 250);
    project.minicov(&["combine"]).run().code(1).stdout("").stderr(
        "minicov: error: no data to combine: nothing waits for .coverage\n\
         minicov: hint: processes that end by themselves have combined their data already\n",
    );
}

#[test]
fn to_merge_a_journal_again_changes_nothing() {
    let project = with_orphans(5);
    let journals: Vec<_> = fs::read_dir(project.path(FOLDER))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.clone(), fs::read(path).unwrap()))
        .collect();
    project.minicov(&["combine", "-q"]).run().success().stderr("");
    let once = dump(&project.path(".coverage"));
    for (path, bytes) in journals {
        project.file(path.strip_prefix(project.root()).unwrap().to_str().unwrap(), bytes);
    }
    project.minicov(&["combine", "-q"]).run().success().stderr("");
    assert!(dump(&project.path(".coverage")) == once);
    is_complete(&project, 5);
}

#[test]
fn a_merge_that_is_killed_loses_and_doubles_nothing() {
    let project = with_orphans(40);
    let random = Random::new();
    let mut interrupted = 0;
    for turn in 0..40 {
        if !project.exists(FOLDER) {
            break;
        }
        let before = fs::read_dir(project.path(FOLDER)).unwrap().count();
        let running = project.minicov(&["combine", "-q"]).start();
        // No sleep: looks at the folder until the merge shows there, or for a while, longer each time.
        for _ in 0..random.below(1 + turn * 80) {
            if fs::read_dir(project.path(FOLDER)).map_or(0, Iterator::count) != before {
                break;
            }
        }
        running.signal(Signal::KILL);
        interrupted += usize::from(running.wait().status.code().is_none());
    }
    assert!(interrupted > 0, "every merge had ended before it was killed");
    project.minicov(&["report", "--format=console"]).run().success().stderr("");
    is_complete(&project, 40);
    let found = dump(&project.path(".coverage"));
    let whole = Project::new();
    for (path, bytes) in project.everything() {
        let name = path.strip_prefix(project.root()).unwrap().to_str().unwrap().to_owned();
        if path.extension().is_some_and(|extension| extension == "py") {
            whole.file(&name, bytes.unwrap());
        }
    }
    whole.minicov(&["run", "--branch", "program.py"]).run().success();
    whole.minicov(&["combine", "-q"]).run().success();
    let root = |project: &Project| project.root().to_str().unwrap().to_owned();
    let expected = dump(&whole.path(".coverage"));
    let moved: BTreeSet<_> = expected.iter().map(|row| row.replace(&root(&whole), &root(&project))).collect();
    let differences: Vec<_> = found.symmetric_difference(&moved).collect();
    assert!(differences.is_empty(), "{differences:#?}");
}

#[test]
fn several_processes_may_merge_at_once() {
    let project = with_orphans(30);
    let merging: Vec<_> = (0..6).map(|_| project.minicov(&["report", "--format=console"]).start()).collect();
    for merge in merging {
        merge.wait().success().stderr("");
    }
    is_complete(&project, 30);
}

covtest!(processes_that_end_together_lose_nothing, |core| {
    let program = "\
import importlib, os
reader, writer = os.pipe()
for number in range(64):
    if os.fork() == 0:
        os.close(writer)
        importlib.import_module(f'module{number}')
        os.read(reader, 1)
        raise SystemExit
os.close(writer)
for number in range(64):
    assert os.wait()[1] == 0
";
    let project = Project::with(&[("program.py", program)]);
    for number in 0..64 {
        project.file(&format!("module{number}.py"), "value = 1\n");
    }
    project.run(core, &["program.py"]).success().stdout("").stderr("");
    let recorded = lines_in(&project.path(".coverage"));
    for number in 0..64 {
        assert_eq!(recorded[&format!("module{number}.py")], BTreeSet::from([1]), "{number}");
    }
    assert_eq!(recorded["program.py"], (1..=11).collect());
    assert!(!project.exists(FOLDER));
});
