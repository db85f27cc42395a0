//! Contexts that follow a program while it runs: how they are asked for.
//!
//! Must not know: how they are recognised. Invariant: each way has one word.

use serde::{Deserialize, Serialize};

/// The number that stands for no context but that of the whole run; each thread starts there.
pub(crate) const NO_CONTEXT: u32 = 0;

/// How contexts follow the program.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum DynamicContexts {
    /// Not at all, unless the program says so itself.
    #[default]
    None,
    /// A context for each test of pytest, unittest or doctest.
    Tests,
    /// The same, with pytest's set-up, run and tear-down apart.
    TestPhases,
    /// coverage.py's: a context for each function whose name begins with `test`.
    TestFunctions,
}

impl DynamicContexts {
    /// Word and meaning of each.
    pub(crate) const WORDS: [(&'static str, &'static str); 4] = [
        ("none", "no contexts, unless the program switches them itself"),
        ("test", "one for each test of pytest, unittest or doctest"),
        ("test_phase", "the same, with |setup, |run or |teardown behind pytest's"),
        ("test_function", "coverage.py's: one for each function whose name begins with test"),
    ];

    /// Whether they are tests, by what their runner calls them.
    pub(crate) fn are_of_tests(self) -> bool {
        matches!(self, Self::Tests | Self::TestPhases)
    }

    /// The one that a word stands for.
    pub(crate) fn called(word: &str) -> Option<Self> {
        let all = [Self::None, Self::Tests, Self::TestPhases, Self::TestFunctions];
        Self::WORDS.iter().zip(all).find(|((known, _), _)| *known == word).map(|(_, found)| found)
    }
}
