//! How we behave on somebody else's server: a name, read-only, and limits on everything that can take long.
//!
//! Each statement carries the mark `/* laggard */`, by which its entry among the server's counters is known. Everything that
//! a session sends of its own accord is made here, so that `--print-sql` can list it without connecting.

use std::time::Duration;

/// What the server's administrator sees, whatever the user's `PGAPPNAME` is.
pub const APPLICATION_NAME: &str = "laggard";

/// How long a statement may take on the server unless it is given another limit.
pub const STATEMENT_TIMEOUT: Duration = Duration::from_secs(5);

/// The limit that servers before 9.6 do not know.
pub(super) const IDLE_LIMIT: &str = "idle_in_transaction_session_timeout";

/// The setting that makes a session read-only.
pub(super) const READ_ONLY: &str = "default_transaction_read_only";

/// Setting, and value as `pg_settings` shows it. Times are milliseconds.
const SETTINGS: [(&str, &str); 6] = [
    (READ_ONLY, "on"),
    ("statement_timeout", "5000"),
    // We wait behind nobody, and above all nobody queues behind our waiting.
    ("lock_timeout", "100"),
    (IDLE_LIMIT, "60000"),
    // Nobody's function stands in for one of the server's.
    ("search_path", "pg_catalog"),
    // Floating-point numbers in full before PostgreSQL 12.
    ("extra_float_digits", "3"),
];

/// The value of `options` in the start-up packet: the user's, then ours, because the last word counts.
pub(super) fn options(users: &str, without: &[&str]) -> String {
    let ours = SETTINGS.iter().filter(|(name, _)| !without.contains(name)).map(|(name, value)| format!("-c {name}={value}"));
    let users = Some(users.to_owned()).filter(|users| !users.is_empty());
    users.into_iter().chain(ours).collect::<Vec<_>>().join(" ")
}

/// Asks what is in force, and who the server is.
pub(super) fn inquiry() -> String {
    let names = SETTINGS.iter().map(|(name, _)| *name).chain(["server_version", "server_version_num"]);
    let names: Vec<String> = names.map(|name| format!("'{name}'")).collect();
    format!("SELECT /* laggard */ name, setting FROM pg_catalog.pg_settings WHERE name IN ({})", names.join(", "))
}

/// Whether the answers to [`inquiry`] are what was asked for at the start, but for what was left out.
pub(super) fn in_force<'a>(setting: impl Fn(&str) -> Option<&'a str>, without: &[&str]) -> bool {
    SETTINGS.iter().filter(|(name, _)| !without.contains(name)).all(|(name, value)| setting(name) == Some(*value))
}

/// What makes the rest of a session read-only, where that could not be asked for at the start.
pub(super) fn make_read_only() -> String {
    format!("SET /* laggard */ {READ_ONLY} = on")
}

/// Begins a transaction with the same limits, for sessions that share a connection with others behind a pooler.
pub(super) fn begin(knows_idle_limit: bool) -> String {
    let settings = SETTINGS.iter().filter(|(name, _)| *name != READ_ONLY && (knows_idle_limit || *name != IDLE_LIMIT));
    let mut sql = "BEGIN /* laggard */ READ ONLY".to_owned();
    for (name, value) in settings {
        sql.push_str(&format!("; SET /* laggard */ LOCAL {name} = {value}"));
    }
    sql
}

/// Ends such a transaction.
pub(super) const ROLLBACK: &str = "ROLLBACK /* laggard */";

/// Changes the server's limit on statements, for the transaction or for the session.
pub(super) fn limit(timeout: Duration, in_transaction: bool) -> String {
    let local = if in_transaction { "LOCAL " } else { "" };
    format!("SET /* laggard */ {local}statement_timeout = {}", milliseconds(timeout))
}

/// At least one: zero would mean no limit.
fn milliseconds(timeout: Duration) -> u32 {
    u32::try_from(timeout.as_millis()).unwrap_or(u32::MAX).clamp(1, i32::MAX.unsigned_abs())
}

/// Asks for what `target_session_attrs` wants to know.
pub(super) const IS_READ_ONLY: &str = "SHOW /* laggard */ transaction_read_only";

/// Asks for what `target_session_attrs` wants to know.
pub(super) const IS_STANDBY: &str = "SELECT /* laggard */ pg_catalog.pg_is_in_recovery()";

/// Everything that a session sends beside the statements it is given, as text that psql takes.
#[must_use]
pub fn everything_sent() -> String {
    let start = options("", &[]);
    [
        "-- in the start-up packet:".to_owned(),
        format!("--   application_name={APPLICATION_NAME}"),
        format!("--   options={start} (behind those of PGOPTIONS)"),
        "-- then, to see whether that is in force:".to_owned(),
        inquiry() + ";",
        "-- only if target_session_attrs asks for it:".to_owned(),
        format!("{IS_READ_ONLY};"),
        format!("{IS_STANDBY};"),
        make_read_only() + ";",
        "-- only behind a pooler that does not pass start-up settings on, before the first statement and after a failed one:".to_owned(),
        begin(true) + ";",
        "-- and after the last or a failed one:".to_owned(),
        format!("{ROLLBACK};"),
        "-- before a statement that may take longer or shorter (milliseconds; LOCAL within such a transaction):".to_owned(),
        limit(Duration::from_secs(60), false) + ";",
        String::new(),
    ]
    .join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: &str = "-c default_transaction_read_only=on -c statement_timeout=5000 -c lock_timeout=100 \
        -c idle_in_transaction_session_timeout=60000 -c search_path=pg_catalog -c extra_float_digits=3";

    #[test]
    fn ours_come_behind_the_users() {
        assert_eq!(options("", &[]), ALL);
        assert_eq!(options("-c statement_timeout=0", &[]), format!("-c statement_timeout=0 {ALL}"));
        assert!(!options("", &[IDLE_LIMIT]).contains("idle"));
        assert_eq!(SETTINGS[1].1, STATEMENT_TIMEOUT.as_millis().to_string());
    }

    #[test]
    fn a_transaction_has_the_same_limits() {
        assert_eq!(
            begin(true),
            "BEGIN /* laggard */ READ ONLY; SET /* laggard */ LOCAL statement_timeout = 5000; SET /* laggard */ LOCAL lock_timeout = 100; \
             SET /* laggard */ LOCAL idle_in_transaction_session_timeout = 60000; SET /* laggard */ LOCAL search_path = pg_catalog; \
             SET /* laggard */ LOCAL extra_float_digits = 3"
        );
        assert!(!begin(false).contains("idle"));
    }

    #[test]
    fn no_limit_is_no_limit_at_all() {
        assert_eq!(limit(Duration::ZERO, false), "SET /* laggard */ statement_timeout = 1");
        assert_eq!(limit(Duration::MAX, true), "SET /* laggard */ LOCAL statement_timeout = 2147483647");
    }

    #[test]
    fn what_is_in_force_is_compared() {
        let find = |name: &str| SETTINGS.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
        assert!(in_force(find, &[]));
        assert!(!in_force(|name| find(name).filter(|_| name != IDLE_LIMIT), &[]));
        assert!(in_force(|name| find(name).filter(|_| name != IDLE_LIMIT), &[IDLE_LIMIT]));
        assert!(!in_force(|name| if name == "statement_timeout" { Some("0") } else { find(name) }, &[]));
    }

    #[test]
    fn everything_is_listed() {
        let listed = everything_sent();
        for sql in [ALL, &inquiry(), &begin(true), IS_READ_ONLY, IS_STANDBY, &make_read_only(), APPLICATION_NAME] {
            assert!(listed.contains(sql), "{sql}");
        }
    }
}
