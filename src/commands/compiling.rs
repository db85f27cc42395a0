//! Compiling on all cores. The interpreter's lock lets one thread compile at a time, so where there is much to do other
//! processes of minicov help: `minicov compiler` reads sources from standard input and writes what they compile to.
//!
//! Not for users: this module starts it. Invariant: what a helper does not answer [`compile`] compiles here.

use std::env;
use std::ffi::OsString;
use std::io::{self, BufReader, BufWriter, IsTerminal, Read, Write};
use std::process::{ChildStdin, Command, Stdio};
use std::thread;

use pyo3::Python;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{ExitCode, ExitStatus, UserError};
use crate::model::CodeShape;
use crate::python;
use crate::ui;

/// The hidden command.
const NAME: &str = "compiler";

/// Bytes of source that are worth a helper: they take Python longer than starting another one.
const ENOUGH: usize = 512 << 10;

/// The path of a file, and its bytes.
pub(super) type Source<'a> = (&'a str, &'a [u8]);

/// What a source compiles to, or why it does not.
pub(super) type Compiled = Result<CodeShape, String>;

/// Compiles sources, which keep their order. Boots the interpreter.
pub(super) fn compile(sources: &[Source]) -> Result<Vec<Compiled>, UserError> {
    if sources.is_empty() {
        return Ok(Vec::new());
    }
    let bytes: usize = sources.iter().map(|(_, text)| text.len()).sum();
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let workers = 1 + (cores - 1).min(bytes / ENOUGH);
    let share = |worker: usize| (worker..sources.len()).step_by(workers);
    let mut compiled: Vec<Option<Compiled>> = vec![None; sources.len()];
    thread::scope(|scope| {
        let helpers: Vec<_> = (1..workers)
            .map(|worker| scope.spawn(move || ask(share(worker).map(|place| sources[place]).collect())))
            .collect();
        python::boot_compiler().map_err(|error| UserError::new(error.to_string()))?;
        for place in share(0) {
            compiled[place] = Some(compile_here(sources[place]));
        }
        for (worker, helper) in (1..).zip(helpers) {
            let answers = helper.join().unwrap_or_default();
            for (place, answer) in share(worker).zip(answers) {
                compiled[place] = Some(answer);
            }
        }
        Ok(())
    })?;
    let all = compiled.into_iter().zip(sources);
    Ok(all.map(|(compiled, source)| compiled.unwrap_or_else(|| compile_here(*source))).collect())
}

/// Whether each source compiles, told by another process: in this one the interpreter is the program's. What is not told
/// counts as broken.
pub(super) fn compiles(sources: &[Source]) -> Vec<bool> {
    if sources.is_empty() {
        return Vec::new();
    }
    let answers = ask(sources.to_vec()).into_iter().map(|answer| answer.is_ok());
    answers.chain(std::iter::repeat(false)).take(sources.len()).collect()
}

fn compile_here((path, text): Source) -> Compiled {
    Python::attach(|py| python::compile(py, text, path)).map_err(|error| error.to_string())
}

/// What another process says of the first sources, as far as it says anything.
fn ask(sources: Vec<Source>) -> Vec<Compiled> {
    let started = env::current_exe().and_then(|executable| {
        let (input, output, errors) = (Stdio::piped(), Stdio::piped(), Stdio::null());
        Command::new(executable).arg(NAME).stdin(input).stdout(output).stderr(errors).spawn()
    });
    let Ok(mut helper) = started else { return Vec::new() };
    let (Some(input), Some(output)) = (helper.stdin.take(), helper.stdout.take()) else { return Vec::new() };
    let answers = thread::scope(|scope| {
        // It answers while it is still being asked.
        scope.spawn(move || {
            // One that takes no more answers no more.
            let _ = put_all(input, &sources);
        });
        let mut output = BufReader::new(output);
        std::iter::from_fn(|| get(&mut output).ok().flatten()).collect()
    });
    let _ = helper.wait();
    answers
}

fn put_all(input: ChildStdin, sources: &[Source]) -> io::Result<()> {
    let mut input = BufWriter::new(input);
    for source in sources {
        put(&mut input, source)?;
    }
    input.flush()
}

/// Whether minicov's own command line makes it a helper.
pub(super) fn is_helper(mut words: impl Iterator<Item = OsString>) -> bool {
    words.nth(1).is_some_and(|word| word == NAME) && words.next().is_none() && !io::stdin().is_terminal()
}

/// Answers each source on standard input, until there are no more.
pub(super) fn help() -> ExitCode {
    if python::boot_compiler().is_err() {
        return ExitStatus::Error.into();
    }
    let mut input = io::stdin().lock();
    let answered = ui::output(|output| {
        while let Some((path, text)) = get::<(String, Vec<u8>)>(&mut input)? {
            put(output, &compile_here((&path, &text)))?;
        }
        Ok(())
    });
    // Who asked sees what is missing.
    if answered.is_ok() { ExitStatus::Success } else { ExitStatus::Error }.into()
}

/// A message: its length in four bytes, little-endian, and the value.
fn put(output: &mut (impl Write + ?Sized), value: &impl Serialize) -> io::Result<()> {
    let bytes = postcard::to_stdvec(value).map_err(io::Error::other)?;
    let length = u32::try_from(bytes.len()).map_err(io::Error::other)?;
    output.write_all(&length.to_le_bytes())?;
    output.write_all(&bytes)
}

/// The next message; none at the end.
fn get<T: DeserializeOwned>(input: &mut impl Read) -> io::Result<Option<T>> {
    let mut length = [0; 4];
    match input.read_exact(&mut length) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        other => other?,
    }
    let length = u32::from_le_bytes(length);
    let mut bytes = Vec::new();
    if input.take(length.into()).read_to_end(&mut bytes)? < length as usize {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    postcard::from_bytes(&bytes).map(Some).map_err(io::Error::other)
}
