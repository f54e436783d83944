//! Which library wrote what: every fixture of one is recognised, its lines are those that its users type, and nothing is
//! named where two contradict each other or where nothing but quotes speaks for one.

use std::collections::BTreeMap;
use std::fs;

use laggard::finding::{self, Finding, Libraries, Options};
use laggard::workload::Statement;
use serde_json::json;

use crate::corpus::fixtures;
use crate::harness::{report, settings, timed};

/// What is to be typed for one row, for many, for their number; to insert, to change and to remove.
const LINES: &[(&str, &str, [&str; 6])] = &[
    (
        "activerecord",
        "ActiveRecord",
        [
            "Book.includes(:author)",
            "Author.preload(:books)",
            "Book.group(:author_id).count",
            "Review.insert_all(rows)",
            "Book.where(id: ids).update_all(…), or Book.upsert_all(rows)",
            "Tag.where(id: ids).delete_all",
        ],
    ),
    (
        "diesel",
        "Diesel",
        [
            "books::table.inner_join(authors::table).load(conn)?",
            "Book::belonging_to(&authors).load::<Book>(conn)?.grouped_by(&authors)",
            "books::table.group_by(books::author_id).select((books::author_id, count_star())).load(conn)?",
            "diesel::insert_into(reviews::table).values(&rows).execute(conn)?",
            "diesel::update(books::table.filter(books::id.eq_any(ids))).set(values).execute(conn)?",
            "diesel::delete(reviews::table.filter(reviews::id.eq_any(ids))).execute(conn)?",
        ],
    ),
    (
        "django",
        "Django",
        [
            "Book.objects.select_related(\"author\")",
            "Author.objects.prefetch_related(\"books\")",
            "Author.objects.annotate(Count(\"books\"))",
            "Review.objects.bulk_create(rows)",
            "Book.objects.bulk_update(rows, fields), or one Book.objects.filter(id__in=ids).update(…)",
            "Tag.objects.filter(id__in=ids).delete()",
        ],
    ),
    (
        "doctrine",
        "Doctrine",
        [
            "SELECT b, a FROM Book b LEFT JOIN b.author a",
            "SELECT a, b FROM Author a LEFT JOIN a.books b",
            "",
            "one $em->flush() behind the loop; for many rows of Review one INSERT of DBAL",
            "UPDATE Book b SET … WHERE b.id IN (:ids)",
            "DELETE Review r WHERE r.id IN (:ids)",
        ],
    ),
    (
        "drizzle",
        "Drizzle",
        [
            "db.query.books.findMany({ with: { author: true } })",
            "db.query.authors.findMany({ with: { books: true } })",
            "db.select({ authorId: books.authorId, n: count() }).from(books).groupBy(books.authorId)",
            "db.insert(authors).values(rows)",
            "db.update(books).set(values).where(inArray(books.id, ids))",
            "db.delete(authors).where(inArray(authors.id, ids))",
        ],
    ),
    (
        "ecto",
        "Ecto",
        [
            "Repo.preload(books, :author)",
            "Repo.preload(authors, :books)",
            "Repo.all(from b in Book, group_by: b.author_id, select: {b.author_id, count(b.id)})",
            "Repo.insert_all(Review, rows)",
            "Repo.update_all(from(b in Book, where: b.id in ^ids), set: […])",
            "Repo.delete_all(from(r in Review, where: r.id in ^ids))",
        ],
    ),
    (
        "ef-core",
        "EF Core",
        [
            "context.Books.Include(b => b.Author)",
            "context.Authors.Include(a => a.Books)",
            "context.Authors.Select(a => new { a.Id, Count = a.Books.Count() })",
            "context.Reviews.AddRange(rows) and one SaveChanges()",
            "context.Books.Where(b => ids.Contains(b.Id)).ExecuteUpdate(…)",
            "context.Reviews.Where(r => ids.Contains(r.Id)).ExecuteDelete()",
        ],
    ),
    (
        "ef6",
        "Entity Framework 6",
        [
            "context.Books.Include(b => b.Author)",
            "context.Authors.Include(a => a.Books)",
            "",
            "context.Reviews.AddRange(rows) and one SaveChanges()",
            "one SaveChanges() behind the loop over context.Books",
            "context.Reviews.RemoveRange(rows) and one SaveChanges()",
        ],
    ),
    (
        "eloquent",
        "Eloquent",
        [
            "Book::with('author')->get()",
            "Author::with('books')->get()",
            "Author::withCount('books')->get()",
            "Review::insert($rows)",
            "Book::whereIn('id', $ids)->update([…]), or Book::upsert($rows, ['id'])",
            "Review::whereIn('id', $ids)->delete()",
        ],
    ),
    (
        "gorm",
        "GORM",
        [
            "db.Joins(\"Author\").Find(&books)",
            "db.Preload(\"Books\").Find(&authors)",
            "db.Model(&Book{}).Select(\"author_id, count(*)\").Group(\"author_id\").Scan(&counts)",
            "db.CreateInBatches(reviews, 100)",
            "db.Model(&Book{}).Where(\"id IN ?\", ids).Updates(values)",
            "db.Where(\"id IN ?\", ids).Delete(&Review{})",
        ],
    ),
    (
        "hibernate",
        "Hibernate",
        [
            "SELECT b FROM Book b JOIN FETCH b.author",
            "@BatchSize(size = 50) on Author.books",
            "SELECT b.author.id, COUNT(b) FROM Book b GROUP BY b.author.id",
            "hibernate.jdbc.batch_size=50 and hibernate.order_inserts=true",
            "UPDATE Book b SET … WHERE b.id IN :ids",
            "DELETE FROM Review r WHERE r.id IN :ids",
        ],
    ),
    (
        "objection",
        "Objection.js (Knex)",
        [
            "Book.query().withGraphFetched('author')",
            "Author.query().withGraphFetched('books')",
            "",
            "Review.query().insert(rows)",
            "Book.query().patch(values).whereIn('id', ids)",
            "Review.query().delete().whereIn('id', ids)",
        ],
    ),
    (
        "prisma",
        "Prisma",
        [
            "prisma.book.findMany({ include: { author: true } })",
            "prisma.author.findMany({ include: { books: true } })",
            "prisma.author.findMany({ include: { _count: { select: { books: true } } } })",
            "prisma.review.createMany({ data: rows })",
            "prisma.book.updateMany({ where: { id: { in: ids } }, data })",
            "prisma.review.deleteMany({ where: { id: { in: ids } } })",
        ],
    ),
    (
        "seaorm",
        "SeaORM",
        [
            "books.load_one(authors::Entity, &db).await?",
            "authors.load_many(books::Entity, &db).await?",
            "column_as(books::Column::Id.count(), \"count\").group_by(books::Column::AuthorId)",
            "reviews::Entity::insert_many(rows).exec(&db).await?",
            "books::Entity::update_many().filter(books::Column::Id.is_in(ids)).exec(&db).await?",
            "reviews::Entity::delete_many().filter(reviews::Column::Id.is_in(ids)).exec(&db).await?",
        ],
    ),
    (
        "sequelize",
        "Sequelize",
        [
            "Book.findAll({ include: Author })",
            "Author.findAll({ include: Book })",
            "Book.count({ group: [\"author_id\"] })",
            "Review.bulkCreate(rows)",
            "Book.update(values, { where: { id: ids } })",
            "Review.destroy({ where: { id: ids } })",
        ],
    ),
    (
        "sqlalchemy",
        "SQLAlchemy",
        [
            "select(Book).options(joinedload(Book.author))",
            "select(Author).options(selectinload(Author.books))",
            "select(Book.author_id, func.count()).group_by(Book.author_id)",
            "session.execute(insert(Review), rows)",
            "session.execute(update(Book), rows)",
            "session.execute(delete(Review).where(Review.id.in_(ids)))",
        ],
    ),
    (
        "typeorm",
        "TypeORM",
        [
            "dataSource.getRepository(Book).find({ relations: { author: true } })",
            "dataSource.getRepository(Author).find({ relations: { lazyBooks: true } })",
            "",
            "dataSource.getRepository(Review).insert(rows)",
            "dataSource.getRepository(Book).update({ id: In(ids) }, values)",
            "dataSource.getRepository(Tag).delete({ id: In(ids) })",
        ],
    ),
];

fn log(rule: &str, id: &str) -> String {
    fs::read_to_string(fixtures().join(format!("rules/{rule}/hit-orm-{id}.log"))).expect("a fixture")
}

/// Everything that one library wrote.
fn whole(id: &str) -> String {
    log("n-plus-one", id) + &log("write-loop", id)
}

fn findings(log: &str) -> Vec<Finding> {
    let reading = laggard::read(vec![laggard::Input::Memory("pg.log".into(), log.into())], &settings()).expect("settings are right");
    finding::check(&reading.workload, &Options::default())
}

/// The libraries of a log's statements; those of none are `None`.
fn libraries(log: String) -> BTreeMap<String, Option<String>> {
    let reading = laggard::read(vec![laggard::Input::Memory("pg.log".into(), log.into())], &settings()).expect("settings are right");
    let libraries = Libraries::of(&reading.workload);
    let name = |statement: &Statement| libraries.of_statement(statement.fingerprint).map(|(name, _)| name.to_owned());
    reading.workload.statements().map(|statement| (statement.text.clone(), name(statement))).collect()
}

#[test]
fn the_remedy_is_what_the_users_of_a_library_type() {
    for (id, name, lines) in LINES {
        for (rule, lines) in [("n-plus-one", &lines[..3]), ("write-loop", &lines[3..])] {
            let found = findings(&log(rule, id));
            for line in lines.iter().filter(|line| !line.is_empty()) {
                let bears = |finding: &Finding| finding.remedy.starts_with(&format!("{name}: ")) && finding.remedy.contains(line);
                assert!(found.iter().any(bears), "{id}: {line} is in none of {:?}", found.iter().map(|f| &f.remedy).collect::<Vec<_>>());
            }
            assert!(found.iter().all(|finding| finding.data["orm"]["name"] == json!(id)), "{id}: {found:?}");
        }
    }
    let found = findings(&log("n-plus-one", "hibernate-3"));
    assert!(found.iter().any(|finding| finding.remedy.contains("SELECT b FROM Book b JOIN FETCH b.author")), "{found:?}");
}

#[test]
fn libraries_are_not_taken_for_each_other() {
    for (id, ..) in LINES {
        let found = libraries(whole(id));
        let named = found.values().flatten().count();
        assert!(found.values().flatten().all(|name| name == id), "{id}: {found:?}");
        assert!(named * 2 > found.len(), "{id}: only {named} of {found:?}");
    }
}

/// Any two of them in one application contradict each other, and each is known again once it has a name of its own. Texts
/// that both write have the handwriting of the first, so little may be left of the second; it is never the first's.
#[test]
fn where_two_contradict_none_is_named() {
    let (mut pairs, mut named) = (0, Vec::new());
    for (at, (one, ..)) in LINES.iter().enumerate() {
        let ones = libraries(whole(one));
        for (other, ..) in &LINES[at + 1..] {
            let in_web = |id: &str| whole(id).replace(&format!("shop/{id} "), "shop/web ");
            let together = in_web(one) + &in_web(other);
            let found = libraries(together.clone());
            pairs += 1;
            if found.values().any(Option::is_some) {
                named.push((*one, *other));
                assert!(
                    found.iter().all(|(text, name)| name.is_none() || (ones.contains_key(text) && name.as_deref() == Some(one))),
                    "{found:?}"
                );
            } else if LINES.get(at + 1).is_some_and(|(next, ..)| next == other) {
                assert!(findings(&together).iter().all(|found| found.remedy.ends_with("(unknown ORM)") && found.data["orm"].is_null()));
            }
        }
        let Some((other, ..)) = LINES.get(at + 1) else { continue };
        let apart = libraries(whole(one) + &whole(other));
        let names: Vec<&str> = apart.values().flatten().map(String::as_str).collect();
        assert!(names.contains(one) && names.iter().all(|name| name == one || name == other), "{one} and {other}: {apart:?}");
    }
    assert!(named.len() * 20 <= pairs, "of {pairs}: {named:?}");
}

/// Values, comments and columns that look like signs are none, nor is SQL by hand, however it is quoted.
#[test]
fn sql_by_hand_has_no_library() {
    let texts = [
        "SELECT * FROM books WHERE author_id = 7",
        "SELECT \"id\", \"title\" FROM \"books\" WHERE \"id\" = 7",
        "select \"id\", \"title\" from \"books\" where \"id\" = 7 limit 1",
        "SELECT b.id, b.title FROM books b JOIN authors a ON a.id = b.author_id WHERE a.name = 'AS imp_sen(p0, '",
        "SELECT count(*) FROM books /* \"__count\" */",
        "SELECT id AS count_all FROM books WHERE note = 'SELECT COUNT(*) AS \"__count\"'",
        "UPDATE books SET price = 3 WHERE id = 7",
        "UPDATE books SET price=3 WHERE books.id = 7",
        "INSERT INTO books (title) VALUES ('distinctAlias') RETURNING id",
        "SELECT id, title\nFROM books\nWHERE id = 7",
        "SELECT u.\"id\", u.\"name\" FROM \"users\" u WHERE u.\"id\" = 1",
        "SELECT \"pilots\".* FROM \"pilots\" WHERE (\"pilots\".\"id\" = 7);",
        "SELECT \"jets\".* FROM \"jets\" WHERE (\"jets\".\"pilot_id\" = 7);",
        "SELECT \"hangars\".* FROM \"hangars\" WHERE (\"hangars\".\"id\" = 7) LIMIT 1;",
    ];
    let all: String = texts.iter().map(|text| timed(7, 400, "statement", &text.replace('\n', "\n\t"))).collect();
    let found = libraries(all);
    assert!(found.len() > 8 && found.values().all(Option::is_none), "{found:?}");
}

/// A text that two programs share is of the one whose others are of that library, and of none where they differ.
#[test]
fn shared_texts_count_for_nobody_else() {
    let django = whole("django");
    let shared =
        "SELECT \"authors\".\"id\", \"authors\".\"name\", \"authors\".\"email\" FROM \"authors\" WHERE \"authors\".\"id\" = 3 LIMIT 21";
    let by_hand = timed(7, 400, "statement", shared).replace("app@shop/web", "app@shop/scripts");
    let found = libraries(django.clone() + &by_hand + &timed(7, 400, "statement", "SELECT a FROM t").replace("shop/web", "shop/scripts"));
    assert_eq!(found["select a from t"], None);
    let rails = libraries(django + &whole("activerecord"));
    assert_eq!(rails["delete from tags where tags.id = $1"], None, "both wrote it");
}

/// Counters know no values: the same statements with `$n` in their place, as `pg_stat_statements` shows them.
#[test]
fn texts_without_values_are_recognised() {
    let known = [
        (
            "activerecord",
            [
                "SELECT $3 AS one FROM \"t\" WHERE \"t\".\"a\" = $1 LIMIT $2",
                "SELECT \"t\".* FROM \"t\" WHERE \"t\".\"a\" = $1",
                "SELECT \"u\".* FROM \"u\" LIMIT $1",
            ],
        ),
        (
            "django",
            [
                "SELECT $2 AS \"a\" FROM \"t\" WHERE \"t\".\"b\" = $1 LIMIT $3",
                "SELECT COUNT(*) AS \"__count\" FROM \"t\"",
                "SELECT COUNT(*) AS \"__count\" FROM \"u\"",
            ],
        ),
        (
            "eloquent",
            [
                "select * from \"t\" where \"t\".\"a\" = $1 and \"t\".\"a\" is not null",
                "select count(*) as aggregate from \"t\"",
                "select * from \"u\" where \"u\".\"a\" = $1 and \"u\".\"a\" is not null limit $2",
            ],
        ),
    ];
    for (id, texts) in known {
        let rows: String = texts
            .iter()
            .enumerate()
            .map(|(n, text)| format!("10,5,t,{n},\"{}\",4,10,1,4,2.5,1.1,4\n", text.replace('"', "\"\"")))
            .collect();
        let found = libraries(format!(
            "userid,dbid,toplevel,queryid,query,calls,total_exec_time,min_exec_time,max_exec_time,mean_exec_time,stddev_exec_time,rows\n{rows}"
        ));
        assert!(found.len() == 3 && found.values().all(|name| name.as_deref() == Some(id)), "{id}: {found:?}");
    }
}

/// As JSON tells it.
#[test]
fn a_report_names_the_library_of_a_statement() {
    let facts = report(log("n-plus-one", "django"));
    let statement = facts.statement("select count(*) as __count from books where books.author_id = $1");
    assert_eq!(statement.value("orm"), &json!({"name": "django", "confidence": "high"}));
    assert!(report(timed(7, 400, "statement", "SELECT a FROM t")).only().is_unknown("orm"));
}

#[test]
fn a_tag_names_the_framework() {
    let log: String = ["SELECT * FROM t WHERE id = 7", "SELECT \"t\".\"a\" FROM \"t\""]
        .map(|text| timed(7, 400, "statement", &format!("{text} /*framework='django%3A5.2',route='x'*/")))
        .concat();
    let found = libraries(log);
    assert_eq!(found["select t.a from t"].as_deref(), Some("django"));
    assert_eq!(found["select * from t where id = $1"], None, "by hand, whoever sent it");
}
