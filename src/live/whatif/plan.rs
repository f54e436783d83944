//! What is needed of a plan in JSON: its cost, what it does to which table, and the names of the indexes in it.

use serde_json::Value;

/// See the module.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Plan {
    pub(super) cost: f64,
    pub(super) indexes: Vec<String>,
    /// What it does, step by step, with the names of tables and indexes.
    pub(super) steps: String,
}

/// Reads what `EXPLAIN (FORMAT JSON)` answers.
pub(super) fn read(json: &str) -> Option<Plan> {
    let document: Value = serde_json::from_str(json).ok()?;
    let root = document.get(0)?.get("Plan")?;
    let cost = root.get("Total Cost")?.as_f64().filter(|cost| cost.is_finite())?;
    let (mut indexes, mut steps) = (Vec::new(), String::new());
    let mut open = vec![root];
    while let Some(node) = open.pop() {
        let name = |key: &str| node.get(key).and_then(Value::as_str);
        indexes.extend(name("Index Name").map(str::to_owned));
        ["Node Type", "Relation Name", "Index Name"].iter().filter_map(|key| name(key)).for_each(|word| steps.extend([word, " "]));
        steps.push('\n');
        open.extend(node.get("Plans").and_then(Value::as_array).into_iter().flatten());
    }
    Some(Plan { cost, indexes, steps })
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
        assert_eq!(plan.steps, "Limit \nIndex Scan t_pkey \nBitmap Heap Scan \nBitmap Index Scan <13543>btree_t_a \n");
        assert!(plan.indexes.contains(&"<13543>btree_t_a".to_owned()));
        assert_eq!((read("[]"), read("x"), read("[{\"Plan\": {}}]")), (None, None, None));
    }
}
