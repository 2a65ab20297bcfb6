// Requests taken apart, routes chosen, bytes as text, who may ask from a page; without sockets.
// What travels over sockets is tested by http_api.py.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <filesystem>

#include "cluster/http/message.h"
#include "cluster/http/parameters.h"
#include "cluster/http/routes.h"
#include "cluster/process/user_book.h"
#include "cluster/wire/text.h"

namespace imroute::cluster {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

TEST(HttpTarget, PathsAndQueriesAreTakenApart) {
  const auto target = parse_target("/v1/users/a%20b?online&prefix=x%26y+z&&limit=");
  ASSERT_TRUE(target);
  EXPECT_EQ(target->path, "/v1/users/a%20b");
  EXPECT_THAT(target->parts, ElementsAre("v1", "users", "a b"));
  EXPECT_THAT(target->query,
              ElementsAre(Pair("limit", ""), Pair("online", ""), Pair("prefix", "x&y z")));
  EXPECT_THAT(parse_target("/")->parts, ElementsAre(""));
  EXPECT_THAT(parse_target("/a+b")->parts, ElementsAre("a+b"));
}

TEST(HttpTarget, WhatIsBrokenOrTooMuchIsNone) {
  for (const char* bad : {"", "v1", "*", "http://a/b", "/a#b", "/%", "/%4", "/%zz", "/a?b=%4",
                          "/%00", "/%ff", "/a?a=1&a=2", "/1/2/3/4/5/6/7/8/9", "/\x01"}) {
    EXPECT_FALSE(parse_target(bad)) << bad;
  }
  std::string keys = "/a?";
  for (size_t i = 0; i < kMostQueryKeys; ++i) keys += "k" + std::to_string(i) + "&";
  EXPECT_TRUE(parse_target(keys));
  EXPECT_FALSE(parse_target(keys + "one-more"));
}

TEST(HttpOrigin, OwnPagesAndThoseOfThisMachineOnly) {
  const auto allowed = [](const char* origin, const char* host) {
    return origin_allowed(origin, host, {"https://app.example"});
  };
  EXPECT_TRUE(allowed("https://app.example", "im.example"));
  EXPECT_TRUE(allowed("http://localhost:3000", "127.0.0.1:7003"));
  EXPECT_TRUE(allowed("http://[::1]", "127.0.0.1:7003"));
  EXPECT_TRUE(allowed("http://127.8.8.8:1", "x"));
  EXPECT_TRUE(allowed("http://10.0.0.7:7003", "10.0.0.7:7003"));
  EXPECT_FALSE(allowed("http://10.0.0.7:7003", "10.0.0.7:7004"));
  EXPECT_FALSE(allowed("http://evil.example", "evil.example"));
  EXPECT_FALSE(allowed("http://app.example", "im.example"));
  EXPECT_FALSE(allowed("https://app.example.evil", "im.example"));
  EXPECT_FALSE(allowed("https://localhost.evil", "im.example"));
  EXPECT_FALSE(allowed("null", "null"));
  EXPECT_FALSE(allowed("", ""));
}

HttpReply answer(const HttpRoutes& routes, std::string_view method, const char* target,
                 std::string_view body = {}, std::string_view type = {}) {
  HttpReply out;
  routes.answer({method, *parse_target(target), type, body}, [&out](HttpReply r) { out = r; });
  return out;
}

TEST(HttpRoutes, ChooseByPathThenByMethod) {
  HttpRoutes routes;
  const auto says = [](std::string text) {
    return [text](const HttpRequest&, const std::string& argument, const Respond& respond) {
      respond(text_reply(200, text + argument));
    };
  };
  routes.add("GET", "/things", says("list"));
  routes.add("POST", "/things", says("make"));
  routes.add("DELETE", "/things/{thing}", says("gone "));
  EXPECT_EQ(answer(routes, "GET", "/things").body, "list");
  EXPECT_EQ(answer(routes, "HEAD", "/things").body, "list");
  EXPECT_EQ(answer(routes, "POST", "/things", "{}", "application/json; charset=utf-8").body,
            "make");
  EXPECT_EQ(answer(routes, "POST", "/things", "{}", "application/jsonp").status, 415);
  EXPECT_EQ(answer(routes, "POST", "/things", "{}").status, 415);
  EXPECT_EQ(answer(routes, "HEAD", "/things?x").status, 400) << "it knows no query";
  EXPECT_EQ(answer(routes, "DELETE", "/things/a%2Fb").body, "gone a/b");
  const HttpReply wrong = answer(routes, "PUT", "/things");
  EXPECT_EQ(wrong.status, 405);
  EXPECT_EQ(wrong.allow, "GET, HEAD, POST");
  EXPECT_EQ(answer(routes, "DELETE", "/things/").status, 404);
  EXPECT_EQ(answer(routes, "GET", "/things/a/b").status, 404);
  EXPECT_EQ(answer(routes, "GET", "/").type, "application/problem+json");
}

TEST(HttpProblem, ShowsWhatWasSentAsJsonWhateverItWas) {
  const HttpReply reply = problem_reply({400, "bad \xff\"", "x\xc3", {}, {}, {{"/a\xfe", "m"}}});
  const ParsedJson parsed = parse_json(reply.body);
  ASSERT_TRUE(parsed.value) << reply.body;
  EXPECT_EQ(parsed.value->find("detail")->text, "bad ?\"");
  EXPECT_EQ(parsed.value->find("found")->text, "x?");
}

TEST(Text, Base64IsExact) {
  const std::pair<const char*, const char*> kVectors[] = {// RFC 4648, section 10
                                                          {"", ""},
                                                          {"f", "Zg=="},
                                                          {"fo", "Zm8="},
                                                          {"foo", "Zm9v"},
                                                          {"foob", "Zm9vYg=="},
                                                          {"fooba", "Zm9vYmE="},
                                                          {"foobar", "Zm9vYmFy"}};
  for (const auto& [bytes, text] : kVectors) {
    EXPECT_EQ(to_base64(bytes), text);
    EXPECT_EQ(from_base64(text), bytes);
  }
  for (const char* bad :
       {"Z", "Zg", "Zg=", "Zh==", "Zm9=", "====", "Zg==Zg==", "Zm 9", "Zm9v\n", "Zm-v"}) {
    EXPECT_FALSE(from_base64(bad)) << bad;
  }
  std::string all;
  for (int i = 0; i < 256; ++i) all += static_cast<char>(i);
  EXPECT_EQ(from_base64(to_base64(all)), all);
}

TEST(Text, Utf8IsWhatTheStandardSays) {
  for (const char* good : {"", "a", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf",
                           "\xee\x80\x80", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf"}) {
    EXPECT_TRUE(is_utf8(good)) << good;
  }
  for (const char* bad :
       {"\x80", "\xc0\x80", "\xc1\xbf", "\xc2", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xe2\x82",
        "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff", "a\xc2z"}) {
    EXPECT_FALSE(is_utf8(bad)) << bad;
  }
}

// A file that may not grow stands for a disk that is full.
TEST(UserBook, WhatAFullDiskDidNotTakeIsNotKnownAndLaterNamesAreKept) {
  const auto file = std::filesystem::temp_directory_path() / "imroute-user-book-full-test.txt";
  std::filesystem::remove(file);
  {
    UserBook book(file);
    EXPECT_EQ(book.learn("before"), UserBook::Learnt::new_name);
    rlimit limit{};
    ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &limit), 0);
    const auto old_handler = std::signal(SIGXFSZ, SIG_IGN);
    const rlimit full{std::filesystem::file_size(file) + 3, limit.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &full), 0);
    EXPECT_EQ(book.learn("during"), UserBook::Learnt::not_kept);
    EXPECT_EQ(book.learn("during"), UserBook::Learnt::not_kept);
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &limit), 0);
    std::signal(SIGXFSZ, old_handler);
    EXPECT_EQ(book.learn("after"), UserBook::Learnt::new_name);
  }
  EXPECT_THAT(UserBook(file).list({}).names, ElementsAre("after", "before"));
  std::filesystem::remove(file);
}

TEST(UserBook, PagesGoOnAfterEachOther) {
  const auto file = std::filesystem::temp_directory_path() / "imroute-user-book-test.txt";
  std::filesystem::remove(file);
  {
    UserBook book(file);
    for (int i = 0; i < 50'000; ++i) book.learn("n" + std::to_string(100'000 + i));
    EXPECT_EQ(book.learn("n100000"), UserBook::Learnt::known);
    EXPECT_EQ(book.learn("\xff"), UserBook::Learnt::not_kept);
    const auto page = book.list({"n1", {}, {}, 3});
    EXPECT_THAT(page.names, ElementsAre("n100000", "n100001", "n100002"));
    EXPECT_EQ(page.next, "n100002");
    EXPECT_THAT(book.list({"n1", {}, "n149998", 3}).names, ElementsAre("n149999"));
    EXPECT_EQ(book.list({"n1", {}, "n149998", 3}).next, "");
    EXPECT_THAT(book.list({{}, {}, {}, 0}).names, IsEmpty());
    // Looks at so many names and no more; the last of all is reached all the same.
    UserBook::Filter filter{{}, "149999", {}, 10};
    size_t pages = 1;
    auto found = book.list(filter);
    EXPECT_THAT(found.names, IsEmpty());
    for (; !found.next.empty(); ++pages) {
      filter.after = found.next;
      found = book.list(filter);
    }
    EXPECT_THAT(found.names, ElementsAre("n149999"));
    EXPECT_EQ(pages, 3u);
  }
  std::filesystem::remove(file);
}

}  // namespace
}  // namespace imroute::cluster
