//! The cost of an operation as a function of its variables. Parts that need no variable are computed at once.

use async_graphql::{Name, Variables};
use async_graphql_value::{ConstValue, Value};

use super::{model::LARGEST, rules::ArgumentPath};

/// A number that depends on variables.
#[derive(Debug, Clone, Default)]
pub(super) struct Sum {
    pub fixed: u64,
    parts: Vec<Part>,
}

#[derive(Debug, Clone)]
enum Part {
    Times(Factor, Sum),
    Max(Vec<Sum>),
}

/// What something is multiplied by.
#[derive(Debug, Clone)]
pub(super) enum Factor {
    Fixed(u64),
    /// The size of a list, as [`super::rules::Size`] has it.
    Size {
        slicing: Vec<Number>,
        assumed: u64,
        bounds: Vec<Number>,
    },
    /// The length of a list; 0 without one.
    Length(Number),
    /// One when there is a value.
    Present(Number),
}

/// The number that is given for an argument, or for a field in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Number {
    Absent,
    /// An integer, or the length of a list.
    Fixed(u64),
    /// At this path in a variable.
    Of(Name, ArgumentPath),
}

impl Number {
    /// Finds the number at `path` in the arguments.
    pub fn at(arguments: &[(Name, Value)], path: &ArgumentPath) -> Self {
        let Some((argument, mut path)) = path.split_first() else { return Self::Absent };
        let Some((_, value)) = arguments.iter().find(|(name, _)| name.as_str() == argument.as_str()) else {
            return Self::Absent;
        };
        let mut value = value;
        loop {
            match (value, path) {
                (Value::Variable(name), path) => return Self::Of(name.clone(), path.into()),
                (Value::Object(fields), [field, rest @ ..]) => match fields.get(field.as_str()) {
                    Some(inner) => (value, path) = (inner, rest),
                    None => return Self::Absent,
                },
                (Value::Null, _) => return Self::Absent,
                (Value::List(items), []) => return Self::Fixed(items.len() as u64),
                (Value::Number(number), []) => return Self::Fixed(number.as_u64().unwrap_or(0)),
                // Any other value is coerced to a list of one, or refused later.
                _ => return Self::Fixed(1),
            }
        }
    }

    fn value(&self, variables: &Variables) -> Option<u64> {
        match self {
            Self::Absent => None,
            Self::Fixed(number) => Some(*number),
            Self::Of(name, path) => {
                let mut value = variables.get(name)?;
                for field in path.iter() {
                    let ConstValue::Object(fields) = value else { return None };
                    value = fields.get(field.as_str())?;
                }
                match value {
                    ConstValue::Null => None,
                    ConstValue::List(items) => Some(items.len() as u64),
                    ConstValue::Number(number) => Some(number.as_u64().unwrap_or(0)),
                    _ => Some(1),
                }
            }
        }
    }

    fn is_fixed(&self) -> bool {
        !matches!(self, Self::Of(..))
    }
}

impl Factor {
    fn value(&self, variables: &Variables) -> u64 {
        match self {
            Self::Fixed(number) => *number,
            Self::Size { slicing, assumed, bounds } => {
                let asked = slicing.iter().filter_map(|number| number.value(variables)).max();
                let size = asked.map_or(*assumed, |size| size.min(LARGEST));
                bounds.iter().filter_map(|bound| bound.value(variables)).fold(size, u64::min)
            }
            Self::Length(list) => list.value(variables).unwrap_or(0).min(LARGEST),
            Self::Present(number) => u64::from(number.value(variables).is_some()),
        }
    }

    fn is_fixed(&self) -> bool {
        match self {
            Self::Fixed(_) => true,
            Self::Size { slicing, bounds, .. } => slicing.iter().chain(bounds).all(Number::is_fixed),
            Self::Length(number) | Self::Present(number) => number.is_fixed(),
        }
    }
}

impl From<u64> for Sum {
    fn from(fixed: u64) -> Self {
        Self { fixed, parts: Vec::new() }
    }
}

impl Sum {
    pub fn is_fixed(&self) -> bool {
        self.parts.is_empty()
    }

    pub fn add(&mut self, other: Self) {
        self.fixed = self.fixed.saturating_add(other.fixed);
        self.parts.extend(other.parts);
    }

    pub fn times(self, factor: Factor) -> Self {
        match factor {
            _ if self.is_fixed() && self.fixed == 0 => self,
            // Fixed parts read no variable.
            factor if self.is_fixed() && factor.is_fixed() => {
                self.fixed.saturating_mul(factor.value(&Variables::default())).into()
            }
            factor => Self { fixed: 0, parts: vec![Part::Times(factor, self)] },
        }
    }

    pub fn largest(sums: Vec<Self>) -> Self {
        match sums.iter().all(Self::is_fixed) {
            true => sums.iter().map(|sum| sum.fixed).max().unwrap_or_default().into(),
            false => Self { fixed: 0, parts: vec![Part::Max(sums)] },
        }
    }

    /// The cost with these variables.
    pub fn value(&self, variables: &Variables) -> u64 {
        let value = |part: &Part| match part {
            Part::Times(factor, sum) => factor.value(variables).saturating_mul(sum.value(variables)),
            Part::Max(sums) => sums.iter().map(|sum| sum.value(variables)).max().unwrap_or_default(),
        };
        self.parts.iter().map(value).fold(self.fixed, u64::saturating_add)
    }
}
