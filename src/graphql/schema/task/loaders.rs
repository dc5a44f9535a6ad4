//! Loaders of tasks.

use crate::{
    domain::{Task, TaskFilter, TaskId},
    graphql::schema::loaders::{load_entity, load_list},
    service::TaskQuery,
};

load_entity!(TaskId => Task, tasks);
load_list!(TaskQuery, TaskFilter => Task, list_tasks, count_tasks);
