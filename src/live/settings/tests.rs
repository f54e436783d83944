//! Every rule by which a connection is found, as a table; and that no message shows the password.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::*;

/// Settings in a home folder with the files given, all readable by their owner only.
struct World {
    home: tempfile::TempDir,
    variables: BTreeMap<String, String>,
}

impl World {
    fn new() -> World {
        let world = World { home: tempfile::tempdir().unwrap(), variables: BTreeMap::new() };
        let empty = world.path("etc");
        fs::create_dir(&empty).unwrap();
        world.variable("PGSYSCONFDIR", empty.to_str().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    fn file(self, name: &str, text: &str) -> World {
        let path = self.path(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
        self
    }

    fn variable(mut self, name: &str, value: &str) -> World {
        self.variables.insert(name.to_owned(), value.to_owned());
        self
    }

    fn resolve(&self, connection: Option<&str>) -> Result<Settings, Error> {
        let variable = |name: &str| self.variables.get(name).cloned();
        let surroundings = Surroundings { variable: &variable, home: Some(self.home.path().to_owned()), user: Some("os".to_owned()) };
        Settings::resolve(connection, &surroundings)
    }

    fn target(&self, connection: Option<&str>) -> String {
        self.resolve(connection).unwrap().target()
    }

    /// The password that the first endpoint would get.
    fn password(&self, connection: Option<&str>) -> String {
        let settings = self.resolve(connection).unwrap();
        let password = settings.password.as_ref().or(settings.endpoints[0].password.as_ref());
        password.map_or("-".to_owned(), |password| password.reveal().to_owned())
    }
}

#[test]
fn defaults_are_those_of_psql() {
    let world = World::new();
    assert_eq!(world.target(None), "os@/var/run/postgresql:5432,/tmp:5432/os");
    assert_eq!(world.target(Some("")), "os@/var/run/postgresql:5432,/tmp:5432/os");
    assert_eq!(world.target(Some("shop")), "os@/var/run/postgresql:5432,/tmp:5432/shop");
    assert_eq!(world.target(Some("postgres://app@db1")), "app@db1:5432/app");
    assert_eq!(world.target(Some("host=::1 dbname=x")), "os@[::1]:5432/x");
    assert_eq!(world.resolve(None).unwrap().connect_timeout, Duration::from_secs(10));
    let nobody = Surroundings { variable: &|_| None, home: None, user: None };
    assert!(Settings::resolve(None, &nobody).unwrap_err().to_string().contains("PGUSER"));
}

#[test]
fn variables_fill_what_the_string_leaves_open() {
    let world =
        World::new().variable("PGHOST", "db1,db2").variable("PGPORT", "1,2").variable("PGDATABASE", "shop").variable("PGUSER", "app");
    let world = world.variable("PGPASSWORD", "p").variable("PGCONNECT_TIMEOUT", "3").variable("PGOPTIONS", "-c geqo=off");
    let world =
        world.variable("PGTARGETSESSIONATTRS", "standby").variable("PGCHANNELBINDING", "require").variable("PGSSLMODE", "verify-full");
    let settings = world.resolve(None).unwrap();
    assert_eq!(settings.target(), "app@db1:1,db2:2/shop");
    assert_eq!(settings.connect_timeout, Duration::from_secs(3));
    assert_eq!((settings.options.as_str(), settings.role), ("-c geqo=off", Role::Standby));
    assert_eq!(settings.channel_binding, ChannelBinding::Require);
    assert!(settings.encryption.verifies());
    assert_eq!(world.password(None), "p");
    assert_eq!(world.target(Some("host=db3 port=5 user=me")), "me@db3:5/shop");
    // An empty value in the string is the default, not what the variable says.
    assert_eq!(world.target(Some("host='' port='' dbname=x user=y")), "y@/var/run/postgresql:5432,/tmp:5432/x");
}

#[test]
fn a_service_stands_between_the_string_and_the_variables() {
    let world = World::new().file(".pg_service.conf", "[shop]\nhost=from-service\nport=7\npassword=s\n");
    let world = world.variable("PGHOST", "from-variable").variable("PGDATABASE", "d").variable("PGUSER", "u").variable("PGPASSWORD", "v");
    assert_eq!(world.target(Some("service=shop")), "u@from-service:7/d");
    assert_eq!(world.target(Some("service=shop host=from-string")), "u@from-string:7/d");
    assert_eq!(world.target(Some("postgres:///x?service=shop")), "u@from-service:7/x");
    assert_eq!(world.password(Some("service=shop")), "s");
    let world = world.variable("PGSERVICE", "shop");
    assert_eq!(world.target(None), "u@from-service:7/d");
    let missing = world.resolve(Some("service=nope")).unwrap_err().to_string();
    assert!(missing.contains("[nope]"), "{missing}");
}

#[test]
fn service_files_are_searched_in_libpqs_order() {
    let world =
        World::new().file("etc/pg_service.conf", "[a]\nhost=system\n[b]\nhost=system\n").file(".pg_service.conf", "[a]\nhost=own\n");
    let world = world.file("named.conf", "[a]\nhost=named\n");
    assert_eq!(world.target(Some("service=a")), "os@own:5432/os");
    assert_eq!(world.target(Some("service=b")), "os@system:5432/os");
    let named = world.path("named.conf");
    let world = world.variable("PGSERVICEFILE", named.to_str().unwrap());
    assert_eq!(world.target(Some("service=a")), "os@named:5432/os");
    assert_eq!(world.target(Some("service=b")), "os@system:5432/os");
    let world = world.variable("PGSERVICEFILE", "/no/such/file");
    assert!(world.resolve(Some("service=a")).unwrap_err().to_string().contains("/no/such/file"));
}

#[test]
fn database_url_is_for_when_nothing_else_is_said() {
    let world = World::new().variable("DATABASE_URL", "postgres://app:p@db9/shop");
    let settings = world.resolve(None).unwrap();
    assert_eq!((settings.target().as_str(), settings.notes()), ("app@db9:5432/shop", &[Note::DatabaseUrl][..]));
    assert_eq!(world.target(Some("other")), "os@/var/run/postgresql:5432,/tmp:5432/other");
    for name in TARGETS.iter().filter(|name| !name.contains("SERVICE")) {
        let value = if *name == "PGPORT" { "1" } else { "10.0.0.1" };
        let world = World::new().variable("DATABASE_URL", "postgres://app:p@db9/shop").variable(name, value);
        assert!(!world.target(None).contains("db9"), "{name}");
    }
    let world = world.variable("PGSSLMODE", "disable");
    assert!(world.target(None).contains("db9"));
}

#[test]
fn the_password_file_is_used_for_each_host() {
    let file = "db2:5432:*:app:two\nlocalhost:5432:*:app:socket\n/tmp/x:*:*:*:folder\n*:1:*:*:port\n";
    let world = World::new().file(".pgpass", file);
    let settings = world.resolve(Some("host=db1,db2 user=app")).unwrap();
    let passwords: Vec<Option<&str>> = settings.endpoints.iter().map(|e| e.password.as_ref().map(Secret::reveal)).collect();
    assert_eq!(passwords, [None, Some("two")]);
    let table = [
        ("user=app", "socket"),
        ("host=localhost user=app", "socket"),
        ("host=/var/run/postgresql user=app", "socket"),
        ("host=/tmp/x", "folder"),
        ("host=db1 port=1", "port"),
        ("host=db2 user=else", "-"),
        ("host=db2 user=app password=given", "given"),
        ("host=db2 user=app password=''", "two"),
        ("host=db2 hostaddr=10.0.0.1 user=app", "two"),
        ("host=db2 user=app passfile=/no/file", "-"),
    ];
    for (dsn, password) in table {
        assert_eq!(world.password(Some(dsn)), password, "{dsn}");
    }
    let world = world.file("other", "*:*:*:*:other\n");
    let other = world.path("other");
    let world = world.variable("PGPASSFILE", other.to_str().unwrap());
    assert_eq!(world.password(Some("host=db2 user=app")), "other");
    let prompted = world.resolve(Some("host=db2 user=app")).unwrap().with_password(Secret::new("typed"));
    assert_eq!(prompted.password.as_ref().map(Secret::reveal), Some("typed"));
}

#[test]
fn a_password_file_that_others_can_read_is_named_and_not_used() {
    for mode in [0o640, 0o604, 0o620, 0o666] {
        let world = World::new().file(".pgpass", "*:*:*:*:hunter2\n");
        let path = world.path(".pgpass");
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        let settings = world.resolve(Some("host=db1")).unwrap();
        assert_eq!(settings.notes(), [Note::PasswordFileOpenToOthers { path: path.clone() }]);
        assert_eq!(world.password(Some("host=db1")), "-");
        assert!(settings.notes()[0].to_string().contains("chmod 600") && !settings.notes()[0].to_string().contains("hunter2"));
        // Nobody is bothered with the file if it is not needed.
        assert_eq!(world.resolve(Some("password=x")).unwrap().notes(), []);
    }
    let world = World::new();
    fs::create_dir(world.path(".pgpass")).unwrap();
    assert!(matches!(world.resolve(None).unwrap().notes(), [Note::PasswordFileNotPlain { .. }]));
}

#[test]
fn what_libpq_knows_is_accepted() {
    let world = World::new();
    let accepted = "application_name=x fallback_application_name=y client_encoding=auto load_balance_hosts=random gssencmode=prefer \
        krbsrvname=postgres sslcompression=0 min_protocol_version=3.0 max_protocol_version=latest replication=false keepalives=1 \
        keepalives_idle=10 keepalives_interval=2 keepalives_count=3 tcp_user_timeout=500 sslnegotiation=postgres sslsni=1";
    let settings = world.resolve(Some(accepted)).unwrap();
    let wanted = Keepalives {
        off: false,
        idle: Some(Duration::from_secs(10)),
        interval: Some(Duration::from_secs(2)),
        count: Some(3),
        user_timeout: Some(Duration::from_millis(500)),
    };
    assert_eq!(settings.keepalives, wanted);
    assert!(world.resolve(Some("keepalives=0")).unwrap().keepalives.off);
    for (seconds, taken) in [("0", 10), ("-1", 10), ("1", 2), ("7", 7), (" 7 ", 7)] {
        let dsn = format!("connect_timeout='{seconds}'");
        assert_eq!(world.resolve(Some(&dsn)).unwrap().connect_timeout, Duration::from_secs(taken), "{seconds}");
    }
}

#[test]
fn require_auth_is_kept_or_refused() {
    let world = World::new();
    let table = [
        ("host=db1 require_auth=scram-sha-256", false),
        ("host=db1 require_auth=!password", false),
        ("host=db1 require_auth=!md5", true),
        ("host=db1 require_auth=password,md5", true),
        ("host=db1 require_auth=scram-sha-256 channel_binding=require", true),
        ("host=db1 require_auth=scram-sha-256 sslmode=verify-full", true),
        ("host=/tmp require_auth=scram-sha-256", true),
    ];
    for (dsn, accepted) in table {
        assert_eq!(world.resolve(Some(dsn)).is_ok(), accepted, "{dsn}");
    }
}

/// Through every error there is, the password stays where it is.
#[test]
fn no_error_shows_the_password() {
    let broken = [
        ("host", "a,b,c hostaddr=10.0.0.1"),
        ("port", "x"),
        ("hostaddr", "db1"),
        ("connect_timeout", "soon"),
        ("keepalives", "x"),
        ("keepalives_idle", "x"),
        ("tcp_user_timeout", "x"),
        ("target_session_attrs", "x"),
        ("channel_binding", "x"),
        ("sslmode", "x"),
        ("sslnegotiation", "direct"),
        ("sslrootcert", "system sslmode=require"),
        ("sslsni", "x"),
        ("sslcertmode", "x"),
        ("ssl_min_protocol_version", "x"),
        ("ssl_max_protocol_version", "TLSv1"),
        ("gssencmode", "require"),
        ("replication", "database"),
        ("requirepeer", "x"),
        ("service", "nope"),
        ("require_auth", "none host=db1"),
    ];
    let world = World::new().variable("PGPASSWORD", "hunter2");
    for (name, value) in broken {
        // The value is put in place of another by mistake, too.
        for value in [value, "hunter2"] {
            let dsn = format!("password=hunter2 {name}={value}");
            let Err(error) = world.resolve(Some(&dsn)) else {
                assert!(
                    ["hunter2"].contains(&value) && ["host", "sslrootcert", "service", "require_auth"].contains(&name),
                    "{dsn} was accepted"
                );
                continue;
            };
            if name != "service" {
                assert!(!error.to_string().contains("hunter2") && !format!("{error:?}").contains("hunter2"), "{error}");
                assert!(error.to_string().contains("parameter"), "{error}");
            }
        }
    }
    let settings = world.resolve(Some("postgres://app:hunter2@db1/shop")).unwrap();
    assert!(!format!("{settings:?} {settings:#?} {}", settings.target()).contains("hunter2"));
    let world = world.variable("DATABASE_URL", "postgres://app:hunter2/x@db1/shop");
    let error = world.resolve(None).unwrap_err().to_string();
    assert!(error.starts_with("DATABASE_URL") && !error.contains("hunter2"), "{error}");
}

#[test]
fn folders_without_a_home_are_not_guessed() {
    let nobody = Surroundings { variable: &|name| (name == "PGSERVICE").then(|| "x".to_owned()), home: None, user: Some("os".to_owned()) };
    assert!(Settings::resolve(None, &nobody).is_err());
    let somebody = Surroundings { variable: &|_| None, home: None, user: Some("os".to_owned()) };
    let settings = Settings::resolve(Some("sslmode=verify-full"), &somebody).unwrap();
    assert_eq!((settings.password_file, settings.encryption.own), (None, None::<(PathBuf, PathBuf)>));
    assert!(Path::new("/").exists());
}
