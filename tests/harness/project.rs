//! A temporary folder with a user's files, and the commands a user would give there.

use std::fs;
use std::path::{Path, PathBuf};

use super::json::CoverageJson;
use super::outcome::{Command, Outcome};
use super::venv::venv_python;

/// A folder that goes away with the test.
pub(crate) struct Project {
    _folder: tempfile::TempDir,
    root: PathBuf,
}

impl Project {
    /// An empty folder.
    pub(crate) fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("minicov-test-").tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        Self { _folder: folder, root }
    }

    /// A folder with these files: name, text.
    pub(crate) fn with(files: &[(&str, &str)]) -> Self {
        let project = Self::new();
        for (name, text) in files {
            project.file(name, text);
        }
        project
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    pub(crate) fn exists(&self, name: &str) -> bool {
        self.path(name).exists()
    }

    /// Writes a file, with the folders it needs.
    pub(crate) fn file(&self, name: &str, text: impl AsRef<[u8]>) -> &Self {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        self
    }

    /// Any program, in this folder.
    pub(crate) fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        Command::new(program, &self.root).env("HOME", &self.root)
    }

    /// minicov, with the tests' virtual environment active.
    pub(crate) fn minicov(&self, words: &[&str]) -> Command {
        let venv = venv_python().ancestors().nth(2).unwrap().to_path_buf();
        self.command(env!("CARGO_BIN_EXE_minicov")).env("VIRTUAL_ENV", venv).args(words)
    }

    /// `minicov run --core CORE`, then `words`.
    pub(crate) fn run(&self, core: &str, words: &[&str]) -> Outcome {
        self.minicov(&["run", "--core", core]).args(words).run()
    }

    /// The environment's python.
    pub(crate) fn python(&self, words: &[&str]) -> Command {
        self.command(venv_python()).args(words)
    }

    /// coverage.py with its C tracer.
    pub(crate) fn coverage(&self, words: &[&str]) -> Command {
        self.python(&["-m", "coverage"]).env("COVERAGE_CORE", "ctrace").args(words)
    }

    /// minicov's JSON report of the data here, which there must be.
    #[track_caller]
    pub(crate) fn json(&self) -> CoverageJson {
        let outcome = self.minicov(&["report", "--format", "json", "-o", "-"]).run();
        outcome.success().stderr("");
        CoverageJson::parse(&outcome.stdout)
    }

    /// coverage.py's JSON report of the data in `data_file`.
    #[track_caller]
    pub(crate) fn coverage_json(&self, data_file: &str) -> CoverageJson {
        let option = format!("--data-file={data_file}");
        let outcome = self.coverage(&["json", "-q", "-o", "-", &option]).run();
        outcome.success();
        CoverageJson::parse(&outcome.stdout)
    }

    /// The lines of `file` that ran, by minicov's report.
    #[track_caller]
    pub(crate) fn executed(&self, file: &str) -> Vec<u32> {
        self.json().lines(file, "executed_lines")
    }

    /// The names of the files in minicov's report.
    #[track_caller]
    pub(crate) fn reported_files(&self) -> Vec<String> {
        self.json().files()
    }

    /// Names and bytes of everything here, for tests that nothing changed.
    pub(crate) fn everything(&self) -> Vec<(PathBuf, Option<Vec<u8>>)> {
        let mut found = Vec::new();
        let mut waiting = vec![self.root.clone()];
        while let Some(folder) = waiting.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    waiting.push(path.clone());
                    found.push((path, None));
                } else {
                    let bytes = fs::read(&path).ok();
                    found.push((path, bytes));
                }
            }
        }
        found.sort();
        found
    }
}
