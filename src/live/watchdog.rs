//! A thread that does the waiting, so that nobody else has to wait longer than was agreed.
//!
//! The database library blocks without a limit when a server or the network falls silent. It therefore works in a thread of
//! its own, and whoever wants something of it waits on a channel with a deadline. A thread that misses its deadline is left
//! alone: it holds nothing but its connection, and ends with the process. The only threads outside of `pipeline`.

use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lost {
    /// None came in time.
    Late,
    /// The thread has ended.
    Gone,
}

/// A thread that answers questions one by one.
pub(super) struct Worker<Q, A> {
    /// `None` once the thread shall end.
    questions: Option<Sender<Q>>,
    answers: Receiver<A>,
}

/// How long a thread may take to say goodbye to its server.
const FAREWELL: Duration = Duration::from_millis(500);

impl<Q: Send + 'static, A: Send + 'static> Worker<Q, A> {
    /// Starts a thread; it shall end when there are no more questions.
    pub(super) fn start(work: impl FnOnce(Receiver<Q>, Sender<A>) + Send + 'static) -> io::Result<Self> {
        let (questions, to_answer) = channel();
        let (answer, answers) = channel();
        thread::Builder::new().name("laggard-live".to_owned()).spawn(move || work(to_answer, answer))?;
        Ok(Worker { questions: Some(questions), answers })
    }

    /// Waits for the next answer. After a late one nothing can be asked any more, because the next answer would be to the
    /// question before.
    pub(super) fn wait(&mut self, limit: Duration) -> Result<A, Lost> {
        if self.questions.is_none() {
            return Err(Lost::Gone);
        }
        self.answers.recv_timeout(limit).map_err(|error| {
            self.questions = None;
            match error {
                RecvTimeoutError::Timeout => Lost::Late,
                RecvTimeoutError::Disconnected => Lost::Gone,
            }
        })
    }

    /// Asks, and waits for the answer.
    pub(super) fn ask(&mut self, question: Q, limit: Duration) -> Result<A, Lost> {
        match self.questions.as_ref().map(|questions| questions.send(question)) {
            Some(Ok(())) => self.wait(limit),
            _ => {
                self.questions = None;
                Err(Lost::Gone)
            }
        }
    }
}

impl<Q, A> Drop for Worker<Q, A> {
    fn drop(&mut self) {
        // A thread that is waiting for questions ends now and takes leave of the server; a lost one is not waited for.
        if self.questions.take().is_some() {
            while self.answers.recv_timeout(FAREWELL).is_ok() {}
        }
    }
}

/// Does something that may hang, such as looking a name up.
pub(super) fn within<T: Send + 'static>(limit: Duration, work: impl FnOnce() -> T + Send + 'static) -> io::Result<Result<T, Lost>> {
    let mut worker = Worker::<(), T>::start(move |_, answer| {
        // Nobody listens any more if it took too long.
        let _ = answer.send(work());
    })?;
    Ok(worker.wait(limit))
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    fn answers_come_in_order_and_late_ones_never() {
        let mut worker = Worker::start(|questions: Receiver<u64>, answers| {
            for question in questions {
                thread::sleep(Duration::from_millis(question));
                answers.send(question).unwrap();
            }
        })
        .unwrap();
        let long = Duration::from_secs(20);
        assert_eq!((worker.ask(1, long), worker.ask(0, long)), (Ok(1), Ok(0)));
        assert_eq!(worker.ask(10_000, Duration::from_millis(10)), Err(Lost::Late));
        assert_eq!(worker.ask(0, long), Err(Lost::Gone));
        let dropped = Instant::now();
        drop(worker);
        assert!(dropped.elapsed() < Duration::from_secs(5));
    }

    #[test]
    fn a_thread_that_ends_is_gone() {
        let mut worker = Worker::<(), ()>::start(|_, _| ()).unwrap();
        assert_eq!(worker.wait(Duration::from_secs(20)), Err(Lost::Gone));
        assert_eq!(within(Duration::from_secs(20), || 7).unwrap(), Ok(7));
    }
}
