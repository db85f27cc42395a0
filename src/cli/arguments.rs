//! The command line: built from the table of options, and read back into values of its rows.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::{PossibleValue, PossibleValuesParser, ValueParser};
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command};

use super::command_line;
use super::verbs::{self, VerbHelp};
use crate::config::{Flag, Kind, Row, Value, Verb, options};
use crate::env_vars;
use crate::model::DynamicContexts;
use crate::ui;

/// What was asked.
#[derive(Debug)]
pub(crate) struct Invocation {
    pub(crate) verb: Verb,
    /// What the flags set.
    pub(crate) flags: Vec<(&'static Row, Value)>,
    /// What is no option: python's command line, or files.
    pub(crate) words: Vec<OsString>,
}

impl Invocation {
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        self.words.iter().map(PathBuf::from).collect()
    }
}

const EXIT_STATUS: &str = "\
Exit status: 0, done; 1, an error, told on standard error; 2, coverage below what was demanded; of `run`, the
program's own.";

/// The name of what is no option.
const WORDS: &str = "words";

/// Words that the tables of other layers give to options: each with what it means.
#[derive(Clone, Debug, Default)]
pub(crate) struct Vocabulary {
    pub(crate) formats: Vec<Word>,
    pub(crate) cores: Vec<Word>,
    pub(crate) metrics: Vec<Word>,
    /// Forms of MC/DC.
    pub(crate) forms: Vec<Word>,
}

/// A word and its meaning, which is empty where it is only another name.
pub(crate) type Word = (&'static str, &'static str);

/// Parses `words`, the first of which is the program's name.
///
/// The error prints itself, as help does, and knows its exit code.
pub(crate) fn parse(
    words: impl IntoIterator<Item = OsString>,
    vocabulary: fn() -> Vocabulary,
) -> Result<Invocation, clap::Error> {
    let words: Vec<OsString> = words.into_iter().collect();
    if let Some(words) = python_command_line(&words) {
        return Ok(Invocation { verb: Verb::Run, flags: Vec::new(), words: words.to_vec() });
    }
    let vocabulary = &vocabulary();
    // To define the options of all commands takes longer than to parse those that were given.
    let named = words.get(1).and_then(|word| Verb::ALL.iter().find(|verb| *word == *verb.word()));
    let mut parser = match named {
        Some(verb) => program().subcommand(subcommand(*verb, vocabulary)),
        None => parser(vocabulary),
    };
    let matches = parser.try_get_matches_from_mut(words)?;
    let given = matches.subcommand().and_then(|(name, given)| {
        Verb::ALL.iter().find(|verb| verb.word() == name).map(|verb| (*verb, given))
    });
    // A subcommand is required, and each is in the table.
    let Some((verb, given)) = given else {
        return Err(parser.error(clap::error::ErrorKind::MissingSubcommand, "no command was given"));
    };
    let mut words: Vec<OsString> = match given.try_get_many::<OsString>(WORDS) {
        Ok(Some(words)) => words.cloned().collect(),
        Ok(None) | Err(_) => Vec::new(),
    };
    if verb == Verb::Run {
        command_line::check(&mut words, &mut parser)?;
    }
    Ok(Invocation { verb, flags: flags(verb, given), words })
}

/// Python's command line, where it follows on `minicov run` at once. Then there is nothing to parse, and to define all
/// options first would be a tenth of what starting a program costs.
fn python_command_line(words: &[OsString]) -> Option<&[OsString]> {
    let [_, verb, words @ ..] = words else { return None };
    let first = words.first()?.to_str()?;
    let is_pythons = !first.starts_with('-') || ["-m", "-c"].contains(&first);
    (*verb == *Verb::Run.word() && is_pythons).then_some(words)
}

/// The whole command line.
pub(crate) fn parser(vocabulary: &Vocabulary) -> Command {
    program()
        .after_help(EXIT_STATUS)
        .after_long_help(
            [EXIT_STATUS.to_owned(), metrics(vocabulary), environment(), warnings()].join("\n\n"),
        )
        .subcommands(Verb::ALL.iter().map(|verb| subcommand(*verb, vocabulary)))
}

/// The command line without its commands.
fn program() -> Command {
    Command::new("minicov")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Coverage for Python: runs a program as python would, and tells what of it was executed")
        .max_term_width(100)
        .subcommand_required(true)
        .arg_required_else_help(true)
}

fn subcommand(verb: Verb, vocabulary: &Vocabulary) -> Command {
    let VerbHelp { about, usage, words, after } = verbs::help(verb);
    // As optparse does for coverage.py, so that `--skip-cov` goes on to work.
    let mut command = Command::new(verb.word()).about(about).after_help(after).infer_long_args(true);
    if !usage.is_empty() {
        command = command.override_usage(format!("minicov {} {usage}", verb.word()));
    }
    for row in options::OPTIONS {
        for flag in row.flags_of(verb) {
            command = command.arg(argument(verb, row, flag, vocabulary));
        }
    }
    if let Some((name, doc)) = words {
        let words =
            Arg::new(WORDS).value_name(name).help(doc).num_args(0..).value_parser(ValueParser::os_string());
        let is_pythons = matches!(verb, Verb::Run | Verb::Impact);
        command = command.arg(words.trailing_var_arg(is_pythons).allow_hyphen_values(is_pythons));
    }
    command
}

/// One flag.
fn argument(verb: Verb, row: &'static Row, flag: &'static Flag, vocabulary: &Vocabulary) -> Arg {
    let mut argument = Arg::new(flag.long).long(flag.long).help(help(row));
    if let Some(short) = flag.short {
        argument = argument.short(short);
    }
    if row.kind == Kind::Switch {
        // Of a flag and the one that takes it back, the later counts.
        let rivals = row.flags_of(verb).map(|other| other.long).filter(|long| *long != flag.long);
        return argument.action(ArgAction::SetTrue).overrides_with_all(rivals).hide(flag.negates);
    }
    argument =
        argument.value_name(flag.value).action(ArgAction::Set).allow_hyphen_values(row.kind == Kind::Text);
    if !flag.bare.is_empty() {
        argument = argument.num_args(0..=1).require_equals(true).default_missing_value(flag.bare);
    }
    match row.kind {
        Kind::Integer => argument.value_parser(clap::value_parser!(i64)).allow_negative_numbers(true),
        Kind::Float => argument.value_parser(clap::value_parser!(f64)).allow_negative_numbers(true),
        Kind::List | Kind::Patterns => argument.action(ArgAction::Append),
        Kind::Words => {
            let argument = argument.action(ArgAction::Append).num_args(1..);
            if row.id == options::FORMAT.row.id {
                argument.value_parser(one_of(&vocabulary.formats))
            } else {
                argument
            }
        }
        Kind::Text if row.id == options::CORE.row.id => argument.value_parser(one_of(&vocabulary.cores)),
        Kind::Text if row.id == options::MCDC.row.id => argument.value_parser(one_of(&vocabulary.forms)),
        Kind::Text if row.id == options::DYNAMIC_CONTEXT.row.id => {
            argument.value_parser(one_of(&DynamicContexts::WORDS))
        }
        Kind::Text | Kind::File | Kind::Switch => argument,
    }
}

fn help(row: &Row) -> String {
    let doc = row.doc;
    let unremarkable = row.default.is_empty() || row.default == "0" || row.kind == Kind::Switch;
    if unremarkable { doc.to_owned() } else { format!("{doc} [default: {}]", row.default) }
}

fn one_of(words: &[Word]) -> PossibleValuesParser {
    PossibleValuesParser::new(
        words.iter().map(|(word, meaning)| PossibleValue::new(*word).help(*meaning).hide(meaning.is_empty())),
    )
}

/// The values that flags give to their rows, in the order of the table.
fn flags(verb: Verb, given: &ArgMatches) -> Vec<(&'static Row, Value)> {
    let mut found = Vec::new();
    for row in options::OPTIONS {
        for flag in row.flags_of(verb) {
            if given.value_source(flag.long) == Some(ValueSource::CommandLine)
                && let Some(value) = value(row, flag, given)
            {
                found.push((row, value));
            }
        }
    }
    found
}

/// The value of a flag that was given. Types are those that [`argument`] had clap parse.
fn value(row: &Row, flag: &Flag, given: &ArgMatches) -> Option<Value> {
    let texts = || given.get_many::<String>(flag.long).into_iter().flatten();
    match row.kind {
        Kind::Switch => given.get_flag(flag.long).then_some(Value::Switch(!flag.negates)),
        Kind::Integer => given.get_one::<i64>(flag.long).map(|number| Value::Integer(*number)),
        Kind::Float => given.get_one::<f64>(flag.long).map(|number| Value::Float(*number)),
        Kind::Text | Kind::File => texts().next_back().map(|text| Value::Text(text.clone())),
        Kind::List | Kind::Words | Kind::Patterns => {
            let items = texts().flat_map(|text| text.split(',')).filter(|item| !item.is_empty());
            Some(Value::List(items.map(str::to_owned).collect()))
        }
    }
}

/// The metrics, for the long help.
fn metrics(vocabulary: &Vocabulary) -> String {
    section("Metrics", vocabulary.metrics.iter().copied())
}

/// The environment variables, for the long help.
fn environment() -> String {
    section("Environment variables", env_vars::ALL.iter().map(|variable| (variable.name, variable.doc)))
}

/// The warnings, for the long help.
fn warnings() -> String {
    section("Warnings", ui::WARNINGS.iter().map(|warning| (warning.slug, warning.doc)))
}

fn section(title: &str, words: impl Iterator<Item = Word>) -> String {
    let lines: Vec<String> = words.map(|(word, meaning)| format!("  {word}\n          {meaning}")).collect();
    format!("{title}:\n{}", lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vocabulary() -> Vocabulary {
        Vocabulary {
            formats: vec![("console", "")],
            cores: vec![("settrace", "")],
            forms: vec![("masking", "")],
            metrics: Vec::new(),
        }
    }

    fn run(words: &[&str]) -> Result<Invocation, String> {
        let words = ["minicov", "run"].iter().chain(words).map(OsString::from);
        parse(words, vocabulary).map_err(|error| error.to_string())
    }

    #[test]
    fn the_definitions_are_consistent() {
        parser(&vocabulary()).debug_assert();
    }

    #[test]
    fn pythons_command_line_is_left_alone() {
        for words in [
            &["-m", "pytest", "--source", "x"][..],
            &["-X", "dev", "-W", "error", "-m", "pytest"],
            &["-c", "print()", "--report"],
            &["-"],
            &["script.py", "--", "--help"],
            &["--check-hash-based-pycs", "never", "x.py"],
        ] {
            assert_eq!(run(words).unwrap().words, words, "{words:?}");
        }
        let invocation = run(&["--source", "a,b", "--report", "-X", "dev", "x.py", "--report"]).unwrap();
        let source = Value::List(vec!["a".to_owned(), "b".to_owned()]);
        assert!(invocation.flags.iter().any(|(row, value)| row.id == "run:source" && *value == source));
        assert_eq!(invocation.words, ["-X", "dev", "x.py", "--report"]);
    }

    #[test]
    fn what_needs_no_parsing_is_parsed_alike() {
        for words in [
            &["minicov", "run", "x.py"][..],
            &["minicov", "run", "x.py", "--branch", "--", "-m"],
            &["minicov", "run", "-m", "pytest", "--source=a", "-x"],
            &["minicov", "run", "-c", "print()", "--help"],
            &["minicov", "run", ""],
        ] {
            let words: Vec<OsString> = words.iter().map(OsString::from).collect();
            let mut parser = program().subcommand(subcommand(Verb::Run, &vocabulary()));
            let matches = parser.try_get_matches_from_mut(&words).unwrap();
            let (_, given) = matches.subcommand().unwrap();
            let parsed: Vec<&OsString> = given.get_many::<OsString>(WORDS).unwrap().collect();
            assert_eq!(python_command_line(&words).unwrap().iter().collect::<Vec<_>>(), parsed);
            assert!(flags(Verb::Run, given).is_empty());
        }
        for words in [&["minicov", "run"][..], &["minicov", "run", "-h"], &["minicov", "report", "x.py"]] {
            let words: Vec<OsString> = words.iter().map(OsString::from).collect();
            assert!(python_command_line(&words).is_none());
        }
    }

    #[test]
    fn coverage_pys_spelling_of_modules_is_pythons() {
        assert_eq!(run(&["--branch", "--module", "pytest", "-q"]).unwrap().words, ["-m", "pytest", "-q"]);
    }

    #[test]
    fn a_mistyped_option_is_not_taken_for_pythons() {
        let message = run(&["--sorce", "src", "x.py"]).unwrap_err();
        assert!(message.contains("'--sorce'") && message.contains("'--source'"), "{message}");
    }
}
