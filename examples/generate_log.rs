//! Writes a PostgreSQL log of any size to standard output, for benchmarks and
//! memory tests. The same arguments always give the same bytes.
//!
//! ```text
//! cargo run --release --example generate_log -- --bytes 300M --style parameters > out.log
//! ```
//!
//! The log is what PostgreSQL 15 writes with `log_min_duration_statement = 0`
//! and, for stderr, `log_line_prefix = '%m [%p] %q%u@%d '`: sessions take
//! turns, each statement starts after the previous one of its session has
//! ended, and latencies are log-normal around a median of their own per shape.

use std::env;
use std::io::{self, BufWriter, Write};
use std::process::ExitCode;
use std::time::Duration;

const USAGE: &str = "\
Usage: generate_log [OPTIONS] > out.log

Options:
  --seed N         seed of the random numbers [default: 1]
  --bytes SIZE     stop after the entry that reaches SIZE; K, M and G are
                   powers of 1000 [default: 10M]
  --style STYLE    literals: mostly simple protocol, values in the statement
                   parameters: extended protocol, values in DETAIL lines
                   [default: literals]
  --format FORMAT  stderr, csv or json [default: stderr]
  --shapes N       N distinct statements, all equally frequent
                   [default: the built-in ones, by weight]
";

/// 2026-11-23 05:33:39.504 UTC, as time since the Unix epoch.
const START: Duration = Duration::from_millis(1_795_412_019_504);
const CHECKPOINT_INTERVAL: Duration = Duration::from_secs(300);
const SESSIONS: u32 = 24;
const DATABASE: &str = "shop";

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever reads us has read enough.
        Err(err) if err.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(err) => {
            // If standard error is gone too, there is nobody left to tell.
            let _ = writeln!(io::stderr(), "generate_log: {err}");
            ExitCode::from(2)
        }
    }
}

fn run() -> io::Result<()> {
    let stdout = io::stdout().lock();
    let Some(options) = Options::parse(env::args().skip(1))? else {
        return { stdout }.write_all(USAGE.as_bytes());
    };
    let mut out = BufWriter::with_capacity(1 << 20, stdout);
    let mut generator = Generator::new(&options)?;
    let mut entry = Vec::new();
    let mut written = 0;
    while written < options.bytes {
        entry.clear();
        generator.write_entry(&mut entry)?;
        out.write_all(&entry)?;
        written += entry.len() as u64;
    }
    out.flush()
}

// Options ------------------------------------------------------------------

#[derive(Clone, Copy)]
enum Style {
    Literals,
    Parameters,
}

#[derive(Clone, Copy)]
enum Format {
    Stderr,
    Csv,
    Json,
}

struct Options {
    seed: u64,
    bytes: u64,
    style: Style,
    format: Format,
    shapes: Option<usize>,
}

impl Options {
    /// Returns `None` if help was asked for.
    fn parse(mut args: impl Iterator<Item = String>) -> io::Result<Option<Self>> {
        let mut options = Self { seed: 1, bytes: 10_000_000, style: Style::Literals, format: Format::Stderr, shapes: None };
        while let Some(name) = args.next() {
            if name == "--help" || name == "-h" {
                return Ok(None);
            }
            let value = args.next().unwrap_or_default();
            let invalid = || invalid_input(&format!("invalid option: {name} {value}\n\n{USAGE}"));
            match name.as_str() {
                "--seed" => options.seed = value.parse().map_err(|_| invalid())?,
                "--bytes" => options.bytes = parse_size(&value).ok_or_else(invalid)?,
                "--shapes" => match value.parse() {
                    Ok(count) if count > 0 => options.shapes = Some(count),
                    _ => return Err(invalid()),
                },
                "--style" => {
                    options.style = match value.as_str() {
                        "literals" => Style::Literals,
                        "parameters" => Style::Parameters,
                        _ => return Err(invalid()),
                    }
                }
                "--format" => {
                    options.format = match value.as_str() {
                        "stderr" => Format::Stderr,
                        "csv" => Format::Csv,
                        "json" => Format::Json,
                        _ => return Err(invalid()),
                    }
                }
                _ => return Err(invalid()),
            }
        }
        Ok(Some(options))
    }
}

/// Parses a number of bytes such as `4096`, `300M` or `2G`.
fn parse_size(text: &str) -> Option<u64> {
    let (digits, unit) = match text.as_bytes().last()? {
        b'K' | b'k' => (&text[..text.len() - 1], 1_000),
        b'M' | b'm' => (&text[..text.len() - 1], 1_000_000),
        b'G' | b'g' => (&text[..text.len() - 1], 1_000_000_000),
        _ => (text, 1),
    };
    digits.parse::<u64>().ok()?.checked_mul(unit)
}

fn invalid_input(message: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, message)
}

// Random numbers -----------------------------------------------------------

/// Xorshift64*: small, fast, and good enough to make up a log.
struct Rng(u64);

impl Rng {
    fn new(seed: u64) -> Self {
        // The state must not be zero, and close seeds should not look alike.
        let mut rng = Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        for _ in 0..8 {
            rng.next();
        }
        rng
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A number in `0..limit`.
    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    /// True `percent` times out of a hundred.
    fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    fn pick<T: Copy>(&mut self, items: &[T]) -> T {
        let index = self.below(items.len() as u64);
        items[usize::try_from(index).unwrap_or(0)]
    }

    /// A number in `(0, 1]`.
    fn fraction(&mut self) -> f64 {
        (f64::from((self.next() >> 32) as u32) + 1.0) / 4_294_967_296.0
    }

    /// A log-normal number of milliseconds.
    fn latency(&mut self, median_ms: f64, sigma: f64) -> Duration {
        let radius = (-2.0 * self.fraction().ln()).sqrt();
        let normal = radius * (std::f64::consts::TAU * self.fraction()).cos();
        Duration::from_secs_f64(median_ms / 1000.0 * (sigma * normal).exp())
    }
}

// Statements ---------------------------------------------------------------

/// A statement as an application would send it again and again.
///
/// In `sql`, `{kind}` stands for a value and `{kind*}` for a list of them (see
/// [`Kind`]); `@` ends the names that differ between variants of the shape.
struct Shape {
    weight: usize,
    median_ms: f64,
    sigma: f64,
    sql: &'static str,
}

const fn shape(weight: usize, median_ms: f64, sigma: f64, sql: &'static str) -> Shape {
    Shape { weight, median_ms, sigma, sql }
}

#[rustfmt::skip]
const SHAPES: &[Shape] = &[
    // Transaction control, the one kind of statement without variants.
    shape(6, 0.03, 0.5, "BEGIN"),
    shape(5, 0.06, 0.9, "COMMIT"),
    shape(1, 0.04, 0.5, "ROLLBACK"),

    // Django.
    shape(10, 0.12, 0.6, r#"SELECT "users@"."id", "users@"."account_id", "users@"."email", "users@"."full_name", "users@"."status", "users@"."last_seen_at", "users@"."created_at" FROM "users@" WHERE "users@"."id" = {id} LIMIT 21"#),
    shape(4, 6.0, 1.0, r#"SELECT COUNT(*) AS "__count" FROM "orders@" WHERE ("orders@"."status" = {status} AND "orders@"."placed_at" >= {time})"#),
    shape(4, 2.5, 1.1, r#"SELECT "comments@"."id", "comments@"."asset_id", "comments@"."author_id", "comments@"."body", "comments@"."is_spam", "comments@"."created_at", "users@"."id", "users@"."email", "users@"."full_name", T4."id", T4."name" FROM "comments@" INNER JOIN "users@" ON ("comments@"."author_id" = "users@"."id") LEFT OUTER JOIN "accounts@" T4 ON ("users@"."account_id" = T4."id") WHERE (NOT "comments@"."is_spam" AND "comments@"."asset_id" = {id}) ORDER BY "comments@"."created_at" DESC, "comments@"."id" DESC LIMIT 20 OFFSET {offset}"#),
    shape(5, 0.4, 0.7, r#"UPDATE "users@" SET "last_seen_at" = {time} WHERE "users@"."id" = {id}"#),
    shape(4, 0.7, 0.7, r#"INSERT INTO "orders@" ("account_id", "user_id", "number", "status", "total", "note", "placed_at") VALUES ({id}, {id}, {token}, {status}, {price}, {note}, {time}) RETURNING "orders@"."id""#),
    shape(5, 0.9, 0.9, r#"SELECT "order_items@"."id", "order_items@"."order_id", "order_items@"."sku", "order_items@"."qty", "order_items@"."price" FROM "order_items@" WHERE "order_items@"."order_id" IN ({id*})"#),
    shape(1, 1.8, 0.8, r#"DELETE FROM "django_session@" WHERE "django_session@"."session_key" IN ({token*})"#),
    shape(4, 0.15, 0.6, r#"SELECT 1 AS "a" FROM "auth_permission@" INNER JOIN "auth_group_permissions@" ON ("auth_permission@"."id" = "auth_group_permissions@"."permission_id") WHERE "auth_group_permissions@"."group_id" = {id} LIMIT 1"#),
    shape(2, 18.0, 1.2, r#"SELECT "users@"."id", "users@"."email", "users@"."full_name" FROM "users@" WHERE (UPPER("users@"."full_name"::text) LIKE UPPER({search}) OR "users@"."email" = {email}) ORDER BY "users@"."full_name" ASC LIMIT 50"#),

    // ActiveRecord.
    shape(8, 0.1, 0.6, r#"SELECT "projects@".* FROM "projects@" WHERE "projects@"."id" = {id} LIMIT {limit}"#),
    shape(4, 1.6, 1.0, r#"SELECT "assets@".* FROM "assets@" INNER JOIN "projects@" ON "projects@"."id" = "assets@"."project_id" WHERE "projects@"."account_id" = {id} AND "assets@"."deleted_at" IS NULL ORDER BY "assets@"."created_at" DESC LIMIT {limit} OFFSET {offset}"#),
    shape(4, 0.2, 0.7, r#"SELECT 1 AS one FROM "users@" WHERE "users@"."email" = {email} AND "users@"."id" != {id} LIMIT {limit}"#),
    shape(3, 0.5, 0.8, r#"UPDATE "assets@" SET "name" = {name}, "updated_at" = {time}, "lock_version" = {id} WHERE "assets@"."id" = {id} AND "assets@"."lock_version" = {id}"#),
    shape(2, 9.0, 1.1, r#"SELECT COUNT(DISTINCT "assets@"."id") FROM "assets@" LEFT OUTER JOIN "taggings@" ON "taggings@"."asset_id" = "assets@"."id" WHERE "taggings@"."tag_id" IN ({id*})"#),
    shape(4, 0.6, 0.7, r#"INSERT INTO "comments@" ("asset_id", "author_id", "body", "created_at") VALUES ({id}, {id}, {body}, {time}) RETURNING "id""#),
    shape(2, 0.3, 0.8, r#"DELETE FROM "taggings@" WHERE "taggings@"."asset_id" = {id} AND "taggings@"."tag_id" IN ({id*})"#),

    // Sequelize.
    shape(5, 0.3, 0.8, r#"SELECT "id", "name", "kind", "bytes", "project_id" AS "projectId", "created_at" AS "createdAt" FROM "assets@" AS "Asset" WHERE "Asset"."kind" = {status} AND "Asset"."id" IN ({id*});"#),
    shape(3, 4.0, 1.2, r#"SELECT "Order".*, "items"."id" AS "items.id", "items"."sku" AS "items.sku", "items"."qty" AS "items.qty", "items"."price" AS "items.price" FROM (SELECT "Order"."id", "Order"."number", "Order"."status", "Order"."total" FROM "orders@" AS "Order" WHERE "Order"."user_id" = {id} AND "Order"."total" > {price} ORDER BY "Order"."placed_at" DESC LIMIT {limit} OFFSET {offset}) AS "Order" LEFT OUTER JOIN "order_items@" AS "items" ON "Order"."id" = "items"."order_id" ORDER BY "Order"."placed_at" DESC;"#),
    shape(2, 0.5, 0.8, r#"UPDATE "assets@" SET "views"={id},"updated_at"={time} WHERE "id" = {id}"#),

    // SQLAlchemy, which breaks lines.
    shape(10, 0.1, 0.6, "SELECT accounts@.id AS accounts_id, accounts@.name AS accounts_name, accounts@.plan AS accounts_plan, accounts@.region AS accounts_region, accounts@.created_at AS accounts_created_at \nFROM accounts@ \nWHERE accounts@.id = {id}"),
    shape(9, 0.3, 0.8, "SELECT invoices@.id, invoices@.account_id, invoices@.number, invoices@.status, invoices@.total, invoices@.due_at \nFROM invoices@ \nWHERE invoices@.account_id = {id} AND invoices@.due_at < {time} ORDER BY invoices@.due_at DESC \n LIMIT {limit} OFFSET {offset}"),
    shape(3, 1.1, 0.9, "SELECT payments@.id, payments@.invoice_id, payments@.amount \nFROM payments@ JOIN invoices@ ON invoices@.id = payments@.invoice_id \nWHERE payments@.amount BETWEEN {price} AND {price} AND invoices@.id IN ({id*})"),

    // Written by hand.
    shape(3, 0.8, 0.9, "SELECT id, payload\nFROM jobs@\nWHERE queue = {status} AND run_at <= {time}\nORDER BY priority, run_at\nLIMIT {limit}\nFOR UPDATE SKIP LOCKED"),
    shape(3, 0.6, 0.8, "INSERT INTO counters@ AS c (name, day, hits)\nVALUES ({name}, {time}, 1)\nON CONFLICT (name, day) DO UPDATE\n\tSET hits = c.hits + excluded.hits"),
    shape(1, 220.0, 0.8, "-- revenue by month\nWITH monthly AS (\n  SELECT date_trunc('month', placed_at) AS month, sum(total) AS total\n  FROM orders@\n  WHERE status = {status} AND placed_at >= {time}\n  GROUP BY 1\n)\nSELECT month, total, lag(total) OVER (ORDER BY month) AS previous\nFROM monthly\nORDER BY month"),
    shape(1, 35.0, 0.9, "DELETE FROM events@\nWHERE id IN (\n  SELECT id FROM events@ WHERE created_at < {time} ORDER BY id LIMIT {limit}\n)"),
    shape(4, 0.5, 0.9, "SELECT a.id, a.name, (SELECT count(*) FROM comments@ c WHERE c.asset_id = a.id) AS comments FROM assets@ a WHERE a.id = ANY({array}) AND a.owner = {name}"),
];

/// What a value in a statement looks like.
#[derive(Clone, Copy)]
enum Kind {
    Array,
    Body,
    Email,
    Id,
    Limit,
    Name,
    Note,
    Offset,
    Price,
    Search,
    Status,
    Time,
    Token,
}

impl Kind {
    fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "array" => Self::Array,
            "body" => Self::Body,
            "email" => Self::Email,
            "id" => Self::Id,
            "limit" => Self::Limit,
            "name" => Self::Name,
            "note" => Self::Note,
            "offset" => Self::Offset,
            "price" => Self::Price,
            "search" => Self::Search,
            "status" => Self::Status,
            "time" => Self::Time,
            "token" => Self::Token,
            _ => return None,
        })
    }

    fn is_number(self) -> bool {
        matches!(self, Self::Id | Self::Limit | Self::Offset | Self::Price)
    }

    /// Writes a value with its quotes doubled but without those around it.
    fn write(self, out: &mut Vec<u8>, rng: &mut Rng, now: Duration) -> io::Result<()> {
        #[rustfmt::skip]
        const NAMES: &[&str] = &[
            "Ada Lovelace", "Conan O''Brien", "Grace Hopper", "José Ñandú", "banner_2x.png",
            "it''s \"final\" (3).pdf", "checkout", "landing-page", "Wei Zhang", "invoice",
        ];
        #[rustfmt::skip]
        const WORDS: &[&str] = &[
            "the", "image", "isn''t", "cropped;", "please", "select", "another", "from",
            "''draft''", "-- thanks", "where", "it", "100%", "(sharp)",
        ];
        const STATUSES: &[&str] = &["paid", "active", "draft", "refunded", "mailer", "video"];
        match self {
            Self::Array => {
                out.push(b'{');
                for i in 0..=rng.below(12) {
                    let comma = if i == 0 { "" } else { "," };
                    write!(out, "{comma}{}", rng.below(100_000))?;
                }
                out.push(b'}');
            }
            Self::Body => {
                for i in 0..4 + rng.below(24) {
                    let space = if i == 0 { "" } else { " " };
                    write!(out, "{space}{}", rng.pick(WORDS))?;
                }
            }
            Self::Email => write!(out, "user{}@example.org", rng.below(200_000))?,
            Self::Id => write!(out, "{}", 1 + rng.below(2_000_000))?,
            Self::Limit => write!(out, "{}", rng.pick(&[1, 1, 1, 10, 20, 25, 50, 100]))?,
            Self::Name => write!(out, "{}", rng.pick(NAMES))?,
            Self::Note => write!(out, "order {}: {}", rng.below(9_999), rng.pick(NAMES))?,
            Self::Offset => write!(out, "{}", 20 * rng.below(40))?,
            Self::Price => write!(out, "{}.{:02}", rng.below(900), rng.below(100))?,
            Self::Search => write!(out, "%{}%", rng.pick(NAMES))?,
            Self::Status => write!(out, "{}", rng.pick(STATUSES))?,
            Self::Time => {
                let age = Duration::from_micros(rng.below(30 * 86_400_000_000));
                let then = now.saturating_sub(age);
                write_time(out, then)?;
                write!(out, ".{:06}+00", then.subsec_micros())?;
            }
            Self::Token => write!(out, "{:016x}{:016x}", rng.next(), rng.next())?,
        }
        Ok(())
    }
}

/// Part of a shape's SQL.
enum Piece {
    Text(&'static str),
    /// Where a variant differs from the shape it is a variant of.
    Variant,
    Value {
        kind: Kind,
        list: bool,
    },
}

fn parse_pieces(sql: &'static str) -> io::Result<Vec<Piece>> {
    let mut pieces = Vec::new();
    let mut rest = sql;
    while let Some(at) = rest.find(['@', '{']) {
        pieces.push(Piece::Text(&rest[..at]));
        rest = &rest[at..];
        if let Some(after) = rest.strip_prefix('@') {
            pieces.push(Piece::Variant);
            rest = after;
            continue;
        }
        let bad_value = || invalid_input(&format!("bad value in a shape: {rest}"));
        let (name, after) = rest[1..].split_once('}').ok_or_else(bad_value)?;
        let (name, list) = match name.strip_suffix('*') {
            Some(name) => (name, true),
            None => (name, false),
        };
        let kind = Kind::from_name(name).ok_or_else(bad_value)?;
        pieces.push(Piece::Value { kind, list });
        rest = after;
    }
    pieces.push(Piece::Text(rest));
    Ok(pieces)
}

/// Writes what the names in a variant end in: nothing, `_b`, `_c` and so on.
///
/// Letters, since a fingerprint may well drop the digits of a name.
fn write_variant(out: &mut Vec<u8>, variant: u32) {
    if variant == 0 {
        return;
    }
    out.push(b'_');
    let mut rest = variant;
    while rest > 0 {
        out.push(b'a' + (rest % 26) as u8);
        rest /= 26;
    }
}

/// The statement a session is busy with.
#[derive(Default)]
struct Statement {
    shape: usize,
    variant: u32,
    /// Of the prepared statement; unused by the simple protocol.
    name: Vec<u8>,
    sql: Vec<u8>,
    /// Empty, or `parameters: $1 = …`.
    parameters: Vec<u8>,
}

impl Statement {
    /// The command tag, which `%i`, csvlog and jsonlog show.
    fn tag(&self) -> &[u8] {
        let is_word = |byte: &&u8| byte.is_ascii_uppercase();
        match self.sql.iter().take_while(is_word).count() {
            // The comment ahead of a query.
            0 => b"SELECT",
            length => &self.sql[..length],
        }
    }

    /// Not PostgreSQL's, but as distinct and as stable.
    fn query_id(&self) -> i64 {
        let id = (self.shape as u64 + 1) ^ (u64::from(self.variant) << 32);
        id.wrapping_mul(0x9e37_79b9_7f4a_7c15).cast_signed()
    }
}

// Sessions -----------------------------------------------------------------

/// An entry that a statement leaves in the log.
#[derive(Clone, Copy)]
enum Step {
    Simple,
    Parse,
    Bind,
    Execute,
    TemporaryFile,
    Timeout,
}

#[derive(Default)]
struct Session {
    pid: u32,
    /// Empty for background processes.
    user: &'static str,
    application: &'static str,
    port: u32,
    started: Duration,
    /// How its driver names prepared statements.
    prepared: &'static str,
    lines: u64,
    transactions: u64,
    statement: Statement,
    /// The entries the statement has yet to leave.
    steps: &'static [Step],
    /// When the next one is due, and the duration it is to show.
    due: Duration,
    latency: Duration,
}

/// Decides what sessions do next.
struct Workload {
    rng: Rng,
    style: Style,
    /// The pieces of each of [`SHAPES`].
    pieces: Vec<Vec<Piece>>,
    /// Shapes and their variants, to be drawn from with equal chances.
    deck: Vec<(usize, u32)>,
}

impl Workload {
    fn new(options: &Options) -> io::Result<Self> {
        let indices = || 0..SHAPES.len();
        let deck = match options.shapes {
            None => indices().flat_map(|shape| vec![(shape, 0); SHAPES[shape].weight]).collect(),
            Some(count) => {
                let varying = || indices().filter(|&shape| SHAPES[shape].sql.contains('@'));
                let variants = (1..).flat_map(|variant| varying().map(move |s| (s, variant)));
                indices().map(|shape| (shape, 0)).chain(variants).take(count).collect()
            }
        };
        Ok(Self {
            rng: Rng::new(options.seed),
            style: options.style,
            pieces: SHAPES.iter().map(|shape| parse_pieces(shape.sql)).collect::<io::Result<_>>()?,
            deck,
        })
    }

    /// Moves a session on to its next step, or to its next statement.
    fn advance(&mut self, session: &mut Session) -> io::Result<()> {
        session.steps = session.steps.split_first().map_or(&[], |(_, rest)| rest);
        let mut pause = Duration::from_micros(20 + self.rng.below(60));
        if session.steps.is_empty() {
            self.start_statement(session)?;
            pause = self.rng.latency(12.0, 0.8);
        }
        let shape = &SHAPES[session.statement.shape];
        session.latency = match session.steps[0] {
            Step::Simple | Step::Execute => self.rng.latency(shape.median_ms, shape.sigma),
            Step::Parse => self.rng.latency(0.11, 0.6),
            Step::Bind => self.rng.latency(0.07, 0.6),
            Step::TemporaryFile => self.rng.latency(90.0, 0.4),
            Step::Timeout => Duration::from_secs(5),
        };
        session.due += pause + session.latency;
        Ok(())
    }

    fn start_statement(&mut self, session: &mut Session) -> io::Result<()> {
        let rng = &mut self.rng;
        let extended = match self.style {
            // One statement in ten makes one entry in four: it leaves three.
            Style::Literals => rng.chance(10),
            Style::Parameters => true,
        };
        let unnamed = matches!(self.style, Style::Literals) || rng.chance(8);
        let parsed = unnamed || rng.chance(4);
        let (shape, variant) = rng.pick(&self.deck);
        let incident = if SHAPES[shape].median_ms > 1.0 { rng.below(1000) } else { u64::MAX };
        session.steps = match (extended, incident) {
            (false, 0..2) => &[Step::Timeout],
            (false, 2..12) => &[Step::TemporaryFile, Step::Simple],
            (false, _) => &[Step::Simple],
            (true, 0..2) => &[Step::Bind, Step::Timeout],
            (true, 2..12) => &[Step::Bind, Step::TemporaryFile, Step::Execute],
            (true, _) if parsed => &[Step::Parse, Step::Bind, Step::Execute],
            (true, _) => &[Step::Bind, Step::Execute],
        };
        session.transactions += 1;

        // Squared, so that short lists are the common ones.
        let list_length = 1 + rng.below(5) * rng.below(5);
        let statement = &mut session.statement;
        statement.shape = shape;
        statement.variant = variant;
        statement.name.clear();
        statement.sql.clear();
        statement.parameters.clear();
        if unnamed {
            statement.name.extend(b"<unnamed>");
        } else {
            // A list of another length is another statement to prepare.
            let number = (u64::from(variant) << 10) + shape as u64 * 17 + list_length;
            write!(statement.name, "{}{number}", session.prepared)?;
        }

        let mut count = 0;
        for piece in &self.pieces[shape] {
            let (kind, length) = match *piece {
                Piece::Text(text) => {
                    statement.sql.extend(text.as_bytes());
                    continue;
                }
                Piece::Variant => {
                    write_variant(&mut statement.sql, variant);
                    continue;
                }
                Piece::Value { kind, list } => (kind, if list { list_length } else { 1 }),
            };
            for i in 0..length {
                if i > 0 {
                    statement.sql.extend(b", ");
                }
                let is_null = matches!(kind, Kind::Note) && rng.chance(60);
                if extended {
                    count += 1;
                    write!(statement.sql, "${count}")?;
                    let lead = if count == 1 { "parameters: " } else { ", " };
                    write!(statement.parameters, "{lead}${count} = ")?;
                    if is_null {
                        statement.parameters.extend(b"NULL");
                    } else {
                        statement.parameters.push(b'\'');
                        kind.write(&mut statement.parameters, rng, session.due)?;
                        statement.parameters.push(b'\'');
                    }
                } else if is_null {
                    statement.sql.extend(b"NULL");
                } else if kind.is_number() {
                    kind.write(&mut statement.sql, rng, session.due)?;
                } else {
                    statement.sql.push(b'\'');
                    kind.write(&mut statement.sql, rng, session.due)?;
                    statement.sql.push(b'\'');
                    if matches!(kind, Kind::Time) {
                        statement.sql.extend(b"::timestamptz");
                    }
                }
            }
        }
        Ok(())
    }
}

/// Turns what sessions do into log entries.
struct Generator {
    workload: Workload,
    format: Format,
    sessions: Vec<Session>,
    checkpointer: Session,
    /// The message of the entry being written.
    message: Vec<u8>,
}

impl Generator {
    fn new(options: &Options) -> io::Result<Self> {
        const CLIENTS: &[(&str, &str, &str)] = &[
            ("shop_app", "storefront-django", "_pg3_"),
            ("shop_app", "PostgreSQL JDBC Driver", "S_"),
            ("billing", "billing-sqlalchemy", "_pg3_"),
            ("mailer", "mailer-activerecord", "a"),
        ];
        let mut workload = Workload::new(options)?;
        let mut sessions = Vec::new();
        for (i, &(user, application, prepared)) in (0..SESSIONS).zip(CLIENTS.iter().cycle()) {
            let mut session = Session {
                pid: 20_639 + 3 * i,
                user,
                application,
                prepared,
                port: 55_400 + 6 * i,
                started: START,
                due: START,
                ..Session::default()
            };
            workload.advance(&mut session)?;
            sessions.push(session);
        }
        Ok(Self {
            workload,
            format: options.format,
            sessions,
            checkpointer: Session { pid: 20_614, started: START, due: START + CHECKPOINT_INTERVAL, ..Session::default() },
            message: Vec::new(),
        })
    }

    /// Writes the entry that is due next.
    fn write_entry(&mut self, out: &mut Vec<u8>) -> io::Result<()> {
        self.message.clear();
        let next = self.sessions.iter_mut().min_by_key(|session| session.due);
        match next {
            Some(session) if session.due < self.checkpointer.due => {
                session.lines += 1;
                write_message(&mut self.message, session)?;
                Entry::of_client(session, &self.message).write(out, self.format)?;
                self.workload.advance(session)
            }
            _ => {
                let session = &mut self.checkpointer;
                session.lines += 1;
                let buffers = self.workload.rng.below(9_000);
                write!(
                    self.message,
                    "checkpoint complete: wrote {buffers} buffers ({}.{}%); \
                     0 WAL file(s) added, 0 removed, 3 recycled; \
                     write=269.{:03} s, sync=0.004 s, total=269.982 s; \
                     sync files=57, longest=0.002 s, average=0.001 s; \
                     distance=52310 kB, estimate=54022 kB",
                    buffers / 164,
                    buffers % 10,
                    buffers % 1000,
                )?;
                Entry::of_background(session, &self.message).write(out, self.format)?;
                session.due += CHECKPOINT_INTERVAL;
                Ok(())
            }
        }
    }
}

fn write_message(out: &mut Vec<u8>, session: &Session) -> io::Result<()> {
    let statement = &session.statement;
    let protocol = match session.steps[0] {
        Step::Simple => "statement",
        Step::Parse => "parse ",
        Step::Bind => "bind ",
        Step::Execute => "execute ",
        Step::TemporaryFile => {
            let (pid, bytes) = (session.pid, session.latency.as_micros() * 164);
            return write!(out, "temporary file: path \"base/pgsql_tmp/pgsql_tmp{pid}.0\", size {bytes}");
        }
        Step::Timeout => return out.write_all(b"canceling statement due to statement timeout"),
    };
    let micros = session.latency.as_micros();
    let (ms, fraction) = (micros / 1000, micros % 1000);
    write!(out, "duration: {ms}.{fraction:03} ms  {protocol}")?;
    if !matches!(session.steps[0], Step::Simple) {
        out.extend(&statement.name);
    }
    out.extend(b": ");
    out.extend(&statement.sql);
    Ok(())
}

// Formats ------------------------------------------------------------------

/// What the three formats write, each in its own way.
struct Entry<'a> {
    session: &'a Session,
    tag: &'a [u8],
    severity: &'static str,
    code: &'static str,
    message: &'a [u8],
    detail: &'a [u8],
    statement: &'a [u8],
    query_id: i64,
}

impl<'a> Entry<'a> {
    fn of_background(session: &'a Session, message: &'a [u8]) -> Self {
        Self { session, tag: b"", severity: "LOG", code: "00000", message, detail: b"", statement: b"", query_id: 0 }
    }

    fn of_client(session: &'a Session, message: &'a [u8]) -> Self {
        let statement = &session.statement;
        let entry = Self { tag: statement.tag(), query_id: statement.query_id(), ..Self::of_background(session, message) };
        match session.steps[0] {
            Step::Simple => entry,
            Step::Parse => Self { tag: b"PARSE", ..entry },
            Step::Bind => Self { tag: b"BIND", detail: &statement.parameters, ..entry },
            Step::Execute => Self { detail: &statement.parameters, ..entry },
            Step::TemporaryFile => Self { statement: &statement.sql, ..entry },
            Step::Timeout => Self { severity: "ERROR", code: "57014", statement: &statement.sql, ..entry },
        }
    }

    fn write(&self, out: &mut Vec<u8>, format: Format) -> io::Result<()> {
        match format {
            Format::Stderr => self.write_stderr(out),
            Format::Csv => self.write_csv(out),
            Format::Json => self.write_json(out),
        }
    }

    fn is_background(&self) -> bool {
        self.session.user.is_empty()
    }

    fn write_stderr(&self, out: &mut Vec<u8>) -> io::Result<()> {
        let lines = [(self.severity, self.message), ("DETAIL", self.detail), ("STATEMENT", self.statement)];
        for (severity, text) in lines {
            if text.is_empty() {
                continue;
            }
            self.write_timestamp(out)?;
            write!(out, " [{}] ", self.session.pid)?;
            if !self.is_background() {
                write!(out, "{}@{DATABASE} ", self.session.user)?;
            }
            write!(out, "{severity}:  ")?;
            write_escaped(out, text, |byte| match byte {
                b'\n' => Some(b"\n\t"),
                _ => None,
            });
            out.push(b'\n');
        }
        Ok(())
    }

    /// Writes the 26 columns of PostgreSQL 14 and later.
    fn write_csv(&self, out: &mut Vec<u8>) -> io::Result<()> {
        let session = self.session;
        self.write_timestamp(out)?;
        if self.is_background() {
            write!(out, ",,,{},,", session.pid)?;
        } else {
            let (user, pid, port) = (session.user, session.pid, session.port);
            write!(out, ",\"{user}\",\"{DATABASE}\",{pid},\"127.0.0.1:{port}\",")?;
        }
        self.write_session_id(out)?;
        write!(out, ",{},", session.lines)?;
        write_csv_field(out, self.tag);
        out.push(b',');
        write_time(out, session.started)?;
        out.extend(b" UTC,");
        if !self.is_background() {
            self.write_virtual_transaction(out)?;
        }
        write!(out, ",0,{},{},", self.severity, self.code)?;
        write_csv_field(out, self.message);
        out.push(b',');
        write_csv_field(out, self.detail);
        // Hint, internal query and its position, context.
        out.extend(b",,,,,");
        write_csv_field(out, self.statement);
        // Position in the query, location.
        let (application, backend) = (session.application, self.backend_type());
        writeln!(out, ",,,\"{application}\",\"{backend}\",,{}", self.query_id)
    }

    fn write_json(&self, out: &mut Vec<u8>) -> io::Result<()> {
        let session = self.session;
        out.extend(b"{\"timestamp\":\"");
        self.write_timestamp(out)?;
        out.push(b'"');
        if !self.is_background() {
            write!(out, r#","user":"{}","dbname":"{DATABASE}""#, session.user)?;
        }
        write!(out, r#","pid":{}"#, session.pid)?;
        if !self.is_background() {
            let port = session.port;
            write!(out, r#","remote_host":"127.0.0.1","remote_port":{port}"#)?;
        }
        out.extend(br#","session_id":""#);
        self.write_session_id(out)?;
        write!(out, r#"","line_num":{}"#, session.lines)?;
        write_json_member(out, "ps", self.tag)?;
        out.extend(br#","session_start":""#);
        write_time(out, session.started)?;
        out.extend(b" UTC\"");
        if !self.is_background() {
            out.extend(br#","vxid":""#);
            self.write_virtual_transaction(out)?;
            out.push(b'"');
        }
        write!(out, r#","txid":0,"error_severity":"{}""#, self.severity)?;
        if self.code != "00000" {
            write!(out, r#","state_code":"{}""#, self.code)?;
        }
        write_json_member(out, "message", self.message)?;
        write_json_member(out, "detail", self.detail)?;
        write_json_member(out, "statement", self.statement)?;
        write_json_member(out, "application_name", session.application.as_bytes())?;
        let (backend, query_id) = (self.backend_type(), self.query_id);
        writeln!(out, r#","backend_type":"{backend}","query_id":{query_id}}}"#)
    }

    /// Writes `%m`.
    fn write_timestamp(&self, out: &mut Vec<u8>) -> io::Result<()> {
        let due = self.session.due;
        write_time(out, due)?;
        write!(out, ".{:03} UTC", due.subsec_millis())
    }

    /// Writes `%c`.
    fn write_session_id(&self, out: &mut Vec<u8>) -> io::Result<()> {
        let session = self.session;
        write!(out, "{:x}.{:x}", session.started.as_secs(), session.pid)
    }

    /// Writes `%v`, with the process in the place of the backend's number.
    fn write_virtual_transaction(&self, out: &mut Vec<u8>) -> io::Result<()> {
        write!(out, "{}/{}", self.session.pid, self.session.transactions)
    }

    fn backend_type(&self) -> &'static str {
        if self.is_background() { "checkpointer" } else { "client backend" }
    }
}

/// Copies `text`, putting what `escape` returns in place of single bytes.
fn write_escaped(out: &mut Vec<u8>, text: &[u8], escape: impl Fn(u8) -> Option<&'static [u8]>) {
    let mut copied = 0;
    for (at, &byte) in text.iter().enumerate() {
        if let Some(replacement) = escape(byte) {
            out.extend(&text[copied..at]);
            out.extend(replacement);
            copied = at + 1;
        }
    }
    out.extend(&text[copied..]);
}

/// Writes nothing for an absent value, as PostgreSQL does.
fn write_csv_field(out: &mut Vec<u8>, text: &[u8]) {
    if text.is_empty() {
        return;
    }
    out.push(b'"');
    write_escaped(out, text, |byte| match byte {
        b'"' => Some(b"\"\""),
        _ => None,
    });
    out.push(b'"');
}

/// Leaves absent values out, as PostgreSQL does.
fn write_json_member(out: &mut Vec<u8>, name: &str, text: &[u8]) -> io::Result<()> {
    if text.is_empty() {
        return Ok(());
    }
    write!(out, ",\"{name}\":\"")?;
    write_escaped(out, text, |byte| match byte {
        b'\n' => Some(b"\\n"),
        b'\t' => Some(b"\\t"),
        b'"' => Some(b"\\\""),
        b'\\' => Some(b"\\\\"),
        _ => None,
    });
    out.push(b'"');
    Ok(())
}

/// Writes a time since the Unix epoch, in UTC, to the second.
fn write_time(out: &mut Vec<u8>, time: Duration) -> io::Result<()> {
    let seconds = time.as_secs();
    let (year, month, day) = civil_date(seconds / 86_400);
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    write!(out, "{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}")
}

/// The year, month and day that come `days` after 1970-01-01; Howard Hinnant's
/// `civil_from_days`.
fn civil_date(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let leap_days = day_of_era / 1_460 - day_of_era / 36_524 + day_of_era / 146_096;
    let year_of_era = (day_of_era - leap_days) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    // Months count from March, so that the leap day comes last.
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}
