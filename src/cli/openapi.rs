//! `munjigi openapi`: the OpenAPI document of the API.

use std::process::ExitCode;

use crate::cli::error::CliError;
use crate::cli::output;
use crate::config::Config;
use crate::http::api::routes::ENDPOINTS;
use crate::http::openapi::document::document;
use crate::http::openapi::served::server_url;

pub(super) fn run(config: &Config) -> Result<ExitCode, CliError> {
    output::json(&document(
        ENDPOINTS,
        &server_url(&config.server),
        &config.roles,
    ))
}
