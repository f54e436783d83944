//! `laggard top`: what a running server did since the last look, as often as asked.
//!
//! Counters are asked for at every look, texts only when there are statements whose text is not known, because the server
//! loads all of them for it.

use std::collections::{HashMap, HashSet};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::Error;
use crate::input::discover::Candidate;
use crate::live::{self, Session, Texts, Wish};
use crate::pipeline::{self, Settings};
use crate::report::{Samples, View, rates};
use crate::snapshot::{Line, Snapshot};
use crate::{Input, report};

use super::screen::{self, say};
use super::snapshot_args::TopArgs;
use super::{Exit, Failure, connection, print, snapshot, terminal, when};

/// Texts are asked for no more often than this once the first are known.
const TEXTS_EVERY: Duration = Duration::from_secs(60);
/// The longest pause between attempts to connect again.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

pub(super) fn top(args: &TopArgs) -> Result<Exit, Failure> {
    if args.print_sql {
        let wish = Wish { texts: Texts::Masked, ..Wish::default() };
        return print(format!("{}\n{}", live::everything_sent(), live::everything_asked(&wish)).as_bytes());
    }
    let every = when::span(&args.every).map_err(Failure::trouble)?;
    let every = Duration::from_micros(every.0).max(Duration::from_millis(200));
    if let Some(folder) = &args.record {
        std::fs::create_dir_all(folder).map_err(|error| Failure::trouble(format!("{}: {error}", folder.display())))?;
    }
    let mut session = Some(connection::connect(args.connection.dsn.as_deref(), &args.connection.server, args.quiet)?);
    let mut known = Known::default();
    let mut earlier: Option<Snapshot> = None;
    let mut pause = Duration::from_secs(1);
    loop {
        let looked = Instant::now();
        match look(&mut session, args, &mut known) {
            Ok(taken) => {
                pause = Duration::from_secs(1);
                if earlier.is_none() {
                    taken.header.notes.iter().for_each(|note| say(note));
                }
                if !taken.has_counters {
                    return Ok(Exit::Trouble);
                }
                if let Some(folder) = &args.record {
                    record(&taken, folder)?;
                }
                if let Some(before) = earlier.replace(taken) {
                    show(&before, earlier.as_ref().unwrap_or(&before), args)?;
                    if args.once {
                        return Ok(Exit::Done);
                    }
                }
                std::thread::sleep(every.saturating_sub(looked.elapsed()));
            }
            Err(error) if args.once => return Err(Failure::trouble(error)),
            Err(error) => {
                say(&format!("{error}; trying again in {} s", pause.as_secs()));
                session = None;
                std::thread::sleep(pause);
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        }
    }
}

/// What was learnt of statements so far.
#[derive(Default)]
struct Known {
    texts: HashMap<i64, String>,
    own: HashSet<i64>,
    looks: u64,
    texts_at: Option<Instant>,
    is_incomplete: bool,
}

/// Takes a snapshot and completes it with what is known from earlier ones.
fn look(session: &mut Option<Session>, args: &TopArgs, known: &mut Known) -> Result<Snapshot, String> {
    let open = match session.take() {
        Some(open) => open,
        None => {
            connection::connect(args.connection.dsn.as_deref(), &args.connection.server, args.quiet).map_err(|failure| failure.message)?
        }
    };
    let open = session.insert(open);
    // At the first look, at the second for what came in between, and from then on when something is missing.
    let due = known.looks < 2 || (known.is_incomplete && known.texts_at.is_none_or(|at| at.elapsed() >= TEXTS_EVERY));
    let wish = Wish { texts: if due { Texts::Masked } else { Texts::None }, ..Wish::default() };
    let taken = live::capture(open, &wish).map_err(|error: Error| error.to_string())?;
    open.pause();
    known.looks += 1;
    if due {
        known.texts_at = Some(Instant::now());
    }
    Ok(known.complete(taken))
}

impl Known {
    fn complete(&mut self, mut taken: Snapshot) -> Snapshot {
        self.own.extend(taken.own.iter().copied());
        for line in &taken.lines {
            if let Line::Text { queryid, query } = line {
                self.texts.insert(*queryid, query.clone());
            }
        }
        let id = |line: &Line| if let Line::Statement(row) = line { row.get("queryid").and_then(serde_json::Value::as_i64) } else { None };
        taken.lines.retain(|line| !matches!(line, Line::Text { .. }) && id(line).is_none_or(|id| !self.own.contains(&id)));
        let ids: HashSet<i64> = taken.lines.iter().filter_map(id).collect();
        self.is_incomplete = ids.iter().any(|id| !self.texts.contains_key(id));
        // Entries that the server dropped need their text no more.
        self.texts.retain(|id, _| ids.contains(id));
        let mut texts: Vec<Line> = self.texts.iter().map(|(&queryid, query)| Line::Text { queryid, query: query.clone() }).collect();
        texts.sort_by_key(|line| if let Line::Text { queryid, .. } = line { *queryid } else { 0 });
        taken.lines.splice(0..0, texts);
        taken
    }
}

fn record(taken: &Snapshot, folder: &Path) -> Result<(), Failure> {
    // The server's clock, in a form that every file system takes and that sorts as time does.
    let moment: String = taken.header.taken_at.chars().filter(|c| c.is_ascii_alphanumeric()).take(21).collect();
    let file: PathBuf = folder.join(format!("{moment}.snap"));
    snapshot::write(taken, &file).map(drop)
}

fn show(before: &Snapshot, after: &Snapshot, args: &TopArgs) -> Result<(), Failure> {
    let input = |name: &str, taken: &Snapshot| -> io::Result<Candidate> {
        let mut text = Vec::new();
        taken.write(&mut text)?;
        Ok(Candidate { input: Input::Memory(name.to_owned(), text), named: true })
    };
    let inputs = vec![input("before", before)?, input("after", after)?];
    let reading = pipeline::read(inputs, &Settings { jobs: 1, ..Settings::default() }, &pipeline::Silent)
        .map_err(|error| Failure::trouble(error.to_string()))?;
    for error in &reading.errors {
        say(&error.to_string());
    }
    let view = View { top: Some(args.top), sort: args.sort.into(), samples: Samples::None, jobs: 1, ..View::default() };
    let report = crate::report(&reading, &view);
    let style = report::Style { zone: Some(jiff::tz::TimeZone::system()), ..terminal::style(args.color, args.ascii) };
    screen::show("table", |to| rates::draw(&report, &style, to))
}
