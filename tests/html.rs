//! `minicov html`: the folder of pages. What they look like and do is tested in tests/browser.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

use crate::harness::{CORES, Project};

/// A measured project of two files.
fn measured() -> Project {
    let project =
        Project::with(&[("program.py", "import other\nprint(other.value)\n"), ("other.py", "value = 1\n")]);
    project.run(CORES[0], &["program.py"]).success();
    project
}

/// The names of the report's files, ascending, without hashes.
fn names(project: &Project, folder: &str) -> Vec<String> {
    let entries = fs::read_dir(project.path(folder)).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .map(|name| match (name.rsplit_once('-'), name.rsplit_once('.')) {
            (Some((stem, _)), Some((_, extension))) => format!("{stem}.{extension}"),
            (_, _) => name,
        })
        .collect();
    names.sort();
    names
}

/// The text of the page whose name begins so.
fn page(project: &Project, folder: &str, beginning: &str) -> String {
    let mut entries = fs::read_dir(project.path(folder)).unwrap().map(|entry| entry.unwrap().path());
    let path = entries.find(|path| path.file_name().unwrap().to_str().unwrap().starts_with(beginning));
    fs::read_to_string(path.unwrap()).unwrap()
}

const PAGES: [&str; 7] = [
    ".gitignore",
    "index.html",
    "minicov.css",
    "minicov.js",
    "other_py.html",
    "program_py.html",
    "regions.js",
];

#[test]
fn report_alone_writes_the_summary_and_the_pages() {
    let project = measured();
    let outcome = project.minicov(&["report"]).run();
    outcome.success().stderr("minicov: notice: wrote HTML report to htmlcov/index.html\n");
    assert!(outcome.stdout.starts_with("Name "), "{}", outcome.stdout);
    assert_eq!(names(&project, "htmlcov"), PAGES);
    assert_eq!(fs::read_to_string(project.path("htmlcov/.gitignore")).unwrap(), "# Created by minicov\n*\n");
    fs::remove_dir_all(project.path("htmlcov")).unwrap();
    for words in [&["report", "-m"][..], &["report", "program.py"], &["report", "--format=total"]] {
        project.minicov(words).run().success().stderr("");
        assert!(!project.exists("htmlcov"), "{words:?}");
    }
}

#[test]
fn contexts_are_shown_where_a_report_of_several_formats_is_asked_for_them() {
    let project = measured();
    for (words, is_told) in [
        (&["report", "--format", "html", "json"][..], false),
        (&["report", "--format", "html", "json", "--show-contexts"], true),
    ] {
        project.minicov(words).run().success();
        let page = page(&project, "htmlcov", "program_py");
        let json = fs::read_to_string(project.path("coverage.json")).unwrap();
        assert_eq!(page.contains("class=\"contexts\""), is_told, "{page}");
        assert_eq!(json.contains("\"contexts\": {"), is_told, "{json}");
    }
}

#[test]
fn settings_are_coverage_pys() {
    let project = measured();
    project.file("more.css", "b { color: red }\n");
    project.file("empty.py", "");
    project.file(
        ".coveragerc",
        "[run]\nsource = .\n[html]\ndirectory = out/pages\ntitle = A <b> & \"c\"\nskip_covered = true\nskip_empty = true\nshow_contexts = yes\nextra_css = more.css\n",
    );
    project.file("missed.py", "if 1:\n    x = 1\n");
    project.run(CORES[0], &["program.py"]).success();
    let outcome = project.minicov(&["html"]).run();
    outcome.success().stdout("").stderr("minicov: notice: wrote HTML report to out/pages/index.html\n");
    let wanted = [
        ".gitignore",
        "extra.css",
        "index.html",
        "minicov.css",
        "minicov.js",
        "missed_py.html",
        "regions.js",
    ];
    assert_eq!(names(&project, "out/pages"), wanted);
    let index = fs::read_to_string(project.path("out/pages/index.html")).unwrap();
    for text in
        ["<title>A &#60;b&#62; &#38; &#34;c&#34;</title>", "3 files skipped due to complete coverage."]
    {
        assert!(index.contains(text), "{text}: {index}");
    }
    let page = page(&project, "out/pages", "missed_py");
    for text in [&index, &page] {
        let [ours, theirs] = ["href=\"minicov-", "href=\"extra-"].map(|link| text.find(link));
        assert!(ours.is_some() && ours < theirs, "the user's style sheet comes last: {text}");
    }
    assert!(page.contains("class=\"contexts\"") && page.contains("<title>missed.py — A "), "{page}");
    let words = ["html", "-q", "--directory=flags", "--title=T", "--no-skip-covered", "--single-file"];
    project.minicov(&words).run().success().stdout("").stderr("");
    assert_eq!(names(&project, "flags"), [".gitignore", "index.html"]);
    let index = fs::read_to_string(project.path("flags/index.html")).unwrap();
    for text in ["<title>T</title>", "b { color: red }", "other.py", "1 file without statements skipped."] {
        assert!(index.contains(text), "{text}: {index}");
    }
    assert!(!index.contains("<link rel=\"stylesheet\"") && !index.contains("<script src"), "{index}");
    let outcome = project.minicov(&["html", "--rcfile=/dev/null", "-d", "x"]).run();
    outcome.success();
    assert!(self::page(&project, "x", "missed_py").contains("<title>missed.py — Coverage report</title>"));
    assert!(!self::page(&project, "x", "missed_py").contains("class=\"contexts\""));
    project.file(".coveragerc", "[html]\nextra_css = absent.css\n");
    let outcome = project.minicov(&["html"]).run();
    outcome.code(1).stderr(
        "minicov: error: couldn't read the style sheet absent.css: No such file or directory (os error 2)\n",
    );
}

/// What tells that a file was written again.
fn inodes(project: &Project) -> Vec<(String, u64)> {
    let entries = fs::read_dir(project.path("htmlcov")).unwrap().map(Result::unwrap);
    let mut inodes: Vec<_> = entries
        .map(|entry| (entry.file_name().into_string().unwrap(), entry.metadata().unwrap().ino()))
        .collect();
    inodes.sort();
    inodes
}

#[test]
fn unchanged_pages_are_not_written_again() {
    let project = measured();
    project.minicov(&["html"]).run().success();
    let before = inodes(&project);
    project.file("other.py", "value = 2\n");
    project.run(CORES[0], &["program.py"]).success();
    project.minicov(&["html"]).run().success();
    let after = inodes(&project);
    for ((name, before), (_, after)) in before.iter().zip(&after) {
        let changed = name.starts_with("other_py") || name == "index.html";
        assert!(changed || before == after, "{name} was written again");
        assert!(!name.starts_with("other_py") || before != after, "{name} is as before");
    }
    assert_eq!(before.len(), after.len());
}

#[test]
fn what_is_not_minicovs_is_left_alone() {
    let project = measured();
    project.minicov(&["html"]).run().success();
    project.file("htmlcov/notes.txt", "mine");
    project.file("htmlcov/z_page.html", "<!DOCTYPE html><script src=coverage_html_cb_1.js></script>");
    project.command("/usr/bin/mkfifo").args(["htmlcov/pipe"]).run().success();
    let outcome = project.minicov(&["html", "--include=other.py"]).run();
    outcome.success().stderr(
        "minicov: notice: wrote HTML report to htmlcov/index.html\n\
         minicov: notice: htmlcov has things that are not minicov's, left alone\n",
    );
    let mut wanted = vec!["notes.txt".to_owned(), "pipe".to_owned(), "z_page.html".to_owned()];
    wanted.extend(PAGES.iter().filter(|name| !name.starts_with("program")).map(|name| (*name).to_owned()));
    wanted.sort();
    assert_eq!(names(&project, "htmlcov"), wanted, "the page of a file that is gone goes, too");
    assert_eq!(fs::read(project.path("htmlcov/notes.txt")).unwrap(), b"mine");
    fs::remove_file(project.path("htmlcov/pipe")).unwrap();

    // A folder of somebody's own pages is no place for a report; coverage.py's report makes room.
    project.file("site/index.html", "<!DOCTYPE html><p>my site");
    let before = project.everything();
    let outcome = project.minicov(&["html", "-d", "site"]).run();
    outcome.code(1).stdout("");
    let path = project.path("site/index.html");
    let message = format!(
        "minicov: error: {} is not a page of a coverage report, so it is not overwritten\n",
        path.display()
    );
    outcome.stderr(&message);
    assert!(project.everything() == before);
    project.coverage(&["html", "-q", "-d", "theirs", "--rcfile=/dev/null"]).run().success();
    project.minicov(&["html", "-d", "theirs"]).run().success();
    let index = fs::read_to_string(project.path("theirs/index.html")).unwrap();
    assert!(index.contains("made by minicov"));
}

/// Root's privileges are given up, and the folder and the old page are somebody else's: in such a folder, as in /tmp, only who
/// owns a file may remove it.
#[test]
fn what_cannot_be_removed_is_told_and_left() {
    let setpriv = std::path::Path::new("/usr/bin/setpriv");
    if !rustix::process::geteuid().is_root() || !setpriv.exists() {
        eprintln!("skipped: only root may give a file to somebody else, and setpriv gives up privileges");
        return;
    }
    let project = measured();
    project.minicov(&["html"]).run().success();
    let entries = fs::read_dir(project.path("htmlcov")).unwrap();
    let mut names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let stale = format!("htmlcov/{}", names.find(|name| name.starts_with("program_py-")).unwrap());
    for path in ["htmlcov", &stale] {
        std::os::unix::fs::chown(project.path(path), Some(65534), Some(65534)).unwrap();
    }
    fs::set_permissions(project.path("htmlcov"), fs::Permissions::from_mode(0o1777)).unwrap();
    let before = fs::read(project.path(&stale)).unwrap();
    let venv = crate::harness::venv_python().ancestors().nth(2).unwrap().to_path_buf();
    let words = [
        "--inh-caps=-all",
        "--bounding-set=-all",
        env!("CARGO_BIN_EXE_minicov"),
        "html",
        "--include=other.py",
    ];
    let outcome = project.command(setpriv).args(words).env("VIRTUAL_ENV", venv).run();
    outcome.success().stdout("").stderr(&format!(
        "minicov: notice: wrote HTML report to htmlcov/index.html\n\
         minicov: notice: couldn't remove {stale} of an earlier report\n"
    ));
    assert!(fs::read(project.path(&stale)).unwrap() == before);
    assert!(!fs::read_to_string(project.path("htmlcov/index.html")).unwrap().contains("program_py-"));
}

/// The analysis cannot be kept then, and need not be.
#[test]
fn reports_are_made_where_files_may_not_grow_as_large_as_the_data_file() {
    let project = measured();
    let connection = rusqlite::Connection::open(project.path(".coverage")).unwrap();
    connection.execute_batch("CREATE TABLE ballast AS SELECT zeroblob(400000) AS bytes").unwrap();
    drop(connection);
    let venv = crate::harness::venv_python().ancestors().nth(2).unwrap().to_path_buf();
    for words in ["html", "json -q -o -", "xml -q -o -", "lcov -q -o -", "report --format=console"] {
        let limited = format!("ulimit -f 600; exec {} {words}", env!("CARGO_BIN_EXE_minicov"));
        let limited = project.command("/bin/sh").args(["-c", &limited]).env("VIRTUAL_ENV", &venv).run();
        limited.success();
        // Nothing was left half-done, and a second time goes as well.
        assert!(!project.exists(".coverage-journal"));
        let again = project.minicov(&words.split(' ').collect::<Vec<_>>()).run();
        let [ours, theirs] = [&limited.stdout, &again.stdout].map(|text| {
            let lines = text.lines().filter(|line| !line.contains("timestamp"));
            lines.collect::<Vec<_>>().join("\n")
        });
        crate::harness::assert_same_text(words, &ours, &theirs);
        let connection = rusqlite::Connection::open(project.path(".coverage")).unwrap();
        connection.execute("DELETE FROM minicov_facts", ()).unwrap();
    }
}

#[test]
fn a_full_disk_leaves_no_half_page() {
    let project = measured();
    let long = "value = 1\n".repeat(12_000);
    project.file("other.py", long);
    project.run(CORES[0], &["program.py"]).success();
    // No file may grow beyond 600 blocks of 512 bytes, and the signal for it is ignored: writing fails as on a full disk.
    let script = format!("trap '' XFSZ; ulimit -f 600; exec {} html", env!("CARGO_BIN_EXE_minicov"));
    let venv = crate::harness::venv_python().ancestors().nth(2).unwrap().to_path_buf();
    let outcome = project.command("/bin/sh").args(["-c", &script]).env("VIRTUAL_ENV", venv).run();
    outcome.code(1).stdout("");
    assert!(outcome.stderr.starts_with("minicov: error: couldn't write "), "{}", outcome.stderr);
    assert!(
        outcome.stderr.contains("other_py-") && outcome.stderr.contains("File too large"),
        "{}",
        outcome.stderr
    );
    let names = names(&project, "htmlcov");
    assert!(names.iter().all(|name| PAGES.contains(&name.as_str())), "{names:?}");
    assert!(
        !names.contains(&"index.html".to_owned()) && !names.contains(&"other_py.html".to_owned()),
        "{names:?}"
    );
    for entry in fs::read_dir(project.path("htmlcov")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "html") {
            assert!(fs::read_to_string(path).unwrap().trim_end().ends_with("</html>"));
        }
    }
}
