//! Entities whose values are as long as they can be.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::{Value, json};

use super::super::{LONG, Shop};

/// Tasks and products that have long texts, besides the first.
const OTHERS: usize = 29;

/// Ids and texts of a shop whose values are as long as they can be.
pub struct Values {
    pub named: BTreeMap<String, Value>,
    /// The ids of the entities of a type that has several.
    all: BTreeMap<String, Vec<Value>>,
}

impl Values {
    pub async fn make(shop: &Shop) -> Self {
        let (line, text) = ("x".repeat(200), "x".repeat(LONG));
        let tags: Vec<String> = (0..50).map(|number| format!("{number:0>200}")).collect();
        let create = "mutation ($input: CreateProductInput!) { createProduct(input: $input) { product { id } } }";
        let product =
            json!({ "sku": "A", "name": line, "description": text, "price": "1", "stock": 1000, "tags": tags });
        let product = shop.data(create, json!({ "input": product })).await["createProduct"]["product"]["id"].clone();
        let place =
            "mutation ($input: PlaceOrderInput!) { placeOrder(input: $input) { order { id customer { id } } } }";
        let order = json!({ "items": vec![json!({ "productId": product, "quantity": 1 })], "region": line,
            "paymentReference": line, "idempotencyKey": "A" });
        let order = shop.data(place, json!({ "input": order })).await["placeOrder"]["order"].clone();
        let create = "mutation ($input: CreateTaskInput!) { createTask(input: $input) { task { id } } }";
        let task = json!({ "title": line, "description": text, "orderId": order["id"] });
        let task_id = shop.data(create, json!({ "input": task })).await["createTask"]["task"]["id"].clone();
        let (mut tasks, mut products) = (vec![task_id.clone()], vec![product.clone()]);
        for number in 0..OTHERS {
            let made = shop.data(create, json!({ "input": task })).await;
            tasks.push(made["createTask"]["task"]["id"].clone());
            let create = "mutation ($input: CreateProductInput!) { createProduct(input: $input) { product { id } } }";
            let other = json!({ "sku": format!("B{number}"), "name": line, "description": text, "price": "1" });
            let made = shop.data(create, json!({ "input": other })).await;
            products.push(made["createProduct"]["product"]["id"].clone());
        }
        let create = "mutation ($input: CreateApiKeyInput!) { createApiKey(input: $input) { apiKey { id } } }";
        let key = shop.data(create, json!({ "input": { "name": line, "scopes": ["READ_ORDERS"] } })).await;
        let url = format!("http://127.0.0.1:1025/{}", "x".repeat(150));
        let create =
            "mutation ($input: CreateWebhookInput!) { createWebhook(input: $input) { webhook { id cursor } } }";
        let webhook = json!({ "url": url, "description": line, "kinds": ["TASK_DELETED"] });
        let webhook = shop.data(create, json!({ "input": webhook })).await["createWebhook"]["webhook"].clone();
        let event =
            shop.data("{ events(first: 1) { nodes { id } } }", json!({})).await["events"]["nodes"][0]["id"].clone();
        let job = shop.data("{ jobs(first: 1) { nodes { id } } }", json!({})).await["jobs"]["nodes"][0]["id"].clone();
        let none = "tsk_00000000000000000000000000".into();
        Self {
            all: [("Task".to_owned(), tasks), ("Product".to_owned(), products)].into(),
            named: [
                ("Product", product),
                ("Order", order["id"].clone()),
                ("User", order["customer"]["id"].clone()),
                ("Task", task_id),
                ("Event", event),
                ("ApiKey", key["createApiKey"]["apiKey"]["id"].clone()),
                ("Webhook", webhook["id"].clone()),
                ("Job", job),
                ("cursor", webhook["cursor"].clone()),
                ("url", url.into()),
                ("none", none),
                ("line", line.into()),
                ("text", text.into()),
            ]
            .map(|(name, value)| (name.to_owned(), value))
            .into(),
        }
    }

    /// As many ids of this type, which come again when there are fewer.
    pub fn ids(&self, node: &str) -> Arc<[Value]> {
        self.all.get(node).cloned().unwrap_or_else(|| vec![self.named[node].clone()]).into()
    }

    pub fn fill(&self, text: &str) -> String {
        self.named
            .iter()
            .fold(text.to_owned(), |text, (name, value)| text.replace(&format!("${name}"), &value.to_string()))
    }
}
