use std::collections::BTreeSet;

use super::*;

#[test]
fn libraries_have_names_of_their_own() {
    let ids: BTreeSet<&str> = ALL.iter().map(|library| library.id).collect();
    assert_eq!(ids.len(), ALL.len());
    assert!(ids.iter().all(|id| id.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')), "{ids:?}");
}

/// A sign of one is no sign of another: what it shows would say nothing.
#[test]
fn signs_have_words_of_their_own() {
    let shown: Vec<&str> = ALL.iter().flat_map(|library| library.signs).map(|sign| sign.shown).collect();
    let different: BTreeSet<&str> = shown.iter().copied().collect();
    assert_eq!(different.len(), shown.len());
}

use super::task::tests::task;
use crate::workload::burst::Class;

fn line(id: &str, child: &str, parent: Option<&str>) -> (String, bool) {
    let library = ALL.iter().find(|library| library.id == id).expect("known");
    let task = task(Class::Reads, child, parent).expect("a task");
    ((library.mend)(&task).expect("a line"), task.is_guess)
}

#[test]
fn associations_are_named_after_columns_and_tables() {
    let items = "select order_items.id, order_items.order_id from order_items where order_items.order_id = $1";
    let orders = "select orders.id, orders.placed_at from orders limit $1";
    for (id, expected) in [
        ("django", "Order.objects.prefetch_related(\"items\")"),
        ("activerecord", "Order.preload(:order_items)"),
        ("sqlalchemy", "select(Order).options(selectinload(Order.items))"),
        ("prisma", "prisma.order.findMany({ include: { orderItems: true } })"),
        ("gorm", "db.Preload(\"OrderItems\").Find(&orders)"),
        ("eloquent", "Order::with('orderItems')->get()"),
    ] {
        assert_eq!(line(id, items, Some(orders)), (expected.to_owned(), false), "{id}");
    }
    let through = "select tags.* from tags inner join books_tags on tags.id = books_tags.tag_id where books_tags.book_id = $1";
    assert_eq!(line("activerecord", through, Some("select books.* from books limit $1")), ("Book.preload(:tags)".to_owned(), false));
    let polymorphic = "select * from comments where comments.commentable_type = $1 and comments.commentable_id = $2";
    assert_eq!(line("eloquent", polymorphic, Some("select * from posts limit $1")), ("Post::with('comments')->get()".to_owned(), false));
    let tree = "select categories.* from categories where categories.parent_id = $1";
    assert_eq!(line("activerecord", tree, Some("select categories.* from categories limit $1")).0, "Category.preload(:children)");
    let owned = "select projects.* from projects where projects.owner_id = $1";
    assert_eq!(line("activerecord", owned, Some("select users.* from users limit $1")), ("User.preload(:projects)".to_owned(), true));
    assert_eq!(line("activerecord", owned, None), ("Owner.preload(:projects)".to_owned(), true));
    let email = "select users.* from users where users.email = $1 limit $2";
    assert_eq!(line("activerecord", email, None), ("User.where(email: values)".to_owned(), false));
    let exists = "select $1 as one from orders where orders.user_id = $2 limit $3";
    assert_eq!(line("activerecord", exists, None).0, "Order.where(user_id: ids).distinct.pluck(:user_id)");
}

#[test]
fn what_a_row_points_to_bears_the_name_of_its_column() {
    let users = "select users.id, users.name from users where users.id = $1 limit $2";
    let with = |columns: &str| format!("select tickets.id, {columns} from tickets limit $1");
    let named = |columns: &str| line("django", users, Some(&with(columns)));
    assert_eq!(named("tickets.user_id, tickets.queue_id"), ("Ticket.objects.select_related(\"user\")".to_owned(), false));
    assert_eq!(named("tickets.assignee_id"), ("Ticket.objects.select_related(\"assignee\")".to_owned(), false));
    assert_eq!(named("tickets.assignee_id, tickets.reporter_id"), ("Ticket.objects.select_related(\"user\")".to_owned(), true));
    assert_eq!(line("django", users, None).0, "User.objects.filter(id__in=ids)");
}

/// The column stands in the table between, so nothing of the child bears its name.
#[test]
fn what_lies_beyond_a_table_between_is_told_by_its_association() {
    let count = "select count(*) from clients join relationships on clients.id = relationships.client_id where relationships.firm_id = $1";
    let firms = Some("select firms.* from firms");
    for (id, expected) in [
        ("activerecord", "Firm.joins(:clients).group(:id).count"),
        ("django", "Firm.objects.annotate(Count(\"clients\"))"),
        ("sqlalchemy", "select(Firm).options(selectinload(Firm.clients))"),
        ("eloquent", "Firm::withCount('clients')->get()"),
    ] {
        assert_eq!(line(id, count, firms), (expected.to_owned(), false), "{id}");
    }
    let exists = "select $1 as one from teachers join students_teachers on teachers.id = students_teachers.teacher_id where students_teachers.student_id = $2 limit $3";
    assert_eq!(line("activerecord", exists, Some("select students.* from students")).0, "Student.preload(:teachers)");
    let labels = "select shop_label.id from shop_label join shop_order_labels on (shop_label.id = shop_order_labels.label_id) where shop_order_labels.order_id = $1";
    let orders = Some("select shop_order.id, shop_order.no from shop_order limit $1");
    assert_eq!(line("django", labels, orders), ("Order.objects.prefetch_related(\"labels\")".to_owned(), false));
    let back = "select shop_order.id from shop_order join shop_order_labels on (shop_order.id = shop_order_labels.order_id) where shop_order_labels.label_id = $1";
    let all = Some("select shop_label.id, shop_label.name from shop_label limit $1");
    assert_eq!(line("django", back, all), ("Label.objects.prefetch_related(\"order_set\")".to_owned(), false));
}

/// A join has columns of several tables, so its first table is not known to be the owner.
#[test]
fn what_a_join_points_to_is_a_guess() {
    let newspapers = "select newspapers.* from newspapers where newspapers.id = $1 limit $2";
    let joined = "select comments.id as t0_r0, comments.post_id as t0_r1, users.newspaper_id as t1_r1 from comments left join users on users.id = comments.user_id";
    assert_eq!(line("activerecord", newspapers, Some(joined)), ("Comment.includes(:newspaper)".to_owned(), true));
}

/// `shop_order` and `shop_orderitem` are what Django makes of `Order` and `OrderItem` by itself.
#[test]
fn django_names_tables_after_applications() {
    let items = "select shop_orderitem.id, shop_orderitem.order_id from shop_orderitem where shop_orderitem.order_id = $1";
    let orders = "select shop_order.id, shop_order.customer_id from shop_order limit $1";
    assert_eq!(line("django", items, Some(orders)), ("Order.objects.prefetch_related(\"orderitem_set\")".to_owned(), false));
    let user = "select auth_user.id, auth_user.username from auth_user where auth_user.id = $1 limit $2";
    let posts = "select blog_post.id, blog_post.user_id from blog_post limit $1";
    assert_eq!(line("django", user, Some(posts)), ("Post.objects.select_related(\"user\")".to_owned(), false));
}

/// A text of Sequelize calls its table by the model.
#[test]
fn models_are_called_as_texts_call_them() {
    let child = "select id, name from people as \"Customer\" where \"Customer\".id = $1";
    let parent = "select id, customer_id from purchases as \"Purchase\" limit $1";
    assert_eq!(line("sequelize", child, Some(parent)).0, "Purchase.findAll({ include: Customer })");
}
