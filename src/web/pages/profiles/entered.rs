//! What is said of a profile beside its steps, checked.

use crate::domain::profile::{Program, text};
use crate::store::profiles::NewProfile;
use crate::web::forms::{Problems, line};

/// Longest name, characters.
const NAME_MAX: usize = 80;
/// Longest description, characters.
const DESCRIPTION_MAX: usize = 2_000;

/// Name and description as they will be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entered {
    name: String,
    description: String,
}

impl Entered {
    /// Both, tidied; what is wrong with them stands in `problems`.
    pub fn check(name: &str, description: &str, problems: &mut Problems) -> Self {
        let name = line(name);
        match name.chars().count() {
            0 => problems.add("name", "Enter a name, so that others find it."),
            length if length > NAME_MAX => {
                problems.add("name", format!("The name has {length} characters. Use {NAME_MAX} or fewer."));
            }
            _ => {}
        }
        let description = description.replace("\r\n", "\n").trim().to_owned();
        let length = description.chars().count();
        if length > DESCRIPTION_MAX {
            problems.add("description", format!("This has {length} characters. Use {DESCRIPTION_MAX} or fewer."));
        }
        Self { name, description }
    }

    /// A profile of a program and the text it came from; comments are kept as long as the text says what the program does.
    #[must_use]
    pub fn profile(self, program: Program, typed: &str) -> NewProfile {
        let is_current = text::read(typed).is_ok_and(|read| read == program);
        let text = if is_current { typed.replace("\r\n", "\n") } else { String::new() };
        NewProfile { name: self.name, description: self.description, program, text }
    }
}
