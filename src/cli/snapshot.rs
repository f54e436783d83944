//! `laggard snapshot`: counters and catalogue of a running server into a file, or how that would be done.

use std::io::Write;
use std::path::Path;

use crate::live::{self, Texts, Wish};
use crate::snapshot::{Snapshot, psql};
use crate::units::ByteCount;

use super::snapshot_args::{SnapshotArgs, TextsArg};
use super::{Exit, Failure, connection, outputs, print, say};

pub(super) fn snapshot(args: &SnapshotArgs) -> Result<Exit, Failure> {
    let wish = Wish {
        texts: match args.texts {
            TextsArg::Masked => Texts::Masked,
            TextsArg::Full => Texts::Full,
            TextsArg::None => Texts::None,
        },
        catalogue: !args.no_catalogue,
        values: args.column_values,
        without_counters: args.no_counters,
    };
    if args.print_sql {
        return print(format!("{}\n{}", live::everything_sent(), live::everything_asked(&wish)).as_bytes());
    }
    if args.psql {
        return print(psql::script(args.column_values).as_bytes());
    }
    let Some(file) = &args.output else {
        return Err(Failure::trouble("say where to with -o FILE, or look first with --print-sql"));
    };
    if file.is_dir() {
        return Err(Failure::trouble(format!("{}: is a folder; name a file in it", file.display())));
    }
    let mut session = connection::connect(args.connection.dsn.as_deref(), &args.connection.server, args.quiet)?;
    let snapshot = live::capture(&mut session, &wish).map_err(|error| Failure::trouble(error.to_string()))?;
    drop(session);
    let bytes = write(&snapshot, file)?;
    for note in &snapshot.header.notes {
        say(note);
    }
    if !args.quiet {
        let entries = snapshot.lines.iter().filter(|line| matches!(line, crate::snapshot::Line::Statement(_))).count();
        let (what, log) = if args.no_counters { ("no counters".to_owned(), "LOG ") } else { (format!("{entries} entries"), "") };
        say(&format!("wrote {} ({what}, {}); next: laggard report {log}{}", file.display(), ByteCount(bytes), file.display()));
    }
    // Without counters it is not what was asked for, though what could be read is there.
    Ok(if snapshot.has_counters || args.no_counters { Exit::Done } else { Exit::Trouble })
}

/// Writes a snapshot to a temporary name and renames it; packed unless the name says otherwise. Answers its size.
pub(super) fn write(snapshot: &Snapshot, file: &Path) -> Result<u64, Failure> {
    let plain = file.extension().is_some_and(|extension| ["jsonl", "json", "ndjson"].iter().any(|plain| extension == *plain));
    let written = outputs::written(file, |to| if plain { snapshot.write(to) } else { packed(snapshot, to) });
    written.map_err(|error| Failure::trouble(format!("{}: {error}", file.display())))
}

#[cfg(feature = "zstd")]
fn packed(snapshot: &Snapshot, to: &mut dyn Write) -> std::io::Result<()> {
    let mut encoder = zstd::stream::Encoder::new(to, 0)?;
    let mut buffered = std::io::BufWriter::new(&mut encoder);
    snapshot.write(&mut buffered)?;
    buffered.flush()?;
    drop(buffered);
    encoder.finish().map(drop)
}

/// A build without the packer writes plain lines, which read as well.
#[cfg(not(feature = "zstd"))]
fn packed(snapshot: &Snapshot, to: &mut dyn Write) -> std::io::Result<()> {
    snapshot.write(to)
}
