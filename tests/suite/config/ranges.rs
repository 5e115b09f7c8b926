//! The ranges of numbers and durations: what is out of them is rejected, and the example says the same ranges.

use super::support::*;

#[test]
fn the_ranges_of_the_server_are_those_of_the_example() {
    refused_for(&[
        ("[server]\nworkers = 257", "server.workers", "0 to 256"),
        (
            "[server]\nmax_connections = 0",
            "server.max_connections",
            "1 to 1000000",
        ),
        (
            "[server]\nhead_timeout = '99ms'",
            "server.head_timeout",
            "100ms to 1m",
        ),
        (
            "[server]\nrequest_timeout = '11m'",
            "server.request_timeout",
            "100ms to 10m",
        ),
        (
            "[server]\nforwarded_header = 'both'",
            "server.forwarded_header",
            "x-forwarded-for",
        ),
        (
            "[server]\nshutdown_timeout = '11m'",
            "server.shutdown_timeout",
            "0s to 10m",
        ),
        ("[server]\ndata_dir = ''", "server.data_dir", "munjigi-data"),
        (
            "[server]\npublic_url = 'ftp://h'",
            "server.public_url",
            "https://",
        ),
        (
            "[server]\npublic_url = 'https://h/?a'",
            "server.public_url",
            "`?`",
        ),
        (
            "[server]\npublic_url = 'https://h//evil.example'",
            "server.public_url",
            "single slashes only",
        ),
        (
            "[server]\npublic_url = 'https://h/a;b'",
            "server.public_url",
            "https://example.org/login",
        ),
        (
            "[server]\ntls_certificate = 'a.pem'",
            "server.tls_key",
            "both or neither",
        ),
        (
            "[server]\ntls_key = 'a.pem'",
            "server.tls_certificate",
            "both or neither",
        ),
        (
            "[server]\ntls_certificate = 'a.pem'\ntls_key = 'b.pem'\npublic_url = 'http://h'",
            "server.public_url",
            "`https://`",
        ),
        (
            "[server]\ncookie_prefix = 'é'",
            "server.cookie_prefix",
            "`munjigi_staging`",
        ),
        (
            "[server]\ncookie_prefix = 'a b'",
            "server.cookie_prefix",
            "1 to 32",
        ),
        (
            "[server]\ncookie_prefix = '__Host-x'",
            "server.cookie_prefix",
            "not begin with `__`",
        ),
        ("[server]\ndrain = '11m'", "server.drain", "0s to 10m"),
        (
            "[server]\nallowed_origins = ['capacitor://localhost/']",
            "server.allowed_origins[0]",
            "give `capacitor://localhost`",
        ),
    ]);
}

#[test]
fn the_ranges_of_the_database_are_those_of_the_example() {
    refused_for(&[
        (
            "[database]\npool_size = 201",
            "database.pool_size",
            "1 to 200",
        ),
        (
            "[database]\nacquire_timeout = '0s'",
            "database.acquire_timeout",
            "100ms to 1m",
        ),
        (
            "[database]\nstart_timeout = '2h'",
            "database.start_timeout",
            "0s to 1h",
        ),
        (
            "[database]\nurl = 'postgres://u:Summer@2026@h/n'",
            "database.url",
            "percent-encode",
        ),
        (
            "[database]\nbusy_timeout = '2m'",
            "database.busy_timeout",
            "100ms to 1m",
        ),
    ]);
}

#[test]
fn the_other_ranges_are_those_of_the_example() {
    refused_for(&[
        ("[login]\nbcrypt_cost = 9", "login.bcrypt_cost", "10 to 16"),
        ("[login]\nbcrypt_cost = 17", "login.bcrypt_cost", "10 to 16"),
        ("[login]\nhash_queue = 0", "login.hash_queue", "1 to 10000"),
        (
            "[login]\nhash_deadline = '2m'",
            "login.hash_deadline",
            "100ms to 1m",
        ),
        (
            "[login]\nmin_password_length = 7",
            "login.min_password_length",
            "8 to 64",
        ),
        (
            "[login]\nsite_names = ['Example', 'x']",
            "login.site_names",
            "2 to 100 characters",
        ),
        ("[otp]\nlifetime = '11m'", "otp.lifetime", "30s to 10m"),
        ("[otp]\nmax_attempts = 6", "otp.max_attempts", "1 to 5"),
        ("[otp]\nresend_after = '0s'", "otp.resend_after", "1s to 1h"),
        (
            "[otp]\nrequests_per_account = 0",
            "otp.requests_per_account",
            "1 to 1000",
        ),
        (
            "[otp]\nrequests_per_address = 0",
            "otp.requests_per_address",
            "1 to 100000",
        ),
        ("[limits]\nfailures = 0", "limits.failures", "1 to 100"),
        ("[limits]\nfailures = 101", "limits.failures", "1 to 100"),
        (
            "[limits]\nfirst_delay = '61m'\nlongest_delay = '1d'",
            "limits.first_delay",
            "1s to 1h",
        ),
        (
            "[limits]\nlongest_delay = '30s'",
            "limits.longest_delay",
            "`limits.first_delay` (1m)",
        ),
        (
            "[limits]\nfailures_per_address = 1000001",
            "limits.failures_per_address",
            "0 to 1000000",
        ),
        (
            "[limits]\ndevice_lifetime = '1h'",
            "limits.device_lifetime",
            "1d to 3650d",
        ),
        (
            "[tokens]\nreuse_grace = '61s'",
            "tokens.reuse_grace",
            "0s to 1m",
        ),
        (
            "[tokens]\nsessions_per_account = 0",
            "tokens.sessions_per_account",
            "1 to 10000",
        ),
        (
            "[tokens]\nrevocation_max_lag = '1s'",
            "tokens.revocation_max_lag",
            "2s to 1m",
        ),
        (
            "[metrics]\nlisten = '127.0.0.1:8080'",
            "metrics.listen",
            "give another address or port",
        ),
        ("[flush]\ninterval = '8d'", "flush.interval", "1m to 7d"),
        ("[otp]\nphone_region = 'kr'", "otp.phone_region", "`KR`"),
        (
            "[smtp]\nhello_name = 'my host'",
            "smtp.hello_name",
            "`auth.example.org`",
        ),
        (
            "[log]\nhealth_checks = 'no'",
            "log.health_checks",
            "health_checks = true",
        ),
        ("[smtp]\ntimeout = '0s'", "smtp.timeout", "1s to 1m"),
        ("[webhook]\nretries = 11", "webhook.retries", "0 to 10"),
        ("[webhook]\ntimeout = '2m'", "webhook.timeout", "1s to 1m"),
    ]);
}

#[test]
fn backups_at_intervals_need_a_recipient_and_sqlite() {
    refused_for(&[
        ("[backup]\ninterval = '5m'", "backup.interval", "10m to 30d"),
        ("[backup]\nkeep = 0", "backup.keep", "1 to 10000"),
        (
            "[backup]\nrecipient = 'age1x'",
            "backup.recipient",
            "begins with `age1`",
        ),
        (
            "[backup]\ndirectory = '/backups'",
            "backup.recipient",
            "required if `backup.directory` is set",
        ),
        (
            "[server]\nmaster_key = 'a master key that is long enough for all'\n[database]\nurl = 'postgres://h/n'\n\
             [backup]\ndirectory = '/b'\n\
             recipient = 'age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p'",
            "backup.directory",
            "`pg_dump`",
        ),
    ]);
}
