#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/files.h"
#include "cli/report/compare_report.h"
#include "cli/report/run_report.h"
#include "harness/result/result_json.h"

namespace imroute {
namespace {

std::string report_of_comparison(const std::filesystem::path& path) {
  const std::string text = read_file(path);
  try {
    return render_compare_report(comparison_from_json(nlohmann::ordered_json::parse(text)), text);
  } catch (const nlohmann::json::exception& error) {
    throw UsageError(path.string() + " is not a comparison: " + error.what());
  } catch (const std::runtime_error& error) {
    throw UsageError(path.string() + ": " + error.what());
  }
}

std::string report_of_run(const std::filesystem::path& path) {
  const std::string text = read_file(path);
  std::string problem;
  const std::optional<Result> result = read_result_json(text, &problem);
  if (!result) throw UsageError(path.string() + " is not a result: " + problem);
  return render_run_report(*result, text);
}

}  // namespace

int report_command(const Options& options, const Console& console) {
  const std::filesystem::path directory = options.directory;
  std::error_code ignored;
  std::string html;
  if (std::filesystem::exists(directory / "compare.json", ignored)) {
    html = report_of_comparison(directory / "compare.json");
  } else if (std::filesystem::exists(directory / "result.json", ignored)) {
    html = report_of_run(directory / "result.json");
  } else {
    throw UsageError("there is no compare.json and no result.json in " + options.directory);
  }
  write_file(directory / "report.html", html);
  console.out << "report: " << (directory / "report.html").string() << '\n';
  return kExitHeld;
}

}  // namespace imroute
