#include "cli/report/page.h"

#include "cli/embedded.h"

namespace imroute {

std::string escape_html(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

std::string escape_json_for_html(std::string_view json) {
  std::string out;
  out.reserve(json.size());
  for (const char c : json) {
    if (c == '<') {
      out += "\\u003c";
    } else {
      out += c;
    }
  }
  return out;
}

std::string sentence_html(std::string_view text) {
  const std::string escaped = escape_html(text);
  std::string out;
  bool bold = false;
  for (size_t i = 0; i < escaped.size(); ++i) {
    if (escaped.compare(i, 2, "**") == 0) {
      out += bold ? "</b>" : "<b>";
      bold = !bold;
      ++i;
    } else {
      out += escaped[i];
    }
  }
  return bold ? out + "</b>" : out;
}

std::string section(const std::string& title, const std::string& note, const std::string& content) {
  if (content.empty()) return {};
  return "<section><h2>" + title + "</h2>" +
         (note.empty() ? "" : "<p class=\"note\">" + note + "</p>") + content + "</section>\n";
}

std::string render_page(const Page& page) {
  std::string html =
      "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>";
  html += escape_html(page.title) + " · imroute</title>\n<style>\n";
  html += embedded_file("reports/assets/page.css");
  html += "</style>\n<script>\n";
  html += embedded_file("reports/assets/page.js");
  html += "</script>\n</head>\n<body>\n<main>\n<header class=\"top\"><div><h1>";
  html += escape_html(page.title) + "</h1>";
  if (!page.lead.empty()) html += "<p class=\"lead\">" + escape_html(page.lead) + "</p>";
  html += "</div><button id=\"theme\" type=\"button\">Light / dark</button></header>\n";
  html += page.body;
  html += "<footer>" + escape_html(page.footer) + "</footer>\n</main>\n";
  html += "<script type=\"application/json\" id=\"data\">";
  html += escape_json_for_html(page.json);
  html += "</script>\n</body>\n</html>\n";
  return html;
}

}  // namespace imroute
