//! A server's messages may be in any language: the words change, the structure does not, and no number may change with them.
//! The words of real languages are those of PostgreSQL 15.18 (`postgres-15.mo` of Debian 12).

use std::collections::BTreeSet;

use serde_json::json;

use crate::harness::{Facts, csv_row, json_line, report};

/// What PostgreSQL's catalogue of messages translates: `{t}` is a duration, `{n}` a statement's name, `{q}` its text.
#[derive(Clone, Debug)]
struct Words {
    log: String,
    error: String,
    detail: String,
    statement: String,
    simple: String,
    parse: String,
    bind: String,
    execute: String,
    fetch: String,
    bare: String,
    announced: String,
    announced_execute: String,
    parameters: String,
    division: String,
    duplicate: String,
}

impl Words {
    /// Severities LOG and ERROR; DETAIL and STATEMENT with what follows them; then the messages.
    fn of(labels: [&str; 4], durations: [&str; 6], others: [&str; 5]) -> Self {
        let [log, error, detail, statement] = labels.map(str::to_owned);
        let [simple, parse, bind, execute, fetch, bare] = durations.map(str::to_owned);
        let [announced, announced_execute, parameters, division, duplicate] = others.map(str::to_owned);
        Words {
            log,
            error,
            detail,
            statement,
            simple,
            parse,
            bind,
            execute,
            fetch,
            bare,
            announced,
            announced_execute,
            parameters,
            division,
            duplicate,
        }
    }

    fn english() -> Self {
        Words::of(
            ["LOG", "ERROR", "DETAIL:  ", "STATEMENT:  "],
            [
                "duration: {t} ms  statement: {q}",
                "duration: {t} ms  parse {n}: {q}",
                "duration: {t} ms  bind {n}: {q}",
                "duration: {t} ms  execute {n}: {q}",
                "duration: {t} ms  execute fetch from {n}: {q}",
                "duration: {t} ms",
            ],
            [
                "statement: {q}",
                "execute {n}: {q}",
                "parameters: {p}",
                "division by zero",
                "duplicate key value violates unique constraint \"t_pkey\"",
            ],
        )
    }
}

/// Writes a log in some words.
struct Scribe<'w> {
    words: &'w Words,
    log: String,
    second: u32,
}

impl<'w> Scribe<'w> {
    fn new(words: &'w Words) -> Self {
        Scribe { words, log: String::new(), second: 0 }
    }

    fn line(&mut self, pid: u32, text: &str) {
        self.log += &format!("2026-11-23 05:{:02}:{:02}.504 UTC [{pid}] app@shop/web {text}\n", self.second / 60, self.second % 60);
    }

    fn log_line(&mut self, pid: u32, template: &str, micros: u64, name: &str, sql: &str) {
        self.second += 1;
        let time = format!("{}.{:03}", micros / 1_000, micros % 1_000);
        let message = template.replace("{t}", &time).replace("{n}", name).replace("{q}", &sql.replace('\n', "\n\t"));
        self.line(pid, &format!("{}:  {message}", self.words.log));
    }

    fn simple(&mut self, pid: u32, micros: u64, sql: &str) {
        self.log_line(pid, &self.words.simple, micros, "", sql);
    }

    fn parse(&mut self, pid: u32, micros: u64, name: &str, sql: &str) {
        self.log_line(pid, &self.words.parse, micros, name, sql);
    }

    fn bind(&mut self, pid: u32, micros: u64, name: &str, sql: &str) {
        self.log_line(pid, &self.words.bind, micros, name, sql);
        self.parameters(pid);
    }

    fn execute(&mut self, pid: u32, micros: u64, name: &str, sql: &str) {
        self.log_line(pid, &self.words.execute, micros, name, sql);
        self.parameters(pid);
    }

    fn parameters(&mut self, pid: u32) {
        let parameters = self.words.parameters.replace("{p}", "$1 = 'x, y', $2 = NULL");
        self.line(pid, &format!("{}{parameters}", self.words.detail));
    }

    fn failed(&mut self, pid: u32, message: &str, detail: Option<&str>, sql: &str) {
        self.second += 1;
        self.line(pid, &format!("{}:  {message}", self.words.error));
        if let Some(detail) = detail {
            self.line(pid, &format!("{}{detail}", self.words.detail));
        }
        self.line(pid, &format!("{}{}", self.words.statement, sql.replace('\n', "\n\t")));
    }
}

const SELECT: &str = "SELECT a FROM t\nWHERE id = $1\n\nAND b = $2";
const UPDATE: &str = "UPDATE t SET a = $1 WHERE id = $2";
const INSERT: &str = "INSERT INTO t (id) VALUES (1)";

/// A minute of three sessions, whose statements are logged with their durations.
fn minute(words: &Words) -> String {
    let mut scribe = Scribe::new(words);
    scribe.simple(1, 10, "BEGIN");
    for n in 1..=20 {
        scribe.simple(1, n * 100, &format!("SELECT c FROM u WHERE id = {n}"));
    }
    scribe.failed(1, &words.division, None, "SELECT 1\n/ 0");
    scribe.simple(1, 20, "ROLLBACK");
    for n in 1..=3 {
        scribe.parse(2, 100, "<unnamed>", SELECT);
        scribe.parse(3, 1_000, "_pg3_0", UPDATE);
        scribe.bind(2, 200, "<unnamed>", SELECT);
        scribe.execute(2, 400 * n, "<unnamed>", SELECT);
        scribe.bind(3, 2_000, "_pg3_0", UPDATE);
        scribe.execute(3, 4_000, "_pg3_0", UPDATE);
        scribe.bind(3, 2_000, "_pg3_0", UPDATE);
        scribe.execute(3, 8_000, "_pg3_0", UPDATE);
        scribe.failed(3, &words.duplicate, Some("Key (id)=(1) already exists."), INSERT);
    }
    scribe.failed(2, &words.division, None, "SELECT 1\n/ 0");
    scribe.simple(2, 30, "COMMIT");
    scribe.log
}

/// The numbers of [`minute`], by hand.
fn assert_minute(facts: &Facts) {
    let steps = |text: &str| (facts.statement(text).calls(), facts.statement(text).steps());
    // 100 + 200 + … + 2 000
    assert_eq!(steps("select c from u where id = $1"), (20, [0, 0, 21_000]));
    assert_eq!(steps("select a from t where id = $1 and b = $2"), (3, [300, 600, 2_400]));
    assert_eq!(steps("update t set a = $1 where id = $2"), (6, [3_000, 12_000, 36_000]));
    let errors = |text: &str| (facts.statement(text).calls(), facts.statement(text).errors());
    assert_eq!(errors("select $1 / $2"), (0, 2));
    assert_eq!(errors("insert into t (id) values ($1)"), (0, 3));
    let c = facts.statement("select c from u where id = $1");
    assert_eq!(["p50_us", "p90_us", "p95_us", "p99_us"].map(|key| c.number(key)), [1_000, 1_800, 1_900, 2_000]);
    assert_eq!((facts.calls(), facts.total_us(), facts.errors()), (32, 75_360, 5));
    assert_eq!((facts.statements().len(), facts.skipped()), (8, 0), "{:?}", facts.texts());
}

/// Statements announced by `log_statement`, each followed by its bare duration.
fn announced(words: &Words) -> String {
    let mut scribe = Scribe::new(words);
    for n in 1..=5 {
        scribe.log_line(1, &words.announced, 0, "", &format!("SELECT c FROM u WHERE id = {n}"));
        scribe.log_line(2, &words.announced, 0, "", "UPDATE t SET a = 1\nWHERE id = 2");
        scribe.log_line(2, &words.bare, 3_000, "", "");
        scribe.log_line(1, &words.bare, n * 100, "", "");
        scribe.log_line(3, &words.bare, 100, "", "");
        scribe.log_line(3, &words.bare, 200, "", "");
        scribe.log_line(3, &words.announced_execute, 0, "<unnamed>", SELECT);
        scribe.parameters(3);
        scribe.log_line(3, &words.bare, 700, "", "");
    }
    scribe.log
}

fn assert_announced(facts: &Facts) {
    for (text, calls, micros) in [
        ("select c from u where id = $1", 5, 1_500),
        ("update t set a = $1 where id = $2", 5, 15_000),
        ("select a from t where id = $1 and b = $2", 5, 5_000),
    ] {
        assert_eq!((facts.statement(text).calls(), facts.statement(text).total_us()), (calls, micros), "{text}");
    }
    assert_eq!((facts.calls(), facts.errors(), facts.statements().len()), (15, 0, 3));
}

/// A portal that is fetched from twice more.
fn fetched(words: &Words) -> String {
    let mut scribe = Scribe::new(words);
    for _ in 0..3 {
        scribe.parse(1, 100, "<unnamed>", SELECT);
        scribe.bind(1, 200, "<unnamed>/C_1", SELECT);
        scribe.execute(1, 400, "<unnamed>/C_1", SELECT);
        scribe.log_line(1, &words.fetch, 1_000, "<unnamed>/C_1", SELECT);
        scribe.log_line(1, &words.fetch, 1_000, "<unnamed>/C_1", SELECT);
        scribe.simple(1, 10, "COMMIT");
    }
    scribe.log
}

fn assert_fetched(facts: &Facts) {
    let select = facts.statement("select a from t where id = $1 and b = $2");
    assert_eq!((select.calls(), select.steps(), facts.calls()), (3, [300, 600, 7_200], 6));
}

#[test]
fn english() {
    let words = Words::english();
    assert_minute(&report(minute(&words)));
    assert_announced(&report(announced(&words)));
    assert_fetched(&report(fetched(&words)));
}

/// Words that nobody ever saw, the same for the same seed. Knuth's linear congruential generator, MMIX.
struct Babel {
    state: u64,
    given: BTreeSet<String>,
}

impl Babel {
    fn new(seed: u64) -> Self {
        Babel { state: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15), given: BTreeSet::new() }
    }

    fn below(&mut self, limit: usize) -> usize {
        self.state = self.state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.state >> 33).expect("31 bits") % limit
    }

    /// A word that was not given before, of one alphabet.
    fn word(&mut self) -> String {
        const ALPHABETS: [&str; 5] = [
            "abcdefghijklmnopqrstuvwxyz",
            "àbçdéfghïjklmnõpqrstüvwxyz",
            "абвгдежзийклмнопрстуфхцчшщьюя",
            "αβγδεζηθικλμνξοπρστυφχψω",
            "აბგდევზთიკლმნოპჟრსტუფქღყშჩცძწჭხჯჰ",
        ];
        let letters: Vec<char> = ALPHABETS[self.below(ALPHABETS.len())].chars().collect();
        loop {
            let length = 4 + self.below(9);
            let word: String = (0..length).map(|_| letters[self.below(letters.len())]).collect();
            if self.given.insert(word.clone()) {
                return word;
            }
        }
    }

    fn sentence(&mut self) -> String {
        let count = 2 + self.below(4);
        (0..count).map(|_| self.word()).collect::<Vec<_>>().join(" ")
    }

    fn words(&mut self) -> Words {
        let colon = [":", " :"][self.below(2)];
        let gap = ["  ", ", "][self.below(2)];
        let duration = format!("{}{colon} {{t}} {}", self.word(), self.word().chars().take(2).collect::<String>());
        let [simple, parse, bind, execute] = [(); 4].map(|()| self.word());
        let fetch = format!("{execute} {} {}", self.word(), self.word());
        let step = |word: &str| format!("{duration}{gap}{word} {{n}}{colon} {{q}}");
        let mut label = || self.word().to_uppercase();
        Words {
            log: label(),
            error: label(),
            detail: format!("{}:  ", label()),
            statement: format!("{}:  ", label()),
            simple: format!("{duration}{gap}{simple}{colon} {{q}}"),
            parse: step(&parse),
            bind: step(&bind),
            execute: step(&execute),
            fetch: step(&fetch),
            bare: duration,
            announced: format!("{simple}{colon} {{q}}"),
            announced_execute: format!("{execute} {{n}}: {{q}}"),
            parameters: format!("{}{colon} {{p}}", self.word()),
            division: self.sentence(),
            duplicate: format!("{} »t_pkey« {}", self.sentence(), self.word()),
        }
    }
}

const SEEDS: std::ops::Range<u64> = 1..25;

#[test]
fn any_words_give_the_numbers_of_english() {
    let english = report(minute(&Words::english())).essence();
    for seed in SEEDS {
        let words = Babel::new(seed).words();
        let facts = report(minute(&words));
        assert_eq!(facts.essence(), english, "seed {seed}: {words:#?}");
        assert_eq!((facts.errors(), facts.skipped()), (5, 0), "seed {seed}: {:?}", facts.error_kinds());
    }
}

#[test]
fn any_words_announce_statements_as_english_does() {
    let english = report(announced(&Words::english())).essence();
    for seed in SEEDS {
        let words = Babel::new(seed).words();
        assert_eq!(report(announced(&words)).essence(), english, "seed {seed}: {words:#?}");
    }
}

#[test]
fn any_words_fetch_as_english_does() {
    let english = report(fetched(&Words::english())).essence();
    for seed in SEEDS {
        let words = Babel::new(seed).words();
        assert_eq!(report(fetched(&words)).essence(), english, "seed {seed}: {words:#?}");
    }
}

/// csvlog and jsonlog tell SQLSTATE and command tag, which are in no language.
#[test]
fn any_words_in_csv_and_json_give_the_numbers_of_english() {
    for seed in SEEDS {
        let words = Babel::new(seed).words();
        let message =
            |template: &str, time: &str| template.replace("{t}", time).replace("{n}", "s").replace("{q}", "SELECT a FROM t WHERE id = $1");
        let parameters = words.parameters.replace("{p}", "$1 = '7'");
        let calls = [
            ("PARSE", message(&words.parse, "0.100")),
            ("BIND", message(&words.bind, "0.300")),
            ("SELECT", message(&words.execute, "0.600")),
        ];
        let mut csv = String::new();
        let mut json = String::new();
        for (tag, message) in &calls {
            csv += &csv_row(26, &words.log, "00000", message, &parameters, "").replacen("\"SELECT\"", &format!("\"{tag}\""), 1);
            json += &json_line(&words.log, message, json!({"ps": tag, "detail": parameters}));
        }
        csv += &csv_row(26, &words.error, "22012", &words.division, "", "SELECT 1 / 0");
        json += &json_line(&words.error, &words.division, json!({"state_code": "22012", "statement": "SELECT 1 / 0"}));
        for log in [csv, json] {
            let facts = report(log.repeat(2));
            let select = facts.statement("select a from t where id = $1");
            assert_eq!((select.calls(), select.steps(), facts.calls()), (2, [200, 600, 1_200], 2), "seed {seed}: {words:#?}");
            assert_eq!((facts.statement("select $1 / $2").errors(), facts.errors()), (2, 2), "seed {seed}: {words:#?}");
        }
    }
}

/// For each language its labels, its durations and its other messages, as the catalogue has them.
macro_rules! languages {
    ($($name:ident: $labels:expr, $durations:expr, $others:expr;)*) => {
        $(mod $name {
            use super::{Words, announced, assert_announced, assert_fetched, assert_minute, fetched, minute, report};

            fn words() -> Words {
                Words::of($labels, $durations, $others)
            }

            #[test]
            fn durations() {
                assert_minute(&report(minute(&words())));
            }

            #[test]
            fn announcements() {
                assert_announced(&report(announced(&words())));
            }

            #[test]
            fn fetches() {
                assert_fetched(&report(fetched(&words())));
            }
        })*
    };
}

languages! {
    german: ["LOG", "FEHLER", "DETAIL:  ", "ANWEISUNG:  "],
        ["Dauer: {t} ms  Anweisung: {q}", "Dauer: {t} ms  Parsen {n}: {q}", "Dauer: {t} ms  Binden {n}: {q}", "Dauer: {t} ms  Ausführen {n}: {q}", "Dauer: {t} ms  Ausführen Fetch von {n}: {q}", "Dauer: {t} ms"],
        ["Anweisung: {q}", "Ausführen {n}: {q}", "Parameter: {p}", "Division durch Null", "doppelter Schlüsselwert verletzt Unique-Constraint »t_pkey«"];
    french: ["LOG", "ERREUR", "DÉTAIL:  ", "INSTRUCTION :  "],
        ["durée : {t} ms, instruction : {q}", "durée : {t} ms, analyse {n} : {q}", "durée : {t} ms, lien {n} : {q}", "durée : {t} ms  exécute {n}: {q}", "durée : {t} ms  exécute fetch à partir de {n}: {q}", "durée : {t} ms"],
        ["instruction : {q}", "exécute {n}: {q}", "paramètres : {p}", "division par zéro", "la valeur d'une clé dupliquée rompt la contrainte unique « t_pkey »"];
    japanese: ["LOG", "ERROR", "詳細:  ", "文:  "],
        ["期間: {t} ミリ秒  文: {q}", "期間: {t} ミリ秒  パース{n} : {q}", "期間: {t} ミリ秒  バインド {n}: {q}", "期間: {t} ミリ秒  実行 {n}: {q}", "期間: {t} ミリ秒  取り出し実行 {n}: {q}", "期間: {t} ミリ秒"],
        ["文: {q}", "実行 {n}: {q}", "パラメータ: {p}", "0 による除算が行われました", "重複したキー値は一意性制約\"t_pkey\"違反となります"];
    georgian: ["ჟურნალი", "შეცდომა", "დეტალები:  ", "ოპერატორი:  "],
        ["ხანგრძლივობა: {t} მწმ  გამოსახულება: {q}", "ხანგრძლივობა: {t} მწმ  {n}-ის დამუშავება: {q}", "ხანგრძლივობა: {t} მწმ  მიბმა {n}: {q}", "ხანგრძლივობა: {t} მწმs  გაშვება {n}: {q}", "ხანგრძლივობა: {t} მწმs  execute fetch from {n}: {q}", "ხანგრძლივობა: {t} მწმ"],
        ["ოპერატორი: {q}", "გაშვება {n}: {q}", "პარამეტრები: {p}", "ნულზე გაყოფა", "დუბლირებული გასაღების მნიშვნელობა არღვევს უნიკალურ შეზღუდვას \"t_pkey\""];
    korean: ["로그", "오류", "상세정보:  ", "명령 구문:  "],
        ["실행시간: {t} ms  명령 구문: {q}", "실행시간: {t} ms  {n} 구문분석: {q}", "실행시간: {t} ms  {n} 접속: {q}", "수행시간: {t} ms  쿼리실행 {n}: {q}", "수행시간: {t} ms  자료뽑기 {n}: {q}", "실행시간: {t} ms"],
        ["명령 구문: {q}", "쿼리실행 {n}: {q}", "매개 변수: {p}", "0으로는 나눌수 없습니다.", "중복된 키 값이 \"t_pkey\" 고유 제약 조건을 위반함"];
    russian: ["СООБЩЕНИЕ", "ОШИБКА", "ПОДРОБНОСТИ:  ", "ОПЕРАТОР:  "],
        ["продолжительность: {t} мс, оператор: {q}", "продолжительность: {t} мс, разбор {n}: {q}", "продолжительность: {t} мс, сообщение Bind {n}: {q}", "продолжительность: {t} мс  выполнение {n}: {q}", "продолжительность: {t} мс  выборка из {n}: {q}", "продолжительность: {t} мс"],
        ["оператор: {q}", "выполнение {n}: {q}", "параметры: {p}", "деление на ноль", "повторяющееся значение ключа нарушает ограничение уникальности \"t_pkey\""];
    ukrainian: ["ЗАПИСУВАННЯ", "ПОМИЛКА", "ВІДОМОСТІ:  ", "ІНСТРУКЦІЯ:  "],
        ["тривалість: {t} мс, оператор: {q}", "тривалість: {t} мс, аналізування {n}: {q}", "тривалість: {t} мс, повідомлення bind {n}: {q}", "тривалість: {t} мс виконувати {n}: {q}", "тривалість: {t} мс виконати витягнення з {n}: {q}", "тривалість: {t} мс"],
        ["оператор: {q}", "виконувати {n}: {q}", "параметри: {p}", "ділення на нуль", "повторювані значення ключа порушують обмеження унікальності \"t_pkey\""];
    chinese: ["日志", "错误", "详细信息:  ", "语句:  "],
        ["执行时间: {t} ms 语句: {q}", "执行时间: {t} ms  解析 {n}: {q}", "执行时间: {t} ms 绑定{n}: {q}", "执行时间: {t} ms 执行{n}: {q}", "执行时间: {t} ms 执行FETCH操作{n}: {q}", "执行时间: {t} ms"],
        ["语句: {q}", "执行 {n}: {q}", "参数: {p}", "除以零", "重复键违反唯一约束\"t_pkey\""];
}

/// A German log with the prefix of its time, a temporary file, a wait for a lock that was got and a deadlock.
#[test]
fn a_german_log() {
    let head = |line: u32| format!("2026-11-23 06:38:47 CET [22640]: [{line}-1] user=shop_app,db=shop,app=ops,client=127.0.0.1");
    let update = "UPDATE accounts SET plan = 'team' WHERE id = 22";
    let log = [
        format!("{} LOG:  Dauer: 0.033 ms  Anweisung: BEGIN\n", head(1)),
        format!("{} LOG:  temporäre Datei: Pfad »base/pgsql_tmp/pgsql_tmp22640.2«, Größe 9715712\n", head(2)),
        format!("{} ANWEISUNG:  SELECT a FROM t ORDER BY b\n", head(3)),
        format!("{} LOG:  Dauer: 472.999 ms  Anweisung: SELECT a\n\t  FROM t\n\n\t ORDER BY b\n", head(4)),
        format!("{} LOG:  Prozess 22640 wartet immer noch auf ShareLock-Sperre auf Transaktion 997 nach 300,133 ms\n", head(5)),
        format!("{} DETAIL:  Prozess, der die Sperre hält: 22641. Warteschlange: 22640.\n", head(6)),
        format!("{} ANWEISUNG:  {update}\n", head(7)),
        format!("{} LOG:  Prozess 22640 erlangte ShareLock-Sperre auf Transaktion 997 nach 900,460 ms\n", head(8)),
        format!("{} ANWEISUNG:  {update}\n", head(9)),
        format!("{} LOG:  Dauer: 901.000 ms  Anweisung: {update}\n", head(10)),
        format!("{} WARNUNG:  keine Transaktion offen\n", head(11)),
        format!("{} FEHLER:  Relation »no_such_table« existiert nicht bei Zeichen 15\n", head(12)),
        format!("{} TIPP:  nichts\n", head(13)),
        format!("{} ZUSAMMENHANG:  nirgends\n", head(14)),
        format!("{} ANWEISUNG:  SELECT * FROM no_such_table WHERE id = 5\n", head(15)),
    ];
    let facts = report(log.concat());
    assert_eq!((facts.calls(), facts.total_us(), facts.skipped()), (3, 1_374_032, 0));
    let sort = facts.statement("select a from t order by b");
    assert_eq!((sort.calls(), sort.total_us(), facts.temp_files_of(sort)), (1, 472_999, (1, 9_715_712)));
    let update = facts.statement("update accounts set plan = $1 where id = $2");
    assert_eq!((update.calls(), update.number("lock_wait_us"), facts.event("/lock_waits/count")), (1, 900_460, 1));
    assert_eq!((facts.statement("select * from no_such_table where id = $1").errors(), sort.errors(), update.errors()), (1, 0, 0));
}

/// A French log, whose colons have a blank before them and whose durations a comma behind them.
#[test]
fn a_french_log() {
    let head = "2026-11-23 06:38:47.123 CET [7] app@shop";
    let log = [
        format!("{head} LOG:  durée : 0.100 ms, analyse <unnamed> : SELECT a FROM t WHERE id = $1\n"),
        format!("{head} LOG:  durée : 0.300 ms, lien <unnamed> : SELECT a FROM t WHERE id = $1\n"),
        format!("{head} DÉTAIL:  paramètres : $1 = '7'\n"),
        format!("{head} LOG:  durée : 0.600 ms  exécute <unnamed>: SELECT a FROM t WHERE id = $1\n"),
        format!("{head} DÉTAIL:  paramètres : $1 = '7'\n"),
        format!("{head} LOG:  durée : 2.000 ms, instruction : SELECT a FROM t WHERE id = 12\n"),
        format!("{head} LOG:  fichier temporaire : chemin « base/pgsql_tmp/pgsql_tmp7.0 », taille 4096\n"),
        format!("{head} INSTRUCTION :  SELECT a FROM t ORDER BY b\n"),
        format!("{head} LOG:  durée : 9.000 ms, instruction : SELECT a FROM t ORDER BY b\n"),
        format!("{head} LOG:  le processus 7 est toujours en attente de ShareLock sur transaction 997 après 300.133 ms\n"),
        format!("{head} INSTRUCTION :  UPDATE t SET a = 1\n"),
        format!("{head} LOG:  le processus 7 a acquis ShareLock sur transaction 997 après 900.460 ms\n"),
        format!("{head} INSTRUCTION :  UPDATE t SET a = 1\n"),
        format!("{head} LOG:  durée : 901.000 ms, instruction : UPDATE t SET a = 1\n"),
        format!("{head} ERREUR:  division par zéro\n"),
        format!("{head} INSTRUCTION :  SELECT 1 / 0\n"),
    ];
    let facts = report(log.concat());
    let select = facts.statement("select a from t where id = $1");
    assert_eq!((select.calls(), select.steps()), (2, [100, 300, 2_600]));
    assert_eq!((facts.calls(), facts.total_us(), facts.errors(), facts.skipped()), (4, 913_000, 1, 0));
    assert_eq!(facts.temp_files_of(facts.statement("select a from t order by b")), (1, 4_096));
    assert_eq!((facts.statement("update t set a = $1").number("lock_wait_us"), facts.event("/lock_waits/count")), (900_460, 1));
    assert_eq!(facts.statement("select $1 / $2").errors(), 1);
}
