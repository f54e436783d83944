//! `laggard save`: what a report would be made of, into a file that reads as an input.

use std::path::{Path, PathBuf};

use crate::saved::{self, Keep};
use crate::units::{ByteCount, counted};
use crate::workload::Reading;

use super::args::SamplesArg;
use super::reading::{self, Asked};
use super::save_args::SaveArgs;
use super::{Exit, Failure, outputs, say};

pub(super) fn save(args: &SaveArgs) -> Result<Exit, Failure> {
    reading::refuse_servers(&args.inputs)?;
    let file = output(args.output.as_deref(), &args.inputs)?;
    let answer = reading::gather(&Asked {
        inputs: &args.inputs,
        show: &args.show(),
        select: &args.select,
        reading: &args.reading,
        rules: &args.rules,
        talk: &args.talk,
        by: args.by.as_deref(),
        without_findings: false,
        keeps_examples: false,
    })?;
    if answer.reading.inputs.is_empty() || answer.exit == Exit::Nothing {
        // An empty run would pass wherever nothing is what one hopes for.
        reading::say_if_nothing(&answer);
        say(&format!("nothing to save; {} is not written", file.display()));
        return Ok(answer.exit.max(Exit::Nothing));
    }
    let keep = if args.samples == SamplesArg::Full { Keep::Full } else { Keep::Masked };
    let written = outputs::written(file, |to| saved::write(&answer.reading, keep, answer.settings.dialect, to));
    let bytes = written.map_err(|error| Failure::trouble(format!("{}: {error}", file.display())))?;
    if !args.talk.quiet {
        tell(&answer.reading, file, bytes);
    }
    if answer.exit == Exit::Trouble {
        say(&format!("{}: not all could be read, and the file says so", file.display()));
    }
    Ok(answer.exit)
}

/// Where to, if that is a file and will not be an input.
fn output<'a>(output: Option<&'a Path>, inputs: &[PathBuf]) -> Result<&'a Path, Failure> {
    let Some(file) = output.filter(|file| file.as_os_str() != "-") else {
        return Err(Failure::trouble("say where to with -o FILE, such as -o run.lag"));
    };
    if file.is_dir() {
        return Err(Failure::trouble(format!("{}: is a folder; name a file in it", file.display())));
    }
    if outputs::is_among(file, inputs) {
        return Err(Failure::trouble(format!("{}: is an input; it is not written to", file.display())));
    }
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new(".")).canonicalize().ok();
    let holds = |input: &&PathBuf| input.is_dir() && input.canonicalize().ok().zip(folder.as_ref()).is_some_and(|(i, f)| f.starts_with(i));
    if let Some(input) = inputs.iter().find(holds) {
        let reason = "is a folder that is read with all that is in it, so the next time the file would be an input";
        return Err(Failure::trouble(format!("{}: {reason}; write it elsewhere", input.display())));
    }
    Ok(file)
}

fn tell(reading: &Reading, file: &Path, bytes: u64) {
    let workload = &reading.workload;
    let statements = counted(workload.statements().count() as u64, "statement");
    say(&format!("wrote {} ({statements}, {}); next: laggard report {}", file.display(), ByteCount(bytes), file.display()));
    if workload.coverage().is_some_and(|coverage| coverage.is_life) {
        say("one snapshot is the life of the counters; a run to compare is the interval between two");
    }
}
