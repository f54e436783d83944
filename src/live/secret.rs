//! A password on its way from where it was found to the server. It can be used; it cannot be shown.

use std::fmt;

/// A password. Neither `Debug` nor `Display` prints anything of it, not even its length.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Keeps a password.
    #[must_use]
    pub fn new(password: impl Into<String>) -> Self {
        Secret(password.into())
    }

    /// The password itself, for the one call that sends it.
    pub(super) fn reveal(&self) -> &str {
        &self.0
    }

    /// A text without the password, should a server have put it in. A password that is a word of the language stays: to
    /// blot it out of "password authentication failed" would tell everybody what it is.
    pub(super) fn blotted(&self, text: &str) -> String {
        let is_a_word = self.0.len() < 4 || self.0.bytes().all(|byte| byte.is_ascii_lowercase());
        if is_a_word { text.to_owned() } else { text.replace(&self.0, "…") }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

#[cfg(test)]
mod tests {
    use super::Secret;

    #[test]
    fn nothing_of_it_is_shown() {
        let secret = Secret::new("hunter2");
        assert_eq!(format!("{secret} {secret:?} {secret:#?}"), "… Secret(…) Secret(…)");
        assert_eq!(secret.blotted("role hunter2 is unknown"), "role … is unknown");
        assert_eq!(Secret::new("password").blotted("password authentication failed"), "password authentication failed");
        assert_eq!(Secret::new("").blotted("as it was"), "as it was");
    }
}
