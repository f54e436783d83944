//! The relations that statements name in sqlparser's tree, with FROM lists and nested joins laid flat.
//!
//! It refuses to know what is in sight: whether a name means a table or a common table expression is not asked here.

use std::iter;

use sqlparser::ast::{
    CopySource, Expr, FromTable, Ident, JoinConstraint, JoinOperator, ObjectName, ObjectNamePart, ObjectType, Select, Statement,
    TableFactor, TableWithJoins, UpdateTableFromKind,
};

/// What a statement reads from, and under which conditions.
#[derive(Default)]
pub(super) struct FromList<'a> {
    pub(super) factors: Vec<&'a TableFactor>,
    pub(super) conditions: Vec<&'a Expr>,
    /// The columns of each USING, once for each side that is known.
    pub(super) shared: Vec<(&'a [ObjectName], &'a TableFactor)>,
}

impl<'a> FromList<'a> {
    pub(super) fn of_select(select: &'a Select) -> Self {
        Self::new(&select.from, [&select.selection, &select.having].into_iter().flatten())
    }

    /// Empty for statements other than UPDATE, DELETE and MERGE.
    pub(super) fn of_statement(statement: &'a Statement) -> Self {
        match statement {
            Statement::Update(update) => {
                let also = match &update.from {
                    Some(UpdateTableFromKind::BeforeSet(from) | UpdateTableFromKind::AfterSet(from)) => from.as_slice(),
                    None => &[],
                };
                Self::new(iter::once(&update.table).chain(also), &update.selection)
            }
            Statement::Delete(delete) => {
                let (FromTable::WithFromKeyword(from) | FromTable::WithoutKeyword(from)) = &delete.from;
                Self::new(from.iter().chain(delete.using.iter().flatten()), &delete.selection)
            }
            Statement::Merge(merge) => Self { factors: vec![&merge.table, &merge.source], conditions: vec![&merge.on], shared: Vec::new() },
            _ => Self::default(),
        }
    }

    fn new(groups: impl IntoIterator<Item = &'a TableWithJoins>, filters: impl IntoIterator<Item = &'a Expr>) -> Self {
        let mut list = Self { conditions: filters.into_iter().collect(), ..Self::default() };
        let mut groups: Vec<&TableWithJoins> = groups.into_iter().collect();
        // The last is taken first.
        groups.reverse();
        while let Some(group) = groups.pop() {
            list.place(&group.relation, &mut groups);
            // From the second join on, the left side could be any of several sources.
            let mut left = Some(&group.relation);
            for join in &group.joins {
                list.place(&join.relation, &mut groups);
                match constraint_of(&join.join_operator) {
                    Some(JoinConstraint::On(condition)) => list.conditions.push(condition),
                    Some(JoinConstraint::Using(columns)) => {
                        let sides = left.into_iter().chain([&join.relation]);
                        list.shared.extend(sides.map(|side| (columns.as_slice(), side)));
                    }
                    _ => {}
                }
                left = None;
            }
        }
        list
    }

    fn place(&mut self, factor: &'a TableFactor, groups: &mut Vec<&'a TableWithJoins>) {
        match factor {
            TableFactor::NestedJoin { table_with_joins, .. } => groups.push(table_with_joins),
            _ => self.factors.push(factor),
        }
    }
}

/// What a join asks of its rows, of those that ask by ON, USING or names.
pub(super) fn constraint_of(operator: &JoinOperator) -> Option<&JoinConstraint> {
    match operator {
        JoinOperator::Join(constraint)
        | JoinOperator::Inner(constraint)
        | JoinOperator::Left(constraint)
        | JoinOperator::LeftOuter(constraint)
        | JoinOperator::Right(constraint)
        | JoinOperator::RightOuter(constraint)
        | JoinOperator::FullOuter(constraint) => Some(constraint),
        _ => None,
    }
}

/// `ONLY t` looks to sqlparser like a table `only` with the alias `t`.
fn is_only(name: &ObjectName) -> bool {
    let [ObjectNamePart::Identifier(name)] = name.0.as_slice() else {
        return false;
    };
    name.quote_style.is_none() && name.value.eq_ignore_ascii_case("only")
}

pub(super) fn alias_of(factor: &TableFactor) -> Option<&Ident> {
    let alias = match factor {
        TableFactor::Table { name, .. } if is_only(name) => return None,
        TableFactor::Table { alias, .. }
        | TableFactor::Derived { alias, .. }
        | TableFactor::TableFunction { alias, .. }
        | TableFactor::Function { alias, .. }
        | TableFactor::UNNEST { alias, .. }
        | TableFactor::JsonTable { alias, .. }
        | TableFactor::XmlTable { alias, .. } => alias,
        _ => return None,
    };
    alias.as_ref().map(|alias| &alias.name)
}

/// The qualified name of what is neither a sub-query nor a function.
pub(super) fn relation_of(factor: &TableFactor) -> Option<Vec<&Ident>> {
    match factor {
        TableFactor::Table { name, alias: Some(alias), .. } if is_only(name) => Some(vec![&alias.name]),
        TableFactor::Table { name, args: None, .. } => Some(name.0.iter().filter_map(ObjectNamePart::as_ident).collect()),
        _ => None,
    }
}

/// The same as one name.
pub(super) fn name_of(factor: &TableFactor) -> Option<String> {
    relation_of(factor).map(super::names::dotted)
}

/// The relations that sqlparser's visitor passes by.
pub(super) fn unvisited(statement: &Statement) -> &[ObjectName] {
    match statement {
        Statement::Drop { object_type: ObjectType::Table | ObjectType::View | ObjectType::MaterializedView, names, .. } => names,
        Statement::Copy { source: CopySource::Table { table_name, .. }, .. } => std::slice::from_ref(table_name),
        Statement::CreateTrigger(trigger) => std::slice::from_ref(&trigger.table_name),
        Statement::Vacuum(vacuum) => vacuum.table_name.as_slice(),
        _ => &[],
    }
}
