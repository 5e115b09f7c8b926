//! Services: programs with a name and a secret.

use base64::{Engine, prelude::BASE64_STANDARD};
use munjigi::{
    domain::{
        audit::Actor,
        principal::UserSeq,
        service::{Description, Scopes, ServiceName},
    },
    services::service::changes::{self, NewService, ServiceUpdate},
};

use super::{Answer, App, Call, Remote};

/// A service, its secret, and the server that it calls.
#[derive(Clone)]
pub struct ServiceClient {
    pub number: UserSeq,
    pub name: String,
    pub secret: String,
    remote: Remote,
}

impl App {
    /// Creates a service with these scopes.
    pub async fn service(&self, name: &str, scopes: &str) -> ServiceClient {
        let new = NewService {
            name: ServiceName::parse(name).unwrap(),
            description: Description::default(),
            scopes: Scopes::parse(scopes).unwrap(),
        };
        let created = changes::create(self.services(), &Actor::operator(), new)
            .await
            .unwrap();
        ServiceClient {
            number: created.service.number,
            name: name.to_owned(),
            secret: created.secret,
            remote: self.anonymous().clone(),
        }
    }

    /// Gives a service these scopes instead of its own.
    pub async fn set_scopes(&self, service: &ServiceClient, scopes: &str) {
        let update = ServiceUpdate {
            scopes: Some(Scopes::parse(scopes).unwrap()),
            ..ServiceUpdate::default()
        };
        let (services, actor) = (self.services(), Actor::operator());
        let updated = changes::update(services, &actor, service.number, update);
        updated.await.unwrap();
    }
}

impl ServiceClient {
    /// The same service at another instance.
    pub fn at(&self, app: &App) -> Self {
        Self {
            remote: app.anonymous().clone(),
            ..self.clone()
        }
    }

    /// Another service with the same secret.
    pub fn named(&self, name: &str) -> Self {
        Self {
            name: name.to_owned(),
            ..self.clone()
        }
    }

    /// The same service with another secret.
    pub fn with_secret(&self, secret: &str) -> Self {
        Self {
            secret: secret.to_owned(),
            ..self.clone()
        }
    }

    fn call(&self, method: &str, path: &str) -> Call {
        let pair = BASE64_STANDARD.encode(format!("{}:{}", self.name, self.secret));
        let call = self.remote.call(method, path);
        call.header("authorization", &format!("Basic {pair}"))
    }

    /// A request with the credentials in the header.
    pub fn get(&self, path: &str) -> Call {
        self.call("GET", path)
    }

    /// A form with the credentials in the header.
    pub fn post(&self, path: &str, fields: &[(&str, &str)]) -> Call {
        self.call("POST", path).form(fields)
    }

    /// A request for an access token.
    pub fn request_token(&self) -> Call {
        self.post("/oauth/token", &[("grant_type", "client_credentials")])
    }

    /// An access token of this service.
    pub async fn token(&self) -> String {
        let answer = self.request_token().await.assert_oauth(200);
        answer.body["access_token"].as_str().unwrap().to_owned()
    }

    /// The introspection of a token.
    pub async fn introspect(&self, token: &str) -> Answer {
        let answer = self.post("/oauth/introspect", &[("token", token)]).await;
        answer.assert_oauth(200)
    }

    /// Whether a token is active.
    pub async fn is_active(&self, token: &str) -> bool {
        let answer = self.introspect(token).await;
        answer.body["active"].as_bool().unwrap()
    }
}

impl Answer {
    /// Asserts the status of an endpoint of OAuth 2.0.
    #[track_caller]
    pub fn assert_oauth(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text);
        self
    }

    /// Asserts the status and the error of an endpoint of OAuth 2.0, and its form (RFC 6749 section 5.2).
    #[track_caller]
    pub fn assert_oauth_error(self, status: u16, error: &str) -> Self {
        let found = self.body["error"].as_str().unwrap_or("(no error)");
        assert_eq!((self.status, found), (status, error), "{}", self.text);
        let description = self.body["error_description"].as_str().unwrap();
        let is_allowed = |c: char| matches!(c, ' ' | '!' | '#'..='[' | ']'..='~');
        assert!(description.chars().all(is_allowed), "{description}");
        self
    }
}
