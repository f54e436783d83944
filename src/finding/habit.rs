//! What the rules on the text of single statements have in common: they speak only of statements that cost something, and
//! only one of them of each.
//!
//! A text is never reason enough. A statement is read when its price is above the floor of some rule, by what was logged of
//! its first example; then the rules are asked in the order of [`JUDGES`], and the first that answers has the statement.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::sql::shape::habits::{self, Habit, Habits, Kind};
use crate::sql::shape::on_a_deep_stack;
use crate::units::{Micros, grouped};
use crate::workload::{Count, Key, Permille, Sample, Statement, Workload, micros};

use super::{Choice, Confidence, Context, Evidence, Finding, Severity, fits};

/// Below it a rule on the text of a statement is silent.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(default)]
pub(super) struct Floor {
    /// Fewer calls say nothing.
    min_calls: u64,
    /// A share of the time of all statements, 0 to 1, that is worth a line for calls of a millisecond and more; slow ones are
    /// from a tenth of it on.
    min_share: f64,
    /// A call is slow whose mean is so many milliseconds.
    min_mean_ms: f64,
    /// Or whose 95th percentile is so many.
    min_p95_ms: f64,
}

impl Default for Floor {
    fn default() -> Self {
        Floor { min_calls: 5, min_share: 0.01, min_mean_ms: 20.0, min_p95_ms: 100.0 }
    }
}

impl Floor {
    fn is_slow(&self, price: &Price) -> bool {
        price.mean >= self.min_mean_ms * 1_000.0 || price.p95.is_some_and(|p95| p95.0 as f64 >= self.min_p95_ms * 1_000.0)
    }

    fn is_passed(&self, price: &Price) -> bool {
        let is_large = price.share >= self.min_share && price.mean >= TRIVIAL;
        let is_slow = price.share >= self.min_share / 10.0 && self.is_slow(price);
        price.calls >= self.min_calls && (is_large || is_slow)
    }
}

/// Options of a rule on statements that return many rows.
#[derive(Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct LeastRows {
    /// Fewer rows a call are no finding.
    pub(super) min_rows: u64,
    #[serde(flatten)]
    _floor: Floor,
}

impl Default for LeastRows {
    fn default() -> Self {
        LeastRows { min_rows: 1_000, _floor: Floor::default() }
    }
}

/// Options of a rule that has none but its floor.
#[derive(Default, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
struct OnlyFloor {
    #[serde(flatten)]
    _floor: Floor,
}

/// Whether options are those of a floor.
pub(super) fn accepts(options: &Value) -> Result<Vec<Choice>, String> {
    fits::<OnlyFloor>(options)
}

/// Microseconds that no way of writing makes worth a line.
const TRIVIAL: f64 = 1_000.0;

/// At most so many statements are read, those first that cost most.
const MOST: usize = 500;

/// So many blocks for one row tell that most of what was read was thrown away.
const BLOCKS_PER_ROW: f64 = 1_000.0;

/// What a statement took, from its log or, where they know of more calls, from its counters.
#[derive(Clone, Debug)]
pub(super) struct Price {
    /// Executions.
    pub(super) calls: u64,
    /// Their time.
    pub(super) total: Micros,
    /// Microseconds a call.
    pub(super) mean: f64,
    /// The median, where single calls are known.
    pub(super) p50: Option<Micros>,
    /// The 95th percentile, likewise.
    pub(super) p95: Option<Micros>,
    /// Of the time of all statements, 0 to 1.
    pub(super) share: f64,
    /// Rows returned or written by all calls, where that is told.
    rows: Option<u64>,
    /// Blocks for each row, where counters tell.
    pub(super) blocks_per_row: Option<f64>,
}

impl Price {
    pub(super) fn of(statement: &Statement) -> Self {
        let counted = statement.counted.as_deref().and_then(|counted| Some((counted, counted.all()?)));
        let logged = Price {
            calls: statement.calls(),
            total: statement.latency.total(),
            mean: statement.latency.mean().unwrap_or_default(),
            p50: statement.latency.at(Permille(500)),
            p95: statement.latency.at(Permille(950)),
            share: 0.0,
            rows: statement.rows,
            blocks_per_row: None,
        };
        let Some((counted, moments)) = counted.filter(|(_, moments)| moments.count() > logged.calls) else { return logged };
        let rows = counted.count(Count::Rows);
        let blocks = counted.count(Count::SharedHit).zip(counted.count(Count::SharedRead)).map(|(hit, read)| hit.saturating_add(read));
        Price {
            calls: moments.count(),
            total: micros(moments.total()),
            mean: moments.average() * 1_000.0,
            rows,
            blocks_per_row: blocks.zip(rows).map(|(blocks, rows)| blocks as f64 / rows.max(1) as f64),
            ..logged
        }
    }

    /// Rows of a call, rounded down, where that is told.
    pub(super) fn rows(&self) -> Option<u64> {
        self.rows.map(|rows| rows / self.calls.max(1))
    }

    fn exact_rows(&self) -> Option<f64> {
        self.rows.map(|rows| rows as f64 / self.calls.max(1) as f64)
    }

    /// How bad that is.
    pub(super) fn severity(&self) -> Severity {
        let latency = self.p95.map_or(self.mean, |p95| p95.0 as f64);
        match () {
            () if latency >= 100_000.0 && self.share >= 0.1 || latency >= 1_000_000.0 && self.share >= 0.01 => Severity::High,
            () if latency >= 100_000.0 || self.share >= 0.05 => Severity::Medium,
            () => Severity::Low,
        }
    }

    pub(super) fn evidence(&self) -> Evidence {
        let mut text = format!("{} calls, mean {}", grouped(self.calls), Micros::floor(self.mean));
        if let Some(p95) = self.p95 {
            text.push_str(&format!(", p95 {p95}"));
        }
        text.push_str(&format!(", {:.1} % of all time", self.share * 100.0));
        if let Some(rows) = self.exact_rows() {
            text.push_str(&format!(", {rows:.1} rows a call"));
        }
        if let Some(blocks) = self.blocks_per_row {
            text.push_str(&format!(", {blocks:.0} blocks a row"));
        }
        let data = json!({
            "calls": self.calls, "total_us": self.total.0, "mean_us": self.mean, "p95_us": self.p95.map(|p95| p95.0),
            "share": self.share, "rows_per_call": self.exact_rows(), "blocks_per_row": self.blocks_per_row,
        });
        Evidence::counted(text, data)
    }
}

/// A statement above the floor, as a rule is asked about it.
pub(super) struct Case<'c> {
    /// The statement.
    pub(super) statement: &'c Statement,
    /// What it took.
    pub(super) price: Price,
    /// What was read in its text.
    pub(super) habits: Habits,
    /// Values in its longest list, as far as its example shows.
    pub(super) list: u64,
    /// Its calls are slow by the floor of the rule that is asked.
    pub(super) is_slow: bool,
}

impl Case<'_> {
    /// The first habit of a kind.
    pub(super) fn habit(&self, kind: Kind) -> Option<&Habit> {
        self.habits.of(kind)
    }

    /// How surely a text explains a price that it fits: never more than likely.
    pub(super) fn fitting(&self) -> Confidence {
        let is_wasteful = self.price.blocks_per_row.is_some_and(|blocks| blocks >= BLOCKS_PER_ROW);
        if self.is_slow || is_wasteful { Confidence::Medium } else { Confidence::Low }
    }

    /// Whether its example was too long to be kept whole.
    pub(super) fn is_cut(&self) -> bool {
        self.statement.sample.is_cut
    }

    /// Whether a call is known to touch fewer rows.
    pub(super) fn has_fewer_rows(&self, than: u64) -> bool {
        self.price.rows().is_some_and(|rows| rows < than)
    }

    /// Whether a call is known to touch so many rows.
    pub(super) fn has_rows(&self, least: u64) -> bool {
        self.price.rows().is_some_and(|rows| rows >= least)
    }
}

/// What a rule says of a statement.
pub(super) struct Verdict {
    /// What it is about, unless that is the whole statement.
    pub(super) habit: Option<Habit>,
    /// One line.
    pub(super) title: String,
    /// What in the text is meant.
    pub(super) reason: String,
    /// How sure it is.
    pub(super) confidence: Confidence,
    /// Whether most of the time is lost to it, so that the time of all calls is what it costs at most.
    pub(super) is_cause: bool,
    /// What to do.
    pub(super) remedy: String,
}

/// Asks a rule about a statement; `None` where it has nothing to say.
type Judge = fn(&Case<'_>, &Context<'_>) -> Option<Verdict>;

/// The rules by name, in the order in which they are asked: those first that explain most.
#[rustfmt::skip]
static JUDGES: &[(&str, Judge)] = &[
    ("write-without-where", super::write_without_where::judge),
    ("lock-without-limit", super::lock_without_limit::judge),
    ("order-by-random", super::order_by_random::judge),
    ("cartesian-join", super::cartesian_join::judge),
    ("leading-wildcard", super::leading_wildcard::judge),
    ("not-in-subquery", super::not_in_subquery::judge),
    ("correlated-subquery", super::correlated_subquery::judge),
    ("huge-in-list", super::huge_in_list::judge),
    ("deep-offset", super::deep_offset::judge),
    ("count-for-existence", super::count_for_existence::judge),
    ("count-without-filter", super::count_without_filter::judge),
    ("json-filter", super::json_filter::judge),
    ("cast-on-column", super::cast_on_column::judge),
    ("function-on-column", super::function_on_column::judge),
    ("or-across-columns", super::or_across_columns::judge),
    ("case-insensitive-match", super::case_insensitive_match::judge),
    ("distinct-join", super::distinct_join::judge),
    ("unbounded-select", super::unbounded_select::judge),
    ("select-star", super::select_star::judge),
    ("full-row-update", super::full_row_update::judge),
];

/// A table in a sentence.
pub(super) fn table(habit: &Habit) -> &str {
    habit.table.as_deref().unwrap_or("a table")
}

/// A column in a sentence, with its table where that is known.
pub(super) fn column(habit: &Habit) -> String {
    let column = habit.column.as_deref().unwrap_or("a column");
    habit.table.as_ref().map_or_else(|| column.to_owned(), |table| format!("{table}.{column}"))
}

/// An index on an expression over a column, for a sentence.
pub(super) fn index(habit: &Habit, expression: &str) -> String {
    habit.table.as_ref().map_or_else(|| format!("an index on {expression}"), |table| format!("an index on {table} ({expression})"))
}

/// A column in an expression, without its table.
pub(super) fn bare(habit: &Habit) -> &str {
    habit.column.as_deref().unwrap_or("column")
}

/// What all of these rules found.
pub(super) fn all<'c>(context: &'c Context<'_>) -> &'c [Finding] {
    context.shaped.get_or_init(|| judged(context))
}

/// What a rule found.
pub(super) fn findings(rule: &'static str, context: &Context<'_>) -> Vec<Finding> {
    all(context).iter().filter(|finding| finding.rule == rule).cloned().collect()
}

fn judged(context: &Context<'_>) -> Vec<Finding> {
    let floors: Vec<Floor> = JUDGES.iter().map(|(rule, _)| context.options(rule)).collect();
    let mut cases = read(priced(context.workload, &floors));
    let mut findings = Vec::new();
    for case in &mut cases {
        for ((rule, judge), floor) in JUDGES.iter().zip(&floors) {
            if !floor.is_passed(&case.price) {
                continue;
            }
            case.is_slow = floor.is_slow(&case.price);
            if let Some(verdict) = judge(case, context) {
                findings.push(finding(rule, case, verdict));
                break;
            }
        }
    }
    findings
}

/// Statements above some floor with their price, the dearest first.
fn priced<'w>(workload: &'w Workload, floors: &[Floor]) -> Vec<(&'w Statement, Price)> {
    let mut all: Vec<(&Statement, Price)> = workload.statements().map(|statement| (statement, Price::of(statement))).collect();
    let total: Micros = all.iter().map(|(_, price)| price.total).sum();
    all.iter_mut().for_each(|(_, price)| price.share = price.total.0 as f64 / total.0.max(1) as f64);
    all.retain(|(statement, price)| floors.iter().any(|floor| floor.is_passed(price)) && !is_of_a_dump(statement, workload));
    all.sort_by(|(a, x), (b, y)| y.total.cmp(&x.total).then_with(|| a.fingerprint.cmp(&b.fingerprint)));
    all.truncate(MOST);
    all
}

pub(super) fn is_of_a_dump(statement: &Statement, workload: &Workload) -> bool {
    workload.shares(statement, &Key::Application).first().is_some_and(|(name, _)| name.starts_with("pg_dump"))
}

/// Reads the texts, on a thread whose stack is deep enough.
fn read<'w>(priced: Vec<(&'w Statement, Price)>) -> Vec<Case<'w>> {
    if priced.is_empty() {
        return Vec::new();
    }
    on_a_deep_stack(|| priced.into_iter().filter_map(|(statement, price)| case(statement, price)).collect()).unwrap_or_default()
}

fn case(statement: &Statement, price: Price) -> Option<Case<'_>> {
    let Sample { sql, parameters, is_cut, .. } = &statement.sample;
    // What is cut may still parse, as something else.
    let example = (!is_cut).then(|| String::from_utf8_lossy(sql));
    let habits = example.and_then(|sql| habits::read(&sql, parameters)).or_else(|| habits::read(&statement.text, b""))?;
    let is_catalogue = |table: &String| table.starts_with("pg_") || table.starts_with("information_schema.");
    if habits.tables.iter().any(is_catalogue) {
        return None;
    }
    let list = habits.of(Kind::List).map_or(0, |list| list.size).max(habits::longest_list(sql));
    Some(Case { statement, price, habits, list, is_slow: false })
}

fn finding(rule: &'static str, case: &Case<'_>, verdict: Verdict) -> Finding {
    let mut data = Map::new();
    if let Some(habit) = &verdict.habit {
        data.insert("table".to_owned(), json!(habit.table));
        data.insert("columns".to_owned(), json!(habit.column.iter().collect::<Vec<_>>()));
    }
    let most = super::by_id(rule).map_or(Severity::High, |rule| rule.meta().severity);
    Finding {
        rule,
        severity: case.price.severity().min(most),
        confidence: verdict.confidence,
        title: verdict.title,
        statement: Some(case.statement.fingerprint),
        occurrences: case.price.calls,
        cost: Some(case.price.total).filter(|_| verdict.is_cause && verdict.confidence > Confidence::Low),
        evidence: vec![Evidence { kind: "shape", text: verdict.reason, data: data.clone() }, case.price.evidence()],
        data,
        remedy: verdict.remedy,
        ..Finding::default()
    }
}
