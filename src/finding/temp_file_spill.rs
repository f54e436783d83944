//! Statements that sorted or hashed more than memory allowed, and wrote it to disk.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::units::{ByteCount, counted};

use super::{Confidence, Context, Evidence, Finding, Meta, Rule, Severity, fits};

/// See the module.
pub(super) struct TempFileSpill;

static META: Meta = Meta {
    id: "temp-file-spill",
    title: "A statement wrote temporary files: its sort or hash did not fit into work_mem",
    severity: Severity::High,
    what: "The log has `temporary file` lines of the statement (log_temp_files), or its counters have temporary blocks written.",
    why: "Disk is slower than memory by orders of magnitude, and files of many sessions at once fill it.",
    example: "SELECT … FROM events ORDER BY created_at",
    remedy: "Read fewer rows, or let an index give their order. If neither is possible, SET LOCAL work_mem for this statement alone.",
    ignore: "A nightly job that may take its time.",
    accepts: fits::<Options>,
};

/// Options of the rule.
#[derive(Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
struct Options {
    /// Statements that wrote less in all are left out.
    min_bytes: u64,
}

impl Default for Options {
    fn default() -> Self {
        Options { min_bytes: 10_000_000 }
    }
}

/// So many bytes in one file are worth being noticed at once.
const LARGE: u64 = 100_000_000;

impl Rule for TempFileSpill {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn check(&self, context: &Context<'_>) -> Vec<Finding> {
        let options: Options = context.options(META.id);
        let mut findings = Vec::new();
        for statement in context.workload.statements() {
            let (files, bytes) = statement.temp_files;
            if files == 0 || bytes < options.min_bytes {
                continue;
            }
            let each = bytes / files;
            let size = ByteCount(bytes);
            findings.push(Finding {
                rule: META.id,
                severity: if each >= LARGE { Severity::High } else { Severity::Medium },
                confidence: Confidence::High,
                title: format!("{size} of temporary files"),
                statement: Some(statement.fingerprint),
                occurrences: files,
                evidence: vec![Evidence::counted(
                    format!("{}, {} each", counted(files, "file"), ByteCount(each)),
                    serde_json::json!({"files": files, "bytes": bytes}),
                )],
                remedy: META.remedy.to_owned(),
                ..Finding::default()
            });
        }
        findings
    }
}
