//! Search and crawling: Tavily, Serper, Exa and Firecrawl, by searches, pages, credits and money.

use serde_json::Value;

use super::read::{at, count};
use super::shape::{As, Found, Shape};

fn length(list: Option<&Value>) -> i64 {
    list.and_then(Value::as_array).and_then(|list| i64::try_from(list.len()).ok()).unwrap_or(0)
}

/// Tavily's search: one; its credits only when they were asked for (1 basic, 2 advanced).
const TAVILY_SEARCH: Shape = Shape {
    needs: &["query", "answer", "images"],
    fields: &[("usage.credits", As::Whole("credits"))],
    more: Some(|body, found| {
        if body.get("results").is_some() {
            found.raise("searches", 1);
        }
    }),
    ..Shape::EMPTY
};
/// Tavily's extraction and crawling: the pages that were read. Several pages are one credit, so the
/// credits say nothing that a price of a page does not.
const TAVILY_PAGES: Shape = Shape {
    needs: &["results"],
    more: Some(|body, found| found.raise("pages", length(body.get("results")))),
    ..Shape::EMPTY
};
pub(super) const TAVILY: &[&Shape] = &[&TAVILY_SEARCH, &TAVILY_PAGES];

/// Serper: one search, or one page of its scraper; credits where it tells them.
const SERPER_SEARCH: Shape = Shape {
    needs: &["searchParameters"],
    fields: &[("credits", As::Whole("credits"))],
    more: Some(|_, found| found.raise("searches", 1)),
    ..Shape::EMPTY
};
const SERPER_PAGE: Shape = Shape {
    needs: &["credits", "text", "markdown"],
    fields: &[("credits", As::Whole("credits"))],
    more: Some(|_, found| found.raise("pages", 1)),
    ..Shape::EMPTY
};
pub(super) const SERPER: &[&Shape] = &[&SERPER_SEARCH, &SERPER_PAGE];

/// Exa: what it charged, in dollars; it wins over the list price and is kept beside it.
const EXA_ANY: Shape = Shape {
    needs: &["costDollars", "results", "answer"],
    cost: &[("costDollars.total", 0)],
    more: Some(count_exa),
    ..Shape::EMPTY
};
pub(super) const EXA: &[&Shape] = &[&EXA_ANY];

/// A search unless the bill knows only contents.
fn count_exa(body: &Value, found: &mut Found) {
    let cost = body.get("costDollars");
    let has = |key: &str| cost.and_then(|cost| cost.get(key)).is_some_and(|part| !part.is_null());
    if has("contents") && !has("search") || body.get("statuses").is_some() {
        found.raise("pages", length(body.get("results")));
    } else {
        found.raise("searches", 1);
    }
}

/// Firecrawl: pages, and the credits that it took for them.
const FIRECRAWL_SCRAPE: Shape = Shape {
    root: "data",
    needs: &["metadata"],
    fields: &[("metadata.creditsUsed", As::Whole("credits"))],
    known: &[
        "markdown",
        "html",
        "rawHtml",
        "links",
        "images",
        "summary",
        "screenshot",
        "json",
        "warning",
        "actions",
        "changeTracking",
        "attributes",
        "branding",
    ],
    more: Some(|_, found| found.raise("pages", 1)),
    ..Shape::EMPTY
};
const FIRECRAWL_SEARCH: Shape = Shape {
    root: "data",
    needs: &["web", "news", "images"],
    known: &["web", "news", "images"],
    more: Some(|body, found| {
        found.raise("searches", 1);
        credits(body, found);
    }),
    ..Shape::EMPTY
};
/// A crawl, a batch or an extraction that goes on or is done.
const FIRECRAWL_CRAWL: Shape = Shape {
    needs: &["creditsUsed", "completed"],
    more: Some(|body, found| {
        credits(body, found);
        let done = body.get("completed").and_then(|done| count(done).ok());
        let pages = done.unwrap_or_else(|| length(body.get("data")));
        if pages > 0 {
            found.raise("pages", pages);
        }
    }),
    ..Shape::EMPTY
};
/// The first version's search, a plain list.
const FIRECRAWL_LIST: Shape = Shape {
    needs: &["data", "links"],
    more: Some(|body, found| {
        credits(body, found);
        if body.get("data").is_some_and(Value::is_array) {
            found.raise("searches", 1);
        } else if body.get("links").is_some_and(Value::is_array) {
            found.raise("requests", 1);
        }
    }),
    ..Shape::EMPTY
};
pub(super) const FIRECRAWL: &[&Shape] =
    &[&FIRECRAWL_SCRAPE, &FIRECRAWL_SEARCH, &FIRECRAWL_CRAWL, &FIRECRAWL_LIST];

fn credits(body: &Value, found: &mut Found) {
    if let Some(Ok(used)) = at(body, "creditsUsed").map(count) {
        found.raise("credits", used);
    }
}
