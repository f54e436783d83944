//! The walk over a statement: queries, what is in sight of them, and what they put out.

use std::ops::ControlFlow;

use sqlparser::ast::{
    Assignment, AssignmentTarget, Cte, CteAsMaterialized, Delete, Expr, FromTable, GroupByExpr, Insert, Merge, MergeAction,
    MergeClauseKind, MergeUpdateExpr, MergeUpdateKind, ObjectName, Query, Select, SelectItem, SelectItemQualifiedWildcardKind, SetExpr,
    Statement, TableObject, TableWithJoins, Update, UpdateTableFromKind, Visit, Visitor,
};

use super::super::habits::Bound;
use super::super::names::{ident, object_name};
use super::nested::{self, Leaf};
use super::operand::{self, Side};
use super::place::{Columns, Meaning, Origin, Output, Source};
use super::{Against, Compared, How, Key, MOST_SCANS, Names, Reading, Scan, Write, Written, order};

/// More queries are not walked; what a statement asks of views of views could grow without end.
pub(super) const MOST_QUERIES: usize = 300;

/// Views in views beyond so many are not looked into.
pub(super) const DEEPEST_VIEW: usize = 8;

/// A query that another refers to by name.
pub(super) struct Named<'a> {
    pub(super) name: String,
    /// Its query where it is read in the place of its name.
    pub(super) inlined: Option<&'a Query>,
}

pub(super) struct Walker<'a, 'n> {
    pub(super) bound: Bound<'n>,
    pub(super) names: &'n dyn Names,
    root: &'a [Statement],
    pub(super) lists: Vec<Vec<Source>>,
    pub(super) ctes: Vec<Named<'a>>,
    pub(super) scans: Vec<Scan>,
    writes: Vec<Write>,
    pub(super) queries: usize,
    /// Scans of the statement around the view where the walk is.
    pub(super) around: usize,
    /// Scans before it get no conditions from where the walk is.
    pub(super) floor: usize,
    /// In how many views the walk is.
    pub(super) views: usize,
}

impl<'a, 'n> Walker<'a, 'n> {
    pub(super) fn new(bound: Bound<'n>, names: &'n dyn Names, root: &'a [Statement]) -> Self {
        Walker {
            bound,
            names,
            root,
            lists: Vec::new(),
            ctes: Vec::new(),
            scans: Vec::new(),
            writes: Vec::new(),
            queries: 0,
            around: 0,
            floor: 0,
            views: 0,
        }
    }

    pub(super) fn into_reading(mut self) -> Reading {
        self.carry_values();
        Reading { scans: self.scans, writes: self.writes, passes: false }
    }

    /// `a.x = b.y AND b.y = 1`: then `a.x = 1` too, as the planner knows.
    fn carry_values(&mut self) {
        let valued = |scans: &[Scan], scan: usize, column: &str| {
            let terms = scans.get(scan).map(|scan| scan.terms.as_slice()).unwrap_or_default();
            terms.iter().any(|term| {
                term.test == super::Test::Equal && term.against == Against::Value && matches!(&term.key, Key::Column(c) if c == column)
            })
        };
        let mut carried = Vec::new();
        for (at, scan) in self.scans.iter().enumerate() {
            for (place, term) in scan.terms.iter().enumerate() {
                if let Against::Rows { scan, column } = &term.against
                    && term.test == super::Test::Equal
                    && valued(&self.scans, *scan, column)
                {
                    carried.push((at, place));
                }
            }
        }
        for (at, place) in carried {
            let Against::Rows { scan, column } = std::mem::replace(&mut self.scans[at].terms[place].against, Against::Value) else {
                continue;
            };
            let is_of = |compared: &&Compared| compared.how == How::Equal && compared.key == Key::Column(column.clone());
            let known = self.scans[scan].compared.iter().find(is_of).cloned();
            let key = self.scans[at].terms[place].key.clone();
            self.scans[at].compared.extend(known.map(|known| Compared { key, ..known }));
        }
    }

    /// Walks a statement; false if it neither reads nor writes rows.
    pub(super) fn statement(&mut self, statement: &'a Statement) -> bool {
        match statement {
            Statement::Query(query) => drop(self.query(query)),
            Statement::Insert(insert) => self.insert(insert),
            Statement::Update(update) => self.update(update),
            Statement::Delete(delete) => self.delete(delete),
            Statement::Merge(merge) => self.merge(merge),
            _ => return false,
        }
        true
    }

    fn insert(&mut self, insert: &'a Insert) {
        if let TableObject::TableName(name) = &insert.table {
            self.writes.push(Write { table: object_name(name), kind: Written::Inserted });
        }
        if let Some(source) = &insert.source {
            self.query(source);
        }
    }

    fn update(&mut self, update: &'a Update) {
        let also = match &update.from {
            Some(UpdateTableFromKind::BeforeSet(from) | UpdateTableFromKind::AfterSet(from)) => from.as_slice(),
            None => &[],
        };
        self.writing(&[std::slice::from_ref(&update.table), also], update.selection.as_ref(), |walker| {
            for assignment in &update.assignments {
                walker.queries_of(&assignment.value);
            }
        });
        let kind = Written::Updated(assigned(&update.assignments));
        self.writes.extend(super::super::relations::name_of(&update.table.relation).map(|table| Write { table, kind }));
    }

    fn delete(&mut self, delete: &'a Delete) {
        let (FromTable::WithFromKeyword(from) | FromTable::WithoutKeyword(from)) = &delete.from;
        self.writing(&[from, delete.using.as_deref().unwrap_or_default()], delete.selection.as_ref(), |_| {});
        let tables = from.iter().filter_map(|table| super::super::relations::name_of(&table.relation));
        self.writes.extend(tables.map(|table| Write { table, kind: Written::Deleted }));
    }

    /// MERGE is a join of its two sides, in which rows of the second that match none of the first stay if they are to be inserted.
    fn merge(&mut self, merge: &'a Merge) {
        self.lists.push(Vec::new());
        self.factor(&merge.table);
        let target = self.scans.len();
        self.factor(&merge.source);
        let keeps_others = merge.clauses.iter().any(|clause| clause.clause_kind != MergeClauseKind::Matched);
        let filtered = self.floor..if keeps_others { target } else { usize::MAX };
        self.filter(&merge.on, &filtered);
        for clause in &merge.clauses {
            clause.predicate.iter().for_each(|predicate| self.queries_of(predicate));
        }
        self.need_rows(|_| true);
        self.lists.pop();
        let Some(table) = super::super::relations::name_of(&merge.table) else { return };
        let kinds = merge.clauses.iter().filter_map(|clause| match &clause.action {
            MergeAction::Insert(_) => Some(Written::Inserted),
            MergeAction::Update(MergeUpdateExpr { kind: MergeUpdateKind::Set(assignments), .. }) => {
                Some(Written::Updated(assigned(assignments)))
            }
            MergeAction::Update(_) => Some(Written::Updated(Vec::new())),
            MergeAction::Delete { .. } => Some(Written::Deleted),
            MergeAction::DoNothing { .. } => None,
        });
        self.writes.extend(kinds.map(|kind| Write { table: table.clone(), kind }));
    }

    fn writing(&mut self, from: &[&'a [TableWithJoins]], selection: Option<&'a Expr>, also: impl FnOnce(&mut Self)) {
        self.lists.push(Vec::new());
        from.iter().copied().flatten().for_each(|group| self.group(group));
        if let Some(selection) = selection {
            self.filter(selection, &(self.floor..usize::MAX));
        }
        also(self);
        self.need_rows(|_| true);
        self.lists.pop();
    }

    /// Whether there are as many scans as are told.
    pub(super) fn is_full(&self) -> bool {
        self.around + self.scans.len() >= MOST_SCANS
    }

    /// Walks a query and tells what it puts out.
    pub(super) fn query(&mut self, query: &'a Query) -> Vec<Output> {
        self.queries += 1;
        if self.queries > MOST_QUERIES || self.is_full() {
            return Vec::new();
        }
        let known = self.ctes.len();
        if let Some(with) = &query.with {
            with.cte_tables.iter().for_each(|cte| self.define(cte, with.recursive));
        }
        let mut outputs = self.body(query);
        self.ctes.truncate(known);
        if order::is_cut(query) {
            outputs.iter_mut().for_each(|output| output.origin = None);
        }
        outputs
    }

    /// Whether a common table expression is read where it is named: since PostgreSQL 12, if that is at one place.
    fn define(&mut self, cte: &'a Cte, is_recursive: bool) {
        let name = ident(&cte.alias.name);
        let is_query = matches!(*cte.query.body, SetExpr::Select(_) | SetExpr::Query(_) | SetExpr::SetOperation { .. });
        let is_inlined = match cte.materialized {
            Some(CteAsMaterialized::Materialized) => false,
            Some(CteAsMaterialized::NotMaterialized) => !is_recursive,
            None => !is_recursive && self.uses(&name) <= 1,
        };
        if is_inlined && is_query && cte.alias.columns.is_empty() {
            return self.ctes.push(Named { name, inlined: Some(&cte.query) });
        }
        if is_recursive {
            self.ctes.push(Named { name: name.clone(), inlined: None });
        }
        let outer = std::mem::take(&mut self.lists);
        self.query(&cte.query);
        self.lists = outer;
        if !is_recursive {
            self.ctes.push(Named { name, inlined: None });
        }
    }

    /// How often a name stands for a relation in the whole statement.
    fn uses(&self, name: &str) -> usize {
        struct Uses<'u>(&'u str, usize);
        impl Visitor for Uses<'_> {
            type Break = ();
            fn pre_visit_relation(&mut self, relation: &ObjectName) -> ControlFlow<()> {
                self.1 += usize::from(object_name(relation) == self.0);
                ControlFlow::Continue(())
            }
        }
        let mut uses = Uses(name, 0);
        let _ = self.root.iter().try_for_each(|statement| match statement.visit(&mut uses) {
            ControlFlow::Continue(()) => ControlFlow::Continue(()),
            ControlFlow::Break(()) => ControlFlow::Break(()),
        });
        uses.1
    }

    fn body(&mut self, query: &'a Query) -> Vec<Output> {
        let (mut stack, mut first) = (vec![query.body.as_ref()], None);
        let is_single = !matches!(*query.body, SetExpr::SetOperation { .. });
        while let Some(body) = stack.pop() {
            let outputs = match body {
                SetExpr::Select(select) => self.select(select, is_single.then_some(query)),
                SetExpr::Query(inner) => self.query(inner),
                SetExpr::SetOperation { left, right, .. } => {
                    stack.extend([right.as_ref(), left.as_ref()]);
                    continue;
                }
                SetExpr::Insert(inner) | SetExpr::Update(inner) | SetExpr::Delete(inner) => {
                    self.statement(inner);
                    Vec::new()
                }
                SetExpr::Values(values) => {
                    values.rows.iter().flat_map(|row| row.content.iter()).for_each(|value| self.queries_of(value));
                    Vec::new()
                }
                SetExpr::Merge(_) | SetExpr::Table(_) => Vec::new(),
            };
            first.get_or_insert(outputs);
        }
        let mut outputs = first.unwrap_or_default();
        if !is_single {
            outputs.iter_mut().for_each(|output| output.origin = None);
        }
        outputs
    }

    fn select(&mut self, select: &'a Select, query: Option<&'a Query>) -> Vec<Output> {
        let start = self.scans.len();
        self.lists.push(Vec::new());
        select.from.iter().for_each(|group| self.group(group));
        if let Some(selection) = &select.selection {
            self.filter(selection, &(self.floor..usize::MAX));
        }
        for item in &select.projection {
            if let SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } = item {
                self.queries_of(expr);
            }
        }
        select.having.iter().for_each(|having| self.queries_of(having));
        if let Some(query) = query {
            self.order(select, query, start);
        }
        self.need(select, query);
        let outputs = self.outputs(select);
        self.lists.pop();
        outputs
    }

    /// Walks the queries in an expression, each of which is run for itself.
    pub(super) fn queries_of(&mut self, expr: &'a Expr) {
        for leaf in nested::leaves(expr) {
            if let Leaf::Query(query) = leaf {
                self.alone(query);
            }
        }
    }

    /// Walks a query that no join replaces: where it refers to a row around it, it is run for each.
    pub(super) fn alone(&mut self, query: &'a Query) {
        let start = self.scans.len();
        let floor = std::mem::replace(&mut self.floor, start);
        self.query(query);
        self.floor = floor;
        let outer = self.scans[start..].iter().flat_map(|scan| &scan.terms).filter_map(|term| match term.against {
            Against::Rows { scan, .. } if scan < start => Some(scan),
            _ => None,
        });
        let Some(outer) = outer.max() else { return };
        for scan in &mut self.scans[start..] {
            scan.for_each = scan.for_each.or(Some(outer));
            for term in &mut scan.terms {
                if matches!(term.against, Against::Rows { scan, .. } if scan < start) {
                    term.against = Against::Value;
                }
            }
        }
    }

    /// What a select puts out, with the columns that conditions may be moved to.
    pub(super) fn outputs(&self, select: &Select) -> Vec<Output> {
        let is_plain = is_plain(select);
        let groups: Vec<Meaning> = match &select.group_by {
            GroupByExpr::Expressions(keys, _) => keys.iter().map(|key| self.meaning(key)).collect(),
            GroupByExpr::All(_) => Vec::new(),
        };
        let mut outputs = Vec::new();
        for item in &select.projection {
            match item {
                SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => {
                    let meaning = self.meaning(expr);
                    let may_move = is_plain || groups.contains(&meaning);
                    let name = match item {
                        SelectItem::ExprWithAlias { alias, .. } => ident(alias),
                        _ => named(expr),
                    };
                    let origin = match meaning {
                        Meaning::Column(origin) if may_move => Some(origin),
                        _ => None,
                    };
                    outputs.push(Output { name, origin });
                }
                SelectItem::Wildcard(_) => {
                    self.lists.last().into_iter().flatten().for_each(|source| all_of(source, is_plain, &mut outputs))
                }
                SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(name), _) => {
                    let name = object_name(name);
                    let sources = self.lists.last().into_iter().flatten().filter(|source| source.name == name);
                    sources.for_each(|source| all_of(source, is_plain, &mut outputs));
                }
                _ => {}
            }
        }
        outputs
    }

    pub(super) fn meaning(&self, expr: &Expr) -> Meaning {
        match operand::side(expr) {
            Side::Column(parts) => super::place::resolve(parts, &self.lists),
            _ => Meaning::Opaque,
        }
    }
}

/// Whether what holds of a row that is put out may be asked of the tables right away.
pub(super) fn is_plain(select: &Select) -> bool {
    let has_groups = !matches!(&select.group_by, GroupByExpr::Expressions(keys, modifiers) if keys.is_empty() && modifiers.is_empty());
    !has_groups && select.distinct.is_none() && select.having.is_none() && !order::has_aggregate(select)
}

fn named(expr: &Expr) -> String {
    match operand::unnested(expr) {
        Expr::Identifier(name) => ident(name),
        Expr::CompoundIdentifier(parts) => parts.last().map(ident).unwrap_or_default(),
        Expr::Function(function) => object_name(&function.name),
        Expr::Cast { expr, .. } => match operand::unnested(expr) {
            Expr::Identifier(name) => ident(name),
            _ => String::new(),
        },
        _ => String::new(),
    }
}

/// All columns of a source; `*` stands for those that nobody knows.
fn all_of(source: &Source, may_move: bool, outputs: &mut Vec<Output>) {
    let origin = |scan: usize, column: &str| may_move.then(|| Origin { scan, column: column.to_owned() });
    match &source.columns {
        Columns::Table { scan, known: Some(known) } => {
            outputs.extend(known.iter().map(|column| Output { name: column.clone(), origin: origin(*scan, column) }));
        }
        Columns::Table { scan, known: None } => outputs.push(Output { name: "*".to_owned(), origin: origin(*scan, "*") }),
        Columns::Query(inner) => {
            let moved = |output: &Output| Output { name: output.name.clone(), origin: output.origin.clone().filter(|_| may_move) };
            outputs.extend(inner.iter().map(moved));
        }
        Columns::Opaque => outputs.push(Output { name: "*".to_owned(), origin: None }),
    }
}

/// The columns that assignments set.
fn assigned(assignments: &[Assignment]) -> Vec<String> {
    let column = |name: &ObjectName| name.0.last().and_then(|part| part.as_ident()).map(ident);
    let of = |assignment: &Assignment| match &assignment.target {
        AssignmentTarget::ColumnName(name) => column(name).into_iter().collect::<Vec<_>>(),
        AssignmentTarget::Tuple(names) => names.iter().filter_map(column).collect(),
    };
    assignments.iter().flat_map(of).collect()
}
