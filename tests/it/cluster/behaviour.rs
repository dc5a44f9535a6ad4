use super::*;
use crate::support::stopwatch::Stopwatch;

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

async fn a_batch_arrives_in_order<D: Deployment>() {
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

async fn a_receiver_gets_only_events_published_after_it_subscribed<D: Deployment>() {
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

async fn a_lagging_receiver_gets_a_gap_and_delays_no_other<D: Deployment>() {
    let deployment = D::start().await;
    let [here, there] = [deployment.node().await, deployment.node().await];
    let mut lagging = [here.subscribe(), there.subscribe()];
    let mut watching = there.subscribe();
    let burst: Vec<_> = (1..=3_000).map(event).collect();
    let start = Stopwatch::start();
    for part in burst.chunks(500) {
        here.publish(part);
        // Wait until the other node has received the whole part, so that nothing is still in transit.
        while next(&mut watching).await.seq < part[part.len() - 1].seq {}
    }
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
    for receiver in &mut lagging {
        gap(receiver).await;
        while next(receiver).await.seq < 3_000 {}
    }
}

/// The buffer holds 1024 messages, but no more than 32 MiB.
#[tokio::test]
async fn large_events_for_a_lagging_receiver_become_gaps_until_it_has_caught_up() {
    const EVENTS: Seq = 200;
    let node = InProcess::start().await.node().await;
    let mut lagging = node.subscribe();
    let text = "x".repeat(400_000);
    for seq in 1..=EVENTS {
        node.publish(&[event_about(seq, &text)]);
    }
    node.publish(&[event(EVENTS + 1)]);
    let (mut received, mut gaps, mut last) = (0, 0, 0);
    while last <= EVENTS {
        match message(&mut lagging).await.expect("the bus should be open") {
            BusMessage::Event(event) => {
                assert!(event.seq > last);
                (received, last) = (received + event.memory(), event.seq);
            }
            BusMessage::Gap => gaps += 1,
        }
    }
    assert!((30 << 20..=32 << 20).contains(&received), "{received} bytes were buffered");
    assert!(gaps > 100, "{gaps} of {EVENTS} events were gaps");
    node.publish(&[event_about(EVENTS + 2, &text)]);
    assert_eq!(next(&mut lagging).await.seq, EVENTS + 2, "what was received takes no room any more");
}

async fn closing_delivers_published_events_and_then_ends_receivers<D: Deployment>() {
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
    a_batch_arrives_in_order,
    a_receiver_gets_only_events_published_after_it_subscribed,
    a_lagging_receiver_gets_a_gap_and_delays_no_other,
    closing_delivers_published_events_and_then_ends_receivers,
]);
