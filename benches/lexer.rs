//! What a statement costs: tokens, a full normalisation, and for comparison sqlparser's tokenizer and parser.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use laggard::sql::fingerprint::Normaliser;
use laggard::sql::lexer::{Dialect, lex};
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::Parser;
use sqlparser::tokenizer::Tokenizer;

const STATEMENT: &str = "SELECT \"orders\".\"id\", \"orders\".\"total_cents\" FROM \"orders\" INNER JOIN \"users\" ON \"orders\".\"user_id\" = \"users\".\"id\" \
     WHERE \"users\".\"email\" = 'someone@example.org' AND \"orders\".\"status\" IN ('paid', 'sent', 'held') ORDER BY \"orders\".\"placed_at\" DESC LIMIT 21";

fn lexer(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("statement");
    group.throughput(Throughput::Bytes(STATEMENT.len() as u64));
    group.bench_function("lex", |b| b.iter(|| lex(black_box(STATEMENT.as_bytes()), Dialect::default()).count()));
    let mut normaliser = Normaliser::default();
    group.bench_function("normalise", |b| b.iter(|| normaliser.normalise(black_box(STATEMENT.as_bytes()), Dialect::default())));
    group.bench_function("sqlparser tokenize", |b| b.iter(|| Tokenizer::new(&PostgreSqlDialect {}, black_box(STATEMENT)).tokenize()));
    group.bench_function("sqlparser parse", |b| b.iter(|| Parser::parse_sql(&PostgreSqlDialect {}, black_box(STATEMENT))));
    group.finish();
}

criterion_group!(benches, lexer);
criterion_main!(benches);
