//! `laggard rules` and `laggard explain`: what this build looks for, what each of it means, and what is known of a statement.

use std::io;

use crate::finding::{self, Meta};
use crate::report::build::find::{FEWEST_DIGITS, Unfound, find};
use crate::report::explained::Drawing;
use crate::report::text::{cut, sanitised};
use crate::report::{Explained, Style, View};
use crate::units::ByteCount;
use crate::workload::Statement;

use super::explain_args::ExplainArgs;
use super::reading::{self, Asked};
use super::screen::{self, say};
use super::toml_place::near;
use super::{Exit, Failure, outputs, print, terminal};

/// One line a rule.
pub(super) fn rules() -> Result<Exit, Failure> {
    let mut text = String::new();
    for rule in finding::ALL {
        let meta = rule.meta();
        text.push_str(&format!("{:<25} {:<7} {}\n", meta.id, meta.severity.name(), meta.title));
    }
    print(text.as_bytes())
}

/// What is known of a rule, or with inputs of a statement.
pub(super) fn explain(args: &ExplainArgs) -> Result<Exit, Failure> {
    if args.inputs.is_empty() { rule(&args.asked) } else { statement(args) }
}

/// All that is known of a statement.
fn statement(args: &ExplainArgs) -> Result<Exit, Failure> {
    reading::refuse_servers(&args.inputs)?;
    let drawing = drawing(args)?;
    let answer = reading::read(&Asked {
        inputs: &args.inputs,
        show: &args.show,
        select: &args.select,
        reading: &args.reading,
        rules: &args.rules,
        talk: &args.talk,
        by: None,
        without_findings: false,
        keeps_examples: false,
    })?;
    if answer.reading.inputs.is_empty() {
        return Ok(answer.exit);
    }
    if !args.talk.quiet {
        reading::say_if_nothing(&answer);
    }
    let statement = match find(&answer.reading.workload, &args.asked, answer.settings.dialect) {
        Ok(statement) => statement,
        Err(_) if answer.exit == Exit::Nothing => return Ok(Exit::Nothing),
        Err(unfound) => return Ok(unknown(&args.asked, &unfound).max(answer.exit)),
    };
    let view = View {
        samples: args.show.samples.into(),
        dialect: answer.settings.dialect,
        jobs: answer.settings.jobs,
        rules: answer.options,
        ..View::default()
    };
    let explained = crate::explain(&answer.reading, statement, &view);
    let style = Style { zone: Some(answer.display), ..terminal::style(args.show.color, args.show.ascii) };
    write(args, drawing, &explained, style)?;
    Ok(answer.exit)
}

fn write(args: &ExplainArgs, drawing: Drawing, explained: &Explained, style: Style) -> Result<(), Failure> {
    let Some(file) = args.output.as_ref().filter(|file| file.as_os_str() != "-") else {
        return screen::show(drawing.name(), |to| drawing.draw(explained, &style, to));
    };
    let plain = Style { width: None, colour: false, ..style };
    let failed = |error: io::Error| Failure::trouble(format!("{}: {error}", file.display()));
    let bytes = outputs::written(file, |to| drawing.draw(explained, &plain, to)).map_err(failed)?;
    if !args.talk.quiet {
        say(&format!("wrote {} ({})", file.display(), ByteCount(bytes)));
    }
    Ok(())
}

/// The format that is asked for, or that the output's extension chooses; the output must be no input.
fn drawing(args: &ExplainArgs) -> Result<Drawing, Failure> {
    let chosen = args.format.as_deref().and_then(Drawing::by_name);
    let Some(file) = args.output.as_ref().filter(|file| file.as_os_str() != "-") else { return Ok(chosen.unwrap_or_default()) };
    if outputs::is_among(file, &args.inputs) {
        return Err(Failure::trouble(format!("{}: is an input; it is not written to", file.display())));
    }
    let extension = file.extension().and_then(|e| e.to_str()).unwrap_or_default();
    let by_extension = Drawing::by_extension(extension);
    chosen
        .or(by_extension)
        .ok_or_else(|| Failure::trouble(format!("{}: its extension names no format; known are txt, json, md", file.display())))
}

/// How much of a near statement is told, in columns.
const NEAR: usize = 100;

/// Says why no statement is meant, and which may have been.
fn unknown(asked: &str, unfound: &Unfound<'_>) -> Exit {
    let (message, near, exit): (String, &[&Statement], Exit) = match unfound {
        Unfound::TooShort => (format!("{asked}: at least {FEWEST_DIGITS} digits of a statement's id are needed"), &[], Exit::Trouble),
        Unfound::Ambiguous(several) => (format!("{asked}: several statements are called so:"), several, Exit::Trouble),
        Unfound::Unknown(near) => {
            let hint = if finding::by_id(asked).is_some() { " (laggard explain RULE takes no inputs)" } else { "" };
            let colon = if near.is_empty() { "" } else { "; near are:" };
            (format!("{asked}: no statement of the input is called so{hint}{colon}"), near, Exit::Nothing)
        }
    };
    say(&message);
    near.iter().for_each(|s| say(&format!("  {}  {}", s.fingerprint, cut(&sanitised(&s.text), NEAR))));
    exit
}

/// All that is to be said of a rule.
fn rule(id: &str) -> Result<Exit, Failure> {
    let Some(rule) = finding::by_id(id) else {
        let known = || finding::ALL.iter().map(|rule| rule.meta().id);
        let near = known().find(|known| known.starts_with(id) || id.starts_with(known)).or_else(|| near(id, known()));
        let meant = near
            .map_or_else(|| "laggard rules lists them, and a statement needs an input".to_owned(), |near| format!("did you mean {near}?"));
        return Err(Failure::trouble(format!("{id}: no rule is called so; {meant}")));
    };
    print(page(rule.meta()).as_bytes())
}

fn page(meta: &Meta) -> String {
    let parts = [
        ("What it finds", meta.what),
        ("Why it costs", meta.why),
        ("How it looks", meta.example),
        ("What to do", meta.remedy),
        ("When to ignore it", meta.ignore),
    ];
    let mut page = format!("{}: {}\nSeverity up to {}.\n", meta.id, meta.title, meta.severity.name());
    for (heading, text) in parts {
        page.push_str(&format!("\n{heading}\n"));
        for line in wrapped(text, 96) {
            page.push_str(&format!("    {line}\n"));
        }
    }
    page.push_str(&choices(meta));
    page
}

/// The options of a rule with their defaults, as they could stand in the configuration; nothing if it has none.
fn choices(meta: &Meta) -> String {
    let choices = (meta.accepts)(&serde_json::json!({})).unwrap_or_default();
    if choices.is_empty() {
        return String::new();
    }
    let mut page = format!("\nOptions, with their defaults, under [rule.{}] in laggard.toml\n", meta.id);
    for choice in choices {
        page.push_str(&format!("    {} = {}\n", choice.name, choice.value));
        wrapped(&choice.about, 92).iter().for_each(|line| page.push_str(&format!("        {line}\n")));
    }
    page
}

/// Lines of at most so many characters, broken at blanks.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}
