//! What became of the question for instruments, in words.

use super::counted;
use crate::domain::command::{CommandState, DETECT_US};
use crate::store::instruments::Detection;
use crate::store::outbox::Command;
use crate::web::moment::Moment;

/// How the last question stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    /// Colour class.
    pub tone: &'static str,
    /// Name of the icon.
    pub icon: &'static str,
    /// The sentence.
    pub text: String,
    /// Whether an answer may still come: then the page looks again.
    pub is_waiting: bool,
    /// When it was asked.
    pub asked: Moment,
    /// Who asked.
    pub by: String,
}

impl Ask {
    /// How a `detect` command of a unit stands now.
    #[must_use]
    pub fn new(command: &Command, now_us: i64) -> Self {
        let unit = &command.device;
        let limit_s = DETECT_US / 1_000_000;
        // The page keeps the time itself: the sender may be stopped, or on another host.
        let is_late = command.expires_at_us.is_some_and(|expires_at_us| expires_at_us <= now_us);
        let (tone, icon, text) = match (command.state, &command.detection) {
            (CommandState::Rejected, _) if command.reason.is_empty() => {
                ("alarm", "alert-octagon", format!("{unit} refuses to look and does not say why."))
            }
            (CommandState::Rejected, _) => {
                ("alarm", "alert-octagon", format!("{unit} refuses to look: “{}”.", command.reason))
            }
            (_, Some(detection)) => ("good", "circle-check", answer(unit.as_str(), *detection)),
            (CommandState::Executed, None) if is_late => {
                ("warning", "alert-triangle", format!("{unit} says that it looked, but its list did not come."))
            }
            (_, None) if is_late => {
                let text = match (command.answered_at_us, command.sent_at_us) {
                    (Some(_), _) => format!("{unit} began to look and was not done within {limit_s} s."),
                    (None, Some(_)) => format!(
                        "{unit} did not answer within {limit_s} s. Check that its program is running, then detect again."
                    ),
                    (None, None) => format!(
                        "{unit} was not connected within {limit_s} s. Check its power and network, then detect again."
                    ),
                };
                ("warning", "plug-connected-x", text)
            }
            (_, None) => (
                "running",
                "hourglass",
                format!("Asked. {unit} has {limit_s} s to answer; the list below is the last known."),
            ),
        };
        let is_waiting = !is_late && command.detection.is_none() && command.state != CommandState::Rejected;
        Self {
            tone,
            icon,
            text,
            is_waiting,
            asked: Moment::with_seconds(command.created_at_us, now_us),
            by: command.asked_by.clone(),
        }
    }
}

fn answer(unit: &str, detection: Detection) -> String {
    let Detection { found, new, back, gone } = detection;
    if found == 0 {
        return format!("{unit} answered and found nothing new. What it found earlier stays.");
    }
    let parts = [(new, "new"), (back, "back again"), (gone, "not found any more")];
    let parts: Vec<String> =
        parts.iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}")).collect();
    let change = if parts.is_empty() { "nothing changed".to_owned() } else { parts.join(", ") };
    format!("{unit} found {}: {change}.", counted(found, "instrument", "instruments"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::CommandId;

    fn command() -> Command {
        Command {
            command_id: CommandId(1),
            device: "cu-1".parse().unwrap(),
            verb: "detect".to_owned(),
            payload: serde_json::json!({}),
            state: CommandState::Queued,
            asked_by: "op".to_owned(),
            created_at_us: 0,
            expires_at_us: Some(DETECT_US),
            sent_at_us: None,
            sent_count: 0,
            answered_at_us: None,
            reason: String::new(),
            detection: None,
        }
    }

    #[test]
    fn a_page_waits_while_an_answer_can_come_and_no_longer() {
        let waits = |command: Command, now_us| Ask::new(&command, now_us).is_waiting;
        let found = Some(Detection { found: 1, new: 1, back: 0, gone: 0 });
        assert!(waits(command(), DETECT_US - 1) && !waits(command(), DETECT_US));
        assert!(waits(Command { state: CommandState::Executed, ..command() }, 1), "the list is still to come");
        assert!(!waits(Command { detection: found, ..command() }, 1));
        assert!(!waits(Command { state: CommandState::Rejected, ..command() }, 1));
    }

    #[test]
    fn silence_is_told_from_a_refusal_and_from_an_empty_list() {
        let told = |command: Command| Ask::new(&command, DETECT_US).text;
        assert!(told(command()).contains("was not connected within 20 s"));
        assert!(told(Command { sent_at_us: Some(1), ..command() }).contains("did not answer within 20 s"));
        let refused = Command { state: CommandState::Rejected, reason: "busy".to_owned(), ..command() };
        assert_eq!(told(refused), "cu-1 refuses to look: “busy”.");
        let found =
            |found, new, gone| told(Command { detection: Some(Detection { found, new, back: 0, gone }), ..command() });
        assert_eq!(found(0, 0, 0), "cu-1 answered and found nothing new. What it found earlier stays.");
        assert_eq!(found(4, 1, 2), "cu-1 found 4 instruments: 1 new, 2 not found any more.");
        assert_eq!(found(1, 0, 0), "cu-1 found 1 instrument: nothing changed.");
    }
}
