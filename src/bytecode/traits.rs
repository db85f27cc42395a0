//! What a glance at the opcodes of a code object tells, before anything is looked at more closely.
//!
//! Must not know: what ran. Invariant: one pass over the bytes, which may hold anything.

use std::sync::LazyLock;

use super::decisions::tests_a_value;
use super::opcodes::{Flow, opcode};

/// What the opcodes of a code object have about them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Traits(u8);

const JUMPS: u8 = 1;
const JUMPS_BACK: u8 = 2;
const TAKES_WAYS: u8 = 4;
/// A jump that tests a value.
const TESTS: u8 = 8;
/// A second one.
const TESTS_AGAIN: u8 = 16;

/// How control gets about in a code object.
#[cfg(Py_3_12)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Jumps {
    /// From top to bottom.
    None,
    Forward,
    /// There is a loop.
    Backward,
}

/// By opcode.
static TRAITS: LazyLock<[u8; 256]> = LazyLock::new(|| {
    let mut traits = [0; 256];
    for (traits, number) in traits.iter_mut().zip(0..=u8::MAX) {
        let opcode = opcode(number);
        let has = |is: bool, what: u8| if is { what } else { 0 };
        *traits = has(matches!(opcode.flow, Flow::Jump | Flow::Branch | Flow::Await), JUMPS)
            | has(opcode.backward, JUMPS_BACK)
            | has(opcode.flow == Flow::Raise || matches!(opcode.name, "NOP" | "END_ASYNC_FOR"), TAKES_WAYS)
            | has(tests_a_value(opcode), TESTS);
    }
    traits
});

impl Traits {
    /// Those of `code` (`co_code`).
    pub(crate) fn of(code: &[u8]) -> Self {
        let traits = &*TRAITS;
        let opcodes = code.as_chunks::<2>().0.iter().map(|[number, _]| traits[usize::from(*number)]);
        Self(opcodes.fold(0, |all, own| {
            let again = if all & own & TESTS != 0 { TESTS_AGAIN } else { 0 };
            all | own | again
        }))
    }

    /// Whether control may go one of several ways where no branch tells of it: by a `raise` statement, at the end of an `async
    /// for`, or where the compiler decided a condition, which leaves an instruction that does nothing.
    pub(crate) fn takes_ways_without_branches(self) -> bool {
        self.0 & TAKES_WAYS != 0
    }

    /// Whether there are several jumps that test a value.
    pub(crate) fn tests_several_values(self) -> bool {
        self.0 & TESTS_AGAIN != 0
    }

    #[cfg(Py_3_12)]
    pub(crate) fn jumps(self) -> Jumps {
        if self.0 & JUMPS_BACK != 0 {
            Jumps::Backward
        } else if self.0 & JUMPS != 0 {
            Jumps::Forward
        } else {
            Jumps::None
        }
    }
}
