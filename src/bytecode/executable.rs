//! The lines the interpreter's compiler gave instructions to.

use std::collections::BTreeSet;

use crate::model::{CodeShape, LineNo, LineSet};

use super::locations;

/// The name of the code objects that hold deferred annotations (PEP 649, CPython 3.14+). Programs hardly ever run them.
const DEFERRED_ANNOTATIONS: &str = "__annotate__";

/// Whether a code object of this name belongs to a module, `def` or `class`, and not to a lambda, a comprehension or what
/// evaluates type parameters.
pub(crate) fn is_statement(name: &str) -> bool {
    !name.starts_with('<') || name == "<module>"
}

/// The lines of all instructions in `module` and every code object nested in it.
///
/// Instructions without a line give none, and deferred annotations are left out, but not code nested in those: the same
/// set as coverage.py's `ByteParser.find_statements` (7.17.3, `bytecode.py`). Where a location table is damaged, the
/// lines before the damage count.
pub(crate) fn executable_lines(module: &CodeShape) -> LineSet {
    module
        .walk()
        .filter(|shape| shape.name != DEFERRED_ANNOTATIONS)
        .flat_map(|shape| locations(shape).map_while(Result::ok))
        .filter_map(|location| location.line)
        .collect()
}

/// The lines of one code object, ascending.
pub(crate) fn lines(shape: &CodeShape) -> Vec<LineNo> {
    let lines = locations(shape).map_while(Result::ok).filter_map(|location| location.line);
    lines.collect::<BTreeSet<_>>().into_iter().collect()
}

/// The least and the greatest line of one code object; `None` where it has none.
pub(crate) fn line_range(shape: &CodeShape) -> Option<(LineNo, LineNo)> {
    let lines = locations(shape).map_while(Result::ok).filter_map(|location| location.line);
    lines.fold(None, |range, line| {
        let (least, greatest) = range.unwrap_or((line, line));
        Some((line.min(least), line.max(greatest)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A code object whose location table steps from line to line, one code unit each, without columns.
    fn shape(name: &str, first_line: i32, steps: &[u8], children: Vec<CodeShape>) -> CodeShape {
        let line_table = steps.iter().flat_map(|step| [0x80 | 13 << 3, step << 1]).collect();
        CodeShape { name: name.to_owned(), first_line, line_table, children, ..CodeShape::default() }
    }

    #[test]
    fn nested_code_counts_and_line_zero_does_not() {
        let inner = shape("inner", 7, &[0, 1], Vec::new());
        let outer = shape("outer", 5, &[0], vec![inner]);
        let module = shape("<module>", 0, &[0, 1, 4], vec![outer]);
        assert_eq!(executable_lines(&module), [1, 5, 7, 8].into_iter().collect());
    }

    #[test]
    fn deferred_annotations_do_not_count_but_code_in_them_does() {
        let lambda = shape("<lambda>", 9, &[0], Vec::new());
        let annotate = shape("__annotate__", 3, &[0], vec![lambda]);
        let module = shape("<module>", 1, &[0], vec![annotate]);
        assert_eq!(executable_lines(&module), [1, 9].into_iter().collect());
    }
}
