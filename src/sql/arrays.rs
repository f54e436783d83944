//! Arrays as PostgreSQL writes them in text: `{1,"two, three",NULL}`.

/// The members of an array of one dimension, `None` for NULL; `None` if it is no such text. Source: `array_out` in
/// `src/backend/utils/adt/arrayfuncs.c`.
#[must_use]
pub fn members(text: &str) -> Option<Vec<Option<String>>> {
    let inner = text.trim().strip_prefix('{')?.strip_suffix('}')?;
    let mut members = Vec::new();
    let mut characters = inner.chars().peekable();
    while characters.peek().is_some() {
        let (mut member, mut is_quoted) = (String::new(), false);
        loop {
            match characters.next() {
                None | Some(',') => break,
                Some('"') => {
                    is_quoted = true;
                    loop {
                        match characters.next()? {
                            '"' => break,
                            '\\' => member.push(characters.next()?),
                            other => member.push(other),
                        }
                    }
                }
                Some('\\') => member.push(characters.next()?),
                Some('{' | '}') => return None,
                Some(other) => member.push(other),
            }
        }
        let is_null = !is_quoted && member.eq_ignore_ascii_case("null");
        members.push((!is_null).then_some(member));
    }
    Some(members)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_as_they_were() {
        let told =
            |text: &str| members(text).map(|all| all.into_iter().map(|one| one.unwrap_or_else(|| "-".to_owned())).collect::<Vec<_>>());
        assert_eq!(told("{}"), Some(Vec::new()));
        assert_eq!(told("{1,2,NULL}"), Some(vec!["1".to_owned(), "2".to_owned(), "-".to_owned()]));
        assert_eq!(told(r#"{"a,b","say \"x\" \\","NULL",""}"#), Some(["a,b", r#"say "x" \"#, "NULL", ""].map(str::to_owned).to_vec()));
        // No array, cut, or one of more dimensions.
        for other in ["", "1,2", "{1", r#"{"a}"#, "{{1},{2}}"] {
            assert_eq!(told(other), None, "{other}");
        }
    }
}
