//! The code as one line of the server's log, for trying things out: the only line that may hold a code.

use crate::delivery::notice::OtpNotice;

/// The target of that line, by which a log filter can pick it out or shut it off.
pub const TARGET: &str = "munjigi::otp_console";

pub(super) fn print(notice: &OtpNotice) {
    tracing::info!(
        target: TARGET,
        username = notice.username,
        code = notice.code.reveal(),
        expires_in = notice.expires_in.as_secs(),
        "one-time code"
    );
}
