//! The HTML report as its readers use it: clicks, keys and texts in a headless Chromium, on a report of real packages.

use std::collections::BTreeMap;

use minicov_browser::{Browser, Project};
use serde_json::{Value, json};

/// Uses some of each of the packages that are copied beside it.
const PROGRAM: &str = "\
import email.message, email.parser, email.policy
import json
import configparser

message = email.message.EmailMessage(policy=email.policy.SMTP)
message['Subject'] = 'größe'
message['To'] = 'a@example.org, \"B\" <b@example.org>'
message.set_content('one\\ntwo\\n')
message.add_attachment(b'x' * 100, maintype='image', subtype='png', filename='x.png')
again = email.parser.BytesParser(policy=email.policy.default).parsebytes(message.as_bytes())
for part in again.walk():
    part.get_content_type()
print(json.dumps({'a': [1, 2.5, None, 'ü']}, indent=2))
json.loads('[1, {\"a\": \"b\\\\u00fc\"}]')
parser = configparser.ConfigParser()
parser.read_string('[a]\\nb = 1\\n')
parser.getint('a', 'b')
";

/// Real packages of a few thousand statements, measured with branches, and reported to `htmlcov`.
fn real() -> Project {
    measured("--branch")
}

/// The same, measured as this option of `minicov run` says.
fn measured(option: &str) -> Project {
    let project = Project::with(&[("program.py", PROGRAM)]);
    project.copy_from_library(&["email", "json", "configparser.py"]);
    project.minicov(&["run", option, "--source", ".", "program.py"]);
    project.minicov(&["report", "--format", "html"]);
    project
}

/// Puts all rows of the index into the document and reads them: name (with file) to cells.
fn rows(browser: &Browser) -> BTreeMap<String, Vec<String>> {
    let rows = browser.js(
        "dispatchEvent(new Event('beforeprint'));
         const rows = [...document.querySelectorAll('.body .row')].map(row => {
             const cells = [...row.children].map(cell => cell.textContent);
             const link = row.querySelector('a');
             return [row.querySelector('.name').title + (row.querySelector('.file') ? ' in ' + cells.splice(1, 1)[0] : ''), cells.slice(1)];
         });
         dispatchEvent(new Event('afterprint'));
         return rows",
    );
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    rows.as_array()
        .unwrap()
        .iter()
        .map(|row| (text(&row[0]), row[1].as_array().unwrap().iter().map(text).collect()))
        .collect()
}

/// The cells that the index must show for a summary of the JSON report and one of MC/DC.
fn cells(summary: &Value, mcdc: &Value) -> Vec<String> {
    let number = |key: &str| summary[key].to_string();
    let percent_of = |summary: &Value, key: &str, count: &str| match summary[count].as_u64() {
        Some(0) => "–".to_owned(),
        _ => format!("{}%", summary[key].as_str().unwrap()),
    };
    let percent = |key: &str, count: &str| percent_of(summary, key, count);
    vec![
        number("num_statements"),
        number("missing_lines"),
        number("excluded_lines"),
        percent("percent_statements_covered_display", "num_statements"),
        number("num_branches"),
        number("num_partial_branches"),
        percent("percent_branches_covered_display", "num_branches"),
        mcdc["num_conditions"].to_string(),
        percent_of(mcdc, "percent_covered_display", "num_conditions"),
        format!("{}%", summary["percent_covered_display"].as_str().unwrap()),
    ]
}

#[test]
fn numbers_are_those_of_the_json_report() {
    let project = measured("--mcdc");
    let json = project.json();
    let browser = Browser::start();
    browser.open(&project.path("htmlcov/index.html"), "#view=files");
    let files = json["files"].as_object().unwrap();
    assert!(files.len() > 20, "{}", files.len());
    let expected: BTreeMap<String, Vec<String>> = files
        .iter()
        .map(|(name, file)| (name.clone(), cells(&file["summary"], &file["mcdc"]["summary"])))
        .collect();
    assert_eq!(rows(&browser), expected);
    let foot = browser.texts(".foot [role=gridcell]");
    assert_eq!(
        foot.iter().map(|text| text.trim().to_owned()).collect::<Vec<_>>(),
        cells(&json["totals"], &json["totals"]["mcdc"])
    );
    let cards = browser.texts(".card .percent");
    let display = |key: &str| format!("{}%", json["totals"][key].as_str().unwrap());
    assert_eq!(
        cards,
        [
            display("percent_covered_display"),
            display("percent_statements_covered_display"),
            display("percent_branches_covered_display"),
            format!("{}%", json["totals"]["mcdc"]["percent_covered_display"].as_str().unwrap()),
        ]
    );

    for kind in ["functions", "classes"] {
        browser.click(&format!("#views [value={kind}]"));
        // The regions come with a script of their own.
        browser.wait_for(".head [data-sort=file]");
        let shown = rows(&browser);
        let mut expected = BTreeMap::new();
        for (name, file) in files {
            for (region, value) in file[kind].as_object().unwrap() {
                let summary = &value["summary"];
                if region.is_empty() && summary["num_statements"] == 0 && summary["excluded_lines"] == 0 {
                    continue;
                }
                expected.insert(
                    format!("{region} in {name}:{}", value["start_line"]),
                    cells(summary, &value["mcdc"]),
                );
            }
        }
        assert!(expected.len() > 50, "{}", expected.len());
        assert_eq!(shown, expected, "{kind}");
    }

    // Folders are added up by the page itself.
    browser.open(&project.path("htmlcov/index.html"), "");
    let tree = rows(&browser);
    for folder in ["email", "email/mime", "json"] {
        let inside = files.iter().filter(|(name, _)| name.starts_with(&format!("{folder}/")));
        let mut sum = [0; 5];
        for (_, file) in inside {
            for (sum, key) in sum.iter_mut().zip([
                "num_statements",
                "missing_lines",
                "num_branches",
                "num_partial_branches",
            ]) {
                *sum += file["summary"][key].as_u64().unwrap();
            }
            sum[4] += file["mcdc"]["summary"]["num_conditions"].as_u64().unwrap();
        }
        let shown = &tree[folder];
        let shown =
            [&shown[0], &shown[1], &shown[4], &shown[5], &shown[7]].map(|text| text.parse::<u64>().unwrap());
        assert_eq!(shown, sum, "{folder}");
    }
    browser.assert_quiet_console();
}

#[test]
fn percentages_round_as_minicovs_do() {
    let project = Project::with(&[("a.py", "x = 1\n")]);
    project.minicov(&["run", "a.py"]);
    project.minicov(&["report", "--format", "html"]);
    let browser = Browser::start();
    browser.open(&project.path("htmlcov/index.html"), "");
    // Each as the unit test of report/percent.rs has it, from coverage.results.display_covered (7.17.3).
    for (percent, precision, shown) in [
        (0.0, 0, "0"),
        (0.4, 0, "1"),
        (99.6, 0, "99"),
        (99.999, 2, "99.99"),
        (100.0, 2, "100.00"),
        (62.5, 0, "62"),
        (63.5, 0, "64"),
        (50.25, 1, "50.2"),
        (50.75, 1, "50.8"),
        (0.001, 2, "0.01"),
        (71.428_571_428_571_43, 3, "71.429"),
    ] {
        assert_eq!(
            browser.js(&format!("return minicov.display({percent}, {precision})")),
            shown,
            "{percent}"
        );
    }
}

#[test]
fn the_index_sorts_filters_expands_and_keeps_its_state_in_the_address() {
    let project = real();
    let browser = Browser::start();
    let index = project.path("htmlcov/index.html");
    browser.open(&index, "");
    let names = || {
        browser
            .texts(".body .name")
            .iter()
            .map(|name| name.replace(['▼', '▶'], "").trim().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(names()[..3], ["email/", "mime/", "__init__.py"]);

    // Folders close and open, by mouse and by keys.
    browser.click(".body .row:nth-child(2) .folder");
    assert_eq!(names()[..2], ["email/", "mime/"]);
    assert_eq!(
        browser.js("return document.querySelector('[data-at=\"1\"]').getAttribute('aria-expanded')"),
        "false"
    );
    assert!(browser.fragment().contains("toggled=email%2Fmime"), "{}", browser.fragment());
    browser.reload();
    assert_eq!(
        browser.js("return document.querySelector('[data-at=\"1\"]').getAttribute('aria-expanded')"),
        "false"
    );
    browser.keys("\u{e015}\u{e015}\u{e014}");
    assert_eq!(
        browser.js(
            "return document.activeElement.dataset.at + document.activeElement.getAttribute('aria-expanded')"
        ),
        "1true"
    );
    browser.keys("\u{e012}\u{e012}");
    assert_eq!(browser.js("return document.activeElement.dataset.at"), "0");

    // The filter is live, and its figures are those of what is shown.
    browser.keys("/mime base.");
    assert_eq!(browser.js("return document.activeElement.id"), "filter");
    assert_eq!(names(), ["email/", "mime/", "base.py"]);
    assert!(browser.text("#shown").starts_with("1 of "), "{}", browser.text("#shown"));
    assert_eq!(browser.text(".foot .name"), "Shown");
    browser.js("const f = document.getElementById('filter'); f.value = ''; f.dispatchEvent(new Event('input')); f.blur()");

    // Sorting: a column's heading, twice for the other way, or its key.
    browser.click("#views [value=files]");
    browser.click(".head [data-sort=missing]");
    let missing = |browser: &Browser| {
        let cells = rows_in_order(browser, 1);
        cells.iter().map(|cell| cell.parse::<u64>().unwrap()).collect::<Vec<_>>()
    };
    let descending = missing(&browser);
    assert!(descending.is_sorted_by(|a, b| a >= b) && descending[0] > descending[5], "{descending:?}");
    assert_eq!(browser.js("return document.querySelector('[aria-sort=descending]').textContent"), "Miss");
    browser.click(".head [data-sort=missing]");
    assert!(missing(&browser).is_sorted());
    browser.keys("c");
    let coverage: Vec<u64> =
        rows_in_order(&browser, 7).iter().map(|cell| cell.trim_end_matches('%').parse().unwrap()).collect();
    assert!(coverage.is_sorted() && coverage[0] < 100, "{coverage:?}");

    // Covered files go, and come back with the browser's own way back to the other view.
    let before = rows_in_order(&browser, 7).len();
    browser.keys("h");
    assert!(coverage_of_shown(&browser).iter().all(|cell| cell != "100%"));
    assert!(rows_in_order(&browser, 7).len() < before);
    let fragment = browser.fragment();
    assert!(
        fragment.contains("view=files") && fragment.contains("sort=coverage") && fragment.contains("hide=1"),
        "{fragment}"
    );
    browser.click("#views [value=classes]");
    browser.back();
    browser.wait_for("#views [value=files][aria-pressed=true]");

    // A row's link leads to its page, a function's to its line.
    browser.open(&index, "#view=functions&q=getint");
    browser.click(".body .row a");
    assert!(browser.page().starts_with("configparser_py-"), "{}", browser.page());
    let source = std::fs::read_to_string(project.path("configparser.py")).unwrap();
    let line = source.lines().position(|line| line.contains("def getint(")).unwrap() + 1;
    assert_eq!(browser.fragment(), format!("t{line}"));
    browser.assert_quiet_console();
}

/// A column's cells of all rows, in order.
fn rows_in_order(browser: &Browser, column: usize) -> Vec<String> {
    let cells = browser.js(&format!(
        "dispatchEvent(new Event('beforeprint'));
         const cells = [...document.querySelectorAll('.body .row')].map(row => row.children[{column} + 1].textContent);
         dispatchEvent(new Event('afterprint'));
         return cells"
    ));
    cells.as_array().unwrap().iter().map(|cell| cell.as_str().unwrap().to_owned()).collect()
}

fn coverage_of_shown(browser: &Browser) -> Vec<String> {
    rows_in_order(browser, 7)
}

#[test]
fn the_map_drills_down() {
    let project = real();
    let browser = Browser::start();
    browser.open(&project.path("htmlcov/index.html"), "#view=map");
    let tiles = browser.js("return [...document.querySelectorAll('.tile:not(.part)')].map(t => [t.textContent, t.offsetWidth * t.offsetHeight])");
    let area = |name: &str| -> f64 {
        let tiles = tiles.as_array().unwrap();
        tiles.iter().find(|tile| tile[0].as_str().unwrap().starts_with(name)).unwrap()[1].as_f64().unwrap()
    };
    let json = project.json();
    let statements = |beginning: &str| -> f64 {
        let files = json["files"].as_object().unwrap().iter();
        files
            .filter(|(name, _)| name.starts_with(beginning))
            .map(|(_, file)| file["summary"]["num_statements"].as_f64().unwrap())
            .sum()
    };
    let (by_area, by_statements) =
        (area("email/") / area("json/"), statements("email/") / statements("json/"));
    assert!((by_area / by_statements - 1.0).abs() < 0.05, "{by_area} {by_statements}");

    browser.click("button.tile[title^='email/']");
    assert_eq!(browser.text(".crumbs [aria-current]"), "email/".trim_end_matches('/'));
    assert!(browser.fragment().contains("at=email"));
    browser.click("button.tile[title^='email/mime/']");
    assert_eq!(browser.texts(".crumbs button"), ["all files", "email"]);
    browser.keys("\u{e003}");
    assert_eq!(browser.text(".crumbs [aria-current]"), "email");
    browser.back();
    assert_eq!(browser.text(".crumbs [aria-current]"), "mime");
    browser.open(&project.path("htmlcov/index.html"), "#view=map&at=email");
    browser.click("a.tile[title^='email/message.py']");
    assert!(browser.page().starts_with("email_message_py-"));
    browser.assert_quiet_console();
}

#[test]
fn a_page_marks_each_line_as_the_json_report_does() {
    let project = real();
    let json = project.json();
    let browser = Browser::start();
    for file in ["configparser.py", "email/_header_value_parser.py", "json/encoder.py"] {
        let report = &json["files"][file];
        browser.open(&project.page("htmlcov", &file.replace(['/', '.'], "_")), "");
        let with = |class: &str| {
            browser.js(&format!(
                "return [...document.querySelectorAll('.lines p.{class}')].map(p => Number(p.id.slice(1)))"
            ))
        };
        assert_eq!(with("m"), report["missing_lines"], "{file}");
        let missing_branches = report["missing_branches"].as_array().unwrap();
        let is_missing = |line: &Value| report["missing_lines"].as_array().unwrap().contains(line);
        let partial: std::collections::BTreeSet<u64> = missing_branches
            .iter()
            .filter(|branch| !is_missing(&branch[0]))
            .map(|branch| branch[0].as_u64().unwrap())
            .collect();
        assert!(!partial.is_empty(), "{file}");
        assert_eq!(with("p"), json!(partial), "{file}");
        let run: Vec<&Value> = report["executed_lines"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|line| !partial.contains(&line.as_u64().unwrap()))
            .collect();
        assert_eq!(with("r"), json!(run), "{file}");
        // Each missing branch of a line that ran is a link to where it leads, in coverage.py's words.
        let arrows = browser.texts(".j a").len();
        let expected =
            missing_branches.iter().filter(|branch| partial.contains(&branch[0].as_u64().unwrap())).count();
        assert_eq!(arrows, expected, "{file}");
        // The text is the file's, to the character.
        let text = browser.js("return [...document.querySelectorAll('.lines p')].map(p => {
                 const copy = p.cloneNode(true);
                 copy.querySelectorAll(':scope > a:first-child, .j, .d').forEach(e => e.remove());
                 return copy.textContent + '\\n' }).join('')");
        let source = std::fs::read_to_string(project.path(file)).unwrap();
        assert_eq!(text.as_str().unwrap().replace('␌', "\u{c}"), source, "{file}");
    }
    browser.assert_quiet_console();
}

#[test]
fn a_page_is_walked_by_keys() {
    let project = Project::with(&[
        (
            "code.py",
            "import sys\n\n\ndef f(a):\n    if a:\n        return 1\n    return 2\n\n\ndef g():\n    return 3\n\n\nif sys.argv[1:]:  # pragma: no cover\n    print()\nfor x in 'a':\n    f(x)\n",
        ),
        ("b.py", "b = 1\n"),
    ]);
    project.minicov(&["run", "--branch", "--source", ".", "code.py"]);
    project.minicov(&["report", "--format", "html"]);
    let browser = Browser::start();
    let page = project.page("htmlcov", "code_py");
    browser.open(&page, "");
    let at = || browser.js("return document.querySelector('.at')?.id ?? null");
    assert_eq!(browser.text(".where"), "– of 4 gaps");
    for line in ["t5", "t7", "t11", "t14", "t14"] {
        browser.keys("j");
        assert_eq!(at(), line);
    }
    assert_eq!(browser.text(".where"), "4 of 4 gaps");
    for line in ["t11", "t7", "t5", "t5"] {
        browser.keys("k");
        assert_eq!(at(), line);
    }
    // What is unlit is no gap.
    browser.keys("x");
    browser.keys("m");
    assert_eq!(browser.text(".where"), "1 of 1 gaps");
    assert_eq!(
        browser.js("return document.querySelector('.toggles [value=m]').getAttribute('aria-pressed')"),
        "false"
    );
    browser.reload();
    assert_eq!(browser.text(".where"), "– of 1 gaps", "the choice stays");
    browser.click(".toggles [value=m]");
    browser.click(".toggles [value=x]");
    browser.keys("1");
    assert_eq!(at(), "t5");
    browser.keys("0");
    assert_eq!(at(), Value::Null);

    // Colour and sign.
    let sign = |line: u32| {
        browser.js(&format!("const a = document.querySelector('#t{line} > a'); return [getComputedStyle(a, '::after').content, getComputedStyle(a.parentElement).borderLeftColor]"))
    };
    let signs = [4, 5, 7, 14].map(sign);
    for (at, sign) in signs.iter().enumerate() {
        assert!(signs[at + 1..].iter().all(|other| other[0] != sign[0] && other[1] != sign[1]), "{signs:?}");
    }

    // A branch that was not taken says so and leads there.
    assert_eq!(
        browser.text("#t5 .j span"),
        "line 5 didn't jump to line 7 because the condition on line 5 was always true"
    );
    browser.click("#t5 .j a");
    assert_eq!(browser.fragment(), "t7");
    assert_eq!(at(), "t7");
    // The outline leads to functions.
    browser.click(".outline li:nth-child(2) a");
    assert_eq!((browser.fragment().as_str(), at()), ("t10", json!("t10")));
    browser.keys("o");
    assert_eq!(browser.js("return document.querySelector('.outline').checkVisibility()"), false);

    // From page to page.
    browser.keys("[");
    assert!(browser.page().starts_with("b_py-"));
    browser.keys("]");
    assert!(browser.page().starts_with("code_py-"));
    browser.keys("u");
    assert_eq!(browser.page(), "index.html");

    // Help, and the theme, which stays.
    browser.open(&page, "");
    browser.keys("?");
    assert!(browser.text("#help").contains("next, previous gap"));
    browser.keys("?");
    assert_eq!(browser.js("return document.getElementById('help').open"), false);
    let background = || browser.js("return getComputedStyle(document.body).backgroundColor");
    assert_eq!(background(), "rgb(255, 255, 255)");
    browser.keys("tt");
    let dark = background();
    assert_ne!(dark, "rgb(255, 255, 255)");
    browser.open(&project.path("htmlcov/index.html"), "");
    assert_eq!(background(), dark);
    browser.click(".theme");
    browser.prefer_dark(true);
    assert_eq!(background(), dark, "auto follows the system");
    browser.assert_quiet_console();
}

#[test]
fn axe_finds_no_serious_violation() {
    let project = real();
    let browser = Browser::start();
    let page = project.page("htmlcov", "json_encoder_py");
    let index = project.path("htmlcov/index.html");
    for dark in [false, true] {
        browser.prefer_dark(dark);
        for (path, fragment) in [
            (&index, ""),
            (&index, "#view=functions&sort=coverage"),
            (&index, "#view=map"),
            (&index, "#q=nothing+fits"),
            (&page, "#t200"),
        ] {
            browser.open(path, fragment);
            if path == &page {
                browser.keys("r");
            }
            let found = browser.axe();
            assert!(found.is_empty(), "dark: {dark}, {fragment}:\n{}", found.join("\n"));
        }
        browser.open(&index, "");
        browser.keys("?");
        assert!(browser.axe().is_empty(), "help");
    }
    browser.resize(400, 800);
    for (path, fragment) in [(&index, ""), (&page, "")] {
        browser.open(path, fragment);
        let found = browser.axe();
        assert!(found.is_empty(), "phone:\n{}", found.join("\n"));
        let overflow = browser.js("return document.documentElement.scrollWidth > innerWidth || [...document.querySelectorAll('main')].some(m => m.scrollWidth > m.clientWidth + 1)");
        assert_eq!(overflow, false, "{} is wider than a phone", path.display());
    }
    browser.assert_quiet_console();
}

#[test]
fn contexts_are_counted_listed_and_lit() {
    let project = Project::with(&[(
        "code.py",
        "import sys\n\n\ndef f(a):\n    if a == 'one':\n        return 1\n    return (\n        2)\n\n\nf(sys.argv[1])\n",
    )]);
    for name in ["one", "two", "<b>&\u{202e}"] {
        project.minicov(&["run", "--context", name, "code.py", name]);
    }
    project.minicov(&["html", "--show-contexts"]);
    let browser = Browser::start();
    browser.open(&project.page("htmlcov", "code_py"), "");
    let counts = browser
        .js("return [...document.querySelectorAll('.k')].map(k => [k.parentElement.id, k.textContent])");
    assert_eq!(
        counts,
        json!([["t1", "3"], ["t4", "3"], ["t5", "3"], ["t6", "1"], ["t7", "2"], ["t11", "3"]])
    );
    browser.click("#t7 .k");
    assert_eq!(browser.texts(".context-list li"), ["<b>&U+202E", "two"]);
    browser.click(".context-list li:nth-child(2) button");
    let lit = || browser.js("return [...document.querySelectorAll('.in')].map(p => p.id)");
    assert_eq!(lit(), json!(["t1", "t4", "t5", "t7", "t11"]));
    assert_eq!(browser.js("return document.querySelector('.by-context input').value"), "two");
    assert_eq!(browser.text(".where"), "– of 5 lines");
    browser.click("#t7 .k");
    assert_eq!(browser.texts(".context-list").len(), 0);
    browser.js("const i = document.querySelector('.by-context input'); i.value = 'one'; i.dispatchEvent(new Event('input'))");
    assert_eq!(lit(), json!(["t1", "t4", "t5", "t6", "t11"]));
    assert!(browser.axe().is_empty());
    browser.assert_quiet_console();
}

#[test]
fn conditions_are_marked_and_decisions_open_their_truth_tables() {
    let project = Project::with(&[(
        "code.py",
        "def f(a, b, c):\n    if (a or b) and c:\n        return 1\n    return [x for x in a if x and b] or (2 if c else 3)\n\n\nf('', 'é', 1); f('x', 0, 1)\n",
    )]);
    project.minicov(&["run", "--mcdc", "code.py"]);
    project.minicov(&["html"]);
    let json = project.json();
    let browser = Browser::start();
    browser.open(&project.page("htmlcov", "code_py"), "");

    // Every condition that the JSON report calls not seen both ways is underlined, with the words for it.
    let marks = browser.js("return [...document.querySelectorAll('mark')].map(m => [Number(m.closest('p').id.slice(1)), m.textContent, m.title])");
    let conditions = json["files"]["code.py"]["minicov"]["conditions"].as_array().unwrap();
    let expected: Vec<Value> = conditions
        .iter()
        .filter_map(|condition| {
            let words = match (condition["true"].as_bool()?, condition["false"].as_bool()?) {
                (true, true) => return None,
                (true, false) => "never false",
                (false, true) => "never true",
                (false, false) => "never evaluated",
            };
            let ran =
                json["files"]["code.py"]["executed_lines"].as_array().unwrap().contains(&condition["line"]);
            ran.then(|| json!([condition["line"], condition["text"], words]))
        })
        .collect();
    assert!(expected.len() >= 2, "{expected:?}");
    assert_eq!(marks, json!(expected));
    // What the pointer finds stands beside the marks of a line that is visited by key.
    let words = "return getComputedStyle(document.querySelector('mark'), '::after').content";
    assert_eq!(browser.js(words), "none");
    browser.js("document.querySelector('mark').closest('p').querySelector('a').focus()");
    browser.keys("\u{e007}");
    browser.wait_for(".at mark");
    assert_ne!(browser.js(words), "none");

    // The truth table has the rows and pairs of the JSON report.
    let decisions = json["files"]["code.py"]["mcdc"]["decisions"].as_array().unwrap();
    let decision = decisions.iter().find(|decision| decision["line"] == 2).unwrap();
    assert_eq!(browser.texts(".tt").len(), 0, "tables are made when they are asked for");
    browser.click("#t2 .d");
    assert_eq!(browser.js("return document.querySelector('.tt').checkVisibility()"), true);
    let rows = browser.js("return [...document.querySelector('.tt').querySelectorAll('tbody tr:not(.never)')].map(r => [...r.querySelectorAll('td')].map(c => c.textContent))");
    let vectors = decision["vectors"].as_array().unwrap();
    assert_eq!(rows.as_array().unwrap().len(), vectors.len());
    for (number, row) in rows.as_array().unwrap().iter().enumerate() {
        let shows: Vec<String> = decision["pairs"]
            .as_array()
            .unwrap()
            .iter()
            .enumerate()
            .filter(|(_, pair)| pair.as_array().is_some_and(|pair| pair.contains(&json!(number))))
            .map(|(condition, _)| (condition + 1).to_string())
            .collect();
        assert_eq!(row[4], shows.join(", "), "{rows} {decision}");
    }
    // Of (a or b) and c there are five evaluations: T-T, T-F, FTT, FTF, FF-.
    let never = browser.js("return [...document.querySelector('.tt').querySelectorAll('.never td')].map(c => c.textContent).join('')");
    assert_eq!(never, "T–FFFTFFFF–F");
    let heads = browser.texts(".tt:not([hidden]) thead code");
    assert_eq!(heads, ["1: a", "2: b", "3: c"]);
    assert!(browser.axe().is_empty());
    browser.click("#t2 .d");
    assert_eq!(browser.js("return document.querySelector('.tt').checkVisibility()"), false);
    let card = browser.texts(".metric > b").pop().unwrap();
    assert_eq!(
        card,
        format!(
            "{}%",
            json["files"]["code.py"]["mcdc"]["summary"]["percent_covered_display"].as_str().unwrap()
        )
    );
    browser.assert_quiet_console();
}

#[test]
fn rows_tell_their_contexts_and_justified_conditions_their_reason() {
    let reason = "<b> \"no test\" & can";
    let code = format!(
        "import sys\n\n\ndef f(a, b, c):\n    # pragma: mcdc justified(c3): {reason}\n    return 1 if (a or b) and c else 0\n\n\nfor letters in sys.argv[1:]:\n    f(*(letter == 'T' for letter in letters))\n"
    );
    let project = Project::with(&[("code.py", &code)]);
    for (name, calls) in [("one", &["TTT"][..]), ("two", &["TTT", "FFT"]), ("<i>\u{202e}", &["FFT"])] {
        project.minicov(&[&["run", "--mcdc", "--context", name, "code.py"][..], calls].concat());
    }
    project.minicov(&["html", "--show-contexts"]);
    let json = project.minicov(&["json", "-q", "-o", "-", "--show-contexts"]).0;
    let json: Value = serde_json::from_str(&json).unwrap();
    let decision = &json["files"]["code.py"]["mcdc"]["decisions"][0];
    let browser = Browser::start();
    browser.open(&project.page("htmlcov", "code_py"), "");

    browser.click("#t6 .d");
    let verdicts = browser.texts(".tt thead th span");
    let justified = format!("○ justified: {reason}");
    assert_eq!(verdicts, ["✓ shown by rows 1 and 2", "✗ not shown", justified.as_str()]);
    assert_eq!(decision["conditions"][2]["justified"], reason);
    assert_eq!(decision["missing"], json!([1]));
    assert!(browser.text("#t6 .d").starts_with("MC/DC 1/3"), "{}", browser.text("#t6 .d"));

    // Each row names the contexts that the JSON report has for it; rows never seen have none.
    let contexts = decision["contexts"].as_array().unwrap();
    assert_eq!(contexts.len(), 2);
    for (number, expected) in contexts.iter().enumerate() {
        let button = format!(".tt tbody tr:nth-child({}) .ran", number + 1);
        browser.click(&button);
        let shown: Vec<String> = browser.texts(".tt .context-list li");
        let expected: Vec<String> = expected
            .as_array()
            .unwrap()
            .iter()
            .map(|name| name.as_str().unwrap().replace('\u{202e}', "U+202E"))
            .collect();
        assert_eq!(shown, expected);
        assert!(browser.axe().is_empty());
        browser.click(&button);
        assert_eq!(browser.texts(".tt .context-list").len(), 0);
    }
    assert!(browser.texts(".tt .never .ran").is_empty() && !browser.texts(".tt .never").is_empty());
    // A context in such a list lights what it ran, as elsewhere.
    browser.click(".tt tbody tr:nth-child(1) .ran");
    browser.click(".tt .context-list li:nth-child(2) button");
    let name = &contexts[0][1];
    assert_eq!(browser.js("return document.querySelector('.by-context input').value"), *name);
    assert!(!browser.texts(".lines .in").is_empty());
    browser.assert_quiet_console();
}

#[test]
fn every_key_of_coverage_pys_index_sorts() {
    let project = measured("--mcdc");
    let browser = Browser::start();
    let index = project.path("htmlcov/index.html");
    // coverage.py 7.17.3, htmlfiles/index.html; and d, which is ours.
    for (key, heading) in [
        ("s", "Stmts"),
        ("m", "Miss"),
        ("x", "Excl"),
        ("b", "Branch"),
        ("p", "BrPart"),
        ("c", "Coverage"),
        ("d", "MC/DC"),
        ("f", "File"),
        ("n", "Function"),
    ] {
        browser.open(&index, "#view=functions&sort=lines");
        browser.wait_for(".head [data-sort=file]");
        browser.keys(key);
        let sorted = browser.js("return [...document.querySelectorAll('.head [aria-sort]')].filter(h => h.getAttribute('aria-sort') !== 'none').map(h => h.textContent)");
        assert_eq!(sorted, json!([heading]), "{key}");
    }
    // A visit without a pointer: to the first row by its key, into it by Enter.
    browser.open(&index, "#view=files&sort=coverage");
    browser.keys("\u{e015}");
    browser.keys("\u{e007}");
    browser.wait_for("body.file-page");
    browser.assert_quiet_console();
}

#[test]
fn what_is_printed_is_whole() {
    let project = real();
    let browser = Browser::start();
    browser.open(&project.page("htmlcov", "email_message_py"), "");
    let print = |on: bool| {
        let media = if on { "print" } else { "" };
        browser.devtools("Emulation.setEmulatedMedia", json!({ "media": media }));
    };
    print(true);
    let visible =
        |css: &str| browser.js(&format!("return document.querySelector('{css}').checkVisibility()"));
    for css in [".outline", ".minimap", ".tools"] {
        assert_eq!(visible(css), false, "{css}");
    }
    // Nothing is cut off or put off, and no line is wider than the paper.
    let odd = browser.js("return [...document.querySelectorAll('.lines > div')].filter(d => getComputedStyle(d).contentVisibility !== 'visible').length");
    assert_eq!(odd, 0);
    let cut = browser.js("return ['.source', '.columns', 'body'].filter(css => { const e = document.querySelector(css); return getComputedStyle(e).overflowY !== 'visible' || e.scrollHeight > e.clientHeight + 1 && css !== 'body' })");
    assert_eq!(cut, json!([]));
    print(false);

    browser.open(&project.path("htmlcov/index.html"), "#view=functions");
    browser.wait_for(".head [data-sort=file]");
    let count = || browser.js("return document.querySelectorAll('.body .row').length").as_u64().unwrap();
    let before = count();
    let json = project.json();
    let functions: usize = json["files"]
        .as_object()
        .unwrap()
        .values()
        .map(|file| file["functions"].as_object().unwrap().len())
        .sum();
    browser.js("dispatchEvent(new Event('beforeprint'))");
    let printed = count();
    browser.js("dispatchEvent(new Event('afterprint'))");
    assert!(before < 200 && printed > 300 && printed as usize <= functions, "{before} {printed} {functions}");
    browser.assert_quiet_console();
}

#[test]
fn mcdc_sorts_colours_the_map_and_underlines_all_lines_of_a_condition() {
    let code = "\
def f(a, b, c):
    if a and g(
        b,  # é
        c,
    ) or c:
        return 1


def g(*arguments):
    return [all(arguments) and 1, any(arguments) or 2]


f(1, 1, 0)
f(0, 1, 0)
";
    let plain = "x = 1\ny = 2\n";
    let project =
        Project::with(&[("code.py", code), ("plain.py", plain), ("run.py", "import code, plain\n")]);
    project.minicov(&[
        "run",
        "--mcdc",
        "--source",
        ".",
        "-c",
        "import plain, runpy; runpy.run_path('code.py')",
    ]);
    project.minicov(&["html"]);
    let json = project.json();
    let browser = Browser::start();
    let index = project.path("htmlcov/index.html");
    browser.open(&index, "#view=files");
    browser.keys("d");
    assert_eq!(browser.js("return document.querySelector('[aria-sort=descending]').textContent"), "MC/DC");
    // What has a condition that was not shown is not covered.
    browser.open(&index, "#view=files&hide=1");
    assert!(browser.texts(".body .name").contains(&"code.py".to_owned()));

    browser.open(&index, "#view=map");
    let tile = |name: &str| {
        let css = format!(".tile[title^='{name}']");
        browser.js(&format!("return [document.querySelector(\"{css}\").title, document.querySelector(\"{css}\").matches('.none')]"))
    };
    assert_eq!(tile("plain.py"), json!(["plain.py: 100% of 2 statements", false]));
    browser.js("const s = document.querySelector('.scale select'); s.value = 'mcdc'; s.dispatchEvent(new Event('change'))");
    assert_eq!(browser.fragment(), "view=map&colour=mcdc");
    let summary = &json["files"]["code.py"]["mcdc"]["summary"];
    let words = format!(
        "code.py: {}% of {} conditions",
        summary["percent_covered_display"].as_str().unwrap(),
        summary["num_conditions"]
    );
    assert_eq!(tile("code.py"), json!([words, false]));
    assert_eq!(tile("plain.py"), json!(["plain.py: – of 0 conditions", true]));
    assert!(browser.axe().is_empty());

    browser.open(&project.page("htmlcov", "code_py"), "");
    let marks = browser.js("return [...document.querySelectorAll('mark')].map(m => [Number(m.closest('p').id.slice(1)), m.textContent, m.title])");
    let never_false = |line: u32, text: &str| json!([line, text, "never false"]);
    for (line, text) in [(2, "g("), (3, "b,  # é"), (4, "c,"), (5, ")")] {
        assert!(marks.as_array().unwrap().contains(&never_false(line, text)), "{text}: {marks}");
    }
    browser.assert_quiet_console();
}
