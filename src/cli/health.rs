//! `munjigi health`: asks the running server whether it is ready, for the health check of a container or a supervisor.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    process::ExitCode,
    time::Duration,
};

use crate::cli::error::CliError;
use crate::config::Config;

/// Maximum time for the answer.
const TIMEOUT: Duration = Duration::from_secs(5);

pub(super) async fn run(config: &Config) -> Result<ExitCode, CliError> {
    let address = reachable(config.server.listen)?;
    let url = format!("http://{address}/readyz");
    let refused = |reason: String| CliError::Refused(format!("not ready: {url}: {reason}"));
    let client = reqwest::Client::builder()
        .no_proxy()
        .timeout(TIMEOUT)
        .build()
        .map_err(|error| refused(error.to_string()))?;
    let answer = client.get(&url).send().await;
    let status = answer.map_err(|error| refused(cause(&error)))?.status();
    if !status.is_success() {
        return Err(refused(format!("status {}", status.as_u16())));
    }
    println!("ready: {url}");
    Ok(ExitCode::SUCCESS)
}

/// An address at which a server with this listening address can be reached from the same machine.
fn reachable(listen: SocketAddr) -> Result<SocketAddr, CliError> {
    if listen.port() == 0 {
        let reason = "server.listen has port 0, so the server's port is not known: give a port";
        return Err(CliError::refused(reason));
    }
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    Ok(SocketAddr::new(ip, listen.port()))
}

/// The innermost cause of an error, such as "Connection refused".
fn cause(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(source) => cause(source),
        None => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unspecified_address_is_asked_on_the_loopback_interface() {
        for (listen, asked) in [
            ("127.0.0.1:8080", "127.0.0.1:8080"),
            ("10.1.2.3:8080", "10.1.2.3:8080"),
            ("0.0.0.0:8081", "127.0.0.1:8081"),
            ("[::]:8082", "[::1]:8082"),
        ] {
            let found = reachable(listen.parse().unwrap()).unwrap();
            assert_eq!(found.to_string(), asked);
        }
        assert!(reachable("127.0.0.1:0".parse().unwrap()).is_err());
    }
}
