use std::time::Instant;

use super::*;

async fn every_node_receives_what_any_node_publishes<D: Deployment>() {
    let deployment = D::start().await;
    let nodes = [deployment.node().await, deployment.node().await];
    let mut receivers = [nodes[0].subscribe(), nodes[1].subscribe()];
    for (seq, node) in (1..).zip(nodes.iter().cycle().take(6)) {
        let published = event(seq);
        node.publish(std::slice::from_ref(&published));
        for receiver in &mut receivers {
            assert_eq!(next(receiver).await, published);
        }
    }
}

async fn a_batch_arrives_in_its_order<D: Deployment>() {
    let deployment = D::start().await;
    let [here, there] = [deployment.node().await, deployment.node().await];
    let mut receivers = [here.subscribe(), there.subscribe()];
    let batch: Vec<_> = (1..=600).map(event).collect();
    here.publish(&batch);
    for receiver in &mut receivers {
        for expected in &batch {
            assert_eq!(&next(receiver).await, expected);
        }
    }
}

async fn a_receiver_hears_only_what_comes_after_it<D: Deployment>() {
    let deployment = D::start().await;
    let [here, there] = [deployment.node().await, deployment.node().await];
    let mut early = there.subscribe();
    here.publish(&[event(1)]);
    assert_eq!(next(&mut early).await.seq, 1);
    let mut late = there.subscribe();
    here.publish(&[event(2)]);
    assert_eq!(next(&mut early).await.seq, 2);
    assert_eq!(next(&mut late).await.seq, 2);
}

async fn a_receiver_that_lags_is_told_of_a_gap_and_holds_up_nobody<D: Deployment>() {
    let deployment = D::start().await;
    let [here, there] = [deployment.node().await, deployment.node().await];
    let mut lagging = [here.subscribe(), there.subscribe()];
    let mut watching = there.subscribe();
    let burst: Vec<_> = (1..=3_000).map(event).collect();
    let start = Instant::now();
    for part in burst.chunks(500) {
        here.publish(part);
        // Also the far node has seen them all, so that nothing is still under way.
        while next(&mut watching).await.seq < part[part.len() - 1].seq {}
    }
    assert!(start.elapsed() < SOON);
    for receiver in &mut lagging {
        gap(receiver).await;
        while next(receiver).await.seq < 3_000 {}
    }
}

async fn closing_ends_the_receivers_after_what_was_published<D: Deployment>() {
    let deployment = D::start().await;
    let node = deployment.node().await;
    let mut receiver = node.subscribe();
    node.publish(&[event(1)]);
    node.close().await;
    assert_eq!(next(&mut receiver).await.seq, 1);
    assert!(message(&mut receiver).await.is_none());
    node.publish(&[event(2)]);
    assert!(message(&mut receiver).await.is_none());
    assert!(message(&mut node.subscribe()).await.is_none());
    node.close().await;
}

macro_rules! behaviours {
    ($($deployment:ident in $module:ident),* : $behaviours:tt) => {
        $( behaviours!(@one $deployment in $module : $behaviours); )*
    };
    (@one $deployment:ident in $module:ident : [$($behaviour:ident),* $(,)?]) => {
        mod $module {
            $(
                #[tokio::test]
                async fn $behaviour() {
                    super::$behaviour::<super::$deployment>().await;
                }
            )*
        }
    };
}

behaviours!(InProcess in local, OverRedis in redis: [
    every_node_receives_what_any_node_publishes,
    a_batch_arrives_in_its_order,
    a_receiver_hears_only_what_comes_after_it,
    a_receiver_that_lags_is_told_of_a_gap_and_holds_up_nobody,
    closing_ends_the_receivers_after_what_was_published,
]);
