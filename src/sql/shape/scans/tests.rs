use super::*;

/// Tables `a (id, x, y, z)`, `b (id, a_id, x)` and a view of `a`.
struct Two;

impl Names for Two {
    fn columns(&self, relation: &str) -> Option<Vec<String>> {
        let columns = match relation {
            "a" | "public.a" => "id x y z",
            "b" => "id a_id t",
            _ => return None,
        };
        Some(columns.split(' ').map(str::to_owned).collect())
    }

    fn view(&self, relation: &str) -> Option<String> {
        let query = match relation {
            "v" => "SELECT a.id, a.x AS ex, b.t FROM a JOIN b ON b.a_id = a.id WHERE a.y IS NULL;",
            "newest" => "SELECT * FROM a ORDER BY x DESC LIMIT 10;",
            _ => return None,
        };
        Some(query.to_owned())
    }
}

fn told(scan: &Scan) -> String {
    let mut told = scan.table.clone();
    for Term { key, test, against } in &scan.terms {
        let key = match key {
            Key::Column(column) => column.clone(),
            Key::Text(column) => format!("{column}::text"),
            Key::Expression { text: Some(text), .. } => text.clone(),
            Key::Expression { column, text: None } => format!("?({column})"),
        };
        let against = match against {
            Against::Value => String::new(),
            Against::Rows { scan, column } => format!(" #{scan}.{column}"),
            Against::Other => " other".to_owned(),
        };
        told.push_str(&format!(" [{key} {test:?}{against}]"));
    }
    if scan.others > 0 {
        told.push_str(&format!(" +{}", scan.others));
    }
    for key in &scan.sort {
        let nulls = if key.is_usual() { "" } else { " nulls" };
        told.push_str(&format!(" by {}{}{nulls}", key.column, if key.descends { " desc" } else { "" }));
    }
    if let Some(limit) = scan.limit {
        told.push_str(&format!(" limit {:?}", limit.rows.zip(limit.skipped)));
    }
    if let Some(limit) = scan.joined_limit {
        told.push_str(&format!(" joined limit {:?}", limit.rows));
    }
    if let Some(outer) = scan.for_each {
        told.push_str(&format!(" for each #{outer}"));
    }
    told
}

fn of(sql: &str) -> Vec<String> {
    read(sql, b"", &Two).unwrap_or_else(|why| panic!("{why:?}: {sql}")).scans.iter().map(told).collect()
}

fn check(cases: &[(&str, &[&str])]) {
    for (sql, expected) in cases {
        assert_eq!(of(sql), *expected, "{sql}");
    }
}

#[test]
fn conditions_are_told_by_what_an_index_could_do() {
    check(&[
        ("SELECT * FROM a WHERE x = 1 AND y IN (1, 2) AND z > 3", &["a [x Equal] [y AnyOf(2)] [z Range]"]),
        ("SELECT * FROM a WHERE 1 = x AND y BETWEEN 1 AND 2 AND z IS NULL", &["a [x Equal] [y Between] [z Null]"]),
        (
            "SELECT * FROM a WHERE x AND NOT y AND z = true AND id IS NOT NULL",
            &["a [x Flag(true)] [y Flag(false)] [z Flag(true)] [id NotNull]"],
        ),
        ("SELECT * FROM a WHERE x <> 1 AND y NOT IN (1) AND NOT (z = 1 OR id = 2)", &["a +4"]),
        ("SELECT * FROM a WHERE x = 1 OR x = 2 OR x IN (3, 4)", &["a [x AnyOf(4)]"]),
        ("SELECT * FROM a WHERE (x = 1 OR y = 2) AND z = 3", &["a [z Equal] +1"]),
        ("SELECT * FROM a WHERE x LIKE 'ab%' AND y LIKE '%ab' AND z ILIKE 'ab%'", &["a [x Prefix] [y Pattern] [z Pattern]"]),
        ("SELECT * FROM a WHERE lower(x) = $1 AND upper(y::text) LIKE upper('%x')", &["a [lower(x) Equal] [upper((y)::text) Pattern]"]),
        ("SELECT * FROM a WHERE date_trunc('day', x) = $1 AND y::date = $2", &["a [?(x) Equal] [?(y) Equal]"]),
        ("SELECT * FROM a WHERE x::text = $1 AND y + 1 = 2 AND x + y = 3", &["a [x::text Equal] [?(y) Equal] +1"]),
        ("SELECT * FROM a WHERE x @> $1 AND $2 = ANY(y) AND z = ANY($3)", &["a [x Document] [y Document] [z AnyOf(0)]"]),
        ("SELECT * FROM a WHERE x = y AND z > random()", &["a +2"]),
        ("SELECT * FROM a WHERE x > now() - interval '1 day' AND y = current_date", &["a [x Range] [y Equal]"]),
        ("SELECT * FROM a WHERE (x, y) > (1, 2) AND (x, z) = (1, 2)", &["a [x Range] [x Equal] [z Equal]"]),
        ("SELECT * FROM a WHERE (x, y) IN ((1, 2), (3, 4))", &["a [x AnyOf(2)] [y AnyOf(2)]"]),
        ("SELECT * FROM a WHERE x = (SELECT max(id) FROM b)", &["a [x Equal]", "b by id desc limit Some((1, 0))"]),
    ]);
}

#[test]
fn joins_give_each_side_the_other() {
    check(&[
        ("SELECT * FROM a, b WHERE a.id = b.a_id AND t = 1", &["a [id Equal #1.a_id]", "b [a_id Equal #0.id] [t Equal]"]),
        ("SELECT * FROM a m JOIN b AS k ON m.id = k.a_id AND k.t > 2", &["a [id Equal #1.a_id]", "b [a_id Equal #0.id] [t Range]"]),
        ("SELECT * FROM a LEFT JOIN b ON a.id = b.a_id AND a.x = 1 WHERE a.y = 2", &["a [y Equal]", "b [a_id Equal #0.id]"]),
        ("SELECT * FROM b RIGHT JOIN a ON a.id = b.a_id WHERE a.y = 2", &["b [a_id Equal #1.id]", "a [y Equal]"]),
        ("SELECT * FROM a FULL JOIN b ON a.id = b.a_id", &["a", "b"]),
        ("SELECT * FROM a JOIN b USING (id)", &["a [id Equal #1.id]", "b [id Equal #0.id]"]),
        ("SELECT * FROM a NATURAL JOIN b", &["a [id Equal #1.id]", "b [id Equal #0.id]"]),
        // What is known of one side is known of the other.
        ("SELECT * FROM a JOIN b ON a.id = b.a_id WHERE a.id = $1", &["a [id Equal #1.a_id] [id Equal]", "b [a_id Equal]"]),
        ("SELECT * FROM (a JOIN b ON a.id = b.a_id) WHERE x = 1", &["a [id Equal #1.a_id] [x Equal]", "b [a_id Equal #0.id]"]),
    ]);
}

#[test]
fn queries_are_looked_through_where_the_planner_does_so() {
    let moved = ["a [x Equal] [y Null]"];
    check(&[
        ("WITH c AS (SELECT * FROM a WHERE x = 1) SELECT * FROM c WHERE y IS NULL", &moved),
        ("WITH c AS MATERIALIZED (SELECT * FROM a WHERE x = 1) SELECT * FROM c WHERE y IS NULL", &["a [x Equal]"]),
        ("WITH c AS (SELECT * FROM a WHERE x = 1) SELECT * FROM c p JOIN c q ON p.id = q.id", &["a [x Equal]"]),
        (
            "WITH RECURSIVE c AS (SELECT id FROM a WHERE x = 1 UNION ALL SELECT a.id FROM a JOIN c ON a.y = c.id) SELECT * FROM c",
            &["a [x Equal]", "a [y Equal other]"],
        ),
        ("SELECT * FROM (SELECT id, x AS ex, y FROM a WHERE x = 1) s WHERE s.y IS NULL", &moved),
        ("SELECT * FROM (SELECT * FROM a LIMIT 5) s WHERE x = 1", &["a limit Some((5, 0))"]),
        ("SELECT * FROM (SELECT x, count(*) AS n FROM a GROUP BY x) s WHERE x = 1 AND n > 2", &["a [x Equal]"]),
        ("SELECT * FROM a WHERE id IN (SELECT a_id FROM b WHERE t = 1)", &["a [id Equal #1.a_id]", "b [t Equal] [a_id Equal #0.id]"]),
        ("SELECT * FROM a WHERE id NOT IN (SELECT a_id FROM b WHERE t = 1)", &["a +1", "b [t Equal]"]),
        ("SELECT * FROM a WHERE EXISTS (SELECT 1 FROM b WHERE b.a_id = a.id)", &["a [id Equal #1.a_id]", "b [a_id Equal #0.id]"]),
        ("SELECT * FROM a WHERE NOT EXISTS (SELECT 1 FROM b WHERE a_id = a.id)", &["a", "b [a_id Equal #0.id]"]),
        ("SELECT x, (SELECT count(*) FROM b WHERE b.a_id = a.id) FROM a WHERE x = 1", &["a [x Equal]", "b [a_id Equal] for each #0"]),
        // An alternative is no join.
        ("SELECT * FROM a WHERE x OR EXISTS (SELECT 1 FROM b WHERE b.a_id = a.id)", &["a +1", "b [a_id Equal] for each #0"]),
        ("SELECT * FROM a WHERE x = 1 OR id IN (SELECT a_id FROM b WHERE t = 1)", &["a +1", "b [t Equal]"]),
        ("SELECT * FROM a WHERE NOT (x = 1 AND id = ANY (SELECT a_id FROM b))", &["a +1", "b"]),
        // A row's place among others depends on all of them.
        ("SELECT * FROM (SELECT *, row_number() OVER (PARTITION BY x ORDER BY y) AS n FROM a) s WHERE z = 1 AND n = 1", &["a"]),
        ("SELECT *, lag(x) OVER w FROM a WINDOW w AS (ORDER BY z) ORDER BY y LIMIT 10", &["a"]),
        ("SELECT * FROM v WHERE ex = 1", &["a [id Equal #1.a_id] [y Null] [x Equal]", "b [a_id Equal #0.id]"]),
        ("SELECT * FROM newest WHERE x = 1", &["a by x desc limit Some((10, 0))"]),
        ("SELECT * FROM a WHERE x = 1 UNION ALL SELECT * FROM a WHERE y = 2 ORDER BY 1 LIMIT 3", &["a [x Equal]", "a [y Equal]"]),
    ]);
}

#[test]
fn an_order_is_told_if_it_is_of_one_table() {
    check(&[
        ("SELECT * FROM a WHERE x = 1 ORDER BY y DESC, z LIMIT 5 OFFSET 10", &["a [x Equal] by y desc by z limit Some((5, 10))"]),
        ("SELECT x AS ex FROM a ORDER BY ex DESC NULLS LAST FETCH FIRST 3 ROWS ONLY", &["a by x desc nulls limit Some((3, 0))"]),
        ("SELECT id, y FROM a ORDER BY 2", &["a by y"]),
        (
            "SELECT * FROM a JOIN b ON a.id = b.a_id ORDER BY a.x LIMIT $1",
            &["a [id Equal #1.a_id] by x limit None", "b [a_id Equal #0.id]"],
        ),
        ("SELECT * FROM a JOIN b ON a.id = b.a_id ORDER BY a.x, b.t LIMIT 1", &["a [id Equal #1.a_id]", "b [a_id Equal #0.id]"]),
        (
            "SELECT * FROM a JOIN b ON a.id = b.a_id LIMIT 7",
            &["a [id Equal #1.a_id] joined limit Some(7)", "b [a_id Equal #0.id] joined limit Some(7)"],
        ),
        ("SELECT x, count(*) FROM a GROUP BY x ORDER BY x LIMIT 5", &["a"]),
        ("SELECT * FROM a ORDER BY random() LIMIT 1", &["a"]),
        ("SELECT max(x) FROM a WHERE y = 1", &["a [y Equal] by x desc limit Some((1, 0))"]),
    ]);
}

#[test]
fn what_is_written_is_told_apart() {
    let reading = read("UPDATE a SET x = 1, (y, z) = (2, 3) WHERE id = 4", b"", &Two).expect("read");
    assert_eq!(reading.scans.iter().map(told).collect::<Vec<_>>(), ["a [id Equal]"]);
    let columns = ["x", "y", "z"].map(str::to_owned).to_vec();
    assert_eq!(reading.writes, [Write { table: "a".to_owned(), kind: Written::Updated(columns) }]);
    let reading = read("INSERT INTO b (id) SELECT id FROM a WHERE x = 1", b"", &Two).expect("read");
    assert_eq!((reading.scans.len(), &reading.writes[0].kind), (1, &Written::Inserted));
    let reading = read("DELETE FROM b USING a WHERE a.id = b.a_id AND a.x = 1", b"", &Two).expect("read");
    assert_eq!(reading.scans.iter().map(told).collect::<Vec<_>>(), ["b [a_id Equal #1.id]", "a [id Equal #0.a_id] [x Equal]"]);
    assert_eq!(reading.writes[0], Write { table: "b".to_owned(), kind: Written::Deleted });
}

#[test]
fn parameters_tell_what_the_text_does_not() {
    let scan = |sql: &str, parameters: &[u8]| told(&read(sql, parameters, &TextAlone).expect("read").scans[0]);
    assert_eq!(scan("select * from t where n like $1 limit $2", b"$1 = 'ab%', $2 = '20'"), "t [n Prefix] limit Some((20, 0))");
    assert_eq!(scan("select * from t where n like $1 limit $2", b""), "t [n Like] limit None");
    assert_eq!(scan("select * from \"Big T\" where \"No\" = 1 and \"simple\" = 2", b""), "\"Big T\" [\"No\" Equal] [simple Equal]");
    assert_eq!(scan("select * from s.t where s.t.n = 1", b""), "s.t [n Equal]");
}

/// Checks of foreign keys: the parameter is on the left where the index is wanted on the referring table.
#[test]
fn checks_of_foreign_keys_are_read() {
    let sql = "select $2 from only public.book x where $1 operator(pg_catalog.=) author_id for key share of x";
    assert_eq!(read(sql, b"", &TextAlone).expect("read").scans.iter().map(told).collect::<Vec<_>>(), ["public.book [author_id Equal]"]);
    let sql = "SELECT 1 FROM ONLY \"public\".\"Book\" x WHERE $1 OPERATOR(pg_catalog.=) \"author_id\" FOR KEY SHARE OF x";
    assert_eq!(read(sql, b"", &TextAlone).expect("read").scans.iter().map(told).collect::<Vec<_>>(), ["public.\"Book\" [author_id Equal]"]);
}

/// Rows of the source that match none stay where they are inserted, so that what is asked of them does not narrow them.
#[test]
fn merge_is_a_join_that_writes() {
    let sql = |more: &str| {
        format!("merge into a using b on a.x = b.a_id and b.t = 1 and a.y = 2 when matched then update set x = 1, y = 2{more}")
    };
    let terms = |sql: &str| {
        let reading = read(sql, b"", &Two).expect("a statement");
        let of = |scan: &Scan| (scan.table.clone(), scan.terms.iter().map(|term| term.key.column().to_owned()).collect::<Vec<_>>());
        (reading.scans.iter().map(of).collect::<Vec<_>>(), reading.writes)
    };
    let of = |table: &str, columns: &[&str]| (table.to_owned(), columns.iter().map(|column| (*column).to_owned()).collect::<Vec<_>>());
    let write = |kind: Written| Write { table: "a".to_owned(), kind };
    let updated = write(Written::Updated(vec!["x".to_owned(), "y".to_owned()]));
    assert_eq!(terms(&sql("")), (vec![of("a", &["x", "y"]), of("b", &["a_id", "t"])], vec![updated.clone()]));
    let inserting = sql(" when not matched then insert values (1)");
    assert_eq!(terms(&inserting), (vec![of("a", &["x", "y"]), of("b", &[])], vec![updated, write(Written::Inserted)]));
}

#[test]
fn what_is_no_single_query_says_so() {
    let why = |sql: &str| read(sql, b"", &Two).expect_err("nothing to read");
    assert_eq!(why("select 1; select 2"), Unread::Several);
    assert_eq!(why("vacuum a"), Unread::Utility);
    assert_eq!(why("selec t from a"), Unread::Unparsed);
    assert_eq!(why(&format!("select '{}'", "x".repeat(70_000))), Unread::TooLong);
    assert_eq!(of("select 1"), Vec::<String>::new());
}

/// Text that doubles at each step ends.
#[test]
fn texts_that_grow_are_cut() {
    let mut sql = String::from("with c0 as not materialized (select * from a)");
    for n in 1..40 {
        sql.push_str(&format!(", c{n} as not materialized (select p.x from c{} p, c{} q)", n - 1, n - 1));
    }
    assert!(of(&format!("{sql} select * from c39")).len() <= MOST_SCANS);
    let many = format!("select * from a where {}", vec!["x = 1 or y = 2"; 3_000].join(" or "));
    assert_eq!(of(&many), ["a +1"]);
    let many = format!("select * from a where {}", vec!["x = 1"; 5_000].join(" and "));
    assert_eq!(of(&many), ["a [x Equal]"]);
}

/// Views of views, each of which names the one below ten times.
struct Tower(std::cell::Cell<usize>);

impl Names for Tower {
    fn columns(&self, _: &str) -> Option<Vec<String>> {
        None
    }

    fn view(&self, relation: &str) -> Option<String> {
        self.0.set(self.0.get() + 1);
        let below = relation.strip_prefix('v')?.parse::<usize>().ok()?.checked_sub(1)?;
        let from: Vec<String> = (0..10).map(|at| format!("v{below} t{at}")).collect();
        Some(format!("SELECT 1 AS x FROM {}", from.join(", ")))
    }
}

#[test]
fn views_that_grow_are_cut() {
    let tower = Tower(std::cell::Cell::new(0));
    let reading = read("select * from v4 a, v4 b", b"", &tower).expect("read");
    assert!(reading.scans.len() <= MOST_SCANS && tower.0.get() <= 500, "{} scans, {} views", reading.scans.len(), tower.0.get());
    // Nothing but views to the end.
    let tower = Tower(std::cell::Cell::new(0));
    let reading = read("select * from v7 a, v7 b", b"", &tower).expect("read");
    assert!(reading.scans.len() <= MOST_SCANS && tower.0.get() <= 500, "{} scans, {} views", reading.scans.len(), tower.0.get());
}

#[test]
fn columns_that_equal_a_place_are_told() {
    let placed = |sql: &str| -> Vec<(String, u32)> {
        let scans = read(sql, b"", &Two).expect("read").scans;
        scans.iter().flat_map(|scan| &scan.placed).map(|placed| (placed.column.clone(), placed.number)).collect()
    };
    let cases: [(&str, &[(&str, u32)]); 8] = [
        ("select $1 from a where x = $2 and $3 = y and z > $4 limit $5", &[("x", 2), ("y", 3)]),
        ("select 1 from a where x = $1::text and y = upper($2)", &[("x", 1), ("y", 2)]),
        ("select 1 from a where (x, y) = ($1, $2)", &[("x", 1), ("y", 2)]),
        ("select 1 from a join b on b.a_id = a.id and b.t = $1 where a.x = $2", &[("x", 2), ("t", 1)]),
        ("delete from a where x = $1", &[("x", 1)]),
        // Of none of these it is known that all rows have the value.
        ("select 1 from a where x = $1 or x = $2", &[]),
        ("select 1 from a where not x = $1 and y <> $2 and lower(z) = $3 and x in ($4)", &[]),
        ("select 1 from a left join b on b.a_id = a.id and a.x = $1 where x = $2 + 1", &[]),
    ];
    for (sql, expected) in cases {
        let expected: Vec<(String, u32)> = expected.iter().map(|(column, number)| ((*column).to_owned(), *number)).collect();
        assert_eq!(placed(sql), expected, "{sql}");
    }
}

mod laws {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_text_has_an_answer(text in "(?s)(select|from|where|and|or|in|with|as|a|b|x|y|=|>|\\(|\\)|,|\\*|1|'%'|limit|order by|exists|not|union| |join|on|using){0,40}") {
            let _ = read(&text, b"$1 = '%", &Two);
        }

        /// Every scan that another is joined to is one that there is.
        #[test]
        fn references_hold(on in "(a|b)", test in "(=|<)") {
            let sql = format!("select * from v join {on} q on q.id {test} v.id where exists (select 1 from b where b.t = q.id)");
            let reading = read(&sql, b"", &Two).expect("read");
            for term in reading.scans.iter().flat_map(|scan| &scan.terms) {
                if let Against::Rows { scan, .. } = term.against {
                    prop_assert!(scan < reading.scans.len());
                }
            }
        }
    }
}

#[test]
fn an_order_by_place_counts_the_columns_of_a_star() {
    let sort = |sql: &str| {
        let reading = read(sql, b"", &Two).expect("read");
        reading.scans.iter().flat_map(|scan| &scan.sort).map(|key| key.column.clone()).collect::<Vec<_>>()
    };
    assert_eq!(sort("SELECT * FROM a ORDER BY 2, 4"), ["x", "z"]);
    assert_eq!(sort("SELECT *, y FROM a ORDER BY 5"), ["y"]);
    assert_eq!(sort("SELECT b.*, a.x FROM a JOIN b ON b.a_id = a.id ORDER BY 3"), ["t"]);
    for unknown in
        ["SELECT * FROM a ORDER BY 5", "SELECT * FROM nowhere ORDER BY 2", "SELECT * FROM a ORDER BY 0", "SELECT * FROM a ORDER BY 1.5"]
    {
        assert_eq!(sort(unknown), [] as [&str; 0], "{unknown}");
    }
}

/// The columns that are read of each table, or `*`.
fn needs(sql: &str) -> Vec<String> {
    let of = |scan: &Scan| scan.needs.as_ref().map_or_else(|| "*".to_owned(), |needs| needs.join(" "));
    read(sql, b"", &Two).expect("read").scans.iter().map(|scan| format!("{}: {}", scan.table, of(scan))).collect()
}

#[test]
fn columns_that_are_read_are_told_where_they_are_all() {
    let cases: &[(&str, &[&str])] = &[
        ("SELECT x FROM a WHERE y = 1 ORDER BY z", &["a: x y z"]),
        ("SELECT count(*) FROM a WHERE y = 1", &["a: y"]),
        ("SELECT sum(x) AS s FROM a GROUP BY y HAVING max(z) > 1 ORDER BY s", &["a: x y z"]),
        ("SELECT * FROM a WHERE y = 1", &["a: *"]),
        ("SELECT a FROM a", &["a: *"]),
        ("SELECT x FROM a WHERE y = 1 FOR UPDATE", &["a: *"]),
        ("UPDATE a SET x = 1 WHERE y = 2", &["a: *"]),
        ("SELECT b.t, q.* FROM a q JOIN b ON b.a_id = q.id", &["a: *", "b: t a_id"]),
        ("SELECT b.t FROM a JOIN b ON b.a_id = a.id WHERE EXISTS (SELECT 1 FROM a o WHERE o.x = a.y)", &["a: id y", "b: t a_id", "a: x"]),
        ("SELECT s.x FROM (SELECT x, y FROM a WHERE z = 1) s WHERE s.y = 2", &["a: x y z"]),
        ("SELECT x, (SELECT max(t) FROM b WHERE a_id = a.id) FROM a", &["a: x id", "b: t a_id"]),
        ("SELECT x FROM a WHERE ctid = '(0,1)'", &["a: *"]),
        ("SELECT jsonb_agg(q.*) FROM a q WHERE x = 1", &["a: *"]),
        ("SELECT a.y FROM a LEFT JOIN b USING (id) WHERE a.x = 1", &["a: *", "b: *"]),
    ];
    for (sql, expected) in cases {
        let mut told = needs(sql);
        let sorted = |told: &str| {
            let (table, columns) = told.split_once(": ").expect("two parts");
            let mut columns: Vec<&str> = columns.split(' ').collect();
            columns.sort_unstable();
            format!("{table}: {}", columns.join(" "))
        };
        told = told.iter().map(|told| sorted(told)).collect();
        assert_eq!(told, expected.iter().map(|told| sorted(told)).collect::<Vec<_>>(), "{sql}");
    }
}

#[test]
fn rows_that_pass_are_those_that_are_counted() {
    let passes = |sql: &str| read(sql, b"", &Two).expect("read").passes;
    for sql in
        ["SELECT x FROM a WHERE y = 1", "SELECT * FROM public.a ORDER BY x", "UPDATE a SET x = 1 WHERE y = 1", "DELETE FROM a WHERE y = 1"]
    {
        assert!(passes(sql), "{sql}");
    }
    for sql in [
        "SELECT count(*) FROM a WHERE y = 1",
        "SELECT x FROM a WHERE y = 1 LIMIT 5",
        "SELECT DISTINCT x FROM a WHERE y = 1",
        "SELECT x FROM a JOIN b ON b.a_id = a.id WHERE y = 1",
        "SELECT x FROM a, generate_series(1, 5) WHERE y = 1",
        "SELECT x FROM a WHERE y = 1 UNION ALL SELECT x FROM a WHERE y = 2",
        "SELECT x FROM a WHERE y IN (SELECT t FROM b)",
        "SELECT * FROM newest WHERE x = 1",
        "WITH c AS (SELECT * FROM a) SELECT x FROM c",
        "DELETE FROM a USING b WHERE b.a_id = a.id",
        "INSERT INTO a SELECT * FROM b",
    ] {
        assert!(!passes(sql), "{sql}");
    }
}

/// What conditions compare with, each as `column how values`.
fn compared(sql: &str, parameters: &str) -> Vec<String> {
    let reading = read(sql, parameters.as_bytes(), &Two).expect("read");
    let told = |compared: &Compared| {
        let values = compared.with.as_ref().map_or("?".to_owned(), |known| known.values().join(" "));
        format!("{} {:?} {values}", compared.key.column(), compared.how)
    };
    reading.scans.iter().flat_map(|scan| &scan.compared).map(told).collect()
}

#[test]
fn values_stand_beside_what_they_are_compared_with() {
    let cases: &[(&str, &str, &[&str])] = &[
        ("SELECT * FROM a WHERE x = 5 AND y > -2.5 AND 7 >= z", "", &["x Equal 5", "y Above -2.5", "z AtMost 7"]),
        ("SELECT * FROM a WHERE x BETWEEN 1 AND $1", "$1 = '9'", &["x AtLeast 1", "x AtMost 9"]),
        ("SELECT * FROM a WHERE x >= date '2026-01-01' AND x < now()", "", &["x AtLeast 2026-01-01", "x Below ?"]),
        ("SELECT * FROM a WHERE x IN (1, '2') OR x = 3", "", &["x Among 1 2 3"]),
        ("SELECT * FROM a WHERE x = ANY($1)", "$1 = '{4,NULL,\"a b\"}'", &["x Among 4 a b"]),
        ("SELECT * FROM a WHERE x = ANY(ARRAY[1, 2]::int[])", "", &["x Among 1 2"]),
        ("SELECT * FROM a WHERE x LIKE 'it''s%' AND y LIKE $1", "$1 = 'O''Hara%'", &["x Like it's%", "y Like O'Hara%"]),
        // The planner knows that of both.
        ("SELECT * FROM a JOIN b ON b.a_id = a.id WHERE a.id = 3", "", &["id Equal 3", "a_id Equal 3"]),
        ("SELECT * FROM v WHERE ex = 4", "", &["x Equal 4"]),
        // What is calculated, bound to something unknown or compared otherwise has none.
        ("SELECT * FROM a WHERE x = lower('A') AND y = $1 AND z = NULL", "", &["x Equal ?", "y Equal ?", "z Equal ?"]),
        ("SELECT * FROM a WHERE NOT x = 1 AND y <> 2 AND (x = 1 OR y = 2)", "", &[]),
    ];
    for (sql, parameters, expected) in cases {
        assert_eq!(compared(sql, parameters), *expected, "{sql}");
    }
}

#[test]
fn values_are_in_no_text_of_what_is_read() {
    let reading = read("SELECT * FROM a WHERE x = 'secret' AND y IN ('hidden', 'x') LIMIT 3", b"", &Two).expect("read");
    let text = format!("{reading:?}");
    assert!(!text.contains("secret") && !text.contains("hidden") && text.contains("2 values"), "{text}");
}

#[test]
fn arms_of_an_or_are_told_where_each_could_have_an_index() {
    let ors = |sql: &str| -> Vec<Vec<String>> {
        let reading = read(sql, b"", &Two).expect("read");
        let arm = |arm: &Arm| arm.terms.iter().map(|term| format!("{} {:?}", term.key.column(), term.test)).collect::<Vec<_>>().join(" & ");
        reading.scans.iter().flat_map(|scan| &scan.ors).map(|arms| arms.iter().map(arm).collect()).collect()
    };
    assert_eq!(ors("SELECT * FROM a WHERE x = 1 OR y = 2"), [["x Equal", "y Equal"]]);
    assert_eq!(ors("SELECT * FROM a WHERE z = 1 AND (x = 1 AND y > 2 OR y IN (1, 2))"), [["x Equal & y Range", "y AnyOf(2)"]]);
    // One column has a list; what nothing leads to, or leads to another table, is read whole.
    for sql in [
        "SELECT * FROM a WHERE x = 1 OR x = 2",
        "SELECT * FROM a WHERE x = 1 OR y <> 2",
        "SELECT * FROM a JOIN b ON b.a_id = a.id WHERE a.x = 1 OR b.t = 2",
        "SELECT * FROM a JOIN b ON true WHERE a.x = 1 OR a.y = b.t",
        "SELECT * FROM a WHERE x = 1 OR y IN (SELECT id FROM b)",
        "SELECT * FROM a WHERE x = 1 OR y = 2 OR z = 3 OR id = 4 OR x > 5",
    ] {
        assert_eq!(ors(sql), Vec::<Vec<String>>::new(), "{sql}");
    }
}
