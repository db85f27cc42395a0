//! Which files import statements lead to.
//!
//! Invariant: where a name could mean several files, it means all of them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::project::{Project, SourceFile};
use crate::model::{Block, ImportName, MODULE_BLOCK};

/// The files of a project by the names that they can be imported under.
#[derive(Debug, Default)]
pub(crate) struct ModuleIndex {
    /// By the last part of the module's name.
    by_last: BTreeMap<String, Vec<Module>>,
    /// By all parts of the path.
    by_path: BTreeMap<Vec<String>, Vec<String>>,
    pub(super) files: Arc<BTreeSet<String>>,
}

#[derive(Clone, Debug)]
struct Module {
    file: String,
    /// The parts of its path, without the extension and `__init__`.
    parts: Vec<String>,
    /// How many of them are its name: itself and the packages round it.
    own: usize,
}

impl ModuleIndex {
    pub(super) fn new(files: impl IntoIterator<Item = String>) -> Self {
        let files: BTreeSet<String> = files.into_iter().collect();
        let mut index = Self::default();
        for file in &files {
            let Some(parts) = parts(file) else { continue };
            let mut own = 1;
            while own < parts.len() && is_package(&files, file, &parts[..parts.len() - own]) {
                own += 1;
            }
            if let Some(last) = parts.last() {
                let module = Module { file: file.clone(), parts: parts.clone(), own };
                index.by_last.entry(last.clone()).or_default().push(module);
            }
            index.by_path.entry(parts).or_default().push(file.clone());
        }
        index.files = Arc::new(files);
        index
    }

    /// The files that `import` in `importer` may run.
    fn resolve(&self, importer: &str, import: &ImportName) -> BTreeSet<&str> {
        let name: Vec<&str> = import.name.split('.').filter(|part| !part.is_empty()).collect();
        let mut found = BTreeSet::new();
        if import.level == 0 {
            for length in 1..=name.len() {
                found.extend(self.absolute(&name[..length]));
            }
            return found;
        }
        let Some(mut base) = parts(importer) else { return found };
        // A package's own file stands in the package.
        let up = import.level as usize - usize::from(is_init(importer));
        base.truncate(base.len().saturating_sub(up));
        for length in 0..=name.len() {
            let path: Vec<String> =
                base.iter().cloned().chain(name[..length].iter().map(|part| (*part).to_owned())).collect();
            found.extend(self.by_path.get(&path).into_iter().flatten().map(String::as_str));
        }
        found
    }

    /// The modules of that very name, or if there is none, those whose path ends with it.
    fn absolute(&self, name: &[&str]) -> Vec<&str> {
        let Some(candidates) = name.last().and_then(|last| self.by_last.get(*last)) else {
            return Vec::new();
        };
        let ends: Vec<&Module> = candidates
            .iter()
            .filter(|module| {
                let skipped = module.parts.len().checked_sub(name.len());
                skipped.is_some_and(|skipped| module.parts[skipped..].iter().eq(name.iter().copied()))
            })
            .collect();
        let has_exact = ends.iter().any(|module| module.own == name.len());
        let wanted = ends.into_iter().filter(|module| !has_exact || module.own == name.len());
        wanted.map(|module| module.file.as_str()).collect()
    }

    /// The `__init__` files of the packages round a file.
    fn packages_round(&self, file: &str) -> Vec<&str> {
        let Some(parts) = parts(file) else { return Vec::new() };
        let mut found = Vec::new();
        for length in (1..parts.len()).rev() {
            let inits = self.by_path.get(&parts[..length]).into_iter().flatten().filter(|file| is_init(file));
            let before = found.len();
            found.extend(inits.map(String::as_str));
            if found.len() == before {
                break;
            }
        }
        found
    }
}

/// The parts of a module's path; none for what is no module.
fn parts(file: &str) -> Option<Vec<String>> {
    let (folder, name) = file.rsplit_once('/').unwrap_or(("", file));
    // `name.cpython-313-x86_64-linux-gnu.so`
    let stem = name.split('.').next().filter(|stem| !stem.is_empty())?;
    let parts = folder.split('/').filter(|part| !part.is_empty());
    let own = (stem != "__init__").then_some(stem);
    Some(parts.chain(own).map(str::to_owned).collect())
}

fn is_init(file: &str) -> bool {
    file.rsplit('/').next() == Some("__init__.py")
}

fn is_package(files: &BTreeSet<String>, file: &str, folder: &[String]) -> bool {
    let root = if file.starts_with('/') { "/" } else { "" };
    files.contains(&format!("{root}{}/__init__.py", folder.join("/")))
}

/// Where the imports of a file lead.
#[derive(Debug, Default)]
pub(super) struct Imported {
    /// The packages round it, and the plugins that it names for pytest.
    always: BTreeSet<String>,
    /// By block, in their order: what imports in it may run. Those that may run anything share all files.
    by_block: Vec<Arc<BTreeSet<String>>>,
}

impl Imported {
    pub(super) fn new(index: &ModuleIndex, name: &str, file: Option<&SourceFile>) -> Self {
        let owned = |found: BTreeSet<&str>| found.into_iter().map(str::to_owned).collect::<BTreeSet<_>>();
        let mut imported =
            Self { always: owned(index.packages_round(name).into_iter().collect()), ..Self::default() };
        let Some(blocks) = file.and_then(|file| file.blocks.as_ref()) else { return imported };
        for plugin in &blocks.plugins {
            imported.always.extend(owned(index.resolve(name, plugin)));
        }
        let of_block = |block: &Block| {
            if block.imports_anything {
                return Arc::clone(&index.files);
            }
            Arc::new(owned(block.imports.iter().flat_map(|import| index.resolve(name, import)).collect()))
        };
        imported.by_block = blocks.blocks.iter().map(of_block).collect();
        imported
    }
}

/// All files that are imported, over any number of steps, where `roots` are, and the roots. Of imports within functions
/// those count whose function ran, as `ran` tells by file and block.
pub(super) fn closure(
    project: &Project,
    roots: &BTreeSet<String>,
    ran: &dyn Fn(&str, &str) -> bool,
) -> BTreeSet<String> {
    let mut found: BTreeSet<String> = BTreeSet::new();
    let mut waiting: Vec<String> = roots.iter().cloned().collect();
    while let Some(name) = waiting.pop() {
        if found.contains(&name) {
            continue;
        }
        let imported = project.imported_by(&name);
        let is_new = |file: &&String| !found.contains(*file);
        waiting.extend(imported.always.iter().filter(is_new).cloned());
        let file = project.file(&name);
        let blocks = file.iter().flat_map(|file| &file.blocks).flat_map(|blocks| &blocks.blocks);
        for (block, files) in blocks.zip(&imported.by_block).filter(|(_, files)| !files.is_empty()) {
            if block.name == MODULE_BLOCK || block.is_kept || ran(&name, &block.name) {
                waiting.extend(files.iter().filter(is_new).cloned());
            }
        }
        found.insert(name);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(importer: &str, level: u32, name: &str, expected: &[&str]) {
        let files = [
            "src/pkg/__init__.py",
            "src/pkg/a.py",
            "src/pkg/sub/__init__.py",
            "src/pkg/sub/b.py",
            "src/pkg/fast.cpython-313-x86_64-linux-gnu.so",
            "tests/helpers.py",
            "tests/a.py",
            "space/name/c.py",
        ];
        let index = ModuleIndex::new(files.map(str::to_owned));
        let import = ImportName { level, name: name.to_owned() };
        let found: Vec<_> = index.resolve(importer, &import).into_iter().collect();
        assert_eq!(found, expected, "{importer}: {level} {name}");
    }

    #[test]
    fn names_lead_to_files() {
        check(
            "tests/t.py",
            0,
            "pkg.sub.b",
            &["src/pkg/__init__.py", "src/pkg/sub/__init__.py", "src/pkg/sub/b.py"],
        );
        check("tests/t.py", 0, "a", &["tests/a.py"]);
        check("tests/t.py", 0, "name.c", &["space/name/c.py"]);
        check("tests/t.py", 0, "space.name.c", &["space/name/c.py"]);
        // Nothing is called so, but with its folder on the search path it would be.
        check("tests/t.py", 0, "b", &["src/pkg/sub/b.py"]);
        check(
            "tests/t.py",
            0,
            "pkg.fast",
            &["src/pkg/__init__.py", "src/pkg/fast.cpython-313-x86_64-linux-gnu.so"],
        );
        check("tests/t.py", 0, "os.path", &[]);
        check("src/pkg/a.py", 1, "sub", &["src/pkg/__init__.py", "src/pkg/sub/__init__.py"]);
        check("src/pkg/__init__.py", 1, "a", &["src/pkg/__init__.py", "src/pkg/a.py"]);
        check("src/pkg/sub/b.py", 2, "a", &["src/pkg/__init__.py", "src/pkg/a.py"]);
        check("src/pkg/sub/b.py", 9, "a", &[]);
    }
}
