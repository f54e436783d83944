//! Workload to report: selects, sorts, rounds and masks. The only part of `report` that knows what a workload is.

use std::cmp::Ordering;
use std::collections::HashMap;

use foldhash::fast::FixedState;

use crate::event::Holds;
use crate::event::tally::Count;
use crate::finding::{self, Finding, Libraries};
use crate::sql::fingerprint::Fingerprint;
use crate::sql::lexer::Dialect;
use crate::sql::mask::masked;
use crate::units::{Micros, Timestamp};
use crate::workload::{Blind, Group, InputSummary, Key, MOST_SESSIONS, Reading, Share, Statement, Workload, stem};

use super::{ErrorLine, EventLines, GroupLine, InputLine, LoggedLine, Report, ShareLine, SkippedLine, StatementLine, Totals, Warning};

use counters::{counter_line, coverage_line};
use figures::{Figures, Scale};
use findings::{beyond_bounds, finding_lines, ignore_warnings, ignored_lines};

pub mod calibration;
mod counters;
mod explained;
mod figures;
pub mod find;
mod findings;
pub mod gate;
mod plans;

/// What tables sort statements by; most first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sort {
    /// Total time.
    #[default]
    Total,
    /// Calls.
    Calls,
    /// Mean latency.
    Mean,
    /// 95th percentile.
    P95,
    /// 99th percentile.
    P99,
    /// Slowest call.
    Max,
}

/// How much of an example is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Samples {
    /// With its values replaced.
    #[default]
    Masked,
    /// As logged, parameters too.
    Full,
    /// Not at all.
    None,
}

/// What to show.
#[derive(Clone, Debug, Default)]
pub struct View {
    /// At most so many statements; all if `None`.
    pub top: Option<usize>,
    /// In which order.
    pub sort: Sort,
    /// How samples are shown.
    pub samples: Samples,
    /// The lexical rules of the samples.
    pub dialect: Dialect,
    /// How many threads may parse statements; at least one does.
    pub jobs: usize,
    /// Options of the rules that look for what is wrong.
    pub rules: finding::Options,
}

/// What the structure of a statement is to a report.
#[derive(Clone, Debug, Default)]
pub struct Structure {
    /// Its command.
    pub verb: String,
    /// Its relations.
    pub tables: Vec<String>,
    /// For display; `None` if it was not parsed.
    pub parsed: Option<(String, u32)>,
}

/// Structures by fingerprint.
pub type Structures = HashMap<Fingerprint, Structure, FixedState>;

/// What was worked out of a workload before it is reported.
pub struct Analysis {
    /// What is wrong.
    pub findings: Vec<Finding>,
    /// The libraries that wrote its statements.
    pub libraries: Libraries,
    /// The structures of its statements.
    pub structures: Structures,
}

/// The statements that a view shows, in its order.
#[must_use]
pub fn select<'w>(workload: &'w Workload, view: &View) -> Vec<&'w Statement> {
    let mut statements: Vec<&Statement> = workload.statements().collect();
    let scale = Scale::of(workload);
    let key = |s: &Statement| {
        let Figures { calls, latency } = scale.statement(s);
        // Where a percentile is not known, the value that it is certainly not above.
        let percentile =
            |at: usize| latency.percentiles[at].map(|p| p.value).or(latency.bounds[at].map(|(_, high)| high)).unwrap_or_default();
        let key = match view.sort {
            Sort::Total => latency.total,
            Sort::Calls => Micros(calls),
            Sort::Mean => Micros(latency.total.0 / calls.max(1)),
            Sort::P95 => percentile(2),
            Sort::P99 => percentile(3),
            Sort::Max => latency.max.or(latency.max_limits.map(|(_, high)| high)).unwrap_or_default(),
        };
        (std::cmp::Reverse(key), std::cmp::Reverse(latency.total), s.fingerprint)
    };
    statements.sort_by_cached_key(|s| key(s));
    statements.truncate(view.top.unwrap_or(usize::MAX));
    statements
}

impl Report {
    /// Builds a report of what was read.
    #[must_use]
    pub fn build(reading: &Reading, analysis: &Analysis, selected: &[&Statement], view: &View) -> Self {
        let Analysis { findings, libraries, structures } = analysis;
        let workload = &reading.workload;
        let scale = Scale::of(workload);
        let total = scale.total(workload);
        let has_log = reading.inputs.iter().any(|input| input.holds == Holds::Events);
        let context = Context { workload, structures, libraries, view, scale: &scale, total: total.latency.total, has_log };
        Report {
            inputs: reading.inputs.iter().map(|input| input_line(input, view)).collect(),
            window: covered(workload),
            totals: Totals {
                statements: workload.statements().count() as u64,
                databases: workload.databases() as u64,
                calls: total.calls,
                errors: has_log.then(|| workload.events().error_count()),
                latency: total.latency,
            },
            groups: groups(workload, &scale),
            statements: selected.iter().map(|s| context.statement_line(s)).collect(),
            findings: finding_lines(findings.iter().filter(|finding| finding.ignored.is_none()), workload),
            ignored: ignored_lines(findings, workload),
            events: has_log.then(|| event_lines(workload)),
            coverage: workload.coverage().map(coverage_line),
            warnings: warnings(reading, structures).into_iter().chain(ignore_warnings(findings, &view.rules, workload)).collect(),
        }
    }
}

fn groups(workload: &Workload, scale: &Scale) -> Option<Vec<GroupLine>> {
    let line = |(key, group): (Option<&str>, &Group)| {
        let Figures { calls, latency } = scale.group(group);
        GroupLine { key: key.map(str::to_owned), calls, errors: group.errors, latency }
    };
    let mut lines: Vec<GroupLine> = workload.groups()?.map(line).filter(|group| group.calls + group.errors > 0).collect();
    lines.sort_by(|a, b| b.latency.total.cmp(&a.latency.total).then_with(|| a.key.cmp(&b.key)));
    Some(lines)
}

/// The part of the log's time that the filters leave.
fn covered(workload: &Workload) -> Option<(Timestamp, Timestamp)> {
    if let Some(coverage) = workload.coverage() {
        return coverage.start.zip(coverage.end);
    }
    let filter = &workload.rules().filter;
    let (start, end) = workload.window()?;
    let (start, end) = (filter.since.map_or(start, |since| start.max(since)), filter.until.map_or(end, |until| end.min(until)));
    (start <= end).then_some((start, end))
}

fn input_line(input: &InputSummary, view: &View) -> InputLine {
    InputLine {
        path: input.path.display().to_string(),
        format: input.format.to_string(),
        detail: input.detail.clone(),
        bytes: input.bytes,
        records: input.records,
        events: input.events,
        skipped: input
            .skipped
            .iter()
            .map(|(reason, skip)| SkippedLine {
                reason: reason.to_owned(),
                count: skip.count,
                first_offset: skip.first_offset,
                sample: match view.samples {
                    Samples::Full => String::from_utf8_lossy(&skip.sample).into_owned(),
                    _ => outline(&skip.sample),
                },
            })
            .collect(),
    }
}

/// What a text looks like without what it says: whatever was not understood may hold anything.
fn outline(text: &[u8]) -> String {
    let plain = |c: char| match c {
        c if c.is_alphabetic() => 'x',
        c if c.is_numeric() => '0',
        c => c,
    };
    String::from_utf8_lossy(text).chars().map(plain).collect()
}

/// What the lines of all statements have in common.
struct Context<'c> {
    workload: &'c Workload,
    structures: &'c Structures,
    libraries: &'c Libraries,
    view: &'c View,
    scale: &'c Scale,
    total: Micros,
    has_log: bool,
}

impl Context<'_> {
    fn statement_line(&self, s: &Statement) -> StatementLine {
        let structure = self.structures.get(&s.fingerprint).cloned().unwrap_or_default();
        let (pretty, complexity) =
            structure.parsed.map_or_else(|| (s.text.clone(), None), |(pretty, complexity)| (pretty, Some(complexity)));
        let shares = |key: Key| self.workload.shares(s, &key).into_iter().map(|(name, share)| share_line(name, share)).collect();
        let mut tags: Vec<(String, ShareLine)> =
            s.tags().map(|(key, value, share)| (key.to_owned(), share_line(value.to_owned(), share))).collect();
        tags.sort_by(|(a, x), (b, y)| a.cmp(b).then_with(|| y.total.cmp(&x.total)).then_with(|| x.name.cmp(&y.name)));
        let Figures { calls, latency } = self.scale.statement(s);
        StatementLine {
            id: s.fingerprint.to_string(),
            text: s.text.clone(),
            verb: structure.verb,
            tables: structure.tables,
            pretty,
            complexity,
            calls,
            share: (self.total.0 > 0).then(|| latency.total.0 as f64 / self.total.0 as f64),
            rows: s.counted.as_ref().map_or(s.rows, |counted| counted.count(Count::Rows)),
            logged: self.has_log.then_some(LoggedLine {
                errors: s.errors,
                steps: [s.parse, s.bind, s.execute],
                waited: s.waited,
                seen: s.seen,
                sessions: s.sessions,
            }),
            counters: s.counted.as_deref().map(counter_line),
            latency,
            applications: shares(Key::Application),
            users: shares(Key::User),
            databases: shares(Key::Database),
            tags,
            orm: self.libraries.of_statement(s.fingerprint).map(|(name, confidence)| (name, confidence.name())),
            query_ids: s.query_ids.iter().copied().collect(),
            sample: sample(s, self.view),
        }
    }
}

fn share_line(name: String, share: Share) -> ShareLine {
    ShareLine { name, calls: share.calls, total: share.total }
}

fn sample(s: &Statement, view: &View) -> Option<String> {
    match view.samples {
        Samples::None => None,
        Samples::Full if !s.sample.is_told => {
            let sql = String::from_utf8_lossy(&s.sample.sql);
            let parameters = String::from_utf8_lossy(&s.sample.parameters);
            Some(if parameters.is_empty() { sql.into_owned() } else { format!("{sql}\n-- {parameters}") })
        }
        // What was masked when it was saved stays so.
        Samples::Masked | Samples::Full => Some(masked(&s.sample.sql, view.dialect)),
    }
}

fn event_lines(workload: &Workload) -> EventLines {
    let events = workload.events();
    let mut errors: Vec<ErrorLine> = events
        .errors
        .iter()
        .map(|(kind, &count)| ErrorLine {
            sqlstate: kind.sqlstate.map(|s| String::from_utf8_lossy(&s).into_owned()),
            severity: kind.severity.to_string(),
            message: kind.told(),
            count,
        })
        .collect();
    let order = |e: &ErrorLine| (e.sqlstate.clone(), e.severity.clone(), e.message.clone());
    errors.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| order(a).cmp(&order(b))));
    let mut shares: Vec<(String, u64, u64)> =
        workload.statements().filter(|s| s.temp_files.0 > 0).map(|s| (s.fingerprint.to_string(), s.temp_files.0, s.temp_files.1)).collect();
    shares.sort_by(|(a, _, x), (b, _, y)| y.cmp(x).then_with(|| a.cmp(b)));
    let told = |count: u64| Some(count).filter(|_| !workload.is_foreign());
    EventLines {
        errors,
        lock_waits: (events.lock_waits, events.lock_wait_total),
        deadlocks: events.deadlocks,
        temp_files: (events.temp_files, events.temp_bytes),
        temp_file_shares: shares,
        checkpoints: told(events.checkpoints),
        autovacuums: told(events.autovacuums),
        connections: told(events.connections()),
        disconnections: told(events.disconnections),
        // A SQLSTATE tells in every language.
        cancelled: Some(events.cancelled).filter(|_| !workload.is_foreign() || events.errors.keys().all(|kind| kind.sqlstate.is_some())),
    }
}

/// Settings whose change says that only a sample is logged, and the value with which all is.
const SAMPLING: [(&str, &str); 3] =
    [("log_statement_sample_rate", "1"), ("log_transaction_sample_rate", "0"), ("log_min_duration_sample", "-1")];

/// The settings of which the log says that they make it a sample.
fn sampling(workload: &Workload) -> impl Iterator<Item = (&str, &str)> {
    let settings = workload.events().settings.iter().map(|(name, value)| (&**name, &**value));
    settings.filter(|(setting, value)| SAMPLING.iter().any(|(name, harmless)| setting == name && value != harmless))
}

fn says_sampled(workload: &Workload) -> bool {
    sampling(workload).next().is_some()
}

fn warnings(reading: &Reading, structures: &Structures) -> Vec<Warning> {
    let workload = &reading.workload;
    let calls = workload.calls();
    let mut warnings = Vec::new();
    warnings.extend(workload.threshold().map(|(shortest, looks_like)| Warning::Threshold { shortest, looks_like }));
    // Where no setting tells of a sample, what makes it look like one says as well what that hides.
    let sampled = workload.lacking().filter(|_| workload.blind() == Some(Blind::Sampled) && !says_sampled(workload));
    warnings.extend(sampled.map(|(lacking, of)| Warning::LooksSampled { lacking, of }));
    if let Some(blind) = workload.blind().filter(|_| sampled.is_none()) {
        warnings.push(Warning::LoopsHidden {
            because: match blind {
                Blind::Threshold { looks_like, .. } => format!("nothing faster than {looks_like} was logged"),
                Blind::Sampled => "only a sample of the statements was logged".to_owned(),
                Blind::NoSessions => "its lines do not tell sessions apart (put %p or %c into log_line_prefix)".to_owned(),
            },
        });
    }
    if workload.shared_sessions() > 0 {
        warnings.push(Warning::Pooled { sessions: workload.shared_sessions() });
    }
    warnings.extend(beyond_bounds(workload));
    warnings.extend(counters::warnings(reading));
    warnings
        .extend(sampling(workload).map(|(setting, value)| Warning::Sampling { setting: setting.to_string(), value: value.to_string() }));
    let records: u64 = reading.inputs.iter().map(|i| i.records).sum();
    let skipped: u64 = reading.inputs.iter().map(|i| i.skipped.total()).sum();
    if skipped * 20 > records + skipped {
        warnings.push(Warning::NotUnderstood { skipped, records: records + skipped });
    }
    let path = |path: &std::path::PathBuf| path.display().to_string();
    warnings.extend(reading.repeated.iter().map(|p| Warning::Repeated { path: path(p) }));
    if !reading.twins.is_empty() {
        let files = reading.twins.iter().map(|twin| (path(&twin.path), path(&twin.read))).collect();
        warnings.push(Warning::Twins { files });
    }
    warnings.extend(reading.doubled.iter().map(|p| Warning::SavedAndRead { path: path(p) }));
    for (at, input) in reading.inputs.iter().enumerate() {
        // Snapshots in two formats are found out by their numbers.
        let both_events = |other: &InputSummary| other.holds == Holds::Events && input.holds == Holds::Events;
        let twin = |other: &&InputSummary| both_events(other) && other.format != input.format && stem(&other.path) == stem(&input.path);
        warnings.extend(
            reading.inputs[..at].iter().find(twin).map(|other| Warning::TwoFormats { path: path(&other.path), other: path(&input.path) }),
        );
    }
    if !reading.strangers.is_empty() {
        warnings.push(Warning::Strangers { paths: reading.strangers.iter().map(path).collect() });
    }
    warnings.extend(reading.errors.iter().map(|error| Warning::Incomplete { error: error.to_string() }));
    let unparsed = workload
        .statements()
        .filter(|s| structures.get(&s.fingerprint).is_some_and(|s| s.parsed.is_none()))
        .map(Statement::calls)
        .sum::<u64>();
    if unparsed * 100 > calls {
        warnings.push(Warning::NotParsed { calls: unparsed, of: calls });
    }
    let has_log = reading.inputs.iter().any(|input| input.holds == Holds::Events);
    let filter = &workload.rules().filter;
    if has_log && calls == 0 && (filter.is_open() || (reading.is_limited && filter.passes_whoever())) {
        warnings.push(Warning::NothingExecuted { limited: reading.is_limited });
    }
    if workload.untimed() > 0 {
        warnings.push(Warning::Untimed { calls: workload.untimed(), of: calls });
    }
    if workload.planned() > 0 {
        warnings.push(Warning::FromPlans { calls: workload.planned(), of: calls });
    }
    if workload.plans_unread() > 0 {
        warnings.push(Warning::PlansUnread { plans: workload.plans_unread() });
    }
    let gaps = workload.gaps();
    if let Some(&(start, end)) = gaps.first() {
        warnings.push(Warning::Gap { start, end, gaps: gaps.len() });
    }
    if workload.given_up() > 0 {
        warnings.push(Warning::GivenUp { sessions: workload.given_up(), most: MOST_SESSIONS });
    }
    let untold: u64 = workload.events().errors.iter().filter(|(kind, _)| kind.sqlstate.is_none()).map(|(_, count)| count).sum();
    if workload.is_foreign() && untold > 0 {
        warnings.push(Warning::Foreign { errors: untold });
    }
    if workload.seams() > 0 {
        warnings.push(Warning::Seams { seams: workload.seams() });
    }
    let unknown_zone: u64 = reading.inputs.iter().map(|i| i.unknown_zone).sum();
    if unknown_zone > 0 {
        warnings.push(Warning::UnknownZone { records: unknown_zone });
    }
    warnings.extend(reading.inputs.iter().filter(|i| i.newest_first).map(|i| Warning::NewestFirst { path: path(&i.path) }));
    warnings
}

/// Orders statement lines as the JSON contract wants them: most time first, then by id.
#[must_use]
pub fn by_total(a: &StatementLine, b: &StatementLine) -> Ordering {
    b.latency.total.cmp(&a.latency.total).then_with(|| a.id.cmp(&b.id))
}
