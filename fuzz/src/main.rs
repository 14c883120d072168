//! Feeds mutated texts to every reader of profiles: none may panic, and what is read must be written and read back the same.
//!
//! Seeded, so that a failure repeats: it is reported with the input that caused it.

use std::cell::RefCell;
use std::time::Instant;

mod domain;

use domain::limits::Limits;
use domain::profile::{Program, any, check, examples, pybamm, text, unicycler};

/// Longest input, bytes: long enough for several steps, short enough for millions.
const BYTES_MAX: usize = 2_000;
/// Mutations of one input at most.
const MUTATIONS_MAX: u64 = 6;
/// Inputs between two lines of progress.
const PROGRESS: u64 = 1_000_000;

/// Pieces of all three languages, and values at the edges.
const WORDS: &[&str] = &[
    "CC", "CV", "CP", "CCCV", "WAIT", "LOOP", "TIME", "VOLTAGE", "CURRENT", "POWER", "CAPACITY", ", ", ",", "\n", "\r\n",
    "#", "0", "-1", "1e308", "-1e-308", "1e999", "nan", "inf", "0.5C", "C/20", "-C/0", "1_0", "1.234,5", "500 mA", "2 h",
    "4294967296", "1000000", "é", "\u{202e}", "\u{feff}", "\0", "{", "}", "[", "]", "\"", ":", "null", "true",
    "\"method\":[", "\"step\":", "\"constant_current\"", "\"constant_voltage\"", "\"loop\"", "\"loop_to\":",
    "\"cycle_count\":", "\"tag\"", "\"rate_C\":", "\"current_mA\":", "\"until_time_s\":", "\"until_voltage_V\":",
    "\"steps\":[", "\"mode\":\"cc\"", "Charge at ", "Discharge at ", "Hold at ", "Rest ", "for ", "until ", "or ",
    " hours", " min", " V", " mA", " W", "C", "] * 3", "(", ")", "'", "* 99999999999", "period=\"1 min\"",
];

const SEEDS: &[&str] = &[
    "CC, 1, TIME, 10\r\nWAIT, 5\nCV, 4.2, CURRENT, 0.1, TIME, 60 # note\nCP, -10, VOLTAGE, 2.5\nLOOP, 2, 3\nLOOP, 1, 9\n",
    "CCCV, 0.5C, 4.2, CURRENT, C/20\nWAIT, VOLTAGE, 3\nCC, -C/3, CAPACITY, 500 mAh, POWER, 3\n",
    r#"{"unicycler":{"version":"0.4.6"},"sample":{"name":"$NAME","capacity_mAh":45},"record":{"time_s":10},"safety":{},"method":[{"step":"tag","tag":"a"},{"step":"constant_current","rate_C":"C/10","until_voltage_V":4.2},{"step":"constant_voltage","voltage_V":4.2,"until_rate_C":0.05},{"step":"loop","loop_to":"a","cycle_count":3},{"step":"loop","loop_to":2,"cycle_count":3},{"step":"open_circuit_voltage","until_time_s":60}]}"#,
    r#"{"steps":[{"mode":"cc_cv","rate_c":0.5,"voltage_v":4.2,"until":[{"rate_c":0.05}]},{"mode":"loop","to":1,"times":3,"until":[]}],"cycles":2}"#,
    "[(\"Discharge at C/10 for 10 hours or until 3.3 V\", 'Rest for 1 hour (5 minute period)'), *[\"Hold at 4.1 V until 50 mA\"] * 4] * 3",
    "Charge at 1 A until 4.1 V\nDischarge at 10 W for 5 min\nRest until 3.5 V\n",
];

/// The seed decides everything (xorshift64*).
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, end: usize) -> usize {
        if end == 0 { 0 } else { (self.next() >> 11) as usize % end }
    }
}

thread_local! {
    static PRESENT: RefCell<String> = const { RefCell::new(String::new()) };
}

fn mutated(dice: &mut Dice, corpus: &[String]) -> String {
    let mut bytes = corpus[dice.below(corpus.len())].clone().into_bytes();
    for _ in 0..=dice.next() % MUTATIONS_MAX {
        let at = dice.below(bytes.len() + 1);
        match dice.next() % 7 {
            0 if !bytes.is_empty() => {
                let at = dice.below(bytes.len());
                bytes[at] ^= 1 << (dice.next() % 8);
            }
            1 => {
                let word = WORDS[dice.below(WORDS.len())];
                bytes.splice(at..at, word.bytes());
            }
            2 => {
                let end = (at + dice.below(20)).min(bytes.len());
                bytes.drain(at..end);
            }
            3 => {
                let end = (at + dice.below(60)).min(bytes.len());
                let piece = bytes[at..end].to_vec();
                let to = dice.below(bytes.len() + 1);
                bytes.splice(to..to, piece);
            }
            4 => {
                let other = &corpus[dice.below(corpus.len())];
                let from = dice.below(other.len() + 1);
                bytes.truncate(at);
                bytes.extend_from_slice(&other.as_bytes()[from..]);
            }
            5 => {
                let word = WORDS[dice.below(WORDS.len())];
                let end = (at + word.len()).min(bytes.len());
                bytes.splice(at..end, word.bytes());
            }
            _ => bytes.truncate(at.max(bytes.len() / 2)),
        }
        bytes.truncate(BYTES_MAX);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// What holds of every program that was read.
fn holds(program: &Program) {
    let written = text::write(program);
    let again = text::read(&written).unwrap_or_else(|faults| panic!("{written:?}: {faults:?}"));
    assert_eq!(&again, program, "{written}");
    let json = serde_json::to_string(program).expect("a program is JSON");
    let back = Program::from_json(&json).expect("JSON of ours is read");
    // The last bit of a third may get lost in JSON, which is why the text is stored beside it.
    assert_eq!((back.steps.len(), back.cycles), (program.steps.len(), program.cycles), "{json}");
    for capacity_ah in [0.0, 5.0] {
        let Ok(steps) = program.resolve(capacity_ah) else { continue };
        let limits = Limits { voltage_min_v: 2.5, voltage_max_v: 4.2, current_min_a: -5.0, current_max_a: 5.0 };
        let _ = check(&steps, Some(("cell", &limits)), None);
        let _ = (steps.expand(100), steps.cycle_count());
    }
    for step in &program.steps {
        assert!(!step.words().is_empty() && !step.short().is_empty());
    }
    // What the other languages cannot hold is told, and what they hold is read again.
    let protocol = unicycler::write(program);
    if protocol.notes.is_empty() {
        let protocol = protocol.result.to_string();
        unicycler::read(&protocol).unwrap_or_else(|why| panic!("{protocol}: {why}"));
    }
    let strings = pybamm::write(program);
    if strings.notes.is_empty() {
        pybamm::read(&strings.result).unwrap_or_else(|why| panic!("{}: {why}", strings.result));
    }
}

fn main() {
    let mut arguments = std::env::args().skip(1).map(|word| word.parse::<u64>().expect("a number"));
    let (count, seed) = (arguments.next().unwrap_or(PROGRESS), arguments.next().unwrap_or(1));
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        report(info);
        PRESENT.with_borrow(|input| eprintln!("input: {input:?}"));
    }));
    let mut corpus: Vec<String> = SEEDS.iter().map(|seed| (*seed).to_owned()).collect();
    corpus.extend(examples().iter().map(|example| example.text.to_owned()));
    let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let began = Instant::now();
    let mut read = [0_u64; 4];
    for done in 1..=count {
        let input = mutated(&mut dice, &corpus);
        PRESENT.with_borrow_mut(|present| present.clone_from(&input));
        let readers = [
            text::read(&input).ok(),
            unicycler::read(&input).ok().map(|read| read.result),
            pybamm::read(&input).ok().map(|read| read.result),
            any::read(&input).ok().map(|(_, read)| read.result),
        ];
        for (count, program) in read.iter_mut().zip(&readers) {
            if let Some(program) = program {
                *count += 1;
                holds(program);
            }
        }
        if done % PROGRESS == 0 || done == count {
            let seconds = began.elapsed().as_secs_f64();
            println!("{done} inputs in {seconds:.0} s, seed {seed}; read as text {}, unicycler {}, PyBaMM {}, any {}", read[0], read[1], read[2], read[3]);
        }
    }
}
