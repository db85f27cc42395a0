//! A project in a temporary folder, measured and reported by the minicov that is to be tested.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// The folder of the repository.
pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap()
}

/// A folder that goes away with the test.
pub struct Project {
    folder: tempfile::TempDir,
}

impl Project {
    /// A folder with these files: name, text.
    pub fn with(files: &[(&str, &str)]) -> Self {
        let folder = tempfile::Builder::new().prefix("minicov-browser-").tempdir().unwrap();
        let project = Self { folder };
        for (name, text) in files {
            project.file(name, text);
        }
        project
    }

    pub fn file(&self, name: &str, text: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Copies packages or modules of the standard library here: real code, with nothing to download.
    pub fn copy_from_library(&self, names: &[&str]) {
        let output = Command::new(python())
            .args(["-I", "-c", "import sysconfig; print(sysconfig.get_path('stdlib'), end='')"])
            .output()
            .unwrap();
        let library = PathBuf::from(String::from_utf8(output.stdout).unwrap());
        for name in names {
            let status =
                Command::new("cp").arg("-r").arg(library.join(name)).arg(self.folder.path()).status();
            assert!(status.unwrap().success(), "{name}");
        }
    }

    /// `minicov` with these words, which must succeed; returns what it said on both streams.
    #[track_caller]
    pub fn minicov(&self, words: &[&str]) -> (String, String) {
        let output = self.command(words).output().unwrap();
        let (stdout, stderr) = (
            String::from_utf8_lossy(&output.stdout).into_owned(),
            String::from_utf8_lossy(&output.stderr).into_owned(),
        );
        assert!(output.status.success(), "minicov {words:?}: {}\n{stdout}{stderr}", output.status);
        (stdout, stderr)
    }

    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(minicov());
        command.args(words).current_dir(self.folder.path()).env_remove("VIRTUAL_ENV");
        command.env("PATH", format!("{}:/usr/bin:/bin", python().parent().unwrap().display()));
        command
    }

    /// The JSON report.
    #[track_caller]
    pub fn json(&self) -> Value {
        let (json, _) = self.minicov(&["json", "-q", "-o", "-"]);
        serde_json::from_str(&json).unwrap()
    }

    /// The page of the file whose name makes this beginning of a page's name.
    #[track_caller]
    pub fn page(&self, folder: &str, beginning: &str) -> PathBuf {
        let names = fs::read_dir(self.path(folder)).unwrap();
        let mut names: Vec<_> =
            names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.retain(|name| name.starts_with(beginning));
        assert_eq!(names.len(), 1, "{beginning}: {names:?}");
        self.path(folder).join(&names[0])
    }
}

#[expect(clippy::disallowed_methods, reason = "what tests are told, not what minicov reads")]
fn variable(name: &str) -> Option<PathBuf> {
    std::env::var_os(name).map(PathBuf::from)
}

/// The minicov under test: `MINICOV`, as tests/run sets it, else the debug build.
fn minicov() -> PathBuf {
    let built = || variable("CARGO_TARGET_DIR").unwrap_or(repository().join("target")).join("debug/minicov");
    variable("MINICOV").map_or_else(built, |path| repository().join(path))
}

/// The Python that this minicov was built for: `PYO3_PYTHON`, else the first on the path.
fn python() -> PathBuf {
    variable("PYO3_PYTHON").unwrap_or_else(|| PathBuf::from("/usr/bin/python3"))
}
