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
            "select query like '%distinct on (queryid)%', query like '%.pg_stat_statements(%', calls, total_exec_time, min_exec_time, shared_blks_hit
             from pg_stat_statements where query like '%/* laggard */%'",
        );
        // Texts, counters, everything else: milliseconds of one snapshot, of the quickest of each, and blocks.
        let mut costs = [(0.0, 0.0, 0); 3];
        for line in told.lines() {
            let cells: Vec<&str> = line.split('|').collect();
            assert_eq!(number::<u64>(cells[2]) % TIMES, 0, "{line}");
            let each = number::<u64>(cells[2]) / TIMES;
            let cost = &mut costs[if cells[0] == "t" {
                0
            } else if cells[1] == "t" {
                1
            } else {
                2
            }];
            cost.0 += number::<f64>(cells[3]) / TIMES as f64;
            cost.1 += number::<f64>(cells[4]) * each as f64;
            cost.2 += number::<u64>(cells[5]) / TIMES;
        }
        assert!(costs.iter().all(|cost| cost.0 > 0.0), "{told}");
        let [texts, counters, others] =
            costs.map(|(mean, least, blocks)| format!("{mean:.1} ms ({least:.1} at the quickest, {blocks} blocks)"));
        let _ = writeln!(
            std::io::stderr(),
            "snapshot of {entries} entries on PostgreSQL {major}: counters {counters}, everything else but texts {others}, texts {texts}"
        );
    }
}
