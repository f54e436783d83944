//! Whole numbers that may be larger than a count ever is, as saved files hold them: as a number, or as one in quotes.
//!
//! What counts things stays small, and a reader of saved files refuses larger numbers outside of quotes, so that nothing it
//! adds up overflows. Hashes, moments and sums of squares are no counts; their large values stand in quotes.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, SeqAccess, Visitor};
use serde::{Serialize, Serializer};

use super::{Micros, Timestamp};

/// A number in either form.
struct Wide<T>(T);

impl<'de, T: TryFrom<i128>> Deserialize<'de> for Wide<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl Visitor<'_> for Either {
            type Value = i128;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a whole number, or one in quotes")
            }

            fn visit_u64<E: Error>(self, value: u64) -> Result<i128, E> {
                Ok(value.into())
            }

            fn visit_i64<E: Error>(self, value: i64) -> Result<i128, E> {
                Ok(value.into())
            }

            fn visit_str<E: Error>(self, value: &str) -> Result<i128, E> {
                value.parse().map_err(|_| E::custom("no whole number"))
            }
        }
        let number = deserializer.deserialize_any(Either)?;
        T::try_from(number).map(Wide).map_err(|_| D::Error::custom("a number out of range"))
    }
}

/// One number.
pub(crate) fn number<'de, D: Deserializer<'de>, T: TryFrom<i128>>(deserializer: D) -> Result<T, D::Error> {
    Wide::deserialize(deserializer).map(|Wide(number)| number)
}

/// A list of numbers.
pub(crate) fn numbers<'de, D: Deserializer<'de>, T: TryFrom<i128>, C: FromIterator<T>>(deserializer: D) -> Result<C, D::Error> {
    Vec::<Wide<T>>::deserialize(deserializer).map(|all| all.into_iter().map(|Wide(number)| number).collect())
}

/// Two numbers.
pub(crate) fn pair<'de, D: Deserializer<'de>>(deserializer: D) -> Result<(u64, u64), D::Error> {
    <(Wide<u64>, Wide<u64>)>::deserialize(deserializer).map(|(Wide(a), Wide(b))| (a, b))
}

/// A fixed number of values of which each may be missing; what a list has less is missing.
pub(crate) fn known<'de, D: Deserializer<'de>, T: Slot, const N: usize>(deserializer: D) -> Result<[Option<T>; N], D::Error> {
    struct Values<T, const N: usize>(std::marker::PhantomData<T>);
    impl<'de, T: Slot, const N: usize> Visitor<'de> for Values<T, N> {
        type Value = [Option<T>; N];

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "at most {N} values")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
            let mut values = [const { None }; N];
            let mut at = 0;
            while let Some(value) = list.next_element::<Option<T::Stored>>()? {
                *values.get_mut(at).ok_or_else(|| A::Error::custom("too many values"))? = value.map(T::taken);
                at += 1;
            }
            Ok(values)
        }
    }
    deserializer.deserialize_seq(Values::<T, N>(std::marker::PhantomData))
}

/// As many values as there are, without those that are missing at the end.
pub(crate) fn save_known<S: Serializer, T: Serialize, const N: usize>(values: &[Option<T>; N], serializer: S) -> Result<S::Ok, S::Error> {
    let end = values.iter().rposition(Option::is_some).map_or(0, |last| last + 1);
    values[..end].serialize(serializer)
}

/// What [`known`] reads.
pub(crate) trait Slot: Sized {
    /// The form in the file.
    type Stored: for<'de> Deserialize<'de>;
    /// The value.
    fn taken(stored: Self::Stored) -> Self;
}

impl Slot for u64 {
    type Stored = WideCount;

    fn taken(stored: WideCount) -> Self {
        stored.0
    }
}

/// A wide count.
pub(crate) struct WideCount(u64);

impl<'de> Deserialize<'de> for WideCount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        number(deserializer).map(WideCount)
    }
}

impl Slot for f64 {
    type Stored = f64;

    fn taken(stored: f64) -> Self {
        stored
    }
}

impl<'de> Deserialize<'de> for Micros {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        number(deserializer).map(Micros)
    }
}

/// No log has moments farther from 1970, in microseconds: three thousand years.
const FARTHEST: i64 = 100_000_000_000_000_000;

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i64(self.0.clamp(-FARTHEST, FARTHEST))
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let micros: i64 = number(deserializer)?;
        if (-FARTHEST..=FARTHEST).contains(&micros) { Ok(Timestamp(micros)) } else { Err(D::Error::custom("a moment out of range")) }
    }
}
