//! `munjigi health`: asks the running server whether it is ready, for the health check of a container or a supervisor.

use std::{process::ExitCode, time::Duration};

use crate::cli::addresses::of_this_machine;
use crate::cli::error::CliError;
use crate::cli::service_manager::client;
use crate::config::Config;

/// Maximum time for the answer.
const TIMEOUT: Duration = Duration::from_secs(5);

pub(super) async fn run(config: &Config) -> Result<ExitCode, CliError> {
    let listen = config.server.listen;
    if listen.port() == 0 {
        let reason = "server.listen has port 0, so the server's port is not known: give a port";
        return Err(CliError::refused(reason));
    }
    let address = of_this_machine(listen);
    let url = format!("{}://{address}/readyz", config.server.scheme());
    let refused = |reason: String| CliError::Refused(format!("not ready: {url}: {reason}"));
    let client = client(TIMEOUT).map_err(|error| refused(error.to_string()))?;
    let answer = client.get(&url).send().await;
    let status = answer.map_err(|error| refused(cause(&error)))?.status();
    if !status.is_success() {
        return Err(refused(format!("status {}", status.as_u16())));
    }
    println!("ready: {url}");
    Ok(ExitCode::SUCCESS)
}

/// The innermost cause of an error, such as "Connection refused".
fn cause(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(source) => cause(source),
        None => error.to_string(),
    }
}
