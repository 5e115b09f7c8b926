//! Those who try every endpoint: a stranger, a user without a role of note, a client and an administrator.

use std::time::Duration;

use super::endpoints::{Endpoint, Who};
use crate::support::{Answer, App, Call, Person};

/// No answer takes so long: nothing here is work.
const PATIENCE: Duration = Duration::from_secs(10);

struct Callers {
    staff: Person,
    client: Person,
    root: Person,
}

/// Who calls, each of another kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caller {
    Anonymous,
    Staff,
    Client,
    Root,
}

/// All of them.
pub const CALLERS: [Caller; 4] = [
    Caller::Anonymous,
    Caller::Staff,
    Caller::Client,
    Caller::Root,
];

impl Caller {
    /// How he is refused at a door, whatever he sends; none where he is let in.
    pub fn refusal(self, who: Who) -> Option<u16> {
        match (who, self) {
            (Who::Anyone, _) | (_, Self::Root) => None,
            (_, Self::Anonymous) => Some(401),
            (Who::Bearer, _) | (Who::Internal, Self::Staff) => None,
            (Who::Internal | Who::Administrator, _) => Some(403),
        }
    }
}

/// A server with its callers.
pub struct Scene {
    pub app: App,
    callers: Callers,
}

impl Scene {
    pub async fn set() -> Self {
        let app = App::with(|config| {
            config.limits.failures_per_address = 0;
            config.otp.requests_per_address = 100_000;
        });
        let callers = Callers {
            root: app.admin("root").await,
            staff: app.user("staff").await,
            client: app.client("acme").await,
        };
        app.client("target").await;
        Self { app, callers }
    }

    /// A call that must be answered in time, and not by a fault of ours.
    pub async fn call(
        &mut self,
        caller: Caller,
        method: &str,
        path: &str,
        with: impl Fn(Call) -> Call,
    ) -> Answer {
        let person = match caller {
            Caller::Anonymous => None,
            Caller::Staff => Some(&mut self.callers.staff),
            Caller::Client => Some(&mut self.callers.client),
            Caller::Root => Some(&mut self.callers.root),
        };
        let call = match &person {
            Some(person) => person.call(method, path),
            None => self.app.anonymous().call(method, path),
        };
        let answer = tokio::time::timeout(PATIENCE, async { with(call).await }).await;
        let answer = answer.unwrap_or_else(|_| panic!("{method} {path} hangs"));
        assert!(answer.status < 500, "{method} {path}: {}", answer.text);
        if path == "/auth/logout-all"
            && let Some(person) = person
        {
            *person = person.again().await;
        }
        answer
    }

    /// A call with JSON.
    pub async fn send(&mut self, caller: Caller, endpoint: &Endpoint, body: &str) -> Answer {
        let path = endpoint.filled("2");
        let body = body.to_owned();
        let json = |call: Call| call.raw_body("application/json", body.clone());
        self.call(caller, endpoint.method, &path, json).await
    }
}

impl Caller {
    /// Whoever is let in hears of exactly these fields, everybody else that he is not, whatever he sent.
    #[track_caller]
    pub fn hears(self, endpoint: &Endpoint, answer: &Answer, names: &[&str], sent: &str) {
        let shown = format!("{self:?} {} {} {sent}", endpoint.method, endpoint.path);
        match self.refusal(endpoint.who) {
            Some(status) => assert_eq!(answer.status, status, "{shown}: {}", answer.text),
            None => refuses(answer, names, &shown),
        }
    }
}

/// Refuses exactly these fields, by name.
#[track_caller]
pub fn refuses(answer: &Answer, names: &[&str], shown: &str) {
    assert_eq!(
        (answer.status, answer.code()),
        (400, "INVALID_REQUEST"),
        "{shown}: {}",
        answer.text
    );
    let told = answer.wrong_fields();
    assert_eq!(
        told,
        names.iter().copied().collect(),
        "{shown}: {}",
        answer.text
    );
}
