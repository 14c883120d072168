//! What the address of the list asks for, as it was typed.

use crate::store::experiment_index::{Ask, Facet, Sort};
use crate::web::forms::{Problems, line};
use crate::web::moment::day_bounds_us;

/// Most values of one filter that an address may pick.
const PICKED_MAX: usize = 50;
/// Longest text that is searched, in characters.
const TEXT_MAX: usize = 200;
/// Experiments of a page, as offered.
pub(super) const PER_PAGE: [usize; 3] = [25, 50, 100];
/// Experiments of a page when nobody says otherwise.
const PER_PAGE_DEFAULT: usize = 50;

/// Filters, order and page.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::web) struct Asked {
    pub(super) picked: [Vec<String>; 6],
    pub(super) find: [String; 6],
    pub(super) text: String,
    pub(super) since: String,
    pub(super) until: String,
    pub(super) sort: Sort,
    /// Whether the order is turned; the newest come first unless somebody says otherwise.
    pub(super) ascending: bool,
    pub(super) page: usize,
    pub(super) per_page: usize,
    /// Word of what was done before somebody was led here.
    pub(super) done: String,
}

impl Asked {
    /// Reads the query of an address. What nobody knows is left out.
    pub(in crate::web) fn of(query: &str) -> Self {
        let pairs: Vec<(String, String)> = serde_urlencoded::from_str(query).unwrap_or_default();
        let mut asked = Self { per_page: PER_PAGE_DEFAULT, page: 1, ..Self::default() };
        let mut order = None;
        for (name, value) in pairs {
            let value: String = line(&value).chars().take(TEXT_MAX).collect();
            match name.as_str() {
                _ if value.is_empty() => {}
                "q" => asked.text = value,
                "since" => asked.since = value,
                "until" => asked.until = value,
                "sort" => asked.sort = Sort::from_word(&value).unwrap_or_default(),
                "order" => order = Some(value == "asc"),
                "page" => asked.page = value.parse().unwrap_or(1),
                "per_page" => {
                    asked.per_page =
                        value.parse().ok().filter(|rows| PER_PAGE.contains(rows)).unwrap_or(PER_PAGE_DEFAULT);
                }
                "done" => asked.done = value,
                name => {
                    for facet in Facet::ALL {
                        let picked = &mut asked.picked[facet as usize];
                        if name == facet.as_str() && picked.len() < PICKED_MAX && !picked.contains(&value) {
                            picked.push(value.clone());
                        } else if name.strip_prefix("find_") == Some(facet.as_str()) {
                            asked.find[facet as usize].clone_from(&value);
                        }
                    }
                }
            }
        }
        asked.ascending = order.unwrap_or_else(|| begins_ascending(asked.sort));
        asked
    }

    /// What is asked of the index; days that are none are noted and left out.
    pub(in crate::web) fn ask(&self) -> (Ask, Problems) {
        let mut problems = Problems::default();
        let mut day = |field, typed: &str| {
            if typed.is_empty() {
                return None;
            }
            let bounds = day_bounds_us(typed);
            if bounds.is_none() {
                problems.add(field, format!("“{typed}” is not a day. Enter one like 2026-11-21."));
            }
            bounds
        };
        let (since, until) = (day("since", &self.since), day("until", &self.until));
        let (since_us, until_us) = (since.map(|(begin, _)| begin), until.map(|(_, end)| end));
        if let (Some(since), Some(until)) = (since_us, until_us)
            && since >= until
        {
            problems.add("until", "The last day is before the first. Enter the same day or a later one.");
        }
        let ask = Ask {
            picked: self.picked.clone(),
            find: self.find.clone(),
            text: self.text.clone(),
            since_us,
            until_us,
            sort: self.sort,
            descending: !self.ascending,
            page: self.page,
            per_page: self.per_page,
        };
        (ask, problems)
    }

    /// Whether every experiment is shown.
    pub(super) fn is_everything(&self) -> bool {
        self.text.is_empty() && self.since.is_empty() && self.until.is_empty() && self.picked.iter().all(Vec::is_empty)
    }

    /// What a saved view keeps: filters and order, in one fixed form, so that two texts are the same view or not.
    pub(super) fn view(&self) -> String {
        let mut pairs: Vec<(&str, &str)> = Vec::new();
        for facet in Facet::ALL {
            let mut keys: Vec<&str> = self.picked[facet as usize].iter().map(String::as_str).collect();
            keys.sort_unstable();
            pairs.extend(keys.into_iter().map(|key| (facet.as_str(), key)));
        }
        let texts = [("q", &self.text), ("since", &self.since), ("until", &self.until)];
        pairs.extend(texts.into_iter().filter(|(_, text)| !text.is_empty()).map(|(name, text)| (name, text.as_str())));
        if self.sort != Sort::default() {
            pairs.push(("sort", self.sort.as_str()));
        }
        if self.ascending != begins_ascending(self.sort) {
            pairs.push(("order", self.order()));
        }
        serde_urlencoded::to_string(pairs).unwrap_or_default()
    }

    /// The address of the list with these filters, on a page.
    pub(super) fn path(&self, page: usize) -> String {
        let mut query = vec![self.view()];
        if self.per_page != PER_PAGE_DEFAULT {
            query.push(format!("per_page={}", self.per_page));
        }
        if page > 1 {
            query.push(format!("page={page}"));
        }
        path_of(&query.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("&"))
    }

    /// The address that sorts by a column: the other way round if it is the present one.
    pub(super) fn sorted_by(&self, sort: Sort) -> String {
        let ascending = if self.sort == sort { !self.ascending } else { begins_ascending(sort) };
        Self { sort, ascending, ..self.clone() }.path(1)
    }

    /// The word of the direction.
    pub(super) fn order(&self) -> &'static str {
        if self.ascending { "asc" } else { "desc" }
    }
}

/// The list with a query.
pub(super) fn path_of(query: &str) -> String {
    if query.is_empty() { "/experiments".to_owned() } else { format!("/experiments?{query}") }
}

/// Numbers and times begin with the largest, which is the newest; words with A.
fn begins_ascending(sort: Sort) -> bool {
    !matches!(sort, Sort::Number | Sort::Started | Sort::Duration)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_and_written_the_same() {
        let query =
            "technology=lithium&battery=17&battery=4&status=paused&q=1C+25&since=2026-10-01&sort=name&order=desc";
        let asked = Asked::of(query);
        assert_eq!(asked.picked[Facet::Battery as usize], ["17", "4"]);
        assert_eq!((asked.text.as_str(), asked.sort, asked.ascending), ("1C 25", Sort::Name, false));
        assert_eq!(Asked::of(&asked.view()).view(), asked.view());
        assert_eq!(asked.path(3), format!("/experiments?{}&page=3", asked.view()));
        assert_eq!(Asked::of("").path(1), "/experiments");
    }

    #[test]
    fn the_same_column_again_turns_the_order() {
        let asked = Asked::of("");
        assert!(!asked.ascending, "the newest first");
        assert_eq!(asked.sorted_by(Sort::Name), "/experiments?sort=name");
        assert_eq!(Asked::of("sort=name").sorted_by(Sort::Name), "/experiments?sort=name&order=desc");
        assert_eq!(asked.sorted_by(Sort::Number), "/experiments?order=asc");
    }

    #[test]
    fn a_day_that_is_none_is_told() {
        let (ask, problems) = Asked::of("since=yesterday&until=2026-11-20").ask();
        assert!(problems.of("since").is_some_and(|said| said.contains("yesterday")));
        assert!(ask.since_us.is_none() && ask.until_us.is_some());
        assert!(Asked::of("since=2026-11-20&until=2026-11-19").ask().1.of("until").is_some());
        let (ask, problems) = Asked::of("since=2026-11-20&until=2026-11-20").ask();
        assert!(problems.is_empty() && ask.since_us < ask.until_us);
    }

    #[test]
    fn what_nobody_knows_is_left_out() {
        let asked = Asked::of("sort=colour&page=x&per_page=7&battery=&nonsense=1&order=sideways");
        assert_eq!((asked.sort, asked.page, asked.per_page, asked.is_everything()), (Sort::Number, 1, 50, true));
        let many = (0..100).map(|id| format!("battery={id}")).collect::<Vec<_>>().join("&");
        assert_eq!(Asked::of(&many).picked[Facet::Battery as usize].len(), PICKED_MAX);
    }
}
