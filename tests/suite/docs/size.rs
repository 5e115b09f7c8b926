//! The documents stay short: one subject a file, and lines that can be read.

use super::document::Document;

/// The most lines of a file in `docs/`.
const MAX_LINES: usize = 299;
/// The most characters of a line of prose. A row of a table cannot be broken.
const MAX_WIDTH: usize = 120;

#[test]
fn the_readme_is_a_page_and_each_document_is_short() {
    for document in Document::all() {
        let lines = document.text.lines().count();
        match document.path.as_str() {
            "README.md" => {
                assert!(lines <= 120, "README.md: {lines} lines");
                let bytes = document.text.len();
                assert!(bytes <= 8_000, "README.md: {bytes} bytes");
            }
            "CHANGELOG.md" => {}
            path => assert!(lines <= MAX_LINES, "{path}: {lines} lines"),
        }
    }
}

#[test]
fn lines_of_prose_end_at_120_characters() {
    for document in Document::all() {
        for (number, line) in document.prose() {
            let width = line.chars().count();
            let fits = width <= MAX_WIDTH || line.starts_with('|');
            assert!(fits, "{}:{number}: {width} characters", document.path);
        }
    }
}
