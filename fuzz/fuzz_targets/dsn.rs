#![no_main]

use laggard::live::{Settings, Surroundings};
use libfuzzer_sys::fuzz_target;

/// Stands where a piece of a password may stand.
const SENTINEL: &str = "HUNTER2";

// Any string is a connection or an error, and neither shows a password.
fuzz_target!(|text: &str| {
    let surroundings = Surroundings { variable: &|_| None, home: None, user: Some("fuzz".to_owned()) };
    for text in [text.to_owned(), format!("postgres://app:{SENTINEL}{text}"), format!("password={SENTINEL}{text}")] {
        // Files are not what is tried here.
        if ["service", "passfile"].iter().any(|key| text.contains(key)) || text.contains('%') {
            continue;
        }
        let shown = match Settings::resolve(Some(&text), &surroundings) {
            Ok(settings) => format!("{settings:?}"),
            Err(error) => format!("{error} {error:?}"),
        };
        let hosts_may_be_named_so = text.contains("=") || text.starts_with("postgres://") && !text.contains('@');
        assert!(hosts_may_be_named_so || !shown.contains(SENTINEL), "{shown}");
    }
});
