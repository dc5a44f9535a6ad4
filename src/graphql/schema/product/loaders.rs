//! Loaders of products.

use crate::{
    domain::{Product, ProductFilter, ProductId},
    graphql::schema::loaders::{load_entity, load_list},
    service::ProductQuery,
};

load_entity!(ProductId => Product, products);
load_list!(ProductQuery, ProductFilter => Product, list_products, count_products);
