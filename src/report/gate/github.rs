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
        let reasons = report.reasons.iter().map(|reason| Told { rule: "not-comparable", message: sanitised(reason), at: None });
        let errors: Vec<Told<'_>> = reasons.chain(report.failing().map(annotation)).collect();
        let warnings: Vec<Told<'_>> = report.warnings().map(annotation).collect();
        annotate("error", &errors, to)?;
        annotate("warning", &warnings, to)
    }
}

/// One annotation, at a place of the program if that is known.
struct Told<'r> {
    rule: &'r str,
    message: String,
    at: Option<&'r (String, u32)>,
}

fn annotation(change: &ChangeLine) -> Told<'_> {
    Told { rule: change.rule, message: message(change), at: change.origin.as_ref() }
}

fn annotate(kind: &str, all: &[Told<'_>], to: &mut dyn io::Write) -> io::Result<()> {
    let shown = if all.len() > MOST { MOST - 1 } else { all.len() };
    for told in &all[..shown] {
        let at = told.at.map(|(file, line)| format!("file={},line={line},", property(file))).unwrap_or_default();
        writeln!(to, "::{kind} {at}title={}::{}", property(&format!("laggard {}", told.rule)), data(&told.message))?;
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
    fn the_tenth_annotation_tells_how_many_more_there_are() {
        let change = |at: usize| ChangeLine {
            rule: "latency",
            level: "error",
            title: format!("slower 100%: {at}, a\nb"),
            verdict: "regressed",
            counts: true,
            fails: true,
            origin: (at == 0).then(|| ("app/a,b.rb".to_owned(), 12)),
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
        assert_eq!(many.lines().next(), Some("::error file=app/a%2Cb.rb,line=12,title=laggard latency::slower 100%25: 0, a b"));
        assert!(many.ends_with("::and 16 more; the job's summary has them\n"), "{many}");
        assert_eq!(drawn(0), "");
    }
}
