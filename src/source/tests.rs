use super::*;

/// Everything a log says, each item as Rust would print it with its bytes as text.
pub(super) fn read_all(source: &dyn Source, log: &[u8]) -> (Vec<String>, Seen) {
    read_with(source, log, &Options::default())
}

pub(super) fn read_with(source: &dyn Source, log: &[u8], options: &Options) -> (Vec<String>, Seen) {
    let reader = source.open(log, options).expect("opens");
    let mut untangled = Vec::new();
    match reader.untangle() {
        Some(mut untangle) => {
            untangle.push(log, &mut untangled);
            untangle.finish(&mut untangled);
        }
        None => untangled.extend_from_slice(log),
    }
    let mut items = Vec::new();
    let seen = reader.read(&untangled, 0, &mut |item| items.push(show(item)));
    (items, seen)
}

fn show(item: &Item<'_>) -> String {
    let text = |bytes: Option<&[u8]>| bytes.map(|b| String::from_utf8_lossy(b).into_owned());
    match item {
        Item::Event(e) => {
            let said = format!("{:?} {:?} {:?} {:?} {:?} {:?}", e.step, e.took, text(e.sql), text(e.who.user), e.who.session, e.query_id);
            if e.transaction == 0 { said } else { format!("{said} transaction {}", e.transaction) }
        }
        Item::Note(n) => format!("{:?} {:?}", n.what, text(n.sql)),
        Item::Piece(piece) => format!("{piece:?}"),
    }
}

#[test]
fn every_sample_is_detected_by_its_own_source_and_by_no_other() {
    for source in ALL {
        for sample in source.samples() {
            let claimed = detect(sample.as_bytes(), &Options::default()).map(|found| found.source.name());
            assert_eq!(claimed, Ok(source.name()), "{sample}");
        }
    }
}

#[test]
fn names_are_unique_and_kebab_case() {
    for (at, source) in ALL.iter().enumerate() {
        assert!(source.name().bytes().all(|b| b.is_ascii_lowercase() || b == b'-'), "{}", source.name());
        assert!(ALL[..at].iter().all(|other| other.name() != source.name()));
        assert!(by_name(source.name()).is_some());
    }
}
