#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/report/chart.h"
#include "cli/report/compare_report.h"
#include "cli/report/page.h"
#include "cli/report/run_report.h"
#include "harness/result/result_json.h"

namespace imroute {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(Page, NothingFromTheDataBecomesMarkup) {
  EXPECT_EQ(escape_html("<a href=\"x\">&'"), "&lt;a href=&quot;x&quot;&gt;&amp;&#39;");
  EXPECT_EQ(sentence_html("pick **<b>** now"), "pick <b>&lt;b&gt;</b> now");
  const std::string html = render_page({"t", "", "", "{\"x\":\"</script><script>\"}", ""});
  EXPECT_THAT(html, HasSubstr("\\u003c/script>\\u003cscript>"));
}

TEST(Axis, RoundTicksFromZero) {
  const Axis axis = linear_axis({0.4, 8.3});
  EXPECT_EQ(axis.lo, 0);
  EXPECT_EQ(axis.hi, 10);
  EXPECT_EQ(axis.ticks, (std::vector<double>{0, 2, 4, 6, 8, 10}));
  EXPECT_DOUBLE_EQ(axis.at(5), 50);
  EXPECT_DOUBLE_EQ(axis.at(50), 100);
  EXPECT_GT(linear_axis({}).hi, 0);
  EXPECT_GT(linear_axis({0}).hi, 0);
}

TEST(Axis, LogarithmicCoversItsValues) {
  for (const std::vector<double>& values :
       {std::vector<double>{0.3, 4000}, {5, 5}, {}, {0, 0}, {1, 10}, {2, 900}}) {
    const Axis axis = logarithmic_axis(values);
    EXPECT_LT(axis.lo, axis.hi);
    EXPECT_FALSE(axis.ticks.empty());
    for (const double value : values) {
      if (value <= 0) continue;
      EXPECT_LE(axis.lo, value * 1.001);
      EXPECT_GE(axis.hi, value * 0.999);
    }
  }
}

ComparedCell cell(const std::string& strategy, const std::string& balancer) {
  ComparedCell c;
  c.scenario = "s";
  c.strategy = strategy;
  c.balancer = balancer;
  c.axes = nlohmann::ordered_json::object();
  c.seeds = {1, 2};
  c.metrics = {{"frames/per_delivery", {2.5, 0.1}}, {"latency_ms/delivery/p99", {120, {}}}};
  c.delivery_quantiles_ms = {{0.1, 5}, {0.5, 20}, {0.9, 60}, {0.99, 120}, {1, 300}};
  c.facts = {{"nodes", 8}, {"users", 100}};
  return c;
}

// What a page must have to be one file that works anywhere.
void expect_self_contained(const std::string& html) {
  EXPECT_THAT(html, HasSubstr("<meta name=\"viewport\""));
  EXPECT_THAT(html, HasSubstr("prefers-color-scheme"));
  EXPECT_THAT(html, HasSubstr("@media print"));
  for (const char* outside : {"http://", "https://", "<link", "src=", "@import", "url("}) {
    EXPECT_THAT(html, Not(HasSubstr(outside)));
  }
  EXPECT_THAT(html, Not(HasSubstr("nan")));
}

TEST(CompareReport, IsSelfContainedAndEscapes) {
  Comparison comparison;
  comparison.title = "a <b> c";
  comparison.cells = {cell("broadcast@mesh", "random"), cell("central:forward:range", "placement")};
  comparison.cells[0].failing_seeds = {2};
  comparison.cells[0].first_violation = "no-loss: <script>alert(1)</script>";
  comparison.cells[0].model_frames_per_delivery = 2.4;
  const std::string html = render_compare_report(comparison, to_json(comparison).dump());
  expect_self_contained(html);
  EXPECT_THAT(html, HasSubstr("a &lt;b&gt; c"));
  EXPECT_THAT(html, Not(HasSubstr("<script>alert")));
  EXPECT_THAT(html, HasSubstr("cost model: 2.4"));
  EXPECT_THAT(html, HasSubstr("In plain words"));
}

TEST(CompareReport, DrawsCostAgainstNodesWhenTheyVary) {
  Comparison comparison;
  for (const int nodes : {8, 64}) {
    comparison.cells.push_back(cell("broadcast@mesh", "random"));
    comparison.cells.back().axes["/topology/nodes"] = nodes;
  }
  EXPECT_THAT(render_compare_report(comparison, "{}"), HasSubstr("Cost against the size"));
  comparison.cells.pop_back();
  EXPECT_THAT(render_compare_report(comparison, "{}"), Not(HasSubstr("Cost against the size")));
}

TEST(CompareReport, SurvivesEmptyAndBareCells) {
  Comparison comparison;
  expect_self_contained(render_compare_report(comparison, "{}"));
  ComparedCell bare;
  bare.strategy = "x";
  bare.balancer = "y";
  bare.axes = nlohmann::ordered_json::object();
  bare.seeds = {1};
  comparison.cells = {bare};
  expect_self_contained(render_compare_report(comparison, "{}"));
}

TEST(RunReport, ShadesFaultsAndNamesWhatBroke) {
  Result result;
  result.name = "x<y";
  result.verdict = Verdict::fail;
  result.windows.resize(10);
  for (Window& w : result.windows) {
    w.sent = w.accepted = w.delivered = 5;
    w.delivery_ns.add(20 * kMillisecond);
    result.delivery_ns.add(20 * kMillisecond);
  }
  Fault fault;
  fault.at_ns = 2 * kSecond;
  fault.target = {Target::Select::index, TargetKind::node, 3};
  result.faults.push_back({fault, 4 * kSecond, true, kSecond});
  fault.for_ns = kNever;
  result.faults.push_back({fault, kNever, false, -1});
  result.violations.push_back(
      {"no-loss", "chaos", kSecond, "message 3 <lost>", {"crash node:3"}, ""});
  result.command = "imroute run x.json --seed 1";
  const std::string html = render_run_report(result, write_result_json(result));
  expect_self_contained(html);
  EXPECT_THAT(html, HasSubstr("class=\"band\""));
  EXPECT_THAT(html, HasSubstr("crash node:3"));
  EXPECT_THAT(html, HasSubstr("message 3 &lt;lost&gt;"));
  EXPECT_THAT(html, HasSubstr("hit nothing"));
  EXPECT_THAT(html, HasSubstr("imroute run x.json --seed 1"));
  expect_self_contained(render_run_report(Result{}, "{}"));
}

}  // namespace
}  // namespace imroute
