use super::{Operator, Predicate, Shape, TEXT_LIMIT, from_words, parse};

/// As the caller runs it; a test's own thread has 2 MiB.
fn parse_deep(text: String) -> Option<Shape> {
    let thread = std::thread::Builder::new().stack_size(64 << 20);
    let handle = thread.spawn(move || parse(&text)).expect("a thread can start");
    handle.join().expect("the parser does not panic")
}

fn shape(text: &str) -> Shape {
    parse(text).unwrap_or_else(|| panic!("refused: {text}"))
}

fn on(table: &str, column: &str, operator: Operator) -> Predicate {
    let table = Some(table.to_owned()).filter(|table| !table.is_empty());
    Predicate { table, column: column.to_owned(), operator, is_join: false, alternative: false }
}

fn join(table: &str, column: &str) -> Predicate {
    Predicate { is_join: true, ..on(table, column, Operator::Equal) }
}

/// Tokens as the lexer would give them, near enough for the texts here.
fn words(text: &str) -> (String, Vec<String>) {
    let spaced: String =
        text.chars().fold(String::new(), |spaced, c| if "()[],.;".contains(c) { format!("{spaced} {c} ") } else { format!("{spaced}{c}") });
    from_words(spaced.split_whitespace())
}

fn verb_and_tables(text: &str) -> (String, String) {
    let shape = shape(text);
    (shape.verb, shape.tables.join(" "))
}

fn gleaned(text: &str) -> (String, String) {
    let (verb, tables) = words(text);
    (verb, tables.join(" "))
}

fn pair(verb: &str, tables: &str) -> (String, String) {
    (verb.to_owned(), tables.to_owned())
}

#[test]
fn reads_an_orm_select_through_its_aliases() {
    let shape = shape(
        "select u.id, u.name, count(p.id) as n from public.users u left join posts p on \
         p.user_id = u.id where u.tenant_id = $1 and u.deleted_at is null and p.state in \
         ($2 /*, ... */) and u.created_at >= $3 and u.email like $4 group by u.id having \
         count(p.id) > $5 order by u.created_at desc, n limit $6 offset $7",
    );
    assert_eq!(shape.verb, "select");
    assert_eq!(shape.tables, ["posts", "public.users"]);
    assert_eq!(
        shape.predicates,
        [
            on("posts", "id", Operator::Other),
            on("posts", "state", Operator::In),
            join("posts", "user_id"),
            on("public.users", "created_at", Operator::Range),
            on("public.users", "deleted_at", Operator::IsNull),
            on("public.users", "email", Operator::Like),
            join("public.users", "id"),
            on("public.users", "tenant_id", Operator::Equal),
        ]
    );
    assert_eq!((shape.joins, shape.subqueries, shape.set_operations), (1, 0, 0));
    assert!(shape.limit);
    let keys: Vec<_> = shape.order_by.iter().map(|key| (key.expression.as_str(), key.descending)).collect();
    assert_eq!(keys, [("u.created_at", true), ("n", false)]);
    assert_eq!(shape.order_by[0].table.as_deref(), Some("public.users"));
    assert_eq!(shape.order_by[0].column.as_deref(), Some("created_at"));
    assert_eq!((&shape.order_by[1].table, &shape.order_by[1].column), (&None, &None));
    // Two relations, one join, eight predicates.
    assert_eq!(shape.complexity, 11);
    assert!(shape.pretty.starts_with("SELECT\n  u.id,\n"), "{}", shape.pretty);
}

#[test]
fn gives_bare_columns_to_the_only_table() {
    let shape = shape("select * from \"orders\" where status = $1 and total between $2 and $3 order by 1, id");
    let expected = [on("orders", "status", Operator::Equal), on("orders", "total", Operator::Range)];
    assert_eq!(shape.predicates, expected);
    assert!(!shape.limit);
    assert_eq!(shape.order_by[0].column, None);
    assert_eq!(shape.order_by[1].table.as_deref(), Some("orders"));
}

#[test]
fn bare_columns_of_two_tables_stay_unresolved() {
    let shape = shape("select * from a, b where x = y and a.z = $1");
    let expected = [join("", "x"), join("", "y"), on("a", "z", Operator::Equal)];
    assert_eq!(shape.predicates, expected);
    assert_eq!(shape.joins, 1);
}

#[test]
fn joins_by_where_on_and_using() {
    let by_where = shape("select 1 from a, b x where a.id = x.a_id").predicates;
    let by_on = shape("select 1 from a join b x on a.id = x.a_id").predicates;
    assert_eq!(by_where, [join("a", "id"), join("b", "a_id")]);
    assert_eq!(by_where, by_on);
    let by_using = shape("select 1 from a join b using (id) join c using (id)");
    assert_eq!(by_using.predicates, [join("a", "id"), join("b", "id"), join("c", "id")]);
    assert_eq!(by_using.joins, 2);
    let nested = shape("select 1 from (a join b on a.x = b.x) join c on c.y = a.y");
    assert_eq!(nested.joins, 2);
    assert_eq!(nested.tables, ["a", "b", "c"]);
    let itself = shape("select 1 from t a join t b on a.parent = b.id where a.lo < a.hi");
    assert_eq!(itself.predicates, [on("t", "hi", Operator::Other), join("t", "id"), on("t", "lo", Operator::Other), join("t", "parent"),]);
    assert_eq!((itself.joins, itself.complexity), (1, 2 + 1 + 4));
}

#[test]
fn tells_what_an_index_could_serve() {
    let of = |condition: &str| {
        let shape = shape(&format!("select 1 from t where {condition}"));
        shape.predicates.iter().map(|p| (p.column.clone(), p.operator)).collect::<Vec<_>>()
    };
    let one = |operator| vec![("a".to_owned(), operator)];
    assert_eq!(of("a"), one(Operator::Equal));
    assert_eq!(of("not a"), one(Operator::Equal));
    assert_eq!(of("a is true"), one(Operator::Equal));
    assert_eq!(of("$1 = a"), one(Operator::Equal));
    assert_eq!(of("a = any($1)"), one(Operator::In));
    assert_eq!(of("a in ($1 /*, ... */)"), one(Operator::In));
    assert_eq!(of("a > now() - interval $1"), one(Operator::Range));
    assert_eq!(of("a ~ $1"), one(Operator::Like));
    assert_eq!(of("a not like $1"), one(Operator::Other));
    assert_eq!(of("not (a = $1)"), one(Operator::Other));
    assert_eq!(of("a <> $1"), one(Operator::Other));
    assert_eq!(of("a is not null"), one(Operator::Other));
    assert_eq!(of("a not in ($1 /*, ... */)"), one(Operator::Other));
    assert_eq!(of("lower(a) = $1"), one(Operator::Other));
    assert_eq!(of("coalesce($1, a) = $2"), one(Operator::Other));
    assert_eq!(of("a::text = $1"), one(Operator::Other));
    assert_eq!(of("a ->> $1 = $2"), one(Operator::Other));
    assert_eq!(of("a @> $1"), one(Operator::Other));
    assert_eq!(of("$1 + a = $2"), one(Operator::Other));
    assert_eq!(of("$1 = $2 and exists (select 1)"), []);
    let row = vec![("a".to_owned(), Operator::Range), ("b".to_owned(), Operator::Range)];
    assert_eq!(of("(a, b) > ($1, $2)"), row);
}

#[test]
fn marks_alternatives() {
    let alternatives = |condition: &str| {
        let shape = shape(&format!("select 1 from t where {condition}"));
        shape.predicates.iter().map(|p| p.alternative).collect::<Vec<_>>()
    };
    assert_eq!(alternatives("a = $1 and (b = $2 or c = $3)"), [false, true, true]);
    assert_eq!(alternatives("not (a = $1 or b = $2)"), [false, false]);
    assert_eq!(alternatives("not (a = $1 and b = $2)"), [true, true]);
}

#[test]
fn leaves_out_common_table_expressions_where_they_are_in_sight() {
    let plain = "with recent as (select * from posts where created_at > $1) \
                 select * from recent r join users u on u.id = r.user_id";
    let shape = shape(plain);
    assert_eq!(shape.tables, ["posts", "users"]);
    assert_eq!(shape.subqueries, 1);
    let expected = [join("", "user_id"), on("posts", "created_at", Operator::Range), join("users", "id")];
    assert_eq!(shape.predicates, expected);
    for (text, tables) in [
        // The body of a shadowing expression reads the table, everything behind it does not.
        ("with users as ( select * from users where a = $1 ) select * from users", "users"),
        ("with a as ( select 1 ), b as ( select * from a ) select * from b, c", "c"),
        ("with recursive t as ( select 1 union all select n from t ) select * from t, u", "u"),
        ("with a ( x ) as not materialized ( select 1 from z ) select * from a", "z"),
        ("select * from ( with i as ( select 1 ) select * from i ) s", ""),
        ("with a as ( select 1 ) select * from s . a", "s.a"),
    ] {
        assert_eq!(verb_and_tables(text), pair("select", tables), "{text}");
        assert_eq!(gleaned(text), pair("select", tables), "{text}");
    }
    // Out of sight again behind the sub-query; words alone cannot tell.
    let scoped = "select * from (with u as (select 1) select * from u) s, u";
    assert_eq!(verb_and_tables(scoped), pair("select", "u"));
}

#[test]
fn resolves_correlated_subqueries_outwards() {
    let shape = shape(
        "select * from orders o where exists (select 1 from items i where i.order_id = o.id \
         and sku = $1) and o.user_id in (select id from users where active) order by o.id",
    );
    assert_eq!(shape.tables, ["items", "orders", "users"]);
    let in_query = Predicate { is_join: true, ..on("orders", "user_id", Operator::In) };
    assert_eq!(
        shape.predicates,
        [
            join("items", "order_id"),
            on("items", "sku", Operator::Equal),
            join("orders", "id"),
            in_query,
            on("users", "active", Operator::Equal),
        ]
    );
    assert_eq!((shape.subqueries, shape.joins), (2, 0));
}

#[test]
fn counts_set_operations_and_not_their_parentheses() {
    let shape = shape("(select a from x) union all (select a from y) union select a from z order by a limit $1");
    assert_eq!((shape.set_operations, shape.subqueries), (2, 0));
    assert_eq!(shape.tables, ["x", "y", "z"]);
    assert!(shape.limit);
    assert_eq!(shape.order_by[0].table, None);
    let wrapped = parse("(select a from x order by b limit $1)").expect("it parses");
    assert!(wrapped.limit);
    assert_eq!((wrapped.subqueries, wrapped.order_by.len()), (0, 1));
    let inner = parse("select count(*) from (select 1 from x order by b limit $1) s").expect("it parses");
    assert_eq!((inner.limit, inner.order_by.len(), inner.subqueries), (false, 0, 1));
}

#[test]
fn reads_writes() {
    let insert = shape("insert into archive (id) select id from posts p where p.old order by p.id limit $1");
    assert_eq!((insert.verb.as_str(), insert.tables.len()), ("insert", 2));
    assert_eq!((insert.subqueries, insert.limit, insert.order_by.len()), (0, true, 1));
    assert_eq!(insert.predicates, [on("posts", "old", Operator::Equal)]);
    let behind_with = shape("with p as (select 1) insert into b select * from p order by x limit $1");
    assert_eq!((behind_with.verb.as_str(), behind_with.subqueries, behind_with.limit), ("insert", 1, true));
    let update = shape("update posts p set n = n + $1 from users u where u.id = p.user_id and p.id = $2");
    assert_eq!((update.verb.as_str(), update.joins), ("update", 1));
    let expected = [on("posts", "id", Operator::Equal), join("posts", "user_id"), join("users", "id")];
    assert_eq!(update.predicates, expected);
    let delete = shape("delete from a using b where a.x = b.x and a.y < $1");
    assert_eq!((delete.verb.as_str(), delete.tables.as_slice()), ("delete", ["a", "b"].map(String::from).as_slice()));
    let expected = [join("a", "x"), on("a", "y", Operator::Range), join("b", "x")];
    assert_eq!(delete.predicates, expected);
    let merge = shape(
        "merge into t using s on t.id = s.id when matched then update set a = s.a \
         when not matched then insert (id) values (s.id)",
    );
    assert_eq!((merge.verb.as_str(), merge.joins), ("merge", 1));
    assert_eq!(merge.predicates, [join("s", "id"), join("t", "id")]);
}

#[test]
fn verbs_and_tables_agree_with_and_without_the_parser() {
    for (text, verb, tables) in [
        ("insert into t ( a ) values ( $1 ) on conflict ( a ) do update set a = excluded . a", "insert", "t"),
        ("with x as ( delete from a returning * ) insert into b select * from x", "insert", "a b"),
        ("with x as ( select 1 ) update t set a = $1 from x where t . id = x . id", "update", "t"),
        ("update only t set a = $1 , b = $2", "update", "t"),
        ("delete from only t where a = $1", "delete", "t"),
        ("select * from only t where a is distinct from b", "select", "t"),
        ("select * from \"Users\" u , \"App\" . \"users\" v , \"order\" for update of u", "select", "\"App\".users \"Users\" \"order\""),
        ("select substring ( x from $1 ) , trim ( $2 from y ) from t", "select", "t"),
        ("select * from generate_series ( $1 , $2 ) g , t , lateral ( select 1 from u ) q", "select", "t u"),
        ("select * from t cross join unnest ( $1 ) x join pg_catalog . f ( $1 ) on true", "select", "t"),
        ("select * from a join b on a . x = b . x , c where x in ( $1 , d )", "select", "a b c"),
        ("select a , b into temp n from t", "select", "n t"),
        ("( select a from x ) union ( select a from y )", "select", "x y"),
        ("values ( $1 , $2 )", "values", ""),
        ("create table if not exists s . t ( a int )", "create table", "s.t"),
        ("create temporary table t as select * from u", "create table", "t u"),
        ("create or replace view v as select * from t", "create view", "t v"),
        ("create materialized view v as select * from t", "create materialized view", "t v"),
        ("create unique index i on t ( a , b )", "create index", "t"),
        ("create trigger g before insert on t for each row execute function f ( )", "create trigger", "t"),
        ("alter table t add column a int", "alter table", "t"),
        ("drop table if exists a , s . b", "drop table", "a s.b"),
        ("drop materialized view v", "drop materialized view", "v"),
        ("drop index i", "drop index", ""),
        ("truncate table a , b", "truncate", "a b"),
        ("lock table a , b in share mode", "lock", "a b"),
        ("copy t ( a , b ) from stdin", "copy", "t"),
        ("copy ( select * from t ) to stdout", "copy", "t"),
        ("vacuum t", "vacuum", "t"),
        ("analyze t", "analyze", "t"),
        ("explain select * from t", "explain", "t"),
        ("declare c cursor for select * from t", "declare", "t"),
        ("prepare p as update t set a = $1", "prepare", "t"),
        ("grant select on t to bob", "grant", ""),
        ("start transaction", "start", ""),
        ("begin", "begin", ""),
        ("set search_path to x", "set", ""),
        ("show server_version", "show", ""),
        ("select 1 from a ; delete from b ;", "select", "a b"),
    ] {
        assert_eq!(verb_and_tables(text), pair(verb, tables), "parsed: {text}");
        assert_eq!(gleaned(text), pair(verb, tables), "gleaned: {text}");
    }
}

#[test]
fn gleans_what_the_parser_refuses() {
    for (text, verb, tables) in [
        ("select extract ( $1 from created_at ) from posts where a = $2", "select", "posts"),
        ("do $1", "do", ""),
        ("delete from only s . t where a = $1", "delete", "s.t"),
        ("delete from only ( s . t ) using u where a = $1", "delete", "s.t u"),
        ("refresh materialized view concurrently s . v", "refresh materialized view", "s.v"),
        ("vacuum ( analyze , verbose ) a , b", "vacuum", "a b"),
        ("vacuum full verbose t", "vacuum", "t"),
        ("reindex table concurrently t", "reindex", "t"),
        ("select * from t for no key update of t skip locked", "select", "t"),
        ("insert into t ( a ) values ( $1 ) on conflict ( lower ( a ) ) do nothing", "insert", "t"),
        ("select * from f ( ) as ( a int , b text ) , t", "select", "t"),
        ("select * from rows from ( f ( ) , g ( ) ) , t", "select", "t"),
        ("select array [ a , b ] from t join u on x = any ( array [ $1 , z ] ) , v", "select", "t u v"),
        ("table s . t", "table", "s.t"),
        ("merge into t using ( select * from s ) q on t . a = q . a when matched then update set a = $1 , b = $2", "merge", "s t"),
        ("revoke select on t from bob", "revoke", ""),
        ("select * from", "select", ""),
        ("select * from s .", "select", ""),
        ("with a as ( select * from t", "with", "t"),
        ("alter table only t alter column a set statistics $1", "alter table", "t"),
        ("( with a as ( select 1 from x ) select * from a ) union select 1 from y", "select", "x y"),
        ("", "", ""),
        ("; ;", "", ""),
        (") ] ) ( from join , . $1", "", ""),
        ("fetch $1 from c", "fetch", ""),
    ] {
        assert_eq!(gleaned(text), pair(verb, tables), "{text}");
    }
}

#[test]
fn answers_garbage_and_refuses_length() {
    for garbage in ["", ";", "select extract($1 from x)", "selec", "(((", "\"", "$1 $2", "from from", "\u{0}é"] {
        assert_eq!(parse(garbage), None, "{garbage}");
    }
    assert_eq!(parse(&"select 1 ".repeat(TEXT_LIMIT / 8)), None);
    let longest = format!("select a from t where b = $1{}", " ".repeat(TEXT_LIMIT - 28));
    assert!(parse(&longest).is_some());
    assert_eq!(parse(&format!("{longest} ")), None);
}

#[test]
fn survives_depth_on_a_large_stack() {
    let nested = format!("{}select a from t{}", "select a from (".repeat(25), ") s".repeat(25));
    // Beyond sqlparser's own limit: refused or read, but not fatal.
    assert!(parse_deep(nested.clone()).is_none_or(|shape| shape.subqueries == 25));
    assert_eq!(from_words(nested.replace('(', " ( ").replace(')', " ) ").split_whitespace()).1, ["t"]);

    let terms = vec!["a = $1"; 2000].join(" or ");
    let ors = parse_deep(format!("select 1 from t where {terms}")).expect("it parses");
    assert_eq!((ors.predicates.len(), ors.complexity), (1, 2001));
    assert!(ors.predicates[0].alternative);

    let unions = parse_deep(vec!["select a from t"; 700].join(" union all ")).expect("it parses");
    assert_eq!((unions.set_operations, unions.tables.len(), unions.subqueries), (699, 1, 0));
    assert_eq!(unions.complexity, 1399);

    // The deepest trees that fit into the limit.
    for (text, by) in [("a or ", 5), ("not ", 4), ("- ", 2), ("select 1 union ", 15), ("(", 1), ("case when ", 10)] {
        let most = text.repeat((TEXT_LIMIT - 40) / by);
        let head = if text.starts_with("select") { "" } else { "select 1 from t where " };
        let tail = if text.starts_with("select") { "select 1" } else { "a" };
        let _ = parse_deep(format!("{head}{most}{tail}"));
    }
    let casts = parse_deep(format!("select a{} from t", "::int".repeat(13_000))).expect("it parses");
    assert_eq!(casts.tables, ["t"]);
}
