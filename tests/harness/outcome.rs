//! Starting a program, and what came of it. A failed expectation prints everything there is to know.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::io::Write as _;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus, Stdio};

/// A program that is about to run, in an environment that has nothing but what a test gave it.
pub(crate) struct Command {
    inner: std::process::Command,
    folder: PathBuf,
    input: Option<Vec<u8>>,
    stdout: Option<Stdio>,
}

impl Command {
    pub(crate) fn new(program: impl AsRef<OsStr>, folder: &Path) -> Self {
        let mut inner = std::process::Command::new(program);
        inner.env_clear().env("PATH", "/usr/bin:/bin").env("LANG", "C.UTF-8").current_dir(folder);
        Self { inner, folder: folder.to_path_buf(), input: None, stdout: None }
    }

    pub(crate) fn args<I: IntoIterator<Item: AsRef<OsStr>>>(mut self, words: I) -> Self {
        self.inner.args(words);
        self
    }

    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.inner.env(name, value);
        self
    }

    pub(crate) fn without_env(mut self, name: &str) -> Self {
        self.inner.env_remove(name);
        self
    }

    pub(crate) fn folder(mut self, folder: impl AsRef<Path>) -> Self {
        self.folder = self.folder.join(folder);
        self.inner.current_dir(&self.folder);
        self
    }

    /// What the program reads from standard input; without it, there is none.
    pub(crate) fn input(mut self, text: impl Into<Vec<u8>>) -> Self {
        self.input = Some(text.into());
        self
    }

    /// Gives the program a standard input that stays open as long as the test holds it.
    pub(crate) fn stdin_open(self) -> Self {
        self.input(Vec::new())
    }

    /// Gives the program a standard output whose reader has gone already.
    pub(crate) fn stdout_without_reader(mut self) -> Self {
        let (_, writer) = std::io::pipe().unwrap();
        self.stdout = Some(writer.into());
        self
    }

    /// Starts the program, to be talked to while it runs.
    pub(crate) fn start(mut self) -> Running {
        self.inner.stdin(if self.input.is_some() { Stdio::piped() } else { Stdio::null() });
        self.inner.stdout(self.stdout.take().unwrap_or_else(Stdio::piped)).stderr(Stdio::piped());
        let child = match self.inner.spawn() {
            Ok(child) => child,
            Err(error) => panic!("couldn't start {:?}: {error}", self.inner),
        };
        Running { child, command: format!("{:?}", self.inner), folder: self.folder }
    }

    /// Runs the program to its end.
    pub(crate) fn run(mut self) -> Outcome {
        let input = self.input.take();
        if input.is_some() {
            self.input = Some(Vec::new());
        }
        let mut running = self.start();
        if let Some(input) = input {
            // A program may end without having read everything.
            let _ = running.child.stdin.take().unwrap().write_all(&input);
        }
        running.wait()
    }
}

/// A program that runs.
pub(crate) struct Running {
    pub(crate) child: Child,
    command: String,
    folder: PathBuf,
}

impl Running {
    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, signal).unwrap();
    }

    /// Waits for the end.
    pub(crate) fn wait(self) -> Outcome {
        let output = self.child.wait_with_output().unwrap();
        Outcome {
            command: self.command,
            folder: self.folder,
            status: output.status,
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

/// What came of a program.
pub(crate) struct Outcome {
    command: String,
    folder: PathBuf,
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Outcome {
    /// Everything there is to know, for a failed test.
    fn account(&self) -> String {
        let mut text = format!("command: {}\nfolder:  {}\n", self.command, self.folder.display());
        let mut names: Vec<_> = std::fs::read_dir(&self.folder)
            .map(|entries| {
                entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
            })
            .unwrap_or_default();
        names.sort();
        let _ = writeln!(text, "in it:   {}\nstatus:  {}", names.join("  "), self.status);
        let _ = writeln!(text, "--- stdout\n{}--- stderr\n{}---", self.stdout, self.stderr);
        text
    }

    #[track_caller]
    fn expect(&self, holds: bool, what: &str) -> &Self {
        assert!(holds, "{what}\n{}", self.account());
        self
    }

    #[track_caller]
    pub(crate) fn success(&self) -> &Self {
        self.code(0)
    }

    #[track_caller]
    pub(crate) fn code(&self, code: i32) -> &Self {
        self.expect(self.status.code() == Some(code), &format!("expected exit status {code}"))
    }

    /// Death by a signal.
    #[track_caller]
    pub(crate) fn killed_by(&self, signal: rustix::process::Signal) -> &Self {
        self.expect(
            self.status.signal() == Some(signal.as_raw()),
            &format!("expected death by signal {}", signal.as_raw()),
        )
    }

    #[track_caller]
    pub(crate) fn stdout(&self, text: &str) -> &Self {
        self.expect(self.stdout == text, &format!("expected this on standard output:\n{text}"))
    }

    #[track_caller]
    pub(crate) fn stderr(&self, text: &str) -> &Self {
        self.expect(self.stderr == text, &format!("expected this on standard error:\n{text}"))
    }

    /// The same with addresses of objects blotted out, which differ from process to process.
    pub(crate) fn without_addresses(mut self) -> Self {
        for text in [&mut self.stdout, &mut self.stderr] {
            let mut parts = text.split(" at 0x");
            let first = parts.next().unwrap_or_default().to_owned();
            *text = parts.fold(first, |done, part| {
                done + " at 0x" + part.trim_start_matches(|c: char| c.is_ascii_hexdigit())
            });
        }
        self
    }

    /// Everything is as it was with another program: status, standard output, standard error.
    #[track_caller]
    pub(crate) fn same_as(&self, other: &Self) -> &Self {
        self.expect(
            self.status == other.status && self.stdout == other.stdout && self.stderr == other.stderr,
            &format!("expected the same as from\n{}", other.account()),
        )
    }
}
