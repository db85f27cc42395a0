//! Nothing but the percentage, for badges and scripts.

use std::io::{self, Write};

use super::{Format, Options, View, percent};

pub(super) const FORMAT: Format = Format {
    slug: "total",
    aliases: &[],
    doc: "the total percentage and nothing else",
    title: "total",
    default_output: None,
    percent_of_nothing: 100.0,
    render,
    pages: None,
};

fn render(view: &View, options: &Options, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{}", percent::display(view.totals.percent(), options.precision))
}
