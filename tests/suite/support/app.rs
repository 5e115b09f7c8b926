//! A real server on a port of its own, in this process, with its own database and a clock that tests move.

use std::{
    net::TcpListener,
    path::Path,
    sync::{Arc, atomic::Ordering, mpsc},
    thread::{self, JoinHandle},
    time::Duration,
};

use actix_web::{dev::ServerHandle, rt::System, web};
use diesel::{QueryableByName, RunQueryDsl, sql_query, sql_types::BigInt};
use munjigi::{
    clock::{Clock, Timestamp},
    config::{Config, OtpDelivery, Secret},
    delivery::{Channel, Delivery, Extras, SmtpSettings, Tls, WebhookSettings},
    domain::account::Role,
    http::app,
    services::{
        Services,
        audit::log::AuditLog,
        audit_chain::event_mac::AuditKey,
        auth::{access_token_usage::AccessTokenUsage, otp_deliveries::OtpDeliveries},
        dashboard::Dashboard,
        limits::attempts::Limits,
        login_counts::LoginCounts,
        maintenance::{flush::FlushRules, jobs::Jobs},
        metrics::Metrics,
        passwords::{PasswordSettings, Passwords},
        revocations::Revocations,
    },
    store::{Store, StoreError, StoreSettings},
    tokens::{SigningKey, Tokens},
};
use tempfile::TempDir;

use super::{Browser, Remote, SIGNING_KEY, TestDatabase, receiver::Receiver};
use crate::delivery::support::smtp_server::SmtpServer;

/// bcrypt's least cost: the tests are not about its slowness.
const BCRYPT_COST: u32 = 4;

/// A running server. It stops, and its database goes, when this value does.
pub struct App {
    /// The time that the server believes.
    pub clock: Clock,
    /// Where codes arrive, when they are delivered by webhook.
    pub gateway: Option<Receiver>,
    remote: Remote,
    running: Option<Running>,
    config: Config,
    database: Arc<TestDatabase>,
    data: Arc<TempDir>,
}

struct Running {
    services: web::Data<Services>,
    handle: ServerHandle,
    thread: JoinHandle<()>,
}

impl App {
    /// A server with the default settings.
    pub fn start() -> Self {
        Self::with(|_| ())
    }

    /// A server with other settings than the default ones.
    pub fn with(change: impl FnOnce(&mut Config)) -> Self {
        let database = Arc::new(TestDatabase::migrated());
        let mut config = Config::default();
        config.server.workers = 2;
        config.database.url = Some(database.address());
        config.database.pool_size = 4;
        let data = Arc::new(tempfile::tempdir().unwrap());
        data.path().clone_into(&mut config.server.data_dir);
        config.tokens.signing_key = Some(Secret::new(SIGNING_KEY));
        config.login.hash_threads = 1;
        // Tests that log many people in at once are not about the queue.
        config.login.hash_queue = 1_000;
        change(&mut config);
        // A fraction of a second, to be cut off where whole ones are spoken of.
        let clock = Clock::fixed(Timestamp::from_unix_micros(1_771_072_245_678_901));
        Self::on(database, data, clock, config)
    }

    /// A server whose codes arrive at [`App::gateway`].
    pub fn with_gateway(change: impl FnOnce(&mut Config)) -> Self {
        Self::with(|config| {
            config.otp.delivery = OtpDelivery::Webhook;
            config.webhook.url = Some("http://127.0.0.1:1/".parse().unwrap());
            config.webhook.secret = Some(Secret::new("a secret of the gateway, long enough"));
            change(config);
        })
    }

    /// A server that sends mail by this one, and is reached at an address of its own.
    pub fn with_mail(server: &SmtpServer) -> Self {
        let port = server.settings(Tls::None, None).port;
        Self::with(|config| {
            config.smtp.host = Some("localhost".into());
            config.smtp.port = Some(port);
            config.smtp.tls = munjigi::config::SmtpTls::None;
            config.smtp.from = Some("Example Market <login@example.org>".into());
            config.server.public_url = Some("http://login.example.org/".parse().unwrap());
        })
    }

    /// The same database and clock under a server with other settings.
    pub fn restarted_with(self, change: impl FnOnce(&mut Config)) -> Self {
        let (clock, mut config) = (self.clock.clone(), self.config.clone());
        let (database, data) = (Arc::clone(&self.database), Arc::clone(&self.data));
        drop(self);
        change(&mut config);
        Self::on(database, data, clock, config)
    }

    /// A second server on the same database, as a second instance of the program is.
    pub fn another_instance(&self) -> Self {
        Self::on(
            Arc::clone(&self.database),
            Arc::clone(&self.data),
            self.clock.clone(),
            self.config.clone(),
        )
    }

    fn on(database: Arc<TestDatabase>, data: Arc<TempDir>, clock: Clock, config: Config) -> Self {
        // Only settings that an operator may choose; the cost of a hash is the one exception.
        config.validate().unwrap();
        let (started, starting) = mpsc::channel();
        let (of_thread, thread_clock) = (config.clone(), clock.clone());
        let target = database.target();
        let thread = thread::spawn(move || {
            System::new().block_on(async move {
                let gateway =
                    (of_thread.otp.delivery == OtpDelivery::Webhook).then(|| Receiver::start(&[]));
                let settings = StoreSettings {
                    target,
                    pool_size: of_thread.database.pool_size,
                    acquire_timeout: of_thread.database.acquire_timeout.get(),
                };
                let store = Store::open(&settings).unwrap();
                let channel = channel(gateway.as_ref(), &of_thread);
                let mail = mail(&of_thread);
                let services =
                    web::Data::new(services(of_thread, thread_clock, store, channel, mail));
                let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
                let url = format!("http://{}", listener.local_addr().unwrap());
                let server = app::build(services.clone(), listener).unwrap();
                started
                    .send((url, services, server.handle(), gateway))
                    .unwrap();
                server.await.unwrap();
            });
        });
        let (url, services, handle, gateway) = starting.recv().unwrap();
        let running = Running {
            services,
            handle,
            thread,
        };
        let public_url = config.server.public_url.as_ref();
        let is_https = public_url.is_some_and(|url| url.scheme() == "https");
        Self {
            clock,
            gateway,
            remote: Remote::new(url, is_https),
            running: Some(running),
            config,
            database,
            data,
        }
    }
}

impl App {
    /// Somebody without a token.
    pub fn anonymous(&self) -> &Remote {
        &self.remote
    }

    /// Somebody at a browser, without a session.
    pub fn browser(&self) -> Browser {
        Browser::new(&self.remote)
    }

    /// An account of this role, signed in to the panel; made here.
    pub async fn signed_in(&self, name: &str, role: Role) -> Browser {
        self.make_user(name, role).await;
        let browser = self.browser();
        browser.sign_in(name).await;
        browser
    }

    /// What a flush of so many rows at once goes by.
    pub fn flush_rules(&self, batch_size: u32) -> FlushRules {
        FlushRules {
            batch_size,
            ..FlushRules::of(self.services())
        }
    }

    /// What the server's rules work with, for looking behind it.
    pub fn services(&self) -> &Services {
        self.running
            .as_ref()
            .map(|running| &running.services)
            .unwrap()
    }

    /// The server's data directory.
    pub fn data_dir(&self) -> &Path {
        self.data.path()
    }

    /// The database under the server.
    pub fn database(&self) -> &TestDatabase {
        &self.database
    }

    /// Lets time pass.
    pub fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }

    /// Sets the clock, ahead or back.
    pub fn set_clock(&self, to: Timestamp) {
        if let Clock::Fixed(micros) = &self.clock {
            micros.store(to.unix_micros(), Ordering::SeqCst);
        }
    }

    /// Runs a statement behind the server's back; how many rows it touched.
    pub async fn execute(&self, statement: &str) -> usize {
        let statement = statement.to_owned();
        let store = &self.services().store;
        store
            .write(move |connection| {
                sql_query(&statement)
                    .execute(connection)
                    .map_err(StoreError::from)
            })
            .await
            .unwrap()
    }

    /// The one number that a `SELECT … AS number` gives.
    pub async fn number(&self, query: &str) -> i64 {
        #[derive(QueryableByName)]
        struct Row {
            #[diesel(sql_type = BigInt)]
            number: i64,
        }
        let query = query.to_owned();
        let store = &self.services().store;
        store
            .read(move |connection| {
                sql_query(&query)
                    .get_result::<Row>(connection)
                    .map(|row| row.number)
                    .map_err(StoreError::from)
            })
            .await
            .unwrap()
    }

    /// The codes that arrived at the gateway, once `count` of them have.
    pub async fn codes(&self, count: usize) -> Vec<String> {
        let received = self.gateway.as_ref().unwrap().wait_for(count).await;
        let code = |call: &super::receiver::Received| {
            call.json()["data"]["code"].as_str().map(str::to_owned)
        };
        received.iter().map(|call| code(call).unwrap()).collect()
    }
}

impl Drop for App {
    fn drop(&mut self) {
        let Some(running) = self.running.take() else {
            return;
        };
        // The command is given by the call; only its end would have to be awaited.
        drop(running.handle.stop(false));
        let ended = running.thread.join();
        drop(running.services);
        if !thread::panicking() {
            ended.unwrap();
        }
    }
}

fn channel(gateway: Option<&Receiver>, config: &Config) -> Channel {
    let Some(gateway) = gateway else {
        return Channel::Console;
    };
    Channel::Webhook(WebhookSettings {
        url: gateway.url.parse().unwrap(),
        secret: config.webhook.secret.clone().unwrap().reveal().to_owned(),
        timeout: config.webhook.timeout.get(),
        retries: 0,
    })
}

/// The mail server that a test has named: one without TLS or log-in.
fn mail(config: &Config) -> Option<SmtpSettings> {
    let (host, from) = config.smtp.host.clone().zip(config.smtp.from.clone())?;
    Some(SmtpSettings {
        host,
        port: config.smtp.effective_port(),
        tls: Tls::None,
        username: None,
        password: None,
        from,
        ca_file: None,
        timeout: config.smtp.timeout.get(),
    })
}

fn services(
    config: Config,
    clock: Clock,
    store: Store,
    channel: Channel,
    mail: Option<SmtpSettings>,
) -> Services {
    let login = &config.login;
    let passwords = Passwords::start(PasswordSettings {
        cost: BCRYPT_COST,
        threads: login.hash_threads,
        queue: login.hash_queue,
        deadline: login.hash_deadline.get(),
    });
    let key = SigningKey::from_bytes(
        config
            .tokens
            .signing_key
            .clone()
            .unwrap()
            .reveal()
            .as_bytes(),
    );
    let otp_deliveries = OtpDeliveries::default();
    let extras = Extras {
        mail,
        observer: Some(otp_deliveries.observer(clock.clone())),
    };
    let revocations = Revocations::new(config.tokens.revocation_max_lag.get());
    revocations.follow(&store).unwrap();
    Services {
        metrics: Metrics::default(),
        revocations,
        access_token_usage: AccessTokenUsage::default(),
        delivery: Delivery::start_with(channel, extras, 1_000, clock.clone()).unwrap(),
        otp_deliveries,
        dashboard: Dashboard::starting(&clock),
        audit_log: AuditLog::new(AuditKey::of(&key)).kept_in(&config.server.data_dir),
        tokens: Tokens::new(config.tokens.clone(), key),
        passwords: passwords.unwrap(),
        limits: Limits::default(),
        login_counts: LoginCounts::default(),
        jobs: Jobs::default(),
        clock,
        config,
        store,
    }
}
