//! Why there is no advice on indexes for a statement, for whoever asks.

use crate::advice::{self, CatalogNames, Refused};
use crate::sql::shape::on_a_deep_stack;
use crate::workload::{Statement, Workload};

use super::super::habit::Price;
use super::demands::demand;
use super::tried::limits;

/// Why no index is advised for a statement, by the catalogue of a snapshot: a reason for each of its tables. Empty if there is
/// no catalogue, or if there is nothing against one.
#[must_use]
pub fn unadvised(workload: &Workload, statement: &Statement, options: &super::super::Options) -> Vec<String> {
    let Some(catalog) = workload.catalog_of(statement) else { return Vec::new() };
    let read = || vec![demand(statement, &Price::of(statement), &CatalogNames(catalog))];
    let demands = on_a_deep_stack(read).unwrap_or_default();
    let mut offers = advice::offers(&demands, catalog);
    let mut reasons: Vec<String> = offers.refused.iter().map(Refused::text).collect();
    let serving = offers.offers.iter().find(|offer| !offer.after.is_empty()).map(|offer| offer.index.on());
    if let Some(most) = serving.filter(|_| advice::chosen(&mut offers, limits(options)).is_empty()) {
        reasons.push(format!("an index such as one on {most} would save too little of a plan, or cost more at writes"));
    }
    reasons.sort();
    reasons.dedup();
    reasons
}
