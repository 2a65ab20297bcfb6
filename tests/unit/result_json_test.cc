#include "harness/result/result_json.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "harness/result/expect.h"

namespace imroute {
namespace {

Result sample() {
  Result r;
  r.version = "0.1";
  r.name = "quick \"start\"";
  r.seed = ~uint64_t{0};
  r.trace_hash = 0xabc;
  r.violations.push_back({"no-loss", "drain", 1'500'000, "message 3 was lost", {"crash"}, ""});
  r.violations_total = 1;
  r.messages.sent = 10;
  r.messages.dropped["crash"] = 2;
  r.messages.via = {4, 3, 2, 1};
  for (int i = 1; i <= 1000; ++i) r.delivery_ns.add(i * kMillisecond);
  r.frames_per_delivery = 1.0 / 3;
  FaultOutcome f;
  f.fault.kind = FaultKind::crash;
  f.fault.target = {Target::Select::index, TargetKind::node, 3};
  f.fault.at_ns = kSecond;
  f.until_ns = 3 * kSecond;
  f.effective = true;
  r.faults.push_back(f);
  r.coverage["crash"]["node/chaos"] = 1;
  r.converged_ns = 1'234'567'890;
  r.windows.resize(2);
  r.windows[1].sent = 7;
  return r;
}

TEST(Histogram, QuantilesWithinTheirError) {
  Histogram h, other;
  for (int64_t v = 1; v <= 100'000; ++v) (v % 2 == 0 ? h : other).add(v * 1000);
  h.merge(other);
  EXPECT_EQ(h.count(), 100'000u);
  EXPECT_EQ(h.max(), 100'000'000);
  EXPECT_NEAR(static_cast<double>(h.quantile_ppm(500'000)), 50e6, 50e6 * 0.016);
  EXPECT_NEAR(static_cast<double>(h.quantile_ppm(990'000)), 99e6, 99e6 * 0.016);
  EXPECT_EQ(h.quantile_ppm(1'000'000), h.max());
  uint64_t total = 0;
  int64_t last = -1;
  for (auto [bound, count] : h.buckets()) {
    EXPECT_GT(bound, last);
    last = bound;
    total += count;
  }
  EXPECT_EQ(total, 100'000u);
}

TEST(Histogram, BucketBoundsMapBack) {
  for (int64_t v : {0ll, 1ll, 63ll, 64ll, 65ll, 127ll, 128ll, 1'000'003ll, (1ll << 62) + 5}) {
    Histogram h, again;
    h.add(v);
    const auto [bound, count] = h.buckets().front();
    EXPECT_GE(bound, v);
    EXPECT_LE(static_cast<double>(bound), static_cast<double>(v) * 1.016 + 1);
    again.add(bound, count);
    EXPECT_EQ(again.buckets(), h.buckets());
  }
}

TEST(Balance, MaxOverMeanAndCv) {
  EXPECT_DOUBLE_EQ(balance_of({10, 10, 10}).max_over_mean, 1);
  EXPECT_DOUBLE_EQ(balance_of({10, 10, 10}).cv, 0);
  EXPECT_DOUBLE_EQ(balance_of({0, 20}).max_over_mean, 2);
  EXPECT_DOUBLE_EQ(balance_of({0, 20}).cv, 1);
  EXPECT_DOUBLE_EQ(balance_of({10, 20}, {1, 2}).cv, 0);
  EXPECT_DOUBLE_EQ(balance_of({}).max_over_mean, 0);
}

TEST(Json, NumbersAreShortAndExact) {
  EXPECT_EQ(format_number(0), "0");
  EXPECT_EQ(format_number(0.25), "0.25");
  EXPECT_EQ(format_number(1.0 / 3), "0.333333");
  EXPECT_EQ(format_number(-1.5), "-1.5");
  EXPECT_EQ(format_number(-1e-9), "0");
  EXPECT_EQ(format_ms(1'234'567'890), "1234.56789");
  EXPECT_EQ(format_ms(5), "0.000005");
  EXPECT_EQ(quote_json("a\"b\\\n\x01"), "\"a\\\"b\\\\\\n\\u0001\"");
}

TEST(Json, EveryFixedKeyIsThere) {
  const auto j = nlohmann::json::parse(write_result_json(sample()));
  for (const char* pointer : {"/format",
                              "/imroute/version",
                              "/imroute/commit",
                              "/name",
                              "/world",
                              "/seed",
                              "/scenario_hash",
                              "/verdict",
                              "/trace_hash",
                              "/violations/0/property",
                              "/violations/0/phase",
                              "/violations/0/at_ms",
                              "/violations/0/witness",
                              "/violations/0/faults_in_force/0",
                              "/violations/0/excused",
                              "/messages/sent",
                              "/messages/accepted",
                              "/messages/refused",
                              "/messages/deliveries_expected",
                              "/messages/delivered",
                              "/messages/lost",
                              "/messages/excused",
                              "/messages/reset",
                              "/messages/undelivered_in_mailbox",
                              "/messages/dropped/crash",
                              "/messages/raw_duplicates",
                              "/messages/visible_duplicates",
                              "/messages/order_violations",
                              "/messages/misdelivered",
                              "/messages/via/push",
                              "/messages/via/handover",
                              "/messages/via/sync",
                              "/messages/via/login",
                              "/latency_ms/accept/p50",
                              "/latency_ms/delivery/p90",
                              "/latency_ms/delivery/p99",
                              "/latency_ms/delivery/p999",
                              "/latency_ms/delivery/max",
                              "/latency_ms/delivery/count",
                              "/frames/client",
                              "/frames/peer",
                              "/frames/bus",
                              "/frames/router",
                              "/frames/directory",
                              "/frames/mailbox",
                              "/frames/bytes",
                              "/frames/per_delivery",
                              "/route/hit_ratio",
                              "/route/nacks",
                              "/route/rebroadcasts",
                              "/route/cache_entries_max",
                              "/balance/sessions/max_over_mean",
                              "/balance/frames/cv",
                              "/balance/routers/cv",
                              "/balance/moved_share",
                              "/faults/0/kind",
                              "/faults/0/target",
                              "/faults/0/at_ms",
                              "/faults/0/until_ms",
                              "/faults/0/effective",
                              "/faults/0/recovered_after_ms",
                              "/coverage/crash",
                              "/recovery/converged_ms",
                              "/recovery/unavailable_ms",
                              "/counters/steps",
                              "/events",
                              "/machine/wall_seconds",
                              "/machine/events_per_second",
                              "/machine/peak_rss_bytes",
                              "/machine/command"}) {
    EXPECT_TRUE(j.contains(nlohmann::json::json_pointer(pointer))) << pointer;
  }
  EXPECT_EQ(j["trace_hash"], "0000000000000abc");
  EXPECT_EQ(j["faults"][0]["target"], "node:3");
  EXPECT_EQ(j["violations"][0]["at_ms"], 1.5);
}

TEST(Json, ReadsBackWhatItWrote) {
  const Result r = sample();
  std::string problem;
  const auto again = read_result_json(write_result_json(r), &problem);
  ASSERT_TRUE(again) << problem;
  EXPECT_EQ(again->seed, r.seed);
  EXPECT_EQ(again->messages.dropped, r.messages.dropped);
  EXPECT_EQ(again->delivery_ns.buckets(), r.delivery_ns.buckets());
  EXPECT_EQ(again->converged_ns, r.converged_ns);
  EXPECT_EQ(write_result_json(*again), write_result_json(r));
  EXPECT_FALSE(read_result_json("{\"format\": 2}", &problem));
  EXPECT_FALSE(read_result_json("nonsense", &problem));
}

TEST(Expect, ComparesAndNames) {
  Scenario s;
  Result r = sample();
  s.expect = {
      {"messages/sent", Expectation::Compare::equal, 10, "10"},
      {"recovery/converged_ms", Expectation::Compare::less_equal, 2000, "<= 2s"},
      {"messages/dropped/overload", Expectation::Compare::equal, 0, "0"},
  };
  judge_expectations(s, r);
  EXPECT_EQ(r.verdict, Verdict::pass);
  s.expect = {{"latency_ms/delivery/p99", Expectation::Compare::less, 500, "< 500ms"},
              {"messages/typo", Expectation::Compare::equal, 0, "0"}};
  judge_expectations(s, r);
  EXPECT_EQ(r.verdict, Verdict::fail);
  EXPECT_EQ(r.violations[1].property, "expect:latency_ms/delivery/p99");
  EXPECT_NE(r.violations[0].witness.find("names no number"), std::string::npos);
}

}  // namespace
}  // namespace imroute
