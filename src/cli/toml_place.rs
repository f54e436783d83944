//! Where in a TOML file something is wrong, and what may have been meant: what `laggard.toml` and `gate.toml` have in common.

use toml::de::{DeTable, DeValue};

/// What is wrong with a file that is TOML.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wrong {
    /// Keys from the top, and numbers of entries from 0, to what is wrong. What does not stand in the file is left out of it.
    pub(super) path: Vec<String>,
    /// In words. If they begin with a key below `path`, it is that key that is wrong.
    pub(super) words: String,
}

impl Wrong {
    /// Words about what stands at a path.
    pub(super) fn at<'p>(path: impl IntoIterator<Item = &'p str>, words: impl Into<String>) -> Self {
        Wrong { path: path.into_iter().map(str::to_owned).collect(), words: words.into() }
    }

    /// The words, after what names the place, and behind line and column where these are known.
    pub(super) fn placed(&self, text: &str, heading: &str) -> String {
        let Wrong { path, words } = self;
        let place = start(text, path, words).map(|at| place(text, at)).unwrap_or_default();
        format!("{place} {heading}{words}")
    }
}

/// What a parser says of a text, behind line and column, with the name that may have been meant.
pub(super) fn refused(text: &str, error: &toml::de::Error) -> String {
    let place = error.span().map(|span| place(text, span.start)).unwrap_or_default();
    format!("{place} {}", suggested(error.message()))
}

/// Line and column of an offset, from 1, as they stand behind the name of a file.
fn place(text: &str, at: usize) -> String {
    let before = text.get(..at).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    format!("{line}:{column}:")
}

/// Where the last key of a path begins that is in the text, or the key below it with which the words begin.
fn start(text: &str, path: &[String], words: &str) -> Option<usize> {
    let file = DeTable::parse(text).ok()?;
    let mut table = file.get_ref();
    let mut entries = None;
    let mut found = None;
    for step in path {
        let value = match entries.take() {
            Some(list) => numbered(list, step, &mut found),
            None => keyed(table, step, &mut found),
        };
        let Some(value) = value else { return found };
        match value {
            DeValue::Table(inner) => table = inner,
            DeValue::Array(list) => entries = Some(list),
            _ => return found,
        }
    }
    let about = words.split(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '-'))).next().unwrap_or_default();
    if entries.is_none() {
        keyed(table, about, &mut found);
    }
    found
}

/// The value of a key; where the key begins is noted.
fn keyed<'t>(table: &'t DeTable<'_>, key: &str, found: &mut Option<usize>) -> Option<&'t DeValue<'t>> {
    let (key, value) = table.get_key_value(key)?;
    *found = Some(key.span().start);
    Some(value.get_ref())
}

/// The entry of a number; where it begins is noted.
fn numbered<'t>(list: &'t toml::de::DeArray<'_>, number: &str, found: &mut Option<usize>) -> Option<&'t DeValue<'t>> {
    let value = list.get(number.parse::<usize>().ok()?)?;
    *found = Some(value.span().start);
    Some(value.get_ref())
}

/// The message of a parser with the name that may have been meant, of those that it lists.
pub(super) fn suggested(message: &str) -> String {
    let mut names = message.split('`').skip(1).step_by(2);
    let wrong = names.next().unwrap_or_default();
    let message = message.trim_end();
    match near(wrong, names).filter(|_| message.contains("unknown ")) {
        Some(near) => format!("{message}; did you mean {near}?"),
        None => message.to_owned(),
    }
}

/// The known name that may have been meant by a wrong one.
pub(super) fn near<'n>(wrong: &str, known: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let distance = |name: &str| strsim::damerau_levenshtein(wrong, name);
    known.into_iter().min_by_key(|name| distance(name)).filter(|name| distance(name) <= wrong.len().max(name.len()) / 3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_leads_to_its_key_and_no_comment_with_the_same_word_does() {
        let text = "# rule deadlock ignore\n[rule.deadlock] # deadlock\nmin = 3\n\n[[ignore]]\nreason = 'rule'\n\n[[ignore]]\nrule = 'x'\n\
                    [rules]\nlatency = { abs = 3 }\n";
        for (path, words, expected) in [
            (&["rule", "deadlock"][..], "there is no such rule", "2:7: there is no such rule"),
            (&["rule", "deadlock"], "min: too small", "3:1: min: too small"),
            (&["rule", "deadlock", "none"], "what is not there", "2:7: what is not there"),
            (&["ignore", "0"], "reason is empty", "6:1: reason is empty"),
            (&["ignore", "1"], "rule = \"x\": no such rule", "9:1: rule = \"x\": no such rule"),
            (&["ignore", "1"], "names nothing", "8:1: names nothing"),
            (&["ignore", "7"], "is not there", "5:3: is not there"),
            (&["rules", "latency"], "abs = 3 is no amount", "11:13: abs = 3 is no amount"),
            (&["nothing"], "at all", " at all"),
        ] {
            assert_eq!(Wrong::at(path.iter().copied(), words).placed(text, ""), expected, "{path:?}");
        }
    }

    #[test]
    fn only_a_near_name_is_suggested() {
        assert_eq!(near("deadlok", ["deadlock", "lock-wait"]), Some("deadlock"));
        assert_eq!(near("cache", ["deadlock", "lock-wait"]), None);
        assert_eq!(
            suggested("a: unknown field `min_cal`, expected `min_calls`"),
            "a: unknown field `min_cal`, expected `min_calls`; did you mean min_calls?"
        );
        assert_eq!(suggested("missing field `reason`"), "missing field `reason`");
    }
}
