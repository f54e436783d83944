//! The ways to read a table: whole, or by an index, and what each costs.

use crate::sql::shape::scans::{SortKey, Test};

use super::asked::{Asked, Condition, On};
use super::indexed::{Indexed, Key};
use super::price::{Cost, Costs, Lookup};

/// How often a table is read in a statement, and whether with values from other tables.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Way {
    /// With what is known before: so many times.
    Alone(f64),
    /// With values of other tables' rows: once for each of so many.
    Joined(f64),
}

impl Way {
    pub(super) fn loops(self) -> f64 {
        let (Way::Alone(loops) | Way::Joined(loops)) = self;
        loops.max(1.0)
    }
}

/// What reading by an index is like.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Looked {
    /// All loops together.
    pub(super) cost: f64,
    /// Whether it leads to few rows, or to those that are wanted first, or to all in their order, or is read instead of the
    /// table.
    pub(super) is_worthy: bool,
    /// Whether how few they are rests on a guess.
    pub(super) is_guess: bool,
    /// Whether rows are read in order until enough have passed what the index cannot tell.
    pub(super) is_even: bool,
}

/// An index that leads to more of the rows on average is not worth it.
const MOST_FOUND: f64 = 0.1;

/// Where more pass of what is read in order, it does not matter where they lie.
const MOST_PASSED: f64 = 0.5;

/// Reading the whole table.
pub(super) fn whole(costs: &Costs, asked: &Asked<'_>, way: Way) -> f64 {
    let rows = asked.rows();
    let one = costs.sequential(&asked.heap, asked.operators());
    let one = finished(costs, asked, one, Order::None);
    let parallel = costs.parallel(&asked.heap, asked.operators(), rows).map(|cost| finished(costs, asked, cost, Order::None));
    // Workers are not started anew for each row of another table.
    let best = match (parallel, way.loops() > 1.0) {
        (Some(parallel), false) => one.min(parallel),
        _ => one,
    };
    best * way.loops()
}

/// Whether rows come in the order that is asked for.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Order {
    None,
    /// By the first keys, which have so many different values together.
    Begun(f64),
    Asked,
}

/// What it costs in the end: with the sort, and up to the rows that are wanted.
fn finished(costs: &Costs, asked: &Asked<'_>, input: Cost, order: Order) -> f64 {
    let (rows, wanted) = (asked.rows(), asked.wanted());
    match order {
        Order::None if !asked.sort.is_empty() => {
            let cost = costs.sorted(input, rows, asked.width, wanted);
            wanted.map_or(cost, |wanted| cost.first(wanted, rows)).total
        }
        // One group more than is wanted is read, and each is sorted.
        Order::Begun(values) => {
            let group = (rows / values.clamp(1.0, rows)).max(1.0);
            let read = wanted.map_or(rows, |wanted| (wanted + group).min(rows));
            let sorted = costs.sorted(Cost::default(), group, asked.width, None).total * (read / group).ceil();
            input.first(read, rows).total + sorted
        }
        Order::None | Order::Asked => wanted.map_or(input, |wanted| input.first(wanted, rows)).total,
    }
}

/// What an index is asked.
#[derive(Clone, Debug)]
struct Matched<'a, 'c> {
    /// Conditions that bound what is read of it.
    bounds: Vec<&'a Condition<'c>>,
    /// Others that it can tell.
    inner: Vec<&'a Condition<'c>>,
    /// Its first keys that have one value each.
    fixed: usize,
}

/// Reading by an index; `None` if it does not help.
pub(super) fn through(costs: &Costs, asked: &Asked<'_>, index: &Indexed, way: Way) -> Option<Looked> {
    if !index.holds(asked) || (matches!(way, Way::Joined(_)) && !costs.joins_by_index()) {
        return None;
    }
    let matched = matched(asked, index, way);
    let order = if index.is_hash || matches!(way, Way::Joined(_)) { Order::None } else { order(costs, asked, index, &matched) };
    // All rows of a join are hashed or sorted as they come out of it.
    let order = if asked.limit.is_none() && (asked.is_joined() || order != Order::Asked) { Order::None } else { order };
    let is_bounded = !matched.bounds.is_empty();
    let joins = |condition: &&&Condition<'_>| condition.joins.is_some();
    if matches!(way, Way::Joined(_)) && !matched.bounds.iter().any(|condition| joins(&condition)) {
        return None;
    }
    let is_all = is_told(asked, index);
    // A partial index is worth reading whole, and one that is read instead of the table.
    let is_less = index.part < 0.5 || (is_all && asked.heap.visible >= 0.5 && !matches!(way, Way::Joined(_)));
    if !is_bounded && order == Order::None && !is_less {
        return None;
    }
    let lookup = lookup(asked, index, way, &matched);
    let found = lookup.found;
    let by_index = finished(costs, asked, costs.by_index(&asked.heap, &index.tree, &lookup), order);
    let by_bitmap = finished(costs, asked, costs.by_bitmap(&asked.heap, &index.tree, &lookup), Order::None);
    let is_first = order != Order::None;
    // Where the values were looked up nothing is an average, and the price tells.
    let is_exact = is_bounded && matched.bounds.iter().all(|condition| condition.is_exact);
    Some(Looked {
        cost: by_index.min(by_bitmap) * way.loops(),
        is_worthy: found <= MOST_FOUND || is_first || is_exact || (is_all && is_bounded),
        is_guess: if is_first { asked.limit == Some(None) } else { matched.bounds.iter().any(|condition| condition.part.is_guess) },
        is_even: is_first && asked.limit.is_some() && asked.kept() < MOST_PASSED * found,
    })
}

/// Whether an index tells all that is read.
fn is_told(asked: &Asked<'_>, index: &Indexed) -> bool {
    asked.needs.as_ref().is_some_and(|needs| index.tells(needs))
}

fn lookup(asked: &Asked<'_>, index: &Indexed, way: Way, matched: &Matched<'_, '_>) -> Lookup {
    let part = |conditions: &[&Condition<'_>]| conditions.iter().map(|condition| condition.part.of_rows).product::<f64>();
    let is_one_row = index.is_unique && matched.fixed == index.keys.len();
    let is_joined = matched.bounds.iter().chain(&matched.inner).any(|condition| condition.joins.is_some());
    // What passes everything is among what any index finds.
    let least = if is_one_row || is_joined { 0.0 } else { asked.least };
    let read = if is_one_row { 1.0 / index.tree.tuples.max(1.0) } else { part(&matched.bounds) };
    let read = read.max((least / index.part.max(least)).min(1.0));
    let found = (read * part(&matched.inner) * index.part).clamp(0.0, 1.0).max(least);
    let told = matched.bounds.len() + matched.inner.len();
    let filtered = asked.conditions.iter().filter(|condition| condition.joins.is_none()).filter(|condition| {
        let is_told = matched.bounds.iter().chain(&matched.inner).any(|told| std::ptr::eq(*told, *condition));
        !is_told && !index.implies(condition)
    });
    Lookup {
        read,
        found,
        conditions: told as f64,
        searches: matched.bounds.iter().map(|condition| searches(condition)).product(),
        loops: way.loops(),
        filters: filtered.map(Condition::operators).sum::<f64>() + asked.others(),
        operators: asked.operators(),
        is_all: is_told(asked, index),
    }
}

/// An arm of an OR as an index marks it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Marked {
    /// What that costs.
    pub(super) cost: f64,
    /// The part of the table's rows that is marked.
    pub(super) found: f64,
    /// Whether these are few, or known for the very values.
    pub(super) is_worthy: bool,
    /// Whether that rests on a guess.
    pub(super) is_guess: bool,
}

/// What marking an arm costs by an index for a scan that gives so many rows; `None` if it does not lead there.
pub(super) fn marked(costs: &Costs, (arm, rows): (&Asked<'_>, f64), index: &Indexed) -> Option<Marked> {
    let matched = matched(arm, index, Way::Alone(1.0));
    if matched.bounds.is_empty() || !index.holds(arm) {
        return None;
    }
    let lookup = lookup(arm, index, Way::Alone(1.0), &matched);
    let is_guess = matched.bounds.iter().any(|condition| condition.part.is_guess);
    let is_exact = matched.bounds.iter().all(|condition| condition.is_exact);
    let is_worthy = lookup.found <= MOST_FOUND || is_exact;
    Some(Marked { is_worthy, cost: costs.marking(&arm.heap, &index.tree, &lookup, rows), found: lookup.found, is_guess })
}

/// What it costs to read once what the arms of an OR marked.
pub(super) fn by_arms(costs: &Costs, asked: &Asked<'_>, arms: &[Marked]) -> f64 {
    let cost = arms.iter().map(|arm| arm.cost).sum();
    let found = arms.iter().map(|arm| arm.found).sum::<f64>().min(1.0);
    finished(costs, asked, costs.by_marks(&asked.heap, cost, found, asked.operators()), Order::None)
}

/// How many times the tree is gone down.
fn searches(condition: &Condition<'_>) -> f64 {
    match condition.test {
        Test::AnyOf(0) => 10.0,
        Test::AnyOf(count) => f64::from(count),
        _ => 1.0,
    }
}

/// What conditions an index serves: its first keys by equality, then one range; of the keys behind, what it can tell.
fn matched<'a, 'c>(asked: &'a Asked<'c>, index: &Indexed, way: Way) -> Matched<'a, 'c> {
    let usable = |condition: &&Condition<'c>| condition.joins.is_none() || matches!(way, Way::Joined(_));
    let mut matched = Matched { bounds: Vec::new(), inner: Vec::new(), fixed: 0 };
    let (mut is_bound, mut is_fixed) = (true, true);
    for key in &index.keys {
        let mut of_key: Vec<&Condition<'c>> = asked.conditions.iter().filter(usable).filter(|condition| key.serves(condition)).collect();
        of_key.retain(|condition| !index.is_hash || is_of_a_hash(condition));
        let worst = |condition: &&Condition<'c>| {
            (!condition.is_single(), !condition.is_equality(), condition.test == Test::NotNull, condition.joins.is_some())
        };
        of_key.sort_by_key(worst);
        match of_key.first() {
            Some(condition) if is_bound => matched.bounds.push(condition),
            Some(condition) => matched.inner.push(condition),
            None => {}
        }
        is_bound &= of_key.first().is_some_and(|condition| condition.is_equality());
        is_fixed &= of_key.first().is_some_and(|condition| condition.is_single());
        matched.fixed += usize::from(is_fixed);
    }
    // A hash serves all of its keys or none.
    if index.is_hash && matched.bounds.len() < index.keys.len() {
        matched.bounds.clear();
    }
    matched
}

/// Whether an index gives the rows in the order that is asked for, forwards or backwards.
fn order(costs: &Costs, asked: &Asked<'_>, index: &Indexed, matched: &Matched<'_, '_>) -> Order {
    let fixed = |number: i32| asked.conditions.iter().any(|c| c.on == On::Column(number) && c.joins.is_none() && c.is_single());
    let wanted: Vec<&(i32, SortKey)> = asked.sort.iter().filter(|(number, _)| !fixed(*number)).collect();
    let rest = index.keys.get(matched.fixed..).unwrap_or_default();
    // Keys that have one value may stand between those that are sorted by.
    let mut keys = rest.iter().filter(|key| !matches!(key.on, On::Column(number) if fixed(number)));
    let mut backwards = None;
    let serves = |(number, sort): &(i32, SortKey), key: &Key| {
        let is_same = (key.descends, key.nulls_first) == (sort.descends, sort.nulls_first);
        let is_opposite = (key.descends, key.nulls_first) == (!sort.descends, !sort.nulls_first);
        (key.on == On::Column(*number) && key.sorts()).then_some(is_opposite).filter(|opposite| *opposite || is_same)
    };
    let is_served = |wanted: &&&(i32, SortKey)| match keys.next().and_then(|key| serves(wanted, key)) {
        Some(is_opposite) => *backwards.get_or_insert(is_opposite) == is_opposite,
        None => false,
    };
    let served: Vec<i32> = wanted.iter().take_while(is_served).map(|(number, _)| *number).collect();
    let distinct = asked.sort.iter().zip(&asked.sort_distinct).filter(|((number, _), _)| served.contains(number));
    match served.len() {
        0 => Order::None,
        all if all == wanted.len() => Order::Asked,
        _ if costs.sorts_in_groups => Order::Begun(distinct.map(|(_, distinct)| *distinct).product()),
        _ => Order::None,
    }
}

/// Whether an index that is there leads to what a candidate would: its first keys are those that are compared for equality, in
/// whatever order, and the rest follows as it is; or it finds one row at most.
pub(super) fn covers(index: &Indexed, unique: Option<&[i32]>, asked: &Asked<'_>, candidate: &Indexed) -> bool {
    // What a join gives counts only if the candidate is for the join.
    let counts = |condition: &&Condition<'_>| condition.joins.is_none() || candidate.keys.iter().any(|key| same(&condition.on, &key.on));
    let equal = asked.conditions.iter().filter(|condition| condition.is_equality()).filter(counts);
    let equal: Vec<&On> = equal.map(|condition| &condition.on).collect();
    let is_equal = |on: &On| equal.iter().any(|equal| same(equal, on));
    if unique.is_some_and(|columns| columns.iter().all(|column| is_equal(&On::Column(*column)))) {
        return true;
    }
    let first = candidate.keys.iter().take_while(|key| is_equal(&key.on)).count();
    // A hash knows one column.
    let is_hashed = |key: &Key| asked.conditions.iter().any(|condition| same(&condition.on, &key.on) && is_of_a_hash(condition));
    let is_beyond_a_hash = candidate.keys.len() > 1 || !candidate.keys.iter().all(is_hashed);
    if !index.holds(asked) || index.is_hash && is_beyond_a_hash {
        return false;
    }
    let (Some(own), Some(wanted)) = (index.keys.get(..first), candidate.keys.get(..first)) else { return false };
    let is_permuted = wanted.iter().all(|key| own.iter().any(|own| own.on == key.on && own.operators == key.operators));
    let rest = candidate.keys.get(first..).unwrap_or_default();
    let own_rest = index.keys.get(first..).unwrap_or_default();
    let is_followed = rest.len() <= own_rest.len()
        && rest.iter().zip(own_rest).all(|(key, own)| key.on == own.on && key.operators == own.operators && is_same_way(rest, own_rest));
    is_permuted && is_followed
}

/// Whether a hash can tell: it knows equality only, and NULL is equal to nothing.
fn is_of_a_hash(condition: &Condition<'_>) -> bool {
    matches!(condition.test, Test::Equal | Test::AnyOf(_))
}

/// Whether two lists of keys give the same order, forwards or backwards.
fn is_same_way(a: &[Key], b: &[Key]) -> bool {
    let turned = |turn: bool| a.iter().zip(b).all(|(a, b)| (a.descends, a.nulls_first) == (b.descends != turn, b.nulls_first != turn));
    turned(false) || turned(true)
}

fn same(asked: &On, index: &On) -> bool {
    match (asked, index) {
        (On::Expression(asked), On::Expression(own)) => super::indexed::plain(asked) == super::indexed::plain(own),
        (a, b) => a == b,
    }
}
