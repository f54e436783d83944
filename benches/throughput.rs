//! Megabytes a second: each source alone, the whole way with one and two workers, and each renderer.

use std::hint::black_box;
use std::io::Read;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use laggard::report::Style;
use laggard::source::{self, Options};
use laggard::{Input, Settings, View};

/// The log that the README reads, several times over so that start-up does not count.
fn log() -> Vec<u8> {
    let packed = include_bytes!("../fixtures/logs/pg-stderr/shop/input.log.gz");
    let mut text = Vec::new();
    flate2::read::MultiGzDecoder::new(packed.as_slice()).read_to_end(&mut text).expect("a whole archive");
    text.repeat(8)
}

/// A head of each source's own samples, repeated.
fn samples(source: &dyn source::Source) -> Vec<u8> {
    source.samples().first().expect("every source has one").as_bytes().repeat(8_192)
}

fn sources(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("source");
    for source in source::ALL {
        let text = if source.name() == "pg-stderr" { log() } else { samples(*source) };
        let reader = source.open(&text[..text.len().min(65_536)], &Options::default()).expect("opens");
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_function(source.name(), |b| {
            b.iter(|| {
                let mut items = 0u64;
                reader.read(black_box(&text), 0, &mut |_| items += 1);
                items
            });
        });
    }
    group.finish();
}

fn whole(criterion: &mut Criterion) {
    let text = log();
    let mut group = criterion.benchmark_group("read");
    group.throughput(Throughput::Bytes(text.len() as u64));
    for jobs in [1, 2] {
        let settings = Settings { jobs, ..Settings::default() };
        let input = || vec![Input::Memory("pg.log".into(), text.clone())];
        group.bench_function(format!("{jobs} workers"), |b| {
            b.iter_batched(input, |input| laggard::read(input, &settings).expect("reads"), BatchSize::LargeInput);
        });
    }
    group.finish();
}

fn render(criterion: &mut Criterion) {
    let reading = laggard::read(vec![Input::Memory("pg.log".into(), log())], &Settings::default()).expect("reads");
    let report = laggard::report(&reading, &View::default());
    let mut group = criterion.benchmark_group("render");
    for renderer in laggard::report::ALL {
        group.bench_function(renderer.name(), |b| {
            b.iter(|| {
                let mut page = Vec::new();
                renderer.render(black_box(&report), &Style::default(), &mut page).expect("to memory");
                page.len()
            });
        });
    }
    group.finish();
}

criterion_group!(benches, sources, whole, render);
criterion_main!(benches);
