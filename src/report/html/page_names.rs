//! What the pages of files are called: names that say what they are, that any file system takes and that stay the same.

use sha2::{Digest, Sha256};

/// Longer names are cut, well below the 255 bytes that file systems take.
const LONGEST: usize = 120;

/// The page of the file with this name: its readable characters, and a part of the hash of the whole name, so that no two
/// files share a page, not even where case does not count.
pub(super) fn page_name(file: &str) -> String {
    let readable = |character: char| {
        let kept = character.is_ascii_alphanumeric() || matches!(character, '_' | '-');
        if kept { character } else { '_' }
    };
    let name: String = file.trim_start_matches('/').chars().map(readable).collect();
    let name = &name[name.len().saturating_sub(LONGEST)..];
    let digest = Sha256::digest(file.as_bytes());
    let [a, b, c, d] = [digest[0], digest[1], digest[2], digest[3]];
    format!("{name}-{a:02x}{b:02x}{c:02x}{d:02x}.html")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_plain_and_unique() {
        assert_eq!(page_name("pkg/mod.py"), "pkg_mod_py-15253293.html");
        let files = ["a/b.py", "a_b.py", "A/b.py", "a\"b'<>&.py", "a\nb.py", "é.py", "../x.py", "index"];
        let mut pages: Vec<String> = files.iter().map(|file| page_name(file).to_lowercase()).collect();
        assert!(
            pages
                .iter()
                .all(|page| page.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte)))
        );
        pages.sort();
        pages.dedup();
        assert_eq!(pages.len(), files.len());
        assert!(page_name(&"x/".repeat(5000)).len() < 200);
    }
}
