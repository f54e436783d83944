//! Units of work: in how many each statement ran, by hand.

use laggard::workload::Workload;
use laggard::workload::burst::Bond;

/// Lines of process 7, a second apart: statements by their texts, each of 1 ms.
fn workload(texts: &[&str]) -> Workload {
    let line = |(second, text): (usize, &&str)| {
        format!(
            "2026-11-23 05:{:02}:{:02}.504 UTC [7] app@shop/web LOG:  duration: 1.000 ms  statement: {text}\n",
            second / 60,
            second % 60
        )
    };
    let log: String = texts.iter().enumerate().map(line).collect();
    let settings = crate::harness::stderr(crate::harness::PREFIX);
    laggard::read(vec![laggard::Input::Memory("pg.log".into(), log.into())], &settings).expect("settings make sense").workload
}

fn units(workload: &Workload, text: &str) -> (u64, u64) {
    let statement = workload.statements().find(|statement| statement.text == text);
    let statement = statement.unwrap_or_else(|| panic!("{text} among {:?}", workload.statements().map(|s| &s.text).collect::<Vec<_>>()));
    (statement.calls(), statement.units)
}

#[test]
fn a_transaction_a_request_and_a_lone_call_are_units() {
    let (read, loose) = ("select * from line where id = 1", "select * from customer where id = 2");
    let tagged = "select * from basket where id = 3 /*route='cart',request_id='r1'*/";
    let other = "select * from basket where id = 3 /*route='cart',request_id='r2'*/";
    // Two transactions of three and of one read, two calls a second apart, two requests of two calls and of one.
    let workload = workload(&[
        "begin",
        read,
        read,
        read,
        "commit",
        "begin",
        read,
        "insert into seen (id) values (1)",
        "commit",
        loose,
        loose,
        tagged,
        tagged,
        other,
    ]);
    assert_eq!(units(&workload, "select * from line where id = $1"), (4, 2));
    assert_eq!(units(&workload, "insert into seen(id) values ($1)"), (1, 1));
    assert_eq!(units(&workload, "select * from customer where id = $1"), (2, 2));
    assert_eq!(units(&workload, "select * from basket where id = $1"), (3, 2));
    assert_eq!(units(&workload, "begin"), (2, 0));
    let totals = workload.units();
    assert_eq!([Bond::Segment, Bond::Transaction, Bond::Tag].map(|bond| totals.of(bond)), [2, 2, 2]);
    assert_eq!(totals.endpoints().collect::<Vec<_>>(), [("cart", 2)]);
    let basket = workload.statements().find(|s| s.text.contains("basket")).and_then(laggard::workload::Statement::calls_per_unit);
    assert_eq!(basket, Some(1.5));
}
