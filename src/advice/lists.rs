//! Which keys an index could have, in which order, for what is asked of one table.
//!
//! Columns that are compared for equality come first, those with the most values first of all, but any of them may lead, so
//! that one index may serve several statements; then ranges, the most selective first, or the order that is asked for.

use super::candidate::CandidateKey;

/// The keys that conditions and the order would need.
#[derive(Clone, Debug, Default)]
pub(super) struct Parts {
    /// Of conditions that compare with one value or with some, those with the most values first.
    pub(super) equal: Vec<CandidateKey>,
    /// Those of them that compare with one value.
    pub(super) single: Vec<CandidateKey>,
    /// Of ranges, the most selective first.
    pub(super) ranges: Vec<CandidateKey>,
    /// Of joins.
    pub(super) joins: Vec<CandidateKey>,
    /// Of the order that is asked for.
    pub(super) sort: Vec<CandidateKey>,
}

/// More columns are never advised.
pub(super) const MOST_KEYS: usize = 4;

/// One scan makes no more lists.
const MOST_LISTS: usize = 48;

type Keys = Vec<CandidateKey>;

/// The lists, those first that are most likely to be wanted, each once.
pub(super) fn lists(parts: &Parts) -> Vec<Keys> {
    let Parts { equal, single, joins, sort, .. } = parts;
    let mut lists: Vec<Keys> = (1..=equal.len()).map(|count| equal[..count].to_vec()).collect();
    lists.extend(each(equal));
    lists.push(with(single, sort));
    lists.push(sort.clone());
    lists.extend(of_ranges(parts));
    lists.extend(joins.iter().flat_map(|join| of_join(parts, std::slice::from_ref(join))));
    lists.push(joins.clone());
    lists.extend((1..single.len()).map(|count| with(&single[..count], sort)));
    lists.extend(each(single).map(|one| with(&one, sort)));
    lists.extend(led_by_each(equal));
    let mut kept: Vec<Keys> = Vec::new();
    for keys in lists.into_iter().map(once).filter(|keys| !keys.is_empty()) {
        if kept.len() < MOST_LISTS && !kept.contains(&keys) {
            kept.push(keys);
        }
    }
    kept
}

/// Ranges behind equality, alone, and behind each other: the one behind tells which entries need not be followed.
fn of_ranges(parts: &Parts) -> Vec<Keys> {
    let Parts { equal, single, ranges, sort, .. } = parts;
    let mut lists: Vec<Keys> = ranges.first().map(|range| with(&with(single, sort), std::slice::from_ref(range))).into_iter().collect();
    for range in ranges {
        let one = std::slice::from_ref(range);
        lists.push(with(equal, one));
        lists.push(one.to_vec());
        lists.push(with(&with(equal, one), ranges));
        lists.extend(each(equal).map(|equal| with(&equal, one)));
        lists.push(with(one, equal));
    }
    lists
}

/// What a join gives, before and behind what is compared with values.
fn of_join(parts: &Parts, join: &[CandidateKey]) -> Vec<Keys> {
    let Parts { equal, ranges, sort, .. } = parts;
    let led = with(join, equal);
    let range = ranges.get(..1).unwrap_or_default();
    vec![join.to_vec(), with(equal, join), led.clone(), with(&led, range), with(&led, sort), with(range, join)]
}

/// The same columns, each in turn the first.
fn led_by_each(equal: &[CandidateKey]) -> impl Iterator<Item = Keys> {
    each(equal).skip(1).map(|first| with(&first, equal))
}

fn each(keys: &[CandidateKey]) -> impl Iterator<Item = Keys> {
    keys.iter().map(|key| vec![key.clone()])
}

fn with(first: &[CandidateKey], then: &[CandidateKey]) -> Keys {
    [first, then].concat()
}

/// Each key once, and not too many.
fn once(keys: Keys) -> Keys {
    let mut kept: Keys = Vec::new();
    for key in keys {
        if kept.len() < MOST_KEYS && kept.iter().all(|known| known.on != key.on) {
            kept.push(key);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::super::On;
    use super::*;

    fn keys(columns: &[i32]) -> Keys {
        let key = |&column: &i32| CandidateKey {
            on: On::Column(column),
            column,
            text: format!("c{column}"),
            descends: false,
            nulls_first: false,
            class: None,
        };
        columns.iter().map(key).collect()
    }

    fn told(parts: &Parts) -> Vec<Vec<i32>> {
        lists(parts).iter().map(|keys| keys.iter().map(|key| key.column).collect()).collect()
    }

    #[test]
    fn any_equality_may_lead_and_each_range_may_follow() {
        let equal = keys(&[1, 2]);
        let parts = Parts { single: equal.clone(), equal, ranges: keys(&[3, 4]), ..Parts::default() };
        let all = told(&parts);
        for wanted in [&[1][..], &[2], &[1, 2], &[2, 1], &[3], &[4], &[1, 2, 3], &[1, 2, 4], &[1, 3], &[2, 4], &[1, 2, 3, 4], &[3, 1, 2]] {
            assert!(all.contains(&wanted.to_vec()), "{wanted:?} of {all:?}");
        }
        assert_eq!((&all[0], &all[1]), (&vec![1], &vec![1, 2]), "with the most values first");
    }

    #[test]
    fn an_order_follows_what_has_one_value() {
        let single = keys(&[1, 2]);
        let parts = Parts { equal: keys(&[1, 2, 9]), single, sort: keys(&[5, 6]), ..Parts::default() };
        let all = told(&parts);
        for wanted in [&[1, 2, 5, 6][..], &[1, 5, 6], &[2, 5, 6], &[5, 6]] {
            assert!(all.contains(&wanted.to_vec()), "{wanted:?} of {all:?}");
        }
        assert!(!all.iter().any(|keys| keys.windows(2).any(|pair| pair == [9, 5])), "a list of values gives no order");
    }

    #[test]
    fn lists_are_short_and_not_many() {
        let many = Parts {
            equal: keys(&[1, 2, 3, 4, 5, 6]),
            single: keys(&[1, 2, 3, 4, 5, 6]),
            ranges: keys(&[7, 8, 9]),
            joins: keys(&[10, 11]),
            sort: keys(&[12]),
        };
        let all = told(&many);
        assert!(all.len() <= MOST_LISTS && all.iter().all(|keys| keys.len() <= MOST_KEYS));
        let mut unlike = all.clone();
        unlike.sort();
        unlike.dedup();
        assert_eq!(unlike.len(), all.len());
        assert!(told(&Parts::default()).is_empty());
    }
}
