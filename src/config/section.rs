//! Declares the sections of the configuration: their settings, defaults, ranges and documentation.

use std::ops::RangeInclusive;

use super::Setting;

/// Fails when the value is out of range; the message states the range.
pub(super) fn check_range<T: Setting + PartialOrd>(value: &T, range: &RangeInclusive<T>) -> Result<(), String> {
    if range.contains(value) {
        return Ok(());
    }
    let [least, most] = [range.start(), range.end()].map(|bound| bound.show().unwrap_or_default());
    Err(format!("must be between {least} and {most}"))
}

/// Declares a section of the configuration: a struct with a documented default for every field. The field docs are
/// also the text of the example file.
macro_rules! section {
    (
        $(#[doc = $about:literal])+
        $name:literal $Section:ident {
            $(
                $(#[doc = $doc:literal])+
                $field:ident: $type:ty = $default:expr
                    $(, in $range:expr)? $(, env $variable:literal)? $(, example $example:literal)?;
            )+
        }
    ) => {
        $(#[doc = $about])+
        #[derive(Debug, Clone)]
        pub struct $Section {
            $($(#[doc = $doc])+ pub $field: $type,)+
        }

        impl Default for $Section {
            fn default() -> Self {
                Self { $($field: $default,)+ }
            }
        }

        impl $Section {
            pub(super) fn read(reader: &mut $crate::config::reader::SettingReader<'_>) -> Self {
                reader.section($name, &[$($about),+]);
                Self {
                    $($field: {
                        let key = $crate::config::reader::SettingKey {
                            section: $name,
                            name: stringify!($field),
                            docs: &[$($doc),+],
                            variable: None$(.or(Some($variable)))?,
                            example: None$(.or(Some($example)))?,
                        };
                        reader.read(&key, $default, |value: $type| {
                            $($crate::config::section::check_range(&value, &$range)?;)?
                            Ok(value)
                        })
                    },)+
                }
            }
        }
    };
}
pub(super) use section;
