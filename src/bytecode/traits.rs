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
/// An opcode that no compiler writes: another may hide behind it.
const HIDES: u8 = 32;

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
            | has(tests_a_value(opcode), TESTS)
            | has(is_put_in(opcode.name), HIDES);
    }
    traits
});

/// Whether the interpreter puts the opcode of that name, or of none, into code that runs; that of the event with which code begins
/// hides nothing.
fn is_put_in(name: &str) -> bool {
    name.is_empty()
        || name == "ENTER_EXECUTOR"
        || name.strip_prefix("INSTRUMENTED_").is_some_and(|name| name != "RESUME")
}

impl Traits {
    /// Those of `code` (`co_code`).
    pub(crate) fn of(code: &[u8]) -> Self {
        Self::of_units(|unit| Some(code.as_chunks::<2>().0.get(unit)?[0]))
    }

    /// Those of code as it lies in memory: `first_byte` tells that of each code unit. None where the code was rewritten as it ran.
    pub(crate) fn in_memory(first_byte: impl Fn(usize) -> Option<u8>) -> Option<Self> {
        let traits = Self::of_units(first_byte);
        (traits.0 & HIDES == 0).then_some(traits)
    }

    fn of_units(first_byte: impl Fn(usize) -> Option<u8>) -> Self {
        let traits = &*TRAITS;
        let (mut all, mut unit) = (0, 0);
        while let Some(number) = first_byte(unit) {
            let own = traits[usize::from(number)];
            let again = if all & own & TESTS != 0 { TESTS_AGAIN } else { 0 };
            all |= own | again;
            // What stands in caches looks like anything.
            unit += 1 + usize::from(opcode(number).caches);
        }
        Self(all)
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

#[cfg(test)]
mod tests {
    use super::*;

    fn number(name: &str) -> Option<u8> {
        (0..=u8::MAX).find(|number| opcode(*number).name == name)
    }

    #[test]
    fn code_in_memory_is_read_past_its_caches() {
        let caching = number("LOAD_ATTR").unwrap();
        let caches = usize::from(opcode(caching).caches);
        let raise = number("RAISE_VARARGS").unwrap();
        let mut code = vec![caching];
        code.extend(vec![raise; caches]);
        assert!(caches > 0);
        let traits = Traits::in_memory(|unit| code.get(unit).copied()).unwrap();
        assert!(!traits.takes_ways_without_branches());
        code.push(raise);
        let traits = Traits::in_memory(|unit| code.get(unit).copied()).unwrap();
        assert!(traits.takes_ways_without_branches());
    }

    #[cfg(Py_3_12)]
    #[test]
    fn code_that_was_rewritten_is_not_read() {
        let in_memory = |name: &str| {
            let code = [number("NOP"), number(name)].map(Option::unwrap);
            Traits::in_memory(|unit| code.get(unit).copied())
        };
        assert!(in_memory("INSTRUMENTED_RESUME").is_some());
        let caches = ["RESUME", "INSTRUMENTED_RESUME"].map(|name| opcode(number(name).unwrap()).caches);
        assert_eq!(caches[0], caches[1]);
        assert!(in_memory("INSTRUMENTED_LINE").is_none());
        let unknown = (0..=u8::MAX).find(|number| opcode(*number).name.is_empty()).unwrap();
        assert!(Traits::in_memory(|unit| [unknown].get(unit).copied()).is_none());
    }
}
