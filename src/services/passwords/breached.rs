//! The list of breached passwords (`login.breached_passwords_file`): SHA-1 hashes in hexadecimal, upper or lower case, one a
//! line, each with or without `:COUNT`, sorted. All have the same number of digits: 40, or the first 10 or more. Have I Been
//! Pwned offers such a list of some 40 GB for download; it is searched on disk, in about thirty reads.

use std::{
    fs::File,
    io,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};

use crate::domain::password::Password;

/// The digits of a SHA-1 hash.
const FULL: usize = 40;
/// With fewer digits a password would be taken for another one too often.
const SHORTEST: usize = 10;
/// The most bytes of a line: a hash, a colon, a number and the line end.
const LONGEST_LINE: usize = 80;
/// How many lines are compared at the start.
const SAMPLE: u64 = 256;

/// Why the list cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("login.breached_passwords_file: {}: {problem}", path.display())]
pub struct BreachedFileError {
    path: PathBuf,
    problem: FileProblem,
}

#[derive(Debug, thiserror::Error)]
enum FileProblem {
    #[error("the file cannot be read: {0}")]
    Unreadable(#[from] io::Error),
    #[error(
        "at byte {0} there is no line such as `0018A45C4D1DEF81644B54AB7F969B88D65:3` with 10 to 40 hexadecimal digits, as \
         many as in the first line, with or without a colon and a number"
    )]
    NotAHash(u64),
    #[error(
        "the lines at byte {0} are not sorted; sort the file by hash, for example with `LC_ALL=C sort`"
    )]
    NotSorted(u64),
}

/// An open list. Clones share the file.
#[derive(Clone)]
pub struct BreachedPasswords {
    file: Arc<File>,
    len: u64,
    digits: usize,
}

/// A line: its hash in upper case, and where the next line begins.
struct Line {
    hash: Vec<u8>,
    next: u64,
}

impl BreachedPasswords {
    /// Opens a list, and checks the format and the order of some lines.
    ///
    /// # Errors
    /// [`BreachedFileError`], which names the setting.
    pub fn open(path: &Path) -> Result<Self, BreachedFileError> {
        Self::checked(path).map_err(|problem| BreachedFileError {
            path: path.to_owned(),
            problem,
        })
    }

    fn checked(path: &Path) -> Result<Self, FileProblem> {
        let file = File::open(path)?;
        let len = file.metadata()?.len();
        let mut list = Self {
            file: Arc::new(file),
            len,
            digits: 0,
        };
        let first = list.raw_line(0)?.ok_or(FileProblem::NotAHash(0))?;
        list.digits = first.hash.len();
        let mut previous = Vec::new();
        for step in 0..SAMPLE {
            let at = list.line_start(len / SAMPLE * step)?;
            let Some(line) = list.line(at)? else { break };
            let Some(next) = list.line(line.next)? else {
                break;
            };
            if previous > line.hash || line.hash > next.hash {
                return Err(FileProblem::NotSorted(at));
            }
            previous = line.hash;
        }
        Ok(list)
    }

    /// Whether a password is in the list.
    ///
    /// # Errors
    /// When the file cannot be read any more.
    pub fn contains(&self, password: &Password) -> io::Result<bool> {
        let hash = upper_hex(password.reveal());
        let wanted = &hash.as_bytes()[..self.digits];
        // The line is at `low` or later, and begins before `high`.
        let (mut low, mut high) = (0, self.len);
        while low < high {
            let middle = low + (high - low) / 2;
            let at = self.line_start(middle)?;
            let line = if at < high {
                self.line(at).map_err(changed)?
            } else {
                None
            };
            match line {
                Some(line) if line.hash == wanted => return Ok(true),
                Some(line) if line.hash.as_slice() < wanted => low = line.next,
                // All lines that begin behind the middle are greater, or there are none.
                _ => high = middle,
            }
        }
        Ok(false)
    }

    /// The beginning of the first line that begins at a position or behind it.
    fn line_start(&self, position: u64) -> io::Result<u64> {
        if position == 0 {
            return Ok(0);
        }
        let bytes = self.read(position - 1)?;
        let end = bytes.iter().position(|byte| *byte == b'\n');
        Ok(end.map_or(self.len, |end| position + end as u64))
    }

    /// The line that begins at a position; `None` at the end.
    fn line(&self, at: u64) -> Result<Option<Line>, FileProblem> {
        match self.raw_line(at)? {
            Some(line) if line.hash.len() != self.digits => Err(FileProblem::NotAHash(at)),
            line => Ok(line),
        }
    }

    fn raw_line(&self, at: u64) -> Result<Option<Line>, FileProblem> {
        let bytes = self.read(at)?;
        if bytes.is_empty() {
            return Ok(None);
        }
        let end = bytes.iter().position(|byte| *byte == b'\n');
        let text = bytes[..end.unwrap_or(bytes.len())].trim_ascii_end();
        let (hash, count) = match text.iter().position(|byte| *byte == b':') {
            Some(colon) => (&text[..colon], &text[colon + 1..]),
            None => (text, &b"1"[..]),
        };
        let is_hash = (SHORTEST..=FULL).contains(&hash.len())
            && hash.iter().all(u8::is_ascii_hexdigit)
            && !count.is_empty()
            && count.iter().all(u8::is_ascii_digit);
        // The last line may have no end.
        let is_whole = end.is_some() || at + bytes.len() as u64 == self.len;
        if !is_hash || !is_whole {
            return Err(FileProblem::NotAHash(at));
        }
        Ok(Some(Line {
            hash: hash.to_ascii_uppercase(),
            next: end.map_or(self.len, |end| at + end as u64 + 1),
        }))
    }

    /// The bytes at a position, at most as many as a line has. There are none only at the end of the file.
    fn read(&self, at: u64) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; LONGEST_LINE];
        let mut length = 0;
        while length < bytes.len() {
            match self.file.read_at(&mut bytes[length..], at + length as u64) {
                Ok(0) => break,
                Ok(read) => length += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        bytes.truncate(length);
        if bytes.is_empty() && at < self.len {
            // A password that was in the rest of the list must not be taken for one that is not in it.
            let text = "the file has become shorter; restart the server";
            return Err(io::Error::new(io::ErrorKind::InvalidData, text));
        }
        Ok(bytes)
    }
}

/// The SHA-1 hash of a text, in upper case hexadecimal.
fn upper_hex(text: &str) -> String {
    let hash = digest(&SHA1_FOR_LEGACY_USE_ONLY, text.as_bytes());
    let digit = |nibble: u8| char::from(b"0123456789ABCDEF"[usize::from(nibble)]);
    let bytes = hash.as_ref().iter();
    bytes
        .flat_map(|byte| [digit(byte >> 4), digit(byte & 15)])
        .collect()
}

fn changed(problem: FileProblem) -> io::Error {
    match problem {
        FileProblem::Unreadable(error) => error,
        other => io::Error::new(io::ErrorKind::InvalidData, other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A directory with a list of these lines.
    fn list(content: &str) -> (tempfile::TempDir, PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("list.txt");
        std::fs::write(&path, content).unwrap();
        (directory, path)
    }

    fn hashes(words: impl Iterator<Item = String>) -> Vec<String> {
        let mut hashes: Vec<String> = words.map(|word| upper_hex(&word)).collect();
        hashes.sort();
        hashes
    }

    fn word(number: usize) -> String {
        format!("breached {number}")
    }

    #[test]
    fn a_list_that_has_become_shorter_is_an_error_and_not_an_answer() {
        let hashes = hashes((0..1_000).map(word));
        let (_directory, path) = list(&(hashes.join("\n") + "\n"));
        let opened = BreachedPasswords::open(&path).unwrap();
        let password = |number| Password::parse(&word(number)).unwrap();
        assert!(opened.contains(&password(7)).unwrap());
        File::options()
            .write(true)
            .open(&path)
            .unwrap()
            .set_len(0)
            .unwrap();
        for number in 0..1_000 {
            let error = opened.contains(&password(number)).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        }
    }

    #[test]
    fn every_listed_password_is_found_and_no_other_in_every_format() {
        for (count, digits) in [(1, 40), (2, 40), (3, 10), (1_000, 40), (1_000, 16)] {
            let hashes = hashes((0..count).map(word));
            let lines = |end: &str, number: fn(usize) -> String| -> String {
                let line =
                    |(i, hash): (usize, &String)| format!("{}{}{end}", &hash[..digits], number(i));
                hashes.iter().enumerate().map(line).collect()
            };
            let numbered = lines("\r\n", |i| {
                format!(":{}", 7_usize.pow(u32::try_from(i % 9).unwrap()))
            });
            for content in [
                lines("\n", |_| String::new()),
                lines("\n", |_| String::new()).trim_end().to_owned(),
                numbered.clone(),
                numbered.to_ascii_lowercase(),
            ] {
                let (_directory, path) = list(&content);
                let list = BreachedPasswords::open(&path).unwrap();
                let contains = |word: &str| list.contains(&Password::parse(word).unwrap()).unwrap();
                for number in 0..count {
                    assert!(contains(&word(number)), "{number} of {count}, {digits}");
                    assert!(!contains(&format!("other {number}")));
                }
            }
        }
    }

    #[test]
    fn a_file_that_is_no_sorted_list_of_hashes_is_refused_with_the_reason() {
        let hashes = hashes((0..500).map(word));
        let mut unsorted = hashes.clone();
        unsorted.swap(10, 400);
        let mut mixed = hashes.clone();
        for hash in &mut mixed[250..] {
            hash.truncate(20);
        }
        for (content, reason) in [
            (String::new(), "there is no line such as"),
            ("passw0rd\n".to_owned(), "there is no line such as"),
            ("abcdef\n".to_owned(), "10 to 40 hexadecimal digits"),
            (format!("{}:many\n", hashes[0]), "there is no line such as"),
            (unsorted.join("\n"), "not sorted"),
            (mixed.join("\n"), "as many as in the first line"),
        ] {
            let (_directory, path) = list(&content);
            let error = BreachedPasswords::open(&path).err().unwrap().to_string();
            assert!(error.contains(reason), "{error}");
            assert!(
                error.starts_with("login.breached_passwords_file: /"),
                "{error}"
            );
        }
        let missing = BreachedPasswords::open(Path::new("/no/such/file"));
        let error = missing.err().unwrap().to_string();
        assert!(error.contains("cannot be read"), "{error}");
    }
}
