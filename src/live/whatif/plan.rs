//! What is needed of a plan in JSON: its cost, and the names of the indexes in it.

use serde_json::Value;

/// See the module.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Plan {
    pub(super) cost: f64,
    pub(super) indexes: Vec<String>,
}

/// Reads what `EXPLAIN (FORMAT JSON)` answers.
pub(super) fn read(json: &str) -> Option<Plan> {
    let document: Value = serde_json::from_str(json).ok()?;
    let root = document.get(0)?.get("Plan")?;
    let cost = root.get("Total Cost")?.as_f64().filter(|cost| cost.is_finite())?;
    let mut indexes = Vec::new();
    let mut open = vec![root];
    while let Some(node) = open.pop() {
        indexes.extend(node.get("Index Name").and_then(Value::as_str).map(str::to_owned));
        open.extend(node.get("Plans").and_then(Value::as_array).into_iter().flatten());
    }
    Some(Plan { cost, indexes })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cost_and_indexes_of_every_depth_are_read() {
        let json = r#"[{"Plan": {"Node Type": "Limit", "Total Cost": 37.58, "Plans": [
            {"Node Type": "Bitmap Heap Scan", "Plans": [{"Node Type": "Bitmap Index Scan", "Index Name": "<13543>btree_t_a"}]},
            {"Node Type": "Index Scan", "Index Name": "t_pkey"}]}}]"#;
        let plan = read(json).expect("a plan");
        assert_eq!((plan.cost, plan.indexes.len()), (37.58, 2));
        assert!(plan.indexes.contains(&"<13543>btree_t_a".to_owned()));
        assert_eq!((read("[]"), read("x"), read("[{\"Plan\": {}}]")), (None, None, None));
    }
}
