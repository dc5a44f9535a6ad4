//! Which directives fit a schema, and which do not.

use super::*;
use crate::graphql::engine::document::types::SchemaTypes;

const DIRECTIVES: &str = "
    directive @cost(weight: String!) on ARGUMENT_DEFINITION | ENUM | FIELD_DEFINITION | INPUT_FIELD_DEFINITION | OBJECT
    directive @listSize(
        assumedSize: Int, slicingArguments: [String!], sizedFields: [String!], requireOneSlicingArgument: Boolean = true
    ) on FIELD_DEFINITION
    directive @listSizeBound(arguments: [String!]!) on FIELD_DEFINITION
";

fn read(sdl: &str) -> Result<CostRules, InvalidSchema> {
    CostRules::new(SchemaTypes::new(&format!("{DIRECTIVES} {sdl}"), &[])?.schema())
}

fn path(names: &[&str]) -> ArgumentPath {
    names.iter().map(|name| Name::new(name).unwrap()).collect()
}

#[test]
fn prices_sizes_and_arguments_are_those_of_the_directives() {
    let rules = read(
        r#"
        input Item { id: ID! @cost(weight: "3"), note: String }
        input Order { items: [Item!]!, search: String @cost(weight: "10.0") }
        enum Slow @cost(weight: "2") { YES }
        type Part @cost(weight: "0") { name: String }
        interface Named { name: String }
        type Thing implements Named @cost(weight: "7") { name: String, slow: Slow, parts: [Part] }
        type Page { nodes: [Thing] }
        type Query {
            place(order: Order, ids: [ID] @cost(weight: "4")): Part @cost(weight: "20")
            page(first: Int, last: Int, order: Order): Page
                @listSize(assumedSize: 20, slicingArguments: ["first", "last"], sizedFields: ["nodes"], requireOneSlicingArgument: false)
                @listSizeBound(arguments: ["order.items"])
            top(first: Int = 10): [Named] @listSize(slicingArguments: ["first"])
        }
        "#,
    )
    .unwrap();
    let types = [("Slow", 2), ("Part", 0), ("Thing", 7), ("Named", 7), ("Page", 1)];
    assert_eq!(types.map(|(name, _)| (name, rules.types[name])), types);
    let rule = |parent: &str, field: &str| rules.fields[parent][field].clone();
    let place = CostRule {
        price: 20,
        size: ListSize::One,
        arguments: vec![
            ArgumentCost { path: path(&["order", "items"]), price: 3, each: true },
            ArgumentCost { path: path(&["order", "search"]), price: 10, each: false },
            ArgumentCost { path: path(&["ids"]), price: 4, each: false },
        ],
    };
    assert_eq!(rule("Query", "place"), place);
    let page =
        Size { slicing: vec![path(&["first"]), path(&["last"])], assumed: 20, bounds: vec![path(&["order", "items"])] };
    assert_eq!(rule("Query", "page").size, ListSize::Page(page));
    assert_eq!(rule("Page", "nodes").size, ListSize::OfPage);
    let top = Size { slicing: vec![path(&["first"])], assumed: 10, bounds: Vec::new() };
    assert_eq!(rule("Query", "top").size, ListSize::List(top));
    // Its entries are free, so that its size does not matter.
    assert_eq!(rule("Thing", "parts"), CostRule::default());
}

#[test]
fn directives_that_do_not_fit_are_named_with_their_place() {
    let thing = "type Thing { id: ID }";
    for (expected, sdl) in [
        ("`Query.a`: the weight \"much\" is not a whole", r#"type Query { a: Int @cost(weight: "much") }"#),
        ("`Query.a`: the weight \"-1\" is not a whole", r#"type Query { a: Int @cost(weight: "-1") }"#),
        ("`Query.a`: the weight \"1.5\" is not a whole", r#"type Query { a: Int @cost(weight: "1.5") }"#),
        ("`Query.a`: the weight \"NaN\" is not a whole", r#"type Query { a: Int @cost(weight: "NaN") }"#),
        ("`Query.a(b)`: the weight \"\" is not", r#"type Query { a(b: Int @cost(weight: "")): Int }"#),
        ("`Thing`: the weight \"x\"", r#"extend type Thing @cost(weight: "x") type Query { a: Thing }"#),
        ("weight", "type Query { a: Int @cost }"),
        ("weight", "type Query { a: Int @cost(weight: 1) }"),
        ("cost", r#"interface I @cost(weight: "1") { a: Int } type Query { a: I }"#),
        ("`I.a`: a field of an interface", r#"interface I { a: Int @cost(weight: "1") } type Query { a: I }"#),
        ("`Query.all`: a list without @listSize", "type Query { all: [Thing] }"),
        ("`Query.all`: a list without @listSize", "interface I { id: ID } type Query { all: [I!]! }"),
        (
            "`Thing.parts`: a list without @listSize",
            r#"type Part @cost(weight: "0") { x: Int @cost(weight: "1") } type Query { a: Thing2 } type Thing2 { id: ID }
               extend type Thing { parts: [Part] }"#,
        ),
        ("`Query.a`: @listSize on a field that is not a list", "type Query { a: Int @listSize(assumedSize: 1) }"),
        (
            "`Query.all`: the size is not known",
            "type Query { all(n: Int): [Thing] @listSize(slicingArguments: [\"n\"]) }",
        ),
        ("`Query.all`: the size is not known", "type Query { all: [Thing] @listSize(assumedSize: -1) }"),
        ("`Query.all`: there is no argument `n`", "type Query { all: [Thing] @listSize(slicingArguments: [\"n\"]) }"),
        (
            "`Query.all`: the slicing argument `n` is not an Int",
            "type Query { all(n: [Int]): [Thing] @listSize(slicingArguments: [\"n\"]) }",
        ),
        (
            "`Query.all`: an assumedSize beside slicing arguments",
            "type Query { all(n: Int): [Thing] @listSize(assumedSize: 1, slicingArguments: [\"n\"]) }",
        ),
        (
            "`Query.all`: an assumedSize beside slicing arguments",
            "type Query { all(n: Int = 5): [Thing]
                @listSize(assumedSize: 1, slicingArguments: [\"n\"], requireOneSlicingArgument: false) }",
        ),
        (
            "`Query.page`: Page has no list `edges`",
            "type Page { nodes: [Thing] } type Query { page: Page @listSize(assumedSize: 1, sizedFields: [\"edges\"]) }",
        ),
        (
            "`Query.other`: it does not say the size of `Page.nodes`",
            "type Page { nodes: [Thing] } type Query { other: Page page: Page
                @listSize(assumedSize: 1, sizedFields: [\"nodes\"]) }",
        ),
        ("`Query.all`: @listSizeBound without @listSize", "type Query { all: Int @listSizeBound(arguments: [\"a\"]) }"),
        (
            "`Query.all`: there is no argument `a.b`",
            "type Query { all(a: [Int]): [Thing] @listSize(assumedSize: 1) @listSizeBound(arguments: [\"a.b\"]) }",
        ),
        (
            "`Query.all`: the argument `a` is not a list",
            "type Query { all(a: Int): [Thing] @listSize(assumedSize: 1) @listSizeBound(arguments: [\"a\"]) }",
        ),
        (
            "`Query.a(i.x)`: an input field in a list can have a weight only if it is required",
            r#"input I { x: Int @cost(weight: "1") } type Query { a(i: [I]): Int }"#,
        ),
        ("`Query.a(i.i)`: the cost of input objects in themselves", "input I { i: I } type Query { a(i: I): Int }"),
    ] {
        let error = read(&format!("{thing} {sdl}")).map(|_| ()).unwrap_err().to_string();
        assert!(error.contains(expected), "{sdl}\n{error}");
    }
}
