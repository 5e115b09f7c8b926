//! The panel in a real Chromium, against the real binary: what an administrator does there from the first run on.
//!
//! `tests/run` installs what this needs and says where it is: `MUNJIGI_TEST_CHROMEDRIVER` (the program) and
//! `MUNJIGI_TEST_AXE` (axe-core's one file). Where they are missing the tests say so and pass, but not in CI.
//!
//! Whatever a test is about, no page may make the browser complain on its console, and so none may break its own content
//! security policy. One Chromium runs at a time.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test ends where its ground is missing"
)]

mod chromium;
mod driver;
mod every_page;
mod first_run;
mod keyboard;
mod looks;
mod pages;
mod people;
mod setting;
mod single_page;
mod tokens;
mod without_script;

#[expect(dead_code, reason = "the suite's, which uses the rest")]
#[path = "../suite/process/client.rs"]
mod client;
#[expect(dead_code, reason = "the suite's, which uses the rest")]
#[path = "../suite/process/database.rs"]
mod database;
#[expect(dead_code, reason = "the suite's, which uses the rest")]
#[path = "../suite/process/place.rs"]
mod place;
#[expect(dead_code, reason = "the suite's, which uses the rest")]
#[path = "../suite/process/server.rs"]
mod server;
#[expect(dead_code, reason = "the suite's, which uses the rest")]
#[path = "../suite/process/tools.rs"]
mod tools;
