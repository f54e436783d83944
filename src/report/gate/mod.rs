//! What a comparison of runs is to a reader: a [`GateReport`] is complete before it is drawn, and an [`Output`] only draws it.
//!
//! To add an output: one file with an `Output`, its `mod` line and its entry in [`ALL`].

use std::io;

use super::Style;

mod bars;
pub mod github;
mod gitlab;
pub mod json;
mod junit;
mod markdown;
mod sarif;
mod table;

/// Every output of comparisons that this build can draw.
pub static ALL: &[&dyn Output] =
    &[&table::Table, &json::Json, &markdown::Markdown, &junit::Junit, &sarif::Sarif, &gitlab::Gitlab, &github::Github];

/// Draws comparisons in one format.
pub trait Output: Sync {
    /// Its name, as in `--format`.
    fn name(&self) -> &'static str;
    /// File extensions that choose it for `-o`.
    fn extensions(&self) -> &'static [&'static str];
    /// Draws a comparison.
    ///
    /// # Errors
    /// If `to` cannot be written to.
    fn draw(&self, report: &GateReport, style: &Style, to: &mut dyn io::Write) -> io::Result<()>;
}

/// The output of that name.
#[must_use]
pub fn by_name(name: &str) -> Option<&'static dyn Output> {
    ALL.iter().copied().find(|output| output.name() == name)
}

/// The output that a file's extension chooses.
#[must_use]
pub fn by_extension(extension: &str) -> Option<&'static dyn Output> {
    ALL.iter().copied().find(|output| output.extensions().contains(&extension))
}

/// Everything there is to say of a comparison, sorted and rounded.
#[derive(Clone, Debug, Default)]
pub struct GateReport {
    /// `compare` or `gate`.
    pub command: &'static str,
    /// `pass`, `warn`, `fail` or `not-comparable`.
    pub verdict: &'static str,
    /// How the command exits.
    pub exit_code: u8,
    /// Why the runs cannot be compared.
    pub reasons: Vec<String>,
    /// What the reader should know.
    pub notes: Vec<String>,
    /// What the numbers depend on, of either side.
    pub environment: [SideLine; 2],
    /// Where the sides differ.
    pub differences: Vec<String>,
    /// The runs.
    pub runs: Vec<RunLine>,
    /// By how much the whole candidate is slower; `None` if that cannot be told.
    pub shift: Option<f64>,
    /// What was tested.
    pub tests: TestLine,
    /// What changed, worst first.
    pub changes: Vec<ChangeLine>,
    /// What could not be judged.
    pub untested: Vec<UntestedLine>,
    /// The conditions, in words.
    pub rules: Vec<String>,
    /// Where a code-scanning service is to show what is about no file: the gate file, or the run that was judged.
    pub place: String,
}

/// What is known of one side.
#[derive(Clone, Debug, Default)]
pub struct SideLine {
    /// Such as `postgresql 15`.
    pub server: Option<String>,
    /// `a log`, `counters`, or both.
    pub input: String,
    /// Settings that matter.
    pub settings: Vec<(String, String)>,
}

/// One run.
#[derive(Clone, Debug, Default)]
pub struct RunLine {
    /// As the user named it.
    pub path: String,
    /// `baseline` or `candidate`.
    pub side: &'static str,
    /// Calls.
    pub calls: u64,
    /// Distinct statements.
    pub statements: u64,
}

/// How latency was tested.
#[derive(Clone, Debug, Default)]
pub struct TestLine {
    /// How many tests.
    pub count: u64,
    /// The rate of false discoveries allowed.
    pub rate: f64,
    /// The effect that does not matter.
    pub margin: f64,
}

/// One change.
#[derive(Clone, Debug, Default)]
pub struct ChangeLine {
    /// The rule's id.
    pub rule: &'static str,
    /// What is measured, as JSON names it.
    pub metric: &'static str,
    /// `info`, `warn` or `error`.
    pub level: &'static str,
    /// The statement's id; `None` if it is about the run.
    pub statement: Option<String>,
    /// The statement's text.
    pub text: Option<String>,
    /// What changed, in one line.
    pub title: String,
    /// Whether `baseline` and `candidate` are microseconds.
    pub is_time: bool,
    /// The value on either side.
    pub baseline: Option<f64>,
    /// See `baseline`.
    pub candidate: Option<f64>,
    /// Candidate over baseline.
    pub ratio: Option<f64>,
    /// 95 % confidence of the ratio.
    pub interval: Option<(f64, f64)>,
    /// Chance of such an effect.
    pub p: Option<f64>,
    /// Adjusted for all tests.
    pub q: Option<f64>,
    /// The smallest ratio that would have been seen.
    pub detectable: Option<f64>,
    /// Calls on either side.
    pub calls: [u64; 2],
    /// Runs on either side.
    pub runs: [u64; 2],
    /// `regressed`, `ok`, `improved`, `inconclusive`, `new` or `gone`.
    pub verdict: &'static str,
    /// Whether it speaks against the candidate.
    pub counts: bool,
    /// Whether it makes the gate fail, by the levels and the doubt that the gate lives with.
    pub fails: bool,
    /// What tells it from others of its rule and statement, such as the name and the statistic of a budget.
    pub subject: Option<String>,
    /// Kind and words.
    pub evidence: Vec<(&'static str, String)>,
    /// The file and line of the program that it comes from, within the project; the line is 1 if only the file is known.
    pub origin: Option<(String, u32)>,
    /// Why it is lived with, and until when.
    pub suppressed: Option<(String, String)>,
}

impl ChangeLine {
    /// Whether it speaks against the candidate and is not lived with.
    fn is_against(&self) -> bool {
        self.counts && self.suppressed.is_none()
    }
}

/// A statement that could not be judged.
#[derive(Clone, Debug, Default)]
pub struct UntestedLine {
    /// Its id.
    pub statement: String,
    /// What was to be tested, as JSON names it.
    pub metric: &'static str,
    /// Why, as the end of a sentence about several of them.
    pub reason: &'static str,
}

impl GateReport {
    /// What speaks against the candidate at a level, and is not lived with.
    pub fn against(&self, level: &'static str) -> impl Iterator<Item = &ChangeLine> {
        self.changes.iter().filter(move |change| change.is_against() && change.level == level)
    }

    /// What makes the gate fail, be it doubt.
    pub fn failing(&self) -> impl Iterator<Item = &ChangeLine> {
        self.changes.iter().filter(|change| change.fails)
    }

    /// What is worth a look and does not make the gate fail.
    pub fn warnings(&self) -> impl Iterator<Item = &ChangeLine> {
        self.changes.iter().filter(|change| change.is_against() && !change.fails && change.level != "info")
    }

    /// How many runs a side has.
    #[must_use]
    pub fn run_count(&self, side: &str) -> u64 {
        self.runs.iter().filter(|run| run.side == side).count() as u64
    }

    /// The verdict and what it counts, in one line.
    #[must_use]
    pub fn headline(&self) -> String {
        use crate::units::counted;
        let [errors, warnings] = ["error", "warn"].map(|level| self.against(level).count() as u64);
        let improved = self.changes.iter().filter(|change| change.verdict == "improved").count() as u64;
        let open = self.changes.iter().filter(|change| change.verdict == "inconclusive").count() as u64;
        let mut parts = Vec::new();
        parts.extend((errors > 0).then(|| counted(errors, "error")));
        parts.extend((warnings > 0).then(|| counted(warnings, "warning")));
        parts.extend((improved > 0).then(|| format!("{improved} improved")));
        parts.extend((open > 0).then(|| format!("{open} inconclusive")));
        let runs = format!(
            "{} against {}",
            counted(self.run_count("candidate"), "candidate run"),
            counted(self.run_count("baseline"), "baseline run")
        );
        let what = if parts.is_empty() { String::new() } else { format!(": {}", parts.join(", ")) };
        format!("{}{what} ({runs})", self.verdict)
    }
}

/// The first digits of an id, by which `explain` finds the statement.
fn short(id: &str) -> &str {
    id.get(..8).unwrap_or(id)
}

/// How a ratio and its interval are shown.
fn interval(change: &ChangeLine) -> String {
    change.interval.map(|(low, high)| format!(" [{low:.2}, {high:.2}]")).unwrap_or_default()
}

/// What is the same for one problem in every run: the rule, what is measured, and the statement, or of the whole run what the
/// title begins with.
fn print(change: &ChangeLine) -> String {
    let subject = change.statement.clone().unwrap_or_else(|| change.title.split(':').next().unwrap_or_default().to_owned());
    let part = change.subject.as_deref().map(|part| format!("/{part}")).unwrap_or_default();
    format!("{}/{}/{subject}{part}", change.rule, change.metric)
}
