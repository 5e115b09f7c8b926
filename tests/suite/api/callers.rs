//! The callers that every endpoint is tested with: anonymous, a user without an administrative role, a client and an
//! administrator.

use super::endpoints::{Endpoint, Who};
use crate::support::{Answer, App, Call, Person, TIMEOUT};

struct Callers {
    staff: Person,
    client: Person,
    root: Person,
}

/// A kind of caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caller {
    Anonymous,
    Staff,
    Client,
    Root,
}

/// All callers.
pub const CALLERS: [Caller; 4] = [
    Caller::Anonymous,
    Caller::Staff,
    Caller::Client,
    Caller::Root,
];

impl Caller {
    /// The status that an endpoint returns to this caller for any input; `None` if the caller is authorized.
    pub fn refusal(self, who: Who) -> Option<u16> {
        match (who, self) {
            (Who::Service | Who::ServiceSecret, _) | (Who::Scope(_), Self::Anonymous) => Some(401),
            (Who::Scope(_), _) => Some(403),
            (Who::Anyone | Who::BearerOrRefresh, _) | (_, Self::Root) => None,
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

    /// A call that must be answered in time, and not with a server error.
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
        let answer = tokio::time::timeout(TIMEOUT, async { with(call).await }).await;
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
    /// An authorized caller gets errors for exactly these fields, every other caller the same status for any input.
    #[track_caller]
    pub fn assert_rejected(self, endpoint: &Endpoint, answer: &Answer, names: &[&str], sent: &str) {
        let context = format!("{self:?} {} {} {sent}", endpoint.method, endpoint.path);
        match self.refusal(endpoint.who) {
            Some(status) => assert_eq!(answer.status, status, "{context}: {}", answer.text),
            None => assert_fields(answer, names, &context),
        }
    }
}

/// Asserts that exactly these fields are reported.
#[track_caller]
pub fn assert_fields(answer: &Answer, names: &[&str], context: &str) {
    assert_eq!(
        (answer.status, answer.code()),
        (400, "INVALID_REQUEST"),
        "{context}: {}",
        answer.text
    );
    let fields = answer.wrong_fields();
    assert_eq!(
        fields,
        names.iter().copied().collect(),
        "{context}: {}",
        answer.text
    );
}
