//! What the marks in a fixture program say. The text of `tests/programs/mod.rs` tells how they are written.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use crate::harness::MINOR;

/// What coverage.py says where it is not what the program did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Claim {
    /// Whether the line ran.
    Line(bool),
    /// Whether the way from the line to another was taken; `None` is the way out.
    Way(Option<u32>, bool),
}

/// A line that a core of coverage.py judges otherwise than minicov.
#[derive(Clone, Debug)]
pub(super) struct Difference {
    pub(super) core: String,
    pub(super) line: u32,
    pub(super) claim: Claim,
    /// Whether it is so on the Python of this build.
    pub(super) applies: bool,
}

/// The marks of one program, as far as they hold for the Python of this build.
#[derive(Debug, Default)]
pub(super) struct Marks {
    pub(super) missing: BTreeSet<u32>,
    pub(super) excluded: BTreeSet<u32>,
    pub(super) blank: BTreeSet<u32>,
    pub(super) differences: Vec<Difference>,
}

/// The cores of coverage.py that marks name.
const CORES: [&str; 2] = ["ctrace", "sysmon"];

impl Marks {
    pub(super) fn of(source: &str) -> Self {
        let mut marks = Self::default();
        let unix = source.replace("\r\n", "\n").replace('\r', "\n");
        for (number, line) in (1..).zip(unix.split('\n')) {
            if line.trim().is_empty() {
                marks.blank.insert(number);
            }
            for segment in line.split("# ").skip(1) {
                marks.add(number, segment.trim());
            }
        }
        marks
    }

    fn add(&mut self, line: u32, segment: &str) {
        let (mark, minors) = without_versions(segment);
        let applies = minors.contains(&MINOR);
        match mark {
            "miss" if applies => _ = self.missing.insert(line),
            "excluded" if applies => _ = self.excluded.insert(line),
            "excluded with the line above" if applies => self.excluded.extend([line - 1, line]),
            _ => {
                let Some((core, claims)) = mark.split_once(": ").filter(|(core, _)| CORES.contains(core))
                else {
                    return;
                };
                self.differences.extend(claims.split(", ").map(|claim| Difference {
                    core: core.to_owned(),
                    line,
                    claim: claim_of(claim),
                    applies,
                }));
            }
        }
    }
}

/// Takes the Pythons for which a mark holds from its end: `(3.12)`, `(3.11-3.13)`, `(3.14+)`; without them, all.
fn without_versions(segment: &str) -> (&str, RangeInclusive<u8>) {
    let parts = segment.strip_suffix(')').and_then(|rest| rest.rsplit_once(" (3."));
    let Some((mark, versions)) = parts else { return (segment, 0..=u8::MAX) };
    let minor = |text: &str| text.parse().unwrap_or_else(|_| panic!("no Python version in {segment:?}"));
    let minors = if let Some(first) = versions.strip_suffix('+') {
        minor(first)..=u8::MAX
    } else if let Some((first, last)) = versions.split_once("-3.") {
        minor(first)..=minor(last)
    } else {
        minor(versions)..=minor(versions)
    };
    (mark, minors)
}

fn claim_of(text: &str) -> Claim {
    let (rest, is_so) = text.strip_prefix("not ").map_or((text, true), |rest| (rest, false));
    match rest {
        "run" => Claim::Line(is_so),
        "->exit" => Claim::Way(None, is_so),
        _ => match rest.strip_prefix("->").map(str::parse) {
            Some(Ok(to)) => Claim::Way(Some(to), is_so),
            _ => panic!("no mark: {text:?}"),
        },
    }
}

#[test]
fn marks_say_lines_ways_and_pythons() {
    let source = "a\r\nb  # miss\n\nc  # pragma: no cover # excluded\n...  # excluded with the line above\n\
                  d  # miss (3.10) # ctrace: ->exit, not ->12 (3.11+) # sysmon: not run (3.9-3.10)\n";
    let marks = Marks::of(source);
    assert_eq!(marks.missing, BTreeSet::from([2]));
    assert_eq!(marks.excluded, BTreeSet::from([4, 5]));
    assert_eq!(marks.blank, BTreeSet::from([3, 7]));
    let differences: Vec<_> = marks
        .differences
        .iter()
        .map(|known| (known.core.as_str(), known.line, known.claim, known.applies))
        .collect();
    assert_eq!(
        differences,
        [
            ("ctrace", 6, Claim::Way(None, true), true),
            ("ctrace", 6, Claim::Way(Some(12), false), true),
            ("sysmon", 6, Claim::Line(false), false),
        ]
    );
}
