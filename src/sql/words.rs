//! The few words whose kind decides how a statement is normalised; see PostgreSQL's `src/include/parser/kwlist.h`.

/// Words that cannot be a column name without quotes (`RESERVED_KEYWORD` and `TYPE_FUNC_NAME_KEYWORD`), so `"user"` is not `user`.
const RESERVED: &[&str] = &[
    "all",
    "analyse",
    "analyze",
    "and",
    "any",
    "array",
    "as",
    "asc",
    "asymmetric",
    "authorization",
    "binary",
    "both",
    "case",
    "cast",
    "check",
    "collate",
    "collation",
    "column",
    "concurrently",
    "constraint",
    "create",
    "cross",
    "current_catalog",
    "current_date",
    "current_role",
    "current_schema",
    "current_time",
    "current_timestamp",
    "current_user",
    "default",
    "deferrable",
    "desc",
    "distinct",
    "do",
    "else",
    "end",
    "except",
    "false",
    "fetch",
    "for",
    "foreign",
    "freeze",
    "from",
    "full",
    "grant",
    "group",
    "having",
    "ilike",
    "in",
    "initially",
    "inner",
    "intersect",
    "into",
    "is",
    "isnull",
    "join",
    "lateral",
    "leading",
    "left",
    "like",
    "limit",
    "localtime",
    "localtimestamp",
    "natural",
    "not",
    "notnull",
    "null",
    "offset",
    "on",
    "only",
    "or",
    "order",
    "outer",
    "overlaps",
    "placing",
    "primary",
    "references",
    "returning",
    "right",
    "select",
    "session_user",
    "similar",
    "some",
    "symmetric",
    "system_user",
    "table",
    "tablesample",
    "then",
    "to",
    "trailing",
    "true",
    "union",
    "unique",
    "user",
    "using",
    "variadic",
    "verbose",
    "when",
    "where",
    "window",
    "with",
];

/// Words behind which an operand follows, so that a `-` there is a sign and `null` there is a value.
const BEFORE_OPERAND: &[&str] = &[
    "all",
    "and",
    "any",
    "as",
    "between",
    "by",
    "case",
    "collate",
    "default",
    "distinct",
    "else",
    "end",
    "escape",
    "except",
    "filter",
    "for",
    "from",
    "having",
    "ilike",
    "in",
    "intersect",
    "is",
    "like",
    "limit",
    "not",
    "offset",
    "on",
    "or",
    "return",
    "returning",
    "select",
    "similar",
    "some",
    "symmetric",
    "then",
    "to",
    "union",
    "using",
    "values",
    "when",
    "where",
    "with",
];

/// Words that stand apart from a parenthesis behind them; other words before one are functions, tables or types.
const APART: &[&str] = &[
    "all",
    "and",
    "as",
    "between",
    "by",
    "case",
    "check",
    "conflict",
    "distinct",
    "else",
    "except",
    "exists",
    "filter",
    "from",
    "having",
    "ilike",
    "in",
    "intersect",
    "is",
    "join",
    "lateral",
    "like",
    "limit",
    "materialized",
    "not",
    "offset",
    "on",
    "or",
    "over",
    "partition",
    "returning",
    "select",
    "set",
    "sets",
    "then",
    "union",
    "using",
    "values",
    "when",
    "where",
    "with",
    "within",
];

/// Words that end an ORDER BY or GROUP BY list at the same depth, or qualify a position in it.
const AFTER_POSITION: &[&str] = &[
    "asc",
    "desc",
    "except",
    "fetch",
    "for",
    "groups",
    "having",
    "intersect",
    "limit",
    "nulls",
    "offset",
    "order",
    "range",
    "returning",
    "rows",
    "union",
    "using",
    "window",
    "with",
];

/// Types whose name may be followed by modifiers in parentheses; all are keywords, so none is a function of the user's.
const MODIFIED_TYPES: &[&str] =
    &["bit", "char", "character", "dec", "decimal", "float", "interval", "nchar", "numeric", "time", "timestamp", "varchar", "varying"];

fn listed(list: &[&str], word: &str) -> bool {
    list.binary_search(&word).is_ok()
}

pub(crate) fn is_reserved(word: &str) -> bool {
    listed(RESERVED, word)
}

pub(super) fn precedes_operand(word: &str) -> bool {
    listed(BEFORE_OPERAND, word)
}

pub(super) fn stands_apart(word: &str) -> bool {
    listed(APART, word)
}

pub(super) fn follows_position(word: &str) -> bool {
    listed(AFTER_POSITION, word)
}

pub(super) fn takes_modifier(word: &str) -> bool {
    listed(MODIFIED_TYPES, word)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_lists_are_sorted_for_their_binary_search() {
        for list in [super::RESERVED, super::BEFORE_OPERAND, super::APART, super::AFTER_POSITION, super::MODIFIED_TYPES] {
            assert!(list.is_sorted(), "{list:?}");
        }
    }
}
