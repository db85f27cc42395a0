//! The table of options: what configuration files and command lines can say.
//!
//! File keys, flags, help, documentation and what child processes are told all follow from it. To add an option: a row.
//! Keys, types and defaults of the sections `run`, `report`, `html`, `xml`, `json` and `lcov` are coverage.py 7.17.3's
//! (`config.py`, `CONFIG_FILE_OPTIONS`); what stands in `minicov` is our own.

use super::option::{Flag, Row, Setting, Verb};
use super::value::{FileName, List, Patterns, Words};

macro_rules! options {
    ($($name:ident: $type:ty = $row:expr;)*) => {
        $(pub(crate) const $name: Setting<$type> = Setting::new($row);)*
        /// Every option there is.
        pub(crate) static OPTIONS: &[Row] = &[$($name.row),*];
    };
}

const RUN: &[Verb] = &[Verb::Run];
const IMPACT: &[Verb] = &[Verb::Impact];
const REPORT: &[Verb] = &[Verb::Report];
const REPORTS: &[Verb] = Verb::REPORTS;
/// The reports that end with a total.
const TOTALS: &[Verb] = Verb::FORMATS;
/// The reports that can be of some contexts only.
const CONTEXTS_OF: &[Verb] =
    &[Verb::Report, Verb::Html, Verb::Json, Verb::Mcdc, Verb::Contexts, Verb::Who, Verb::Unique];
const ALL: &[Verb] = Verb::CONFIGURED;
/// The commands that record MC/DC, or report it.
const MEASURING_MCDC: &[Verb] = &[Verb::Run, Verb::Report, Verb::Html, Verb::Xml, Verb::Json, Verb::Lcov];
/// The commands that judge it.
const JUDGING_MCDC: &[Verb] =
    &[Verb::Run, Verb::Report, Verb::Html, Verb::Xml, Verb::Json, Verb::Lcov, Verb::Mcdc];

const PLUGINS: &str = "minicov is no Python program, so it can run no plugins of coverage.py's";
const DEBUGGING: &str = "coverage.py's internals are not minicov's; see minicov debug";

options! {
    // [run]: what is measured.
    BRANCH: bool = Row::new("run:branch", "Record branches as well as lines").flags(&[Flag::new("branch", RUN)]);
    SOURCE: List = Row::new("run:source", "Folders or packages to measure, imported or not")
        .flags(&[Flag::new("source", RUN).value("SRC,...")]);
    SOURCE_PKGS: List = Row::new("run:source_pkgs", "Packages or modules to measure, imported or not");
    SOURCE_DIRS: List = Row::new("run:source_dirs", "Folders to measure, imported or not; each must be there");
    RUN_INCLUDE: List = Row::new("run:include", "Measure only files that match these patterns")
        .flags(&[Flag::new("include", RUN).value("PATTERN,...")]);
    RUN_OMIT: List = Row::new("run:omit", "Leave out files that match these patterns")
        .flags(&[Flag::new("omit", RUN).value("PATTERN,...")]);
    COVER_PYLIB: bool = Row::new("run:cover_pylib", "Measure the standard library, too")
        .flags(&[Flag::new("pylib", RUN).short('L')]);
    // [run]: how.
    COMMAND_LINE: String = Row::new("run:command_line", "Python's command line, where minicov run is given none");
    CONCURRENCY: List = Row::new(
        "run:concurrency",
        "What the program runs at once with: thread, multiprocessing, greenlet, eventlet, gevent. Nothing need be said",
    )
    .flags(&[Flag::new("concurrency", RUN).value("LIB,...")]);
    CONTEXT: String = Row::new("run:context", "A label for everything a run records")
        .flags(&[Flag::new("context", RUN).value("LABEL")]);
    CORE: String = Row::new("run:core", "How to get events out of Python: the best this Python has unless set")
        .flags(&[Flag::new("core", RUN).value("CORE")]);
    DATA_FILE: FileName = Row::new("run:data_file", "Where the data is kept")
        .default(".coverage")
        .flags(&[Flag::new("data-file", ALL).value("FILE")]);
    DISABLE_WARNINGS: List = Row::new("run:disable_warnings", "Names of warnings not to print");
    DYNAMIC_CONTEXT: String = Row::new("run:dynamic_context", "Which contexts follow the program")
        .flags(&[Flag::new("contexts", RUN).value("KIND")]);
    PARALLEL: bool = Row::new("run:parallel", "Write a data file of its own for each run, to be combined later")
        .flags(&[Flag::new("parallel-mode", RUN).short('p')]);
    PATCH: List = Row::new("run:patch", "What coverage.py patches to follow a program: _exit, execv, fork, subprocess");
    PLUGINS_OF_COVERAGE: List = Row::new("run:plugins", "coverage.py's plugins").inert(PLUGINS);
    RELATIVE_FILES: bool = Row::new("run:relative_files", "Keep file names relative to the current folder");
    SIGTERM: bool = Row::new("run:sigterm", "Keep data when SIGTERM ends the program. minicov always does");
    TIMID: bool = Row::new("run:timid", "Use a simpler tracer")
        .flags(&[Flag::new("timid", RUN)])
        .inert("minicov has no simpler tracer");
    DEBUG: List = Row::new("run:debug", "What coverage.py tells of its work")
        .flags(&[Flag::new("debug", ALL).value("OPTS")])
        .inert(DEBUGGING);
    DEBUG_FILE: FileName = Row::new("run:debug_file", "Where coverage.py tells it").inert(DEBUGGING);
    SAVE_SIGNAL: String = Row::new("--save-signal", "A signal that has data saved: USR1 or USR2")
        .flags(&[Flag::new("save-signal", RUN).value("SIGNAL")])
        .inert("minicov saves what runs at once, so that no signal is needed");
    MCDC: String = Row::new(
        "minicov:mcdc",
        "MC/DC in this form: runs record what it needs, reports show it, which they also do where a run recorded it",
    )
    .flags(&[
        Flag::new("mcdc", MEASURING_MCDC).value("FORM").or_bare("masking"),
        Flag::new("form", &[Verb::Mcdc]).value("FORM"),
    ]);
    SPLIT_CHAINED_COMPARISONS: bool = Row::new(
        "minicov:split_chained_comparisons",
        "Count each comparison of a chain (a < b < c) as a condition of its own",
    )
    .flags(&[Flag::new("split-chained-comparisons", JUDGING_MCDC)]);
    EXCLUDE_JUSTIFIED: bool = Row::new(
        "minicov:exclude_justified",
        "Leave conditions with a justification out of the total of MC/DC",
    );
    JUSTIFICATIONS: FileName = Row::new(
        "minicov:justifications",
        "A TOML file that says why conditions need not be shown by MC/DC, with author and date",
    );
    EXCLUDE_INFEASIBLE: bool = Row::new(
        "minicov:exclude_infeasible",
        "Leave conditions that no test can show out of the total of MC/DC",
    );
    ONLY_MISSING: bool = Row::new("--missing", "List only decisions that lack something")
        .flags(&[Flag::new("missing", &[Verb::Mcdc])]);
    ROW_CONTEXTS: bool = Row::new("--show-contexts", "Tell for each evaluation the contexts it was seen in")
        .flags(&[Flag::new("show-contexts", &[Verb::Mcdc])]);
    AS_JSON: bool = Row::new("--json", "Write JSON, for tools").flags(&[Flag::new("json", &[Verb::Mcdc])]);
    APPEND: bool = Row::new("--append", "Add to earlier data, which is what happens anyway; --erase removes it")
        .flags(&[Flag::new("append", &[Verb::Run, Verb::Combine]).short('a')]);
    ERASE: bool = Row::new("--erase", "Remove earlier data first; without it, runs add up")
        .flags(&[Flag::new("erase", RUN)]);
    REPORT_AFTERWARDS: bool = Row::new("--report", "Print the console report when the program has ended")
        .flags(&[Flag::new("report", RUN)]);
    IMPACTED: bool = Row::new("--impacted", "Have pytest run only the tests that a change needs, by what earlier runs recorded")
        .flags(&[Flag::new("impacted", RUN)]);
    PYTHON: FileName = Row::new(
        "minicov:python",
        "The Python to run: that of VIRTUAL_ENV, else python3 or python on PATH, unless set",
    )
    .flags(&[Flag::new("python", &[Verb::Run, Verb::Impact]).value("PATH")]);

    // [report]
    EXCLUDE_LINES: Patterns = Row::new("report:exclude_lines", "Lines not to count, in place of the usual ones");
    EXCLUDE_ALSO: Patterns = Row::new("report:exclude_also", "More lines not to count");
    PARTIAL_BRANCHES: Patterns =
        Row::new("report:partial_branches", "Lines from which no branch is missing, in place of the usual ones");
    PARTIAL_ALSO: Patterns = Row::new("report:partial_also", "More lines from which no branch is missing");
    PARTIAL_BRANCHES_ALWAYS: Patterns = Row::new(
        "report:partial_branches_always",
        "Lines whose branches Python itself decides, in place of the usual ones",
    );
    FORMAT: Words = Row::new("report:format", "What to write; several at once are fine").default("console")
        .flags(&[Flag::new("format", REPORT).value("FORMAT")]);
    OUTPUT: FileName = Row::new("--output", "Where a format that is a file goes; - for standard output")
        .flags(&[Flag::new("output", REPORT).short('o').value("FILE")]);
    SHOW_MISSING: bool = Row::new("report:show_missing", "Show the lines that did not run")
        .flags(&[Flag::new("show-missing", REPORT).short('m')]);
    SKIP_COVERED: bool = Row::new("report:skip_covered", "Leave out files that are covered completely")
        .flags(&[Flag::new("skip-covered", REPORT), Flag::new("no-skip-covered", REPORT).negating()]);
    SKIP_EMPTY: bool = Row::new("report:skip_empty", "Leave out files without statements")
        .flags(&[Flag::new("skip-empty", &[Verb::Report, Verb::Xml])]);
    PRECISION: i64 = Row::new("report:precision", "Digits after the decimal point of percentages")
        .default("0")
        .flags(&[Flag::new("precision", &[Verb::Report, Verb::Html, Verb::Mcdc]).value("N")]);
    SORT: String = Row::new(
        "report:sort",
        "Column to sort by: name, stmts, miss, branch, brpart, conds, shown, mcdc or cover; with a - in front, largest first",
    )
    .flags(&[Flag::new("sort", REPORT).value("COLUMN")]);
    REPORT_INCLUDE: List = Row::new("report:include", "Report only files that match these patterns")
        .flags(&[Flag::new("include", REPORTS).value("PATTERN,...")]);
    REPORT_OMIT: List = Row::new("report:omit", "Leave out files that match these patterns")
        .flags(&[Flag::new("omit", REPORTS).value("PATTERN,...")]);
    IGNORE_ERRORS: bool = Row::new("report:ignore_errors", "Go on when a source file cannot be read or parsed")
        .flags(&[Flag::new("ignore-errors", REPORTS).short('i')]);
    INCLUDE_NAMESPACE_PACKAGES: bool = Row::new(
        "report:include_namespace_packages",
        "Look for files that never ran in folders without an __init__.py, too",
    );
    FAIL_UNDER: f64 = Row::new("report:fail_under", "The total in percent below which a report ends with status 2")
        .default("0")
        .flags(&[Flag::new("fail-under", TOTALS).value("MIN")]);
    FAIL_UNDER_BRANCH: f64 = Row::new(
        "minicov:fail_under_branch",
        "The total of branches in percent below which a report ends with status 2",
    )
    .default("0")
    .flags(&[Flag::new("fail-under-branch", TOTALS).value("MIN")]);
    FAIL_UNDER_MCDC: f64 = Row::new(
        "minicov:fail_under_mcdc",
        "The total of conditions that MC/DC shows, in percent, below which a report ends with status 2",
    )
    .default("0")
    .flags(&[Flag::new("fail-under-mcdc", TOTALS).value("MIN")]);
    CONTEXTS: List = Row::new("report:contexts", "Count only what ran in contexts that match these regexes")
        .flags(&[Flag::new("contexts", CONTEXTS_OF).value("REGEX,...")]);
    QUIET: bool = Row::new("--quiet", "Don't say what was done")
        .flags(&[Flag::new("quiet", &[Verb::Html, Verb::Xml, Verb::Json, Verb::Lcov, Verb::Combine]).short('q')]);
    KEEP_COMBINED: bool = Row::new("--keep-combined", "Keep the parallel data files that are combined first")
        .flags(&[Flag::new("keep-combined", REPORTS)]);
    // impact
    SINCE: String = Row::new("--since", "Count what has changed since this revision of git, too")
        .flags(&[Flag::new("since", IMPACT).value("REV")]);
    DIFF: FileName = Row::new("--diff", "Count what this unified diff changes, too; - for standard input")
        .flags(&[Flag::new("diff", IMPACT).value("FILE")]);
    AS_PYTEST: bool = Row::new("--pytest", "Print pytest's arguments on one line, quoted for a shell")
        .flags(&[Flag::new("pytest", IMPACT)]);
    EXPLAIN: bool = Row::new("--explain", "Say why each test must run").flags(&[Flag::new("explain", IMPACT)]);
    VERIFY: bool = Row::new("--verify", "Run everything, and report tests that failed or changed without having been selected")
        .flags(&[Flag::new("verify", IMPACT)]);
    IMPACT_JSON: bool = Row::new("--json", "Print JSON, with the reasons").flags(&[Flag::new("json", IMPACT)]);
    // combine
    KEEP: bool = Row::new("--keep", "Keep the data files that were combined").flags(&[Flag::new("keep", &[Verb::Combine])]);

    // [html], [xml], [json], [lcov]
    HTML_DIRECTORY: FileName = Row::new("html:directory", "The folder of the HTML report")
        .default("htmlcov")
        .flags(&[Flag::new("directory", &[Verb::Html]).short('d').value("DIR")]);
    ANNOTATE_DIRECTORY: FileName =
        Row::new("--directory", "The folder for annotated sources, in place of the sources' own")
            .flags(&[Flag::new("directory", &[Verb::Annotate]).short('d').value("DIR")]);
    HTML_EXTRA_CSS: FileName = Row::new("html:extra_css", "A style sheet to add to the HTML report's");
    HTML_SHOW_CONTEXTS: bool = Row::new("html:show_contexts", "Show for each line the contexts it ran in")
        .flags(&[Flag::new("show-contexts", &[Verb::Html])]);
    SINGLE_FILE: bool = Row::new("--single-file", "Put the whole HTML report into one file, which needs no other")
        .flags(&[Flag::new("single-file", &[Verb::Html])]);
    HTML_SKIP_COVERED: bool =
        Row::new("html:skip_covered", "[report] skip_covered, for the HTML report where that differs")
            .flags(&[Flag::new("skip-covered", &[Verb::Html]), Flag::new("no-skip-covered", &[Verb::Html]).negating()]);
    HTML_SKIP_EMPTY: bool = Row::new("html:skip_empty", "[report] skip_empty, for the HTML report where that differs")
        .flags(&[Flag::new("skip-empty", &[Verb::Html])]);
    HTML_TITLE: String = Row::new("html:title", "The title of the HTML report")
        .default("Coverage report")
        .flags(&[Flag::new("title", &[Verb::Html]).value("TITLE")]);
    XML_OUTPUT: FileName = Row::new("xml:output", "The file of the XML report; - for standard output")
        .default("coverage.xml")
        .flags(&[Flag::new("output", &[Verb::Xml]).short('o').value("FILE")]);
    XML_PACKAGE_DEPTH: i64 = Row::new("xml:package_depth", "How deep packages of the XML report go").default("99");
    JSON_OUTPUT: FileName = Row::new("json:output", "The file of the JSON report; - for standard output")
        .default("coverage.json")
        .flags(&[Flag::new("output", &[Verb::Json]).short('o').value("FILE")]);
    JSON_PRETTY_PRINT: bool = Row::new("json:pretty_print", "Write JSON for people to read")
        .flags(&[Flag::new("pretty-print", &[Verb::Report, Verb::Json])]);
    JSON_SHOW_CONTEXTS: bool = Row::new("json:show_contexts", "Tell for each line the contexts it ran in")
        .flags(&[Flag::new("show-contexts", &[Verb::Json])]);
    SHOW_CONTEXTS: bool = Row::new("--show-contexts", "Tell for each line the contexts it ran in, in formats that can")
        .flags(&[Flag::new("show-contexts", &[Verb::Report])]);
    LCOV_OUTPUT: FileName = Row::new("lcov:output", "The file of the LCOV report; - for standard output")
        .default("coverage.lcov")
        .flags(&[Flag::new("output", &[Verb::Lcov]).short('o').value("FILE")]);
    LCOV_LINE_CHECKSUMS: bool = Row::new("lcov:line_checksums", "Write a checksum for each line");

    // Everywhere.
    RCFILE: FileName = Row::new("--rcfile", "The configuration file, in place of looking for one")
        .flags(&[Flag::new("rcfile", ALL).value("FILE")]);
}

/// The sections that coverage.py knows, in the order of its documentation.
pub(crate) const SECTIONS: [&str; 6] = ["run", "report", "html", "xml", "json", "lcov"];
/// Our own section.
pub(crate) const OWN_SECTION: &str = "minicov";

/// The row of a key in a section.
pub(crate) fn find(section: &str, key: &str) -> Option<&'static Row> {
    OPTIONS.iter().find(|row| row.place() == Some((section, key)))
}

/// The keys of a section.
pub(crate) fn keys(section: &str) -> impl Iterator<Item = &'static str> {
    OPTIONS.iter().filter_map(Row::place).filter(move |(of, _)| *of == section).map(|(_, key)| key)
}
