//! x
use super::*;
use crate::error::Result;
use std::path::Path;
use std::sync::Arc;
/// x
pub struct SqliteStore;
impl SqliteStore {
    /// x
    pub fn open(_p: &Path, _o: StoreOptions) -> Result<Self> {
        Ok(Self)
    }
}
impl Store for SqliteStore {
    fn submit(&self, _w: Box<dyn Work>) -> Result<Ticket> {
        Ok(Ticket(0))
    }
    fn cancel(&self, _t: Ticket) -> bool {
        false
    }
    fn look(
        &self,
        _u: &str,
        _k: &[CallKey],
        _w: &dyn Fn(&Head) -> Result<Vec<WindowKey>>,
    ) -> Result<View> {
        Err(Error::Closed {})
    }
    fn catalogue(&self) -> Result<Arc<Catalogue>> {
        Err(Error::Closed {})
    }
    fn recent_catalogue(&self) -> Result<Arc<Catalogue>> {
        Err(Error::Closed {})
    }
    fn account(&self, _u: &str) -> Result<Option<Arc<Account>>> {
        Err(Error::Closed {})
    }
    fn users(&self) -> Result<Vec<String>> {
        Err(Error::Closed {})
    }
    fn calls(&self, _u: &str, _f: &CallFilter, _p: Page) -> Result<CallPage> {
        Err(Error::Closed {})
    }
    fn unpriced(&self, _a: i64, _l: i64) -> Result<Vec<(String, Call)>> {
        Err(Error::Closed {})
    }
    fn period_counters(&self, _u: &str, _w: Span) -> Result<Vec<(CounterKey, Counter)>> {
        Err(Error::Closed {})
    }
    fn days(&self, _u: &str, _f: i64, _b: i64) -> Result<Vec<(DayKey, Counter)>> {
        Err(Error::Closed {})
    }
    fn verify(&self) -> Result<Vec<Check>> {
        Err(Error::Closed {})
    }
    fn rebuild(&self) -> Result<i64> {
        Err(Error::Closed {})
    }
    fn query(&self, _s: &str, _r: usize) -> Result<Table> {
        Err(Error::Closed {})
    }
    fn flush(&self) -> Result<()> {
        Err(Error::Closed {})
    }
}
