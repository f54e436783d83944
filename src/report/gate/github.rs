//! GitHub's workflow commands: an annotation for each change that speaks against the candidate.
//!
//! GitHub shows ten errors and ten warnings of a step, so the last one of ten tells how many more there are.

use std::io;

use super::super::Style;
use super::super::github::{LONGEST, data, property};
use super::super::text::sanitised;
use super::{ChangeLine, GateReport, Output, interval};

/// See the module.
pub(super) struct Github;

/// GitHub shows no more of a kind and step.
const MOST: usize = 10;

impl Output for Github {
    fn name(&self) -> &'static str {
        "github"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &[]
    }

    fn draw(&self, report: &GateReport, _: &Style, to: &mut dyn io::Write) -> io::Result<()> {
        let reasons = report.reasons.iter().map(|reason| ("not-comparable", sanitised(reason)));
        let errors: Vec<(&str, String)> = reasons.chain(report.failing().map(|change| (change.rule, message(change)))).collect();
        let warnings: Vec<(&str, String)> = report.warnings().map(|change| (change.rule, message(change))).collect();
        annotate("error", &errors, to)?;
        annotate("warning", &warnings, to)
    }
}

/// Text for a job's log in which no line is a command: those begin a line with `::`, or have `##[` anywhere.
///
/// Source: `ActionCommand.TryParseV2` and `TryParse` of the runner, which trim a line before they look at it.
#[must_use]
pub fn inert(text: &str) -> String {
    let line = |line: &str| {
        let begun = line.trim_start();
        let blanks = &line[..line.len() - begun.len()];
        let line = begun.strip_prefix("::").map_or_else(|| line.to_owned(), |rest| format!("{blanks}: :{rest}"));
        line.replace("##[", "## [")
    };
    text.split_inclusive('\n').map(line).collect()
}

fn annotate(kind: &str, all: &[(&str, String)], to: &mut dyn io::Write) -> io::Result<()> {
    let shown = if all.len() > MOST { MOST - 1 } else { all.len() };
    for (rule, message) in &all[..shown] {
        writeln!(to, "::{kind} title={}::{}", property(&format!("laggard {rule}")), data(message))?;
    }
    if all.len() > shown {
        writeln!(to, "::{kind} title={}::and {} more; the job's summary has them", property("laggard"), all.len() - shown)?;
    }
    Ok(())
}

fn message(change: &ChangeLine) -> String {
    let about = change.text.as_deref().map(|text| format!(": {}", sanitised(text))).unwrap_or_default();
    let why = change.evidence.first().map(|(_, text)| format!(" ({})", sanitised(text))).unwrap_or_default();
    format!("{}{}{why}{about}", sanitised(&change.title), interval(change)).chars().take(LONGEST).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_of_a_text_is_a_command() {
        let text = "fail\n::error::forged\n  \t::add-mask::x\n  a ##[error]forged\nselect 1::int\n\n::";
        assert_eq!(inert(text), "fail\n: :error::forged\n  \t: :add-mask::x\n  a ## [error]forged\nselect 1::int\n\n: :");
    }

    #[test]
    fn the_tenth_annotation_tells_how_many_more_there_are() {
        let change = |at: usize| ChangeLine {
            rule: "latency",
            level: "error",
            title: format!("slower 100%: {at}, a\nb"),
            verdict: "regressed",
            counts: true,
            fails: true,
            ..ChangeLine::default()
        };
        let drawn = |changes: usize| {
            let report = GateReport { changes: (0..changes).map(change).collect(), ..GateReport::default() };
            let mut out = Vec::new();
            Github.draw(&report, &Style::default(), &mut out).expect("to memory");
            String::from_utf8(out).expect("UTF-8")
        };
        assert_eq!(drawn(10).lines().count(), 10);
        let many = drawn(25);
        assert_eq!(many.lines().count(), 10);
        assert_eq!(many.lines().next(), Some("::error title=laggard latency::slower 100%25: 0, a b"));
        assert!(many.ends_with("::and 16 more; the job's summary has them\n"), "{many}");
        assert_eq!(drawn(0), "");
    }
}
