#include <algorithm>
#include <nlohmann/json.hpp>
#include <sstream>

#include "cli/commands.h"
#include "cli/embedded.h"
#include "core/base/planted.h"
#include "harness/scenario/names.h"

namespace imroute {
namespace {

using Json = nlohmann::ordered_json;

struct Listing {
  std::vector<Table::Column> columns;
  std::vector<std::vector<std::string>> rows;
};

Listing named(std::span<const NamedValue> values) {
  Listing listing{{{"name"}, {"what it does"}}, {}};
  for (const NamedValue& value : values) listing.rows.push_back({value.name, value.help});
  return listing;
}

std::string help_of(std::span<const NamedValue> values, uint8_t value) {
  return values[value].help;
}

// Names as --strategies takes them, each with what its parts mean.
Listing strategies() {
  Listing listing{{{"name"}, {"what it does"}}, {}};
  for (const std::string& name : all_strategy_names()) {
    const auto strategy = parse_strategy_name(name, StrategyConfig{}, nullptr);
    std::string help;
    if (strategy) {
      help = help_of(strategy_kind_names(), static_cast<uint8_t>(strategy->kind));
      if (strategy->kind == StrategyKind::central) {
        help = help_of(central_mode_names(), static_cast<uint8_t>(strategy->mode));
        help +=
            "; " + help_of(placement_kind_names(), static_cast<uint8_t>(strategy->placement.kind));
      }
    }
    listing.rows.push_back({name, help});
  }
  return listing;
}

std::string targets_text(uint16_t targets) {
  static constexpr std::pair<uint16_t, const char*> kBits[] = {
      {kHitsNode, "node"},           {kHitsAllNodes, "node:*"},
      {kHitsRouter, "router"},       {kHitsClient, "client"},
      {kHitsDirectory, "directory"}, {kHitsMailbox, "mailbox"},
      {kHitsRegistry, "registry"},   {kHitsBus, "bus"},
      {kHitsEdge, "edge"},           {kHitsNothing, "none"}};
  std::string text;
  for (const auto& [bit, name] : kBits) {
    if ((targets & bit) != 0) text += (text.empty() ? "" : " ") + std::string(name);
  }
  return text;
}

Listing faults() {
  Listing listing{{{"kind"}, {"family"}, {"targets"}, {"what it does"}}, {}};
  for (const FaultInfo& info : fault_infos()) {
    listing.rows.push_back(
        {info.name, std::string(to_string(info.family)), targets_text(info.targets), info.help});
  }
  return listing;
}

Listing scenarios() {
  Listing listing{{{"file"}, {"what it teaches"}}, {}};
  for (const EmbeddedFile& file : embedded_files()) {
    if (!file.name.starts_with("scenarios/") || file.name.ends_with("schema.json")) continue;
    const Json document = Json::parse(file.content, nullptr, false, true);
    const std::string help =
        document.is_object() ? document.value("description", std::string()) : std::string();
    listing.rows.push_back({std::string(file.name), help});
  }
  return listing;
}

#ifdef IMROUTE_PLANTED
Listing bugs() {
  Listing listing{{{"name"}, {"oracle"}, {"needs"}, {"source"}, {"what it does"}}, {}};
  for (const PlantedBug& bug : planted_bugs()) {
    listing.rows.push_back({bug.name, bug.oracle, bug.needs, bug.source, bug.what});
  }
  return listing;
}
#endif

Listing listing_of(const std::string& topic) {
#ifdef IMROUTE_PLANTED
  if (topic == "bugs") return bugs();
#endif
  if (topic == "strategies") return strategies();
  if (topic == "balancers") return named(balancer_kind_names());
  if (topic == "placements") return named(placement_kind_names());
  if (topic == "policies") return named(policy_kind_names());
  if (topic == "faults") return faults();
  if (topic == "sites") return named(perturb_site_names());
  return scenarios();
}

// Lines of at most `width` columns, broken at spaces.
std::vector<std::string> wrapped(const std::string& text, size_t width) {
  std::vector<std::string> lines;
  std::istringstream words(text);
  for (std::string word; words >> word;) {
    const bool fits =
        !lines.empty() && display_width(lines.back()) + 1 + display_width(word) <= width;
    if (fits) {
      lines.back() += " " + word;
    } else {
      lines.push_back(word);
    }
  }
  if (lines.empty()) lines.emplace_back();
  return lines;
}

void print_listing(const Listing& listing, const Console& console) {
  constexpr size_t kWidth = 100, kWidestColumn = 30;
  std::vector<size_t> widths;
  size_t used = 0;
  for (size_t i = 0; i + 1 < listing.columns.size(); ++i) {
    size_t widest = listing.columns[i].title.size();
    for (const auto& row : listing.rows) widest = std::max(widest, display_width(row[i]));
    widths.push_back(i == 0 ? widest : std::min(widest, kWidestColumn));
    used += widths.back() + 2;
  }
  widths.push_back(used + 25 < kWidth ? kWidth - used : 25);
  Table table(listing.columns);
  for (const auto& row : listing.rows) {
    std::vector<std::vector<std::string>> columns;
    size_t height = 0;
    for (size_t i = 0; i < row.size(); ++i) {
      columns.push_back(wrapped(row[i], widths[i]));
      height = std::max(height, columns.back().size());
    }
    for (size_t line = 0; line < height; ++line) {
      std::vector<Table::Cell> cells;
      for (const auto& column : columns) {
        cells.push_back({line < column.size() ? column[line] : std::string()});
      }
      cells.front().paint = Paint::cyan;
      table.add_row(std::move(cells));
    }
  }
  table.print(console);
}

}  // namespace

int list_command(const Options& options, const Console& console) {
  const Listing listing = listing_of(options.topic);
  if (options.json) {
    Json array = Json::array();
    for (const auto& row : listing.rows) {
      Json entry;
      for (size_t i = 0; i < row.size(); ++i) {
        const std::string& title = listing.columns[i].title;
        entry[title.starts_with("what") ? "help" : title] = row[i];
      }
      array.push_back(std::move(entry));
    }
    console.out << array.dump(2) << '\n';
    return kExitHeld;
  }
  print_listing(listing, console);
  return kExitHeld;
}

}  // namespace imroute
