//! Periods against a slow calendar that knows nothing but how long a month is.

use alwrity_metering::{Anchor, Span, Timestamp};
use proptest::prelude::{Strategy, proptest};
use proptest::prop_assert_eq;

/// 1970 and the two centuries after it.
const YEARS: i64 = 200;
const DAY_US: i64 = 86_400_000_000;

/// A day: year, month from 1, day of the month from 1.
type Day = (i64, i64, i64);

fn days_in(year: i64, month: i64) -> i64 {
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 if is_leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

fn tomorrow((year, month, day): Day) -> Day {
    if day < days_in(year, month) {
        (year, month, day + 1)
    } else if month < 12 {
        (year, month + 1, 1)
    } else {
        (year + 1, 1, 1)
    }
}

/// Every day from 1970-01-01 on, one after the other.
fn calendar() -> Vec<Day> {
    std::iter::successors(Some((1970, 1, 1)), |day| Some(tomorrow(*day)))
        .take_while(|(year, ..)| *year < 1970 + YEARS)
        .collect()
}

/// The reference: finds every boundary by walking the calendar month by month.
struct Slow {
    days: Vec<Day>,
}

impl Slow {
    fn new() -> Self {
        Self { days: calendar() }
    }

    /// The instant of a day of the calendar and a time of that day.
    fn instant(&self, day: Day, time_us: i64) -> Timestamp {
        let number = self.days.binary_search(&day).unwrap();
        Timestamp::from_micros(i64::try_from(number).unwrap() * DAY_US + time_us).unwrap()
    }

    /// All starts of periods of so many months from the anchor on, while the calendar lasts.
    fn starts(&self, anchor: Day, time_us: i64, months: usize) -> Vec<Timestamp> {
        let (mut year, mut month, wanted) = anchor;
        let mut starts = Vec::new();
        while year < 1970 + YEARS {
            let day = wanted.min(days_in(year, month));
            starts.push(self.instant((year, month, day), time_us));
            for _ in 0..months {
                (year, month) = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
            }
        }
        starts
    }
}

/// Every period of two centuries, at its first and last instant and in between.
fn assert_walks_as_the_calendar(slow: &Slow, anchor: Day, time_us: i64, months: u32) {
    let start = Anchor(slow.instant(anchor, time_us));
    let starts = slow.starts(anchor, time_us, usize::try_from(months).unwrap());
    for pair in starts.windows(2) {
        let expected = Span { starts_at: pair[0], ends_at: pair[1] };
        let middle = pair[0].plus_micros(expected.length_us() / 2);
        for at in [pair[0], pair[0].plus_micros(1), middle, pair[1].plus_micros(-1)] {
            assert_eq!(start.period(months, at), expected, "{start:?}, {months} months, at {at}");
        }
    }
}

#[test]
fn monthly_periods_of_two_centuries_are_those_of_the_calendar() {
    let slow = Slow::new();
    for day in [1, 15, 28, 29, 30, 31] {
        assert_walks_as_the_calendar(&slow, (1970, 1, day), 0, 1);
        assert_walks_as_the_calendar(&slow, (1970, 1, day), DAY_US - 1, 1);
    }
    assert_walks_as_the_calendar(&slow, (1972, 2, 29), 12_345_678, 1);
    assert_walks_as_the_calendar(&slow, (1970, 12, 31), 43_200_000_000, 1);
}

#[test]
fn yearly_periods_of_two_centuries_are_those_of_the_calendar() {
    let slow = Slow::new();
    for anchor in [(1970, 1, 1), (1970, 12, 31), (1972, 2, 29), (1999, 2, 28), (2000, 2, 29)] {
        assert_walks_as_the_calendar(&slow, anchor, 1, 12);
    }
}

#[test]
fn every_day_of_two_centuries_has_its_labels() {
    for (number, (year, month, day)) in (0..).zip(calendar()) {
        let noon = Timestamp::from_micros(number * DAY_US + DAY_US / 2).unwrap();
        assert_eq!(noon.day_number(), number);
        assert_eq!(noon.day_label(), format!("{year:04}-{month:02}-{day:02}"));
        assert_eq!(noon.month_label(), format!("{year:04}-{month:02}"));
        let shown = format!("{year:04}-{month:02}-{day:02}T12:00:00Z");
        assert_eq!(noon.to_string(), shown);
        assert_eq!(shown.parse::<Timestamp>().unwrap(), noon);
    }
}

#[test]
fn without_a_subscription_periods_are_calendar_months() {
    let slow = Slow::new();
    let starts = slow.starts((1970, 1, 1), 0, 1);
    for pair in starts.windows(2) {
        let span = Anchor::CALENDAR.month(pair[0]);
        assert_eq!((span.starts_at, span.ends_at), (pair[0], pair[1]));
        assert_eq!(Timestamp::from_month_label(&span.label()).unwrap(), pair[0]);
    }
}

fn instants() -> impl Strategy<Value = Timestamp> {
    (0..YEARS * 365 * DAY_US).prop_map(|us| Timestamp::from_micros(us).unwrap())
}

proptest! {
    #[test]
    fn periods_cover_time_without_gap_or_overlap(
        anchor in instants(),
        at in instants(),
        months in 1_u32..=12,
    ) {
        let anchor = Anchor(anchor);
        let span = anchor.period(months, at);
        prop_assert_eq!(span.contains(at), true);
        prop_assert_eq!(anchor.period(months, span.starts_at), span);
        prop_assert_eq!(anchor.period(months, span.ends_at).starts_at, span.ends_at);
        if span.starts_at > Timestamp::MIN {
            let before = anchor.period(months, span.starts_at.plus_micros(-1));
            prop_assert_eq!(before.ends_at, span.starts_at);
        }
    }

    #[test]
    fn a_random_anchors_periods_are_those_of_the_calendar(
        day in 0_usize..70_000,
        time_us in 0..DAY_US,
        months in 1_u32..=12,
    ) {
        let slow = Slow::new();
        assert_walks_as_the_calendar(&slow, slow.days[day], time_us, months);
    }
}
