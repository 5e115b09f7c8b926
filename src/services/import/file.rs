//! A file as a source: an account a line, as JSON (`.jsonl`) or as CSV with the names of the fields in the first line.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use csv::StringRecord;
use serde_json::{Map, Value};

use crate::domain::import::{ImportField, SourceAccount};
use crate::domain::principal::{UserSeq, UserType};
use crate::services::import::candidate::{Candidate, GREATEST_NUMBER, RowRules};
use crate::services::import::error::ImportError;
use crate::services::import::fields::FieldSet;
use crate::services::import::input::{Input, Message, Parsed, Phase};
use crate::services::import::report::{Consequence, Line};
use crate::services::import::roles::RoleRules;

/// The number of rows of a batch.
const BATCH: usize = 2_000;
/// The greatest length of a line of JSON, in bytes.
const MAX_LINE: u64 = 1024 * 1024;

/// The field with the user type.
const TYPE: &str = "type";

/// A file of accounts.
pub struct AccountFile {
    path: PathBuf,
    is_csv: bool,
    /// The source, as `imported_accounts` stores it.
    origin: Arc<str>,
    /// The user type of rows without one.
    default_type: UserType,
    roles: RoleRules,
}

/// Reads so many bytes at most: the length of a row of CSV, within a quotation mark that does not end.
struct Limited<'a> {
    reader: BufReader<File>,
    left: &'a Cell<u64>,
}

impl Read for Limited<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left.get() == 0 {
            let problem = format!("a row is longer than {MAX_LINE} bytes");
            return Err(io::Error::new(io::ErrorKind::InvalidData, problem));
        }
        let read = self.reader.read(buffer)?;
        let left = self.left.get();
        self.left
            .set(left.saturating_sub(u64::try_from(read).unwrap_or(left)));
        Ok(read)
    }
}

/// A row of a file.
struct Row {
    number: u64,
    /// The values by their names, or what is wrong.
    values: Result<Vec<(String, Option<String>)>, String>,
}

impl AccountFile {
    /// A file, whose ending says what it is. `source` is by what its accounts are known again; without it, the name of the file
    /// without its ending.
    ///
    /// # Errors
    /// [`ImportError::Source`].
    pub fn open(
        path: &Path,
        source: Option<&str>,
        default_type: UserType,
        roles: RoleRules,
    ) -> Result<Self, ImportError> {
        let ending = path.extension().and_then(|ending| ending.to_str());
        let is_csv = match ending.map(str::to_ascii_lowercase).as_deref() {
            Some("csv") => true,
            Some("jsonl" | "ndjson") => false,
            _ => {
                return Err(ImportError::Source(format!(
                    "{}: the name of the file must end in .jsonl or .csv",
                    path.display()
                )));
            }
        };
        let stem = path.file_stem().unwrap_or_default().to_string_lossy();
        let source = source.unwrap_or(&stem);
        let file = Self {
            path: path.to_owned(),
            is_csv,
            origin: format!("file:{source}").into(),
            default_type,
            roles,
        };
        file.reader()?;
        Ok(file)
    }

    fn failed(&self, error: &dyn std::fmt::Display) -> ImportError {
        ImportError::Source(format!("{}: {error}", self.path.display()))
    }

    fn reader(&self) -> Result<BufReader<File>, ImportError> {
        let file = File::open(&self.path).map_err(|error| self.failed(&error))?;
        Ok(BufReader::new(file))
    }

    /// Reads all rows until `each` returns `false`.
    fn rows(&self, mut each: impl FnMut(Row) -> bool) -> Result<(), ImportError> {
        let mut reader = self.reader()?;
        if self.is_csv {
            let left = Cell::new(MAX_LINE);
            let reader = Limited {
                reader,
                left: &left,
            };
            let mut csv = csv::ReaderBuilder::new().flexible(true).from_reader(reader);
            let header = csv.headers().map_err(|error| self.failed(&error))?.clone();
            self.check_header(&header)?;
            let mut record = StringRecord::new();
            loop {
                left.set(MAX_LINE);
                let read = csv.read_record(&mut record);
                let number = record.position().map_or(0, csv::Position::line);
                let values = match read {
                    Ok(false) => return Ok(()),
                    Ok(true) if record.len() != header.len() => Err(format!(
                        "{} values, but the first line has {} names",
                        record.len(),
                        header.len()
                    )),
                    Ok(true) => Ok(pairs(&header, &record)),
                    Err(error) if error.is_io_error() => return Err(self.failed(&error)),
                    Err(error) => Err(error.to_string()),
                };
                if !each(Row { number, values }) {
                    return Ok(());
                }
            }
        }
        for number in 1.. {
            let mut line = Vec::new();
            let read = reader.by_ref().take(MAX_LINE).read_until(b'\n', &mut line);
            if read.map_err(|error| self.failed(&error))? == 0 {
                break;
            }
            if line.len() as u64 == MAX_LINE {
                return Err(self.failed(&format!("line {number} is longer than {MAX_LINE} bytes")));
            }
            if line.trim_ascii().is_empty() {
                continue;
            }
            let values = json_values(&line);
            if !each(Row { number, values }) {
                break;
            }
        }
        Ok(())
    }

    fn check_header(&self, header: &StringRecord) -> Result<(), ImportError> {
        let unknown = |name: &&str| *name != TYPE && field(name).is_none();
        match header.iter().find(unknown) {
            Some(name) => Err(self.failed(&unknown_field(name))),
            None => Ok(()),
        }
    }

    /// The user type of a row; `None` if its word is none.
    fn type_of(&self, row: &Row) -> Option<UserType> {
        let Ok(values) = &row.values else {
            return Some(self.default_type);
        };
        let value = values.iter().find(|(name, _)| name == TYPE);
        match value.and_then(|(_, value)| value.as_deref()) {
            None | Some("") => Some(self.default_type),
            Some(word) => UserType::from_word(word),
        }
    }

    /// The number of rows of a user type, and the greatest number among them.
    fn survey(&self, user_type: UserType) -> Result<(u64, u64), ImportError> {
        let (mut rows, mut greatest) = (0, 0);
        self.rows(|row| {
            if self.type_of(&row).unwrap_or(self.default_type) == user_type {
                rows += 1;
                let values = row.values.unwrap_or_default();
                let ids = values
                    .iter()
                    .filter(|(name, _)| field(name) == Some(ImportField::Id));
                let numbers = ids.filter_map(|(_, id)| UserSeq::from_digits(id.as_deref()?.trim()));
                let number = numbers
                    .map(|number| number.get().unsigned_abs())
                    .filter(|number| *number <= GREATEST_NUMBER)
                    .max();
                greatest = greatest.max(number.unwrap_or(0));
            }
            true
        })?;
        Ok((rows, greatest))
    }

    fn parse(&self, rules: &mut RowRules, row: Row) -> Parsed {
        let label = format!("line {}", row.number);
        let refused = |problem: String| {
            vec![Line {
                user_type: rules.user_type,
                id: label.clone(),
                field: ImportField::Id,
                problem,
                consequence: Consequence::NotImported,
            }]
        };
        if self.type_of(&row).is_none() {
            return Err(refused("the type must be user or client".into()));
        }
        let mut account = SourceAccount::default();
        let mut columns = FieldSet::default();
        for (name, value) in row.values.map_err(refused)? {
            if name == TYPE {
                continue;
            }
            let Some(field) = field(&name) else {
                return Err(refused(unknown_field(&name)));
            };
            columns.insert(field);
            account.set(field, value);
        }
        if columns.contains(ImportField::FirstName) || columns.contains(ImportField::LastName) {
            columns.insert(ImportField::Name);
        }
        rules.columns = columns;
        Candidate::read(rules, &account, Some(label))
    }
}

impl Input for AccountFile {
    fn read(&mut self, send: &mut dyn FnMut(Message) -> bool) -> Result<(), ImportError> {
        for user_type in UserType::ALL {
            let (rows, greatest) = self.survey(user_type)?;
            let begin = Message::Begin {
                phase: Phase::Accounts(user_type),
                origin: Arc::clone(&self.origin),
                rows,
                greatest,
            };
            if rows == 0 {
                continue;
            }
            if !send(begin) {
                return Ok(());
            }
            let mut rules = RowRules {
                user_type,
                origin: Arc::clone(&self.origin),
                roles: self.roles.clone(),
                columns: FieldSet::default(),
                has_number_keys: true,
                has_plain_uuids: false,
            };
            let (mut batch, mut goes_on) = (Vec::with_capacity(BATCH), true);
            self.rows(|row| {
                if self.type_of(&row).unwrap_or(self.default_type) == user_type {
                    batch.push(self.parse(&mut rules, row));
                }
                if batch.len() == BATCH {
                    goes_on = send(Message::Accounts(user_type, std::mem::take(&mut batch)));
                }
                goes_on
            })?;
            if !goes_on || !send(Message::Accounts(user_type, batch)) {
                return Ok(());
            }
        }
        Ok(())
    }
}

/// The field of a name in a file: our own names of the API, or those of the import.
fn field(name: &str) -> Option<ImportField> {
    match name {
        "user_seq" => Some(ImportField::Id),
        "password_hash" => Some(ImportField::Password),
        "last_login_at" => Some(ImportField::LastLogin),
        _ => ImportField::from_word(name),
    }
}

fn unknown_field(name: &str) -> String {
    let name: String = name.chars().take(50).collect();
    format!(
        "there is no field {name:?}; the fields are type, user_seq, external_id, email, email_verified, username, name, phone, \
         role, is_active, password_hash, last_login_at, created_at and claims"
    )
}

fn pairs(header: &StringRecord, record: &StringRecord) -> Vec<(String, Option<String>)> {
    let pairs = header.iter().zip(record.iter());
    pairs
        .map(|(name, value)| (name.to_owned(), Some(value.to_owned())))
        .collect()
}

fn json_values(line: &[u8]) -> Result<Vec<(String, Option<String>)>, String> {
    let values: Map<String, Value> =
        serde_json::from_slice(line).map_err(|error| format!("not a JSON object: {error}"))?;
    let text = |value| match value {
        Value::Null => None,
        Value::String(text) => Some(text),
        value => Some(value.to_string()),
    };
    let values = values.into_iter();
    Ok(values.map(|(name, value)| (name, text(value))).collect())
}
