//! The screen: how often the gate failed for nothing, the noise, and what could be seen of which statement.

use std::io;

use anstyle::{AnsiColor, Style as Ansi};

use crate::units::counted;

use super::super::Style;
use super::super::text::{ascii, cut, sanitised};
use super::{CalibrationReport, NoiseLine, RateLine, SightLine};

const GOOD: Ansi = AnsiColor::Green.on_default();
const DOUBT: Ansi = AnsiColor::Yellow.on_default();
const BAD: Ansi = AnsiColor::BrightRed.on_default();
const DIM: Ansi = Ansi::new().dimmed();
const PLAIN: Ansi = Ansi::new();

/// So many statements are shown.
const MOST: usize = 20;

pub(super) fn draw(report: &CalibrationReport, style: &Style, to: &mut dyn io::Write) -> io::Result<()> {
    let mut out = Painter { style, to };
    out.headline(report)?;
    if !report.reasons.is_empty() {
        return Ok(());
    }
    out.alarms(report)?;
    out.noise(report)?;
    out.statements(report)?;
    out.footer(report)
}

struct Painter<'a> {
    style: &'a Style,
    to: &'a mut dyn io::Write,
}

impl Painter<'_> {
    fn line(&mut self, paint: Ansi, text: &str) -> io::Result<()> {
        let text = sanitised(text);
        let text = if self.style.ascii { ascii(&text) } else { text };
        let text = self.style.width.map_or(text.clone(), |width| cut(&text, width.max(40)));
        let is_painted = self.style.colour && !text.is_empty() && paint != PLAIN;
        if is_painted { writeln!(self.to, "{paint}{text}{paint:#}") } else { writeln!(self.to, "{text}") }
    }

    fn headline(&mut self, report: &CalibrationReport) -> io::Result<()> {
        let runs = counted(report.runs.len() as u64, "run");
        if report.reasons.is_empty() {
            let gate = report.gate_file.as_ref().map(|file| format!(", gated by {file}")).unwrap_or_default();
            return self.line(PLAIN.bold(), &format!("{runs} taken to be alike{gate}"));
        }
        self.line(BAD.bold(), &format!("{runs} that cannot be compared"))?;
        report.reasons.iter().try_for_each(|reason| self.line(PLAIN, &format!("  {reason}")))
    }

    fn alarms(&mut self, report: &CalibrationReport) -> io::Result<()> {
        let alarms = &report.alarms;
        let ways = if alarms.is_all { "all" } else { "drawn" };
        let compared = counted(alarms.splits, "comparison");
        self.line(PLAIN, &format!("{compared} of {} with {} ({ways}):", alarms.per_side, alarms.per_side))?;
        for (rate, by) in [(&alarms.any, "failed"), (&alarms.latency, "by latency"), (&alarms.others, "by anything else")] {
            let paint = if rate.failed == 0 { GOOD } else { BAD };
            self.line(paint, &format!("  {by:<17} {}", told(rate, alarms.splits)))?;
        }
        let silent = alarms.inconclusive * 100.0;
        self.line(
            DIM,
            &format!("  {silent:.0} % of the tests of latency said nothing; comparisons share runs, so take the limits as a guide"),
        )?;
        if alarms.per_side < report.min_runs {
            let text = format!(
                "  with fewer than {} on a side latency alone fails only what takes twice as long or more",
                counted(report.min_runs, "run")
            );
            self.line(DOUBT, &text)?;
        }
        Ok(())
    }

    fn noise(&mut self, report: &CalibrationReport) -> io::Result<()> {
        self.line(PLAIN, "")?;
        for NoiseLine { of, statements, shift, deviation, needed, .. } in &report.noise {
            let noise = format!(
                "{of:<7} of {}: a run is slower or faster as a whole by {}, a statement by {} beyond that",
                counted(*statements, "statement"),
                percent(*shift),
                percent(*deviation)
            );
            self.line(PLAIN, &noise)?;
            let [twenty, fifty] = needed.map(runs);
            self.line(DIM, &format!("        to find +20 % in a usual statement takes {twenty} on each side, +50 % {fifty}"))?;
        }
        if report.noise.is_empty() {
            self.line(DOUBT, "no statement has enough calls and time in every run to be tested")?;
        }
        Ok(())
    }

    fn statements(&mut self, report: &CalibrationReport) -> io::Result<()> {
        if report.statements.is_empty() {
            return Ok(());
        }
        self.line(PLAIN, "")?;
        self.line(PLAIN.bold(), "statement  metric         time   noise    finds  +20 %  +50 %")?;
        let most = self.style.top.unwrap_or(MOST);
        report.statements.iter().take(most).try_for_each(|line| self.statement(line))?;
        if report.statements.len() > most {
            self.line(DIM, &format!("{} more; -n {} shows all", report.statements.len() - most, report.statements.len()))?;
        }
        Ok(())
    }

    fn statement(&mut self, line: &SightLine) -> io::Result<()> {
        let id: String = line.statement.chars().take(8).collect();
        let finds = line.detectable.map_or_else(|| "–".to_owned(), |share| format!("+{:.0} %", share * 100.0));
        let [twenty, fifty] = line.needed.map(|needed| needed.map_or_else(|| "–".to_owned(), |runs| runs.to_string()));
        let (share, noise) = (format!("{:.1} %", line.share * 100.0), percent(line.deviation));
        let text = cut(&sanitised(&line.text), 160);
        self.line(PLAIN, &format!("{id:<9}  {:<12}  {share:>6}  {noise:>6}  {finds:>7}  {twenty:>5}  {fifty:>5}  {text}", line.metric))
    }

    fn footer(&mut self, report: &CalibrationReport) -> io::Result<()> {
        self.line(PLAIN, "")?;
        if !report.statements.is_empty() {
            let text = format!(
                "noise: deviation from run to run; finds: the least slowdown seen four times out of five with {} of {} runs, of what is more than {:.0} %; +20 %, +50 %: runs on each side to see that",
                report.alarms.per_side,
                report.alarms.per_side,
                report.margin * 100.0
            );
            self.line(DIM, &text)?;
        }
        for metric in ["latency", "latency_tail"] {
            let of_metric = report.untested.iter().filter(|untested| untested.metric == metric);
            let reasons: Vec<String> = of_metric.map(|untested| format!("{} {}", untested.count, untested.reason)).collect();
            if !reasons.is_empty() {
                self.line(DIM, &format!("{metric} not tested, of statements: {}", reasons.join(", ")))?;
            }
        }
        Ok(())
    }
}

/// A rate with its limit.
fn told(rate: &RateLine, of: u64) -> String {
    match of {
        0 => "nothing was compared".to_owned(),
        _ => format!("{} of {of}: below {:.1} % with 95 % confidence", rate.failed, rate.upper * 100.0),
    }
}

/// A deviation of the logarithm, as a share.
fn percent(deviation: f64) -> String {
    if deviation.is_finite() { format!("{:.1} %", deviation.exp_m1() * 100.0) } else { "–".to_owned() }
}

fn runs(needed: Option<u64>) -> String {
    needed.map_or_else(|| "more than 100 runs".to_owned(), |runs| counted(runs, "run"))
}
