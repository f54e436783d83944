//! `JUnit`'s XML, as CI dashboards read it: a case for each change that was judged, in a suite by what it is about.
//!
//! Format: the schema of the Jenkins `xUnit` plug-in (`junit-10.xsd`), which GitLab and GitHub's actions read too.

use std::io;

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event};

use super::super::Style;
use super::super::text::{cut, sanitised};
use super::{ChangeLine, GateReport, Output, interval};

/// See the module.
pub(super) struct Junit;

/// Suites: their name, and the metrics in them.
const SUITES: [(&str, &[&str]); 2] =
    [("counters", &["calls", "rows", "buffers", "temp", "wal", "plan", "errors", "presence"]), ("latency", &["latency", "latency_tail"])];

impl Output for Junit {
    fn name(&self) -> &'static str {
        "junit"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["xml"]
    }

    fn draw(&self, report: &GateReport, _: &Style, to: &mut dyn io::Write) -> io::Result<()> {
        let mut xml = Writer::new_with_indent(Vec::new(), b' ', 2);
        xml.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
        xml.write_event(Event::Start(element("testsuites", &[("name", "laggard")])))?;
        comparable(&mut xml, report)?;
        for (name, metrics) in SUITES {
            let cases: Vec<&ChangeLine> = report.changes.iter().filter(|change| metrics.contains(&change.metric)).collect();
            suite(&mut xml, name, &cases)?;
        }
        xml.write_event(Event::End(BytesEnd::new("testsuites")))?;
        to.write_all(&xml.into_inner())?;
        to.write_all(b"\n")
    }
}

type Xml = Writer<Vec<u8>>;

/// Whether the runs can be compared is a case of its own, so that no report is empty.
fn comparable(xml: &mut Xml, report: &GateReport) -> io::Result<()> {
    let failures = if report.reasons.is_empty() { "0" } else { "1" };
    xml.write_event(Event::Start(element(
        "testsuite",
        &[("name", "comparable"), ("tests", "1"), ("failures", failures), ("skipped", "0")],
    )))?;
    xml.write_event(Event::Start(element("testcase", &[("classname", "comparable"), ("name", "the runs can be compared")])))?;
    if !report.reasons.is_empty() {
        failure(xml, "not-comparable", &report.reasons.join("\n"))?;
    }
    xml.write_event(Event::End(BytesEnd::new("testcase")))?;
    xml.write_event(Event::End(BytesEnd::new("testsuite")))
}

fn suite(xml: &mut Xml, name: &str, cases: &[&ChangeLine]) -> io::Result<()> {
    let count = |of: fn(&ChangeLine) -> bool| cases.iter().filter(|case| of(case)).count().to_string();
    let (tests, failures, skipped) = (cases.len().to_string(), count(|case| case.fails), count(is_skipped));
    let attributes = [("name", name), ("tests", &tests), ("failures", &failures), ("skipped", &skipped)];
    xml.write_event(Event::Start(element("testsuite", &attributes)))?;
    cases.iter().try_for_each(|change| case(xml, change))?;
    xml.write_event(Event::End(BytesEnd::new("testsuite")))
}

/// What nobody can tell, and what is lived with.
fn is_skipped(change: &ChangeLine) -> bool {
    !change.fails && (change.verdict == "inconclusive" || change.suppressed.is_some())
}

fn case(xml: &mut Xml, change: &ChangeLine) -> io::Result<()> {
    let id = change.statement.as_deref().unwrap_or("run");
    let text = change.text.as_deref().map(|text| cut(text, 120)).unwrap_or_default();
    let name = format!("{id} {} {text}", change.metric);
    xml.write_event(Event::Start(element("testcase", &[("classname", change.rule), ("name", name.trim_end())])))?;
    let told: Vec<&str> = change.evidence.iter().map(|(_, text)| text.as_str()).collect();
    let detail = format!("{}{}\n{}", change.title, interval(change), told.join("\n"));
    if change.fails {
        failure(xml, change.rule, &detail)?;
    } else if is_skipped(change) {
        let why = match (&change.suppressed, change.detectable) {
            (Some((reason, expires)), _) => format!("ignored until {expires}: {reason}"),
            (None, Some(ratio)) => format!("inconclusive: less than {ratio:.2} times as long would not have been seen"),
            (None, None) => "inconclusive".to_owned(),
        };
        xml.write_event(Event::Empty(element("skipped", &[("message", &why)])))?;
    } else if change.counts {
        xml.write_event(Event::Start(BytesStart::new("system-out")))?;
        xml.write_event(Event::Text(BytesText::new(&harmless(&detail))))?;
        xml.write_event(Event::End(BytesEnd::new("system-out")))?;
    }
    xml.write_event(Event::End(BytesEnd::new("testcase")))
}

fn failure(xml: &mut Xml, rule: &str, detail: &str) -> io::Result<()> {
    let message = detail.lines().next().unwrap_or_default();
    xml.write_event(Event::Start(element("failure", &[("type", rule), ("message", message)])))?;
    xml.write_event(Event::Text(BytesText::new(&harmless(detail))))?;
    xml.write_event(Event::End(BytesEnd::new("failure")))
}

fn element<'e>(name: &'e str, attributes: &[(&str, &str)]) -> BytesStart<'e> {
    let mut element = BytesStart::new(name);
    for (key, value) in attributes {
        element.push_attribute((*key, harmless(value).as_str()));
    }
    element
}

/// XML 1.0 has no place for control characters, nor for U+FFFE and U+FFFF, however they are written (§2.2).
fn harmless(text: &str) -> String {
    let lines: Vec<String> = text.lines().map(sanitised).collect();
    lines.join("\n").replace(['\u{fffe}', '\u{ffff}'], "\u{fffd}")
}
