//! What a check of the whole store finds.

use crate::storage::Check;

/// What one check has found so far.
pub(super) struct Finding {
    name: &'static str,
    rows: usize,
    first_fault: Option<String>,
}

impl Finding {
    pub(super) fn new(name: &'static str) -> Self {
        Self { name, rows: 0, first_fault: None }
    }

    pub(super) fn add(&mut self, user: &str, found: Result<usize, String>) {
        match found {
            Ok(rows) => self.rows += rows,
            Err(fault) if self.first_fault.is_none() => {
                self.first_fault = Some(format!("user `{user}`: {fault}"));
            }
            Err(_) => {}
        }
    }

    pub(super) fn into_check(self) -> Check {
        let is_ok = self.first_fault.is_none();
        let found = self.first_fault.unwrap_or_else(|| format!("{} rows", self.rows));
        Check { name: self.name, found, is_ok }
    }
}
