//! Names in the forms that libraries make of them: `order_items`, `OrderItem`, `orderItems`, `order_item`.

/// A name as the words it is made of, in lower case.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Words(Vec<String>);

/// Plurals that no ending tells.
const IRREGULAR: [(&str, &str); 8] = [
    ("people", "person"),
    ("children", "child"),
    ("men", "man"),
    ("women", "woman"),
    ("movies", "movie"),
    ("cookies", "cookie"),
    ("matrices", "matrix"),
    ("indices", "index"),
];

/// Words that are the same for one and for many.
const SAME: [&str; 8] = ["series", "species", "news", "data", "metadata", "media", "staff", "information"];

impl Words {
    /// The words of a name in any of the usual forms.
    pub(super) fn of(name: &str) -> Self {
        let mut words = vec![String::new()];
        let mut was_small = false;
        for c in name.chars() {
            if !c.is_alphanumeric() || (c.is_uppercase() && was_small) {
                words.push(String::new());
            }
            if let Some(word) = words.last_mut().filter(|_| c.is_alphanumeric()) {
                word.extend(c.to_lowercase());
            }
            was_small = c.is_lowercase() || c.is_numeric();
        }
        words.retain(|word| !word.is_empty());
        Words(words)
    }

    /// `order_items`.
    pub(super) fn snake(&self) -> String {
        self.0.join("_")
    }

    /// `OrderItems`.
    pub(super) fn pascal(&self) -> String {
        self.0.iter().map(|word| capital(word)).collect()
    }

    /// `orderItems`.
    pub(super) fn camel(&self) -> String {
        self.0.iter().enumerate().map(|(at, word)| if at == 0 { word.clone() } else { capital(word) }).collect()
    }

    /// Without anything between the words.
    pub(super) fn joined(&self) -> String {
        self.0.concat()
    }

    /// The first letter, as queries call a row.
    pub(super) fn letter(&self) -> String {
        self.0.first().and_then(|word| word.chars().next()).unwrap_or('x').to_string()
    }

    /// One of them.
    pub(super) fn one(&self) -> Self {
        self.with_last(singular)
    }

    /// Many of them.
    pub(super) fn many(&self) -> Self {
        self.with_last(plural)
    }

    /// Whether it names many.
    pub(super) fn is_many(&self) -> bool {
        self.one() != *self
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Without its first word.
    pub(super) fn tail(&self) -> Self {
        Words(self.0.iter().skip(1).cloned().collect())
    }

    /// What a column points to: `author` for `author_id` and `authorId`; `None` if it is not called so.
    pub(super) fn pointed(&self) -> Option<Self> {
        let (last, rest) = self.0.split_last()?;
        (!rest.is_empty() && ["id", "uuid", "pk", "fk"].contains(&last.as_str())).then(|| Words(rest.to_vec()))
    }

    /// Without the name of the owner at its beginning: `items` for the `order_items` of an order.
    pub(super) fn without(&self, owner: &Words) -> Self {
        let owner = owner.one().0;
        match self.0.strip_prefix(owner.as_slice()) {
            Some(rest) if !rest.is_empty() => Words(rest.to_vec()),
            _ => self.clone(),
        }
    }

    /// Whether it is what a table's name, or the end of it, means by one row.
    pub(super) fn is_one_of(&self, table: &Words) -> bool {
        let (wanted, one) = (self.joined(), table.one().0);
        (0..one.len()).any(|from| one[from..].concat() == wanted)
    }

    fn with_last(&self, change: fn(&str) -> String) -> Self {
        let mut words = self.0.clone();
        if let Some(last) = words.last_mut() {
            *last = change(last);
        }
        Words(words)
    }
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

fn singular(word: &str) -> String {
    if let Some((_, one)) = IRREGULAR.iter().find(|(many, _)| *many == word) {
        return (*one).to_owned();
    }
    let ends = |endings: &[&str]| endings.iter().any(|ending| word.ends_with(ending));
    let cut = match () {
        () if SAME.contains(&word) || ends(&["ss", "us", "is"]) || word.len() < 3 => 0,
        () if ends(&["ies"]) => return format!("{}y", &word[..word.len() - 3]),
        () if word == "uses" || ends(&["ouses", "auses", "cuses"]) => 1,
        () if ends(&["sses", "xes", "ches", "shes", "uses", "zzes"]) => 2,
        () if ends(&["s"]) => 1,
        () => 0,
    };
    word[..word.len() - cut].to_owned()
}

fn plural(word: &str) -> String {
    if let Some((many, _)) = IRREGULAR.iter().find(|(_, one)| *one == word) {
        return (*many).to_owned();
    }
    let ends = |endings: &[&str]| endings.iter().any(|ending| word.ends_with(ending));
    match () {
        () if SAME.contains(&word) || singular(word) != word => word.to_owned(),
        () if ends(&["y"]) && !ends(&["ay", "ey", "oy", "uy"]) => format!("{}ies", &word[..word.len() - 1]),
        () if ends(&["s", "x", "ch", "sh", "z"]) => format!("{word}es"),
        () => format!("{word}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_apart_and_put_together() {
        for name in ["order_items", "OrderItems", "orderItems"] {
            let words = Words::of(name);
            assert_eq!(
                (words.snake(), words.pascal(), words.one().camel()),
                ("order_items".into(), "OrderItems".into(), "orderItem".into())
            );
        }
        assert_eq!(Words::of("authorId").pointed().map(|words| words.snake()).as_deref(), Some("author"));
        assert_eq!(Words::of("id").pointed(), None);
        assert_eq!(Words::of("order_items").without(&Words::of("orders")).snake(), "items");
        assert!(Words::of("user").is_one_of(&Words::of("auth_users")) && !Words::of("owner").is_one_of(&Words::of("users")));
    }

    #[test]
    fn one_and_many_are_each_others() {
        for (one, many) in [
            ("book", "books"),
            ("category", "categories"),
            ("status", "statuses"),
            ("address", "addresses"),
            ("house", "houses"),
            ("person", "people"),
            ("series", "series"),
            ("box", "boxes"),
            ("key", "keys"),
            ("database", "databases"),
        ] {
            assert_eq!((singular(many), plural(one)), (one.to_owned(), many.to_owned()));
            assert_eq!((singular(one), plural(many)), (one.to_owned(), many.to_owned()));
        }
    }
}
