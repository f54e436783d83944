#![no_main]

use laggard::plan::{self, Reading};
use libfuzzer_sys::fuzz_target;

// What follows `plan:` in a log, in any syntax. Each node is behind its parent, and what is kept of it is bounded.
fuzz_target!(|bytes: &[u8]| {
    let Reading::Read(plan) = plan::read(bytes) else { return };
    for (at, node) in plan.nodes.iter().enumerate() {
        assert!(node.parent.is_none_or(|parent| parent < at));
    }
    assert_eq!(plan.facts().shape, plan.shape());
    assert!(plan.facts().scans.len() <= plan.nodes.len());
});
