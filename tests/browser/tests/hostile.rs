//! Sources and names that would like to run, to hide or to break the page: shown, never obeyed.

use minicov_browser::{Browser, Project};

/// Would set the page's title if any of it ran or became an element.
const ATTACK: &str = "</script><script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">&lt;b&amp;";

/// What a reader sees of a line, and its branch words left out.
const TEXTS: &str = "return [...document.querySelectorAll('.lines p')].map(p => {
    const copy = p.cloneNode(true);
    copy.querySelectorAll(':scope > a:first-child, .j, .d').forEach(e => e.remove());
    return copy.textContent })";

fn source() -> String {
    [
        format!("# {ATTACK}"),
        format!("x = '''{ATTACK}"),
        "]]> <!-- --> <style>*{display:none}</style> <template> </div></main></body></html>'''".to_owned(),
        "y = 'a\u{202e}b\u{2066}c\u{200b}d\u{7f}e\u{85}f\u{feff}g\u{1b}[31m'".to_owned(),
        "z = 'שלום' + 'é😀𝒳'".to_owned(),
        format!("w = '{}'", ["<b>\u{202e}&amp;", &"word ".repeat(100)].concat().repeat(200)),
        "\x0cif x: pass".to_owned(),
        "def f(a='</p>'): return a".to_owned(),
        String::new(),
    ]
    .join("\n")
}

fn shown(line: &str) -> String {
    let mut text = String::new();
    for character in line.chars() {
        match character {
            '\u{1b}' => text.push('␛'),
            '\u{c}' => text.push('␌'),
            '\u{202e}' | '\u{2066}' | '\u{200b}' | '\u{7f}' | '\u{85}' | '\u{feff}' => {
                text.push_str(&format!("U+{:04X}", u32::from(character)));
            }
            other => text.push(other),
        }
    }
    text
}

const NAMES: [&str; 4] =
    ["\"quoted\" 'twice'.py", "<b onclick=x>&amp;.py", "line\nend.py", "ünï\u{202e}code.py"];

fn project() -> Project {
    let project = Project::with(&[(
        "main.py",
        "import runpy, glob\nfor name in sorted(glob.glob('odd/*')): runpy.run_path(name)\n",
    )]);
    for name in NAMES {
        project.file(&format!("odd/{name}"), source());
    }
    project.file("broken.py", format!("def broken(:\n    '{ATTACK}'\n"));
    project.file("bytes.py", b"# caf\xe9\nx = 1\n");
    project.minicov(&["run", "--branch", "--source", ".", "main.py"]);
    project
}

#[track_caller]
fn check_index(browser: &Browser) {
    let names = browser.texts(".body .name");
    for name in NAMES {
        let name = name.replace('\n', "␊").replace('\u{202e}', "U+202E");
        assert!(names.iter().any(|shown| shown.contains(&name)), "{name:?} of {names:?}");
    }
    let notice = browser.text(".notice");
    assert!(notice.contains("2 files are not in this report"), "{notice}");
    assert!(notice.contains("broken.py") && notice.contains("bytes.py"), "{notice}");
}

#[track_caller]
fn check_page(browser: &Browser) {
    let texts = browser.js(TEXTS);
    let texts: Vec<&str> = texts.as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect();
    let source = source();
    let expected: Vec<String> = source.lines().map(shown).collect();
    assert_eq!(texts.len(), expected.len());
    for (text, expected) in texts.iter().zip(&expected) {
        assert!(text == expected, "{text:.200?}\n{expected:.200?}");
    }
    assert_eq!(
        browser.text("p.notice"),
        "This file has invisible characters that change the order or the look of text. They are shown by their numbers."
    );
    assert_ne!(browser.js("return document.title"), "owned");
    assert_eq!(browser.js("return document.querySelectorAll('img, .lines script, .lines style').length"), 0);
}

#[test]
fn what_is_hostile_is_shown() {
    let project = project();
    project.minicov(&["report", "-i", "--format", "html"]);
    let browser = Browser::start();
    browser.open(&project.path("htmlcov/index.html"), "");
    check_index(&browser);
    browser.click("#views [value=functions]");
    browser.wait_for(".head [data-sort=file]");
    assert!(browser.texts(".body .file").iter().any(|file| file.contains("<b onclick=x>&amp;.py:8")));
    browser.click("#views [value=map]");
    for name in ["_quoted", "_b_onclick", "line_end", "_n__code"] {
        browser.open(&project.page("htmlcov", &format!("odd_{name}")), "#t6");
        check_page(&browser);
        // A line of 100,000 characters is read in lines that fit.
        let fits =
            browser.js("const m = document.querySelector('main'); return m.scrollWidth <= m.clientWidth");
        assert_eq!(fits, true, "{name}");
    }
    browser.assert_quiet_console();
}

#[test]
fn a_single_file_is_as_safe_and_does_the_same() {
    let project = project();
    project.minicov(&["report", "-i", "--format", "html", "-o", "all.html"]);
    let browser = Browser::start();
    let all = project.path("all.html");
    browser.open(&all, "");
    check_index(&browser);
    browser.keys("v");
    let index = browser.fragment();
    browser.click(".body .row:nth-child(2) a");
    assert!(browser.fragment().starts_with('f'), "{}", browser.fragment());
    check_page(&browser);
    browser.keys("]]");
    check_page(&browser);
    browser.keys("u");
    assert_eq!(browser.fragment(), index);
    check_index(&browser);
    browser.open(&all, "#view=functions");
    browser.click(".body .row:nth-child(6) a");
    assert!(browser.fragment().contains(".t8"), "{}", browser.fragment());
    assert_eq!(browser.js("return document.querySelector('.at').id"), "t8");
    browser.click("#t6 > a");
    browser.wait_for("#t6.at");
    assert!(browser.fragment().contains(".t6"), "{}", browser.fragment());
    browser.back();
    browser.wait_for("#t8.at");
    browser.reload();
    assert_eq!(browser.js("return document.querySelector('.at').id"), "t8");
    assert!(browser.axe().is_empty());
    let requests = browser.js("return performance.getEntriesByType('resource').map(entry => entry.name)");
    assert_eq!(requests, serde_json::json!([]), "it needs no other file");
    browser.assert_quiet_console();
}
