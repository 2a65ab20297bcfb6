// The table of planted bugs (core/base/planted.h): name, the oracle that must catch it, what it
// does in one sentence, where bugs of that kind were seen, and the scenario settings without which
// it cannot show. One list, so that the enum, `imroute_planted list bugs`, the tests and
// docs/planted-bugs.md cannot disagree. Included by the test build only.
#pragma once

// clang-format off
#define IM_PLANTED_BUGS(X) \
  /* ---- oracle 1: nothing accepted is lost, every send is answered */ \
  X(ack_before_store, "no-loss", \
    "The node answers ACCEPTED before the mailbox has answered the append.", \
    "systems that confirm on receipt and store afterwards", "") \
  X(timeout_is_success, "no-loss", \
    "An append that timed out is answered with ACCEPTED.", \
    "fire-and-forget store calls: CIM's client never hears of a failed send", "") \
  X(out_of_order_accepted, "no-loss", \
    "A send that the mailbox turned away as out of order is answered with ACCEPTED.", \
    "pipelined sends without a check of the reply", "") \
  X(outbox_lost, "no-loss", \
    "The client forgets the sends that were in flight when its connection broke.", \
    "CIM's client: sends are fire and forget", "") \
  X(refusal_swallowed, "no-loss", \
    "The client drops a send that was refused for now, and tells nobody.", \
    "CIM: code 7000 never reaches the caller", "") \
  X(base_of_itself, "no-loss", \
    "Each SEND names its own number as the lowest open one, so the store steps over what is missing.", \
    "sequence windows whose lower edge moves too early", "") \
  X(client_seq_reused, "no-loss", \
    "After a reconnect the client gives out its last sequence number of a conversation once more.", \
    "counters kept in memory and restored one short", "") \
  X(generation_given_anew, "no-loss", \
    "The directory gives out a generation once more, when it has forgotten that the device had it.", \
    "counters kept by a cache: what it evicts begins anew", \
    "/swarm/dimensions=[\"strategy\"] /faults=[{\"kind\":\"crash\",\"target\":\"client:*\",\"at\":\"19s\",\"for\":\"2s\",\"wipe\":true},{\"kind\":\"evict\",\"target\":\"directory\",\"at\":\"20s\",\"for\":\"0s\",\"probability\":1}]") \
  X(bound_unopened, "no-loss", \
    "A new device is told that it is online before the mailbox has noted it.", \
    "subscribe after the welcome: what comes between is nobody's", "") \
  X(bind_cursor_off_by_one, "no-loss", \
    "At bind the client names one entry more than it has shown.", \
    "resume from the next expected number instead of the last seen one", "") \
  X(cursor_on_send, "no-loss", \
    "The stored cursor moves when a delivery is sent, not when it is acknowledged.", \
    "CIM: offline messages are marked delivered on HTTP 200, whatever the socket did", "") \
  X(ack_off_by_one, "no-loss", \
    "A cumulative acknowledgement also covers the delivery after it.", \
    "off-by-one in cumulative acks", "") \
  X(new_conversation_ignored, "no-loss", \
    "At login, conversations that the client does not name are not read from the mailbox.", \
    "the first message ever of a stranger is never found", "") \
  X(compare_never, "no-loss", \
    "Cursors are never compared with the mailbox, so a lost push stays lost.", \
    "push-only delivery: CIM pushes once, over whatever socket there is", "") \
  X(rewind_ignored, "no-loss", \
    "The client does not go back when the store lost a tail, and hides what takes those places.", \
    "Redis failover that loses the tail", "/mailbox/durability=async") \
  X(epoch_not_checked, "no-loss", \
    "A push of a newer store epoch is taken without asking what became of the entries before it.", \
    "positions compared without their epoch", "/mailbox/durability=async") \
  X(client_lease_unanswered, "no-loss", \
    "A ping that was sent counts as answered, so the client never notices a dead connection.", \
    "half-open connections without heartbeats both ways", "") \
  /* ---- oracles 2 and 3: order */ \
  X(gap_skipped, "order", \
    "A push whose predecessor is missing is delivered at once.", \
    "delivery in arrival order: consecutive sends of CIM's client overtake each other", "") \
  X(duplicate_renumbered, "order", \
    "A repeated append is routed under the number after its own.", \
    "a retry that takes the head of the log for its own position", "") \
  X(answer_overtakes, "reply-order", \
    "In a group, a push whose predecessor is missing is delivered at once.", \
    "order kept per sender only", "") \
  /* ---- oracle 4: no visible duplicate */ \
  X(dedup_off, "no-duplicate", \
    "The client shows every delivery, seen before or not.", \
    "at-least-once without deduplication", "") \
  X(resend_renumbered, "no-duplicate", \
    "A send that is repeated after a reconnect gets a new sequence number.", \
    "retries with a fresh message id", "") \
  /* ---- oracle 5: nobody sees what is not his, nothing is served without a lease */ \
  X(own_echoed, "no-misdelivery", \
    "A message is delivered to the device that sent it.", \
    "fan-out to all sessions of the user, the sender's too", "") \
  X(fence_keeps_sessions, "no-misdelivery", \
    "A fenced node keeps its sessions and serves them after its lease has ended.", \
    "sessions that survive their incarnation", "") \
  X(leaver_still_served, "no-misdelivery", \
    "A member who left a group goes on getting its messages.", \
    "membership checked at subscription only", "") \
  X(fence_late, "no-misdelivery", \
    "A node serves for twice its lease before it fences itself.", \
    "lock holders that outlive their lease", "") \
  X(lease_from_reply, "no-misdelivery", \
    "The lease is counted from the arrival of the renewal's answer, not from its sending.", \
    "the classic lease mistake", "/network/service/latency={\"p50\":\"50ms\",\"p99\":\"120ms\"}") \
  /* ---- oracle 6: one owner */ \
  X(kick_war, "one-owner", \
    "A client that was kicked logs in again by itself.", \
    "two phones that throw each other out for hours", "/sessions/policy=single") \
  X(displace_without_compare, "one-owner", \
    "A late DISPLACE closes the newer session too.", \
    "kick by user id: a late kick hits the new login", "") \
  X(stale_generation_accepted, "one-owner", \
    "A bind that the directory calls superseded is served, and the session check believes the node.", \
    "last writer wins without a fencing token", "") \
  /* ---- oracle 7: routing itself works */ \
  X(nack_ignored, "routing-works", \
    "The sender ignores NACK and waits for its deadline.", \
    "stale routes in Redis: CIM goes on posting to the old server", "") \
  X(second_device_forgotten, "routing-works", \
    "The nodes that an acknowledgement names beyond those already pushed to are not pushed to.", \
    "a cache entry that is one node instead of a set", "") \
  X(other_device_forgotten, "routing-works", \
    "The sender's other devices are not told what it sent.", \
    "multi-device as an afterthought", "") \
  X(owners_ignored, "routing-works", \
    "A node does not note that its user has logged in elsewhere too.", \
    "per-user registry overwritten by the last login", "") \
  X(owners_acked_early, "routing-works", \
    "OWNERS is acknowledged though the user's bind has not come back from the directory yet.", \
    "acknowledged before applied", "/network/service/latency={\"p50\":\"5ms\",\"p99\":\"60ms\"} /workload/relocations_per_user=600/h") \
  X(broadcast_skips_last, "routing-works", \
    "A broadcast over the mesh leaves out the last member of the view.", \
    "off-by-one in the fan-out loop", "") \
  X(group_local_forgotten, "routing-works", \
    "A group message is sent to the other nodes but not to the members here.", \
    "local short cut missing in the group path", "") \
  X(members_cached, "routing-works", \
    "The members of a group are learnt once and kept.", \
    "cached member lists without a version", "") \
  X(negative_cache_forever, "routing-works", \
    "Who was not found once is taken to be offline until an answer says otherwise.", \
    "negative caching without expiry", "") \
  X(session_check_skipped, "routing-works", \
    "A node never compares its sessions with the directory, so a lost row stays lost.", \
    "keys evicted or expired in Redis: CIM's routes have no owner that renews them", "") \
  X(watch_not_rearmed, "routing-works", \
    "The members are listed once; the one-shot watch is not set again.", \
    "ZooKeeper watches are one-shot", "") \
  X(gap_push_dropped, "routing-works", \
    "A push that came before its predecessor is thrown away.", \
    "no reorder buffer", "") \
  X(unregister_without_compare, "routing-works", \
    "A late disconnect erases the row of the newer login.", \
    "CIM: /offLine deletes the route whoever wrote it", "/network/service/latency={\"p50\":\"10ms\",\"p99\":\"100ms\"} /workload/relocations_per_user=600/h") \
  /* ---- oracle 8: chains end, queues keep their limits */ \
  X(followers_forgotten, "chains-end", \
    "Those who wait for one look-up of a user are not told its outcome.", \
    "single flight whose leader forgets the others", "") \
  X(route_without_deadline, "chains-end", \
    "A push waits for its acknowledgement without a deadline.", \
    "calls without timeouts", "") \
  X(operation_leak, "chains-end", \
    "A store operation that was never answered is kept for ever.", \
    "pending tables without expiry", "") \
  X(window_overrun, "chains-end", \
    "Deliveries go out whether the window has room or not.", \
    "no backpressure: slow readers fill the memory", "") \
  X(hint_loop, "chains-end", \
    "A node that lost a user hints at a neighbour, and hops along hints are hardly limited.", \
    "forwarding pointers that form a ring", "") \
  /* ---- oracle 9: balancers */ \
  X(counter_leak, "balancer", \
    "The calls in flight at a router are not counted down when a call was repeated.", \
    "least-active counters that leak on the error path", "") \
  X(round_robin_picks_excluded, "balancer", \
    "Round robin picks nodes that are known to be down.", \
    "health known, but not asked", "/balancer/kind=round_robin") \
  X(ring_moves_survivors, "balancer", \
    "Points of the hash ring are made from the place in the list instead of the member.", \
    "hash rings over list indexes; hash mod N", "/balancer/kind=consistent_hash") \
  /* ---- oracle 11: a healed core makes progress */ \
  X(compare_waits_for_all, "progress", \
    "Cursors are compared with the mailbox only while every node and router is connected.", \
    "repair that is put off until the cluster is whole again", "") \
  X(features_must_match, "progress", \
    "HELLO refuses who has other features, though a common version is there.", \
    "rolling upgrades that fail on a check for equal protocol versions", "")
// clang-format on
