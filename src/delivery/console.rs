//! Writes a code to the server log, for evaluation. No other log line contains a code.

use crate::delivery::notice::OtpNotice;

/// The log target of these lines, for log filters.
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
