use super::{super::text, *};

fn terms(text: &str) -> Vec<String> {
    SearchTerms::parse(text).unwrap().0
}

#[test]
fn words_are_letters_and_digits() {
    assert_eq!(terms("  T-Light \"HOLDER\" -heart t* OR"), ["t", "light", "holder", "heart", "or"]);
    assert_eq!(terms("Café re\u{301}d"), ["cafe", "red"]);
    assert_eq!(
        terms("children's lanterns_of 10cm ｱｯﾌﾟﾙ２"),
        ["children", "s", "lanterns", "of", "10cm", "アッ", "ップ", "プル", "2"]
    );
}

#[test]
fn spellings_of_one_word_are_one_word() {
    for (word, spellings) in [
        ("οδοσ", &["ΟΔΟΣ", "οδός", "οδοσ"][..]),
        ("strasse", &["Straße", "STRASSE", "STRAẞE"]),
        ("isik", &["ışık", "IŞIK", "işik"]),
        ("istanbul", &["İstanbul", "i̇stanbul", "ISTANBUL"]),
        ("हिन्दी", &["हिन्दी"]),
        ("한국어", &["한국어", "\u{1112}\u{1161}\u{11ab}\u{1100}\u{116e}\u{11a8}\u{110b}\u{1165}"]),
        ("كتاب", &["كِتَاب", "كـــتاب"]),
        ("שלום", &["שָׁלוֹם"]),
        ("tieng", &["Tiếng", "TIẾNG", "Tie\u{302}\u{301}ng"]),
        ("елка", &["Ёлка", "ЕЛКА"]),
        ("میخواهم", &["می\u{200c}خواهم"]),
        ("donaudampf", &["Donau\u{ad}dampf"]),
        ("10m2", &["10m²", "１０ｍ２"]),
    ] {
        for spelling in spellings {
            assert_eq!(terms(spelling), [word], "{spelling}");
        }
    }
}

#[test]
fn scripts_without_spaces_are_searched_by_pairs() {
    assert_eq!(
        SearchWords::of(["東京都の本10冊"], []).title,
        ["東", "京", "都", "の", "本", "東京", "京都", "都の", "の本", "10", "冊"]
    );
    assert_eq!(terms("東京都"), ["東京", "京都"]);
    assert_eq!(terms("本"), ["本"]);
    assert_eq!(terms("กาแฟ"), ["กา", "าแ", "แฟ"]);
    assert_eq!(terms("ที่นี่"), ["ที่นี่"], "a mark belongs to its letter");
    assert_eq!(terms("ラーメン"), ["ラー", "ーメ", "メン"]);
    assert_ne!(terms("がく"), terms("かく"));
}

#[test]
fn a_text_without_words_has_no_terms() {
    for text in ["", " ", "***", "🎁", "\0 \"*\"", "\u{301}", "ー", "\u{200b}"] {
        assert!(terms(text).is_empty(), "{text:?}");
    }
}

#[test]
fn searches_and_stored_words_are_bounded() {
    assert_eq!(terms(&"a1 b2 ".repeat(1000)).len(), 2);
    let numbers = |count: usize| (0..count).map(|number| number.to_string()).collect::<Vec<_>>().join(" ");
    assert_eq!(terms(&numbers(16)).len(), 16);
    assert_eq!(SearchTerms::parse(&numbers(17)), Err(TooManyWords));
    let ideographs = |count: u32| (0..count).filter_map(|one| char::from_u32(0x4e00 + one)).collect::<String>();
    assert_eq!(terms(&ideographs(33)).len(), 32);
    assert_eq!(SearchTerms::parse(&ideographs(34)), Err(TooManyWords));
    let words = SearchWords::of([&*numbers(10)], [&*numbers(5000)]);
    assert_eq!((words.title.len(), words.other.len()), (10, SearchWords::MAX_WORDS - 10));
    let long = "x".repeat(60_000);
    assert_eq!(terms(&long), SearchWords::of([&*long], []).title);
    assert!(terms(&format!("กx{}", "\u{e48}".repeat(60_000))).iter().all(|term| term.chars().count() <= 2 * MAX_WORD));
}

#[test]
fn words_of_equivalent_texts_are_the_same_and_keep_their_form() {
    for text in text::tests::texts() {
        let (composed, decomposed): (String, String) = (text.nfc().collect(), text.nfd().collect());
        let words = SearchWords::of([&*text], []);
        for same in [&composed, &decomposed, &folded(&text)] {
            assert_eq!(SearchWords::of([same.as_str()], []), words, "{text:?}");
        }
        assert!(words.title.iter().all(|word| !word.is_empty() && !word.contains(char::is_whitespace)), "{text:?}");
        let found = SearchTerms::parse(&text).unwrap();
        assert!(found.terms().iter().all(|term| words.title.contains(term)), "{text:?} finds itself");
    }
}

#[test]
fn names_are_sorted_by_a_bounded_key() {
    assert_eq!(name_key("Ärger"), "ärger");
    let name = "İ".repeat(text::MAX_LINE);
    assert_eq!(name_key(&name), name.to_lowercase(), "the longest key of a name from outside");
    assert!(name_key(&"\u{10400}".repeat(4000)).len() <= 1600);
}
