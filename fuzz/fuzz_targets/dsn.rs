#![no_main]

use laggard::live::{Settings, Surroundings};
use libfuzzer_sys::fuzz_target;

/// The beginning of a password.
const SENTINEL: &str = "HUNTER2";

// Any string is a connection or an error, and neither shows a password.
fuzz_target!(|text: &str| {
    // Files are not what is tried here.
    if text.contains("service") || text.contains("passfile") || text.contains('%') {
        return;
    }
    let surroundings = Surroundings { variable: &|_| None, home: None, user: Some("fuzz".to_owned()) };
    let _ = Settings::resolve(Some(text), &surroundings);
    for text in [format!("postgres://app:{SENTINEL}{text}"), format!("password={SENTINEL}{text}")] {
        let shown = match Settings::resolve(Some(&text), &surroundings) {
            Ok(settings) => format!("{settings:?} {}", settings.target()),
            Err(error) => format!("{error} {error:?}"),
        };
        assert!(!shown.contains(SENTINEL), "{shown}");
    }
});
