//! The location table of a code object: `co_linetable` as CPython 3.11 and later write it (3.11: `Objects/locations.md`,
//! 3.14: `InternalDocs/code_objects.md`).
//!
//! Entries follow each other without gaps. The first byte of each has its top bit set, then four bits of form and three
//! of length (code units, less one). Lines are differences to the entry before, starting from `co_firstlineno`.

use crate::model::{CodeShape, LineNo};

/// Bytes in a code unit.
pub(super) const UNIT: u32 = 2;

/// Where a run of instructions stands in the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Location {
    /// Byte offset in `co_code` of the first instruction.
    pub(crate) start: u32,
    /// Byte offset after the last one, inline caches included.
    pub(crate) end: u32,
    /// The line; `None` for instructions that have none (CPython's line 0 included).
    pub(crate) line: Option<LineNo>,
    /// The rest of the position, where the table gives it.
    pub(crate) span: Option<Span>,
}

/// The part of a position beyond its line. Columns are 0-based UTF-8 byte offsets in their line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) end_line: LineNo,
    pub(crate) column: u32,
    /// Exclusive.
    pub(crate) end_column: u32,
}

/// Why a location table cannot be read on; `at` is a byte offset in the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum LocationError {
    #[error("location table ends within the entry at byte {at}")]
    Truncated { at: usize },
    #[error("location table has no entry start at byte {at}")]
    NoEntry { at: usize },
    #[error("location table holds a number out of range in the entry at byte {at}")]
    OutOfRange { at: usize },
}

/// Whether any location in the code object or those nested in it has columns.
pub(crate) fn has_columns(module: &CodeShape) -> bool {
    let mut all = module.walk().flat_map(|shape| locations(shape).map_while(Result::ok));
    all.any(|location| location.span.is_some())
}

/// Decodes the location table of `shape`. After an error nothing follows.
pub(crate) fn locations(shape: &CodeShape) -> Locations<'_> {
    locations_in(&shape.line_table, shape.first_line)
}

/// Decodes the location table of a code object that begins at `first_line` (`co_firstlineno`).
pub(super) fn locations_in(table: &[u8], first_line: i32) -> Locations<'_> {
    Locations { table, at: 0, offset: 0, line: first_line }
}

/// See [`locations`].
#[derive(Clone, Debug)]
pub(crate) struct Locations<'a> {
    table: &'a [u8],
    at: usize,
    /// Where in `co_code` the next entry begins.
    offset: u32,
    /// The line of the entry before.
    line: i32,
}

impl Iterator for Locations<'_> {
    type Item = Result<Location, LocationError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.at >= self.table.len() {
            return None;
        }
        let entry = self.entry();
        if entry.is_err() {
            self.at = self.table.len();
        }
        Some(entry)
    }
}

impl Locations<'_> {
    fn entry(&mut self) -> Result<Location, LocationError> {
        let at = self.at;
        let head = self.byte(at)?;
        if head & 0x80 == 0 {
            return Err(LocationError::NoEntry { at });
        }
        let start = self.offset;
        let length = (u32::from(head & 7) + 1) * UNIT;
        self.offset = start.checked_add(length).ok_or(LocationError::OutOfRange { at })?;
        let form = (head >> 3) & 15;
        let (line, span) = match form {
            // Short: same line, a column below 80 and at most 15 wide.
            0..=9 => {
                let low = self.byte(at)?;
                let column = u32::from(form) << 3 | u32::from(low >> 4 & 7);
                self.place(at, 0, Some((0, column, column + u32::from(low & 15))))?
            }
            // One line: 0 to 2 lines on.
            10..=12 => {
                let (column, end_column) = (self.byte(at)?, self.byte(at)?);
                self.place(at, i32::from(form) - 10, Some((0, column.into(), end_column.into())))?
            }
            // No columns.
            13 => {
                let step = self.signed(at)?;
                self.place(at, step, None)?
            }
            // Long. Columns are one higher, 0 standing for none.
            14 => {
                let step = self.signed(at)?;
                let lines = self.unsigned(at)?;
                let (column, end_column) = (self.unsigned(at)?, self.unsigned(at)?);
                let columns = column.checked_sub(1).zip(end_column.checked_sub(1));
                self.place(at, step, columns.map(|(column, end_column)| (lines, column, end_column)))?
            }
            // No location. The line the next entry counts from stays.
            _ => (None, None),
        };
        Ok(Location { start, end: self.offset, line, span })
    }

    /// Steps to the entry's line; `rest` is (lines to the end line, column, end column).
    fn place(
        &mut self,
        at: usize,
        step: i32,
        rest: Option<(u32, u32, u32)>,
    ) -> Result<(Option<LineNo>, Option<Span>), LocationError> {
        let out_of_range = LocationError::OutOfRange { at };
        self.line = self.line.checked_add(step).ok_or(out_of_range)?;
        let Some(line) = LineNo::try_from(self.line).ok().filter(|line| *line > 0) else {
            return Ok((None, None));
        };
        let span = match rest {
            None => None,
            Some((lines, column, end_column)) => {
                let end_line = line.checked_add(lines).ok_or(out_of_range)?;
                Some(Span { end_line, column, end_column })
            }
        };
        Ok((Some(line), span))
    }

    /// The next byte of the entry that began at `at`.
    fn byte(&mut self, at: usize) -> Result<u8, LocationError> {
        let byte = *self.table.get(self.at).ok_or(LocationError::Truncated { at })?;
        self.at += 1;
        Ok(byte)
    }

    fn unsigned(&mut self, at: usize) -> Result<u32, LocationError> {
        unsigned(self.table, &mut self.at, at)
    }

    fn signed(&mut self, at: usize) -> Result<i32, LocationError> {
        self.unsigned(at).map(signed)
    }
}

/// A line, and where on it something begins. Without either where the table has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LineColumn {
    /// How many code units it is of.
    pub(super) units: u8,
    pub(super) line: Option<LineNo>,
    pub(super) column: Option<u32>,
    /// On how many further lines it stands, where the table gives columns.
    pub(super) further_lines: u32,
}

/// What [`locations_in`] tells of lines and columns, up to the first error: of each code object at first sight, in a
/// fraction of the time.
pub(super) fn line_columns(table: &[u8], first_line: i32) -> LineColumns<'_> {
    LineColumns { table, at: 0, line: first_line }
}

/// See [`line_columns`].
#[derive(Clone, Debug)]
pub(super) struct LineColumns<'a> {
    table: &'a [u8],
    at: usize,
    line: i32,
}

impl Iterator for LineColumns<'_> {
    type Item = LineColumn;

    #[inline]
    fn next(&mut self) -> Option<LineColumn> {
        let rest = self.table.get(self.at..)?;
        // The forms that nearly all have: without a step, and with a step of two lines at most.
        let (step, column, length) = match *rest {
            [head @ 0x80..0xd0, low, ..] => (0, u32::from(head >> 3 & 15) << 3 | u32::from(low >> 4 & 7), 2),
            [head @ 0xd0..0xe8, column, _, ..] => (i32::from(head >> 3 & 15) - 10, column.into(), 3),
            _ => return self.other_form(),
        };
        self.line = self.line.checked_add(step)?;
        self.at += length;
        let line = LineNo::try_from(self.line).ok().filter(|line| *line > 0);
        Some(LineColumn { units: units(rest[0]), line, column: line.map(|_| column), further_lines: 0 })
    }
}

/// By the byte at which an entry begins: how many lines on it stands, or [`OTHER_STEP`] where the bytes behind it say. No other
/// byte of a table looks like one of these, since its top bit is clear.
const STEPS: [u8; 256] = {
    let mut steps = [0; 256];
    let mut byte = LEAST_STEP as usize;
    while byte < 0xf8 {
        steps[byte] = match byte {
            0xd8..0xe0 => 1,
            0xe0..0xe8 => 2,
            _ => OTHER_STEP,
        };
        byte += 1;
    }
    steps
};

const OTHER_STEP: u8 = 3;

/// The least byte at which an entry begins that stands further on.
const LEAST_STEP: u8 = 0xd8;

impl LineColumns<'_> {
    /// Passes over entries up to the first that stands on another line and that `stops`, which is told of each such line (0
    /// and below for none); without a look at what else they say.
    #[inline]
    pub(super) fn skip_steps(&mut self, mut stops: impl FnMut(i32) -> bool) {
        let rest = self.table.get(self.at..).unwrap_or_default();
        let mut line = self.line;
        for (index, byte) in rest.iter().enumerate() {
            // Nearly all bytes.
            if *byte < LEAST_STEP {
                continue;
            }
            let step = match STEPS[usize::from(*byte)] {
                0 => continue,
                OTHER_STEP => {
                    let at = self.at + index;
                    unsigned(self.table, &mut (at + 1), at).map(signed).unwrap_or_default()
                }
                step => i32::from(step),
            };
            let next = line.saturating_add(step);
            if stops(next) {
                self.at += index;
                self.line = line;
                return;
            }
            line = next;
        }
        self.at = self.table.len();
    }

    #[inline(never)]
    fn other_form(&mut self) -> Option<LineColumn> {
        let mut at = self.at + 1;
        let mut number = || unsigned(self.table, &mut at, self.at).ok();
        let head = *self.table.get(self.at)?;
        let (step, column, lines) = match head {
            0xe8..0xf0 => (Some(signed(number()?)), None, 0),
            0xf0..0xf8 => {
                let (step, lines, column, end_column) = (number()?, number()?, number()?, number()?);
                let step = signed(step);
                let line = LineNo::try_from(self.line.checked_add(step)?).unwrap_or_default();
                line.checked_add(lines)?;
                (Some(step), column.checked_sub(1).filter(|_| end_column > 0), lines)
            }
            0xf8.. => (None, None, 0),
            // No entry begins here, or it is cut off.
            _ => return None,
        };
        self.line = self.line.checked_add(step.unwrap_or_default())?;
        self.at = at;
        let line = step.and_then(|_| LineNo::try_from(self.line).ok()).filter(|line| *line > 0);
        let column = column.filter(|_| line.is_some());
        let further_lines = column.map_or(0, |_| lines);
        Some(LineColumn { units: units(head), line, column, further_lines })
    }
}

/// Whether the last entry of a table gives a line, or 0 and below for none.
pub(super) fn ends_with_line(table: &[u8]) -> bool {
    table.iter().rfind(|byte| **byte & 0x80 != 0).is_some_and(|head| *head < 0xf8)
}

/// By the byte at which an entry begins: how many code units it is of.
fn units(head: u8) -> u8 {
    (head & 7) + 1
}

/// The number from `at` on, in the entry that began at `entry`: six bits a byte, lowest first; bit 6 says that more follow.
fn unsigned(table: &[u8], at: &mut usize, entry: usize) -> Result<u32, LocationError> {
    let mut value = 0_u64;
    let mut shift = 0;
    loop {
        let byte = *table.get(*at).ok_or(LocationError::Truncated { at: entry })?;
        *at += 1;
        value |= u64::from(byte & 0x3f) << shift;
        if value > u64::from(u32::MAX) || shift > 30 {
            return Err(LocationError::OutOfRange { at: entry });
        }
        if byte & 0x40 == 0 {
            return Ok(value as u32);
        }
        shift += 6;
    }
}

/// The lowest bit is the sign.
fn signed(value: u32) -> i32 {
    // Half of a `u32` always fits.
    let magnitude = (value >> 1).cast_signed();
    if value & 1 == 1 { -magnitude } else { magnitude }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What an entry says, as CPython's assembler sees it (`Python/assemble.c`, `write_location_info_entry`).
    #[derive(Clone, Copy, Debug)]
    struct Entry {
        units: u8,
        /// `None`: no location.
        line: Option<(i32, Rest)>,
    }

    /// End line, column and end column.
    type Rest = Option<(i32, u32, u32)>;

    fn encode(first_line: i32, entries: &[Entry]) -> Vec<u8> {
        let mut table = Vec::new();
        let mut before = first_line;
        for entry in entries {
            let mut head = |form: u8, rest: &[u8]| {
                table.push(0x80 | form << 3 | (entry.units - 1));
                table.extend_from_slice(rest);
            };
            let Some((line, rest)) = entry.line else {
                head(15, &[]);
                continue;
            };
            let step = line - before;
            before = line;
            match rest {
                None => head(13, &signed(step)),
                Some((end_line, column, end_column))
                    if line == end_line
                        && step == 0
                        && column < 80
                        && end_column >= column
                        && end_column - column < 16 =>
                {
                    head((column >> 3) as u8, &[((column & 7) << 4 | (end_column - column)) as u8]);
                }
                Some((end_line, column, end_column))
                    if line == end_line && (0..3).contains(&step) && column < 128 && end_column < 128 =>
                {
                    head(10 + u8::try_from(step).unwrap(), &[column as u8, end_column as u8]);
                }
                Some((end_line, column, end_column)) => {
                    let mut rest = signed(step);
                    rest.extend(unsigned((end_line - line).cast_unsigned()));
                    rest.extend(unsigned(column + 1));
                    rest.extend(unsigned(end_column + 1));
                    head(14, &rest);
                }
            }
        }
        table
    }

    fn unsigned(mut value: u32) -> Vec<u8> {
        let mut bytes = Vec::new();
        while value >= 64 {
            bytes.push((value & 0x3f) as u8 | 0x40);
            value >>= 6;
        }
        bytes.push(value as u8);
        bytes
    }

    fn signed(value: i32) -> Vec<u8> {
        unsigned(value.unsigned_abs() << 1 | u32::from(value < 0))
    }

    fn table(first_line: i32, line_table: Vec<u8>) -> CodeShape {
        CodeShape { first_line, line_table, ..CodeShape::default() }
    }

    fn an_entry() -> impl Strategy<Value = Entry> {
        let rest = prop::option::of((0..300, 0_u32..300, 0_u32..300));
        (1_u8..=8, prop::option::of((1..5_000, rest))).prop_map(|(units, line)| Entry {
            units,
            line: line.map(|(line, rest)| {
                (line, rest.map(|(lines, column, wide)| (line + lines / 4 * 2, column, wide)))
            }),
        })
    }

    proptest! {
        #[test]
        fn reads_what_cpython_writes(first_line in 0..9_000, entries in prop::collection::vec(an_entry(), 0..40)) {
            let shape = table(first_line, encode(first_line, &entries));
            let read: Vec<Location> = locations(&shape).collect::<Result<_, _>>().unwrap();
            let mut start = 0;
            prop_assert_eq!(read.len(), entries.len());
            for (location, entry) in read.iter().zip(&entries) {
                prop_assert_eq!(location.start, start);
                start += u32::from(entry.units) * 2;
                prop_assert_eq!(location.end, start);
                prop_assert_eq!(location.line, entry.line.map(|(line, _)| line.cast_unsigned()));
                let span = entry.line.and_then(|(_, rest)| rest);
                let span = span.map(|(end_line, column, end_column)| Span {
                    end_line: end_line.cast_unsigned(), column, end_column,
                });
                prop_assert_eq!(location.span, span);
            }
        }

        #[test]
        fn lines_and_columns_are_those_of_locations(
            first_line in 0..900_i32,
            entries in prop::collection::vec(an_entry(), 0..40),
            noise: Vec<u8>,
            cut in any::<prop::sample::Index>(),
        ) {
            let mut bytes = encode(first_line, &entries);
            bytes.extend(noise);
            bytes.truncate(cut.index(bytes.len() + 1));
            let told = locations_in(&bytes, first_line).map_while(Result::ok);
            let told = told.map(|at| {
                let further_lines = at.span.zip(at.line).map_or(0, |(span, line)| span.end_line - line);
                (at.end - at.start, at.line, at.span.map(|span| span.column), further_lines)
            });
            let told: Vec<_> = told.collect();
            let lines = line_columns(&bytes, first_line).take(bytes.len() + 1);
            let lines = lines.map(|at| (UNIT * u32::from(at.units), at.line, at.column, at.further_lines));
            prop_assert_eq!(lines.collect::<Vec<_>>(), told);
        }

        #[test]
        fn entries_are_passed_over_up_to_a_line(
            first_line in 1..900_i32,
            entries in prop::collection::vec(an_entry(), 0..40),
            stop in any::<prop::sample::Index>(),
        ) {
            let bytes = encode(first_line, &entries);
            let lines = entries.iter().filter_map(|entry| Some(entry.line?.0));
            let mut expected: Vec<i32> = std::iter::once(first_line).chain(lines).collect();
            expected.dedup();
            let mut seen = vec![first_line];
            line_columns(&bytes, first_line).skip_steps(|line| {
                seen.push(line);
                false
            });
            seen.dedup();
            prop_assert_eq!(&seen, &expected);

            let stop = *stop.get(&expected);
            let mut all = line_columns(&bytes, first_line);
            all.skip_steps(|line| line == stop);
            let found = all.next().and_then(|at| at.line);
            prop_assert!(found == Some(stop.cast_unsigned()) || (stop == first_line && found.is_none()));
        }

        #[test]
        fn hostile_bytes_stop_the_reader(first_line: i32, bytes: Vec<u8>) {
            let shape = table(first_line, bytes);
            let read: Vec<_> = locations(&shape).collect();
            prop_assert!(read.len() <= shape.line_table.len());
            if let Some((_, before)) = read.split_last() {
                prop_assert!(before.iter().all(Result::is_ok));
            }
        }
    }

    #[test]
    fn line_zero_is_no_line() {
        // `compile("", "f", "exec").co_linetable` on 3.13 with first line 1: RESUME stands on line 0.
        let shape = table(1, vec![0xf0, 0x03, 0x01, 0x01, 0x01]);
        let read: Vec<_> = locations(&shape).map(|location| location.unwrap().line).collect();
        assert_eq!(read, [None]);
    }

    #[test]
    fn damage_has_a_name() {
        let error = |bytes: &[u8]| locations(&table(1, bytes.to_vec())).last().unwrap().unwrap_err();
        assert_eq!(error(&[0x80]), LocationError::Truncated { at: 0 });
        assert_eq!(error(&[0xf8, 0x01]), LocationError::NoEntry { at: 1 });
        assert_eq!(error(&[0xe8, 0x7f, 0x7f, 0x7f, 0x7f, 0x7f, 0x7f]), LocationError::OutOfRange { at: 0 });
    }
}
