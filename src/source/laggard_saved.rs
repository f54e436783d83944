//! What `laggard save` writes: a workload that was added up already.
//!
//! It is recognised here; what it holds is no records, so it is read as a whole elsewhere.

use serde_json::{Map, Value};

use crate::error::Error;
use crate::event::Item;

use super::{BOM, Holds, Options, Reader, Seen, Sniff, Source, lines};

/// See the module.
pub(super) struct LaggardSaved;

impl Source for LaggardSaved {
    fn name(&self) -> &'static str {
        "laggard-saved"
    }

    fn about(&self) -> &'static str {
        "what laggard save writes: the workload of logs or snapshots, added up"
    }

    fn samples(&self) -> &'static [&'static str] {
        &["{\"schema\":\"laggard.run/1\",\"tool\":\"0.1.0\",\"fingerprint\":1}\n"]
    }

    fn sniff(&self, head: &[u8], _: &Options) -> Sniff {
        let header = lines(head.strip_prefix(BOM).unwrap_or(head))
            .next()
            .and_then(|(_, line)| serde_json::from_slice::<Map<String, Value>>(line).ok());
        let schema = header.as_ref().and_then(|header| header.get("schema")?.as_str());
        if schema.is_some_and(|schema| schema.starts_with("laggard.run/")) { Sniff::Yes } else { Sniff::No }
    }

    fn holds(&self) -> Holds {
        Holds::Workload
    }

    fn open(&self, _: &[u8], _: &Options) -> Result<Box<dyn Reader>, Error> {
        Ok(Box::new(NoRecords))
    }
}

struct NoRecords;

impl Reader for NoRecords {
    fn detail(&self) -> String {
        String::new()
    }

    fn cut(&self, _: &[u8], _: usize) -> Option<usize> {
        None
    }

    fn read(&self, _: &[u8], _: u64, _: &mut dyn FnMut(&Item<'_>)) -> Seen {
        Seen::default()
    }
}
