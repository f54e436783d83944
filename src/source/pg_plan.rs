//! The statement in what `auto_explain` logs, in each of its four formats. The plan itself is not read here; see [`crate::plan`].
//!
//! Format: `explain_ExecutorEnd` in `contrib/auto_explain/auto_explain.c`, `ExplainProperty` in `commands/explain.c`.

use std::borrow::Cow;

/// The statement of a plan, which is what follows `plan:` in the message; `None` if it is in none of the known formats.
pub(super) fn statement(plan: &[u8]) -> Option<Cow<'_, [u8]>> {
    let plan = plan.trim_ascii_start();
    match plan.first()? {
        b'{' => {
            let key = b"\"Query Text\":";
            quoted(&plan[memchr::memmem::find(plan, key)? + key.len()..])
        }
        b'<' => xml(plan),
        _ => {
            let text = plan.strip_prefix(b"Query Text: ")?;
            // YAML quotes as JSON does; no statement begins with a quoted name.
            if text.starts_with(b"\"") { quoted(text) } else { plain(text).map(Cow::Borrowed) }
        }
    }
}

/// A JSON string at the start of `text`. The log's tabs behind line ends are no part of one, and break none.
fn quoted(text: &[u8]) -> Option<Cow<'_, [u8]>> {
    let mut strings = serde_json::Deserializer::from_slice(text.trim_ascii_start()).into_iter::<Cow<'_, str>>();
    Some(match strings.next()?.ok()? {
        Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
        Cow::Owned(text) => Cow::Owned(text.into_bytes()),
    })
}

/// Up to the line of the plan's first node, or to `Query Parameters:` before it (PostgreSQL 16).
fn plain(text: &[u8]) -> Option<&[u8]> {
    let parameters =
        memchr::memmem::find_iter(text, b"Query Parameters: ").find(|&at| text[..at].trim_ascii_end().len() < at && begins_line(text, at));
    let node = memchr::memmem::find(text, b"  (cost=").unwrap_or(text.len());
    let line = memchr::memrchr(b'\n', &text[..node])?;
    Some(text[..parameters.map_or(line, |at| at.min(line))].trim_ascii_end())
}

fn begins_line(text: &[u8], at: usize) -> bool {
    matches!(text[..at].iter().rfind(|&&b| b != b'\t' && b != b' '), Some(b'\n'))
}

fn xml(text: &[u8]) -> Option<Cow<'_, [u8]>> {
    let start = memchr::memmem::find(text, b"<Query-Text>")? + b"<Query-Text>".len();
    let end = start + memchr::memmem::find(&text[start..], b"</Query-Text>")?;
    let mut rest = &text[start..end];
    if memchr::memchr(b'&', rest).is_none() {
        return Some(Cow::Borrowed(rest));
    }
    let mut out = Vec::with_capacity(rest.len());
    while let Some((&byte, tail)) = rest.split_first() {
        let entities: [(&[u8], u8); 5] = [(b"&lt;", b'<'), (b"&gt;", b'>'), (b"&amp;", b'&'), (b"&quot;", b'"'), (b"&#x0d;", b'\r')];
        match entities.iter().find(|(name, _)| rest.starts_with(name)) {
            Some((name, meant)) => {
                out.push(*meant);
                rest = &rest[name.len()..];
            }
            None => {
                out.push(byte);
                rest = tail;
            }
        }
    }
    Some(Cow::Owned(out))
}

#[cfg(test)]
mod tests {
    fn of(plan: &str) -> Option<String> {
        super::statement(plan.as_bytes()).map(|s| String::from_utf8_lossy(&s).into_owned())
    }

    #[test]
    fn every_format_names_its_statement() {
        let sql = "SELECT \"a\"\n\t  FROM t WHERE b < 1";
        let text = format!("\n\tQuery Text: {sql}\n\tSeq Scan on t  (cost=0.00..1.00 rows=1 width=4)");
        let parameters = format!("\n\tQuery Text: {sql}\n\tQuery Parameters: $1 = '1'\n\tSeq Scan on t  (cost=0.00..1.00 rows=1 width=4)");
        assert_eq!(of(&text).as_deref(), Some(sql));
        assert_eq!(of(&parameters).as_deref(), Some(sql));
        assert_eq!(
            of("\n\t{\n\t  \"Query Text\": \"SELECT \\\"a\\\" \\n FROM t\",\n\t  \"Plan\": {}}").as_deref(),
            Some("SELECT \"a\" \n FROM t")
        );
        assert_eq!(of("\n\tQuery Text: \"SELECT 1\"\n\tPlan: \n").as_deref(), Some("SELECT 1"));
        assert_eq!(of("\n\t<explain>\n\t  <Query-Text>SELECT a &lt; 1</Query-Text>").as_deref(), Some("SELECT a < 1"));
        assert_eq!(of(""), None);
    }
}
