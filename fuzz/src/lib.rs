//! What the fuzz targets assert of any input.
//!
//! ```text
//! cargo install cargo-fuzz
//! cd fuzz
//! RUSTC_BOOTSTRAP=1 cargo fuzz run pg_stderr corpus/pg_stderr ../fixtures/logs/pg-stderr -- -max_total_time=600 -max_len=4096
//! ```
//!
//! `RUSTC_BOOTSTRAP=1` lets a stable compiler take cargo-fuzz's `-Z` flags; a nightly needs no such thing. Targets: `lexer`,
//! `prefix`, one for each source, `saved` for saved workloads, and `dsn` and `pgpass` for what names a server.

use laggard::sql::fingerprint::normalise;
use laggard::sql::lexer::{Dialect, lex};
use laggard::units::Timestamp;
use laggard::{Input, Settings, View};

/// Tokens are the statement, and normalising twice is once.
pub fn statement(sql: &[u8]) {
    for standard_conforming_strings in [true, false] {
        let dialect = Dialect::PostgreSql { standard_conforming_strings };
        let mut at = 0;
        for token in lex(sql, dialect) {
            assert!(!token.text.is_empty());
            assert_eq!(&sql[at..at + token.text.len()], token.text);
            at += token.text.len();
        }
        assert_eq!(at, sql.len());
        let once = normalise(sql, dialect);
        let twice = normalise(once.text.as_bytes(), dialect);
        assert_eq!(twice.text, once.text);
        assert_eq!(twice.fingerprint, once.fingerprint);
    }
}

/// A source reads anything, and blocks and threads change nothing.
pub fn log(source: &str, prefix: Option<&str>, bytes: &[u8]) {
    // The first byte is the size of blocks.
    let Some((&size, log)) = bytes.split_first() else { return };
    let small = report(source, prefix, log, 1 + usize::from(size));
    let large = report(source, prefix, log, 1 << 20);
    assert_eq!(small, large);
}

/// Whatever is read as a saved workload can be reported, and what is saved of it reads as the same.
pub fn saved(bytes: &[u8]) {
    let settings = Settings { jobs: 1, source: Some("laggard-saved".to_owned()), ..Settings::default() };
    let read = |bytes: &[u8]| laggard::read(vec![Input::Memory("fuzz.lag".to_owned(), bytes.to_vec())], &settings).expect("settings make sense");
    let reading = read(bytes);
    let pages = |reading: &laggard::Reading| {
        let mut page = Vec::new();
        laggard::render("json", &laggard::report(reading, &View::default()), &mut page).expect("to memory");
        page
    };
    let first = pages(&reading);
    if reading.errors.is_empty() {
        let mut again = Vec::new();
        laggard::saved::write(&reading, laggard::saved::Keep::Full, Dialect::default(), &mut again).expect("to memory");
        let again = read(&again);
        assert!(again.errors.is_empty(), "{:?}", again.errors);
        assert_eq!(first, pages(&again));
    }
}

fn report(source: &str, prefix: Option<&str>, log: &[u8], block_size: usize) -> String {
    let mut settings = Settings { jobs: 1, block_size, source: Some(source.to_owned()), ..Settings::default() };
    settings.source_options.reference = Timestamp(1_796_083_200_000_000);
    settings.source_options.prefix = prefix.map(str::to_owned);
    let Ok(reading) = laggard::read(vec![Input::Memory("fuzz.log".to_owned(), log.to_vec())], &settings) else { return String::new() };
    let mut pages = Vec::new();
    let report = laggard::report(&reading, &View::default());
    for renderer in laggard::report::ALL {
        laggard::render(renderer.name(), &report, &mut pages).expect("to memory");
    }
    String::from_utf8(pages).expect("every format is UTF-8")
}
