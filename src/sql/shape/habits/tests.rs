use super::{Kind, longest_list, read};

/// Kind, table, column and what goes with them of all habits but those that nearly every statement has.
fn found(sql: &str, parameters: &str) -> Vec<String> {
    let on_deep_stack = std::thread::Builder::new().stack_size(64 << 20);
    let (sql, parameters) = (sql.to_owned(), parameters.to_owned());
    let reading = on_deep_stack.spawn(move || read(&sql, parameters.as_bytes())).expect("a thread").join().expect("no panic");
    let habits = reading.expect("parses").found.into_iter();
    let common = [Kind::Unbounded, Kind::Star, Kind::RowUpdate, Kind::List];
    let name = |part: Option<String>| part.unwrap_or_else(|| "-".to_owned());
    habits
        .filter(|habit| !common.contains(&habit.kind) && (habit.kind != Kind::Offset || habit.size > 0))
        .map(|habit| format!("{:?} {} {} {}", habit.kind, name(habit.table), name(habit.column), name(habit.with)))
        .collect()
}

fn none(sql: &str) {
    assert_eq!(found(sql, ""), [] as [&str; 0], "{sql}");
}

fn one(sql: &str, expected: &str) {
    assert_eq!(found(sql, ""), [expected], "{sql}");
}

#[test]
fn functions_casts_and_calculations_on_columns() {
    one("SELECT * FROM users u WHERE lower(u.email) = 'a' LIMIT 1", "FunctionOnColumn users email lower");
    one("SELECT * FROM orders WHERE date_trunc('day', placed_at) = $1", "FunctionOnColumn orders placed_at date_trunc");
    one("SELECT * FROM orders WHERE extract(year FROM placed_at) = 2026", "FunctionOnColumn orders placed_at extract");
    one("SELECT * FROM orders WHERE total * 100 > 5", "FunctionOnColumn orders total ");
    one("SELECT * FROM orders WHERE placed_at::date = '2026-01-01'", "CastOnColumn orders placed_at date");
    one("SELECT * FROM t WHERE UPPER(\"t\".\"name\"::text) LIKE UPPER('abc%')", "FunctionOnColumn t name upper");
    one("DELETE FROM t WHERE age(now(), made) > interval '1 day'", "FunctionOnColumn t made age");
    one("SELECT * FROM p WHERE to_tsvector('english', body) @@ plainto_tsquery('x')", "FunctionOnColumn p body to_tsvector");
    none("SELECT * FROM users WHERE email = lower($1)");
    none("SELECT * FROM orders WHERE placed_at > now() - interval '1 day'");
    none("SELECT * FROM users WHERE id = $1 AND lower(email) = $2");
    none("SELECT lower(email), date_trunc('day', made) FROM users WHERE active GROUP BY 1, 2 HAVING count(*) > 5");
    none("SELECT * FROM (SELECT lower(a) AS b FROM t LIMIT 5) s WHERE upper(s.b) = 'X'");
}

#[test]
fn patterns_are_looked_up_where_they_are_bound() {
    one("SELECT * FROM t WHERE name LIKE '%x'", "LeadingWildcard t name -");
    one("SELECT * FROM t WHERE lower(name) ILIKE '%x%'", "LeadingWildcard t name -");
    one("SELECT * FROM t WHERE UPPER(name::text) LIKE UPPER('%x%')", "LeadingWildcard t name -");
    one("SELECT * FROM t WHERE name LIKE '%' || $1 || '%'", "LeadingWildcard t name -");
    one("SELECT * FROM t WHERE a ILIKE '%x%' OR b ILIKE '%x%'", "LeadingWildcard t a -");
    assert_eq!(found("SELECT * FROM t WHERE name LIKE $1", "$1 = '%x'"), ["LeadingWildcard t name -"]);
    assert_eq!(found("SELECT * FROM t WHERE name LIKE $1", "$1 = 'x%'"), [] as [&str; 0]);
    none("SELECT * FROM t WHERE name LIKE $1");
    none("SELECT * FROM t WHERE name LIKE 'x%'");
    none("SELECT * FROM t WHERE name NOT LIKE '%x'");
    one("SELECT * FROM t WHERE name ILIKE 'x%'", "CaseInsensitiveMatch t name -");
}

#[test]
fn documents_and_arrays() {
    one("SELECT * FROM e WHERE data->>'kind' = 'x'", "DocumentFilter e data ->>");
    one("SELECT * FROM e WHERE (data->>'n')::int > 5", "DocumentFilter e data ->>");
    one("SELECT * FROM e WHERE data @> '{}'", "DocumentFilter e data @>");
    one("SELECT * FROM e WHERE tags && ARRAY['x']", "DocumentFilter e tags &&");
    one("SELECT * FROM e WHERE 'x' = ANY(tags)", "DocumentFilter e tags = ANY");
    none("SELECT * FROM e WHERE kind = ANY($1)");
    none("SELECT data->>'kind' FROM e WHERE kind = 'x'");
}

#[test]
fn alternatives_between_columns() {
    one("SELECT * FROM t WHERE a = 1 OR b = 2", "OrAcrossColumns t a b");
    one("SELECT * FROM t JOIN s ON s.x = t.y WHERE t.a = 1 OR s.b = 2", "OrAcrossTables t a s.b");
    none("SELECT * FROM t WHERE a = 1 OR a = 2");
    none("SELECT * FROM t WHERE (a > 1) OR (a = 1 AND b > 2)");
    none("SELECT * FROM t WHERE $1 IS NULL OR a = $1");
    none("SELECT * FROM t WHERE deleted_at IS NULL OR restored_at > now()");
}

#[test]
fn joins_that_nothing_joins() {
    one("SELECT 1 FROM a, b WHERE a.x > 1 LIMIT 5", "CartesianJoin a - b");
    one("SELECT 1 FROM a CROSS JOIN b LIMIT 5", "CartesianJoin a - b");
    one("SELECT 1 FROM a JOIN c ON c.a = a.x, b LIMIT 5", "CartesianJoin a - b");
    none("SELECT 1 FROM a, b WHERE a.x = b.y");
    one("SELECT 1 FROM a LEFT JOIN b ON true LIMIT 5", "CartesianJoin a - b");
    none("SELECT 1 FROM (a JOIN b USING (x)) JOIN c ON c.y = a.y");
    none("SELECT 1 FROM (a JOIN b ON b.y = a.x) JOIN c ON c.y = a.y");
    none("SELECT 1 FROM a NATURAL JOIN b");
    none("SELECT 1 FROM t a, t b WHERE a.x < b.x");
    none("SELECT 1 FROM a JOIN b ON a.x BETWEEN b.low AND b.high");
    none("SELECT 1 FROM s.a, s.b WHERE s.a.x = s.b.y");
    none("WITH RECURSIVE r AS (SELECT x FROM a UNION ALL SELECT a.x FROM a, r WHERE a.up = r.x) SELECT x FROM r");
    none("SELECT 1 FROM a, b WHERE x = y");
    none("SELECT 1 FROM a, b WHERE b.code = 'x'");
    none("SELECT 1 FROM a CROSS JOIN LATERAL (SELECT 1 FROM b WHERE b.y = a.x) s");
    none("SELECT 1 FROM a, generate_series(1, 10) n");
    none("SELECT 1 FROM a, unnest(a.tags) t");
    none("SELECT 1 FROM a JOIN b USING (x) CROSS JOIN (VALUES (1)) v");
    none("WITH one AS (SELECT max(x) AS x FROM b) SELECT 1 FROM a, one WHERE a.x = 5");
    none("SELECT 1 FROM o WHERE EXISTS (SELECT 1 FROM a, b WHERE a.x = o.x AND b.y = o.y)");
}

#[test]
fn counts_and_subqueries() {
    one("SELECT count(*) FROM t", "CountWithoutFilter t - -");
    one("SELECT COUNT(*) AS \"__count\" FROM t", "CountWithoutFilter t - -");
    none("SELECT count(*) FROM t WHERE a = 1");
    none("SELECT a, count(*) FROM t GROUP BY a");
    none("SELECT count(DISTINCT a) FROM t");
    one("SELECT count(*) > 0 FROM t WHERE a = 1", "CountForExistence t - -");
    one("SELECT x FROM t WHERE (SELECT count(*) FROM s WHERE s.t = t.x) > 0", "CountForExistence s - -");
    none("SELECT a FROM t GROUP BY a HAVING count(*) > 1");
    one("SELECT a.x, (SELECT count(*) FROM b WHERE b.a = a.x) FROM a", "CorrelatedSubquery b - a");
    one("SELECT coalesce((SELECT sum(b.n) FROM b WHERE b.a = o.x), 0) FROM a o", "CorrelatedSubquery b - a");
    none("SELECT (SELECT max(x) FROM b) FROM a");
    none("SELECT (SELECT count(*) FROM b WHERE b.a = a.x) FROM a WHERE a.id = 7");
    none("SELECT EXISTS (SELECT * FROM b WHERE b.a = a.x) FROM a");
    one("SELECT x FROM t WHERE y NOT IN (SELECT y FROM s)", "NotInSubquery t y -");
    one("SELECT x FROM t WHERE NOT (y IN (SELECT y FROM s))", "NotInSubquery t y -");
    none("SELECT x FROM t WHERE y NOT IN (1, 2)");
}

#[test]
fn distinct_over_a_join() {
    one("SELECT DISTINCT a.* FROM a JOIN b ON b.a_id = a.id", "DistinctJoin b - a");
    one("SELECT DISTINCT \"a\".\"x\" FROM \"a\" INNER JOIN \"b\" ON (\"a\".\"id\" = \"b\".\"a_id\")", "DistinctJoin b - a");
    none("SELECT DISTINCT b.x FROM b JOIN a ON a.id = b.a_id");
    none("SELECT DISTINCT a.x, b.y FROM a JOIN b ON b.a_id = a.id");
    none("SELECT DISTINCT ON (a.x) a.x FROM a JOIN b ON b.a_id = a.id");
    none("SELECT DISTINCT x FROM a JOIN b ON b.a_id = a.id");
}

#[test]
fn whole_tables_pages_and_locks() {
    one("UPDATE t SET a = 1", "WriteWithoutWhere t - update");
    one("DELETE FROM t", "WriteWithoutWhere t - delete");
    one("WITH gone AS (DELETE FROM t RETURNING *) INSERT INTO s SELECT * FROM gone", "WriteWithoutWhere t - delete");
    none("DELETE FROM t USING s");
    none("UPDATE t SET a = s.a FROM s");
    one("SELECT * FROM t ORDER BY random() LIMIT 1", "OrderByRandom t - -");
    none("SELECT * FROM t TABLESAMPLE SYSTEM (1) ORDER BY random() LIMIT 1");
    none("SELECT * FROM t WHERE group_id = 5 ORDER BY random() LIMIT 1");
    one("SELECT * FROM t ORDER BY a LIMIT 10 OFFSET 5000", "Offset t - -");
    assert_eq!(found("SELECT * FROM t LIMIT $1 OFFSET $2", "$1 = '10', $2 = '5000'"), ["Offset t - -"]);
    none("SELECT * FROM t LIMIT 10 OFFSET 0");
    none("SELECT * FROM t LIMIT $1 OFFSET $2");
    one("SELECT * FROM jobs WHERE due < now() FOR UPDATE", "LockWithoutLimit jobs - -");
    none("SELECT * FROM jobs WHERE due < now() LIMIT 1 FOR UPDATE");
    none("SELECT * FROM jobs WHERE due < now() FOR UPDATE SKIP LOCKED");
    none("SELECT * FROM jobs WHERE id = $1 FOR UPDATE");
}

#[test]
fn what_ends_and_what_does_not() {
    let has = |sql: &str, kind| {
        let sql = sql.to_owned();
        let thread = std::thread::Builder::new().stack_size(64 << 20).spawn(move || read(&sql, b"")).expect("a thread");
        thread.join().expect("no panic").expect("parses").of(kind).map(|habit| habit.size)
    };
    assert_eq!(has("SELECT * FROM t", Kind::Unbounded), Some(0));
    assert_eq!(has("SELECT * FROM t WHERE a > 5 ORDER BY a", Kind::Unbounded), Some(1));
    assert_eq!(has("SELECT * FROM t WHERE a = 5 ORDER BY a", Kind::Unbounded), Some(2));
    for bounded in ["SELECT * FROM t WHERE id = 5", "SELECT * FROM t LIMIT 5", "SELECT max(a) FROM t", "SELECT a FROM t GROUP BY a"] {
        assert_eq!(has(bounded, Kind::Unbounded), None, "{bounded}");
    }
    assert_eq!(has("INSERT INTO s SELECT * FROM t", Kind::Unbounded), None);
    assert_eq!(has("SELECT a.* FROM a WHERE EXISTS (SELECT * FROM b)", Kind::Star), Some(0));
    assert_eq!(has("SELECT a.x FROM a WHERE EXISTS (SELECT * FROM b)", Kind::Star), None);
    assert_eq!(has("UPDATE t SET a = 1, b = 2 WHERE id = 3", Kind::RowUpdate), Some(2));
    assert_eq!(has("SELECT 1 FROM t WHERE a IN (1, 2, 3)", Kind::List), Some(3));
    assert_eq!(has("SELECT 1 FROM t WHERE upper(a) LIKE upper($1)", Kind::FunctionOnColumn), Some(1));
    assert_eq!(has("SELECT 1 FROM t WHERE upper(a) LIKE 'X%'", Kind::FunctionOnColumn), Some(0));
    assert_eq!(has("SELECT DISTINCT a.x FROM a JOIN b ON b.a_id = a.id", Kind::DistinctJoin), Some(1));
    assert_eq!(has("SELECT DISTINCT a.x FROM a JOIN b ON b.code = a.code", Kind::DistinctJoin), Some(0));
    assert_eq!(longest_list(b"SELECT 1 FROM t WHERE a IN (1, 2) AND b IN ('x', 'y', 'z"), 3);
    assert_eq!(longest_list(b"SELECT f(1, 2, 3) FROM t WHERE a IN (SELECT 1)"), 1);
    assert_eq!(longest_list(b"SELECT 1 FROM t WHERE (a, b) IN ((1, 2), (-3, 4), ($1, $2)) AND c NOT IN (1,-2)"), 3);
    assert_eq!(longest_list(b"SELECT 1 FROM t WHERE a IN ()) AND b IN (1, "), 1);
    let sum = format!("SELECT 1 FROM t WHERE a{} > 5", " + 1".repeat(10_000));
    assert_eq!(has(&sum, Kind::FunctionOnColumn), None, "too deep to be looked into");
    assert!(read("CREATE TABLE t AS SELECT * FROM s", b"").is_none() && read("COPY t TO STDOUT", b"").is_none());
}

mod laws {
    use proptest::prelude::*;

    use super::super::{longest_list, read};

    /// Pieces that make statements which are nearly SQL.
    const PIECES: [&str; 28] = [
        "SELECT ",
        "DISTINCT ",
        "* ",
        "a.x ",
        "count(*) ",
        "> 0 ",
        "FROM a ",
        ", b ",
        "JOIN c ON ",
        "USING (x) ",
        "WHERE ",
        "a.x = b.y ",
        "AND ",
        "OR ",
        "lower(a.x) = $1 ",
        "LIKE '%x' ",
        "IN (1, 2) ",
        "NOT IN (SELECT y FROM d) ",
        "(SELECT a.x FROM e WHERE e.y = a.x) ",
        "ORDER BY random() ",
        "LIMIT 1 ",
        "OFFSET $2 ",
        "FOR UPDATE ",
        "UPDATE a SET x = 1 ",
        "DELETE FROM a ",
        "WITH w AS (SELECT 1) ",
        "LATERAL (SELECT 1) l ",
        "::date ",
    ];

    proptest! {
        /// Whatever stands in a text, reading it ends and breaks nothing.
        #[test]
        fn nothing_breaks_the_reader(picks in prop::collection::vec(0..PIECES.len(), 1..24), cut in 0_usize..200) {
            let sql: String = picks.iter().map(|pick| PIECES[*pick]).collect();
            let cut = &sql[..cut.min(sql.len())];
            let _ = (read(&sql, b"$1 = 'x', $2 = '5"), read(cut, b""), longest_list(cut.as_bytes()));
        }
    }
}
