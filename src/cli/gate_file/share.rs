//! Shares as people write them: `"20%"`, or a fraction.

use serde::de::{self, Deserialize, Deserializer, Visitor};

/// A share: `"20%"`, or a fraction.
#[derive(Clone, Copy)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(with = "Share"))]
pub(super) struct Percent(pub(super) f64);

/// How [`Percent`] looks in a file.
#[cfg(test)]
#[derive(schemars::JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "describes the file")]
enum Share {
    Percent(String),
    Fraction(f64),
}

impl<'de> Deserialize<'de> for Percent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Part;
        impl Visitor<'_> for Part {
            type Value = Percent;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a share such as \"20%\" or 0.2")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Percent, E> {
                let number = text.strip_suffix('%').and_then(|number| number.trim().parse::<f64>().ok());
                match number {
                    Some(number) => self.visit_f64(number / 100.0),
                    None => Err(E::invalid_value(de::Unexpected::Str(text), &self)),
                }
            }

            fn visit_f64<E: de::Error>(self, share: f64) -> Result<Percent, E> {
                if share.is_finite() && share >= 0.0 {
                    Ok(Percent(share))
                } else {
                    Err(E::invalid_value(de::Unexpected::Float(share), &self))
                }
            }

            fn visit_i64<E: de::Error>(self, share: i64) -> Result<Percent, E> {
                self.visit_f64(share as f64)
            }
        }
        deserializer.deserialize_any(Part)
    }
}
