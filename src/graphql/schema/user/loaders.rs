//! Loaders of users.

use crate::{
    domain::{User, UserFilter, UserId},
    graphql::schema::loaders::{load_entity, load_list},
    service::UserQuery,
};

load_entity!(UserId => User, participants);
load_list!(UserQuery, UserFilter => User, list_users, count_users);
