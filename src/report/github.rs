//! GitHub's workflow commands: one annotation a finding.
//!
//! Characters that end a command or a property are encoded, as `actions/toolkit` does (`packages/core/src/command.ts`), so
//! that no statement can issue commands of its own.

use std::io;

use super::text::{is_hostile, sanitised};
use super::{FindingLine, Renderer, Report, Style};

/// See the module.
pub(super) struct Github;

/// GitHub shows ten annotations of a kind and step, and cuts long messages.
pub(super) const LONGEST: usize = 1_000;

impl Renderer for Github {
    fn name(&self) -> &'static str {
        "github"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &[]
    }

    fn render(&self, report: &Report, _: &Style, to: &mut dyn io::Write) -> io::Result<()> {
        report.findings.iter().try_for_each(|finding| writeln!(to, "{}", command(finding)))
    }
}

fn command(finding: &FindingLine) -> String {
    // An error fails a build by default, and so does only what is sure.
    let kind = match (finding.severity, finding.confidence) {
        ("high", "high") => "error",
        ("high" | "medium", _) => "warning",
        _ => "notice",
    };
    let cost = finding.cost.map(|cost| format!(", {cost}")).unwrap_or_default();
    let about = finding.text.as_deref().map(|text| format!(": {}", sanitised(text))).unwrap_or_default();
    let message = format!("{}{cost} (confidence {}){about}. {}", sanitised(&finding.title), finding.confidence, sanitised(&finding.remedy));
    let message: String = message.chars().take(LONGEST).collect();
    format!("::{kind} title={}::{}", property(&format!("laggard {}", finding.rule)), data(&message))
}

/// What a format wrote, so that no line of it is a command in a job's log: those begin a line with `::`, or have `##[` anywhere.
/// JSON stays the same value; in XML, as in text, a blank parts the colons.
///
/// Source: `ActionCommand.TryParseV2` and `TryParse` of the runner, which trim a line before they look at it.
#[must_use]
pub fn inert(format: &str, text: &str) -> String {
    match format {
        // These are commands.
        "github" => text.to_owned(),
        // No line begins with a colon, and `#` stands in strings only.
        "json" | "jsonl" | "sarif" | "gitlab" => text.replace("##[", "##\\u005b"),
        "junit" => lines(&text.replace("##[", "##&#91;")),
        _ => lines(&text.replace("##[", "## [")),
    }
}

fn lines(text: &str) -> String {
    let line = |line: &str| {
        let begun = line.trim_start_matches(|c: char| c.is_whitespace() || is_hostile(c));
        let blanks = &line[..line.len() - begun.len()];
        begun.strip_prefix("::").map_or_else(|| line.to_owned(), |rest| format!("{blanks}: :{rest}"))
    };
    // To a reader of lines a carriage return ends one too.
    text.split_inclusive(['\n', '\r']).map(line).collect()
}

pub(super) fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

pub(super) fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::Micros;

    #[test]
    fn no_line_of_a_text_is_a_command() {
        let text = "fail\n::error::forged\n  \t::add-mask::x\n  a ##[error]forged\nselect 1::int\n\n::";
        assert_eq!(inert("table", text), "fail\n: :error::forged\n  \t: :add-mask::x\n  a ## [error]forged\nselect 1::int\n\n: :");
        assert_eq!(inert("csv", "a\r::error::forged\r\n\u{200b}::x\n"), "a\r: :error::forged\r\n\u{200b}: :x\n");
        let json = r###"{"text": "a ##[error]b"}"###;
        let value = |text: &str| serde_json::from_str::<serde_json::Value>(text).expect("JSON");
        assert!(!inert("json", json).contains("##[") && value(&inert("json", json)) == value(json));
        assert_eq!(inert("junit", "<a>##[error]\n::b</a>"), "<a>##&#91;error]\n: :b</a>");
        assert_eq!(inert("github", "::error::told\n"), "::error::told\n");
    }

    #[test]
    fn only_what_is_sure_is_an_error() {
        let finding = |severity, confidence| FindingLine {
            rule: "n-plus-one",
            severity,
            confidence,
            title: "25 queries".to_owned(),
            cost: Some(Micros(31_000_000)),
            remedy: "Read once".to_owned(),
            ..FindingLine::default()
        };
        assert_eq!(command(&finding("high", "high")), "::error title=laggard n-plus-one::25 queries, 31.0 s (confidence high). Read once");
        assert!(command(&finding("high", "medium")).starts_with("::warning "));
        assert!(command(&finding("medium", "high")).starts_with("::warning "));
        assert!(command(&finding("low", "high")).starts_with("::notice "));
    }
}
