//! What minicov refuses: a sentence, an exit status, and nothing changed.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::harness::{Command, Outcome, Project};

const PROGRAM: &str = "def f():\n    return 1\n\n\nf()\n";

/// A project with data.
fn measured() -> Project {
    let project = Project::with(&[("program.py", PROGRAM)]);
    project.minicov(&["run", "program.py"]).run().success().stderr("");
    project
}

/// Runs a command and expects an error: status 1, nothing on standard output, this on standard error, nothing changed.
#[track_caller]
fn refused(project: &Project, command: Command, message: &str) {
    let before = project.everything();
    command.run().code(1).stdout("").stderr(message);
    assert!(project.everything() == before, "something changed");
}

/// Root may write everywhere, so tests of permissions are run as somebody else where possible.
fn as_nobody(project: &Project, words: &[&str]) -> Option<Outcome> {
    if !rustix::process::geteuid().is_root() {
        return Some(project.minicov(words).run());
    }
    // The executable, its libpython and the virtual environment may lie where only root can go.
    let readable = |path: &Path| {
        path.ancestors().all(|folder| {
            fs::metadata(folder).is_ok_and(|metadata| metadata.permissions().mode() & 0o005 == 0o005)
        })
    };
    let binary = Path::new(env!("CARGO_BIN_EXE_minicov"));
    let setpriv = Path::new("/usr/bin/setpriv");
    if !setpriv.exists()
        || !readable(binary)
        || !readable(&crate::harness::build_python().canonicalize().unwrap())
    {
        eprintln!("skipped: as root, and another user cannot reach the executable or its Python");
        return None;
    }
    let venv = crate::harness::venv_python();
    let outcome = project
        .command(setpriv)
        .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
        .args([binary])
        .args(words)
        .env("VIRTUAL_ENV", venv.ancestors().nth(2).unwrap())
        .run();
    Some(outcome)
}

#[test]
fn report_without_data() {
    let project = Project::new();
    refused(
        &project,
        project.minicov(&["report"]),
        "minicov: error: no data to report: there is no .coverage\nminicov: hint: record some with minicov run\n",
    );
    refused(
        &project,
        project.minicov(&["report", "--data-file=sub/x"]),
        "minicov: error: no data to report: there is no sub/x\nminicov: hint: record some with minicov run\n",
    );
}

#[test]
fn report_of_nothing_that_was_asked_for() {
    let project = measured();
    project.minicov(&["report"]).run().success();
    refused(
        &project,
        project.minicov(&["report", "--include=nothing/*"]),
        "minicov: error: no data to report\n",
    );
    refused(&project, project.minicov(&["report", "nothing.py"]), "minicov: error: no data to report\n");
}

/// Data files that are none, and what is said of them.
fn bad_data_files(project: &Project) -> Vec<(&'static str, String)> {
    let path = |name: &str| project.path(name).display().to_string();
    project.file("text", "this is no SQLite file, but it is long enough to be taken for one by its size\n");
    project.file("head", b"SQLite format 3\0");
    let good = fs::read(project.path(".coverage")).unwrap();
    project.file("cut", &good[..good.len() / 2]);
    let mut damaged = good.clone();
    for byte in &mut damaged[100..2000] {
        *byte = 0xa5;
    }
    project.file("damaged", &damaged);
    fs::create_dir(project.path("folder")).unwrap();
    for (name, sql) in [
        ("foreign", "CREATE TABLE mine (x)"),
        ("schema", "CREATE TABLE coverage_schema (version integer); INSERT INTO coverage_schema VALUES (99)"),
        ("empty_schema", "CREATE TABLE coverage_schema (version integer)"),
    ] {
        rusqlite::Connection::open(project.path(name)).unwrap().execute_batch(sql).unwrap();
    }
    let says =
        |name: &str, fault: &str| format!("minicov: error: couldn't use data file '{}': {fault}", path(name));
    vec![
        ("text", says("text", "it is not an SQLite file\n")),
        ("head", says("head", "it is not an SQLite file\n")),
        ("cut", says("cut", "it is damaged: database disk image is malformed\n")),
        ("damaged", says("damaged", "it is damaged: ")),
        ("folder", says("folder", "it is not a regular file\n")),
        ("foreign", says("foreign", "it isn't a coverage data file\n")),
        ("schema", says("schema", "wrong schema: 99 instead of 7\n")),
        ("empty_schema", says("empty_schema", "it isn't a coverage data file\n")),
    ]
}

#[test]
fn data_files_that_are_none() {
    let project = measured();
    for (name, message) in bad_data_files(&project) {
        let before = project.everything();
        let outcome = project.minicov(&["report", "--data-file", name]).run();
        outcome.code(1).stdout("");
        assert!(outcome.stderr.starts_with(&message), "{name}: {}", outcome.stderr);
        assert_eq!(outcome.stderr.lines().count(), 1, "{}", outcome.stderr);
        assert!(project.everything() == before, "{name}: something changed");
    }
}

/// Names of sources come from the data file: nothing is written anywhere else for them, and no terminal obeys them.
#[test]
fn names_in_data_files_lead_nowhere_else() {
    let project = Project::with(&[("inner/program.py", PROGRAM), ("outside.py", PROGRAM)]);
    let command = |words: &[&str]| project.minicov(words).folder("inner").run();
    command(&["run", "program.py"]).success().stderr("");
    let rename = |path: &str| {
        let connection = rusqlite::Connection::open(project.path("inner/.coverage")).unwrap();
        connection.execute(&format!("UPDATE file SET path = {path}"), ()).unwrap();
    };
    rename("'../inner/../outside.py'");
    for words in [
        &["report", "--format=console"][..],
        &["html", "-q"],
        &["html", "-q", "--single-file", "-d", "single"],
        &["annotate", "-d", "notes"],
        &["xml", "-q"],
        &["lcov", "-q"],
        &["json", "-q"],
    ] {
        command(words).success().stderr("");
    }
    let everything = project.everything();
    let elsewhere: Vec<_> = everything
        .iter()
        .map(|(path, _)| path.strip_prefix(project.root()).unwrap_or(path))
        .filter(|path| !path.starts_with("inner"))
        .collect();
    assert_eq!(elsewhere, [Path::new("outside.py")]);

    rename("'/gone/' || char(27) || '[31m\u{9b}.py'");
    let outcome = command(&["report"]);
    outcome.code(1).stdout("");
    assert!(outcome.stderr.contains("'/gone/\\u{1b}[31m\\u{9b}.py'"), "{}", outcome.stderr);
    rename("CAST(x'2fff2e7079' AS TEXT)");
    let outcome = command(&["report"]);
    outcome.code(1).stdout("");
    assert!(outcome.stderr.contains("it holds what no data file holds"), "{}", outcome.stderr);
}

#[test]
fn colours_are_for_terminals_and_those_who_like_them() {
    let project = Project::new();
    let on_terminal = |variables: &[(&str, &str)]| {
        let spawn = "import pty, sys; pty.spawn(sys.argv[1:])";
        let words = ["-c", spawn, env!("CARGO_BIN_EXE_minicov"), "report"];
        let mut command = project.command(crate::harness::venv_python()).args(words).env("TERM", "xterm");
        for (name, value) in variables {
            command = command.env(name, value);
        }
        command.run().stdout.clone()
    };
    let (coloured, plain) = (on_terminal(&[]), on_terminal(&[("NO_COLOR", "1")]));
    assert!(coloured.contains("\u{1b}["), "{coloured}");
    assert!(plain.contains("minicov: error: no data to report"), "{plain}");
    assert!(!plain.contains('\u{1b}'), "{plain}");
    let outcome = project.minicov(&["report"]).run();
    assert!(!outcome.stderr.contains('\u{1b}'), "{}", outcome.stderr);
}

#[test]
fn a_bad_data_file_is_refused_before_the_program_runs() {
    let project = measured();
    for (name, message) in bad_data_files(&project) {
        let before = fs::read(project.path(name)).ok();
        // The program prints, and would have run in vain.
        let outcome = project.minicov(&["run", "--data-file", name, "-c", "print('ran')"]).run();
        outcome.code(1).stdout("");
        assert!(outcome.stderr.starts_with(&message), "{name}: {}", outcome.stderr);
        assert!(
            outcome.stderr.ends_with("minicov: hint: give --data-file a place where files can be written\n")
        );
        assert!(fs::read(project.path(name)).ok() == before, "{name}: changed");
        assert!(!project.exists(&format!("{name}.minicov-journal")), "{name}: a journal");
    }
}

#[test]
fn erase_removes_no_strange_file() {
    let project = measured();
    project.file("notes.txt", "my notes, mistyped as a data file\n");
    let message = format!(
        "minicov: error: couldn't use data file '{}': it is not an SQLite file\n",
        project.path("notes.txt").display()
    );
    refused(&project, project.minicov(&["erase", "--data-file=notes.txt"]), &message);
    refused(&project, project.minicov(&["run", "--erase", "--data-file=notes.txt", "program.py"]), &message);
}

#[test]
fn a_data_file_that_another_process_has_locked() {
    let project = measured();
    let database = rusqlite::Connection::open(project.path(".coverage")).unwrap();
    database.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let path = project.path(".coverage");
    let outcome = project.minicov(&["report"]).env("MINICOV_LOCK_TIMEOUT", "0.1").run();
    outcome.code(1).stdout("");
    let said = format!("minicov: error: couldn't use data file '{}': it is locked by ", path.display());
    assert!(outcome.stderr.starts_with(&said), "{}", outcome.stderr);
    let outcome = project.minicov(&["run", "program.py"]).env("MINICOV_LOCK_TIMEOUT", "0.1").run();
    outcome.success();
    assert!(outcome.stderr.contains("[data-kept-back]"), "{}", outcome.stderr);
    database.execute_batch("ROLLBACK").unwrap();
    assert_eq!(project.executed("program.py"), [1, 2, 5]);
}

#[test]
fn a_read_only_folder() {
    let project = Project::with(&[("program.py", PROGRAM)]);
    fs::set_permissions(project.root(), fs::Permissions::from_mode(0o555)).unwrap();
    let outcome = as_nobody(&project, &["run", "program.py"]);
    fs::set_permissions(project.root(), fs::Permissions::from_mode(0o755)).unwrap();
    if let Some(outcome) = outcome {
        outcome.code(1).stdout("");
        assert!(outcome.stderr.starts_with("minicov: error: "), "{}", outcome.stderr);
        assert!(outcome.stderr.contains("minicov: hint: give --data-file a place"), "{}", outcome.stderr);
        assert_eq!(project.everything().len(), 1);
    }
    let outcome = project.minicov(&["run", "--data-file=/proc/nothing", "program.py"]).run();
    outcome.code(1).stdout("");
    assert!(outcome.stderr.contains("minicov: hint: give --data-file a place"), "{}", outcome.stderr);
    let outcome = project.minicov(&["run", "--data-file=no/such/folder/x", "program.py"]).run();
    outcome.code(1).stdout("");
    assert!(outcome.stderr.starts_with("minicov: error: "), "{}", outcome.stderr);
}

#[test]
fn a_report_in_a_read_only_folder() {
    let project = measured();
    fs::set_permissions(project.root(), fs::Permissions::from_mode(0o555)).unwrap();
    let outcome = as_nobody(&project, &["report", "--format=console"]);
    fs::set_permissions(project.root(), fs::Permissions::from_mode(0o755)).unwrap();
    if let Some(outcome) = outcome {
        outcome.success();
    }
}

#[test]
fn sources_that_vanished_or_broke() {
    for (name, change, message) in [
        ("vanished", None, "no source for code: "),
        ("syntax", Some(b"def f(:\n".as_slice()), "couldn't parse "),
        ("cookie", Some(b"# coding: no-such-codec\nx = 1\n"), "couldn't parse "),
        ("not the cookie's", Some(b"# coding: ascii\nx = '\xff'\n"), "couldn't parse "),
        ("not UTF-8", Some(b"x = '\xff'\n"), "couldn't parse "),
        ("NUL", Some(b"x = 1\0\n"), "couldn't parse "),
        ("binary", Some(&[0xfe, 0xff, 0, 1, 2, 3]), "couldn't parse "),
    ] {
        let project = measured();
        project.file("good.py", "value = 1\n");
        project.minicov(&["run", "good.py"]).run().success();
        match change {
            None => fs::remove_file(project.path("program.py")).unwrap(),
            Some(bytes) => {
                project.file("program.py", bytes);
            }
        }
        let outcome = project.minicov(&["report"]).run();
        outcome.code(1).stdout("");
        let error: Vec<_> =
            outcome.stderr.lines().filter(|line| !line.contains("[source-changed]")).collect();
        assert!(error[0].starts_with(&format!("minicov: error: {message}'")), "{name}: {}", outcome.stderr);
        assert_eq!(error[1], "minicov: hint: -i leaves such files out of the report", "{name}");
        let outcome = project.minicov(&["report", "-i"]).run();
        outcome.success();
        assert!(outcome.stderr.contains("[couldnt-parse]"), "{name}: {}", outcome.stderr);
        assert!(outcome.stdout.contains("good.py       1      0   100%"), "{name}: {}", outcome.stdout);
        assert!(!outcome.stdout.contains("program.py"), "{name}: {}", outcome.stdout);
    }
}

covtest!(programs_that_do_not_compile, |core| {
    let project =
        Project::with(&[("broken.py", "x = 1\ny = = 2\n"), ("cookie.py", "# coding: no-such-codec\n")]);
    for name in ["broken.py", "cookie.py"] {
        let plain = project.python(&[name]).run();
        let outcome = project.run(core, &[name]);
        assert_eq!((outcome.status, &outcome.stdout), (plain.status, &plain.stdout));
        let tail = "minicov: warning: no data was collected: none of the code to be measured ran [no-data-collected]\n";
        outcome.stderr(&format!("{}{tail}", plain.stderr));
    }
    assert!(!project.exists(".coverage"));
});

#[test]
fn options_that_are_none() {
    let project = measured();
    for (words, told) in [
        (&["report", "--nonsense"][..], "unexpected argument '--nonsense' found"),
        (&["report", "--format", "nonsense"], "invalid value 'nonsense' for '--format <FORMAT>...'"),
        (&["report", "--precision=nonsense"], "invalid value 'nonsense' for '--precision <N>'"),
        (&["nonsense"], "unrecognized subcommand 'nonsense'"),
        (&["run", "--nonsense", "program.py"], "unexpected argument '--nonsense' found"),
        (&["run", "--sorce", "x", "program.py"], "a similar argument exists: '--source'"),
        (&["run", "--core=nonsense", "program.py"], "invalid value 'nonsense' for '--core <CORE>'"),
        (&["erase", "now"], "unexpected argument 'now' found"),
    ] {
        let before = project.everything();
        let outcome = project.minicov(words).run();
        outcome.code(1).stdout("");
        assert!(outcome.stderr.starts_with("error: "), "{}", outcome.stderr);
        assert!(outcome.stderr.contains(told), "{words:?}: {}", outcome.stderr);
        assert!(project.everything() == before);
    }
}

#[test]
fn values_that_mean_nothing() {
    let project = measured();
    for (words, told) in [
        (&["report", "--sort=nonsense"][..], "nonsense"),
        (&["report", "--precision=99"], "--precision: 99 is not in 0 to 15"),
        (&["run"], "there is nothing to run"),
        (&["report", "--include=***x"], "***"),
        (&["run", "--include=[", "program.py"], "["),
    ] {
        let before = project.everything();
        let outcome = project.minicov(words).run();
        outcome.code(1).stdout("");
        assert!(outcome.stderr.starts_with("minicov: error: "), "{words:?}: {}", outcome.stderr);
        assert!(outcome.stderr.contains(told), "{words:?}: {}", outcome.stderr);
        assert!(project.everything() == before, "{words:?}");
    }
}

#[test]
fn an_interpreter_that_cannot_start() {
    let project = Project::with(&[("program.py", PROGRAM)]);
    let before = project.everything();
    let plain = project.python(&["-X", "utf8=2", "program.py"]).run();
    project.minicov(&["run", "-X", "utf8=2", "program.py"]).run().same_as(&plain).code(1);
    let outcome = project.minicov(&["run", "program.py"]).env("PYTHONHOME", "/nonexistent").run();
    outcome.code(1);
    assert!(project.everything() == before);
    // Where there is nothing to ask for a core, the environment's word counts as much as the option's.
    let outcome = project.minicov(&["run", "program.py"]).env("COVERAGE_CORE", "nonsense").run();
    outcome.code(1).stdout("");
    assert!(outcome.stderr.contains("nonsense"), "{}", outcome.stderr);
}

covtest!(source_that_names_nothing, |core| {
    let project = Project::with(&[("program.py", PROGRAM)]);
    let outcome = project.run(core, &["--source=nothing,nowhere", "program.py"]);
    outcome.success().stdout("").stderr(
        "minicov: warning: nothing is no folder, and no Python code of a module of that name ran [module-not-imported]\n\
         minicov: warning: nowhere is no folder, and no Python code of a module of that name ran [module-not-imported]\n\
         minicov: warning: no data was collected: none of the code to be measured ran [no-data-collected]\n",
    );
});

#[test]
fn output_that_cannot_be_written() {
    let project = measured();
    project.minicov(&["report"]).run().success();
    for (words, told) in [
        (
            &["report", "--format=json", "-o", "program.py/folder.json"][..],
            "couldn't write program.py/folder.json: ",
        ),
        (&["report", "--format=json", "-o", "/dev/full"], "couldn't write /dev/full: "),
        (&["report", "--format", "console", "json", "-o", "x"], "--output takes one format"),
    ] {
        let before = project.everything();
        let outcome = project.minicov(words).run();
        outcome.code(1).stdout("");
        assert!(
            outcome.stderr.starts_with(&format!("minicov: error: {told}")),
            "{words:?}: {}",
            outcome.stderr
        );
        assert!(project.everything() == before);
    }
    let script = format!("{} report > /dev/full", env!("CARGO_BIN_EXE_minicov"));
    project
        .command("/bin/sh")
        .args(["-c", &script])
        .run()
        .code(1)
        .stderr("minicov: error: couldn't write to standard output: No space left on device (os error 28)\n");
}

/// As `minicov report | head` leaves them.
#[test]
fn reports_that_nobody_reads_end_quietly() {
    let project = measured();
    for words in [
        &["report", "--format=console"][..],
        &["json", "-q", "-o", "-"],
        &["xml", "-q", "-o", "-"],
        &["lcov", "-q", "-o", "-"],
        &["debug", "sys"],
    ] {
        project.minicov(words).stdout_without_reader().run().success().stderr("");
    }
}

#[test]
fn a_damaged_journal_is_told_and_left_alone() {
    let project = measured();
    project.file(".coverage.minicov-journal/1.0", "no journal at all");
    let outcome = project.minicov(&["report"]).run();
    outcome.success();
    assert!(outcome.stdout.contains("program.py       3      0   100%"), "{}", outcome.stdout);
}

/// Names that lead elsewhere, that would fake a message or act on a terminal, and that are none.
#[test]
fn names_in_a_hostile_data_file() {
    let project = measured();
    let database = || rusqlite::Connection::open(project.path(".coverage")).unwrap();
    let add = |name: &dyn rusqlite::ToSql| {
        let database = database();
        database.execute("INSERT INTO file (path) VALUES (?)", [name]).unwrap();
        let file = database.last_insert_rowid();
        database.execute("INSERT INTO line_bits SELECT ?, min(id), x'02' FROM context", [file]).unwrap();
    };
    let root = project.root().display().to_string();
    let forged = "/nowhere/a\nminicov: error: all is lost\u{1b}[31m.py";
    for name in [forged, "", "\0", "../../up.py", &format!("{root}/no/../../../x.py")] {
        add(&name);
    }
    let words: [&[&str]; 7] = [
        &["report", "--format=console", "-i"],
        &["annotate", "-i", "-d", "out"],
        &["xml", "-q", "-i", "-o", "-"],
        &["json", "-q", "-i", "-o", "-"],
        &["lcov", "-q", "-i", "-o", "-"],
        &["html", "-q", "-i"],
        &["combine", "-q", "--keep", ".coverage", "--data-file=combined"],
    ];
    for words in words {
        let outcome = project.minicov(words).run();
        outcome.success();
        let told = if words[0] == "combine" { 0 } else { 5 };
        assert_eq!(outcome.stderr.lines().count(), told, "{words:?}: {}", outcome.stderr);
        for line in outcome.stderr.lines() {
            assert!(line.starts_with("minicov: warning: no source for code: '"), "{words:?}: {line}");
            assert!(line.ends_with("[couldnt-parse]") && !line.contains('\u{1b}'), "{words:?}: {line}");
        }
        assert!(!outcome.stdout.contains('\u{1b}'), "{words:?}: {}", outcome.stdout);
    }
    let escaped = "'/nowhere/a\\nminicov: error: all is lost\\u{1b}[31m.py'";
    let outcome = project.minicov(&["report", "--format=console", "-i"]).run();
    assert!(outcome.stderr.contains(escaped), "{}", outcome.stderr);
    let listed = project.minicov(&["debug", "data"]).run();
    assert!(listed.success().stdout.contains("/nowhere/a?minicov: error: all is lost?[31m.py"));
    // Nothing was written but where it was asked for.
    let written = fs::read_dir(project.path("out")).unwrap().count();
    assert_eq!(written, 1, "program.py,cover alone");
    assert!(!project.root().parent().unwrap().join("x.py,cover").exists());

    // A name that is not UTF-8 stands as bytes, or as text that is none.
    for name in ["x'636166e92e7079'", "CAST(x'636166e92e7079' AS TEXT)"] {
        let project = measured();
        let database = rusqlite::Connection::open(project.path(".coverage")).unwrap();
        database.execute(&format!("UPDATE file SET path = {name}"), ()).unwrap();
        drop(database);
        let said = format!(
            "minicov: error: couldn't use data file '{}': it holds what no data file holds: ",
            project.path(".coverage").display()
        );
        let outcome = project.minicov(&["report"]).run();
        outcome.code(1).stdout("");
        assert!(outcome.stderr.starts_with(&said), "{name}: {}", outcome.stderr);
        assert_eq!(outcome.stderr.lines().count(), 1, "{name}: {}", outcome.stderr);
    }
}
