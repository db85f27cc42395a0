//! Which files are measured, and which of them count though they never ran.

use crate::harness::Project;

/// A project with a package, a script, a test folder and a virtual environment in it.
fn project() -> Project {
    Project::with(&[
        ("main.py", "import json\nimport pkg.used\nimport tests.helper\n"),
        ("pkg/__init__.py", "NAME = 'pkg'\n"),
        ("pkg/used.py", "import pkg\nvalue = 1\n"),
        ("pkg/unused.py", "value = 1\n\n\ndef f():\n    return value\n"),
        ("pkg/sub/__init__.py", ""),
        ("pkg/sub/deep.py", "deep = True\n"),
        ("pkg/data/plain.py", "value = 2\n"),
        ("tests/__init__.py", ""),
        ("tests/helper.py", "value = 3\n"),
        ("env/lib/python3.99/site-packages/vendored.py", "value = 4\n"),
    ])
}

#[track_caller]
fn measured(core: &str, options: &[&str], words: &[&str], expected: &[&str]) {
    let project = project();
    let options: Vec<_> = options.iter().chain(words).copied().collect();
    project.run(core, &options).success().stderr("");
    assert_eq!(project.reported_files(), expected, "{options:?}");
}

covtest!(by_default_the_users_code_that_ran, |core| {
    measured(
        core,
        &[],
        &["main.py"],
        &["main.py", "pkg/__init__.py", "pkg/used.py", "tests/__init__.py", "tests/helper.py"],
    );
    measured(
        core,
        &[],
        &["-c", "import sys; sys.path.append('env/lib/python3.99/site-packages'); import vendored, main"],
        &["main.py", "pkg/__init__.py", "pkg/used.py", "tests/__init__.py", "tests/helper.py"],
    );
});

covtest!(a_script_elsewhere_is_the_users_too, |core| {
    let project = Project::with(&[
        ("tool/script.py", "import friend\n"),
        ("tool/friend.py", "x = 1\n"),
        ("here/x.txt", ""),
    ]);
    project.minicov(&["run", "--core", core, "../tool/script.py"]).folder("here").run().success().stderr("");
    let outcome = project.minicov(&["report"]).folder("here").run();
    let root = project.root().display();
    let names = [format!("{root}/tool/friend.py"), format!("{root}/tool/script.py")];
    for name in names {
        assert!(outcome.stdout.contains(&name), "{}", outcome.stdout);
    }
});

covtest!(a_source_folder_counts_whole, |core| {
    measured(
        core,
        &["--source", "pkg"],
        &["main.py"],
        &["pkg/__init__.py", "pkg/sub/__init__.py", "pkg/sub/deep.py", "pkg/unused.py", "pkg/used.py"],
    );
    measured(
        core,
        &["--source", "pkg/sub,tests"],
        &["main.py"],
        &["pkg/sub/__init__.py", "pkg/sub/deep.py", "tests/__init__.py", "tests/helper.py"],
    );
});

covtest!(a_source_package_counts_whole, |core| {
    let project = project();
    // From another folder, so that `pkg` is a package and no folder.
    project
        .minicov(&["run", "--core", core, "--source", "pkg", "../main.py"])
        .folder("tests")
        .run()
        .success()
        .stderr("");
    let outcome = project.minicov(&["report", "--format", "json", "-o", "-"]).folder("tests").run();
    let files: Vec<String> = crate::harness::CoverageJson::parse(&outcome.stdout)
        .files()
        .into_iter()
        .map(|file| file.replace(&format!("{}/", project.root().display()), ""))
        .collect();
    assert_eq!(
        files,
        ["pkg/__init__.py", "pkg/sub/__init__.py", "pkg/sub/deep.py", "pkg/unused.py", "pkg/used.py"]
    );
});

covtest!(include_and_omit, |core| {
    measured(core, &["--include", "pkg/*"], &["main.py"], &["pkg/__init__.py", "pkg/used.py"]);
    measured(core, &["--include", "*/helper.py,main.py"], &["main.py"], &["main.py", "tests/helper.py"]);
    measured(core, &["--omit", "tests/*,*/__init__.py"], &["main.py"], &["main.py", "pkg/used.py"]);
    measured(
        core,
        &["--source", ".", "--omit", "tests/*,pkg/sub/*,env/*"],
        &["main.py"],
        &["main.py", "pkg/__init__.py", "pkg/unused.py", "pkg/used.py"],
    );
});

covtest!(a_file_that_never_ran_is_missed_from_its_first_line, |core| {
    let project = project();
    project.run(core, &["--source", "pkg", "main.py"]).success();
    let json = project.json();
    assert_eq!(json.lines("pkg/unused.py", "executed_lines"), [0; 0]);
    assert_eq!(json.lines("pkg/unused.py", "missing_lines"), [1, 4, 5]);
});

covtest!(the_same_files_as_coverage_py, |core| {
    for options in [
        &["--source=pkg"][..],
        &["--source=."],
        &["--source=.", "--omit=tests/*"],
        &["--include=pkg/*"],
        &["--source=pkg", "--omit=*/sub/*"],
        &["--source=tests,pkg/sub"],
        &["--omit=*er.py"],
    ] {
        let project = project();
        let words: Vec<_> = options.iter().copied().chain(["main.py"]).collect();
        project.run(core, &words).success();
        project.coverage(&["run", "--data-file=theirs"]).args(&words).run().success();
        crate::harness::assert_same_text(
            &format!("{options:?}"),
            &project.json().normalised(),
            &project.coverage_json("theirs").normalised(),
        );
    }
});

covtest!(links_are_followed_to_the_file_behind, |core| {
    let project = Project::with(&[("real/module.py", "value = 1\n"), ("main.py", "import module\n")]);
    std::os::unix::fs::symlink("real/module.py", project.path("module.py")).unwrap();
    project.run(core, &["main.py"]).success().stderr("");
    assert_eq!(project.reported_files(), ["main.py", "real/module.py"]);
});

covtest!(code_without_a_file_is_not_measured, |core| {
    let project = Project::with(&[(
        "main.py",
        "exec(compile('a = 1', 'virtual.py', 'exec'))\nexec('b = 1')\nimport dataclasses\n@dataclasses.dataclass\nclass D:\n    x: int\nD(1)\n",
    )]);
    project.run(core, &["main.py"]).success().stderr("");
    assert_eq!(project.reported_files(), ["main.py"]);
});
