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

/// How statements are sent and what the log tells of them.
#[derive(Clone, Copy, PartialEq)]
enum Log {
    /// Each in one line, with its values.
    Simple,
    /// As parse, bind and execute, each with the values in its text.
    Extended,
    /// As parse, bind and execute with `$n`, the values in a DETAIL, and `%v`: the number of its transaction.
    Bound,
}

/// A statement, its DETAIL and the number of its transaction.
#[derive(Clone)]
struct Sent {
    text: String,
    detail: Option<String>,
    transaction: u32,
}

/// The statements of one request, in order; `transactions` is how many its session has had.
fn request(random: &mut Random, log: Log, transactions: &mut u32) -> Vec<Sent> {
    let mut sent = Vec::new();
    let in_transaction = random.below(2) == 0;
    let mut send = |text: String, key: Option<u64>| {
        // Within BEGIN and COMMIT there is one number, outside of them one for each statement.
        *transactions += u32::from(!in_transaction || sent.is_empty());
        let value = key.map(|key| key.to_string()).unwrap_or_default();
        let is_bound = log == Log::Bound && key.is_some();
        sent.push(Sent {
            text: text.replace('?', if is_bound { "$1" } else { &value }),
            detail: is_bound.then(|| format!("parameters: $1 = '{value}'")),
            transaction: if log == Log::Bound { *transactions } else { 0 },
        });
    };
    if in_transaction {
        send("BEGIN".to_owned(), None);
    }
    for _ in 0..=random.below(6) {
        let (table, key) = (random.below(STATEMENTS / 4), random.below(1_000_000));
        let text = match random.below(4) {
            0 => format!("select id, name from t{table} where id = ?"),
            1 => format!("select id, owner_id from t{table} where tenant_id = ? order by id limit 20"),
            2 => format!("update t{table} set seen = ? where id = ?"),
            _ => format!("insert into t{table} (a, b) values (?, 'x')"),
        };
        send(text, Some(key));
    }
    if random.below(10) == 0 {
        let table = random.below(STATEMENTS / 4);
        send(format!("select id, owner_id from t{table} where tenant_id = ? order by id limit 20"), Some(7));
        (0..20).for_each(|key| send(format!("select id, name from t{table} where id = ?"), Some(key)));
    }
    if in_transaction {
        send("COMMIT".to_owned(), None);
    }
    sent
}

/// Blocks of rows.
fn blocks(log: Log) -> Vec<Parsed> {
    let mut random = Random(42);
    let mut open: Vec<(u32, Vec<Sent>)> = vec![(0, Vec::new()); SESSIONS];
    let mut digest = Digest::new(Dialect::default());
    let (mut blocks, mut now, mut rows) = (Vec::new(), 1_700_000_000_000_000_i64, 0);
    while rows < EVENTS {
        let session = usize::try_from(random.below(SESSIONS as u64)).expect("small");
        let (transactions, rest) = &mut open[session];
        if rest.is_empty() {
            *rest = request(&mut random, log, transactions);
            rest.reverse();
        }
        let sent = rest.pop().expect("just filled");
        now += 20;
        let who = Who { session: session as u64 + 1, user: Some(b"app"), database: Some(b"shop"), application: Some(b"web"), host: None };
        let steps: &[Step] = if log == Log::Simple { &[Step::Simple] } else { &[Step::Parse, Step::Bind, Step::Execute] };
        for &step in steps {
            let event = Event {
                ended: Timestamp(now),
                took: Some(Micros(random.below(900) + 100)),
                who: &who,
                sql: Some(sent.text.as_bytes()),
                step,
                portal: None,
                plan: None,
                detail: sent.detail.as_deref().filter(|_| step != Step::Parse).map(str::as_bytes),
                query_id: None,
                transaction: sent.transaction,
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
    for (protocol, log) in [("simple", Log::Simple), ("extended", Log::Extended), ("parameters and transactions", Log::Bound)] {
        let blocks = blocks(log);
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
