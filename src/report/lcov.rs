//! LCOV's tracefile, as coverage.py writes it: for genhtml and editors.
//!
//! Source: coverage 7.17.3, `lcovreport.py`. Of a line that branches, a way is named by what happens on it. Records of MC/DC,
//! which coverage.py has none of, are those of LCOV 2.2 and newer (geninfo(1)), where MC/DC was measured.

use std::collections::BTreeSet;
use std::io::{self, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use md5::{Digest, Md5};

use super::mcdc;
use super::names::printable;
use super::{FileView, Format, Options, View};
use crate::metrics::{BranchLine, Form};
use crate::model::{ArcEnd, LineArc, LineNo, Region, RegionKind};

pub(super) const FORMAT: Format = Format {
    slug: "lcov",
    aliases: &[],
    doc: "LCOV's tracefile, for genhtml and editors",
    title: "LCOV",
    default_output: Some("coverage.lcov"),
    percent_of_nothing: 0.0,
    render,
    pages: None,
};

fn render(view: &View, options: &Options, out: &mut dyn Write) -> io::Result<()> {
    let mut files: Vec<&FileView> = view.files.iter().collect();
    files.sort_by(|a, b| a.name.cmp(&b.name));
    for file in files {
        if options.skip_empty && file.outcome.totals().statements == 0 {
            continue;
        }
        writeln!(out, "SF:{}", printable(&file.name))?;
        lines(file, options, out)?;
        functions(file, out)?;
        if view.has_branches {
            branches(file, out)?;
        }
        if let Some(form) = view.mcdc {
            conditions(file, form, out)?;
        }
        writeln!(out, "end_of_record")?;
    }
    Ok(())
}

fn lines(file: &FileView, options: &Options, out: &mut dyn Write) -> io::Result<()> {
    let text = file.text.as_deref().filter(|_| options.line_checksums);
    let source: Vec<&str> = text.map(|text| text.split('\n').collect()).unwrap_or_default();
    let (executed, missing) = (&file.outcome.lines.executed, &file.outcome.lines.missing);
    let mut statements = executed.clone();
    statements.union_with(missing);
    for line in statements.iter() {
        let hit = u8::from(!missing.contains(line));
        match (line as usize).checked_sub(1).and_then(|index| source.get(index)) {
            Some(text) => writeln!(out, "DA:{line},{hit},{}", checksum(text))?,
            None => writeln!(out, "DA:{line},{hit}")?,
        }
    }
    let totals = file.outcome.totals();
    if totals.statements > 0 {
        writeln!(out, "LF:{}\nLH:{}", totals.statements, totals.executed())?;
    }
    Ok(())
}

/// The MD5 of a source line in base 64, as the format has it.
fn checksum(line: &str) -> String {
    STANDARD_NO_PAD.encode(Md5::digest(line))
}

/// A function and the lines it spans, decorators left out.
struct Function<'a> {
    first: LineNo,
    last: LineNo,
    region: &'a Region,
}

fn functions(file: &FileView, out: &mut dyn Write) -> io::Result<()> {
    let functions = file.regions.iter().filter(|region| region.kind == RegionKind::Function);
    let mut functions: Vec<Function> = functions
        .filter_map(|region| {
            let (first, last) = (region.lines.first()?, region.lines.last()?);
            Some(Function { first: first.min(region.start), last: last.max(region.start), region })
        })
        .collect();
    if functions.is_empty() {
        return Ok(());
    }
    functions.sort_by_key(|function| (function.first, function.last, function.region.name.as_str()));
    let (mut found, mut hit) = (0, 0);
    let mut names = BTreeSet::new();
    for Function { first, last, region } in functions {
        let lines = file.outcome.lines.within(&region.lines);
        if !lines.has_statements() {
            continue;
        }
        let ran = u8::from(!lines.executed.is_empty());
        found += 1;
        hit += usize::from(ran);
        let name = printable(&region.name);
        let suffix = if names.insert(name.clone()) { String::new() } else { format!("@{first}") };
        writeln!(out, "FN:{first},{last},{name}{suffix}\nFNDA:{ran},{name}{suffix}")?;
    }
    writeln!(out, "FNF:{found}\nFNH:{hit}")
}

fn branches(file: &FileView, out: &mut dyn Write) -> io::Result<()> {
    for branch in &file.outcome.branches {
        let BranchLine { line, exits, executed, missing } = branch;
        // A class or function that is a docstring, on one line with it, has branches and is no statement.
        if !file.outcome.lines.executed.contains(*line) && !file.outcome.lines.missing.contains(*line) {
            continue;
        }
        let mut ways: Vec<(ArcEnd, &str)> = if missing.len() == *exits {
            // None was taken: perhaps the line always raised an exception.
            missing.iter().map(|to| (*to, "-")).collect()
        } else {
            let executed = executed.iter().map(|to| (*to, "1"));
            executed.chain(missing.iter().map(|to| (*to, "0"))).collect()
        };
        // Ways out of the code come last: they mostly stand for what an `else` would be.
        ways.sort_by_key(|way| (way.0 < 0, *way));
        for (to, taken) in ways {
            let words = file.branches.description(LineArc::new(line.cast_signed(), to));
            writeln!(out, "BRDA:{line},0,{},{taken}", printable(&words))?;
        }
    }
    let totals = file.outcome.totals();
    if totals.branches > 0 {
        writeln!(out, "BRF:{}\nBRH:{}", totals.branches, totals.covered_branches())?;
    }
    Ok(())
}

/// The conditions of a line are one group, since LCOV knows groups by their line and size.
fn conditions(file: &FileView, form: Form, out: &mut dyn Write) -> io::Result<()> {
    let lines = mcdc::halves(file, form);
    let (mut found, mut hit) = (0, 0);
    for (line, conditions) in lines {
        let size = conditions.len();
        for (number, condition) in conditions.iter().enumerate() {
            let text = printable(&condition.text);
            for (sense, seen) in ["f", "t"].iter().zip(condition.seen) {
                writeln!(out, "MCDC:{line},{size},{sense},{},{number},{text}", u8::from(seen))?;
            }
            found += 2;
            hit += condition.count();
        }
    }
    if found > 0 {
        writeln!(out, "MCF:{found}\nMCH:{hit}")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_lcovs() {
        // coverage.lcovreport.line_hash (7.17.3) of each.
        for (line, sum) in [
            ("a = 1", "/TUraL+DORKE4EQCHKsDOQ"),
            ("é", "Zt3Nl8/eq7L2+4qZm0vHbw"),
            ("", "1B2M2Y8AsgTpgAmY7PhCfg"),
        ] {
            assert_eq!(checksum(line), sum);
        }
    }
}
