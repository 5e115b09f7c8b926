//! The chart of the results: an SVG with two bars for each row of the table, munjigi's and the baseline's.

use std::{fmt::Write, fs, path::Path};

use crate::{Result, cpu::machine, options::Options, table::Row};

const WIDTH: f64 = 760.0;
/// The length of the longer bar of a row.
const LONGEST: f64 = 560.0;
/// The height of the heading, and of each row.
const HEADING: usize = 76;
const ROW: usize = 64;

const STYLE: &str = "\
    text { font: 13px system-ui, sans-serif; fill: #1f2328 }\n\
    .name { font-weight: 600 }\n\
    .small { font-size: 12px; fill: #59636e }\n\
    .munjigi { fill: #1f6f5c }\n\
    .baseline { fill: #b3bac2 }\n\
    @media (prefers-color-scheme: dark) {\n\
    text { fill: #e6edf3 }\n\
    .small { fill: #9198a1 }\n\
    .munjigi { fill: #4fb89c }\n\
    .baseline { fill: #545d68 }\n\
    }";

/// Writes the chart. Rows without a baseline are left out.
pub fn write(file: &Path, options: &Options, rows: &[Row]) -> Result<()> {
    let bars: Vec<(String, &Row)> = with_full_names(rows)
        .filter(|(_, row)| row.has_baseline())
        .collect();
    let height = HEADING + ROW * bars.len();
    let conditions = format!(
        "Median of {} rounds of {} s. {}.",
        options.rounds,
        options.seconds(),
        machine()
    );
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" viewBox=\"0 0 {WIDTH} {height}\" \
         role=\"img\" aria-labelledby=\"title\">\n<title id=\"title\">munjigi and its baselines</title>\n<style>\n{STYLE}\n</style>\n\
         <rect class=\"munjigi\" x=\"0\" y=\"6\" width=\"12\" height=\"12\" rx=\"2\"/><text x=\"18\" y=\"17\">munjigi</text>\n\
         <rect class=\"baseline\" x=\"90\" y=\"6\" width=\"12\" height=\"12\" rx=\"2\"/><text x=\"108\" y=\"17\">baseline</text>\n\
         <text class=\"small\" x=\"0\" y=\"42\">{}</text>\n",
        escape(&conditions)
    );
    for (index, (name, row)) in bars.iter().enumerate() {
        let top = HEADING + ROW * index;
        let (ratio, better) = (row.median_ratio(), row.better());
        writeln!(
            svg,
            "<text class=\"name\" x=\"0\" y=\"{}\">{}</text>\n\
             <text class=\"small\" x=\"{WIDTH}\" y=\"{}\" text-anchor=\"end\">{ratio:.2} of the baseline, {better}</text>",
            top,
            escape(name),
            top,
        )?;
        let longest = row.subject().0.max(row.baseline().0);
        for (class, (value, text), y) in [
            ("munjigi", row.subject(), top + 8),
            ("baseline", row.baseline(), top + 26),
        ] {
            let length = (LONGEST * value / longest).max(1.0);
            writeln!(
                svg,
                "<rect class=\"{class}\" x=\"0\" y=\"{y}\" width=\"{length:.1}\" height=\"14\" rx=\"2\"/>\n\
                 <text x=\"{:.1}\" y=\"{}\">{}</text>",
                length + 8.0,
                y + 11,
                escape(text),
            )?;
        }
    }
    svg.push_str("</svg>\n");
    fs::write(file, svg)?;
    println!("\nThe chart is in {}.", file.display());
    Ok(())
}

/// A row that begins with "…" belongs to the last one that does not.
fn with_full_names(rows: &[Row]) -> impl Iterator<Item = (String, &Row)> {
    let mut last = "";
    rows.iter().map(move |row| {
        if let Some(rest) = row.name().strip_prefix("… ") {
            return (format!("{last}: {rest}"), row);
        }
        last = row.name();
        (last.to_owned(), row)
    })
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}
