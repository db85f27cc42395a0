//! The lines the interpreter's compiler gave instructions to.

use crate::model::{CodeShape, LineNo, LineSet};

use super::locations::{LineColumn, ends_with_line, line_columns, locations, locations_in};
use super::opcodes::{Flow, opcode};

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
    let mut all = line_columns(table, first_line);
    // Few lines take less than four bytes.
    let mut lines = Vec::with_capacity(table.len() / 4);
    lines.extend(all.find_map(|at| at.line));
    all.skip_steps(|line| {
        if line > 0 {
            lines.push(line.cast_unsigned());
        }
        false
    });
    lines.sort_unstable();
    lines.dedup();
    lines
}

/// The lines of one code object at a glance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LineRange {
    pub(crate) least: LineNo,
    pub(crate) greatest: LineNo,
    /// That of the last instruction, if it has one.
    pub(crate) last: Option<LineNo>,
}

/// The range of one code object's lines, by its `co_linetable` and `co_firstlineno`; `None` where it has none.
pub(crate) fn line_range(table: &[u8], first_line: i32) -> Option<LineRange> {
    let mut all = line_columns(table, first_line);
    let first = all.find_map(|at| at.line)?;
    let (mut least, mut greatest) = (first, first);
    let mut last = first.cast_signed();
    all.skip_steps(|line| {
        if line > 0 {
            least = least.min(line.cast_unsigned());
            greatest = greatest.max(line.cast_unsigned());
        }
        last = line;
        false
    });
    let last = LineNo::try_from(last).ok().filter(|line| *line > 0 && ends_with_line(table));
    Some(LineRange { least, greatest, last })
}

/// Whether the code object of a function or class may begin its suite on its header's line, so that the line is left both
/// where it is defined and in its suite. `outer` are the lines of the code that defines it, ascending.
pub(crate) fn may_begin_on_header(table: &[u8], first_line: i32, outer: &[LineNo]) -> bool {
    // What comes before a suite stands in column 0, or has no column (CPython 3.11–3.15, `Python/compile.c`).
    let is_beyond = |at: &LineColumn| at.column.is_some_and(|column| column > 0);
    if is_short(table, first_line) {
        let mut has_columns = false;
        let on_header = line_columns(table, first_line).filter(is_beyond).any(|at| {
            has_columns = true;
            at.line.is_some_and(|line| outer.binary_search(&line).is_ok())
        });
        return on_header || !has_columns;
    }
    let mut all = line_columns(table, first_line);
    while let Some(at) = all.next() {
        let Some(line) = at.line else { continue };
        match outer.binary_search(&line) {
            Ok(_) if is_beyond(&at) => return true,
            Ok(_) => (),
            // Nothing is of interest before one of the outer lines next to this one, or a line beyond them, is come to.
            Err(place) => {
                let bound = |line: Option<&LineNo>| line.and_then(|line| i32::try_from(*line).ok());
                let before = bound(place.checked_sub(1).and_then(|place| outer.get(place))).unwrap_or(0);
                let behind = bound(outer.get(place)).unwrap_or(i32::MAX);
                all.skip_steps(|line| line <= before || behind <= line);
            }
        }
    }
    false
}

/// Whether the instruction with this number, as it lies in memory, leaves its code object with a value. Where the interpreter has
/// put another one in its place that tells of it, this does not know.
pub(crate) fn is_return(number: u8) -> bool {
    opcode(number).flow == Flow::Return
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
/// first decorator, which is all there is to go by without columns. Stops at the third, so that it costs little to ask.
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
    use proptest::prelude::*;

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

    /// A location table: how many lines on each entry stands, and at which column.
    fn with_columns(entries: &[(i32, u8)]) -> Vec<u8> {
        let entry = |(step, column): &(i32, u8)| match *step {
            0..=2 => vec![0xd0 | (step.unsigned_abs() as u8) << 3, *column, *column + 1],
            step => {
                let sign = u32::from(step < 0);
                vec![0xf0, (step.unsigned_abs() << 1 | sign) as u8, 0, column + 1, column + 2]
            }
        };
        entries.iter().flat_map(entry).collect()
    }

    proptest! {
        #[test]
        fn lines_are_passed_over_only_where_nothing_is_of_interest(
            entries in prop::collection::vec((-3_i32..5, 0_u8..2), 1..30),
            outer in prop::collection::btree_set(1_u32..90, 0..9),
        ) {
            let table = with_columns(&entries);
            let outer: Vec<LineNo> = outer.into_iter().collect();
            let all: Vec<_> = line_columns(&table, 40).collect();
            prop_assert_eq!(all.len(), entries.len());
            let lines = || all.iter().filter_map(|at| at.line);
            let range = lines().min().zip(lines().max());
            let last = all.last().and_then(|at| at.line);
            let range = range.map(|(least, greatest)| LineRange { least, greatest, last });
            prop_assert_eq!(line_range(&table, 40), range);
            let distinct: LineSet = lines().collect();
            prop_assert!(super::lines(&table, 40).into_iter().eq(distinct.iter()));
            let on_header = all.iter().any(|at| {
                at.column.is_some_and(|column| column > 0) && at.line.is_some_and(|line| outer.contains(&line))
            });
            let has_columns = all.iter().any(|at| at.column.is_some_and(|column| column > 0));
            let may_begin = on_header || (distinct.len() <= 2 && !has_columns);
            prop_assert_eq!(may_begin_on_header(&table, 40, &outer), may_begin);
        }
    }

    #[test]
    fn deferred_annotations_do_not_count_but_code_in_them_does() {
        let lambda = shape("<lambda>", 9, &[0], Vec::new());
        let annotate = shape("__annotate__", 3, &[0], vec![lambda]);
        let module = shape("<module>", 1, &[0], vec![annotate]);
        assert_eq!(executable_lines(&module), [1, 9].into_iter().collect());
    }
}
