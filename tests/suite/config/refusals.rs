//! Values that are rejected by the checks because they are contradictory or unsafe.

use super::support::*;

#[test]
fn contradictory_lifetimes_are_rejected() {
    refused_for(&[
        (
            "[tokens]\naccess_lifetime = '25h'",
            "tokens.access_lifetime",
            "1s to 1d",
        ),
        (
            "[tokens]\naccess_lifetime = '0s'",
            "tokens.access_lifetime",
            "1s to 1d",
        ),
        (
            "[tokens]\naccess_lifetime = '1500ms'",
            "tokens.access_lifetime",
            "whole seconds",
        ),
        (
            "[tokens]\nrefresh_lifetime = '30m'",
            "tokens.refresh_lifetime",
            "`tokens.access_lifetime` (30m)",
        ),
        (
            "[tokens]\nsession_lifetime = '29d'",
            "tokens.session_lifetime",
            "`tokens.refresh_lifetime` (30d)",
        ),
        (
            "[tokens]\nsession_lifetime = '3651d'",
            "tokens.session_lifetime",
            "3650d",
        ),
        ("[tokens]\nleeway = '6m'", "tokens.leeway", "0s to 5m"),
        (
            "[server]\npublic_url = 'https://h'\n[tokens]\nstatus_list_ttl = '61s'",
            "tokens.status_list_ttl",
            "1s to 1m",
        ),
        (
            "[tokens]\nstatus_list_ttl = '1500ms'",
            "tokens.status_list_ttl",
            "whole seconds",
        ),
        (
            "[tokens]\nstatus_list = true",
            "tokens.status_list",
            "set it, for example to `https://auth.example.org`",
        ),
        (
            "[tokens]\nextra_claims = { status = 'x' }",
            "tokens.extra_claims.status",
            "another name",
        ),
        (
            "[tokens.user]\naccess_lifetime = '25h'",
            "tokens.user.access_lifetime",
            "1s to 1d",
        ),
        (
            "[tokens.user]\naccess_lifetime = '1500ms'",
            "tokens.user.access_lifetime",
            "whole seconds",
        ),
        (
            "[tokens.user]\naccess_lifetime = '2h'\nrefresh_lifetime = '1h'",
            "tokens.user.refresh_lifetime",
            "`tokens.user.access_lifetime` (2h)",
        ),
        (
            "[tokens.client]\nrefresh_lifetime = '10m'",
            "tokens.client.refresh_lifetime",
            "`tokens.access_lifetime` (30m)",
        ),
        (
            "[tokens.client]\nsession_lifetime = '29d'",
            "tokens.client.session_lifetime",
            "`tokens.refresh_lifetime` (30d)",
        ),
        (
            "[tokens.service]\naccess_lifetime = '0s'",
            "tokens.service.access_lifetime",
            "1s to 1d",
        ),
    ]);
}

#[test]
fn a_weak_duplicate_or_missing_master_key_is_rejected() {
    refused_env(
        "MUNJIGI_SERVER__MASTER_KEY",
        "hunter2hunter",
        "server.master_key (MUNJIGI_SERVER__MASTER_KEY): 13 bytes are too few: \
         give at least 32 random bytes, for example from `openssl rand -base64 48`",
    );
    let long = format!("[server]\nmaster_key = '{KEY}'");
    refused_for(&[
        (
            &(long.clone() + "\nmaster_key_file = 'k'"),
            "server.master_key_file",
            "only one of the two",
        ),
        (
            &(long.clone() + "\nprevious_master_keys = ['short']"),
            "server.previous_master_keys",
            "at least 32",
        ),
        (
            "[database]\nurl = 'postgres://h/n'",
            "server.master_key",
            "add `master_key = \"…\"` under `[server]`",
        ),
    ]);
    assert!(load(&long, &[("DATABASE_URL", "postgres://h/n")]).is_ok());
    let file = "[server]\nmaster_key_file = 'k'";
    assert!(load(file, &[("DATABASE_URL", "postgres://h/n")]).is_ok());
}

#[test]
fn a_master_key_with_quotes_blanks_or_line_ends_around_it_is_rejected() {
    for around in ["\r", "\n", " ", "\t", "\"", "'", "`"] {
        for key in [format!("{KEY}{around}"), format!("{around}{KEY}")] {
            let message = load("", &[("MUNJIGI_SERVER__MASTER_KEY", &key)]).unwrap_err();
            assert!(
                message.starts_with(
                    "server.master_key (MUNJIGI_SERVER__MASTER_KEY): begins or ends with"
                ) && !message.contains(KEY),
                "{message}"
            );
        }
    }
    let key = format!("{KEY} {KEY}");
    assert!(load("", &[("MUNJIGI_SERVER__MASTER_KEY", &key)]).is_ok());
}

#[test]
fn pages_for_links_are_safe_addresses_without_a_fragment() {
    refused_for(&[
        (
            "[login]\nreset_url = 'http://app.example.org/reset'",
            "login.reset_url",
            "https://",
        ),
        (
            "[login]\nreset_url = 'https://app.example.org/#/reset'",
            "login.reset_url",
            "after `#`",
        ),
        (
            "[login]\nconfirm_email_url = 'ftp://app.example.org'",
            "login.confirm_email_url",
            "https://",
        ),
        (
            "[login]\nlink_lifetime = '2d'",
            "login.link_lifetime",
            "5m to 1d",
        ),
    ]);
}

#[test]
fn the_listener_of_the_panel_has_an_address_of_its_own() {
    refused_for(&[
        (
            "[server]\npublic_url = 'https://h'\n[admin]\nlisten = '127.0.0.1:8080'",
            "admin.listen",
            "the same as `server.listen`",
        ),
        (
            "[admin]\nlisten = '127.0.0.1:8081'",
            "admin.listen",
            "server.public_url",
        ),
        (
            "[server]\npublic_url = 'https://h'\n[admin]\nenabled = false\nlisten = '127.0.0.1:8081'",
            "admin.listen",
            "remove one of the two",
        ),
    ]);
}
