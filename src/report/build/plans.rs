//! The plans of one statement, as a page shows them.

use crate::sql::lexer::Dialect;
use crate::sql::mask::masked;
use crate::workload::{PlanShape, Statement};

use super::super::explained::{PlansLine, ReadLine, ShapeLine};

/// The plans that a statement ran with; `None` if none was logged.
pub(super) fn plans(statement: &Statement, dialect: Dialect) -> Option<PlansLine> {
    let shapes = statement.shapes.as_deref()?;
    let mut lines: Vec<ShapeLine> = shapes.iter().map(|(id, shape)| line(id, shape, dialect)).collect();
    lines.sort_by(|a, b| b.total.cmp(&a.total).then_with(|| a.id.cmp(&b.id)));
    Some(PlansLine { logged: shapes.all.0, shapes: lines })
}

fn line(id: u64, shape: &PlanShape, dialect: Dialect) -> ShapeLine {
    let (slowest, facts) = &shape.slowest;
    let keys = |keys: &[String]| keys.iter().map(|key| masked(key.as_bytes(), dialect)).collect::<Vec<_>>().join(", ");
    let reads = facts.scans.iter().map(|scan| ReadLine {
        table: scan.table.clone(),
        how: scan.reads.name(),
        index: scan.index.clone(),
        conditions: [scan.index_condition.to_string(), scan.filter.to_string()],
        returned: scan.returned,
        removed: scan.removed,
        loops: scan.loops,
        planned_rows: scan.planned_rows,
        time: scan.time,
        sort: scan.sort.as_ref().map(|sort| (keys(&sort.keys), sort.disk_kb.saturating_mul(1_024))),
    });
    ShapeLine {
        id: format!("{id:016x}"),
        count: shape.count,
        total: shape.total,
        range: (shape.fastest, *slowest),
        seen: shape.seen,
        reads: reads.collect(),
        triggers: facts.triggers.iter().map(|trigger| (trigger.name.clone(), trigger.calls, trigger.time)).collect(),
    }
}
