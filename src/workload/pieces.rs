//! Pieces of snapshots, as inputs bring them, gathered by input.
//!
//! What belongs together is not decided here, nor what the counters mean; see `snapshot` and `interval`.

use std::collections::HashMap;
use std::path::PathBuf;

use foldhash::fast::FixedState;

use crate::catalog::Object;
use crate::event::tally::{Counters, Facts, OWN, Piece, TallyKey, TallyText};
use crate::sql::parameters;

/// A piece without its borrows; statements are numbered as in `Parsed::statements`.
#[derive(Debug)]
pub(crate) enum PieceRow {
    Facts(Box<Facts>),
    Tally(Box<TallyRow>),
    /// `None` if the statement is one of laggard's own.
    Text {
        query_id: i64,
        statement: Option<u32>,
        values: Option<u32>,
    },
    Name {
        database: bool,
        oid: u32,
        name: Box<str>,
    },
    Object(Box<Object>),
    End,
}

/// A tally without its borrows.
#[derive(Clone, Debug)]
pub(crate) struct TallyRow {
    pub(crate) key: TallyKey,
    pub(crate) text: TextRow,
    /// See [`parameters::highest`].
    pub(crate) values: Option<u32>,
    pub(crate) user: Option<Box<str>>,
    pub(crate) database: Option<Box<str>>,
    pub(crate) counters: Counters,
}

/// Where the text of a tally is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TextRow {
    /// The number of a statement: of the block at first, of the workload once it is folded.
    Statement(u32),
    Unknown,
    Hidden,
}

fn text(bytes: &[u8]) -> Box<str> {
    String::from_utf8_lossy(bytes).into()
}

/// A piece without its borrows; `statement` gives a text its number. `None` for what laggard itself did.
pub(super) fn owned(piece: &Piece<'_>, mut statement: impl FnMut(&[u8]) -> u32) -> Option<PieceRow> {
    let is_own = |sql: &[u8]| memchr::memmem::find(sql, OWN.as_bytes()).is_some();
    Some(match *piece {
        Piece::Facts(facts) => PieceRow::Facts(Box::new(facts.clone())),
        Piece::Text { query_id, sql } => {
            PieceRow::Text { query_id, statement: (!is_own(sql)).then(|| statement(sql)), values: parameters::highest(sql) }
        }
        Piece::Name { database, oid, name } => PieceRow::Name { database, oid, name: text(name) },
        Piece::Object(object) => PieceRow::Object(Box::new(object.clone())),
        Piece::End => PieceRow::End,
        Piece::Tally(tally) => PieceRow::Tally(Box::new(TallyRow {
            key: tally.key,
            text: match tally.text {
                TallyText::Sql(sql) if is_own(sql) => return None,
                TallyText::Sql(sql) => TextRow::Statement(statement(sql)),
                TallyText::Unknown => TextRow::Unknown,
                TallyText::Hidden => TextRow::Hidden,
            },
            values: match tally.text {
                TallyText::Sql(sql) => parameters::highest(sql),
                TallyText::Unknown | TallyText::Hidden => None,
            },
            user: tally.user.map(text),
            database: tally.database.map(text),
            counters: tally.counters.clone(),
        })),
    })
}

/// All pieces of one input.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    /// The input's name.
    pub(super) path: PathBuf,
    pub(super) facts: Facts,
    pub(super) tallies: Vec<TallyRow>,
    /// Statements by the server's id; `None` for laggard's own.
    pub(super) texts: HashMap<i64, Option<u32>, FixedState>,
    /// The values in the text of a statement, by the server's id; see [`parameters::highest`].
    pub(super) values: HashMap<i64, u32, FixedState>,
    /// Names by kind and object id.
    pub(super) names: HashMap<(bool, u32), Box<str>, FixedState>,
    /// The catalogue.
    pub(super) objects: Vec<Object>,
    pub(super) ended: bool,
}

impl Gathered {
    /// Takes a piece; `number` translates statements of its block.
    pub(super) fn add(&mut self, piece: &PieceRow, mut number: impl FnMut(u32) -> Option<u32>) {
        match piece {
            PieceRow::Facts(facts) => self.facts.add(facts),
            PieceRow::Text { query_id, statement, values } => {
                self.values.extend(values.map(|values| (*query_id, values)));
                self.texts.insert(*query_id, statement.and_then(&mut number));
            }
            PieceRow::Name { database, oid, name } => drop(self.names.insert((*database, *oid), name.clone())),
            PieceRow::Object(object) => self.objects.push((**object).clone()),
            PieceRow::End => self.ended = true,
            PieceRow::Tally(tally) => {
                let text = match tally.text {
                    TextRow::Statement(local) => number(local).map_or(TextRow::Unknown, TextRow::Statement),
                    other => other,
                };
                self.tallies.push(TallyRow { text, ..(**tally).clone() });
            }
        }
    }
}
