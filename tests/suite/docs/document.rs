//! The Markdown files of the repository, as fenced blocks and prose.

use crate::process::tools::in_repository;

/// A Markdown file.
pub struct Document {
    /// Its path in the repository.
    pub path: String,
    /// Its content.
    pub text: String,
}

/// A fenced block of a document.
pub struct Block<'a> {
    /// What follows the opening fence: the language, and what it is marked as.
    pub info: &'a str,
    /// The number of its first line.
    pub first: usize,
    /// Its lines without the fences.
    pub lines: Vec<&'a str>,
}

impl Document {
    /// A file of the repository.
    pub fn read(path: &str) -> Self {
        let text = std::fs::read_to_string(in_repository(path));
        Self {
            path: path.to_owned(),
            text: text.unwrap_or_else(|error| panic!("{path}: {error}")),
        }
    }

    /// All of them: those at the root, then those in `docs/` by name.
    pub fn all() -> Vec<Self> {
        let mut paths: Vec<String> = std::fs::read_dir(in_repository("docs"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter_map(|name| Some(format!("docs/{}.md", name.strip_suffix(".md")?)))
            .collect();
        paths.sort();
        let root = ["README.md", "CHANGELOG.md", "SECURITY.md"];
        let paths = root.into_iter().chain(paths.iter().map(String::as_str));
        paths.map(Self::read).collect()
    }

    /// Its fenced blocks.
    pub fn blocks(&self) -> Vec<Block<'_>> {
        let (mut blocks, mut open): (Vec<Block<'_>>, Option<Block<'_>>) = (Vec::new(), None);
        for (index, line) in self.text.lines().enumerate() {
            match (line.strip_prefix("```"), open.take()) {
                (Some(_), Some(block)) => blocks.push(block),
                (Some(info), None) => {
                    open = Some(Block {
                        info,
                        first: index + 2,
                        lines: Vec::new(),
                    });
                }
                (None, Some(mut block)) => {
                    block.lines.push(line);
                    open = Some(block);
                }
                (None, None) => {}
            }
        }
        assert!(open.is_none(), "{}: a block is not closed", self.path);
        blocks
    }

    /// Its lines outside of the fenced blocks, with their numbers.
    pub fn prose(&self) -> Vec<(usize, &str)> {
        let mut fenced = false;
        let lines = (1..).zip(self.text.lines());
        lines
            .filter(|(_, line)| {
                let is_fence = line.starts_with("```");
                fenced ^= is_fence;
                !fenced && !is_fence
            })
            .collect()
    }

    /// What stands between backticks in its prose, with the number of the line. A span that goes over the end of a line is
    /// not looked at.
    pub fn code_spans(&self) -> Vec<(usize, &str)> {
        let prose = self.prose().into_iter();
        prose
            .flat_map(|(number, line)| {
                let spans = line.split('`').skip(1).step_by(2);
                spans.map(move |span| (number, span))
            })
            .collect()
    }
}
