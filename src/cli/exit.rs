//! Exit codes, which scripts rely on.

use std::process::ExitCode;

/// How a run ended. When several apply the one that says most wins: 130, then 2, then 3, then 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exit {
    /// Done.
    Done,
    /// A finding was severe and sure enough.
    Failed,
    /// Nothing was recognised in the input, or nothing was left after the filters.
    Nothing,
    /// Bad arguments, or an input that could not be read to its end; what could be read was reported.
    Trouble,
    /// Interrupted.
    Interrupted,
}

impl Exit {
    /// The number.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Exit::Done => 0,
            Exit::Failed => 1,
            Exit::Trouble => 2,
            Exit::Nothing => 3,
            Exit::Interrupted => 130,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::Exit;

    #[test]
    fn the_codes_and_their_precedence_are_those_of_the_manual() {
        assert_eq!([Exit::Done, Exit::Failed, Exit::Trouble, Exit::Nothing, Exit::Interrupted].map(Exit::code), [0, 1, 2, 3, 130]);
        assert_eq!([Exit::Failed, Exit::Trouble, Exit::Nothing, Exit::Done].into_iter().max(), Some(Exit::Trouble));
        assert_eq!([Exit::Failed, Exit::Nothing].into_iter().max(), Some(Exit::Nothing));
    }
}
