//! Nanoseconds an event: folding rows of 1 000 sessions and 1 000 statements, with and without what the rules ask for, and
//! the rules themselves.
//!
//! Each session does requests: some in transactions, some not, every tenth one a loop over rows. What sessions do is
//! interleaved at random by a fixed seed, so neighbouring rows rarely belong to one session.

use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use laggard::event::{Event, Item, Step, Who};
use laggard::finding::{self, Options};
use laggard::sql::lexer::Dialect;
use laggard::units::{Micros, Timestamp};
use laggard::workload::digest::Digest;
use laggard::workload::{Parsed, Rules, Workload};

const SESSIONS: usize = 1_000;
const STATEMENTS: u64 = 1_000;
const EVENTS: usize = 1_000_000;
/// Rows in a block of 1 MiB.
const BLOCK: usize = 7_000;

/// A generator of the family of MMIX, which is good enough to shuffle.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

/// The texts of one request, in order.
fn request(random: &mut Random) -> Vec<String> {
    let mut texts = Vec::new();
    let in_transaction = random.below(2) == 0;
    if in_transaction {
        texts.push("BEGIN".to_owned());
    }
    for _ in 0..=random.below(6) {
        let (table, key) = (random.below(STATEMENTS / 4), random.below(1_000_000));
        texts.push(match random.below(4) {
            0 => format!("select id, name from t{table} where id = {key}"),
            1 => format!("select id, owner_id from t{table} where tenant_id = {key} order by id limit 20"),
            2 => format!("update t{table} set seen = {key} where id = {key}"),
            _ => format!("insert into t{table} (a, b) values ({key}, 'x')"),
        });
    }
    if random.below(10) == 0 {
        let table = random.below(STATEMENTS / 4);
        texts.push(format!("select id, owner_id from t{table} where tenant_id = 7 order by id limit 20"));
        texts.extend((0..20).map(|key| format!("select id, name from t{table} where id = {key}")));
    }
    if in_transaction {
        texts.push("COMMIT".to_owned());
    }
    texts
}

/// Blocks of rows; `extended` sends each statement as parse, bind and execute.
fn blocks(extended: bool) -> Vec<Parsed> {
    let mut random = Random(42);
    let mut open: Vec<Vec<String>> = vec![Vec::new(); SESSIONS];
    let mut digest = Digest::new(Dialect::default());
    let (mut blocks, mut now, mut rows) = (Vec::new(), 1_700_000_000_000_000_i64, 0);
    while rows < EVENTS {
        let session = usize::try_from(random.below(SESSIONS as u64)).expect("small");
        if open[session].is_empty() {
            open[session] = request(&mut random);
            open[session].reverse();
        }
        let text = open[session].pop().expect("just filled");
        now += 20;
        let who = Who { session: session as u64 + 1, user: Some(b"app"), database: Some(b"shop"), application: Some(b"web"), host: None };
        let steps: &[Step] = if extended { &[Step::Parse, Step::Bind, Step::Execute] } else { &[Step::Simple] };
        for &step in steps {
            let event = Event {
                ended: Timestamp(now),
                took: Some(Micros(random.below(900) + 100)),
                who,
                sql: Some(text.as_bytes()),
                step,
                portal: None,
                plan: None,
                detail: None,
                query_id: None,
                transaction: 0,
                rows: None,
                at: 0,
            };
            digest.item(&Item::Event(event));
            rows += 1;
            if rows % BLOCK == 0 {
                blocks.push(digest.finish());
            }
        }
    }
    blocks
}

fn folded(blocks: &[Parsed], without_findings: bool) -> Workload {
    let mut workload = Workload::new(Rules { without_findings, ..Rules::default() });
    blocks.iter().for_each(|block| workload.fold(0, block));
    workload.finish();
    workload
}

fn fold(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("fold");
    group.sample_size(10);
    for (protocol, extended) in [("simple", false), ("extended", true)] {
        let blocks = blocks(extended);
        group.throughput(Throughput::Elements(blocks.iter().map(Parsed::lines).sum()));
        for (rules, without_findings) in [("without findings", true), ("with findings", false)] {
            group.bench_function(format!("{protocol}, {rules}"), |b| {
                b.iter_with_large_drop(|| folded(black_box(&blocks), without_findings));
            });
        }
        group.bench_function(format!("{protocol}, the rules"), |b| {
            let workload = folded(&blocks, false);
            b.iter_batched(Options::default, |options| finding::check(&workload, &options), BatchSize::SmallInput);
        });
    }
    group.finish();
}

criterion_group!(benches, fold);
criterion_main!(benches);
