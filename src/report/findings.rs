//! Findings as lines for eyes.

use unicode_width::UnicodeWidthStr;

use super::table::{LEAST_ROOM, duration};
use super::text::{cut, sanitised, wrapped};
use super::zoned::zoned;
use super::{FindingLine, Style};

/// How a line is to be painted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    /// Users notice it.
    Bad,
    /// As any line.
    Plain,
    /// Less than the line above it.
    Dim,
}

/// Findings for eyes, in columns: how bad, what it cost, whose statement, which rule, and what. What can be cut on a narrow
/// terminal stands last. Where there are only findings, why it is known and what to do stand below each.
pub(super) fn finding_lines(findings: &[FindingLine], style: &Style) -> Vec<(Tone, String)> {
    let columns = Columns::of(findings, style);
    let fits = |line: String| match style.width {
        Some(width) => cut(&line, width.max(LEAST_ROOM)),
        None => line,
    };
    let mut lines = Vec::new();
    for finding in findings {
        let tone = if finding.severity == "high" { Tone::Bad } else { Tone::Plain };
        lines.push((tone, fits(columns.line(finding, style))));
        lines.extend(windows(finding, style).into_iter().map(|line| (Tone::Plain, fits(line))));
        if style.findings_only {
            let parts = |text: &str| match style.width {
                Some(width) => wrapped(text, width.max(LEAST_ROOM) - INDENT.len()),
                None => vec![text.to_owned()],
            };
            let below = reasons(finding, style).into_iter().chain([sanitised(&finding.remedy)]);
            lines.extend(below.flat_map(|text| parts(&text)).map(|part| (Tone::Dim, format!("{INDENT}{part}"))));
            // Whole, for it is copied.
            lines.extend(finding.ddl.iter().map(|ddl| (Tone::Plain, format!("{INDENT}{}", sanitised(ddl)))));
        }
    }
    lines
}

/// The findings that stand above so many statements: fewer of them, so that one screen has both. Hints that cost much do not
/// displace what is bad; the dearest few have room beside it.
pub(super) fn above(findings: &[FindingLine], statements: usize) -> Vec<FindingLine> {
    let most = statements.div_ceil(5).saturating_mul(3);
    let is_bad = |finding: &FindingLine| finding.severity == "high" || finding.severity == "medium";
    let (bad, rest): (Vec<usize>, Vec<usize>) = (0..findings.len()).partition(|&at| is_bad(&findings[at]));
    let room = most.saturating_sub(bad.len()).max(statements.div_ceil(7));
    let hints = rest.into_iter().filter(|&at| findings[at].cost.is_some() || bad.len() < most).take(room);
    let mut shown: Vec<usize> = bad.iter().copied().take(most).chain(hints).collect();
    shown.sort_unstable();
    shown.into_iter().map(|at| findings[at].clone()).collect()
}

/// What a finding cost, and whether that is time on the clock.
pub(super) fn cost(finding: &FindingLine) -> String {
    duration(finding.cost) + if finding.is_wall && finding.cost.is_some() { " wall" } else { "" }
}

/// What [`cost`] means, if any of these findings needs it.
pub(super) fn legend(findings: &[FindingLine]) -> Option<&'static str> {
    let is_needed = findings.iter().any(|finding| finding.is_wall && finding.cost.is_some());
    is_needed.then_some("wall: time on the clock, round trips and the client's own time included; other costs are time in the server")
}

/// What belongs to a finding stands this much further in.
const INDENT: &str = "          ";

/// Widths of the columns of findings.
struct Columns {
    cost: usize,
    rule: usize,
}

impl Columns {
    /// As wide as what stands in them; a terminal of few columns leaves rules ragged.
    fn of(findings: &[FindingLine], style: &Style) -> Self {
        let widest = |of: &dyn Fn(&FindingLine) -> usize| findings.iter().map(of).max().unwrap_or_default();
        let is_wide = style.width.is_none_or(|width| width >= WIDE);
        Columns { cost: widest(&|f| cost(f).width()), rule: if is_wide { widest(&|f| f.rule.len()) } else { 0 } }
    }

    fn line(&self, finding: &FindingLine, style: &Style) -> String {
        let cost = cost(finding);
        let cost = " ".repeat(self.cost.saturating_sub(cost.width())) + &cost;
        let id = finding.statement.as_deref().map_or("–", |id| &id[..id.len().min(6)]);
        let doubt = match finding.confidence {
            "high" => "",
            "medium" => "likely: ",
            _ => "possible: ",
        };
        let text = finding.text.as_deref().map(|text| format!("  {}", sanitised(text))).unwrap_or_default();
        let (severity, rule, title) = (finding.severity, finding.rule, sanitised(&zoned(&finding.title, style)));
        let room = self.rule;
        format!("  {severity:<6}  {cost}  {id:<6}  {rule:<room$}  {doubt}{title}{text}")
    }
}

/// From so many columns of a terminal on, what was found stands below what was found.
const WIDE: usize = 100;

/// So many windows of time are told below a finding.
const MOST_WINDOWS: usize = 3;

/// When it was and what happened then, if the finding is about windows of time: a line each, further in what belongs to it.
pub(super) fn windows(finding: &FindingLine, style: &Style) -> Vec<String> {
    let all: Vec<&str> = finding.evidence.iter().filter(|(kind, ..)| *kind == "window").map(|(_, text, _)| text.as_str()).collect();
    let mut lines = Vec::new();
    for text in all.iter().take(MOST_WINDOWS) {
        for (at, part) in text.split("; ").enumerate() {
            lines.push(format!("{}{}", " ".repeat(if at == 0 { 10 } else { 12 }), sanitised(&zoned(part, style))));
        }
    }
    if all.len() > MOST_WINDOWS {
        lines.push(format!("          {} more", all.len() - MOST_WINDOWS));
    }
    lines
}

/// So many reasons are told below a finding.
const MOST_REASONS: usize = 2;

/// Why a finding is known, the first reasons of all; what [`windows`] tells is left to it.
pub(super) fn reasons(finding: &FindingLine, style: &Style) -> Vec<String> {
    let mut reasons: Vec<&str> = Vec::new();
    for (_, text, _) in finding.evidence.iter().filter(|(kind, text, _)| *kind != "window" && !text.is_empty()) {
        if !reasons.contains(&text.as_str()) && reasons.len() < MOST_REASONS {
            reasons.push(text);
        }
    }
    reasons.into_iter().map(|text| format!("· {}", sanitised(&zoned(text, style)))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::Micros;

    #[test]
    fn cost_and_statement_survive_a_narrow_terminal() {
        let finding = |rule, cost, confidence| FindingLine {
            rule,
            severity: "high",
            confidence,
            title: "25 queries on users for the rows of one on comments, 5 times".to_owned(),
            statement: Some("fae1059ed7dafee9".to_owned()),
            cost,
            remedy: "Read users once".to_owned(),
            ddl: (rule == "deadlock").then(|| "CREATE INDEX CONCURRENTLY a_name_that_is_long ON public.users (id);".to_owned()),
            ..FindingLine::default()
        };
        let findings = [finding("n-plus-one", Some(Micros(887_000)), "medium"), finding("deadlock", None, "high")];
        let style = Style { width: Some(60), findings_only: true, ..Style::default() };
        let lines: Vec<String> = finding_lines(&findings, &style).into_iter().map(|(_, line)| line).collect();
        assert_eq!(lines[0], "  high    887 ms  fae105  n-plus-one  likely: 25 queries on…");
        assert_eq!(lines[1], "          Read users once");
        assert_eq!(lines[2], "  high         –  fae105  deadlock  25 queries on users for…");
        assert_eq!(lines[4], "          CREATE INDEX CONCURRENTLY a_name_that_is_long ON public.users (id);");
        let wide = finding_lines(&findings, &Style::default());
        assert_eq!(wide[1].1, "  high         –  fae105  deadlock    25 queries on users for the rows of one on comments, 5 times");
    }

    #[test]
    fn why_it_is_known_stands_above_what_to_do_each_reason_once() {
        let evidence = ["25 calls in 134 ms", "25 calls in 134 ms", "40 calls\u{1b}[2J in 23 ms", "a third"];
        let mut evidence: Vec<_> = evidence.map(|text| ("burst", text.to_owned(), serde_json::Value::Null)).into();
        evidence.insert(0, ("window", "told elsewhere".to_owned(), serde_json::Value::Null));
        let finding = FindingLine { evidence, remedy: "Read users once".to_owned(), ..FindingLine::default() };
        let lines = finding_lines(&[finding], &Style { findings_only: true, ..Style::default() });
        let below: Vec<&str> = lines[2..].iter().map(|(_, line)| line.trim_start()).collect();
        assert_eq!(below, ["· 25 calls in 134 ms", &format!("· {}", sanitised("40 calls\u{1b}[2J in 23 ms")), "Read users once"]);
        assert!(!below[1].contains('\u{1b}'), "{below:?}");
    }

    #[test]
    fn above_statements_stand_the_bad_ones_in_their_order() {
        let finding = |rule, severity| FindingLine { rule, severity, ..FindingLine::default() };
        let all = [finding("a", "low"), finding("b", "high"), finding("c", "info"), finding("d", "medium"), finding("e", "low")];
        let rules = |statements| above(&all, statements).iter().map(|finding| finding.rule).collect::<String>();
        assert_eq!(
            (rules(5), rules(10), rules(usize::MAX), rules(0)),
            ("abd".to_owned(), "abcde".to_owned(), "abcde".to_owned(), String::new())
        );
        // Of 20 statements' findings 12 and the three dearest hints, which have a cost.
        let cost = |dear: bool| dear.then_some(Micros(1));
        let many = |at: usize| FindingLine {
            severity: if at.is_multiple_of(2) { "high" } else { "low" },
            cost: cost(at.is_multiple_of(3)),
            ..FindingLine::default()
        };
        let shown = above(&(0..60).map(many).collect::<Vec<_>>(), 20);
        let hints: Vec<bool> = shown.iter().filter(|finding| finding.severity == "low").map(|finding| finding.cost.is_some()).collect();
        assert_eq!((shown.len(), hints), (15, vec![true; 3]));
    }
}
