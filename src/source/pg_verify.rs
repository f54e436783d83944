//! Checks an inferred `log_line_prefix` against what the lines say, so that no number is taken for a process and no name for a
//! user that is none.
//!
//! Numbers and words look alike whatever they stand for. But `%l` counts the lines of its process, no process is number 0, a
//! connection is authorised for a user and a database that its own line names, and the server's own processes have no names at
//! all. If an arrangement of the escapes contradicts the lines, another is tried; if none fits, or if two fit that differ in the
//! process, there is no prefix: to ask for it is better than to guess.

use std::collections::{BTreeMap, BTreeSet};

use super::pg_prefix::{Head, Prefix};
use super::pg_time::{Clock, UTC};

/// The prefix with its numbers and names in the order that the lines allow.
pub(super) fn verified(prefix: Prefix, lines: &[&[u8]]) -> Option<Prefix> {
    let matched = heads(&prefix, lines).len();
    let prefix = with_the_process(prefix, lines, matched)?;
    with_the_names(prefix, lines, matched)
}

fn heads<'b>(prefix: &Prefix, lines: &[&'b [u8]]) -> Vec<(Head<'b>, &'b [u8])> {
    let mut clock = Clock::new(&UTC);
    lines.iter().filter_map(|line| Some((prefix.head(line, &mut clock)?, *line))).collect()
}

/// Where the letters of the escapes stand that are among `of`.
fn escapes(text: &str, of: &[u8]) -> Vec<usize> {
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(sign) = memchr::memchr(b'%', bytes.get(at..).unwrap_or_default()) {
        let letter = at + sign + 1;
        found.extend(bytes.get(letter).filter(|letter| of.contains(letter)).map(|_| letter));
        at = letter + 1;
    }
    found
}

/// Every way to give the places one of the letters each; a letter that `may_repeat` stands anywhere.
fn arrangements(text: &str, places: &[usize], letters: &[u8], may_repeat: u8) -> Vec<String> {
    let mut all = vec![(text.as_bytes().to_vec(), Vec::new())];
    for &place in places {
        let further = |(text, used): &(Vec<u8>, Vec<u8>)| {
            let free = letters.iter().copied().filter(|letter| *letter == may_repeat || !used.contains(letter));
            let with = |letter: u8| {
                let (mut text, mut used) = (text.clone(), used.clone());
                text[place] = letter;
                used.push(letter);
                (text, used)
            };
            free.map(with).collect::<Vec<_>>()
        };
        all = all.iter().flat_map(further).collect();
    }
    all.into_iter().filter_map(|(text, _)| String::from_utf8(text).ok()).collect()
}

/// How many places are tried; nobody has more.
const MOST_PLACES: usize = 4;

fn with_the_process(prefix: Prefix, lines: &[&[u8]], matched: usize) -> Option<Prefix> {
    let text = prefix.text().to_owned();
    let places = escapes(&text, b"plx");
    // `%c` names the process too.
    if places.is_empty() || places.len() > MOST_PLACES || !escapes(&text, b"c").is_empty() {
        return Some(prefix);
    }
    let process = |text: &str| escapes(text, b"p").first().copied();
    let mut best: Vec<(usize, String)> = Vec::new();
    for candidate in std::iter::once(text.clone()).chain(arrangements(&text, &places, b"plx", b'x')) {
        let Some(counted) = counted(&candidate, lines, matched) else { continue };
        // Any process is better than none.
        let rank = |text: &str, counted: usize| (process(text).is_some(), counted);
        let known = best.first().map(|(counted, text)| rank(text, *counted));
        if known.is_none_or(|known| known < rank(&candidate, counted)) {
            best.clear();
        }
        if known.is_none_or(|known| known <= rank(&candidate, counted)) {
            best.push((counted, candidate));
        }
    }
    let (_, first) = best.first()?;
    let is_bracketed = process(first).is_some_and(|at| at > 1 && text.as_bytes()[at - 2] == b'[');
    let certain = is_bracketed || best.iter().all(|(_, other)| process(other) == process(first));
    certain.then(|| Prefix::compile(first).ok()).flatten()
}

/// How many lines have the number that `%l` must have there: 1 at first, then one more each time, or a few where the server
/// writes other logs beside. `None` if the prefix does not fit, or its processes are none.
fn counted(text: &str, lines: &[&[u8]], matched: usize) -> Option<usize> {
    let mut numbered = text.as_bytes().to_vec();
    let line = escapes(text, b"l").first().copied().filter(|_| escapes(text, b"Q").is_empty());
    if let Some(line) = line {
        // Read as an id of a query a number is kept.
        numbered[line] = b'Q';
    }
    let prefix = Prefix::compile(std::str::from_utf8(&numbered).ok()?).ok()?;
    let heads = heads(&prefix, lines);
    let processes: BTreeSet<u64> = heads.iter().map(|(head, _)| head.who.session).collect();
    let has_process = !escapes(text, b"p").is_empty();
    if heads.len() < matched || (has_process && (processes.contains(&0) || are_lines(&heads))) {
        return None;
    }
    let mut last: BTreeMap<u64, i64> = BTreeMap::new();
    let counts = |(head, _): &(Head<'_>, &[u8])| {
        let number = head.query_id.filter(|_| line.is_some())?;
        let before = last.insert(head.who.session, number).unwrap_or(0);
        (before + 1..=before + 4).contains(&number).then_some(())
    };
    Some(heads.iter().filter_map(counts).count())
}

/// Whether what was taken for processes goes 1, 2, 3 … as lines do. A process writes several lines in a row at times, and the
/// server itself may be process 1 of a container.
fn are_lines(heads: &[(Head<'_>, &[u8])]) -> bool {
    let numbers: Vec<u64> = heads.iter().map(|(head, _)| head.who.session).collect();
    let steps = |step: fn(u64, u64) -> bool| numbers.windows(2).filter(|pair| step(pair[0], pair[1])).count();
    let begins = (1..=3).all(|number| numbers.contains(&number));
    begins && steps(|a, b| a == b) == 0 && steps(|a, b| b == a + 1) * 2 > numbers.len()
}

fn with_the_names(prefix: Prefix, lines: &[&[u8]], matched: usize) -> Option<Prefix> {
    let text = prefix.text().to_owned();
    let places = escapes(&text, b"udah");
    if !contradicts(&prefix, lines) {
        return Some(prefix);
    }
    if places.len() > MOST_PLACES {
        return None;
    }
    // A client's address looks like one, so no name becomes one.
    let letters: &[u8] = if escapes(&text, b"h").is_empty() { b"uda" } else { b"udah" };
    let candidates = arrangements(&text, &places, letters, 0);
    let fits = |prefix: &Prefix| heads(prefix, lines).len() >= matched && !prefix.is_implausible() && !contradicts(prefix, lines);
    candidates.iter().filter_map(|text| Prefix::compile(text).ok()).find(fits)
}

/// How messages of the server's own processes begin, which have no user, no database, no application and no client.
const BACKGROUND: &[&[u8]] = &[
    b"starting PostgreSQL ",
    b"listening on ",
    b"database system is ",
    b"database system was ",
    b"checkpoint starting: ",
    b"checkpoint complete: ",
    b"restartpoint starting: ",
    b"restartpoint complete: ",
    b"automatic vacuum of table ",
    b"automatic analyze of table ",
    b"received fast shutdown ",
    b"received SIGHUP, ",
];

/// Whether a line says of itself what the prefix does not.
fn contradicts(prefix: &Prefix, lines: &[&[u8]]) -> bool {
    let has = |letter: u8| !escapes(prefix.text(), &[letter]).is_empty();
    heads(prefix, lines).iter().any(|(head, line)| {
        let (message, who) = (&line[head.message..], &head.who);
        if let Some(rest) = message.strip_prefix(b"connection authorized: user=") {
            let Some(at) = memchr::memmem::find(rest, b" database=") else { return false };
            let (user, database) = (&rest[..at], &rest[at + b" database=".len()..]);
            let is_database = |name: &[u8]| database.strip_prefix(name).is_some_and(|behind| matches!(behind.first(), None | Some(b' ')));
            // The application is not known yet.
            let is_other = who.application.is_some_and(|name| name == user || is_database(name));
            return is_other || (has(b'u') && who.user != Some(user)) || (has(b'd') && !who.database.is_some_and(is_database));
        }
        let is_named = who.user.or(who.database).or(who.application).or(who.host).is_some();
        is_named && BACKGROUND.iter().any(|start| message.starts_with(start))
    })
}

#[cfg(test)]
mod tests {
    use super::super::pg_infer::infer;

    const AT: &str = "2026-11-23 05:33:39.504 UTC";

    /// The prefix inferred of these heads of lines, `@` for the time, each before a duration.
    fn inferred(heads: &[&str]) -> Option<String> {
        let log: String =
            heads.iter().map(|head| format!("{} LOG:  duration: 1.000 ms  statement: SELECT 1\n", head.replacen('@', AT, 1))).collect();
        infer(log.as_bytes()).map(|prefix| prefix.text().to_owned())
    }

    /// As [`inferred`], with messages of the server's own.
    fn inferred_with(lines: &[(&str, &str)]) -> Option<String> {
        let log: String = lines.iter().map(|(head, message)| format!("{}LOG:  {message}\n", head.replacen('@', AT, 1))).collect();
        infer(log.as_bytes()).map(|prefix| prefix.text().to_owned())
    }

    #[test]
    fn what_counts_is_the_line_and_the_other_is_the_process() {
        // Two sessions of which each counts its lines.
        let heads = [(1, 4711), (2, 4711), (1, 4712), (2, 4712), (3, 4711), (4, 4711), (3, 4712)];
        let of = |form: &str| {
            let lines: Vec<String> =
                heads.iter().map(|(line, pid)| form.replace('L', &line.to_string()).replace('P', &pid.to_string())).collect();
            inferred(&lines.iter().map(String::as_str).collect::<Vec<_>>())
        };
        assert_eq!(of("L P @").as_deref(), Some("%l %p %m "));
        assert_eq!(of("@ P L").as_deref(), Some("%m %p %l "));
        assert_eq!(of("@ [L] [P]").as_deref(), Some("%m [%l] [%p] "));
        assert_eq!(of("@ [L] P").as_deref(), Some("%m [%l] %p "));
    }

    #[test]
    fn the_lines_of_a_log_that_begins_in_the_middle_count_too() {
        let heads = ["@ 812 4711", "@ 9 4712", "@ 813 4711", "@ 814 4711", "@ 10 4712", "@ 815 4711"];
        assert_eq!(inferred(&heads).as_deref(), Some("%m %l %p "));
        // Beside a CSV log each line counts twice.
        let heads = ["@ 1 4711", "@ 3 4711", "@ 1 4712", "@ 5 4711", "@ 3 4712"];
        assert_eq!(inferred(&heads).as_deref(), Some("%m %l %p "));
    }

    #[test]
    fn no_process_is_zero_and_none_are_one_two_and_three() {
        assert_eq!(inferred(&["@ 0 4711", "@ 0 4712", "@ 734 4711"]).as_deref(), Some("%m %l %p "));
        assert_eq!(inferred(&["@ [1]", "@ [2]", "@ [3]", "@ [4]"]).as_deref(), Some("%m [%l] "));
        // In a container the server itself may be 1.
        assert_eq!(inferred(&["@ [1]", "@ [27]", "@ [28]"]).as_deref(), Some("%m [%p] "));
    }

    #[test]
    fn a_number_that_may_be_either_is_asked_for() {
        assert_eq!(inferred(&["@ 734 4711", "@ 735 4712", "@ 741 4711"]), None);
        assert_eq!(inferred(&["@ [4711] 734", "@ [4712] 735", "@ [4711] 741"]).as_deref(), Some("%m [%p] %l "));
    }

    /// The process behind a dash is no negative id of a query.
    #[test]
    fn a_dash_before_a_number_is_no_sign() {
        let heads = ["@ shop-bob-4711", "@ shop-eve-4712", "@ shop-eve-4712"];
        assert!(inferred(&heads).is_none_or(|prefix| !prefix.contains("%Q")), "{:?}", inferred(&heads));
        assert_eq!(inferred(&["@ [7] -6430712345678901234", "@ [8] 643071234567890"]).as_deref(), Some("%m [%p] %Q "));
    }

    #[test]
    fn names_are_those_that_were_authorised() {
        let lines = |head: &str| {
            let calls = "duration: 1.000 ms  statement: SELECT 1";
            inferred_with(&[
                (&head.replace('A', "[unknown]").replace('U', "bob").replace('D', "shop"), "connection authorized: user=bob database=shop"),
                (&head.replace('A', "web").replace('U', "bob").replace('D', "shop"), calls),
                (&head.replace('A', "web").replace('U', "eve").replace('D', "crm"), calls),
            ])
        };
        assert_eq!(lines("@ [7] U D ").as_deref(), Some("%m [%p] %u %d "));
        assert_eq!(lines("@ [7] D U ").as_deref(), Some("%m [%p] %d %u "));
        assert_eq!(lines("@ | 7 | A | U | ").as_deref(), Some("%m | %p | %a | %u | "));
        assert_eq!(lines("@ [7] A: ").as_deref(), Some("%m [%p] %a: "));
        assert_eq!(lines("@ [7] D,U,A ").as_deref(), Some("%m [%p] %d,%u,%a "));
    }

    /// Nobody can tell where the user ends.
    #[test]
    fn names_with_blanks_between_blanks_are_asked_for() {
        let log = [("@ [7] bob smith shop ", "connection authorized: user=bob smith database=shop"), ("@ [7] bob smith shop ", "x")];
        assert_eq!(inferred_with(&log), None);
    }

    #[test]
    fn a_word_of_the_prefix_is_no_user_and_no_severity() {
        let background = "checkpoint starting: time";
        assert_eq!(inferred_with(&[("ERROR @ [7] ", background), ("ERROR @ [8] ", "duration: 1.000 ms  statement: SELECT 1")]), None);
        assert_eq!(inferred_with(&[("db1 LOG: @ [7] ", background), ("db1 LOG: @ [8] ", "duration: 1.000 ms  statement: SELECT 1")]), None);
        assert_eq!(inferred_with(&[("@ [7] LOG: bob ", "duration: 1.000 ms  statement: SELECT 1"), ("@ [8] LOG:  ", background)]), None);
        // What a function says is no word of the server.
        let said = [("@ [7] bob@shop ", "checkpoint reached"), ("@ [8] bob@shop ", "duration: 1.000 ms  statement: SELECT 1")];
        assert_eq!(inferred_with(&said).as_deref(), Some("%m [%p] %q%u@%d "));
    }

    #[test]
    fn signs_of_any_script_separate() {
        assert_eq!(inferred(&["@ → 7 → bob →", "@ → 8 → éva →"]).as_deref(), Some("%m → %p → %u → "));
        assert_eq!(inferred(&["@·7·bob·shop·", "@·8·éva·shop·"]).as_deref(), Some("%m·%p·%u·%d· "));
        assert_eq!(inferred(&["@ - 7 - bob -", "@ - 8 - eve -"]).as_deref(), Some("%m - %p - %u - "));
    }

    #[test]
    fn a_client_between_brackets_has_its_own() {
        assert_eq!(inferred(&["@ [7] [10.0.0.1(5432)]", "@ [8] [[local]]"]).as_deref(), Some("%m [%p] [%r] "));
    }
}
