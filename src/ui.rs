//! The only printer: results go to standard output, everything else to standard error.
//!
//! Must not know: what is being reported. Invariant: a closed pipe or a full disk under standard error never becomes a
//! panic, because these lines may be printed inside the measured program's process.

use std::fmt::Display;
use std::io::{self, BufWriter, Write};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use anstyle::{AnsiColor, Style};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::error::UserError;

/// Colours and weights of what [`coloured_output`] prints.
pub(crate) mod tones {
    pub(crate) use anstyle::Style as Tone;

    use anstyle::AnsiColor;

    pub(crate) const PLAIN: Tone = Tone::new();
    pub(crate) const BOLD: Tone = Tone::new().bold();
    pub(crate) const SOFT: Tone = Tone::new().dimmed();
    pub(crate) const GOOD: Tone = AnsiColor::Green.on_default();
    pub(crate) const BAD: Tone = AnsiColor::Red.on_default();
    pub(crate) const WANTED: Tone = AnsiColor::Yellow.on_default();
}

/// A kind of warning: its slug stands behind each message and is documented in the README.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Warning {
    pub(crate) slug: &'static str,
    pub(crate) doc: &'static str,
}

macro_rules! warnings {
    ($($name:ident = $slug:literal, $doc:literal;)*) => {
        $(pub(crate) const $name: Warning = Warning { slug: $slug, doc: $doc };)*
        /// Every warning there is.
        pub(crate) const WARNINGS: &[&Warning] = &[$(&$name),*];
    };
}

warnings! {
    NO_DATA_COLLECTED = "no-data-collected", "the program ran, but none of the code that was to be measured did";
    MODULE_NOT_IMPORTED = "module-not-imported", "a --source entry is neither a folder nor a module that was imported";
    SOURCE_CHANGED = "source-changed", "a file's text changed since it was measured, so its old data was dropped";
    COULDNT_PARSE = "couldnt-parse", "a file could not be read or parsed, and was left out of the report";
    DATA_KEPT_BACK = "data-kept-back", "a run's data could not be written to the data file and waits in its journal";
    DATA_LOST = "data-lost", "a run's data could not be written to the data file, nor does it wait in a journal";
    JOURNAL_UNREADABLE = "journal-unreadable", "a journal is damaged or of another version, and was left alone";
    UNNAMEABLE_FILE = "unnameable-file", "a file's name is not UTF-8, which a data file can't hold, so it was not measured";
    MEASURING_STOPPED = "measuring-stopped", "trouble inside minicov ended measuring early; the program was not affected";
    DATA_UNUSABLE = "data-unusable", "a file that was to be combined is no good data file, or could not be removed afterwards";
    CHILD_NOT_MEASURED = "child-not-measured", "a process that the program started could not be measured, or only in part";
    THRESHOLD_UNUSED = "threshold-unused", "no reported file matches the pattern of a threshold";
    INCLUDE_IGNORED = "include-ignored", "both sources and include patterns were given, of which only the sources count";
    UNRECOGNIZED_OPTION = "unrecognized-option", "a configuration file has a key that no option is called by";
    NO_EFFECT = "no-effect", "an option of coverage.py's was set that minicov accepts and has no use for; the line says why";
    STALE_JUSTIFICATION = "stale-justification", "a justification of a condition is of no use: it fits nothing, or the condition is shown";
    OTHER_PYTHON = "other-python", "the data was recorded by another Python version than the one that reports";
}

/// Standard output could not be written.
#[derive(Debug, thiserror::Error)]
#[error("couldn't write to standard output: {0}")]
pub(crate) struct OutputError(#[from] pub(crate) io::Error);

impl OutputError {
    /// The reader went away (`minicov report | head`): a quiet end, not a failure.
    pub(crate) fn is_closed_pipe(&self) -> bool {
        self.0.kind() == io::ErrorKind::BrokenPipe
    }
}

/// Writes a result, as it is.
pub(crate) fn output(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), OutputError> {
    // Written whole to a buffer first, so that a line does not cost a system call on a terminal.
    let mut stdout = BufWriter::with_capacity(1 << 16, io::stdout().lock());
    write(&mut stdout)?;
    Ok(stdout.flush()?)
}

/// Writes a result that has colours, which only a terminal gets.
pub(crate) fn coloured_output(
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), OutputError> {
    let mut stdout = BufWriter::with_capacity(1 << 16, anstream::stdout().lock());
    write(&mut stdout)?;
    Ok(stdout.flush()?)
}

/// How long something may take before its progress is shown.
const UNTIL_PROGRESS: Duration = Duration::from_secs(1);

/// How far something is that may take long: a bar on standard error, where that is a terminal and it does.
pub(crate) struct Progress {
    bar: ProgressBar,
    start: Instant,
}

impl Progress {
    /// `what` is being done with `count` things.
    pub(crate) fn new(count: usize, what: &'static str) -> Self {
        let bar = ProgressBar::with_draw_target(Some(count as u64), ProgressDrawTarget::hidden());
        // The template is ours, and good.
        if let Ok(style) = ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len} {eta}") {
            bar.set_style(style);
        }
        bar.set_message(what);
        Self { bar, start: Instant::now() }
    }

    /// One more is done.
    pub(crate) fn advance(&self) {
        if self.bar.is_hidden() && self.start.elapsed() > UNTIL_PROGRESS {
            // Hidden still, if it is no terminal.
            self.bar.set_draw_target(ProgressDrawTarget::stderr());
        }
        self.bar.inc(1);
    }

    /// Takes the bar away.
    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

/// Says what was done, in passing.
pub(crate) fn notice(message: impl Display) {
    line(&AnsiColor::Cyan.on_default(), "notice", &message, "");
}

/// The names of the warnings that are not to be printed.
static DISABLED: OnceLock<Vec<String>> = OnceLock::new();

/// Turns warnings off by their names, once for the whole process.
pub(crate) fn disable(slugs: &[String]) {
    let _ = DISABLED.set(slugs.to_vec());
}

/// Says that something is probably not as the user wants it, unless the user does not want to know.
pub(crate) fn warn(warning: &Warning, message: impl Display) {
    if DISABLED.get().is_some_and(|slugs| slugs.iter().any(|slug| slug == warning.slug)) {
        return;
    }
    line(&AnsiColor::Yellow.on_default(), "warning", &message, &format!(" [{}]", warning.slug));
}

/// Says why minicov stops.
pub(crate) fn error(error: &UserError) {
    line(&AnsiColor::Red.on_default(), "error", error, "");
    if let Some(hint) = &error.hint {
        line(&AnsiColor::Green.on_default(), "hint", hint, "");
    }
}

fn line(style: &Style, label: &str, message: &dyn Display, tail: &str) {
    let message = on_one_line(&message.to_string());
    // Nobody is left to tell when standard error itself cannot be written.
    let _ = writeln!(anstream::stderr().lock(), "minicov: {style}{label}{style:#}: {message}{tail}");
}

/// The message with every character escaped that would begin a line or act on a terminal: names of files come from outside.
fn on_one_line(message: &str) -> String {
    let mut line = String::with_capacity(message.len());
    for c in message.chars() {
        if is_printable(c) { line.push(c) } else { line.extend(c.escape_debug()) }
    }
    line
}

/// Python's `str.isprintable`. The standard library's tables for debug output are made of the same Unicode categories
/// (library/core/src/unicode/printable.py); after another character they do not escape combining marks either.
pub(crate) fn is_printable(c: char) -> bool {
    matches!(c, '"' | '\'' | '\\') || ['a', c].iter().collect::<String>().escape_debug().eq(['a', c])
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn slugs_are_unique_and_explained() {
        let slugs: BTreeSet<_> = WARNINGS.iter().map(|warning| warning.slug).collect();
        assert_eq!(slugs.len(), WARNINGS.len());
        for warning in WARNINGS {
            assert!(warning.slug.chars().all(|c| c.is_ascii_lowercase() || c == '-'), "{}", warning.slug);
            assert!(warning.doc.len() > 20, "{}", warning.slug);
        }
    }

    #[test]
    fn a_message_stays_on_its_line() {
        let hostile = "a\u{1b}[31m\r\nminicov: error: \u{202e}\u{2028}b";
        assert_eq!(on_one_line(hostile), "a\\u{1b}[31m\\r\\nminicov: error: \\u{202e}\\u{2028}b");
        assert_eq!(on_one_line("пример 'é\u{301}\\\"字.py"), "пример 'é\u{301}\\\"字.py");
    }
}
