#![no_main]

use laggard::source::pg_prefix::Prefix;
use libfuzzer_sys::fuzz_target;

// The prefix up to the first line end, then the log that it stands in.
fuzz_target!(|bytes: &[u8]| {
    let end = bytes.iter().position(|&b| b == b'\n').unwrap_or(bytes.len());
    let Ok(prefix) = std::str::from_utf8(&bytes[..end]) else { return };
    let Ok(compiled) = Prefix::compile(prefix) else { return };
    assert_eq!(compiled.text(), prefix);
    let log = bytes.get(end + 1..).unwrap_or_default();
    laggard_fuzz::log("pg-stderr", Some(prefix), log);
    laggard_fuzz::log("pg-syslog", Some(prefix), log);
});
