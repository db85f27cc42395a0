//! Reports take what Python has compiled before, where that is sure to be of the text that is there.

use std::fs::{self, File};
use std::time::{Duration, SystemTime};

use crate::harness::{Project, assert_same_text, venv_python};

const TEXT: &str = "def f(x):\n    if x:\n        return 1\n    return 2\n\n\nf(1)\n";

/// Has Python compile `text`, put it where it caches `a.py`, and say that it was made of that file.
fn cache(project: &Project, text: &str, written: SystemTime) {
    project.file("other.py", text);
    let script = "\
import importlib._bootstrap_external as b, importlib.util, os
code = compile(open('other.py').read(), 'a.py', 'exec')
stat = os.stat('a.py')
path = importlib.util.cache_from_source('a.py')
os.makedirs('__pycache__', exist_ok=True)
open(path, 'wb').write(b._code_to_timestamp_pyc(code, int(stat.st_mtime), stat.st_size))
print(path)";
    let outcome = project.python(&["-c", script]).run();
    outcome.success();
    File::options()
        .write(true)
        .open(project.path(outcome.stdout.trim()))
        .unwrap()
        .set_modified(written)
        .unwrap();
    fs::remove_file(project.path("other.py")).unwrap();
}

fn statements(project: &Project) -> Vec<u32> {
    // Without what was analysed before.
    rusqlite::Connection::open(project.path(".coverage"))
        .unwrap()
        .execute("DELETE FROM minicov_facts", ())
        .unwrap();
    let json = project.json();
    let mut lines = json.lines("a.py", "executed_lines");
    lines.extend(json.lines("a.py", "missing_lines"));
    lines.sort_unstable();
    lines
}

#[test]
fn a_cache_counts_only_if_it_was_written_in_a_later_second() {
    let project = Project::with(&[("a.py", TEXT)]);
    project.minicov(&["run", "--branch", "a.py"]).run().success();
    let changed = fs::metadata(project.path("a.py")).unwrap().modified().unwrap();
    assert_eq!(statements(&project), [1, 2, 3, 4, 7]);
    // Made of another text, so that it shows whether it was believed.
    let other = "def f(x):\n    return 2\n\n\nf(1)\n";
    cache(&project, other, changed);
    assert_eq!(statements(&project), [1, 2, 3, 4, 7]);
    cache(&project, other, changed + Duration::from_secs(2));
    assert_eq!(statements(&project), [1, 2, 5]);
    // A source that changed since is not the one that was compiled.
    File::options()
        .write(true)
        .open(project.path("a.py"))
        .unwrap()
        .set_modified(changed + Duration::from_secs(1))
        .unwrap();
    assert_eq!(statements(&project), [1, 2, 3, 4, 7]);
}

#[test]
fn damaged_caches_are_passed_over() {
    let project = Project::with(&[("a.py", TEXT)]);
    project.minicov(&["run", "a.py"]).run().success();
    let later = SystemTime::now() + Duration::from_secs(9);
    cache(&project, TEXT, later);
    let folder = project.path("__pycache__");
    let path = fs::read_dir(folder).unwrap().next().unwrap().unwrap().path();
    let whole = fs::read(&path).unwrap();
    for length in [0, 3, 15, 16, 17, 60, whole.len() / 2, whole.len() - 1] {
        fs::write(&path, &whole[..length]).unwrap();
        File::options().write(true).open(&path).unwrap().set_modified(later).unwrap();
        assert_eq!(statements(&project), [1, 2, 3, 4, 7], "{length} bytes");
    }
}

#[test]
fn caches_say_of_real_code_what_the_compiler_says() {
    let folder = venv_python().ancestors().nth(2).unwrap().to_path_buf();
    let library = fs::read_dir(folder.join("lib")).unwrap().next().unwrap().unwrap().path();
    let package = library.join("site-packages/coverage");
    let project = Project::new();
    fs::create_dir(project.path("coverage")).unwrap();
    for entry in fs::read_dir(&package).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "py") {
            let copy = project.path("coverage").join(path.file_name().unwrap());
            fs::copy(&path, &copy).unwrap();
            File::options().write(true).open(copy).unwrap().set_modified(SystemTime::UNIX_EPOCH).unwrap();
        }
    }
    project.file("run.py", "");
    project.minicov(&["run", "--branch", "--source=coverage", "run.py"]).run().success();
    let compiled = project.json().normalised();
    project.python(&["-m", "compileall", "-q", "coverage"]).run().success();
    rusqlite::Connection::open(project.path(".coverage"))
        .unwrap()
        .execute("DELETE FROM minicov_facts", ())
        .unwrap();
    assert_same_text("report", &project.json().normalised(), &compiled);
}

/// More than one process takes on, on machines with several cores.
#[test]
fn many_files_that_are_not_cached_are_coverage_pys() {
    let project = Project::with(&[("main.py", "import part0\n")]);
    let comment = "# long\n".repeat(10_000);
    for number in 0..30 {
        let text = format!(
            "{comment}def f{number}(x):\n    if x:\n        return {number}\n\n\nvalue = [f{number}(y) for y in 'ab']\n"
        );
        project.file(&format!("part{number}.py"), text);
    }
    project.minicov(&["run", "--branch", "--source=.", "main.py"]).run().success().stderr("");
    let ours = project.json();
    assert_eq!(ours.files().len(), 31);
    assert_eq!(ours.lines("part7.py", "missing_lines"), [10_001, 10_002, 10_003, 10_006]);
    assert_same_text("json", &ours.normalised(), &project.coverage_json(".coverage").normalised());

    project.file("part9.py", format!("{comment}def\n"));
    project.minicov(&["erase"]).run().success();
    project.minicov(&["run", "--branch", "--source=.", "main.py"]).run().success().stderr("");
    let outcome = project.minicov(&["report"]).run();
    outcome.code(1);
    assert!(
        outcome.stderr.contains("part9.py' as Python source: \"invalid syntax\" at line 10001"),
        "{}",
        outcome.stderr
    );
}

/// What one process of minicov asks another: the length of each message and the message.
#[test]
fn a_helper_answers_each_source_and_no_nonsense() {
    let project = Project::new();
    let message = |value: &(&str, &[u8])| {
        let bytes = postcard::to_stdvec(value).unwrap();
        [&u32::try_from(bytes.len()).unwrap().to_le_bytes()[..], &bytes].concat()
    };
    let asked = [message(&("a.py", b"x = 1\n")), message(&("b.py", b"x = =\n"))].concat();
    let outcome = project.minicov(&["compiler"]).input(asked).run();
    outcome.success().stderr("");
    // What it writes is no text, but its error is.
    assert!(outcome.stdout.ends_with("\"invalid syntax\" at line 1"), "{:?}", outcome.stdout);
    for nonsense in [&b"\x05\0\0\0abcde"[..], b"\xff\xff\0\0abc", b"no length"] {
        project.minicov(&["compiler"]).input(nonsense).run().code(1).stdout("");
    }
    project.minicov(&["compiler", "-"]).run().code(1).stdout("");
}
