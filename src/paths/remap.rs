//! `[paths]`: folders on other machines that are folders here (coverage 7.17.3, `files.py`, `PathAliases`).
//!
//! Must not know: data files. Invariant: a path becomes another only if there is a file of that name.

use std::path::{Path, PathBuf};

use globset::GlobMatcher;

use super::patterns::{PatternError, folder_glob};
use super::{canonical, display_name, source_metadata};

/// Rules from all entries, in their order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Remap {
    rules: Vec<Rule>,
    /// Where relative names count from.
    folder: PathBuf,
    /// Whether results stay as they are written, and paths become relative.
    relative: bool,
}

#[derive(Clone, Debug)]
struct Rule {
    /// Matches whole folders.
    pattern: GlobMatcher,
    /// Ends with a slash.
    result: String,
}

impl Remap {
    /// `entries`: of each, the result and the patterns of folders that stand for it, which count from `folder`.
    pub(crate) fn new<'a>(
        entries: impl Iterator<Item = &'a [String]>,
        folder: &Path,
        relative: bool,
    ) -> Result<Self, PatternError> {
        let mut rules = Vec::new();
        for entry in entries {
            let [result, patterns @ ..] = entry else { continue };
            let result = format!("{}/", result.trim_end_matches(['/', '\\']));
            for pattern in patterns {
                let is_absolute = pattern.starts_with(['*', '/', '\\']) || has_drive(pattern);
                let absolute = if is_absolute || relative {
                    pattern.clone()
                } else {
                    canonical(&folder.join(pattern)).to_string_lossy().into_owned()
                };
                rules.push(Rule { pattern: folder_glob(&absolute)?, result: result.clone() });
            }
        }
        Ok(Self { rules, folder: folder.to_path_buf(), relative })
    }

    /// What a path in a data file is called here: that of the first rule whose result exists; without one, itself, with
    /// slashes.
    pub(crate) fn map(&self, path: &str) -> String {
        let path = path.replace('\\', "/");
        let found = self.rules.iter().find_map(|rule| {
            let rest = rule.rest(&path)?;
            let renamed = format!("{}{rest}", rule.result);
            let renamed = if self.relative {
                let bare = renamed.strip_prefix("./").filter(|_| rule.result == "./");
                bare.unwrap_or(&renamed).to_owned()
            } else {
                canonical(&self.folder.join(&renamed)).to_string_lossy().into_owned()
            };
            source_metadata(&self.folder.join(&renamed)).is_ok().then_some(renamed)
        });
        found.unwrap_or_else(|| if self.relative { display_name(&path, &self.folder) } else { path })
    }
}

impl Rule {
    /// What comes after the longest folder that the pattern matches.
    fn rest<'a>(&self, path: &'a str) -> Option<&'a str> {
        let ends = path.char_indices().rev().filter(|(_, char)| *char == '/');
        let mut folders = ends.map(|(at, _)| (&path[..at], &path[at + 1..]));
        folders.find(|(folder, _)| self.pattern.is_match(folder)).map(|(_, rest)| rest)
    }
}

/// Whether a pattern begins as absolute Windows paths do.
fn has_drive(pattern: &str) -> bool {
    matches!(pattern.as_bytes(), [letter, b':', b'/' | b'\\', ..] if letter.is_ascii_alphabetic())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn the_first_rule_whose_result_exists_counts() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        for file in ["src/a.py", "src/deep/b.py", "lib/c.py"] {
            fs::create_dir_all(root.join(file).parent().unwrap()).unwrap();
            fs::write(root.join(file), "").unwrap();
        }
        let entry = |items: &[&str]| -> Vec<String> { items.iter().map(|item| (*item).to_owned()).collect() };
        let entries = [
            entry(&["src", "/ci/*/checkout/", "*/Source", r"c:\work"]),
            entry(&["lib", "*/source", "vendor"]),
        ];
        let remap = |relative| Remap::new(entries.iter().map(Vec::as_slice), &root, relative).unwrap();
        let here = |name: &str| root.join(name).to_string_lossy().into_owned();
        // coverage.files.PathAliases (7.17.3) of each.
        for (path, mapped) in [
            ("/ci/7/checkout/a.py", here("src/a.py")),
            ("/ci/7/8/checkout/a.py", "/ci/7/8/checkout/a.py".to_owned()),
            ("/CI/7/Checkout/deep/b.py", here("src/deep/b.py")),
            ("/x/y/source/deep/b.py", here("src/deep/b.py")),
            ("/x/source/c.py", here("lib/c.py")),
            ("/x/source/none.py", "/x/source/none.py".to_owned()),
            (r"C:\work\deep\b.py", here("src/deep/b.py")),
            (&here("vendor/c.py"), here("lib/c.py")),
        ] {
            assert_eq!(remap(false).map(path), mapped, "{path}");
        }
        assert_eq!(remap(true).map("/x/source/c.py"), "lib/c.py");
        assert_eq!(remap(true).map(&here("src/a.py")), "src/a.py");
    }

    #[test]
    fn a_pattern_is_one_of_folders() {
        let entry = ["src".to_owned(), "/ci/*".to_owned()];
        assert!(Remap::new([&entry[..]].into_iter(), Path::new("/"), false).is_err());
    }
}
