//! The linked Python's opcodes, from its own `opcode` module by way of `build.rs`, and what control flow makes of them.
//!
//! Must not know: versions. Invariant: an opcode is understood by its name; a name nobody here knows may raise and goes
//! on to the next instruction, which is what most do.

use std::sync::LazyLock;

/// Number, name, inline cache entries, whether the argument is a jump's distance.
static OPCODES: &[(u8, &str, u8, bool)] = &include!(concat!(env!("OUT_DIR"), "/opcodes.rs"));

/// What an instruction does to control flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flow {
    /// Goes on.
    Next,
    /// Jumps, always.
    Jump,
    /// Jumps or goes on: what `sys.monitoring` calls a branch.
    Branch,
    /// Goes on, to yield what another generator or coroutine yields, until that ends; then jumps. No event tells of it.
    Await,
    /// Leaves the code object with a value.
    Return,
    /// A `raise` statement.
    Raise,
    /// The end of a failed `assert`: an exception, but nobody's choice of a way.
    FailedAssertion,
    /// Passes on an exception that was caught for a moment only.
    Reraise,
    /// Lends its argument to the next instruction.
    ExtendedArgument,
}

impl Flow {
    /// Whether control may come to the next instruction.
    pub(super) fn goes_on(self) -> bool {
        match self {
            Self::Next | Self::Branch | Self::Await | Self::ExtendedArgument => true,
            Self::Jump | Self::Return | Self::Raise | Self::FailedAssertion | Self::Reraise => false,
        }
    }
}

/// What an opcode is for, where analysis asks for it of each instruction: a number is quicker to compare than a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Role {
    /// Nothing that is asked for.
    Other,
    /// Makes a function, or the body of a class.
    MakeFunction,
    /// Ends an `async for`.
    EndAsyncFor,
    /// Asks for the next item of an `async for`.
    NextAsyncItem,
    /// Makes an iterator of what a loop goes through.
    Iterate,
    /// Drops the value on top.
    Drop,
    /// Jumps without an event (CPython 3.12+, `Python/instrumentation.c`).
    SilentJump,
    /// What a function begins with, or goes on with.
    Resume,
    /// Calls one of the interpreter's own functions of two arguments.
    OwnFunction,
    /// Loads the exception of a failed `assert` (CPython 3.11+, `Python/compile.c`).
    AssertionError,
    /// Loads one of the interpreter's constants: its first is that exception (3.14+, `Include/internal/pycore_opcode_utils.h`).
    CommonConstant,
    /// Deletes a name or the like.
    Deletion,
}

/// The roles of all instructions of a code object.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Roles(u16);

impl Roles {
    pub(super) fn add(&mut self, role: Role) {
        self.0 |= 1 << role as u8;
    }

    pub(super) fn has(self, role: Role) -> bool {
        self.0 & 1 << role as u8 != 0
    }
}

/// One opcode.
#[derive(Clone, Copy, Debug)]
pub(super) struct Opcode {
    pub(super) name: &'static str,
    pub(super) role: Role,
    /// Code units that follow the instruction.
    pub(super) caches: u8,
    pub(super) flow: Flow,
    /// Whether a jump goes back.
    pub(super) backward: bool,
    /// Whether it can raise (signals and broken invariants aside).
    pub(super) may_raise: bool,
    /// The number of the opcode that deletes what this one stores; 0 (`CACHE`) where there is none.
    pub(super) deleted_by: u8,
}

/// Opcodes that only move values about. What they touch is known to be there. In alphabetical order: the table of all opcodes is
/// made in every run.
const CANNOT_RAISE: [&str; 35] = [
    "CACHE",
    "COPY",
    "END_FOR",
    "JUMP_BACKWARD",
    "JUMP_BACKWARD_NO_INTERRUPT",
    "JUMP_FORWARD",
    "LIST_APPEND",
    "LOAD_CLOSURE",
    "LOAD_COMMON_CONSTANT",
    "LOAD_CONST",
    "LOAD_CONST_IMMORTAL",
    "LOAD_CONST_MORTAL",
    "LOAD_FAST",
    "LOAD_FAST_AND_CLEAR",
    "LOAD_FAST_BORROW",
    "LOAD_FAST_BORROW_LOAD_FAST_BORROW",
    "LOAD_FAST_LOAD_FAST",
    "LOAD_SMALL_INT",
    "NOP",
    "NOT_TAKEN",
    "POP_EXCEPT",
    "POP_ITER",
    "POP_TOP",
    "PUSH_EXC_INFO",
    "PUSH_NULL",
    "RESUME",
    "RETURN_CONST",
    "RETURN_VALUE",
    "STORE_DEREF",
    "STORE_FAST",
    "STORE_FAST_LOAD_FAST",
    "STORE_FAST_MAYBE_NULL",
    "STORE_FAST_STORE_FAST",
    "STORE_NAME",
    "SWAP",
];

const UNKNOWN: Opcode = Opcode {
    name: "",
    role: Role::Other,
    caches: 0,
    flow: Flow::Next,
    backward: false,
    may_raise: true,
    deleted_by: 0,
};

static BY_NUMBER: LazyLock<[Opcode; 256]> = LazyLock::new(|| {
    let mut table = [UNKNOWN; 256];
    for (number, name, caches, jumps) in OPCODES {
        table[usize::from(*number)] = Opcode {
            name,
            role: role(name),
            caches: *caches,
            flow: flow(name, *jumps),
            backward: name.contains("BACKWARD"),
            may_raise: CANNOT_RAISE.binary_search(name).is_err(),
            deleted_by: name.strip_prefix("STORE_").map_or(0, deletes),
        };
    }
    table
});

/// The number of the opcode that deletes `what`.
fn deletes(what: &str) -> u8 {
    let known = OPCODES.iter().find(|(_, name, ..)| name.strip_prefix("DELETE_") == Some(what));
    known.map_or(0, |(number, ..)| *number)
}

fn role(name: &str) -> Role {
    match name {
        "MAKE_FUNCTION" => Role::MakeFunction,
        "END_ASYNC_FOR" => Role::EndAsyncFor,
        "GET_ANEXT" => Role::NextAsyncItem,
        "GET_ITER" | "GET_AITER" => Role::Iterate,
        "POP_TOP" => Role::Drop,
        "JUMP_BACKWARD_NO_INTERRUPT" => Role::SilentJump,
        "RESUME" => Role::Resume,
        "CALL_INTRINSIC_2" => Role::OwnFunction,
        "LOAD_ASSERTION_ERROR" => Role::AssertionError,
        "LOAD_COMMON_CONSTANT" => Role::CommonConstant,
        _ if name.starts_with("DELETE_") => Role::Deletion,
        _ => Role::Other,
    }
}

fn flow(name: &str, jumps: bool) -> Flow {
    match name {
        "RETURN_VALUE" | "RETURN_CONST" | "INTERPRETER_EXIT" => Flow::Return,
        "RAISE_VARARGS" => Flow::Raise,
        "RERAISE" => Flow::Reraise,
        "EXTENDED_ARG" => Flow::ExtendedArgument,
        "SEND" => Flow::Await,
        // Its argument names the loop for sys.monitoring (3.14); control goes on.
        "END_ASYNC_FOR" => Flow::Next,
        _ if !jumps => Flow::Next,
        _ if name.starts_with("JUMP") && !name.contains("_IF_") && !name.contains("OR_POP") => Flow::Jump,
        _ => Flow::Branch,
    }
}

/// The opcode with this number.
pub(super) fn opcode(number: u8) -> &'static Opcode {
    &opcodes()[usize::from(number)]
}

/// By number: all of them, for who asks many times.
pub(super) fn opcodes() -> &'static [Opcode; 256] {
    &BY_NUMBER
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn flow_of(name: &str) -> Option<Flow> {
        let (number, ..) = OPCODES.iter().find(|(_, known, ..)| *known == name)?;
        Some(opcode(*number).flow)
    }

    #[test]
    fn opcodes_that_cannot_raise_are_found() {
        assert!(CANNOT_RAISE.is_sorted());
        let (number, ..) = OPCODES.iter().find(|(_, name, ..)| *name == "POP_TOP").unwrap();
        assert!(!opcode(*number).may_raise);
    }

    #[test]
    fn control_flow_is_understood() {
        assert_eq!(flow_of("JUMP_FORWARD"), Some(Flow::Jump));
        assert_eq!(flow_of("JUMP_BACKWARD"), Some(Flow::Jump));
        assert_eq!(flow_of("FOR_ITER"), Some(Flow::Branch));
        assert_eq!(flow_of("RETURN_VALUE"), Some(Flow::Return));
        assert_eq!(flow_of("RAISE_VARARGS"), Some(Flow::Raise));
        assert_eq!(flow_of("LOAD_CONST"), Some(Flow::Next));
        assert_eq!(flow_of("SEND"), Some(Flow::Await));
        for name in ["POP_JUMP_IF_FALSE", "POP_JUMP_FORWARD_IF_FALSE", "JUMP_IF_TRUE_OR_POP"] {
            assert!(matches!(flow_of(name), Some(Flow::Branch) | None), "{name}");
        }
        // One of the two spellings of a conditional jump is there on every version.
        assert!(flow_of("POP_JUMP_IF_FALSE").or(flow_of("POP_JUMP_FORWARD_IF_FALSE")).is_some());
    }
}
