//! The project's sources as impact analysis sees them: taken apart on demand, each once.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::rc::Rc;

use sha2::{Digest as _, Sha256};

use super::imports::{Imported, ModuleIndex};
use super::test_id;
use crate::model::{DependencyKind, Fingerprint, Layout, SourceBlocks};
use crate::source;

/// What is there, at some time.
pub(crate) trait World {
    /// The bytes of a file; none where it cannot be read. Names are paths, from the project's folder where they are below.
    fn bytes(&self, name: &str) -> Option<Vec<u8>>;

    /// The fingerprint of anything but code, by the kinds of its dependencies.
    fn fingerprint(&self, kind: DependencyKind, name: &str) -> Fingerprint;
}

/// A source file taken apart.
#[derive(Debug)]
pub(crate) struct SourceFile {
    /// Of its text, byte by byte.
    pub(super) text: Fingerprint,
    /// None where it is no text that Python could read.
    pub(super) blocks: Option<SourceBlocks>,
}

/// The sources of a project in a world.
pub(crate) struct Project<'a> {
    pub(super) world: &'a dyn World,
    pub(super) index: ModuleIndex,
    files: RefCell<BTreeMap<String, Option<Rc<SourceFile>>>>,
    /// Where the imports of files lead that were asked for.
    imported: RefCell<BTreeMap<String, Rc<Imported>>>,
    /// Files that Python does not compile, so that nobody can import them.
    broken: RefCell<BTreeSet<String>>,
}

impl<'a> Project<'a> {
    /// `sources`: every Python file that may be imported.
    pub(crate) fn new(world: &'a dyn World, sources: impl IntoIterator<Item = String>) -> Self {
        Self {
            world,
            index: ModuleIndex::new(sources),
            files: RefCell::default(),
            imported: RefCell::default(),
            broken: RefCell::default(),
        }
    }

    /// The file that a test is in, as this project calls it: pytest's ids count from its root folder, which may be above or
    /// below this one. None where there is no such file, or where the test's id names none.
    pub(super) fn file_of_test(&self, test: &str) -> Option<String> {
        let Some(named) = test_id::file(test) else { return self.file_of_dotted_name(test) };
        if self.file(named).is_some() {
            return Some(named.to_owned());
        }
        let is_end = |whole: &str, end: &str| whole.strip_suffix(end).is_some_and(|rest| rest.ends_with('/'));
        let mut files = self.index.files.iter();
        files.find(|file| is_end(file, named) || is_end(named, file)).cloned()
    }

    /// The file that a test of unittest or doctest is in: the first parts of its name are a module's.
    fn file_of_dotted_name(&self, test: &str) -> Option<String> {
        let ends: Vec<usize> = test.match_indices('.').map(|(at, _)| at).chain([test.len()]).collect();
        ends.into_iter().rev().find_map(|end| {
            let module = test[..end].replace('.', "/");
            [format!("{module}.py"), format!("{module}/__init__.py")].into_iter().find_map(|named| {
                let is_named = |file: &&String| {
                    file.strip_suffix(&named).is_some_and(|rest| rest.is_empty() || rest.ends_with('/'))
                };
                self.index.files.iter().find(is_named).cloned()
            })
        })
    }

    /// The bytes of a file, as the world has them.
    pub(crate) fn bytes(&self, name: &str) -> Option<Vec<u8>> {
        self.world.bytes(name)
    }

    /// From now on this file counts as one that Python does not compile.
    pub(crate) fn note_broken(&self, name: &str) {
        self.broken.borrow_mut().insert(name.to_owned());
    }

    /// Whether the file's code at module level can run.
    pub(super) fn can_be_imported(&self, name: &str) -> bool {
        !self.broken.borrow().contains(name)
    }

    /// Where a source file's blocks stand, and of which text: the first bytes of its hash.
    pub(crate) fn layout(&self, name: &str) -> Option<(Fingerprint, Layout)> {
        let file = self.file(name)?;
        Some((file.text, file.blocks.as_ref()?.layout()))
    }

    /// A source file; none where it cannot be read.
    pub(crate) fn file(&self, name: &str) -> Option<Rc<SourceFile>> {
        if let Some(known) = self.files.borrow().get(name) {
            return known.clone();
        }
        let file = self.world.bytes(name).map(|bytes| Rc::new(SourceFile::new(name, &bytes)));
        self.files.borrow_mut().insert(name.to_owned(), file.clone());
        file
    }

    /// Where the imports of a file lead.
    pub(super) fn imported_by(&self, name: &str) -> Rc<Imported> {
        if let Some(known) = self.imported.borrow().get(name) {
            return Rc::clone(known);
        }
        let imported = Rc::new(Imported::new(&self.index, name, self.file(name).as_deref()));
        self.imported.borrow_mut().insert(name.to_owned(), Rc::clone(&imported));
        imported
    }
}

/// Whether a file is Python's source, as its name tells.
pub(crate) fn is_python(name: &str) -> bool {
    Path::new(name).extension().is_some_and(|extension| extension == "py" || extension == "pyw")
}

impl SourceFile {
    fn new(name: &str, bytes: &[u8]) -> Self {
        let text = if is_python(name) { source::decode(bytes).ok() } else { None };
        Self { text: fingerprint(bytes), blocks: text.and_then(|text| source::blocks(&text).ok()) }
    }
}

/// Of a file's bytes.
pub(crate) fn fingerprint(bytes: &[u8]) -> Fingerprint {
    let mut fingerprint = Fingerprint::default();
    fingerprint.copy_from_slice(&Sha256::digest(bytes)[..16]);
    fingerprint
}
