//! What the help says of each command.

use super::arguments::Word;
use crate::config::Verb;

/// The words around a command's options.
pub(super) struct VerbHelp {
    pub(super) about: &'static str,
    /// What follows the command's name, where clap would not know.
    pub(super) usage: &'static str,
    /// What the command takes besides options.
    pub(super) words: Option<Word>,
    pub(super) after: &'static str,
}

const RUN_EXAMPLES: &str = "\
What follows minicov's own options is python's command line:
  minicov run my_script.py arg1
  minicov run -m pytest
  minicov run --source src -X dev -W error -m pytest -q
  minicov run -c 'import mypackage'";

const IMPACT_EXAMPLES: &str = "\
  minicov run --contexts=test -m pytest    # once, to learn what each test depends on
  minicov impact --explain
  minicov impact --since main --json
  minicov impact --verify -m pytest
Exit status: 0, tests were printed; 3, none must run; 2, --verify found tests that were missed; 1, an error.";

const MCDC_EXAMPLES: &str = "\
  minicov run --mcdc -m pytest
  minicov mcdc --missing
  minicov mcdc src/shop/prices.py:14";

const COMPLETIONS_EXAMPLES: &str = "\
  minicov completions bash > ~/.local/share/bash-completion/completions/minicov
  minicov completions zsh > ~/.zfunc/_minicov
  minicov completions fish > ~/.config/fish/completions/minicov.fish";

pub(super) const fn help(verb: Verb) -> VerbHelp {
    match verb {
        Verb::Run => VerbHelp {
            about: "Run a Python program and record what it executes",
            usage: "[OPTIONS] PYTHON-COMMAND-LINE",
            words: Some((
                "PYTHON-COMMAND-LINE",
                "Python's command line: a script, -m MODULE, -c CODE, -, a folder or a zip, with Python's own options before it",
            )),
            after: RUN_EXAMPLES,
        },
        Verb::Report => report("Report what was recorded"),
        Verb::Html => report("Write an HTML report"),
        Verb::Xml => report("Write Cobertura's XML"),
        Verb::Json => report("Write JSON"),
        Verb::Lcov => report("Write an LCOV tracefile"),
        Verb::Mcdc => VerbHelp {
            about: "List decisions: truth tables, what shows each condition, and what tests still have to do",
            usage: "",
            words: Some(("FILE[:LINE]", "List only the decisions of these files, or on these lines")),
            after: MCDC_EXAMPLES,
        },
        Verb::Annotate => report("Write copies of the sources that show which lines ran"),
        Verb::Contexts => {
            report("List the contexts in which something ran, tests say, and how much ran in each")
        }
        Verb::Who => VerbHelp {
            about: "Name the contexts that ran a line or took a branch",
            usage: "",
            words: Some(("PLACE", "FILE:LINE, FILE:LINE->LINE or FILE:LINE->exit")),
            after: "  minicov who src/shop/cart.py:12\n  minicov who 'src/shop/cart.py:12->exit'",
        },
        Verb::Unique => report("Show what only one context covers, and which contexts cover nothing alone"),
        Verb::Combine => VerbHelp {
            about: "Combine parallel data files, and what killed and live processes have recorded, into the data file",
            usage: "",
            words: Some(("FILES", "Data files, or folders of them [default: those beside the data file]")),
            after: "",
        },
        Verb::Impact => VerbHelp {
            about: "Print the tests that must run because of what has changed since they ran",
            usage: "[OPTIONS] [FILES]",
            words: Some((
                "FILES",
                "Files that count as changed, and no others [default: compare with what was recorded]",
            )),
            after: IMPACT_EXAMPLES,
        },
        Verb::Debug => VerbHelp {
            about: "Tell about minicov, its settings and its data",
            usage: "",
            words: Some(("TOPIC", "sys, config, data [FILES], premain, pybehave, sqlite or options")),
            after: "",
        },
        Verb::Completions => VerbHelp {
            about: "Print completions for a shell",
            usage: "",
            words: Some(("SHELL", "bash, zsh or fish")),
            after: COMPLETIONS_EXAMPLES,
        },
        Verb::Man => VerbHelp {
            about: "Print the manual page, or that of a command",
            usage: "",
            words: Some(("COMMAND", "A command of minicov's")),
            after: "  minicov man run | man -l -",
        },
        Verb::Erase => VerbHelp { about: "Remove what was recorded", usage: "", words: None, after: "" },
    }
}

const fn report(about: &'static str) -> VerbHelp {
    VerbHelp { about, usage: "", words: Some(("FILES", "Report only these files")), after: "" }
}
