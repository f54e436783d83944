//! What a snapshot costs the server, as the server itself counts it.

use std::io::Write as _;

use super::{Bench, crowd, number};

/// With 5 000 entries. No limit is asserted, because another machine is another time; `--nocapture` is not needed to see it.
#[test]
fn what_a_snapshot_of_5000_entries_costs_is_counted_by_the_server() {
    for major in [15, 18] {
        let Some(bench) = Bench::start(major, &[("pg_stat_statements.max", "6000")]) else { return };
        bench.script(&crowd(5_000));
        let entries: u64 = number(bench.sql("select count(*) from pg_stat_statements where query like 'select $1 %'").trim());
        assert_eq!(entries, 5_000);
        const TIMES: u64 = 5;
        for _ in 0..TIMES {
            bench.snapshot("a.snap");
        }
        let told = bench.sql(
            "select query like '%pg_stat_statements(true)%', query like '%pg_stat_statements(false)%', calls, total_exec_time, shared_blks_hit
             from pg_stat_statements where query like '%/* laggard */%'",
        );
        // Texts, counters, everything else: milliseconds and blocks of one snapshot.
        let mut costs = [(0.0, 0); 3];
        for line in told.lines() {
            let cells: Vec<&str> = line.split('|').collect();
            assert_eq!(number::<u64>(cells[2]) % TIMES, 0, "{line}");
            let of = if cells[0] == "t" {
                0
            } else if cells[1] == "t" {
                1
            } else {
                2
            };
            costs[of].0 += number::<f64>(cells[3]) / TIMES as f64;
            costs[of].1 += number::<u64>(cells[4]) / TIMES;
        }
        let [texts, counters, others] = costs;
        assert!(texts.0 > 0.0 && counters.0 > 0.0 && others.0 > 0.0, "{told}");
        let _ = writeln!(
            std::io::stderr(),
            "snapshot of {entries} entries on PostgreSQL {major}: counters {:.1} ms, everything else but texts {:.1} ms, texts {:.1} ms",
            counters.0,
            others.0,
            texts.0
        );
    }
}
