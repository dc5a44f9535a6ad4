//! The import of Jira issues, with the bundled sample from Apache Hadoop.

use std::sync::Arc;

use orderwire::{
    domain::{Direction, ListQuery, Slice, Sort, Task, TaskFields, TaskFilter, TaskPriority, TaskSort, TaskStatus},
    service::import::{
        Counts, Importer, NoProgress,
        jira::{JiraOptions, JiraSummary, import},
        sample,
    },
    storage::Store,
};

use super::{empty_store, file_with, some_user};

const HEADER: &str = "Summary,Issue id,Status,Priority,Resolution,Created,Resolved,Affects Version/s,Description\n";

async fn store_with_reporter() -> (Arc<dyn Store>, JiraOptions) {
    let store = empty_store().await;
    let reporter = some_user("reporter");
    store.import_users(std::slice::from_ref(&reporter)).await.unwrap();
    (store, JiraOptions { created_by: reporter.id, rejects: None })
}

async fn tasks(store: &dyn Store) -> Vec<Task> {
    let query = ListQuery {
        filter: TaskFilter::default(),
        sort: Sort { field: TaskSort::CreatedAt, direction: Direction::Asc },
        slice: Slice::first(10_000),
        fields: TaskFields::ALL,
    };
    let page = store.list_tasks(&[query]).await.unwrap().remove(0);
    page.edges.into_iter().map(|edge| edge.node).collect()
}

#[tokio::test]
async fn the_jira_sample_gives_the_expected_tasks() {
    let (store, options) = store_with_reporter().await;
    let summary = import(&*store, &sample::HADOOP_BUGS, options.clone(), Arc::new(NoProgress)).await.unwrap();
    let expected = JiraSummary { issues: 60, tasks: Counts { total: 60, new: 60 }, rejected: [].into() };
    assert_eq!(summary, expected);
    let tasks = tasks(&*store).await;
    let status = |wanted| tasks.iter().filter(|task| task.status == wanted).count();
    let [todo, in_progress, done, cancelled] =
        [TaskStatus::Todo, TaskStatus::InProgress, TaskStatus::Done, TaskStatus::Cancelled].map(status);
    assert_eq!((todo, in_progress, done, cancelled), (15, 4, 30, 11));
    let priority = |wanted| tasks.iter().filter(|task| task.priority == wanted).count();
    let [low, medium, high, urgent] =
        [TaskPriority::Low, TaskPriority::Medium, TaskPriority::High, TaskPriority::Urgent].map(priority);
    assert_eq!((low, medium, high, urgent), (1, 15, 39, 5));
    assert!(tasks.iter().all(|task| task.created_by == options.created_by && task.assignee.is_none()));
    assert!(tasks.iter().all(|task| task.title == task.title.trim()));
    let descriptions: Vec<_> = tasks.iter().filter_map(|task| task.description.as_deref()).collect();
    assert_eq!(descriptions.len(), 57);
    assert_eq!(descriptions.iter().map(|text| text.len()).sum::<usize>(), 39_499);
    assert_eq!(descriptions.iter().filter(|text| text.contains("\r\n")).count(), 47);
    let jar = tasks.iter().find(|task| task.title.starts_with("JAR in conflict")).unwrap();
    assert_eq!((jar.status, jar.priority), (TaskStatus::Cancelled, TaskPriority::Urgent));
    assert_eq!(jar.created_at.to_string(), "2021-09-30T17:20:00.000Z");
    assert_eq!(jar.updated_at.to_string(), "2022-07-20T20:51:00.000Z");
}

#[tokio::test]
async fn importing_jira_issues_again_changes_nothing() {
    let (store, options) = store_with_reporter().await;
    import(&*store, &sample::HADOOP_BUGS, options.clone(), Arc::new(NoProgress)).await.unwrap();
    let before = tasks(&*store).await;
    let summary = import(&*store, &sample::HADOOP_BUGS, options, Arc::new(NoProgress)).await.unwrap();
    assert_eq!(summary.tasks, Counts { total: 60, new: 0 });
    assert_eq!(tasks(&*store).await, before);
}

#[tokio::test]
async fn rejected_issues_are_written_with_their_line_and_reason() {
    let rows = "good,1,Open,Major,,01/Jan/20 00:00,,,\"a\r\nb\"\n\
        twice,1,Open,Major,,01/Jan/20 00:00,,,\n\
        odd,2,Closed,Major,,01/Jan/20 00:00,,,\n\
        short,3\n";
    let (folder, source) = file_with(format!("{HEADER}{rows}").as_bytes());
    let rejects = folder.path().join("rejects.csv");
    let (store, options) = store_with_reporter().await;
    let options = JiraOptions { rejects: Some(rejects.clone()), ..options };
    let summary = import(&*store, &source, options, Arc::new(NoProgress)).await.unwrap();
    assert_eq!((summary.issues, summary.tasks), (4, Counts { total: 1, new: 1 }));
    let expected = format!(
        "line,reason,{HEADER}\
        4,Issue id occurs more than once,twice,1,Open,Major,,01/Jan/20 00:00,,,\n\
        5,unknown Status,odd,2,Closed,Major,,01/Jan/20 00:00,,,\n\
        6,wrong number of fields,short,3\n"
    );
    assert_eq!(std::fs::read_to_string(rejects).unwrap(), expected);
}

#[tokio::test]
async fn the_creator_of_imported_tasks_is_found_by_email() {
    let (store, options) = store_with_reporter().await;
    let importer = Importer::new(store);
    assert_eq!(importer.user_with_email(" Reporter@Example.com").await.unwrap(), options.created_by);
    let error = importer.user_with_email("nobody@example.com").await.unwrap_err();
    assert_eq!(error.to_string(), "there is no user with the e-mail address nobody@example.com");
}
