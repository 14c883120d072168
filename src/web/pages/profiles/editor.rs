//! The page of the editor: a table and a text, two views of one program.

use actix_web::HttpRequest;
use askama::Template;

use super::trial::{On, Trial, trial};
use super::typed::{Row, Typed, deeds, kinds};
use crate::store::profiles::{Profile, ProfileChoice};
use crate::web::answer::Notice;
use crate::web::forms::{Problems, once, once_of};
use crate::web::moment::Moment;
use crate::web::page::Layout;
use crate::web::{State, WebError};

/// The editor, of a new profile or a stored one.
#[derive(Template)]
#[template(path = "profiles/editor.html")]
pub(super) struct Editor {
    layout: Layout,
    typed: Typed,
    problems: Problems,
    notice: Option<Notice>,
    /// What was left out on the way from another form.
    notes: Vec<String>,
    /// Row that gets the focus.
    focus: Option<usize>,
    /// A stored profile that does the same.
    same: Option<ProfileChoice>,
    /// The profile that is edited, as it is stored.
    stored: Option<Profile>,
    /// Whether somebody else changed it meanwhile.
    is_conflict: bool,
    trial: Option<Trial>,
    now_us: i64,
}

impl Editor {
    /// The editor with what was typed.
    ///
    /// # Errors
    /// When the system gives no random numbers.
    pub(super) fn new(request: &HttpRequest, state: &State, mut typed: Typed) -> Result<Self, WebError> {
        if once_of(&typed.once).is_none() {
            typed.once = once()?;
        }
        Ok(Self {
            layout: Layout::new(request, "profiles"),
            typed,
            problems: Problems::default(),
            notice: None,
            notes: Vec::new(),
            focus: None,
            same: None,
            stored: None,
            is_conflict: false,
            trial: None,
            now_us: state.clock.now_us(),
        })
    }

    /// With problems beside the fields.
    pub(super) fn with_problems(self, problems: Problems) -> Self {
        Self { problems, ..self }
    }

    /// With something said on top.
    pub(super) fn with_notice(self, notice: Notice) -> Self {
        Self { notice: Some(notice), ..self }
    }

    /// With what was left out on the way from another form.
    pub(super) fn with_notes(self, notes: Vec<String>) -> Self {
        Self { notes, ..self }
    }

    /// With the focus in a row.
    pub(super) fn with_focus(self, focus: Option<usize>) -> Self {
        Self { focus, ..self }
    }

    /// With a stored profile that does the same.
    pub(super) fn with_same(self, same: ProfileChoice) -> Self {
        Self { same: Some(same), ..self }
    }

    /// Of a stored profile; `is_conflict` when somebody else changed it meanwhile.
    pub(super) fn of(self, stored: Profile, is_conflict: bool) -> Self {
        Self { stored: Some(stored), is_conflict, ..self }
    }

    /// With the dry run of what is typed, as far as it can be read.
    ///
    /// # Errors
    /// When the computation breaks down.
    pub(super) async fn tried(self) -> Result<Self, WebError> {
        let Some(program) = self.typed.program(&mut Problems::default()) else { return Ok(self) };
        let on = On::guess(&program);
        let trial = trial(&program, on, None, self.now_us).await?;
        Ok(Self { trial: Some(trial), ..self })
    }

    fn title(&self) -> String {
        self.stored.as_ref().map_or_else(|| "Write a profile".to_owned(), |stored| format!("Change {}", stored.name))
    }

    fn action(&self) -> String {
        self.stored
            .as_ref()
            .map_or_else(|| "/profiles/new".to_owned(), |stored| format!("/profiles/{}/edit", stored.profile_id))
    }

    fn deeds(&self) -> &'static [(&'static str, &'static str)] {
        deeds()
    }

    fn kinds(&self) -> &'static [(&'static str, &'static str)] {
        kinds()
    }

    /// Rows with what the table needs of each.
    fn rows(&self) -> Vec<ShownRow<'_>> {
        let count = self.typed.rows.len();
        self.typed
            .rows
            .iter()
            .enumerate()
            .map(|(index, row)| ShownRow {
                index,
                row,
                problems: &self.problems,
                has_focus: self.focus == Some(index),
                is_first: index == 0,
                is_last: index + 1 == count,
            })
            .collect()
    }

    fn moment(&self, at_us: &i64) -> Moment {
        Moment::new(*at_us, self.now_us)
    }

    /// Problems of the text, which all stand under it.
    fn text_problems(&self) -> Vec<&str> {
        let of_text = self.problems.all().iter().filter(|problem| problem.field == "text");
        of_text.map(|problem| problem.message.as_str()).collect()
    }
}

/// A row of the table as the page shows it.
struct ShownRow<'page> {
    index: usize,
    row: &'page Row,
    problems: &'page Problems,
    has_focus: bool,
    is_first: bool,
    is_last: bool,
}

/// A limit of a row: its index, what it looks at, its value.
struct ShownEnd {
    index: usize,
    kind: String,
    amount: String,
}

impl ShownRow<'_> {
    fn number(&self) -> usize {
        self.index + 1
    }

    fn ends(&self) -> Vec<ShownEnd> {
        let ends = self.row.shown_ends().into_iter().enumerate();
        ends.map(|(index, (kind, amount))| ShownEnd { index, kind, amount }).collect()
    }

    fn is_wrong(&self, field: &str) -> bool {
        self.problems.of(&format!("row-{}-{field}", self.index)).is_some()
    }

    fn is_end_wrong(&self, kind: &str, index: &usize) -> bool {
        self.is_wrong(&format!("{kind}{index}"))
    }

    /// Problems of the row, each with its field.
    fn faults(&self) -> Vec<(&str, &str)> {
        let prefix = format!("row-{}-", self.index);
        let of_row = self.problems.all().iter().filter(|problem| problem.field.starts_with(&prefix));
        of_row.map(|problem| (problem.field.as_ref(), problem.message.as_str())).collect()
    }
}
