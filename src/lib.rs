//! laggard reads what a database writes about its own queries and says what is slow, why, and whether it got worse.
//!
//! Any [`std::io::Read`] is cut into blocks of whole records ([`input`]); blocks are read in parallel into small owned rows
//! ([`source`], [`sql`]); rows are folded in order into a [`Workload`]; rules look at it for what is wrong ([`finding`]); a
//! [`Report`] is built of both once, and renderers only draw it. Four verbs, in this order: cut, read, fold, draw.
//!
//! ```
//! use laggard::{Input, Settings, View};
//!
//! let log = "2026-11-23 05:33:39.504 UTC [20639] app@shop LOG:  duration: 0.102 ms  statement: SELECT * FROM users WHERE id = 7\n";
//! let reading = laggard::read(vec![Input::Memory("pg.log".into(), log.into())], &Settings::default())?;
//! let report = laggard::report(&reading, &View::default());
//! assert_eq!(report.statements[0].text, "select * from users where id = $1");
//!
//! let mut page = Vec::new();
//! laggard::render("markdown", &report, &mut page)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::io;

pub mod advice;
pub mod catalog;
pub mod cli;
pub mod compare;
pub mod error;
pub mod event;
pub mod finding;
pub mod input;
#[cfg(feature = "live")]
pub mod live;
pub mod pipeline;
pub mod plan;
pub mod report;
pub mod saved;
pub mod snapshot;
pub mod source;
pub mod sql;
pub mod structure;
pub mod units;
pub mod workload;

pub use error::Error;
pub use input::Input;
pub use pipeline::Settings;
pub use report::{Report, View};
pub use workload::{Reading, Workload};

/// Cuts, reads and folds inputs.
///
/// # Errors
/// If a setting makes no sense. What is wrong with an input is in [`Reading::errors`], and the others are read all the same.
pub fn read(inputs: Vec<Input>, settings: &Settings) -> Result<Reading, Error> {
    let named = |input| input::discover::Candidate { input, named: true };
    pipeline::read(inputs.into_iter().map(named).collect(), settings, &pipeline::Silent)
}

/// Builds what [`report()`] needs whatever was read, for who has a thread to spare meanwhile.
pub fn prepare() {
    finding::Libraries::prepare();
}

/// Looks for what is wrong with every rule, and builds a report of what was read and found.
#[must_use]
pub fn report(reading: &Reading, view: &View) -> Report {
    let selected = report::build::select(&reading.workload, view);
    Report::build(reading, &analysis(reading, view), &selected, view)
}

/// Reduces what was read to one run of a comparison, under the name by which the user knows it.
#[must_use]
pub fn run(path: String, reading: &Reading, options: &finding::Options) -> compare::Run {
    let found = finding::check(&reading.workload, options).into_iter().filter(|finding| finding.ignored.is_none());
    let found = found.map(|finding| compare::Found {
        rule: finding.rule,
        statement: finding.statement,
        is_sure: finding.confidence == finding::Confidence::High,
        is_severe: finding.severity == finding::Severity::High,
        title: finding.title,
        remedy: finding.remedy,
    });
    compare::Run::of(path, reading, found.collect())
}

/// Builds a report of what was read, with findings that were made elsewhere.
#[must_use]
pub fn report_with(reading: &Reading, view: &View, findings: Vec<finding::Finding>) -> Report {
    let selected = report::build::select(&reading.workload, view);
    let (structures, libraries) = structures(reading, view, || finding::Libraries::of(&reading.workload));
    let analysis = report::build::Analysis { findings, libraries, structures };
    Report::build(reading, &analysis, &selected, view)
}

/// Looks for what is wrong, and puts together all that is known of one statement.
#[must_use]
pub fn explain(reading: &Reading, statement: &workload::Statement, view: &View) -> report::Explained {
    report::Explained::build(reading, &analysis(reading, view), statement, view)
}

/// What is dear to work out, once for everything that asks for it.
fn analysis(reading: &Reading, view: &View) -> report::build::Analysis {
    let workload = &reading.workload;
    let (structures, (libraries, findings)) = structures(reading, view, || {
        let libraries = finding::Libraries::of(workload);
        let findings = finding::check_with(workload, &view.rules, &libraries);
        (libraries, findings)
    });
    report::build::Analysis { findings, libraries, structures }
}

/// The structures of all statements, and what comes of something else that is done meanwhile.
fn structures<T>(reading: &Reading, view: &View, meanwhile: impl FnOnce() -> T) -> (report::build::Structures, T) {
    // All of them, because the share that cannot be parsed is told of all, not of those shown.
    let texts: Vec<_> = reading.workload.statements().map(|s| (s.fingerprint, s.text.as_str())).collect();
    structure::structures(&texts, view.jobs, meanwhile)
}

/// Draws a report in the format of that name; [`report::ALL`] lists them.
///
/// # Errors
/// If there is no such format, or `to` cannot be written to.
pub fn render(format: &str, report: &Report, to: &mut dyn io::Write) -> io::Result<()> {
    let renderer =
        report::by_name(format).ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, format!("no format is called {format}")))?;
    renderer.render(report, &report::Style::default(), to)
}
