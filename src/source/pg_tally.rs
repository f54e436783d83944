//! Cells of a row to a [`Tally`] or to [`Facts`], for every format in which `pg_stat_statements` comes.

use serde_json::Value;

use crate::event::columns::{self, Field};
use crate::event::tally::{Counters, Facts, HIDDEN, Tally, TallyKey, TallyText};

/// Makes a tally of a row's cells. Columns that are not known are left out before.
///
/// # Errors
/// Why the row was not understood.
pub(super) fn tally<'b>(cells: impl Iterator<Item = (Field, &'b [u8])>) -> Result<Tally<'b>, &'static str> {
    let (mut key, mut counters) = (TallyKey::default(), Counters::default());
    let mut text = None;
    let (mut user, mut database) = (None, None);
    let (mut has_calls, mut has_total) = (false, false);
    for (field, value) in cells {
        let told = Some(value).filter(|value| !value.is_empty());
        match field {
            Field::Query => text = told,
            Field::UserName => user = told,
            Field::DatabaseName => database = told,
            _ => {
                let value = std::str::from_utf8(value).map_err(|_| UNREADABLE)?;
                has_calls |= field == Field::Calls && !value.is_empty();
                has_total |= field == Field::Total && !value.is_empty();
                columns::put(&mut key, &mut counters, field, value).map_err(|_| UNREADABLE)?;
            }
        }
    }
    if !has_calls || !has_total {
        return Err("row without calls or without their time");
    }
    let text = match text {
        Some(text) if text == HIDDEN => TallyText::Hidden,
        Some(sql) => TallyText::Sql(sql),
        // A row that one may not read has neither id nor text when texts were not asked for.
        None if key.query_id.is_none() => TallyText::Hidden,
        None => TallyText::Unknown,
    };
    if text == TallyText::Hidden {
        key.query_id = None;
    }
    Ok(Tally { key, text, user, database, counters })
}

/// Why a row with a cell that is no number, moment or truth is left out.
const UNREADABLE: &str = "row with a value that is not what its column says";

/// Takes a fact of the snapshot by the name of its column. Answers whether the name is known; an empty value is none.
pub(super) fn fact(facts: &mut Facts, name: &str, value: &str) -> bool {
    let value = value.trim();
    let told = Some(value).filter(|value| !value.is_empty() && *value != "null");
    let text = || told.map(str::to_owned);
    match name.to_ascii_lowercase().as_str() {
        "taken_at" | "now" | "captured_at" | "collected_at" | "snapshot_time" => facts.taken = told.and_then(columns::moment),
        "server_version_num" => facts.version = told.and_then(|v| v.parse().ok()),
        "system_identifier" => facts.system_identifier = text(),
        "node" => facts.node = text(),
        "in_recovery" | "pg_is_in_recovery" => facts.in_recovery = told.and_then(columns::truth),
        "postmaster_start" | "pg_postmaster_start_time" => facts.started = told.and_then(columns::moment),
        "dealloc" => facts.dealloc = told.and_then(columns::whole),
        "stats_reset" => facts.reset = told.and_then(columns::moment),
        "extension_version" | "extversion" => facts.extension = text(),
        "database" | "current_database" | "datname" => facts.database = text(),
        "version" | "server_version" => facts.version = facts.version.or_else(|| told.and_then(version_number)),
        _ => return false,
    }
    true
}

/// A value as its cell in CSV would read.
pub(super) fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// `server_version_num` of what `version()` or `server_version` says, such as `PostgreSQL 15.18 (Debian …)`.
fn version_number(text: &str) -> Option<u32> {
    let text = text.trim_start_matches("PostgreSQL ");
    let number = text.split(|c: char| !c.is_ascii_digit() && c != '.').next()?;
    let mut parts = number.split('.').map(|part| part.parse::<u32>().ok());
    let (major, minor, patch) = (parts.next()??, parts.next().flatten().unwrap_or(0), parts.next().flatten().unwrap_or(0));
    Some(if major >= 10 { major * 10_000 + minor } else { major * 10_000 + minor * 100 + patch })
}

/// Whether columns of these names are those of the view, in whatever version.
pub(super) fn is_view<'n>(names: impl Iterator<Item = &'n str>) -> bool {
    let fields: Vec<Field> = names.filter_map(columns::field).collect();
    fields.contains(&Field::Calls) && fields.contains(&Field::Total)
}

/// Whether columns of these names are facts of a snapshot and nothing else, as those of `pg_stat_statements_info`.
pub(super) fn is_facts<'n>(names: impl Iterator<Item = &'n str>) -> bool {
    let (mut known, mut telling) = (true, false);
    let mut facts = Facts::default();
    for name in names {
        known &= fact(&mut facts, name, "");
        telling |= ["dealloc", "stats_reset", "server_version_num", "system_identifier"].contains(&name.to_ascii_lowercase().as_str());
    }
    known && telling
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_numbers() {
        assert_eq!(version_number("PostgreSQL 15.18 (Debian 15.18-0+deb12u1) on x86_64"), Some(150_018));
        assert_eq!(version_number("9.6.24"), Some(90_624));
        assert_eq!(version_number("18beta1"), Some(180_000));
        assert_eq!(version_number("MariaDB"), None);
    }

    #[test]
    fn a_row_needs_calls_and_time_and_tells_what_is_hidden() {
        let row = |cells: &[(Field, &'static str)]| tally(cells.iter().map(|(f, v)| (*f, v.as_bytes()))).map(|t| (t.text, t.key.query_id));
        assert!(row(&[(Field::Calls, "1")]).is_err() && row(&[(Field::Calls, "x"), (Field::Total, "1")]).is_err());
        let whole = [(Field::Calls, "1"), (Field::Total, "1.5"), (Field::QueryId, "7")];
        assert_eq!(row(&whole), Ok((TallyText::Unknown, Some(7))));
        assert_eq!(row(&whole[..2]), Ok((TallyText::Hidden, None)));
        let hidden = [whole[0], whole[1], (Field::Query, "<insufficient privilege>")];
        assert_eq!(row(&hidden), Ok((TallyText::Hidden, None)));
    }
}
