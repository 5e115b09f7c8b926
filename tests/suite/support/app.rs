//! A real server in the test process, with its own port and database, and a fixed clock that the test advances.

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
    config::{Config, LoginConfig, OtpDelivery, Secret, SmtpConfig, SmtpTls, Span, WebhookConfig},
    delivery::Channel,
    domain::account::Role,
    http::app,
    services::{Services, bootstrap::Keys, maintenance::flush::FlushRules},
    store::{Store, StoreError, StoreSettings},
};
use tempfile::TempDir;

use super::{Browser, MASTER_KEY, Remote, TestDatabase, keys::keys, receiver::Receiver};
use crate::delivery::support::smtp_server::SmtpServer;

/// The minimum cost of bcrypt, so that tests are fast. A test can configure another one than the default.
const BCRYPT_COST: u32 = 4;

/// A running server. Dropping it stops the server; dropping the last instance deletes the database.
pub struct App {
    /// The clock of the server.
    pub clock: Clock,
    /// The receiver of one-time codes, if they are delivered by webhook.
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

    /// A server with changed settings.
    pub fn with(change: impl FnOnce(&mut Config)) -> Self {
        let database = Arc::new(TestDatabase::migrated());
        let mut config = Config::default();
        // The system chooses the port; the names of cookies do not contain it.
        config.server.listen.set_port(0);
        config.server.workers = 2;
        config.database.url = Some(database.address());
        config.database.pool_size = 4;
        // On a busy machine a list may wait long: its threads have a low priority.
        config.database.acquire_timeout = Span::minutes(1);
        let data = Arc::new(tempfile::tempdir().unwrap());
        data.path().clone_into(&mut config.server.data_dir);
        config.server.master_key = Some(Secret::new(MASTER_KEY));
        config.login.hash_threads = 1;
        // Tests with many simultaneous logins must not fill the queue.
        config.login.hash_queue = 1_000;
        change(&mut config);
        // 2026-02-14T12:30:45.678901Z: with a fraction of a second, so that a test detects a time that is not
        // truncated.
        let clock = Clock::fixed(Timestamp::from_unix_micros(1_771_072_245_678_901));
        Self::on(database, data, clock, config)
    }

    /// A server that delivers one-time codes to [`App::gateway`].
    pub fn with_gateway(change: impl FnOnce(&mut Config)) -> Self {
        Self::with(|config| {
            config.otp.delivery = OtpDelivery::Webhook;
            config.webhook.url = Some("http://127.0.0.1:1/".parse().unwrap());
            config.webhook.secret = Some(Secret::new("a secret of the gateway, long enough"));
            change(config);
        })
    }

    /// A server with a public URL that sends its mail to `server`.
    pub fn with_mail(server: &SmtpServer) -> Self {
        let port = server.settings(SmtpTls::None, None).port;
        Self::with(|config| {
            config.smtp.host = Some("localhost".into());
            config.smtp.port = port;
            config.smtp.tls = SmtpTls::None;
            config.smtp.from = Some("Example Market <login@example.org>".into());
            config.server.public_url = Some("http://login.example.org/".parse().unwrap());
        })
    }

    /// Restarts the server with changed settings, on the same database and clock.
    pub fn restarted_with(self, change: impl FnOnce(&mut Config)) -> Self {
        let (clock, mut config) = (self.clock.clone(), self.config.clone());
        let (database, data) = (Arc::clone(&self.database), Arc::clone(&self.data));
        drop(self);
        change(&mut config);
        Self::on(database, data, clock, config)
    }

    /// A second instance with the same database, data directory, settings and clock. Its gateway is its own.
    pub fn another_instance(&self) -> Self {
        Self::on(
            Arc::clone(&self.database),
            Arc::clone(&self.data),
            self.clock.clone(),
            self.config.clone(),
        )
    }

    fn on(database: Arc<TestDatabase>, data: Arc<TempDir>, clock: Clock, config: Config) -> Self {
        // The bcrypt cost of the tests is below the allowed range, so it is not part of the settings.
        config.validate().unwrap();
        let (startup_sender, startup) = mpsc::channel();
        let (thread_config, thread_clock) = (config.clone(), clock.clone());
        let target = database.target();
        let thread = thread::spawn(move || {
            System::new().block_on(async move {
                let gateway = (thread_config.otp.delivery == OtpDelivery::Webhook)
                    .then(|| Receiver::start(&[]));
                let settings = StoreSettings {
                    target,
                    pool_size: thread_config.database.pool_size,
                    acquire_timeout: thread_config.database.acquire_timeout.get(),
                };
                let store = Store::open(&settings).unwrap();
                let channel = channel(gateway.as_ref(), &thread_config);
                let mail = mail(&thread_config);
                let keys = keys(&thread_config, &store, thread_clock.now()).await;
                let services = services(thread_config, thread_clock, store, keys, channel, mail);
                let services = web::Data::new(services);
                let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
                let url = format!("http://{}", listener.local_addr().unwrap());
                let server = app::build(services.clone(), listener, None).unwrap();
                startup_sender
                    .send((url, services, server.handle(), gateway))
                    .unwrap();
                server.await.unwrap();
            });
        });
        let (url, services, handle, gateway) = startup.recv().unwrap();
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
    /// A client without a token.
    pub fn anonymous(&self) -> &Remote {
        &self.remote
    }

    /// A browser without a session.
    pub fn browser(&self) -> Browser {
        Browser::new(&self.remote)
    }

    /// Creates an account with this role and signs it in to the admin panel.
    pub async fn signed_in(&self, name: &str, role: Role) -> Browser {
        self.make_user(name, role).await;
        let browser = self.browser();
        browser.sign_in(name).await;
        browser
    }

    /// The settings of a flush with this batch size.
    pub fn flush_rules(&self, batch_size: u32) -> FlushRules {
        FlushRules {
            batch_size,
            ..FlushRules::of(self.services())
        }
    }

    /// The services of the server.
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

    /// The database of the server.
    pub fn database(&self) -> &TestDatabase {
        &self.database
    }

    /// Advances the clock.
    pub fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }

    /// Advances the clock until the panel asks for a proof before the changes that need one.
    pub fn outdate_proofs(&self) {
        self.advance(Duration::from_mins(10));
    }

    /// Sets the clock to a later or earlier time.
    pub fn set_clock(&self, to: Timestamp) {
        if let Clock::Fixed(micros) = &self.clock {
            micros.store(to.unix_micros(), Ordering::SeqCst);
        }
    }

    /// Executes SQL directly on the database; returns the number of affected rows.
    pub async fn execute(&self, statement: &str) -> usize {
        let statement = statement.to_owned();
        let store = &self.services().store;
        store
            .write(move |connection| {
                sql_query(&statement)
                    .execute(&mut **connection)
                    .map_err(StoreError::from)
            })
            .await
            .unwrap()
    }

    /// The integer that a `SELECT … AS number` returns.
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

    /// Waits until the gateway has received `count` one-time codes in total, and returns them.
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
        // The call stops the server; awaiting the future would only wait for the end.
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
    let settings = WebhookConfig {
        url: Some(gateway.url.parse().unwrap()),
        retries: 0,
        ..config.webhook.clone()
    };
    Channel::Webhook(settings, config.otp.phone_region)
}

/// The configured mail server, without TLS or authentication.
fn mail(config: &Config) -> Option<SmtpConfig> {
    config.smtp.host.as_ref().zip(config.smtp.from.as_ref())?;
    Some(SmtpConfig {
        tls: SmtpTls::None,
        username: None,
        password: None,
        ca_file: None,
        ..config.smtp.clone()
    })
}

fn services(
    config: Config,
    clock: Clock,
    store: Store,
    keys: Keys,
    channel: Channel,
    mail: Option<SmtpConfig>,
) -> Services {
    let mut login = config.login.clone();
    if login.bcrypt_cost == LoginConfig::default().bcrypt_cost {
        login.bcrypt_cost = BCRYPT_COST;
    }
    let services = Services::start(config, clock, store, keys, &login, channel, mail).unwrap();
    services.follow().unwrap();
    services
}
