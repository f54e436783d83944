//! Forms in which saved files hold what JSON has no form for.

use serde::{Deserialize, Deserializer, Serializer};

/// Maps whose keys are no text: pairs of key and value, in order.
pub(super) mod by_key {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(in crate::workload) fn serialize<S: Serializer, K: Serialize, V: Serialize>(
        map: &BTreeMap<K, V>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        to.collect_seq(map)
    }

    pub(in crate::workload) fn deserialize<'de, D, K, V>(from: D) -> Result<BTreeMap<K, V>, D::Error>
    where
        D: Deserializer<'de>,
        K: Deserialize<'de> + Ord,
        V: Deserialize<'de>,
    {
        Vec::<(K, V)>::deserialize(from).map(|pairs| pairs.into_iter().collect())
    }
}

/// Many counts, of which most are 0: each with its place.
pub(super) mod counts {
    use super::{Deserialize, Deserializer, Serializer};

    pub(in crate::workload) fn serialize<S: Serializer, const N: usize>(counts: &[u64; N], to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(counts.iter().enumerate().filter(|(_, count)| **count > 0))
    }

    pub(in crate::workload) fn deserialize<'de, D: Deserializer<'de>, const N: usize>(from: D) -> Result<[u64; N], D::Error> {
        let mut counts = [0; N];
        for (at, count) in Vec::<(usize, u64)>::deserialize(from)? {
            *counts.get_mut(at).ok_or_else(|| serde::de::Error::custom("a count without a place"))? = count;
        }
        Ok(counts)
    }
}

/// Five letters, or none.
pub(super) mod sqlstate {
    use super::{Deserialize, Deserializer, Serializer};

    pub(in crate::workload) fn serialize<S: Serializer>(sqlstate: &Option<[u8; 5]>, to: S) -> Result<S::Ok, S::Error> {
        match sqlstate {
            Some(letters) => to.collect_str(&String::from_utf8_lossy(letters)),
            None => to.serialize_none(),
        }
    }

    pub(in crate::workload) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<[u8; 5]>, D::Error> {
        let text = Option::<String>::deserialize(from)?;
        let letters = text.map(|text| text.as_bytes().try_into().map_err(|_| serde::de::Error::custom("a SQLSTATE has five letters")));
        letters.transpose()
    }
}

/// A time, and the facts of a plan that others may hold too.
pub(super) mod slowest {
    use std::sync::Arc;

    use serde::Serialize;

    use super::{Deserialize, Deserializer, Serializer};
    use crate::plan::Facts;
    use crate::units::Micros;

    pub(in crate::workload) fn serialize<S: Serializer>((took, facts): &(Micros, Arc<Facts>), to: S) -> Result<S::Ok, S::Error> {
        (took, facts.as_ref()).serialize(to)
    }

    pub(in crate::workload) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<(Micros, Arc<Facts>), D::Error> {
        <(Micros, Facts)>::deserialize(from).map(|(took, facts)| (took, Arc::new(facts)))
    }
}

/// Text that may be no UTF-8; what is none is lost, as in reports.
pub(super) mod text {
    use super::{Deserialize, Deserializer, Serializer};

    pub(in crate::workload) fn serialize<S: Serializer>(text: &[u8], to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&String::from_utf8_lossy(text))
    }

    pub(in crate::workload) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
        String::deserialize(from).map(String::into_bytes)
    }
}

/// A name, likewise.
pub(super) mod name {
    use super::{Deserialize, Deserializer, Serializer};

    pub(in crate::workload) fn serialize<S: Serializer>(name: &Option<Box<[u8]>>, to: S) -> Result<S::Ok, S::Error> {
        match name {
            Some(name) => to.serialize_some(&String::from_utf8_lossy(name)),
            None => to.serialize_none(),
        }
    }

    pub(in crate::workload) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Box<[u8]>>, D::Error> {
        Option::<String>::deserialize(from).map(|name| name.map(|name| name.into_bytes().into_boxed_slice()))
    }
}

/// Shapes of plans by id, which is that of their facts.
pub(super) mod shapes {
    use std::collections::BTreeMap;

    use super::super::plan_shapes::PlanShape;
    use super::{Deserialize, Deserializer, Serializer};

    pub(in crate::workload) fn serialize<S: Serializer>(shapes: &BTreeMap<u64, PlanShape>, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(shapes.values())
    }

    pub(in crate::workload) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeMap<u64, PlanShape>, D::Error> {
        Vec::<PlanShape>::deserialize(from).map(|shapes| shapes.into_iter().map(|shape| (shape.slowest.1.shape, shape)).collect())
    }
}
