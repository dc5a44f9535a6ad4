//! Every metric of a process, declared in one place.
//!
//! Like the log, metrics belong to the process, and every layer but the domain can reach them:
//! `metrics().sign_ins.get(…).inc()`. A metric without labels or with fixed label values costs one atomic addition; one
//! with values known only at run time costs a look-up under a read lock. No metric grows without bound: values that
//! clients choose go through [`BoundedNames`] first.

mod catalog;
mod gauge_guard;
mod kind;
mod labels;
mod names;
mod process;
mod render;

pub use catalog::{Declaration, Metrics, declarations, metrics};
pub use gauge_guard::GaugeGuard;
pub use kind::{FixedFamily, Label, LabelledFamily};
pub use labels::{BusMessageOutcome, CacheName, Component, Outcome, PoolState, Transport};
pub use names::BoundedNames;
pub use render::{CONTENT_TYPE, render};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn declarations_are_unique_and_named_by_the_rules() {
        let declarations = declarations();
        for declaration in &declarations {
            let Declaration { name, kind, labels, help } = *declaration;
            assert_eq!(declarations.iter().filter(|other| other.name == name).count(), 1, "{name} is declared twice");
            assert!(name.starts_with("orderwire_") || name.starts_with("process_"), "{name}");
            assert_eq!(kind == "counter", name.ends_with("_total"), "{name} is a {kind}");
            assert!(help.ends_with('.') || help.ends_with(".\n"), "{name}: {help}");
            assert!(!labels.iter().any(|label| ["le", "quantile", "instance", "job"].contains(label)), "{name}");
        }
    }

    #[test]
    fn every_series_of_a_fixed_label_is_rendered_from_the_start() {
        let text = render();
        for line in [
            "orderwire_deliveries_total{transport=\"graphql-transport-ws\"} 0",
            "orderwire_bus_messages_total{outcome=\"dropped\"} 0",
            concat!("orderwire_build_info{version=\"", env!("CARGO_PKG_VERSION"), "\"} 1"),
        ] {
            assert!(text.lines().any(|other| other == line), "{line} is not in:\n{text}");
        }
    }

    #[test]
    fn a_gauge_guard_counts_until_it_is_dropped() {
        let gauge = metrics().subscriptions.with_labels(["aFieldOfThisTest"]);
        let held = [GaugeGuard::new(&gauge), GaugeGuard::new(&gauge)];
        assert_eq!(gauge.get(), 2);
        drop(held);
        assert_eq!(gauge.get(), 0);
    }
}
