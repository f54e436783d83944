#![no_main]

use laggard::live::pgpass::{Whom, password};
use libfuzzer_sys::fuzz_target;

// The first line says for whom a password is wanted, the rest is the file.
fuzz_target!(|text: &str| {
    let (whom, file) = text.split_once('\n').unwrap_or((text, ""));
    let mut parts = whom.splitn(4, ' ');
    let mut next = || parts.next().unwrap_or("x");
    let whom = Whom { host: next(), port: next(), database: next(), user: next() };
    if let Some(found) = password(file, whom) {
        assert_eq!(format!("{found:?}{found}"), "Secret(…)…");
    }
    // Whatever is asked for, a line that was written for it is found behind lines that are for nobody.
    let escaped = |text: &str| text.replace('\\', "\\\\").replace(':', "\\:");
    if !whom.host.starts_with('#') && !whom.host.contains('\r') {
        let fields = [whom.host, whom.port, whom.database, whom.user].map(escaped).join(":");
        assert!(password(&format!("nobody\n{fields}:secret"), whom).is_some());
    }
});
