// The parser. Recursive, with the depth bounded; every byte is looked at once.
#include <algorithm>
#include <numeric>

#include "config/json.h"

namespace imroute {
namespace {

constexpr size_t kMaxDuplicates = 100;

class Parser {
 public:
  Parser(std::string_view text, uint32_t source) : text_(text), source_(source) {}

  ParsedJson run() {
    if (text_.size() > kMaxJsonBytes) {
      fail(here(), "the file has " + std::to_string(text_.size()) + " bytes, allowed are " +
                       std::to_string(kMaxJsonBytes));
      return finish({});
    }
    if (text_.starts_with("\xef\xbb\xbf")) at_ = 3;  // byte order mark: harmless
    JsonValue root;
    skip_space();
    if (!failed_ && at_end()) fail(here(), "the file is empty, expected a JSON object");
    if (!failed_) value(root, 0);
    if (!failed_) skip_space();
    if (!failed_ && !at_end()) fail(here(), "found " + found() + " after the end of the document");
    return finish(std::move(root));
  }

 private:
  ParsedJson finish(JsonValue root) {
    ParsedJson out;
    out.problems = std::move(problems_);
    if (!failed_) out.value = std::move(root);
    return out;
  }

  bool at_end() const { return at_ >= text_.size(); }
  char peek() const { return at_end() ? '\0' : text_[at_]; }
  Place here() const { return {source_, line_, column_}; }
  void advance() {
    const auto byte = static_cast<unsigned char>(text_[at_++]);
    if (byte == '\n') {
      ++line_;
      column_ = 1;
    } else if ((byte & 0xC0) != 0x80) {  // a character counts once
      ++column_;
    }
  }
  void fail(Place place, std::string message) {
    if (failed_) return;
    failed_ = true;
    problems_.push_back({place, "", std::move(message)});
  }
  std::string found() const {
    if (at_end()) return "the end of the file";
    const auto byte = static_cast<unsigned char>(peek());
    if (byte < 0x20 || byte == 0x7F) return "control character " + std::to_string(byte);
    size_t length = 1;
    while (at_ + length < text_.size() && length < 4 &&
           (static_cast<unsigned char>(text_[at_ + length]) & 0xC0) == 0x80) {
      ++length;
    }
    return in_quotes(text_.substr(at_, length));
  }

  void skip_space() {
    while (!at_end()) {
      const char c = peek();
      if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
        advance();
      } else {
        if (c == '/' || c == '#') fail(here(), "JSON has no comments: use the key \"description\"");
        return;
      }
    }
  }

  void value(JsonValue& out, uint32_t depth) {
    out.place = here();
    const char c = peek();
    if (c == '{' || c == '[') {
      if (depth >= kMaxJsonDepth) {
        fail(here(), "nested deeper than " + std::to_string(kMaxJsonDepth) + " levels");
        return;
      }
      c == '{' ? object(out, depth) : array(out, depth);
    } else if (c == '"') {
      out.kind = JsonValue::Kind::string;
      string(out.text);
    } else if (c == '-' || (c >= '0' && c <= '9')) {
      number(out);
    } else {
      word(out);
    }
  }

  void word(JsonValue& out) {
    const size_t begin = at_;
    const Place start = here();
    while (!at_end() && ((peek() >= 'a' && peek() <= 'z') || (peek() >= 'A' && peek() <= 'Z'))) {
      advance();
    }
    const std::string_view text = text_.substr(begin, at_ - begin);
    if (text == "true" || text == "false") {
      out.kind = JsonValue::Kind::boolean;
      out.boolean = text == "true";
    } else if (text == "null") {
      out.kind = JsonValue::Kind::null;
    } else if (!text.empty()) {
      fail(start, "found " + in_quotes(text) + ", expected a value; text needs double quotes");
    } else if (peek() == '\'') {
      fail(start, "found ', expected a value; text needs double quotes");
    } else {
      fail(start, "found " + found() + ", expected a value");
    }
  }

  void digits() {
    while (peek() >= '0' && peek() <= '9') advance();
  }
  void need_digits() {
    if (peek() < '0' || peek() > '9') {
      fail(here(), "found " + found() + ", expected a digit");
    } else {
      digits();
    }
  }
  void number(JsonValue& out) {
    const size_t begin = at_;
    out.kind = JsonValue::Kind::number;
    if (peek() == '-') advance();
    if (peek() == '0') {
      advance();
      if (peek() >= '0' && peek() <= '9') fail(here(), "a number must not start with 0");
    } else {
      need_digits();
    }
    if (!failed_ && peek() == '.') {
      advance();
      need_digits();
    }
    if (!failed_ && (peek() == 'e' || peek() == 'E')) {
      advance();
      if (peek() == '+' || peek() == '-') advance();
      need_digits();
    }
    if (!failed_ && ((peek() >= 'a' && peek() <= 'z') || (peek() >= 'A' && peek() <= 'Z'))) {
      size_t end = at_;
      while (end < text_.size() && end - begin < 40 && text_[end] != '"' && text_[end] > ' ' &&
             text_[end] != ',' && text_[end] != '}' && text_[end] != ']') {
        ++end;
      }
      fail(out.place, "a value with a unit needs double quotes: write " +
                          in_quotes(text_.substr(begin, end - begin)));
    }
    out.text = std::string(text_.substr(begin, at_ - begin));
  }

  void array(JsonValue& out, uint32_t depth) {
    out.kind = JsonValue::Kind::array;
    const Place opened = here();
    advance();
    skip_space();
    if (peek() == ']') return advance();
    while (!failed_) {
      const size_t path = enter(std::to_string(out.items.size()));
      out.items.emplace_back();
      value(out.items.back(), depth + 1);
      path_.resize(path);
      if (failed_) return;
      skip_space();
      if (failed_ || !separator(']', opened, "array")) return;
    }
  }

  void object(JsonValue& out, uint32_t depth) {
    out.kind = JsonValue::Kind::object;
    const Place opened = here();
    advance();
    skip_space();
    if (!failed_ && peek() == '}') {
      advance();
      return;
    }
    while (!failed_) {
      if (peek() != '"') {
        fail(here(), "found " + found() + ", expected a key in double quotes" +
                         (at_end() ? unclosed("object", opened) : ""));
        return;
      }
      JsonMember& member = out.members.emplace_back();
      member.key_place = here();
      string(member.key);
      if (failed_) return;
      skip_space();
      if (!failed_ && peek() != ':') {
        fail(here(), "found " + found() + ", expected ':' after the key " + in_quotes(member.key));
      }
      if (failed_) return;
      advance();
      skip_space();
      if (failed_) return;
      const size_t path = enter(member.key);
      value(member.value, depth + 1);
      path_.resize(path);
      if (failed_) return;
      skip_space();
      if (failed_ || !separator('}', opened, "object")) break;
    }
    if (!failed_) find_duplicates(out);
  }

  // Goes one step down the path; gives the length to come back to.
  size_t enter(std::string_view part) {
    const size_t length = path_.size();
    path_ += "/" + pointer_escape(part);
    return length;
  }

  static std::string unclosed(const char* what, Place opened) {
    return std::string("; the ") + what + " opened at " + std::to_string(opened.line) + ":" +
           std::to_string(opened.column) + " is not closed";
  }

  // After an element: true when another one follows.
  bool separator(char close, Place opened, const char* what) {
    if (peek() == close && !at_end()) {
      advance();
      return false;
    }
    if (peek() != ',') {
      fail(here(), "found " + found() + ", expected ',' or '" + close + "'" +
                       (at_end() ? unclosed(what, opened) : ""));
      return false;
    }
    const Place comma = here();
    advance();
    skip_space();
    if (!failed_ && peek() == close) {
      fail(comma, std::string("a comma before '") + close + "' is not allowed: remove it");
    }
    return !failed_;
  }

  void find_duplicates(const JsonValue& object) {
    if (object.members.size() < 2) return;
    std::vector<size_t> order(object.members.size());
    std::iota(order.begin(), order.end(), size_t{0});
    std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
      return object.members[a].key < object.members[b].key;
    });
    size_t first = order[0];
    for (size_t i = 1; i < order.size(); ++i) {
      const JsonMember& again = object.members[order[i]];
      if (object.members[first].key != again.key) {
        first = order[i];
        continue;
      }
      if (problems_.size() >= kMaxDuplicates) return;
      const Place& before = object.members[first].key_place;
      problems_.push_back({again.key_place, path_ + "/" + pointer_escape(again.key),
                           "duplicate key " + in_quotes(again.key) + ", first at " +
                               std::to_string(before.line) + ":" + std::to_string(before.column) +
                               ": remove one"});
    }
  }

  void string(std::string& out);
  void escape(std::string& out);
  bool hex4(uint32_t& out);
  bool utf8_tail(size_t count, unsigned char low, unsigned char high);
  void character(std::string& out);

  std::string_view text_;
  uint32_t source_;
  size_t at_ = 0;
  uint32_t line_ = 1;
  uint32_t column_ = 1;
  bool failed_ = false;
  std::string path_;  // JSON pointer of the value being read
  std::vector<JsonProblem> problems_;
};

void append_utf8(std::string& out, uint32_t code) {
  const auto put = [&out](uint32_t byte) { out.push_back(static_cast<char>(byte)); };
  if (code < 0x80) {
    put(code);
  } else if (code < 0x800) {
    put(0xC0 | (code >> 6));
    put(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    put(0xE0 | (code >> 12));
    put(0x80 | ((code >> 6) & 0x3F));
    put(0x80 | (code & 0x3F));
  } else {
    put(0xF0 | (code >> 18));
    put(0x80 | ((code >> 12) & 0x3F));
    put(0x80 | ((code >> 6) & 0x3F));
    put(0x80 | (code & 0x3F));
  }
}

void Parser::string(std::string& out) {
  const Place opened = here();
  advance();
  while (true) {
    if (at_end()) {
      fail(opened, "the text that starts here is not closed: a double quote is missing");
      return;
    }
    const char c = peek();
    if (c == '"') return advance();
    if (c == '\\') {
      escape(out);
    } else if (c == '\n' || c == '\r') {
      fail(opened, "the text that starts here does not end on its line: a double quote is missing");
    } else if (static_cast<unsigned char>(c) < 0x20) {
      fail(here(), "found " + found() + " inside text: write it as an escape such as \\t");
    } else {
      character(out);
    }
    if (failed_) return;
  }
}

bool Parser::hex4(uint32_t& out) {
  out = 0;
  for (int i = 0; i < 4; ++i) {
    const char c = peek();
    uint32_t digit = 0;
    if (c >= '0' && c <= '9') {
      digit = static_cast<uint32_t>(c - '0');
    } else if (c >= 'a' && c <= 'f') {
      digit = static_cast<uint32_t>(c - 'a') + 10;
    } else if (c >= 'A' && c <= 'F') {
      digit = static_cast<uint32_t>(c - 'A') + 10;
    } else {
      fail(here(), "found " + found() + ", expected four hexadecimal digits after \\u");
      return false;
    }
    out = out * 16 + digit;
    advance();
  }
  return true;
}

void Parser::escape(std::string& out) {
  const Place start = here();
  advance();
  const char c = peek();
  static constexpr std::string_view kFrom = "\"\\/bfnrt";
  static constexpr std::string_view kTo = "\"\\/\b\f\n\r\t";
  if (const size_t i = kFrom.find(c); !at_end() && i != std::string_view::npos) {
    out.push_back(kTo[i]);
    return advance();
  }
  if (c != 'u') {
    fail(start, "unknown escape; allowed are \\\" \\\\ \\/ \\b \\f \\n \\r \\t and \\uXXXX");
    return;
  }
  advance();
  uint32_t code = 0;
  if (!hex4(code)) return;
  if (code >= 0xDC00 && code < 0xE000) return fail(start, "half of a surrogate pair");
  if (code >= 0xD800 && code < 0xDC00) {
    uint32_t low = 0;
    if (peek() != '\\') return fail(start, "half of a surrogate pair");
    advance();
    if (peek() != 'u') return fail(start, "half of a surrogate pair");
    advance();
    if (!hex4(low)) return;
    if (low < 0xDC00 || low >= 0xE000) return fail(start, "half of a surrogate pair");
    code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
  }
  append_utf8(out, code);
}

bool Parser::utf8_tail(size_t count, unsigned char low, unsigned char high) {
  if (at_ + count >= text_.size()) return false;
  for (size_t i = 1; i <= count; ++i) {
    const auto byte = static_cast<unsigned char>(text_[at_ + i]);
    if (byte < (i == 1 ? low : 0x80) || byte > (i == 1 ? high : 0xBF)) return false;
  }
  return true;
}

// One character of well-formed UTF-8 (Unicode 15, table 3-7).
void Parser::character(std::string& out) {
  const auto lead = static_cast<unsigned char>(peek());
  size_t tail = 0;
  bool good = true;
  if (lead >= 0x80) {
    if (lead >= 0xC2 && lead <= 0xDF) {
      good = utf8_tail(tail = 1, 0x80, 0xBF);
    } else if (lead >= 0xE0 && lead <= 0xEF) {
      good = utf8_tail(tail = 2, lead == 0xE0 ? 0xA0 : 0x80, lead == 0xED ? 0x9F : 0xBF);
    } else if (lead >= 0xF0 && lead <= 0xF4) {
      good = utf8_tail(tail = 3, lead == 0xF0 ? 0x90 : 0x80, lead == 0xF4 ? 0x8F : 0xBF);
    } else {
      good = false;
    }
  }
  if (!good) return fail(here(), "invalid UTF-8: save the file as UTF-8");
  for (size_t i = 0; i <= tail; ++i) {
    out.push_back(peek());
    advance();
  }
}

}  // namespace

ParsedJson parse_json(std::string_view text, uint32_t source) { return Parser(text, source).run(); }

}  // namespace imroute
