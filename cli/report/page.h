// One self-contained HTML file: style, script and data inside, nothing fetched. What the reports
// share: the frame of the page, escaping, and the little markup of sentences.
#pragma once

#include <string>
#include <string_view>

namespace imroute {

std::string escape_html(std::string_view text);
// JSON that may stand inside <script>: no "<" survives, so it cannot end the element.
std::string escape_json_for_html(std::string_view json);
// Escapes, and turns **bold** into <b>.
std::string sentence_html(std::string_view text);

// Nothing without content; `note` may be empty.
std::string section(const std::string& title, const std::string& note, const std::string& content);

struct Page {
  std::string title;
  std::string lead;    // one paragraph of plain text below the title; may be empty
  std::string body;    // HTML
  std::string json;    // the data behind the page, embedded for whoever wants to read it by script
  std::string footer;  // plain text
};
std::string render_page(const Page& page);

}  // namespace imroute
