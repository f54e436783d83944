//! Indexes that the catalogue of a snapshot shows to be missing, at the second level of evidence.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::advice::{self, Choice, Considered, Demand, Limits, NewNames, Offers, Portrait, Refusal};
use crate::catalog::{Catalog, Relation};
use crate::plan::Reads;
use crate::sql::fingerprint::Fingerprint;
use crate::units::{ByteCount, Micros, grouped};
use crate::workload::{Statement, Workload};

use super::super::habit::Price;
use super::super::schema::{self, used};
use super::super::{Confidence, Context, Evidence, Finding};
use super::demands::demands;
use super::{META, Need, Options};

/// What is known of the indexes of one database.
pub(super) struct Advised<'w> {
    catalog: &'w Catalog,
    statements: Vec<(&'w Statement, Demand)>,
    offers: Offers,
    choices: Vec<Choice>,
    /// The time of all statements.
    total: Micros,
    /// Indexes that are needed, whatever new ones there are.
    needed: BTreeSet<String>,
}

/// The advice on each catalogue that snapshots hold.
pub(super) fn advised<'w>(context: &Context<'w>, options: &Options, total: Micros) -> Vec<Advised<'w>> {
    let workload: &'w Workload = context.workload;
    let limits = Limits { most_per_table: options.most_per_table, least_saving: options.min_saving, ..Limits::default() };
    let each = workload.catalogs().iter().filter(|catalog| !catalog.is_empty()).map(|catalog| {
        let is_of = |statement: &Statement| context.catalog_of(statement).is_some_and(|of| std::ptr::eq(of, catalog));
        let statements = demands(workload, catalog, &is_of);
        let asked: Vec<Demand> = statements.iter().map(|(_, demand)| demand.clone()).collect();
        let mut offers = advice::offers(&asked, catalog);
        let choices = advice::chosen(&mut offers, limits);
        Advised { catalog, statements, offers, choices, total, needed: BTreeSet::new() }
    });
    each.collect()
}

/// A statement that a chosen index serves.
struct Served<'a> {
    statement: &'a Statement,
    price: Price,
    before: f64,
    after: f64,
    /// Microseconds of all calls for one unit of cost.
    weight: f64,
    is_guess: bool,
}

impl<'w> Advised<'w> {
    /// Of what was offered and chosen elsewhere.
    pub(super) fn by(
        catalog: &'w Catalog,
        statements: Vec<(&'w Statement, Demand)>,
        (offers, choices): (Offers, Vec<Choice>),
        total: Micros,
    ) -> Self {
        Advised { catalog, statements, offers, choices, total, needed: BTreeSet::new() }
    }

    /// The same, in which these indexes are never told to be redundant.
    pub(super) fn without_replacing(self, needed: BTreeSet<String>) -> Self {
        Advised { needed, ..self }
    }

    /// Whether the catalogue says more of a need than plans do: its table is known, and so is what an index on it would do.
    pub(super) fn overrules(&self, need: &Need<'_>) -> bool {
        let Some(place) = self.statements.iter().position(|(statement, _)| statement.fingerprint == need.statement.fingerprint) else {
            return false;
        };
        let Some(relation) = self.catalog.named(&need.candidate.table) else { return false };
        let is_served = self.choices.iter().any(|choice| {
            let of_table = self.offers.offers[choice.offer].index.relation == relation.oid;
            of_table && choice.serves.iter().any(|cell| self.offers.cells[*cell].demand == place)
        });
        let is_unknown = self.offers.refused.iter().any(|refused| {
            let of_table = refused.table.as_deref().and_then(|table| self.catalog.named(table)).is_none_or(|of| of.oid == relation.oid);
            refused.demand == place && of_table && is_open(&refused.why)
        });
        let is_led_to = self.choices.iter().any(|choice| self.leads_to(&self.offers.offers[choice.offer].index, need));
        is_served || is_led_to || !(is_unknown || need.confidence() == Confidence::High)
    }

    /// What other kinds of index might serve, with the statements.
    pub(super) fn considered(&self) -> impl Iterator<Item = (&'w Statement, &Considered)> {
        self.offers.considered.iter().filter_map(|considered| Some((self.statements.get(considered.demand)?.0, considered)))
    }

    /// The statements with an OR of one table for whose arms there are indexes, or for whose table findings create some.
    pub(super) fn served_ors(&self, findings: &[Finding]) -> BTreeSet<Fingerprint> {
        let is_created = |(statement, demand): &&(&Statement, Demand)| {
            let scans = demand.reading.iter().flat_map(|reading| &reading.scans).filter(|scan| !scan.ors.is_empty());
            let tables: Vec<u32> = scans.filter_map(|scan| self.catalog.named(&scan.table)).map(|table| table.oid).collect();
            findings.iter().any(|finding| {
                let is_of = finding.statement.iter().chain(&finding.related).any(|id| *id == statement.fingerprint);
                let table = finding.data.get("table").and_then(Value::as_str).and_then(|table| self.catalog.named(table));
                is_of && table.is_some_and(|table| tables.contains(&table.oid))
            })
        };
        let created = self.statements.iter().filter(is_created).map(|(statement, _)| statement.fingerprint);
        let led = self.offers.led_ors.iter().filter_map(|place| self.statements.get(*place)).map(|(statement, _)| statement.fingerprint);
        created.chain(led).collect()
    }

    /// Whether the catalogue has a table.
    pub(super) fn knows(&self, table: &str) -> bool {
        self.catalog.named(table).is_some()
    }

    /// Whether an index begins with what a need asks for, in whatever order.
    fn leads_to(&self, index: &advice::Candidate, need: &Need<'_>) -> bool {
        let asked: Vec<&str> = need.candidate.columns.iter().map(|column| column.trim_end_matches(" DESC")).collect();
        let is_of = self.catalog.named(&need.candidate.table).is_some_and(|of| of.oid == index.relation);
        let mut first = index.keys.iter().take(asked.len()).map(|key| key.text.as_str());
        is_of && index.predicate.is_none() && index.keys.len() >= asked.len() && first.all(|key| asked.contains(&key))
    }

    /// The name of an index that serves what a statement asks of a table, if there is one.
    pub(super) fn covering(&self, need: &Need<'_>) -> Option<&str> {
        let relation = self.catalog.named(&need.candidate.table)?;
        self.offers.refused.iter().find_map(|refused| match &refused.why {
            Refusal::Covered(name) => {
                let is_it = self.statements.get(refused.demand).is_some_and(|(of, _)| of.fingerprint == need.statement.fingerprint);
                let of_table =
                    refused.table.as_deref().and_then(|table| self.catalog.named(table)).is_some_and(|of| of.oid == relation.oid);
                (is_it && of_table).then_some(name.as_str())
            }
            _ => None,
        })
    }

    /// The indexes that are worth it, under names that were not given before.
    pub(super) fn findings(&self, needs: &[Need<'_>], options: &Options, names: &mut NewNames) -> Vec<Finding> {
        let worthy = self.choices.iter().filter_map(|choice| {
            let (served, saved) = self.worth(choice, needs, options)?;
            let index = &self.offers.offers[choice.offer].index;
            let mut portrait = advice::portrait(index, self.catalog, names)?;
            portrait.replaces.retain(|name| !self.needed.contains(name));
            let calls = served.iter().map(|served| served.price.calls).sum();
            Some(self.written(&Told { choice, served: &served, portrait: &portrait, calls, saved }, needs))
        });
        worthy.collect()
    }

    /// The statements that a choice serves and what it saves; `None` if that is too little.
    fn worth(&self, choice: &Choice, needs: &[Need<'_>], options: &Options) -> Option<(Vec<Served<'w>>, Micros)> {
        let offer = &self.offers.offers[choice.offer];
        let mut served: Vec<Served<'w>> = Vec::new();
        for &cell in &choice.serves {
            let (of, after) = (&self.offers.cells[cell], offer.after.get(&cell)?);
            let statement = self.statements.get(of.demand)?.0;
            match served.iter_mut().find(|served| served.statement.fingerprint == statement.fingerprint) {
                Some(known) => {
                    (known.before, known.after) = (known.before + of.before, known.after + after.cost);
                    known.is_guess |= after.is_guess;
                }
                None => {
                    let mut price = Price::of(statement);
                    price.share = price.total.0 as f64 / self.total.0.max(1) as f64;
                    served.push(Served {
                        statement,
                        price,
                        before: of.before,
                        after: after.cost,
                        weight: of.weight,
                        is_guess: after.is_guess,
                    });
                }
            }
        }
        served.sort_by_key(|served| (std::cmp::Reverse(served.price.total), served.statement.fingerprint));
        let calls: u64 = served.iter().map(|served| served.price.calls).sum();
        let saved = served.iter().map(|served| served.saved(self.need(served, &offer.index, needs))).sum::<f64>();
        let saved = Micros::floor(saved);
        let share = saved.0 as f64 / self.total.0.max(1) as f64;
        if share < options.min_share || (calls < options.min_calls && saved < super::LONG) {
            return None;
        }
        Some((served, saved))
    }

    fn written(&self, told: &Told<'_, '_>, needs: &[Need<'_>]) -> Finding {
        let index = &self.offers.offers[told.choice.offer].index;
        let table = &index.table;
        let columns = index.columns().join(", ");
        let mut shown: Vec<&Need<'_>> = told.served.iter().filter_map(|served| self.need(served, index, needs)).collect();
        let mut ids: Vec<_> = told.served.iter().map(|served| served.statement.fingerprint).collect();
        // The model may not see what a plan shows.
        for need in needs.iter().filter(|need| is_shown(need) && self.leads_to(index, need)) {
            if !ids.contains(&need.statement.fingerprint) {
                ids.push(need.statement.fingerprint);
                shown.push(need);
            }
        }
        let confidence = match (shown.is_empty(), told.served.iter().all(|served| served.is_guess)) {
            (false, _) => Confidence::High,
            (true, false) => Confidence::Medium,
            (true, true) => Confidence::Low,
        };
        let seems = if confidence == Confidence::Low { "possibly no" } else { "no" };
        let mut evidence = vec![self.priced(told, index)];
        evidence.extend(self.catalog.relation(index.relation).and_then(|relation| read_whole(relation, table)));
        evidence.extend(shown.iter().take(3).map(|need| super::shown(need)));
        evidence.extend(told.served.iter().take(3).map(|served| served.price.evidence()));
        Finding {
            rule: META.id,
            severity: told.served.iter().map(|served| served.price.severity()).max().unwrap_or_default(),
            confidence,
            title: format!("{seems} index leads to {table} by ({columns})"),
            statement: ids.first().copied(),
            related: ids.iter().skip(1).copied().collect(),
            occurrences: told.calls,
            cost: Some(told.saved).filter(|_| confidence > Confidence::Low),
            evidence,
            data: self.data(told, index, &ids.iter().map(ToString::to_string).collect::<Vec<_>>()),
            remedy: remedy(told, index, (confidence, advice::most_common(index, self.catalog))) + &self.companions(told),
            ddl: Some(format!("{};", told.portrait.ddl)),
            ..Finding::default()
        }
    }

    /// A word on the indexes without which it is of no use to an OR.
    fn companions(&self, told: &Told<'_, '_>) -> String {
        let of = |offer: &usize| {
            let index = &self.offers.offers[*offer].index;
            format!("({})", index.columns().join(", "))
        };
        match told.choice.together.iter().map(of).collect::<Vec<_>>().as_slice() {
            [] => String::new(),
            [one] => format!(" An OR needs it together with the index on {one}: neither serves alone."),
            all => format!(" ORs need it together with the indexes on {}: it serves none of them alone.", all.join(" and ")),
        }
    }

    /// What plans show of a statement and a table.
    fn need<'n>(&self, served: &Served<'_>, index: &advice::Candidate, needs: &'n [Need<'n>]) -> Option<&'n Need<'n>> {
        needs.iter().find(|need| {
            need.statement.fingerprint == served.statement.fingerprint
                && self.catalog.named(&need.candidate.table).is_some_and(|of| of.oid == index.relation)
                && is_shown(need)
        })
    }

    /// What the planner would think, and what the index would cost.
    fn priced(&self, told: &Told<'_, '_>, index: &advice::Candidate) -> Evidence {
        let relation = self.catalog.relation(index.relation);
        let (rows, pages) = relation.map_or((0, 0), |relation| (Micros::floor(relation.tuples).0, relation.pages.unsigned_abs()));
        let (before, after) = told.costs();
        let size = ByteCount(told.portrait.size.bytes());
        let text = format!(
            "the snapshot has {} rows on {} pages: to find what is asked costs the planner {} where the index would cost {}; it would take about {size}, and each row written would grow by {:.0} %",
            grouped(rows),
            grouped(pages),
            figure(before),
            figure(after),
            told.portrait.write_overhead * 100.0
        );
        let data = json!({"rows": rows, "pages": pages, "cost_before": before, "cost_after": after, "size_bytes": told.portrait.size.bytes(),
            "write_overhead": told.portrait.write_overhead, "upkeep_us": Micros::floor(self.offers.offers[told.choice.offer].upkeep).0});
        Evidence { kind: "catalog", text, data: data.as_object().cloned().unwrap_or_default() }
    }

    fn data(&self, told: &Told<'_, '_>, index: &advice::Candidate, serves: &[String]) -> Map<String, Value> {
        let expressions: Vec<&str> =
            index.keys.iter().filter(|key| matches!(key.on, advice::On::Expression(_))).map(|key| key.text.as_str()).collect();
        let (before, after) = told.costs();
        let data = json!({
            "table": index.table, "columns": index.columns(), "method": "btree",
            "expression": if expressions.is_empty() { Value::Null } else { json!(expressions.join(", ")) },
            "where": index.predicate.as_ref().map(|predicate| predicate.text.clone()), "level": "catalog", "serves": serves,
            "cost_before": before, "cost_after": after, "write_overhead": told.portrait.write_overhead,
            "replaces": told.portrait.replaces,
        });
        data.as_object().cloned().unwrap_or_default()
    }
}

/// How often a table was read from its first row to its last, which alone would say nothing of an index.
fn read_whole(relation: &Relation, table: &str) -> Option<Evidence> {
    let (scans, rows) = (used(relation, "seq_scan").filter(|scans| *scans >= 1.0)?, used(relation, "seq_tup_read")?);
    let text = format!(
        "since the counters began, {} scans read {table} without an index, {} rows each on average",
        schema::whole(scans),
        schema::whole(rows / scans)
    );
    let data = json!({"seq_scan": scans, "seq_tup_read": rows});
    Some(Evidence { kind: "catalog", text, data: data.as_object().cloned().unwrap_or_default() })
}

/// Whether a plan counted the rows of a whole table.
fn is_shown(need: &Need<'_>) -> bool {
    need.candidate.waste.as_ref().is_some_and(|waste| waste.examined.is_some() && waste.reads == Reads::Whole)
}

impl Served<'_> {
    /// Microseconds that the index saves: of what plans show that the scan takes, or else of what the model thinks that it does.
    fn saved(&self, need: Option<&Need<'_>>) -> f64 {
        let part = if self.before > 0.0 { ((self.before - self.after) / self.before).clamp(0.0, 1.0) } else { 0.0 };
        need.map_or(self.weight * self.before, |need| need.cost.0 as f64) * part
    }
}

/// A chosen index, ready to be told.
struct Told<'a, 's> {
    choice: &'a Choice,
    served: &'a [Served<'s>],
    portrait: &'a Portrait,
    calls: u64,
    saved: Micros,
}

impl Told<'_, '_> {
    /// What a call costs now and with the index, as a mean over all calls that it serves.
    fn costs(&self) -> (f64, f64) {
        let calls = self.calls.max(1) as f64;
        let mean =
            |of: fn(&Served<'_>) -> f64| self.served.iter().map(|served| of(served) * served.price.calls as f64).sum::<f64>() / calls;
        (mean(|served| served.before), mean(|served| served.after))
    }
}

/// Whether nothing is said by a refusal of whether an index would help.
fn is_open(why: &Refusal) -> bool {
    use crate::advice::Reason;
    matches!(why, Refusal::Unread(_) | Refusal::Table(Reason::Unknown | Reason::View | Reason::Partitioned | Reason::Unanalysed))
}

fn remedy(told: &Told<'_, '_>, index: &advice::Candidate, (confidence, common): (Confidence, Option<f64>)) -> String {
    let mut remedy = String::from("Create the index; CONCURRENTLY keeps writes going, and must not be in a transaction.");
    if index.keys.iter().any(|key| matches!(key.on, advice::On::Expression(_))) {
        remedy.push_str(&format!(" Then ANALYZE {}, so that the planner knows the expression's values.", index.table));
    }
    if confidence == Confidence::Low {
        remedy.push_str(" How many rows match is not in the statistics of the snapshot: try EXPLAIN with usual values first.");
    }
    // With more behind it the index may give those an order, or all that is asked for.
    if let (Some(common), [first]) = (common, index.keys.as_slice()) {
        remedy.push_str(&format!(
            " It depends on the value: {:.0} % of the rows have the same {}, and for those alone no index is of use.",
            common * 100.0,
            first.text
        ));
    }
    match told.portrait.replaces.as_slice() {
        [] => {}
        [one] => remedy.push_str(&format!(" It makes {one} redundant.")),
        all => remedy.push_str(&format!(" It makes redundant: {}.", all.join(", "))),
    }
    remedy
}

/// A cost with as many digits as mean something.
fn figure(cost: f64) -> String {
    if cost >= 100.0 { grouped(Micros::floor(cost.round()).0) } else { format!("{cost:.1}") }
}
