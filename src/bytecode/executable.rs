//! The lines the interpreter's compiler gave instructions to.

use crate::model::{CodeShape, LineNo, LineSet};

use super::locations::{line_columns, locations, locations_in};
use super::opcodes::opcode;

/// The name of the code objects that hold deferred annotations (PEP 649, CPython 3.14+). Programs hardly ever run them.
pub(crate) const DEFERRED_ANNOTATIONS: &str = "__annotate__";

/// Whether a code object of this name belongs to a module, `def` or `class`, and not to a lambda, a comprehension or what
/// evaluates type parameters.
pub(crate) fn is_statement(name: &str) -> bool {
    !name.starts_with('<') || name == "<module>"
}

/// Whether `co_flags` are those of a function, and not of a module or class: CO_OPTIMIZED (CPython
/// `Include/cpython/code.h`).
pub(crate) fn is_function(flags: u32) -> bool {
    flags & 0x1 != 0
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

/// The lines of one code object, by its `co_linetable` and `co_firstlineno`, ascending.
pub(crate) fn lines(table: &[u8], first_line: i32) -> Vec<LineNo> {
    let mut lines: Vec<LineNo> = Vec::new();
    for line in lines_in(table, first_line) {
        if lines.last() != Some(&line) {
            lines.push(line);
        }
    }
    lines.sort_unstable();
    lines.dedup();
    lines
}

/// The least and the greatest line of one code object, by its `co_linetable` and `co_firstlineno`; `None` where it has
/// none.
pub(crate) fn line_range(table: &[u8], first_line: i32) -> Option<(LineNo, LineNo)> {
    lines_in(table, first_line).fold(None, |range, line| {
        let (least, greatest) = range.unwrap_or((line, line));
        Some((line.min(least), line.max(greatest)))
    })
}

/// Whether the code object of a function or class may begin its suite on its header's line, so that the line is left both
/// where it is defined and in its suite. `outer` are the lines of the code that defines it, ascending.
pub(crate) fn may_begin_on_header(table: &[u8], first_line: i32, outer: &[LineNo]) -> bool {
    // What comes before a suite stands in column 0, or has no column (CPython 3.11–3.15, `Python/compile.c`).
    let beyond = line_columns(table, first_line).filter(|at| at.column.is_some_and(|column| column > 0));
    // Most follow one of the same line.
    let mut not_outer = None;
    is_short(table, first_line)
        || beyond.filter_map(|at| at.line).any(|line| {
            if not_outer == Some(line) {
                return false;
            }
            not_outer = Some(line);
            outer.binary_search(&line).is_ok()
        })
}

/// Whether the first instruction behind the entry of a code object, its `RESUME`, is of the entry's line: that of a lambda,
/// or of a function on one line.
pub(crate) fn begins_on_line_of_entry(code: &[u8], table: &[u8], first_line: i32) -> bool {
    let Some(resume) = code.chunks(2).position(|unit| opcode(unit[0]).name == "RESUME") else { return false };
    let resume = resume as u32 * 2;
    let mut locations =
        locations_in(table, first_line).map_while(Result::ok).skip_while(|at| at.end <= resume);
    let entry = locations.next().and_then(|location| location.line);
    entry.is_some() && locations.find_map(|location| location.line) == entry
}

/// Whether a code object has two lines at most: that of a function or class on one line has no more, with the line of its
/// first decorator. Stops at the third, so that it costs little to ask.
fn is_short(table: &[u8], first_line: i32) -> bool {
    let mut known = [None; 2];
    lines_in(table, first_line).all(|line| {
        if !known.contains(&Some(line)) {
            known.rotate_left(1);
            return known[1].replace(line).is_none();
        }
        true
    })
}

fn lines_in(table: &[u8], first_line: i32) -> impl Iterator<Item = LineNo> {
    line_columns(table, first_line).filter_map(|at| at.line)
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
