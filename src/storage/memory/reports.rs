//! What reports and exports read: sums in other shapes, and every row in turn.

use std::ops::Range;
use std::sync::Arc;

use super::State;
use super::book::Book;
use crate::domain::call::Call;
use crate::domain::counter::ResponseKey;
use crate::domain::time::Span;
use crate::error::Result;
use crate::storage::{AlertFilter, DaySums, Glance, Head, Page, VisitCall, VisitDay, WindowKey};

impl State {
    /// The books of one user, or of all, by name.
    fn books_of<'a>(&'a self, user: Option<&'a str>) -> impl Iterator<Item = (Arc<str>, &'a Book)> {
        let is_meant = move |name: &String| user.is_none_or(|user| user == name);
        let books = self.books.iter().filter(move |(name, _)| is_meant(name));
        books.map(|(name, book)| (Arc::from(name.as_str()), &**book))
    }

    /// Everything that a dashboard is made of.
    pub(super) fn glance(
        &self,
        user: &str,
        windows: &dyn Fn(&Head) -> Result<Vec<WindowKey>>,
        days: &Range<i64>,
        alerts_max: i64,
    ) -> Result<Glance> {
        let mut recent = DaySums::default();
        let kept = self.books.get(user).into_iter().flat_map(|book| &book.tally.days);
        for (key, sum) in kept.filter(|(key, _)| days.contains(&key.day)) {
            recent.first_day = recent.first_day.or(Some(key.day));
            let mut sums = recent.sums.iter_mut();
            match sums.find(|own| own.0 == key.provider && own.1 == key.operation) {
                Some((_, _, own)) => *own = own.plus(sum)?,
                None => {
                    recent.sums.push((key.provider.clone(), key.operation.clone(), sum.clone()));
                }
            }
        }
        let page = Page { limit: alerts_max, ..Page::default() };
        Ok(Glance {
            view: self.view(Some(user), &[], windows)?,
            recent,
            alerts: self.shelf.page(Some(user), &AlertFilter::unread(), page),
        })
    }

    /// Visits calls in the order of recording.
    pub(super) fn visit_calls(&self, user: Option<&str>, within: Span, visit: &mut VisitCall<'_>) {
        let mut calls: Vec<(Arc<str>, &Call)> = Vec::new();
        for (name, book) in self.books_of(user) {
            let own = book.calls().filter(|call| within.contains(call.occurred_at));
            calls.extend(own.map(|call| (Arc::clone(&name), call)));
        }
        calls.sort_by_key(|(_, call)| call.id);
        for (name, call) in calls {
            if visit(&name, call.clone()).is_break() {
                return;
            }
        }
    }

    /// Visits day rollups by user and day.
    pub(super) fn visit_days(&self, user: Option<&str>, within: Span, visit: &mut VisitDay<'_>) {
        let last = within.ends_at.plus_micros(-1).day_number();
        let days = within.starts_at.day_number()..=last;
        for (name, book) in self.books_of(user) {
            for (key, sum) in book.tally.days.iter().filter(|(key, _)| days.contains(&key.day)) {
                if visit(&name, key.clone(), sum.clone()).is_break() {
                    return;
                }
            }
        }
    }

    /// A user's response times of some days.
    pub(super) fn response_times(&self, user: &str, days: &Range<i64>) -> Vec<(ResponseKey, i64)> {
        let times = self.books.get(user).into_iter().flat_map(|book| &book.tally.times);
        times
            .filter(|(key, calls)| days.contains(&key.day) && **calls != 0)
            .map(|(key, calls)| (key.clone(), *calls))
            .collect()
    }
}
