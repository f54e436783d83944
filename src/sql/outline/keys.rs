//! Tables, select list and keys of a statement, read from its words from left to right.

use super::{Key, Outline, Role, Words, is_name, is_value};

/// Words that end a FROM list or an alias.
const ENDS: [&str; 25] = [
    "where",
    "group",
    "order",
    "limit",
    "offset",
    "fetch",
    "for",
    "having",
    "window",
    "union",
    "intersect",
    "except",
    "on",
    "using",
    "join",
    "left",
    "right",
    "full",
    "cross",
    "natural",
    "set",
    "returning",
    "values",
    "select",
    "default",
];

/// Those of them behind which a FROM list goes on.
const JOINS: [&str; 8] = ["join", "left", "right", "full", "cross", "natural", "on", "using"];

/// What may follow the first word of a type.
const OF_TYPES: [&str; 8] = ["with", "without", "time", "zone", "varying", "precision", "[", "]"];

/// Functions that make one row of many.
const AGGREGATES: [&str; 7] = ["count", "sum", "avg", "min", "max", "exists", "bool_or"];

pub(super) fn read(words: &Words<'_>, outline: &mut Outline) {
    let aliases = tables(words, outline);
    let resolve = |parts: &[&str]| -> Key {
        let column = (*parts.last().unwrap_or(&"")).to_owned();
        let table = match parts {
            [.., qualifier, _] => aliases.iter().find(|(alias, _)| alias == qualifier).map_or(*qualifier, |(_, table)| *table),
            _ => match outline.tables.as_slice() {
                [only] => only.as_str(),
                _ => return Key { table: None, column },
            },
        };
        Key { table: Some(table.to_owned()), column }
    };
    let mut keys = Vec::new();
    let (mut in_condition, mut has_range) = (false, false);
    for at in 0..words.len() {
        match words.at(at) {
            "where" | "on" | "having" => in_condition = true,
            "set" | "values" | "returning" | "select" => in_condition = false,
            "=" if in_condition => keys.extend(equality(words, at).map(|parts| resolve(&parts))),
            "in" if in_condition && words.at(at - 1) != "not" && words.at(at + 1) == "(" && is_value(words.at(at + 2)) => {
                keys.extend(words.name_before(at - 1).map(|parts| resolve(&parts)));
            }
            "<" | ">" | "<=" | ">=" | "between" if in_condition => {
                has_range |= is_value(words.at(at + 1)) || is_value(words.at(at.wrapping_sub(1)));
            }
            _ => {}
        }
    }
    outline.has_range = has_range;
    outline.takes_array =
        (0..words.len()).any(|at| matches!(words.at(at), "any" | "unnest") && (1..5).any(|ahead| is_value(words.at(at + ahead))));
    outline.keys = keys;
    select_list(words, outline);
    let mut depth = 0_usize;
    for at in 0..words.len() {
        match words.at(at) {
            "(" => depth += 1,
            ")" => depth = depth.saturating_sub(1),
            "order" if depth == 0 => outline.is_ordered = true,
            "limit" | "fetch" if depth == 0 => outline.is_limited = true,
            "group" if depth == 0 => outline.is_aggregate = false,
            "locked" if words.at(at.saturating_sub(1)) == "skip" => outline.skips_locked = true,
            _ => {}
        }
    }
}

/// Fills the tables; answers with aliases and the tables they stand for.
fn tables<'t>(words: &Words<'t>, outline: &mut Outline) -> Vec<(&'t str, &'t str)> {
    let mut aliases = Vec::new();
    let mut lists: Vec<bool> = vec![false];
    let mut at = 0;
    while at < words.len() {
        let in_list = lists.last().copied().unwrap_or(false);
        let expects = match words.at(at) {
            "(" => {
                lists.push(false);
                false
            }
            ")" => {
                lists.pop();
                false
            }
            "from" if words.at(at.wrapping_sub(1)) != "distinct" => {
                if let Some(list) = lists.last_mut() {
                    *list = true;
                }
                true
            }
            "into" | "join" => true,
            "update" => at == 0 || !matches!(words.at(at - 1), "for" | "do" | "key"),
            "," => in_list,
            word => {
                let ends = ENDS.contains(&word) && !JOINS.contains(&word);
                if let Some(list) = lists.last_mut().filter(|_| ends) {
                    *list = false;
                }
                false
            }
        };
        at += 1;
        if !expects {
            continue;
        }
        while matches!(words.at(at), "only" | "lateral") {
            at += 1;
        }
        let Some((parts, behind)) = words.name(at) else { continue };
        at = behind;
        if words.at(at) == "(" && outline.role != Role::Insert {
            continue;
        }
        let Some(&table) = parts.last() else { continue };
        if outline.tables.is_empty() {
            outline.schema = parts.len().checked_sub(2).and_then(|at| parts.get(at)).map(|schema| (*schema).to_owned());
        }
        if !outline.tables.iter().any(|known| known == table) {
            outline.tables.push(table.to_owned());
        }
        aliases.push((table, table));
        let alias = if words.at(at) == "as" { at + 1 } else { at };
        if is_name(words.at(alias)) && !ENDS.contains(&words.at(alias)) && !matches!(words.at(alias), "inner" | "as") {
            aliases.push((words.at(alias).trim_matches('"'), table));
            at = alias + 1;
        }
    }
    aliases
}

/// The column of an equality with a value: `a.b = $1`, `$1::bigint = a.b`, `a.b = any ($1)`.
fn equality<'t>(words: &Words<'t>, at: usize) -> Option<Vec<&'t str>> {
    let mut right = at + 1;
    if matches!(words.at(right), "any" | "some") {
        right += 1;
    }
    while words.at(right) == "(" {
        right += 1;
    }
    let left = before_cast(words, at.checked_sub(1)?);
    if is_value(words.at(right)) {
        return words.name_before(left);
    }
    if is_value(words.at(left)) {
        return words.name(right).map(|(parts, _)| parts);
    }
    None
}

/// The last word of an operand that ends at a place, without its cast and parentheses.
fn before_cast(words: &Words<'_>, end: usize) -> usize {
    let mut at = end;
    while at > 0 && words.at(at) == ")" {
        at -= 1;
    }
    let cast = (at.saturating_sub(5)..at).rev().find(|&at| words.at(at) == "::");
    let is_type = |from: usize| is_name(words.at(from + 1)) && (from + 2..=at).all(|at| OF_TYPES.contains(&words.at(at)));
    match cast {
        Some(cast) if cast > 0 && is_type(cast) => cast - 1,
        _ => at,
    }
}

/// The names of the outermost select list, or of RETURNING.
fn select_list(words: &Words<'_>, outline: &mut Outline) {
    if outline.role != Role::Read {
        return;
    }
    let mut depth = 0_usize;
    let mut open = false;
    for at in 0..words.len() {
        match words.at(at) {
            "(" => depth += 1,
            ")" => depth = depth.saturating_sub(1),
            "select" if depth == 0 => {
                open = true;
                outline.is_probe |= is_value(words.at(at + 1)) || words.at(at + 1) == "exists";
            }
            "from" if depth == 0 => open = false,
            word if open => {
                let ends = depth == 0 && matches!(words.at(at + 1), "," | "from");
                outline.is_aggregate |= depth == 0 && AGGREGATES.contains(&word) && words.at(at + 1) == "(";
                if word == "*" && depth == 0 {
                    outline.has_star = true;
                } else if depth == 0
                    && is_name(word)
                    && words.at(at + 1) != "("
                    && words.at(at - 1) != "as"
                    && (ends || words.at(at + 1) == "as")
                {
                    outline.columns.push(word.trim_matches('"').to_owned());
                }
            }
            _ => {}
        }
    }
}
