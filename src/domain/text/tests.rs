use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};

use super::*;

/// Every character but most of the many ideographs, which are alike, and texts of a few characters that change their neighbours or themselves when texts are normalised.
pub(crate) fn texts() -> impl Iterator<Item = String> {
    const PARTS: [&str; 34] = [
        "a",
        "E",
        "é",
        "e\u{301}",
        "I",
        "i",
        "İ",
        "ı",
        "ß",
        "ẞ",
        "Σ",
        "σ",
        "ς",
        "ﬁ",
        "½",
        "Å",
        "\u{212b}",
        "한",
        "\u{1112}\u{1161}\u{11ab}",
        "क",
        "\u{94d}",
        "ष",
        "\u{93c}",
        "か",
        "\u{3099}",
        "ｶ",
        "ﾞ",
        "ん",
        "ไ",
        "\u{200d}",
        "\u{200b}",
        "\u{327}",
        "\u{301}",
        " ",
    ];
    let mut random = StdRng::seed_from_u64(7);
    let mixed = std::iter::repeat_with(move || {
        let length = random.random_range(1..8);
        (0..length).filter_map(|_| PARTS.choose(&mut random).copied()).collect::<String>()
    });
    let alike = |c: &char| matches!(c, '\u{5000}'..='\u{9fff}' | '\u{20000}'..='\u{2f7ff}' | '\u{30000}'..='\u{3fffd}');
    let unused = |c: &char| matches!(category(*c), GeneralCategory::Unassigned | GeneralCategory::PrivateUse);
    let characters = ('\0'..=char::MAX).filter(move |c| !alike(c) && !unused(c));
    characters.map(String::from).chain(mixed.take(20_000))
}

#[test]
fn every_rule_gives_one_form_to_equivalent_spellings_and_keeps_it() {
    let address = |text: &str| email(&format!("{text}@example.com"));
    for text in texts() {
        let (composed, decomposed): (String, String) = (text.nfc().collect(), text.nfd().collect());
        let again = |value: Result<String, TextFault>, rule: &dyn Fn(&str) -> Result<String, TextFault>| {
            if let Ok(value) = &value {
                assert_eq!(rule(value).as_ref(), Ok(value), "{text:?}");
            }
        };
        for rule in [&line as &dyn Fn(&str) -> Result<String, TextFault>, &sku] {
            assert_eq!(rule(&composed), rule(&decomposed), "{text:?}");
            again(rule(&text), rule);
        }
        assert_eq!(address(&composed), address(&decomposed), "{text:?}");
        again(address(&text), &email);
        let password = opaque_password(&text);
        assert_eq!(opaque_password(&composed), opaque_password(&decomposed), "{text:?}");
        assert_eq!(opaque_password(&password), password, "{text:?}");
    }
}

#[test]
fn lines_are_trimmed_composed_and_bounded() {
    assert_eq!(line("  Bu\u{308}cher "), Ok("Bücher".to_owned()));
    assert_eq!(line("👩\u{200d}🔧"), Ok("👩\u{200d}🔧".to_owned()), "a joiner between two characters shows");
    assert!(line(&"e\u{301}".repeat(MAX_LINE)).is_ok());
    for (bad, fault) in [
        ("", TextFault::Empty),
        (" \t\n", TextFault::Empty),
        ("\u{200b}", TextFault::Empty),
        ("a\0b", TextFault::ControlInLine),
        ("a\nb", TextFault::ControlInLine),
        ("a\u{85}b", TextFault::ControlInLine),
        ("a\u{2028}b", TextFault::ControlInLine),
        ("\u{1b}[31m", TextFault::ControlInLine),
        (&"x".repeat(MAX_LINE + 1), TextFault::TooManyCharacters(200)),
    ] {
        assert_eq!(line(bad), Err(fault), "{bad:?}");
    }
}

#[test]
fn skus_have_no_character_that_is_not_seen() {
    for same in ["KÖ-1", " KÖ-1\u{200b} ", "\u{feff}KO\u{308}-1", "KÖ-1\u{a0}"] {
        assert_eq!(sku(same), Ok("KÖ-1".to_owned()), "{same:?}");
    }
    for hidden in ['\u{200b}', '\u{200d}', '\u{ad}', '\u{202e}', '\u{fe0f}', '\u{3164}'] {
        assert_eq!(sku(&format!("A{hidden}1")), Err(TextFault::Invisible(hidden)));
    }
    assert_eq!(sku("\u{200b}"), Err(TextFault::Empty));
}

#[test]
fn descriptions_keep_line_breaks_but_no_other_controls() {
    assert_eq!(description("a\r\n\tb".into()), Ok(Some("a\r\n\tb".into())));
    assert_eq!(description(String::new()), Ok(None));
    assert_eq!(description("a\0b".into()), Err(TextFault::ControlInText));
    assert!(description("x".repeat(MAX_TEXT)).is_ok());
    assert_eq!(description("ü".repeat(MAX_TEXT / 2 + 1)), Err(TextFault::TooManyBytes(65_536)));
}

#[test]
fn spellings_of_one_address_are_one_address() {
    for (address, spellings) in [
        (
            "ada@example.com",
            &["Ada@Example.COM", " ada@example.com\u{200b}", "ａｄａ@ｅｘａｍｐｌｅ。com", "ada@exa\u{ad}mple.com"][..],
        ),
        ("jü@ex.com", &["ju\u{308}@ex.com", "JÜ@ex.com"]),
        ("a+b_c'd@bücher.example", &["a+b_c'd@xn--bcher-kva.example", "A+B_C'D@bu\u{308}cher.example"]),
    ] {
        for spelling in spellings.iter().chain([&address]) {
            assert_eq!(email(spelling).as_deref(), Ok(address), "{spelling:?}");
            assert_eq!(email_spellings(spelling)[0], address);
        }
    }
    for bad in ["", "ada", "@example.com", "ada@", "a b@example.com", "a@b@c", "a@.com", "a\0@b.c", "a@b\u{2028}c"] {
        assert_eq!(email(bad), Err(TextFault::NotAnAddress), "{bad:?}");
    }
    assert_eq!(email("a\u{200b}b@ex.com"), Err(TextFault::Invisible('\u{200b}')));
    assert_eq!(email("🎁@ex.com"), Err(TextFault::NotInAddress('🎁')));
    assert_eq!(email(&format!("{}@ex.com", "x".repeat(MAX_EMAIL))), Err(TextFault::TooManyBytes(254)));
    assert_eq!(email_spellings(" Ju\u{308}@Ex.com"), ["jü@ex.com", "ju\u{308}@ex.com"], "as older versions stored it");
}

#[test]
fn a_password_has_one_form_however_it_is_typed() {
    assert_eq!(opaque_password("pa\u{a0}ss\u{3000}wo\u{308}rd"), "pa ss wörd");
    assert_eq!(opaque_password(" Pass "), " Pass ", "neither trimmed nor changed in case");
    assert_eq!(check_password(&"o\u{308}".repeat(8)), Ok(()));
    for bad in ["o\u{308}o\u{308}o\u{308}o\u{308}", &"x".repeat(129)] {
        assert_eq!(check_password(bad), Err(TextFault::PasswordLength));
    }
}
