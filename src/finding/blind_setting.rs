//! Settings of the server without which it does not tell what these reports are made of.

use serde_json::json;

use super::schema::{evidence, finding, whole};
use super::{Confidence, Context, Evidence, Finding, Meta, Rule, Severity, no_options};
use crate::catalog::Catalog;
use crate::units::grouped;
use crate::workload::{Coverage, State};

/// See the module.
pub(super) struct BlindSetting;

static META: Meta = Meta {
    id: "blind-setting",
    title: "Settings of the server hide what is slow",
    severity: Severity::Medium,
    what: "A snapshot tells settings under which something is not measured: pg_stat_statements that is too small for its statements, nearly full, or counts none, track_counts or track_io_timing off, and logs without durations, waits for locks, temporary files or plans, or with plans without counts. One finding for each server. What decides whether counters can be trusted is of medium severity; what would only tell more is worth knowing.",
    why: "What is not measured looks as if it did not happen.",
    example: "pg_stat_statements.max = 1000, and statements are dropped every minute: the rare slow ones first.",
    remedy: "Change the settings that are named; each takes effect as its line says.",
    ignore: "The log or the clock of this machine is too dear.",
    accepts: no_options,
};

/// One setting that hides something.
struct Blind {
    severity: Severity,
    name: &'static str,
    /// What is not seen, and the cure.
    text: String,
}

impl Rule for BlindSetting {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn check(&self, context: &Context<'_>) -> Vec<Finding> {
        context.workload.catalogs().iter().filter_map(|catalog| of_server(context, catalog)).collect()
    }
}

fn of_server(context: &Context<'_>, catalog: &Catalog) -> Option<Finding> {
    let coverage = context.workload.coverage();
    let dropped = coverage.and_then(|coverage| coverage.dealloc_rounds).unwrap_or_default();
    let mut blind: Vec<Blind> = of_counters(catalog, dropped);
    // Entries are of all servers together.
    if let (true, Some(coverage), [_]) = (dropped == 0, coverage, context.workload.catalogs()) {
        blind.extend(nearly_full(catalog, coverage));
    }
    blind.extend(of_the_log(catalog));
    blind.sort_by_key(|blind| std::cmp::Reverse(blind.severity));
    let worst = blind.first()?;
    let names: Vec<&str> = blind.iter().map(|blind| blind.name).collect();
    let title = format!("{} hide{} what is slow", names.join(", "), if names.len() == 1 { "s" } else { "" });
    Some(Finding {
        evidence: blind.iter().map(reason).collect(),
        data: json!({"settings": names}).as_object().cloned().unwrap_or_default(),
        remedy: META.remedy.to_owned(),
        ..finding(META.id, worst.severity, Confidence::High, title)
    })
}

fn reason(blind: &Blind) -> Evidence {
    evidence(blind.text.clone(), json!({"setting": blind.name}))
}

/// Whether there is hardly room for another statement.
fn nearly_full(catalog: &Catalog, coverage: &Coverage) -> Option<Blind> {
    let most = catalog.number("pg_stat_statements.max")?;
    let there = coverage.entries.iter().filter(|(state, _)| **state != State::Gone).map(|(_, count)| *count).sum::<u64>();
    let text = format!(
        "{} of {} statements that there is room for are there: the next ones drop those that ran least, so raise it (a restart) before they do",
        grouped(there),
        whole(most)
    );
    (there as f64 >= MOST_FULL * most).then_some(Blind { severity: Severity::Info, name: "pg_stat_statements.max", text })
}

/// The part of its room that pg_stat_statements may have in use, 0 to 1.
const MOST_FULL: f64 = 0.9;

fn of_counters(catalog: &Catalog, dropped: u64) -> Vec<Blind> {
    let is = |name: &str, value: &str| catalog.setting(name) == Some(value);
    let mut blind = Vec::new();
    let mut add = |severity, name, text: &str| blind.push(Blind { severity, name, text: text.to_owned() });
    if is("pg_stat_statements.track", "none") {
        add(Severity::Medium, "pg_stat_statements.track", "no statement is counted: set it to top, and reload");
    }
    // auto is on where the extension is loaded.
    if is("compute_query_id", "off") && catalog.setting("pg_stat_statements.max").is_some() {
        let text = "statements have no id, so that none is counted unless another extension gives them one: set it to auto, and reload";
        add(Severity::Medium, "compute_query_id", text);
    }
    if dropped > 0 && catalog.setting("pg_stat_statements.max").is_some() {
        let text = format!(
            "statements were dropped {dropped} times to make room, rare and slow ones first: raise it (a restart), or see which statements differ in nothing but a value"
        );
        add(Severity::Medium, "pg_stat_statements.max", &text);
    }
    if is("track_counts", "off") {
        add(
            Severity::Medium,
            "track_counts",
            "the use of tables and indexes is not counted, and autovacuum is off with it: set it to on, and reload",
        );
    }
    if is("track_io_timing", "off") {
        add(
            Severity::Info,
            "track_io_timing",
            "time for reading and writing blocks is not told: set it to on, and reload (pg_test_timing says what it costs)",
        );
    }
    blind
}

fn of_the_log(catalog: &Catalog) -> Vec<Blind> {
    let is = |name: &str, value: &str| catalog.setting(name) == Some(value);
    let libraries = ["shared_preload_libraries", "session_preload_libraries"].map(|name| catalog.setting(name));
    let has_plans = catalog.setting("auto_explain.log_min_duration").is_some_and(|limit| limit != "-1")
        || libraries.iter().any(|list| list.is_some_and(|list| list.contains("auto_explain")));
    let is_sampled = catalog.number("log_min_duration_sample").is_some_and(|limit| limit >= 0.0);
    let mut blind = Vec::new();
    let mut add = |name, text: &str| blind.push(Blind { severity: Severity::Info, name, text: text.to_owned() });
    if is("log_min_duration_statement", "-1") && !is_sampled {
        add(
            "log_min_duration_statement",
            "the log has no durations, from which percentiles and loops are known: set it to 250ms or less, and reload",
        );
    }
    if is("log_temp_files", "-1") {
        add("log_temp_files", "sorts and hashes that go to disk are not logged: set it to 0, or to the kilobytes that matter, and reload");
    }
    if is("log_lock_waits", "off") {
        add("log_lock_waits", "waits for locks are not logged: set it to on, and reload");
    }
    // Which libraries are loaded is for some roles only.
    if libraries.iter().all(Option::is_some) && !has_plans {
        add("auto_explain", "no plans are logged: add it to session_preload_libraries with auto_explain.log_min_duration, and reload");
    }
    if has_plans && is("auto_explain.log_analyze", "off") {
        let text = "plans have no counts of rows, so that what they read in vain is the planner's guess: set it to on, and auto_explain.log_timing to off where the clock is dear";
        add("auto_explain.log_analyze", text);
    }
    blind
}
