//! The Python files of a project, imported or not.

use std::fs;
use std::path::Path;

/// Folders that hold no sources of the project's, wherever they are.
const PASSED_OVER: [&str; 4] = ["__pycache__", "node_modules", "site-packages", "dist-packages"];

/// Every Python file and extension module below `folder`, by its path from there. Hidden folders and virtual environments
/// are passed over, and what a link leads to.
pub(crate) fn project_files(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut waiting = vec![String::new()];
    while let Some(below) = waiting.pop() {
        let Ok(entries) = fs::read_dir(folder.join(&below)) else { continue };
        for entry in entries.flatten() {
            let Ok(kind) = entry.file_type() else { continue };
            let name = entry.file_name();
            let Some(name) = name.to_str().filter(|name| !name.starts_with('.')) else { continue };
            let path = if below.is_empty() { name.to_owned() } else { format!("{below}/{name}") };
            if kind.is_dir() {
                let is_environment = entry.path().join("pyvenv.cfg").exists();
                if !is_environment && !PASSED_OVER.contains(&name) {
                    waiting.push(path);
                }
            } else if [".py", ".pyw", ".so"].iter().any(|extension| name.ends_with(extension)) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_projects_own_are_found() {
        let folder = tempfile::tempdir().unwrap();
        for name in [
            "a.py",
            "b/c.py",
            "b/d.txt",
            "b/e.cpython-313.so",
            ".git/f.py",
            "venv/g.py",
            "b/__pycache__/h.py",
        ] {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        fs::write(folder.path().join("venv/pyvenv.cfg"), "").unwrap();
        assert_eq!(project_files(folder.path()), ["a.py", "b/c.py", "b/e.cpython-313.so"]);
    }
}
