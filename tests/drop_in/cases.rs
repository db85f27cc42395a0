//! The table of cases.

/// A folder with files, an environment, and commands in it one after the other.
pub(super) struct Case {
    pub(super) name: &'static str,
    /// Besides [`FILES`].
    pub(super) files: &'static [(&'static str, &'static str)],
    pub(super) environment: &'static [(&'static str, &'static str)],
    /// Words behind `minicov` or `coverage`; `~` for a space within a word.
    pub(super) steps: &'static [&'static str],
}

/// The program that all cases have.
pub(super) const FILES: &[(&str, &str)] = &[
    ("main.py", "import sys\nfrom app import core\nfrom plain import module\ncore.run(sys.argv[1:])\n"),
    ("app/__init__.py", ""),
    (
        "app/core.py",
        "\
def run(words):
    if words:
        return len(words)
    if words is None:  # pragma: no cover
        return 1
    for word in words:
        print(word)
    while True:
        break
    assert words == []
    if not words: print('none')
    try:
        int('x')
    except ValueError:
        pass
    return 0


def spare():
    raise NotImplementedError


class Unused:
    def method(self):
        return ('a',
                'b')

    def __repr__(self):
        return 'unused'
",
    ),
    ("app/extra.py", "import app\n\n\ndef extra():\n    return app\n"),
    ("app/empty.py", ""),
    ("plain/module.py", "value = 1\nif value > 1:\n    value = 2  # special: no\n"),
    ("plain/other.py", "other = 1\n"),
    ("tests/test_it.py", "def test_it():\n    assert True\n"),
];

const RUN_AND_REPORT: &[&str] = &["run main.py", "report -m"];

const fn file(name: &'static str, files: &'static [(&'static str, &'static str)]) -> Case {
    Case { name, files, environment: &[], steps: RUN_AND_REPORT }
}

const fn steps(
    name: &'static str,
    files: &'static [(&'static str, &'static str)],
    steps: &'static [&'static str],
) -> Case {
    Case { name, files, environment: &[], steps }
}

pub(super) const CASES: &[Case] = &[
    file("nothing", &[]),
    // Which file counts.
    file("coveragerc", &[(".coveragerc", "[run]\nbranch = true\n")]),
    file("coveragerc-empty", &[(".coveragerc", ""), ("setup.cfg", "[coverage:run]\nbranch = true\n")]),
    file("coveragerc-prefixed", &[(".coveragerc", "[coverage:run]\nbranch = 1\n[run]\nomit = *\n")]),
    file("coveragerc-toml", &[(".coveragerc.toml", "[run]\nbranch = true\n[report]\nomit = ['app/*']\n")]),
    file(
        "coveragerc-toml-hidden",
        &[(".coveragerc.toml", "[tool.coverage.run]\nbranch = true\n[run]\nomit = ['*']\n")],
    ),
    file(
        "setup-cfg",
        &[(
            "setup.cfg",
            "[metadata]\nname = x\n[coverage:run]\nbranch = yes\nomit =\n    app/extra.py\n    plain/*\n",
        )],
    ),
    file("setup-cfg-unprefixed", &[("setup.cfg", "[run]\nbranch = yes\n[report]\nomit = *\n")]),
    file(
        "tox-ini",
        &[("tox.ini", "[tox]\nenvlist = a\n[coverage:report]\nshow_missing = on\nskip_covered = true\n")],
    ),
    file("pyproject", &[("pyproject.toml", "[tool.coverage.run]\nsource = ['app']\nbranch = true\n")]),
    file("pyproject-unused", &[("pyproject.toml", "[run]\nbranch = true\n[tool.other]\nx = 1\n")]),
    file(
        "order",
        &[
            ("setup.cfg", "[coverage:run]\nbranch = true\n"),
            ("tox.ini", "[coverage:run]\nomit = *\n"),
            ("pyproject.toml", "[tool.coverage.run]\nomit = ['*']\n"),
        ],
    ),
    file(
        "order-skips-the-empty",
        &[("setup.cfg", "[coverage:other]\nx = 1\n"), ("tox.ini", "[coverage:run]\nbranch = true\n")],
    ),
    file(
        "coverage-section-empty",
        &[("setup.cfg", "[coverage:run]\n"), ("tox.ini", "[coverage:run]\nbranch = true\n")],
    ),
    file(
        "paths-are-enough",
        &[
            ("setup.cfg", "[coverage:paths]\nsource =\n    app\n    */elsewhere\n"),
            ("tox.ini", "[coverage:run]\nbranch = true\n"),
        ],
    ),
    steps(
        "rcfile",
        &[("my.cfg", "[run]\nbranch = true\n"), (".coveragerc", "[run]\nomit = *\n")],
        &["run --rcfile=my.cfg main.py", "report --rcfile=my.cfg -m"],
    ),
    steps(
        "rcfile-toml",
        &[("my.toml", "[report]\nskip_empty = true\n")],
        &["run --rcfile=my.toml main.py", "report --rcfile=my.toml"],
    ),
    steps("rcfile-missing", &[], &["run --rcfile=no.cfg main.py", "report --rcfile=no.cfg"]),
    steps(
        "rcfile-default",
        &[("setup.cfg", "[coverage:run]\nbranch = true\n")],
        &["run --rcfile=.coveragerc main.py", "report -m"],
    ),
    Case {
        name: "rcfile-variable",
        files: &[("my.cfg", "[run]\nbranch = true\n")],
        environment: &[("COVERAGE_RCFILE", "my.cfg")],
        steps: RUN_AND_REPORT,
    },
    Case {
        name: "rcfile-variable-missing",
        files: &[],
        environment: &[("COVERAGE_RCFILE", "no.cfg")],
        steps: &["run main.py"],
    },
    // Syntax and types.
    file(
        "ini-details",
        &[(
            ".coveragerc",
            "; note\n[run]\nBRANCH: True\nomit = app/extra.py ,\n# within\n   plain/*\n\n   tests/*\n[report]\nprecision=2\n",
        )],
    ),
    file("ini-default-section", &[(".coveragerc", "[DEFAULT]\nbranch = true\n[run]\n")]),
    file("ini-no-section", &[(".coveragerc", "branch = true\n")]),
    file("ini-no-sign", &[(".coveragerc", "[run]\nbranch\n")]),
    file("ini-twice", &[(".coveragerc", "[run]\nbranch = true\nbranch = false\n")]),
    file("ini-section-twice", &[(".coveragerc", "[run]\nbranch = true\n[run]\nomit = x\n")]),
    file("ini-foreign-broken", &[("tox.ini", "no section\n")]),
    file("boolean-wrong", &[(".coveragerc", "[run]\nbranch = maybe\n")]),
    file("integer-wrong", &[(".coveragerc", "[report]\nprecision = two\n")]),
    file("inline-comment", &[(".coveragerc", "[run]\nbranch = true # yes\n")]),
    file("toml-broken", &[("pyproject.toml", "[tool.coverage.run\n")]),
    file("toml-list-wrong", &[("pyproject.toml", "[tool.coverage.run]\nomit = 'app/*'\n")]),
    file("toml-list-of-numbers", &[("pyproject.toml", "[tool.coverage.run]\nomit = [1]\n")]),
    file("toml-boolean-text", &[("pyproject.toml", "[tool.coverage.run]\nbranch = 'true'\n")]),
    file("toml-boolean-number", &[("pyproject.toml", "[tool.coverage.run]\nbranch = 1\n")]),
    file("toml-float-from-integer", &[("pyproject.toml", "[tool.coverage.report]\nprecision = '1'\n")]),
    file("unknown-key", &[(".coveragerc", "[run]\nbrunch = true\n")]),
    file("unknown-key-toml", &[("pyproject.toml", "[tool.coverage.run]\nbranch = true\nx = 1\n")]),
    file("unknown-section", &[(".coveragerc", "[runs]\nbranch = true\n")]),
    Case {
        name: "variables",
        files: &[(
            ".coveragerc",
            "[run]\nomit = ${WHERE}/*, ${NONE-plain}/other.py\nbranch = $ON\n[report]\nexclude_also = raise$\n  x$$\n",
        )],
        environment: &[("WHERE", "tests"), ("ON", "true")],
        steps: RUN_AND_REPORT,
    },
    Case {
        name: "variables-toml",
        files: &[("pyproject.toml", "[tool.coverage.run]\nomit = ['$WHERE/*']\nbranch = '${ON}'\n")],
        environment: &[("WHERE", "plain"), ("ON", "true")],
        steps: RUN_AND_REPORT,
    },
    file("variable-strict", &[(".coveragerc", "[run]\nomit = ${NO_SUCH_VARIABLE?}\n")]),
    // What is measured.
    steps("source-folder", &[], &["run --source=app main.py", "report -m"]),
    steps("source-dot", &[], &["run --source=. main.py", "report -m"]),
    steps("source-two", &[], &["run --source=app,plain --branch main.py", "report -m"]),
    steps("source-missing-module", &[], &["run --source=app,nosuch main.py", "report"]),
    steps("source-main-module", &[], &["run --source=main main.py", "report"]),
    file("source-pkgs", &[(".coveragerc", "[run]\nsource_pkgs = app\n")]),
    file("source-pkgs-module", &[(".coveragerc", "[run]\nsource_pkgs = app.core\n")]),
    file("source-pkgs-plain", &[(".coveragerc", "[run]\nsource_pkgs = plain\n")]),
    file("source-dirs", &[(".coveragerc", "[run]\nsource_dirs = plain\n")]),
    file("source-dirs-missing", &[(".coveragerc", "[run]\nsource_dirs = nosuch\n")]),
    file(
        "namespace-packages",
        &[(".coveragerc", "[run]\nsource = .\n[report]\ninclude_namespace_packages = true\n")],
    ),
    steps("include", &[], &["run --include=app/* main.py", "report"]),
    steps("include-with-source", &[], &["run --include=plain/* --source=app main.py", "report"]),
    steps("omit-run", &[], &["run --omit=*/core.py main.py", "report"]),
    steps("omit-report", &[], &["run main.py", "report --omit=app/*", "report --include=*/m*.py"]),
    file("omit-both", &[(".coveragerc", "[run]\nomit = plain/*\n[report]\nomit = app/*\n")]),
    file("patterns", &[(".coveragerc", "[run]\nomit =\n  */co?e.py\n  pl[aeiou]in/*\n")]),
    file("pattern-wrong", &[(".coveragerc", "[run]\nomit = x**\n")]),
    file("everything-omitted", &[(".coveragerc", "[run]\nomit = *\n")]),
    steps("nothing-included", &[], &["run main.py", "report --include=nosuch/*"]),
    file("relative-files", &[(".coveragerc", "[run]\nrelative_files = true\nsource = .\n")]),
    steps(
        "relative-files-named",
        &[(".coveragerc", "[run]\nrelative_files = true\n")],
        &["run main.py", "report -m app/core.py"],
    ),
    // Exclusions.
    file(
        "exclude-lines",
        &[(".coveragerc", "[report]\nexclude_lines =\n    NotImplementedError\n    def __repr__\n")],
    ),
    file(
        "exclude-also",
        &[(".coveragerc", "[report]\nexclude_also =\n    raise NotImplementedError\n    class Unused\n")],
    ),
    file(
        "exclude-also-toml",
        &[("pyproject.toml", "[tool.coverage.report]\nexclude_also = ['def __repr__', '^\\s*assert\\b']\n")],
    ),
    file("exclude-nothing", &[(".coveragerc", "[report]\nexclude_lines =\n")]),
    file(
        "exclude-around",
        &[(".coveragerc", "[report]\nexclude_also =\n    def (?!run)\\w+\n    (?<=if )not words\n")],
    ),
    file(
        "exclude-reference",
        &[(".coveragerc", "[report]\nexclude_lines =\n    (['\"])b\\1\n    (e)xt\\1?ra\\b\n")],
    ),
    file(
        "exclude-flags",
        &[(
            ".coveragerc",
            "[report]\nexclude_also =\n    (?i:notimplementederror)\n    (?s:for word.*?while)\n",
        )],
    ),
    file(
        "exclude-whole-text",
        &[(".coveragerc", "[report]\nexclude_lines = \\Adef run(?:.|\\n)*?return 1\n")],
    ),
    file("exclude-wrong", &[(".coveragerc", "[report]\nexclude_lines =\n    fine\n    (wrong\n")]),
    file(
        "partial",
        &[(
            ".coveragerc",
            "[run]\nbranch = true\n[report]\npartial_branches = if words:\npartial_also =\n  if not words\n  for word\n",
        )],
    ),
    file(
        "partial-always",
        &[(".coveragerc", "[run]\nbranch = true\n[report]\npartial_branches_always = if value\n")],
    ),
    // Data.
    file("data-file", &[(".coveragerc", "[run]\ndata_file = my.data\n")]),
    steps(
        "data-file-option",
        &[],
        &["run --data-file=a.data main.py", "report --data-file=a.data", "report"],
    ),
    Case {
        name: "data-file-variable",
        files: &[(".coveragerc", "[run]\ndata_file = x\n")],
        environment: &[("COVERAGE_FILE", "y.data")],
        steps: RUN_AND_REPORT,
    },
    steps("parallel", &[(".coveragerc", "[run]\nparallel = true\n")], &["run main.py", "run main.py a"]),
    steps("parallel-option", &[], &["run -p main.py"]),
    steps("parallel-append", &[(".coveragerc", "[run]\nparallel = true\n")], &["run -a main.py"]),
    steps("append", &[], &["run main.py", "run -a main.py a b", "report -m"]),
    steps("erase", &[], &["run main.py", "erase", "report"]),
    steps("erase-parallel", &[(".coveragerc", "[run]\nparallel = true\n")], &["run main.py", "erase"]),
    // Other settings of [run].
    steps(
        "command-line",
        &[(".coveragerc", "[run]\ncommand_line = main.py 'a b' c\n")],
        &["run", "report -m"],
    ),
    steps(
        "command-line-module",
        &[(".coveragerc", "[run]\ncommand_line = -m app.core\n")],
        &["run", "report -m"],
    ),
    steps("nothing-to-run", &[], &["run"]),
    file("concurrency", &[(".coveragerc", "[run]\nconcurrency = thread\n")]),
    file("concurrency-wrong", &[(".coveragerc", "[run]\nconcurrency = threads\n")]),
    file("concurrency-conflict", &[(".coveragerc", "[run]\nconcurrency = gevent, eventlet\n")]),
    file(
        "disable-warnings",
        &[(
            ".coveragerc",
            "[run]\nsource = nosuch\ndisable_warnings = module-not-imported, no-data-collected\n",
        )],
    ),
    steps("module-option", &[], &["run --branch --module app.core", "report"]),
    steps("program-fails", &[("fails.py", "import sys\nsys.exit(3)\n")], &["run fails.py", "report"]),
    // Report options.
    steps(
        "report-options",
        &[(".coveragerc", "[report]\nprecision = 1\nsort = -Miss\nskip_empty = true\n")],
        &["run --source=. main.py", "report", "report --sort=name --precision=0", "report --skip-covered"],
    ),
    steps(
        "no-skip-covered",
        &[(".coveragerc", "[report]\nskip_covered = true\n")],
        &["run main.py", "report", "report --no-skip-covered"],
    ),
    steps("report-files", &[], &["run main.py", "report app/core.py", "report nosuch.py"]),
    steps("sort-wrong", &[], &["run main.py", "report --sort=nosuch"]),
    steps(
        "ignore-errors",
        &[("gone.py", "import os\nimport main\nos.remove(__file__)\n")],
        &["run gone.py", "report", "report -i"],
    ),
    steps("usage", &[], &["nosuch", "report --nosuch", "run --nosuch main.py", "erase --nosuch"]),
    // Formats and judgement, by settings.
    steps(
        "formats",
        &[],
        &[
            "run --branch --source=. main.py",
            "json -q -o -",
            "xml -q -o -",
            "lcov -q -o -",
            "report --format=total",
            "report --format=markdown",
        ],
    ),
    steps(
        "formats-lines",
        &[],
        &["run main.py", "json -q --pretty-print -o -", "xml -q -o -", "lcov -q -o -"],
    ),
    steps("formats-files", &[], &["run main.py", "json", "xml", "lcov"]),
    steps(
        "formats-settings",
        &[(
            ".coveragerc",
            "[json]\noutput = o.json\npretty_print = true\n[xml]\noutput = o.xml\npackage_depth = 1\n[lcov]\noutput = o.lcov\nline_checksums = yes\n[report]\nskip_empty = true\n",
        )],
        &["run main.py", "json -q", "xml -q", "lcov -q", "json -q -o -", "xml -q -o -", "lcov -q -o -"],
    ),
    steps(
        "format-setting",
        &[("pyproject.toml", "[tool.coverage.report]\nformat = 'total'\nprecision = 2\n")],
        &["run main.py", "report"],
    ),
    steps("format-wrong", &[(".coveragerc", "[report]\nformat = nosuch\n")], &["run main.py", "report -m"]),
    steps(
        "fail-under",
        &[(".coveragerc", "[report]\nfail_under = 90\n")],
        &["run main.py", "json -q", "xml -q --fail-under=10", "lcov -q"],
    ),
    steps(
        "fail-under-float",
        &[("pyproject.toml", "[tool.coverage.report]\nfail_under = 99.5\n")],
        &["run main.py", "json -q"],
    ),
    steps("source-xml", &[(".coveragerc", "[run]\nsource = app\n")], &["run main.py", "xml -q -o -"]),
    steps(
        "exclude-json",
        &[(
            ".coveragerc",
            "[report]\nexclude_also =\n  assert\n  (?P<q>def) (?!run)\\w+\n  ^\\s+print\\b(?=\\()\n",
        )],
        &["run --branch main.py", "json -q -o -"],
    ),
    steps(
        "context",
        &[(".coveragerc", "[run]\ncontext = mine\n[json]\nshow_contexts = true\n")],
        &["run main.py", "report -m --contexts=mine", "report -m --contexts=other"],
    ),
    steps(
        "combine",
        &[(".coveragerc", "[run]\nparallel = true\n")],
        &["run main.py", "run main.py a", "combine -q", "report -m", "combine -q"],
    ),
    steps(
        "combine-keep",
        &[(".coveragerc", "[run]\nparallel = true\nbranch = true\n")],
        &["run main.py", "combine -q --keep", "report -m --keep-combined"],
    ),
    steps(
        "combine-implicit",
        &[(".coveragerc", "[run]\nparallel = true\n")],
        &["run main.py", "run main.py a", "report -m"],
    ),
    steps(
        "combine-paths",
        &[(
            ".coveragerc",
            "[run]\nparallel = true\nrelative_files = true\n[paths]\nsource =\n  app\n  */elsewhere\n",
        )],
        &["run main.py", "combine -q", "report -m"],
    ),
    steps("annotate", &[], &["run main.py", "annotate -d notes"]),
    steps("shortened-options", &[], &["run --bran main.py", "report --show-m --skip-c"]),
];
