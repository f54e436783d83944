//! The text format: a line for each node, indented under its parent, and lines with what is to be said of it.

use crate::units::Micros;

use super::condition::Condition;
use super::{MOST_NODES, Node, Plan, Space, Trigger};

/// The plan that begins at the first line with a cost, which is that of its root.
pub(super) fn read(bytes: &[u8]) -> Option<Plan> {
    let cost = memchr::memmem::find(bytes, b"  (cost=")?;
    let start = memchr::memrchr(b'\n', &bytes[..cost]).map_or(0, |at| at + 1);
    let text = String::from_utf8_lossy(&bytes[start..]);
    let mut reader = Reader::default();
    for line in text.split('\n') {
        reader.line(line.strip_suffix('\r').unwrap_or(line));
    }
    reader.end_property();
    Some(reader.plan)
}

#[derive(Default)]
struct Reader<'t> {
    plan: Plan,
    /// The open nodes and the column of each.
    open: Vec<(usize, usize)>,
    /// The label of the next node.
    label: Option<&'t str>,
    /// A property whose string goes on behind its line.
    unfinished: Option<(&'t str, String)>,
    /// Nodes are left out from here.
    is_full: bool,
}

impl<'t> Reader<'t> {
    fn line(&mut self, line: &'t str) {
        // The log puts a tab before each line.
        let line = line.strip_prefix('\t').unwrap_or(line);
        if let Some((_, value)) = &mut self.unfinished {
            value.push('\n');
            value.push_str(line);
            if is_even(value) {
                self.end_property();
            }
            return;
        }
        let text = line.trim_start_matches(' ');
        let indent = line.len() - text.len();
        match text.strip_prefix("->  ") {
            Some(node) => self.node(node, indent + 1),
            None if self.plan.nodes.is_empty() => self.node(text, 0),
            None => self.words(text, indent),
        }
    }

    fn node(&mut self, text: &'t str, column: usize) {
        if self.plan.nodes.len() >= MOST_NODES {
            self.is_full = true;
            return;
        }
        self.close(column);
        let mut node = node(text);
        node.parent = self.open.last().map(|&(_, node)| node);
        node.label = self.label.take().map(str::to_owned);
        self.open.push((column, self.plan.nodes.len()));
        self.plan.nodes.push(node);
    }

    /// What is at a column or behind it gets no more inputs.
    fn close(&mut self, column: usize) {
        while self.open.last().is_some_and(|&(at, _)| at >= column) {
            self.open.pop();
        }
    }

    /// A line that is no node: something of the last one, or of the whole plan.
    fn words(&mut self, text: &'t str, indent: usize) {
        if ["SubPlan ", "InitPlan ", "CTE "].iter().any(|start| text.starts_with(start)) && !text.contains(": ") {
            self.close(indent + 1);
            self.label = Some(text);
            return;
        }
        let Some((name, value)) = text.split_once(": ") else { return };
        if let Some(trigger) = name.strip_prefix("Trigger ") {
            if self.plan.triggers.len() < MOST_NODES {
                self.plan.triggers.push(trigger_of(trigger, value));
            }
        } else if indent > 0 && !self.is_full {
            let (name, value) = (name, value.to_owned());
            let is_whole = is_even(&value);
            self.unfinished = Some((name, value));
            if is_whole {
                self.end_property();
            }
        }
    }

    fn end_property(&mut self) {
        if let Some((name, value)) = self.unfinished.take()
            && let Some(node) = self.plan.nodes.last_mut()
        {
            property(node, name, &value);
        }
    }
}

/// Whether no string is open at its end.
fn is_even(text: &str) -> bool {
    memchr::memchr_iter(b'\'', text.as_bytes()).count().is_multiple_of(2)
}

fn property(node: &mut Node, name: &str, value: &str) {
    let number = || value.split(' ').next().and_then(|number| number.parse::<f64>().ok()).unwrap_or_default();
    match name {
        "Filter" => node.filter = Condition::read(value),
        "Index Cond" => node.index_condition = Condition::read(value),
        "Recheck Cond" => node.recheck = Condition::read(value),
        "Hash Cond" | "Merge Cond" => node.join_condition = Condition::read(value),
        "Join Filter" => node.join_filter = Condition::read(value),
        "Rows Removed by Filter" => node.removed = number() * node.loops(),
        "Rows Removed by Join Filter" => node.removed_by_join = number() * node.loops(),
        "Workers Planned" | "Workers Launched" => node.workers = value.parse().unwrap_or_default(),
        "Sort Key" => node.sort_keys = keys(value),
        "Sort Method" => sort_method(node, value),
        _ => {}
    }
}

/// Keys at commas outside of parentheses and quotes.
fn keys(text: &str) -> Vec<String> {
    let (mut depth, mut quote) = (0, None);
    let parts = text.split(|c: char| {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '\'' | '"') => quote = Some(c),
            (None, '(' | '[') => depth += 1,
            (None, ')' | ']') => depth -= 1,
            _ => {}
        }
        c == ',' && depth == 0 && quote.is_none()
    });
    parts.map(|key| key.trim().to_owned()).take(16).collect()
}

/// `external merge  Disk: 9912kB`.
fn sort_method(node: &mut Node, value: &str) {
    let (method, space) = value.split_once("  ").unwrap_or((value, ""));
    node.sort_method = Some(method.to_owned());
    let (place, size) = space.split_once(": ").unwrap_or_default();
    let size = size.trim_end().strip_suffix("kB").and_then(|size| size.parse().ok());
    node.sort_space = size.map(|size| (size, if place == "Disk" { Space::Disk } else { Space::Memory }));
}

/// `for constraint x on t: time=1.000 calls=2`, or its name alone.
fn trigger_of(name: &str, value: &str) -> Trigger {
    let name = name.strip_prefix("for constraint ").unwrap_or(name);
    let (name, relation) = name.split_once(" on ").map_or((name, None), |(name, relation)| (name, Some(relation.to_owned())));
    let millis = after(value, "time=").map(|millis| Micros::floor((millis * 1_000.0).clamp(0.0, 1e15)));
    let calls = after(value, "calls=").map_or(0, |calls| Micros::floor(calls.clamp(0.0, 1e15)).0);
    Trigger { name: name.to_owned(), relation, time: millis, calls }
}

/// The number behind a word.
fn after(text: &str, word: &str) -> Option<f64> {
    let rest = &text[text.find(word)? + word.len()..];
    let end = rest.bytes().position(|b| !b.is_ascii_digit() && b != b'.').unwrap_or(rest.len());
    rest[..end].parse().ok()
}

/// `Index Scan using i on t a  (cost=0.29..2.51 rows=1 width=6) (actual time=0.010..0.020 rows=1 loops=1)`.
fn node(text: &str) -> Node {
    let (what, numbers) = text.split_once("  (").unwrap_or((text, ""));
    let mut node = Node::default();
    name(&mut node, what);
    let (planned, actual) = numbers.split_once("(actual ").map_or((numbers, None), |(planned, actual)| (planned, Some(actual)));
    node.planned_rows = after(planned, "rows=").unwrap_or_default();
    node.cost = planned.split_once("..").and_then(|(_, cost)| after(cost, "")).unwrap_or_default();
    if numbers.contains("(never executed)") {
        node.measured(0.0, 0.0, None);
    } else if let Some(actual) = actual {
        let time = actual.split_once("..").filter(|_| actual.starts_with("time=")).and_then(|(_, time)| after(time, ""));
        node.measured(after(actual, "loops=").unwrap_or(1.0), after(actual, "rows=").unwrap_or_default(), time);
    }
    node
}

/// The kind, and what it is of.
fn name(node: &mut Node, what: &str) {
    let (kind, relation) = what.split_once(" on ").map_or((what, None), |(kind, relation)| (kind, Some(relation)));
    let (kind, index) = kind.split_once(" using ").map_or((kind, None), |(kind, index)| (kind, Some(index)));
    kind.clone_into(&mut node.kind);
    node.index = index.map(unquoted);
    let Some(relation) = relation else { return };
    if kind.ends_with("Bitmap Index Scan") {
        node.index = Some(unquoted(relation));
        return;
    }
    let (relation, alias) = names(relation);
    node.relation = Some(unquoted(relation));
    node.alias = alias.map(unquoted);
}

/// A relation and its alias; either may be quoted, with blanks in it.
fn names(text: &str) -> (&str, Option<&str>) {
    let mut is_quoted = false;
    let blank = text.find(|c| {
        is_quoted ^= c == '"';
        c == ' ' && !is_quoted
    });
    blank.map_or((text, None), |at| (&text[..at], Some(text[at..].trim())))
}

/// Each name without its quotes.
fn unquoted(name: &str) -> String {
    if name.contains('"') { name.replace('"', "") } else { name.to_owned() }
}
