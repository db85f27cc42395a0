//! Sources with a mark before each line, as `coverage annotate` writes them.
//!
//! Source: coverage 7.17.3, `annotate.py`; names: `files.py`, `flat_rootname`. Where a line contains one of Unicode's line
//! ends, coverage.py loses count of the lines below; here lines are those that CPython counts.

use std::io::{self, Write};

use sha3::{Digest, Sha3_256};

use super::view::{FileView, Lines};

/// What annotated files end in.
const SUFFIX: &str = ",cover";

/// Where the annotated text of `file` goes: into `folder` under a name that tells where the file is from, or beside it.
pub(crate) fn annotated_name(file: &FileView, folder: Option<&str>) -> String {
    let Some(folder) = folder else { return format!("{}{SUFFIX}", file.path) };
    let base = file.name.rsplit('/').next().unwrap_or(&file.name);
    // The extension keeps its dot, unless the name is nothing else.
    let extension =
        base.rfind('.').filter(|dot| base[..*dot].contains(|c| c != '.')).map_or("", |dot| &base[dot..]);
    let flat = flat_name(&file.name);
    format!("{folder}/{}{extension}{SUFFIX}", &flat[..flat.len() - extension.len()])
}

/// A name without folders that files of one name in different folders do not share.
fn flat_name(name: &str) -> String {
    let (folder, base) = match name.rsplit_once('/') {
        Some(("", base)) => ("/", base),
        Some((folder, base)) => (folder.trim_end_matches('/'), base),
        None => ("", name),
    };
    let base = base.replace('.', "_");
    if folder.is_empty() {
        return base;
    }
    let digest = Sha3_256::digest(folder);
    let mut start = [0; 8];
    start.copy_from_slice(&digest[..8]);
    format!("z_{:016x}_{base}", u64::from_be_bytes(start))
}

/// Writes the annotated text: `>` ran, `!` did not, `-` is excluded.
pub(crate) fn annotate(text: &str, lines: &Lines, out: &mut dyn Write) -> io::Result<()> {
    let Lines { executed, missing, excluded } = lines;
    let mut covered = true;
    for (number, line) in (1..).zip(text.split_inclusive('\n')) {
        if missing.contains(number) {
            covered = false;
        } else if executed.contains(number) {
            covered = true;
        }
        let mark = if is_blank(line) {
            " "
        } else if is_else(line) {
            // It is as its suite is: of the first statement below.
            let next = |set: &crate::model::LineSet| set.iter().find(|line| *line >= number);
            match (next(executed), next(missing)) {
                (_, None) => ">",
                (Some(executed), Some(missing)) if executed < missing => ">",
                (_, Some(_)) => "!",
            }
        } else if excluded.contains(number) {
            "-"
        } else if covered {
            ">"
        } else {
            "!"
        };
        // coverage.py makes form feeds blanks before it looks at a text.
        write!(out, "{mark} {}", line.replace('\x0c', " "))?;
    }
    Ok(())
}

/// Whether a line is blank or a comment.
fn is_blank(line: &str) -> bool {
    let code = line.trim_start();
    code.is_empty() || code.starts_with('#')
}

/// Whether a line says `else:` and nothing else.
fn is_else(line: &str) -> bool {
    let rest = line.trim_start().strip_prefix("else").and_then(|rest| rest.trim_start().strip_prefix(':'));
    rest.is_some_and(is_blank)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_where_files_are_from() {
        // coverage.files.flat_rootname (7.17.3) of each, with the extension put back.
        for (name, flat) in [
            ("a/b/c.py", "out/z_86bbcbe134d28fd2_c.py,cover"),
            ("c.d.pyw", "out/c_d.pyw,cover"),
            ("/x/y.py", "out/z_38971dbd1be58350_y.py,cover"),
            ("script", "out/script,cover"),
        ] {
            let file = FileView { name: name.to_owned(), ..FileView::default() };
            assert_eq!(annotated_name(&file, Some("out")), flat);
        }
        let file = FileView { path: "/p/a.py".to_owned(), ..FileView::default() };
        assert_eq!(annotated_name(&file, None), "/p/a.py,cover");
    }
}
