//! A real HTTP server that stores the requests it receives and answers them with configured responses.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::sync::watch;

use actix_web::{
    App, HttpRequest, HttpResponse, HttpServer, dev::ServerHandle, http::StatusCode, web,
};

use super::TIMEOUT;

/// A received request.
#[derive(Clone, Debug)]
pub struct Received {
    pub path: String,
    pub headers: BTreeMap<String, String>,
    pub body: Vec<u8>,
}

impl Received {
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// A response: its status, a header, and the delay before it is sent.
#[derive(Clone, Copy)]
pub struct Answer(
    pub u16,
    pub Option<(&'static str, &'static str)>,
    pub Duration,
);

impl Answer {
    pub fn status(status: u16) -> Self {
        Self(status, None, Duration::ZERO)
    }

    pub fn with(status: u16, name: &'static str, value: &'static str) -> Self {
        Self(status, Some((name, value)), Duration::ZERO)
    }

    pub fn late(delay: Duration) -> Self {
        Self(200, None, delay)
    }
}

#[derive(Clone)]
struct State {
    received: Arc<watch::Sender<Vec<Received>>>,
    script: Arc<Mutex<VecDeque<Answer>>>,
}

pub struct Receiver {
    pub url: String,
    state: State,
    handle: ServerHandle,
}

impl Receiver {
    /// Starts a server that sends these responses in order, and repeats the last one. Without any it answers 200.
    pub fn start(script: &[Answer]) -> Self {
        let state = State {
            received: Arc::new(watch::Sender::new(Vec::new())),
            script: Arc::new(Mutex::new(script.iter().copied().collect())),
        };
        let data = web::Data::new(state.clone());
        let server = HttpServer::new(move || {
            App::new()
                .app_data(data.clone())
                .default_service(web::to(receive))
        })
        .workers(1)
        .disable_signals()
        .bind(("127.0.0.1", 0))
        .unwrap();
        let url = format!("http://{}/hook", server.addrs()[0]);
        let server = server.run();
        let handle = server.handle();
        actix_web::rt::spawn(server);
        Self { url, state, handle }
    }

    pub fn received(&self) -> Vec<Received> {
        self.state.received.borrow().clone()
    }

    /// The received requests, once there are at least `count`.
    pub async fn wait_for(&self, count: usize) -> Vec<Received> {
        let mut received = self.state.received.subscribe();
        let arrived = received.wait_for(|received| received.len() >= count);
        let arrived = tokio::time::timeout(TIMEOUT, arrived).await;
        arrived
            .expect("the receiver did not get enough requests in time")
            .unwrap()
            .clone()
    }

    pub async fn stop(self) {
        self.handle.stop(false).await;
    }
}

async fn receive(request: HttpRequest, body: web::Bytes, state: web::Data<State>) -> HttpResponse {
    let headers = request.headers().iter();
    let request = Received {
        path: request.path().to_owned(),
        headers: headers
            .map(|(name, value)| {
                let value = value.to_str().unwrap().to_owned();
                (name.as_str().to_owned(), value)
            })
            .collect(),
        body: body.to_vec(),
    };
    state
        .received
        .send_modify(|received| received.push(request));
    let Answer(status, header, delay) = {
        let mut script = state.script.lock().unwrap();
        match script.len() {
            0 => Answer::status(200),
            1 => script[0],
            _ => script.pop_front().unwrap(),
        }
    };
    actix_web::rt::time::sleep(delay).await;
    let mut answer = HttpResponse::build(StatusCode::from_u16(status).unwrap());
    if let Some(header) = header {
        answer.insert_header(header);
    }
    answer.finish()
}
