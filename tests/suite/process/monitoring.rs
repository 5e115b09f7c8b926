//! What operators monitor: `docs/metrics.md` has every metric and every field of the log, alerts and dashboard ask for metrics
//! that exist, and the tool of Prometheus accepts all of it.

use std::{
    collections::{BTreeMap, BTreeSet},
    process::Command,
};

use serde_json::{Value, json};

use super::{
    certificate::{Authority, with_tls},
    database::Database,
    metrics::{ANY, OPEN_METRICS, fetched, metrics_address},
    place::{Place, finish, write},
    server::{Server, eventually},
    tools::{in_repository, promtool},
};

const HOST: &str = "auth.example.org";

fn file(path: &str) -> String {
    std::fs::read_to_string(in_repository(path)).unwrap()
}

/// The first two cells of the table rows that begin with a name in code, in the part of the document between two headings.
fn rows(from: &str, to: &str) -> Vec<(String, String)> {
    let document = file("docs/metrics.md");
    let (_, part) = document.split_once(from).unwrap();
    let (part, _) = part.split_once(to).unwrap();
    let rows = part.lines().filter_map(|line| {
        let mut cells = line.strip_prefix("| `")?.split(" | ");
        let first = format!("`{}", cells.next()?);
        Some((first, cells.next()?.to_owned()))
    });
    rows.flat_map(|(names, second)| {
        let names: Vec<_> = names.split(", ").map(ToOwned::to_owned).collect();
        names
            .into_iter()
            .map(move |name| (name.trim_matches('`').to_owned(), second.clone()))
    })
    .collect()
}

/// Each metric of the document with its type.
fn documented() -> BTreeMap<String, String> {
    rows("\n## Metrics\n", "\n### Alerts\n")
        .into_iter()
        .collect()
}

/// The metrics of a server with a certificate that was asked for something.
async fn exported(accept: &str) -> String {
    let authority = Authority::new();
    let place = with_tls(Place::new()).with("MUNJIGI_METRICS__LISTEN", "127.0.0.1:0");
    authority.install(&place, &[HOST]);
    let server = place.serve();
    let client = authority.client(&[HOST], server.address);
    let url = format!("https://{HOST}:{}/api/me", server.address.port());
    assert_eq!(client.get(url).send().await.unwrap().status(), 401);
    let address = metrics_address(&server.startup());
    let (_, answer) = fetched(&address, "/metrics", accept);
    server.stop();
    let (_, text) = answer.split_once("\r\n\r\n").unwrap();
    text.to_owned()
}

#[tokio::test]
async fn every_metric_is_documented_with_its_type() {
    let text = exported(ANY).await;
    let types = text.lines().filter_map(|line| {
        let (name, kind) = line.strip_prefix("# TYPE ")?.split_once(' ')?;
        Some((name.to_owned(), kind.to_owned()))
    });
    let exported: BTreeMap<String, String> = types.collect();
    // The end of the validity of rcgen's certificates, in the year 4096.
    let expiry = "\nmunjigi_tls_certificate_expiry_timestamp_seconds 67090118400";
    assert!(text.contains(expiry), "{text}");
    let is_sqlite = matches!(Place::new().database, Database::Sqlite(_));
    let mut documented = documented();
    documented.retain(|name, _| is_sqlite || !name.starts_with("munjigi_sqlite_"));
    assert_eq!(exported, documented);
}

/// The names of metrics in an expression, without the suffixes of histograms.
fn names(expression: &str) -> BTreeSet<String> {
    let words = expression.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    let names = words.filter(|word| word.starts_with("munjigi_") || word.starts_with("process_"));
    names
        .map(|name| name.strip_suffix("_bucket").unwrap_or(name).to_owned())
        .collect()
}

#[test]
fn alerts_and_dashboard_ask_for_metrics_that_exist() {
    let documented = documented();
    let dashboard: Value = serde_json::from_str(&file("deploy/grafana.json")).unwrap();
    let mut expressions = Vec::new();
    let mut ids = BTreeSet::new();
    for panel in dashboard["panels"].as_array().unwrap() {
        assert!(ids.insert(panel["id"].as_i64().unwrap()), "{panel}");
        let targets = panel["targets"].as_array().cloned().unwrap_or_default();
        assert_eq!(targets.is_empty(), panel["type"] == "row", "{panel}");
        expressions.extend(targets.iter().map(|target| {
            let expression = target["expr"].as_str().unwrap();
            expression.to_owned()
        }));
    }
    let alerts = file("deploy/alerts.yml");
    let lines = alerts.lines().filter(|line| !line.starts_with('#'));
    expressions.extend(lines.map(ToOwned::to_owned));
    let mut used = BTreeSet::new();
    for expression in &expressions {
        for name in names(expression) {
            assert!(documented.contains_key(&name), "{name} in {expression}");
            used.insert(name);
        }
    }
    assert!(used.len() > 30, "{used:?}");
}

#[test]
fn every_alert_is_documented_and_tested() {
    let alerts = file("deploy/alerts.yml");
    let alerts = alerts
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- alert: "));
    let alerts: BTreeSet<&str> = alerts.collect();
    let documented = rows("\n### Alerts\n", "\n### Dashboard\n");
    let documented: BTreeSet<&str> = documented.iter().map(|(name, _)| &**name).collect();
    assert_eq!(alerts, documented);
    let tests = file("tests/prometheus/alerts.test.yml");
    for alert in alerts {
        assert!(
            tests.contains(&format!("        alertname: {alert}\n")),
            "{alert}"
        );
    }
}

/// Runs the tool of Prometheus; what it prints.
fn check(arguments: &[&str], input: &str) -> String {
    let mut command = Command::new(promtool());
    command.args(arguments).current_dir(in_repository(""));
    let finished = finish(command, input);
    let printed = format!("{}{}", finished.stdout, finished.stderr);
    assert_eq!(finished.code, Some(0), "{arguments:?}: {printed}");
    printed
}

#[tokio::test]
#[ignore = "tests/run"]
async fn promtool_has_nothing_to_say_about_the_metrics() {
    assert_eq!(check(&["check", "metrics"], &exported(ANY).await), "");
}

/// The tool reads OpenMetrics only with the time of each sample, as it is in a backup.
#[tokio::test]
#[ignore = "tests/run"]
async fn promtool_reads_the_metrics_as_open_metrics() {
    let text = exported(OPEN_METRICS).await;
    assert!(text.ends_with("\n# EOF\n"), "{text}");
    let with_time = |line: &str| {
        if line.starts_with('#') {
            line.to_owned()
        } else {
            format!("{line} 1771072245")
        }
    };
    let with_times: Vec<String> = text.lines().map(with_time).collect();
    let with_times = with_times.join("\n") + "\n";
    let place = Place::on_sqlite();
    write(&place.path("metrics"), &with_times);
    let input = place.path("metrics").display().to_string();
    let output = place.path("blocks").display().to_string();
    let create = ["tsdb", "create-blocks-from", "openmetrics"];
    let printed = check(&[&create[..], &[&input, &output]].concat(), "");
    assert!(printed.contains("NUM SERIES"), "{printed}");
}

#[test]
#[ignore = "tests/run"]
fn promtool_accepts_the_alerts_and_each_is_raised_by_its_fault_alone() {
    let printed = check(&["check", "rules", "deploy/alerts.yml"], "");
    assert!(printed.contains("SUCCESS: 15 rules found"), "{printed}");
    let printed = check(&["test", "rules", "tests/prometheus/alerts.test.yml"], "");
    assert!(printed.contains("SUCCESS"), "{printed}");
}

/// The lines of the log with this target, once there are `count`.
fn lines(server: &Server, target: &str, count: usize) -> Vec<Value> {
    let lines = || -> Vec<Value> {
        let log = server.log();
        let lines = log
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok());
        lines
            .filter(|line: &Value| line["target"] == target)
            .collect()
    };
    eventually(|| lines().len() >= count);
    lines()
}

#[test]
fn the_log_has_exactly_the_documented_fields() {
    // Nobody listens there: spans are lost, trace ids are logged.
    let place = Place::new()
        .with("MUNJIGI_TRACES__ENDPOINT", "http://127.0.0.1:9/v1/traces")
        .with("MUNJIGI_TRACES__SAMPLE_RATIO", "0.5");
    place.user("staff@example.org", "staff");
    let server = place.serve();
    let mut client = server.client();
    client.headers = vec![
        ("User-Agent".into(), "shop/1.0".into()),
        (
            "traceparent".into(),
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".into(),
        ),
    ];
    let pair = client.session("staff@example.org");
    client.get("/api/me", &pair.access);
    client.try_log_out(&pair).unwrap();
    let requests = lines(&server, "munjigi::request", 3);
    let events = lines(&server, "audit", 2);
    for line in &requests {
        assert_eq!(line["trace_id"], json!("4bf92f3577b34da6a3ce929d0e0e4736"));
    }
    let of_all = rows("\n### Fields of every line\n", "\n### Requests\n");
    let tables = [
        (
            requests,
            rows("\n### Requests\n\nA line", "\n### Audit events\n"),
        ),
        (
            events,
            rows("\n### Audit events\n", "\n### Delivery of the log\n"),
        ),
    ];
    for (lines, of_target) in tables {
        let documented = of_all
            .iter()
            .chain(&of_target)
            .map(|(name, _)| name.clone());
        let documented: BTreeSet<String> = documented.collect();
        let fields = lines
            .iter()
            .flat_map(|line| line.as_object().unwrap().keys());
        let fields: BTreeSet<String> = fields.cloned().collect();
        assert_eq!(fields, documented);
    }
    server.stop();
}
