//! The examples in `deploy/`: they name settings that exist, and the proxies lead to the server.

use std::collections::BTreeSet;

use super::{
    certificate::{Authority, client_of},
    place::{MASTER_KEY, Place, write},
    proxies::{Kind, Proxy, free_address, replaced},
    server::{Server, TIMEOUT, eventually},
    tools::in_repository,
};
use crate::config::keys_of_example;

const FORGED: &str = "203.0.113.9";

fn example(name: &str) -> String {
    std::fs::read_to_string(in_repository(&format!("deploy/{name}"))).unwrap()
}

/// The words of a text that begin like a variable of the server.
fn variables(text: &str) -> BTreeSet<&str> {
    text.split(|c: char| !(c.is_ascii_uppercase() || c == '_'))
        .filter(|word| word.starts_with("MUNJIGI_") && word.contains("__"))
        .filter(|word| *word != "MUNJIGI_SECTION__KEY")
        .collect()
}

#[test]
fn every_setting_in_the_examples_exists() {
    let keys: BTreeSet<String> = keys_of_example()
        .iter()
        .map(|key| {
            let (section, key) = key.rsplit_once('.').unwrap();
            format!("MUNJIGI_{}__{key}", section.replace('.', "_")).to_uppercase()
        })
        .collect();
    let mut seen = 0;
    for name in [
        "Containerfile",
        "compose.yaml",
        "kubernetes.yaml",
        "munjigi.service",
        "../docs/deploy.md",
    ] {
        let text = example(name);
        for variable in variables(&text) {
            let direct = variable.strip_suffix("_FILE").unwrap_or(variable);
            let is_known = keys.contains(variable) || keys.contains(direct);
            assert!(is_known, "{name}: {variable}");
            seen += 1;
        }
    }
    assert!(seen >= 10, "{seen}");
}

#[test]
fn the_configuration_for_kubernetes_and_the_credentials_of_the_unit_are_accepted() {
    let text = example("kubernetes.yaml");
    let (_, block) = text.split_once("  munjigi.toml: |\n").unwrap();
    let (block, _) = block.split_once("---").unwrap();
    let toml: Vec<&str> = block
        .lines()
        .map(|line| line.strip_prefix("    ").unwrap_or_default())
        .collect();
    let place = Place::on_sqlite().without("MUNJIGI_SERVER__LISTEN");
    write(&place.path("munjigi.toml"), &toml.join("\n"));
    let unit = example("munjigi.service");
    let names = unit
        .lines()
        .filter_map(|line| line.strip_prefix("LoadCredential="))
        .filter_map(|line| line.split(':').next());
    for name in names {
        let content = match name {
            "master_key" => MASTER_KEY,
            "database_url" => "postgres://munjigi:hidden@h/munjigi",
            other => panic!("{other}"),
        };
        write(&place.path("credentials").join(name), content);
    }
    let place = place.with("CREDENTIALS_DIRECTORY", "credentials");
    let shown = place.done(&["config", "show"], "");
    for line in [
        "url = \"postgres://munjigi:********@h/munjigi\"",
        "master_key_file = \"credentials/master_key\"",
        "drain = \"10s\"",
    ] {
        assert!(shown.lines().any(|found| found == line), "{line}: {shown}");
    }
}

/// munjigi behind a proxy with the example, and a client of the proxy.
struct Scene {
    munjigi: Server,
    proxy: Proxy,
    client: reqwest::Client,
    _place: Place,
}

const HOSTS: [&str; 2] = ["auth.example.org", "example.org"];

impl Scene {
    /// `url` is what browsers use, without a port.
    fn set(kind: Kind, host: &str, path: &str) -> Self {
        let address = free_address();
        let port = address.port();
        let place = Place::new()
            .with("MUNJIGI_SERVER__TRUSTED_PROXIES", "127.0.0.1")
            .with(
                "MUNJIGI_SERVER__PUBLIC_URL",
                format!("https://{host}:{port}{path}"),
            );
        let munjigi = place.serve();
        let directory = tempfile::tempdir().unwrap();
        let authority = Authority::new();
        let text = match kind {
            Kind::Nginx => {
                let (certificate, key) = authority.issue(&HOSTS);
                write(&directory.path().join("fullchain.pem"), &certificate);
                write(&directory.path().join("privkey.pem"), &key);
                let text = example("nginx.conf");
                let own = directory.path().to_str().unwrap();
                let text = replaced(&text, "/etc/ssl/munjigi", own);
                let text = replaced(&text, "listen 80;", &format!("listen {};", free_address()));
                replaced(&text, "listen 443 ", &format!("listen {address} "))
            }
            Kind::Caddy => format!(
                "{{\n\tadmin off\n\tauto_https disable_redirects\n\tlocal_certs\n\tskip_install_trust\n\
                 \thttps_port {port}\n\tdefault_bind 127.0.0.1\n}}\n{}",
                example("Caddyfile")
            ),
        };
        let text = replaced(&text, "127.0.0.1:8080", &munjigi.address.to_string());
        let proxy = Proxy::run(kind, &text, directory, address);
        let client = match kind {
            Kind::Nginx => authority.client(&HOSTS, address),
            Kind::Caddy => {
                let root = proxy.path(".local/share/caddy/pki/authorities/local/root.crt");
                eventually(|| root.exists());
                let root = reqwest::Certificate::from_pem(&std::fs::read(root).unwrap());
                client_of(&root.unwrap(), &HOSTS, address)
            }
        };
        Self {
            client,
            munjigi,
            proxy,
            _place: place,
        }
    }

    /// The answer to a GET. A proxy that has no certificate yet is asked again.
    async fn get(&self, host: &str, path: &str) -> reqwest::Response {
        let url = format!("https://{host}:{}{path}", self.proxy.address.port());
        let begun = std::time::Instant::now();
        loop {
            let request = self.client.get(&url).header("X-Forwarded-For", FORGED);
            match request.send().await {
                Ok(answer) => return answer,
                Err(error) => assert!(begun.elapsed() < TIMEOUT, "{url}: {error:?}"),
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    }

    fn end(self) {
        self.munjigi.wait_for_log("\"route\":\"/healthz\"");
        let ended = self.munjigi.stop();
        assert!(!ended.stdout.contains(FORGED), "{ended:?}");
        assert!(
            ended.stdout.contains("\"address\":\"127.0.0.1\""),
            "{ended:?}"
        );
    }
}

async fn leads_to_the_server_at_a_host(kind: Kind) {
    let scene = Scene::set(kind, "auth.example.org", "");
    let answer = scene.get("auth.example.org", "/healthz").await;
    assert_eq!(answer.status(), 200);
    assert!(answer.headers().contains_key("strict-transport-security"));
    let page = scene.get("auth.example.org", "/admin/login").await;
    assert_eq!(page.status(), 200);
    let page = page.text().await.unwrap();
    assert!(page.contains("action=\"/admin/login"), "{page}");
    scene.end();
}

async fn leads_to_the_server_below_a_path(kind: Kind) {
    let scene = Scene::set(kind, "example.org", "/login");
    let answer = scene.get("example.org", "/login/healthz").await;
    assert_eq!(answer.status(), 200);
    let answer = scene.get("example.org", "/login").await;
    assert_eq!(answer.status(), 308);
    let location = answer.headers()["location"].to_str().unwrap();
    assert!(location.ends_with("/login/"), "{location}");
    let page = scene.get("example.org", "/login/admin/login").await;
    assert_eq!(page.status(), 200);
    let page = page.text().await.unwrap();
    assert!(page.contains("action=\"/login/admin/login"), "{page}");
    scene.end();
}

#[tokio::test]
#[ignore = "tests/run"]
async fn the_example_for_nginx_leads_to_the_server_at_a_host() {
    leads_to_the_server_at_a_host(Kind::Nginx).await;
}

#[tokio::test]
#[ignore = "tests/run"]
async fn the_example_for_nginx_leads_to_the_server_below_a_path() {
    leads_to_the_server_below_a_path(Kind::Nginx).await;
}

#[tokio::test]
#[ignore = "tests/run"]
async fn the_example_for_caddy_leads_to_the_server_at_a_host() {
    leads_to_the_server_at_a_host(Kind::Caddy).await;
}

#[tokio::test]
#[ignore = "tests/run"]
async fn the_example_for_caddy_leads_to_the_server_below_a_path() {
    leads_to_the_server_below_a_path(Kind::Caddy).await;
}
