//! Whether bytes of a further request have arrived behind the last one. actix reads them into its buffer and tells nobody
//! where a request ended, so the bytes are counted.

use memchr::memchr_iter;

/// What has arrived since no part of a request was left.
#[derive(Default)]
pub(super) struct Received {
    bytes: u64,
    /// The number of bytes up to the end of the first head.
    first_head: Option<u64>,
    /// A line that is not empty has ended: empty lines in front of a head are ignored.
    has_line: bool,
    /// The line that has not ended yet has characters.
    in_line: bool,
    /// The last line was empty, and nothing has followed it.
    after_empty_line: bool,
    requests: u32,
    /// The length of the last request's body; `None` if it is chunked.
    body: Option<u64>,
}

impl Received {
    /// Counts bytes, a line at a time: every byte of every request passes here.
    pub(super) fn add(&mut self, bytes: &[u8]) {
        let mut begin = 0;
        for end in memchr_iter(b'\n', bytes) {
            self.add_to_line(&bytes[begin..end]);
            begin = end + 1;
            self.end_line(self.bytes + begin as u64);
        }
        self.add_to_line(&bytes[begin..]);
        self.bytes += bytes.len() as u64;
    }

    fn add_to_line(&mut self, part: &[u8]) {
        if part.iter().any(|byte| *byte != b'\r') {
            (self.in_line, self.after_empty_line) = (true, false);
        }
    }

    /// A line has ended, `bytes` bytes after the beginning.
    fn end_line(&mut self, bytes: u64) {
        self.after_empty_line = self.has_line && !self.in_line;
        if self.after_empty_line {
            self.first_head.get_or_insert(bytes);
        }
        self.has_line |= self.in_line;
        self.in_line = false;
    }

    /// A request begins that has a body of this length; `None` if it is chunked.
    pub(super) fn begin(&mut self, body: Option<u64>) {
        self.requests = self.requests.saturating_add(1);
        self.body = body;
    }

    /// Whether the last request has arrived completely, and nothing has followed it. A chunked body and a head end with an empty
    /// line. Where a body of a pipelined request begins is not known: the answer is `false` then.
    pub(super) fn is_complete(&self) -> bool {
        match (self.requests, self.body) {
            (1, Some(body)) => {
                self.first_head.and_then(|head| head.checked_add(body)) == Some(self.bytes)
            }
            (_, None | Some(0)) => self.after_empty_line,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GET: &str = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    const POST: &str = "POST / HTTP/1.1\nContent-Length: 4\n\n";
    const CHUNKED: &str = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";

    /// Whether it is complete after these texts, each of which begins a request with this body or none.
    fn is_complete(parts: &[(&str, Option<u64>)]) -> bool {
        let mut received = Received::default();
        for (text, body) in parts {
            received.add(text.as_bytes());
            received.begin(*body);
        }
        received.is_complete()
    }

    #[test]
    fn the_end_of_a_request_is_found_by_its_length_or_its_last_line() {
        let post = |rest: &str| format!("{POST}{rest}");
        let chunked = |rest: &str| format!("{CHUNKED}{rest}");
        for (text, body, expected) in [
            (GET.to_owned(), Some(0), true),
            (format!("\r\n{GET}"), Some(0), true),
            (format!("{GET}G"), Some(0), false),
            (format!("{GET}GET / HTTP/1.1\r\n"), Some(0), false),
            (post("abcd"), Some(4), true),
            (post("\n\n\n\n"), Some(4), true),
            (post("abc"), Some(4), false),
            (post("abcdG"), Some(4), false),
            (post("abcd"), Some(u64::MAX), false),
            (chunked("1\r\na\r\n0\r\n\r\n"), None, true),
            (chunked("1\r\na\r\n0\r\n\r\nGET"), None, false),
            (chunked("5\r\nab"), None, false),
        ] {
            assert_eq!(is_complete(&[(&text, body)]), expected, "{text:?}");
        }
    }

    #[test]
    fn of_pipelined_requests_the_last_line_counts() {
        let none = Some(0);
        assert!(is_complete(&[(GET, none), (GET, none)]));
        assert!(is_complete(&[(POST, Some(4)), ("abcd", None), (GET, none)]));
        assert!(!is_complete(&[(GET, none), (GET, none), ("GET / H", none)]));
        let post = format!("{POST}abcd");
        assert!(!is_complete(&[(GET, none), (&post, Some(4))]));
    }
}
