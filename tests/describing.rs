//! What minicov tells of itself: `debug`, completions, manual pages, and the documentation that is made of its tables.

use std::fs;

use crate::harness::{Project, assert_same_text, repository};

#[test]
fn the_documentation_has_the_table_of_options() {
    let outcome = Project::new().minicov(&["debug", "options"]).run();
    outcome.success().stderr("");
    let text = fs::read_to_string(repository().join("docs/configuration.md")).unwrap();
    let tables = text.split("\n## All options\n\n").nth(1).unwrap().split("\n## ").next().unwrap();
    assert_same_text("docs/configuration.md, All options", tables.trim(), outcome.stdout.trim());
}

#[test]
fn each_topic_of_debug_tells_something() {
    let project = Project::with(&[
        ("main.py", "a = 1\n"),
        ("pyproject.toml", "[tool.coverage.run]\nbranch = true\n[tool.minicov.run]\ncontext = 'mine'\n"),
    ]);
    project.minicov(&["run", "main.py"]).run().success();
    let before = project.everything();
    for topic in ["sys", "config", "data", "premain", "pybehave", "sqlite", "options"] {
        let outcome = project.minicov(&["debug", topic]).run();
        outcome.success().stderr("");
        assert!(outcome.stdout.lines().count() > 1, "{topic}");
    }
    assert!(project.everything() == before);
    let config = project.minicov(&["debug", "config"]).run().stdout;
    assert!(config.contains(" [run] branch = true  (pyproject.toml, line 2)\n"), "{config}");
    assert!(config.contains(" [run] context = mine  (pyproject.toml, line 4)\n"), "{config}");
    assert!(config.contains(" [run] parallel = false  (default)\n"), "{config}");
}

#[test]
fn debug_data_is_coverage_pys() {
    let project = Project::with(&[
        ("main.py", "import a10\nimport a9\n"),
        ("a9.py", "a = 1\nb = 2\n"),
        ("a10.py", "a = 1\n"),
        (".coveragerc", "[run]\nsource = .\n"),
        ("empty.py", ""),
    ]);
    project.minicov(&["run", "main.py"]).run().success();
    let theirs = project.coverage(&["debug", "data"]).run();
    project.minicov(&["debug", "data"]).run().same_as(&theirs);
    let theirs = project.coverage(&["debug", "data", "nosuch"]).run();
    project.minicov(&["debug", "data", "nosuch"]).run().same_as(&theirs);
}

#[test]
fn debug_refuses_what_it_does_not_know() {
    let project = Project::new();
    for (words, told) in [
        (&["debug"][..], "name what to tell about: config, data, sys"),
        (&["debug", "confg"], "did you mean config?"),
        (&["debug", "sys", "more"], "debug sys takes no further words"),
        (&["completions", "csh"], "only for bash, zsh, fish"),
        (&["completions"], "name one shell"),
        (&["man", "repot"], "did you mean report?"),
    ] {
        let outcome = project.minicov(words).run();
        outcome.code(1).stdout("");
        assert!(outcome.stderr.contains(told), "{words:?}: {}", outcome.stderr);
    }
}

#[test]
fn completions_are_scripts_of_their_shells() {
    let project = Project::new();
    for (shell, word) in [("bash", "complete "), ("zsh", "#compdef minicov"), ("fish", "complete -c minicov")]
    {
        let outcome = project.minicov(&["completions", shell]).run();
        outcome.success().stderr("");
        assert!(outcome.stdout.contains(word), "{shell}");
        for option in ["skip-covered", "save-signal"] {
            assert!(outcome.stdout.contains(option), "{shell}: {option}");
        }
    }
    let script = project.minicov(&["completions", "bash"]).run().stdout;
    project.command("/bin/bash").args(["-n"]).input(script).run().success().stderr("");
}

#[test]
fn manual_pages_have_every_option() {
    let project = Project::new();
    let whole = project.minicov(&["man"]).run();
    whole.success().stderr("");
    assert!(whole.stdout.contains(".TH minicov 1"), "{}", whole.stdout);
    let page = project.minicov(&["man", "run"]).run();
    page.success().stderr("");
    assert!(page.stdout.contains(".TH minicov-run 1"), "{}", page.stdout);
    assert!(page.stdout.contains("\\-\\-data\\-file"), "{}", page.stdout);
}
