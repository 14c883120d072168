//! Profiles: what a station is to do, as people write it, and the steps it then executes.
//!
//! A [`Program`] is a profile as written: currents in amperes or as C-rates. With the capacity of a battery it
//! [resolves](Program::resolve) into [`Steps`], which hold SI values only and travel to the station. There is one reader
//! of steps, [`row`]; the text form, the table of the editor and the foreign formats all lead through the same checks.
//!
//! | Part | |
//! |---|---|
//! | [`program`], [`steps`], [`words`] | what there is, and how it reads as a sentence |
//! | [`cursor`] | which step comes next, with loops and cycles |
//! | [`value`], [`row`], [`text`] | numbers, one step, a whole text |
//! | [`unicycler`], [`pybamm`] | forms of other programs, in and out |
//! | [`any`] | whatever of these a text looks like |
//! | [`fit`] | whether steps fit a battery and a station |
//! | [`mod@examples`] | profiles a new lab begins with |

pub mod any;
mod converted;
pub mod cursor;
pub mod examples;
pub mod fit;
pub mod program;
pub mod pybamm;
pub mod row;
mod rules;
pub mod steps;
pub mod text;
pub mod unicycler;
pub mod value;
pub mod words;

pub use converted::{Converted, Unusable};
pub use cursor::Cursor;
pub use examples::examples;
pub use fit::{Misfit, check};
pub use program::{Deed, End, Fault, Program, ProgramStep, Rate, Spot, Unresolved};
pub use steps::{Step, StepEnd, StepMode, Steps};
