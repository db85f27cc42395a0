//! Makes the pictures of the HTML report in `docs/html/`: `cargo run -p minicov-browser --bin screenshots`.
//!
//! What is shown is the standard library's `email` and `json`, partly used by a program, and a small shop.

use std::fs;
use std::path::Path;

use minicov_browser::{Browser, Project, repository};

const PROGRAM: &str = include_str!("../../pictured/program.py");
const SHOP: &str = include_str!("../../pictured/shop.py");

/// A picture: its name, the page, what follows `#`, whether it is dark, what to click first.
const PICTURES: [(&str, Page, &str, bool, &[&str]); 8] = [
    ("index", Page::Index, "", false, &[]),
    ("index-dark", Page::Index, "#view=files&sort=missing&desc=1", true, &[]),
    ("functions", Page::Index, "#view=functions&sort=coverage&q=email+message", false, &[]),
    ("map", Page::Index, "#view=map", false, &[]),
    ("map-dark", Page::Index, "#view=map&at=email", true, &[]),
    ("file", Page::Shop, "", false, CLICKS),
    ("file-dark", Page::Shop, "", true, CLICKS),
    ("contexts", Page::Shop, "", false, &["#t11 .k", ".d", ".ran"]),
];

/// Opens a truth table, where there is one.
const CLICKS: &[&str] = &[".d"];

#[derive(Clone, Copy)]
enum Page {
    Index,
    Shop,
}

fn main() {
    let project = Project::with(&[("program.py", PROGRAM), ("shop.py", SHOP)]);
    project.copy_from_library(&["email", "json", "configparser.py"]);
    for test in ["test_price", "test_till"] {
        project.minicov(&["run", "--mcdc", "--source", ".", "--context", test, "program.py", test]);
    }
    project.minicov(&["html", "-q", "-d", "plain"]);
    project.minicov(&["html", "-q", "-d", "contexts", "--show-contexts"]);
    let browser = Browser::start();
    browser.resize(1280, 800);
    for (name, page, fragment, dark, clicks) in PICTURES {
        browser.prefer_dark(dark);
        let folder = if name == "contexts" { "contexts" } else { "plain" };
        let path = match page {
            Page::Index => project.path(folder).join("index.html"),
            Page::Shop => project.page(folder, "shop_py"),
        };
        browser.open(&path, fragment);
        for css in clicks {
            browser.js(&format!("document.querySelector('{css}')?.click()"));
        }
        browser.assert_quiet_console();
        write(&repository().join("docs/html").join(format!("{name}.png")), &browser.screenshot());
    }
}

fn write(path: &Path, picture: &[u8]) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, picture).unwrap();
}
