use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::*;
use crate::catalog::{Object, Origin};
use crate::sql::fingerprint::normalise;
use crate::sql::lexer::Dialect;
use crate::sql::shape::scans;

/// A catalogue that tests write down.
struct Schema {
    objects: Vec<Value>,
}

impl Schema {
    fn new() -> Self {
        Schema { objects: Vec::new() }
    }

    /// A table of so many rows on so many pages, with its columns: name, type, distinct values.
    fn table(mut self, oid: u32, name: &str, (tuples, pages): (f64, i64), columns: &[(&str, &str, f64)]) -> Self {
        self.objects.push(json!({"type": "relation", "oid": oid, "schema": "public", "name": name, "kind": "r", "persistence": "p",
            "tuples": tuples, "pages": pages, "visible_pages": 0, "is_partition": false, "parent": null, "definition": null,
            "usage": {"n_tup_upd": 100, "n_tup_hot_upd": 80}}));
        for (at, (name, kind, distinct)) in columns.iter().enumerate() {
            let collation = if matches!(*kind, "text" | "character varying") { json!("default") } else { Value::Null };
            self.objects.push(json!({"type": "column", "relation": oid, "number": at + 1, "name": name, "data_type": kind,
                "collation": collation, "not_null": false, "null_frac": 0.0, "n_distinct": distinct, "avg_width": 8, "correlation": 0.0,
                "common_freqs": null, "common_values": null, "histogram": null}));
        }
        self
    }

    /// Changes the object that came last.
    fn with(mut self, key: &str, value: Value) -> Self {
        self.objects.last_mut().expect("an object")[key] = value;
        self
    }

    /// Changes a column.
    fn column(mut self, name: &str, key: &str, value: Value) -> Self {
        let column = self.objects.iter_mut().find(|object| object["type"] == "column" && object["name"] == name).expect("a column");
        column[key] = value;
        self
    }

    fn relation(mut self, key: &str, value: Value) -> Self {
        let relation = self.objects.iter_mut().rfind(|object| object["type"] == "relation").expect("a relation");
        relation[key] = value;
        self
    }

    /// A B-tree on columns by number.
    fn index(mut self, oid: u32, relation: u32, name: &str, columns: &[i32]) -> Self {
        let each = |value: Value| vec![value; columns.len()];
        self.objects.push(json!({"type": "index", "oid": oid, "relation": relation, "name": name, "method": "btree", "columns": columns,
            "keys": columns.len(), "key_text": each(json!("")), "opclasses": each(json!("int8_ops")), "collations": each(json!("")),
            "options": each(json!(0)), "predicate": null, "is_unique": false, "is_primary": false, "is_exclusion": false, "is_valid": true,
            "is_replica_identity": false, "tuples": 100_000.0, "pages": 276, "definition": "", "usage": null}));
        self
    }

    fn catalog(&self) -> Catalog {
        let objects = self.objects.iter().map(|object| serde_json::from_value::<Object>(object.clone()).expect("an object"));
        Catalog::of(Origin::default(), objects)
    }
}

/// `t (id, a, b, c, flag, name, gone)` of 100 000 rows on 1 000 pages with a primary key.
fn t() -> Schema {
    let columns = [
        ("id", "bigint", -1.0),
        ("a", "bigint", 10_000.0),
        ("b", "bigint", 500.0),
        ("c", "timestamp with time zone", -1.0),
        ("flag", "boolean", 2.0),
        ("name", "text", -0.9),
        ("gone", "timestamp with time zone", 1_000.0),
    ];
    let table = Schema::new().table(1, "t", (100_000.0, 1_000), &columns);
    table.index(10, 1, "t_pkey", &[1]).with("is_unique", json!(true)).with("is_primary", json!(true))
}

fn demands(catalog: &Catalog, sqls: &[&str]) -> Vec<Demand> {
    let demand = |sql: &&str| Demand {
        statement: normalise(sql.as_bytes(), Dialect::default()).fingerprint,
        reading: scans::read(sql, b"", &CatalogNames(catalog)),
        calls: 100.0,
        time: Micros(1_000_000),
        rows: None,
        measured: Vec::new(),
    };
    sqls.iter().map(demand).collect()
}

/// What is chosen, each as it would be written behind ON.
fn chosen(schema: &Schema, sqls: &[&str]) -> Vec<String> {
    let catalog = schema.catalog();
    let offers = offers(&demands(&catalog, sqls), &catalog);
    choose(&offers.cells, &offers.offers, Limits::default()).iter().map(|choice| offers.offers[choice.offer].index.on()).collect()
}

fn refused(schema: &Schema, sql: &str) -> Vec<Refusal> {
    let catalog = schema.catalog();
    let offers = offers(&demands(&catalog, &[sql]), &catalog);
    assert_eq!(choose(&offers.cells, &offers.offers, Limits::default()), [], "{sql}");
    offers.refused.into_iter().map(|refused| refused.why).collect()
}

#[test]
fn equality_comes_first_then_a_range_or_the_order() {
    let cases: &[(&str, &[&str])] = &[
        ("SELECT * FROM t WHERE a = 1", &["public.t (a)"]),
        // Together they lead to one row of fifty: one page less is worth no second column when (a) does.
        ("SELECT * FROM t WHERE b = 1 AND c BETWEEN 1 AND 2", &["public.t (b, c)"]),
        ("SELECT * FROM t WHERE b = 1 ORDER BY c DESC LIMIT 10", &["public.t (b, c)"]),
        ("SELECT * FROM t ORDER BY c LIMIT 10", &["public.t (c)"]),
        // 1 000 pages at 4, 276 of the index and 0.015 for each row are 6 600; reading and sorting 8 MB in 4 MB is 13 700.
        ("SELECT * FROM t ORDER BY c", &["public.t (c)"]),
        ("SELECT * FROM t JOIN t o ON o.name = t.name ORDER BY t.c", &[]),
        ("SELECT * FROM t ORDER BY b DESC, c LIMIT 10", &["public.t (b DESC, c)"]),
        // Groups of 200 rows of the same b are sorted as they come.
        ("SELECT * FROM t ORDER BY b DESC, c DESC LIMIT 10", &["public.t (b, c)"]),
        ("SELECT * FROM t ORDER BY id, c LIMIT 10", &[]),
        ("SELECT * FROM t WHERE lower(name) = $1", &["public.t (lower(name))"]),
        ("SELECT * FROM t WHERE name::text = $1", &["public.t (name)"]),
        ("SELECT * FROM t WHERE name LIKE 'ab%'", &["public.t (name text_pattern_ops)"]),
        ("SELECT max(c) FROM t", &["public.t (c)"]),
        ("DELETE FROM t WHERE a = 1", &["public.t (a)"]),
        ("SELECT 1 FROM ONLY public.t x WHERE $1 OPERATOR(pg_catalog.=) a FOR KEY SHARE OF x", &["public.t (a)"]),
    ];
    for (sql, expected) in cases {
        assert_eq!(chosen(&t(), &[sql]), *expected, "{sql}");
    }
}

#[test]
fn what_is_there_is_honoured_for_what_it_can_do() {
    let covered = |index: Schema, sql: &str| chosen(&index, &[sql]).is_empty();
    let on_a = || t().index(11, 1, "t_a", &[2]);
    let on_name = || t().index(11, 1, "t_name", &[6]).with("opclasses", json!(["text_ops"])).with("collations", json!(["default"]));
    assert!(covered(on_a(), "SELECT * FROM t WHERE a = 1"));
    assert!(covered(t(), "SELECT * FROM t WHERE id = 1 AND a = 2"), "one row at most");
    assert!(covered(t().index(11, 1, "t_ba", &[3, 2]), "SELECT * FROM t WHERE a = 1 AND b = 2"), "in whatever order");
    assert!(covered(t().index(11, 1, "t_bc", &[3, 4]), "SELECT * FROM t WHERE b = 1 ORDER BY c DESC LIMIT 5"), "backwards");
    assert!(!covered(t().index(11, 1, "t_ba", &[3, 2]), "SELECT * FROM t WHERE a = 1"), "not its first column");
    assert!(!covered(on_a().with("is_valid", json!(false)), "SELECT * FROM t WHERE a = 1"));
    assert!(!covered(on_a().with("method", json!("brin")), "SELECT * FROM t WHERE a = 1"));
    assert!(covered(on_a().with("method", json!("hash")), "SELECT * FROM t WHERE a = 1"));
    let by_c = |method: &str| t().index(11, 1, "t_c", &[4]).with("method", json!(method));
    assert!(!covered(by_c("hash"), "SELECT * FROM t WHERE c BETWEEN 1 AND 2"), "a hash knows no range");
    assert!(covered(by_c("btree"), "SELECT * FROM t WHERE c BETWEEN 1 AND 2"));
    assert!(covered(on_name(), "SELECT * FROM t WHERE name = 'x'"));
    assert!(!covered(on_name(), "SELECT * FROM t WHERE name LIKE 'x%'"), "its collation is not C");
    let patterns = || on_name().with("opclasses", json!(["text_pattern_ops"]));
    assert!(covered(patterns(), "SELECT * FROM t WHERE name LIKE 'x%'"));
    assert!(!covered(patterns(), "SELECT * FROM t ORDER BY name LIMIT 5"), "patterns are in another order");
    assert!(!covered(on_name().with("collations", json!(["de_DE"])), "SELECT * FROM t WHERE name = 'x'"));
    let lower =
        || t().index(11, 1, "t_lower", &[0]).with("opclasses", json!(["text_ops"])).with("key_text", json!(["lower((name)::text)"]));
    assert!(covered(lower(), "SELECT * FROM t WHERE lower(name) = 'x'"));
    let mixed = |options: Value| t().index(11, 1, "t_bc", &[3, 4]).with("options", options);
    assert!(covered(mixed(json!([0, 0])), "SELECT * FROM t ORDER BY b DESC, c LIMIT 5"), "each group of b is sorted as it comes");
    assert!(covered(mixed(json!([3, 0])), "SELECT * FROM t ORDER BY b DESC, c LIMIT 5"));
    assert!(covered(mixed(json!([0, 3])), "SELECT * FROM t ORDER BY b DESC, c LIMIT 5"), "backwards");
    let partial = || on_a().with("predicate", json!("(gone IS NULL)")).with("tuples", json!(50_000.0));
    assert!(covered(partial(), "SELECT * FROM t WHERE a = 1 AND gone IS NULL"));
    assert!(!covered(partial(), "SELECT * FROM t WHERE a = 1"), "not all rows are in it");
    let queued = on_a().with("predicate", json!("(name = 'queued'::text)")).with("tuples", json!(300.0));
    assert!(covered(queued, "SELECT * FROM t WHERE a = 1 AND name = 'queued'"), "its value may be the one");
}

#[test]
fn a_condition_without_a_value_may_bound_the_index() {
    let schema = t().column("gone", "null_frac", json!(0.01));
    assert_eq!(chosen(&schema, &["SELECT * FROM t WHERE b = 1 AND gone IS NULL"]), ["public.t (b) WHERE gone IS NULL"]);
    // Another statement needs all rows.
    let both = ["SELECT * FROM t WHERE b = 1 AND gone IS NULL", "SELECT * FROM t WHERE b = 1"];
    assert!(chosen(&schema, &both).iter().all(|on| !on.contains("WHERE")));
}

#[test]
fn one_index_serves_several_statements() {
    let both = ["SELECT * FROM t WHERE a = 1", "SELECT * FROM t WHERE a = 1 ORDER BY c LIMIT 3"];
    assert_eq!(chosen(&t(), &both).len(), 1);
    let many = ["a", "b", "c", "name", "gone"].map(|column| format!("SELECT * FROM t WHERE {column} = 1"));
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    assert_eq!(chosen(&t(), &many).len(), 3, "no more for one table");
    let catalog = t().catalog();
    let offers = offers(&demands(&catalog, &many), &catalog);
    assert_eq!(choose(&offers.cells, &offers.offers, Limits { most_per_table: 9, ..Limits::default() }).len(), 5);
}

/// The read takes a second; each of a hundred million inserts would have to enter a row.
#[test]
fn an_index_must_save_more_than_its_writes_cost() {
    let catalog = t().catalog();
    let mut demands = demands(&catalog, &["SELECT * FROM t WHERE a = 1", "INSERT INTO t (a) VALUES (1)"]);
    let count = |demands: &[Demand]| {
        let offers = offers(demands, &catalog);
        choose(&offers.cells, &offers.offers, Limits::default()).len()
    };
    assert_eq!(count(&demands), 1);
    demands[1].rows = Some(100_000_000);
    assert_eq!(count(&demands), 0);
}

#[test]
fn joins_are_looked_up_for_few_rows_and_hashed_for_many() {
    let schema = || t().table(2, "u", (500_000.0, 5_000), &[("id", "bigint", -1.0), ("t_id", "bigint", -0.2), ("x", "bigint", 50_000.0)]);
    let few = "SELECT * FROM t JOIN u ON u.t_id = t.id WHERE t.id = 7";
    assert_eq!(chosen(&schema(), &[few]), ["public.u (t_id)"]);
    let some = "SELECT * FROM t JOIN u ON u.t_id = t.id WHERE t.b = 7";
    assert!(chosen(&schema(), &[some]).contains(&"public.u (t_id)".to_owned()));
    let all = "SELECT * FROM t JOIN u ON u.t_id = t.id";
    assert_eq!(chosen(&schema(), &[all]), Vec::<String>::new());
    let each = "SELECT (SELECT count(*) FROM u WHERE u.t_id = t.id) FROM t WHERE t.a = 1";
    assert!(chosen(&schema(), &[each]).contains(&"public.u (t_id)".to_owned()));
}

/// An index on a small part of what a statement costs is worth it only beside one on the large part.
#[test]
fn a_statement_must_feel_what_is_saved() {
    let index = |relation: u32, name: &str| Candidate { relation, table: name.to_owned(), keys: Vec::new(), predicate: None };
    let cells = [(0, 1_000.0), (1, 9_000.0)].map(|(scan, before)| Cell { demand: 0, scan, before, weight: 1.0 });
    let offer = |relation: u32, cell: usize| Offer {
        index: index(relation, &format!("t{relation}")),
        after: [(cell, After { cost: 10.0, is_guess: false, is_even: false })].into(),
        may: BTreeSet::new(),
        upkeep: 0.0,
    };
    let small = offer(1, 0);
    assert_eq!(choose(&cells, std::slice::from_ref(&small), Limits::default()), []);
    let both = choose(&cells, &[small, offer(2, 1)], Limits::default());
    assert_eq!(both.iter().map(|choice| (choice.offer, choice.serves.clone())).collect::<Vec<_>>(), [(1, vec![1]), (0, vec![0])]);
}

#[test]
fn what_no_index_would_help_has_a_reason() {
    let sql = "SELECT * FROM t WHERE a = 1";
    assert_eq!(refused(&t().relation("tuples", json!(-1.0)), sql), [Refusal::Table(Reason::Unanalysed)]);
    assert_eq!(refused(&t().relation("tuples", json!(0.0)), sql), [Refusal::Table(Reason::Small)]);
    assert_eq!(refused(&t().relation("pages", json!(5)), sql), [Refusal::Table(Reason::Small)]);
    for (kind, reason) in [("p", Reason::Partitioned), ("f", Reason::Foreign), ("v", Reason::View)] {
        assert_eq!(refused(&t().relation("kind", json!(kind)), sql), [Refusal::Table(reason)], "{kind}");
    }
    assert_eq!(refused(&t().relation("persistence", json!("t")), sql), [Refusal::Table(Reason::Temporary)]);
    assert_eq!(refused(&t(), "SELECT * FROM nowhere WHERE a = 1"), [Refusal::Table(Reason::Unknown)]);
    assert_eq!(refused(&t(), "SELECT * FROM pg_class WHERE relname = 'x'"), [Refusal::Table(Reason::Server)]);
    for sql in ["SELECT * FROM t WHERE a + 1 = 2", "SELECT * FROM t WHERE a <> 1", "SELECT * FROM t WHERE NOT (a = 1)"] {
        assert_eq!(refused(&t(), sql), [Refusal::Unserved(None)], "{sql}");
    }
    assert_eq!(refused(&t(), "SELECT * FROM t WHERE name LIKE '%x'"), [Refusal::Unserved(Some("trigrams"))]);
    for (kind, method) in [("jsonb", "GIN"), ("int4range", "GiST"), ("point", "GiST"), ("integer[]", "GIN")] {
        let schema = t().column("gone", "data_type", json!(kind));
        assert_eq!(refused(&schema, "SELECT * FROM t WHERE gone @> $1"), [Refusal::Unserved(Some(method))], "{kind}");
    }
    assert_eq!(refused(&t(), "SELECT * FROM t"), [Refusal::Everything]);
    assert_eq!(refused(&t(), "SELECT * FROM t ORDER BY id LIMIT 5"), [Refusal::Covered("t_pkey".to_owned())]);
    assert_eq!(refused(&t(), "SELECT 1; SELECT 2"), [Refusal::Unread(scans::Unread::Several)]);
    assert_eq!(refused(&t(), "SELECT 1"), []);
    assert_eq!(refused(&t(), "SELECT * FROM t WHERE id = 1"), [Refusal::Covered("t_pkey".to_owned())]);
    assert_eq!(refused(&t(), "SELECT * FROM t WHERE c > $1"), [Refusal::Unselective]);
    assert_eq!(refused(&t(), "SELECT * FROM t WHERE flag"), [Refusal::Unselective]);
    let skewed = t().column("b", "n_distinct", json!(3.0)).column("b", "common_freqs", json!([0.9, 0.09, 0.01]));
    assert_eq!(refused(&skewed, "SELECT * FROM t WHERE b = 1"), [Refusal::DependsOnValue]);
    let sparse = t().relation("pages", json!(20_000));
    assert_eq!(
        refused(&sparse, "SELECT * FROM t ORDER BY c"),
        [Refusal::Everything],
        "all of it is wanted, from pages that are read in any order"
    );
}

/// A plan showed that a value that is rare on average is rarer still, or that it is not rare at all.
#[test]
fn what_plans_showed_counts_more_than_statistics() {
    let schema = t().column("b", "n_distinct", json!(3.0)).column("b", "common_freqs", json!([0.9, 0.09, 0.01]));
    let catalog = schema.catalog();
    let with = |kept: f64| {
        let mut demands = demands(&catalog, &["SELECT * FROM t WHERE b = 1"]);
        demands[0].measured.push(Measured { table: "t".to_owned(), kept: Some(kept), part: 1.0 });
        let offers = offers(&demands, &catalog);
        choose(&offers.cells, &offers.offers, Limits::default()).len()
    };
    assert_eq!((with(0.005), with(0.5)), (1, 0));
}

#[test]
fn other_kinds_of_index_are_named_and_never_priced() {
    let schema = t().table(2, "d", (100_000.0, 5_000), &[("doc", "jsonb", -1.0), ("title", "text", -1.0)]);
    let catalog = schema.catalog();
    let sqls = ["SELECT * FROM d WHERE doc @> '{}'", "SELECT * FROM d WHERE upper(title) LIKE '%x%'"];
    let offers = offers(&demands(&catalog, &sqls), &catalog);
    let told: Vec<_> = offers.considered.iter().map(|c| (c.demand, c.table.as_str(), c.key.as_str(), c.method)).collect();
    assert_eq!(told, [(0, "public.d", "doc", "gin"), (1, "public.d", "upper(title)", "trigram")]);
    assert!(offers.offers.is_empty(), "{:?}", offers.offers);
    let gin = schema.index(20, 2, "d_doc", &[1]).with("method", json!("gin"));
    let catalog = gin.catalog();
    assert!(super::offers(&demands(&catalog, &sqls[..1]), &catalog).considered.is_empty());
}

#[test]
fn an_index_is_portrayed_with_a_free_name_and_what_it_replaces() {
    let odd = "A very long name of a table that is as long as a name may be ok";
    let schema = Schema::new()
        .table(1, odd, (100_000.0, 1_000), &[("Key", "bigint", -1.0), ("b", "bigint", 100.0)])
        .index(10, 1, "old", &[1])
        .index(11, 1, "unique_old", &[1])
        .with("is_unique", json!(true));
    let catalog = schema.catalog();
    let key = |column: i32, text: &str| CandidateKey {
        on: On::Column(column),
        column,
        text: text.to_owned(),
        descends: false,
        nulls_first: false,
        class: None,
    };
    let candidate =
        Candidate { relation: 1, table: format!("public.\"{odd}\""), keys: vec![key(1, "\"Key\""), key(2, "b")], predicate: None };
    let portrait = portrait(&candidate, &catalog, &mut NewNames::default()).expect("a table");
    assert_eq!(portrait.replaces, ["public.old"]);
    let name = portrait.ddl.split('"').nth(1).expect("a name in quotes").to_owned();
    assert_eq!(name.len(), 63);
    assert_eq!(portrait.ddl, format!("CREATE INDEX CONCURRENTLY \"{name}\" ON public.\"{odd}\" (\"Key\", b)"));
    // 8 for the header, 16 for two columns and 4 for the pointer, of a row of 27 and 16.
    assert!((portrait.write_overhead - 28.0 / 43.0).abs() < 1e-9);
    // 28 bytes for each row on pages of 8152 that are filled to nine tenths: 382 leaves, two above, one before.
    assert_eq!((portrait.size.pages, portrait.size.height), (386.0, 2.0));
    let taken = schema.index(12, 1, &name, &[2]).catalog();
    assert!(super::portrait(&candidate, &taken, &mut NewNames::default()).expect("a table").ddl.contains("_idx1\""));
}

/// What only the predicate, the direction or the operator class tells apart has the same stem.
#[test]
fn no_two_new_indexes_of_a_run_have_one_name() {
    let catalog = t().catalog();
    let key = |column: i32, text: &str, class: Option<&'static str>| CandidateKey {
        on: On::Column(column),
        column,
        text: text.to_owned(),
        descends: false,
        nulls_first: false,
        class,
    };
    let index = |key: CandidateKey| Candidate { relation: 1, table: "public.t".to_owned(), keys: vec![key], predicate: None };
    let pair = [index(key(6, "name", None)), index(key(6, "name", Some("text_pattern_ops")))];
    let mut names = NewNames::default();
    let ddl = pair.map(|candidate| candidate.ddl(&catalog, &mut names).expect("a table"));
    assert_eq!(
        ddl,
        ["t_name_idx ON public.t (name)", "t_name_idx1 ON public.t (name text_pattern_ops)"]
            .map(|rest| format!("CREATE INDEX CONCURRENTLY {rest}"))
    );
}

/// What an index includes, or what a class of its own can do, an index on more keys does not replace.
#[test]
fn what_has_more_than_usual_keys_is_not_replaced() {
    let candidates = |schema: &Schema| {
        let catalog = schema.catalog();
        let offers = offers(&demands(&catalog, &["SELECT * FROM t WHERE b = 1 AND c BETWEEN 1 AND 2"]), &catalog);
        let long = offers.offers.iter().find(|offer| offer.index.on() == "public.t (b, c)").expect("an offer").index.clone();
        portrait(&long, &catalog, &mut NewNames::default()).expect("a table").replaces
    };
    let on_b = || t().index(11, 1, "t_b", &[3]);
    assert_eq!(candidates(&on_b()), ["public.t_b"]);
    assert!(candidates(&on_b().with("columns", json!([3, 6]))).is_empty(), "it includes a name");
    assert!(candidates(&on_b().with("opclasses", json!(["int8_down_ops"]))).is_empty());
}

/// `CREATE INDEX` takes only expressions that are the same in every session.
#[test]
fn the_text_of_what_is_no_text_is_not_advised() {
    let sql = "SELECT * FROM t WHERE md5(c::text) = $1";
    assert_eq!(chosen(&t(), &[sql]), Vec::<String>::new(), "a time depends on the zone");
    assert_eq!(chosen(&t().column("c", "data_type", json!("order_status")), &[sql]), Vec::<String>::new());
    assert_eq!(chosen(&t(), &["SELECT * FROM t WHERE md5(name::text) = $1"]), ["public.t (md5((name)::text))"]);
    assert_eq!(chosen(&t(), &["SELECT * FROM t WHERE md5(a::text) = $1"]), ["public.t (md5((a)::text))"]);
}

#[test]
fn types_without_an_order_have_no_candidate() {
    for kind in ["xid", "aclitem", "jsonpath", "json[]", "point[]", "public.hstore", "\"Ext\".hstore"] {
        let schema = t().column("a", "data_type", json!(kind));
        assert_eq!(chosen(&schema, &["SELECT * FROM t WHERE a = $1"]), Vec::<String>::new(), "{kind}");
        assert_eq!(chosen(&schema, &["SELECT * FROM t ORDER BY a LIMIT 10"]), Vec::<String>::new(), "{kind}");
    }
    for kind in ["bigint[]", "xid8", "numeric(10,2)", "public.money_of_ours"] {
        assert_eq!(chosen(&t().column("a", "data_type", json!(kind)), &["SELECT * FROM t WHERE a = $1"]), ["public.t (a)"], "{kind}");
    }
}

#[test]
fn a_table_as_it_was_created_is_not_small_but_unknown() {
    let sql = "SELECT * FROM t WHERE a = 1";
    let of = |version: u32, pages: i64| {
        let schema = t().relation("tuples", json!(0.0)).relation("pages", json!(pages));
        let mut catalog = schema.catalog();
        catalog.origin.version = Some(version);
        offers(&demands(&catalog, &[sql]), &catalog).refused.into_iter().map(|refused| refused.why).collect::<Vec<_>>()
    };
    assert_eq!(of(130_011, 0), [Refusal::Table(Reason::Unanalysed)]);
    assert_eq!(of(140_000, 0), [Refusal::Table(Reason::Small)]);
    assert_eq!(of(130_011, 1), [Refusal::Table(Reason::Small)]);
}

#[test]
fn gist_and_brin_serve_what_they_can() {
    let sql = "SELECT * FROM t WHERE c BETWEEN 1 AND 2";
    let with = |method: &str, correlation: f64| {
        t().column("c", "correlation", json!(correlation)).index(11, 1, "t_c", &[4]).with("method", json!(method))
    };
    assert_eq!(chosen(&t().column("c", "correlation", json!(0.99)), &[sql]), ["public.t (c)"]);
    assert_eq!(refused(&with("brin", 0.99), sql), [Refusal::Covered("t_c".to_owned())]);
    assert_eq!(chosen(&with("brin", 0.1), &[sql]), ["public.t (c)"], "its rows lie about anyhow");
    assert_eq!(chosen(&with("brin", 0.99), &["SELECT * FROM t WHERE c = 1"]), ["public.t (c)"], "128 pages for one row");
    assert_eq!(refused(&with("gist", 0.0), sql), [Refusal::Covered("t_c".to_owned())]);
    assert_eq!(chosen(&with("gist", 0.0).with("predicate", json!("(flag)")), &[sql]), ["public.t (c)"]);
    let first = "SELECT * FROM t WHERE c BETWEEN 1 AND 2 ORDER BY c LIMIT 5";
    assert_eq!(chosen(&with("brin", 0.99), &[first]), ["public.t (c)"], "it gives no order");
}

/// One of a hundred by its column and one of two by what is not understood are one of two hundred; a plan showed one of a
/// thousand.
#[test]
fn what_a_plan_showed_is_what_is_kept() {
    let catalog = t().column("b", "n_distinct", json!(100.0)).catalog();
    let sql = "SELECT * FROM t WHERE b = 1 AND c + b = a";
    let reading = scans::read(sql, b"", &CatalogNames(&catalog)).expect("read");
    let mut asked = asked::asked(&reading.scans[0], &catalog).expect("a table");
    assert_eq!((asked.others, asked.conditions.len()), (1, 1));
    assert!((asked.kept() - 0.005).abs() < 1e-9, "{}", asked.kept());
    asked.measured(0.001);
    assert!((asked.kept() - 0.001).abs() < 1e-9, "{}", asked.kept());
    assert_eq!(asked.others, 1, "they are looked at still");
}

/// A plan showed one row of ten thousand. What statistics know stays, what they leave open takes it up, and where they leave
/// nothing open it is the conditions together that keep less.
#[test]
fn what_is_known_is_not_bent_by_what_a_plan_showed() {
    let schema = t()
        .column("gone", "null_frac", json!(0.1))
        .column("gone", "common_freqs", json!([0.8]))
        .column("b", "n_distinct", json!(3.0))
        .column("b", "common_freqs", json!([0.9, 0.09, 0.01]));
    let catalog = schema.catalog();
    let parts = |sql: &str| {
        let reading = scans::read(sql, b"", &CatalogNames(&catalog)).expect("read");
        let mut asked = asked::asked(&reading.scans[0], &catalog).expect("a table");
        asked.measured(0.0001);
        assert!((asked.kept() - 0.0001).abs() < 1e-9, "{}", asked.kept());
        asked.conditions.iter().map(|condition| (condition.part.of_rows * 1e6).round() / 1e6).collect::<Vec<_>>()
    };
    // NULL is one of ten, so that b is one of a thousand.
    assert_eq!(parts("SELECT * FROM t WHERE gone IS NULL AND b = 1"), [0.1, 0.001]);
    // A range is a guess, which a is not.
    assert_eq!(parts("SELECT * FROM t WHERE a = 1 AND c > 5"), [0.0001, 1.0]);
    assert_eq!(parts("SELECT * FROM t WHERE gone IS NULL AND a = 1"), [0.1, 0.0001]);
    // Of one condition alone the average is not what it keeps.
    assert_eq!(parts("SELECT * FROM t WHERE id = 1"), [0.0001]);
}

/// Both values are one of a hundred by statistics that leave nothing open, and a plan showed one row of fifty: one holds for
/// the rows of the other. No condition keeps more than all, and no index finds less than what passes.
#[test]
fn what_a_plan_showed_to_pass_is_found_by_every_index() {
    let common = |column: &str, schema: Schema| {
        let schema = schema.column(column, "n_distinct", json!(100.0)).column(column, "common_freqs", json!([0.01, 0.01]));
        schema.column(column, "common_values", json!("{1,2}"))
    };
    let catalog = common("b", common("a", t())).catalog();
    let reading = scans::read("SELECT * FROM t WHERE a = 1 AND b = 2", b"", &CatalogNames(&catalog)).expect("read");
    let mut asked = asked::asked(&reading.scans[0], &catalog).expect("a table");
    assert!(asked.conditions.iter().all(|condition| condition.is_exact) && (asked.kept() - 0.0001).abs() < 1e-9);
    asked.measured(0.02);
    assert!((asked.kept() - 0.02).abs() < 1e-9, "{}", asked.kept());
    let parts: f64 = asked.conditions.iter().map(|condition| condition.part.of_rows).product();
    assert!(asked.rest() <= 1.0 && (parts - 0.0001).abs() < 1e-9, "{} of {parts}", asked.rest());
    // 2 000 rows pass, which must be read however the index is made: 2 × 1 000 × 2 000 / 4 000 are all 1 000 pages, in order, and
    // 2 000 rows at two operators.
    let costs = Costs::of(&catalog);
    let fetched = (2.0 * 1_000.0 * 2_000.0 / (2.0 * 1_000.0 + 2_000.0_f64)).ceil();
    let heap = fetched * (4.0 - 3.0 * (fetched / 1_000.0).sqrt()) + 2_000.0 * (0.01 + 2.0 * 0.0025);
    for columns in [&[2][..], &[2, 3], &[3, 2]] {
        let with_index = t().index(11, 1, "t_ab", columns).catalog();
        let index = with_index.indexes(1).iter().find(|index| index.name == "t_ab").expect("an index");
        let index = existing(index, asked.relation, &catalog).expect("a tree");
        let cost = path::through(&costs, &asked, &index, path::Way::Alone(1.0)).expect("a way").cost;
        assert!(cost > heap, "{columns:?}: {cost} and {heap}");
    }
}

/// Of 100 000 rows on 1 000 pages, a is 10 of them and b 200, so that 209.98 pass. PostgreSQL's `cost_bitmap_or_node` and
/// `cost_bitmap_heap_scan`: down each index of 276 pages 4 + (17 + 2 × 50) × 0.0025 = 4.2925, its entries 10 and 200 × 0.0075,
/// and marks for the rows of the scan 210 × 0.00025, twice: 10.265. 210 rows are on 2 000 × 210 / 2 210 = 190.05, so 191 pages, at
/// 4 − 3 × √0.191 each: 513.579; and each row is tried by both: 210 × 0.015 = 3.15.
#[test]
fn indexes_that_are_there_combine_for_an_or() {
    let or = "SELECT * FROM t WHERE a = 1 OR b = 2";
    let before = |schema: &Schema| {
        let catalog = schema.catalog();
        offers(&demands(&catalog, &[or]), &catalog).cells[0].before
    };
    // Both sides are looked at for every row.
    assert!((before(&t()) - (1_000.0 + 100_000.0 * 0.015)).abs() < 1e-6, "{}", before(&t()));
    let one = t().index(11, 1, "t_a", &[2]);
    assert_eq!(before(&one), before(&t()), "one alone leads to nothing");
    let both = one.index(12, 1, "t_b", &[3]);
    assert!((before(&both) - 526.994).abs() < 0.001, "{}", before(&both));
    assert_eq!(refused(&both, or), [Refusal::Combined(vec!["t_a".to_owned(), "t_b".to_owned()])]);
    // Where both sides are a third of the table each, reading it is cheaper.
    let common = both.column("a", "n_distinct", json!(3.0)).column("b", "n_distinct", json!(3.0));
    assert_eq!((before(&common), refused(&common, or)), (before(&t()), vec![Refusal::Unselective]));
}

/// How many rows a list or a function gives the model does not know, and a planner does.
#[test]
fn what_is_joined_to_no_table_may_be_looked_into() {
    let catalog = t().catalog();
    for from in ["(VALUES (1), (2)) v(x)", "unnest($1) v(x)", "generate_series(1, 9) x", "(SELECT max(id) AS x FROM t) v"] {
        let sql = format!("SELECT * FROM {from} JOIN t ON t.a = {}", if from.ends_with(" x") { "x" } else { "v.x" });
        let offers = offers(&demands(&catalog, &[&sql]), &catalog);
        let offer = offers.offers.iter().find(|offer| offer.index.on() == "public.t (a)").expect("an offer");
        assert!(offer.after.is_empty() && offer.may.len() == 1, "{sql}: {offer:?}");
        assert!(offers.refused.iter().any(|refused| refused.why == Refusal::Elsewhere), "{sql}: {:?}", offers.refused);
    }
}

/// With OFFSET what is returned is not what is read.
#[test]
fn rows_that_are_skipped_are_not_taken_for_none() {
    let catalog = t().catalog();
    let is_guess = |sql: &str| {
        let mut demands = demands(&catalog, &[sql]);
        // Ten rows a call.
        demands[0].rows = Some(1_000);
        let offers = offers(&demands, &catalog);
        let index = offers.offers.iter().find(|offer| offer.index.on() == "public.t (c)").expect("an offer");
        let after = index.after.get(&0).copied().unwrap_or_default();
        (after.is_guess, after.cost.round())
    };
    let (known, cost) = is_guess("SELECT * FROM t ORDER BY c LIMIT 10 OFFSET 0");
    assert!(!known);
    assert_eq!(is_guess("SELECT * FROM t ORDER BY c LIMIT $1"), (false, cost), "as many as came");
    // A hundred times as many rows are read.
    let (known, skipping) = is_guess("SELECT * FROM t ORDER BY c LIMIT $1 OFFSET 990");
    assert!(!known && skipping > 50.0 * cost, "{skipping} and {cost}");
    // As the planner, which takes a tenth where it does not know.
    let (is_guess, unknown) = is_guess("SELECT * FROM t ORDER BY c LIMIT 10 OFFSET $1");
    assert!(is_guess && unknown > 5.0 * skipping, "{unknown} and {skipping}");
}

/// Each arm is one row of 10 000 and of 500: 210 rows on as many of 1 000 pages, where one index leads to none of it.
#[test]
fn an_or_over_two_columns_needs_an_index_for_each() {
    let all = |schema: &Schema, sqls: &[&str], limits: Limits| {
        let catalog = schema.catalog();
        let mut offers = offers(&demands(&catalog, sqls), &catalog);
        let choices = super::chosen(&mut offers, limits);
        let told = |choice: &Choice| {
            let of = |offer: usize| offers.offers[offer].index.on();
            (of(choice.offer), choice.together.iter().map(|&offer| of(offer)).collect::<Vec<_>>(), choice.saved)
        };
        choices.iter().map(told).collect::<Vec<_>>()
    };
    let or = "SELECT * FROM t WHERE a = 1 OR b = 2";
    assert_eq!(chosen(&t(), &[or]), [""; 0], "no single one is of use");
    let both = all(&t(), &[or], Limits::default());
    let [(first, with_first, saved), (second, with_second, other)] = both.as_slice() else { panic!("{both:?}") };
    assert_eq!((first.as_str(), second.as_str()), ("public.t (a)", "public.t (b)"));
    assert_eq!((with_first.as_slice(), with_second.as_slice()), ([second.clone()].as_slice(), [first.clone()].as_slice()));
    // Of a second for 2 500: what is saved is told once.
    assert!((saved - other).abs() < 1e-6 && saved + other > 600_000.0 && saved + other < 1_000_000.0, "{saved} {other}");
    // One that is there needs one more, and that is no joint matter.
    let with_a = t().index(11, 1, "t_a", &[1]).with("columns", json!([2]));
    assert_eq!(
        all(&with_a, &[or], Limits::default()).iter().map(|(on, with, _)| (on.as_str(), with.len())).collect::<Vec<_>>(),
        [("public.t (b)", 0)]
    );
    // Not by halves, and not where an arm wants too much or nothing leads to it.
    assert_eq!(all(&t(), &[or], Limits { most_per_table: 1, ..Limits::default() }), []);
    for sql in
        ["SELECT * FROM t WHERE a = 1 OR flag", "SELECT * FROM t WHERE a = 1 OR b <> 2", "SELECT * FROM t WHERE a = 1 OR name LIKE '%x'"]
    {
        assert_eq!(all(&t(), &[sql], Limits::default()), [], "{sql}");
    }
    // Nor where an arm leads to a fifth of the rows on average, though by the costs it would do.
    assert_eq!(all(&t().column("b", "n_distinct", json!(5.0)), &[or], Limits::default()), []);
    // What another statement needs anyway is credited with its part of both.
    let more = all(&t(), &[or, "SELECT * FROM t WHERE a = 7"], Limits::default());
    assert_eq!(more.iter().map(|(on, with, _)| (on.as_str(), with.len())).collect::<Vec<_>>(), [("public.t (a)", 1), ("public.t (b)", 1)]);
}

/// The values are in the text of the demand and in the catalogue, and in nothing that comes out.
#[test]
fn a_rare_value_has_an_index_and_a_common_one_has_none() {
    let schema = t()
        .column("b", "n_distinct", json!(3.0))
        .column("b", "common_freqs", json!([0.9, 0.09, 0.01]))
        .column("b", "common_values", json!("{1,2,777}"))
        .column("a", "histogram", json!("{0,1000,2000,3000,4000,5000,6000,7000,8000,9000,10000}"));
    assert_eq!(chosen(&schema, &["SELECT * FROM t WHERE b = 777"]), ["public.t (b)"]);
    assert_eq!(refused(&schema, "SELECT * FROM t WHERE b = 1"), [Refusal::DependsOnValue]);
    assert_eq!(chosen(&schema, &["SELECT * FROM t WHERE a > 9900"]), ["public.t (a)"]);
    assert_eq!(refused(&schema, "SELECT * FROM t WHERE a > 4000"), [Refusal::Unselective]);
    let catalog = schema.catalog();
    let demands = demands(&catalog, &["SELECT * FROM t WHERE b = 777 AND a > 9900"]);
    let text = format!("{demands:?} {:?}", offers(&demands, &catalog));
    assert!(!text.contains("777") && !text.contains("9900"), "{text}");
}

mod laws {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Whatever the statistics are, nothing breaks, and no choice makes a scan dearer.
        #[test]
        fn any_catalogue_has_an_answer(tuples in -1.0..1e9f64, pages in 0..10_000_000i64, distinct in -1.0..1e6f64, nulls in 0.0..1.0f64, correlation in -1.0..1.0f64) {
            let schema = t().relation("tuples", json!(tuples)).relation("pages", json!(pages)).column("a", "n_distinct", json!(distinct))
                .column("a", "null_frac", json!(nulls)).column("c", "correlation", json!(correlation)).column("b", "n_distinct", Value::Null);
            let catalog = schema.catalog();
            let sqls = ["SELECT * FROM t WHERE a = 1 AND b = 2 ORDER BY c LIMIT 5", "SELECT * FROM t p JOIN t q ON p.a = q.b WHERE p.c > 1",
                "SELECT * FROM t WHERE a IN (1, 2, 3) OR b = 1", "SELECT * FROM t WHERE gone IS NULL AND c = 1"];
            let offers = offers(&demands(&catalog, &sqls), &catalog);
            for offer in &offers.offers {
                for (place, after) in &offer.after {
                    prop_assert!(after.cost.is_finite() && after.cost >= 0.0 && after.cost < offers.cells[*place].before);
                }
                prop_assert!(portrait(&offer.index, &catalog, &mut NewNames::default()).is_some());
            }
            let choices = choose(&offers.cells, &offers.offers, Limits::default());
            prop_assert!(choices.len() <= 3);
        }
    }
}

/// 200 rows of one `b` lie on as many pages, and an index that tells what is asked for needs none of them where all may see
/// its rows.
#[test]
fn an_index_may_tell_all_that_is_asked_for() {
    let sql = "SELECT a, count(*) FROM t WHERE b = 1 GROUP BY a";
    assert_eq!(chosen(&t(), &[sql]), ["public.t (b)"], "nobody knows who sees the rows");
    let seen = || t().relation("visible_pages", json!(1_000));
    assert_eq!(chosen(&seen(), &[sql]), ["public.t (b, a)"]);
    assert_eq!(chosen(&seen(), &["SELECT * FROM t WHERE b = 1"]), ["public.t (b)"], "the rest of the row is in the table");
    assert_eq!(chosen(&seen().index(11, 1, "t_ba", &[3, 2]), &[sql]), Vec::<String>::new(), "it is there");
    let wide = seen().column("a", "avg_width", json!(400));
    assert_eq!(chosen(&wide, &[sql]), ["public.t (b)"], "it would be as large as the table");
}

/// NULL is equal to nothing, so that no hash has it.
#[test]
fn a_hash_leads_to_no_nulls() {
    let hash = || t().column("gone", "null_frac", json!(0.01)).index(11, 1, "t_gone", &[7]).with("method", json!("hash"));
    assert_eq!(chosen(&hash(), &["SELECT * FROM t WHERE gone IS NULL"]), ["public.t (gone)"]);
    assert_eq!(refused(&hash(), "SELECT * FROM t WHERE gone IN (1, 2)"), [Refusal::Covered("t_gone".to_owned())]);
}

/// Nine of ten are NULL.
#[test]
fn few_values_among_nulls_are_a_range() {
    let nulls = |part: f64| t().column("gone", "null_frac", json!(part));
    let sql = "SELECT * FROM t WHERE gone IS NOT NULL";
    assert_eq!(chosen(&nulls(0.95), &[sql]), ["public.t (gone)"]);
    assert_eq!(chosen(&nulls(0.3), &[sql]), Vec::<String>::new());
    let of_values = nulls(0.95).index(11, 1, "t_gone", &[7]).with("predicate", json!("(gone > 5)")).with("tuples", json!(10.0));
    assert_eq!(chosen(&of_values, &[sql]), ["public.t (gone)"], "not all that have a value are in it");
}

/// The planner's constant for one end of a range is a third of the rows; the server counted one in a thousand.
#[test]
fn rows_that_the_server_counted_are_what_conditions_keep() {
    let catalog = t().catalog();
    let with = |sql: &str, rows: u64| {
        let mut demands = demands(&catalog, &[sql]);
        demands[0].rows = Some(rows);
        let offers = offers(&demands, &catalog);
        let choices = choose(&offers.cells, &offers.offers, Limits::default());
        choices.iter().map(|choice| offers.offers[choice.offer].index.on()).collect::<Vec<_>>()
    };
    // Of 100 calls.
    assert_eq!(with("SELECT * FROM t WHERE c > $1", 10_000), ["public.t (c)"]);
    assert_eq!(with("DELETE FROM t WHERE c > $1", 10_000), ["public.t (c)"]);
    assert_eq!(with("SELECT * FROM t WHERE c > $1", 4_000_000), Vec::<String>::new(), "four in ten");
    assert_eq!(with("SELECT * FROM t WHERE c > $1 LIMIT 100", 10_000), Vec::<String>::new(), "nobody knows how many there would be");
}

/// An index that by the model serves nothing is one that may, for whoever knows the values.
#[test]
fn what_depends_on_values_may_serve() {
    let catalog = t().catalog();
    let offers = offers(&demands(&catalog, &["SELECT * FROM t WHERE c > '2026-11-01'", "SELECT * FROM t WHERE a = 1"]), &catalog);
    let of = |on: &str| offers.offers.iter().find(|offer| offer.index.on() == on).expect("an offer");
    assert!(of("public.t (c)").after.is_empty() && of("public.t (c)").may == BTreeSet::from([0]));
    assert!(of("public.t (a)").may.is_empty() && of("public.t (a)").after.contains_key(&1));
}

/// Of 10 rows in order that one in 500 of the other table lets through, 5 000 are read.
#[test]
fn a_join_reads_more_of_the_sorted_table_than_its_limit() {
    let schema = t().table(2, "u", (100_000.0, 1_000), &[("t_id", "bigint", -1.0), ("k", "bigint", 500.0)]);
    let catalog = schema.catalog();
    let with_order = |sql: &str| {
        let offers = offers(&demands(&catalog, &[sql]), &catalog);
        let of_order = offers.offers.iter().find(|offer| offer.index.on() == "public.t (c)");
        of_order.and_then(|offer| offer.after.values().map(|after| after.cost).reduce(f64::min))
    };
    let all = with_order("select t.* from t join u on u.t_id = t.id order by t.c limit 10").expect("an index of the order");
    let some = with_order("select t.* from t join u on u.t_id = t.id where u.k = 7 order by t.c limit 10");
    assert!(some.is_none_or(|some| some > all + 200.0), "{some:?} instead of {all}");
}
