//! What the planner thinks that reading a table costs, by its own formulas.
//!
//! Source: `src/backend/optimizer/path/costsize.c` and `src/backend/utils/adt/selfuncs.c` of PostgreSQL 15. Costs are in the
//! planner's unit, which is the reading of one page in order.

use crate::catalog::Catalog;

/// Settings that costs follow from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Costs {
    seq_page: f64,
    random_page: f64,
    cpu_tuple: f64,
    cpu_index_tuple: f64,
    /// Of one operator.
    pub(super) cpu_operator: f64,
    /// In pages.
    cache: f64,
    /// In bytes.
    work_mem: f64,
    parallel: Parallel,
    /// Since PostgreSQL 13, rows that come in the order of the first keys are sorted in small groups.
    pub(super) sorts_in_groups: bool,
    forbidden: Forbidden,
}

/// What is added to ways that the settings of the planner forbid. `enable_seqscan` is left out: who turns it off has no other
/// way without an index, and what an index would save is what it saves in truth.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Forbidden {
    by_index: f64,
    by_bitmap: f64,
    nested: f64,
}

/// `disable_cost`.
const NEVER: f64 = 1.0e10;

/// Settings of parallel plans.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Parallel {
    workers: f64,
    least_pages: f64,
    setup: f64,
    tuple: f64,
}

/// A table.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Heap {
    pub(super) tuples: f64,
    pub(super) pages: f64,
    /// The part of its pages whose rows all transactions see.
    pub(super) visible: f64,
    /// Of all tables of the statement.
    pub(super) all_pages: f64,
}

/// An index.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Tree {
    pub(super) tuples: f64,
    pub(super) pages: f64,
    /// Levels above the leaves.
    pub(super) height: f64,
    /// Between its order and that of the table, −1 to 1.
    pub(super) correlation: f64,
}

/// What is asked of an index.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Lookup {
    /// The part of its entries that is read, 0 to 1.
    pub(super) read: f64,
    /// The part of the table's rows that it finds.
    pub(super) found: f64,
    /// Its conditions.
    pub(super) conditions: f64,
    /// How many values of a list are looked up one by one.
    pub(super) searches: f64,
    /// How often it is asked, with other values each time.
    pub(super) loops: f64,
    /// Operators that each row found must pass after.
    pub(super) filters: f64,
    /// All operators of the scan.
    pub(super) operators: f64,
    /// Whether the index tells all that is asked for, so that the table is read only where rows may be too new.
    pub(super) is_all: bool,
}

/// What something costs until its first row, and until its last.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Cost {
    /// Until the first row.
    pub startup: f64,
    /// Until the last.
    pub total: f64,
}

impl Costs {
    /// The settings of a server, with PostgreSQL's own where the snapshot has none.
    #[must_use]
    pub fn of(catalog: &Catalog) -> Self {
        let set = |name: &str, default: f64| catalog.number(name).filter(|value| value.is_finite() && *value >= 0.0).unwrap_or(default);
        let forbidden = |name: &str| if catalog.setting(name) == Some("off") { NEVER } else { 0.0 };
        Costs {
            seq_page: set("seq_page_cost", 1.0),
            random_page: set("random_page_cost", 4.0),
            cpu_tuple: set("cpu_tuple_cost", 0.01),
            cpu_index_tuple: set("cpu_index_tuple_cost", 0.005),
            cpu_operator: set("cpu_operator_cost", 0.0025),
            cache: set("effective_cache_size", 524_288.0),
            work_mem: set("work_mem", 4_096.0) * 1_024.0,
            sorts_in_groups: catalog.origin.version.is_none_or(|version| version >= 130_000),
            forbidden: Forbidden {
                by_index: forbidden("enable_indexscan"),
                by_bitmap: forbidden("enable_bitmapscan"),
                nested: forbidden("enable_nestloop"),
            },
            parallel: Parallel {
                workers: set("max_parallel_workers_per_gather", 2.0),
                least_pages: set("min_parallel_table_scan_size", 1_024.0).max(1.0),
                setup: set("parallel_setup_cost", 1_000.0),
                tuple: set("parallel_tuple_cost", 0.1),
            },
        }
    }

    /// Whether the settings of the planner let it read by an index at all.
    pub(super) fn reads_by_index(&self) -> bool {
        self.forbidden.by_index.min(self.forbidden.by_bitmap) < NEVER
    }

    /// Whether they let it look into an index for each row of another table.
    pub(super) fn joins_by_index(&self) -> bool {
        self.forbidden.nested < NEVER
    }

    /// A sequential scan with so many operators for each row: `cost_seqscan`.
    pub(super) fn sequential(&self, heap: &Heap, operators: f64) -> Cost {
        let total = heap.pages * self.seq_page + heap.tuples * self.per_tuple(operators);
        Cost { startup: 0.0, total }
    }

    /// The same by several processes, which give `rows` to one; `None` where the table is too small.
    pub(super) fn parallel(&self, heap: &Heap, operators: f64, rows: f64) -> Option<Cost> {
        let Parallel { workers: most, least_pages, setup, tuple } = self.parallel;
        if heap.pages < least_pages || most < 1.0 {
            return None;
        }
        // One worker, and one more each time that the table is three times as large.
        let workers = (1.0 + (heap.pages / least_pages).log(3.0).floor()).min(most);
        let divisor = workers + (1.0 - 0.3 * workers).max(0.0);
        let run = heap.pages * self.seq_page + heap.tuples * self.per_tuple(operators) / divisor;
        Some(Cost { startup: setup, total: setup + run + tuple * rows })
    }

    fn per_tuple(&self, operators: f64) -> f64 {
        self.cpu_tuple + operators * self.cpu_operator
    }

    /// Looking into the index alone, each time: `btcostestimate`.
    fn looking(&self, heap: &Heap, tree: &Tree, lookup: &Lookup) -> Cost {
        let searches = lookup.searches.max(1.0);
        let tuples = (lookup.read * tree.tuples / searches).round().clamp(1.0, tree.tuples.max(1.0));
        let pages = if tree.pages > 1.0 && tree.tuples > 1.0 { (tuples * tree.pages / tree.tuples).ceil() } else { 1.0 };
        let all = searches * lookup.loops;
        let io = if all > 1.0 {
            let fetched = self.fetched(pages * all, tree.pages, heap.all_pages, tree.pages);
            fetched * self.random_page / lookup.loops
        } else {
            pages * self.random_page
        };
        let entries = tuples * searches * (self.cpu_index_tuple + lookup.conditions * self.cpu_operator);
        let descent = if tree.tuples > 1.0 { tree.tuples.log2().ceil() } else { 0.0 } + (tree.height + 1.0) * 50.0;
        let descent = descent * self.cpu_operator;
        Cost { startup: descent, total: io + entries + descent * searches }
    }

    /// An index scan, one of its loops: `cost_index`.
    pub(super) fn by_index(&self, heap: &Heap, tree: &Tree, lookup: &Lookup) -> Cost {
        let index = self.looking(heap, tree, lookup);
        let tuples = (lookup.found * heap.tuples).round().max(1.0);
        let read = |pages: f64| if lookup.is_all { (pages * (1.0 - heap.visible)).ceil() } else { pages };
        let (most, least) = if lookup.loops > 1.0 {
            let most = read(self.fetched(tuples * lookup.loops, heap.pages, heap.all_pages, tree.pages));
            let near = (lookup.found * heap.pages).ceil();
            let least = read(self.fetched(near * lookup.loops, heap.pages, heap.all_pages, tree.pages));
            (most * self.random_page / lookup.loops, least * self.random_page / lookup.loops)
        } else {
            let most = read(self.fetched(tuples, heap.pages, heap.all_pages, tree.pages)) * self.random_page;
            let near = read((lookup.found * heap.pages).ceil());
            (most, if near > 0.0 { self.random_page + (near - 1.0) * self.seq_page } else { 0.0 })
        };
        let io = most + tree.correlation.powi(2) * (least - most);
        let total = index.total + io + tuples * self.per_tuple(lookup.filters);
        Cost { startup: index.startup + self.forbidden.by_index, total: total + self.forbidden.by_index }
    }

    /// A bitmap of what an index finds, and the pages that it marks: `cost_bitmap_heap_scan`.
    pub(super) fn by_bitmap(&self, heap: &Heap, tree: &Tree, lookup: &Lookup) -> Cost {
        let tuples = (lookup.found * heap.tuples).round().max(1.0);
        let marked = self.marking(heap, tree, lookup, tuples);
        let all = heap.pages.max(1.0);
        let pages = if lookup.loops > 1.0 {
            self.fetched(tuples * lookup.loops, heap.pages, heap.all_pages, tree.pages) / lookup.loops
        } else {
            2.0 * all * tuples / (2.0 * all + tuples)
        };
        let total = marked + self.fetching(all, pages) + tuples * self.per_tuple(lookup.operators);
        Cost { startup: marked, total }
    }

    /// Marking what an index finds, where the scan gives so many rows: `cost_bitmap_tree_node`.
    pub(super) fn marking(&self, heap: &Heap, tree: &Tree, lookup: &Lookup, rows: f64) -> f64 {
        self.looking(heap, tree, lookup).total + 0.1 * self.cpu_operator * rows.round().max(1.0) + self.forbidden.by_bitmap
    }

    /// Reading once what several indexes marked, each of them a part of all that is found: `cost_bitmap_or_node`.
    pub(super) fn by_marks(&self, heap: &Heap, marked: f64, found: f64, operators: f64) -> Cost {
        let tuples = (found * heap.tuples).round().max(1.0);
        let all = heap.pages.max(1.0);
        let fetched = self.fetching(all, 2.0 * all * tuples / (2.0 * all + tuples));
        Cost { startup: marked, total: marked + fetched + tuples * self.per_tuple(operators) }
    }

    /// Reading so many of all pages in their order.
    fn fetching(&self, all: f64, pages: f64) -> f64 {
        let pages = if pages >= all { all } else { pages.ceil() };
        let page =
            if pages >= 2.0 { self.random_page - (self.random_page - self.seq_page) * (pages / all).sqrt() } else { self.random_page };
        pages * page
    }

    /// Pages that are read to fetch so many rows, when some of them are in memory still: `index_pages_fetched`, after Mackert
    /// and Lohman, "Index Scans Using a Finite LRU Buffer", 1989.
    fn fetched(&self, tuples: f64, pages: f64, all_pages: f64, index_pages: f64) -> f64 {
        let pages = pages.max(1.0);
        let total = (all_pages + index_pages).max(pages);
        let cached = (self.cache * pages / total).max(1.0).ceil();
        if pages <= cached {
            return (2.0 * pages * tuples / (2.0 * pages + tuples)).min(pages).ceil();
        }
        let limit = 2.0 * pages * cached / (2.0 * pages - cached);
        if tuples <= limit {
            return (2.0 * pages * tuples / (2.0 * pages + tuples)).ceil();
        }
        (cached + (tuples - limit) * (pages - cached) / pages).ceil()
    }

    /// Sorting so many rows of so many bytes, of which `kept` are wanted: `cost_tuplesort`.
    pub(super) fn sorted(&self, input: Cost, rows: f64, width: f64, kept: Option<f64>) -> Cost {
        let rows = rows.max(2.0);
        let comparison = 2.0 * self.cpu_operator;
        let bytes = rows * (width + 24.0);
        let wanted = kept.filter(|kept| *kept > 0.0 && *kept < rows).unwrap_or(rows);
        let startup = if wanted * (width + 24.0) > self.work_mem {
            let (pages, runs) = ((bytes / 8_192.0).ceil(), bytes / self.work_mem);
            let order = (self.work_mem / (3.0 * 8_192.0)).clamp(6.0, 500.0);
            let passes = if runs > order { (runs.ln() / order.ln()).ceil() } else { 1.0 };
            comparison * rows * rows.log2() + 2.0 * pages * passes * (self.seq_page * 0.75 + self.random_page * 0.25)
        } else if rows > 2.0 * wanted || bytes > self.work_mem {
            comparison * rows * (2.0 * wanted).log2()
        } else {
            comparison * rows * rows.log2()
        };
        let startup = input.total + startup;
        Cost { startup, total: startup + self.cpu_operator * rows }
    }

    /// What a hash table of so many rows costs a join beside reading them: `initial_cost_hashjoin`.
    pub(super) fn hashed(&self, rows: f64) -> f64 {
        rows * (self.cpu_operator + self.cpu_tuple)
    }

    /// What it costs to enter one row into an index: the way down, its entry, and a page that must be written.
    pub(super) fn entered(&self, tree: &Tree) -> f64 {
        let descent = if tree.tuples > 1.0 { tree.tuples.log2().ceil() } else { 0.0 } + (tree.height + 1.0) * 50.0;
        descent * self.cpu_operator + self.cpu_index_tuple + self.seq_page
    }
}

impl Cost {
    /// What it costs to take the first rows of all.
    pub(super) fn first(self, wanted: f64, rows: f64) -> Cost {
        let part = if rows > 0.0 { (wanted / rows).min(1.0) } else { 1.0 };
        Cost { startup: self.startup, total: self.startup + (self.total - self.startup) * part }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn defaults() -> Costs {
        Costs::of(&Catalog::default())
    }

    /// As PostgreSQL explains `SELECT * FROM posts WHERE …` of 100 000 rows on 541 pages with one condition and two.
    #[test]
    fn a_sequential_scan_costs_what_the_planner_says() {
        let heap = Heap { tuples: 100_000.0, pages: 541.0, visible: 0.0, all_pages: 541.0 };
        let costs = defaults();
        assert!((costs.sequential(&heap, 1.0).total - 1_791.0).abs() < 1e-9);
        assert!((costs.sequential(&heap, 2.0).total - 2_041.0).abs() < 1e-9);
        assert_eq!(costs.parallel(&heap, 1.0, 10.0), None, "below 8 MB");
    }

    /// 30 000 pages are 3 × 3 × 3 × 1 111: four workers would do, two may; each takes 1 / 2.4 of the rows.
    #[test]
    fn several_processes_share_the_rows_and_not_the_pages() {
        let heap = Heap { tuples: 240_000.0, pages: 30_000.0, visible: 0.0, all_pages: 30_000.0 };
        let cost = defaults().parallel(&heap, 1.0, 5.0).expect("large");
        assert!((cost.total - (1_000.0 + 30_000.0 + 240_000.0 * 0.0125 / 2.4 + 0.5)).abs() < 1e-6, "{cost:?}");
    }

    /// One row of 100 000 by an index of 276 pages and height 1: 17 comparisons and 2 × 50 operators down, a leaf, an entry, a page
    /// of the table and the row: 0.2925 + 4 + 0.0075 + 4 + 0.01 = 8.31, as the planner says.
    #[test]
    fn one_row_by_an_index_costs_eight_pages_and_a_bit() {
        let heap = Heap { tuples: 100_000.0, pages: 541.0, visible: 0.0, all_pages: 541.0 };
        let tree = Tree { tuples: 100_000.0, pages: 276.0, height: 1.0, correlation: 0.0 };
        let lookup =
            Lookup { read: 1e-5, found: 1e-5, conditions: 1.0, searches: 1.0, loops: 1.0, filters: 0.0, operators: 1.0, is_all: false };
        let cost = defaults().by_index(&heap, &tree, &lookup);
        assert!((cost.startup - 0.2925).abs() < 1e-9 && (cost.total - 8.31).abs() < 1e-9, "{cost:?}");
        // Where the index tells all, the page of the table is not read if all may see its rows.
        let only = |visible: f64| defaults().by_index(&Heap { visible, ..heap }, &tree, &Lookup { is_all: true, ..lookup }).total;
        assert!((only(1.0) - 4.31).abs() < 1e-9 && (only(0.5) - 8.31).abs() < 1e-9, "half a page is one");
    }

    #[test]
    fn the_first_rows_cost_their_part() {
        let cost = Cost { startup: 2.0, total: 102.0 };
        assert_eq!(cost.first(10.0, 100.0), Cost { startup: 2.0, total: 12.0 });
        assert_eq!((cost.first(200.0, 100.0), cost.first(1.0, 0.0)), (cost, cost));
    }

    mod laws {
        use proptest::prelude::*;

        use super::*;

        proptest! {
            /// No input gives a cost that is none, and more rows never cost less.
            #[test]
            fn costs_are_numbers_and_grow(tuples in 1.0..1e9f64, pages in 1.0..1e7f64, a in 0.0..1.0f64, b in 0.0..1.0f64, correlation in -1.0..1.0f64, loops in 1.0..1e6f64) {
                let (a, b) = (a.min(b), a.max(b));
                let heap = Heap { tuples, pages, visible: 0.5, all_pages: pages };
                let tree = Tree { tuples, pages: (pages / 3.0).ceil(), height: 2.0, correlation };
                let costs = defaults();
                let at = |part: f64| {
                    let lookup =
                        Lookup { read: part, found: part, conditions: 1.0, searches: 1.0, loops, filters: 0.0, operators: 1.0, is_all: true };
                    [costs.by_index(&heap, &tree, &lookup).total, costs.by_bitmap(&heap, &tree, &lookup).total]
                };
                for (less, more) in at(a).into_iter().zip(at(b)).take(1) {
                    prop_assert!(less.is_finite() && less > 0.0 && more.is_finite());
                    prop_assert!(less <= more * (1.0 + 1e-9) + 1e-6, "{} > {}", less, more);
                }
            }
        }
    }
}
