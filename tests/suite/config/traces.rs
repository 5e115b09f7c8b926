//! `[traces]`: the collector, the sampling, and the headers.

use super::support::*;

#[track_caller]
fn refused_variable(name: &str, value: &str, words: &str) {
    let message = load("", &[(name, value)]).unwrap_err();
    assert!(message.contains(words), "{value}: {message}");
}

#[test]
fn unusable_settings_are_refused() {
    refused_for(&[
        (
            "[traces]\nendpoint = 'ftp://127.0.0.1/v1/traces'",
            "traces.endpoint",
            "not an http or https URL",
        ),
        (
            "[traces]\nendpoint = 'http://127.0.0.1:4318'",
            "traces.endpoint",
            "`http://127.0.0.1:4318/v1/traces`",
        ),
        (
            "[traces]\nendpoint = 'http://collector:4318/v1/traces'\nheaders = 'a=hunter2'",
            "traces.endpoint",
            "would be sent unencrypted",
        ),
        (
            "[traces]\nheaders = 'Bearer hunter2'",
            "traces.headers",
            "`name=value`",
        ),
        (
            "[traces]\nsample_ratio = 1.5",
            "traces.sample_ratio",
            "give 0 to 1",
        ),
        (
            "[traces]\nsample_ratio = nan",
            "traces.sample_ratio",
            "give 0 to 1",
        ),
        (
            "[traces]\nsample_ratio = '0.5'",
            "traces.sample_ratio",
            "a number",
        ),
    ]);
    refused_variable("MUNJIGI_TRACES__SAMPLE_RATIO", "many", "not a number");
    refused_variable("MUNJIGI_TRACES__SAMPLE_RATIO", "-0.1", "give 0 to 1");
}

#[test]
fn the_ratio_is_a_number_and_headers_are_a_list() {
    let traces = with_env(&[
        ("MUNJIGI_TRACES__SAMPLE_RATIO", " 0.25 "),
        (
            "MUNJIGI_TRACES__HEADERS",
            "Authorization=Basic YTpi==, x-tenant = a",
        ),
    ])
    .traces;
    assert!((traces.sample_ratio - 0.25).abs() < f64::EPSILON);
    let headers = [("Authorization", "Basic YTpi=="), ("x-tenant", "a")];
    let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(traces.header_list(), Some(headers.to_vec()));
    for whole in ["0", "1"] {
        let toml = format!("[traces]\nsample_ratio = {whole}");
        let ratio = load(&toml, &[]).unwrap().traces.sample_ratio;
        assert!((ratio - whole.parse::<f64>().unwrap()).abs() < f64::EPSILON);
    }
    for invalid in ["a", "=a", "a=", "a b=c", "a=b,", "a=가"] {
        refused_variable("MUNJIGI_TRACES__HEADERS", invalid, "`name=value`");
    }
}
