//! What a code object is once it has left Python: plain bytes and numbers.

use serde::{Deserialize, Serialize};

/// One code object and, nested in the order of `co_consts`, the code objects it contains.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CodeShape {
    /// `co_name`.
    pub(crate) name: String,
    /// `co_qualname`.
    pub(crate) qualname: String,
    /// `co_firstlineno`.
    pub(crate) first_line: i32,
    /// `co_flags`.
    pub(crate) flags: u32,
    /// `co_code`: 2-byte code units with inline caches, un-specialised and without instrumentation.
    pub(crate) code: Vec<u8>,
    /// `co_linetable`: CPython 3.11+ location table (Objects/locations.md).
    pub(crate) line_table: Vec<u8>,
    /// `co_exceptiontable` (Objects/exception_handling_notes.txt).
    pub(crate) exception_table: Vec<u8>,
    /// Code objects among `co_consts`.
    pub(crate) children: Vec<CodeShape>,
}

impl CodeShape {
    /// This code object and all below it, outermost first.
    pub(crate) fn walk(&self) -> impl Iterator<Item = &CodeShape> {
        let mut stack = vec![self];
        std::iter::from_fn(move || {
            let shape = stack.pop()?;
            stack.extend(shape.children.iter().rev());
            Some(shape)
        })
    }
}
