//! How long Chromium lays out a report's pages: `layouts INDEX PAGE`, two files of a report on disk.
//!
//! For each thing a reader does it prints the seconds that went into all layouts together, and into computing styles, as
//! DevTools counts them; no single layout can have taken longer.

use std::path::PathBuf;

use minicov_browser::Browser;
use serde_json::json;

/// What readers do: its name, and a script that does it.
const ON_INDEX: [(&str, &str); 6] = [
    ("scroll to the end", "const m = document.getElementById('main'); m.scrollTop = m.scrollHeight"),
    ("all files", "document.querySelector('#views [value=files]').click()"),
    ("sort by missing", "document.querySelector('.head [data-sort=missing]').click()"),
    (
        "filter",
        "const f = document.getElementById('filter'); f.value = '1'; f.dispatchEvent(new Event('input'))",
    ),
    ("functions", "document.querySelector('#views [value=functions]').click()"),
    ("map", "document.querySelector('#views [value=map]').click()"),
];
const ON_PAGE: [(&str, &str); 8] = [
    ("scroll to the end", "const m = document.getElementById('source'); m.scrollTop = m.scrollHeight"),
    ("jump to line 10000", "location.hash = '#t10000'"),
    ("open a truth table", "document.querySelectorAll('.d')[250]?.click()"),
    ("a row's contexts", "document.querySelector('.ran')?.click()"),
    ("lines of a context", "document.querySelector('.context-list button')?.click()"),
    ("light run lines", "document.querySelector('.toggles [value=r]').click()"),
    ("close the outline", "document.querySelector('.outline-button').click()"),
    ("wrap long lines", "document.querySelector('.wrap-button').click()"),
];

fn main() {
    let paths: Vec<PathBuf> = std::env::args().skip(1).map(PathBuf::from).collect();
    let [index, page] = &paths[..] else { panic!("layouts INDEX PAGE") };
    let browser = Browser::start();
    browser.devtools("Performance.enable", json!({}));
    for (path, actions) in [(index, &ON_INDEX[..]), (page, &ON_PAGE[..])] {
        let path = path.canonicalize().unwrap();
        measure(&browser, "open", || browser.open(&path, ""));
        for (name, script) in actions {
            measure(&browser, name, || {
                browser.js(script);
            });
        }
        let elements = browser.js("return document.querySelectorAll('*').length");
        report(&format!("{}: {elements} elements", path.file_name().unwrap().display()));
    }
}

fn measure(browser: &Browser, name: &str, action: impl Fn()) {
    let before = seconds(browser);
    action();
    // Two frames later what was changed is on the screen.
    browser.js_async(
        "const done = arguments[0]; requestAnimationFrame(() => requestAnimationFrame(() => done()))",
    );
    let after = seconds(browser);
    // A new page counts from nothing.
    let since = |key: usize| if after[key] < before[key] { after[key] } else { after[key] - before[key] };
    report(&format!("{name:20} layouts {:6.1} ms  styles {:6.1} ms", since(0) * 1e3, since(1) * 1e3));
}

fn seconds(browser: &Browser) -> [f64; 2] {
    let metrics = browser.devtools("Performance.getMetrics", json!({}));
    let of = |name: &str| {
        let all = metrics["metrics"].as_array().unwrap();
        all.iter()
            .find(|metric| metric["name"] == name)
            .and_then(|metric| metric["value"].as_f64())
            .unwrap_or(0.0)
    };
    [of("LayoutDuration"), of("RecalcStyleDuration")]
}

fn report(line: &str) {
    println!("{line}");
}
