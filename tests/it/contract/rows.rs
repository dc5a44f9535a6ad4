//! Rows of others cost a viewer nothing: for each list of the schema and each filter and order of it, what the engine
//! examines does not grow with what the viewer may not see.

use std::collections::BTreeMap;

use async_graphql::parser::{
    parse_schema,
    types::{BaseType, InputValueDefinition, Type, TypeKind, TypeSystemDefinition},
};
use orderwire::domain::*;
use serde_json::json;

use super::engine::Db;
use crate::support::{
    api::{TestApi, viewer_with},
    data::{at, past_order, product, task, user},
};

/// Rows of others, of each kind.
const FEW: usize = 200;
const MANY: usize = 2_000;
/// Arguments that choose the page.
const PAGE: [&str; 4] = ["first", "after", "last", "before"];

/// A list of the schema: the object that has it, its name, and its other arguments.
struct List {
    object: String,
    name: String,
    arguments: Vec<(String, Type)>,
}

/// The types of the schema, as far as lists and their arguments need them.
struct Schema {
    lists: Vec<List>,
    enums: BTreeMap<String, Vec<String>>,
    inputs: BTreeMap<String, Vec<(String, Type)>>,
}

impl Schema {
    fn load() -> Self {
        let mut schema = Self { lists: Vec::new(), enums: BTreeMap::new(), inputs: BTreeMap::new() };
        for definition in parse_schema(orderwire::graphql::sdl()).unwrap().definitions {
            let TypeSystemDefinition::Type(definition) = definition else { continue };
            let type_name = definition.node.name.node.to_string();
            match definition.node.kind {
                TypeKind::Object(object) => schema.lists.extend(object.fields.into_iter().filter_map(|field| {
                    let mut arguments = named(field.node.arguments);
                    let has = |wanted: &str| arguments.iter().any(|(name, _)| name == wanted);
                    let pages = has("first") && has("after");
                    arguments.retain(|(name, _)| !PAGE.contains(&name.as_str()));
                    let name = field.node.name.node.to_string();
                    pages.then(|| List { object: type_name.clone(), name, arguments })
                })),
                TypeKind::Enum(kind) => {
                    let values = kind.values.into_iter().map(|value| value.node.value.node.to_string()).collect();
                    schema.enums.insert(type_name, values);
                }
                TypeKind::InputObject(input) => _ = schema.inputs.insert(type_name, named(input.fields)),
                _ => {}
            }
        }
        schema
    }

    /// Literals of a type, each with what it is called; those that a field refuses are left out later.
    fn literals(&self, ty: &Type, ids: &[String]) -> Vec<String> {
        let name = match &ty.base {
            BaseType::List(inner) => {
                return self.literals(inner, ids).into_iter().map(|value| format!("[{value}]")).collect();
            }
            BaseType::Named(name) => name.as_str(),
        };
        if let Some(values) = self.enums.get(name) {
            return values.clone();
        }
        if let Some(fields) = self.inputs.get(name) {
            let required: Vec<_> = fields.iter().filter(|(_, ty)| !ty.nullable).collect();
            return match required.as_slice() {
                [] => fields
                    .iter()
                    .flat_map(|(name, ty)| {
                        self.literals(ty, ids).into_iter().map(move |value| format!("{{ {name}: {value} }}"))
                    })
                    .collect(),
                required => {
                    let mut objects = vec![String::new()];
                    for (name, ty) in required {
                        let values = self.literals(ty, ids);
                        objects = objects
                            .iter()
                            .flat_map(|object| values.iter().map(move |value| format!("{object} {name}: {value}")))
                            .collect();
                    }
                    objects.into_iter().map(|object| format!("{{{object} }}")).collect()
                }
            };
        }
        let texts: &[&str] = match name {
            "ID" => return ids.iter().map(|id| format!("{id:?}")).collect(),
            "String" => &["\"common\""],
            "Boolean" => &["true", "false"],
            "Int" => &["1"],
            "Decimal" => &["\"0\"", "\"1000\""],
            "DateTime" => &["\"2000-01-01T00:00:00Z\"", "\"2100-01-01T00:00:00Z\""],
            other => panic!("say here which values of {other} to try"),
        };
        texts.iter().map(|text| (*text).to_owned()).collect()
    }
}

fn named(fields: Vec<async_graphql::Positioned<InputValueDefinition>>) -> Vec<(String, Type)> {
    fields.into_iter().map(|field| (field.node.name.node.to_string(), field.node.ty.node)).collect()
}

impl List {
    /// The query of a page.
    fn query(&self, arguments: &str, order: &str) -> String {
        let list = format!(
            "{}(first: 5 {arguments}) {{ nodes {{ id }} pageInfo {{ hasNextPage hasPreviousPage }} totalCount }}",
            self.name
        );
        match self.object.as_str() {
            "Query" => format!("{{ {list} }}"),
            "User" => format!("{{ me {{ {list} }} }}"),
            "Order" => format!("{{ order(id: {order:?}) {{ {list} }} }}"),
            other => panic!("say here how to reach an object of the type {other}"),
        }
    }
}

/// Two input objects as one; `None` if both have the same field.
fn merged(one: &str, other: &str) -> Option<String> {
    let inner = |object: &str| object.trim_start_matches('{').trim_end_matches('}').trim().to_owned();
    let field = |object: &str| inner(object).split(':').next().unwrap_or_default().to_owned();
    (field(one) != field(other)).then(|| format!("{{ {}, {} }}", inner(one), inner(other)))
}

/// The first and the last literal for each field of the input object.
fn first_and_last(objects: &[String]) -> Vec<String> {
    let field = |object: &String| object.split(':').next().unwrap_or_default().to_owned();
    let groups: Vec<&[String]> = objects.chunk_by(|one, other| field(one) == field(other)).collect();
    groups
        .into_iter()
        .flat_map(|group| [group.first(), group.last().filter(|_| group.len() > 1)])
        .flatten()
        .cloned()
        .collect()
}

struct Shop {
    viewer: Viewer,
    own: User,
    product: Product,
    order: Order,
}

impl Shop {
    async fn open(db: &Db) -> Self {
        let own = user("own");
        let lamp = Product { tags: vec!["common".to_owned()], name: "common lamp".to_owned(), ..product("common") };
        db.import_users(std::slice::from_ref(&own)).await.unwrap();
        db.import_products(std::slice::from_ref(&lamp)).await.unwrap();
        let orders: Vec<Order> = (0..6).map(|number| order(&format!("own {number}"), &own, &lamp, number)).collect();
        db.import_orders(&orders).await.unwrap();
        let shop =
            Self { viewer: viewer_with(own.id, UserRole::Customer), own, product: lamp, order: orders[0].clone() };
        let other = user("other 0");
        let tasks = (0..12).map(|number| {
            let title = format!("own {} {number}", ["common", "rare"][number % 2]);
            let (created_by, assignee) =
                if number % 3 == 0 { (other.id, Some(shop.own.id)) } else { (shop.own.id, Some(other.id)) };
            Task { created_by, assignee, ..shop.task(&title, number) }
        });
        db.import_tasks(&tasks.collect::<Vec<_>>()).await.unwrap();
        shop
    }

    /// A task about the viewer's own order.
    fn task(&self, title: &str, number: usize) -> Task {
        Task {
            status: TaskStatus::ALL[number % TaskStatus::ALL.len()],
            priority: TaskPriority::ALL[number % TaskPriority::ALL.len()],
            order: Some(self.order.id),
            due_at: number.is_multiple_of(2).then(|| at(number as i64)),
            created_at: at(number as i64),
            ..task(title)
        }
    }

    /// Adds rows that the viewer may not see and that pass the same filters as the viewer's own.
    async fn add_rows_of_others(&self, db: &Db, numbers: std::ops::Range<usize>) {
        let others: Vec<User> = numbers.clone().map(|number| user(&format!("other {number}"))).collect();
        let orders: Vec<Order> = numbers
            .clone()
            .zip(&others)
            .map(|(number, other)| order(&format!("other {number}"), other, &self.product, number))
            .collect();
        let tasks: Vec<Task> = numbers
            .zip(&others)
            .map(|(number, other)| Task {
                created_by: other.id,
                assignee: Some(user("other 0").id),
                ..self.task(&format!("other common {number}"), number)
            })
            .collect();
        for users in others.chunks(500) {
            db.import_users(users).await.unwrap();
        }
        for orders in orders.chunks(500) {
            db.import_orders(orders).await.unwrap();
        }
        for tasks in tasks.chunks(500) {
            db.import_tasks(tasks).await.unwrap();
        }
    }

    fn ids(&self) -> Vec<String> {
        [
            self.own.id.to_string(),
            user("other 0").id.to_string(),
            self.order.id.to_string(),
            OrderId::derived(at(0), "test", "missing").to_string(),
            self.product.id.to_string(),
        ]
        .into()
    }
}

fn order(number: &str, customer: &User, product: &Product, place: usize) -> Order {
    Order {
        customer: customer.id,
        region: "common".to_owned(),
        status: OrderStatus::ALL[place % OrderStatus::ALL.len()],
        placed_at: at(place as i64),
        ..past_order(number, &[(product, 1)])
    }
}

/// What a query makes the engine examine; `None` if the viewer may not ask it.
async fn cost(db: &Db, api: &TestApi, viewer: Viewer, query: &str) -> Option<u64> {
    let response = api.response(viewer, query, json!({})).await;
    let examined = db.examined().await;
    response.errors.is_empty().then_some(examined)
}

pub async fn lists_do_not_examine_rows_that_the_viewer_may_not_see(db: &mut Db) {
    let schema = Schema::load();
    let shop = Shop::open(db).await;
    shop.add_rows_of_others(db, 0..FEW).await;
    let api = TestApi::over(db.shared()).await;
    let (ids, own_order) = (shop.ids(), shop.order.id.to_string());

    db.examined().await;
    let mut measured: Vec<(String, u64)> = Vec::new();
    let mut refused = Vec::new();
    for list in &schema.lists {
        let before = measured.len();
        let mut measure = async |arguments: String| {
            let query = list.query(&arguments, &own_order);
            let cost = cost(db, &api, shop.viewer, &query).await;
            measured.extend(cost.map(|cost| (query, cost)));
            cost.is_some()
        };
        let of = |wanted: &str| list.arguments.iter().find(|(name, _)| name == wanted).map(|(_, ty)| ty);
        let filters = of("filter").map(|ty| schema.literals(ty, &ids)).unwrap_or_default();
        let orders = of("orderBy").map(|ty| schema.literals(ty, &ids)).unwrap_or_default();
        let known = |(name, _): &&(String, Type)| name == "filter" || name == "orderBy";
        assert!(list.arguments.iter().all(|argument| known(&argument)), "say here how to vary {:?}", list.arguments);
        measure(String::new()).await;
        for order in &orders {
            measure(format!("orderBy: {order}")).await;
        }
        let mut allowed = Vec::new();
        for filter in filters {
            if measure(format!("filter: {filter}")).await {
                for order in orders.iter().step_by(2) {
                    measure(format!("filter: {filter} orderBy: {order}")).await;
                }
                allowed.push(filter);
            }
        }
        let pairs = first_and_last(&allowed);
        for (place, one) in pairs.iter().enumerate() {
            for both in pairs[place + 1..].iter().filter_map(|other| merged(one, other)) {
                measure(format!("filter: {both}")).await;
            }
        }
        if measured.len() == before {
            refused.push(format!("{}.{}", list.object, list.name));
        }
    }
    assert_eq!(refused, ["Query.users"], "lists that a customer may not read");

    shop.add_rows_of_others(db, FEW..MANY).await;
    db.examined().await;
    let mut grown = Vec::new();
    for (query, few) in &measured {
        let mut many = u64::MAX;
        // Steps of what runs beside a query, such as the event feed, are counted with it; the least is the query's own.
        for _ in 0..3 {
            if many > few + db.examined_by_chance() {
                many = many.min(cost(db, &api, shop.viewer, query).await.expect("it was answered before"));
            }
        }
        if many > few + db.examined_by_chance() {
            grown.push(format!("{few} became {many}: {query}"));
        }
    }
    assert!(grown.is_empty(), "of {} queries, these examine rows of others:\n{}", measured.len(), grown.join("\n"));
}
