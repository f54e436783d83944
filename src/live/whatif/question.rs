//! A statement as the planner can be asked of it, without being run.
//!
//! Normalised texts hold places for values where PostgreSQL wants types or plain words; they are repaired here. Nothing that
//! may be two statements gets through: whatever any lexer makes of it, there is no `;` in it.

use std::collections::{BTreeSet, HashMap};

use crate::sql::lexer::{Dialect, TokenKind, lex};
use crate::sql::parameters;

/// Why a statement cannot be asked of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unaskable {
    /// It may be several.
    Several,
    /// It is none that has a plan.
    Utility,
    /// It was cut, or is not text.
    Damaged,
}

impl Unaskable {
    /// In words.
    #[must_use]
    pub fn reason(self) -> &'static str {
        match self {
            Unaskable::Several => "it may be several statements",
            Unaskable::Utility => "it is no SELECT, INSERT, UPDATE, DELETE or MERGE",
            Unaskable::Damaged => "its text is damaged or cut",
        }
    }
}

/// What a plan can be asked of.
const PLANNED: [&str; 7] = ["select", "with", "insert", "update", "delete", "merge", "values"];

/// The text without the blanks and the `;` behind it, if it is one statement that has a plan.
///
/// # Errors
/// Says why, if it is not.
pub fn single(text: &str) -> Result<&str, Unaskable> {
    let text = text.trim_end_matches(|c: char| c.is_whitespace() || c == ';').trim_start();
    if text.contains(';') {
        return Err(Unaskable::Several);
    }
    if text.contains(['\0', '\u{FFFD}']) {
        return Err(Unaskable::Damaged);
    }
    let mut tokens = lex(text.as_bytes(), Dialect::default());
    let first = tokens.find(|token| !matches!(token.kind, TokenKind::Whitespace | TokenKind::Comment | TokenKind::OpenParen));
    let is_planned = first.is_some_and(|token| PLANNED.iter().any(|verb| token.text.eq_ignore_ascii_case(verb.as_bytes())));
    if is_planned { Ok(text) } else { Err(Unaskable::Utility) }
}

/// A token that matters, as text.
#[derive(Clone, Debug, PartialEq)]
struct Word {
    kind: TokenKind,
    text: String,
}

/// The tokens without blanks and comments; a comment in a list stands for its other values.
fn words(text: &str) -> Vec<Word> {
    let tokens = lex(text.as_bytes(), Dialect::default()).filter(|token| token.kind != TokenKind::Whitespace);
    let word = |token: crate::sql::lexer::Token<'_>| Word { kind: token.kind, text: String::from_utf8_lossy(token.text).into_owned() };
    tokens.map(word).filter(|word| word.kind != TokenKind::Comment || word.text == REST).collect()
}

/// What normalisation puts for the rest of a list.
const REST: &str = "/*, ... */";

fn joined(words: &[Word]) -> String {
    let mut text = String::new();
    for (at, word) in words.iter().enumerate() {
        // `f (x)` and `a . b` mean the same as `f(x)` and `a.b`; only operators must not grow together, nor `::` with a name.
        if at > 0 && word.kind != TokenKind::Comma && word.kind != TokenKind::CloseParen {
            text.push(' ');
        }
        text.push_str(&word.text);
    }
    text
}

/// The highest `n` of `$n`.
#[must_use]
pub fn places(text: &str) -> u32 {
    let numbers = words(text).into_iter().filter(|word| word.kind == TokenKind::Parameter).filter_map(|word| word.text[1..].parse().ok());
    numbers.max().unwrap_or(0)
}

/// The text with these values in its places.
#[must_use]
pub fn filled(text: &str, values: &[String]) -> String {
    let value = |word: &Word| word.text[1..].parse::<usize>().ok().and_then(|number| values.get(number.checked_sub(1)?));
    let mut words = words(text);
    for word in words.iter_mut().filter(|word| word.kind == TokenKind::Parameter) {
        if let Some(value) = value(word) {
            *word = Word { kind: TokenKind::String, text: value.clone() };
        }
    }
    joined(&words)
}

/// The words behind which a list of relations begins, and the one behind which a single one stands.
const BEFORE_RELATIONS: [&str; 6] = ["from", "using", "join", "into", "update", "only"];

/// The words that end a list of relations.
const BEHIND_RELATIONS: [&str; 13] =
    ["where", "on", "set", "select", "group", "order", "limit", "offset", "returning", "values", "having", "union", "for"];

/// The names without a schema that stand where a statement names relations, as [`crate::catalog::Catalog::named`] takes them.
#[must_use]
pub fn unqualified(text: &str) -> BTreeSet<String> {
    let words = words(text);
    let (mut names, mut is_list) = (BTreeSet::new(), false);
    for (at, word) in words.iter().enumerate() {
        let before = at.checked_sub(1).and_then(|at| words.get(at));
        let begins = |word: &Word| word.kind == TokenKind::Word && BEFORE_RELATIONS.iter().any(|lead| word.text.eq_ignore_ascii_case(lead));
        let is_single = |word: &Word| ["into", "update"].iter().any(|lead| word.text.eq_ignore_ascii_case(lead));
        let is_first = before.is_some_and(begins);
        let ends = word.kind == TokenKind::Word && BEHIND_RELATIONS.iter().any(|end| word.text.eq_ignore_ascii_case(end));
        let is_next = is_list && before.is_some_and(|before| matches!(before.kind, TokenKind::Comma | TokenKind::OpenParen));
        // A function stands before a parenthesis; so does the table that INTO names, whose columns these are.
        let is_target = before.is_some_and(|before| before.text.eq_ignore_ascii_case("into"));
        let is_other = |behind: &Word| behind.kind == TokenKind::Dot || (behind.kind == TokenKind::OpenParen && !is_target);
        let is_qualified = words.get(at + 1).is_some_and(is_other);
        if matches!(word.kind, TokenKind::Word | TokenKind::QuotedWord) && (is_first || is_next) && !is_qualified && !begins(word) && !ends
        {
            names.insert(word.text.clone());
        }
        is_list = (is_list && !ends) || (begins(word) && !is_single(word));
    }
    names
}

/// Types whose constants are written `type 'value'`.
const TYPES: [&str; 6] = ["interval", "date", "time", "timestamp", "timestamptz", "timetz"];

/// A normalised text as PostgreSQL takes it: `interval $1` is `$1::interval`, `extract($1 from x)` is of a field, and a list
/// that was shortened has `list` values again.
#[must_use]
pub fn repaired(text: &str, list: u32) -> String {
    let words = words(text);
    let mut repaired: Vec<Word> = Vec::with_capacity(words.len());
    let (mut next, mut more) = (u64::from(places(text)), MOST_MORE);
    let mut at = 0;
    while let Some(word) = words.get(at) {
        let is = |at: usize, kind: TokenKind| words.get(at).is_some_and(|word| word.kind == kind);
        at += 1;
        if word.kind == TokenKind::Word && TYPES.contains(&word.text.as_str()) && is(at, TokenKind::Parameter) {
            repaired.push(words[at].clone());
            repaired.extend(cast(&word.text));
            at += 1;
        } else if word.kind == TokenKind::Word && word.text == "extract" && is(at, TokenKind::OpenParen) && is(at + 1, TokenKind::Parameter)
        {
            repaired.extend([word.clone(), words[at].clone(), Word { kind: TokenKind::Word, text: "epoch".to_owned() }]);
            at += 2;
        } else if word.kind == TokenKind::Comment {
            let count = (list.clamp(1, MOST_IN_LIST) - 1).min(more);
            more -= count;
            for _ in 0..count {
                next += 1;
                repaired.push(Word { kind: TokenKind::Comma, text: ",".to_owned() });
                repaired.push(Word { kind: TokenKind::Parameter, text: format!("${next}") });
            }
        } else {
            repaired.push(word.clone());
        }
    }
    renumbered(repaired)
}

/// The text with its places numbered without a gap: one that nobody uses has no type.
fn renumbered(mut words: Vec<Word>) -> String {
    let mut numbers: HashMap<String, usize> = HashMap::new();
    for word in words.iter_mut().filter(|word| word.kind == TokenKind::Parameter) {
        let next = numbers.len() + 1;
        let number = *numbers.entry(std::mem::take(&mut word.text)).or_insert(next);
        word.text = format!("${number}");
    }
    joined(&words)
}

/// Longer lists are planned as if they were so long; every value is a place of its own.
const MOST_IN_LIST: u32 = 200;

/// All lists of a statement together get no more places than this.
const MOST_MORE: u32 = 2_000;

/// A statement with more places is none: the protocol counts them in 16 bits.
pub const MOST_PLACES: u32 = 65_535;

fn cast(to: &str) -> [Word; 2] {
    [Word { kind: TokenKind::Cast, text: "::".to_owned() }, Word { kind: TokenKind::Word, text: to.to_owned() }]
}

/// The same with every place that is part of a calculation taken for a whole number, which is what the planner could not
/// tell of `$1 + $2`, `current_date - $1` and `generate_series($1, $2)`.
#[must_use]
pub fn typed(text: &str) -> String {
    let words = words(text);
    let mut typed: Vec<Word> = Vec::with_capacity(words.len());
    let mut in_series = None;
    let mut depth = 0_i32;
    for (at, word) in words.iter().enumerate() {
        match word.kind {
            TokenKind::OpenParen => depth += 1,
            TokenKind::CloseParen => {
                depth -= 1;
                in_series = in_series.filter(|&of| depth >= of);
            }
            TokenKind::Word if word.text == "generate_series" => in_series = Some(depth + 1),
            _ => {}
        }
        let calculates = |at: Option<&Word>| {
            at.is_some_and(|word| word.kind == TokenKind::Operator && ["+", "-", "*", "/", "%"].contains(&word.text.as_str()))
        };
        let is_cast = words.get(at + 1).is_some_and(|word| word.kind == TokenKind::Cast);
        let before = at.checked_sub(1).and_then(|at| words.get(at));
        typed.push(word.clone());
        if word.kind == TokenKind::Parameter && !is_cast && (in_series.is_some() || calculates(before) || calculates(words.get(at + 1))) {
            typed.extend(cast("int"));
        }
    }
    joined(&typed)
}

/// What finds the rows that an UPDATE or DELETE of one table changes, for a role that may only read them. `None` if there is
/// no plain way to write it.
#[must_use]
pub fn finding_rows(text: &str) -> Option<String> {
    let words = words(text);
    let is = |at: usize, what: &str| words.get(at).is_some_and(|word| word.kind == TokenKind::Word && word.text == what);
    let table = match () {
        () if is(0, "delete") && is(1, "from") => 2,
        () if is(0, "update") => 1,
        () => return None,
    };
    let mut depth = 0_i32;
    let mut clauses: Vec<(usize, &str)> = Vec::new();
    for (at, word) in words.iter().enumerate() {
        depth += i32::from(word.kind == TokenKind::OpenParen) - i32::from(word.kind == TokenKind::CloseParen);
        let clause = ["set", "from", "using", "where", "returning"].into_iter().find(|clause| is(at, clause));
        clauses.extend(clause.filter(|_| depth == 0 && at > table).map(|clause| (at, clause)));
    }
    if clauses.iter().any(|(_, clause)| matches!(*clause, "from" | "using")) {
        return None;
    }
    let (name_end, _) = *clauses.first()?;
    let (condition, _) = *clauses.iter().find(|(_, clause)| *clause == "where")?;
    let end = clauses.iter().find(|(at, _)| *at > condition).map_or(words.len(), |(at, _)| *at);
    let mut found = vec![Word { kind: TokenKind::Word, text: "select ctid from".to_owned() }];
    found.extend_from_slice(words.get(table..name_end)?);
    found.extend_from_slice(words.get(condition..end)?);
    Some(renumbered(found))
}

/// The parameters of a log as SQL takes them, in the order of their numbers; `None` if one is missing or was cut, or if they
/// hold a `;`, or if there are more places than a statement can have.
#[must_use]
pub fn values(logged: &[u8], places: u32) -> Option<Vec<String>> {
    // The number stands in the text, where anybody may have written it.
    if places > MOST_PLACES {
        return None;
    }
    let mut values = vec![None; places as usize];
    for parameter in parameters::parameters(logged) {
        let place = values.get_mut((parameter.number as usize).checked_sub(1)?)?;
        *place = Some(match parameter.value {
            None => "NULL".to_owned(),
            Some(value) => literal(std::str::from_utf8(value).ok()?.replace("''", "'").as_str())?,
        });
    }
    values.into_iter().collect()
}

/// A text as a constant of SQL, whatever `standard_conforming_strings` is. None that holds a `;` or was cut by the log.
fn literal(value: &str) -> Option<String> {
    if value.contains([';', '\0', '\u{FFFD}']) || value.ends_with("...") {
        return None;
    }
    let quoted = value.replace('\'', "''");
    Some(if quoted.contains('\\') { format!("E'{}'", quoted.replace('\\', "\\\\")) } else { format!("'{quoted}'") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_statement_that_has_a_plan_gets_through() {
        assert_eq!(single("select 1"), Ok("select 1"));
        assert_eq!(single("  (SELECT 1) union (select 2) ; \n"), Ok("(SELECT 1) union (select 2)"));
        assert_eq!(single("/* x */ with a as (select 1) select * from a"), Ok("/* x */ with a as (select 1) select * from a"));
        for several in ["select 1; drop table t", "select ';'", "select '\\', '; delete from t --'", "select 1;;select 2", "select $$;$$"] {
            assert_eq!(single(several), Err(Unaskable::Several), "{several}");
        }
        for utility in
            ["", ";", "drop table t", "explain analyze delete from t", "analyze", "execute p(1)", "copy t to '/tmp/x'", "call p()"]
        {
            assert_eq!(single(utility), Err(Unaskable::Utility), "{utility}");
        }
        assert_eq!(single("select '\0'"), Err(Unaskable::Damaged));
    }

    #[test]
    fn typed_constants_fields_and_lists_are_repaired() {
        let repair = |text: &str| repaired(text, 3);
        assert_eq!(repair("select now() - interval $1"), "select now () - $1 :: interval");
        assert_eq!(repair("select extract($1 from placed_at) from orders"), "select extract ( epoch from placed_at) from orders");
        assert_eq!(repair("select 1 from t where a in ($1 /*, ... */) and b = $2"), "select 1 from t where a in ( $1, $2, $3) and b = $4");
        assert_eq!(repair("select extract($1 from a) from t where b = $2"), "select extract ( epoch from a) from t where b = $1");
        assert_eq!(repair("select \"date\" from t where date = $1"), "select \"date\" from t where date = $1");
        assert_eq!(places(&repaired("select a from t where a in ($1 /*, ... */)", 1_000_000)), 200);
    }

    #[test]
    fn what_anybody_wrote_into_a_text_is_bounded() {
        assert_eq!(repaired("select a from t where a in ($4294967295 /*, ... */)", 2), "select a from t where a in ( $1, $2)");
        let lists = "a in ($1 /*, ... */) or ".repeat(2_500);
        let many = repaired(&format!("select a from t where {lists} false"), 200);
        assert_eq!(places(&many), 1 + MOST_MORE);
        let numbers: Vec<String> = (1..20_000).map(|number| format!("$1 + ${number}")).collect();
        assert_eq!(places(&typed(&repaired(&format!("select {}", numbers.join(", ")), 1))), 19_999);
    }

    #[test]
    fn names_without_a_schema_are_those_of_relations() {
        let names = |text: &str| unqualified(text).into_iter().collect::<Vec<_>>();
        assert_eq!(
            names("select id, evil from orders o, (lines l join \"Old\" on true), app.far where other = $1"),
            ["\"Old\"", "lines", "orders"]
        );
        assert_eq!(names("insert into t (id, evil) values ($1, $2)"), ["t"]);
        assert_eq!(names("insert into t select note, id from only u where exists (select 1 from v)"), ["t", "u", "v"]);
        assert_eq!(names("update t set a = b, c = d from generate_series($1, $2) returning e, f"), ["t"]);
        assert_eq!(names("delete from t using u where t.a = u.b"), ["t", "u"]);
    }

    #[test]
    fn what_is_calculated_with_is_a_number() {
        assert_eq!(typed("select $1 + $2"), "select $1 :: int + $2 :: int");
        assert_eq!(typed("select current_date - $1 where a = $2"), "select current_date - $1 :: int where a = $2");
        assert_eq!(
            typed("select * from generate_series($1, $2) g where g > $3"),
            "select * from generate_series ( $1 :: int, $2 :: int) g where g > $3"
        );
        assert_eq!(typed("select $1::interval + now()"), "select $1 :: interval + now ()");
    }

    #[test]
    fn rows_to_change_are_found_by_reading() {
        let find = |text: &str| finding_rows(text);
        assert_eq!(find("delete from orders where id = $1").as_deref(), Some("select ctid from orders where id = $1"));
        assert_eq!(
            find("update shop.orders o set status = $1, note = (select a from b where c = $2) where o.id = $3 and x = $1 returning id")
                .as_deref(),
            Some("select ctid from shop . orders o where o . id = $1 and x = $2")
        );
        assert_eq!((find("delete from a using b where a.id = b.id"), find("update a set x = $1"), find("select 1")), (None, None, None));
    }

    #[test]
    fn values_are_those_of_the_log_or_none() {
        let values = |text: &str, places: u32| values(text.as_bytes(), places);
        assert_eq!(values("$1 = '42', $2 = NULL", 2), Some(vec!["'42'".to_owned(), "NULL".to_owned()]));
        assert_eq!(values("$1 = 'O''Hara \\ x'", 1), Some(vec!["E'O''Hara \\\\ x'".to_owned()]));
        assert_eq!(
            (values("$1 = 'a;b'", 1), values("$1 = 'cut...'", 1), values("$1 = '1'", 2), values("$3 = '1'", 2)),
            (None, None, None, None)
        );
        assert_eq!(values("", 0), Some(Vec::new()));
        assert_eq!((values("", u32::MAX), values("$4294967295 = '1'", u32::MAX)), (None, None), "no room is made for them");
        let two = values("$1 = '42', $2 = NULL", 2).expect("both");
        assert_eq!(
            filled("select a from t where b = $2 or c > $1 and d = '$1'", &two),
            "select a from t where b = NULL or c > '42' and d = '$1'"
        );
    }
}
