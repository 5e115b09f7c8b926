//! Accounts and their tokens.

use munjigi::{
    domain::{
        account::{Email, Name, Phone, Role, Username},
        audit::Actor,
        password::Password,
    },
    services::accounts::{
        client_user_changes, client_users::NewClient, user_changes, users::NewUser,
    },
};
use serde_json::{Value, json};

use super::{Answer, App, Call, Remote};

/// A logged-in account and its tokens.
#[derive(Clone)]
pub struct Person {
    /// `user_seq`.
    pub seq: i64,
    /// The e-mail address of a user or the username of a client.
    pub login: String,
    pub password: String,
    /// `user` or `client`.
    pub user_type: &'static str,
    pub access: String,
    pub refresh: String,
    remote: Remote,
}

impl App {
    /// Creates and logs in an internal user with the role `staff`.
    pub async fn user(&self, name: &str) -> Person {
        self.internal(name, Role::STAFF).await
    }

    /// Creates and logs in an administrator.
    pub async fn admin(&self, name: &str) -> Person {
        self.internal(name, Role::ADMIN).await
    }

    /// Creates and logs in an internal user with this role.
    pub async fn internal(&self, name: &str, role: Role) -> Person {
        let seq = self.make_user(name, role).await;
        self.logged_in(seq, format!("{name}@example.org"), name, "user")
            .await
    }

    /// Creates and logs in an external client.
    pub async fn client(&self, username: &str) -> Person {
        let seq = self.make_client(username).await;
        self.logged_in(seq, username.to_owned(), username, "client")
            .await
    }

    /// Creates the user `name@example.org`; returns `user_seq`.
    pub async fn make_user(&self, name: &str, role: Role) -> i64 {
        let new = NewUser {
            email: Some(Email::parse(&format!("{name}@example.org")).unwrap()),
            username: None,
            external_id: None,
            name: Name::parse(name).unwrap(),
            role,
            password: Some(Password::parse(&password_of(name)).unwrap()),
            is_active: true,
            claims: None,
            email_verified: true,
        };
        let user = user_changes::create(self.services(), &Actor::operator(), new)
            .await
            .unwrap();
        user.user_seq.get()
    }

    /// Creates a client with a password, an e-mail address and a phone number; returns `user_seq`.
    pub async fn make_client(&self, username: &str) -> i64 {
        let new = NewClient {
            username: Username::parse(username).unwrap(),
            external_id: None,
            name: None,
            email: Some(Email::parse("client@example.org").unwrap()),
            phone: Some(Phone::parse("+82 10-1234-5678").unwrap()),
            password: Some(Password::parse(&password_of(username)).unwrap()),
            is_active: true,
            claims: None,
            email_verified: true,
        };
        let client = client_user_changes::create(self.services(), &Actor::operator(), new)
            .await
            .unwrap();
        client.user_seq.get()
    }

    async fn logged_in(
        &self,
        seq: i64,
        login: String,
        name: &str,
        user_type: &'static str,
    ) -> Person {
        let person = Person {
            seq,
            login,
            password: password_of(name),
            user_type,
            access: String::new(),
            refresh: String::new(),
            remote: self.anonymous().clone(),
        };
        person.again().await
    }
}

/// The password of an account that was created with this name, which is not part of it.
pub fn password_of(name: &str) -> String {
    let letters: Vec<String> = name.chars().map(String::from).collect();
    format!("the long password of {}", letters.join("."))
}

impl Person {
    /// The same account, at another instance of the server.
    pub fn at(&self, app: &App) -> Self {
        Self {
            remote: app.anonymous().clone(),
            ..self.clone()
        }
    }

    /// The body of a login.
    pub fn credentials(&self) -> Value {
        json!({"username": self.login, "password": self.password, "user_type": self.user_type})
    }

    /// Sends a login; returns any response.
    pub async fn log_in(&self) -> Answer {
        self.remote.post("/auth/login", self.credentials()).await
    }

    /// Logs in again; returns the same account with the tokens of the new session.
    pub async fn again(&self) -> Self {
        self.with_pair(&self.log_in().await.assert(200, "LOGGED_IN"))
    }

    /// Refreshes; returns the same account with the new tokens.
    pub async fn refreshed(&self) -> Self {
        let answer = self.remote.refresh(&self.refresh).await;
        self.with_pair(&answer.assert(200, "REFRESHED"))
    }

    /// The same account with the tokens of a response.
    pub fn with_pair(&self, answer: &Answer) -> Self {
        Self {
            access: answer.text_of("access"),
            refresh: answer.text_of("refresh"),
            ..self.clone()
        }
    }

    /// A request with the access token.
    pub fn call(&self, method: &str, path: &str) -> Call {
        self.remote.call(method, path).bearer(&self.access)
    }

    pub fn get(&self, path: &str) -> Call {
        self.call("GET", path)
    }

    #[expect(clippy::needless_pass_by_value, reason = "allows json!(…) in calls")]
    pub fn post(&self, path: &str, body: Value) -> Call {
        self.call("POST", path).json(&body)
    }

    #[expect(clippy::needless_pass_by_value, reason = "allows json!(…) in calls")]
    pub fn patch(&self, path: &str, body: Value) -> Call {
        self.call("PATCH", path).json(&body)
    }

    /// The body of a change that needs the current password, with it.
    pub fn confirmed(&self, mut body: Value) -> Value {
        body["current_password"] = self.password.as_str().into();
        body
    }

    pub fn delete(&self, path: &str) -> Call {
        self.call("DELETE", path)
    }

    /// A logout of the session of a refresh token.
    pub fn log_out(&self, refresh: &str) -> Call {
        self.post("/auth/logout", json!({"refresh": refresh}))
    }

    /// Asserts the codes that `/auth/verify` returns for the access token and the refresh token, such as `TOKEN_VALID`.
    pub async fn assert_tokens(&self, access: &str, refresh: &str) {
        let codes = (
            self.remote.verify(&self.access).await,
            self.remote.verify(&self.refresh).await,
        );
        assert_eq!((codes.0.code(), codes.1.code()), (access, refresh));
    }
}
