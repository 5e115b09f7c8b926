//! The clients of a race: several tabs that share their tokens and lose responses, logouts, and an administrator who
//! changes the accounts.

use std::{cell::RefCell, collections::HashSet, time::Duration};

use munjigi::domain::account::Role;
use serde_json::json;

use super::{
    log::{Outcome, Request},
    run::RaceRun,
};
use crate::support::{Answer, Random, password_of};

/// An account with a password.
#[derive(Clone, Debug)]
pub struct Account {
    /// `user_seq`.
    pub seq: i64,
    /// The claim `sub`.
    pub sub: String,
    name: String,
}

impl Account {
    /// Creates the account.
    pub async fn new(run: &RaceRun, name: &str, role: Role) -> Self {
        let seq = run.apps[0].make_user(name, role).await;
        Self {
            seq,
            sub: format!("user:{seq}"),
            name: name.to_owned(),
        }
    }

    /// Logs in; `None` if the login was refused.
    pub async fn log_in(&self, run: &RaceRun, instance: usize) -> Option<Client> {
        let login = format!("{}@example.org", self.name);
        let body = json!({"username": login, "password": password_of(&self.name)});
        let call = run.remote(instance).post("/auth/login", body);
        let (outcome, answer) = run
            .ask(instance, Request::LogIn(self.sub.clone()), call)
            .await;
        matches!(outcome, Outcome::Accepted(_)).then(|| Client::new(&answer))
    }
}

/// A logged-in client: the tokens that its tabs share.
pub struct Client(RefCell<Tokens>);

struct Tokens {
    access: String,
    refresh: String,
    /// Refresh tokens that were sent, regardless of the response.
    sent: HashSet<String>,
    has_ended: bool,
}

impl Client {
    fn new(answer: &Answer) -> Self {
        Self(RefCell::new(Tokens {
            access: answer.text_of("access"),
            refresh: answer.text_of("refresh"),
            sent: HashSet::new(),
            has_ended: false,
        }))
    }

    /// The access token.
    pub fn access(&self) -> String {
        self.0.borrow().access.clone()
    }

    /// The refresh token.
    pub fn token(&self) -> String {
        self.0.borrow().refresh.clone()
    }

    /// Whether a response indicated that the session has ended.
    pub fn has_ended(&self) -> bool {
        self.0.borrow().has_ended
    }

    fn store_tokens(&self, outcome: &Outcome, answer: &Answer) {
        let mut tokens = self.0.borrow_mut();
        match outcome {
            Outcome::Accepted(_) => {
                tokens.access = answer.text_of("access");
                tokens.refresh = answer.text_of("refresh");
            }
            Outcome::Refused(_) => tokens.has_ended = true,
            _ => {}
        }
    }

    /// One refresh. At random, its response is stored, discarded, or not waited for.
    async fn refresh(&self, run: &RaceRun, random: &mut Random) {
        let (token, instance) = (self.token(), run.any(random));
        self.0.borrow_mut().sent.insert(token.clone());
        if random.one_in(10) {
            let request = Request::Refresh(super::log::Token::read(&token));
            let limit = Duration::from_micros(random.below(3_000));
            let call = run.remote(instance).refresh(&token);
            run.ask_briefly(instance, request, call, limit).await;
            return;
        }
        let (outcome, answer) = run.refresh(instance, &token).await;
        let is_lost = random.one_in(8);
        if !is_lost || matches!(outcome, Outcome::Refused(_)) {
            self.store_tokens(&outcome, &answer);
        }
    }

    /// One tab: `steps` calls or refreshes, each on a random instance.
    pub async fn tab(&self, run: &RaceRun, mut random: Random, steps: u32) {
        for _ in 0..steps {
            if self.has_ended() {
                return;
            }
            if random.one_in(3) {
                let instance = run.any(&mut random);
                let outcome = run.call_with(instance, &self.access()).await;
                // The token was issued before a change of role; the session has not ended.
                if outcome == Outcome::Refused("TOKEN_EXPIRED".into()) {
                    self.refresh(run, &mut random).await;
                }
            } else {
                self.refresh(run, &mut random).await;
            }
        }
    }

    /// Whether the token was sent, possibly with another signature: a retry gets a successor that the present key has signed.
    fn has_sent(&self, token: &str) -> bool {
        let jti = super::log::Token::read(token).jti;
        let sent = &self.0.borrow().sent;
        sent.iter()
            .any(|sent| super::log::Token::read(sent).jti == jti)
    }

    /// Retries until the client has a refresh token that was never sent, and a call is accepted.
    pub async fn resolve(&self, run: &RaceRun, random: &mut Random) {
        while !self.has_ended() {
            let token = self.token();
            let is_new = !self.has_sent(&token);
            if is_new && matches!(run.call_with(0, &self.access()).await, Outcome::Accepted(_)) {
                return;
            }
            self.0.borrow_mut().sent.insert(token.clone());
            let (outcome, answer) = run.refresh(run.any(random), &token).await;
            self.store_tokens(&outcome, &answer);
        }
    }

    /// Refreshes once with the newest refresh token.
    pub async fn refresh_once(&self, run: &RaceRun, random: &mut Random) {
        let token = self.token();
        self.0.borrow_mut().sent.insert(token.clone());
        let (outcome, answer) = run.refresh(run.any(random), &token).await;
        self.store_tokens(&outcome, &answer);
    }

    /// Logs out after a random delay; then no instance may accept a token of the session.
    pub async fn log_out(&self, run: &RaceRun, mut random: Random) {
        tokio::time::sleep(Duration::from_micros(random.below(15_000))).await;
        let instance = run.any(&mut random);
        let (access, refresh) = (self.access(), self.token());
        let session = super::log::Token::read(&refresh).session;
        let call = run
            .remote(instance)
            .post("/auth/logout", json!({"refresh": refresh}))
            .bearer(&access);
        run.ask(instance, Request::End(session), call).await;
        run.until_refused(&access).await;
        self.present_all_tokens(run).await;
    }

    /// Presents the newest tokens of the client, and up to five used ones, on every instance. The checker decides
    /// whether the responses are valid.
    pub async fn present_all_tokens(&self, run: &RaceRun) {
        let sent: Vec<String> = self.0.borrow().sent.iter().take(5).cloned().collect();
        for instance in 0..run.apps.len() {
            run.call_with(instance, &self.access()).await;
            run.refresh(instance, &self.token()).await;
            for token in &sent {
                run.refresh(instance, token).await;
            }
        }
    }

    /// Replays a used refresh token, after the grace period and after its successor was used.
    pub async fn replay(&self, run: &RaceRun, random: &mut Random) {
        let Some(token) = self.0.borrow().sent.iter().min().cloned() else {
            return;
        };
        self.refresh_once(run, random).await;
        let instance = run.any(random);
        let request = Request::Replay(super::log::Token::read(&token));
        run.ask(instance, request, run.remote(instance).refresh(&token))
            .await;
        self.present_all_tokens(run).await;
        run.until_refused(&self.access()).await;
    }
}

/// The administrator deactivates the account while clients log in to it, and activates it again.
pub async fn deactivate(
    run: &RaceRun,
    root: &Client,
    account: &Account,
    client: &Client,
    mut random: Random,
) {
    tokio::time::sleep(Duration::from_micros(random.below(10_000))).await;
    let instance = run.any(&mut random);
    let request = Request::Deactivate(account.sub.clone());
    run.administer(instance, &root.access(), account.seq, request)
        .await;
    run.until_refused(&client.access()).await;
    tokio::time::sleep(Duration::from_micros(random.below(5_000))).await;
    let request = Request::Activate(account.sub.clone());
    run.administer(run.any(&mut random), &root.access(), account.seq, request)
        .await;
    // The account is active again: the tokens are refused only if their sessions have ended.
    client.present_all_tokens(run).await;
}

/// Changes the role of the account and changes it back. Its sessions continue.
pub async fn change_role(run: &RaceRun, root: &Client, account: &Account, mut random: Random) {
    for role in ["auditor", "staff"] {
        tokio::time::sleep(Duration::from_micros(random.below(10_000))).await;
        let request = Request::SetRole(account.sub.clone(), role.to_owned());
        let instance = run.any(&mut random);
        run.administer(instance, &root.access(), account.seq, request)
            .await;
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
}
