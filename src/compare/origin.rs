//! Where in the program a statement comes from, if its comments tell.
//!
//! Rails' `query_log_tags` has `source_location='app/models/user.rb:12'`, marginalia `line:/app/models/user.rb:12:in find`,
//! OpenTelemetry's attributes `code.filepath` and `code.lineno`, and others `file` and `line`. Comments are part of a log, so that
//! what they tell is a path within the project or nothing.

use std::path::Path;

/// A line of a file of the program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Its path as the comment has it, with slashes.
    pub file: String,
    /// From 1; `None` if only the file is known.
    pub line: Option<u32>,
}

/// Keys whose value is a file, or a file and a line.
const FILES: [&str; 6] = ["source_location", "line", "file", "code.file.path", "code.filepath", "code_filepath"];
/// Keys whose value is a line of the file that another tag names.
const LINES: [&str; 4] = ["line", "code.line.number", "code.lineno", "code_lineno"];
/// Longer paths are none.
const LONGEST: usize = 300;

impl Origin {
    /// Of the tags of a statement, those of most calls first. A line is taken from a tag of its own only if there is no other file,
    /// for which line is of which file the tags do not tell.
    #[must_use]
    pub fn of<'t>(tags: impl Iterator<Item = (&'t str, &'t str)> + Clone) -> Option<Origin> {
        let origins = |key: &'static str| tags.clone().filter(move |(k, _)| *k == key).filter_map(|(_, value)| parsed(value));
        let origin = FILES.iter().find_map(|key| origins(key).next())?;
        if origin.line.is_some() || FILES.iter().flat_map(|key| origins(key)).any(|other| other != origin) {
            return Some(origin);
        }
        let mut lines = tags.filter(|(key, _)| LINES.contains(key)).filter_map(|(_, value)| number(value));
        let line = lines.next().filter(|line| lines.all(|other| other == *line));
        Some(Origin { line, ..origin })
    }

    /// The path within a project that stands in `root`; `None` if it is elsewhere.
    #[must_use]
    pub fn within(&self, root: &Path) -> Option<String> {
        let path = Path::new(&self.file);
        let inner = if path.is_absolute() { path.strip_prefix(root).ok()? } else { path };
        let inner = inner.to_str()?.trim_start_matches("./");
        (!inner.is_empty()).then(|| inner.to_owned())
    }
}

/// `path`, `path:line` or `path:line:in method`.
fn parsed(value: &str) -> Option<Origin> {
    let mut parts = value.splitn(3, ':');
    let (file, second) = (parts.next()?, parts.next());
    let line = second.and_then(number);
    // Behind a colon that begins no line stands what is no path, such as that of a drive or of a scheme.
    (is_path(file) && (second.is_none() || line.is_some())).then(|| Origin { file: file.to_owned(), line })
}

fn number(text: &str) -> Option<u32> {
    text.trim().parse().ok().filter(|line| (1..10_000_000).contains(line))
}

/// Whether it looks like the path of a file of a program, and leads out of no folder.
fn is_path(text: &str) -> bool {
    let is_plain = |c: char| c.is_alphanumeric() || "/._-+@ ()[]$~".contains(c);
    let has_name = text.rsplit('/').next().is_some_and(|name| name.contains('.') && name.chars().any(char::is_alphanumeric));
    has_name && text.len() <= LONGEST && text.chars().all(is_plain) && !text.contains("//") && text.split('/').all(|part| part != "..")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(tags: &[(&str, &str)]) -> Option<(String, Option<u32>)> {
        Origin::of(tags.iter().copied()).map(|origin| (origin.file, origin.line))
    }

    #[test]
    fn each_library_tells_it_in_its_own_way() {
        for (tags, file, line) in [
            (&[("source_location", "app/models/user.rb:12")][..], "app/models/user.rb", Some(12)),
            (&[("application", "Shop"), ("line", "/srv/app/models/user.rb:12:in `find'")], "/srv/app/models/user.rb", Some(12)),
            (&[("file", "shop/views.py"), ("line", "40")], "shop/views.py", Some(40)),
            (&[("code.filepath", "./src/db.ts"), ("code.lineno", "7")], "./src/db.ts", Some(7)),
            (&[("file", "shop/views.py")], "shop/views.py", None),
            // Most calls first; of two files or two lines nobody knows which belong together.
            (&[("source_location", "a.rb:1"), ("source_location", "b.rb:2")], "a.rb", Some(1)),
            (&[("file", "a.py"), ("file", "b.py"), ("line", "40")], "a.py", None),
            (&[("file", "a.py"), ("line", "40"), ("line", "41")], "a.py", None),
        ] {
            assert_eq!(told(tags), Some((file.to_owned(), line)), "{tags:?}");
        }
    }

    #[test]
    fn what_is_no_path_of_the_project_is_none() {
        let long = "a/".repeat(200) + "b.rb:1";
        for value in [
            "",
            "12",
            "../../etc/passwd.d:1",
            "javascript:alert(1).x",
            "https://x.y/z.js",
            "//host/a.js",
            ".//etc/passwd.d:1",
            "a\n::error::b.rb:1",
            "a%0A.rb",
            "C:\\a.cs:3",
            ".",
            "app/x.rb:0",
            &long,
        ] {
            assert_eq!(told(&[("source_location", value)]), None, "{value}");
        }
        assert_eq!(told(&[("controller", "users.rb")]), None);
    }

    #[test]
    fn a_path_is_told_within_the_project_or_not_at_all() {
        let within = |file: &str| Origin { file: file.to_owned(), line: None }.within(Path::new("/srv/shop"));
        assert_eq!(within("/srv/shop/app/a.rb").as_deref(), Some("app/a.rb"));
        assert_eq!(within("./app/a.rb").as_deref(), Some("app/a.rb"));
        assert_eq!((within("/srv/other/a.rb"), within("/srv/shopping/a.rb")), (None, None));
    }
}
