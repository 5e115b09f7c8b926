//! The table of results.

use crate::{cpu::machine, options::Options, statistics::Spread};

/// A row of the table.
pub struct Row {
    name: String,
    subject: String,
    baseline: String,
    /// Of subject, baseline and ratio; none if the row has no figure.
    medians: Option<[f64; 3]>,
    /// Whether more is better than less.
    is_rate: bool,
    ratio: String,
    target: String,
    reached: &'static str,
}

/// The target of a ratio.
#[derive(Clone, Copy)]
pub enum Target {
    /// At least this much.
    AtLeast(f64),
    /// At most this much.
    AtMost(f64),
    /// No target.
    None,
}

impl Row {
    /// A figure with a target for its median ratio. `unit` is that of subject and baseline.
    pub fn ratio(
        name: &str,
        unit: &str,
        subject: &[f64],
        baseline: &[f64],
        target: Target,
    ) -> Self {
        let ratios = subject
            .iter()
            .zip(baseline)
            .map(|(subject, baseline)| subject / baseline);
        let ratio = Spread::of(ratios.collect());
        let median = |values: &[f64]| Spread::of(values.to_vec()).median;
        let (subject, baseline) = (median(subject), median(baseline));
        let (target, reached) = match target {
            Target::AtLeast(least) => (format!("≥ {least}"), yes_or_no(ratio.median >= least)),
            Target::AtMost(most) => (format!("≤ {most}"), yes_or_no(ratio.median <= most)),
            Target::None => (String::new(), ""),
        };
        Self {
            name: name.to_owned(),
            subject: format!("{} {unit}", shown(subject)),
            baseline: format!("{} {unit}", shown(baseline)),
            medians: Some([subject, baseline, ratio.median]),
            is_rate: unit == "/s",
            ratio: ratio.to_string(),
            target,
            reached,
        }
    }

    /// Replaces the target with an absolute one.
    pub fn with_target(mut self, target: &str, reached: bool) -> Self {
        target.clone_into(&mut self.target);
        self.reached = yes_or_no(reached);
        self
    }

    /// A row for a figure that could not be measured.
    pub fn without_figure(name: &str, reason: &str) -> Self {
        Self {
            name: name.to_owned(),
            subject: format!("failed: {reason}"),
            baseline: String::new(),
            medians: None,
            is_rate: false,
            ratio: String::new(),
            target: String::new(),
            reached: "",
        }
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether there are two different figures to compare.
    pub fn has_baseline(&self) -> bool {
        self.medians
            .is_some_and(|[subject, baseline, _]| (subject - baseline).abs() > 0.0)
    }

    /// The median, and how it is shown.
    pub fn subject(&self) -> (f64, &str) {
        (self.medians.unwrap_or_default()[0], &self.subject)
    }

    /// The same of the baseline.
    pub fn baseline(&self) -> (f64, &str) {
        (self.medians.unwrap_or_default()[1], &self.baseline)
    }

    pub fn median_ratio(&self) -> f64 {
        self.medians.unwrap_or_default()[2]
    }

    /// Which of two figures is the better one.
    pub fn better(&self) -> &'static str {
        if self.is_rate {
            "more is better"
        } else {
            "less is better"
        }
    }

    fn cells(&self) -> [&str; 6] {
        [
            &self.name,
            &self.subject,
            &self.baseline,
            &self.ratio,
            &self.target,
            self.reached,
        ]
    }
}

fn yes_or_no(reached: bool) -> &'static str {
    if reached { "yes" } else { "NO" }
}

fn shown(value: f64) -> String {
    let digits = match value {
        ..1.0 => 3,
        ..100.0 => 1,
        _ => 0,
    };
    format!("{value:.digits$}")
}

/// Prints the table to standard output.
pub fn print(options: &Options, rows: &[Row]) {
    const HEAD: [&str; 6] = [
        "figure",
        "munjigi",
        "baseline",
        "ratio (rounds)",
        "target",
        "reached",
    ];
    let mut widths = HEAD.map(|cell| cell.chars().count());
    // A failure reason does not widen the columns.
    for row in rows.iter().filter(|row| !row.ratio.is_empty()) {
        for (width, cell) in widths.iter_mut().zip(row.cells()) {
            *width = (*width).max(cell.chars().count());
        }
    }
    println!(
        "\nMedian of {} rounds of {} s, measured alternately; minimum and maximum in parentheses. {}.\n",
        options.rounds,
        options.seconds(),
        machine()
    );
    for cells in std::iter::once(HEAD).chain(rows.iter().map(Row::cells)) {
        let padded = cells
            .iter()
            .zip(widths)
            .map(|(cell, width)| format!("{cell:width$}"));
        println!("{}", padded.collect::<Vec<_>>().join("  ").trim_end());
    }
}
