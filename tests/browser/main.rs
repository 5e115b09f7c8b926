//! End-to-end tests of the panel and of single-page apps: the real binary and a real Chromium.
//!
//! `tests/run` installs what this needs and says where it is: `MUNJIGI_TEST_CHROMEDRIVER` (the program) and
//! `MUNJIGI_TEST_AXE` (axe-core's one file). Without them the tests print a message and pass, except in CI.
//!
//! In every test the console of the browser must stay empty, which includes violations of the content security policy. One
//! Chromium runs at a time.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a failed precondition fails the test"
)]

mod app_server;
mod chromium;
mod clients;
mod driver;
mod every_page;
mod first_run;
mod keyboard;
mod lists;
mod passkeys;
mod people;
mod preferences;
mod setting;
mod single_page;
mod tokens;
mod without_script;

#[expect(dead_code, reason = "shared with the suite, which uses the rest")]
#[path = "../suite/process/client.rs"]
mod client;
#[expect(dead_code, reason = "shared with the suite, which uses the rest")]
#[path = "../suite/process/database.rs"]
mod database;
#[expect(dead_code, reason = "shared with the suite, which uses the rest")]
#[path = "../suite/process/place.rs"]
mod place;
#[expect(dead_code, reason = "shared with the suite, which uses the rest")]
#[path = "../suite/process/server.rs"]
mod server;
#[expect(dead_code, reason = "shared with the suite, which uses the rest")]
#[path = "../suite/process/tools.rs"]
mod tools;
