//! The text that metrics are exported as: OpenMetrics 1.0.0, or the text format of Prometheus 0.0.4.

use std::{fmt, time::Duration};

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet, prometheus_text, text},
    metrics::MetricType,
    registry::{Registry, Unit},
};

use crate::histogram::Snapshot;

/// A format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// OpenMetrics 1.0.0.
    OpenMetrics,
    /// The text format of Prometheus 0.0.4.
    Prometheus,
}

/// The labels of a sample.
pub(super) type Labels = Vec<(&'static str, String)>;

/// The value of a sample.
#[derive(Debug)]
pub(super) enum Value {
    /// Of a counter.
    Count(u64),
    /// Of a counter of time.
    Time(Duration),
    /// Of a gauge.
    Number(f64),
    /// Of a gauge of a number of things.
    Whole(u64),
    /// Of a histogram whose values are times in microseconds.
    Times(Snapshot),
    /// Of a histogram of numbers.
    Numbers(Snapshot),
    /// Labels that do not change.
    Info,
}

impl Value {
    /// A gauge of a number of things.
    pub(super) fn of(number: impl TryInto<u64>) -> Self {
        Self::Whole(number.try_into().unwrap_or(0))
    }

    fn kind(&self) -> MetricType {
        match self {
            Self::Count(_) | Self::Time(_) => MetricType::Counter,
            Self::Number(_) | Self::Whole(_) => MetricType::Gauge,
            Self::Times(_) | Self::Numbers(_) => MetricType::Histogram,
            Self::Info => MetricType::Info,
        }
    }

    fn encode(&self, labels: &Labels, encoder: &mut MetricEncoder) -> fmt::Result {
        if let Self::Info = self {
            return encoder.encode_info(labels);
        }
        let mut encoder = encoder.encode_family(labels)?;
        match self {
            Self::Count(count) => encoder.encode_counter::<NoLabelSet, _, u64>(count, None),
            Self::Time(time) => {
                encoder.encode_counter::<NoLabelSet, _, f64>(&time.as_secs_f64(), None)
            }
            Self::Number(number) => encoder.encode_gauge(number),
            Self::Whole(number) => encoder.encode_gauge(number),
            Self::Times(times) => {
                let seconds = |micros| Duration::from_micros(micros).as_secs_f64();
                encode_histogram(&mut encoder, times, seconds)
            }
            Self::Numbers(numbers) => encode_histogram(&mut encoder, numbers, float),
            Self::Info => Ok(()),
        }
    }
}

fn encode_histogram(
    encoder: &mut MetricEncoder,
    values: &Snapshot,
    scaled: impl Fn(u64) -> f64,
) -> fmt::Result {
    let bounds = values.bounds.iter().map(|bound| scaled(*bound));
    let bounds = bounds.chain([f64::INFINITY]);
    let buckets: Vec<(f64, u64)> = bounds.zip(values.buckets.iter().copied()).collect();
    encoder.encode_histogram::<NoLabelSet>(scaled(values.sum), values.count(), &buckets, None)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a sum of more than 2^53 need not be exact"
)]
fn float(number: u64) -> f64 {
    number as f64
}

/// Metrics that are read when they are asked for.
#[derive(Debug, Default)]
pub(super) struct Families(Vec<Family>);

#[derive(Debug)]
struct Family {
    name: &'static str,
    help: &'static str,
    unit: Option<Unit>,
    samples: Vec<(Labels, Value)>,
}

impl Families {
    /// Adds a metric with labels. One without samples is not exported.
    pub(super) fn add(
        &mut self,
        (name, help): (&'static str, &'static str),
        unit: Option<Unit>,
        samples: impl IntoIterator<Item = (Labels, Value)>,
    ) {
        self.0.push(Family {
            name,
            help,
            unit,
            samples: samples.into_iter().collect(),
        });
    }

    /// Adds a metric without labels.
    pub(super) fn one(
        &mut self,
        name_and_help: (&'static str, &'static str),
        unit: Option<Unit>,
        value: Value,
    ) {
        self.add(name_and_help, unit, [(Vec::new(), value)]);
    }

    /// These metrics with a prefix.
    pub(super) fn registry(self, prefix: Option<&str>) -> Registry {
        let mut registry = prefix.map_or_else(Registry::default, Registry::with_prefix);
        registry.register_collector(Box::new(self));
        registry
    }
}

impl Collector for Families {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        for family in &self.0 {
            let Some((_, first)) = family.samples.first() else {
                continue;
            };
            let help = format!("{}.", family.help);
            let unit = family.unit.as_ref();
            let mut encoder = encoder.encode_descriptor(family.name, &help, unit, first.kind())?;
            for (labels, value) in &family.samples {
                value.encode(labels, &mut encoder)?;
            }
        }
        Ok(())
    }
}

/// All metrics as text.
pub(super) fn text(registries: &[&Registry], format: Format) -> String {
    let mut text = String::new();
    for registry in registries {
        // Writing to a string cannot fail, here and below.
        let _ = match format {
            Format::OpenMetrics => text::encode_registry(&mut text, registry),
            Format::Prometheus => prometheus_text::encode(&mut text, registry),
        };
    }
    if format == Format::OpenMetrics {
        let _ = text::encode_eof(&mut text);
    }
    text
}
