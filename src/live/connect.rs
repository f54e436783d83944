//! From settings to an open connection: which server, with or without TLS, with which start-up packet.
//!
//! One server is asked at a time and one thing is given up at a time, so that it can be told what was.

use std::net::{IpAddr, ToSocketAddrs};
use std::sync::mpsc::{Receiver, Sender};
use std::time::Duration;

use postgres::config::{ChannelBinding as Binding, SslMode, SslNegotiation};
use postgres::{Config, NoTls, SimpleQueryMessage};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::encryption::Mode;
use super::endpoint::{Endpoint, Place};
use super::failure::Failure;
use super::manners;
use super::note::Note;
use super::settings::{ChannelBinding, Role, Settings};
use super::tls;
use super::watchdog::{Lost, Worker, within};

/// What the thread of a connection answers: first that it is open, then to each statement.
pub(super) type Answer = Result<Vec<SimpleQueryMessage>, Failure>;

/// A connection in its thread.
pub(super) type Line = Worker<String, Answer>;

/// An open connection, and what had to be given up for it.
pub(super) struct Opened {
    pub(super) line: Line,
    /// Whether the start-up packet was taken with settings in it.
    pub(super) took_settings: bool,
    /// The settings that were left out of it.
    pub(super) without: Vec<&'static str>,
    pub(super) notes: Vec<Note>,
}

/// Tries the addresses of one endpoint until one answers.
pub(super) fn open(settings: &Settings, endpoint: &Endpoint) -> Result<Opened, Failure> {
    let mut last = Failure::Unreachable(std::io::ErrorKind::NotFound, "the name has no address".to_owned());
    for address in addresses(settings, endpoint)? {
        match open_address(settings, endpoint, address) {
            Ok(opened) => return Ok(opened),
            Err(failure) if failure.is_worth_another_host() => last = failure,
            Err(failure) => return Err(failure),
        }
    }
    Err(last)
}

/// The addresses of a name; `None` stands for a socket, which needs none.
fn addresses(settings: &Settings, endpoint: &Endpoint) -> Result<Vec<Option<IpAddr>>, Failure> {
    let Place::Network { name, address } = &endpoint.place else { return Ok(vec![None]) };
    if address.is_some() {
        return Ok(vec![*address]);
    }
    let (asked, port) = (name.clone(), endpoint.port);
    let found = within(settings.connect_timeout, move || (asked.as_str(), port).to_socket_addrs().map(Iterator::collect::<Vec<_>>));
    match found {
        Ok(Ok(Ok(found))) => Ok(found.into_iter().map(|address| Some(address.ip())).collect()),
        Ok(Err(_)) => Err(Failure::Late),
        Ok(Ok(Err(error))) | Err(error) => {
            Err(Failure::Unreachable(std::io::ErrorKind::Other, format!("the name of the host cannot be looked up: {error}")))
        }
    }
}

fn open_address(settings: &Settings, endpoint: &Endpoint, address: Option<IpAddr>) -> Result<Opened, Failure> {
    let mode = if endpoint.is_socket() { Mode::Disable } else { settings.encryption.mode };
    let attempt = Attempt { settings, endpoint, address };
    if mode == Mode::Disable {
        return attempt.open(SslMode::Disable);
    }
    let first = if mode == Mode::Prefer { SslMode::Prefer } else { SslMode::Require };
    match attempt.open(first) {
        Err(failure) if mode == Mode::Prefer && failure.is_worth_a_try_without_tls() => {
            // If neither works, the first refusal is the one that tells.
            let Ok(mut opened) = attempt.open(SslMode::Disable) else { return Err(failure) };
            opened.notes.push(Note::Unencrypted { reason: failure.reason(settings) });
            Ok(opened)
        }
        result => result,
    }
}

/// One address of one server.
struct Attempt<'a> {
    settings: &'a Settings,
    endpoint: &'a Endpoint,
    address: Option<IpAddr>,
}

impl Attempt<'_> {
    /// Connects with all our settings in the start-up packet, or with as many as are taken.
    fn open(&self, tls: SslMode) -> Result<Opened, Failure> {
        let mut without = Vec::new();
        let mut notes = Vec::new();
        if matches!(self.settings.role, Role::ReadWrite | Role::ReadOnly) {
            // With it, every server would look read-only; the session adds it once the server was asked.
            without.push(manners::READ_ONLY);
        }
        loop {
            let options = manners::options(&self.settings.options, &without);
            match self.dial(tls, Some(&options)) {
                Ok(line) => return Ok(Opened { line, took_settings: true, without, notes }),
                Err(failure) if failure.is_unknown_setting(manners::IDLE_LIMIT) && !without.contains(&manners::IDLE_LIMIT) => {
                    without.push(manners::IDLE_LIMIT);
                    notes.push(Note::SettingUnknown { name: manners::IDLE_LIMIT });
                }
                Err(failure) if failure.is_refused_start() => {
                    return self.dial(tls, None).map(|line| Opened { line, took_settings: false, without, notes });
                }
                Err(failure) => return Err(failure),
            }
        }
    }

    fn dial(&self, tls: SslMode, options: Option<&str>) -> Result<Line, Failure> {
        let config = self.config(tls, options);
        let connector = match tls {
            SslMode::Disable => None,
            _ => Some(tls::connector(&self.settings.encryption).map_err(Failure::Other)?),
        };
        let started = Worker::start(move |questions, answers| converse(&config, connector, &questions, &answers));
        let mut line = started.map_err(|error| Failure::Other(format!("no thread for the connection: {error}")))?;
        line.wait(self.settings.connect_timeout).unwrap_or_else(|lost| Err(lost.into()))?;
        Ok(line)
    }

    fn config(&self, tls: SslMode, options: Option<&str>) -> Config {
        let settings = self.settings;
        let mut config = Config::new();
        match (&self.endpoint.place, self.address) {
            (Place::Network { name, .. }, address) => {
                config.host(name);
                address.map(|address| config.hostaddr(address));
            }
            (Place::Socket { folder }, _) => socket(&mut config, folder),
        }
        config.port(self.endpoint.port).user(&settings.user).dbname(&settings.database);
        if let Some(password) = settings.password.as_ref().or(self.endpoint.password.as_ref()) {
            config.password(password.reveal());
        }
        options.map(|options| config.options(options));
        config.application_name(manners::APPLICATION_NAME).ssl_mode(tls);
        config.ssl_negotiation(if settings.encryption.direct { SslNegotiation::Direct } else { SslNegotiation::Postgres });
        config.channel_binding(match settings.channel_binding {
            ChannelBinding::Disable => Binding::Disable,
            ChannelBinding::Prefer => Binding::Prefer,
            ChannelBinding::Require => Binding::Require,
        });
        config.connect_timeout(settings.connect_timeout);
        keep_alive(&mut config, settings);
        config
    }
}

#[cfg(unix)]
fn socket(config: &mut Config, folder: &str) {
    // Linux marks an abstract socket with a NUL before its name, people write '@'.
    config.host_path(folder.strip_prefix('@').map_or(folder.to_owned(), |name| format!("\0{name}")));
}

#[cfg(not(unix))]
fn socket(config: &mut Config, folder: &str) {
    config.host(folder);
}

fn keep_alive(config: &mut Config, settings: &Settings) {
    let wanted = settings.keepalives;
    config.keepalives(!wanted.off);
    wanted.idle.map(|idle| config.keepalives_idle(idle));
    wanted.interval.map(|interval| config.keepalives_interval(interval));
    wanted.count.map(|count| config.keepalives_retries(count));
    wanted.user_timeout.map(|timeout| config.tcp_user_timeout(timeout));
}

/// The life of a connection, in its own thread: opens, answers, and takes leave when nobody asks any more.
fn converse(config: &Config, connector: Option<MakeRustlsConnect>, questions: &Receiver<String>, answers: &Sender<Answer>) {
    let opened = match connector {
        Some(connector) => config.connect(connector),
        None => config.connect(NoTls),
    };
    let mut client = match opened {
        Ok(client) => client,
        Err(error) => {
            let _ = answers.send(Err(error.into()));
            return;
        }
    };
    // Whoever does not listen any more has given up on us.
    let mut listened_to = answers.send(Ok(Vec::new())).is_ok();
    while listened_to {
        let Ok(sql) = questions.recv() else { break };
        listened_to = answers.send(client.simple_query(&sql).map_err(Failure::from)).is_ok();
    }
}

impl From<Lost> for Failure {
    fn from(lost: Lost) -> Self {
        match lost {
            Lost::Late => Failure::Late,
            Lost::Gone => Failure::Broken("it was over before this was asked".to_owned()),
        }
    }
}

/// Asks over a line and waits.
pub(super) fn ask(line: &mut Line, sql: &str, limit: Duration) -> Answer {
    line.ask(sql.to_owned(), limit).unwrap_or_else(|lost| Err(lost.into()))
}
