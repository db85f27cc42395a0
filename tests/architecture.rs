//! Holds the layers of ARCHITECTURE.md: which module may import which, and who alone may use a crate or a power.
//!
//! Reads the sources as text: `crate::…` paths for imports, names of crates and functions for owners. Test code (files
//! called `tests`, and what follows `#[cfg(test)]`) may use everything.

#![expect(clippy::unwrap_used, reason = "a test that cannot read the sources has failed")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Each module with its layer. A module imports from lower layers only.
const LAYERS: &[(&str, u8)] = &[
    ("model", 0),
    ("error", 0),
    ("env_vars", 0),
    ("ui", 0),
    ("paths", 1),
    ("config", 1),
    ("bytecode", 1),
    ("source", 1),
    ("contexts", 1),
    ("metrics", 2),
    ("store", 2),
    ("python", 2),
    ("trace", 3),
    ("report", 3),
    ("impact", 3),
    ("processes", 4),
    ("cli", 4),
    ("commands", 5),
];

/// Imports within a layer that are allowed all the same.
const WITHIN_A_LAYER: &[(&str, &str, &str)] = &[
    ("ui", "error", "the printer prints errors"),
    ("config", "paths", "settings hold the request for a selection"),
];

/// Imports from lower layers that are forbidden all the same.
const FORBIDDEN: &[(&str, &str, &str)] = &[
    ("trace", "store", "the tracer writes to the Journal trait in model"),
    ("trace", "metrics", "the tracer records events, not judgements"),
    ("report", "store", "reports are handed data, never a connection"),
    ("report", "python", "reports are pure"),
    ("impact", "store", "impact analysis is handed data"),
    ("impact", "python", "impact analysis is pure"),
    ("processes", "metrics", "processes start and end, and judge nothing"),
    ("cli", "store", "parsing touches no file"),
    ("cli", "python", "parsing starts no interpreter"),
    ("cli", "metrics", "the command line knows names only"),
];

/// Words in the code that only some places may contain: a crate, a function, a keyword.
struct Owned {
    word: &'static str,
    /// Folders or files under src/.
    owners: &'static [&'static str],
    why: &'static str,
}

const OWNED: &[Owned] = &[
    Owned { word: "askama", owners: &["report/html"], why: "pages are made of templates in one place" },
    Owned { word: "unicode_width", owners: &["report/html"], why: "only pages count columns" },
    Owned { word: "rusqlite", owners: &["store/data_file"], why: "SQLite stops at one wall" },
    Owned {
        word: "postcard",
        owners: &["store", "commands/compiling.rs"],
        why: "an encoding of the data file, and of what minicov tells another of its processes",
    },
    Owned {
        word: "ruff_",
        owners: &["source"],
        why: "ruff's crates are internal and change: their types stay inside",
    },
    Owned { word: "encoding_rs", owners: &["source"], why: "decoding is part of reading source text" },
    Owned {
        word: "regex::",
        owners: &["source"],
        why: "Python's regular expressions are translated in one place",
    },
    Owned {
        word: "fancy_regex",
        owners: &["source"],
        why: "Python's regular expressions are translated in one place",
    },
    Owned {
        word: "PySys_AddAuditHook",
        owners: &["trace/uses.rs"],
        why: "a hook makes every audited operation of the program slower, and stays for ever: only where contexts follow tests",
    },
    Owned { word: "toml::", owners: &["config"], why: "configuration files are read in one place" },
    Owned { word: "zip::", owners: &["paths"], why: "sources in archives are read in one place" },
    Owned { word: "globset", owners: &["paths"], why: "one reading of patterns" },
    Owned {
        word: "clap",
        owners: &["cli", "commands/mod.rs"],
        why: "arguments; commands name its error only",
    },
    Owned {
        word: "pyo3",
        owners: &["python", "trace", "commands/run.rs", "commands/compiling.rs"],
        why: "Python objects stop at a wall; the two commands attach, and pass the token on",
    },
    Owned {
        word: "unsafe",
        owners: &[
            "main.rs",
            "python/ffi.rs",
            "trace",
            "store/journal/mapping.rs",
            "processes/exec.rs",
            "processes/waiting.rs",
        ],
        why: "C's main, raw calls into CPython, callbacks from it, the journal's shared mapping, libc's functions in our place, and signals sent on",
    },
    Owned { word: "rustix", owners: &["store"], why: "locks, allocation and mappings are the store's" },
    Owned { word: "anstream", owners: &["ui.rs"], why: "one printer" },
    Owned { word: "anstyle", owners: &["ui.rs"], why: "one printer" },
    Owned { word: "diffy", owners: &["commands/world.rs"], why: "diffs are read in one place" },
    Owned { word: "rayon", owners: &["commands/parallel.rs"], why: "one way to use all cores" },
    Owned { word: "indicatif", owners: &["ui.rs"], why: "one printer" },
    Owned { word: "println!", owners: &[], why: "ui prints" },
    Owned { word: "print!", owners: &[], why: "ui prints" },
    Owned { word: "eprintln!", owners: &[], why: "ui prints" },
    Owned { word: "eprint!", owners: &[], why: "ui prints" },
    Owned { word: "io::stdout", owners: &["ui.rs"], why: "ui prints" },
    Owned { word: "io::stderr", owners: &["ui.rs"], why: "ui prints" },
    Owned { word: "env::var", owners: &["env_vars.rs"], why: "every environment variable stands once" },
    Owned { word: "env::set_var", owners: &[], why: "the program's environment is not ours" },
    Owned { word: "process::exit", owners: &["main.rs"], why: "exit codes leave through main" },
    Owned {
        word: "chrono",
        owners: &["commands/report.rs", "report"],
        why: "only the moment of a report is asked for",
    },
];

/// The files of the crate's modules, without test code: path under src/, code without comments.
fn sources() -> BTreeMap<String, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = BTreeMap::new();
    let mut waiting: Vec<PathBuf> = vec![root.clone()];
    while let Some(folder) = waiting.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            if name == "tests" {
                continue;
            }
            if path.is_dir() {
                waiting.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(&root).unwrap().to_string_lossy().into_owned();
                found.insert(name, code(&fs::read_to_string(&path).unwrap()));
            }
        }
    }
    found
}

/// The text without line comments and without what follows `#[cfg(test)]` at the start of a line.
fn code(text: &str) -> String {
    let without_tests = text.split("\n#[cfg(test)]\nmod tests").next().unwrap_or_default();
    let mut code = String::new();
    for line in without_tests.lines() {
        let cut = line
            .find("//")
            .filter(|at| !line[..*at].ends_with(':') && line[..*at].matches('"').count() % 2 == 0);
        code.push_str(cut.map_or(line, |at| &line[..at]));
        code.push('\n');
    }
    code
}

/// The module a file belongs to: the folder or file right under src/.
fn module(file: &str) -> &str {
    file.split('/').next().unwrap_or(file).trim_end_matches(".rs")
}

/// The modules that `crate::…` paths in `code` name.
fn imports(code: &str) -> BTreeSet<&str> {
    let mut found = BTreeSet::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        match rest.strip_prefix('{') {
            Some(group) => found.extend(first_names(group)),
            None => found.extend(name(rest)),
        }
    }
    found
}

fn name(text: &str) -> Option<&str> {
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len());
    (end > 0).then_some(&text[..end])
}

/// The first name of each item in a `use` group, up to its closing brace.
fn first_names(group: &str) -> Vec<&str> {
    let (mut depth, mut start, mut found) = (0, 0, Vec::new());
    for (at, character) in group.char_indices() {
        match character {
            '{' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            ',' | '}' if depth == 0 => {
                found.extend(name(group[start..at].trim_start()));
                start = at + 1;
                if character == '}' {
                    break;
                }
            }
            _ => {}
        }
    }
    found
}

#[test]
fn modules_import_from_lower_layers_only() {
    let layer: BTreeMap<_, _> = LAYERS.iter().copied().collect();
    let mut wrong = Vec::new();
    for (file, code) in sources() {
        let from = module(&file);
        if matches!(from, "lib" | "main") {
            continue;
        }
        let Some(own) = layer.get(from) else {
            wrong.push(format!("{file}: {from} has no layer"));
            continue;
        };
        for to in imports(&code) {
            let Some(other) = layer.get(to).filter(|_| to != from) else { continue };
            let allowed = other < own || WITHIN_A_LAYER.iter().any(|(a, b, _)| (*a, *b) == (from, to));
            if !allowed {
                wrong.push(format!("{file} (layer {own}) imports {to} (layer {other})"));
            }
            if let Some((.., why)) = FORBIDDEN.iter().find(|(a, b, _)| (*a, *b) == (from, to)) {
                wrong.push(format!("{file} imports {to}: {why}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn owned_things_stay_with_their_owners() {
    let sources = sources();
    let mut wrong = Vec::new();
    for owned in OWNED {
        let is_word = |code: &str, at: usize| {
            let before = code[..at].chars().next_back();
            // Attributes such as `unsafe_code` are other words; `ruff_` and paths are prefixes.
            let after = code[at + owned.word.len()..].chars().next();
            let open = owned.word.ends_with(|c: char| !c.is_ascii_alphanumeric()) || owned.word == "env::var";
            !before.is_some_and(|c| c.is_ascii_alphanumeric() || c == '_')
                && (open || !after.is_some_and(|c| c.is_ascii_alphanumeric() || c == '_'))
        };
        for (file, code) in &sources {
            let owns = owned.owners.iter().any(|owner| {
                file.strip_prefix(owner).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            });
            if !owns && code.match_indices(owned.word).any(|(at, _)| is_word(code, at)) {
                wrong.push(format!("{file} has {:?}: {}", owned.word, owned.why));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn files_open_with_what_they_are_for_and_stay_readable() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut wrong = Vec::new();
    for file in sources().keys() {
        let text = fs::read_to_string(root.join(file)).unwrap();
        if !text.starts_with("//!") {
            wrong.push(format!("{file} does not say what it is for"));
        }
        let length = text.lines().count();
        if length > 800 {
            wrong.push(format!("{file} has {length} lines, more than 800"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_readers_of_code_read_right() {
    assert_eq!(
        imports("use crate::a::b;\nlet x = crate::c::d(); use crate::{e, f::{g, h}, i};"),
        BTreeSet::from(["a", "c", "e", "f", "i"])
    );
    assert_eq!(code("let a = 1; // unsafe\nlet b = \"http://x\";\n"), "let a = 1; \nlet b = \"http://x\";\n");
    assert!(!code("fn f() {}\n\n#[cfg(test)]\nmod tests {\n    unsafe {}\n}\n").contains("unsafe"));
}
