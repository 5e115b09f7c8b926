//! The services of `docs/verify` run as their documents say, and accept and refuse what they should.

use std::{
    net::{SocketAddr, TcpListener},
    process::{Child, Command, Stdio},
};

use serde_json::json;

use super::{
    client::{Answer, Client, Pair},
    place::Place,
    server::{Server, eventually},
    tools::{in_repository, node, python},
};

const ISSUER: &str = "https://auth.example.org";
const AUDIENCE: &str = "api.example.org";

/// The command that starts a service on a port. Its files may be in the place.
type Start = fn(&Place, &str) -> Command;

fn fastapi(_: &Place, port: &str) -> Command {
    let mut command = Command::new(python());
    command
        .env_clear()
        .args(["-B", "-m", "uvicorn", "--app-dir"])
        .arg(in_repository("docs/verify"))
        .args(["fastapi_service:app", "--port", port]);
    command
}

fn django(_: &Place, port: &str) -> Command {
    let mut command = Command::new(python());
    command
        .env_clear()
        .arg("-B")
        .arg(in_repository("docs/verify/drf_service.py"))
        .args(["runserver", "--noreload", port]);
    command
}

fn express(place: &Place, port: &str) -> Command {
    // Where Debian keeps the modules of its packages. `import` looks beside the file, `require` in NODE_PATH.
    const MODULES: &str = "/usr/share/nodejs";
    let file = place.path("express_service.mjs");
    std::fs::copy(in_repository("docs/verify/express_service.mjs"), &file).unwrap();
    let modules = place.path("node_modules");
    if !modules.exists() {
        std::os::unix::fs::symlink(MODULES, modules).unwrap();
    }
    let mut command = Command::new(node());
    command
        .env_clear()
        .env("NODE_PATH", MODULES)
        .env("PORT", port)
        .arg(file);
    command
}

/// A service beside a server; stopped when this value is dropped.
struct Service {
    process: Child,
    address: SocketAddr,
}

impl Service {
    fn start(
        mut command: Command,
        address: SocketAddr,
        server: &Server,
        issuer: &str,
        audience: &str,
    ) -> Self {
        let process = command
            .env("MUNJIGI_URL", format!("http://{}", server.address))
            .env("MUNJIGI_ISSUER", issuer)
            .env("MUNJIGI_AUDIENCE", audience)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut service = Self { process, address };
        eventually(|| {
            let ended = service.process.try_wait().unwrap();
            assert_eq!(ended, None, "the service ended");
            Client::new(address).connect().is_ok()
        });
        service
    }

    fn get(&self, path: &str, token: &str) -> Answer {
        Client::new(self.address).get(path, token)
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn server() -> (Place, Server) {
    let place = Place::on_sqlite()
        .with("MUNJIGI_TOKENS__ALGORITHM", "EdDSA")
        .with("MUNJIGI_TOKENS__ISSUER", ISSUER)
        .with("MUNJIGI_TOKENS__AUDIENCE", AUDIENCE);
    place.user("auditor@example.org", "auditor");
    place.client("acme");
    let server = place.serve();
    (place, server)
}

fn assert_verifies(start: Start) {
    let (place, server) = server();
    let mut client = server.client();
    let user = Pair::of(&client.log_in("auditor@example.org", "user"));
    let external = Pair::of(&client.log_in("acme", "client"));
    let start = |issuer: &str, audience: &str| {
        // The port was free a moment ago.
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        let command = start(&place, &address.port().to_string());
        Service::start(command, address, &server, issuer, audience)
    };
    let service = start(ISSUER, AUDIENCE);

    let answer = service.get("/whoami", &user.access);
    assert_eq!(answer.body, json!({"sub": "user:1", "role": "auditor"}));
    let answer = service.get("/whoami", &external.access);
    assert_eq!(answer.body, json!({"sub": "client:1", "role": null}));
    // The user and the client have the same number.
    let answer = service.get("/reports", &user.access);
    assert_eq!(answer.body, json!({"reports": [], "reader": "user:1"}));
    assert_eq!(service.get("/reports", &external.access).status, 403);

    let (_other_place, other_server) = self::server();
    let other = Pair::of(&other_server.client().log_in("auditor@example.org", "user"));
    let (rest, _) = user.access.rsplit_once('.').unwrap();
    let (_, signature) = other.access.rsplit_once('.').unwrap();
    for refused in [
        &user.refresh,
        &other.access,
        &format!("{rest}.{signature}"),
        &format!("{rest}."),
        "garbage",
        "",
    ] {
        for path in ["/whoami", "/reports"] {
            assert_eq!(service.get(path, refused).status, 401, "{refused}");
        }
    }

    for (issuer, audience) in [(ISSUER, "other.example.org"), ("https://other", AUDIENCE)] {
        let service = start(issuer, audience);
        assert_eq!(service.get("/whoami", &user.access).status, 401);
    }
}

#[test]
#[ignore = "tests/run"]
fn the_fastapi_service_verifies_tokens_by_the_public_keys() {
    assert_verifies(fastapi);
}

#[test]
#[ignore = "tests/run"]
fn the_django_service_verifies_tokens_by_the_public_keys() {
    assert_verifies(django);
}

#[test]
#[ignore = "tests/run"]
fn the_express_service_verifies_tokens_by_the_public_keys_in_node() {
    assert_verifies(express);
}
