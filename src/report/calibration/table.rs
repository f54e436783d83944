//! The screen: how often the gate failed for nothing, the noise, and what could be seen of which statement.

use std::io;

use crate::units::counted;

use super::super::Style;
use super::super::painter::{BAD, DIM, DOUBT, GOOD, PLAIN, Painter};
use super::super::text::{cut, sanitised};
use super::{CalibrationReport, NoiseLine, RateLine, SightLine};

/// So many statements are shown.
const MOST: usize = 20;

pub(super) fn draw(report: &CalibrationReport, style: &Style, to: &mut dyn io::Write) -> io::Result<()> {
    let mut out = Painter { style, to };
    headline(&mut out, report)?;
    if !report.reasons.is_empty() {
        return Ok(());
    }
    alarms(&mut out, report)?;
    noise(&mut out, report)?;
    statements(&mut out, report)?;
    footer(&mut out, report)
}

fn headline(out: &mut Painter<'_>, report: &CalibrationReport) -> io::Result<()> {
    let runs = counted(report.runs.len() as u64, "run");
    if report.reasons.is_empty() {
        let gate = report.gate_file.as_ref().map(|file| format!(", gated by {file}")).unwrap_or_default();
        return out.line(PLAIN.bold(), &format!("{runs} taken to be alike{gate}"));
    }
    out.line(BAD.bold(), &format!("{runs} that cannot be compared"))?;
    report.reasons.iter().try_for_each(|reason| out.line(PLAIN, &format!("  {reason}")))
}

fn alarms(out: &mut Painter<'_>, report: &CalibrationReport) -> io::Result<()> {
    let alarms = &report.alarms;
    let ways = if alarms.is_all { "all" } else { "drawn" };
    let compared = counted(alarms.splits, "comparison");
    out.line(PLAIN, &format!("{compared} of {} with {} ({ways}):", alarms.per_side, alarms.per_side))?;
    for (rate, by) in [(&alarms.any, "failed"), (&alarms.latency, "by latency"), (&alarms.others, "by anything else")] {
        let paint = if rate.failed == 0 { GOOD } else { BAD };
        out.line(paint, &format!("  {by:<17} {}", told(rate, alarms.splits)))?;
    }
    let silent = alarms.inconclusive * 100.0;
    out.line(DIM, &format!("  {silent:.0} % of the tests of latency said nothing; comparisons share runs, so take the limits as a guide"))?;
    if alarms.per_side < report.min_runs {
        let text = format!(
            "  with fewer than {} on a side latency alone fails only what takes twice as long or more",
            counted(report.min_runs, "run")
        );
        out.line(DOUBT, &text)?;
    }
    Ok(())
}

fn noise(out: &mut Painter<'_>, report: &CalibrationReport) -> io::Result<()> {
    out.line(PLAIN, "")?;
    for NoiseLine { of, statements, shift, deviation, needed, .. } in &report.noise {
        let noise = format!(
            "{of:<7} of {}: a run is slower or faster as a whole by {}, a statement by {} beyond that",
            counted(*statements, "statement"),
            percent(*shift),
            percent(*deviation)
        );
        out.line(PLAIN, &noise)?;
        let [twenty, fifty] = needed.map(runs);
        out.line(DIM, &format!("        to find +20 % in a usual statement takes {twenty} on each side, +50 % {fifty}"))?;
    }
    if report.noise.is_empty() {
        out.line(DOUBT, "no statement has enough calls and time in every run to be tested")?;
    }
    Ok(())
}

fn statements(out: &mut Painter<'_>, report: &CalibrationReport) -> io::Result<()> {
    if report.statements.is_empty() {
        return Ok(());
    }
    out.line(PLAIN, "")?;
    out.line(PLAIN.bold(), "statement  metric         time   noise    finds  +20 %  +50 %")?;
    let most = out.style.top.unwrap_or(MOST);
    report.statements.iter().take(most).try_for_each(|line| statement(out, line))?;
    if report.statements.len() > most {
        out.line(DIM, &format!("{} more; -n {} shows all", report.statements.len() - most, report.statements.len()))?;
    }
    Ok(())
}

fn statement(out: &mut Painter<'_>, line: &SightLine) -> io::Result<()> {
    let id: String = line.statement.chars().take(8).collect();
    let finds = line.detectable.map_or_else(|| "–".to_owned(), |share| format!("+{:.0} %", share * 100.0));
    let [twenty, fifty] = line.needed.map(|needed| needed.map_or_else(|| "–".to_owned(), |runs| runs.to_string()));
    let (share, noise) = (format!("{:.1} %", line.share * 100.0), percent(line.deviation));
    let text = cut(&sanitised(&line.text), 160);
    out.line(PLAIN, &format!("{id:<9}  {:<12}  {share:>6}  {noise:>6}  {finds:>7}  {twenty:>5}  {fifty:>5}  {text}", line.metric))
}

fn footer(out: &mut Painter<'_>, report: &CalibrationReport) -> io::Result<()> {
    out.line(PLAIN, "")?;
    if !report.statements.is_empty() {
        let text = format!(
            "noise: deviation from run to run; finds: the least slowdown seen four times out of five with {} of {} runs, of what is more than {:.0} %; +20 %, +50 %: runs on each side to see that",
            report.alarms.per_side,
            report.alarms.per_side,
            report.margin * 100.0
        );
        out.line(DIM, &text)?;
    }
    for metric in ["latency", "latency_tail"] {
        let of_metric = report.untested.iter().filter(|untested| untested.metric == metric);
        let reasons: Vec<String> = of_metric.map(|untested| format!("{} {}", untested.count, untested.reason)).collect();
        if !reasons.is_empty() {
            out.line(DIM, &format!("{metric} not tested, of statements: {}", reasons.join(", ")))?;
        }
    }
    Ok(())
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
