//! What a path to be executed stands for: a Python, or anything else.
//!
//! Must not know: what is done about it. Invariant: called between `vfork` and `exec`, it reads the file's beginning and
//! nothing else, and starts nothing.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// What the kernel reads of a file to see how to execute it (Linux 5.1 and newer, `BINPRM_BUF_SIZE`).
const BEGINNING: usize = 256;

/// What a path stands for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// A Python, or a script that begins with `#!` and a Python.
    Python {
        /// Absolute.
        interpreter: PathBuf,
        /// What takes the place of the first word: for a script, the interpreter as named there, its option and the script.
        first_words: Option<Vec<OsString>>,
    },
    Other,
}

/// Looks at the file at `path`. What cannot be read is something else, and the kernel's business.
pub(super) fn look_at(path: &Path) -> Target {
    let mut beginning = [0; BEGINNING];
    let Some(beginning) = read(path, &mut beginning) else { return Target::Other };
    if let Some(line) = beginning.strip_prefix(b"#!") {
        return script(path, line);
    }
    if !is_python(path, beginning) {
        return Target::Other;
    }
    match std::path::absolute(path) {
        Ok(interpreter) => Target::Python { interpreter, first_words: None },
        Err(_) => Target::Other,
    }
}

/// A script, by its first line: an interpreter and at most one word for it (Linux, `fs/binfmt_script.c`).
fn script(path: &Path, line: &[u8]) -> Target {
    // A longer line may be cut off anywhere.
    let Some(end) = line.iter().position(|byte| *byte == b'\n') else { return Target::Other };
    let line = line[..end].trim_ascii();
    let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let (interpreter, option) = match line.iter().position(is_blank) {
        Some(at) => (&line[..at], Some(line[at..].trim_ascii())),
        None => (line, None),
    };
    let interpreter = Path::new(OsStr::from_bytes(interpreter));
    let mut beginning = [0; BEGINNING];
    let is_python =
        read(interpreter, &mut beginning).is_some_and(|beginning| is_python(interpreter, beginning));
    match std::path::absolute(interpreter) {
        Ok(absolute) if is_python => {
            let mut words = vec![interpreter.as_os_str().to_owned()];
            words.extend(option.map(|option| OsStr::from_bytes(option).to_owned()));
            words.push(path.as_os_str().to_owned());
            Target::Python { interpreter: absolute, first_words: Some(words) }
        }
        Ok(_) | Err(_) => Target::Other,
    }
}

/// The first bytes of a file that may be executed.
fn read<'a>(path: &Path, buffer: &'a mut [u8]) -> Option<&'a [u8]> {
    let length = File::open(path).and_then(|mut file| file.read(buffer)).ok()?;
    Some(&buffer[..length])
}

/// Whether a file is a program called `python`, `python3`, `python3.13` or the like (`t` and `d` mark builds of Python).
fn is_python(path: &Path, beginning: &[u8]) -> bool {
    let version = |name: &OsStr| name.to_str()?.strip_prefix("python").map(str::to_owned);
    beginning.starts_with(b"\x7fELF")
        && path.file_name().and_then(version).is_some_and(|version| {
            version.trim_end_matches(['t', 'd']).chars().all(|c| c.is_ascii_digit() || c == '.')
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(words: &[&str]) -> Vec<OsString> {
        words.iter().map(OsString::from).collect()
    }

    #[test]
    fn pythons_and_their_scripts_are_told_from_the_rest() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let plant = |name: &str, text: &str| {
            std::fs::write(path(name), text).unwrap();
            look_at(&path(name))
        };
        for (name, expected) in [
            ("python", true),
            ("python3.13", true),
            ("python3.14t", true),
            ("python3-config", false),
            ("pythonic", false),
            ("pypy3", false),
        ] {
            let seen = plant(name, "\x7fELF...");
            assert_eq!(matches!(seen, Target::Python { first_words: None, .. }), expected, "{name}");
        }
        let python = path("python");
        let shown = python.to_str().unwrap();
        let script = path("script");
        let script = script.to_str().unwrap();
        for (text, expected) in [
            (format!("#!{shown}\nimport sys\n"), words(&[shown, script])),
            (format!("#! {shown}  -E -s \n"), words(&[shown, "-E -s", script])),
        ] {
            let expected = Target::Python { interpreter: python.clone(), first_words: Some(expected) };
            assert_eq!(plant("script", &text), expected, "{text}");
        }
        for text in
            ["#!/bin/sh\n", "#!/usr/bin/env python3\n", "#!/no/such/python\n", "#!", "", "import sys\n"]
        {
            assert_eq!(plant("script", text), Target::Other, "{text}");
        }
        assert_eq!(plant("python", "#!/bin/sh\nexec pyenv\n"), Target::Other);
        assert_eq!(look_at(&path("absent")), Target::Other);
    }
}
