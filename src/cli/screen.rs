//! What goes to the streams of this process. In a job of GitHub's its runner reads both, line by line, and obeys some of them, so
//! nothing that a log or a name says may look like one.

use std::io::{self, Write};

use crate::report::{github, text};

use super::Failure;

/// Whether GitHub reads what is written, and acts on commands in it.
pub(super) fn is_in_github() -> bool {
    std::env::var_os("GITHUB_ACTIONS").is_some_and(|value| value == "true")
}

/// Draws on standard output what is in this format, with nothing in it that GitHub obeys unless the format is made of that.
pub(super) fn show(format: &str, draw: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), Failure> {
    let mut stdout = io::BufWriter::new(io::stdout().lock());
    if is_in_github() {
        let mut drawn = Vec::new();
        draw(&mut drawn)?;
        stdout.write_all(github::inert(format, &String::from_utf8_lossy(&drawn)).as_bytes())?;
    } else {
        draw(&mut stdout)?;
    }
    Ok(stdout.flush()?)
}

/// A line on standard error. A closed stream is nobody's error.
pub(super) fn say(message: &str) {
    tell(&format!("laggard: {}", text::sanitised(message)));
}

/// The same without a name before it; the text is harmless but for GitHub.
pub(super) fn tell(text: &str) {
    let text = if is_in_github() { github::inert("table", text) } else { text.to_owned() };
    let _ = writeln!(anstream::stderr(), "{text}");
}
