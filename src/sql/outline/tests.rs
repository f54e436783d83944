use super::*;

fn relation(child: &Outline, parent: &Outline) -> u8 {
    Relatable::of(child).relation(&Relatable::of(parent))
}

fn keys(text: &str) -> Vec<(String, String)> {
    Outline::of(text).keys.into_iter().map(|key| (key.table.unwrap_or_default(), key.column)).collect()
}

fn pair(table: &str, column: &str) -> (String, String) {
    (table.to_owned(), column.to_owned())
}

#[test]
fn keys_are_found_wherever_they_stand() {
    let books = pair("books", "author_id");
    for text in [
        "select books.* from books where books.author_id = $1",
        "select b.id from books b where $1::bigint = b.author_id",
        "select b.id from public.books as b where b.author_id in ($1 /*, ... */)",
        "select id from books where author_id::bigint = any ($1)",
        "select count(*) from (select books.id from books where (books.author_id = $1 and $2 = $3)) as sub",
        "delete from books where author_id = $1::timestamp with time zone",
        "update books set author_id = $1, price = $2 where books.author_id = $3",
    ] {
        assert_eq!(keys(text), std::slice::from_ref(&books), "{text}");
    }
    assert_eq!(
        keys("select tags.* from tags join books_tags on books_tags.book_id in ($1 /*, ... */) and books_tags.tag_id = tags.id"),
        [pair("books_tags", "book_id")]
    );
    assert_eq!(keys("select * from books where id > $1 order by id limit $2"), []);
    assert!(!Outline::of("select * from books where state = $3 and id > $1 order by id limit $2").is_by_key());
}

#[test]
fn statements_have_their_roles() {
    for (text, role) in [
        ("begin", Role::Begin),
        ("start transaction", Role::Begin),
        ("commit", Role::End),
        ("rollback to savepoint $1", Role::Chatter),
        ("rollback", Role::End),
        ("discard all", Role::Anew),
        ("select $1", Role::Chatter),
        ("select nextval($1)", Role::Chatter),
        ("select a.attname from pg_attribute a where a.attrelid = $1", Role::Chatter),
        ("select exists(select $1 from t where a = $2)", Role::Read),
        ("with x as (select $1) update t set a = $2 where id = $3", Role::Change),
        ("insert into t(a) values ($1)", Role::Insert),
        ("vacuum t", Role::Other),
    ] {
        assert_eq!(Outline::of(text).role, role, "{text}");
    }
}

#[test]
fn children_know_their_parents() {
    let of = |child: &str, parent: &str| relation(&Outline::of(child), &Outline::of(parent));
    let books = "select books.id, books.author_id, books.title from books limit $1";
    let authors = "select authors.id, authors.name from authors order by authors.id limit $1";
    assert_eq!(of("select authors.id from authors where authors.id = $1 limit $2", books), 2);
    assert_eq!(of("select books.* from books where books.author_id = $1", authors), 2);
    assert_eq!(of("select books.* from books where books.author_id = $1", "select * from authors where authors.id > $1"), 2);
    assert_eq!(of("update authors set name = $1 where id = $2", authors), 2);
    assert_eq!(of("select * from users where id = $1", books), 1, "by another name");
    assert_eq!(of("select * from users where id = $1", "select count(*) from books"), 0);
    // Expressions alone are rows all the same; a value or EXISTS only asks whether there are any.
    let named = "select coalesce(author_id, $1) as author_id, lower(title) as title from books limit $2";
    assert_eq!(of("select * from books where id = $1", named), 1);
    assert_eq!(of("select * from books where id = $1", "select $1 as one from books where title = $2 limit $3"), 0);
    assert_eq!(of("select * from books where id = $1", "select exists(select $1 from books where title = $2)"), 0);
    assert_eq!(of("select * from order_items where order_id = $1", "select id, placed_at from orders where placed_at > $1"), 2);
}

#[test]
fn a_look_for_rows_is_no_parent() {
    let of = |child: &str, parent: &str| relation(&Outline::of(child), &Outline::of(parent));
    let update = "update chairs set name = $1 where chairs.id = $2";
    assert_eq!(of(update, "select $1 as one from names where names.name = $2 limit $3"), 0);
    assert_eq!(of(update, "select $1 as one from chairs where chairs.name = $2 and chairs.id != $3 limit $4"), 0);
    assert_eq!(of(update, "select exists (select * from chairs where name = $1) as found from chairs"), 0);
    assert_eq!(of(update, "select names.* from names where names.name = $1"), 2, "its rows may point to chairs");
}

#[test]
fn a_column_may_be_named_for_what_it_points_to() {
    let of = |child: &str, parent: &str| relation(&Outline::of(child), &Outline::of(parent));
    let authors = "select a.id, a.name from authors a";
    assert_eq!(of("select * from book where book.author = $1", authors), 2);
    assert_eq!(of("select * from books where books.author_books = $1", authors), 1);
    assert_eq!(of("select * from books where books.authority = $1", authors), 0);
    assert_eq!(of("select * from authors where authors.author = $1", authors), 0, "of the table itself");
    assert_eq!(of("select * from author where id = $1", "select b.id, b.author, b.title from book b"), 2);
    assert_eq!(of("select * from lines where blog_post = $1", "select id, title from blog_posts"), 2);
}
