//! The kinds of metrics, and how they are declared.

use prometheus_client::{
    encoding::EncodeMetric,
    metrics::{
        MetricType, TypedMetric,
        counter::Counter,
        family::{Family, MetricConstructor},
        gauge::Gauge,
        histogram::Histogram,
    },
    registry::{Metric, Registry},
};
use std::{fmt::Debug, sync::atomic::AtomicU64};

/// A metric of one series.
pub trait Series: Metric + EncodeMetric + TypedMetric + Clone + Debug {
    /// A new series at 0; `buckets` are the upper bounds of a histogram's.
    fn new(buckets: &'static [f64]) -> Self;
}

macro_rules! series {
    ($($type:ty),+) => {$(
        impl Series for $type {
            fn new(_: &'static [f64]) -> Self {
                Self::default()
            }
        }
    )+};
}

series!(Counter, Counter<f64, AtomicU64>, Gauge, Gauge<f64, AtomicU64>);

impl Series for Histogram {
    fn new(buckets: &'static [f64]) -> Self {
        Self::new(buckets.iter().copied())
    }
}

/// A kind of metric that can be declared.
pub(super) trait MetricKind: Clone {
    /// How many labels the kind has; a declaration with another number does not compile.
    const LABELS: usize;

    /// The metric with these [`Self::LABELS`] labels.
    fn declare(labels: &'static [&'static str], buckets: &'static [f64]) -> Self;

    /// Registers it, so that it is rendered.
    fn register(&self, registry: &mut Registry, name: &str, help: &str);

    /// `counter`, `gauge` or `histogram`.
    fn type_name() -> &'static str;
}

impl<M: Series> MetricKind for M {
    const LABELS: usize = 0;

    fn declare(_: &'static [&'static str], buckets: &'static [f64]) -> Self {
        M::new(buckets)
    }

    fn register(&self, registry: &mut Registry, name: &str, help: &str) {
        registry.register(name, help, self.clone());
    }

    fn type_name() -> &'static str {
        match M::TYPE {
            MetricType::Counter => "counter",
            MetricType::Gauge => "gauge",
            _ => "histogram",
        }
    }
}

/// Makes series with these buckets.
#[derive(Clone, Copy)]
pub struct Buckets(&'static [f64]);

impl<M: Series> MetricConstructor<M> for Buckets {
    fn new_metric(&self) -> M {
        M::new(self.0)
    }
}

type Labels<const N: usize> = [(&'static str, &'static str); N];

/// Series with `N` labels, whose values are known only at run time. There must be few sets of values, because each one
/// is kept for the life of the process.
#[derive(Clone)]
pub struct LabelledFamily<M, const N: usize> {
    names: [&'static str; N],
    family: Family<Labels<N>, M, Buckets>,
}

impl<M: Series, const N: usize> LabelledFamily<M, N> {
    /// The series with these values, in the order of the labels.
    pub fn with_labels(&self, values: [&'static str; N]) -> M {
        self.family.get_or_create_owned(&std::array::from_fn(|label| (self.names[label], values[label])))
    }

    /// Forgets the series with these values.
    pub fn remove(&self, values: [&'static str; N]) {
        self.family.remove(&std::array::from_fn(|label| (self.names[label], values[label])));
    }
}

impl<M: Series, const N: usize> MetricKind for LabelledFamily<M, N> {
    const LABELS: usize = N;

    fn declare(labels: &'static [&'static str], buckets: &'static [f64]) -> Self {
        let names = std::array::from_fn(|label| labels[label]);
        Self { names, family: Family::new_with_constructor(Buckets(buckets)) }
    }

    fn register(&self, registry: &mut Registry, name: &str, help: &str) {
        registry.register(name, help, self.family.clone());
    }

    fn type_name() -> &'static str {
        <M as MetricKind>::type_name()
    }
}

/// A label with a fixed set of values.
pub trait Label: Copy + 'static {
    /// The text of every value, by its discriminant.
    const VALUES: &'static [&'static str];

    /// Its place in [`Label::VALUES`].
    fn index(self) -> usize;
}

/// One series for each value of a label. All series exist from the start and are reached without a lock.
#[derive(Clone)]
pub struct FixedFamily<L, M> {
    series: Vec<M>,
    family: Family<Labels<1>, M, Buckets>,
    label: std::marker::PhantomData<fn(L)>,
}

impl<L: Label, M> FixedFamily<L, M> {
    /// The series with this value.
    pub fn get(&self, value: L) -> &M {
        &self.series[value.index()]
    }
}

impl<L: Label, M: Series> MetricKind for FixedFamily<L, M> {
    const LABELS: usize = 1;

    fn declare(labels: &'static [&'static str], buckets: &'static [f64]) -> Self {
        let LabelledFamily { names: [name], family } = LabelledFamily::<M, 1>::declare(labels, buckets);
        let series = L::VALUES.iter().map(|value| family.get_or_create_owned(&[(name, value)])).collect();
        Self { series, family, label: std::marker::PhantomData }
    }

    fn register(&self, registry: &mut Registry, name: &str, help: &str) {
        registry.register(name, help, self.family.clone());
    }

    fn type_name() -> &'static str {
        <M as MetricKind>::type_name()
    }
}

/// A label with a fixed set of values.
macro_rules! label {
    ($(#[$about:meta])* $Name:ident { $($(#[$doc:meta])* $Variant:ident = $value:literal,)+ }) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $Name { $($(#[$doc])* $Variant,)+ }

        impl $crate::telemetry::metrics::kind::Label for $Name {
            const VALUES: &'static [&'static str] = &[$($value),+];

            fn index(self) -> usize {
                self as usize
            }
        }
    };
}
pub(super) use label;

/// Declares all metrics: a field for each, whose doc comment is its help text.
macro_rules! metrics {
    ($(
        #[doc = $help:literal]
        $field:ident: $kind:ty = $name:literal $(by $($label:literal),+)? $(, buckets $buckets:expr)?;
    )+) => {
        /// Every metric of the process.
        pub struct Metrics {
            registry: Registry,
            $(#[doc = $help] pub $field: $kind,)+
        }

        impl Metrics {
            fn new() -> Self {
                let mut registry = Registry::default();
                $(
                    let buckets: Option<&'static [f64]> = None$(.or(Some($buckets)))?;
                    const {
                        let labels: &[&str] = &[$($($label),+)?];
                        assert!(<$kind as MetricKind>::LABELS == labels.len(), "the kind of metric has a different number of labels");
                    }
                    let $field = <$kind as MetricKind>::declare(&[$($($label),+)?], buckets.unwrap_or_default());
                    // The registry adds the ending of counters and the full stop.
                    let name = $name.strip_suffix("_total").unwrap_or($name);
                    $field.register(&mut registry, name, $help.trim().trim_end_matches('.'));
                )+
                Self { registry, $($field,)+ }
            }

            /// The registry that holds all of them.
            pub(super) fn registry(&self) -> &Registry {
                &self.registry
            }
        }

        /// Every metric, in the order in which they are rendered.
        pub fn declarations() -> Vec<Declaration> {
            vec![$(Declaration {
                name: $name,
                kind: <$kind as MetricKind>::type_name(),
                labels: &[$($($label),+)?],
                help: $help.trim_ascii(),
            },)+]
        }
    };
}
pub(super) use metrics;
