//! From everything that may name a connection to one set of settings: arguments, then the service, then the environment,
//! then the defaults, which is libpq's order (`conninfo_add_defaults` in `fe-connect.c`).
//!
//! Neither the environment nor the clock is read here; files that a user names or that libpq would read are.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use crate::error::Error;

use super::encryption::{Encryption, encryption};
use super::endpoint::{Endpoint, endpoints};
use super::keys::{Parameters, wrong};
use super::note::Note;
use super::secret::Secret;
use super::{dsn, pgpass, service};

/// What a connection may depend on besides its arguments; `cli` fills it.
pub struct Surroundings<'a> {
    /// The value of a variable of the environment.
    pub variable: &'a dyn Fn(&str) -> Option<String>,
    /// The home folder.
    pub home: Option<PathBuf>,
    /// The name of the operating system's user.
    pub user: Option<String>,
}

/// Which servers of a list will do: `target_session_attrs`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Role {
    #[default]
    Any,
    ReadWrite,
    ReadOnly,
    Primary,
    Standby,
    PreferStandby,
}

/// How an idle connection is kept and a dead one noticed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Keepalives {
    pub(super) off: bool,
    pub(super) idle: Option<Duration>,
    pub(super) interval: Option<Duration>,
    pub(super) count: Option<u32>,
    pub(super) user_timeout: Option<Duration>,
}

/// Whether the password must be tied to the certificate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum ChannelBinding {
    Disable,
    #[default]
    Prefer,
    Require,
}

/// Everything that is needed to connect.
#[derive(Clone, Debug)]
pub struct Settings {
    pub(super) endpoints: Vec<Endpoint>,
    pub(super) database: String,
    pub(super) user: String,
    /// The password that holds for every host; it goes before those of the password file.
    pub(super) password: Option<Secret>,
    /// The file that passwords of endpoints come from, for messages.
    pub(super) password_file: Option<PathBuf>,
    /// The user's own `options`.
    pub(super) options: String,
    pub(super) connect_timeout: Duration,
    pub(super) role: Role,
    pub(super) keepalives: Keepalives,
    pub(super) channel_binding: ChannelBinding,
    pub(super) encryption: Encryption,
    pub(super) notes: Vec<Note>,
}

/// How long a connection may take if nothing is said; libpq would wait as long as the network does.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Where service files are if neither the user nor `PGSYSCONFDIR` says: packages of Debian, of Red Hat, and `/etc`.
const SYSTEM_FOLDERS: [&str; 3] = ["/etc/postgresql-common", "/etc/sysconfig/pgsql", "/etc"];

/// The variables that name a server. With one of them set, `DATABASE_URL` is not meant.
const TARGETS: [&str; 7] = ["PGHOST", "PGHOSTADDR", "PGPORT", "PGDATABASE", "PGUSER", "PGSERVICE", "PGSERVICEFILE"];

impl Settings {
    /// Works out what a connection string, if there is one, and the surroundings mean together.
    ///
    /// # Errors
    /// If the string is malformed, a service is not defined, or a value makes no sense. No error repeats a value.
    pub fn resolve(connection: Option<&str>, surroundings: &Surroundings<'_>) -> Result<Settings, Error> {
        let variable = surroundings.variable;
        let mut notes = Vec::new();
        let mut parameters = match connection {
            Some(text) => dsn::parse(text, "the connection string")?,
            None => match variable("DATABASE_URL").filter(|url| !url.is_empty() && !TARGETS.iter().any(|name| variable(name).is_some())) {
                Some(url) => {
                    notes.push(Note::DatabaseUrl);
                    dsn::parse(&url, "DATABASE_URL")?
                }
                None => Parameters::default(),
            },
        };
        add_service(&mut parameters, surroundings)?;
        parameters.fill(variable);
        parameters.check()?;
        read(&parameters, surroundings, notes)
    }

    /// The same with a password that was asked for; it goes before every other.
    #[must_use]
    pub fn with_password(mut self, password: Secret) -> Settings {
        self.password = Some(password);
        self
    }

    /// Where this leads, without a password: `app@db1:5432/shop`, or several hosts with commas between them.
    #[must_use]
    pub fn target(&self) -> String {
        let hosts: Vec<String> = self.endpoints.iter().map(Endpoint::to_string).collect();
        format!("{}@{}/{}", self.user, hosts.join(","), self.database)
    }

    /// What the user should know about how these settings came about.
    #[must_use]
    pub fn notes(&self) -> &[Note] {
        &self.notes
    }
}

fn add_service(parameters: &mut Parameters, surroundings: &Surroundings<'_>) -> Result<(), Error> {
    let variable = surroundings.variable;
    let Some(service) = parameters.get("service").map(str::to_owned).or_else(|| variable("PGSERVICE")).filter(|name| !name.is_empty())
    else {
        return Ok(());
    };
    let named = parameters.get("servicefile").map(str::to_owned).or_else(|| variable("PGSERVICEFILE")).filter(|path| !path.is_empty());
    let own = named.clone().map(PathBuf::from).or_else(|| surroundings.home.as_ref().map(|home| home.join(".pg_service.conf")));
    let system: Vec<PathBuf> = match variable("PGSYSCONFDIR") {
        Some(folder) => vec![PathBuf::from(folder)],
        None => SYSTEM_FOLDERS.iter().map(PathBuf::from).collect(),
    };
    let files = own.into_iter().chain(system.into_iter().map(|folder| folder.join("pg_service.conf")));
    for (at, file) in files.enumerate() {
        let text = match fs::read(&file) {
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            // A file that was named must be there; the others may.
            Err(source) if at == 0 && named.is_some() => return Err(Error::Io { path: file, source }),
            Err(_) => continue,
        };
        if service::fill(&text, &service, &file, parameters)? {
            return Ok(());
        }
    }
    Err(Error::Dsn { place: "the service".to_owned(), reason: format!("no service file defines [{service}]") })
}

fn read(parameters: &Parameters, surroundings: &Surroundings<'_>, mut notes: Vec<Note>) -> Result<Settings, Error> {
    let user = parameters.get("user").map(str::to_owned).or_else(|| surroundings.user.clone());
    let user = user.ok_or_else(|| wrong("user", "none is given and the system's user has no name; say it with PGUSER"))?;
    let database = parameters.get("dbname").unwrap_or(&user).to_owned();
    refuse_the_impossible(parameters)?;
    let encryption = encryption(parameters, surroundings.home.as_deref(), &mut notes)?;
    let mut settings = Settings {
        endpoints: endpoints(parameters)?,
        database,
        user,
        password: parameters.get("password").map(Secret::new),
        password_file: None,
        options: parameters.get("options").unwrap_or_default().to_owned(),
        connect_timeout: connect_timeout(parameters)?,
        role: choice(parameters, "target_session_attrs", &ROLES)?,
        keepalives: keepalives(parameters)?,
        channel_binding: choice(parameters, "channel_binding", &BINDINGS)?,
        encryption,
        notes,
    };
    check_required_authentication(parameters, &settings)?;
    if settings.password.is_none() {
        read_password_file(parameters, surroundings, &mut settings);
    }
    Ok(settings)
}

const ROLES: [(&str, Role); 6] = [
    ("any", Role::Any),
    ("read-write", Role::ReadWrite),
    ("read-only", Role::ReadOnly),
    ("primary", Role::Primary),
    ("standby", Role::Standby),
    ("prefer-standby", Role::PreferStandby),
];

const BINDINGS: [(&str, ChannelBinding); 3] =
    [("disable", ChannelBinding::Disable), ("prefer", ChannelBinding::Prefer), ("require", ChannelBinding::Require)];

/// A value out of a closed list; the default if it is not given.
pub(super) fn choice<T: Copy + Default>(parameters: &Parameters, name: &str, choices: &[(&str, T)]) -> Result<T, Error> {
    let Some(given) = parameters.get(name) else { return Ok(T::default()) };
    let found = choices.iter().find(|(choice, _)| *choice == given).map(|(_, meaning)| *meaning);
    found.ok_or_else(|| {
        let names: Vec<&str> = choices.iter().map(|(choice, _)| *choice).collect();
        wrong(name, &format!("it is none of {}", names.join(", ")))
    })
}

/// What a user insists on and we cannot do.
fn refuse_the_impossible(parameters: &Parameters) -> Result<(), Error> {
    if choice(parameters, "gssencmode", &[("disable", false), ("prefer", false), ("require", true)])? {
        return Err(wrong("gssencmode", "GSSAPI encryption is not spoken here; sslmode=verify-full encrypts with TLS"));
    }
    if !matches!(parameters.get("replication"), None | Some("false" | "off" | "no" | "0")) {
        return Err(wrong("replication", "statistics are read over an ordinary connection; leave it out"));
    }
    Ok(())
}

/// The protocol library answers whatever the server asks for. That is as strict as `require_auth` wants it where the server
/// has proved who it is, or where only SCRAM with channel binding will do; elsewhere the wish is not dropped in silence.
fn check_required_authentication(parameters: &Parameters, settings: &Settings) -> Result<(), Error> {
    let Some(wanted) = parameters.get("require_auth") else { return Ok(()) };
    let mut methods = wanted.split(',').map(str::trim);
    let excludes_passwords =
        if wanted.contains('!') { methods.any(|method| method == "!password") } else { !methods.any(|method| method == "password") };
    let server_is_known = settings.encryption.verifies() || settings.endpoints.iter().all(Endpoint::is_socket);
    if excludes_passwords && !server_is_known && settings.channel_binding != ChannelBinding::Require {
        return Err(wrong(
            "require_auth",
            "it can be kept only with sslmode=verify-full or channel_binding=require; add one, or leave it out",
        ));
    }
    Ok(())
}

/// libpq's `parse_int_param`: a decimal number, blanks around it.
fn number(parameters: &Parameters, name: &str) -> Result<Option<i64>, Error> {
    let read = |text: &str| text.trim().parse::<i32>().map(i64::from).map_err(|_| wrong(name, "it is no whole number"));
    parameters.get(name).map(read).transpose()
}

fn connect_timeout(parameters: &Parameters) -> Result<Duration, Error> {
    let seconds = number(parameters, "connect_timeout")?;
    // Zero and less mean "for ever" to libpq; nothing here waits for ever.
    Ok(seconds.and_then(|n| u64::try_from(n).ok()).filter(|&n| n > 0).map_or(CONNECT_TIMEOUT, |n| Duration::from_secs(n.max(2))))
}

fn keepalives(parameters: &Parameters) -> Result<Keepalives, Error> {
    let positive = |name: &str| Ok::<_, Error>(number(parameters, name)?.and_then(|n| u32::try_from(n).ok()).filter(|&n| n > 0));
    let seconds = |name: &str| Ok::<_, Error>(positive(name)?.map(|n| Duration::from_secs(n.into())));
    Ok(Keepalives {
        off: number(parameters, "keepalives")? == Some(0),
        idle: seconds("keepalives_idle")?,
        interval: seconds("keepalives_interval")?,
        count: positive("keepalives_count")?,
        user_timeout: positive("tcp_user_timeout")?.map(|n| Duration::from_millis(n.into())),
    })
}

fn read_password_file(parameters: &Parameters, surroundings: &Surroundings<'_>, settings: &mut Settings) {
    let in_home = || {
        let windows = || Some(PathBuf::from((surroundings.variable)("APPDATA")?).join("postgresql").join("pgpass.conf"));
        if cfg!(windows) { windows() } else { surroundings.home.as_ref().map(|home| home.join(".pgpass")) }
    };
    let Some(path) = parameters.get("passfile").map(PathBuf::from).or_else(in_home) else { return };
    let Ok(about) = fs::metadata(&path) else { return };
    if !about.is_file() {
        settings.notes.push(Note::PasswordFileNotPlain { path });
        return;
    }
    if is_open_to_others(&about) {
        settings.notes.push(Note::PasswordFileOpenToOthers { path });
        return;
    }
    let Ok(bytes) = fs::read(&path) else { return };
    let file = String::from_utf8_lossy(&bytes);
    let (database, user) = (settings.database.clone(), settings.user.clone());
    for endpoint in &mut settings.endpoints {
        let port = endpoint.port.to_string();
        let whom = pgpass::Whom { host: endpoint.host_in_password_file(), port: &port, database: &database, user: &user };
        endpoint.password = pgpass::password(&file, whom);
    }
    settings.password_file = Some(path);
}

/// Whether the group or the world may touch a file; nobody knows on Windows, where libpq does not look either.
#[cfg(unix)]
pub(super) fn is_open_to_others(about: &fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;
    about.permissions().mode() & 0o077 != 0
}

/// Whether the group or the world may touch a file; nobody knows on Windows, where libpq does not look either.
#[cfg(not(unix))]
pub(super) fn is_open_to_others(_: &fs::Metadata) -> bool {
    false
}

#[cfg(test)]
#[cfg(unix)]
mod tests;
